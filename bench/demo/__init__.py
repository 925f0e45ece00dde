"""The demo: months of orders through a service of its own, a kill in the middle, and a proof from the journal.

`python -m bench.demo` runs it. `calls` and `journeys` say what is asked; `replay` and `recovery` ask it; `answers`
keeps what was told; `projection` and `verdict` hold that against the feed of events, and are pure; `report` tells it.
"""

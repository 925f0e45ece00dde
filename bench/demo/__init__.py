"""The demo: months of orders through a service of its own, kills in the middle, and a proof from the journal.

`python -m bench.demo` runs it. `calls` and `journeys` say what is asked; `replay` and `recovery` ask it; `answers`
keeps what was told; `projection` and `verdict` hold that against the feed of events, and are pure; `report` tells it.
The second act places orders over several shops: `across_plan` says what is asked, `across` and `across_kills` ask it,
`order_answers` keeps what was told, and `order_verdict` and `chain_limits` hold that against the feeds of all shops.
"""

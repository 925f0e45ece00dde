"""The demo: months of orders through a service of its own, kills in the middle, and a verdict from the service's audits
and its feeds.

`python -m bench.demo` runs it. `calls` and `journeys` say what is asked; `replay` and `recovery` ask it; `answers`
keeps what was told; `evidence` reads the feeds and asks for the audits; `feed` holds the answers against the events
of all shops, and `verdict` adds the audits (VerifyLedger), both pure; `report` tells it. No ledger is kept here.
The second act places orders over several shops: `across_plan` says what is asked, `across` asks it, `order_stories`
tells what callers were told, and `verdict` holds that against the feeds, GetOrder and VerifyOrders.
"""

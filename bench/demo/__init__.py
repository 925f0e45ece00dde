"""The demo: months of orders through a service of its own, kills in the middle, and a verdict from the service's audits
and its feeds. `python -m bench.demo` runs it.

`plan` says what is asked, in one shop and over several; `run`, `across`, `tills`, `transfers` and `line` ask it, and
`calls` logs what was answered; `proof` reads the feeds, asks for the audits and sums up; `feed`, `turns` and `orders`
judge, and are pure; `report` tells it.
No ledger is kept here: stock, limits and slots are audited by the service (VerifyLedger, VerifyOrders).
"""

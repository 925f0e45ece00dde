"""A SKU in great demand: its own ledger, and what goes between it and the shops."""

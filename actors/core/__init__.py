"""What both kinds of ledger share: rules, refusals, statuses, and the chain's shops. Pure."""

"""What both kinds of ledger share: policy, refusals, statuses, answers by key, and the chain's shops. Pure."""

"""The host of ledgers, the actors around it, and the way to them: in one process, without Ray."""

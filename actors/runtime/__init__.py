"""Serves pure ledgers from a journal: clock, group commit, ledger host, and what all actors of ledgers share."""

"""Deterministic simulation: a seed gives the calls, the clock, the crashes and the disk's faults of one shop's ledger.

HOLDFAST_SEED=1234 python -m pytest tests/simulation      one seed again, with its script
HOLDFAST_SEEDS=5000 python -m pytest tests/simulation     more of them
"""

"""Deterministic simulation: a seed gives the calls, the clock, the crashes and the disk's faults of one shop's
ledger, or of a chain of shops with its gateways.

HOLDFAST_SEED=1234 python -m pytest tests/simulation/test_seeds.py               one seed again, with its script
HOLDFAST_CHAIN_SEED=1234 python -m pytest tests/simulation/test_chain_seeds.py   of a chain
HOLDFAST_CUT_OFF_SEED=1234 python -m pytest tests/simulation/test_chain_seeds.py of one that a gateway cannot reach
make sim                                                                         more of them

`findings` lists the faults that reviewers found in the product, and what sees each of them today.
"""

"""How customers are reached: kept apart from all ledgers, sealed at rest, and erased when asked.

Gateways, and who sends messages, have the same store, and no actor stands before it: nothing is decided here that a
ledger would have to agree with, and each change is one write that replaces what its writer has read, or is made again.
"""

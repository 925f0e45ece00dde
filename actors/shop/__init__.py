"""The pure core of a shop's stock ledger: what it decides, not where or when it runs.

    command ──decide──> events | Rejection                            may refuse, changes nothing
    event   ──evolve──> the ledger's state                            changes the state, may not refuse

Time is an argument, numbers are the ledger's own versions; there is no clock, randomness, I/O or await in this package.
It imports the standard library and msgspec only; `tests/house` checks that.
"""

"""The pure core: what a shop's stock ledger decides, and nothing about where or when it runs.

    command ──decide──> Accepted(events) | Rejected(rejection)        may refuse, changes nothing
    event   ──evolve──> the ledger's state                            changes the state, may not refuse

Time comes in as an argument, numbers come from the ledger's own version, and there is no clock, id, randomness, I/O or
await in this package. It imports the standard library only; `tests/house` proves that.
"""

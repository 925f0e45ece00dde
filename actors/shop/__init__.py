"""The pure core of a shop's stock ledger: what it decides, not where or when it runs.

    command ──decide──> events | Rejection                            may refuse, changes nothing
    event   ──evolve──> the ledger's state                            changes the state, may not refuse

What every reservation goes through stands here; each further capability is a folder, with its state, its decisions, its
events and how they change the ledger. `audit` is the second opinion, which uses the events alone.

Time is an argument, numbers are the ledger's own versions; there is no clock, randomness, I/O or await in this package.
It imports the standard library and msgspec only; `tests/house` checks that.
"""

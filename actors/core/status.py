"""The life of a reservation: its states, the steps between them, and the table that says which step leads where.

    HELD ──confirm──> CONFIRMED ──mark ready──> READY
      │                   │                       │
      └───────────────────┴───────────────────────┴──> collect (all)  COLLECTED
                                                  ├──> release (all)  RELEASED, or COLLECTED where a part was sold
                                                  └──> expire         EXPIRED, or COLLECTED where a part was sold

A part of an order over several ledgers is CLAIMED first. Only its customer's ledger leads it on from there, confirms,
extends and expires it; the shop applies.

Everything that is not in the table is refused. A final state never changes.
"""

from enum import IntEnum
from typing import Final


class Status(IntEnum):
    """Names and numbers are those of the wire."""

    HELD = 1
    CONFIRMED = 2
    READY = 3
    COLLECTED = 4
    RELEASED = 5
    EXPIRED = 6
    CLAIMED = 7


class ReleaseReason(IntEnum):
    """Names and numbers are those of the wire. The last two are the ledger's own."""

    CUSTOMER_CANCELLED = 1
    PAYMENT_FAILED = 2
    NOT_FOUND_ON_SHELF = 3
    NO_SHOW = 4
    FRAUD = 5
    OTHER = 6
    REPLACED = 7
    SHORTFALL = 8


class Step(IntEnum):
    """What may be asked of a reservation."""

    CONFIRM = 1
    MARK_READY = 2
    COLLECT = 3
    RELEASE = 4
    EXTEND = 5
    EXPIRE = 6
    AMEND = 7


LIVE: Final = frozenset({Status.CLAIMED, Status.HELD, Status.CONFIRMED, Status.READY})
FINAL: Final = frozenset(Status) - LIVE
_CERTAIN: Final = LIVE - {Status.CLAIMED}

# From which states a step may be taken.
TRANSITIONS: Final[dict[Step, frozenset[Status]]] = {
    Step.CONFIRM: frozenset({Status.HELD}),
    Step.MARK_READY: frozenset({Status.CONFIRMED}),
    Step.COLLECT: _CERTAIN,
    Step.RELEASE: _CERTAIN,
    Step.EXTEND: _CERTAIN,
    Step.EXPIRE: LIVE,
    Step.AMEND: frozenset({Status.HELD, Status.CONFIRMED}),
}


def final_status(step: Step, units_collected: int) -> Status:
    """Where a reservation ends once it holds nothing more: a sale outweighs whatever happened to the rest."""
    if units_collected:
        return Status.COLLECTED
    return Status.EXPIRED if step is Step.EXPIRE else Status.RELEASED

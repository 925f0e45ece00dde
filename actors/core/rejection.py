"""Why the business refuses: one closed enum in order of precedence, and the refusal that carries it."""

from enum import IntEnum
from typing import Final

from actors.core.message import Message
from actors.core.status import Status


class Reason(IntEnum):
    """Names and numbers are those of the wire; docs/errors.md has cause and mend of each."""

    IDEMPOTENCY_KEY_REUSED = 1
    RESERVATION_NOT_FOUND = 2
    STORE_NOT_ACCEPTING = 3
    RESERVATION_EXPIRED = 4
    TRANSITION_NOT_ALLOWED = 5
    LINE_NOT_FOUND = 6
    QUANTITY_EXCEEDS_HELD = 7
    TTL_TOO_LONG = 8
    BASKET_CONFIRMED = 9
    OPEN_RESERVATIONS_LIMIT = 10
    UNITS_LIMIT = 11
    SKU_NOT_STOCKED = 12
    INSUFFICIENT_STOCK = 13
    COUNT_TOO_OLD = 14
    LEDGER_FULL = 15
    PART_OF_ORDER = 16
    ORDER_UNDECIDED = 17
    CLAIM_ABANDONED = 18
    NO_STORE_IN_REACH = 19
    SLOT_NOT_OFFERED = 20
    SLOT_FULL = 21


# Refusals that are never written down: a reused key must not overwrite the first answer, a full ledger must not grow,
# and what is undecided now will soon be decided.
UNRECORDED: Final = frozenset({Reason.IDEMPOTENCY_KEY_REUSED, Reason.LEDGER_FULL, Reason.ORDER_UNDECIDED})


class Rejection(Message, frozen=True):
    """A refusal as a value. `asked` and `available` are in the reason's unit: units, reservations or milliseconds.

    `near_stores` are (store_id, metres, has everything), where shops were looked for in vain. `status` is that of the
    reservation which the refusal is about; CLAIMED where an undecided order has what was lacking. `store_id` is the
    shop that refused, of an order over several; a shop's own refusals leave it empty. `too_soon` says of
    shops that were looked for in vain that some would do, were there more time.
    """

    reason: Reason
    sku: str = ""
    asked: int = 0
    available: int = 0
    number: int = 0
    status: Status | None = None
    short_lines: tuple[tuple[str, int, int], ...] = ()
    near_stores: tuple[tuple[str, int, bool], ...] = ()
    store_id: str = ""
    too_soon: bool = False

"""What is reported as a value: business refusals, by a closed enum of reasons, and broken invariants."""

from enum import IntEnum
from typing import Final

from actors.core.message import Message, Value
from actors.core.status import PickStatus, Status, TransferStatus


class Reason(IntEnum):
    """Names and numbers above 0 are those of the wire; docs/errors.md gives cause and remedy of each."""

    # To a gateway alone, which goes on within the call: it fetches the grant; asks the other ledger, of the hot SKU or
    # of the shop; fetches units from there; goes on in the shop that has the reservation; or asks the ledgers of hot
    # SKUs for a key; or goes on in the shop that decides this key, by its channel's quota. The last one ends the call:
    # the service's format has no way to write what would be decided.
    GRANT_REQUIRED = 0
    HOT_SKU = -1
    HOT_CLOSED = -2
    HOT_ASK_SHOP = -3
    HOT_FETCH = -4
    UNITS_ELSEWHERE = -5
    RESERVATION_MOVED = -6
    HOT_KEY = -7
    HOT_CEDED = -8
    FORMAT_NOT_RAISED = -9

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
    SOURCE_GAP = 15
    PART_OF_ORDER = 16
    ORDER_UNDECIDED = 17
    CLAIM_ABANDONED = 18
    NO_STORE_IN_REACH = 19
    SLOT_NOT_OFFERED = 20
    SLOT_FULL = 21
    ALLOTMENT_NOT_FOUND = 22
    ALLOTMENT_ENDED = 23
    ALLOTMENTS_LIMIT = 24
    GIVEN_TO_TILL = 25
    TRANSFER_NOT_FOUND = 26
    TRANSFER_STEP_NOT_ALLOWED = 27
    OPEN_TRANSFERS_LIMIT = 28
    LINE_NOT_OFFERED = 29
    LINE_FULL = 30
    IN_LINE_ALREADY = 31
    SHORTFALL_NOT_FOUND = 32
    SHORTFALL_RESOLVED = 33
    HELD_ELSEWHERE = 34
    PICK_TASK_NOT_FOUND = 35
    PICK_QUEUE_EMPTY = 36
    PICK_TASK_CLAIMED = 37
    PICK_CLAIM_LOST = 38
    PICK_STEP_NOT_ALLOWED = 39
    ARTICLE_NOT_ORDERED = 40
    PICKED_ALREADY = 41
    PICK_INCOMPLETE = 42
    SUBSTITUTE_NOT_ALLOWED = 43
    QUANTITY_EXCEEDS_COLLECTED = 44
    AWAITS_TRANSFER = 45


# Refusals that are not journaled: a reused key must not overwrite the first answer, an undecided order will soon be
# decided, what is told to a gateway alone is no answer, the rows before a gap may be under way, and so may word of a
# transfer; and who asks an empty queue for a task asks again and again.
UNRECORDED: Final = frozenset(
    {
        Reason.IDEMPOTENCY_KEY_REUSED,
        Reason.ORDER_UNDECIDED,
        Reason.SOURCE_GAP,
        Reason.TRANSFER_NOT_FOUND,
        Reason.PICK_QUEUE_EMPTY,
        *(reason for reason in Reason if reason <= 0),
    }
)


class Rejection(Message, frozen=True):
    """A refusal as a value. `asked` and `available` are in the reason's unit: units, reservations or milliseconds.

    `short_lines` are (sku, asked, available); `near_stores` (store_id, metres, has everything), where sourcing found no
    shop. `status` is that of the reservation concerned; CLAIMED where an undecided order holds what is missing.
    `store_id` is the refusing shop of an order over several, else empty. `too_soon`: sourcing found shops that could
    serve later. `over_all_shops`: by a limit of the whole chain. `transfer_status` is that of the transfer concerned.
    `picker_id` and `pick_status` are of the pick task concerned: who has claimed it, and how it stands.
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
    over_all_shops: bool = False
    transfer_status: TransferStatus | None = None
    picker_id: str = ""
    pick_status: PickStatus | None = None


class Violation(Value, frozen=True):
    """A broken invariant: its name (I1 to I22, docs/design.md), its subject, the expected and the found value."""

    invariant: str
    subject: str
    expected: str
    found: str

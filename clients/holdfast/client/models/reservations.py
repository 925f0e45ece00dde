"""Reservations and refusals: a change is answered with one or the other, and neither is ever raised."""

from dataclasses import dataclass
from enum import IntEnum

from holdfast.client.wire_types import reader


class Status(IntEnum):
    """Where a reservation stands. UNSPECIFIED also stands for a status that is newer than this client."""

    UNSPECIFIED = 0
    HELD = 1
    CONFIRMED = 2
    READY = 3
    COLLECTED = 4
    RELEASED = 5
    EXPIRED = 6
    CLAIMED = 7


class ReleaseReason(IntEnum):
    """Why units were given back. REPLACED and SHORTFALL are the service's own; a caller cannot give them."""

    UNSPECIFIED = 0
    CUSTOMER_CANCELLED = 1
    PAYMENT_FAILED = 2
    NOT_FOUND_ON_SHELF = 3
    NO_SHOW = 4
    FRAUD = 5
    OTHER = 6
    REPLACED = 7
    SHORTFALL = 8


class Reason(IntEnum):
    """Why the business refused, in order of precedence. UNSPECIFIED stands for a reason newer than this client."""

    UNSPECIFIED = 0
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
    SOURCE_GAP = 22


@dataclass(frozen=True, slots=True)
class Line:
    """One SKU of a reservation; all fields but `sku` are units. It still holds `quantity - collected - released`."""

    sku: str
    quantity: int
    collected: int
    released: int

    @property
    def held(self) -> int:
        """Units that the line still holds."""
        return self.quantity - self.collected - self.released


@dataclass(frozen=True, slots=True)
class Reservation:
    """One order's claim on a shop's stock, as it was at the ledger's `version` of its last change.

    `order_id` is empty where the shop alone decides about it; what belongs to an order is confirmed, extended and
    amended as an order. `slot_start_ms` is None where no pickup slot was taken. `earliest_ready_ms` says when it can be
    ready, None where the shop promises nothing or the goods are there already. `external_reference` is the caller's own
    number, as given when reserving.
    """

    reservation_id: str
    store_id: str
    status: Status
    lines: tuple[Line, ...]
    customer_id: str
    channel: str
    basket_id: str
    created_at_ms: int
    expires_at_ms: int
    version: int
    payment_reference: str
    release_reason: ReleaseReason
    order_id: str = ""
    slot_start_ms: int | None = None
    earliest_ready_ms: int | None = None
    external_reference: str = ""


@dataclass(frozen=True, slots=True)
class ShortLine:
    """One SKU of which fewer units were available than were asked for."""

    sku: str
    asked: int
    available: int


@dataclass(frozen=True, slots=True)
class NearStore:
    """A shop that could have served, or nearly; `kilometres` as the crow flies."""

    store_id: str
    kilometres: float
    has_everything: bool


@dataclass(frozen=True, slots=True)
class Rejection:
    """A business refusal: an ordinary answer, repeated word for word when its key is sent again.

    `asked` and `available` are in the unit of the reason, mostly units of stock, milliseconds for TTL_TOO_LONG.
    `near_stores` are set for NO_STORE_IN_REACH, nearest first.
    """

    reason: Reason
    message: str
    store_id: str
    sku: str
    asked: int
    available: int
    reservation_id: str
    status: Status
    short_lines: tuple[ShortLine, ...]
    version: int
    order_id: str = ""
    near_stores: tuple[NearStore, ...] = ()


reservation_from = reader(Reservation)
rejection_from = reader(Rejection)

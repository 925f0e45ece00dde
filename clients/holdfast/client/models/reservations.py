"""Reservations and refusals: a change is answered with one or the other, and neither is ever raised."""

from dataclasses import dataclass

from holdfast.client.wire_types import LinePairs, reader
from holdfast.v1 import enums

Status = enums.ReservationStatus
Reason = enums.Reason
ReleaseReason = enums.ReleaseReason
TransferStatus = enums.TransferStatus
PickStatus = enums.PickStatus
"""From REPLACED on they are the service's own; a caller cannot give them."""


@dataclass(frozen=True, slots=True)
class Line:
    """One SKU of a reservation; all fields but `sku` are units. It still holds `quantity - collected - released`; of
    those collected, `returned` came back.
    """

    sku: str
    quantity: int
    collected: int
    released: int
    returned: int = 0

    @property
    def held(self) -> int:
        """Units that the line still holds."""
        return self.quantity - self.collected - self.released


@dataclass(frozen=True, slots=True)
class HandOver:
    """Who handed goods over, and to whom. `recipient_id` is a key of the caller's own for whoever came in the
    customer's place, empty for the customer. `at_ms` is the ledger's time, None in a call.
    """

    device: str
    recipient_id: str = ""
    id_checked: bool = False
    at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """One order's claim on a shop's stock, as it was at the ledger's `version` of its last change.

    `order_id` is empty where the shop alone decides about it; what belongs to an order is confirmed, extended and
    amended as an order. `slot_start_ms` is None where no pickup slot was taken. `earliest_ready_ms` says when it can be
    ready, None where the shop promises nothing or the goods are there already. `external_reference` is the caller's own
    number, as given when reserving. `till` is the one that alone hands it out until `till_until_ms`, if any. While it
    is QUEUED, `queue_position` is its place in line, 1 for who is next, and `expected_at_ms` when that may be, None
    where nobody can know. Where its units are still in transit, `awaits_transfer_id` says by which transfer they come,
    and `arrives_at_ms` when that is expected.
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
    till: str = ""
    till_until_ms: int | None = None
    queue_position: int = 0
    expected_at_ms: int | None = None
    hand_over: HandOver | None = None
    refund_reference: str = ""
    awaits_transfer_id: str = ""
    arrives_at_ms: int | None = None


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
    `near_stores` are set for NO_STORE_IN_REACH, nearest first. One `by_hint` is of what a gateway had just heard of the
    shop: nothing is remembered under the key, and sent again it is decided.
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
    allotment_id: str = ""
    by_hint: bool = False
    transfer_status: TransferStatus = TransferStatus.UNSPECIFIED
    picker_id: str = ""
    pick_status: PickStatus = PickStatus.UNSPECIFIED
    hand_over: HandOver | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    """In a feed: goods came back that were collected, and are on hand again but for those that are `unsellable`."""

    reservation_id: str
    lines: LinePairs
    unsellable: LinePairs
    refund_reference: str
    till: str


@dataclass(frozen=True, slots=True)
class GrantAwaited:
    """In a feed: units are kept for one in line until `until_ms`, for a grant under a limit of the whole chain to come.
    None: they are kept no more. `is_late`: it may still come, and others are served meanwhile; else it came, and they
    were not there any more.
    """

    reservation_id: str
    sku: str
    until_ms: int | None
    is_late: bool


reservation_from = reader(Reservation)
rejection_from = reader(Rejection)

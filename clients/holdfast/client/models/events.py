"""What happened in a shop's or a customers' ledger: an `Event` is a place in its sequence and one change.

A kind is named as its field of the message, in CamelCase; `CHANGES` has a converter of each.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, get_args

from holdfast.client.models.allotment_events import AllotmentChange
from holdfast.client.models.pick_events import PickChange
from holdfast.client.models.reservations import (
    GrantAwaited,
    HandOver,
    Reason,
    Rejection,
    ReleaseReason,
    Reservation,
    Returned,
    Status,
)
from holdfast.client.models.shortfalls import ShortfallCause, ShortfallResolution
from holdfast.client.models.stock import Adjustment, AllottedCounted, Shortfall
from holdfast.client.models.transfers import LossBearer
from holdfast.client.wire_types import LinePairs, reader
from holdfast.v1 import event_pb2


@dataclass(frozen=True, slots=True)
class Reserved:
    """Units were held."""

    reservation: Reservation


@dataclass(frozen=True, slots=True)
class Promised:
    """Units in transit to the shop were promised; the reservation says by which transfer they come."""

    reservation: Reservation


@dataclass(frozen=True, slots=True)
class Refused:
    """A call was refused by the business."""

    idempotency_key: str
    command: str
    rejection: Rejection


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A hold became an order; `expires_at_ms` ends the time to collect."""

    reservation_id: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class ReadyMarked:
    """Goods wait at the counter."""

    reservation_id: str


@dataclass(frozen=True, slots=True)
class Collected:
    """Units were sold by this step."""

    reservation_id: str
    lines: LinePairs
    payment_reference: str
    hand_over: HandOver | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """Units were given back by this step. One of a shortfall has its `cause`, and is a task, of the event's version."""

    reservation_id: str
    lines: LinePairs
    reason: ReleaseReason
    cause: ShortfallCause = ShortfallCause.UNSPECIFIED
    not_in_line: Reason = Reason.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class Expired:
    """A deadline passed; all that the reservation still held went back."""

    reservation_id: str


@dataclass(frozen=True, slots=True)
class Extended:
    """A deadline moved."""

    reservation_id: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class Amended:
    """A reservation was changed in one step; what stands here is all of it from now on."""

    reservation_id: str
    lines: LinePairs
    expires_at_ms: int
    slot_start_ms: int | None


@dataclass(frozen=True, slots=True)
class Queued:
    """A reservation waits in line."""

    reservation: Reservation


@dataclass(frozen=True, slots=True)
class Served:
    """Units are held for one that waited; the time of its hold begins now. CONFIRMED where it was when it lost some.
    Where they are still in transit, `awaits_transfer_id` and `arrives_at_ms` are as of a reservation.
    """

    reservation_id: str
    lines: LinePairs
    expires_at_ms: int
    status: Status = Status.HELD
    awaits_transfer_id: str = ""
    arrives_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PassedOver:
    """What was held for one that had waited was not taken up in time: the units went back, and it waits once more."""

    reservation_id: str
    lines: LinePairs
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class Left:
    """A reservation has left the line, without units: RELEASED, or EXPIRED where its time in line was over."""

    reservation_id: str
    status: Status
    reason: ReleaseReason


@dataclass(frozen=True, slots=True)
class Requeued:
    """A reservation lost all of its units, and waits first in line. It is a task, of the event's version."""

    reservation_id: str
    lines: LinePairs
    expires_at_ms: int
    cause: ShortfallCause


@dataclass(frozen=True, slots=True)
class MoveBegun:
    """A task is to be closed by a move to another shop, which may refuse. The task is open."""

    task_id: str
    to_store_id: str


@dataclass(frozen=True, slots=True)
class MoveRefused:
    """A shop that was asked for units that a picker did not find has refused; after the last one the task is over."""

    task_id: str
    to_store_id: str


@dataclass(frozen=True, slots=True)
class ShortfallResolved:
    """A task was closed; `waiting_reservation_id` is one that waits from now on, and has an event of its own."""

    task_id: str
    resolution: ShortfallResolution
    moved_to_reservation_id: str
    waiting_reservation_id: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """Units are held for an order that is not certain yet."""

    reservation: Reservation


@dataclass(frozen=True, slots=True)
class OutcomeApplied:
    """A part of an order went on as the order decided; `lines` are units given back.

    `reservation_id` is empty where the order was over before its claim came.
    """

    order_id: str
    reservation_id: str
    status: Status
    expires_at_ms: int
    lines: LinePairs


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An order knows what happened to its parts in the shop."""

    reservation_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StockAdjusted:
    """Stock moved: the rows applied, and how many were dropped."""

    source: str
    adjustments: tuple[Adjustment, ...]
    dropped_repeated: int
    settled_late: int = 0


@dataclass(frozen=True, slots=True)
class StockCounted:
    """Stock was counted; the corrections are zero where the book agreed. `allotted`: whether units with tills were."""

    as_of_ms: int
    corrections: tuple[Adjustment, ...]
    allotted: AllottedCounted = AllottedCounted.INCLUDED


@dataclass(frozen=True, slots=True)
class SafetyStockSet:
    """Units kept back changed."""

    safety_stocks: LinePairs


@dataclass(frozen=True, slots=True)
class ShortfallDeclared:
    """Fewer units are there than were promised."""

    shortfall: Shortfall


@dataclass(frozen=True, slots=True)
class PolicyAdopted:
    """The ledger took over a version of the chain's policy."""

    policy_version: int


@dataclass(frozen=True, slots=True)
class Given:
    """A reservation was given to one till, which alone hands it out until then."""

    reservation_id: str
    till: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """In a customers' ledger: an order or a grant went on; `order_id` is empty where it is about no single order."""

    kind: str
    order_id: str


@dataclass(frozen=True, slots=True)
class ClaimBarred:
    """In a customers' ledger: an operator barred a claim, or by `attempt` 0 a grant; see `BarredClaim`."""

    order_id: str
    attempt: int
    operator: str
    why: str


@dataclass(frozen=True, slots=True)
class TransferChanged:
    """A transfer from the shop, or to it, went on; `lines` are units that moved. GetTransfer says how it stands. A
    receipt has the reservations that awaited it.
    """

    kind: str
    transfer_id: str
    lines: LinePairs
    loss_bearer: LossBearer
    reservation_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HotUnitsChanged:
    """Units of the shop went to the ledger of a hot SKU, or came back; for `moved_in` with the reservation."""

    kind: str
    sku: str
    quantity: int
    reservation_id: str


@dataclass(frozen=True, slots=True)
class UnknownChange:
    """A change of a kind newer than this client; its place in the sequence still counts."""


Change: TypeAlias = (
    Reserved
    | Promised
    | Refused
    | Confirmed
    | ReadyMarked
    | Collected
    | Returned
    | Released
    | Expired
    | Extended
    | Amended
    | Queued
    | Served
    | PassedOver
    | GrantAwaited
    | Left
    | Requeued
    | MoveBegun
    | MoveRefused
    | ShortfallResolved
    | Claimed
    | OutcomeApplied
    | Acknowledged
    | StockAdjusted
    | StockCounted
    | SafetyStockSet
    | ShortfallDeclared
    | PolicyAdopted
    | Given
    | OrderChanged
    | ClaimBarred
    | TransferChanged
    | HotUnitsChanged
    | AllotmentChange
    | PickChange
    | UnknownChange
)


@dataclass(frozen=True, slots=True)
class Event:
    """One change at one version of one shop. Versions of a shop have no gap."""

    store_id: str
    version: int
    at_ms: int
    change: Change


CHANGES: dict[str, Callable[[Any], Change]] = {
    re.sub("(?<!^)(?=[A-Z])", "_", kind.__name__).lower(): reader(kind)
    for kind in get_args(Change)
    if kind is not UnknownChange
}


def _change_from(message: event_pb2.Event) -> Change:
    name = message.WhichOneof("change")
    return UnknownChange() if name is None else CHANGES[name](getattr(message, name))


event_from = reader(Event, change=_change_from)

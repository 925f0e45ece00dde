"""What happened in a shop's ledger: an `Event` is a place in its sequence and one change.

`CHANGES` has one converter per kind of change; a test holds it against the proto.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from holdfast.client.models.reservations import (
    Rejection,
    ReleaseReason,
    Reservation,
    Status,
    rejection_from,
    release_reason_from,
    reservation_from,
    status_from,
)
from holdfast.client.models.stock import Adjustment, Shortfall, adjustment_from, shortfall_from
from holdfast.client.wire_types import LinePairs, instant_ms, line_pairs, optional_instant_ms
from holdfast.v1 import event_pb2, stock_pb2


@dataclass(frozen=True, slots=True)
class Reserved:
    """Units were held."""

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


@dataclass(frozen=True, slots=True)
class Released:
    """Units were given back by this step."""

    reservation_id: str
    lines: LinePairs
    reason: ReleaseReason


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
    dropped_late: int


@dataclass(frozen=True, slots=True)
class StockCounted:
    """Stock was counted; the corrections are zero where the book agreed."""

    as_of_ms: int
    corrections: tuple[Adjustment, ...]


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
class UnknownChange:
    """A change of a kind newer than this client; its place in the sequence still counts."""


Change: TypeAlias = (
    Reserved
    | Refused
    | Confirmed
    | ReadyMarked
    | Collected
    | Released
    | Expired
    | Extended
    | Amended
    | Claimed
    | OutcomeApplied
    | Acknowledged
    | StockAdjusted
    | StockCounted
    | SafetyStockSet
    | ShortfallDeclared
    | PolicyAdopted
    | UnknownChange
)


@dataclass(frozen=True, slots=True)
class Event:
    """One change at one version of one shop. Versions of a shop have no gap."""

    store_id: str
    version: int
    at_ms: int
    change: Change


def _adjustments(messages: Iterable[stock_pb2.Adjustment]) -> tuple[Adjustment, ...]:
    return tuple(adjustment_from(message) for message in messages)


# Any: each function takes the message that the field of its name holds, which the type checker cannot follow.
CHANGES: dict[str, Callable[[Any], Change]] = {
    "reserved": lambda m: Reserved(reservation_from(m.reservation)),
    "refused": lambda m: Refused(m.idempotency_key, m.command, rejection_from(m.rejection)),
    "confirmed": lambda m: Confirmed(m.reservation_id, instant_ms(m.expires_at)),
    "ready_marked": lambda m: ReadyMarked(m.reservation_id),
    "collected": lambda m: Collected(m.reservation_id, line_pairs(m.lines), m.payment_reference),
    "released": lambda m: Released(m.reservation_id, line_pairs(m.lines), release_reason_from(m.reason)),
    "expired": lambda m: Expired(m.reservation_id),
    "extended": lambda m: Extended(m.reservation_id, instant_ms(m.expires_at)),
    "stock_adjusted": lambda m: StockAdjusted(
        m.source, _adjustments(m.adjustments), m.dropped_repeated, m.dropped_late
    ),
    "stock_counted": lambda m: StockCounted(instant_ms(m.as_of), _adjustments(m.corrections)),
    "safety_stock_set": lambda m: SafetyStockSet(line_pairs(m.safety_stocks)),
    "shortfall_declared": lambda m: ShortfallDeclared(shortfall_from(m.shortfall)),
    "policy_adopted": lambda m: PolicyAdopted(m.policy_version),
    "amended": lambda m: Amended(
        m.reservation_id, line_pairs(m.lines), instant_ms(m.expires_at), optional_instant_ms(m, "slot_start")
    ),
    "claimed": lambda m: Claimed(reservation_from(m.reservation)),
    "outcome_applied": lambda m: OutcomeApplied(
        m.order_id, m.reservation_id, status_from(m.status), instant_ms(m.expires_at), line_pairs(m.lines)
    ),
    "acknowledged": lambda m: Acknowledged(tuple(m.reservation_ids)),
}


def event_from(message: event_pb2.Event) -> Event:
    """An event as a value; `UnknownChange` where the service speaks of a kind newer than this client."""
    name = message.WhichOneof("change")
    change = UnknownChange() if name is None else CHANGES[name](getattr(message, name))
    return Event(message.store_id, message.version, instant_ms(message.at), change)

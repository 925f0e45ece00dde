"""Events of the feed. `CHANGES` has one line per kind of change; a test holds it against the proto."""

from collections.abc import Callable, Iterable
from typing import Any

from holdfast.client.values.events import (
    Acknowledged,
    Amended,
    Change,
    Claimed,
    Collected,
    Confirmed,
    Event,
    Expired,
    Extended,
    OutcomeApplied,
    PolicyAdopted,
    ReadyMarked,
    Refused,
    Released,
    Reserved,
    SafetyStockSet,
    ShortfallDeclared,
    StockAdjusted,
    StockCounted,
    UnknownChange,
)
from holdfast.client.values.stock import Adjustment
from holdfast.client.wire.reservations import (
    line_pairs,
    rejection_from,
    release_reason_from,
    reservation_from,
    status_from,
)
from holdfast.client.wire.stock import adjustment_from, shortfall_from
from holdfast.client.wire.times import instant_ms, optional_instant_ms
from holdfast.v1 import event_pb2, stock_pb2


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

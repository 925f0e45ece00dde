"""Translates journalled events to published messages, which are the contract; the journal's encoding is private."""

from typing import Any, Final

from msgspec.structs import replace

from actors.core.ids import format_order_id, format_reservation_id, parse_holder
from actors.core.transact import PolicyAdopted, Refused
from actors.orders import events as order_events
from actors.protocol.messages import Refusal
from actors.shop import events as ev
from actors.shop.hot.events import HotEvent, MovedIn, UnitsHanded, UnitsTakenBack
from actors.shop.picking.events import PickShorted
from actors.shop.returns.events import Returned
from actors.shop.shortfalls.events import MoveBegun, MoveRefused, Requeued, ShortfallDeclared, ShortfallResolved
from actors.shop.transfers.events import Promised, TransferEvent
from holdfast.v1 import event_pb2, stock_pb2
from serve.wire.allotments import fill_event_of_allotment
from serve.wire.fields import fill_hand_over, fill_instant, fill_lines, fill_value
from serve.wire.reservations import fill_awaited, fill_new
from serve.wire.shortfalls import fill_event_of_shortfall
from serve.wire.statuses import fill_rejection
from serve.wire.stock import fill_shortfall
from serve.wire.transfers import fill_transfer_event

_STEP_FIELDS: Final = {
    field.message_type.name: field.name  # type: ignore[union-attr]  # each is a message
    for field in event_pb2.Event.DESCRIPTOR.oneofs_by_name["change"].fields
}
_NOT_TOLD: Final = frozenset(
    {
        "key",
        "fingerprint",
        "number",
        "before",
        "grant",
        "answer",
        "hand_over",
        "ready_ms",
        "lease_until_ms",
        "near",
        "awaits",
    }
)


def fill_event(event: ev.Event, store_id: str, version: int, at_ms: int, reply: event_pb2.Event) -> None:
    """One event at its place in its shop's sequence."""
    reply.store_id = store_id
    reply.version = version
    fill_instant(at_ms, reply.at)
    match event:
        case ev.Reserved() | Promised() | ev.Queued() | ev.Claimed():
            new = getattr(reply, _STEP_FIELDS[f"{type(event).__name__}Event"])
            fill_new(event, store_id, version, at_ms, new.reservation)
        case Refused() | PolicyAdopted():
            _fill_of_either(event, store_id, version, reply)
        case ev.OutcomeApplied():
            told = reply.outcome_applied
            told.order_id = parse_holder(event.holder)[0]
            told.reservation_id = format_reservation_id(store_id, event.number) if event.number else ""
            told.status = int(event.status)  # type: ignore[assignment]
            fill_instant(event.expires_at_ms, told.expires_at)
            fill_lines(event.lines, told.lines)
        case ev.Acknowledged():
            reply.acknowledged.SetInParent()
            reply.acknowledged.reservation_ids.extend(format_reservation_id(store_id, each) for each, _ in event.parts)
        case ev.StockAdjusted():
            fill_value(
                event, reply.stock_adjusted, ("key", "fingerprint", "mark", "movements", "dropped_late", "shortfalls")
            )
            for row in event.movements:
                told_row = reply.stock_adjusted.adjustments.add()
                fill_value(row, told_row, ("allotment",))
                if row.allotment:
                    told_row.allotment_id = format_reservation_id(store_id, row.allotment)
        case ev.StockCounted():
            _fill_counted(event, reply.stock_counted)
        case ev.SafetyStockSet():
            reply.safety_stock_set.SetInParent()
            for sku, quantity in event.safety_stocks:
                reply.safety_stock_set.safety_stocks.add(sku=sku, quantity=quantity)
        case ShortfallDeclared():
            fill_shortfall(event.shortfall, store_id, reply.shortfall_declared.shortfall)
        case Returned():
            back = reply.returned
            back.reservation_id = format_reservation_id(store_id, event.number)
            fill_value(event, back, (*_NOT_TOLD, "unsellable"))
            fill_lines(event.unsellable, back.unsellable)
        case ev.Released() | Requeued() | MoveBegun() | MoveRefused() | ShortfallResolved():
            fill_event_of_shortfall(event, store_id, reply)
        case _ if isinstance(event, ev.OfAllotments | ev.Given):
            fill_event_of_allotment(event, store_id, version, at_ms, reply)
        case _ if isinstance(event, TransferEvent):
            fill_transfer_event(event, store_id, version, reply.transfer_changed)
        case _ if isinstance(event, HotEvent):
            fill_hot_event(event, store_id, version, reply.hot_units_changed)
        case _:
            assert not isinstance(event, HotEvent)
            step = getattr(reply, _STEP_FIELDS[f"{type(event).__name__}Event"])
            step.reservation_id = format_reservation_id(store_id, event.number)
            fill_value(event, step, _NOT_TOLD)
            _fill_beside(event, at_ms, step)


def _fill_beside(event: ev.Event, at_ms: int, step: Any) -> None:
    """What few steps have."""
    match event:
        case PickShorted():
            step.asked_store_ids.extend(event.near)
        case ev.Served() if event.awaits is not None:
            fill_awaited(event.awaits.transfer_id, event.awaits.expected_at_ms, step)
        case ev.Collected() if event.hand_over is not None:
            fill_hand_over(replace(event.hand_over, at_ms=at_ms), step)
        case _:
            pass


def _fill_counted(event: ev.StockCounted, reply: event_pb2.StockCountedEvent) -> None:
    counted = stock_pb2.ALLOTTED_COUNTED_INCLUDED, stock_pb2.ALLOTTED_COUNTED_EXCLUDED
    reply.allotted = counted[not event.allotted_counted]
    fill_instant(event.as_of_ms, reply.as_of)
    for sku, delta in event.corrections:
        reply.corrections.add(sku=sku, delta=delta, kind=stock_pb2.ADJUSTMENT_KIND_CORRECTION)


def fill_hot_event(event: HotEvent, store_id: str, version: int, reply: event_pb2.HotUnitsChangedEvent) -> None:
    """Units that went to the ledger of a hot SKU, or came back; in that ledger itself, what kind of event it is."""
    reply.kind = str(event.__struct_config__.tag)
    if isinstance(event, MovedIn):
        reply.sku, reply.quantity = event.command.sku, event.command.held
        reply.reservation_id = format_reservation_id(store_id, version)
    elif isinstance(event, UnitsHanded | UnitsTakenBack):
        reply.sku, reply.quantity = event.sku, event.units


def fill_order_event(
    event: order_events.Event, ledger_id: str, version: int, at_ms: int, reply: event_pb2.Event
) -> None:
    """One event of a customers' ledger, at its place in that one's sequence."""
    reply.store_id = ledger_id
    reply.version = version
    fill_instant(at_ms, reply.at)
    match event:
        case Refused() | PolicyAdopted():
            _fill_of_either(event, ledger_id, version, reply)
        case order_events.ClaimBarred(claim):
            told = reply.claim_barred
            told.order_id = format_order_id(ledger_id, claim.number)
            told.attempt, told.operator, told.why = claim.attempt, claim.operator, claim.why
        case _:
            reply.order_changed.kind = str(event.__struct_config__.tag)
            number = _order_of(event, version)
            reply.order_changed.order_id = format_order_id(ledger_id, number) if number else ""


def _fill_of_either(event: Refused | PolicyAdopted, ledger_id: str, version: int, reply: event_pb2.Event) -> None:
    """An event that both kinds of ledger have."""
    if isinstance(event, PolicyAdopted):
        reply.policy_adopted.policy_version = event.policy.version
        return
    reply.refused.idempotency_key = event.key
    reply.refused.command = event.command
    fill_rejection(Refusal(version=version, rejection=event.rejection), ledger_id, reply.refused.rejection)


def _order_of(event: order_events.Event, version: int) -> int:
    """The number of the order that an event is about, 0 for none."""
    match event:
        case order_events.Opened():
            return version
        case order_events.Placed(command):
            return command.number
        case order_events.Reported(report):
            return report.number
        case order_events.Granted() | order_events.HoldCounted() | order_events.GrantReported():
            return 0
    return getattr(event, "number", 0)

"""Journalled events to published ones. The journal's encoding is private; these messages are the contract."""

from typing import assert_never

from actors.core.ids import format_reservation_id, parse_holder
from actors.core.transact import PolicyAdopted, Refused
from actors.protocol.messages import Refusal
from actors.shop import events as ev
from holdfast.v1 import event_pb2, stock_pb2
from serve.wire.fields import fill_instant, fill_lines
from serve.wire.reservations import fill_new
from serve.wire.statuses import fill_rejection
from serve.wire.stock import fill_movement, fill_shortfall

_OfReservation = ev.Confirmed | ev.ReadyMarked | ev.Collected | ev.Released | ev.Expired | ev.Extended | ev.Amended
_OfStock = ev.StockAdjusted | ev.StockCounted | ev.SafetyStockSet | ev.ShortfallDeclared


def fill_event(event: ev.Event, store_id: str, version: int, at_ms: int, reply: event_pb2.Event) -> None:
    """One event at its place in its shop's sequence."""
    reply.store_id = store_id
    reply.version = version
    fill_instant(at_ms, reply.at)
    match event:
        case ev.Reserved():
            fill_new(event, store_id, version, at_ms, reply.reserved.reservation)
        case ev.Claimed():
            fill_new(event, store_id, version, at_ms, reply.claimed.reservation)
        case Refused():
            reply.refused.idempotency_key = event.key
            reply.refused.command = event.command
            fill_rejection(Refusal(version=version, rejection=event.rejection), store_id, reply.refused.rejection)
        case ev.OutcomeApplied():
            told = reply.outcome_applied
            told.order_id = parse_holder(event.holder)[0]
            told.reservation_id = format_reservation_id(store_id, event.number) if event.number else ""
            told.status = int(event.status)  # type: ignore[assignment]
            fill_instant(event.expires_at_ms, told.expires_at)
            fill_lines(event.lines, told.lines)
        case ev.Acknowledged():
            reply.acknowledged.SetInParent()
            for number, _ in event.parts:
                reply.acknowledged.reservation_ids.append(format_reservation_id(store_id, number))
        case PolicyAdopted():
            reply.policy_adopted.policy_version = event.policy.version
        case ev.StockAdjusted() | ev.StockCounted() | ev.SafetyStockSet() | ev.ShortfallDeclared():
            _fill_of_stock(event, store_id, at_ms, reply)
        case _:
            _fill_of_reservation(event, format_reservation_id(store_id, event.number), reply)


def _fill_of_reservation(event: _OfReservation, reservation_id: str, reply: event_pb2.Event) -> None:
    """A step of a reservation."""
    match event:
        case ev.Confirmed():
            reply.confirmed.reservation_id = reservation_id
            fill_instant(event.expires_at_ms, reply.confirmed.expires_at)
        case ev.ReadyMarked():
            reply.ready_marked.reservation_id = reservation_id
        case ev.Collected():
            reply.collected.reservation_id = reservation_id
            reply.collected.payment_reference = event.payment_reference
            fill_lines(event.lines, reply.collected.lines)
        case ev.Released():
            reply.released.reservation_id = reservation_id
            reply.released.reason = int(event.reason)  # type: ignore[assignment]
            fill_lines(event.lines, reply.released.lines)
        case ev.Expired():
            reply.expired.reservation_id = reservation_id
            fill_lines(event.lines, reply.expired.lines)
        case ev.Extended():
            reply.extended.reservation_id = reservation_id
            fill_instant(event.expires_at_ms, reply.extended.expires_at)
        case ev.Amended():
            reply.amended.reservation_id = reservation_id
            fill_lines(event.lines, reply.amended.lines)
            fill_instant(event.expires_at_ms, reply.amended.expires_at)
            if event.slot_start_ms:
                fill_instant(event.slot_start_ms, reply.amended.slot_start)
        case _:
            assert_never(event)


def _fill_of_stock(event: _OfStock, store_id: str, at_ms: int, reply: event_pb2.Event) -> None:
    """A change of stock."""
    match event:
        case ev.StockAdjusted():
            reply.stock_adjusted.source = event.source
            reply.stock_adjusted.dropped_repeated = event.dropped_repeated
            reply.stock_adjusted.dropped_late = event.dropped_late
            for row in event.movements:
                fill_movement(row, at_ms, reply.stock_adjusted.adjustments.add())
        case ev.StockCounted():
            fill_instant(event.as_of_ms, reply.stock_counted.as_of)
            for sku, delta in event.corrections:
                kind = stock_pb2.ADJUSTMENT_KIND_CORRECTION
                reply.stock_counted.corrections.add(sku=sku, delta=delta, kind=kind)
        case ev.SafetyStockSet():
            reply.safety_stock_set.SetInParent()
            for sku, quantity in event.safety_stocks:
                reply.safety_stock_set.safety_stocks.add(sku=sku, quantity=quantity)
        case ev.ShortfallDeclared():
            fill_shortfall(event.shortfall, store_id, reply.shortfall_declared.shortfall)
        case _:
            assert_never(event)

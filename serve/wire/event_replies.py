"""Journalled events to published ones. The journal's encoding is private; these messages are the contract."""

from typing import Any, assert_never

from actors.core.ids import format_reservation_id, parse_holder
from actors.core.status import Status
from actors.core.transact import PolicyAdopted, Refused
from actors.protocol.messages import Refusal
from actors.shop import events as ev
from actors.shop.commands import Movement
from holdfast.v1 import event_pb2, stock_pb2
from serve.wire.replies import fill_instant, fill_rejection, fill_shortfall


def fill_event(event: ev.Event, store_id: str, version: int, at_ms: int, reply: event_pb2.Event) -> None:
    """One event at its place in its shop's sequence."""
    reply.store_id = store_id
    reply.version = version
    fill_instant(at_ms, reply.at)
    match event:
        case ev.Reserved():
            _fill_reserved(event, store_id, version, at_ms, reply.reserved.reservation)
        case Refused():
            reply.refused.idempotency_key = event.key
            reply.refused.command = event.command
            fill_rejection(Refusal(version, event.rejection), store_id, reply.refused.rejection)
        case ev.Confirmed(_, _, number, expires_at_ms):
            reply.confirmed.reservation_id = format_reservation_id(store_id, number)
            fill_instant(expires_at_ms, reply.confirmed.expires_at)
        case ev.ReadyMarked(_, _, number):
            reply.ready_marked.reservation_id = format_reservation_id(store_id, number)
        case ev.Collected(_, _, number, lines, payment_reference):
            reply.collected.reservation_id = format_reservation_id(store_id, number)
            reply.collected.payment_reference = payment_reference
            _fill_lines(lines, reply.collected.lines)
        case ev.Released(_, _, number, lines, reason):
            reply.released.reservation_id = format_reservation_id(store_id, number)
            reply.released.reason = int(reason)  # type: ignore[assignment]
            _fill_lines(lines, reply.released.lines)
        case ev.Expired(number, lines):
            reply.expired.reservation_id = format_reservation_id(store_id, number)
            _fill_lines(lines, reply.expired.lines)
        case ev.Extended(_, _, number, expires_at_ms):
            reply.extended.reservation_id = format_reservation_id(store_id, number)
            fill_instant(expires_at_ms, reply.extended.expires_at)
        case ev.Amended() | ev.Claimed() | ev.OutcomeApplied() | ev.Acknowledged():
            _fill_change_of_part(event, store_id, version, at_ms, reply)
        case ev.StockAdjusted():
            reply.stock_adjusted.source = event.source
            reply.stock_adjusted.dropped_repeated = event.dropped_repeated
            reply.stock_adjusted.dropped_late = event.dropped_late
            for row in event.movements:
                _fill_movement(row, at_ms, reply.stock_adjusted.adjustments.add())
        case ev.StockCounted():
            fill_instant(event.as_of_ms, reply.stock_counted.as_of)
            for sku, delta in event.corrections:
                kind = stock_pb2.ADJUSTMENT_KIND_CORRECTION
                reply.stock_counted.corrections.add(sku=sku, delta=delta, kind=kind)
        case ev.SafetyStockSet():
            reply.safety_stock_set.SetInParent()
            for sku, quantity in event.safety_stocks:
                reply.safety_stock_set.safety_stocks.add(sku=sku, quantity=quantity)
        case ev.ShortfallDeclared(shortfall):
            fill_shortfall(shortfall, store_id, reply.shortfall_declared.shortfall)
        case PolicyAdopted():
            reply.policy_adopted.policy_version = event.policy.version
        case _:
            assert_never(event)


def _fill_change_of_part(
    event: ev.Amended | ev.Claimed | ev.OutcomeApplied | ev.Acknowledged,
    store_id: str,
    version: int,
    at_ms: int,
    reply: event_pb2.Event,
) -> None:
    match event:
        case ev.Amended(_, _, number, lines, expires_at_ms, slot_start_ms):
            reply.amended.reservation_id = format_reservation_id(store_id, number)
            _fill_lines(lines, reply.amended.lines)
            fill_instant(expires_at_ms, reply.amended.expires_at)
            if slot_start_ms:
                fill_instant(slot_start_ms, reply.amended.slot_start)
        case ev.Claimed():
            _fill_claimed(event, store_id, version, at_ms, reply.claimed.reservation)
        case ev.OutcomeApplied(holder, _, number, status, expires_at_ms, _, lines):
            reply.outcome_applied.order_id = parse_holder(holder)[0]
            reply.outcome_applied.reservation_id = format_reservation_id(store_id, number) if number else ""
            reply.outcome_applied.status = int(status)  # type: ignore[assignment]
            fill_instant(expires_at_ms, reply.outcome_applied.expires_at)
            _fill_lines(lines, reply.outcome_applied.lines)
        case ev.Acknowledged(parts):
            reply.acknowledged.SetInParent()
            for number, _ in parts:
                reply.acknowledged.reservation_ids.append(format_reservation_id(store_id, number))


def _fill_reserved(event: ev.Reserved, store_id: str, version: int, at_ms: int, reply: Any) -> None:
    command = event.command
    reply.reservation_id = format_reservation_id(store_id, version)
    reply.store_id = store_id
    reply.status = int(Status.HELD)
    for sku, quantity in command.lines:
        reply.lines.add(sku=sku, quantity=quantity)
    reply.customer_id = command.customer_id
    reply.channel = command.channel
    reply.basket_id = command.basket_id
    fill_instant(at_ms, reply.created_at)
    fill_instant(event.expires_at_ms, reply.expires_at)
    if command.slot_start_ms:
        fill_instant(command.slot_start_ms, reply.slot_start)
    reply.version = version


def _fill_claimed(event: ev.Claimed, store_id: str, version: int, at_ms: int, reply: Any) -> None:
    command = event.command
    reply.reservation_id = format_reservation_id(store_id, version)
    reply.store_id = store_id
    reply.status = int(Status.CLAIMED)
    for sku, quantity in command.lines:
        reply.lines.add(sku=sku, quantity=quantity)
    reply.customer_id = command.customer_id
    reply.channel = command.channel
    reply.order_id = parse_holder(command.holder)[0]
    fill_instant(at_ms, reply.created_at)
    if command.slot_start_ms:
        fill_instant(command.slot_start_ms, reply.slot_start)
    reply.version = version


def _fill_lines(lines: Any, reply: Any) -> None:
    for sku, units in lines:
        if units:
            reply.add(sku=sku, quantity=units)


def _fill_movement(row: Movement, at_ms: int, reply: stock_pb2.Adjustment) -> None:
    reply.sku = row.sku
    reply.delta = row.delta
    reply.sequence = row.sequence
    reply.kind = int(row.kind)  # type: ignore[assignment]
    fill_instant(row.occurred_at_ms or at_ms, reply.occurred_at)

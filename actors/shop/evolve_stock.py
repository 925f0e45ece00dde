"""How movements, counts and safety stock change a shop's positions."""

from sys import intern
from typing import assert_never

from actors.core.answers import Recorded
from actors.shop import events as ev
from actors.shop.allotments import evolve as allotments
from actors.shop.commands import AdjustmentKind, Movement
from actors.shop.decide_stock import Booking, booking_of
from actors.shop.position import Position
from actors.shop.projections import outcome_of
from actors.shop.state import Ledger, Remembered

StockEvent = ev.StockAdjusted | ev.StockCounted | ev.SafetyStockSet


def evolve_stock(ledger: Ledger, event: StockEvent, at_ms: int) -> Remembered:
    """Apply one event, as `evolve` does; the ledger has its version and time already."""
    match event:
        case ev.StockAdjusted():
            return _evolve_adjusted(ledger, event, at_ms)
        case ev.StockCounted():
            return _evolve_counted(ledger, event, at_ms)
        case ev.SafetyStockSet():
            return _evolve_safety_stock_set(ledger, event, at_ms)
        case _:
            assert_never(event)


def _position(ledger: Ledger, sku: str, at_ms: int) -> Position:
    """The SKU's position, created where there is none: under one string for all shops, which a look-up compares."""
    if sku not in ledger.positions:
        ledger.positions[intern(sku)] = Position(since_ms=at_ms)
    return ledger.positions[sku]


def _evolve_adjusted(ledger: Ledger, event: ev.StockAdjusted, at_ms: int) -> Remembered:
    ledger.source_marks[event.source] = event.mark
    for row in event.movements:
        position, booked = _position(ledger, row.sku, at_ms), booking_of(ledger, row, at_ms, {})
        _book(position, row, booked, at_ms)
        if row.allotment:
            allotments.book_sale(ledger, row, booked.taken, at_ms)
    return ledger.made(event.key, Recorded(event.fingerprint, ledger.version, outcome_of(event)))


def _book(position: Position, row: Movement, booked: Booking, at_ms: int) -> None:
    """Apply a movement under its kind. What a later count contains, or was written off since, is offset by an
    adjustment.
    """
    delta = booked.on_hand
    if row.kind is AdjustmentKind.RECEIPT:
        position.received += row.delta
    elif row.kind is AdjustmentKind.CORRECTION:
        position.adjusted += row.delta
    else:
        position.sold -= row.delta
    position.adjusted += delta - row.delta
    if delta != booked.explained:
        position.move_on_hand(at_ms - row.age_ms, delta - booked.explained)
    if booked.explained:
        position.explain(at_ms - row.age_ms, booked.explained)


def _evolve_counted(ledger: Ledger, event: ev.StockCounted, at_ms: int) -> Remembered:
    explained = dict(event.explained)
    for sku, correction in event.corrections:
        position = _position(ledger, sku, at_ms)
        position.counted_at_ms = event.as_of_ms
        position.adjusted += correction
        known = explained.get(sku, 0)
        if correction != known:
            # The correction takes effect at the instant of the count.
            position.move_on_hand(event.as_of_ms, correction - known)
        if position.missed:
            position.explain(event.as_of_ms + 1, known)
            position.missed = tuple(row for row in position.missed if row[0] > event.as_of_ms)
        if sku in ledger.allotments.by_sku:
            allotments.note_count(ledger, sku, event.as_of_ms, at_ms, counted=event.allotted_counted)
    return ledger.made(event.key, Recorded(event.fingerprint, ledger.version, outcome_of(event)))


def _evolve_safety_stock_set(ledger: Ledger, event: ev.SafetyStockSet, at_ms: int) -> Remembered:
    for sku, quantity in event.safety_stocks:
        _position(ledger, sku, at_ms).safety_stock = quantity
    return ledger.made(event.key, Recorded(event.fingerprint, ledger.version, outcome_of(event)))

"""How movements, counts and safety stock change a shop's ledger. A part of `evolve`, and total as it is."""

from actors.core.answers import Recorded
from actors.shop.commands import AdjustmentKind, Movement
from actors.shop.decide_stock import on_hand_delta
from actors.shop.events import SafetyStockSet, StockAdjusted, StockCounted
from actors.shop.state import Ledger, Position, Remembered, StockOutcome


def _position(ledger: Ledger, sku: str, at_ms: int) -> Position:
    """The SKU's position, created where there is none."""
    position = ledger.positions.get(sku)
    if position is None:
        position = ledger.positions[sku] = Position(since_ms=at_ms)
    return position


def evolve_stock_adjusted(ledger: Ledger, event: StockAdjusted, at_ms: int) -> Remembered:
    """Apply the movements; returns the answer to the call."""
    ledger.source_marks[event.source] = event.mark
    for row in event.movements:
        _book(_position(ledger, row.sku, at_ms), row, at_ms)
    outcome = StockOutcome(len(event.movements), event.dropped_repeated, event.dropped_late, event.shortfalls)
    return ledger.remember(event.key, Recorded(event.fingerprint, ledger.version, outcome))


def _book(position: Position, row: Movement, at_ms: int) -> None:
    """Apply a movement under its kind. One that a later count contains is offset by an adjustment."""
    delta = on_hand_delta(position, row)
    if row.kind is AdjustmentKind.RECEIPT:
        position.received += row.delta
    elif row.kind is AdjustmentKind.CORRECTION:
        position.adjusted += row.delta
    else:
        position.sold -= row.delta
    position.adjusted += delta - row.delta
    if delta:
        position.move_on_hand(row.occurred_at_ms or at_ms, delta)


def evolve_stock_counted(ledger: Ledger, event: StockCounted, at_ms: int) -> Remembered:
    """Apply the corrections; returns the answer to the call."""
    for sku, correction in event.corrections:
        position = _position(ledger, sku, at_ms)
        position.counted_at_ms = event.as_of_ms
        position.adjusted += correction
        if correction:
            # The correction takes effect at the instant of the count.
            position.move_on_hand(event.as_of_ms, correction)
    outcome = StockOutcome(len(event.corrections), 0, event.dropped_late, event.shortfalls)
    return ledger.remember(event.key, Recorded(event.fingerprint, ledger.version, outcome))


def evolve_safety_stock_set(ledger: Ledger, event: SafetyStockSet, at_ms: int) -> Remembered:
    """Set the safety stocks; returns the answer to the call."""
    for sku, quantity in event.safety_stocks:
        _position(ledger, sku, at_ms).safety_stock = quantity
    outcome = StockOutcome(len(event.safety_stocks), 0, 0, ())
    return ledger.remember(event.key, Recorded(event.fingerprint, ledger.version, outcome))

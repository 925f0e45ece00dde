"""A shop's decisions about stock: movements, counts, and which reservations lose units in a shortfall."""

from msgspec.structs import replace

from actors.core.answers import fingerprint
from actors.core.rejection import Reason, Rejection
from actors.core.status import ReleaseReason
from actors.core.transact import Decision
from actors.shop import commands as cm, events as ev
from actors.shop.commands import Movement
from actors.shop.position import Position
from actors.shop.promised import losers
from actors.shop.state import Ledger, Shortfall


def decide_adjust_stock(ledger: Ledger, command: cm.AdjustStock, now_ms: int) -> Decision:
    """Apply the rows that the source has not sent before, which have the numbers after its mark, without a gap."""
    mark = ledger.source_marks.get(command.source, 0)
    applied: list[Movement] = []
    for row in command.movements:
        if row.sequence > mark + 1:
            return Rejection(Reason.SOURCE_GAP, asked=row.sequence, available=mark + 1)
        if not 0 < row.sequence <= mark:
            mark += 1
            applied.append(row if row.sequence else replace(row, sequence=mark))
    deltas: dict[str, int] = {}
    for row in applied:
        deltas[row.sku] = deltas.get(row.sku, 0) + on_hand_delta(ledger.positions.get(row.sku), row, now_ms)
    shortfalls = _shortfalls(ledger, deltas)
    repeated = len(command.movements) - len(applied)
    event = ev.StockAdjusted(
        command.key, fingerprint(command), command.source, mark, tuple(applied), repeated, 0, shortfalls
    )
    return (event, *_losses(ledger, shortfalls))


def decide_set_safety_stock(command: cm.SetSafetyStock) -> Decision:
    """Set the units to keep back."""
    return (ev.SafetyStockSet(command.key, fingerprint(command), command.safety_stocks),)


def on_hand_delta(position: Position | None, row: Movement, now_ms: int) -> int:
    """What a movement changes on hand, in units: 0 where a later count already contains it.

    A movement without an age happens now, after everything recorded before, even in the same millisecond.
    """
    if position is not None and row.age_ms and now_ms - row.age_ms <= position.counted_at_ms:
        return 0
    return row.delta


def decide_count_stock(ledger: Ledger, command: cm.CountStock, now_ms: int) -> Decision:
    """Correct the stock as of an instant: later movements are kept, a count older than the last one is dropped."""
    as_of_ms = min(command.as_of_ms, now_ms) or now_ms
    corrections: list[tuple[str, int]] = []
    late = 0
    for sku, counted in command.counts:
        position = ledger.positions.get(sku)
        if position is None:
            corrections.append((sku, counted))
            continue
        if as_of_ms < position.counted_at_ms:
            late += 1
            continue
        correction = _correction(position, counted, as_of_ms, now_ms, holds_included=command.holds_included)
        if isinstance(correction, Rejection):
            return replace(correction, sku=sku)
        corrections.append((sku, correction))
    shortfalls = _shortfalls(ledger, dict(corrections))
    event = ev.StockCounted(command.key, fingerprint(command), as_of_ms, tuple(corrections), late, shortfalls)
    return (event, *_losses(ledger, shortfalls))


def _correction(
    position: Position, counted: int, as_of_ms: int, now_ms: int, *, holds_included: bool
) -> int | Rejection:
    """The difference between count and book at that instant, in units."""
    on_hand, reserved = position.on_hand, position.reserved
    if as_of_ms < now_ms:
        moved, promised = position.on_hand_trail, position.reserved_trail
        horizon_ms = max(
            position.since_ms,
            moved.horizon_ms if moved else 0,
            promised.horizon_ms if promised and not holds_included else 0,
        )
        if as_of_ms < horizon_ms:
            return Rejection(Reason.COUNT_TOO_OLD, asked=as_of_ms, available=horizon_ms)
        on_hand -= moved.since(as_of_ms) if moved else 0
        reserved -= promised.since(as_of_ms) if promised else 0
    return counted - on_hand if holds_included else counted + reserved - on_hand


def _shortfalls(ledger: Ledger, deltas: dict[str, int]) -> tuple[Shortfall, ...]:
    """The promised units that would be missing after these deltas, and the reservations that lose them."""
    shortfalls: list[Shortfall] = []
    for sku, delta in deltas.items():
        position = ledger.positions.get(sku)
        if position is not None and delta < 0:
            units = position.reserved - max(0, position.on_hand + delta - position.allotted)
            if units > 0:
                shortfalls.append(Shortfall(sku, units, tuple(losers(ledger, sku, units))))
    return tuple(shortfalls)


def _losses(ledger: Ledger, shortfalls: tuple[Shortfall, ...]) -> list[ev.Event]:
    """A ShortfallDeclared for each shortfall, then one Released for each losing reservation, over all of its SKUs."""
    by_number: dict[int, dict[str, int]] = {}
    for shortfall in shortfalls:
        for number, units in shortfall.losses:
            by_number.setdefault(number, {})[shortfall.sku] = units
    events: list[ev.Event] = [ev.ShortfallDeclared(shortfall) for shortfall in shortfalls]
    for number, lost in by_number.items():
        before = ledger.reservations[number]
        lines = before.taken_by_line(lost)
        over = before if lines == before.held_lines() else None
        events.append(ev.Released("", "", number, lines, ReleaseReason.SHORTFALL, before=over))
    return events

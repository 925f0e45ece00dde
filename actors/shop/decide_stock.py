"""A shop's decisions about stock: movements, counts, what comes with a reservation of a hot SKU, and which units are
missing then.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from actors.core.answers import fingerprint
from actors.core.rejection import Reason, Rejection
from actors.core.transact import Decision
from actors.shop import commands as cm, events as ev
from actors.shop.allotments.allotment import HolderKind
from actors.shop.commands import AdjustmentKind, Movement
from actors.shop.hot.events import MovedIn
from actors.shop.hot.projections import moved_in_by
from actors.shop.hot.units import MoveIn
from actors.shop.picking.missed import Missed, explained, units_of as missed_units
from actors.shop.position import Position
from actors.shop.promised import losers
from actors.shop.shortfalls.decide import causes_of, losses
from actors.shop.shortfalls.shortfall import Shortfall, ShortfallCause
from actors.shop.state import Ledger, Reservation
from actors.shop.transfers.decide import cancelled_for, units_of


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
    freed: dict[str, int] = {}  # allotted units that tills have sold
    left: dict[tuple[int, str], int] = {}
    missed: dict[str, Missed] = {}
    late = 0
    for row in applied:
        sku, booked = row.sku, booking_of(ledger, row, now_ms, left, missed)
        deltas[sku] = deltas.get(sku, 0) + booked.on_hand
        if booked.taken:
            freed[sku] = freed.get(sku, 0) + booked.taken
        late += booked.is_late
    given_up = cancelled_for(ledger, _missing(ledger, deltas, freed))
    shrunk, shortfalls = _shortfalls(ledger, deltas, freed, units_of(given_up), causes_of(applied))
    repeated = len(command.movements) - len(applied)
    event = ev.StockAdjusted(
        command.key, fingerprint(command), command.source, mark, tuple(applied), repeated, 0, shortfalls, late
    )
    return (event, *given_up, *shrunk, *losses(ledger, shortfalls, now_ms))


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


class Booking(NamedTuple):
    """What a row changes on hand, how many units it takes from the allotment that it names, and whether it is of one
    that was counted since it ended. So many units of it are `explained`: they were written off already.
    """

    on_hand: int
    taken: int = 0
    is_late: bool = False
    explained: int = 0


def booking_of(
    ledger: Ledger,
    row: Movement,
    now_ms: int,
    left: dict[tuple[int, str], int],
    missed: dict[str, Missed] | None = None,
) -> Booking:
    """How a row is booked. `left` are units left in allotments, and `missed` those not found and not explained, after
    the rows before it, as far as these took any. What a till sold beyond its allotment is booked as any sale.
    """
    missed = {} if missed is None else missed
    position = ledger.positions.get(row.sku)
    allotment = ledger.allotments.rows.get(row.allotment) if row.allotment else None
    line = None if allotment is None or row.kind is not AdjustmentKind.SALE else allotment.line_of(row.sku)
    if allotment is None or line is None or allotment.kind is not HolderKind.TILL:
        delta = on_hand_delta(position, row, now_ms)
        known = _explained_by(position, row, delta, now_ms, missed)
        return Booking(delta + known, explained=known)
    if allotment.was_counted(line):
        return Booking(0, is_late=True)
    has = left.get((row.allotment, row.sku), line.left if allotment.is_live else 0)
    taken = min(-row.delta, has)
    left[row.allotment, row.sku] = has - taken
    was_seen = row.age_ms and now_ms - row.age_ms <= line.counted_at_ms
    beyond = replace(row, delta=row.delta + taken)
    delta = on_hand_delta(position, beyond, now_ms)
    known = _explained_by(position, row, delta, now_ms, missed)
    return Booking((0 if was_seen else -taken) + delta + known, taken, explained=known)


def _explained_by(position: Position | None, row: Movement, delta: int, now_ms: int, missed: dict[str, Missed]) -> int:
    """Of the units that a row says to be gone, those that were missed since then."""
    if position is None or delta >= 0 or not row.age_ms or not position.missed:
        return 0
    found, missed[row.sku] = explained(missed.get(row.sku, position.missed), now_ms - row.age_ms, -delta)
    return missed_units(found)


def decide_count_stock(ledger: Ledger, command: cm.CountStock, now_ms: int) -> Decision:
    """Correct the stock as of an instant: later movements are kept, a count older than the last one is dropped."""
    as_of_ms = min(command.as_of_ms, now_ms) or now_ms
    corrections: list[tuple[str, int]] = []
    found: list[tuple[str, int]] = []
    late = 0
    for sku, counted in command.counts:
        position = ledger.positions.get(sku)
        if position is None:
            corrections.append((sku, counted))
            continue
        if as_of_ms < position.counted_at_ms:
            late += 1
            continue
        if not command.holds_included and _may_be_held_elsewhere(ledger, sku, is_now=as_of_ms == now_ms):
            return Rejection(Reason.HELD_ELSEWHERE, sku)
        back = None if command.holds_included else ledger.picks.back[sku]
        correction = _correction(position, counted, as_of_ms, now_ms, back)
        if not command.allotted_counted and not isinstance(correction, Rejection):
            moved_ms = ledger.allotments.moved_at_ms.get(sku, 0)
            not_counted = correction + ledger.allotments.with_tills(sku)
            too_old = Rejection(Reason.COUNT_TOO_OLD, asked=as_of_ms, available=moved_ms)
            correction = too_old if as_of_ms < moved_ms else not_counted
        if isinstance(correction, Rejection):
            return replace(correction, sku=sku)
        known = missed_units(explained(position.missed, as_of_ms + 1, max(0, -correction))[0])
        corrections.append((sku, correction + known))
        if known:
            found.append((sku, known))
    freed = {sku: _settled_by(ledger, sku, as_of_ms) for sku, _ in corrections if command.allotted_counted}
    given_up = cancelled_for(ledger, _missing(ledger, dict(corrections), freed))
    causes = dict.fromkeys((sku for sku, _ in corrections), ShortfallCause.COUNT)
    shrunk, shortfalls = _shortfalls(ledger, dict(corrections), freed, units_of(given_up), causes)
    told = as_of_ms, tuple(corrections), late, shortfalls, command.allotted_counted, tuple(found)
    event = ev.StockCounted(command.key, fingerprint(command), *told)
    return (event, *given_up, *shrunk, *losses(ledger, shortfalls, now_ms))


def decide_move_in(ledger: Ledger, command: MoveIn, now_ms: int) -> Decision:
    """Accept it, whatever the rules are now. What is not there any more, as a count or a till has said, is lost by the
    rule of shortfalls, among all that the shop has then: after what transfers give up, and what is left of quotas.
    """
    if command.only_known:
        return Rejection(Reason.RESERVATION_MOVED)  # not recorded: one that is on its way may yet come
    if ledger.hot.left(command.sku) < command.held:  # one of the two was restored alone: nobody's units are taken
        return Rejection(Reason.ORDER_UNDECIDED, command.sku)
    sku, position = command.sku, ledger.positions[command.sku]
    moved, reserved = moved_in_by(command, ledger.version + 1, now_ms), position.reserved + command.held
    needs = {sku: (reserved, position.on_hand)}
    events, shortfalls = made_up_for(ledger, needs, (moved,), ShortfallCause.CORRECTION)
    return (MovedIn(command), *events, *losses(ledger, shortfalls, now_ms, {moved.number: moved}))


def made_up_for(
    ledger: Ledger, needs: Mapping[str, tuple[int, int]], moved: Collection[Reservation], cause: ShortfallCause
) -> tuple[list[ev.Event], tuple[Shortfall, ...]]:
    """What makes up for units that are missing where by SKU so many are reserved and on hand, with those that are
    `moved` here by the same decision: transfers give theirs up, then quotas lose what is left of them, then somebody
    loses.
    """
    there = {
        sku: on_hand - ledger.positions[sku].allotted + ledger.hot.left(sku) for sku, (_, on_hand) in needs.items()
    }
    missing = {sku: reserved - there[sku] for sku, (reserved, _) in needs.items() if reserved > max(0, there[sku])}
    given_up = cancelled_for(ledger, missing)
    back = units_of(given_up)
    events: list[ev.Event] = [*given_up]
    shortfalls: list[Shortfall] = []
    for sku in missing:
        reserved = needs[sku][0] - back.get(sku, 0)
        lost, shrunk = _lost_by_quotas(ledger, sku, max(0, reserved - there[sku]))
        events += shrunk
        units = reserved - max(0, there[sku] + lost)
        if units > 0:
            mine = [each for each in moved if any(line_sku == sku for line_sku, _ in each.lines)]
            shortfalls.append(Shortfall(sku, units, tuple(losers(ledger, sku, units, mine)), cause))
    return events, tuple(shortfalls)


def _may_be_held_elsewhere(ledger: Ledger, sku: str, *, is_now: bool) -> bool:
    """Whether the ledger of a hot SKU has units of it, or had at an instant past: how many of these are held, and so
    left out of a count, this shop does not know.
    """
    was_there = not is_now and sku in ledger.policy.hot_by_sku and ledger.hot.of(sku).over > 0
    return was_there or ledger.hot.left(sku) > 0


def _settled_by(ledger: Ledger, sku: str, as_of_ms: int) -> int:
    """Units of ended allotments of tills that are unknown no more, once they are counted as of an instant."""
    tills = ledger.allotments.live_of(sku, HolderKind.TILL)
    return sum(line.left for each, line in tills if each.ended_at_ms and each.expires_at_ms <= as_of_ms)


def _correction(position: Position, counted: int, as_of_ms: int, now_ms: int, back: int | None) -> int | Rejection:
    """The difference between count and book at that instant, in units. Where what is held was left out, `back` are the
    units that lie beside it to be put back: how many these were before they moved last, nobody knows.
    """
    holds_included = back is None
    on_hand, reserved = position.on_hand, position.reserved
    if as_of_ms < now_ms:
        moved, promised = position.on_hand_trail, position.reserved_trail
        horizon_ms = max(
            position.since_ms,
            moved.horizon_ms if moved else 0,
            promised.horizon_ms if promised and not holds_included else 0,
            0 if holds_included else position.back_moved_ms,
        )
        if as_of_ms < horizon_ms:
            return Rejection(Reason.COUNT_TOO_OLD, asked=as_of_ms, available=horizon_ms)
        on_hand -= moved.since(as_of_ms) if moved else 0
        reserved -= promised.since(as_of_ms) if promised else 0
    return counted - on_hand + (0 if back is None else reserved + back)


def _missing(ledger: Ledger, deltas: dict[str, int], freed: dict[str, int]) -> dict[str, int]:
    """By SKU how many units that are set aside, promised or handed out would be missing after these deltas; `freed` is
    what tills have no more. What the ledger of a hot SKU has is missed first, and it is asked for it; what it has
    promised beyond, is lost when it moves in.
    """
    missing: dict[str, int] = {}
    for sku, delta in deltas.items():
        position = ledger.positions.get(sku)
        if position is not None and delta < 0:
            taken = position.reserved + position.allotted - freed.get(sku, 0) - ledger.hot.left(sku)
            missing[sku] = taken - max(0, position.on_hand + delta)
    return missing


def _shortfalls(
    ledger: Ledger,
    deltas: dict[str, int],
    freed: dict[str, int],
    given_up: dict[str, int],
    causes: dict[str, ShortfallCause],
) -> tuple[list[ev.AllotmentShrunk], tuple[Shortfall, ...]]:
    """The promised units that would be missing after these deltas, and the reservations that lose them. Transfers have
    given up so many, and what is left of quotas is lost next. Tills keep theirs, as they may have sold them; `freed` is
    what they have no more.
    """
    shortfalls: list[Shortfall] = []
    shrunk: list[ev.AllotmentShrunk] = []
    for sku, delta in deltas.items():
        position = ledger.positions.get(sku)
        if position is not None and delta < 0:
            allotted = position.allotted - freed.get(sku, 0) - ledger.hot.left(sku)
            reserved = position.reserved - given_up.get(sku, 0)
            units = reserved - max(0, position.on_hand + delta - allotted)
            missing = reserved + allotted - max(0, position.on_hand + delta)
            if missing > 0 and ledger.allotments.quotas:
                lost, events = _lost_by_quotas(ledger, sku, missing)
                shrunk += events
                units = reserved - max(0, position.on_hand + delta - allotted + lost)
            if units > 0:
                shortfalls.append(Shortfall(sku, units, tuple(losers(ledger, sku, units)), causes[sku]))
    return shrunk, tuple(shortfalls)


def _lost_by_quotas(ledger: Ledger, sku: str, missing: int) -> tuple[int, list[ev.AllotmentShrunk]]:
    """Units that quotas lose, the youngest first, at most so many."""
    lost, events = 0, list[ev.AllotmentShrunk]()
    for quota, line in reversed(list(ledger.allotments.live_of(sku, HolderKind.CHANNEL))):
        units = min(line.left, missing - lost)
        if units:
            events.append(ev.AllotmentShrunk(quota.number, ((sku, units),)))
            lost += units
    return lost, events

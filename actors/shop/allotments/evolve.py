"""How events change allotments. A position changes in the same step, so no unit is in two places."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, assert_never

from msgspec.structs import replace

from actors.core.answers import Recorded
from actors.shop import events as ev
from actors.shop.allotments.allotment import Allotment, AllotmentStatus, Drawn, HolderKind
from actors.shop.allotments.quotas import returned
from actors.shop.commands import Lines, Movement
from actors.shop.projections import allotted_by
from actors.shop.state import Ledger, Remembered

_TILL = HolderKind.TILL
NOTHING: Final[Mapping[str, int]] = MappingProxyType({})


def evolve_allotment(ledger: Ledger, event: ev.OfAllotments, at_ms: int) -> Remembered | None:
    """Apply an event of allotments."""
    match event:
        case ev.Allotted():
            return _evolve_allotted(ledger, event, at_ms)
        case ev.AllotmentExtended():
            return _evolve_extended(ledger, event)
        case ev.AllotmentReturned() | ev.AllotmentExpired():
            return _evolve_ended(ledger, event, at_ms)
        case ev.AllotmentShrunk():
            _evolve_shrunk(ledger, event, at_ms)
        case ev.QuotaDrawn():
            _evolve_drawn(ledger, event, at_ms)
        case _:
            assert_never(event)
    return None


def _evolve_allotted(ledger: Ledger, event: ev.Allotted, at_ms: int) -> Remembered:
    """Take the units out of what is available."""
    allotment = allotted_by(event, ledger.version, at_ms)
    for line in allotment.lines:
        _move(ledger, allotment, line.sku, line.given, at_ms)
    ledger.allotments.put(allotment)
    return ledger.made(event.key, Recorded(event.fingerprint, ledger.version, allotment))


def _evolve_extended(ledger: Ledger, event: ev.AllotmentExtended) -> Remembered:
    """Move its end."""
    allotment = ledger.allotments.rows[event.number]
    changed = replace(allotment, expires_at_ms=event.expires_at_ms, version=ledger.version)
    ledger.allotments.put(changed)
    return ledger.made(event.key, Recorded(event.fingerprint, ledger.version, changed), ledger.version - event.number)


def _evolve_ended(ledger: Ledger, event: ev.AllotmentReturned | ev.AllotmentExpired, at_ms: int) -> Remembered | None:
    """Return the units; those of a till that does not say so itself stay, as unknown."""
    allotment = ledger.allotments.rows[event.number]
    by_time = isinstance(event, ev.AllotmentExpired)
    ended_at_ms = allotment.ended_at_ms or (allotment.expires_at_ms if by_time else at_ms)
    status = AllotmentStatus.EXPIRED if by_time else AllotmentStatus.RETURNED
    if sum(line.left for line in allotment.lines) > sum(units for _, units in event.lines):
        status = AllotmentStatus.UNKNOWN
    changed = _less(ledger, allotment, event.lines, at_ms)
    changed = replace(changed, status=status, ended_at_ms=ended_at_ms, version=ledger.version)
    ledger.allotments.put(changed)
    if isinstance(event, ev.AllotmentExpired):
        return None
    return ledger.made(event.key, Recorded(event.fingerprint, ledger.version, changed), ledger.version - event.number)


def _evolve_shrunk(ledger: Ledger, event: ev.AllotmentShrunk, at_ms: int) -> None:
    """Take from a quota what is not there."""
    changed = _less(ledger, ledger.allotments.rows[event.number], event.lines, at_ms)
    ledger.allotments.put(replace(changed, version=ledger.version))


def _less(ledger: Ledger, allotment: Allotment, lines: Lines, at_ms: int) -> Allotment:
    """The allotment without these units, which are the shop's again."""
    for sku, units in lines:
        line = allotment.line_of(sku)
        assert line is not None, "events take what is left"
        _move(ledger, allotment, sku, -units, at_ms)
        allotment = allotment.with_line(replace(line, left=line.left - units))
    return allotment


def _evolve_drawn(ledger: Ledger, event: ev.QuotaDrawn, at_ms: int) -> None:
    """Make a quota's units available to the reservation that comes next."""
    tables = ledger.allotments
    drawn = {(number, sku): units for number, sku, units in tables.drawn.get(event.number, ())}
    for number, sku, units in event.drawn:
        _shift(ledger, number, sku, units, at_ms)
        drawn[number, sku] = drawn.get((number, sku), 0) + units
    tables.drawn[event.number] = tuple((number, sku, units) for (number, sku), units in drawn.items())


def give_back_to_quotas(
    ledger: Ledger, number: int, lines: Lines, at_ms: int, later: Mapping[str, int] = NOTHING
) -> Drawn:
    """Return to open quotas what the reservation drew from them, of the units that it gives back; but those that have
    to be put back first go there only then, if there are too few others: these are returned.
    """
    tables = ledger.allotments
    given: dict[str, int] = {}
    for sku, units in lines:
        given[sku] = given.get(sku, 0) + units
    there = {sku: units - later.get(sku, 0) for sku, units in given.items()}
    left, owed = list[tuple[int, str, int]](), list[tuple[int, str, int]]()
    for quota, sku, back, stays in list(returned(tables, tables.drawn[number], given)):
        now = min(back, there.get(sku, 0))
        if now:
            there[sku] -= now
            return_to_quota(ledger, quota, sku, now, at_ms)
        if back > now:
            owed.append((quota, sku, back - now))
        if stays:
            left.append((quota, sku, stays))
    tables.drawn[number] = tuple(left)
    if not left:
        del tables.drawn[number]
    return tuple(owed)


def return_to_quota(ledger: Ledger, number: int, sku: str, units: int, at_ms: int) -> None:
    """Return units to a quota that is open."""
    _shift(ledger, number, sku, -units, at_ms)


def _shift(ledger: Ledger, number: int, sku: str, units: int, at_ms: int) -> None:
    """Move units from a quota to what is available, or back."""
    allotment = ledger.allotments.rows[number]
    line = allotment.line_of(sku)
    assert line is not None, "events name quotas that have the SKU"
    _move(ledger, allotment, sku, -units, at_ms)
    changed = replace(line, used=line.used + units, left=line.left - units)
    ledger.allotments.put(replace(allotment.with_line(changed), version=ledger.version))


def book_sale(ledger: Ledger, row: Movement, taken: int, at_ms: int) -> None:
    """Book what a till sold against its allotment, of which `taken` units were left. What is late has none left."""
    allotment = ledger.allotments.rows.get(row.allotment)
    line = None if allotment is None else allotment.line_of(row.sku)
    if allotment is None or line is None or allotment.kind is not _TILL:
        return
    used = min(line.given, line.used + (taken or (-row.delta if allotment.was_counted(line) else 0)))
    if taken:
        _move(ledger, allotment, row.sku, -taken, at_ms)
    changed = allotment.with_line(replace(line, used=used, left=line.left - taken))
    ledger.allotments.put(replace(_ended_if_empty(changed), version=ledger.version))


def note_count(ledger: Ledger, sku: str, as_of_ms: int, at_ms: int, *, counted: bool) -> None:
    """Note in allotments that their units were counted; of those that had ended by then none is unknown any more. A
    count that left them out has taken all of them for there: what its till sold before leaves the shop when it is said.
    """
    for allotment, line in ledger.allotments.live_of(sku, _TILL):
        if not counted:
            if line.counted_at_ms and not allotment.was_counted(line):
                changed = allotment.with_line(replace(line, counted_at_ms=0))
                ledger.allotments.put(replace(changed, version=ledger.version))
            continue
        is_over = allotment.status is AllotmentStatus.UNKNOWN and as_of_ms >= allotment.expires_at_ms
        if is_over and line.left:
            _move(ledger, allotment, sku, -line.left, at_ms)
        noted = replace(line, left=0 if is_over else line.left, counted_at_ms=as_of_ms)
        ledger.allotments.put(replace(_ended_if_empty(allotment.with_line(noted)), version=ledger.version))


def _ended_if_empty(allotment: Allotment) -> Allotment:
    """An ended allotment of which nothing is unknown any more is over: by a count, where there was one."""
    if allotment.status is not AllotmentStatus.UNKNOWN or any(line.left for line in allotment.lines):
        return allotment
    was_counted = any(map(allotment.was_counted, allotment.lines))
    return replace(allotment, status=AllotmentStatus.COUNTED if was_counted else AllotmentStatus.RETURNED)


def _move(ledger: Ledger, allotment: Allotment, sku: str, units: int, at_ms: int) -> None:
    """Change what of a position is allotted."""
    ledger.positions[sku].allotted += units
    if allotment.kind is _TILL:
        ledger.allotments.moved_at_ms[sku] = at_ms

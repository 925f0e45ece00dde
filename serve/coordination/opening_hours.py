"""The hours of all shops of an order, for its customer's ledger, which sets deadlines and knows no calendars."""

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Final

from actors.calendar.hours import Calendar
from actors.core.chain import Chain
from actors.core.policy import DAY_MS
from actors.orders.commands import NO_HOURS, Hours

CLOCKS_APART_MS: Final = 600_000  # the ledger decides by its own clock, so the intervals begin so much earlier
NEAR_MS: Final = 2 * DAY_MS  # mostly enough, and each day that was not asked for before costs 50 us
FAR_MS: Final = 15 * DAY_MS
INTERVALS_MAX: Final = 4

Intervals = tuple[tuple[int, int], ...]


def hours_of(chain: Chain, parts: Iterable[tuple[str, int]], wanted_ms: int) -> Hours:
    """What a deadline that is wanted at about `wanted_ms` has to keep to. `parts` are (store_id, slot start or 0).

    Where the shops are never open together in the next two weeks, it keeps to the hours of any of them.
    """
    if not chain.has_hours:
        return NO_HOURS
    slots_end_ms = 0
    calendars: list[Calendar] = []
    for store_id, slot_start_ms in parts:
        calendar = chain.policy_of(store_id).calendar
        slot = calendar.slot_at(slot_start_ms) if slot_start_ms else None
        slots_end_ms = slots_end_ms if slot is None else max(slots_end_ms, slot.end_ms)
        if not calendar.always_open and calendar not in calendars:
            calendars.append(calendar)
    if not calendars:
        return Hours(slots_end_ms, ())
    from_ms = max(wanted_ms, slots_end_ms) - CLOCKS_APART_MS
    latest_ms = from_ms + 2 * CLOCKS_APART_MS
    each: list[Intervals] = []
    for window_ms in (NEAR_MS, FAR_MS):
        each = [calendar.open_intervals(from_ms, from_ms + window_ms) for calendar in calendars]
        together: Intervals = reduce(_both, each)
        opening = _whole(_joined(together), from_ms, from_ms + window_ms)
        if opening and opening[-1][1] >= latest_ms:
            return Hours(slots_end_ms, opening[:INTERVALS_MAX])
    opening = _joined(sorted(interval for intervals in each for interval in intervals))
    return Hours(slots_end_ms, opening[:INTERVALS_MAX])


def _whole(intervals: Intervals, from_ms: int, to_ms: int) -> Intervals:
    """Without the last interval, where it only seems to end at the end of the window; unless all of the time is
    one interval: then every deadline falls within.
    """
    return intervals[:-1] if intervals and intervals[-1][0] > from_ms and intervals[-1][1] == to_ms else intervals


def _both(some: Intervals, others: Intervals) -> Intervals:
    """What two have in common, ascending; both are."""
    found = [
        (max(opens, other_opens), min(closes, other_closes))
        for opens, closes in some
        for other_opens, other_closes in others
    ]
    return tuple((opens, closes) for opens, closes in found if opens < closes)


def _joined(intervals: Sequence[tuple[int, int]]) -> Intervals:
    """Intervals that touch, as one: one over midnight is written as two."""
    joined: list[tuple[int, int]] = []
    for opens, closes in intervals:
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(closes, joined[-1][1]))
        else:
            joined.append((opens, closes))
    return tuple(joined)

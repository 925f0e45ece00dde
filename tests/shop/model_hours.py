"""A shop's hours as the naive model reads them: weekly hours in UTC, looked through day by day, minute by minute."""

from collections.abc import Iterator
from datetime import UTC, datetime

from actors.calendar.hours import Calendar

MINUTE_MS = 60_000
DAY_MS = 1440 * MINUTE_MS


def _weekday(day_ms: int) -> int:
    return datetime.fromtimestamp(day_ms / 1000, UTC).weekday()


def openings(calendar: Calendar, at_ms: int) -> Iterator[tuple[int, int]]:
    """When the shop opens and closes, from the day before an instant on, for a year."""
    assert (calendar.zone, calendar.special_days, calendar.cutoff_minute) == ("UTC", (), 1440)
    today_ms = at_ms // DAY_MS * DAY_MS
    for day_ms in range(today_ms - DAY_MS, today_ms + 366 * DAY_MS, DAY_MS):
        for opens, closes in calendar.weekly[_weekday(day_ms)]:
            yield day_ms + opens * MINUTE_MS, day_ms + closes * MINUTE_MS


def deadline_ms(calendar: Calendar, slot_start_ms: int, wanted_ms: int) -> int:
    """Not before the slot's end, and not while the shop is closed: then it is the end of the next opening."""
    slot = slot_at(calendar, slot_start_ms)
    at_ms = max(wanted_ms, slot[0]) if slot else wanted_ms
    for opens_ms, closes_ms in openings(calendar, at_ms):
        if opens_ms <= at_ms <= closes_ms:
            return at_ms
        if opens_ms > at_ms:
            return closes_ms
    return at_ms


def slot_at(calendar: Calendar, start_ms: int) -> tuple[int, int] | None:
    """The end and the places of the slot that starts then, if there is one."""
    length_ms = calendar.slot_minutes * MINUTE_MS
    if not length_ms or not start_ms:
        return None
    for opens_ms, closes_ms in openings(calendar, start_ms):
        if opens_ms <= start_ms and start_ms + length_ms <= closes_ms and (start_ms - opens_ms) % length_ms == 0:
            day_ms = start_ms // DAY_MS * DAY_MS
            first = (start_ms - day_ms) // MINUTE_MS
            staff_minutes = sum(
                duty.staff
                for minute in range(first, first + calendar.slot_minutes)
                for duty in calendar.staff[_weekday(day_ms)]
                if duty.from_minute <= minute < duty.to_minute
            )
            return start_ms + length_ms, staff_minutes * calendar.pickups_per_staff_hour // 60
    return None


def offered(calendar: Calendar, start_ms: int, now_ms: int) -> bool:
    """Whether an order placed now would be picked, while the shop is open, by the time the slot starts."""
    picked_ms = 0
    for opens_ms, closes_ms in openings(calendar, now_ms):
        picked_ms += max(0, min(closes_ms, start_ms) - max(opens_ms, now_ms))
        if opens_ms >= start_ms:
            break
    return (
        slot_at(calendar, start_ms) is not None
        and start_ms >= now_ms
        and picked_ms >= calendar.lead_minutes * MINUTE_MS
    )

"""Hours as people write them in the chain file: days, times of day, opening intervals and who is on duty. Pure.

    weekly:  {mon-sat: "09:00-20:00", sun: closed}       several intervals stand with commas between them
    staff:   2, or {mon-fri: "09:00-12:00 1, 12:00-20:00 3", sat: 2}
    dates:   {2026-12-24: "09:00-14:00", 2026-12-31: {open: "09:00-13:00", staff: 1}}

What cannot be read raises Unreadable, a ValueError, with what mends it. Public holidays are looked up here when hours
are set, and their dates are journalled with them: no decision asks the library.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any, Final, TypeVar

import holidays

from actors.calendar.hours import DAY_MINUTES, Duty, Interval, SpecialDay

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOSED: Final = "closed"
TEXT_CHARS_MAX: Final = 1_000  # of one day's intervals

YEARS_MAX: Final = 10  # of one look-up of holidays

# ISO 3166 codes. The library also knows names (`Germany`), which change more easily.
_REGION: Final = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,3}))?")
_MINUTE: Final = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)
_SPAN: Final = re.compile(r"(\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})(?:\s+(\d{1,4}))?", re.ASCII)
_HOW_DAYS: Final = "write days as mon, mon-fri or mon,wed,sat-sun"
_HOW_OPEN: Final = 'write "09:00-20:00", "09:00-12:30, 14:00-18:00" or closed'
_HOW_STAFF: Final = 'write a number for the whole day, or "09:00-12:00 1, 12:00-20:00 3"'

Week = tuple[tuple[Interval, ...], ...]
StaffWeek = tuple[tuple[Duty, ...], ...]
T = TypeVar("T")


class Unreadable(ValueError):
    """What cannot be read, and what mends it."""


def minute_of(value: Any) -> int:
    """The minute of the day of `17:00`; `24:00` is its end."""
    text = _text(value, 'write a time of day in quotes, such as "17:00"')
    match = _MINUTE.fullmatch(text)
    minute = 60 * int(match[1]) + int(match[2]) if match else DAY_MINUTES + 1
    if match is None or int(match[2]) > 59 or minute > DAY_MINUTES:
        raise Unreadable(f'{text!r} is not a time of day; write it as "09:00", up to "24:00"')
    return minute


def days_of(text: str) -> list[int]:
    """Weekdays of `mon`, `mon-fri` or `mon,wed,sat-sun`, Monday is 0."""
    found: list[int] = []
    for part in _text(text, _HOW_DAYS).lower().split(","):
        first, dash, last = (name.strip() for name in part.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            raise Unreadable(f"{part.strip()!r} names no days; {_HOW_DAYS}")
        start, end = DAYS.index(first), DAYS.index(last or first)
        if end < start:
            raise Unreadable(f"{part.strip()!r} runs over the end of the week; write {first}-sun,mon-{last}")
        found += range(start, end + 1)
    return found


def opening_of(value: Any) -> tuple[Interval, ...]:
    """A day's opening intervals; none for `closed`."""
    text = _text(value, _HOW_OPEN)
    if text.lower() == CLOSED:
        return ()
    found: list[Interval] = []
    for part in text.split(","):
        start, end, staff = _span(part, _HOW_OPEN)
        if staff is not None:
            raise Unreadable(f"{part.strip()!r} is not an opening interval; {_HOW_OPEN}")
        if found and start < found[-1].close_minute:
            raise Unreadable(f"{part.strip()!r} begins before the one in front ends; write them one after another")
        found.append(Interval(start, end))
    return tuple(found)


def duties_of(value: Any) -> tuple[Duty, ...]:
    """A day's duties."""
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            raise Unreadable(f"{value} is no number of staff; {_HOW_STAFF}")
        return (Duty(0, DAY_MINUTES, value),) if value else ()
    found: list[Duty] = []
    for part in _text(value, _HOW_STAFF).split(","):
        start, end, staff = _span(part, _HOW_STAFF)
        if staff is None:
            raise Unreadable(f"{part.strip()!r} says not how many; {_HOW_STAFF}")
        found.append(Duty(start, end, staff))
    return tuple(found)


def week_of(value: Any) -> Week:
    """Seven days of opening intervals. Every day must be named."""
    if not isinstance(value, dict):
        raise Unreadable(f'is no table of days; write {{mon-sat: "09:00-20:00", sun: {CLOSED}}}')
    named = _by_day(value)
    missing = [name for day, name in enumerate(DAYS) if day not in named]
    if missing:
        raise Unreadable(f"does not name {', '.join(missing)}; write {','.join(missing)}: {CLOSED}, or their hours")
    return tuple(_at(named[day][0], opening_of, named[day][1]) for day in range(7))


def staff_of(value: Any) -> StaffWeek:
    """Seven days of duties: the same for each, or a table of days; nobody on a day that it does not name."""
    if not isinstance(value, dict):
        return (duties_of(value),) * 7
    named = _by_day(value)
    return tuple(_at(named[day][0], duties_of, named[day][1]) if day in named else () for day in range(7))


def special_days_of(value: Any) -> tuple[SpecialDay, ...]:
    """Dates with hours of their own."""
    if not isinstance(value, dict):
        raise Unreadable('is no table of dates; write {2026-12-24: "09:00-14:00"}')
    days = [_at(str(key), partial(_special_day, key), content) for key, content in value.items()]
    return tuple(sorted(days, key=lambda special: special.day))


def _special_day(key: Any, value: Any) -> SpecialDay:
    if isinstance(key, str):
        with suppress(ValueError):
            key = date.fromisoformat(key)
    if type(key) is not date:  # a date with a time is one of another type
        raise Unreadable("is not a date; write it as 2026-12-24")
    if not isinstance(value, dict):
        return SpecialDay(key, opening_of(value))
    if "open" not in value or value.keys() - {"open", "staff"}:
        raise Unreadable('takes open and staff; write {open: "09:00-14:00", staff: 2}')
    staff = duties_of(value["staff"]) if "staff" in value else None
    return SpecialDay(key, opening_of(value["open"]), staff)


def public_holidays(region: str, first_year: int, last_year: int) -> frozenset[date] | None:
    """The dates from one year to another, both included; None where the library does not know the region.

    `region` is an ISO 3166 code, of a country (`DE`) or of a subdivision (`DE-BE`). Raises ValueError where the years
    are not from 1 to YEARS_MAX.
    """
    if not first_year <= last_year < first_year + YEARS_MAX:
        raise ValueError(f"{first_year} to {last_year}: ask for 1 to {YEARS_MAX} years, the first of them first")
    code = _REGION.fullmatch(region)
    if code is None:
        return None
    try:
        found = holidays.country_holidays(code[1], subdiv=code[2], years=range(first_year, last_year + 1))
    except NotImplementedError:  # the library raises it for an unknown region
        return None
    # Observed days may fall into the years beside.
    return frozenset(day for day in found if first_year <= day.year <= last_year)


def _by_day(table: dict[Any, Any]) -> dict[int, tuple[str, Any]]:
    """For each day the row that names it."""
    named: dict[int, tuple[str, Any]] = {}
    for key, content in table.items():
        for day in days_of(key):
            if day in named:
                raise Unreadable(f"names {DAYS[day]} in {named[day][0]!r} and in {key!r}; name each day once")
            named[day] = (str(key), content)
    return named


def _at(place: str, read: Callable[[Any], T], value: Any) -> T:
    """What `read` makes of a value; its fault names the row."""
    try:
        return read(value)
    except Unreadable as error:
        raise Unreadable(f"{place}: {error}") from None


def _span(part: str, how: str) -> tuple[int, int, int | None]:
    match = _SPAN.fullmatch(part.strip())
    if match is None:
        raise Unreadable(f"{part.strip()!r} is not from one time to another; {how}")
    start, end = minute_of(match[1]), minute_of(match[2])
    if end <= start:
        raise Unreadable(f'{part.strip()!r} ends before it begins; write one over midnight as two, up to "24:00"')
    return start, end, None if match[3] is None else int(match[3])


def _text(value: Any, how: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Unreadable(f"{value!r} is not text; {how}")  # YAML reads 17:00 without quotes as a number
    if len(value) > TEXT_CHARS_MAX:
        raise Unreadable(f"has {len(value)} characters, at most {TEXT_CHARS_MAX} are read; {how}")
    return value.strip()

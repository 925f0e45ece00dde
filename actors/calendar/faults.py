"""What is checked before a shop adopts a calendar: its faults, and which booked pickup slots the change breaks.

Each fault is a field and a sentence that explains the remedy.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

from actors.calendar.hours import DAY_MINUTES, Calendar, Duty, Interval
from actors.calendar.zones import is_known

INTERVALS_PER_DAY_MAX: Final = 12
DUTIES_PER_DAY_MAX: Final = 48
SPECIAL_DAYS_MAX: Final = 400
HOLIDAYS_MAX: Final = 400
STAFF_MAX: Final = 1000
PICKUPS_PER_STAFF_HOUR_MAX: Final = 1000
LEAD_MINUTES_MAX: Final = 14 * DAY_MINUTES  # of open time

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Fault = tuple[str, str]  # the field, and a sentence


def faults(calendar: Calendar) -> list[Fault]:
    """All faults, by field; empty for a valid calendar."""
    return [*_zone(calendar), *_weeks(calendar), *_special_days(calendar), *_numbers(calendar), *_places(calendar)]


def _zone(calendar: Calendar) -> Iterator[Fault]:
    if not is_known(calendar.zone):
        yield "zone", f"zone {calendar.zone!r} is unknown; give an IANA name such as Europe/Berlin"


def _weeks(calendar: Calendar) -> Iterator[Fault]:
    for name, week in (("weekly", calendar.weekly), ("staff", calendar.staff)):
        if len(week) != len(WEEKDAYS):
            yield name, f"{name} has {len(week)} days; give seven, Monday first, empty where there is nothing"
    for place, opening in enumerate(calendar.weekly):
        yield from _opening(f"weekly[{place}]", opening)
    for place, duties in enumerate(calendar.staff):
        yield from _duties(f"staff[{place}]", duties)


def _special_days(calendar: Calendar) -> Iterator[Fault]:
    for name, count, most in (
        ("special_days", len(calendar.special_days), SPECIAL_DAYS_MAX),
        ("holidays", len(calendar.holidays), HOLIDAYS_MAX),
    ):
        if count > most:
            yield name, f"{name} has {count} dates; keep the nearest {most}, and leave out those that are past"
    seen = set()
    for place, special in enumerate(calendar.special_days):
        if special.day in seen:
            yield f"special_days[{place}]", f"special_days[{place}] names {special.day} again; give each date once"
        seen.add(special.day)
        yield from _opening(f"special_days[{place}].opening", special.opening)
        yield from _duties(f"special_days[{place}].staff", special.staff or ())


def _opening(name: str, opening: tuple[Interval, ...]) -> Iterator[Fault]:
    if len(opening) > INTERVALS_PER_DAY_MAX:
        yield name, f"{name} has {len(opening)} intervals; give at most {INTERVALS_PER_DAY_MAX} for a day"
    for place, (open_minute, close_minute) in enumerate(opening):
        yield from _span(f"{name}[{place}]", open_minute, close_minute)
    for place, (above, below) in enumerate(pairwise(opening), start=1):
        if below.open_minute < above.close_minute:
            field, mend = f"{name}[{place}]", "give intervals from early to late, none over another"
            yield field, f"{field} opens before the one above it closes; {mend}"


def _duties(name: str, duties: tuple[Duty, ...]) -> Iterator[Fault]:
    if len(duties) > DUTIES_PER_DAY_MAX:
        yield name, f"{name} has {len(duties)} rows; give at most {DUTIES_PER_DAY_MAX} for a day"
    for place, (from_minute, to_minute, staff) in enumerate(duties):
        field = f"{name}[{place}]"
        yield from _span(field, from_minute, to_minute)
        yield from _number(f"{field}.staff", staff, STAFF_MAX)


def _span(name: str, from_minute: int, to_minute: int) -> Iterator[Fault]:
    if not (0 <= from_minute <= DAY_MINUTES and 0 <= to_minute <= DAY_MINUTES):
        yield name, f"{name} runs from {from_minute} to {to_minute}; give minutes of the day, 0 to {DAY_MINUTES}"
    elif from_minute >= to_minute:
        yield name, f"{name} ends at {to_minute}, not after its start at {from_minute}; write one over midnight as two"


def _number(name: str, value: int, most: int) -> Iterator[Fault]:
    if not 0 <= value <= most:
        yield name, f"{name} is {value}; give a number from 0 to {most}"


def _numbers(calendar: Calendar) -> Iterator[Fault]:
    yield from _number("slot_minutes", calendar.slot_minutes, DAY_MINUTES)
    yield from _number("pickups_per_staff_hour", calendar.pickups_per_staff_hour, PICKUPS_PER_STAFF_HOUR_MAX)
    yield from _number("lead_minutes", calendar.lead_minutes, LEAD_MINUTES_MAX)
    yield from _number("cutoff_minute", calendar.cutoff_minute, DAY_MINUTES)


def _places(calendar: Calendar) -> Iterator[Fault]:
    """Slots without capacity are a fault: the shop would refuse every pickup for no visible reason."""
    if not calendar.slot_minutes:
        return
    without = "or set slot_minutes to 0, for a shop without slots"
    if not calendar.pickups_per_staff_hour:
        name = "pickups_per_staff_hour"
        yield name, f"{name} is 0, so no slot has a place; give at least 1, {without}"
    if not any(calendar.staff) and not any(special.staff for special in calendar.special_days):
        yield "staff", f"staff names nobody, so no slot has a place; say who is on duty, {without}"


def affected(calendar: Calendar, taken: Mapping[int, int]) -> tuple[int, ...]:
    """The starts of taken slots that the calendar does not offer, or has fewer places for than are taken, ascending.

    `taken` gives the places taken by slot start, in ms. A calendar without slots keeps a pickup where the shop is open.
    """
    found = (start_ms for start_ms, places in taken.items() if places and _breaks(calendar, start_ms, places))
    return tuple(sorted(found))


def _breaks(calendar: Calendar, start_ms: int, places: int) -> bool:
    if not calendar.slot_minutes:
        return not calendar.open_intervals(start_ms, start_ms + 1)
    slot = calendar.slot_at(start_ms)
    return slot is None or slot.capacity < places

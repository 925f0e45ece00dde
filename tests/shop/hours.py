"""How the calendar's pages are written: a shop's hours in a line, instants as people write them, calendars at random.

hours        mon-fri 09:00-12:00 13:00-18:00; sat 10:00-14:00      days that are not named are closed
staff        mon-fri 09:00-18:00x2 12:00-15:00x1                   on duty, added up
instant      2026-03-29 01:00 or 2026-03-29 01:00:00.001           UTC
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from hypothesis import strategies as st

from actors.calendar.hours import Calendar, Duty, Interval, Slot, SpecialDay
from actors.calendar.zones import number_of

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
HOUR_MS: Final = 3_600_000

# Zones with the days on which their clocks change; the first three are the plain, the odd and the skipped.
CHANGES: Final[dict[str, tuple[date, ...]]] = {
    "UTC": (date(2026, 7, 1),),
    "Asia/Kolkata": (date(2026, 7, 1),),
    "Pacific/Apia": (date(2011, 12, 30), date(2010, 9, 26)),
    "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
    "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),
    # The clocks change at midnight, and a minute after it, back into the day before.
    "America/Havana": (date(2025, 3, 9), date(2025, 11, 2)),
    "America/St_Johns": (date(2006, 4, 2), date(2006, 10, 29)),
}


def next_opening_ms(calendar: Calendar, at_ms: int) -> int | None:
    """The first instant from `at_ms` on at which the shop is open; None where it stays closed for a year."""
    interval = next(calendar._opening_from(at_ms), None)
    return None if interval is None else max(interval[0], at_ms)


def slots_of(calendar: Calendar, day: date) -> tuple[Slot, ...]:
    """The slots of a local day, ascending."""
    return tuple(calendar._day(number_of(day)).slots.values()) if calendar.slot_minutes else ()


def ms(instant: str) -> int:
    """Epoch milliseconds of an instant."""
    return (datetime.fromisoformat(instant.strip()).replace(tzinfo=UTC) - EPOCH) // MILLISECOND


def said(at_ms: int) -> str:
    """The inverse of `ms`, without seconds where there are none."""
    at = EPOCH + at_ms * MILLISECOND
    return at.strftime("%Y-%m-%d %H:%M") if at_ms % 60_000 == 0 else at.isoformat(" ", "milliseconds")[:23]


def intervals(text: str) -> tuple[Interval, ...]:
    """`09:00-12:00 13:00-18:00`; nothing or a dash: none."""
    return tuple(Interval(*_minutes(span)) for span in text.replace(" - ", "").split() if span != "-")


def duties(text: str) -> tuple[Duty, ...]:
    """`09:00-18:00x2`."""
    parts = [span.split("x") for span in text.split()]
    return tuple(Duty(*_minutes(span), int(staff)) for span, staff in parts)


def weekly(text: str) -> tuple[tuple[Interval, ...], ...]:
    """Opening hours of a week."""
    days = dict(_by_day(text))
    return tuple(intervals(days.get(place, "")) for place in range(7))


def staffed(text: str) -> tuple[tuple[Duty, ...], ...]:
    """Staff on duty over a week."""
    days = dict(_by_day(text))
    return tuple(duties(days.get(place, "")) for place in range(7))


def rows(page: str) -> list[list[str]]:
    """The cells of a page's rows, without the heading."""
    lines = [line for line in page.splitlines() if line.strip()]
    return [[cell.strip() for cell in line.split("|")] for line in lines[1:]]


def _minutes(span: str) -> tuple[int, int]:
    start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in span.split("-"))
    return start, end


def _by_day(text: str) -> Iterator[tuple[int, str]]:
    for part in filter(None, (part.strip() for part in text.split(";"))):
        names, _, rest = part.partition(" ")
        first, _, last = names.partition("-")
        for place in range(DAYS.index(first), DAYS.index(last or first) + 1):
            yield place, rest


# --- at random ---------------------------------------------------------------------------------------------------

MINUTES: Final = st.integers(0, 288).map(lambda fives: fives * 5)


def _pairs(minutes: list[int]) -> tuple[Interval, ...]:
    ascending = sorted(minutes)
    return tuple(Interval(*pair) for pair in zip(ascending[::2], ascending[1::2], strict=False))


OPENINGS: Final = st.lists(MINUTES, unique=True, max_size=6).map(_pairs)
SHIFTS: Final = st.lists(
    st.tuples(st.lists(MINUTES, unique=True, min_size=2, max_size=2).map(sorted), st.integers(0, 5)), max_size=3
).map(lambda shifts: tuple(Duty(start, end, staff) for (start, end), staff in shifts))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Any calendar without a fault, with its special days and holidays where the clocks of its zone change."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    near = st.sampled_from(CHANGES[zone]).flatmap(
        lambda day: st.integers(-9, 9).map(lambda days: day + timedelta(days=days))
    )
    special = st.builds(SpecialDay, near, OPENINGS, st.none() | SHIFTS)
    return Calendar(
        zone=zone,
        weekly=draw(st.tuples(*[OPENINGS] * 7)),
        special_days=tuple(draw(st.lists(special, max_size=4, unique_by=lambda each: each.day))),
        holidays=draw(st.frozensets(near, max_size=3)),
        slot_minutes=draw(st.sampled_from((0, 5, 7, 15, 30, 60, 90, 1440))),
        staff=draw(st.tuples(*[SHIFTS] * 7)),
        pickups_per_staff_hour=draw(st.integers(0, 20)),
        lead_minutes=draw(st.sampled_from((0, 1, 45, 120, 1000))),
        cutoff_minute=draw(st.just(1440) | MINUTES),
    )


@st.composite
def instants(draw: st.DrawFn, calendar: Calendar) -> int:
    """An instant near a change of the clocks: a plain one, a round one, or one where something begins or ends."""
    noon_ms = ms(f"{draw(st.sampled_from(CHANGES[calendar.zone]))} 12:00")
    plain = st.integers(-4 * 24 * HOUR_MS, 4 * 24 * HOUR_MS)
    at_ms = noon_ms + draw(plain | st.integers(-1200, 1200).map(lambda fives: fives * 300_000))
    near = calendar.open_intervals(at_ms - 12 * HOUR_MS, at_ms + 12 * HOUR_MS)
    on_an_edge = draw(st.booleans())
    if near and on_an_edge:
        return draw(st.sampled_from([edge for interval in near for edge in interval])) + draw(st.integers(-1, 1))
    return at_ms

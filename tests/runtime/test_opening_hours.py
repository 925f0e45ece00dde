"""What an order's deadline keeps to: the hours that all of its shops have in common, and its last pickup slot."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

import pytest

from actors.calendar.hours import ALWAYS_OPEN, Calendar, Duty, Interval
from actors.core.chain import EMPTY, Chain, Store, StoresPut, evolve_chain
from actors.orders.commands import NO_HOURS, Hours
from serve.coordination.opening_hours import INTERVALS_MAX, hours_of


def weekly(opens: int, closes: int, zone: str = "UTC", **others: object) -> Calendar:
    """Open at these hours of every day."""
    return Calendar(zone=zone, weekly=((Interval(60 * opens, 60 * closes),),) * 7, **others)  # type: ignore[arg-type]


CALENDARS: Final = {
    "late": weekly(12, 20),
    "early": weekly(8, 16),
    "evenings": weekly(21, 23),
    "night": Calendar(weekly=((Interval(0, 240), Interval(1200, 1440)),) * 7),
    "always": ALWAYS_OPEN,
    "berlin": weekly(9, 18, "Europe/Berlin"),
    "weekdays": Calendar(weekly=((Interval(540, 1080),),) * 5 + ((),) * 2),
    "slots": weekly(
        9,
        18,
        slot_minutes=30,
        staff=((Duty(540, 1080, 1),),) * 7,
        pickups_per_staff_hour=4,
        holidays=frozenset({date(2025, 10, 27)}),
    ),
}
CHAIN: Final = evolve_chain(
    EMPTY, StoresPut(tuple(Store(name, name, 0, 0, False, (), hours) for name, hours in CALENDARS.items()))
)
WEEK_BUT_A_DAY: Final = "27 09:00 - 27 18:00, 28 09:00 - 28 18:00, 29 09:00 - 29 18:00"
WEEK: Final = f"{WEEK_BUT_A_DAY}, 30 09:00 - 30 18:00"


def instant(text: str) -> int:
    """`25 13:00`, UTC, of October 2025; Berlin's clocks go back on the 26th."""
    day, clock = text.split()
    hour, minute = map(int, clock.split(":"))
    return int(datetime(2025, 10, int(day), hour, minute, tzinfo=UTC).timestamp() * 1_000)


def shown(hours: Hours) -> str:
    """`25 12:00 - 25 16:00, ...`, and the slots' end where there is one."""
    text = ", ".join(f"{_clock(opens)} - {_clock(closes)}" for opens, closes in hours.open)
    return text + (f" slots until {_clock(hours.slots_end_ms)}" if hours.slots_end_ms else "")


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%-d %H:%M")


@pytest.mark.parametrize(
    ("places", "wanted", "expected"),
    [
        (["late"], "25 13:00", "25 12:50 - 25 20:00, 26 12:00 - 26 20:00"),
        (["late", "early"], "25 13:00", "25 12:50 - 25 16:00, 26 12:00 - 26 16:00"),
        (["late", "early", "always"], "25 18:00", "26 12:00 - 26 16:00, 27 12:00 - 27 16:00"),
        (["night"], "25 22:00", "25 21:50 - 26 04:00, 26 20:00 - 27 04:00"),
        (["berlin"], "25 17:00", "26 08:00 - 26 17:00"),
        (["berlin", "early"], "25 07:00", "25 08:00 - 25 16:00, 26 08:00 - 26 16:00"),
        (["always"], "25 13:00", ""),
        (["nowhere"], "25 13:00", ""),
        (["late@25 09:00"], "25 01:00", "25 12:00 - 25 20:00, 26 12:00 - 26 20:00"),
        (["slots@25 09:00"], "25 01:00", "25 09:20 - 25 18:00, 26 09:00 - 26 18:00 slots until 25 09:30"),
        (["slots"], "26 20:00", "28 09:00 - 28 18:00"),
        (["weekdays"], "25 10:00", WEEK),  # Saturday: Monday's hours are whole, though two days end within them
        (["weekdays"], "24 18:05", f"24 17:55 - 24 18:00, {WEEK_BUT_A_DAY}"),  # just closed, and by no clock still open
        (["weekdays"], "24 18:09", f"24 17:59 - 24 18:00, {WEEK_BUT_A_DAY}"),
    ],
)  # fmt: skip
def test_hours_are_what_the_shops_have_in_common(places: Sequence[str], wanted: str, expected: str) -> None:
    parts = [place.partition("@") for place in places]
    asked = [(store_id, instant(slot) if slot else 0) for store_id, _, slot in parts]
    assert shown(hours_of(CHAIN, asked, instant(wanted))) == expected


def test_shops_that_are_never_open_together_count_each_by_itself() -> None:
    hours = hours_of(CHAIN, [("late", 0), ("evenings", 0)], instant("25 13:00"))
    assert len(hours.open) == INTERVALS_MAX
    assert shown(hours).startswith("25 12:50 - 25 20:00, 25 21:00 - 25 23:00, 26 12:00 - 26 20:00")


def test_a_chain_that_keeps_no_hours_asks_no_calendar() -> None:
    chain = evolve_chain(EMPTY, StoresPut((Store("s", "s", 0, 0, False),)))
    assert not chain.has_hours
    assert hours_of(chain, [("s", 0)], 0) is NO_HOURS
    assert isinstance(CHAIN, Chain)
    assert CHAIN.has_hours

"""When a shop is open, over every change of the clocks; where a deadline may fall; when an order can be ready."""

from datetime import date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo, reset_tzpath

import msgspec
import pytest

from actors.calendar import zones
from actors.calendar.hours import (
    ALWAYS_OPEN,
    CLOSED_DAYS_MAX,
    DAYS_COMPILED_MAX,
    WINDOW_MS_MAX,
    Calendar,
    Interval,
    SpecialDay,
)
from actors.core.message import to_json
from tests.shop.hours import HOUR_MS, duties, intervals, ms, next_opening_ms, rows, said, staffed, weekly

DAY_MS = 24 * HOUR_MS
MINUTE_MS = 60_000

# The day's hours by the wall clock, and the same as instants.
CLOCKS = """
    zone                | day        | hours                   | open (UTC)
    Europe/Berlin       | 2026-03-28 | 09:00-20:00             | 2026-03-28 08:00 to 2026-03-28 19:00
    Europe/Berlin       | 2026-03-29 | 09:00-20:00             | 2026-03-29 07:00 to 2026-03-29 18:00
    Europe/Berlin       | 2026-03-29 | 00:00-24:00             | 2026-03-28 23:00 to 2026-03-29 22:00
    Europe/Berlin       | 2026-03-29 | 02:30-10:00             | 2026-03-29 01:00 to 2026-03-29 08:00
    Europe/Berlin       | 2026-03-29 | 00:00-02:30             | 2026-03-28 23:00 to 2026-03-29 01:00
    Europe/Berlin       | 2026-03-29 | 02:10-02:50             |
    Europe/Berlin       | 2026-03-29 | 01:00-02:15 02:45-04:00 | 2026-03-29 00:00 to 2026-03-29 01:00, 2026-03-29 01:00 to 2026-03-29 02:00
    Europe/Berlin       | 2026-10-25 | 09:00-20:00             | 2026-10-25 08:00 to 2026-10-25 19:00
    Europe/Berlin       | 2026-10-25 | 00:00-24:00             | 2026-10-24 22:00 to 2026-10-25 23:00
    Europe/Berlin       | 2026-10-25 | 02:30-10:00             | 2026-10-25 00:30 to 2026-10-25 09:00
    Europe/Berlin       | 2026-10-25 | 01:00-02:30             | 2026-10-24 23:00 to 2026-10-25 01:30
    Europe/Berlin       | 2026-10-25 | 02:00-03:00             | 2026-10-25 00:00 to 2026-10-25 02:00
    Europe/Berlin       | 2026-10-25 | 01:00-02:15 02:30-05:00 | 2026-10-24 23:00 to 2026-10-25 01:15, 2026-10-25 01:15 to 2026-10-25 04:00
    Europe/Berlin       | 2026-10-25 | 02:10-02:20 02:30-02:40 | 2026-10-25 00:10 to 2026-10-25 01:20, 2026-10-25 01:20 to 2026-10-25 01:40
    America/New_York    | 2026-03-08 | 09:00-17:00             | 2026-03-08 13:00 to 2026-03-08 21:00
    America/New_York    | 2026-03-08 | 02:30-10:00             | 2026-03-08 07:00 to 2026-03-08 14:00
    America/New_York    | 2026-11-01 | 00:00-01:30             | 2026-11-01 04:00 to 2026-11-01 06:30
    America/New_York    | 2026-11-01 | 01:30-09:00             | 2026-11-01 05:30 to 2026-11-01 14:00
    Asia/Kolkata        | 2026-07-01 | 10:00-22:00             | 2026-07-01 04:30 to 2026-07-01 16:30
    Australia/Lord_Howe | 2026-04-05 | 00:00-24:00             | 2026-04-04 13:00 to 2026-04-05 13:30
    Australia/Lord_Howe | 2026-04-05 | 01:45-09:00             | 2026-04-04 14:45 to 2026-04-04 22:30
    Australia/Lord_Howe | 2026-10-04 | 02:15-09:00             | 2026-10-03 15:30 to 2026-10-03 22:00
    Pacific/Apia        | 2011-12-29 | 00:00-24:00             | 2011-12-29 10:00 to 2011-12-30 10:00
    Pacific/Apia        | 2011-12-30 | 00:00-24:00             |
    Pacific/Apia        | 2011-12-31 | 00:00-24:00             | 2011-12-30 10:00 to 2011-12-31 10:00
    America/Havana      | 2025-11-02 | 00:00-24:00             | 2025-11-02 04:00 to 2025-11-03 05:00
    America/Havana      | 2025-11-02 | 00:30-08:00             | 2025-11-02 04:30 to 2025-11-02 13:00
    America/Havana      | 2025-03-09 | 00:30-08:00             | 2025-03-09 05:00 to 2025-03-09 12:00
    America/St_Johns    | 2006-10-28 | 00:00-24:00             | 2006-10-28 02:30 to 2006-10-29 03:30
    America/St_Johns    | 2006-10-29 | 00:00-24:00             | 2006-10-29 03:30 to 2006-10-30 03:30
"""  # noqa: E501 a row is one line


@pytest.mark.parametrize(("zone", "day", "hours", "expected"), rows(CLOCKS))
def test_wall_times_become_instants(zone: str, day: str, hours: str, expected: str) -> None:
    only = SpecialDay(date.fromisoformat(day), intervals(hours))
    calendar = Calendar(zone=zone, weekly=((),) * 7, special_days=(only,))
    noon = ms(f"{day} 12:00")
    found = calendar.open_intervals(noon - 3 * DAY_MS, noon + 3 * DAY_MS)
    assert ", ".join(f"{said(opens)} to {said(closes)}" for opens, closes in found) == expected


# 21 December 2026 is a Monday; the shop's clock is UTC.
CHRISTMAS = Calendar(
    weekly=weekly("mon-fri 09:00-12:00 13:00-18:00; sat 10:00-14:00"),
    special_days=(
        SpecialDay(date(2026, 12, 24), intervals("09:00-13:00")),
        SpecialDay(date(2026, 12, 26), intervals("11:00-13:00")),  # though a holiday
        SpecialDay(date(2026, 12, 29)),  # stocktaking
    ),
    holidays=frozenset({date(2026, 12, 25), date(2026, 12, 26)}),
)

QUESTIONS = """
    at                      | open | next opening            | deadline
    2026-12-21 08:59:59.999 | no   | 2026-12-21 09:00        | 2026-12-21 12:00
    2026-12-21 09:00        | yes  | 2026-12-21 09:00        | 2026-12-21 09:00
    2026-12-21 11:59:59.999 | yes  | 2026-12-21 11:59:59.999 | 2026-12-21 11:59:59.999
    2026-12-21 12:00        | no   | 2026-12-21 13:00        | 2026-12-21 12:00
    2026-12-21 12:00:00.001 | no   | 2026-12-21 13:00        | 2026-12-21 18:00
    2026-12-21 18:00        | no   | 2026-12-22 09:00        | 2026-12-21 18:00
    2026-12-21 18:00:00.001 | no   | 2026-12-22 09:00        | 2026-12-22 12:00
    2026-12-24 12:59        | yes  | 2026-12-24 12:59        | 2026-12-24 12:59
    2026-12-24 13:30        | no   | 2026-12-26 11:00        | 2026-12-26 13:00
    2026-12-25 10:00        | no   | 2026-12-26 11:00        | 2026-12-26 13:00
    2026-12-26 10:30        | no   | 2026-12-26 11:00        | 2026-12-26 13:00
    2026-12-26 13:30        | no   | 2026-12-28 09:00        | 2026-12-28 12:00
    2026-12-28 18:30        | no   | 2026-12-30 09:00        | 2026-12-30 12:00
"""


@pytest.mark.parametrize(("at", "is_open", "opening", "deadline"), rows(QUESTIONS))
def test_questions_over_christmas(at: str, is_open: str, opening: str, deadline: str) -> None:
    opening_ms = next_opening_ms(CHRISTMAS, ms(at))
    assert opening_ms is not None
    assert (CHRISTMAS.is_open(ms(at)), said(opening_ms), said(CHRISTMAS.deadline_ms(ms(at)))) == (
        is_open == "yes",
        opening,
        deadline,
    )


def test_an_interval_over_midnight_is_two_and_a_deadline_at_midnight_stays() -> None:
    night = Calendar(zone="Europe/Berlin", weekly=weekly("fri 22:00-24:00; sat 00:00-02:00"))
    assert said(night.deadline_ms(ms("2026-12-18 12:00"))) == "2026-12-18 23:00"  # the end of Friday's part
    assert night.is_open(ms("2026-12-18 23:00"))
    assert said(night.deadline_ms(ms("2026-12-19 01:30"))) == "2026-12-25 23:00"
    evening = Calendar(zone="Europe/Berlin", weekly=weekly("fri 22:00-24:00"))
    assert not evening.is_open(ms("2026-12-18 23:00"))
    assert said(evening.deadline_ms(ms("2026-12-18 23:00"))) == "2026-12-18 23:00"
    assert said(evening.deadline_ms(ms("2026-12-18 23:00:00.001"))) == "2026-12-25 23:00"


READY = """
    lead | cut-off | placed                  | ready
    0    | 24:00   | 2026-12-21 10:00        | 2026-12-21 10:00
    0    | 24:00   | 2026-12-21 12:30        | 2026-12-21 13:00
    60   | 24:00   | 2026-12-21 10:00        | 2026-12-21 11:00
    60   | 24:00   | 2026-12-21 10:59:59.999 | 2026-12-21 11:59:59.999
    60   | 24:00   | 2026-12-21 11:00        | 2026-12-21 13:00
    60   | 24:00   | 2026-12-21 11:30        | 2026-12-21 13:30
    60   | 24:00   | 2026-12-21 17:30        | 2026-12-22 09:30
    60   | 24:00   | 2026-12-21 03:00        | 2026-12-21 10:00
    600  | 24:00   | 2026-12-21 09:00        | 2026-12-22 11:00
    300  | 24:00   | 2026-12-24 10:00        | 2026-12-28 09:00
    0    | 16:00   | 2026-12-21 16:00        | 2026-12-21 16:00
    0    | 16:00   | 2026-12-21 16:00:00.001 | 2026-12-22 09:00
    60   | 16:00   | 2026-12-21 15:30        | 2026-12-21 16:30
    60   | 16:00   | 2026-12-21 17:00        | 2026-12-22 10:00
    60   | 12:30   | 2026-12-24 12:45        | 2026-12-26 12:00
    60   | 08:00   | 2026-12-21 08:30        | 2026-12-22 10:00
    60   | 16:00   | 2026-12-27 17:00        | 2026-12-28 10:00
    60   | 00:00   | 2026-12-21 00:00        | 2026-12-21 10:00
    60   | 00:00   | 2026-12-21 00:00:00.001 | 2026-12-22 10:00
"""


@pytest.mark.parametrize(("lead", "cutoff", "placed", "ready"), rows(READY))
def test_an_order_is_ready_after_lead_minutes_of_open_time(lead: str, cutoff: str, placed: str, ready: str) -> None:
    calendar = Calendar(
        weekly=CHRISTMAS.weekly,
        special_days=CHRISTMAS.special_days,
        holidays=CHRISTMAS.holidays,
        lead_minutes=int(lead),
        cutoff_minute=int(cutoff[:2]) * 60 + int(cutoff[3:]),
    )
    ready_ms = calendar.earliest_ready_ms(ms(placed))
    assert ready_ms is not None
    assert said(ready_ms) == ready


@pytest.mark.parametrize(
    ("day", "cutoff_minute", "last"),
    [
        ("2026-03-29", 150, "2026-03-29 01:00"),  # 02:30 is missing: the first instant after the gap
        ("2026-10-25", 150, "2026-10-25 01:30"),  # 02:30 comes twice: the second
        ("2026-10-25", 960, "2026-10-25 15:00"),
    ],
)
def test_the_cut_off_where_the_clocks_change(day: str, cutoff_minute: int, last: str) -> None:
    calendar = Calendar(zone="Europe/Berlin", cutoff_minute=cutoff_minute)
    assert calendar.earliest_ready_ms(ms(last)) == ms(last)
    later_ms = calendar.earliest_ready_ms(ms(last) + 1)
    assert later_ms is not None
    end_of_day = {"2026-03-29": "2026-03-29 22:00", "2026-10-25": "2026-10-25 23:00"}[day]
    assert said(later_ms) == end_of_day


def test_a_shop_that_stays_closed_has_no_next_opening_and_keeps_its_deadlines() -> None:
    reopening = SpecialDay(date(2026, 1, 1) + timedelta(days=CLOSED_DAYS_MAX), intervals("10:00-12:00"))
    closed = Calendar(weekly=((),) * 7, special_days=(reopening,), slot_minutes=30, lead_minutes=10)
    noon = ms("2026-01-01 12:00")
    assert next_opening_ms(closed, noon) == ms(f"{reopening.day} 10:00")
    assert closed.deadline_ms(noon) == ms(f"{reopening.day} 12:00")
    day_before = noon - DAY_MS
    assert next_opening_ms(closed, day_before) is None
    assert closed.earliest_ready_ms(day_before) is None
    assert closed.deadline_ms(day_before) == day_before
    assert Calendar(weekly=((),) * 7, cutoff_minute=0).earliest_ready_ms(noon) is None


def test_a_calendar_without_hours_changes_nothing() -> None:
    at_ms = ms("2026-03-29 01:00:00.123")
    assert ALWAYS_OPEN.always_open
    assert ALWAYS_OPEN.is_open(at_ms)
    assert ALWAYS_OPEN.deadline_ms(at_ms) == ALWAYS_OPEN.earliest_ready_ms(at_ms) == at_ms
    assert ALWAYS_OPEN.slots_between(at_ms, at_ms + DAY_MS) == ()
    assert not ALWAYS_OPEN._day.cache_info().currsize, "no day was compiled for it"


@pytest.mark.parametrize(
    "calendar",
    [
        Calendar(weekly=((Interval(0, 1439),), *ALWAYS_OPEN.weekly[1:])),
        Calendar(special_days=(SpecialDay(date(2026, 7, 1)),)),
        Calendar(holidays=frozenset({date(2026, 7, 1)})),
    ],
)
def test_any_closed_minute_makes_it_another_calendar(calendar: Calendar) -> None:
    assert not calendar.always_open


def test_no_more_days_are_held_than_named_and_the_least_recently_asked_goes() -> None:
    calendar = Calendar(weekly=weekly("mon-sun 09:00-20:00"))
    first, number = ms("2026-01-01 12:00"), zones.number_of(date(2026, 1, 1))
    assert calendar.is_open(first)
    compiled = calendar._day(number)
    for day in range(2 * DAYS_COMPILED_MAX):
        assert calendar.is_open(first + day * DAY_MS)
        assert calendar.is_open(first)
    assert calendar._day.cache_info().currsize == DAYS_COMPILED_MAX
    assert calendar._day(number) is compiled


def test_a_window_has_a_limit() -> None:
    assert CHRISTMAS.open_intervals(0, WINDOW_MS_MAX)
    assert CHRISTMAS.open_intervals(1, 1) == CHRISTMAS.open_intervals(1, 0) == ()
    with pytest.raises(ValueError, match="at most"):
        CHRISTMAS.open_intervals(0, WINDOW_MS_MAX + 1)


def test_time_zones_come_from_the_pinned_tzdata_and_not_from_the_machine(tmp_path: Path) -> None:
    """A machine whose database says that Berlin keeps Kolkata's time."""
    (tmp_path / "Europe").mkdir()
    kolkata = files("tzdata").joinpath("zoneinfo", "Asia", "Kolkata").read_bytes()
    (tmp_path / "Europe" / "Berlin").write_bytes(kolkata)
    zones._read.cache_clear()
    ZoneInfo.clear_cache()
    reset_tzpath(to=[tmp_path])
    try:
        offset = datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")).utcoffset()
        assert offset == timedelta(hours=5, minutes=30), "the machine's is wrong indeed"
        assert [stretch.offset_ms for stretch in zones.local_day("Europe/Berlin", 20_454).stretches] == [HOUR_MS]
    finally:
        reset_tzpath()
        ZoneInfo.clear_cache()


def test_a_zone_is_a_name_and_no_path() -> None:
    assert zones.is_known("Europe/Berlin")
    assert not zones.is_known("../../../etc/passwd")
    with pytest.raises(KeyError):
        zones.local_day("Europe/Atlantis", 0)
    with pytest.raises(KeyError):
        zones.local_day("../zones", 0)


def test_a_calendar_of_every_field_is_read_back() -> None:
    calendar = Calendar(
        zone="Europe/Berlin",
        weekly=weekly("mon-sat 09:00-20:00"),
        special_days=(
            SpecialDay(date(2026, 12, 24), intervals("09:00-13:00"), duties("09:00-13:00x4")),
            SpecialDay(date(2026, 12, 31), (), ()),
            SpecialDay(date(2027, 1, 2), intervals("10:00-12:00")),
        ),
        holidays=frozenset({date(2026, 12, 26), date(2026, 12, 25)}),
        slot_minutes=30,
        staff=staffed("mon-sat 09:00-20:00x2 16:00-20:00x1"),
        pickups_per_staff_hour=6,
        lead_minutes=90,
        cutoff_minute=1080,
    )
    written = to_json(calendar)
    assert msgspec.json.decode(written, type=Calendar) == calendar
    assert b'["2026-12-25","2026-12-26"]' in written, "the same bytes whatever the set's sequence"
    defaults = msgspec.structs.astuple(ALWAYS_OPEN)
    fields = msgspec.structs.astuple(calendar)
    assert all(mine != its for mine, its in zip(fields, defaults, strict=True)), "every field is told apart"


def test_reading_a_calendar_asks_no_time_zone() -> None:
    nowhere = to_json(Calendar(zone="Europe/Atlantis"))
    assert msgspec.json.decode(nowhere, type=Calendar).zone == "Europe/Atlantis"

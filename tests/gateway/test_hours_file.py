"""Hours as people write them in the chain file: read as they are meant, or refused with place and mend."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from actors.calendar.faults import faults
from actors.calendar.hours import ALL_DAY, ALWAYS_OPEN, Calendar, Duty, Interval, SpecialDay
from actors.core.chain import Store
from actors.core.policy import ChainLimitRule
from serve.config.chain_file import read_chain_file
from serve.config.hours_text import days_of, duties_of, minute_of, opening_of, special_days_of, staff_of, week_of
from serve.config.settings import SettingsError

YEAR = 2026
EXAMPLE = Path(__file__).parents[2] / "serve" / "config.yaml"
NINE_TO_EIGHT = (Interval(540, 1_200),)


def stores_of(folder: Path, text: str) -> list[Store]:
    """The shops of a chain file."""
    path = folder / "chain.yaml"
    path.write_text(text, encoding="utf-8")
    return read_chain_file(path).to_stores(YEAR)


def hours(folder: Path, text: str) -> Calendar:
    """The calendar of a shop whose `hours` are these."""
    (store,) = stores_of(folder, f"stores: [{{store_id: S1, hours: {text}}}]")
    return store.calendar


def refusal(folder: Path, text: str) -> str:
    """What is said of a chain file that does not hold."""
    with pytest.raises(SettingsError) as refused:
        stores_of(folder, text)
    assert str(folder / "chain.yaml") in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "minute"), [("00:00", 0), ("0:05", 5), ("09:00", 540), ("9:00", 540), (" 23:59 ", 1_439), ("24:00", 1_440)]
)
def test_a_time_of_day(text: str, minute: int) -> None:
    assert minute_of(text) == minute


@pytest.mark.parametrize(
    "value", ["", "9", "9:5", "24:01", "12:60", "25:00", "-1:00", "9.30", "noon", 1_020, None, True]
)
def test_what_is_no_time_of_day(value: Any) -> None:
    with pytest.raises(ValueError, match=r"time of day"):
        minute_of(value)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon", [0]),
        ("mon-fri", [0, 1, 2, 3, 4]),
        ("Sat-Sun", [5, 6]),
        ("mon,wed-thu , sun", [0, 2, 3, 6]),
        ("tue-tue", [1]),
    ],
)
def test_days(text: str, days: list[int]) -> None:
    assert days_of(text) == days


@pytest.mark.parametrize("text", ["", "monday", "mon-", "-fri", "mon--fri", "mon-fri-sat", ",", "mon,", "fri-mon", "1"])
def test_what_names_no_days(text: str) -> None:
    with pytest.raises(ValueError, match=r"write (days as )?(mon|fri)"):
        days_of(text)


def test_opening_intervals() -> None:
    assert opening_of("09:00-20:00") == NINE_TO_EIGHT
    assert opening_of("9:00 - 12:30,14:00-24:00") == (Interval(540, 750), Interval(840, 1_440))
    assert opening_of("09:00-12:00, 12:00-20:00") == (Interval(540, 720), Interval(720, 1_200))
    assert opening_of("Closed") == ()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("09:00", "'09:00' is not from one time to another; write"),
        ("09:00-12:00;", "is not from one time to another"),
        ("09:00-12:00,", "'' is not from one time to another"),
        ("09:00-25:00", "'25:00' is not a time of day"),
        ("12:00-12:00", "ends before it begins"),
        ("22:00-02:00", 'write one over midnight as two, up to "24:00"'),
        ("09:00-12:00, 11:59-14:00", "'11:59-14:00' begins before the one in front ends"),
        ("14:00-18:00, 09:00-12:00", "begins before the one in front ends"),
        ("09:00-12:00 2", "is not an opening interval"),
        ("09:00-12:00, " * 100, "at most 1000 are read"),
        (None, "None is not text; write"),
        (540, "540 is not text; write"),
        ("", "'' is not text"),
    ],
)
def test_what_is_no_opening(value: Any, why: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # its text is compared below
        opening_of(value)
    assert why in str(refused.value)


def test_duties() -> None:
    assert duties_of(2) == (Duty(0, 1_440, 2),)
    assert duties_of(0) == ()
    assert duties_of("09:00-12:00 1, 11:00-20:00 3") == (Duty(540, 720, 1), Duty(660, 1_200, 3))
    assert staff_of(1) == ((Duty(0, 1_440, 1),),) * 7
    assert staff_of({"mon-tue": 1, "sun": "10:00-11:00 2"}) == (
        *((Duty(0, 1_440, 1),),) * 2,
        *((),) * 4,
        (Duty(600, 660, 2),),
    )


@pytest.mark.parametrize("value", [-1, True, 1.5, None, "two", "09:00-12:00", "09:00-12:00 x", "09:00-12:00 -1"])
def test_what_is_no_duty(value: Any) -> None:
    with pytest.raises(ValueError, match=r'write (a number for the whole day, or )?"'):
        duties_of(value)


def test_a_week_names_every_day_once() -> None:
    assert week_of({"mon-sat": "09:00-20:00", "sun": "closed"}) == (*(NINE_TO_EIGHT,) * 6, ())
    with pytest.raises(ValueError, match="does not name sat, sun; write sat,sun: closed, or their hours"):
        week_of({"mon-fri": "09:00-20:00"})
    with pytest.raises(ValueError, match="names fri in 'mon-fri' and in 'fri-sun'; name each day once"):
        week_of({"mon-fri": "09:00-20:00", "fri-sun": "closed"})
    with pytest.raises(ValueError, match="mon-sat: '9-20' is not from one time to another"):
        week_of({"mon-sat": "9-20", "sun": "closed"})
    with pytest.raises(ValueError, match="is no table of days; write"):
        week_of("09:00-20:00")


def test_special_days_are_dates_with_or_without_quotes() -> None:
    text = """
    2026-12-31: {open: "09:00-13:00", staff: 1}
    "2026-12-24": "09:00-14:00"
    2026-12-27: closed
    """
    assert special_days_of(yaml.safe_load(text)) == (
        SpecialDay(date(2026, 12, 24), (Interval(540, 840),)),
        SpecialDay(date(2026, 12, 27)),
        SpecialDay(date(2026, 12, 31), (Interval(540, 780),), (Duty(0, 1_440, 1),)),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{24.12.2026: closed}", "24.12.2026: is not a date; write it as 2026-12-24"),
        ("{2026-12-24 10:00:00: closed}", "is not a date"),
        ("{1: closed}", "1: is not a date"),
        ("{2026-12-24: 9-14}", "2026-12-24: '9-14' is not from one time to another"),
        ("{2026-12-24: {staff: 1}}", "2026-12-24: takes open and staff; write"),
        ("{2026-12-24: {open: closed, lead: 2h}}", "takes open and staff"),
        ("closed", "is no table of dates; write"),
    ],
)
def test_what_is_no_special_day(text: str, why: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # its text is compared below
        special_days_of(yaml.safe_load(text))
    assert why in str(refused.value)


def test_everything_that_people_write(tmp_path: Path) -> None:
    found = hours(
        tmp_path,
        """{
        zone: Europe/Berlin,
        weekly: {mon-sat: "09:00-20:00", sun: closed},
        special_days: {2026-12-24: "09:00-14:00"},
        holidays: DE-BE,
        slot: 30m,
        staff: {mon-fri: "09:00-12:00 1, 12:00-20:00 3"},
        pickups_per_staff_hour: 6,
        lead: 2h,
        cutoff: "17:00",
        }""",
    )
    assert faults(found) == []
    assert (found.zone, found.weekly) == ("Europe/Berlin", (*(NINE_TO_EIGHT,) * 6, ()))
    assert found.special_days == (SpecialDay(date(2026, 12, 24), (Interval(540, 840),)),)
    assert {day.year for day in found.holidays} == {2026, 2027, 2028}
    assert date(2027, 3, 8) in found.holidays  # in Berlin alone
    assert found.staff == (*((Duty(540, 720, 1), Duty(720, 1_200, 3)),) * 5, (), ())
    assert (found.slot_minutes, found.pickups_per_staff_hour, found.lead_minutes, found.cutoff_minute) == (
        *(30, 6, 120),
        1_020,
    )


def test_a_shops_own_hours_go_before_the_chains_part_by_part(tmp_path: Path) -> None:
    text = """
    hours:
      {zone: Europe/Vienna, weekly: {mon-sun: "09:00-20:00"}, lead: 2h, slot: 1h, staff: 1, pickups_per_staff_hour: 4}
    stores:
      - {store_id: S1}
      - {store_id: S2, hours: {lead: 0m, slot: 15m}}
      - {store_id: S3, hours: {zone: UTC, weekly: {mon-sun: closed}, holidays: AT}}
    """
    first, second, third = (store.calendar for store in stores_of(tmp_path, text))
    assert (first.zone, first.lead_minutes, first.slot_minutes) == ("Europe/Vienna", 120, 60)
    assert (second.zone, second.lead_minutes, second.slot_minutes, second.weekly) == (
        *("Europe/Vienna", 0, 15),
        first.weekly,
    )
    assert (third.zone, third.weekly, third.lead_minutes, third.staff) == ("UTC", ((),) * 7, 120, first.staff)
    assert third.holidays
    assert not first.holidays


def test_shops_without_hours_are_always_open(tmp_path: Path) -> None:
    (store,) = stores_of(tmp_path, "stores: [{store_id: S1, channels: [web, app, web]}]")
    assert (store.calendar, store.holiday_region, store.channels) == (ALWAYS_OPEN, "", ("app", "web"))
    assert hours(tmp_path, "{zone: UTC}").weekly == (ALL_DAY,) * 7


def test_the_example_holds() -> None:
    chain = read_chain_file(EXAMPLE)
    stores = chain.to_stores(YEAR)
    assert len(stores) == 3
    assert all(not faults(store.calendar) and store.holiday_region == "DE-BE" for store in stores)
    policy = chain.to_policy()
    assert policy is not None
    assert policy.chain_limit_rules == (ChainLimitRule("", "LIMITED-EDITION", 0, 2, 30 * 86_400_000),)


FAULTS = [
    ("{zone: Mars/Base}", "stores.0.hours.zone: Value error, zone 'Mars/Base' is unknown; give an IANA name"),
    ("{zone: 7}", "stores.0.hours.zone: Value error, zone 7 is unknown"),
    ("{lead: 2h}", "stores.0.hours.zone: is required with hours, here or for the whole chain; give an IANA name"),
    ("{weekly: {mon-fri: closed}}", "stores.0.hours.weekly: Value error, does not name sat, sun; write"),
    ("{special_days: {x: closed}}", "stores.0.hours.special_days: Value error, x: is not a date"),
    ("{holidays: DE-XX}", "stores.0.hours.holidays: Value error, 'DE-XX' is not a known region; send an ISO 3166"),
    ("{holidays: NO}", "stores.0.hours.holidays: Value error, False is not text; write the region in quotes"),
    ("{slot: 30}", "stores.0.hours.slot: Value error, '30' is not a time; write 90s"),
    ("{slot: 90s}", "stores.0.hours.slot: Value error, '90s' is not whole minutes; write 30m or 2h"),
    ("{zone: UTC, slot: 25h, staff: 1, pickups_per_staff_hour: 1}", "stores.0.hours.slot: is 1500; give a number"),
    ("{zone: UTC, slot: 30m}", "stores.0.hours.staff: names nobody, so no slot has a place"),
    ("{zone: UTC, slot: 30m, staff: 1}", "stores.0.hours.pickups_per_staff_hour: is 0, so no slot has a place"),
    ("{zone: UTC, lead: 15d}", "stores.0.hours.lead: is 21600; give a number from 0 to 20160"),
    ("{cutoff: 17:00}", "stores.0.hours.cutoff: Value error, 1020 is not text; write a time of day in quotes"),
    ("{opening: all day}", "stores.0.hours.opening: Extra inputs are not permitted"),
    ("always", "stores.0.hours: Input should be a valid dictionary"),
]


@pytest.mark.parametrize(("text", "why"), FAULTS)
def test_a_fault_is_told_with_its_place(tmp_path: Path, text: str, why: str) -> None:
    assert why in refusal(tmp_path, f"stores: [{{store_id: S1, hours: {text}}}]")


def test_faults_of_the_whole_chains_hours(tmp_path: Path) -> None:
    assert "  hours.zone: Value error, zone 'Mars' is unknown" in refusal(tmp_path, "hours: {zone: Mars}")
    text = "{hours: {zone: UTC, slot: 30m, pickups_per_staff_hour: 1}, stores: [{store_id: S1}, {store_id: S2}]}"
    message = refusal(tmp_path, text)
    assert "  stores.0.hours.staff: names nobody" in message
    assert "  stores.1.hours.staff: names nobody" in message

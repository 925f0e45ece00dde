"""Pickup slots: how a day is cut, how many each takes, which can be booked, and what a change of hours breaks."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from actors.calendar.faults import (
    DUTIES_PER_DAY_MAX,
    HOLIDAYS_MAX,
    INTERVALS_PER_DAY_MAX,
    SPECIAL_DAYS_MAX,
    affected,
    faults,
)
from actors.calendar.hours import ALWAYS_OPEN, WINDOW_MS_MAX, Calendar, Duty, Interval, Slot, SpecialDay
from tests.shop.hours import (
    EPOCH,
    HOUR_MS,
    MILLISECOND,
    calendars,
    duties,
    instants,
    intervals,
    ms,
    rows,
    said,
    slots_of,
    staffed,
    weekly,
)

DAY_MS = 24 * HOUR_MS
MINUTE_MS = 60_000

# One day's hours and staff, and the slots that come of them: start (UTC) and places.
CUTS = """
    zone             | day        | hours                   | minutes | staff                     | rate | slots
    UTC              | 2026-12-21 | 09:00-11:00             | 60      | 09:00-11:00x2             | 6    | 09:00 12, 10:00 12
    UTC              | 2026-12-21 | 09:00-10:20             | 30      | 09:00-11:00x1             | 4    | 09:00 2, 09:30 2
    UTC              | 2026-12-21 | 09:10-10:15 11:00-11:30 | 30      | 00:00-24:00x1             | 2    | 09:10 1, 09:40 1, 11:00 1
    UTC              | 2026-12-21 | 09:00-09:29             | 30      | 00:00-24:00x1             | 2    |
    UTC              | 2026-12-21 | 09:00-11:00             | 30      | 09:00-10:15x1 10:00-11:00x2 | 8  | 09:00 4, 09:30 4, 10:00 10, 10:30 8
    UTC              | 2026-12-21 | 09:00-10:00             | 20      | 09:00-10:00x1             | 10   | 09:00 3, 09:20 3, 09:40 3
    UTC              | 2026-12-21 | 09:00-11:00             | 60      | 10:00-11:00x1             | 6    | 09:00 0, 10:00 6
    UTC              | 2026-12-21 | 09:00-11:00             | 60      |                           | 6    | 09:00 0, 10:00 0
    UTC              | 2026-12-21 | 09:00-11:00             | 60      | 09:00-11:00x2             | 0    | 09:00 0, 10:00 0
    Asia/Kolkata     | 2026-12-21 | 09:00-10:00             | 30      | 09:00-10:00x1             | 2    | 03:30 1, 04:00 1
    Europe/Berlin    | 2026-03-29 | 01:00-05:00             | 60      | 01:00-03:00x1 03:00-05:00x2 | 1  | 00:00 1, 01:00 2, 02:00 2
    Europe/Berlin    | 2026-10-25 | 01:30-04:00             | 60      | 00:00-24:00x1             | 1    | 23:30 1, 00:30 1, 01:30 1
    Europe/Berlin    | 2026-10-25 | 01:00-04:00             | 60      | 01:00-02:30x1 02:30-04:00x3 | 2  | 23:00 2, 00:00 4, 01:00 4, 02:00 6
    Europe/Berlin    | 2026-10-25 | 01:00-02:15 02:30-05:00 | 60      | 00:00-24:00x1             | 1    | 23:00 1, 00:00 1, 01:15 1, 02:15 1
    Australia/Lord_Howe | 2026-04-05 | 01:00-03:00          | 30      | 01:00-03:00x1             | 2    | 14:00 1, 14:30 1, 15:00 1, 15:30 1, 16:00 1
    Pacific/Apia     | 2011-12-30 | 09:00-11:00             | 60      | 09:00-11:00x2             | 6    |
"""  # noqa: E501 a row is one line


@pytest.mark.parametrize(("zone", "day", "hours", "minutes", "staff", "rate", "expected"), rows(CUTS))
def test_a_day_is_cut(zone: str, day: str, hours: str, minutes: str, staff: str, rate: str, expected: str) -> None:
    only = SpecialDay(date.fromisoformat(day), intervals(hours), duties(staff))
    calendar = Calendar(
        zone=zone,
        weekly=((),) * 7,
        special_days=(only,),
        slot_minutes=int(minutes),
        pickups_per_staff_hour=int(rate),
    )
    slots = slots_of(calendar, only.day)
    assert ", ".join(f"{said(slot.start_ms)[11:]} {slot.capacity}" for slot in slots) == expected
    assert all(slot.end_ms - slot.start_ms == int(minutes) * MINUTE_MS for slot in slots)


def test_a_special_day_has_its_weekdays_staff_unless_it_names_its_own() -> None:
    monday, next_monday, third = date(2026, 12, 21), date(2026, 12, 28), date(2027, 1, 4)
    shop = Calendar(
        weekly=weekly("mon 09:00-10:00; tue 09:00-10:00"),
        special_days=(
            SpecialDay(next_monday, intervals("09:00-10:00"), duties("09:00-10:00x3")),
            SpecialDay(third, intervals("09:00-10:00")),
        ),
        slot_minutes=60,
        staff=staffed("mon 09:00-10:00x1; tue 09:00-10:00x5"),
        pickups_per_staff_hour=1,
    )
    assert [slot.capacity for day in (monday, next_monday, third) for slot in slots_of(shop, day)] == [1, 3, 1]
    assert [slot.capacity for slot in slots_of(shop, date(2026, 12, 22))] == [5]


SHOP = Calendar(
    zone="Europe/Berlin",
    weekly=weekly("mon-sat 09:00-12:00"),
    holidays=frozenset({date(2026, 12, 25), date(2026, 12, 26)}),
    slot_minutes=60,
    staff=staffed("mon-sat 09:00-12:00x2"),
    pickups_per_staff_hour=1,
    lead_minutes=90,
)


def test_a_slot_is_known_by_its_exact_start() -> None:
    start = ms("2026-12-21 08:00")
    assert SHOP.slot_at(start) == Slot(start, start + HOUR_MS, 2)
    for other in (start - 1, start + 1, start + 30 * MINUTE_MS, ms("2026-12-21 11:00"), ms("2026-12-25 08:00")):
        assert SHOP.slot_at(other) is None
    for absurd in (-1, -(2**63), 2**63 - 1, 10**30):
        assert SHOP.slot_at(absurd) is None
    assert ALWAYS_OPEN.slot_at(start) is None


def test_slots_of_a_window_are_those_that_start_in_it() -> None:
    found = SHOP.slots_between(ms("2026-12-24 09:00"), ms("2026-12-28 09:00"))
    assert [said(slot.start_ms) for slot in found] == ["2026-12-24 09:00", "2026-12-24 10:00", "2026-12-28 08:00"]
    assert SHOP.slots_between(ms("2026-12-24 09:00"), ms("2026-12-24 09:00")) == ()
    assert ALWAYS_OPEN.slots_between(0, DAY_MS) == ()
    with pytest.raises(ValueError, match="at most"):
        SHOP.slots_between(0, WINDOW_MS_MAX + 1)


BOOKABLE = """
    placed                  | slot             | bookable
    2026-12-21 08:00        | 2026-12-21 10:00 | yes
    2026-12-21 08:30        | 2026-12-21 10:00 | yes
    2026-12-21 08:30:00.001 | 2026-12-21 10:00 | no
    2026-12-21 08:00        | 2026-12-21 09:00 | no
    2026-12-21 10:00        | 2026-12-22 08:00 | no
    2026-12-21 10:00        | 2026-12-22 09:00 | yes
    2026-12-21 09:30        | 2026-12-22 08:00 | yes
    2026-12-22 12:00        | 2026-12-21 08:00 | no
"""


@pytest.mark.parametrize(("placed", "start", "expected"), rows(BOOKABLE))
def test_a_slot_can_be_booked_once_the_order_is_ready_at_its_start(placed: str, start: str, expected: str) -> None:
    slot = SHOP.slot_at(ms(start))
    assert slot is not None
    assert SHOP.bookable(slot, ms(placed)) == (expected == "yes")


def test_the_slot_that_runs_and_the_slot_of_a_closed_shop_cannot_be_booked() -> None:
    at_once = replace(SHOP, lead_minutes=0)
    slot = slots_of(at_once, date(2026, 12, 21))[0]
    assert at_once.bookable(slot, slot.start_ms)
    assert not at_once.bookable(slot, slot.start_ms + 1)
    assert not replace(SHOP, weekly=((),) * 7).bookable(slot, slot.start_ms - DAY_MS)


# What SHOP's pickups of Monday 21 December (09:00, 10:00 and 11:00 by its clock) become.
TAKEN = {ms("2026-12-21 08:00"): 2, ms("2026-12-21 09:00"): 1, ms("2026-12-21 10:00"): 0}
NINE, TEN = "2026-12-21 08:00", "2026-12-21 09:00"
CHANGES = {
    "nothing": (SHOP, ()),
    "longer hours": (replace(SHOP, weekly=weekly("mon-sat 09:00-20:00")), ()),
    "an hour later": (replace(SHOP, weekly=weekly("mon-sat 10:00-13:00")), (NINE, TEN)[:1]),
    "closed that day": (replace(SHOP, special_days=(SpecialDay(date(2026, 12, 21)),)), (NINE, TEN)),
    "a holiday": (replace(SHOP, holidays=frozenset({date(2026, 12, 21)})), (NINE, TEN)),
    "one less on duty": (replace(SHOP, staff=staffed("mon-sat 09:00-12:00x1")), (NINE,)),
    "nobody on duty": (replace(SHOP, staff=((),) * 7), (NINE, TEN)),
    "more on duty": (replace(SHOP, staff=staffed("mon-sat 09:00-12:00x9")), ()),
    "half an hour later": (replace(SHOP, weekly=weekly("mon-sat 09:30-12:30")), (NINE, TEN)),
    "shorter slots": (replace(SHOP, slot_minutes=30, pickups_per_staff_hour=9), ()),
    "another zone": (replace(SHOP, zone="Asia/Kolkata"), (NINE, TEN)),
    "no slots any more": (replace(SHOP, slot_minutes=0), ()),
    "no slots any more, and later": (replace(SHOP, slot_minutes=0, weekly=weekly("mon 09:30-12:00")), (NINE,)),
}


@pytest.mark.parametrize(("new", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_change_names_the_pickups_that_it_breaks(new: Calendar, expected: tuple[str, ...]) -> None:
    assert tuple(map(said, affected(new, TAKEN))) == expected
    assert tuple(map(said, affected(new, dict(reversed(TAKEN.items()))))) == expected


# --- faults ------------------------------------------------------------------------------------------------------

WEEK = SHOP.weekly


def opening(*spans: tuple[int, int]) -> tuple[tuple[Interval, ...], ...]:
    return (tuple(Interval(*span) for span in spans), *WEEK[1:])


def on_duty(*rows_of_monday: tuple[int, int, int]) -> tuple[tuple[Duty, ...], ...]:
    return (tuple(Duty(*row) for row in rows_of_monday), *SHOP.staff[1:])


FAULTY: dict[str, tuple[Calendar, list[str]]] = {
    "none": (SHOP, []),
    "none, always open": (ALWAYS_OPEN, []),
    "none, touching": (replace(SHOP, weekly=opening((0, 600), (600, 1440))), []),
    "none, duties overlap": (replace(SHOP, staff=on_duty((0, 600, 1), (0, 600, 0))), []),
    "zone": (replace(SHOP, zone="Europe/Atlantis"), ["zone"]),
    "zone is a path": (replace(SHOP, zone="../zones"), ["zone"]),
    "six days": (replace(SHOP, weekly=WEEK[:6], staff=SHOP.staff[:5]), ["weekly", "staff"]),
    "overlap": (replace(SHOP, weekly=opening((540, 720), (719, 800))), ["weekly[0][1]"]),
    "late before early": (replace(SHOP, weekly=opening((900, 1000), (540, 720))), ["weekly[0][1]"]),
    "reversed": (replace(SHOP, weekly=opening((720, 540))), ["weekly[0][0]"]),
    "empty": (replace(SHOP, weekly=opening((720, 720))), ["weekly[0][0]"]),
    "past midnight": (replace(SHOP, weekly=opening((1320, 1560))), ["weekly[0][0]"]),
    "below zero": (replace(SHOP, weekly=opening((-1, 60))), ["weekly[0][0]"]),
    "too many intervals": (
        replace(SHOP, weekly=opening(*((n, n + 1) for n in range(INTERVALS_PER_DAY_MAX + 1)))),
        ["weekly[0]"],
    ),
    "duty reversed": (replace(SHOP, staff=on_duty((720, 540, 1))), ["staff[0][0]"]),
    "negative staff": (replace(SHOP, staff=on_duty((540, 720, -1))), ["staff[0][0].staff"]),
    "too many duties": (replace(SHOP, staff=on_duty(*[(0, 1, 1)] * (DUTIES_PER_DAY_MAX + 1))), ["staff[0]"]),
    "special day": (
        replace(
            SHOP,
            special_days=(
                SpecialDay(date(2026, 1, 1), (Interval(9, 8),), (Duty(0, 1441, 1),)),
                SpecialDay(date(2026, 1, 1)),
            ),
        ),
        ["special_days[0].opening[0]", "special_days[0].staff[0]", "special_days[1]"],
    ),
    "too many special days": (
        replace(SHOP, special_days=tuple(SpecialDay(date.fromordinal(n)) for n in range(1, SPECIAL_DAYS_MAX + 2))),
        ["special_days"],
    ),
    "too many holidays": (
        replace(SHOP, holidays=frozenset(map(date.fromordinal, range(1, HOLIDAYS_MAX + 2)))),
        ["holidays"],
    ),
    "slot too long": (replace(SHOP, slot_minutes=1441), ["slot_minutes"]),
    "slot negative": (replace(SHOP, slot_minutes=-1), ["slot_minutes"]),
    "rate": (replace(SHOP, pickups_per_staff_hour=1001), ["pickups_per_staff_hour"]),
    "lead": (replace(SHOP, lead_minutes=-5), ["lead_minutes"]),
    "cut-off": (replace(SHOP, cutoff_minute=1441), ["cutoff_minute"]),
    "slots without a rate": (replace(SHOP, pickups_per_staff_hour=0), ["pickups_per_staff_hour"]),
    "slots without staff": (replace(SHOP, staff=((),) * 7), ["staff"]),
    "none, no slots and no staff": (replace(SHOP, slot_minutes=0, staff=((),) * 7, pickups_per_staff_hour=0), []),
}


@pytest.mark.parametrize(("calendar", "fields"), FAULTY.values(), ids=FAULTY)
def test_every_fault_names_its_field_and_the_mend(calendar: Calendar, fields: list[str]) -> None:
    found = faults(calendar)
    assert [field for field, _ in found] == fields
    for field, sentence in found:
        assert sentence.startswith(field)
        assert ";" in sentence or " so " in sentence, "what is wrong, then what mends it"


# --- properties ----------------------------------------------------------------------------------------------------


@given(st.data())
def test_slots_lie_in_open_time_ascending_and_never_overlap(data: st.DataObject) -> None:
    calendar = data.draw(calendars())
    at_ms = data.draw(instants(calendar))
    slots = calendar.slots_between(at_ms, at_ms + 8 * DAY_MS)
    assert all(above.end_ms <= below.start_ms for above, below in pairwise(slots))
    for slot in slots:
        assert slot.end_ms - slot.start_ms == calendar.slot_minutes * MINUTE_MS
        assert calendar.open_intervals(slot.start_ms, slot.end_ms) == ((slot.start_ms, slot.end_ms),)
        assert calendar.slot_at(slot.start_ms) == slot
        assert calendar.slot_at(slot.start_ms + 1) is None
        assert slot.capacity >= 0
    if slots:
        in_slots = sum(slot.end_ms - slot.start_ms for slot in slots)
        open_ms = calendar.open_intervals(slots[0].start_ms, slots[-1].end_ms)
        assert in_slots <= sum(closes - opens for opens, closes in open_ms)


@given(st.data())
def test_slots_of_days_are_the_slots_of_their_window(data: st.DataObject) -> None:
    calendar = data.draw(calendars())
    start = data.draw(instants(calendar))
    first = (EPOCH + start * MILLISECOND).date()
    by_day = [slot for day in range(-1, 10) for slot in slots_of(calendar, first + timedelta(days=day))]
    window = calendar.slots_between(start, start + 7 * DAY_MS)
    assert [slot for slot in by_day if start <= slot.start_ms < start + 7 * DAY_MS] == list(window)


@given(st.data())
def test_what_is_bookable_starts_when_the_order_is_ready(data: st.DataObject) -> None:
    calendar = data.draw(calendars())
    placed = data.draw(instants(calendar))
    ready = calendar.earliest_ready_ms(placed)
    for slot in calendar.slots_between(placed - DAY_MS, placed + 3 * DAY_MS):
        assert calendar.bookable(slot, placed) == (ready is not None and ready <= slot.start_ms)
        assert slot.start_ms >= placed or not calendar.bookable(slot, placed)


@given(calendars())
def test_calendars_at_random_have_no_fault_but_idle_slots(calendar: Calendar) -> None:
    assert {field for field, _ in faults(calendar)} <= {"pickups_per_staff_hour", "staff"}

"""When an order is ready, for all shops at once: what each calendar says by itself, asked once a minute."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from actors.calendar.hours import ALL_DAY, ALWAYS_OPEN, DAY_MINUTES, Calendar, Duty, Interval, SpecialDay
from actors.calendar.zones import DAY_MS, MINUTE_MS
from serve.sourcing.store_index import NEVER_MS, SLICE, ReadyTimes

ZONES: Final = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
SHOP: Final = ((Interval(540, 720), Interval(780, 1_200)),) * 6 + ((),)
NIGHT: Final = ((Interval(0, 120), Interval(1_320, DAY_MINUTES)),) * 7
# Around the clocks' changes of 2026 in Berlin and New York, and a Christmas.
DAYS: Final = tuple(date(2026, *day) for day in ((3, 8), (3, 28), (10, 24), (10, 31), (12, 23)))


class AskedFor(Calendar, frozen=True):
    """A calendar that counts what it is asked."""

    asked: ClassVar[int] = 0

    def earliest_ready_ms(self, placed_at_ms: int) -> int | None:
        AskedFor.asked += 1
        return super().earliest_ready_ms(placed_at_ms)


def ready_at(calendars: Sequence[Calendar], *instants: int) -> list[list[int]]:
    """When each shop has an order ready that is placed at each instant."""

    async def main() -> list[list[int]]:
        times = ReadyTimes(calendars)
        return [(await times.at(at_ms)).tolist() for at_ms in instants]

    return asyncio.run(main())


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    special = draw(st.sampled_from(((), (SpecialDay(date(2026, 12, 24), (Interval(600, 840),)),))))
    return Calendar(
        draw(st.sampled_from(ZONES)),
        draw(st.sampled_from((SHOP, NIGHT, (ALL_DAY,) * 7, ((),) * 7))),
        special,
        draw(st.sampled_from((frozenset[date](), frozenset({date(2026, 12, 25)})))),
        slot_minutes=draw(st.sampled_from((0, 30))),
        staff=((Duty(0, DAY_MINUTES, 1),),) * 7,
        pickups_per_staff_hour=4,
        lead_minutes=draw(st.sampled_from((0, 0, 1, 120, 2_000))),
        cutoff_minute=draw(st.sampled_from((DAY_MINUTES, 1_020, 60))),
    )


@given(
    st.lists(calendars(), max_size=4),
    st.sampled_from(DAYS),
    st.lists(st.integers(0, 3 * DAY_MS), min_size=1, max_size=3),
    st.lists(st.sampled_from((1, 59_999, 30_000)), min_size=3, max_size=3),
)
def test_each_shop_has_the_time_that_its_calendar_says(
    shops: list[Calendar], day: date, since_ms: list[int], within_ms: list[int]
) -> None:
    start_ms = int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("UTC")).timestamp() * 1_000)
    # The first millisecond of a minute may be that of a cut-off, which is told apart below.
    instants = [
        start_ms + each // MINUTE_MS * MINUTE_MS + late for each, late in zip(since_ms, within_ms, strict=False)
    ]
    expected = [
        [NEVER_MS if (ready := shop.earliest_ready_ms(at_ms)) is None else ready for shop in shops]
        for at_ms in instants
    ]
    assert ready_at(shops, *instants) == expected


@pytest.mark.parametrize("minute", [*range(535, 545), *range(715, 725), *range(1_015, 1_025), *range(1_195, 1_205)])
def test_every_minute_about_an_opening_a_closing_and_a_cut_off(minute: int) -> None:
    start_ms = int(datetime(2026, 12, 23, tzinfo=ZoneInfo("Europe/Berlin")).timestamp() * 1_000)
    shops = [Calendar("Europe/Berlin", SHOP, lead_minutes=lead, cutoff_minute=1_020) for lead in (0, 5, 175)]
    instants = [start_ms + minute * MINUTE_MS + late for late in (0, 1, 29_999, 59_999)]
    exact = [[shop.earliest_ready_ms(at_ms) for shop in shops] for at_ms in instants]
    # At the millisecond of the cut-off it is too late already.
    first = exact[1] if minute == 1_020 else exact[0]
    assert ready_at(shops, *instants) == [first, *exact[1:]]


def test_calendars_are_asked_once_a_minute_and_once_for_all_that_are_alike() -> None:
    AskedFor.asked = 0
    alike = [AskedFor("Europe/Berlin", SHOP, slot_minutes=minutes) for minutes in (0, 15, 30)]
    other = AskedFor("Europe/Berlin", NIGHT)
    ready_at([*alike, ALWAYS_OPEN, other, AskedFor()], *range(0, MINUTE_MS, 20_000))
    assert AskedFor.asked == 4
    ready_at([*alike, other], 0, MINUTE_MS, DAY_MS)
    assert AskedFor.asked == 16


def test_days_that_are_over_are_forgotten() -> None:
    async def main() -> None:
        times = ReadyTimes([Calendar("Europe/Berlin", SHOP, slot_minutes=30)])
        for day in range(60):
            await times.at(day * DAY_MS)
        (asked,) = times._asked
        assert asked._day.cache_info().currsize < 4
        assert not any(asked._day(number).slots for number in range(60))

    asyncio.run(main())


def test_shops_that_are_always_open_are_ready_at_once() -> None:
    assert ready_at([ALWAYS_OPEN, Calendar("Europe/Berlin", slot_minutes=30)], 7, 70_007) == [[7, 7], [70_007, 70_007]]
    assert ready_at([], 7) == [[]]


def test_those_who_ask_at_once_share_the_work_and_others_have_their_turn() -> None:
    async def main() -> None:
        AskedFor.asked = 0
        shops = [AskedFor("Europe/Berlin", SHOP, lead_minutes=lead) for lead in range(3 * SLICE)]
        times = ReadyTimes(shops)
        asking = [asyncio.create_task(times.at(at_ms)) for at_ms in (1, 2, 3)]
        turns = 0
        while not all(task.done() for task in asking):
            await asyncio.sleep(0)
            turns += 1
        assert AskedFor.asked == 2 * len(shops)
        assert turns > 6

    asyncio.run(main())


def test_what_was_given_up_half_way_is_asked_anew() -> None:
    async def main() -> None:
        shops = [Calendar("Europe/Berlin", SHOP, lead_minutes=lead) for lead in range(3 * SLICE)]
        times = ReadyTimes(shops)
        for turns in range(8):
            asking = asyncio.create_task(times.at(turns * DAY_MS))
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            found = await times.at(turns * DAY_MS)
            assert found.tolist() == [shop.earliest_ready_ms(turns * DAY_MS) for shop in shops]

    asyncio.run(main())

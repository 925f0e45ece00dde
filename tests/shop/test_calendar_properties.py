"""What holds of any calendar at any instant: tried on calendars at random, where the clocks of their zones change."""

from datetime import date
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import assume, given, strategies as st

from actors.calendar.hours import WINDOW_MS_MAX, Calendar
from actors.core.message import to_json
from tests.shop.hours import EPOCH, HOUR_MS, MILLISECOND, calendars, instants, next_opening_ms

DAY_MS = 24 * HOUR_MS
MINUTE_MS = 60_000


@given(st.data())
def test_open_intervals_ascend_without_overlap_within_their_window(data: st.DataObject) -> None:
    calendar = data.draw(calendars())
    from_ms = data.draw(instants(calendar))
    to_ms = from_ms + data.draw(st.integers(0, 20 * DAY_MS))
    edges = [from_ms, *(edge for pair in calendar.open_intervals(from_ms, to_ms) for edge in pair), to_ms]
    assert edges == sorted(edges)
    assert all(opens < closes for opens, closes in calendar.open_intervals(from_ms, to_ms))


@given(st.data())
def test_is_open_agrees_with_open_intervals(data: st.DataObject) -> None:
    calendar = data.draw(calendars())
    at_ms = data.draw(instants(calendar))
    assert calendar.is_open(at_ms) == bool(calendar.open_intervals(at_ms, at_ms + 1))
    wide = calendar.open_intervals(at_ms - 2 * DAY_MS, at_ms + 2 * DAY_MS)
    assert calendar.is_open(at_ms) == any(opens <= at_ms < closes for opens, closes in wide)


@given(st.data())
def test_is_open_agrees_with_the_wall_clock_where_it_does_not_change(data: st.DataObject) -> None:
    """The zone is asked another way, and the hours are read off the local date and time."""
    calendar = data.draw(calendars())
    at_ms = data.draw(instants(calendar))
    zone = ZoneInfo(calendar.zone)
    local = (EPOCH + at_ms * MILLISECOND).astimezone(zone)
    offsets = {
        (EPOCH + (at_ms + hours * HOUR_MS) * MILLISECOND).astimezone(zone).utcoffset() for hours in range(-30, 31)
    }
    assume(len(offsets) == 1)
    opening = calendar.weekly[local.weekday()]
    if local.date() in calendar.holidays:
        opening = ()
    for special in calendar.special_days:
        if special.day == local.date():
            opening = special.opening
    minute = local.hour * 60 + local.minute
    assert calendar.is_open(at_ms) == any(start <= minute < end for start, end in opening)


@given(st.data())
def test_an_always_open_shop_is_open_through_every_change_of_the_clocks(data: st.DataObject) -> None:
    zone = data.draw(calendars()).zone
    calendar = Calendar(zone=zone, holidays=frozenset({date(2030, 1, 1)}))  # it has to look
    at_ms = data.draw(instants(calendar))
    found = calendar.open_intervals(at_ms, at_ms + 9 * DAY_MS)
    assert sum(closes - opens for opens, closes in found) == 9 * DAY_MS


@given(st.data())
def test_a_deadline_is_never_earlier_and_never_while_closed(data: st.DataObject) -> None:
    calendar = data.draw(calendars())
    at_ms = data.draw(instants(calendar))
    deadline = calendar.deadline_ms(at_ms)
    opening = next_opening_ms(calendar, at_ms)
    if opening is None:
        assert deadline == at_ms
        return
    fine = calendar.is_open(at_ms) or calendar.is_open(at_ms - 1)
    assert deadline == at_ms if fine else deadline > at_ms
    assert calendar.is_open(deadline) or calendar.is_open(deadline - 1)
    assert calendar.deadline_ms(deadline) == deadline
    if not fine:  # of the time until then, the shop is open from its next opening on, and no longer
        assert calendar.open_intervals(at_ms, deadline) == ((opening, deadline),)


@given(st.data())
def test_next_opening_is_the_first_open_instant(data: st.DataObject) -> None:
    calendar = data.draw(calendars())
    at_ms = data.draw(instants(calendar))
    opening = next_opening_ms(calendar, at_ms)
    if opening is None:
        assert not calendar.open_intervals(at_ms, at_ms + 365 * DAY_MS)
    else:
        assert opening >= at_ms
        assert calendar.is_open(opening)
        assert not calendar.open_intervals(at_ms, opening)


@given(st.data())
def test_between_placed_and_ready_lie_lead_minutes_of_open_time(data: st.DataObject) -> None:
    calendar = data.draw(calendars())
    placed = data.draw(instants(calendar))
    ready = calendar.earliest_ready_ms(placed)
    assume(ready is not None)
    assert ready is not None
    assert ready >= placed
    assert calendar.is_open(ready)
    without_lead = Calendar(
        calendar.zone,
        calendar.weekly,
        calendar.special_days,
        calendar.holidays,
        cutoff_minute=calendar.cutoff_minute,
    )
    counted_from = without_lead.earliest_ready_ms(placed)
    assert counted_from is not None
    assume(ready - counted_from <= WINDOW_MS_MAX)
    picking = sum(closes - opens for opens, closes in calendar.open_intervals(counted_from, ready))
    assert picking == calendar.lead_minutes * MINUTE_MS
    if calendar.cutoff_minute == 1440:
        assert not calendar.open_intervals(placed, counted_from)


@given(calendars())
def test_bytes_give_the_calendar_back(calendar: Calendar) -> None:
    again = msgspec.json.decode(to_json(calendar), type=Calendar)
    assert again == calendar
    assert hash(again) == hash(calendar)

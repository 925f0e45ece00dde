"""When a task has to be ready, and until when somebody has it, are decided once, and said by events."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.calendar import hours
from actors.calendar.hours import Calendar, Interval
from actors.core.policy import Policy
from actors.shop.picking.events import PickScanned, PickShorted
from actors.shop.snapshot import Capture
from tests.shop.scenario import play
from tests.shop.scenario_text import instant
from tests.shop.watched import Watched

OPEN: Final = Calendar(zone="Europe/Berlin", weekly=((Interval(9 * 60, 20 * 60),),) * 7, lead_minutes=120)
PICKS: Final = Policy(version=1, picks=True, calendar=OPEN, losers_wait=True)
OFF: Final = replace(PICKS, picks=False)
PAGE: Final = """
    at   | said
    0:00 | receive A 9, B 1
    0:01 | reserve ann A 2
         | confirm #3
         | claim o1.1 bob A 1
         | apply o1.1 1 CONFIRMED until 3:00
         | reserve cy B 1
         | confirm #7
         | count B 0
         | take #3 as eva
         | scan #3 A as eva
    0:05 | short #3 A 1 without as eva
    0:06 | receive B 1
"""


def promises(watched: Watched) -> dict[int, int]:
    return {number: task.promise_ms for number, task in watched.ledger.picks.rows.items()}


def test_promises_are_those_of_the_calendar() -> None:
    watched = play(PAGE, PICKS)
    ready_ms = OPEN.earliest_ready_ms(instant("0:01"))
    assert ready_ms is not None
    assert ready_ms > instant("0:06")
    assert promises(watched) == dict.fromkeys((3, 5, 7), ready_ms), "confirmed, of an order, and served again"
    watched = play(PAGE.split("| take")[0].rsplit("\n", 1)[0], OFF)
    assert promises(watched) == {}
    watched.adopt(replace(PICKS, version=2), instant("0:02"))
    assert set(promises(watched).values()) == {ready_ms}


def test_a_replay_asks_no_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = play(PAGE, PICKS)
    watched.adopt(replace(PICKS, version=2, picks=False), instant("0:10"))
    watched.adopt(replace(PICKS, version=3), instant("0:11"))
    before = Capture(watched.ledger).state_hash()

    def raising(name: str) -> Callable[..., Any]:
        def ask(*_: Any, **__: Any) -> Any:
            raise AssertionError(f"evolve asks the calendar: {name}")

        return ask

    methods = [name for name, value in vars(Calendar).items() if callable(value) and not name.startswith("__")]
    assert "earliest_ready_ms" in methods
    for name in methods:
        monkeypatch.setattr(hours.Calendar, name, raising(name))
    assert Capture(watched.replayed()).state_hash() == before


def test_a_lease_ends_when_its_event_says() -> None:
    watched = play(PAGE, PICKS)
    steps = [
        (record, event) for record in watched.records if isinstance(event := record.event, PickScanned | PickShorted)
    ]
    assert [event.lease_until_ms for _, event in steps] == [instant("0:11"), instant("0:15")]
    for record, event in steps:  # as it was written before
        watched.records[record.version - 1] = record._replace(event=replace(event, lease_until_ms=0))
    assert watched.audited().violations == ()
    assert watched.replayed().picks.rows == watched.ledger.picks.rows
    record, event = steps[0]
    watched.records[record.version - 1] = record._replace(event=replace(event, lease_until_ms=instant("0:10")))
    assert watched.audited().violations, "never sooner than it was"

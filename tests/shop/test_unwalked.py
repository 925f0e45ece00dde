"""What is decided for every call looks at what is live, however many final reservations are still kept."""

from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

from actors.core.ascending import FEW
from actors.core.deadlines import STALE_ENTRIES_MAX
from actors.core.policy import HOUR_MS
from actors.shop.events import Expired
from actors.shop.expiry import DROPPED_BY_A_MOVE, LOOKED_AT_ONCE_MAX, move_deadline
from actors.shop.invariants import check
from actors.shop.snapshot import Capture, restore
from actors.shop.state import Ledger, Reservation
from actors.shop.transact import expire
from tests.shop.scenario import play
from tests.shop.scenario_text import answer_text, command_of, instant
from tests.shop.watched import DAY_ZERO_MS, Watched


class Unwalked(dict[int, Reservation]):
    """Reservations that are looked up by number alone."""

    def __iter__(self) -> Iterator[int]:
        raise AssertionError("walked")

    def values(self) -> NoReturn:
        raise AssertionError("walked")

    items = values


def unwalked(text: str) -> Watched:
    watched = play(text)
    watched.ledger.reservations = Unwalked(watched.ledger.reservations)
    return watched


def test_stale_deadlines_are_dropped_beside_those_of_what_is_live() -> None:
    watched = unwalked("""
        at   | said
        0:00 | receive A 9
        0:01 | reserve ann A 1
        0:02 | reserve bob A 1
        0:03 | reserve ann A 1 for 1h
        0:04 | release #2
        0:05 | claim o1 cy A 1
    """)
    ledger = watched.ledger
    for number in range(2 * STALE_ENTRIES_MAX):
        watched.say(command_of(f"extend #3 for {2 + number % 2}h", f"k{number}"), instant("0:06"))
        assert len(ledger.deadlines.entries()) <= STALE_ENTRIES_MAX + 4 * ledger.open_reservations + 1
    ends = ["1:02", "1:03", "3:06"]
    assert [expired(ledger, instant(each)) for each in ends] == [[], [4], [3]], "and the part's is its order's"


class Counted(dict[int, Reservation]):
    """Reservations that count how often one is looked up."""

    times = 0

    def get(self, number: int, default: Any = None) -> Any:
        self.times += 1
        return super().get(number, default)


def expired(ledger: Ledger, now_ms: int, events_max: int | None = None) -> list[int]:
    return [event.number for event in expire(ledger, now_ms, events_max) if isinstance(event, Expired)]


def most_looked_up(stale: int) -> tuple[int, int]:
    """The most look-ups of one step in a ledger of three holds with so many stale deadlines beside, and of one sweep
    once all of them are due.
    """
    watched = play("at | said\n 0:00 | receive A 9\n 0:01 | reserve ann A 1\n 0:02 | reserve bob A 1")
    ledger = watched.ledger
    first = ledger.version - 1
    for number in range(stale):
        move_deadline(ledger, ledger.deadlines, first, DAY_ZERO_MS + (3 + number % 5) * HOUR_MS + number)
    looked = ledger.reservations = Counted(ledger.reservations)
    most = 0
    for number in range(99):
        before = looked.times
        watched.say(command_of(f"extend #{first} for {4 + number % 2}h", f"k{number}"), instant("0:06"))
        most = max(most, looked.times - before)
    for number in range(stale):
        ledger.deadlines.enter(DAY_ZERO_MS + HOUR_MS + number, first)
    sweep, found = 0, list[int]()
    while not found:
        before = looked.times
        found = expired(ledger, instant("3:00"), 200)
        sweep = max(sweep, looked.times - before)
    assert found == [first + 1]
    return most, sweep


def test_no_step_looks_at_more_deadlines_the_more_are_stale() -> None:
    for stale in (10_000, 40_000):
        steps, sweep = most_looked_up(stale)
        assert 0 < steps <= LOOKED_AT_ONCE_MAX + DROPPED_BY_A_MOVE + 9
        assert LOOKED_AT_ONCE_MAX <= sweep <= 2 * LOOKED_AT_ONCE_MAX + 9


def test_a_shortfall_looks_at_what_is_live() -> None:
    watched = unwalked("""
        at   | said
        0:00 | receive A 4, B 9
        0:01 | reserve ann A 2
        0:02 | reserve ann B 1
        0:03 | release #2
        0:04 | reserve ann A 1, B 1
        0:05 | reserve bob A 3
    """)
    told = watched.say(command_of("count A 2", "count"), instant("0:06"))
    assert "#6" in answer_text(told.answer)
    assert watched.stock()["A"][1] == 2


def test_a_recovery_enters_deadlines_with_their_reservations() -> None:
    watched = play("""
        at   | said
        0:00 | receive A 9
        0:01 | reserve ann A 1
        0:02 | reserve bob A 1 for 1h
        0:03 | claim o1 cy A 1
        0:04 | apply o1 1 HELD until 3:00
    """)
    rows = list(Capture(watched.ledger).rows())
    restored = restore(rows)
    assert sorted(restored.deadlines.heap) == sorted(watched.ledger.deadlines.heap)
    assert restored.leases.entries() == watched.ledger.leases.entries()


class Looked(Unwalked):
    """They count how often one is looked up."""

    times = 0

    def __getitem__(self, number: int) -> Reservation:
        self.times += 1
        return super().__getitem__(number)


def looked_at_to_lose(units: int, confirmed: int) -> int:
    """How many look-ups a count makes by which so many units are lost, one each: of three holds that are older than so
    many orders, of two that are younger, then of orders. A quarter of these is ready.
    """
    watched = play("at | said\n 0:00 | receive A 9999")
    say = iter(range(9 * confirmed + 99))
    for number in range(2, confirmed + 5):
        watched.say(command_of(f"reserve c{number} A 1", f"k{next(say)}"), instant("0:01"))
    for number in range(5, confirmed + 5):
        watched.say(command_of(f"confirm #{number}", f"k{next(say)}"), instant("0:02"))
    for number in range(8, confirmed + 5, 4):
        watched.say(command_of(f"ready #{number}", f"k{next(say)}"), instant("0:03"))
    first = watched.ledger.version + 1
    for _ in range(2):
        watched.say(command_of("reserve ann A 1", f"k{next(say)}"), instant("0:03"))
    assert check(watched.ledger) == []
    ordered = [number for number in range(confirmed + 4, 4, -1) if number % 4]
    wanted = [first + 1, first, 4, 3, 2, *ordered][:units]
    looked = watched.ledger.reservations = Looked(watched.ledger.reservations)
    told = watched.say(command_of(f"count A {confirmed + 5 - units}", "count"), instant("0:04"))
    assert answer_text(told.answer).endswith(f"short A {units}: " + ", ".join(f"#{number} -1" for number in wanted))
    return looked.times


@pytest.mark.parametrize("units", [3, 9])
def test_a_shortfall_looks_at_those_that_lose_however_many_hold_the_same(units: int) -> None:
    """At none of those that would lose later, also where there are too few holds."""
    looked = [looked_at_to_lose(units, confirmed) for confirmed in (FEW + 1, 3 * FEW)]
    assert units <= looked[0] == looked[1] <= 8 * units


def test_a_shortfall_of_what_few_hold_looks_at_these_once_more() -> None:
    assert looked_at_to_lose(3, FEW - 5) <= FEW + 8 * 3


def test_who_holds_very_much_is_indexed_by_rank_again_after_a_recovery() -> None:
    watched = play("at | said\n 0:00 | receive A 9999, B 9999")
    for number in range(FEW + 9):
        watched.say(command_of(f"reserve c{number} A 1, B 2", f"k{number}"), instant("0:01"))
    for place, text in enumerate(("confirm #2", "release #3 A 1", "amend #4 A 2", "ready #2", "collect #5")):
        watched.say(command_of(text, f"s{place}"), instant("0:02"))
        assert check(watched.ledger) == []
    assert check(restore(list(Capture(watched.ledger).rows()))) == []

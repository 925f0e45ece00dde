"""What is decided for every call looks at what is live, however many final reservations are still kept."""

from collections.abc import Iterator
from typing import NoReturn

import pytest

from actors.core.ascending import FEW
from actors.core.policy import HOUR_MS
from actors.shop.expiry import STALE_ENTRIES_MAX, rebuild
from actors.shop.snapshot import Capture, restore
from actors.shop.state import Ledger, Reservation
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


def test_deadlines_are_rebuilt_from_what_is_live() -> None:
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
    assert len(ledger.expiry_heap) <= STALE_ENTRIES_MAX + 4 * ledger.open_reservations
    rebuild(ledger)
    assert ledger.earliest_deadline_ms() == DAY_ZERO_MS + HOUR_MS + 3 * 60_000
    assert len(ledger.expiry_heap) == 2, "ann's second and bob's; the part's deadline is its order's"


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


def test_a_recovery_enters_deadlines_with_their_reservations(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not look up all of them once more."""
    watched = play("""
        at   | said
        0:00 | receive A 9
        0:01 | reserve ann A 1
        0:02 | reserve bob A 1 for 1h
        0:03 | claim o1 cy A 1
        0:04 | apply o1 1 HELD until 3:00
    """)
    rows = list(Capture(watched.ledger).rows())
    monkeypatch.setattr(Ledger, "live_numbers", None)
    restored = restore(rows)
    assert sorted(restored.expiry_heap) == sorted(watched.ledger.expiry_heap)
    assert restored.leases == watched.ledger.leases


class Looked(Unwalked):
    """They count how often one is looked up."""

    times = 0

    def __getitem__(self, number: int) -> Reservation:
        self.times += 1
        return super().__getitem__(number)


def looked_at_to_lose_three(confirmed: int) -> int:
    """How many look-ups a count makes by which three holds lose their unit, beside so many orders."""
    watched = play("at | said\n 0:00 | receive A 9999, B 9999")
    say = iter(range(9 * confirmed + 99))
    for number in range(2, confirmed + 2):
        watched.say(command_of(f"reserve c{number} {'AB'[number % 2]} 1", f"k{next(say)}"), instant("0:01"))
    for number in range(2, confirmed + 2):
        watched.say(command_of(f"confirm #{number}", f"k{next(say)}"), instant("0:02"))
    first = watched.ledger.version + 1
    for _ in range(5):
        watched.say(command_of("reserve ann A 1", f"k{next(say)}"), instant("0:03"))
    looked = watched.ledger.reservations = Looked(watched.ledger.reservations)
    told = watched.say(command_of(f"count A {confirmed // 2 + 2}", "count"), instant("0:04"))
    assert answer_text(told.answer).endswith(f"short A 3: #{first + 4} -1, #{first + 3} -1, #{first + 2} -1")
    return looked.times


def test_a_shortfall_looks_at_those_that_lose_however_many_hold_the_same() -> None:
    """Neither at the orders that would lose last, nor at what holds other SKUs; also beyond a list of few."""
    few, many = looked_at_to_lose_three(40), looked_at_to_lose_three(3 * FEW)
    assert 3 <= few == many

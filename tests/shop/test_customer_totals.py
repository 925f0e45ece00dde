"""Limits within a shop are decided by totals: as many holds are looked at for a marketplace as for anybody else."""

from typing import Any, Final

import pytest

from actors.core.policy import HOUR_MS, LimitRule, Policy
from actors.shop import customer_totals
from actors.shop.commands import Command, Reserve
from actors.shop.customer_totals import ADDED_UP_MAX, CustomerTotals
from actors.shop.invariants import check
from actors.shop.transact import expire
from tests.shop.scenario import play
from tests.shop.scenario_text import command_of
from tests.shop.test_limits import PAGES, CountedReads
from tests.shop.watched import DAY_ZERO_MS, Watched

LIMITED: Final = Policy(version=1, limit_rules=(LimitRule("", "", 9_000, 0), LimitRule("web", "A", 0, 9_000)))
# Said by a customer with many holds, when one unit is left and somebody else is in line for more.
SAID: Final = (
    "reserve ann A 1",
    "reserve ann A 1 basket b1",
    "reserve ann A 1 basket b1",
    "amend #3 A 2",
    "claim 7/1.1 ann A 1",
    "claim 7/1.2 ann of all A 2",
    "apply 7/1.1 1 HELD until 9:00 via app",
    "release #4",
    "collect #5",
    "reserve ann A 9000",
)


def crowd(holds: int) -> Watched:
    """One customer with so many holds of a unit, and with one decision made since."""
    watched = Watched()
    watched.ledger.reservations = CountedReads()
    watched.say(command_of(f"receive A {holds + 100}", "stock"), DAY_ZERO_MS)
    for index in range(holds):
        watched.say(Reserve(f"k{index}", "ann", "web", "", (("A", 1),), HOUR_MS), DAY_ZERO_MS)
    watched.adopt(LIMITED, DAY_ZERO_MS)
    watched.say(command_of("reserve ann A 1", "first"), DAY_ZERO_MS)
    return watched


def reads_of(watched: Watched, command: Command) -> int:
    reservations: Any = watched.ledger.reservations
    before = reservations.reads
    watched.say(command, DAY_ZERO_MS)
    return int(reservations.reads - before)


@pytest.fixture(name="crowds", scope="module")
def made_crowds() -> list[Watched]:
    return [crowd(holds) for holds in (200, 2_000)]


def test_a_decision_does_not_look_at_all_that_its_customer_holds(crowds: list[Watched]) -> None:
    for key, text in enumerate(SAID):
        few, many = (reads_of(watched, command_of(text, f"x{key}")) for watched in crowds)
        assert few == many < 20, text
    for watched in crowds:
        assert "ann" in watched.ledger.totals
        assert check(watched.ledger) == []


def test_totals_are_gone_with_the_last_that_counts() -> None:
    watched = crowd(2 * ADDED_UP_MAX)
    assert watched.ledger.totals
    watched.wait(DAY_ZERO_MS + 3 * HOUR_MS)
    assert watched.ledger.totals == {}
    assert expire(watched.ledger, DAY_ZERO_MS + 3 * HOUR_MS) == []
    assert watched.complaints() == []


@pytest.mark.parametrize(("rules", "page"), PAGES.values(), ids=PAGES)
def test_limits_are_the_same_by_totals_that_are_kept(
    rules: list[LimitRule], page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customer_totals, "ADDED_UP_MAX", 0)
    play(page, Policy(version=1, limit_rules=tuple(rules)))


@pytest.mark.parametrize("broken", ["put", "take"])
def test_totals_that_miss_something_are_named(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    watched = crowd(ADDED_UP_MAX + 9)
    monkeypatch.setattr(CustomerTotals, broken, lambda *_: None)
    watched.say(command_of("reserve ann A 1" if broken == "put" else "release #3", "x"), DAY_ZERO_MS)
    monkeypatch.undo()
    assert [each.invariant for each in check(watched.ledger)] == ["I15"]

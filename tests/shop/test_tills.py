"""A shop as it really is beside its ledger: a shelf, and tills that sell from it while nobody hears of it.

Whatever is said in whatever sequence, no unit is sold that is not there, and none that was promised. Once all tills
have said what they sold, or were counted, the book has what lies on the shelf.
"""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from actors.core.policy import DAY_MS, HOUR_MS
from actors.core.status import ReleaseReason
from actors.shop.allotments.allotment import AllotmentStatus, HolderKind
from actors.shop.allotments.evolve import book_sale
from actors.shop.commands import (
    AdjustmentKind,
    AdjustStock,
    AllotStock,
    Amend,
    Collect,
    Command,
    CountStock,
    ExtendAllotment,
    Movement,
    Release,
    Reserve,
    ReturnAllotment,
)
from actors.shop.decide_stock import booking_of
from actors.shop.events import AllotmentExpired, Event, StockAdjusted
from actors.shop.evolve import evolve
from actors.shop.expiry import Due, due
from actors.shop.invariants import check
from actors.shop.state import Ledger, Reservation
from tests.mutating import run_mutant
from tests.shop.scenario_text import MINUTE_MS
from tests.shop.watched import DAY_ZERO_MS, Core, Watched, assembled

EXAMPLES: Final = 150  # some 15 s
STEPS: Final = 40
RUN_MS_MAX: Final = 20 * HOUR_MS  # counts look back a day


class Till:
    """One till: what it was given, what is left by its own book, and what it has sold and not said."""

    def __init__(self, number: int, units: int, until_ms: int) -> None:
        self.number, self.left, self.until_ms = number, units, until_ms
        self.unsaid: list[tuple[int, int]] = []  # units, and when
        self.said = 0  # rows
        self.is_gone = False


class TillMachine(RuleBasedStateMachine):
    """One SKU, several tills and a channel with a quota."""

    core: Core | None = None

    def __init__(self) -> None:
        super().__init__()
        self.watched = Watched(core=self.core)
        self.clock_ms = DAY_ZERO_MS + DAY_MS
        self.shelf = self.keys = 0
        self.was: list[tuple[int, int]] = []  # when, and what lay on the shelf from then on
        self.tills: list[Till] = []
        self.held: list[int] = []
        self.quotas: list[int] = []

    def say(self, command: Command) -> Any:
        answer = self.watched.say(command, self.clock_ms).answer
        return answer if isinstance(answer, Reservation) else answer.answer

    def key(self) -> str:
        self.keys += 1
        return f"k{self.keys}"

    def take(self, units: int) -> None:
        self.shelf -= units
        self.was.append((self.clock_ms, self.shelf))
        assert self.shelf >= 0, "what is not there was sold"

    def lay_then(self, at_ms: int) -> int:
        """What lay on the shelf at an instant, with all that happened in that millisecond."""
        return [0, *(units for when, units in self.was if when <= at_ms)][-1]

    @initialize(units=st.integers(5, 30))
    def open_the_shop(self, units: int) -> None:
        self.receive(units)

    @rule(units=st.integers(1, 9))
    def receive(self, units: int) -> None:
        self.tick()
        self.take(-units)
        self.say(AdjustStock(self.key(), "wms", (Movement("A", units, 0, AdjustmentKind.RECEIPT, 0),)))

    @rule(units=st.integers(1, 6), channel=st.sampled_from(["web", "app"]), basket=st.sampled_from(["", "b"]))
    def reserve(self, units: int, channel: str, basket: str) -> None:
        free = self.watched.ledger.positions["A"].available
        quota = sum(line.left for _, line in self.watched.ledger.allotments.live_of("A", HolderKind.CHANNEL))
        answer = self.say(Reserve(self.key(), "ann", channel, basket, (("A", units),), 0))
        if isinstance(answer, Reservation):
            self.held.append(answer.number)
        if not basket:
            fits = units <= free + (quota if channel == "app" else 0)
            assert isinstance(answer, Reservation) is fits, "what is there can be had, and nobody takes from others"

    @precondition(lambda self: self.held)
    @rule(pick=st.integers(0, 9), units=st.integers(0, 4), what=st.sampled_from(["collect", "release", "amend"]))
    def step(self, pick: int, units: int, what: str) -> None:
        number = self.held[-1 - pick % len(self.held)]
        lines = (("A", units),) if units else ()
        self.tick()
        if what == "collect":
            before = self.watched.ledger.positions["A"].sold
            self.say(Collect(self.key(), number, "p", lines))
            self.take(self.watched.ledger.positions["A"].sold - before)
        elif what == "release":
            self.say(Release(self.key(), number, ReleaseReason.OTHER, lines))
        else:
            self.say(Amend(self.key(), number, lines, HOUR_MS, 0))

    @rule(units=st.integers(1, 6), ttl=st.sampled_from([10 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS]))
    def a_till_takes_units(self, units: int, ttl: int) -> None:
        answer = self.say(AllotStock(self.key(), HolderKind.TILL, "t", (("A", units),), (), ttl, ""))
        if getattr(answer, "lines", None):
            self.tills.append(Till(answer.number, units, answer.expires_at_ms))

    @rule(units=st.integers(1, 6), first=st.booleans())
    def a_channel_gets_a_quota(self, units: int, first: bool) -> None:
        answer = self.say(AllotStock(self.key(), HolderKind.CHANNEL, "app", (("A", units),), (), HOUR_MS, "", first))
        if getattr(answer, "lines", None):
            self.quotas.append(answer.number)

    @precondition(lambda self: self.quotas)
    @rule()
    def a_quota_ends(self) -> None:
        self.say(ReturnAllotment(self.key(), self.quotas.pop(), settled=False))

    @precondition(lambda self: self.tills)
    @rule(pick=st.integers(0, 9), units=st.integers(1, 4))
    def a_till_sells(self, pick: int, units: int) -> None:
        """Cut off: nobody hears of it."""
        till = self.till(pick)
        self.tick()
        if self.clock_ms < till.until_ms and units <= till.left:
            self.take(units)
            till.left -= units
            till.unsaid.append((units, self.clock_ms))

    @precondition(lambda self: self.tills)
    @rule(pick=st.integers(0, 9), again=st.booleans())
    def a_till_settles(self, pick: int, again: bool) -> None:
        self.settle(self.till(pick), again=again)

    def settle(self, till: Till, *, again: bool = False) -> None:
        rows = tuple(
            Movement("A", -units, till.said + place, AdjustmentKind.SALE, self.clock_ms - when, till.number)
            for place, (units, when) in enumerate(till.unsaid, start=1)
        )
        if not rows:
            return
        self.tick()
        rows = tuple(
            Movement(row.sku, row.delta, row.sequence, row.kind, row.age_ms + 1, row.allotment) for row in rows
        )
        for _ in range(1 + again):
            self.say(AdjustStock(self.key(), f"t{till.number}", rows))
        till.said += len(rows)
        till.unsaid = []

    @precondition(lambda self: self.tills)
    @rule(pick=st.integers(0, 9))
    def a_till_returns(self, pick: int) -> None:
        """It settles first, and sells no more whatever the answer is."""
        till = self.till(pick)
        self.settle(till)
        till.left = 0
        self.say(ReturnAllotment(self.key(), till.number, settled=True))

    @precondition(lambda self: self.tills)
    @rule(pick=st.integers(0, 9), end=st.booleans())
    def somebody_ends_or_extends_it(self, pick: int, end: bool) -> None:
        till = self.till(pick)
        if end:
            self.say(ReturnAllotment(self.key(), till.number, settled=False))
            return
        answer = self.say(ExtendAllotment(self.key(), till.number, HOUR_MS))
        till.until_ms = getattr(answer, "expires_at_ms", till.until_ms)

    def till(self, pick: int) -> Till:
        return self.tills[-1 - pick % len(self.tills)]

    @rule(back=st.sampled_from([0, 0, 1, 5 * MINUTE_MS, HOUR_MS]), holds=st.booleans())
    def count(self, back: int, holds: bool) -> None:
        """All that lies on the shelf; without holds those that are set aside were left out."""
        self.tick()
        as_of_ms = self.clock_ms - back
        holds = holds or bool(back)
        units = self.lay_then(as_of_ms) - (0 if holds else self.watched.ledger.positions["A"].reserved)
        if units >= 0:
            self.say(CountStock(self.key(), (("A", units),), as_of_ms, holds))

    @rule()
    def count_without_what_lies_at_tills(self) -> None:
        self.tick()
        ledger = self.watched.ledger
        at_tills = ledger.allotments.with_tills("A") - self.unsaid_of_live()
        self.say(CountStock(self.key(), (("A", self.shelf - at_tills),), 0, True, False))

    def unsaid_of_live(self) -> int:
        """Units that tills have sold and not said, and the ledger still has in their allotments."""
        rows = self.watched.ledger.allotments.rows
        live = [till for till in self.tills if till.number in rows and rows[till.number].is_live]
        return sum(
            min(sum(units for units, _ in till.unsaid), sum(line.left for line in rows[till.number].lines))
            for till in live
        )

    def tick(self) -> None:
        self.clock_ms += 1

    @rule(jump=st.sampled_from([1, MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS]))
    def time_passes(self, jump: int) -> None:
        if self.clock_ms + jump - DAY_ZERO_MS - DAY_MS <= RUN_MS_MAX:
            self.clock_ms += jump
            self.watched.wait(self.clock_ms)

    @rule()
    def restart(self) -> None:
        self.watched.restart()

    @invariant()
    def nothing_is_promised_that_may_be_sold(self) -> None:
        assert check(self.watched.ledger) == []
        position = self.watched.ledger.positions.get("A")
        if position is not None:
            may_sell = sum(till.left for till in self.tills if self.clock_ms < till.until_ms)
            quotas = sum(line.left for _, line in self.watched.ledger.allotments.live_of("A", HolderKind.CHANNEL))
            assert position.reserved + quotas + max(0, position.available) + may_sell <= self.shelf

    def teardown(self) -> None:
        """Some tills come back, the others never do; then all is counted, and late ones say what they sold."""
        for till in self.tills[::2]:
            self.settle(till)
        self.clock_ms = max([self.clock_ms, *(till.until_ms for till in self.tills)]) + 1
        self.watched.wait(self.clock_ms)
        if any(till.unsaid for till in self.tills):
            self.say(CountStock(self.key(), (("A", self.shelf),), 0, True))
        for till in self.tills:
            self.settle(till)
        complaints = self.watched.complaints() or self.watched.mistold()
        assert not complaints, "\n".join(complaints)
        if "A" in self.watched.ledger.positions:
            assert self.watched.ledger.positions["A"].on_hand == self.shelf
        self.say(CountStock(self.key(), (("A", self.shelf),), 0, True))
        rows = self.watched.ledger.allotments.rows.values()
        assert not any(each.kind is HolderKind.TILL and each.status is AllotmentStatus.UNKNOWN for each in rows)
        self.watched.wait(self.clock_ms + 8 * DAY_MS)
        assert all(position.allotted == 0 for position in self.watched.ledger.positions.values())


@pytest.mark.timeout(300)
def test_no_unit_is_sold_twice_whatever_tills_do() -> None:
    limits = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, report_multiple_bugs=False)
    run_state_machine_as_test(TillMachine, settings=limits)


def returns_what_a_till_had(ledger: Ledger, now_ms: int) -> Iterator[Due]:
    for event in due(ledger, now_ms):
        if isinstance(event, AllotmentExpired):
            yield AllotmentExpired(event.number, ledger.allotments.rows[event.number].left_lines())
        else:
            yield event


def settles_twice(ledger: Ledger, event: Event, at_ms: int) -> object:
    answer = evolve(ledger, event, at_ms)
    if isinstance(event, StockAdjusted):
        for row in event.movements:
            taken = booking_of(ledger, row, at_ms, {}).taken if row.allotment else 0
            if taken:
                book_sale(ledger, row, taken, at_ms)
    return answer


MUTANTS: Final = {
    "what a till had returns to stock by time": assembled(falling_due=returns_what_a_till_had),
    "a sale is taken from its allotment twice": assembled(evolved=settles_twice),
}


SEEDS: Final[dict[str, int]] = {
    "a sale is taken from its allotment twice": 2,
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_core_with_one_thing_wrong_is_caught(mutant: str) -> None:
    machine = type("Mutant", (TillMachine,), {"core": MUTANTS[mutant]})
    with pytest.raises(AssertionError):
        run_mutant(machine, SEEDS.get(mutant, 0), steps=STEPS)

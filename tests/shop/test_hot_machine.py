"""A hot SKU in any sequence of promotions, demotions, calls, messages and restarts: no unit is lost, doubled or hidden,
and each key is decided by one ledger, once.
"""

from typing import Final

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from actors.core.policy import HOUR_MS
from actors.shop.invariants import check
from tests.shop.hot_line_world import LineWorld
from tests.shop.hot_world import HOT, SHOPS, SKU
from tests.shop.watched import Core

EXAMPLES: Final = 150
STEPS: Final = 50

shops = st.sampled_from(SHOPS)
ledgers = st.sampled_from((*SHOPS, HOT))
units = st.integers(1, 3)
picks = st.integers(0, 1_000)
losses = st.sampled_from([0, 0, 0, 0, 3, 12, 48, 192])  # none, or the first, second, third, fourth message
flags = st.booleans()


class HotMachine(RuleBasedStateMachine):
    """Says anything to any ledger; the cores are what moves them."""

    of_shops: Core | None = None
    of_hot: Core | None = None

    def __init__(self) -> None:
        super().__init__()
        self.world = LineWorld(self.of_shops, self.of_hot)
        for store_id in SHOPS:
            for sku in (SKU, "B"):
                self.world.stock(store_id, sku, 6)

    @rule(which=st.lists(ledgers, max_size=3))
    def turn(self, which: list[str]) -> None:
        """Promote or demote; some of the ledgers hear of it."""
        self.world.turn()
        for ledger_id in which:
            self.world.adopt(ledger_id)

    @rule(ledger_id=ledgers)
    def adopt(self, ledger_id: str) -> None:
        self.world.adopt(ledger_id)

    @rule(store_id=shops, wanted=units, at_hot=flags, lost=losses)
    def reserve(self, store_id: str, wanted: int, at_hot: bool, lost: int) -> None:
        self.world.reserve(store_id, wanted, first_at_hot=at_hot, losses=lost)

    @precondition(lambda self: self.world.calls)
    @rule(pick=picks, at_hot=flags, lost=losses)
    def repeat(self, pick: int, at_hot: bool, lost: int) -> None:
        self.world.repeat(pick % 6, first_at_hot=at_hot, losses=lost)

    @precondition(lambda self: self.world.calls)
    @rule(pick=picks)
    def reuse(self, pick: int) -> None:
        self.world.reuse(pick % 6)

    @precondition(lambda self: self.world.copies)
    @rule(pick=picks)
    def copy_arrives(self, pick: int) -> None:
        self.world.copy_arrives(pick % 12)

    @rule(store_id=shops, wanted=units, lost=losses)
    def wait(self, store_id: str, wanted: int, lost: int) -> None:
        self.world.wait(store_id, wanted, losses=lost)

    @rule(store_id=shops, wanted=units)
    def basket(self, store_id: str, wanted: int) -> None:
        self.world.basket(store_id, wanted)

    @rule(store_id=shops, most=st.integers(0, 4), arrives=flags)
    def hand(self, store_id: str, most: int, arrives: bool) -> None:
        self.world.hand(store_id, most, arrives=arrives)

    @rule(store_id=shops, most=st.integers(0, 4), arrives=flags)
    def give_back(self, store_id: str, most: int, arrives: bool) -> None:
        self.world.give_back(store_id, most, arrives=arrives)

    @rule(pick=picks)
    def deliver_late(self, pick: int) -> None:
        self.world.deliver(pick)

    @rule(pick=picks, lost_at=st.integers(0, 3))
    def confirm(self, pick: int, lost_at: int) -> None:
        self.world.confirm(pick, lost_at)

    @rule()
    def finish_moves(self) -> None:
        self.world.finish_moves()

    @rule(
        ledger_id=ledgers, pick=picks, what=st.sampled_from(["release", "release some", "extend", "collect", "amend"])
    )
    def step(self, ledger_id: str, pick: int, what: str) -> None:
        self.world.step(ledger_id, pick, what)

    @rule(store_id=shops, sku=st.sampled_from((SKU, "B")), more=st.integers(-3, 4).filter(bool), answered=flags)
    def stock(self, store_id: str, sku: str, more: int, answered: bool) -> None:
        self.world.stock(store_id, sku, more)
        if answered:
            self.world.bring_home(store_id)

    @rule(store_id=shops, there=st.integers(0, 8), answered=flags)
    def count(self, store_id: str, there: int, answered: bool) -> None:
        self.world.count(store_id, SKU, there)
        if answered:
            self.world.bring_home(store_id)

    @rule(quarters=st.integers(0, 9))
    def time_passes(self, quarters: int) -> None:
        self.world.clock_ms += quarters * HOUR_MS // 16

    @rule(ledger_id=ledgers)
    def restart(self, ledger_id: str) -> None:
        self.world.ledgers[ledger_id].restart()

    @invariant()
    def each_unit_is_in_one_place(self) -> None:
        self.world.check()
        for watched in self.world.ledgers.values():
            assert check(watched.ledger) == []
            assert watched.audited().violations == ()

    def teardown(self) -> None:
        self.world.settle()
        self.world.check()


@pytest.mark.timeout(400)  # a failure is shrunk for up to five minutes
def test_no_unit_is_lost_and_each_key_is_decided_once() -> None:
    limits = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, report_multiple_bugs=False)
    run_state_machine_as_test(HotMachine, settings=limits)

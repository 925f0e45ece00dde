"""Transfers in any sequence of calls, messages and restarts: no unit is ever in two places, or in none."""

from typing import Final

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from actors.core.policy import HOUR_MS, Policy
from actors.core.status import LossBearer
from actors.shop.invariants import check
from actors.shop.transfers.transfer import Units
from tests.shop.transfers_world import SHOPS, Shops
from tests.shop.watched import Core

EXAMPLES: Final = 150  # some 15 s
STEPS: Final = 40

shops = st.sampled_from(SHOPS)
skus = st.sampled_from("AB")
units = st.integers(0, 4)
picks = st.integers(0, 1_000)
lines = st.dictionaries(skus, st.integers(1, 3), min_size=1).map(lambda found: tuple(found.items()))
counted = st.dictionaries(st.sampled_from("ABC"), units).map(lambda found: tuple(found.items()))
lives = st.lists(
    st.sampled_from(["send", "send", "receive", "receive", "carry", "carry", "a message comes late", "cancel", "wait"]),
    min_size=2,
    max_size=8,
)
LATEST: Final = 0
bearers = st.sampled_from([None, *LossBearer])


class TransfersMachine(RuleBasedStateMachine):
    """Says anything to any shop; `core` is what moves their ledgers."""

    core: Core | None = None
    policy: Policy | None = None

    def __init__(self) -> None:
        super().__init__()
        self.world = Shops(self.core, self.policy)
        for store_id in SHOPS:
            for sku in "AB":
                self.world.stock(store_id, sku, 6)

    def any_transfer(self) -> bool:
        return bool(self.world.transfers)

    @rule(source=shops, destination=shops, lines=lines)
    def propose(self, source: str, destination: str, lines: Units) -> None:
        if source != destination:
            self.world.propose(source, destination, lines)

    @rule(source=shops, destination=shops, lines=lines, life=lives, counts=counted)
    def go(self, source: str, destination: str, lines: Units, life: list[str], counts: Units) -> None:
        """One that is proposed, and what is done with it, in any sequence."""
        if source == destination:
            return
        before = len(self.world.transfers)
        self.world.propose(source, destination, lines)
        for step in life if len(self.world.transfers) > before else ():
            match step:
                case "send":
                    self.world.send(LATEST)
                case "cancel":
                    self.world.cancel(LATEST)
                case "receive":
                    self.world.receive(LATEST, counts, None, asks=True)
                case "carry":
                    self.world.carry(1)
                case "wait":  # in line, for what is to come
                    self.world.wait(destination, *lines[0])
                case _:
                    self.world.deliver(-1 - LATEST)

    @precondition(any_transfer)
    @rule(pick=picks)
    def send(self, pick: int) -> None:
        self.world.send(pick)

    @precondition(any_transfer)
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        self.world.cancel(pick)

    @precondition(any_transfer)
    @rule(pick=picks, lines=counted, bearer=bearers, asks=st.booleans())
    def receive(self, pick: int, lines: Units, bearer: LossBearer | None, asks: bool) -> None:
        self.world.receive(pick, lines, bearer, asks=asks)

    @rule(pick=picks)
    def carry(self, pick: int) -> None:
        self.world.carry(pick)

    @precondition(lambda self: self.world.messages)
    @rule(pick=picks)
    def deliver_late(self, pick: int) -> None:
        self.world.deliver(pick)

    @precondition(lambda self: self.world.said)
    @rule(pick=picks)
    def say_again(self, pick: int) -> None:
        self.world.say_again(pick)

    @rule(store=shops, sku=skus, more=st.integers(-3, 4).filter(bool))
    def stock(self, store: str, sku: str, more: int) -> None:
        self.world.stock(store, sku, more)

    @rule(store=shops, sku=skus, there=st.integers(0, 8))
    def count(self, store: str, sku: str, there: int) -> None:
        self.world.count(store, sku, there)

    @rule(store=shops, sku=skus, wanted=st.integers(1, 3))
    def reserve(self, store: str, sku: str, wanted: int) -> None:
        self.world.reserve(store, sku, wanted)

    @rule(store=shops, sku=skus, wanted=st.integers(1, 3))
    def wait(self, store: str, sku: str, wanted: int) -> None:
        self.world.wait(store, sku, wanted)

    @rule(hours=st.integers(0, 3))
    def time_passes(self, hours: int) -> None:
        self.world.clock_ms += hours * HOUR_MS // 4

    @rule(store=shops)
    def restart(self, store: str) -> None:
        self.world.shops[store].restart()

    @invariant()
    def each_unit_is_in_one_place(self) -> None:
        self.world.check()
        for watched in self.world.shops.values():
            assert check(watched.ledger) == []

    def teardown(self) -> None:
        self.world.settle()
        self.world.check()


class PromisingMachine(TransfersMachine):
    """With the rule that promises what is in transit."""

    policy = Policy(version=1, promise_in_transit=True)


@pytest.mark.timeout(400)
def test_no_unit_in_transit_is_promised_twice() -> None:
    limits = settings(max_examples=EXAMPLES // 3, stateful_step_count=STEPS, report_multiple_bugs=False)
    run_state_machine_as_test(PromisingMachine, settings=limits)


@pytest.mark.timeout(400)  # a failure is shrunk for up to five minutes
def test_no_unit_is_in_two_places_or_in_none() -> None:
    limits = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, report_multiple_bugs=False)
    run_state_machine_as_test(TransfersMachine, settings=limits)

"""The customers' ledger beside the naive model: any commands in any sequence, and both say the same."""

from typing import Any, Final

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test
from msgspec.structs import replace

from actors.core.policy import CALL_MS_MAX, DAY_MS, HOUR_MS, ChainLimitRule, Policy
from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE, ReleaseReason
from actors.orders import commands as cm, limits
from actors.orders.invariants import check
from actors.orders.snapshot import Capture
from actors.orders.state import CERTAIN, Order, Part
from tests.leisure import ReadAtLeisure
from tests.orders import model as naive
from tests.orders.watched import Core, Watched
from tests.shop.watched import DAY_ZERO_MS

EXAMPLES: Final = 300  # some 10 s
STEPS: Final = 50
Answer = Order | Rejection | None
# Answers and settled orders are remembered for eight days; a run stays within, so that nothing is ever forgotten.
RUN_MS_MAX: Final = 7 * DAY_MS
CONTENT: Final = "c" * 24

RULES: Final = (
    ChainLimitRule("", "", 3, 9, 0),
    ChainLimitRule("", "A", 2, 6, 3 * HOUR_MS),
    ChainLimitRule("app", "B", 1, 2, DAY_MS),
)
POLICY: Final = Policy(version=1, collect_within_ms=5 * HOUR_MS, chain_limit_rules=RULES)

stores = st.sampled_from(["S1", "S2", "S3"])
lines = st.dictionaries(st.sampled_from("AAB"), st.integers(1, 3), min_size=1).map(lambda units: tuple(units.items()))
plans = st.dictionaries(stores, lines, min_size=1, max_size=2).map(
    lambda by_store: tuple(cm.Plan(store_id, wanted, 0) for store_id, wanted in by_store.items())
)
customers = st.sampled_from(["ann", "ann", "bob", "cy"])
channels = st.sampled_from(["web", "app"])
ttls = st.sampled_from([0, HOUR_MS, 0, 2 * HOUR_MS, HOUR_MS, 8 * DAY_MS])
picks = st.integers(0, 1_000_000)
baskets = st.sampled_from(["", "", "b"])
changes = st.dictionaries(stores, lines | st.just(()), min_size=1, max_size=3).map(
    lambda by_store: tuple(cm.Plan(store_id, wanted, 0) for store_id, wanted in by_store.items())
)


class OrdersMachine(ReadAtLeisure):
    """Says everything twice: to the ledger and to the model."""

    core: Core | None = None
    capture_of = Capture
    faults_of = staticmethod(lambda capture: check(capture.state))
    watched: Watched

    def __init__(self) -> None:
        super().__init__()
        self.watched = Watched(POLICY, self.core)
        self.model = naive.Model(RULES, POLICY.ttl_ms_default, POLICY.collect_within_ms, POLICY.ttl_ms_max)
        self.clock_ms = DAY_ZERO_MS
        self.keys = self.shop_version = 0
        self.said: list[tuple[Any, Answer, int]] = []  # and when
        self.reports: list[cm.Report] = []

    def fresh_key(self) -> str:
        self.keys += 1
        return f"k{self.keys}"

    def say(self, command: cm.Command) -> Answer:
        told = self.watched.say(command, self.clock_ms)
        assert not told.repeated
        if isinstance(command, cm.Open | cm.Refuse | cm.Amend | cm.Confirm | cm.Release | cm.Extend):
            self.said.append((command, told.answer, self.watched.ledger.time_ms))
        answer: Answer = told.answer
        return answer

    def order(self, pick: int) -> Order:
        """An order, the latest more often."""
        orders = list(self.watched.orders().values())
        return orders[-1 - pick % 4 % len(orders)]

    def undecided(self, pick: int) -> Order:
        """One with an open attempt, the latest, if there is one."""
        open_ones = [order for order in self.watched.ledger.orders.values() if order.open_attempt]
        return open_ones[-1 - pick % len(open_ones)] if open_ones else self.order(pick)

    @rule(customer=customers, channel=channels, plans=plans, ttl=ttls, basket=baskets)
    def open(self, customer: str, channel: str, plans: tuple[cm.Plan, ...], ttl: int, basket: str) -> None:
        command = cm.Open(self.fresh_key(), CONTENT, customer, channel, ttl, plans, (), basket)
        answer = self.say(command)
        expected = self.model.open(self.watched.ledger.version, command, self.clock_ms)
        assert word(answer) == expected

    @rule(customer=customers, channel=channels, plans=plans, ttl=st.sampled_from([0, HOUR_MS]), basket=baskets)
    def open_and_commit(self, customer: str, channel: str, plans: tuple[cm.Plan, ...], ttl: int, basket: str) -> None:
        self.open(customer, channel, plans, ttl, basket)
        self.grant(0)

    @precondition(lambda self: self.watched.orders())
    @rule(pick=picks, wanted=changes, ttl=ttls)
    def amend_and_commit(self, pick: int, wanted: tuple[cm.Plan, ...], ttl: int) -> None:
        self.amend(pick, wanted, ttl)
        self.grant(0)

    @precondition(lambda self: any(part.told for order in self.model.orders for part in order.certain()))
    @rule(pick=picks, store_id=stores, first=st.booleans(), then=st.integers(0, 2))
    def amend_and_come_to_the_old_shop(self, pick: int, store_id: str, first: bool, then: int) -> None:
        told = [(order, part) for order in self.model.orders for part in order.certain() if part.told]
        order, part = told[pick % len(told)]
        here = cm.Plan(part.store_id, (), 0)
        there = cm.Plan(store_id, part.lines, 0)
        wanted = (there,) if store_id == part.store_id else (here, there)
        command = cm.Amend(self.fresh_key(), CONTENT, order.number, wanted, 0)
        assert word(self.say(command)) == self.model.amend(command, self.clock_ms)
        if first:
            self.collect_one(order, part, pick)
        self.grant(0)
        for _ in range(then):
            self.collect_one(order, part, pick)

    @precondition(lambda self: self.watched.orders())
    @rule(pick=picks, late=st.sampled_from([0, 0, 0, 1]), short=st.sampled_from([0, 0, 1]))
    def commit(self, pick: int, late: int, short: int) -> None:
        self.grant(pick, late, short)

    def grant(self, pick: int, late: int = 0, short: int = 0) -> None:
        """All shops say yes; or one less does, or an attempt too late."""
        if not self.watched.orders():
            return
        order = self.undecided(pick)
        claims = tuple((part.store_id, 10 + index) for index, part in enumerate(order.open_parts(), start=1))
        command = cm.Commit(order.number, order.open_attempt - late, claims[short:], cm.NO_HOURS)
        self.say(command)
        self.model.commit(command, self.clock_ms)

    @precondition(lambda self: self.watched.orders())
    @rule(pick=picks, plans=plans)
    def replan(self, pick: int, plans: tuple[cm.Plan, ...]) -> None:
        order = self.undecided(pick)
        command = cm.Replan(order.number, order.open_attempt, plans, ())
        self.say(command)
        self.model.replan(command, self.clock_ms)

    @precondition(lambda self: self.watched.orders())
    @rule(pick=picks, refused=st.booleans())
    def abandon(self, pick: int, refused: bool) -> None:
        order = self.undecided(pick)
        rejection = Rejection(Reason.INSUFFICIENT_STOCK) if refused else None
        command = cm.Abandon(order.number, order.open_attempt, rejection)
        self.say(command)
        self.model.abandon(command)

    @precondition(lambda self: self.watched.orders())
    @rule(pick=picks, wanted=changes, ttl=ttls)
    def amend(self, pick: int, wanted: tuple[cm.Plan, ...], ttl: int) -> None:
        command = cm.Amend(self.fresh_key(), CONTENT, self.order(pick).number, wanted, ttl)
        assert word(self.say(command)) == self.model.amend(command, self.clock_ms)

    @precondition(lambda self: self.watched.orders())
    @rule(pick=picks, ttl=ttls, what=st.sampled_from(["confirm", "release", "extend"]))
    def step(self, pick: int, ttl: int, what: str) -> None:
        number = self.order(pick).number
        command: cm.Confirm | cm.Release | cm.Extend = cm.Extend(self.fresh_key(), number, ttl or HOUR_MS, cm.NO_HOURS)
        if what == "confirm":
            command = cm.Confirm(command.key, number, ttl, cm.NO_HOURS)
        elif what == "release":
            command = cm.Release(command.key, number, ReleaseReason.OTHER)
        assert word(self.say(command)) == self.model.step(command, self.clock_ms)

    @precondition(lambda self: self.watched.ledger.outbox)
    @rule(pick=picks)
    def a_shop_hears(self, pick: int) -> None:
        outbox = [self.watched.ledger.orders[number] for number in self.watched.ledger.outbox]
        order = outbox[pick % len(outbox)]
        turn = order.next_deliveries()
        assert turn, "somebody's turn it always is"
        part = turn[pick // 7 % len(turn)]
        ours, its = self.theirs(order, part)
        self.model.hear(ours, its)
        self.report(order, part, order.revision)

    @precondition(lambda self: self.watched.orders())
    @rule(pick=picks)
    def a_shop_sells(self, pick: int) -> None:
        parts = [(order, part) for order in self.model.orders for part in order.parts if part.told]
        if parts:
            self.collect_one(*parts[pick % len(parts)], pick // 7)

    def collect_one(self, order: naive.Order, part: naive.Part, pick: int) -> None:
        """One unit, if the shop has one: of a claim that has heard nothing it hands out none."""
        held = [sku for sku, units in part.held.items() if units]
        if part.told and held and not part.final:
            self.model.sell(order, part, held[pick % len(held)], self.clock_ms)
            ours = self.watched.orders()[order.number]
            (its,) = [its for its in ours.parts if (its.store_id, its.attempt) == (part.store_id, part.attempt)]
            self.report(ours, its, 0)

    def theirs(self, order: Order, part: Part) -> tuple[naive.Order, naive.Part]:
        """The model's."""
        ours = self.model.find(order.number)
        assert ours is not None
        its = [its for its in ours.parts if (its.store_id, its.attempt) == (part.store_id, part.attempt)]
        assert len(its) == 1, part
        return ours, its[0]

    def report(self, order: Order, part: Part, revision: int) -> None:
        self.shop_version += 1
        ours, its = self.theirs(order, part)
        held = tuple(0 if its.final else its.held.get(sku, 0) for sku, _ in part.lines)
        sold = tuple(its.sold.get(sku, 0) for sku, _ in part.lines)
        status = self.model.status_of(ours, its)
        report = cm.Report(
            order.number, part.store_id, part.attempt, revision, part.reservation, self.shop_version, status, held, sold
        )
        if not part.reservation:
            report = replace(report, version=0, held=(), collected=())
        self.reports.append(report)
        self.say(report)

    @precondition(lambda self: self.reports)
    @rule(pick=picks)
    def a_note_comes_again_and_late(self, pick: int) -> None:
        told = self.watched.say(self.reports[pick % len(self.reports)], self.clock_ms)
        assert told.events == ()

    @precondition(lambda self: self.said)
    @rule(pick=picks, other=st.booleans())
    def say_again(self, pick: int, other: bool) -> None:
        command, answer, said_ms = self.said[pick % len(self.said)]
        if isinstance(answer, Rejection) and self.clock_ms > said_ms + CALL_MS_MAX:
            return  # no copy of a refused call arrives that late
        key, remembered = _remembered_as(command), self.watched.ledger.answers
        if key in remembered.pending or not remembered.knows(key):
            return  # abandoned by time, or still open: the pages have it
        if other:
            command = replace(command, content="d" * 24) if hasattr(command, "content") else _otherwise(command)
        told = self.watched.say(command, self.clock_ms)
        assert told.repeated
        assert told.events == ()
        if other:
            assert told.answer == Rejection(Reason.IDEMPOTENCY_KEY_REUSED)
        elif not isinstance(answer, Order) or not answer.open_attempt:
            assert told.answer == answer, "word for word"

    @rule(jump=st.sampled_from([0, 1, 5_000, HOUR_MS // 2, HOUR_MS]))
    def time_passes(self, jump: int) -> None:
        self.wait_until(self.clock_ms + jump)

    @rule(early=st.sampled_from([0, 1]))
    def a_deadline_comes(self, early: int) -> None:
        deadline_ms = self.watched.ledger.earliest_deadline_ms()
        if deadline_ms is not None:
            self.wait_until(max(self.clock_ms, deadline_ms - early))

    def wait_until(self, at_ms: int) -> None:
        if at_ms - DAY_ZERO_MS <= RUN_MS_MAX:
            self.clock_ms = at_ms
            self.model.pass_to(at_ms)
            self.watched.wait(at_ms)

    @rule()
    def another_process_takes_over(self) -> None:
        self.watched.restart()
        self.captured = None

    @invariant()
    def both_have_the_same_orders(self) -> None:
        orders = self.watched.orders()
        forgotten = [order for order in self.model.orders if order.number not in orders]
        assert all(order.standing == "ABANDONED" for order in forgotten)
        ours = [order for order in self.model.orders if order.number in orders]
        for order, its in zip(orders.values(), ours, strict=True):
            assert order.standing.name == its.standing, order
            assert bool(order.open_attempt) == (its.decide_by_ms is not None)
            if order.standing in CERTAIN:
                assert order.expires_at_ms == its.deadline_ms
            shops = {(shop.store_id, shop.attempt): shop for shop in its.parts}
            for part in order.parts:
                shop = shops.pop((part.store_id, part.attempt))
                assert (bool(part.reservation), part.dropped) == (shop.certain, shop.let_go)
                live = part.status in LIVE
                for index, (sku, _) in enumerate(part.lines if part.reservation else ()):
                    assert (part.held[index] if live else 0) == shop.of(sku), part
                    assert part.collected[index] == shop.sold.get(sku, 0)
            assert all(shop.let_go and not shop.certain for shop in shops.values()), "only what came to nothing is gone"

    @invariant()
    def nobody_can_have_more_than_was_wanted(self) -> None:
        """A part that took another one's place cannot be collected before that one's shop has heard."""
        for order in self.model.orders:
            replaced = [part.replaced_by for part in order.parts if part.is_behind()]
            if replaced and order.standing in naive.LIVE:
                assert not any(part.told for part in order.certain() if part.attempt >= min(replaced))

    @invariant()
    def every_checker_is_content(self) -> None:
        assert self.watched.complaints() == []

    def teardown(self) -> None:
        """When all callers stop, time passes and shops have heard, nothing counts for anybody any more."""
        self.model.pass_to(self.clock_ms + 8 * DAY_MS)
        self.clock_ms += 8 * DAY_MS
        self.watched.wait(self.clock_ms)
        while self.watched.ledger.outbox:
            self.a_shop_hears(0)
        assert not self.watched.ledger.orders, "they are in the journal alone"


def word(answer: Answer) -> str:
    """How an order stands, or why not."""
    if isinstance(answer, Rejection):
        return answer.reason.name
    return "" if answer is None else answer.standing.name


def _remembered_as(command: Any) -> str:
    customer = isinstance(command, cm.Open | cm.Refuse)
    return f"{command.customer_id}\n{command.key}" if customer else f"\n{command.number}\n{command.key}"


def _otherwise(command: Any) -> cm.Command:
    """The same key, other content."""
    if isinstance(command, cm.Release):
        return replace(command, reason=ReleaseReason.FRAUD)
    other: cm.Command = replace(command, **{command.__struct_fields__[2]: 12_345})
    return other


def test_ledger_and_model_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ADDED_UP_MAX", 0)  # whatever counts, totals are kept
    run_state_machine_as_test(OrdersMachine, settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS))


def test_a_basket_that_was_collected_from_gets_no_other_plan() -> None:
    """Too rare for the machine to come by each time."""
    machine = OrdersMachine()
    machine.open_and_commit("ann", "web", (cm.Plan("S1", (("B", 2),), 0),), 0, "b")
    machine.a_shop_hears(0)
    machine.open("ann", "web", (cm.Plan("S2", (("B", 3),), 0),), 0, "b")
    machine.a_shop_sells(0)
    machine.replan(0, (cm.Plan("S3", (("B", 3),), 0),))
    machine.both_have_the_same_orders()
    machine.teardown()

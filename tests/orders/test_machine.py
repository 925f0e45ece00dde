"""The customers' ledger beside the naive model: any commands in any sequence, and both say the same."""

from typing import Any, Final

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from actors.ledger.lifecycle import LIVE, ReleaseReason
from actors.ledger.policy import DAY_MS, HOUR_MS, ChainLimitRule, Policy
from actors.ledger.reasons import Reason, Rejection
from actors.orders import commands as cm
from actors.orders.state import CERTAIN, Order, Part, Standing
from actors.orders.transact import Answer
from tests.ledger.watched import DAY_ZERO_MS
from tests.orders import model as naive
from tests.orders.watched import Core, Watched

EXAMPLES: Final = 300  # some 10 s
STEPS: Final = 50
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


class OrdersMachine(RuleBasedStateMachine):
    """Says everything twice: to the ledger and to the model."""

    core: Core | None = None

    def __init__(self) -> None:
        super().__init__()
        self.watched = Watched(POLICY, self.core)
        self.model = naive.Model(RULES, POLICY.ttl_ms_default, POLICY.collect_within_ms, POLICY.ttl_ms_max)
        self.clock_ms = DAY_ZERO_MS
        self.keys = self.shop_version = 0
        self.said: list[tuple[Any, Answer]] = []
        self.notes: list[cm.Note] = []

    def fresh_key(self) -> str:
        self.keys += 1
        return f"k{self.keys}"

    def say(self, command: cm.Command) -> Answer:
        told = self.watched.say(command, self.clock_ms)
        assert not told.repeated
        if isinstance(command, cm.Open | cm.Refuse | cm.Amend | cm.Confirm | cm.Release | cm.Extend):
            self.said.append((command, told.answer))
        return told.answer

    def order(self, pick: int) -> Order:
        """An order, the latest more often."""
        orders = list(self.watched.ledger.orders.values())
        return orders[-1 - pick % 4 % len(orders)]

    def undecided(self, pick: int) -> Order:
        """One with an open attempt, the latest, if there is one."""
        open_ones = [order for order in self.watched.ledger.orders.values() if order.open_attempt]
        return open_ones[-1 - pick % len(open_ones)] if open_ones else self.order(pick)

    @rule(customer=customers, channel=channels, plans=plans, ttl=ttls)
    def open(self, customer: str, channel: str, plans: tuple[cm.Plan, ...], ttl: int) -> None:
        command = cm.Open(self.fresh_key(), CONTENT, customer, channel, ttl, plans, ())
        answer = self.say(command)
        expected = self.model.open(self.watched.ledger.version, command, self.clock_ms)
        assert word(answer) == expected

    @rule(customer=customers, channel=channels, plans=plans, ttl=st.sampled_from([0, HOUR_MS]))
    def open_and_commit(self, customer: str, channel: str, plans: tuple[cm.Plan, ...], ttl: int) -> None:
        self.open(customer, channel, plans, ttl)
        self.grant(0)

    @precondition(lambda self: self.watched.ledger.orders)
    @rule(pick=picks, plans=plans, keeps=st.lists(lines | st.just(()), max_size=3))
    def amend_and_commit(self, pick: int, plans: tuple[cm.Plan, ...], keeps: Any) -> None:
        self.amend(pick, plans, keeps)
        self.grant(0)

    @precondition(lambda self: self.watched.ledger.orders)
    @rule(pick=picks, late=st.sampled_from([0, 0, 0, 1]), short=st.sampled_from([0, 0, 1]))
    def commit(self, pick: int, late: int, short: int) -> None:
        self.grant(pick, late, short)

    def grant(self, pick: int, late: int = 0, short: int = 0) -> None:
        """All shops say yes; or one less does, or an attempt too late."""
        if not self.watched.ledger.orders:
            return
        order = self.undecided(pick)
        claims = tuple((part.store_id, 10 + index) for index, part in enumerate(order.open_parts(), start=1))
        command = cm.Commit(order.number, order.open_attempt - late, claims[short:])
        self.say(command)
        self.model.commit(command, self.clock_ms)

    @precondition(lambda self: self.watched.ledger.orders)
    @rule(pick=picks, plans=plans)
    def replan(self, pick: int, plans: tuple[cm.Plan, ...]) -> None:
        order = self.undecided(pick)
        command = cm.Replan(order.number, order.open_attempt, plans, ())
        self.say(command)
        self.model.replan(command, self.clock_ms)

    @precondition(lambda self: self.watched.ledger.orders)
    @rule(pick=picks)
    def abandon(self, pick: int) -> None:
        order = self.undecided(pick)
        command = cm.Abandon(order.number, order.open_attempt, Rejection(Reason.INSUFFICIENT_STOCK))
        self.say(command)
        self.model.abandon(command)

    @precondition(lambda self: self.watched.ledger.orders)
    @rule(pick=picks, plans=st.one_of(st.just(()), plans), keeps=st.lists(lines | st.just(()), max_size=3))
    def amend(self, pick: int, plans: tuple[cm.Plan, ...], keeps: Any) -> None:
        order = self.order(pick)
        parts = order.certain_parts()
        targets = tuple(cm.Target(part.store_id, part.attempt, kept) for part, kept in zip(parts, keeps, strict=False))
        command = cm.Amend(self.fresh_key(), CONTENT, order.number, plans, targets)
        assert word(self.say(command)) == self.model.amend(command, self.clock_ms)

    @precondition(lambda self: self.watched.ledger.orders)
    @rule(pick=picks, ttl=ttls, what=st.sampled_from(["confirm", "release", "extend"]))
    def step(self, pick: int, ttl: int, what: str) -> None:
        number = self.order(pick).number
        command: cm.Confirm | cm.Release | cm.Extend = cm.Extend(self.fresh_key(), number, ttl or HOUR_MS)
        if what == "confirm":
            command = cm.Confirm(command.key, number, ttl)
        elif what == "release":
            command = cm.Release(command.key, number, ReleaseReason.OTHER)
        assert word(self.say(command)) == self.model.step(command, self.clock_ms)

    @precondition(lambda self: self.watched.ledger.untold)
    @rule(pick=picks)
    def a_shop_hears(self, pick: int) -> None:
        untold = [self.watched.ledger.orders[number] for number in self.watched.ledger.untold]
        order = untold[pick % len(untold)]
        part = order.untold_parts()[pick // 7 % len(order.untold_parts())]
        ours, its = self.theirs(order, part)
        self.model.hear(ours, its)
        self.note(order, part, order.revision)

    @precondition(lambda self: self.watched.ledger.orders)
    @rule(pick=picks)
    def a_shop_sells(self, pick: int) -> None:
        for order in self.watched.ledger.orders.values():
            for part in order.parts:
                held = [sku for sku, units in self.theirs(order, part)[1].held.items() if units]
                if part.reservation and held and not self.theirs(order, part)[1].final:
                    ours, its = self.theirs(order, part)
                    self.model.sell(ours, its, held[pick % len(held)], self.clock_ms)
                    self.note(order, part, 0)
                    return

    def theirs(self, order: Order, part: Part) -> tuple[naive.Order, naive.Part]:
        """The model's."""
        ours = self.model.find(order.number)
        assert ours is not None
        its = [its for its in ours.parts if (its.store_id, its.attempt) == (part.store_id, part.attempt)]
        assert len(its) == 1, part
        return ours, its[0]

    def note(self, order: Order, part: Part, revision: int) -> None:
        self.shop_version += 1
        ours, its = self.theirs(order, part)
        held = tuple(0 if its.final else its.held.get(sku, 0) for sku, _ in part.lines)
        sold = tuple(its.sold.get(sku, 0) for sku, _ in part.lines)
        status = self.model.status_of(ours, its)
        note = cm.Note(
            order.number, part.store_id, part.attempt, revision, part.reservation, self.shop_version, status, held, sold
        )
        if not part.reservation:
            note = note._replace(version=0, held=(), collected=())
        self.notes.append(note)
        self.say(note)

    @precondition(lambda self: self.notes)
    @rule(pick=picks)
    def a_note_comes_again_and_late(self, pick: int) -> None:
        told = self.watched.say(self.notes[pick % len(self.notes)], self.clock_ms)
        assert told.events == ()

    @precondition(lambda self: self.said)
    @rule(pick=picks, other=st.booleans())
    def say_again(self, pick: int, other: bool) -> None:
        command, answer = self.said[pick % len(self.said)]
        known = self.watched.ledger.recall(_remembered_as(command))
        if known is None or isinstance(known, int):
            return  # abandoned by time, or still open: the pages have it
        if other:
            command = command._replace(content="d" * 24) if hasattr(command, "content") else _otherwise(command)
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

    @invariant()
    def both_have_the_same_orders(self) -> None:
        orders = self.watched.ledger.orders
        assert list(orders) == [order.number for order in self.model.orders]
        for order, its in zip(orders.values(), self.model.orders, strict=True):
            assert order.standing.name == its.standing, order
            assert bool(order.open_attempt) == (its.decide_by_ms is not None)
            if order.standing in CERTAIN:
                assert order.expires_at_ms == its.deadline_ms
            for part, shop in zip(order.parts, its.parts, strict=True):
                assert (bool(part.reservation), part.dropped) == (shop.certain, shop.let_go)
                live = part.status in LIVE
                for index, (sku, _) in enumerate(part.lines if part.reservation else ()):
                    assert (part.held[index] if live else 0) == shop.of(sku), part
                    assert part.collected[index] == shop.sold.get(sku, 0)

    @invariant()
    def every_checker_is_content(self) -> None:
        assert self.watched.complaints() == []

    def teardown(self) -> None:
        """When all callers stop, time passes and shops have heard, nothing counts for anybody any more."""
        self.model.pass_to(self.clock_ms + 8 * DAY_MS)
        self.clock_ms += 8 * DAY_MS
        self.watched.wait(self.clock_ms)
        while self.watched.ledger.untold:
            self.a_shop_hears(0)
        settled = all(order.is_settled() for order in self.watched.ledger.orders.values())
        assert settled
        assert all(order.standing is not Standing.OPEN for order in self.watched.ledger.orders.values())
        assert len(self.watched.ledger.ended) == len(self.watched.ledger.orders)


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
        return command._replace(reason=ReleaseReason.FRAUD)
    other: cm.Command = command._replace(**{command._fields[-1]: 12_345})
    return other


def test_ledger_and_model_say_the_same() -> None:
    run_state_machine_as_test(OrdersMachine, settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS))

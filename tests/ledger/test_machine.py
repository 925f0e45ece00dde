"""The core beside the naive model: any commands in any sequence, and both say the same."""

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

from actors.ledger.commands import (
    Acknowledge,
    AdjustmentKind,
    AdjustStock,
    Collect,
    Command,
    Confirm,
    CountStock,
    Extend,
    Heed,
    MarkReady,
    Movement,
    Release,
    Reserve,
    SetSafetyStock,
)
from actors.ledger.invariants import check
from actors.ledger.lifecycle import ReleaseReason
from actors.ledger.policy import DAY_MS, HOUR_MS, LimitRule, Policy, TtlRule
from actors.ledger.reasons import Rejection
from actors.ledger.snapshot import Capture
from actors.ledger.state import Remembered, Reservation, StockOutcome
from tests.ledger.model import Model, Outcome
from tests.ledger.watched import DAY_ZERO_MS, Core, Watched, written
from tests.ledger.words import MINUTE_MS

EXAMPLES: Final = 300  # some 6 s
STEPS: Final = 50
# Answers and ended reservations are remembered for eight days; a run stays within, so that nothing is ever forgotten.
RUN_MS_MAX: Final = 7 * DAY_MS
# Movements are remembered for a day, and those that come late are two hours late at most.
COUNT_BACK_MS_MAX: Final = 20 * HOUR_MS
LATE_MS_MAX: Final = 2 * HOUR_MS

POLICIES: Final = (
    Policy(version=1),
    Policy(version=2, limit_rules=(LimitRule("", "", 2, 4), LimitRule("app", "A", 1, 2))),
    Policy(
        version=3,
        collect_within_ms=3 * HOUR_MS,
        ttl_rules=(
            TtlRule("", "", "S1", MINUTE_MS),
            TtlRule("", "A", "", 5 * MINUTE_MS),
            TtlRule("app", "", "", HOUR_MS),
            TtlRule("", "B", "S2", 1),
        ),
        limit_rules=(LimitRule("web", "", 0, 3),),
    ),
    Policy(version=4),
    Policy(version=5, paused=True),
)

skus = st.sampled_from("AAABBBC")
units = st.integers(1, 4)
lines = st.lists(st.tuples(skus, units), min_size=1, max_size=3).map(tuple)
no_or_some_lines = st.one_of(st.just(()), lines)
customers = st.sampled_from(["ann", "bob", "cy"])
channels = st.sampled_from(["web", "app"])
baskets = st.sampled_from(["", "", "b1", "b2"])
ttls = st.sampled_from([0, DAY_MS, 3 * HOUR_MS, 0, MINUTE_MS, 1, 2 * DAY_MS, 8 * DAY_MS])
picks = st.integers(0, 1_000_000)
counts = st.dictionaries(st.sampled_from("ABC"), st.integers(0, 12), min_size=1).map(lambda found: tuple(found.items()))
reasons = st.sampled_from([reason for reason in ReleaseReason if reason < ReleaseReason.REPLACED])


class LedgerMachine(RuleBasedStateMachine):
    """Says everything twice: to the core and to the model."""

    core: Core | None = None

    def __init__(self) -> None:
        super().__init__()
        self.watched = Watched(core=self.core)
        self.model = Model("S1")
        self.clock_ms = DAY_ZERO_MS + DAY_MS
        self.said: list[tuple[Command, Remembered]] = []
        self.keys = 0

    def fresh_key(self) -> str:
        self.keys += 1
        return f"k{self.keys}"

    def say(self, command: Command) -> None:
        told = self.watched.say(command, self.clock_ms)
        expected = self.model.say(command, self.watched.ledger.time_ms)
        assert plain(told.answer) == expected, command
        if not told.repeated and told.events:
            self.said.append((command, told.answer))

    def number(self, pick: int) -> int:
        """A reservation, the latest more often; now and then one that never was."""
        if pick % 19 == 18:
            return 1 + pick % 97 * 1_000
        return self.model.claims[-1 - pick % 5 % len(self.model.claims)].number

    @initialize(stock=st.lists(st.integers(5, 40), min_size=2, max_size=2))
    def open_the_shop(self, stock: list[int]) -> None:
        rows = zip("AB", stock, strict=True)
        movements = tuple(Movement(sku, quantity, 1, AdjustmentKind.RECEIPT, 0) for sku, quantity in rows)
        self.say(AdjustStock(self.fresh_key(), "opening", movements))

    @rule(customer=customers, channel=channels, basket=baskets, lines=lines, ttl=ttls)
    def reserve(self, customer: str, channel: str, basket: str, lines: Any, ttl: int) -> None:
        self.say(Reserve(self.fresh_key(), customer, channel, basket, lines, ttl))

    @rule(customer=customers, sku=skus, quantity=units)
    def reserve_one(self, customer: str, sku: str, quantity: int) -> None:
        self.say(Reserve(self.fresh_key(), customer, "web", "", ((sku, quantity),), 0))

    @precondition(lambda self: self.model.claims)
    @rule(pick=picks, within=ttls)
    def confirm(self, pick: int, within: int) -> None:
        self.say(Confirm(self.fresh_key(), self.number(pick), within))

    @precondition(lambda self: self.model.claims)
    @rule(pick=picks)
    def mark_ready(self, pick: int) -> None:
        self.say(MarkReady(self.fresh_key(), self.number(pick)))

    @precondition(lambda self: self.model.claims)
    @rule(pick=picks, lines=no_or_some_lines)
    def collect(self, pick: int, lines: Any) -> None:
        self.say(Collect(self.fresh_key(), self.number(pick), "p1", lines))

    @precondition(lambda self: self.model.claims)
    @rule(pick=picks, lines=no_or_some_lines, reason=reasons)
    def release(self, pick: int, lines: Any, reason: ReleaseReason) -> None:
        self.say(Release(self.fresh_key(), self.number(pick), reason, lines))

    @precondition(lambda self: self.model.claims)
    @rule(pick=picks, ttl=ttls.filter(bool))
    def extend(self, pick: int, ttl: int) -> None:
        self.say(Extend(self.fresh_key(), self.number(pick), ttl))

    @rule(sku=skus, quantity=st.integers(1, 12))
    def receive(self, sku: str, quantity: int) -> None:
        key = self.fresh_key()
        self.say(AdjustStock(key, key, (Movement(sku, quantity, 1, AdjustmentKind.RECEIPT, 0),)))

    @rule(
        source=st.sampled_from(["till", "wms"]),
        rows=st.lists(
            st.tuples(
                skus,
                st.integers(-6, 9).filter(bool),
                st.integers(1, 40),
                st.sampled_from(AdjustmentKind),
                st.one_of(st.just(None), st.integers(-LATE_MS_MAX, MINUTE_MS)),
            ),
            min_size=1,
            max_size=3,
        ),
    )
    def adjust(self, source: str, rows: Any) -> None:
        movements = tuple(
            Movement(sku, delta, sequence, kind, 0 if after is None else self.clock_ms + after)
            for sku, delta, sequence, kind, after in rows
        )
        self.say(AdjustStock(self.fresh_key(), source, movements))

    @rule(
        counts=counts,
        back=st.one_of(st.just(None), st.integers(0, HOUR_MS), st.integers(0, COUNT_BACK_MS_MAX)),
        included=st.booleans(),
    )
    def count(self, counts: Any, back: int | None, included: bool) -> None:
        as_of_ms = 0 if back is None else self.clock_ms - back
        self.say(CountStock(self.fresh_key(), counts, as_of_ms, included))

    @rule(stocks=st.dictionaries(st.sampled_from("ABC"), st.integers(0, 3), min_size=1))
    def set_safety_stock(self, stocks: dict[str, int]) -> None:
        self.say(SetSafetyStock(self.fresh_key(), tuple(stocks.items())))

    @precondition(lambda self: self.said)
    @rule(pick=picks, other=st.booleans())
    def say_again(self, pick: int, other: bool) -> None:
        command, answer = self.said[pick % len(self.said)]
        if other:
            stranger = self.said[pick // 2 % len(self.said)][0]
            assert not isinstance(stranger, Heed | Acknowledge)
            command = stranger._replace(key=command.key)
        records = len(self.watched.records)
        told = self.watched.say(command, self.clock_ms)
        expected = self.model.say(command, self.watched.ledger.time_ms)
        assert plain(told.answer) == expected
        assert told.repeated
        assert told.events == ()
        if not other:
            assert told.answer == answer, "word for word"
        assert all(type(record.event).__name__ == "Expired" for record in self.watched.records[records:])

    @rule(jump=st.sampled_from([0, 1, 999, MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 5 * HOUR_MS]))
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
            self.model.expire(self.watched.wait(at_ms))

    @rule(jump=st.sampled_from([1, MINUTE_MS, DAY_MS]))
    def clock_is_set_back(self, jump: int) -> None:
        self.clock_ms = max(DAY_ZERO_MS + DAY_MS // 2, self.clock_ms - jump)

    @rule(policy=st.sampled_from([*POLICIES, POLICIES[0]]))
    def adopt(self, policy: Policy) -> None:
        self.watched.adopt(policy, self.clock_ms)
        self.model.expire(self.watched.ledger.time_ms)
        self.model.policy = policy
        self.model.events += 1

    @rule()
    def restart(self) -> None:
        rows = written(Capture(self.watched.ledger))
        self.watched.restart()
        assert written(Capture(self.watched.ledger)) == rows

    @invariant()
    def the_invariants_hold(self) -> None:
        assert check(self.watched.ledger) == []

    @invariant()
    def the_books_agree(self) -> None:
        assert self.watched.stock() == self.model.stock()
        assert self.watched.ledger.version == self.model.events
        live = {held.number: held for held in self.watched.ledger.reservations.values()}
        assert [plain(live[claim.number]) for claim in self.model.claims] == [
            claim.outcome() for claim in self.model.claims
        ]

    def teardown(self) -> None:
        """Journal, replay, snapshot and audit agree; and once all callers stop, nothing stays reserved."""
        complaints = self.watched.complaints()
        assert not complaints, "\n".join(complaints)
        self.watched.wait(self.clock_ms + 8 * DAY_MS)
        assert all(reserved == 0 for _, reserved, _, _ in self.watched.stock().values())
        assert self.watched.ledger.open_reservations == 0
        assert not self.watched.ledger.customers
        assert not self.watched.ledger.baskets


def plain(remembered: Remembered) -> Outcome:
    """An answer of the core as the model would say it."""
    answer = remembered if isinstance(remembered, Reservation) else remembered.answer
    match answer:
        case Reservation():
            done = answer.done or ((0, 0),) * len(answer.lines)
            lines = tuple((*line, *its) for line, its in zip(answer.lines, done, strict=True))
            return ("reservation", answer.number, answer.status.name, lines, answer.expires_at_ms)
        case Rejection():
            return ("no", answer.reason.name)
        case StockOutcome():
            return ("stock", *answer)


@pytest.mark.timeout(400)  # a failure is shrunk for up to five minutes
def test_core_and_model_say_the_same() -> None:
    limits = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, report_multiple_bugs=False)
    run_state_machine_as_test(LedgerMachine, settings=limits)

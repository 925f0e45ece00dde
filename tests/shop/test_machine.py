"""The core beside the naive model: any commands in any sequence, and both say the same."""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test
from msgspec.structs import replace

from actors.core.policy import CALL_MS_MAX, DAY_MS, HOUR_MS, Policy
from actors.core.status import ReleaseReason, Status
from actors.shop import customer_totals
from actors.shop.commands import (
    Acknowledge,
    AdjustmentKind,
    AdjustStock,
    Amend,
    ApplyOutcome,
    Claim,
    Collect,
    Command,
    Confirm,
    CountStock,
    Extend,
    MarkReady,
    Movement,
    Release,
    Reserve,
    SetSafetyStock,
    claim_key,
)
from actors.shop.evolve import evolve
from actors.shop.invariants import check
from actors.shop.snapshot import Capture, Row, restore
from actors.shop.state import Ledger, Remembered
from tests.shop import strategies as some
from tests.shop.compared import comes_too_late, indexes, indexes_of, plain
from tests.shop.machine_shortfalls import LosesUnits
from tests.shop.model import Model
from tests.shop.model_books import Reservation, order_of
from tests.shop.scenario_text import MINUTE_MS
from tests.shop.watched import DAY_ZERO_MS, Core, Watched, written

EXAMPLES: Final = 300  # some 15 s
STEPS: Final = 50
# Answers and ended reservations are remembered for eight days; a run stays within, so that nothing is ever forgotten.
RUN_MS_MAX: Final = 7 * DAY_MS
COUNT_BACK_MS_MAX: Final = 20 * HOUR_MS  # movements are remembered for a day, and are two hours late at most


class LedgerMachine(LosesUnits):
    """Says everything twice: to the core and to the model."""

    core: Core | None = None
    capture_of = Capture
    watched: Watched

    def __init__(self) -> None:
        super().__init__()
        self.watched = Watched(core=self.core)
        self.model = Model("S1")
        self.clock_ms = DAY_ZERO_MS + DAY_MS
        self.said: list[tuple[Command, Remembered, int]] = []  # and when, by ledger time
        self.keys = self.orders = 0
        self.replayed, self.heard = Ledger("S1"), 0

    def fresh_key(self) -> str:
        self.keys += 1
        return f"k{self.keys}"

    def say(self, command: Command) -> None:
        if comes_too_late(self.model, command, max(self.clock_ms, self.watched.ledger.time_ms)):
            return
        told = self.watched.say(command, self.clock_ms)
        # What is not recorded leaves the ledger's time behind.
        expected = self.model.say(command, max(self.clock_ms, self.watched.ledger.time_ms))
        assert plain(told.answer) == expected, command
        if not told.repeated and told.events and command.key:
            self.said.append((command, told.answer, self.watched.ledger.time_ms))

    def number(self, pick: int) -> int:
        """A reservation, mostly one of the latest live ones; now and then one that never was."""
        if pick % 19 == 18:
            return 1 + pick % 97 * 1_000
        return some.latest(self.model.reservations, pick).number

    def holder(self, pick: int) -> str:
        """Of a part, mostly of one of the latest live ones; now and then of one that has not claimed, but may."""
        parts = self.model.parts()
        return some.latest(parts, pick).holder if parts and pick % 9 != 8 else self.next_holder()

    def next_holder(self) -> str:
        return f"o{self.orders + 1}.1"

    def another_of(self, holder: str) -> str:
        """Another part of the same order, with a number that none had before."""
        self.orders += 1
        return f"{order_of(holder)}.{self.orders + 1}"

    def slot(self, place: int) -> int:
        """When one of the next slots begins, 0 for none; the last place in the sequence is not offered."""
        coming = self.model.policy.calendar.slots_between(self.clock_ms, self.clock_ms + 2 * DAY_MS)
        if place == some.NO_SLOT_BEGINS:
            return self.clock_ms // MINUTE_MS * MINUTE_MS + MINUTE_MS + 1
        return coming[place].start_ms if place and coming else 0

    @initialize(
        policy=st.sampled_from(some.OPENING_POLICIES), stock=st.lists(st.integers(5, 40), min_size=2, max_size=2)
    )
    def open_the_shop(self, policy: Policy, stock: list[int]) -> None:
        self.adopt(policy)
        rows = zip("AB", stock, strict=True)
        movements = tuple(Movement(sku, quantity, 0, AdjustmentKind.RECEIPT, 0) for sku, quantity in rows)
        self.say(AdjustStock(self.fresh_key(), "opening", movements))

    @rule(
        customer=some.customers,
        channel=some.channels,
        basket=some.baskets,
        lines=some.lines,
        ttl=some.ttls,
        slot=some.slots,
        wait=some.waits,
    )
    def reserve(self, customer: str, channel: str, basket: str, lines: Any, ttl: int, slot: int, wait: int) -> None:
        at_ms = self.slot(slot)
        self.say(Reserve(self.fresh_key(), customer, channel, basket, lines, ttl, at_ms, wait_ms=wait))

    @precondition(lambda self: self.model.reservations)
    @rule(pick=some.picks, within=some.ttls)
    def confirm(self, pick: int, within: int) -> None:
        self.say(Confirm(self.fresh_key(), self.number(pick), within))

    @precondition(lambda self: self.model.reservations)
    @rule(pick=some.picks)
    def mark_ready(self, pick: int) -> None:
        self.say(MarkReady(self.fresh_key(), self.number(pick)))

    @precondition(lambda self: self.model.reservations)
    @rule(pick=some.picks, lines=some.no_or_some_lines)
    def collect(self, pick: int, lines: Any) -> None:
        self.say(Collect(self.fresh_key(), self.number(pick), "p1", lines))

    @precondition(lambda self: self.model.reservations)
    @rule(pick=some.picks, lines=some.no_or_some_lines, reason=some.reasons)
    def release(self, pick: int, lines: Any, reason: ReleaseReason) -> None:
        self.say(Release(self.fresh_key(), self.number(pick), reason, lines))

    @precondition(lambda self: self.model.reservations)
    @rule(pick=some.picks, ttl=some.ttls.filter(bool))
    def extend(self, pick: int, ttl: int) -> None:
        self.say(Extend(self.fresh_key(), self.number(pick), ttl))

    @precondition(lambda self: self.model.reservations)
    @rule(pick=some.picks, lines=some.no_or_some_lines, ttl=some.ttls, slot=some.slots)
    def amend(self, pick: int, lines: Any, ttl: int, slot: int) -> None:
        self.say(Amend(self.fresh_key(), self.number(pick), lines, ttl, self.slot(slot)))

    @rule(
        customer=some.customers,
        basket=some.baskets,
        lines=some.stocked_lines,
        slot=some.slots,
        changes=some.changes,
        policy=st.sampled_from(some.POLICIES),
    )
    def reserve_and_change(
        self, customer: str, basket: str, lines: Any, slot: int, changes: list[Any], policy: Policy
    ) -> None:
        """Amended or reserved again for its basket, at once or after something else has happened."""
        for before, change, other_lines, ttl, other_slot in [("", "reserve", lines, 0, slot), *changes]:
            number = self.model.reservations[-1].number if self.model.reservations else 1
            match before:
                case "confirm":
                    self.say(Confirm(self.fresh_key(), number, 0))
                case "time passes":
                    self.wait_until(self.clock_ms + HOUR_MS)
                case "hours change":
                    self.adopt(policy)
                case _:
                    pass
            at_ms = self.slot(slot if other_slot == some.THE_SAME else other_slot)
            if change == "reserve":
                self.say(Reserve(self.fresh_key(), customer, "web", basket, other_lines or lines, ttl, at_ms))
            else:
                self.say(Amend(self.fresh_key(), number, other_lines, ttl, at_ms))

    @rule(
        customer=some.customers,
        channel=some.channels,
        lines=some.lines,
        slot=some.slots,
        known=st.sampled_from(["", "part", "order"]),
        pick=some.picks,
    )
    def claim(self, customer: str, channel: str, lines: Any, slot: int, known: str, pick: int) -> None:
        """For a new order, or another part of one; or for one that has claimed before."""
        holder = self.holder(pick) if known else self.next_holder()
        if known == "order":
            holder = self.another_of(holder)
        self.orders += holder == self.next_holder()
        self.say(Claim(claim_key(holder), holder, customer, channel, lines, self.slot(slot)))

    @rule(customer=some.customers, lines=some.stocked_lines, slot=some.slots, life=some.lives)
    def order(self, customer: str, lines: Any, slot: int, life: list[Any]) -> None:
        """A claim, what its order says then, and what happens in the shop between; the order may ask for more."""
        holder = self.next_holder()
        self.orders += 1
        self.say(Claim(claim_key(holder), holder, customer, "web", lines, self.slot(slot)))
        for step in life:
            if not isinstance(step, str):
                self.hear(holder, *step)
            elif step in ("asks for more", some.CHANGES):
                holder = self.another_of(holder)
                channel, whole = ("app", lines) if step == some.CHANGES else ("web", ())
                more = lines[: self.orders % 2] if whole else lines
                self.say(Claim(claim_key(holder), holder, customer, channel, more, self.slot(slot), whole=whole))
            elif self.model.reservations and self.model.reservations[-1].holder == holder:
                self.step(self.model.reservations[-1], step, 1)

    @precondition(lambda self: self.model.reservations)
    @rule(pick=some.picks, step=some.steps, quantity=some.units)
    def hand_over(self, pick: int, step: str, quantity: int) -> None:
        self.step(some.latest(self.model.reservations, pick), step, quantity)

    def step(self, of: Reservation, step: str, quantity: int) -> None:
        """What happens in the shop; never to more than is held, where anything is."""
        sku = next((line.sku for line in of.lines if line.held()), of.lines[0].sku if of.lines else "A")
        lines = ((sku, min(quantity, of.held(sku)) or 1),)
        match step:
            case "ready":
                self.say(MarkReady(self.fresh_key(), of.number))
            case "collect":
                self.say(Collect(self.fresh_key(), of.number, "p2", lines))
            case "is noted":
                self.say(Acknowledge(((of.number, of.version),)))
            case "was noted before":
                self.say(Acknowledge(((of.number, of.version - 1),)))
            case _:
                self.say(Release(self.fresh_key(), of.number, ReleaseReason.NOT_FOUND_ON_SHELF, lines))

    @rule(pick=some.picks, word=some.words)
    def outcome(self, pick: int, word: Any) -> None:
        self.hear(self.holder(pick), *word)

    def hear(self, holder: str, ahead: int, status: Status, until: int, reason: ReleaseReason, keep: Any) -> None:
        applied = [part.applied_revision for part in self.model.parts() if part.holder == holder]
        revision = ahead + max(applied, default=0)
        channel = some.ORDERS_CHANNELS[revision % len(some.ORDERS_CHANNELS)]
        self.say(ApplyOutcome(holder, revision, status, self.clock_ms + until, reason, keep, channel))

    @precondition(lambda self: self.model.parts())
    @rule(picks=st.lists(st.tuples(some.picks, st.sampled_from([0, 0, -1, 1])), min_size=1, max_size=3))
    def acknowledge(self, picks: list[tuple[int, int]]) -> None:
        """Parts as they are, as they were, or as of later; mostly from the outbox. Now and then what is no part."""
        outbox = [part for part in self.model.parts() if part.outbox]
        reported = [
            (some.latest(outbox if outbox and pick % 4 else self.model.reservations, pick // 4), step)
            for pick, step in picks
        ]
        self.say(Acknowledge(tuple((of.number, min(of.version + step, self.model.events)) for of, step in reported)))

    @rule(sku=some.skus, quantity=st.integers(1, 12))
    def receive(self, sku: str, quantity: int) -> None:
        key = self.fresh_key()
        self.say(AdjustStock(key, key, (Movement(sku, quantity, 1, AdjustmentKind.RECEIPT, 0),)))

    @rule(source=st.sampled_from(["till", "wms"]), rows=some.rows, step=st.sampled_from([None, 1, 1, 0, -1, 2]))
    def adjust(self, source: str, rows: Any, step: int | None) -> None:
        """Rows that the service numbers, or with the source's own numbers: the next, some seen before, after a gap."""
        first = 0 if step is None else max(1, self.model.marks.get(source, 0) + step)
        movements = tuple(
            Movement(sku, delta, first and first + place, kind, age_ms)
            for place, (sku, delta, kind, age_ms) in enumerate(rows)
        )
        self.say(AdjustStock(self.fresh_key(), source, movements))

    @rule(
        counts=some.counts,
        back=st.one_of(st.just(None), st.integers(0, HOUR_MS), st.integers(0, COUNT_BACK_MS_MAX)),
        included=st.booleans(),
    )
    def count(self, counts: Any, back: int | None, included: bool) -> None:
        as_of_ms = 0 if back is None else self.clock_ms - back
        self.say(CountStock(self.fresh_key(), counts, as_of_ms, included))

    @rule(sku=st.sampled_from("AB"), missing=st.integers(1, 8))
    def count_too_few(self, sku: str, missing: int) -> None:
        """Somebody loses; then there is enough again, or most of what follows would be refused."""
        self.say(CountStock(self.fresh_key(), ((sku, max(0, self.model.held(sku) - missing)),), 0, True))
        self.receive(sku, 20)

    @rule(stocks=st.dictionaries(st.sampled_from("ABC"), st.integers(0, 3), min_size=1))
    def set_safety_stock(self, stocks: dict[str, int]) -> None:
        self.say(SetSafetyStock(self.fresh_key(), tuple(stocks.items())))

    @precondition(lambda self: self.said)
    @rule(pick=some.picks, other=st.booleans())
    def say_again(self, pick: int, other: bool) -> None:
        command, answer, said_ms = self.said[pick % len(self.said)]
        now_ms = max(self.clock_ms, self.watched.ledger.time_ms)
        if (plain(answer)[0] == "no" and now_ms > said_ms + CALL_MS_MAX) or comes_too_late(self.model, command, now_ms):
            return  # no copy of a refused call arrives that late
        if other:
            stranger = self.said[pick // 2 % len(self.said)][0]
            assert not isinstance(stranger, ApplyOutcome | Acknowledge), "what has no key is no repeat"
            command = replace(stranger, key=command.key)
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

    @rule(policy=st.sampled_from([*some.POLICIES, some.POLICIES[0]]))
    def adopt(self, policy: Policy) -> None:
        self.watched.adopt(policy, self.clock_ms)
        self.model.expire(self.watched.ledger.time_ms)
        self.model.policy = policy
        self.model.events += 1

    @rule()
    def restart(self) -> None:
        rows = written(Capture(self.watched.ledger))
        self.watched.restart()
        self.captured = None
        assert written(Capture(self.watched.ledger)) == rows

    @invariant()
    def the_invariants_hold(self) -> None:
        assert check(self.watched.ledger) == []

    @invariant()
    def the_books_agree(self) -> None:
        assert self.watched.stock() == self.model.stock()
        positions = self.watched.ledger.positions.items()
        assert {sku: (position.received, position.sold) for sku, position in positions} == self.model.flows()
        assert self.watched.ledger.version == self.model.events
        known = self.watched.known
        assert [plain(known(mine.number)) for mine in self.model.reservations] == [
            mine.outcome() for mine in self.model.reservations
        ]

    @invariant()
    def the_indexes_say_what_the_reservations_say(self) -> None:
        assert indexes(self.watched.ledger) == indexes_of(self.watched.ledger.reservations.values(), self.model)

    @invariant()
    def its_events_and_its_snapshot_are_the_ledger(self) -> None:
        """One ledger hears the events alone, one by one, another is read from a snapshot: both have the same state."""
        for record in self.watched.records[self.heard :]:
            evolve(self.replayed, record.event, record.at_ms)
        self.heard = len(self.watched.records)
        rows = written(Capture(self.watched.ledger))
        for other in (self.replayed, restore(map(msgspec.json.Decoder(Row).decode, rows))):
            assert written(Capture(other)) == rows
            assert indexes(other) == indexes(self.watched.ledger)

    def teardown(self) -> None:
        """Journal, replay, snapshot and audit agree; once orders are over and callers stop, nothing stays reserved."""
        complaints = self.watched.complaints() or self.watched.mistold()
        assert not complaints, "\n".join(complaints)
        parts = self.model.parts()
        for part in parts:
            self.say(ApplyOutcome(part.holder, part.applied_revision + 1, Status.EXPIRED, 0, ReleaseReason.OTHER, ()))
        self.say(Acknowledge(tuple((part.number, part.version) for part in parts)))
        for days in range(8, 40, 8):  # who waits in line is served, and served again
            self.watched.wait(self.clock_ms + days * DAY_MS)
        assert all(reserved == 0 for _, reserved, _, _ in self.watched.stock().values())
        assert not any(indexes(self.watched.ledger)[1:])


@pytest.mark.timeout(400)  # a failure is shrunk for up to five minutes
def test_core_and_model_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customer_totals, "ADDED_UP_MAX", 1)  # so that totals are kept
    limits = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, report_multiple_bugs=False)
    run_state_machine_as_test(LedgerMachine, settings=limits)

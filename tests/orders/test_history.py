"""What is over is in the journal: a ledger's memory does not grow with it, and what it said can be found."""

import random
import tracemalloc

import pytest

from actors.core.deadlines import STALE_ENTRIES_MAX
from actors.core.packed import ENTRY_BYTES
from actors.core.policy import DAY_MS, HOUR_MS, Policy
from actors.core.rejection import Reason, Rejection
from actors.core.status import Status
from actors.core.transact import Refused
from actors.orders import commands as cm, events as ev, indexes
from actors.orders.answers import FIRST_BYTES, NOTHING, OrderAnswers
from actors.orders.commands import order_key
from actors.orders.evolve import evolve
from actors.orders.indexes import DROPPED_BY_A_MOVE
from actors.orders.invariants import check
from actors.orders.snapshot import Capture, restore
from actors.orders.state import Order, OrderLedger, due_at_ms
from actors.orders.transact import answered_by, expire, transact
from tests import reading
from tests.shop.watched import DAY_ZERO_MS

LEDGER = "customers/0007"
PLAN = cm.Plan("S1", (("A", 1),), 0)
DAYS, A_DAY = 24, 40


class Days:
    """Orders of a day after the other, each collected, and refusals; what each day asked is asked again."""

    def __init__(self) -> None:
        self.ledger = OrderLedger(LEDGER)
        self.ledger.policy = Policy(version=1, ttl_ms_max=2 * DAY_MS)
        self.now_ms = DAY_ZERO_MS
        self.random = random.Random(7)
        self.told: dict[int, tuple[ev.Event, int]] = {}
        self.placed = 0

    def say(self, command: cm.Command) -> Order | Rejection | None:
        def decide() -> Order | Rejection | None:
            told = transact(self.ledger, command, self.now_ms)
            first = self.ledger.version - len(told.events) + 1
            self.told.update({first + place: (event, self.now_ms) for place, event in enumerate(told.events)})
            return told.answer and told.answer.answer  # type: ignore[no-any-return]

        return reading.decided(
            self.ledger, lambda version: answered_by(self.told[version][0], version, self.told[version][1]), decide
        )

    def order(self) -> list[tuple[cm.Command, Order | Rejection | None]]:
        """What was said in the life of an order, and the answers."""
        self.placed += 1
        self.now_ms += self.random.randrange(DAY_MS // A_DAY)
        expire(self.ledger, self.now_ms)
        number, customer = 10**15 + self.placed, f"c{self.placed % 30}"
        asked = cm.Open(f"k{self.placed}", "x" * 24, customer, "web", HOUR_MS, (PLAN,), (), "")
        commands: list[cm.Command] = [
            cm.Place(number, asked, (self.placed,)),
            cm.Confirm("c", number, 0, cm.NO_HOURS),
            cm.Refuse(f"n{self.placed}", "x" * 24, customer, Rejection(Reason.NO_STORE_IN_REACH)),
        ]
        said = [(command, self.say(command)) for command in commands]
        self.say(cm.Report(number, "S1", 1, 2, self.placed, 1, Status.COLLECTED, (0,), (1,)))
        return said


def test_a_month_of_orders_leaves_memory_flat() -> None:
    days = Days()
    counts: list[int] = []
    for _ in range(DAYS):
        for _ in range(A_DAY):
            said = days.order()
            for command, answer in said[:2]:
                assert days.say(command) == answer, "word for word, when it is over"
        ledger = days.ledger
        assert (ledger.orders, ledger.customers, ledger.baskets, list(ledger.outbox)) == ({}, {}, {}, [])
        answers = ledger.answers
        assert (answers.told, answers.by_key, answers.pending) == ({}, {}, {})
        counts.append(len(answers.over.versions()) + sum(map(len, answers.finished.days.values())))
    assert max(counts) == max(counts[:8]), "as much as is remembered of three days, and not more"
    assert len(days.ledger.answers.refused.versions()) < A_DAY


def test_what_is_left_of_an_order_that_is_over_takes_fifty_bytes_and_of_a_refusal_seventeen() -> None:
    left: dict[str, float] = {}
    for what, count in (("order", 10_000), ("refusal", 10_000)):
        tracemalloc.start()
        answers = OrderAnswers()
        for number in range(1, count + 1):
            if what == "order":
                answers.accept(f"c{number % 99}\nk{number}", number, number)
                answers.accept(f"\n{number}\nc", number, number)
                answers.end(number, f"c{number % 99}", number, DAY_ZERO_MS, refused=False)
            else:
                answers.refuse(f"c\nk{number}", number, DAY_ZERO_MS)
        left[what] = tracemalloc.get_traced_memory()[0] / count
        tracemalloc.stop()
        assert answers.count
    assert left["order"] < 3 * 20, "its number, its customer's key, and its place among the customer's"
    assert left["refusal"] < 24


def test_an_answer_about_an_order_costs_no_more_the_more_there_are() -> None:
    """What was said first stays where it is, what came later is found in an index; a restart changes none of it."""
    ledger, count = OrderLedger(LEDGER), 1_000
    asked = cm.Open("k", "x" * 24, "ann", "web", HOUR_MS, (PLAN,), (), "")
    transact(ledger, cm.Place(9, asked, (1,)), DAY_ZERO_MS)
    for place in range(count):
        if place == 600:
            first, capture = ledger.answers.told[9].entries, Capture(ledger)
            rows = list(capture.rows())
            capture.freeze()
        transact(ledger, cm.Extend(f"e{place}", 9, HOUR_MS, cm.NO_HOURS), DAY_ZERO_MS)
    assert list(capture.rows()) == rows, "a snapshot is of when it began"
    assert capture.thaw()
    assert len(first) == FIRST_BYTES
    assert ledger.answers.told[9].entries is first
    restored = restore(Capture(ledger).rows())
    for each in (ledger, restored):
        answers = each.answers
        assert max(map(len, answers.later[9].index.captured()[1])) < 2 * FIRST_BYTES, "so much is looked through"
        assert [answers.versions(order_key(9, f"e{place}")) for place in range(count)] == [
            [2 + place] for place in range(count)
        ]
        assert check(each) == []
        assert len(answers.all_told(9).entries) == (1 + count) * ENTRY_BYTES
    assert Capture(restored).state_hash() == Capture(ledger).state_hash()
    answers.end(9, "ann", ledger.version + 1, DAY_ZERO_MS, refused=False)
    assert (answers.told_count, answers.told, answers.later, answers.by_key) == (0, {}, {}, {})


def test_deadlines_that_are_moved_again_and_again_are_kept_once() -> None:
    ledger = OrderLedger(LEDGER)
    for number in (9, 10):
        asked = cm.Open(f"k{number}", "x" * 24, "ann", "web", HOUR_MS, (PLAN,), (), "")
        transact(ledger, cm.Place(number, asked, (1,)), DAY_ZERO_MS)
    for place in range(2 * STALE_ENTRIES_MAX):
        transact(ledger, cm.Extend(f"e{place}", 9, HOUR_MS + place, cm.NO_HOURS), DAY_ZERO_MS)
    assert len(ledger.deadlines.entries()) <= STALE_ENTRIES_MAX + 4 * len(ledger.orders) + 1
    assert check(ledger) == []
    over = [event.number for event in expire(ledger, DAY_ZERO_MS + 2 * HOUR_MS) if isinstance(event, ev.Expired)]
    assert over == [10, 9]


def test_no_move_of_a_deadline_looks_at_more_of_them_the_more_are_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moved in turn, so that nearly all entries are looked through; in the end each order expires once, in sequence."""
    looked = 0

    def counting(order: Order) -> int:
        nonlocal looked
        looked += 1
        return due_at_ms(order)

    ledger, count = OrderLedger(LEDGER), 500
    for number in range(1, count + 1):
        asked = cm.Open(f"k{number}", "x" * 24, "ann", "web", HOUR_MS, (PLAN,), (), "")
        transact(ledger, cm.Place(number, asked, (1,)), DAY_ZERO_MS)
    monkeypatch.setattr(indexes, "due_at_ms", counting)
    most = was_aside = 0
    for move in range(12 * count):
        before = looked
        number = 1 + move % count
        transact(ledger, cm.Extend(f"e{move}", number, HOUR_MS + move, cm.NO_HOURS), DAY_ZERO_MS)
        most = max(most, looked - before)
        was_aside += bool(ledger.deadlines.aside)
        assert len(ledger.deadlines.entries()) <= STALE_ENTRIES_MAX + 5 * count
    assert most <= DROPPED_BY_A_MOVE + 3
    assert was_aside > count, "some were put aside, and looked through"
    assert check(ledger) == []
    over = [event.number for event in expire(ledger, DAY_ZERO_MS + 2 * HOUR_MS) if isinstance(event, ev.Expired)]
    assert over == list(range(1, count + 1))


def test_a_restart_changes_nothing_of_what_is_remembered() -> None:
    days = Days()
    for _ in range(30):
        days.order()
    said = days.order()
    capture = Capture(days.ledger)
    days.ledger = restore(capture.rows())
    assert Capture(days.ledger).state_hash() == capture.state_hash()
    assert [days.say(command) for command, _ in said] == [answer for _, answer in said]
    assert sorted(days.ledger.answers.finished.of("c1")) == [10**15 + 1, 10**15 + 31]


def test_nothing_has_to_be_read_for_a_message_without_a_key() -> None:
    """It may stand in a batch beside a call that is asked again."""
    days = Days()
    days.order()
    assert days.ledger.answers.versions("") == ()
    assert days.ledger.answers.versions("c1\nk1")


def test_twenty_million_refusals_are_no_reason_to_refuse() -> None:
    """Nothing is limited by count; here by what stands for very many."""
    ledger = OrderLedger(LEDGER)
    for number in range(3_000):
        evolve(ledger, Refused(f"c\nk{number}", "x" * 24, "Open", Rejection(Reason.SLOT_FULL)), DAY_ZERO_MS)
    ledger.answers.over.count = 1 << 40
    asked = cm.Open("k", "x" * 24, "ann", "web", HOUR_MS, (PLAN,), (), "")
    answer = transact(ledger, cm.Place(9, asked, (1,)), DAY_ZERO_MS).answer
    assert isinstance(answer.answer, Order)
    assert ledger.answers.told.get(9, NOTHING).keys == ("ann\nk",)

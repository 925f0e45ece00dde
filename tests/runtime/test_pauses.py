"""What is done in one hold of the mutex is bounded, however much a ledger has: counted in rows that are looked at."""

from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any, Final

import pytest

from actors.core.ascending import RUN_MAX
from actors.core.overlay import OVERLAID_AT_ONCE
from actors.core.policy import HOUR_MS, ChainLimitRule, Policy
from actors.core.status import Status
from actors.orders import commands as cm, transact as orders
from actors.orders.invariants import check
from actors.orders.snapshot import Capture, tables
from actors.orders.state import OrderLedger
from actors.protocol.messages import Held, pack_batch, unpack_answers
from actors.store_actor import NOTED_AT_ONCE, OUTBOX_MAX, StoreActor
from tests.journal.storages import Storage
from tests.runtime.runtime_fixture import ActorRuntime, ManualClock
from tests.runtime.shop import Shop, chain_document
from tests.shop.scenario_text import command_of

HOLDS: Final = 30 * 110
SKUS: Final = 1_200


class Looked:
    """A mutex that counts what is looked at while it is held."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.rows = self.most = 0

    def __enter__(self) -> None:
        self._lock.acquire()
        self.rows = 0

    def __exit__(self, *_: object) -> None:
        self.most = max(self.most, self.rows)
        self._lock.release()


def counted(kind: type, mutex: Looked) -> Any:
    """A dictionary or list of which each row that is looked at counts."""

    class Counted(kind):
        def _walked(self, rows: Iterator[Any]) -> Iterator[Any]:
            for row in rows:
                mutex.rows += 1
                yield row

        def __iter__(self) -> Iterator[Any]:
            return self._walked(super().__iter__())

        def values(self) -> Iterator[Any]:
            return self._walked(iter(super().values()))

        def items(self) -> Iterator[Any]:
            return self._walked(iter(super().items()))

        def __setitem__(self, key: Any, value: Any) -> None:
            mutex.rows += 1
            super().__setitem__(key, value)

        def copy(self) -> Any:
            mutex.rows += len(self)
            return super().copy()

    return Counted


def test_a_snapshot_lets_no_step_wait_for_more_than_a_few_rows(runtime: ActorRuntime) -> None:
    runtime.say(*(f"receive A{number} 9000" for number in range(SKUS)))
    for number in range(0, HOLDS, 110):
        runtime.say(*(f"reserve c{place} A{place % SKUS} 1" for place in range(number, number + 110)))
    runtime.say(*(f"release #{SKUS + place}" for place in range(1, 111)))
    mutex, ledger = Looked(), runtime.host._hosted["S1"].ledger
    mapping, sequence = counted(dict, mutex), counted(list, mutex)
    ledger.positions, ledger.reservations = mapping(ledger.positions), mapping(ledger.reservations)
    ledger.answers.made._buckets = sequence(ledger.answers.made._buckets)
    runtime.host._deciding = mutex  # type: ignore[assignment]

    told: list[Any] = []
    numbers = iter(range(SKUS + 111, SKUS + HOLDS))

    def meanwhile() -> None:
        for _ in range(5):
            texts = [f"release #{next(numbers)}" for _ in range(100)]
            told.extend(runtime.say(*texts, *(f"reserve d{place} A{place} 1" for place in range(100))))

    runtime.host.snapshot("S1", meanwhile)
    assert len(told) > 2 * OVERLAID_AT_ONCE, "so it is put in its place in several pieces"
    assert 0 < mutex.most <= OVERLAID_AT_ONCE
    assert (ledger.positions.__class__, ledger.reservations.__class__) == (mapping, mapping), (
        "nothing is left over them"
    )
    state = runtime.state_hash()
    assert runtime.successor().state_hash() == state


LIMIT: Final = (ChainLimitRule("", "A", 0, 1, 0),)


@pytest.fixture
def shop(storage: Storage, clock: ManualClock) -> Iterator[Shop]:
    """An actor with some of A."""
    shop = Shop(storage.open(), clock)
    shop.say(f"receive A {9 * HOLDS}", "r1")
    yield shop
    shop.actor.close()


def adopt(shop: Shop, version: int, limits: tuple[ChainLimitRule, ...]) -> None:
    """The shop decides by these from here on."""
    shop.actor.bind(chain_document(version, Policy(version=version, chain_limit_rules=limits)), ["S1"])


def reserve(shop: Shop, first: int, count: int) -> None:
    """So many holds of one unit."""
    for begin in range(first, first + count, 110):
        texts = [f"reserve c{place} A 1" for place in range(begin, min(begin + 110, first + count))]
        commands = [("S1", command_of(text, f"{begin} {text}")) for text in texts]
        assert all(isinstance(answer, Held) for answer in unpack_answers(shop.actor.step(pack_batch(0, commands))))


def test_a_new_limit_lets_no_step_wait_for_all_that_is_held(shop: Shop) -> None:
    """What is held is looked through while decisions go on, and entered in the outbox some at a time."""
    reserve(shop, 0, HOLDS)
    mutex, ledger = Looked(), shop.actor.host._hosted["S1"].ledger
    mapping = counted(dict, mutex)
    ledger.reservations, ledger.customers = mapping(ledger.reservations), mapping(ledger.customers)
    shop.actor.host._deciding = mutex  # type: ignore[assignment]
    adopt(shop, 2, LIMIT)
    assert not ledger.outbox
    assert shop.actor.uncounted() == HOLDS == len(ledger.outbox)
    assert shop.actor.uncounted() == HOLDS
    assert mutex.most <= NOTED_AT_ONCE


def test_what_is_held_while_a_limit_is_away_is_counted_when_it_comes_again(shop: Shop) -> None:
    reserve(shop, 0, 2)
    adopt(shop, 2, LIMIT)
    assert shop.actor.uncounted() == 2
    adopt(shop, 3, ())
    reserve(shop, 2, 1)
    adopt(shop, 4, LIMIT)
    assert shop.actor.uncounted() == 3
    assert [len(turn) for _, _, turn, _, _ in shop.actor.outbox(0, {}) or ()] == [3]


def test_after_a_restart_it_is_found_again(storage: Storage, clock: ManualClock) -> None:
    shop = Shop(storage.open(), clock)
    shop.say("receive A 9", "r1")
    reserve(shop, 0, 2)
    adopt(shop, 2, LIMIT)
    shop.actor.close()
    shop = Shop(storage.open(), clock)
    assert shop.actor.uncounted() == 2
    shop.actor.close()


def by_number(mutex: Looked) -> Any:
    """A dictionary of which each row that is asked for counts as well."""

    class ByNumber(counted(dict, mutex)):  # type: ignore[misc]
        def get(self, key: Any, default: Any = None) -> Any:
            mutex.rows += 1
            return super().get(key, default)

        def __getitem__(self, key: Any) -> Any:
            mutex.rows += 1
            return super().__getitem__(key)

    return ByNumber


STATUS: Final = {"undecided": Status.CLAIMED, "changed": Status.COLLECTED, "lapsed": Status.HELD}


@pytest.mark.parametrize("waiting", STATUS)
def test_of_what_waits_for_its_order_a_turn_is_looked_at(shop: Shop, clock: ManualClock, waiting: str) -> None:
    """However much waits, each has its turn."""
    looked, claimed = list[int](), 0
    host, ledger = shop.actor.host, shop.actor.host._hosted["S1"].ledger
    for count in (OUTBOX_MAX + 10, 3 * OUTBOX_MAX):
        said = [f"claim o{place} c{place} A 1" for place in range(claimed, count)]
        if waiting != "undecided":
            until = "0:00" if waiting == "lapsed" else "9d0:00"
            said += [f"apply o{place} 1 HELD until {until}" for place in range(claimed, count)]
        host.step([("S1", command_of(text, "")) for text in said])
        if waiting == "changed":
            parts = [ledger.holders[f"o{place}"] for place in range(claimed, count)]
            host.step([("S1", command_of(f"collect #{number}", f"r{number}")) for number in parts])
        claimed = count
        clock.move(HOUR_MS)
        mutex = Looked()
        ledger.reservations = by_number(mutex)(ledger.reservations)
        for numbers in (ledger.outbox, ledger.undecided):
            numbers._runs = [counted(list, mutex)(run) for run in numbers._runs]
        shop.actor.host._deciding = mutex  # type: ignore[assignment]
        after, seen = dict[str, int](), set[int]()
        for _ in range(5):
            for store_id, _, parts, _, resume in shop.actor.outbox(1_000, after) or ():
                assert len(parts) <= OUTBOX_MAX
                seen |= {part.number for part in parts}
                assert {part.status for part in parts} <= {STATUS[waiting]}
                after[store_id] = resume
        assert seen == set(ledger.holders.values())
        looked.append(mutex.most)
    assert 0 < looked[1] <= looked[0] + RUN_MAX


def test_a_customers_ledger_is_compared_with_its_journal_while_decisions_go_on() -> None:
    """All of it, its indexes too; nothing of the large tables is looked at while others wait."""
    ledger, at_ms, count = OrderLedger("customers/0007"), 1 << 40, 300
    plan = cm.Plan("S1", (("A", 1),), 0)

    def place(number: int) -> None:
        asked = cm.Open(f"k{number}", "", f"c{number % 100}", "web", HOUR_MS, (plan,), (), f"b{number}")
        orders.transact(ledger, cm.Place(number, asked, (number,)), at_ms)

    def collect(number: int) -> None:
        orders.transact(ledger, cm.Report(number, "S1", 1, 1, number, 1, Status.COLLECTED, (0,), (1,)), at_ms)

    for number in range(1, count):
        place(number)
    mutex = Looked()
    for holder, name, _ in tables(ledger):
        setattr(holder, name, counted(dict, mutex)(getattr(holder, name)))
    with mutex:
        capture = Capture(ledger)
        capture.freeze()
    assert mutex.most == 0
    rows = list(capture.rows())
    for number in range(1, count, 2):
        place(count + number)
        collect(number)
    assert (list(capture.rows()), check(capture.state), len(capture.state.orders)) == (rows, [], count - 1)
    while not capture.thaw(100):
        pass
    assert check(ledger) == []


READS: Final[dict[str, Callable[[StoreActor], object]]] = {
    "availability": lambda actor: actor.availability(["S1"], ["A"]),
    "stock": lambda actor: actor.stock(["S1"], ["A"], 0),
    "reservation": lambda actor: actor.reservation("S1", 9),
    "reservations": lambda actor: actor.reservations("S1", [], 0, 5),
    "outbox": lambda actor: actor.outbox(0, {}),
    "uncounted": lambda actor: actor.uncounted(),
    "holders_of": lambda actor: actor.holders_of("S1", [3, 9]),
    "reservations_of": lambda actor: actor.reservations_of("S1", [3, 9]),
    "parts_of": lambda actor: actor.parts_of("S1", ["o1"]),
    "slots": lambda actor: actor.slots("S1", 0, HOUR_MS),
    "slots_taken": lambda actor: actor.slots_taken(["S1"]),
    "in_slots": lambda actor: actor.in_slots("S1", [7], 9),
    "status": lambda actor: actor.status("S1"),
    "live_state": lambda actor: actor.live_state("S1"),
    "moved": lambda actor: actor.moved({}, 0.0),
    "feed": lambda actor: actor.feed([("S1", 0, 0)], False, 1_000),
    "sweep": lambda actor: actor.host.sweep(),
}


def test_no_read_lets_a_step_wait_for_more_the_more_there_was(shop: Shop) -> None:
    """Neither for what is over, nor for what is held."""
    looked, first = list[dict[str, int]](), 0
    ledger = shop.actor.host._hosted["S1"].ledger
    for count in (20, 1_000):
        reserve(shop, first, count - first)
        numbers = list(ledger.reservations)[::2]
        shop.actor.host.step([("S1", command_of(f"release #{number}", f"r{number}")) for number in numbers])
        first, mutex = count, Looked()
        shop.actor.host._deciding = mutex  # type: ignore[assignment]
        for name in ("positions", "reservations", "customers", "baskets", "holders", "slots_taken"):
            setattr(ledger, name, by_number(mutex)(getattr(ledger, name)))
        for table in (ledger.answers.made, ledger.answers.refused, ledger.finished.table):
            table._buckets = counted(list, mutex)(table._buckets)
        looked.append({})
        for name, read in READS.items():
            mutex.most = 0
            read(shop.actor)
            looked[-1][name] = mutex.most
    assert looked[0] == looked[1]

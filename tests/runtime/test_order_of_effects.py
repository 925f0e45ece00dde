"""Decide, append, then speak: no answer of any kind leaves before what it rests on is durable."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest

from actors.core.policy import HOUR_MS
from actors.journal.port import Record
from actors.runtime import group_commit
from actors.runtime.hosted import Decided, records_of
from tests.runtime.runtime_fixture import STILL_S, WAIT_S, ActorRuntime, entries
from tests.shop.scenario_text import answer_text
from tests.waiting import until


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Callers of their own."""
    with ThreadPoolExecutor(16) as pool:
        yield pool


@pytest.fixture
def stocked(runtime: ActorRuntime) -> ActorRuntime:
    """Ten of A are there."""
    runtime.deliver("receive A 10")
    runtime.journal.log.clear()
    return runtime


def stands_still(*answers: "Future[str]") -> bool:
    """None of them comes, though it is given time to."""
    return not wait(answers, timeout=STILL_S, return_when="FIRST_COMPLETED").done


def queued(runtime: ActorRuntime, batches: int) -> None:
    """Return once so many batches were queued for the journal since it was opened."""
    until(lambda: runtime.host._commits._enqueued == batches, within_s=WAIT_S, what=f"{batches} queued batches")


def test_nothing_is_answered_before_the_append(stocked: ActorRuntime, pool: ThreadPoolExecutor) -> None:
    gate = stocked.journal.hold_before()
    answer = pool.submit(stocked.deliver, "k1: reserve ann A 1")
    gate.wait_reached()
    assert stands_still(answer)
    gate.release()

    assert answer.result(WAIT_S) == "#2 HELD A 1 until 2:00"
    assert stocked.journal.log == ["append S1:2-2", "durable S1:2-2", "answer k1"]


def test_nothing_is_answered_before_the_append_has_returned(stocked: ActorRuntime, pool: ThreadPoolExecutor) -> None:
    gate = stocked.journal.hold_after()
    answer = pool.submit(stocked.deliver, "k1: reserve ann A 1")
    gate.wait_reached()
    assert stocked.journal.log == ["append S1:2-2", "durable S1:2-2"]
    assert stands_still(answer)
    gate.release()
    assert answer.result(WAIT_S) == "#2 HELD A 1 until 2:00"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("k1: reserve ann A 1", "#2 HELD A 1 until 2:00"),  # a repeat
        ("k1: reserve ann A 2", "IDEMPOTENCY_KEY_REUSED"),  # a refusal that is never written down
        ("k2: reserve bob A 99", "INSUFFICIENT_STOCK A 99 of 9"),  # a refusal over what the disk has not seen
    ],
)
def test_whatever_rests_on_a_queued_batch_waits_for_it(
    stocked: ActorRuntime, pool: ThreadPoolExecutor, text: str, told: str
) -> None:
    gate = stocked.journal.hold_before()
    first = pool.submit(stocked.deliver, "k1: reserve ann A 1")
    gate.wait_reached()
    second = pool.submit(stocked.deliver, text)
    assert stands_still(first, second)
    gate.release()

    assert first.result(WAIT_S) == "#2 HELD A 1 until 2:00"
    assert second.result(WAIT_S) == told
    assert stocked.stock() == "A 10/1"


def test_a_read_waits_for_a_queued_batch(stocked: ActorRuntime, pool: ThreadPoolExecutor) -> None:
    gate = stocked.journal.hold_before()
    first = pool.submit(stocked.deliver, "k1: reserve ann A 1")
    gate.wait_reached()
    read = pool.submit(stocked.stock)
    assert stands_still(read)
    gate.release()
    assert read.result(WAIT_S) == "A 10/1"
    assert first.result(WAIT_S) == "#2 HELD A 1 until 2:00"


def test_a_snapshot_holds_nothing_that_is_not_durable(stocked: ActorRuntime, pool: ThreadPoolExecutor) -> None:
    gate = stocked.journal.hold_before()
    first = pool.submit(stocked.deliver, "k1: reserve ann A 1")
    gate.wait_reached()
    snapshot = pool.submit(stocked.snapshot)
    wait([snapshot], timeout=STILL_S)
    assert entries(stocked.journal.log, "write_snapshot") == []
    gate.release()
    snapshot.result(WAIT_S)
    first.result(WAIT_S)
    assert stocked.journal.log.index("durable S1:2-2") < stocked.journal.log.index("write_snapshot S1:2")


def test_one_durable_write_serves_all_that_wait(stocked: ActorRuntime, pool: ThreadPoolExecutor) -> None:
    gate = stocked.journal.hold_before()
    answers = [pool.submit(stocked.deliver, "k0: reserve ann A 1")]
    gate.wait_reached()
    answers += [pool.submit(stocked.deliver, f"k{number}: reserve c{number} A 1") for number in range(1, 8)]
    queued(stocked, 9)  # the first is the receipt
    gate.release()

    told = [answer.result(WAIT_S) for answer in answers]
    assert len(set(told)) == 8
    assert len(entries(stocked.journal.log, "append")) == 2
    assert stocked.stock() == "A 10/8"


def test_a_batch_over_several_ledgers_is_one_durable_write(runtime: ActorRuntime) -> None:
    runtime.host.step([(store_id, runtime.command("receive A 5")) for store_id in ("S1", "S2", "S1")])
    assert entries(runtime.journal.log, "durable") == ["durable S1:1-2 S2:1-1"]


def test_repeats_and_reads_alone_write_nothing(stocked: ActorRuntime) -> None:
    stocked.deliver("k1: reserve ann A 1")
    stocked.journal.log.clear()
    assert stocked.deliver("k1: reserve ann A 1") == "#2 HELD A 1 until 2:00"
    assert stocked.stock() == "A 10/1"
    assert entries(stocked.journal.log, "append") == []


def test_records_follow_each_other_whoever_writes_them(stocked: ActorRuntime, pool: ThreadPoolExecutor) -> None:
    def customer(number: int) -> list[str]:
        return [stocked.deliver(f"k{number}x{turn}: reserve c{number} A 1 for 1h") for turn in range(20)]

    told = [line for answers in pool.map(customer, range(12)) for line in answers]
    assert sum(" HELD " in line for line in told) == 10
    durable = " ".join(entries(stocked.journal.log, "durable"))
    spans = [(int(first), int(last)) for first, last in re.findall(r"S1:(\d+)-(\d+)", durable)]
    assert [first for first, _ in spans] == [2, *(last + 1 for _, last in spans[:-1])]
    assert spans[-1][1] == 1 + len(told)


def test_events_are_encoded_while_nobody_waits_for_the_lock(
    stocked: ActorRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    was_locked: list[bool] = []

    def watched(decided: Sequence[Decided], *encode: Any) -> list[Record]:
        was_locked.extend(stocked.host._deciding.locked() for _ in decided)
        return records_of(decided, *encode)

    monkeypatch.setattr(group_commit, "records_of", watched)
    stocked.deliver("reserve ann A 1")
    stocked.clock.move(3 * HOUR_MS)
    assert stocked.stock() == "A 10/0", "what a read expires"
    stocked.deliver("reserve bob A 1")
    stocked.clock.move(3 * HOUR_MS)
    assert stocked.host.sweep() == 1
    assert was_locked == [False] * 4


def test_a_batch_over_ledgers_is_decided_by_ledger_and_answered_as_it_came(stocked: ActorRuntime) -> None:
    for store_id, units in (("S2", 5), ("S3", 1)):
        stocked.deliver(f"receive A {units}", store_id)
    stocked.journal.log.clear()
    asked = [("S2", "ann A 2"), ("S3", "bob A 2"), ("S1", "cat A 3"), ("S2", "dan A 4"), ("S1", "eva A 1")]
    answers = stocked.host.step([(store_id, stocked.command(f"reserve {text}")) for store_id, text in asked])
    assert [answer_text(answer) for answer in answers] == [
        "#2 HELD A 2 until 2:00",
        "INSUFFICIENT_STOCK A 2 of 1",
        "#2 HELD A 3 until 2:00",
        "INSUFFICIENT_STOCK A 4 of 3",
        "#3 HELD A 1 until 2:00",
    ]
    assert stocked.journal.log == ["append S2:2-3 S3:2-2 S1:2-3", "durable S2:2-3 S3:2-2 S1:2-3"]

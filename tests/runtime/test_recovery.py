"""A ledger keeps its state: over a crash, over snapshots, over clocks that step back, and on another process."""

import pytest

from actors.core.policy import HOUR_MS
from actors.runtime.kinds import SHOP
from actors.shop.events import Event
from actors.shop.snapshot import Capture
from actors.shop.state import Reservation
from tests.journal.storages import Storage
from tests.runtime.runtime_fixture import ActorRuntime, ManualClock, entries

PAGE = """
    receive A 20, B 8
    k1: reserve ann A 3, B 1 basket b1
    k2: reserve bob A 2 for 30m
    k3: confirm #3 within 1h
    k4: reserve ann A 4 basket b1
    k5: reserve cid A 99
    k6: collect #3 A 1 paid p7
    k7: release #6 A 1 because OTHER
    k8: extend #6 for 3h
    k9: ready #3
    k10: count A 15 without holds
    k11: safety B 2
    k12: sell B 3 from till row 1
"""


def lines(page: str) -> list[str]:
    """A page's lines."""
    return [line.strip() for line in page.strip().splitlines()]


def test_the_state_is_the_same_on_the_other_side_of_a_crash(runtime: ActorRuntime) -> None:
    told = [runtime.deliver(line) for line in lines(PAGE)]
    assert sum(" HELD " in line for line in told) == 5
    assert "INSUFFICIENT_STOCK A 99 of 14" in told
    before = runtime.state_hash()
    later = runtime.successor()
    assert later.state_hash() == before
    assert later.epoch() == 2


def stale_hash(stale: ActorRuntime) -> str:
    """The hash of what a host has in memory, the owner or not."""
    return Capture(stale.host._hosted["S1"].ledger).state_hash()


def test_every_answer_is_given_again_after_recovery(runtime: ActorRuntime) -> None:
    told = {line: runtime.deliver(line) for line in lines(PAGE) if line.startswith("k")}
    runtime.snapshot()
    later = runtime.successor()
    assert {line: later.deliver(line) for line in told} == told
    assert entries(later.journal.log, "append") == []
    assert later.host.read("S1", lambda hosted, _: hosted.repeats_answered) == len(told)


@pytest.mark.parametrize("snapshot_after", [0, 1, 4, 7, 12, 13])
def test_a_snapshot_and_its_tail_are_the_whole(storage: Storage, clock: ManualClock, snapshot_after: int) -> None:
    runtime = ActorRuntime(storage, clock)
    for place, line in enumerate(lines(PAGE)):
        if place == snapshot_after and place:
            runtime.snapshot()
        runtime.deliver(line)
        clock.move(HOUR_MS // 100)
    if snapshot_after == len(lines(PAGE)):
        runtime.snapshot()
    later = runtime.successor()
    assert stale_hash(later) == stale_hash(runtime)
    hosted = later.host._hosted["S1"]
    replayed = hosted.replayed_events
    assert replayed == hosted.ledger.version - hosted.snapshot_seq
    assert (replayed < hosted.ledger.version) == bool(snapshot_after)


def test_decisions_go_on_while_a_snapshot_is_written(runtime: ActorRuntime) -> None:
    """The snapshot is as of one version; what is decided between its pieces is in the tail."""
    runtime.deliver("receive A 9000")
    for number in range(20):
        runtime.say(*(f"reserve c{number}x{place} A 1" for place in range(110)))
    told: list[str] = []
    runtime.host.snapshot("S1", lambda: told.append(runtime.deliver("reserve dan A 1")))
    assert len(told) > 1
    assert all("HELD" in line for line in told)
    later = runtime.successor()
    assert stale_hash(later) == stale_hash(runtime)
    assert later.host._hosted["S1"].replayed_events == len(told)


def test_snapshots_are_due_by_their_tail(runtime: ActorRuntime) -> None:
    runtime.deliver("receive A 100")
    assert runtime.host.snapshots_due(0) == []  # the tail is not longer than the state yet
    for _ in range(5):
        runtime.deliver("safety A 1")
    assert runtime.host.snapshots_due(0) == ["S1"]
    assert runtime.host.snapshots_due(6) == []
    runtime.host.snapshot_if_moved("S1")
    assert runtime.host.snapshots_due(0) == []
    written = entries(runtime.journal.log, "write_snapshot")
    runtime.host.snapshot_if_moved("S1")
    assert entries(runtime.journal.log, "write_snapshot") == written


def test_snapshots_are_due_the_more_rarely_the_more_answers_they_have(runtime: ActorRuntime) -> None:
    runtime.deliver("receive A 1")
    for _ in range(16):
        runtime.say(*["reserve ann A 9"] * 200)  # a hundred rows of refusals
    runtime.host.snapshot_if_moved("S1")
    due = []
    for _ in range(3):
        runtime.say(*["safety A 1"] * 40)
        due.append(runtime.host.snapshots_due(0))
    assert due == [[], [], ["S1"]]


def test_each_take_over_raises_the_epoch(runtime: ActorRuntime) -> None:
    runtime.deliver("receive A 1")
    epochs = [runtime.epoch()]
    for _ in range(3):
        runtime = runtime.successor()
        epochs.append(runtime.epoch())
    assert epochs == [1, 2, 3, 4]


def test_ledger_time_never_runs_backwards(runtime: ActorRuntime, clock: ManualClock) -> None:
    def now_ms(asked: ActorRuntime) -> int:
        return asked.host.read("S1", lambda _, now: now)

    runtime.deliver("receive A 5")
    clock.move(2 * HOUR_MS)
    assert runtime.deliver("k1: reserve ann A 1 for 1h") == "#2 HELD A 1 until 3:00"
    clock.move(-2 * HOUR_MS)
    assert now_ms(runtime) == clock.at_ms + 2 * HOUR_MS
    assert runtime.deliver("k2: reserve bob A 1 for 1h") == "#3 HELD A 1 until 3:00"

    later = runtime.successor()
    assert now_ms(later) == clock.at_ms + 2 * HOUR_MS
    assert later.deliver("k3: reserve cid A 1 for 1h") == "#4 HELD A 1 until 3:00"
    records = later.journal.read("S1", 0, 100)
    times = [record.at_ms for record in records]
    assert times == sorted(times)
    clock.move(2 * HOUR_MS + 1)
    assert later.host.sweep() == 0  # an hour is left to each, and a clock that caught up changes nothing
    clock.move(HOUR_MS - 1)
    assert later.host.sweep() == 3


def test_reading_alone_does_not_move_ledger_time(runtime: ActorRuntime, clock: ManualClock) -> None:
    """A read answers by the clock, and leaves no trace that the next owner would not have."""
    runtime.deliver("receive A 5")
    clock.move(HOUR_MS)
    runtime.stock()
    assert runtime.host._hosted["S1"].ledger.time_ms == clock.at_ms - HOUR_MS
    assert stale_hash(runtime.successor()) == stale_hash(runtime)


def test_what_fell_due_while_nobody_served_goes_at_the_first_decision(
    runtime: ActorRuntime, clock: ManualClock
) -> None:
    runtime.deliver("receive A 1")
    runtime.deliver("k1: reserve ann A 1 for 1h")
    clock.move(HOUR_MS)
    later = runtime.successor()
    assert later.deliver("k2: reserve bob A 1") == "#4 HELD A 1 until 3:00"
    assert later.deliver("k3: confirm #2") == "RESERVATION_EXPIRED #2 EXPIRED"


def test_answers_are_values_of_their_moment(runtime: ActorRuntime) -> None:
    """The first answer to Reserve is the hold as it was, also when it has long been collected."""
    runtime.deliver("receive A 5")
    runtime.deliver("k1: reserve ann A 2")
    runtime.deliver("k2: collect #2")
    runtime.snapshot()
    (answer,) = runtime.successor().say("k1: reserve ann A 2")
    assert isinstance(answer, Reservation)
    assert answer.status.name == "HELD"


def journalled(runtime: ActorRuntime) -> list[type[Event]]:
    """The kinds of all events, in sequence."""
    return [
        type(event) for record in runtime.journal.read("S1", 0, 10_000) for event in SHOP.read_events(record.payload)
    ]


def test_the_journal_has_every_kind_of_event(runtime: ActorRuntime) -> None:
    for line in lines(PAGE):
        runtime.deliver(line)
    assert {kind.__name__ for kind in journalled(runtime)} >= {
        "StockAdjusted",
        "Reserved",
        "Confirmed",
        "Released",
        "Refused",
        "Collected",
        "Extended",
        "ReadyMarked",
        "StockCounted",
        "SafetyStockSet",
    }

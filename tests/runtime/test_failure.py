"""A failed append ends the host: nothing is answered or tried again, and the successor has the durable prefix."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from actors.core.policy import HOUR_MS
from actors.journal.port import Fenced, JournalDamaged, JournalFailed
from tests.runtime.runtime_fixture import WAIT_S, ActorRuntime, entries
from tests.waiting import until


@pytest.fixture
def stocked(runtime: ActorRuntime) -> ActorRuntime:
    """Ten of A are there."""
    runtime.deliver("receive A 10")
    runtime.journal.log.clear()
    return runtime


def test_the_end_is_told_once_before_any_waiter_hears(stocked: ActorRuntime) -> None:
    gate = stocked.journal.hold_before(1)
    stocked.journal.fail_before(2)

    def caller(number: int) -> str:
        try:
            return stocked.deliver(f"k{number}: reserve c{number} A 1")
        except JournalFailed:
            stocked.journal.log.append("heard")
            return "heard"

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(caller, 0)
        gate.wait_reached()
        others = [pool.submit(caller, number) for number in range(1, 6)]
        until(lambda: stocked.host._commits._enqueued == 7, within_s=WAIT_S, what="queued batches")
        gate.release()
        first.result(WAIT_S)
        assert {other.result(WAIT_S) for other in others} == {"heard"}

    assert len(stocked.failures) == 1
    log = stocked.journal.log
    assert log.index("failure") < log.index("heard")
    assert len(entries(log, "heard")) in {5, 6}  # the first may be told of the end instead of its durable answer


def test_nothing_is_answered_and_nothing_is_written_after_a_failure(stocked: ActorRuntime) -> None:
    stocked.deliver("k1: reserve ann A 1")
    stocked.journal.fail_before()
    with pytest.raises(JournalFailed):
        stocked.deliver("k2: reserve bob A 1")
    stocked.journal.log.clear()

    for text in ("k2: reserve bob A 1", "k3: reserve cid A 1", "k1: reserve ann A 1"):
        with pytest.raises(JournalFailed):
            stocked.deliver(text)
    with pytest.raises(JournalFailed):
        stocked.stock()
    with pytest.raises(JournalFailed):
        stocked.snapshot()
    assert stocked.journal.log == []  # the journal was not even asked
    assert len(stocked.failures) == 1


@pytest.mark.parametrize("written", [False, True])
def test_a_retry_after_a_crash_gives_one_effect_and_one_answer(stocked: ActorRuntime, *, written: bool) -> None:
    """Whether the append had reached the disk is what nobody can know; the retry makes both the same."""
    (stocked.journal.fail_after if written else stocked.journal.fail_before)()
    with pytest.raises(JournalFailed):
        stocked.deliver("k1: reserve ann A 3")

    later = stocked.successor()
    assert later.version() == (2 if written else 1)
    first = later.deliver("k1: reserve ann A 3")
    assert first == "#2 HELD A 3 until 2:00"
    assert later.deliver("k1: reserve ann A 3") == first
    assert later.stock() == "A 10/3"
    assert later.successor().deliver("k1: reserve ann A 3") == first


def test_recovery_gives_exactly_the_durable_prefix(stocked: ActorRuntime) -> None:
    for number in range(3):
        stocked.deliver(f"k{number}: reserve c{number} A 1")
    durable = stocked.state_hash()
    stocked.journal.fail_before()
    with pytest.raises(JournalFailed):
        stocked.say("reserve dan A 1", "reserve eve A 1", "count A 0")
    assert stocked.successor().state_hash() == durable


def test_a_failed_batch_of_several_ledgers_moves_none(runtime: ActorRuntime) -> None:
    runtime.host.step([(store_id, runtime.command("receive A 5")) for store_id in ("S1", "S2")])
    runtime.journal.fail_before()
    with pytest.raises(JournalFailed):
        runtime.host.step([(store_id, runtime.command("reserve ann A 1")) for store_id in ("S1", "S2")])
    later = runtime.successor()
    assert (later.stock("S1"), later.stock("S2")) == ("A 5/0", "A 5/0")


def test_a_ledger_that_cannot_be_taken_over_ends_the_host(stocked: ActorRuntime) -> None:
    """The batch has moved S1 in memory by then; if the host went on, a repeat would be answered from memory alone."""
    stocked.journal.fail_call("take_over")
    batch = [("S1", stocked.command("k1: reserve ann A 1")), ("S2", stocked.command("k2: reserve ann A 1"))]
    with pytest.raises(JournalFailed):
        stocked.host.step(batch)
    assert len(stocked.failures) == 1
    with pytest.raises(JournalFailed):
        stocked.deliver("k1: reserve ann A 1")
    assert stocked.successor().stock() == "A 10/0"


def test_an_error_that_no_journal_should_raise_ends_the_host_too(stocked: ActorRuntime) -> None:
    stocked.journal.fail_call("append", ZeroDivisionError("no journal raises this"))
    with pytest.raises(JournalFailed, match="ZeroDivisionError"):
        stocked.deliver("k1: reserve ann A 1")
    assert len(stocked.failures) == 1
    with pytest.raises(JournalFailed):
        stocked.deliver("k1: reserve ann A 1")
    assert stocked.successor().stock() == "A 10/0"


def test_a_read_over_a_failed_journal_ends_the_host(stocked: ActorRuntime) -> None:
    stocked.journal.fail_call("check_owner")
    with pytest.raises(JournalFailed):
        stocked.stock()
    assert len(stocked.failures) == 1


def test_a_failed_snapshot_ends_the_host_and_costs_nothing(stocked: ActorRuntime) -> None:
    stocked.deliver("k1: reserve ann A 1")
    before = stocked.state_hash()
    stocked.journal.fail_call("write_snapshot")
    with pytest.raises(JournalFailed):
        stocked.snapshot()
    assert len(stocked.failures) == 1
    later = stocked.successor()
    assert later.state_hash() == before
    assert later.deliver("k1: reserve ann A 1") == "#2 HELD A 1 until 2:00"


def test_a_failed_checkpoint_ends_the_host_and_costs_nothing(stocked: ActorRuntime) -> None:
    stocked.deliver("k1: reserve ann A 1")
    stocked.journal.fail_call("checkpoint")
    with pytest.raises(JournalFailed):
        stocked.host.upkeep.do()
    assert len(stocked.failures) == 1
    with pytest.raises(JournalFailed):
        stocked.deliver("k1: reserve ann A 1")
    assert stocked.successor().deliver("k1: reserve ann A 1") == "#2 HELD A 1 until 2:00"


def test_a_reader_that_cannot_be_noted_ends_the_host(stocked: ActorRuntime) -> None:
    stocked.journal.fail_call("note_reader")
    with pytest.raises(JournalFailed):
        stocked.host.upkeep.note_reader("warehouse", 1, {"S1": 1})
    assert len(stocked.failures) == 1
    assert stocked.successor().stock() == "A 10/0"


def test_a_state_that_contradicts_itself_ends_the_host_before_it_is_a_snapshot(stocked: ActorRuntime) -> None:
    stocked.deliver("k1: reserve ann A 3")
    stocked.host._hosted["S1"].ledger.positions["A"].reserved += 1
    with pytest.raises(JournalDamaged, match="A has 4 reserved, and 3 are held"):
        stocked.host.snapshot("S1", pause=lambda: None)
    with pytest.raises(JournalDamaged):
        stocked.deliver("k2: reserve ben A 1")
    later = stocked.successor()
    assert later.deliver("k1: reserve ann A 3").startswith("#2 HELD A 3")
    assert later.stock() == "A 10/3"


def test_a_stale_host_is_fenced_when_it_appends(stocked: ActorRuntime) -> None:
    later = stocked.successor()
    assert later.epoch() == 2
    with pytest.raises(Fenced):
        stocked.deliver("k1: reserve ann A 1")
    assert [type(failure) for failure in stocked.failures] == [Fenced]
    assert later.stock() == "A 10/0"
    assert later.deliver("k1: reserve ann A 2") == "#2 HELD A 2 until 2:00"


@pytest.mark.parametrize("text", ["k1: reserve ann A 1", "k1: reserve ann A 2"])  # a repeat, and what is never written
def test_a_stale_host_is_fenced_when_a_step_makes_no_events(stocked: ActorRuntime, text: str) -> None:
    stocked.deliver("k1: reserve ann A 1")
    stocked.successor()
    with pytest.raises(Fenced):
        stocked.deliver(text)
    assert [type(failure) for failure in stocked.failures] == [Fenced]


def test_a_host_is_not_in_office_any_more_once_a_successor_has_one_of_its_ledgers(runtime: ActorRuntime) -> None:
    """Which takes them over one after another, in whatever sequence."""
    runtime.host.step([(store_id, runtime.command(f"k{store_id}: receive A 5")) for store_id in ("S1", "S2")])
    runtime.host.upkeep.check_owner()
    runtime.storage.open().take_over("S2")
    with pytest.raises(Fenced):
        runtime.host.upkeep.check_owner()


def test_of_a_mixed_batch_the_journal_is_asked_once_about_what_wrote_nothing(runtime: ActorRuntime) -> None:
    stores = ("S1", "S2", "S3")
    repeats = [(store_id, runtime.command(f"k{store_id}: receive A 5")) for store_id in stores]
    runtime.host.step(repeats)
    runtime.journal.log.clear()
    runtime.host.step([*repeats, ("S1", runtime.command("reserve ann A 1"))])
    assert runtime.journal.log[-1] == "check_owner S2 S3"
    assert len(entries(runtime.journal.log, "check_owner")) == 1

    runtime.storage.open().take_over("S2")
    with pytest.raises(Fenced):
        runtime.host.step([*repeats, ("S1", runtime.command("reserve ann A 1"))])


def test_a_batch_that_writes_every_ledger_asks_nothing_more(stocked: ActorRuntime) -> None:
    stocked.say("k1: reserve ann A 1", "k1: reserve ann A 1")
    assert stocked.journal.log == ["append S1:2-2", "durable S1:2-2"]


def test_a_stale_host_is_fenced_when_it_is_read(stocked: ActorRuntime) -> None:
    stocked.successor().deliver("reserve ann A 1")
    with pytest.raises(Fenced):
        stocked.stock()
    assert [type(failure) for failure in stocked.failures] == [Fenced]


def test_a_stale_host_is_fenced_when_it_writes_a_snapshot(stocked: ActorRuntime) -> None:
    later = stocked.successor()
    later.deliver("k1: reserve ann A 1")
    with pytest.raises(Fenced):
        stocked.snapshot()
    assert later.successor().stock() == "A 10/1"


def test_only_one_of_two_hosts_goes_on(stocked: ActorRuntime) -> None:
    """Whoever took over last is the owner, however often they change."""
    second = stocked.successor()
    third = second.successor()
    for stale in (stocked, second):
        with pytest.raises(Fenced):
            stale.deliver("reserve ann A 1")
    assert third.deliver("k1: reserve bob A 1") == "#2 HELD A 1 until 2:00"
    assert third.epoch() == 3


def test_a_ledger_that_cannot_be_taken_over_for_a_reader_ends_the_host(stocked: ActorRuntime) -> None:
    stocked.journal.fail_call("take_over")
    with pytest.raises(JournalFailed):
        stocked.stock("S2")
    assert len(stocked.failures) == 1
    assert stocked.successor().stock() == "A 10/0"


def test_a_sweep_that_fails_over_a_wrong_state_is_done_over_the_journals(stocked: ActorRuntime) -> None:
    """Something has expired in memory by then, and would never be on the disk."""
    stocked.deliver("receive B 1")
    for sku in "AB":
        stocked.deliver(f"reserve ann {sku} 1")
    stocked.clock.move(2 * HOUR_MS)
    stocked.host._hosted["S1"].ledger.positions.pop("B")  # no ledger comes to that by itself
    assert stocked.host.sweep() == 0
    until(lambda: not stocked.host._anew, within_s=WAIT_S, what="the ledger")
    assert stocked.host.sweep() == 2
    assert stocked.failures == []
    assert stocked.stock() == "A 10/0, B 1/0"
    assert stocked.successor().stock() == "A 10/0, B 1/0"

"""What a `FaultyJournal` does when it is armed; that it is a journal when it is not, the exam says."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from actors.journal.port import JournalFailed
from tests.journal.faulty import FaultyJournal
from tests.journal.memory import MemoryDisk, MemoryJournal
from tests.journal.storages import record, records_of


@pytest.fixture
def disk() -> MemoryDisk:
    return MemoryDisk()


@pytest.fixture
def journal(disk: MemoryDisk) -> FaultyJournal:
    journal = FaultyJournal(MemoryJournal(disk))
    journal.take_over("S1")
    journal.take_over("S2")
    journal.log.clear()
    return journal


def test_the_log_tells_calls_and_what_became_durable_in_sequence(journal: FaultyJournal) -> None:
    journal.append([record("S1", 1, 3, 3), record("S2", 1, 1)])
    journal.log.append("answer k1")
    journal.write_snapshot("S1", 1, 3, [b"[]"])
    journal.read("S1", 2, 9)
    journal.close()

    assert journal.log == [
        "append S1:1-3 S2:1-1",
        "durable S1:1-3 S2:1-1",
        "answer k1",
        "write_snapshot S1:3",
        "read S1:2",
        "close",
    ]


def test_a_failure_before_writes_nothing_and_ends_the_journal(journal: FaultyJournal, disk: MemoryDisk) -> None:
    journal.fail_before(2)
    journal.append([record("S1", 1, 1)])
    with pytest.raises(JournalFailed):
        journal.append([record("S1", 1, 2)])
    with pytest.raises(JournalFailed, match="not used any more"):
        journal.append([record("S1", 1, 2)])

    assert journal.log == ["append S1:1-1", "durable S1:1-1", "append S1:2-2", "append S1:2-2"]
    assert journal.armed == 0
    assert records_of(MemoryJournal(disk), "S1") == [record("S1", 1, 1)]


def test_a_failure_after_leaves_what_was_written_to_the_successor(journal: FaultyJournal, disk: MemoryDisk) -> None:
    journal.append([record("S1", 1, 1)])
    journal.fail_after()
    with pytest.raises(JournalFailed):
        journal.append([record("S1", 1, 2)])
    with pytest.raises(JournalFailed, match="not used any more"):
        journal.check_owner({"S1": 1})

    assert journal.log[2:] == ["append S1:2-2", "durable S1:2-2", "check_owner S1"]
    successor = MemoryJournal(disk)
    assert successor.take_over("S1").seq == 2
    assert records_of(successor, "S1") == [record("S1", 1, 1), record("S1", 1, 2)]


@pytest.mark.parametrize("durable", [False, True])
def test_an_append_can_be_held_before_and_after_it_writes(
    journal: FaultyJournal, disk: MemoryDisk, *, durable: bool
) -> None:
    gate = journal.hold_after() if durable else journal.hold_before()
    with ThreadPoolExecutor(1) as pool:
        append = pool.submit(journal.append, [record("S1", 1, 1)])
        gate.wait_reached()
        assert not append.done()
        assert len(records_of(MemoryJournal(disk), "S1")) == durable
        gate.release()
        append.result()

    assert records_of(journal, "S1") == [record("S1", 1, 1)]


def test_faults_strike_in_the_sequence_they_were_armed_for(journal: FaultyJournal) -> None:
    gate = journal.hold_before(1)
    journal.fail_after(3)
    gate.release()
    journal.append([record("S1", 1, 1)])
    assert journal.armed == 1
    journal.append([record("S1", 1, 2)])
    with pytest.raises(JournalFailed):
        journal.append([record("S1", 1, 3)])
    assert journal.armed == 0

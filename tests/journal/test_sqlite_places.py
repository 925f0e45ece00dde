"""Where records are found in the sqlite journal's file: noted for many at once, and never taken on trust."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from actors.journal.port import Head, JournalDamaged
from actors.journal.records import UNPLACED_LEDGERS, UNPLACED_MAX
from actors.journal.sqlite import SqliteJournal
from actors.journal.wal import pages_of_log
from tests.journal.storages import SqliteStorage, appended, record, records_of

LEDGERS = [f"S{number}" for number in range(16)]


def places(storage: SqliteStorage) -> int:
    """How many there are."""
    with closing(sqlite3.connect(storage.path)) as db:
        return int(db.execute("SELECT count(*) FROM places").fetchone()[0])


def steps_of(journal: SqliteJournal, ledger_id: str) -> int:
    """How much SQLite does to read a ledger."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    journal._file.db.set_progress_handler(count, 1)
    journal.read(ledger_id, 0, 1_000)
    journal._file.db.set_progress_handler(None, 0)
    return counted


def test_a_commit_over_many_ledgers_writes_few_pages(sqlite_storage: SqliteStorage) -> None:
    """Each of them has had so many records that an index of them all would have a page for each ledger."""
    journal = sqlite_storage.open()
    for ledger_id in LEDGERS:
        journal.take_over(ledger_id)
    for seq in range(1, 300):
        journal.append([record(ledger_id, 1, seq) for ledger_id in LEDGERS])
    before = pages_of_log(sqlite_storage.log_path)
    commits = UNPLACED_MAX // len(LEDGERS) * 4  # places are noted four times
    for seq in range(300, 300 + commits):
        journal.append([record(ledger_id, 1, seq) for ledger_id in LEDGERS])
    assert (pages_of_log(sqlite_storage.log_path) - before) / commits < 6


def test_of_many_ledgers_more_records_wait_for_their_places(sqlite_storage: SqliteStorage) -> None:
    """Each has a page of places, which is written for several of its records and not for one."""
    journal = sqlite_storage.open()
    ledgers = [f"S{number}" for number in range(4 * UNPLACED_LEDGERS)]
    for ledger_id in ledgers:
        journal.take_over(ledger_id)
    noted = []
    for seq in range(1, 20):
        journal.append([record(ledger_id, 1, seq) for ledger_id in ledgers])
        noted.append(places(sqlite_storage))
    assert sorted(set(noted)) == [0, 7 * len(ledgers), 16 * len(ledgers)], (
        "at first, what is there of before may be some"
    )


def test_who_has_written_them_looks_through_no_records_of_others(sqlite_storage: SqliteStorage) -> None:
    """Counted in steps of SQLite's machine: the rows without places are known to their writer, and to nobody else."""
    journal, stranger = sqlite_storage.open(), sqlite_storage.open()
    journal.take_over("S1")
    written = [record("S1", 1, seq) for seq in range(1, 9)]
    appended(journal, "S2", [1])
    for each in written:
        journal.append([each])
    before = [steps_of(each, "S1") for each in (journal, stranger)]
    for seq in range(2, 60):
        journal.append([record("S2", 1, seq)])
    after = [steps_of(each, "S1") for each in (journal, stranger)]
    assert after[0] == before[0]
    assert after[1] > before[1]
    assert records_of(journal, "S1") == records_of(stranger, "S1") == written


def test_places_are_noted_once_as_many_records_have_none(sqlite_storage: SqliteStorage) -> None:
    journal = sqlite_storage.open()
    appended(journal, "S1", [1])
    assert places(sqlite_storage) == 1, "what is there of before is not counted, and noted at once"
    for seq in range(2, UNPLACED_MAX + 2):
        journal.append([record("S1", 1, seq)])
    assert places(sqlite_storage) == 1
    journal.append([record("S1", 1, UNPLACED_MAX + 2)])
    assert places(sqlite_storage) == UNPLACED_MAX + 2


def test_a_successor_notes_what_a_predecessor_left(tmp_path: Path) -> None:
    first, second = SqliteStorage(tmp_path), SqliteStorage(tmp_path, unplaced_max=2)
    written = appended(journal := first.open(), "S1", [1, 2, 1])
    successor = second.open()
    written.append(record("S1", 1, 5))
    journal.append(written[-1:])  # before it is fenced
    assert successor.take_over("S1") == Head(2, 5)
    for seq in (6, 7, 8):
        written.append(record("S1", 2, seq))
        successor.append(written[-1:])
        assert records_of(successor, "S1") == written
        assert records_of(journal, "S1") == written
    first.close()
    second.close()


def test_a_file_of_the_first_schema_is_read_and_goes_on(sqlite_storage: SqliteStorage) -> None:
    journal = sqlite_storage.open()
    written = appended(journal, "S1", [1, 2, 1])
    appended(journal, "S2", [2])
    older = sqlite_storage.at_rest()
    with closing(sqlite3.connect(older.path)) as db:
        db.executescript(
            "DROP TABLE places; DROP TABLE placed; CREATE UNIQUE INDEX records_by_seq ON records (ledger_id, seq); "
            "PRAGMA user_version = 1"
        )
    with closing(SqliteJournal(older.path)) as upgraded:
        assert records_of(upgraded, "S1") == written
        assert upgraded.take_over("S1") == Head(2, 4)
        written.append(record("S1", 2, 5))
        upgraded.append(written[-1:])
    assert records_of(older.open(), "S1") == written
    assert places(older) == 5


@pytest.mark.parametrize(
    ("alteration", "seq"),
    [
        ("DELETE FROM places WHERE seq = 1", 2),
        ("DELETE FROM places WHERE seq = 3", 4),
        ("DELETE FROM places WHERE seq = 4", 4),
        ("DELETE FROM places", 1),
        ("DELETE FROM records WHERE seq = 3", 4),
        ("UPDATE places SET id = 2 WHERE seq = 3", 4),
        ("UPDATE places SET id = (SELECT id FROM records WHERE ledger_id = 'S2') WHERE seq = 3", 4),
        ("UPDATE places SET seq = 9 WHERE seq = 1", 2),
    ],
)
def test_places_that_were_altered_are_found_out(tmp_path: Path, alteration: str, seq: int) -> None:
    storage = SqliteStorage(tmp_path, unplaced_max=0)
    journal = storage.open()
    appended(journal, "S2", [3])
    written = appended(journal, "S1", [1, 1, 1, 1])
    copy = storage.at_rest()
    with closing(sqlite3.connect(copy.path)) as db, db:
        db.execute(alteration.replace("WHERE seq", "WHERE ledger_id = 'S1' AND seq"))
    damaged = copy.open()
    with pytest.raises(JournalDamaged) as raised:
        damaged.read("S1", 0, 1_000)
    assert raised.value.place == f"seq {seq}"
    with suppress(JournalDamaged):
        assert damaged.read("S1", 0, 1) == written[:1]
    storage.close()

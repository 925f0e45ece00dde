"""The sqlite journal where it must say no: files that are not its own, newer, locked, or in a place it cannot reach."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from actors.journal.port import Attempt, Head, JournalDamaged, JournalFailed, Record
from actors.journal.sqlite import CHUNKS_DELETED, SNAPSHOTS_KEPT, SqliteJournal
from actors.journal.sqlite_file import LOG_LIMITS, LOOKS, PAGE_BYTES, SCHEMA_VERSION
from tests.journal.storages import SqliteStorage, appended, record, records_of


@pytest.fixture
def written(sqlite_storage: SqliteStorage) -> list[Record]:
    """A small ledger."""
    return appended(sqlite_storage.open(), "S1", [1, 2, 1])


def test_every_commit_is_flushed_to_a_log(sqlite_storage: SqliteStorage) -> None:
    journal = SqliteJournal(sqlite_storage.path)  # no test can cut the power, so this one asks
    with closing(journal):
        assert journal._file.db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert journal._file.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("content", [b"not a database, but long enough to be taken for one" * 99, b"\0" * 100])
def test_a_file_that_is_no_database_is_said_to_be_damaged_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    with pytest.raises(JournalDamaged, match=r"journal\.db"):
        SqliteJournal(path)
    assert path.read_bytes() == content


def test_a_newer_schema_is_refused_with_both_versions_and_left_alone(
    sqlite_storage: SqliteStorage, written: list[Record]
) -> None:
    newer = sqlite_storage.at_rest()
    with closing(sqlite3.connect(newer.path)) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    image = newer.path.read_bytes()
    with pytest.raises(JournalFailed, match=r"newer version.*schema 4, this is 3"):
        newer.open()
    assert newer.path.read_bytes() == image


def test_what_cannot_be_opened_is_not_called_damaged(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent" / "journal.db"):
        with pytest.raises(JournalFailed, match="unable to open"):
            SqliteJournal(path)


def test_a_file_that_another_process_keeps_locked_is_not_called_damaged(
    sqlite_storage: SqliteStorage, written: list[Record]
) -> None:
    with closing(sqlite3.connect(sqlite_storage.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalFailed, match="locked"):
            SqliteJournal(sqlite_storage.path, busy_ms=50)
    assert records_of(sqlite_storage.open(), "S1") == written


def test_an_append_that_fails_half_way_lets_go_of_the_lock(
    sqlite_storage: SqliteStorage, written: list[Record]
) -> None:
    journal = sqlite_storage.open()
    epoch, seq = journal.take_over("S1")
    with closing(sqlite3.connect(sqlite_storage.path, isolation_level=None)) as other:
        other.execute("CREATE UNIQUE INDEX once ON records (seq)")
        other.execute("INSERT INTO records VALUES (99, 'S3', ?, 1, 1, 1, 1, x'5b5d')", (seq + 2,))
    with pytest.raises(JournalFailed, match="UNIQUE"):
        journal.append([record("S1", epoch, seq + 1), record("S1", epoch, seq + 2)])

    with closing(SqliteJournal(sqlite_storage.path, busy_ms=0)) as successor:
        assert successor.take_over("S2") == Head(1, 0)
        assert successor.read("S1", 0, len(written) + 1) == written


def test_a_full_disk_that_took_an_attempt_has_it_taken_back(sqlite_storage: SqliteStorage) -> None:
    journal = sqlite_storage.open()
    epoch, seq = journal.take_over("S1")
    journal.note_attempt("S1", epoch, Attempt("k1", 1, 7_000), 0)
    (pages,) = journal._file.db.execute("PRAGMA page_count").fetchone()
    journal._file.db.execute(f"PRAGMA max_page_count={pages}")
    large = record("S1", epoch, seq + 1)._replace(payload=b'["' + bytes(99_999).hex().encode() + b'"]')
    with pytest.raises(JournalFailed, match="full"):
        journal.append([large])
    journal.take_back_attempt("S1", epoch, Attempt("k1", 0, 7_000))
    assert sqlite_storage.after_crash().open().attempts("S1") == []


@pytest.mark.parametrize("calls", ["checkpoint", "append"])  # the second where nobody calls the first
def test_a_checkpoint_that_fails_finishes_the_journal(sqlite_storage: SqliteStorage, calls: str) -> None:
    journal = SqliteJournal(sqlite_storage.path, checkpoint_pages=1 if calls == "checkpoint" else 0)
    with closing(journal):
        written = appended(journal, "S1", [1])
        journal._file.db.set_authorizer(
            lambda action, *_: sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_PRAGMA else sqlite3.SQLITE_OK
        )
        with pytest.raises(JournalFailed, match="not authorized"):
            journal.checkpoint() if calls == "checkpoint" else journal.append([record("S1", 1, 2)])
        with pytest.raises(JournalFailed, match="not used any more"):
            journal.append([record("S1", 1, 2)])
    assert records_of(sqlite_storage.open(), "S1")[:1] == written


def test_an_old_snapshot_is_deleted_a_few_chunks_at_a_time(
    sqlite_storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = SqliteJournal(sqlite_storage.path)
    with closing(journal):
        appended(journal, "S1", [1])
        file, deleted = journal._file, []
        write = file.write

        def noted(statement: str, *values: object) -> sqlite3.Cursor:
            cursor = write(statement, *values)
            if statement.startswith("DELETE FROM chunks"):
                deleted.append(cursor.rowcount)
            return cursor

        monkeypatch.setattr(file, "write", noted)
        for _ in range(SNAPSHOTS_KEPT + 1):
            journal.write_snapshot("S1", 1, 1, [b"chunk"] * (2 * CHUNKS_DELETED + 1))
        assert deleted == [CHUNKS_DELETED, CHUNKS_DELETED, 1], "the first is gone, and others could write in between"
        (kept,) = file.db.execute("SELECT COUNT(*) FROM chunks").fetchone()
        assert kept == SNAPSHOTS_KEPT * (2 * CHUNKS_DELETED + 1)
        assert file.db.execute("SELECT COUNT(*) FROM snapshots").fetchone() == (SNAPSHOTS_KEPT,)


def test_a_log_that_nobody_checkpoints_is_bounded_by_commits(sqlite_storage: SqliteStorage) -> None:
    """Its size is asked for at every other commit here."""
    with closing(SqliteJournal(sqlite_storage.path, checkpoint_pages=2 * LOOKS)) as journal:
        journal.take_over("S1")
        longest = 0
        for seq in range(1, 301):
            journal.append([Record("S1", 1, seq, 1, 1, b"1" * 5 * PAGE_BYTES)])
            longest = max(longest, sqlite_storage.log_path.stat().st_size)
    limit = LOG_LIMITS * 2 * LOOKS * PAGE_BYTES
    assert limit < longest < limit + 3 * 12 * PAGE_BYTES

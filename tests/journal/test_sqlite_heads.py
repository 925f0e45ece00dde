"""Heads of the sqlite journal that one statement moves: only where nobody else has moved any, and never on trust."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from actors.journal.port import Fenced, Head, JournalError, JournalFailed, Phase, Record, Whereabouts
from actors.journal.records import INSERTED_AT_ONCE
from actors.journal.sqlite import SqliteJournal
from actors.journal.sqlite_heads import MANY
from tests.journal.storages import SqliteStorage, record, records_of

LEDGERS = [f"S{number}" for number in range(4 * MANY)]
FIXED = 8  # statements of a commit, however many records it has


def batch(seq: int, ledgers: list[str] = LEDGERS) -> list[Record]:
    """A record for each ledger."""
    return [record(ledger_id, 1, seq) for ledger_id in ledgers]


@pytest.fixture
def journal(sqlite_storage: SqliteStorage) -> SqliteJournal:
    """One that has proved where all of its ledgers stand, by a commit for each of them."""
    journal = sqlite_storage.open()
    for ledger_id in LEDGERS:
        journal.take_over(ledger_id)
    journal.append(batch(1))
    return journal


@contextmanager
def executed(journal: SqliteJournal) -> Iterator[list[str]]:
    """The statements that SQLite executes meanwhile."""
    statements: list[str] = []
    journal._file.db.set_trace_callback(statements.append)
    try:
        yield statements
    finally:
        journal._file.db.set_trace_callback(None)


def altered(storage: SqliteStorage, statement: str) -> None:
    """Have somebody else change the file under its writer."""
    with closing(sqlite3.connect(storage.path, isolation_level=None)) as db:
        db.execute(statement)


def test_a_commit_over_many_ledgers_is_few_statements(sqlite_storage: SqliteStorage, journal: SqliteJournal) -> None:
    with executed(journal) as statements:
        journal.append(batch(2))
    assert len(statements) <= FIXED + len(LEDGERS) // INSERTED_AT_ONCE
    survived = sqlite_storage.after_crash().open()
    for ledger_id in LEDGERS:
        assert records_of(survived, ledger_id) == [record(ledger_id, 1, 1), record(ledger_id, 1, 2)]
        assert survived.take_over(ledger_id) == Head(2, 2)


def test_where_somebody_else_has_committed_each_is_proved_again_once(
    sqlite_storage: SqliteStorage, journal: SqliteJournal
) -> None:
    sqlite_storage.open().take_over("another")
    moved = []
    for seq in (2, 3):
        with executed(journal) as statements:
            journal.append(batch(seq))
        moved.append(sum(each.startswith("UPDATE heads") for each in statements))
    assert moved == [len(LEDGERS), 0]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("UPDATE heads SET epoch = 2 WHERE ledger_id = 'S9'", Fenced),
        ("UPDATE heads SET seq = 2 WHERE ledger_id = 'S9'", JournalFailed),
        ("UPDATE heads SET checksum = checksum + 1 WHERE ledger_id = 'S9'", JournalFailed),
        ("DELETE FROM heads WHERE ledger_id = 'S9'", Fenced),
    ],
)
def test_what_somebody_else_has_made_of_a_head_refuses_the_commit(
    sqlite_storage: SqliteStorage, journal: SqliteJournal, change: str, error: type[JournalError]
) -> None:
    altered(sqlite_storage, change)
    with pytest.raises(error, match="S9"):
        journal.append(batch(2))
    survived = sqlite_storage.after_crash().open()
    assert [survived.stands_at(each).seq for each in LEDGERS if each != "S9"] == [1] * (len(LEDGERS) - 1)
    assert records_of(survived, "S1") == [record("S1", 1, 1)]


def given_away(journal: SqliteJournal) -> None:
    journal.put_whereabouts("S9", Head(1, 1), None, Whereabouts(7, Phase.LEFT, "another"), 2)


def taken_over(journal: SqliteJournal) -> None:
    assert journal.take_over("S9") == Head(2, 1)


def raised_unnoted(journal: SqliteJournal) -> None:
    """As a statement that forgets to have the ledger proved again: the one that moves heads looks at epochs itself."""
    journal._file.db.execute("UPDATE heads SET epoch = 2 WHERE ledger_id = 'S9'")


@pytest.mark.parametrize("act", [given_away, taken_over, raised_unnoted])
def test_what_this_journal_itself_has_made_of_a_head_fences_its_former_owner(
    sqlite_storage: SqliteStorage, journal: SqliteJournal, act: Callable[[SqliteJournal], None]
) -> None:
    act(journal)
    with pytest.raises(Fenced, match="ledger S9: epoch 1 was appending, epoch 2 is in force"):
        journal.append(batch(2))
    others = [each for each in LEDGERS if each != "S9"]
    for seq in (2, 3):
        journal.append(batch(seq, others))
    survived = sqlite_storage.after_crash().open()
    assert [survived.stands_at(each) for each in others] == [Head(1, 3)] * len(others)
    assert records_of(survived, "S9") == [record("S9", 1, 1)]


@pytest.mark.parametrize("wrong", [record("S9", 1, 2), record("S9", 1, 4), record("S9", 1, 3, 3), record("S9", 0, 3)])
def test_a_record_among_many_that_does_not_follow_is_refused(
    sqlite_storage: SqliteStorage, journal: SqliteJournal, wrong: Record
) -> None:
    journal.append(batch(2))
    with pytest.raises(JournalError, match="S9"):
        journal.append([*batch(3, [each for each in LEDGERS if each != "S9"]), wrong])
    survived = sqlite_storage.after_crash().open()
    assert [survived.stands_at(each).seq for each in LEDGERS] == [2] * len(LEDGERS)


def test_several_records_of_one_ledger_among_many_follow_each_other(
    sqlite_storage: SqliteStorage, journal: SqliteJournal
) -> None:
    more = [record("S9", 1, 3), record("S9", 1, 7, 4)]
    journal.append([*batch(2), *more])
    journal.append([record(each, 1, 8 if each == "S9" else 3) for each in LEDGERS])
    survived = sqlite_storage.after_crash().open()
    assert records_of(survived, "S9") == [record("S9", 1, 1), record("S9", 1, 2), *more, record("S9", 1, 8)]
    assert survived.take_over("S9") == Head(2, 8)

"""Damage to places, and to what they are noted of: it stops the ledger that it is in, and no other one of the file."""

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from actors.journal.archive import Row
from actors.journal.port import Fenced, Head, JournalDamaged, JournalError, JournalFailed
from actors.journal.records import PlacesDamaged
from actors.journal.sqlite import SqliteJournal
from tests.journal.storages import PAGE_BYTES, SqliteStorage, appended, record, records_of

INDEX_LEAF: Final = 10
SCHEMA_1: Final = (
    "DROP TABLE places; DROP TABLE placed; CREATE UNIQUE INDEX records_by_seq ON records (ledger_id, seq); "
    "PRAGMA user_version = 1"
)

SEQ_NULL: Final = """
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'seq INTEGER NOT NULL', 'seq INTEGER') WHERE name = 'records';
PRAGMA writable_schema = RESET;
UPDATE records SET seq = NULL WHERE id = 9;
"""
PLACES_OF_S2: Final = """
INSERT OR IGNORE INTO places SELECT ledger_id, seq, id FROM records WHERE ledger_id = 'S2';
UPDATE placed SET up_to = 5;
"""


def altered(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.executescript(statement)


def long_ledgers(storage: SqliteStorage) -> SqliteJournal:
    """Two, whose places fill pages of their own."""
    journal = storage.open()
    for ledger_id in ("S1", "S2"):
        journal.take_over(ledger_id)
        for first in range(1, 1_500, 100):
            journal.append([record(ledger_id, 1, seq) for seq in range(first, first + 100)])
    return journal


def leaf_damaged(storage: SqliteStorage, ledger_id: str, seq: int) -> SqliteStorage:
    """A copy in which a leaf that has the place of one record, and places of its ledger alone, is not as written."""
    copy = storage.at_rest()
    image = bytearray(copy.path.read_bytes())
    entry = ledger_id.encode() + struct.pack(">H", seq)
    others = {b"S1", b"S2"} - {ledger_id.encode()}
    (first,) = (
        first
        for first in range(0, len(image), PAGE_BYTES)
        if image[first] == INDEX_LEAF
        and entry in (page := image[first : first + PAGE_BYTES])
        and not any(other in page for other in others)
    )
    image[first : first + 64] = b"\xee" * 64
    copy.path.write_bytes(image)
    return copy


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE records SET seq = 3 WHERE id = 9",
        SEQ_NULL,
        "UPDATE records SET ledger_id = 'S2', seq = 2 WHERE id = 9",
        "UPDATE records SET ledger_id = 'S3' WHERE id = 9",
    ],
)
def test_a_damaged_record_without_a_place_keeps_nobody_else_from_commits(
    sqlite_storage: SqliteStorage, change: str
) -> None:
    appended(journal := sqlite_storage.open(), "S2", [1] * 5)
    appended(journal, "S1", [1] * 5)
    copy = sqlite_storage.at_rest()
    altered(copy.path, PLACES_OF_S2, change)
    for start in (2, 3):
        restarted = copy.open()
        head = restarted.take_over("S2")
        with pytest.raises(JournalDamaged):
            restarted.read("S1", 0, 100)
        restarted.append([record("S2", head.epoch, head.seq + 1)])
        restarted.write_snapshot("S2", head.epoch, head.seq + 1, [b"[1]"])
        assert head.epoch == start
        assert len(records_of(restarted, "S2")) == head.seq + 1
        restarted.close()


@pytest.mark.parametrize("by_snapshot", [False, True])
def test_a_damaged_page_of_places_keeps_nobody_else_from_commits_or_snapshots(
    tmp_path: Path, by_snapshot: bool, caplog: pytest.LogCaptureFixture
) -> None:
    storage = SqliteStorage(tmp_path)
    journal = long_ledgers(storage)
    journal.write_snapshot("S2", 1, 1_500, [b"[1]"])  # all have places
    journal.append([record("S2", 1, 1_501), record("S1", 1, 1_501)])
    copy = leaf_damaged(storage, "S2", 1_500)
    for seq in (1_501, 1_502):
        restarted = copy.open()
        head = restarted.take_over("S1")
        assert head.seq == seq
        with pytest.raises(JournalError):
            restarted.take_over("S2")
        if by_snapshot:
            restarted.write_snapshot("S1", head.epoch, seq, [b"[1]"])
        restarted.append([record("S1", head.epoch, seq + 1)])
        assert len(restarted.read("S1", 0, 10_000)) == seq + 1
        restarted.close()
    assert caplog.messages == ["ledgers S2: new records get no places, as there is damage to older ones"]
    with closing(sqlite3.connect(copy.path)) as db:
        marks = db.execute("SELECT ledger_id FROM placed ORDER BY up_to").fetchall()
        assert marks == [("S2",), (None,)], "what S2 has without places is still looked through"
        assert db.execute("SELECT count(*) FROM places WHERE ledger_id = 'S1'").fetchone()[0] >= 1_502
    storage.close()


def test_a_mark_goes_with_the_damage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Mended by an operator, in the file that has gone on meanwhile: the page as it was, or without what was on it."""
    storage = SqliteStorage(tmp_path, keep_bytes=1, sealed_events=10)
    journal = long_ledgers(storage)
    journal.write_snapshot("S2", 1, 1_500, [b"[1]"])
    journal.append([record("S2", 1, 1_501), record("S1", 1, 1_501)])
    sound = storage.at_rest().path.read_bytes()
    marked = leaf_damaged(storage, "S2", 1_500)
    neighbour = marked.open()
    head = neighbour.take_over("S1")
    neighbour.write_snapshot("S1", head.epoch, head.seq, [b"[1]"])
    neighbour.append([record("S1", head.epoch, head.seq + 1)])
    neighbour.close()
    image = bytearray(marked.at_rest().path.read_bytes())
    first = image.index(b"\xee" * 64)
    image[first : first + 64] = sound[first : first + 64]
    marked.path.write_bytes(image)
    marked.log_path.unlink(missing_ok=True)
    broken = marked.at_rest()
    altered(broken.path, "UPDATE records SET payload = x'5b315d' WHERE ledger_id = 'S2' AND seq = 7")
    for copy, is_whole in ((broken, False), (marked, True)):
        caplog.clear()
        owner = copy.open()
        head = owner.take_over("S2")
        owner.append([record("S2", head.epoch, 1_502)])
        owner.write_snapshot("S2", head.epoch, 1_502, [b"[1]"])
        with closing(sqlite3.connect(copy.path)) as db:
            assert db.execute("SELECT ledger_id FROM placed").fetchall() == [(None,)] + [("S2",)] * (not is_whole)
            (noted,) = db.execute("SELECT count(*) FROM places WHERE ledger_id = 'S2'").fetchone()
        assert noted == (1_502 if is_whole else 1_500)
        mended = [f"ledger S2 reads whole again: epoch {head.epoch} has noted 1 places, and takes its mark away"]
        assert caplog.messages == mended * is_whole
        if is_whole:
            assert len(records_of(owner, "S2")) == 1_502
            assert owner.seal("S2", head.epoch, 1 << 60)
        owner.close()
    storage.close()


def test_a_disk_that_fails_while_damage_is_looked_for_finishes_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = SqliteStorage(tmp_path, unplaced_max=1)
    written = appended(storage.open(), "S1", [1] * 5)
    journal = storage.open()
    epoch, _ = journal.take_over("S1")
    for seq in (6, 7):
        written.append(record("S1", epoch, seq))
        journal.append(written[-1:])  # the last one without a place yet

    def failing(which: str, *_: str) -> None:
        if not which:
            raise PlacesDamaged
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error

    monkeypatch.setattr(journal._records, "_note", failing)
    for why in ("disk I/O error", "not used any more"):
        with pytest.raises(JournalFailed, match=why):
            journal.append([record("S1", epoch, 8)])
    assert records_of(storage.open(), "S1") == written
    storage.close()


@pytest.mark.parametrize("seq", [700, 1_500])
def test_a_damaged_index_of_the_first_schema_loses_nothing(tmp_path: Path, seq: int) -> None:
    storage = SqliteStorage(tmp_path)
    long_ledgers(storage)
    older = storage.at_rest()
    altered(older.path, SCHEMA_1)
    image = bytearray(older.path.read_bytes())
    leaves = [
        first
        for first in range(0, len(image), PAGE_BYTES)
        if image[first] == INDEX_LEAF and b"S2" + struct.pack(">H", seq) in image[first : first + PAGE_BYTES]
    ]
    image[leaves[-1] : leaves[-1] + 64] = b"\xee" * 64
    older.path.write_bytes(image)
    for start in (2, 3):
        upgraded = older.open()
        for ledger_id in ("S1", "S2"):
            head = upgraded.take_over(ledger_id)
            assert head == Head(start, 1_498 + start)
            assert len(upgraded.read(ledger_id, 0, 10_000)) == head.seq
            upgraded.append([record(ledger_id, start, head.seq + 1)])
        upgraded.close()
    storage.close()


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("at", range(1, 8))
def test_a_read_is_of_one_state_of_the_file(tmp_path: Path, at: int, place: int) -> None:
    """Another owner commits, notes places and seals as the statement of this number begins."""
    options = {"keep_bytes": 1, "sealed_events": 10, "unplaced_max": 4}
    storage, other = SqliteStorage(tmp_path, **options), SqliteStorage(tmp_path, **options)
    written = appended(owner := other.open(), "S1", [1] * 19)
    owner.write_snapshot("S1", 1, 19, [b"[1]"])
    written.append(record("S1", 1, 20))
    owner.append(written[-1:])
    reader = storage.open()
    statements = 0

    def commit_between(_: str) -> None:
        nonlocal statements
        statements += 1
        if statements == at:
            owner.append([record("S1", 1, seq) for seq in range(21, 30)])
            owner.seal("S1", 1, 1 << 60)

    reader._file.db.set_trace_callback(commit_between)
    found = reader.read("S1", place, 10_000)
    reader._file.db.set_trace_callback(None)
    assert found[:8] == written[place:][:8]
    assert records_of(reader, "S1")[:20] == written
    other.close()
    storage.close()


@pytest.mark.parametrize("at", range(1, 8))
def test_a_ledger_that_is_taken_over_twice_at_once_is_not_damaged(tmp_path: Path, at: int) -> None:
    storage, other = SqliteStorage(tmp_path), SqliteStorage(tmp_path)
    appended(other.open(), "S1", [1] * 5)
    first, second = storage.open(), other.open()
    statements = 0

    def take_over_between(_: str) -> None:
        nonlocal statements
        statements += 1
        if statements == at and not first._file.db.in_transaction:
            head = second.take_over("S1")
            second.append([record("S1", head.epoch, 6)])

    first._file.db.set_trace_callback(take_over_between)
    try:
        assert first.take_over("S1").seq in (5, 6)
    except Fenced:
        assert at > 1
    other.close()
    storage.close()


def sealable(storage: SqliteStorage) -> SqliteJournal:
    journal = storage.open()
    for ledger_id in ("S1", "S2"):
        appended(journal, ledger_id, [1] * 30)
    journal.write_snapshot("S1", 1, 30, [b"[1]"])
    return journal


@pytest.fixture
def sealing(tmp_path: Path) -> Iterator[SqliteStorage]:
    storage = SqliteStorage(tmp_path, keep_bytes=1, sealed_events=10, unplaced_max=0)
    yield storage
    storage.close()


@pytest.mark.parametrize(
    "alteration",
    [
        "UPDATE places SET id = (SELECT id FROM records WHERE ledger_id = 'S2') WHERE ledger_id = 'S1' AND seq = 10",
        "UPDATE records SET seq = 11 WHERE ledger_id = 'S1' AND seq = 10",
        "UPDATE records SET seq = 7 WHERE ledger_id = 'S1' AND seq = 6",
    ],
)
def test_what_cannot_be_sealed_whole_is_not_sealed(sealing: SqliteStorage, alteration: str) -> None:
    sealable(sealing)
    copy = sealing.at_rest()
    altered(copy.path, alteration)
    journal = copy.open()
    epoch, _ = journal.take_over("S1")
    with pytest.raises(JournalDamaged):
        journal.seal("S1", epoch, 1 << 60)
    assert not copy.sealed_path.exists()


def test_sealing_ends_where_a_successor_has_deleted_the_records(sealing: SqliteStorage) -> None:
    journal, successor = sealable(sealing), sealing.open()
    some = journal._records.some

    def sealed_meanwhile(ledger_id: str, after_seq: int, end: int) -> list[Row]:
        successor.seal("S1", successor.take_over("S1").epoch, 1 << 60)
        return some(ledger_id, after_seq, end)

    journal._records.some = sealed_meanwhile  # type: ignore[method-assign]
    with pytest.raises(Fenced):
        journal.seal("S1", 1, 1 << 60)
    assert len(records_of(successor, "S1")) == 30


def test_what_a_kill_has_left_of_sealed_records_is_deleted_and_no_others(
    sealing: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = sealable(sealing)
    with monkeypatch.context() as killed:
        killed.setattr(journal, "_forget_sealed", lambda *_: True)
        journal.seal("S1", 1, 1 << 60)
    copy = sealing.at_rest()
    altered(
        copy.path,
        "UPDATE places SET id = (SELECT id FROM records WHERE ledger_id = 'S2' AND seq = 7) "
        "WHERE ledger_id = 'S1' AND seq = 5",
    )
    restarted = copy.open()
    epoch, _ = restarted.take_over("S1")
    before = records_of(restarted, "S2")
    while restarted.seal("S1", epoch, 0):
        pass
    assert records_of(restarted, "S2") == before
    assert len(before) == len(records_of(restarted, "S1")) == 30

"""Old records in sealed files: read as if they had never moved, whatever happened, and never taken on trust."""

import gzip
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from actors.journal import records as records_module
from actors.journal.codec import chained
from actors.journal.open import journal_names, open_journal, sqlite_setting
from actors.journal.port import Fenced, Head, JournalDamaged, JournalFailed, Record, SealedDamaged
from actors.journal.sqlite import SqliteJournal
from tests.journal.storages import SqliteStorage, appended, record, records_of, with_bit_flipped

COUNTS: Final = [1, 2, 1, 3, 1, 1, 2, 1, 4, 1]  # 17 events
FILES: Final = [(0, 3), (3, 7), (7, 11), (11, 16)]  # of three events and more, but for the newest record
LATE_MS: Final = 1 << 60


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    """Journals that seal whatever they can, three events to a file."""
    fresh = SqliteStorage(tmp_path, keep_bytes=1, sealed_events=3)
    yield fresh
    fresh.close()


def seal_all(journal: SqliteJournal, epoch: int = 1, before_ms: int = LATE_MS) -> int:
    """Seal as long as there is something to seal. Returns how often there was."""
    times = 0
    while journal.seal("S1", epoch, before_ms):
        times += 1
    return times


def covered(journal: SqliteJournal) -> list[Record]:
    """A ledger, and a snapshot of its newest version."""
    written = appended(journal, "S1", COUNTS)
    journal.write_snapshot("S1", 1, written[-1].seq, [b"[1]"])
    return written


def kept(storage: SqliteStorage) -> list[int]:
    """The sequences of the records that are in the database."""
    with closing(sqlite3.connect(storage.path)) as db:
        return [seq for (seq,) in db.execute("SELECT seq FROM records WHERE ledger_id = 'S1' ORDER BY seq")]


def files(storage: SqliteStorage) -> list[Path]:
    """The sealed files, the oldest first."""
    return sorted(storage.sealed_path.glob("*.gz"))


def lines(path: Path) -> list[Any]:
    """What a person finds in a file."""
    return [orjson.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_sealed_records_are_read_as_before_from_any_version(storage: SqliteStorage) -> None:
    journal = storage.open()
    written = covered(journal)
    assert seal_all(journal) == len(FILES)
    assert kept(storage) == [17]
    assert [path.name for path in files(storage)] == [f"S1-{after + 1:012}-{last:012}-1.gz" for after, last in FILES]
    for reader in (journal, storage.open(), storage.after_crash().open()):
        assert records_of(reader, "S1") == written
        for after in range(18):
            later = [each for each in written if each.seq > after]
            found = reader.read("S1", after, 1_000)
            assert found == later[: len(found)]
            assert bool(found) == bool(later)
            assert reader.read("S1", after, 1) == later[:1]


def test_a_ledger_goes_on_behind_what_is_sealed(storage: SqliteStorage) -> None:
    written = covered(journal := storage.open())
    seal_all(journal)
    for epoch in (2, 3):
        successor = storage.open()
        assert successor.take_over("S1") == Head(epoch, written[-1].seq)
        for _ in range(3):
            written.append(record("S1", epoch, written[-1].seq + 2, 2))
            successor.append(written[-1:])
        successor.write_snapshot("S1", epoch, written[-1].seq, [b"[1]"])
        successor.write_snapshot("S1", epoch, written[-1].seq, [b"[1]"])  # the older one is forgotten
        assert seal_all(successor, epoch) > 0
        assert records_of(storage.after_crash().open(), "S1") == written
    assert kept(storage) == [written[-1].seq]


def test_nothing_is_sealed_that_must_stay(storage: SqliteStorage) -> None:
    written = appended(journal := storage.open(), "S1", COUNTS)
    assert seal_all(journal) == 0, "there is no snapshot"
    journal.write_snapshot("S1", 1, 7, [b"[1]"])
    journal.write_snapshot("S1", 1, 17, [b"[1]"])
    assert seal_all(journal, before_ms=written[0].at_ms) == 0, "all are too new"
    with closing(SqliteJournal(storage.path, keep_bytes=10_000_000, sealed_events=3)) as roomy:
        assert seal_all(roomy) == 0, "the file is small"
    with closing(SqliteJournal(storage.path, sealed_events=3)) as whole:
        assert seal_all(whole) == 0, "nobody asked for it"
    with closing(SqliteJournal(storage.path, keep_bytes=1)) as coarse:
        assert seal_all(coarse) == 0, "a file would be small"
    assert files(storage) == []

    assert seal_all(journal, before_ms=written[2].at_ms + 1) == 1, "up to the instant"
    assert kept(storage) == [4, 7, 8, 9, 11, 12, 16, 17]
    assert seal_all(journal) == 1, "up to the oldest snapshot"
    assert kept(storage) == [8, 9, 11, 12, 16, 17]
    assert records_of(journal, "S1") == written


def test_a_record_of_more_events_than_a_file_has_is_sealed_alone(storage: SqliteStorage) -> None:
    journal = storage.open()
    written = appended(journal, "S1", [9, 1, 1])
    journal.write_snapshot("S1", 1, 11, [b"[1]"])
    assert seal_all(journal) == 1
    assert kept(storage) == [10, 11]
    assert records_of(journal, "S1") == written


def test_a_crash_at_any_step_loses_nothing_and_a_successor_goes_on(
    storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of what is there before and after each flush, rename and commit; records are deleted one by one."""
    journal = storage.open()
    written = covered(journal)
    copies: list[SqliteStorage] = []

    def noted(act: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*args: Any, **named: Any) -> Any:
            copies.append(storage.after_crash())
            result = act(*args, **named)
            copies.append(storage.after_crash())
            return result

        return noting

    transaction = journal._file.transaction

    @contextmanager
    def noting_transaction() -> Iterator[sqlite3.Connection]:
        copies.append(storage.after_crash())
        with transaction() as db:
            yield db
        copies.append(storage.after_crash())

    with monkeypatch.context() as patched:
        patched.setattr(records_module, "ROWS_AT_ONCE", 1)
        patched.setattr(os, "fsync", noted(os.fsync))
        patched.setattr(Path, "rename", noted(Path.rename))
        patched.setattr(journal._file, "transaction", noting_transaction)
        assert journal.seal("S1", 1, LATE_MS)
        assert journal.seal("S1", 1, LATE_MS)

    assert len(copies) > 25
    listed = set()
    for copy in copies:
        successor = copy.open()
        assert records_of(successor, "S1") == written
        assert successor.take_over("S1") == Head(2, 17)
        listed.add(len(successor._file.ask("S1", "SELECT 1 FROM sealed")))
        seal_all(successor, epoch=2)
        assert kept(copy) == [17]
        assert records_of(successor, "S1") == written
        copy.close()
    assert listed == {0, 1, 2}


def test_what_a_kill_has_left_of_sealed_records_is_deleted_where_nothing_more_can_be_sealed(
    storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = storage.open()
    written = covered(journal)
    monkeypatch.setattr(journal, "_forget_sealed", lambda _ledger_id, _seq: True)
    journal.seal("S1", 1, LATE_MS)
    assert kept(storage)[:3] == [1, 3, 4]
    successor = storage.open()
    assert records_of(successor, "S1") == written
    assert successor.seal("S1", 1, before_ms=0), "it deleted something"
    assert kept(storage)[:3] == [4, 7, 8]
    assert not successor.seal("S1", 1, before_ms=0)


def test_an_owner_that_is_replaced_on_the_way_seals_nothing(
    storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    zombie, successor = storage.open(), storage.open()
    written = covered(zombie)
    write = zombie._archive.write

    def write_and_lose(*args: Any) -> Any:
        made = write(*args)
        successor.take_over("S1")
        return made

    monkeypatch.setattr(zombie._archive, "write", write_and_lose)
    with pytest.raises(Fenced):
        zombie.seal("S1", 1, LATE_MS)
    assert len(kept(storage)) == len(COUNTS)
    assert seal_all(successor, epoch=2) == len(FILES)
    assert len(files(storage)) == len(FILES) + 1, "what the first one wrote is its own, and means nothing"
    for reader in (zombie, successor, storage.after_crash().open()):
        assert records_of(reader, "S1") == written


def test_an_owner_whose_successor_seals_meanwhile_hears_that_it_was_replaced(
    storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is damaged: the records are in the successor's file."""
    zombie, successor = storage.open(), storage.open()
    written = covered(zombie)
    some = zombie._records.some

    def some_too_late(*args: Any) -> Any:
        if not files(storage):
            successor.take_over("S1")
            seal_all(successor, epoch=2)
        return some(*args)

    monkeypatch.setattr(zombie._records, "some", some_too_late)
    with pytest.raises(Fenced):
        zombie.seal("S1", 1, LATE_MS)
    assert records_of(successor, "S1") == written


def test_a_file_that_cannot_be_written_leaves_all_where_it_is(storage: SqliteStorage) -> None:
    journal = storage.open()
    written = covered(journal)
    storage.sealed_path.write_text("in the way")
    with pytest.raises(OSError, match=r"journal\.sealed"):
        journal.seal("S1", 1, LATE_MS)
    storage.sealed_path.unlink()
    assert len(kept(storage)) == len(COUNTS)
    journal.append([record("S1", 1, 18)])
    assert records_of(journal, "S1") == [*written, record("S1", 1, 18)]


def test_a_file_that_does_not_give_back_its_records_is_not_listed(storage: SqliteStorage) -> None:
    journal = storage.open()
    journal.take_over("S1")
    odd = [Record("S1", 1, seq, 1, seq, b'["two\nlines"]' if seq == 2 else b"[]") for seq in range(1, 6)]
    journal.append(odd)  # no ledger writes a line break
    journal.write_snapshot("S1", 1, 5, [b"[1]"])
    with pytest.raises(SealedDamaged, match=r"000000000001-000000000003-1\.gz cannot be read"):
        journal.seal("S1", 1, LATE_MS)
    assert len(kept(storage)) == len(odd)
    assert records_of(journal, "S1") == odd


def test_a_list_that_cannot_be_written_finishes_the_journal(storage: SqliteStorage) -> None:
    journal = storage.open()
    written = covered(journal)
    with closing(sqlite3.connect(storage.path)) as db, db:
        db.execute("CREATE TRIGGER full BEFORE INSERT ON sealed BEGIN SELECT RAISE(ABORT, 'no room'); END")
    with pytest.raises(JournalFailed, match="no room"):
        journal.seal("S1", 1, LATE_MS)
    with pytest.raises(JournalFailed, match="not used any more"):
        journal.append([record("S1", 1, 18)])
    assert records_of(storage.after_crash().open(), "S1") == written


def test_files_prove_one_another_and_the_records_behind_them(storage: SqliteStorage) -> None:
    """By what anybody has at hand, and nothing of ours but the checksum of a record."""
    written = covered(storage.open())
    seal_all(storage.open())
    checksum, sha256, seq, events = 0, "", 0, []
    for path in files(storage):
        header, *rows = lines(path)
        assert header == [1, "S1", seq, checksum, rows[-1][1], rows[-1][4], sha256]
        for epoch, seq, count, at_ms, listed, payload in rows:
            checksum = chained(checksum, "S1", epoch, seq, count, at_ms, orjson.dumps(payload))
            assert listed == checksum
            events += payload
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    newest = written[-1]
    with closing(sqlite3.connect(storage.path)) as db:
        (listed,) = db.execute("SELECT checksum FROM records").fetchone()
        assert db.execute("SELECT sha256 FROM sealed ORDER BY seq DESC LIMIT 1").fetchone() == (sha256,)
    assert chained(checksum, *newest) == listed
    assert events + orjson.loads(newest.payload) == [each for old in written for each in orjson.loads(old.payload)]


def removed(path: Path) -> None:
    path.unlink()


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    image = path.read_bytes()
    path.write_bytes(with_bit_flipped(image, len(image) // 2))


def exchanged(path: Path) -> None:
    other = next(each for each in sorted(path.parent.iterdir()) if each != path)
    shutil.copyfile(other, path)


@pytest.mark.parametrize("harm", [removed, torn, emptied, flipped, exchanged])
@pytest.mark.parametrize("place", range(len(FILES)))
def test_a_file_that_came_to_harm_is_named_and_the_others_are_read(
    storage: SqliteStorage, harm: Callable[[Path], None], place: int
) -> None:
    journal = storage.open()
    written = covered(journal)
    seal_all(journal)
    name = files(storage)[place].name
    harm(files(storage)[place])
    after, last = FILES[place]
    reader = storage.open()
    for within in range(after, last):
        with pytest.raises(SealedDamaged, match=rf"the sealed file {name} (cannot be read|is not what was sealed)"):
            reader.read("S1", within, 1)
    for start, end in [*FILES, (16, 17)]:
        if start != after:
            assert reader.read("S1", start, 1_000) == [each for each in written if start < each.seq <= end]
    assert reader.take_over("S1") == Head(2, 17), "the ledger itself goes on"
    reader.append([record("S1", 2, 18)])


def test_a_file_made_anew_by_another_hand_does_not_fit_its_neighbours(storage: SqliteStorage) -> None:
    """Even where the list is made to agree with it."""
    journal = storage.open()
    covered(journal)
    seal_all(journal)
    path, name = files(storage)[1], files(storage)[2].name

    def exchange(contents: bytes) -> None:
        path.write_bytes(contents)
        with closing(sqlite3.connect(storage.path)) as db, db:
            db.execute("UPDATE sealed SET sha256 = ? WHERE name = ?", (hashlib.sha256(contents).hexdigest(), path.name))

    made = gzip.decompress(path.read_bytes())
    exchange(gzip.compress(made, mtime=1))  # the same, byte for byte, but for the hash
    with pytest.raises(SealedDamaged, match=f"{name} does not follow the file before it"):
        storage.open().read("S1", 7, 100)
    exchange(gzip.compress(made.replace(b"f1f1", b"f1f2", 1), mtime=0))
    with pytest.raises(JournalDamaged, match="its checksum does not fit"):
        storage.open().read("S1", 3, 100)
    exchange(b"not compressed")
    with pytest.raises(SealedDamaged, match="cannot be read"):
        storage.open().read("S1", 3, 100)


def test_the_disk_that_a_journal_takes_is_bounded(tmp_path: Path) -> None:
    keep_bytes = 200_000
    journal = SqliteJournal(tmp_path / "journal.db", keep_bytes=keep_bytes, sealed_events=200, checkpoint_pages=20)
    with closing(journal):
        journal.take_over("S1")
        sizes, seq = [], 0
        for _ in range(60):
            batch = [record("S1", 1, seq + 10 * place, 10) for place in range(1, 21)]
            seq += 200
            journal.append(batch)
            journal.write_snapshot("S1", 1, seq, [b"[1]"])
            journal.checkpoint()
            journal.seal("S1", 1, LATE_MS)
            sizes.append((tmp_path / "journal.db").stat().st_size)
        assert max(sizes) < 1.2 * keep_bytes, "pages that were freed are written again"
        whole = records_of(journal, "S1")
        assert whole == [record("S1", 1, each, 10) for each in range(10, seq + 1, 10)]
        assert sum(len(each.payload) for each in whole) > 2 * sizes[-1], "most of it is elsewhere"


def test_a_setting_opens_journals_that_seal(tmp_path: Path) -> None:
    setting = sqlite_setting(tmp_path, 2)
    with closing(open_journal(setting, "store-S1")) as journal:
        assert isinstance(journal, SqliteJournal)
        assert journal._keep_bytes == 2_000_000
    assert journal_names(setting) == journal_names(sqlite_setting(tmp_path)) == ["store-S1"]

"""Sealed files that move to another disk, behind what every named reader has seen; nothing is lost on the way."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from errno import EIO, ENOSPC
from pathlib import Path
from threading import Event, Semaphore
from typing import Any, Final

import pytest

from actors.core.chain import NamedReader
from actors.journal import archive
from actors.journal.archive import NOTHING, Archive, Row
from actors.journal.open import journal_names, open_journal, sqlite_setting
from actors.journal.port import Fenced, Head, SealedAway, SealedDamaged
from actors.journal.sqlite import SqliteJournal
from serve.wire.rules import STORE_ID_CHARS_MAX
from tests.journal.storages import SqliteStorage, record, records_of, with_bit_flipped
from tests.journal.test_sealed import FILES, covered, files, seal_all
from tests.runtime.runtime_fixture import WAIT_S

NOBODY: Final[dict[str, NamedReader]] = {}


@pytest.fixture
def away(tmp_path: Path) -> Path:
    """The other disk."""
    folder = tmp_path / "other disk"
    folder.mkdir()
    return folder


@pytest.fixture
def storage(tmp_path: Path, away: Path) -> Iterator[SqliteStorage]:
    """Journals that seal whatever they can, three events to a file, and keep none of the files beside."""
    fresh = SqliteStorage(tmp_path, keep_bytes=1, sealed_events=3, away=away)
    yield fresh
    fresh.close()


@pytest.fixture
def journal(storage: SqliteStorage) -> SqliteJournal:
    """All that can be sealed is."""
    opened = storage.open()
    covered(opened)
    seal_all(opened)
    return opened


def moved(away: Path) -> list[str]:
    """The names of the files on the other disk, the oldest first."""
    return sorted(path.name for path in away.glob("journal.sealed/*"))


def move_all(journal: SqliteJournal, readers: dict[str, NamedReader], epoch: int = 1) -> list[str]:
    """Move what may be moved; who is in the way of the rest."""
    for _ in FILES:
        behind = journal.move_away("S1", epoch, readers)
    return behind


def test_moved_files_are_read_as_before_and_verified_from_hash_to_hash(
    storage: SqliteStorage, journal: SqliteJournal, away: Path
) -> None:
    written, beside = records_of(journal, "S1"), [path.name for path in files(storage)]
    assert move_all(journal, NOBODY) == []
    assert (moved(away), files(storage)) == (beside, [])
    for reader in (journal, storage.open(), storage.after_crash().open()):
        assert records_of(reader, "S1") == written
    # The other disk goes away, and comes back with another file in place of one.
    away.rename(away.with_name("gone"))
    reader = storage.open()
    for after, _ in FILES:
        with pytest.raises(SealedDamaged, match=r"cannot be read in .*other disk"):
            reader.read("S1", after, 1)
    assert reader.read("S1", FILES[-1][1], 100) == written[-1:], "verified from the newest moved file's checksum on"
    assert reader.take_over("S1") == Head(2, 17)
    away.with_name("gone").rename(away)
    path = away / "journal.sealed" / beside[1]
    path.write_bytes(with_bit_flipped(path.read_bytes(), 30))
    with pytest.raises(SealedDamaged, match="is not what was sealed"):
        reader.read("S1", FILES[1][0], 1)
    assert reader.read("S1", FILES[2][0], 1), "the next one is bound to the hash in the list"


def test_no_file_moves_that_a_named_reader_has_not_seen(journal: SqliteJournal, away: Path) -> None:
    readers = {"warehouse": NamedReader(5, everything=True), "search": NamedReader(6, everything=False)}
    assert move_all(journal, readers) == ["warehouse"], "a reader of all has seen nothing of what it has not named"
    assert moved(away) == []
    journal.note_reader("search", 6, {"S1": 2, "S9": 0}, {"S1": 1})
    journal.note_reader("warehouse", 5, {"S1": 6}, {"S1": 1})
    assert move_all(journal, readers) == ["search"], "the slowest"
    journal.note_reader("search", 6, {"S1": 17}, {"S1": 1})
    assert move_all(journal, readers) == ["warehouse"]
    assert len(moved(away)) == 1, "the second file ends at 7"
    journal.note_reader("warehouse", 4, {"S1": 17}, {"S1": 1})  # before it was dropped, and named anew
    assert move_all(journal, readers) == ["warehouse"]
    assert len(moved(away)) == 1
    journal.note_reader("warehouse", 5, {"S1": 7}, {"S1": 1})
    move_all(journal, readers)
    assert len(moved(away)) == 2
    del readers["warehouse"]
    assert move_all(journal, readers) == [], "nobody else is named any more"
    assert len(moved(away)) == len(FILES)


def test_so_much_stays_beside_as_the_setting_says(storage: SqliteStorage, away: Path) -> None:
    covered(journal := storage.open())
    seal_all(journal)
    sizes = [path.stat().st_size for path in files(storage)]
    storage._options["sealed_bytes"] = sum(sizes[-2:])
    assert move_all(storage.open(), NOBODY) == []
    assert (len(moved(away)), len(files(storage))) == (2, 2)
    whole = SqliteJournal(storage.path, keep_bytes=1, sealed_events=3)
    assert move_all(whole, NOBODY) == [], "without another disk all stay"
    whole.close()
    assert len(files(storage)) == 2


def test_a_kill_at_any_step_of_a_move_loses_nothing(
    storage: SqliteStorage, journal: SqliteJournal, away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = records_of(journal, "S1")
    copies: list[SqliteStorage] = []

    def noted(act: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*args: Any, **named: Any) -> Any:
            copies.append(storage.after_crash())
            result = act(*args, **named)
            copies.append(storage.after_crash())
            return result

        return noting

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", noted(os.fsync))
        patched.setattr(Path, "rename", noted(Path.rename))
        patched.setattr(Path, "unlink", noted(Path.unlink))
        journal.move_away("S1", 1, NOBODY)
        journal.move_away("S1", 1, NOBODY)
    assert len(copies) > 12
    for copy in copies:
        successor = copy.open()
        assert records_of(successor, "S1") == written
        assert move_all(successor, NOBODY) == []
        assert records_of(successor, "S1") == written
        assert len(files(copy)) == 0
        copy.close()


@pytest.mark.parametrize("to_another", [False, True])
@pytest.mark.parametrize("at", ["look", "read", "copy", "prove", "list"])
def test_an_owner_whose_successor_moves_at_the_same_time_is_told_so(
    storage: SqliteStorage,
    journal: SqliteJournal,
    away: Path,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
    to_another: bool,
) -> None:
    """No damage is named, and nothing is lost. The successor may have another archive."""
    written = records_of(journal, "S1")
    if to_another:
        storage._options["away"] = away.with_name("a third disk")
        storage._options["away"].mkdir()
    successor = storage.open()
    steps = {
        "look": (journal._listed, "oldest_beside"),
        "read": (journal._archive, "_find_mark"),
        "copy": (journal._archive, "_is_one_file"),
        "prove": (journal._archive, "_contents"),
        "list": (journal._archive, "copy_away"),
    }
    where, name = steps[at]
    real: Any = getattr(where, name)

    def beside(*args: Any, **named: Any) -> Any:
        monkeypatch.setattr(where, name, real)
        found = real(*args, **named) if at in ("look", "list") else None
        successor.take_over("S1")
        move_all(successor, NOBODY, 2)
        return found if at in ("look", "list") else real(*args, **named)

    monkeypatch.setattr(where, name, beside)
    with pytest.raises(Fenced):
        journal.move_away("S1", 1, NOBODY)
    assert records_of(storage.open(), "S1") == written
    assert files(storage) == []


def test_a_disk_that_is_not_there_or_has_anothers_file_leaves_all_beside(
    storage: SqliteStorage, journal: SqliteJournal, away: Path
) -> None:
    written = records_of(journal, "S1")
    away.rmdir()
    with pytest.raises(FileNotFoundError):
        journal.move_away("S1", 1, NOBODY)
    (away / "journal.sealed").mkdir(parents=True)
    others = away / "journal.sealed" / files(storage)[0].name
    others.write_bytes(b"another journal's")
    with pytest.raises(SealedDamaged, match="is not what was sealed"):
        journal.move_away("S1", 1, NOBODY)
    assert others.read_bytes() == b"another journal's"
    assert len(files(storage)) == len(FILES)
    assert records_of(journal, "S1") == written


def test_a_mount_point_without_its_disk_is_given_nothing(
    storage: SqliteStorage, journal: SqliteJournal, away: Path
) -> None:
    journal.move_away("S1", 1, NOBODY)
    disk, other = away.rename(away.with_name("not mounted")), away.with_name("a third disk")
    away.mkdir()
    for opened in (journal, storage.open()):
        with pytest.raises(FileNotFoundError, match="other disk has no file holdfast-archive: mount its disk"):
            opened.move_away("S1", 1, NOBODY)
    assert list(away.iterdir()) == []
    assert len(files(storage)) == len(FILES) - 1
    away.rmdir()
    disk.rename(away)
    journal.move_away("S1", 1, NOBODY)
    assert len(moved(away)) == 2
    other.mkdir()
    storage._options["away"] = other
    storage.open().move_away("S1", 1, NOBODY)
    assert len(moved(other)) == 1, "another archive is one that is used for the first time"


def test_an_archive_that_is_taken_again_after_another_is_not_used_for_the_first_time(
    storage: SqliteStorage, journal: SqliteJournal, away: Path
) -> None:
    journal.move_away("S1", 1, NOBODY)
    other = away.with_name("a third disk")
    other.mkdir()
    storage._options["away"] = other
    storage.open().move_away("S1", 1, NOBODY)
    disk = away.rename(away.with_name("not mounted"))
    away.mkdir()
    storage._options["away"] = away
    for opened in (storage.open(), storage.open()):
        with pytest.raises(FileNotFoundError, match="other disk has no file holdfast-archive: mount its disk"):
            opened.move_away("S1", 1, NOBODY)
        assert opened.base("S1") is not None, "what is beside can be verified, and no more"
    assert list(away.iterdir()) == []
    away.rmdir()
    disk.rename(away)
    storage.open().move_away("S1", 1, NOBODY)
    assert len(moved(away)) == 2


def test_a_full_disk_forgets_no_archive(
    storage: SqliteStorage, journal: SqliteJournal, away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.move_away("S1", 1, NOBODY)
    other = away.with_name("a third disk")
    other.mkdir()
    storage._options["away"] = other

    def full(*_: object) -> None:
        raise OSError(ENOSPC, "No space left on device")

    def cut(path: Path, _: str) -> None:
        path.write_bytes(b"")
        full()

    second = storage.open()
    with monkeypatch.context() as planted:
        planted.setattr(Path, "write_text", cut)
        planted.setattr(os, "fsync", full)
        planted.setattr(archive, "_flush", lambda _: None)  # of the mark: it is made
        with pytest.raises(OSError, match="No space"):
            second.move_away("S1", 1, NOBODY)
    away.rename(away.with_name("not mounted"))
    away.mkdir()
    storage._options["away"] = away
    with pytest.raises(FileNotFoundError, match="mount its disk"):
        storage.open().move_away("S1", 1, NOBODY)
    storage._options["away"] = other
    storage.open().move_away("S1", 1, NOBODY)
    assert len(moved(other)) == 1


def test_what_may_not_wait_asks_no_archive_also_where_a_file_beside_cannot_be_read(
    storage: SqliteStorage, journal: SqliteJournal, away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the disk fails, or the file was moved that instant."""
    written = records_of(journal, "S1")

    def failing(path: Path) -> bytes:
        assert away not in path.parents
        raise OSError(EIO, "Input/output error")

    reader = storage.open()
    with monkeypatch.context() as planted:
        planted.setattr(Path, "read_bytes", failing)
        with pytest.raises(SealedAway):
            reader.read("S1", 0, 1, may_wait=False)
    assert reader.read("S1", 0, 1, may_wait=False) == written[:1]


def test_an_archive_that_hangs_keeps_a_few_threads_and_no_more(
    storage: SqliteStorage, journal: SqliteJournal, away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An actor has eight for all questions about its shops."""
    written = records_of(journal, "S1")
    move_all(journal, NOBODY)
    reader, read = storage.open(), Path.read_bytes
    hung, goes_on = Semaphore(0), Event()

    def hanging(path: Path) -> bytes:
        if away in path.parents:
            hung.release()
            assert goes_on.wait(WAIT_S)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", hanging)
    monkeypatch.setattr(archive, "TURN_S", 0.01)
    with ThreadPoolExecutor(archive.WAITING_MAX) as pool:
        waiting = [pool.submit(reader.read, "S1", 0, 1) for _ in range(archive.WAITING_MAX)]
        try:
            assert all(hung.acquire(timeout=WAIT_S) for _ in waiting)
            for _ in range(2):
                with pytest.raises(SealedDamaged, match="others wait for that disk"):
                    reader.read("S1", 0, 1)
            assert reader.read("S1", FILES[-1][1], 100) == written[-1:], "what is beside is read"
        finally:
            goes_on.set()
        assert [each.result(WAIT_S)[0] for each in waiting] == written[:1] * len(waiting)
    assert records_of(reader, "S1") == written


def test_an_owner_that_was_replaced_moves_nothing(storage: SqliteStorage, journal: SqliteJournal, away: Path) -> None:
    successor = storage.open()
    successor.take_over("S1")
    with pytest.raises(Fenced):
        journal.move_away("S1", 1, NOBODY)
    assert len(files(storage)) == len(FILES)
    assert move_all(successor, NOBODY, epoch=2) == [], "what the first one has copied is the same"
    assert (len(moved(away)), files(storage)) == (len(FILES), [])


def test_a_ledger_goes_on_sealing_behind_what_is_away(storage: SqliteStorage, journal: SqliteJournal) -> None:
    written = records_of(journal, "S1")
    move_all(journal, NOBODY)
    for _ in range(6):
        written.append(record("S1", 1, written[-1].seq + 1))
        journal.append(written[-1:])
    for _ in range(2):
        journal.write_snapshot("S1", 1, written[-1].seq, [b"[1]"])
    assert seal_all(journal) == 2
    assert records_of(storage.after_crash().open(), "S1") == written
    move_all(journal, NOBODY)
    assert records_of(storage.open(), "S1") == written


def test_a_setting_names_the_other_disk(tmp_path: Path, away: Path) -> None:
    setting = sqlite_setting(tmp_path / "a?b&c=d", 5, 7, away)
    (tmp_path / "a?b&c=d").mkdir()
    journal = open_journal(setting, "S1")
    assert isinstance(journal, SqliteJournal)
    assert (journal._keep_bytes, journal._sealed_bytes) == (5_000_000, 7_000_000)
    assert journal._archive._away == away / "S1.sealed"
    journal.close()
    assert journal_names(setting) == ["S1"]
    assert (tmp_path / "a?b&c=d" / "S1.db").exists()


@pytest.mark.parametrize("ledger_id", ["S" * STORE_ID_CHARS_MAX, "customers/0063"])
def test_the_name_of_a_file_fits_whatever_a_ledger_is_called(ledger_id: str, tmp_path: Path) -> None:
    """Ids are of ASCII letters that a name may have as they are; all else is refused where a shop is put."""
    last = 10**18
    sealed = Archive(tmp_path / "sealed").write(ledger_id, last, NOTHING, [Row(1, last, 1, 0, 0, b"[]")])
    assert len(os.fsencode(sealed.name)) < 130, "of 255"
    assert (tmp_path / "sealed" / sealed.name).exists()


@pytest.mark.parametrize("linked", ["the folder", "the archive"])
def test_an_archive_that_has_the_very_files_leaves_them_alone(
    storage: SqliteStorage, journal: SqliteJournal, away: Path, linked: str
) -> None:
    beside, there = storage.sealed_path, away / storage.sealed_path.name
    if linked == "the folder":
        beside.rename(there)
        beside.symlink_to(there)
    else:
        there.symlink_to(beside)
    names = sorted(path.name for path in beside.iterdir())
    assert names
    with pytest.raises(FileExistsError, match="this very file"):
        journal.move_away("S1", 1, NOBODY)
    assert sorted(path.name for path in beside.iterdir()) == names

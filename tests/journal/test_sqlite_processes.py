"""The sqlite journal in real processes: killed in the middle of appends, on a full disk, on one that will not flush."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from actors.journal.port import Head, JournalFailed, Record
from actors.journal.sqlite import SqliteJournal
from actors.journal.wal import verify_log
from tests.journal.storages import SqliteStorage, appended, record, records_of
from tests.journal.writer import LEDGER_IDS, snapshot_chunks

ROOT: Final = Path(__file__).parents[2]
KILLS: Final = 8
ACKNOWLEDGED_MAX: Final = 24
READINGS: Final = 200
NO_FLUSH_TRICK: Final = "redirects an open file by way of /proc"


class Acknowledged(NamedTuple):
    """What a writer was told is durable: sequences by batch, the newest snapshot's, and how it failed if it did."""

    batches: list[tuple[int, ...]]
    snapshot_seq: int
    failure: str


@contextmanager
def writing(path: Path, **arguments: Any) -> Iterator[subprocess.Popen[str]]:
    """A writer at work; killed at the end."""
    command = [sys.executable, "-m", "tests.journal.writer", json.dumps({"path": str(path), **arguments})]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def acknowledged(lines: list[str]) -> Acknowledged:
    """The lines of a writer. One that the kill cut in two was not acknowledged."""
    batches, snapshot_seq, failure = [], 0, ""
    for line in lines:
        if not line.endswith("\n"):
            continue
        match line.split():
            case ["failed", why]:
                failure = why
            case ["snapshot", seq]:
                snapshot_seq = int(seq)
            case ["refused"]:
                failure += " refused"
            case seqs:
                batches.append(tuple(map(int, seqs)))
    return Acknowledged(batches, snapshot_seq, failure)


def verify(path: Path, told: Acknowledged) -> None:
    """All that was acknowledged is there, as it was written; a batch over two ledgers is there in both or in none."""
    with closing(SqliteJournal(path)) as journal:
        heads = [journal.take_over(ledger_id) for ledger_id in LEDGER_IDS]
        found = [records_of(journal, ledger_id) for ledger_id in LEDGER_IDS]
        snapshot = journal.newest_snapshot("S1")
    assert len(found[0]) == len(found[1])
    pairs = [tuple(each.seq for each in batch) for batch in zip(*found, strict=True)]
    assert set(told.batches) <= set(pairs)
    assert [head.seq for head in heads] == list(pairs[-1] if pairs else (0, 0))
    for records in found:
        assert records == [record(each.ledger_id, each.epoch, each.seq, each.event_count) for each in records]
        assert [each.epoch for each in records] == sorted(each.epoch for each in records)
    assert (snapshot.seq if snapshot else 0) >= told.snapshot_seq
    if snapshot:
        assert list(snapshot.chunks) == snapshot_chunks(snapshot.seq)
        assert snapshot.seq in {each.seq for each in found[0]}


@pytest.mark.parametrize("seed", ["anchor", "bollard", "capstan"])
def test_a_writer_killed_in_the_middle_loses_nothing_that_was_acknowledged(tmp_path: Path, seed: str) -> None:
    path, seeded = tmp_path / "journal.db", random.Random(seed)
    batches: list[tuple[int, ...]] = []
    snapshot_seq = 0
    for kill in range(KILLS):
        with writing(path, seed=f"{seed} {kill}", checkpoint_pages=seeded.choice([5, 40, 4_000])) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(seeded.randint(1, ACKNOWLEDGED_MAX))]
            process.kill()
            told = acknowledged([*lines, *process.stdout])
            assert process.wait() == -9
        batches += told.batches
        snapshot_seq = max(snapshot_seq, told.snapshot_seq)
        verify(path, Acknowledged(batches, snapshot_seq, ""))
    assert len(batches) > KILLS


def test_a_log_that_is_written_to_and_begun_anew_meanwhile_is_not_taken_for_damaged(tmp_path: Path) -> None:
    path, log_path = tmp_path / "journal.db", tmp_path / "journal.db-wal"
    salts = set()
    with writing(path, seed="busy", checkpoint_pages=10) as process:
        assert process.stdout is not None
        lines = []
        for _ in range(READINGS):
            lines.append(process.stdout.readline())
            verify_log(log_path)
            salts.add(log_path.read_bytes()[16:24])
        process.kill()
        told = acknowledged([*lines, *process.stdout])
    assert len(salts) > READINGS // 10
    verify(path, told)


@pytest.mark.parametrize("checkpoint_pages", [10, 4_000])
def test_a_full_disk_ends_the_writer_and_a_successor_goes_on_with_room(tmp_path: Path, checkpoint_pages: int) -> None:
    path = tmp_path / "journal.db"
    limits = {"checkpoint_pages": checkpoint_pages, "file_bytes_max": 400_000}
    with writing(path, seed="full", **limits) as process:
        assert process.stdout is not None
        lines = list(iter(process.stdout.readline, "refused\n"))
        told = acknowledged([*lines, "refused\n"])
        assert told.failure in {"SQLITE_FULL refused", "SQLITE_IOERR_WRITE refused"}
        assert told.batches
        verify(path, told)  # while the one that failed is still there: it must not keep the lock
    with writing(path, seed="room") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        process.kill()
        more = acknowledged([*lines, *process.stdout])
    assert more.batches[0][0] > told.batches[-1][0]
    verify(path, Acknowledged([*told.batches, *more.batches], 0, ""))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason=NO_FLUSH_TRICK)
def test_a_flush_that_the_kernel_refuses_ends_the_writer_and_is_not_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with writing(path, seed="flush", checkpoint_pages=4_000, flushes_refused_after=5) as process:
        assert process.stdout is not None
        told = acknowledged([*iter(process.stdout.readline, "refused\n"), "refused\n"])
    assert told.failure == "SQLITE_IOERR_FSYNC refused"
    assert len(told.batches) == 5
    verify(path, told)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason=NO_FLUSH_TRICK)
def test_a_checkpoint_that_cannot_be_flushed_ends_the_writer_and_is_not_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    refusal = {"flushes_refused_after": 5, "refused": "/journal.db"}
    with writing(path, seed="checkpoint", checkpoint_pages=20, **refusal) as process:
        assert process.stdout is not None
        told = acknowledged([*iter(process.stdout.readline, "refused\n"), "refused\n"])
    assert told.failure.startswith("SQLITE_IOERR")
    verify(path, told)


def fill(journal: SqliteJournal, epoch: int, seq: int) -> list[Record]:
    """Append until there is no room, and return what was acknowledged."""
    journal._file.db.execute(
        f"PRAGMA max_page_count = {journal._file.db.execute('PRAGMA page_count').fetchone()[0] + 3}"
    )
    records: list[Record] = []

    def append_for_ever() -> None:
        for last in count(seq + 40, 40):
            batch = [record("S1", epoch, last, 40)]
            journal.append(batch)
            records.extend(batch)

    with pytest.raises(JournalFailed, match="full"):
        append_for_ever()
    return records


def test_where_there_is_no_room_the_journal_is_finished_and_its_lock_is_free(sqlite_storage: SqliteStorage) -> None:
    journal = SqliteJournal(sqlite_storage.path)
    with closing(journal):
        written = appended(journal, "S1", [1])
        written += fill(journal, 1, 1)
        assert len(written) > 1
        with pytest.raises(JournalFailed, match="not used any more"):
            journal.append([record("S1", 1, written[-1].seq + 1)])

        successor = SqliteJournal(sqlite_storage.path, busy_ms=0)
        with closing(successor):
            assert successor.take_over("S1") == Head(2, written[-1].seq)
            written.append(record("S1", 2, written[-1].seq + 50, 50))
            successor.append(written[-1:])
            assert records_of(successor, "S1") == written


def test_a_snapshot_that_finds_no_room_does_not_exist(sqlite_storage: SqliteStorage) -> None:
    journal = SqliteJournal(sqlite_storage.path)
    with closing(journal):
        written = appended(journal, "S1", [1])
        journal._file.db.execute("PRAGMA max_page_count = 12")
        with pytest.raises(JournalFailed, match="full"):
            journal.write_snapshot("S1", 1, 1, [b"[1]" * 4_000] * 9)
        with pytest.raises(JournalFailed, match="not used any more"):
            journal.append([record("S1", 1, 2)])

    successor = sqlite_storage.open()
    assert successor.newest_snapshot("S1") is None
    assert records_of(successor, "S1") == written

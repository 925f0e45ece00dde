"""What journals are opened on in the exam: storage that outlives its journals, and copies of it that came to harm."""

import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol

from actors.journal.codec import encode
from actors.journal.port import Journal, Record
from actors.journal.sqlite import SqliteJournal
from actors.shop.events import Confirmed
from tests.journal.faulty import FaultyJournal
from tests.journal.memory import MemoryDisk, MemoryJournal

READ_EVENTS_MAX: Final = 3
WAL_HEADER_BYTES: Final = 32
FRAME_HEADER_BYTES: Final = 24
PAGE_BYTES: Final = 4_096


class Storage(Protocol):
    """Where a journal keeps what it must not lose."""

    def open(self) -> Journal:
        """One more journal on this storage, as another process would open it."""

    def after_crash(self) -> "Storage":
        """A copy of what is there if the power goes now."""

    def torn(self, bytes_lost: int) -> "Storage":
        """A copy after a crash, without the last bytes of what is appended to; all of it at most."""

    def flipped(self, payload: bytes) -> "Storage":
        """A copy at rest with one bit changed in the middle of a payload that is there."""

    def close(self) -> None:
        """Close all that was opened here."""


class MemoryStorage:
    """A `MemoryDisk`."""

    def __init__(self, image: bytes = b"") -> None:
        self._image = image
        self._disk: MemoryDisk | None = None

    def open(self) -> Journal:
        if self._disk is None:  # what an image says is judged when it is opened, as it is with a file
            self._disk = MemoryDisk(self._image)
        return MemoryJournal(self._disk)

    @property
    def image(self) -> bytes:
        return bytes(self._disk.image) if self._disk is not None else self._image

    def after_crash(self) -> "MemoryStorage":
        return MemoryStorage(self.image)

    def torn(self, bytes_lost: int) -> "MemoryStorage":
        return MemoryStorage(self.image[: max(0, len(self.image) - bytes_lost)])

    def flipped(self, payload: bytes) -> "MemoryStorage":
        written = payload.replace(b'"', b'\\"')  # a frame holds payloads as JSON text
        return MemoryStorage(with_bit_flipped(self.image, self.image.index(written) + len(written) // 2))

    def close(self) -> None:
        """Nothing is open."""


class SqliteStorage:
    """A folder with a database file, its log, and what was sealed; by `options`, a journal's own."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.path = folder / "journal.db"
        self.log_path = folder / "journal.db-wal"
        self.sealed_path = folder / "journal.sealed"
        self._options = options
        self._opened: list[Journal] = []
        self._copies: list[SqliteStorage] = []
        self._numbers = count(1)

    def open(self) -> SqliteJournal:
        journal = SqliteJournal(self.path, **self._options)
        self._opened.append(journal)
        return journal

    def after_crash(self) -> "SqliteStorage":
        copy = SqliteStorage(self.folder / f"copy-{next(self._numbers)}", **self._options)
        copy.folder.mkdir()
        for source, target in ((self.path, copy.path), (self.log_path, copy.log_path)):
            if source.exists():
                shutil.copyfile(source, target)
        if self.sealed_path.exists():
            shutil.copytree(self.sealed_path, copy.sealed_path)
        self._copies.append(copy)
        return copy

    def torn(self, bytes_lost: int) -> "SqliteStorage":
        copy = self.after_crash()
        with copy.log_path.open("r+b") as log:
            log.truncate(max(0, copy.log_path.stat().st_size - bytes_lost))
        return copy

    def at_rest(self) -> "SqliteStorage":
        """A copy whose log has been brought into the database file."""
        copy = self.after_crash()
        copy.open().close()
        return copy

    def page_damaged(self, name: str) -> "SqliteStorage":
        """A copy at rest in which the page of a small table or index is not what was written."""
        copy = self.at_rest()
        image = bytearray(copy.path.read_bytes())
        first = page_of(copy.path, name) * PAGE_BYTES
        image[first : first + 64] = b"\xee" * 64
        copy.path.write_bytes(image)
        return copy

    def flipped(self, payload: bytes) -> "SqliteStorage":
        copy = self.at_rest()
        image = copy.path.read_bytes()
        copy.path.write_bytes(with_bit_flipped(image, image.index(payload) + len(payload) // 2))
        return copy

    def close(self) -> None:
        for copy in self._copies:
            copy.close()
        for journal in self._opened:
            journal.close()
        self._opened.clear()


class FaultyStorage:
    """Any storage, where every journal that is opened is a `FaultyJournal` with nothing armed."""

    def __init__(self, inner: Storage) -> None:
        self._inner = inner

    def open(self) -> Journal:
        return FaultyJournal(self._inner.open())

    def after_crash(self) -> "FaultyStorage":
        return FaultyStorage(self._inner.after_crash())

    def torn(self, bytes_lost: int) -> "FaultyStorage":
        return FaultyStorage(self._inner.torn(bytes_lost))

    def flipped(self, payload: bytes) -> "FaultyStorage":
        return FaultyStorage(self._inner.flipped(payload))

    def close(self) -> None:
        self._inner.close()


STORAGES: Final[dict[str, Callable[[Path], Storage]]] = {
    "memory": lambda _: MemoryStorage(),
    "sqlite": SqliteStorage,
    "sqlite-placed": lambda folder: SqliteStorage(folder, unplaced_max=1),
    "faulty-memory": lambda _: FaultyStorage(MemoryStorage()),
    "faulty-sqlite": lambda folder: FaultyStorage(SqliteStorage(folder)),
}


def page_of(path: Path, name: str) -> int:
    """The page, from 0, on which a small table or index stands."""
    with closing(sqlite3.connect(path)) as db:
        (root_page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
        return int(root_page) - 1


def with_bit_flipped(image: bytes, offset: int, bit: int = 0) -> bytes:
    """The image with one bit changed."""
    return image[:offset] + bytes([image[offset] ^ (1 << bit)]) + image[offset + 1 :]


def last_commit_of(log: bytes) -> int:
    """The offset in a write-ahead log at which its last commit begins: behind the last frame but one that ends one."""
    frame_bytes = FRAME_HEADER_BYTES + int.from_bytes(log[8:12], "big")
    frames = range(WAL_HEADER_BYTES, len(log), frame_bytes)
    *_, last_but_one, _ = [frame for frame in frames if any(log[frame + 4 : frame + 8])]
    return last_but_one + frame_bytes


def payload_of(ledger_id: str, first_seq: int, seq: int) -> bytes:
    """The events of a record, made from where it stands alone, so that each can be told from every other."""
    return encode(
        [
            Confirmed(f"key {ledger_id} {number}", "f1" * 12, number, 1_000 * number)
            for number in range(first_seq, seq + 1)
        ]
    )


def record(ledger_id: str, epoch: int, seq: int, event_count: int = 1) -> Record:
    """A record whose content follows from where it stands."""
    return Record(ledger_id, epoch, seq, event_count, 10_000 + seq, payload_of(ledger_id, seq - event_count + 1, seq))


def records_of(journal: Journal, ledger_id: str) -> list[Record]:
    """All of a ledger, read a few events at a time as recovery does."""
    records: list[Record] = []
    while found := journal.read(ledger_id, records[-1].seq if records else 0, READ_EVENTS_MAX):
        records += found
    return records


def appended(journal: Journal, ledger_id: str, event_counts: Iterable[int]) -> list[Record]:
    """Take a new ledger over and append a record for each count, each in a write of its own."""
    epoch, seq = journal.take_over(ledger_id)
    records = []
    for event_count in event_counts:
        seq += event_count
        records.append(record(ledger_id, epoch, seq, event_count))
        journal.append(records[-1:])
    return records

"""Sealed files: the oldest records of ledgers, moved out of a journal's database, which keeps a list of them.

    file   = header · record · record ...; lines of JSON, compressed by gzip
    header = [format, ledger, version before, checksum before, last version, last checksum, SHA-256 of the file before]
    record = [epoch, version, events, ledger time, checksum, the events as they were written]

The list has each file's SHA-256, and each header that of the file before, so the files of a ledger prove one another
also without the list. A file is never changed; its name has the epoch of the owner that wrote it, so no two write one.
"""

import gzip
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec

from actors.journal.port import SealedAway, SealedDamaged

FORMAT: Final = 1
WAITING_MAX: Final = 4  # for the other disk, which may hang: an actor has eight threads for questions
TURN_S: Final = 1.0  # that one more waits for its turn
MARK: Final = "holdfast-archive"  # a file of an archive's own: without it, its disk is not there
COMPRESSION: Final = 6  # more takes twice as long for one percent


class Row(NamedTuple):
    """A record as the database has it, with its checksum."""

    epoch: int
    seq: int
    event_count: int
    at_ms: int
    checksum: int
    payload: bytes


_line: Final = msgspec.json.Decoder(tuple[int, int, int, int, int, msgspec.Raw]).decode


class Sealed(NamedTuple):
    """A sealed file, and where its last record stands; nothing is sealed before `NOTHING`."""

    seq: int
    checksum: int
    name: str
    sha256: str
    size: int


NOTHING: Final = Sealed(0, 0, "", "", 0)


class Archive:
    """The sealed files of one journal, in a folder that is made with the first. The oldest may be `away`, in a folder
    of the same name under another one. Without a lock: a disk that hangs
    holds up only who reads or writes there.
    """

    def __init__(self, folder: Path, away: Path | None = None) -> None:
        self._folder = folder
        self._away = away and away / folder.name
        self._turns = BoundedSemaphore(WAITING_MAX)
        self._read: tuple[Sealed, list[Row]] = NOTHING, []  # the newest file that was read

    def write(self, ledger_id: str, epoch: int, before: Sealed, rows: Sequence[Row]) -> Sealed:
        """Write the records that follow a file, and read them back. Raises OSError, and JournalDamaged where what is
        read is not what was to be written.
        """
        seq, checksum = rows[-1].seq, rows[-1].checksum
        lines = [_header(ledger_id, before, seq, checksum)]
        lines += [msgspec.json.encode([*head, msgspec.Raw(payload)]) for *head, payload in rows]
        contents = gzip.compress(b"\n".join(lines), COMPRESSION, mtime=0)
        name = f"{quote(ledger_id, safe='')}-{before.seq + 1:012}-{seq:012}-{epoch}.gz"
        put_file(self._folder, name, contents)
        made = Sealed(seq, checksum, name, sha256(contents).hexdigest(), len(contents))
        if self.read(ledger_id, before, made) != rows:
            raise SealedDamaged(ledger_id, name, "does not give back what it was made of")
        return made

    def read(self, ledger_id: str, before: Sealed, sealed: Sealed, *, may_wait: bool = True) -> list[Row]:
        """The records of a file, which follows another. Raises JournalDamaged, SealedAway where it may not wait."""
        read, rows = self._read
        if read == sealed:
            return rows
        contents = self._contents(ledger_id, sealed, self._folder, may_wait=may_wait)
        try:
            header, *lines = gzip.decompress(contents).split(b"\n")
            rows = [Row(*row[:5], bytes(row[5])) for row in map(_line, lines)]
        except (OSError, EOFError, ValueError) as error:
            raise SealedDamaged(ledger_id, sealed.name, f"cannot be read: {error}") from error
        if header != _header(ledger_id, before, sealed.seq, sealed.checksum):
            raise SealedDamaged(ledger_id, sealed.name, "does not follow the file before it")
        self._read = sealed, rows
        return rows

    def copy_away(self, ledger_id: str, sealed: Sealed) -> None:
        """Copy a file to where the oldest ones are, and read it back there. Raises OSError, and JournalDamaged also
        where another file of its name is there.
        """
        assert self._away is not None
        self._find_mark(self._away.parent)
        if self._is_one_file(sealed.name):
            raise FileExistsError(f"{self._away} has this very file, by a link or as the same folder; take another one")
        contents = self._contents(ledger_id, sealed, self._folder)
        if not (self._away / sealed.name).exists():  # else of a move that a kill has cut short, or not ours
            put_file(self._away, sealed.name, contents)
        self._contents(ledger_id, sealed, self._away)

    def is_there(self) -> bool:
        """Whether the oldest files' folder is the archive: no mount point without its disk, and no disk that hangs."""
        with self._turn() as has_turn:
            return has_turn and self._away is not None and (self._away.parent / MARK).exists()

    @contextmanager
    def _turn(self) -> Iterator[bool]:
        """Whether one more may wait for the other disk."""
        has_turn = self._turns.acquire(timeout=TURN_S)
        try:
            yield has_turn
        finally:
            if has_turn:
                self._turns.release()

    def remove(self, *away: Sealed) -> None:
        """Remove from beside the database what is listed as away."""
        for sealed in away:
            if sealed != NOTHING and not self._is_one_file(sealed.name):
                (self._folder / sealed.name).unlink(missing_ok=True)

    def _find_mark(self, archive: Path) -> None:
        """Mark an archive when it is first used. Raises FileNotFoundError where its mark is gone: a mount point would
        take the files for a disk that is not mounted.
        """
        used = self._folder.parent / "archive-used"  # every archive that was given its mark, one a line
        known = used.read_text().splitlines() if used.exists() else []
        if str(archive) not in known:
            (archive / MARK).touch()
            _flush(archive)
            put_file(used.parent, used.name, "\n".join([*known, str(archive)]).encode())
        elif not self.is_there():
            raise FileNotFoundError(
                f"{archive} has no file {MARK}: mount its disk; or make that file, where this is it"
            )

    def _is_one_file(self, name: str) -> bool:
        """Whether a file beside the database is the one that is away, and there is no other."""
        assert self._away is not None
        beside, away = self._folder / name, self._away / name
        return beside.exists() and away.exists() and beside.samefile(away)

    def _contents(self, ledger_id: str, sealed: Sealed, folder: Path, *, may_wait: bool = True) -> bytes:
        """What is in a file; of one that cannot be read in its folder, what is away, where it may wait for that."""
        try:
            contents = (folder / sealed.name).read_bytes()
        except OSError as error:
            if self._away is not None and folder != self._away:
                if not may_wait:
                    raise SealedAway(ledger_id, sealed.name, f"is in {self._away}") from error
                with self._turn() as has_turn:
                    if has_turn:
                        return self._contents(ledger_id, sealed, self._away)
                raise SealedDamaged(
                    ledger_id, sealed.name, f"is in {self._away}, and others wait for that disk"
                ) from error
            raise SealedDamaged(ledger_id, sealed.name, f"cannot be read in {folder}: {error.strerror}") from error
        if sha256(contents).hexdigest() != sealed.sha256:
            raise SealedDamaged(ledger_id, sealed.name, "is not what was sealed: its SHA-256 is another")
        return contents


def put_file(folder: Path, name: str, contents: bytes) -> None:
    """Write a file whole and durably, in a folder that is made where it is not there."""
    folder.mkdir(exist_ok=True)
    written = (folder / name).with_suffix(f".{os.getpid()}.tmp")  # the list of archives is all actors'
    with written.open("wb") as file:
        file.write(contents)
        file.flush()
        os.fsync(file.fileno())
    written.rename(folder / name)
    for each in (folder, folder.parent):
        _flush(each)


def _header(ledger_id: str, before: Sealed, seq: int, checksum: int) -> bytes:
    header: list[Any] = [FORMAT, ledger_id, before.seq, before.checksum, seq, checksum, before.sha256]
    return msgspec.json.encode(header)


def _flush(folder: Path) -> None:
    """Make the names in a folder durable."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)

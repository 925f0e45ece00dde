"""A till's own file: the movements it has recorded and how many of them the service has taken.

Append-only lines, each a checksum, a space and a JSON object: `{"rows": [[sequence, sku, delta, kind, at], ...]}` for
what was recorded at once and when, in ms, `{"sent": sequence}` once the service took all up to it, `{"next": sequence}`
at the head of a file. A line is on disk before the call returns. A torn last line is cut back: it was never
acknowledged to anybody. Damage before the last line raises `TillJournalDamaged`, for sales may be missing that a person
must look for; so does a disk that fails, and the file is then closed, because what a failed write left behind is not
known.
"""

import fcntl
import json
import os
import threading
import zlib
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Self

from holdfast.client.errors import InvalidArgument, Overloaded, TillJournalDamaged, Violation
from holdfast.client.models.stock import Adjustment, AdjustmentKind

UNSENT_ROWS_MAX = 100_000
"""Movements that a till keeps unsent; some days of a busy till without a network."""

_REWRITE_BYTES = 1 << 20
"""A file above this size is rewritten once everything in it was sent."""

_SKU_CHARACTERS_MAX = 64
_UNITS_MAX = 1_000_000_000
_UNITS = {
    AdjustmentKind.RECEIPT: (1, _UNITS_MAX),
    AdjustmentKind.SALE: (-_UNITS_MAX, -1),
    AdjustmentKind.RETURN: (1, _UNITS_MAX),
    AdjustmentKind.CORRECTION: (-_UNITS_MAX, _UNITS_MAX),
}
"""Signed units by kind, as the service takes them: one row that it refuses would hold up all that come after it."""


class TillJournal:
    """The file of one till, locked against a second process. Thread-safe; calls block on the disk.

    `first_sequence` numbers the first row of a new file. Give it the time in ms: should the file ever be lost, the rows
    of its successor are still above all that the service has seen from this till, and are not dropped as repeated.
    """

    def __init__(self, path: Path, *, first_sequence: int, unsent_rows_max: int = UNSENT_ROWS_MAX) -> None:
        self._path = path
        self._unsent_rows_max = unsent_rows_max
        self._unsent: deque[Adjustment] = deque()
        self._next = first_sequence
        # Numbers are given and written as one: two rows of one number would be one sale for the service.
        self._turn = threading.RLock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._replay()
        except BlockingIOError:
            os.close(self._file)
            raise TillJournalDamaged(
                "the till's journal", where=str(path), why="another process has it", mend="End that process first"
            ) from None
        except BaseException:
            os.close(self._file)
            raise
        if not self._size:
            self._append({"next": first_sequence})
            _sync_folder(path.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def unsent(self) -> tuple[Adjustment, ...]:
        """The movements that the service has not taken yet, in sequence."""
        with self._turn:
            return tuple(self._unsent)

    def head(self, rows_max: int) -> tuple[Adjustment, ...]:
        """The first unsent movements, at most `rows_max`."""
        with self._turn:
            return tuple(islice(self._unsent, rows_max))

    def record(
        self, lines: Iterable[tuple[str, int]], kind: AdjustmentKind, occurred_at_ms: int | None = None
    ) -> tuple[Adjustment, ...]:
        """Write movements to disk, numbered; `lines` are pairs of SKU and signed units.

        Raises InvalidArgument where the service would refuse a row for ever, Overloaded where the file is full.
        """
        with self._turn:
            rows = tuple(
                Adjustment(sku, delta, self._next + number, kind, occurred_at_ms)
                for number, (sku, delta) in enumerate(lines)
            )
            self._check(rows)
            self._append({"rows": [_fields(row) for row in rows]})
            self._take(rows)
        return rows

    def mark_sent(self, sequence: int) -> None:
        """Note that the service has taken every movement up to `sequence`."""
        with self._turn:
            self._append({"sent": sequence})
            self._drop(sequence)
            if self._size > _REWRITE_BYTES and not self._unsent:
                self._rewrite()

    def close(self) -> None:
        """Close the file and give up its lock. Safe to repeat."""
        with self._turn:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _check(self, rows: Sequence[Adjustment]) -> None:
        violations = tuple(_violations(rows))
        if violations or not rows:
            why = "a movement is not valid" if rows else "there is no movement in it"
            raise InvalidArgument("record a movement", where=str(self._path), why=why, violations=violations)
        if len(self._unsent) + len(rows) > self._unsent_rows_max:
            raise Overloaded(
                "record a movement",
                where=str(self._path),
                why=f"{len(self._unsent)} movements are unsent, and unsent_rows_max is {self._unsent_rows_max}",
                mend="Bring the till back to the network and flush it",
            )

    def _append(self, record: dict[str, Any]) -> None:
        text = json.dumps(record, separators=(",", ":")).encode()
        line = b"%08x %s\n" % (zlib.crc32(text), text)
        what, where = "write the till's journal", str(self._path)
        if self._file < 0:
            raise TillJournalDamaged(what, where=where, why="it was closed", mend="Start the till client anew")
        try:
            written = os.write(self._file, line)
            os.fsync(self._file)
        except OSError as error:
            self.close()
            raise TillJournalDamaged(
                what, where=where, why=str(error), mend="Mend the disk, then start anew"
            ) from error
        if written != len(line):
            self.close()
            raise TillJournalDamaged(what, where=where, why="the disk is full", mend="Make room, then start anew")
        self._size += written

    def _replay(self) -> None:
        payload = self._path.read_bytes()
        self._size = 0
        for line in payload.splitlines(keepends=True):
            record = _record(line)
            if record is None:
                if self._size + len(line) < len(payload):
                    raise TillJournalDamaged(
                        "read the till's journal",
                        where=str(self._path),
                        why=f"the line at byte {self._size} is damaged",
                    )
                os.ftruncate(self._file, self._size)
                os.fsync(self._file)
                return
            self._size += len(line)
            if "rows" in record:
                self._take(
                    [
                        Adjustment(sku, delta, number, AdjustmentKind(kind), at_ms)
                        for number, sku, delta, kind, at_ms in record["rows"]
                    ]
                )
            elif "sent" in record:
                self._drop(record["sent"])
            else:
                self._next = record["next"]

    def _take(self, rows: Sequence[Adjustment]) -> None:
        self._unsent.extend(rows)
        self._next = rows[-1].sequence + 1

    def _drop(self, sequence: int) -> None:
        while self._unsent and self._unsent[0].sequence <= sequence:
            self._unsent.popleft()

    def _rewrite(self) -> None:
        """Begin the file anew; only when nothing is unsent, so that all it must keep is the next number."""
        # Behind the whole name: tills that differ only in the suffix must not meet here.
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
            # Locked before it takes the name, so that no other process can come in between.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(self._exchange(file))
            self._append({"next": self._next})
            fresh.replace(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            # A file that did not get its name is never read again: nothing more may be written to it.
            self.close()
            raise TillJournalDamaged(
                "begin the till's journal anew",
                where=str(self._path),
                why=str(error),
                mend="Mend the disk, then start anew",
            ) from error

    def _exchange(self, file: int) -> int:
        old, self._file, self._size = self._file, file, 0
        return old


def _violations(rows: Iterable[Adjustment]) -> Iterable[Violation]:
    for number, row in enumerate(rows):
        if not 1 <= len(row.sku) <= _SKU_CHARACTERS_MAX:
            yield Violation(f"lines[{number}].sku", f"must have 1 to {_SKU_CHARACTERS_MAX} characters")
        elif not row.sku.isprintable():
            yield Violation(f"lines[{number}].sku", "must be printable text")
        least, most = _UNITS.get(row.kind, (0, 0))
        if row.delta == 0 or not least <= row.delta <= most:
            yield Violation(f"lines[{number}].quantity", f"must be {least} to {most} for {row.kind.name}, and not zero")


def _record(line: bytes) -> dict[str, Any] | None:
    """The record of a line, None where it is torn or damaged."""
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text):
        return None
    record: dict[str, Any] = json.loads(text)
    return record


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _fields(row: Adjustment) -> list[Any]:
    return [row.sequence, row.sku, row.delta, row.kind.value, row.occurred_at_ms]

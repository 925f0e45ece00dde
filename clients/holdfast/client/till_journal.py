"""A till's own file: the movements it has recorded and how many of them the service has taken.

An SQLite database with a write-ahead log that is flushed at every commit: a movement is on disk before the call
returns, and what was recorded at once is there whole or not at all. While it is open, what was written last may stand
in NAME-wal beside it: copy both. Each row has a checksum, and the rows must be those that the numbers in `meta`
promise: damage raises `TillJournalDamaged`, for sales may be missing that a person must look for. So does a disk that
fails, and the file is then closed, because what a failed write left behind is not known.
"""

import json
import secrets
import sqlite3
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

from holdfast.client.errors import InvalidArgument, Overloaded, TillJournalDamaged, Violation
from holdfast.client.models.stock import Adjustment, AdjustmentKind

UNSENT_ROWS_MAX = 100_000
"""Movements that a till keeps unsent; some days of a busy till without a network."""

_APPLICATION_ID = 0x48464C54
"""Says in the file's head whose it is."""

_FORMAT = 1
_SCHEMA = (
    "CREATE TABLE meta (next INTEGER NOT NULL, sent INTEGER NOT NULL, series TEXT NOT NULL)",
    """CREATE TABLE movements (
        sequence INTEGER PRIMARY KEY, sku TEXT NOT NULL, delta INTEGER NOT NULL, kind INTEGER NOT NULL,
        occurred_at_ms INTEGER, checksum INTEGER NOT NULL)""",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_FORMAT}",
)

_AGE_MS_MAX = 366 * 86_400_000
_SKU_CHARACTERS_MAX = 64
_UNITS_MAX = 1_000_000_000
_UNITS = {
    AdjustmentKind.RECEIPT: (1, _UNITS_MAX),
    AdjustmentKind.SALE: (-_UNITS_MAX, -1),
    AdjustmentKind.RETURN: (1, _UNITS_MAX),
    AdjustmentKind.CORRECTION: (-_UNITS_MAX, _UNITS_MAX),
}
"""Signed units by kind, as the service takes them: one row that it refuses would hold up all that come after it."""


class TillJournal(AbstractContextManager["TillJournal"]):
    """The file of one till, locked against a second process. Thread-safe; calls block on the disk.

    A file is a series of numbers from 1 on, which `series` names: should it ever be lost, the rows of its successor are
    those of another series, and none is taken for one that the service has seen.
    """

    def __init__(self, path: Path, *, unsent_rows_max: int = UNSENT_ROWS_MAX) -> None:
        self._path = path
        self._unsent_rows_max = unsent_rows_max
        self._unsent: deque[Adjustment] = deque()
        self._next = 1
        self.series = secrets.token_hex(8)
        self._occurred: dict[int, tuple[int | None, float | None]] = {}  # by sequence, on the wall and since the boot
        # Numbers are given and written as one: two rows of one number would be one sale for the service.
        self._turn = threading.RLock()
        self._database: sqlite3.Connection | None = None
        with self._guarded("open the till's journal"):
            # Made here and not by SQLite, so that only its owner may read it. An existing one is not opened: closing
            # it again would take away the lock of another journal of this process.
            with suppress(FileExistsError):
                path.touch(mode=0o600, exist_ok=False)
            self._database = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
            self._open(self._database)

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def unsent(self) -> tuple[Adjustment, ...]:
        """The movements that the service has not taken yet, in sequence."""
        with self._turn:
            return tuple(self._unsent)

    def head(self, rows_max: int) -> tuple[Adjustment, ...]:
        """The first unsent movements, at most `rows_max`, each with its age."""
        with self._turn:
            return tuple(replace(row, age_ms=self._age_ms(row.sequence)) for row in islice(self._unsent, rows_max))

    def _age_ms(self, sequence: int) -> int:
        """By the clock of this process where it recorded the row, whatever the wall clock was set to meanwhile."""
        at_ms, at_s = self._occurred[sequence]
        if at_s is not None:
            age_ms = int((_clock_s() - at_s) * 1_000)
        else:
            age_ms = 0 if at_ms is None else time.time_ns() // 1_000_000 - at_ms
        return min(max(0, age_ms), _AGE_MS_MAX)

    def record(
        self, lines: Iterable[tuple[str, int]], kind: AdjustmentKind, occurred_at_ms: int | None = None
    ) -> tuple[Adjustment, ...]:
        """Write movements to disk, numbered; `lines` are pairs of SKU and signed units.

        Raises InvalidArgument where the service would refuse a row for ever, Overloaded where the file is full.
        """
        with self._turn:
            rows = tuple(Adjustment(sku, delta, self._next + number, kind) for number, (sku, delta) in enumerate(lines))
            self._check(rows)
            after = self._next + len(rows)
            began_s = _clock_s()
            with self._writing() as database:
                database.executemany(
                    "INSERT INTO movements VALUES (?, ?, ?, ?, ?, ?)", [_fields(row, occurred_at_ms) for row in rows]
                )
                database.execute("UPDATE meta SET next = ?", (after,))
            self._unsent.extend(rows)
            self._occurred.update((row.sequence, (occurred_at_ms, began_s)) for row in rows)
            self._next = after
        return rows

    def mark_sent(self, sequence: int) -> None:
        """Note that the service has taken every movement up to `sequence`."""
        with self._turn:
            with self._writing() as database:
                database.execute("DELETE FROM movements WHERE sequence <= ?", (sequence,))
                database.execute("UPDATE meta SET sent = max(sent, min(?, next - 1))", (sequence,))
            while self._unsent and self._unsent[0].sequence <= sequence:
                del self._occurred[self._unsent.popleft().sequence]

    def close(self) -> None:
        """Close the file and give up its lock. Safe to repeat."""
        with self._turn:
            database, self._database = self._database, None
            if database is not None:
                with suppress(sqlite3.Error):  # all that was promised is on disk, in the log if not in the file
                    database.close()

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

    def _open(self, database: sqlite3.Connection) -> None:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        # Nothing is written before it is known whose file this is; in this mode the lock outlives the transaction.
        database.execute("BEGIN EXCLUSIVE")
        tables, application, version = (
            database.execute(question).fetchone()[0]
            for question in ("SELECT count(*) FROM sqlite_master", "PRAGMA application_id", "PRAGMA user_version")
        )
        database.execute("COMMIT")
        if (application, version) != ((_APPLICATION_ID, _FORMAT) if tables else (0, 0)):
            raise self._damaged("open the till's journal", "it is a database of another program or version", _OTHERS)
        (mode,) = database.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise self._damaged("open the till's journal", "this disk takes no write-ahead log", _OTHER_DISK)
        database.execute("PRAGMA synchronous = FULL")
        if tables:
            self._load(database)
            return
        with self._writing():
            for statement in _SCHEMA:
                database.execute(statement)
            database.execute("INSERT INTO meta VALUES (?, ?, ?)", (self._next, self._next - 1, self.series))

    def _load(self, database: sqlite3.Connection) -> None:
        (health,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if health != "ok":
            raise self._damaged("read the till's journal", health)
        if len(meta := database.execute("SELECT next, sent, series FROM meta").fetchall()) != 1:
            raise self._damaged("read the till's journal", "the table meta is damaged")
        self._next, sent, self.series = meta[0]
        expected = sent + 1
        for sequence, sku, delta, kind, at_ms, checksum in database.execute("SELECT * FROM movements ORDER BY 1"):
            if sequence != expected or checksum != _checksum(sequence, sku, delta, kind, at_ms):
                raise self._damaged("read the till's journal", f"the movement {expected} is damaged or missing")
            self._unsent.append(Adjustment(sku, delta, sequence, AdjustmentKind(kind)))
            self._occurred[sequence] = (at_ms, None)
            expected += 1
        if expected != self._next:
            raise self._damaged("read the till's journal", f"the movement {expected} is missing")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, on disk when the block has ended. Whatever fails ends the file."""
        what = "write the till's journal"
        if self._database is None:
            raise self._damaged(what, "it was closed", "Start the till client anew")
        with self._guarded(what):
            self._database.execute("BEGIN IMMEDIATE")
            yield self._database
            self._database.execute("COMMIT")

    @contextmanager
    def _guarded(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            self.close()
            if "locked" in str(error):
                raise self._damaged(what, "another process has it", "End that process first") from None
            raise self._damaged(what, str(error), "Mend the disk or make room on it, then start anew") from error
        except sqlite3.DatabaseError as error:
            self.close()
            raise self._damaged(what, str(error)) from error
        except OSError as error:
            self.close()
            raise self._damaged(what, str(error), "See that its folder is there and can be written to") from error
        except BaseException:
            self.close()
            raise

    def _damaged(self, what: str, why: str, mend: str = "") -> TillJournalDamaged:
        return TillJournalDamaged(what, where=str(self._path), why=why, mend=mend)


_OTHERS = "Give the till a file of its own, and keep this one"
_OTHER_DISK = "Put the file on a disk of this machine"


def _clock_s() -> float:
    """A clock that nobody sets, and that goes on while the machine sleeps, where there is one."""
    boot_clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_clock is None else time.clock_gettime(boot_clock)


def _violations(rows: Iterable[Adjustment]) -> Iterable[Violation]:
    for number, row in enumerate(rows):
        if not 1 <= len(row.sku) <= _SKU_CHARACTERS_MAX:
            yield Violation(f"lines[{number}].sku", f"must have 1 to {_SKU_CHARACTERS_MAX} characters")
        elif not row.sku.isprintable():
            yield Violation(f"lines[{number}].sku", "must be printable text")
        least, most = _UNITS.get(row.kind, (0, 0))
        if row.delta == 0 or not least <= row.delta <= most:
            yield Violation(f"lines[{number}].quantity", f"must be {least} to {most} for {row.kind.name}, and not zero")


def _fields(row: Adjustment, at_ms: int | None) -> tuple[int, str, int, int, int | None, int]:
    fields = (row.sequence, row.sku, row.delta, row.kind.value, at_ms)
    return (*fields, _checksum(*fields))


def _checksum(*fields: int | str | None) -> int:
    """Over the values themselves: SQLite guards its log with checksums, but not its file."""
    return zlib.crc32(json.dumps(fields, separators=(",", ":")).encode())

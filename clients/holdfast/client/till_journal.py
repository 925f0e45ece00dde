"""A till's own file: the movements it has recorded and how many of them the service has taken.

An SQLite database with a write-ahead log that is flushed at every commit: a movement is on disk before the call
returns, and what was recorded at once is there whole or not at all. While it is open, what was written last may stand
in NAME-wal beside it: copy both. Each row has a checksum, and the rows must be those that the numbers in `meta`
promise: damage raises `TillJournalDamaged`, for sales may be missing that a person must look for. So does a disk that
fails, and the file is then closed, because what a failed write left behind is not known.
"""

import hashlib
import json
import secrets
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

from holdfast.client import till_allotments, till_rows
from holdfast.client.errors import InvalidArgument, Overloaded, TillJournalDamaged, Violation
from holdfast.client.models.stock import Adjustment, AdjustmentKind
from holdfast.client.till_allotments import Piece, TillAllotments
from holdfast.client.till_offline_journal import OfflineJournal
from holdfast.client.till_rows import Occurred

UNSENT_ROWS_MAX = 100_000
"""Movements that a till keeps unsent; some days of a busy till without a network."""

SENT_ROWS_KEPT = 20_000
"""Sent movements that stay in the file, for a shop that was restored from a copy and has lost them again."""

RECEIPTS_KEPT = 100_000
"""Receipts whose numbers a file knows again; some months of a busy till."""


class TillJournal(OfflineJournal, AbstractContextManager["TillJournal"]):
    """The file of one till, locked against a second process. Thread-safe; calls block on the disk.

    A file is a series of numbers from 1 on, which `series` names: should it ever be lost, the rows of its successor are
    those of another series, and none is taken for one that the service has seen. Where a copy of the file has used its
    numbers, it begins another series, and what the service took for known is in doubt: see `answered`.
    """

    def __init__(
        self, path: Path, *, unsent_rows_max: int = UNSENT_ROWS_MAX, sent_rows_kept: int = SENT_ROWS_KEPT
    ) -> None:
        self._path = path
        self._unsent_rows_max, self._sent_rows_kept = unsent_rows_max, sent_rows_kept
        self._unsent: deque[Adjustment] = deque()
        self._next = 1
        self.series = secrets.token_hex(8)
        self._call = ("", 0)  # the key of the call under way, and its last movement
        self._occurred: dict[int, Occurred] = {}  # by sequence
        self._boot = till_rows.boot_id()
        # Numbers are given and written as one: two rows of one number would be one sale for the service.
        self._turn = threading.RLock()
        self._database: sqlite3.Connection | None = None
        self.allotments = TillAllotments(self._boot)
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

    @property
    def sent(self) -> int:
        """The number of the last movement that the service has taken, 0 where there is none in this series."""
        return self._next - len(self._unsent) - 1

    @property
    def doubtful(self) -> tuple[Adjustment, ...]:
        """Movements of which nobody knows whether they are booked, see `answered`."""
        with self._turn, self._guarded("read the till's journal"):
            rows = self._open_database().execute("SELECT sku, delta, kind FROM doubtful").fetchall()
        return tuple(Adjustment(sku, delta, 0, AdjustmentKind(kind)) for sku, delta, kind in rows)

    def head(self, rows_max: int) -> tuple[Adjustment, ...]:
        """The first unsent movements, at most `rows_max`, each with its age."""
        with self._turn:
            return tuple(replace(row, age_ms=self._age_ms(row.sequence)) for row in islice(self._unsent, rows_max))

    def next_call(self, rows_max: int) -> tuple[str, tuple[Adjustment, ...]]:
        """What to send next, and under which key: the same again until it is `answered`. Nothing where all is sent."""
        with self._turn:
            if not self._unsent:
                return "", ()
            if not self._call[0]:
                last = min(self.sent + rows_max, self._next - 1)
                self._set_call((secrets.token_hex(16), last))
            key, last = self._call
            return key, self.head(last - self.sent)

    def answered(self, dropped: int) -> None:
        """Note that the service has taken the call under way, of which it has dropped the first rows as known.

        No call but this one has ever had these numbers, so those rows are of a copy of this file: they are not booked,
        unless the copy has sent the very same sales. They are put aside as `doubtful`, and the file goes on as another
        series. Of a call so old that the service may have forgotten its key they may be its own; they are in doubt too.
        """
        with self._turn:
            _, last = self._call
            if not dropped:
                self.mark_sent(last)
                return
            rows = list(self._unsent)
            in_doubt = [(row.sku, row.delta, row.kind.value, self._occurred[row.sequence][0]) for row in rows[:dropped]]
            self._begin_series(rows[last - self.sent :], in_doubt)

    def settle_doubtful(self, *, book: bool) -> int:
        """Record the doubtful movements anew, or let go of them. Returns how many there were."""
        with self._turn:
            with self._guarded("read the till's journal"):
                rows = self._open_database().execute("SELECT * FROM doubtful").fetchall()
            with self._writing() as database:
                added = [
                    (Adjustment(sku, delta, self._next + place, AdjustmentKind(kind)), (at_ms, None))
                    for place, (sku, delta, kind, at_ms) in enumerate(rows if book else ())
                ]
                self._insert(database, added)
                database.execute("DELETE FROM doubtful")
            self._added(added)
            return len(rows)

    def go_back(self, expected: int) -> int:
        """Send again from the movement `expected` on: the shop was restored from a copy, and has lost what it took.

        Returns how many of these the file has not any more; what it has goes out as another series then.
        """
        with self._turn:
            with self._guarded("read the till's journal"):
                rows = self._open_database().execute(
                    "SELECT sequence, sku, delta, kind, allotment, occurred_at_ms, boot, clock_s FROM movements "
                    "WHERE sequence >= ? AND sequence <= ? ORDER BY 1",
                    (expected, self.sent),
                )
                again = []
                for sequence, sku, delta, kind, name, *clocks in rows:
                    again.append(Adjustment(sku, delta, sequence, AdjustmentKind(kind), allotment_id=name))
                    self._occurred[sequence] = self._when(*clocks)
            lost = self.sent + 1 - expected - len(again)
            if lost:
                self._begin_series([*again, *self._unsent])
                return lost
            with self._writing() as database:
                database.execute("UPDATE meta SET sent = ?, key = ''", (expected - 1,))
            self._call = ("", 0)
            self._unsent.extendleft(reversed(again))
            return 0

    def _age_ms(self, sequence: int) -> int:
        """By a clock that nobody sets, where the machine has been up since, whatever the wall clock was set to."""
        at_ms, at_s = self._occurred[sequence]
        if at_s is not None:
            age_ms = int((till_rows.clock_s() - at_s) * 1_000)
        else:
            age_ms = 0 if at_ms is None else time.time_ns() // 1_000_000 - at_ms
        return min(max(0, age_ms), till_rows.AGE_MS_MAX)

    def record(
        self,
        lines: Iterable[tuple[str, int]],
        kind: AdjustmentKind,
        occurred_at_ms: int | None = None,
        receipt: str = "",
        *,
        may_exceed: bool = True,
    ) -> tuple[Adjustment, ...]:
        """Write movements to disk, numbered; `lines` are pairs of SKU and signed units. With a receipt that is known
        for that kind nothing is written, and its movements are returned.

        Raises InvalidArgument where the service would refuse a row for ever, and where the receipt is known with other
        lines; Overloaded where the file is full; BeyondAllotment where a sale is of more than the till was given, and
        `may_exceed` is False.
        """
        said = list(lines)
        content = hashlib.sha256(json.dumps(said).encode()).hexdigest()
        with self._turn:
            first, pieces = (0, []) if till_rows.receipt_violations(receipt) else self._first_of(receipt, kind, content)
            if not first:
                pieces = self._pieces(said, kind, may_exceed=may_exceed)
            rows = tuple(
                Adjustment(sku, delta, (first or self._next) + place, kind, allotment_id=name)
                for place, (sku, delta, name) in enumerate(pieces or [(*line, "") for line in said])
            )
            if first:
                return rows
            self._check(rows, receipt)
            occurred = occurred_at_ms, till_rows.clock_s()
            added = [(row, occurred) for row in rows]
            with self._writing() as database:
                self._insert(database, added)
                self.allotments.write_sale(database, pieces)
                if receipt:
                    split = json.dumps(pieces) if any(name for _, _, name in pieces) else None
                    row = (kind.value, receipt, content, rows[0].sequence, split)
                    database.execute("INSERT INTO receipts VALUES (?, ?, ?, ?, ?)", row)
                    database.execute(
                        "DELETE FROM receipts WHERE rowid <= (SELECT max(rowid) FROM receipts) - ?", (RECEIPTS_KEPT,)
                    )
            self._added(added)
            self.allotments.note_sale(pieces)
        return rows

    def _first_of(self, receipt: str, kind: AdjustmentKind, content: str) -> tuple[int, list[Piece]]:
        """The first movement's number of a receipt that is known, else 0, and what was recorded for it where that is
        not its lines. Raises InvalidArgument for other lines.
        """
        if not receipt:
            return 0, []
        with self._guarded("read the till's journal"):
            found = (
                self._open_database()
                .execute(
                    "SELECT content, first, pieces FROM receipts WHERE kind = ? AND receipt = ?", (kind.value, receipt)
                )
                .fetchone()
            )
        if found is None:
            return 0, []
        if found[0] != content:
            violation = Violation("receipt", f"{receipt!r} was recorded with other lines")
            why = "a receipt is recorded once"
            raise InvalidArgument("record a movement", where=str(self._path), why=why, violations=(violation,))
        return int(found[1]), [(sku, delta, name) for sku, delta, name in json.loads(found[2] or "[]")]

    def _insert(self, database: sqlite3.Connection, added: Sequence[tuple[Adjustment, Occurred]]) -> None:
        database.executemany(
            "INSERT INTO movements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [till_rows.fields_of(*each, self._boot) for each in added],
        )
        if added:
            database.execute("UPDATE meta SET next = ?", (added[-1][0].sequence + 1,))

    def _added(self, added: Sequence[tuple[Adjustment, Occurred]]) -> None:
        """What is on disk now."""
        for row, occurred in added:
            self._unsent.append(row)
            self._occurred[row.sequence] = occurred
            self._next = row.sequence + 1

    def _when(self, at_ms: int | None, boot: str, clock_s: float | None) -> Occurred:
        return at_ms, till_rows.known_s(boot, clock_s, self._boot)

    def _begin_series(
        self, rows: Sequence[Adjustment], in_doubt: Sequence[tuple[str, int, int, int | None]] = ()
    ) -> None:
        """Go on as another series, which begins with these rows as its unsent ones."""
        series = secrets.token_hex(8)
        occurred = {place: self._occurred[row.sequence] for place, row in enumerate(rows, start=1)}
        renumbered = [replace(row, sequence=place) for place, row in enumerate(rows, start=1)]
        with self._writing() as database:
            database.execute("DELETE FROM movements")
            database.execute("UPDATE meta SET next = 1, sent = 0, series = ?, key = ''", (series,))
            self._insert(database, [(row, occurred[row.sequence]) for row in renumbered])
            database.executemany("INSERT INTO doubtful VALUES (?, ?, ?, ?)", in_doubt)
        self.series, self._call, self._next = series, ("", 0), len(renumbered) + 1
        self._unsent, self._occurred = deque(renumbered), occurred

    def _set_call(self, call: tuple[str, int]) -> None:
        with self._writing() as database:
            database.execute("UPDATE meta SET key = ?, last = ?", call)
        self._call = call

    def mark_sent(self, sequence: int) -> None:
        """Note that the service has taken every movement up to `sequence`."""
        with self._turn:
            with self._writing() as database:
                database.execute("DELETE FROM movements WHERE sequence <= ?", (sequence - self._sent_rows_kept,))
                database.execute("UPDATE meta SET sent = max(sent, min(?, next - 1)), key = ''", (sequence,))
            self._call = ("", 0)
            while self._unsent and self._unsent[0].sequence <= sequence:
                del self._occurred[self._unsent.popleft().sequence]

    def close(self) -> None:
        """Close the file and give up its lock. Safe to repeat."""
        with self._turn:
            database, self._database = self._database, None
            if database is not None:
                with suppress(sqlite3.Error):  # all that was promised is on disk, in the log if not in the file
                    database.close()

    def _check(self, rows: Sequence[Adjustment], receipt: str) -> None:
        violations = (*till_rows.violations_of(rows), *till_rows.receipt_violations(receipt))
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
        formats, ours = (range(1, till_rows.FORMAT + 1), till_rows.APPLICATION_ID) if tables else ((0,), 0)
        if application != ours or version not in formats:
            raise self._damaged("open the till's journal", "it is a database of another program or version", _OTHERS)
        (mode,) = database.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise self._damaged("open the till's journal", "this disk takes no write-ahead log", _OTHER_DISK)
        database.execute("PRAGMA synchronous = FULL")
        if version != till_rows.FORMAT:
            with self._writing():
                if not tables:
                    for statement in till_rows.SCHEMA:
                        database.execute(statement)
                    database.execute("INSERT INTO meta VALUES (1, 0, ?, '', 0)", (self.series,))
                for statement in till_allotments.changes_since(version):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {till_rows.FORMAT}")
        if tables:
            self._load(database)

    def _load(self, database: sqlite3.Connection) -> None:
        (health,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if health != "ok":
            raise self._damaged("read the till's journal", health)
        if len(meta := database.execute("SELECT * FROM meta").fetchall()) != 1:
            raise self._damaged("read the till's journal", "the table meta is damaged")
        self._next, sent, self.series, *call = meta[0]
        self._call = (call[0], call[1])
        (first,) = database.execute("SELECT min(sequence) FROM movements").fetchone()
        expected = min(first or self._next, sent + 1)
        for row in database.execute("SELECT * FROM movements ORDER BY 1"):
            sequence, sku, delta, kind, at_ms, checksum, name, *clock = row
            fields = (sequence, sku, delta, kind, at_ms, *([name] if name else ()))
            if sequence != expected or checksum != till_rows.checksum_of(*fields):
                raise self._damaged("read the till's journal", f"the movement {expected} is damaged or missing")
            expected += 1
            if sequence > sent:
                self._unsent.append(Adjustment(sku, delta, sequence, AdjustmentKind(kind), allotment_id=name))
                self._occurred[sequence] = self._when(at_ms, *clock)
        if not self.allotments.load(database):
            raise self._damaged("read the till's journal", "a hand-out is damaged")
        if expected != self._next:
            raise self._damaged("read the till's journal", f"the movement {expected} is missing")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, on disk when the block has ended. Whatever fails ends the file."""
        database = self._open_database()
        with self._guarded("write the till's journal"):
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")

    def _open_database(self) -> sqlite3.Connection:
        if self._database is None:
            raise self._damaged("use the till's journal", "it was closed", "Start the till client anew")
        return self._database

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

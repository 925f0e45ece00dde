"""The embedded journal: one SQLite file an actor, WAL, FULL, one connection, one commit a batch.

The epoch is checked by the UPDATE that moves a ledger's head, inside the transaction that writes the records: whoever
lost the ledger finds no row to move. SQLite cuts a torn write-ahead log back to the last whole commit; what is then
damaged was whole once, so it stops the ledger instead of being cut.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final

from actors.journal.codec import chained, chunk_checksum
from actors.journal.port import Fenced, Head, JournalDamaged, JournalError, JournalFailed, Record, Snapshot

SCHEMA_VERSION: Final = 1
SNAPSHOTS_KEPT: Final = 2
BUSY_MS: Final = 5_000  # a dying predecessor may still hold the lock for the length of one commit
CHECKPOINT_PAGES: Final = 4_000  # 16 MB of log between two checkpoints
# What SQLite says of a file that is not what was written; all else (full, locked, read-only, failing) is the machine's.
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# A name in a damaged schema need not be text any more; Python's module then fails over SQLite's own words.
_ERRORS: Final = (sqlite3.Error, UnicodeDecodeError)
_Error = sqlite3.Error | UnicodeDecodeError

_SCHEMA: Final = """
CREATE TABLE heads (ledger_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, checksum INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE records (id INTEGER PRIMARY KEY, ledger_id TEXT NOT NULL, seq INTEGER NOT NULL, epoch INTEGER NOT NULL,
  count INTEGER NOT NULL, at_ms INTEGER NOT NULL, checksum INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE UNIQUE INDEX records_by_seq ON records (ledger_id, seq);
CREATE TABLE snapshots (id INTEGER PRIMARY KEY, ledger_id TEXT NOT NULL, seq INTEGER NOT NULL, chunks INTEGER);
CREATE TABLE chunks (snapshot_id INTEGER NOT NULL, place INTEGER NOT NULL, checksum INTEGER NOT NULL,
  payload BLOB NOT NULL, PRIMARY KEY (snapshot_id, place));
"""


class SqliteJournal:
    """See `port.Journal`. `path` is made where it does not exist; its folder must exist."""

    def __init__(self, path: Path, busy_ms: int = BUSY_MS) -> None:
        self._path = path
        self._lock = Lock()
        self._failed: str | None = None
        self._checksums: dict[str, int] = {}
        try:
            self._db = sqlite3.connect(path, timeout=busy_ms / 1000, isolation_level=None, check_same_thread=False)
        except _ERRORS as error:
            raise self._named("(all)", str(path), error) from error
        try:
            self._prepare()
        except _ERRORS as error:
            self._db.close()
            raise self._named("(all)", str(path), error) from error
        except JournalError:
            self._db.close()
            raise

    def _prepare(self) -> None:
        db = self._db
        if db.execute("PRAGMA journal_mode=WAL").fetchone()[0] != "wal":
            raise JournalFailed(f"{self._path}: the file system does not allow a write-ahead log")
        db.execute("PRAGMA synchronous=FULL")
        db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        db.execute("BEGIN IMMEDIATE")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            for statement in filter(str.strip, _SCHEMA.split(";")):
                db.execute(statement)
            db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        db.execute("COMMIT")
        if version > SCHEMA_VERSION:
            raise JournalFailed(f"{self._path}: a newer version wrote it (schema {version}, this is {SCHEMA_VERSION})")

    def take_over(self, ledger_id: str) -> Head:
        with self._lock:
            db = self._begin()
            try:
                db.execute(
                    "INSERT INTO heads VALUES (?, 1, 0, 0) ON CONFLICT (ledger_id) DO UPDATE SET epoch = epoch + 1",
                    (ledger_id,),
                )
                row = db.execute("SELECT epoch, seq, checksum FROM heads WHERE ledger_id = ?", (ledger_id,)).fetchone()
                db.execute("COMMIT")
            except _ERRORS as error:
                raise self._fail(error) from error
            epoch, seq, checksum = row
            self._verify_head(ledger_id, epoch, seq, checksum)
            self._checksums[ledger_id] = checksum
            return Head(epoch, seq)

    def _verify_head(self, ledger_id: str, epoch: int, seq: int, checksum: int) -> None:
        """The newest record must be the one that the head names, of an older epoch: none may be missing at the end."""
        rows = self._ask(
            ledger_id,
            "SELECT seq, checksum, epoch FROM records WHERE ledger_id = ? ORDER BY seq DESC LIMIT 1",
            ledger_id,
        )
        last_seq, last_checksum, last_epoch = rows[0] if rows else (0, 0, 0)
        if (last_seq, last_checksum) != (seq, checksum):
            raise JournalDamaged(ledger_id, f"seq {seq}", f"the newest record is seq {last_seq}")
        if last_epoch >= epoch:
            raise JournalDamaged(ledger_id, f"seq {seq}", f"it was written under epoch {last_epoch}, of {epoch} so far")

    def owns(self, ledger_id: str, epoch: int) -> bool:
        with self._lock:
            rows = self._ask(ledger_id, "SELECT epoch FROM heads WHERE ledger_id = ?", ledger_id)
            return rows == [(epoch,)]

    def append(self, records: Sequence[Record]) -> None:
        with self._lock:
            db = self._begin()
            checksums = self._checksums
            fresh: dict[str, int] = {}
            try:
                for ledger_id, epoch, seq, count, at_ms, payload in records:
                    previous = fresh.get(ledger_id, checksums.get(ledger_id, 0))
                    checksum = chained(previous, ledger_id, epoch, seq, count, at_ms, payload)
                    moved = db.execute(
                        "UPDATE heads SET seq = ?, checksum = ? "
                        "WHERE ledger_id = ? AND epoch = ? AND seq = ? AND checksum = ?",
                        (seq, checksum, ledger_id, epoch, seq - count, previous),
                    )
                    if moved.rowcount != 1:
                        raise self._fenced(ledger_id, epoch, seq - count)
                    db.execute(
                        "INSERT INTO records (ledger_id, seq, epoch, count, at_ms, checksum, payload) "
                        "VALUES (?, ?, ?, ?, ?, ?, ?)",
                        (ledger_id, seq, epoch, count, at_ms, checksum, payload),
                    )
                    fresh[ledger_id] = checksum
                db.execute("COMMIT")
            except _ERRORS as error:
                raise self._fail(error) from error
            checksums.update(fresh)

    def read(self, ledger_id: str, after_seq: int, events_max: int) -> list[Record]:
        with self._lock:
            rows = self._ask(
                ledger_id,
                "SELECT (SELECT checksum FROM records WHERE ledger_id = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1), "
                "(SELECT seq FROM heads WHERE ledger_id = ?1)",
                ledger_id,
                after_seq,
            )
            previous, head_seq = rows[0]
            try:
                cursor = self._db.execute(
                    "SELECT epoch, seq, count, at_ms, checksum, payload FROM records WHERE ledger_id = ? AND seq > ? "
                    "ORDER BY seq",
                    (ledger_id, after_seq),
                )
                with closing(cursor):
                    return _verified(cursor, ledger_id, after_seq, previous or 0, head_seq or 0, events_max)
            except _ERRORS as error:
                raise self._named(ledger_id, f"after seq {after_seq}", error) from error

    def write_snapshot(self, ledger_id: str, epoch: int, seq: int, chunks: Iterable[bytes]) -> None:
        with self._lock:
            snapshot_id = self._insert_snapshot(ledger_id, seq)
        count = 0
        for count, chunk in enumerate(chunks, start=1):
            with self._lock:
                db = self._begin()
                checksum = chunk_checksum(ledger_id, seq, count, chunk)
                self._commit(db, "INSERT INTO chunks VALUES (?, ?, ?, ?)", (snapshot_id, count, checksum, chunk))
        with self._lock:
            finished = self._commit(
                self._begin(),
                "UPDATE snapshots SET chunks = ? "
                "WHERE id = ? AND EXISTS (SELECT 1 FROM heads WHERE ledger_id = ? AND epoch = ?)",
                (count, snapshot_id, ledger_id, epoch),
            )
            if finished.rowcount != 1:
                in_force = self._ask(ledger_id, "SELECT epoch FROM heads WHERE ledger_id = ?", ledger_id)
                if in_force != [(epoch,)]:
                    raise Fenced(ledger_id, epoch, in_force[0][0] if in_force else 0)
            self._forget_snapshots(ledger_id)

    def _insert_snapshot(self, ledger_id: str, seq: int) -> int:
        db = self._begin()
        cursor = self._commit(db, "INSERT INTO snapshots (ledger_id, seq) VALUES (?, ?)", (ledger_id, seq))
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _forget_snapshots(self, ledger_id: str) -> None:
        """Keep the newest finished ones; the rest, and what a crash left unfinished, goes."""
        kept = self._ask(
            ledger_id,
            "SELECT id FROM snapshots WHERE ledger_id = ? AND chunks IS NOT NULL ORDER BY id DESC LIMIT ?",
            ledger_id,
            SNAPSHOTS_KEPT,
        )
        gone = self._ask(
            ledger_id,
            "SELECT id FROM snapshots WHERE ledger_id = ? AND (id < ? OR (chunks IS NULL AND id < ?))",
            ledger_id,
            min(kept)[0],
            max(kept)[0],
        )
        for (snapshot_id,) in gone:
            # In this sequence: a crash in between leaves a snapshot that does not verify, and goes the next time.
            self._commit(self._begin(), "DELETE FROM chunks WHERE snapshot_id = ?", (snapshot_id,))
            self._commit(self._begin(), "DELETE FROM snapshots WHERE id = ?", (snapshot_id,))

    def newest_snapshot(self, ledger_id: str) -> Snapshot | None:
        with self._lock:
            finished = self._ask(
                ledger_id,
                "SELECT id, seq, chunks FROM snapshots WHERE ledger_id = ? AND chunks IS NOT NULL ORDER BY id DESC",
                ledger_id,
            )
            for snapshot_id, seq, count in finished:
                try:
                    rows = self._ask(
                        ledger_id,
                        "SELECT place, checksum, payload FROM chunks WHERE snapshot_id = ? ORDER BY place",
                        snapshot_id,
                    )
                except JournalDamaged:
                    continue  # an older one, or all of the records, say the same
                if len(rows) == count and all(
                    isinstance(payload, bytes) and chunk_checksum(ledger_id, seq, place, payload) == checksum
                    for place, checksum, payload in rows
                ):
                    return Snapshot(seq, tuple(payload for _, _, payload in rows))
            return None

    def ledger_ids(self) -> list[str]:
        with self._lock:
            return [row[0] for row in self._ask("(all)", "SELECT ledger_id FROM heads ORDER BY ledger_id")]

    def close(self) -> None:
        with self._lock:
            self._db.close()
            self._failed = self._failed or "it was closed"

    def _ask(self, ledger_id: str, question: str, *values: object) -> list[Any]:
        """The rows that answer a short question."""
        self._refuse_if_failed()
        try:
            return self._db.execute(question, values).fetchall()
        except _ERRORS as error:
            raise self._named(ledger_id, "what stands beside its records", error) from error

    def _begin(self) -> sqlite3.Connection:
        self._refuse_if_failed()
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except _ERRORS as error:
            raise self._fail(error) from error
        return self._db

    def _commit(self, db: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        try:
            cursor = db.execute(statement, values)
            db.execute("COMMIT")
        except _ERRORS as error:
            raise self._fail(error) from error
        return cursor

    def _refuse_if_failed(self) -> None:
        if self._failed:
            raise JournalFailed(f"{self._path}: not used any more, since {self._failed}")

    def _fail(self, error: _Error) -> JournalError:
        """Finished: after a failed write nobody knows what is on the disk. The lock is let go of for the successor."""
        self._failed = str(error) or type(error).__name__
        with suppress(sqlite3.Error):
            self._db.rollback()
        return self._named("(all)", str(self._path), error)

    def _named(self, ledger_id: str, place: str, error: _Error) -> JournalError:
        """Damage is what the file says; that it is locked, full, or cannot be written does not make it damaged."""
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF in _DAMAGE:
            return JournalDamaged(ledger_id, place, str(error))
        return JournalFailed(f"{self._path}: {error}")

    def _fenced(self, ledger_id: str, epoch: int, last_seq: int) -> Fenced | JournalFailed:
        row = self._db.execute("SELECT epoch, seq FROM heads WHERE ledger_id = ?", (ledger_id,)).fetchone()
        self._db.execute("ROLLBACK")
        in_force, seq = row or (0, 0)
        if in_force == epoch:
            self._failed = (
                f"an append after seq {last_seq} of ledger {ledger_id}, which stands at {seq}"
                if seq != last_seq
                else f"an append to ledger {ledger_id}, which another journal has moved on under the same epoch"
            )
            return JournalFailed(f"{self._path}: {self._failed}")
        return Fenced(ledger_id, epoch, in_force)


def _verified(
    rows: Iterable[Any], ledger_id: str, after_seq: int, checksum: int, head_seq: int, events_max: int
) -> list[Record]:
    """Rows as records. Raises JournalDamaged where one is not what was written, or where they end before the head."""
    records: list[Record] = []
    events, last = 0, after_seq
    for epoch, seq, count, at_ms, written, payload in rows:
        if not isinstance(payload, bytes):
            raise JournalDamaged(ledger_id, f"seq {seq}", "its payload is not what was written")
        checksum = chained(checksum, ledger_id, epoch, seq, count, at_ms, payload)
        if checksum != written:
            raise JournalDamaged(ledger_id, f"seq {seq}", "its checksum does not fit")
        if seq - count > last:  # the index can be damaged too: it may lead past records that are whole
            raise JournalDamaged(ledger_id, f"seq {seq}", f"it does not follow seq {last}")
        last = seq
        records.append(Record(ledger_id, epoch, seq, count, at_ms, payload))
        events += count
        if events >= events_max:
            return records
    if last < head_seq:
        raise JournalDamaged(ledger_id, f"seq {last + 1}", f"the records end here, not at {head_seq}")
    return records

"""The embedded journal: one SQLite file an actor, WAL, FULL, one connection, one commit a batch.

The epoch is checked by the UPDATE that moves a ledger's head, inside the transaction that writes the records: whoever
lost the ledger finds no row to move. SQLite cuts a torn write-ahead log back to the last whole commit; what is then
damaged was whole once, so it stops the ledger instead of being cut.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import Final
from zlib import crc32

from actors.journal.codec import chained
from actors.journal.port import Fenced, Head, JournalDamaged, JournalFailed, Record, Snapshot

SCHEMA_VERSION: Final = 1
SNAPSHOTS_KEPT: Final = 2
BUSY_MS: Final = 5_000  # a dying predecessor may still hold the lock for the length of one commit
CHECKPOINT_PAGES: Final = 4_000  # 16 MB of log between two checkpoints

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

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._failed: str | None = None
        self._checksums: dict[str, int] = {}
        self._db = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise JournalDamaged("(all)", str(path), str(error)) from error

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
            raise JournalFailed(f"{self._path}: written by a newer version (schema {version}, this is {SCHEMA_VERSION})")

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
            except sqlite3.Error as error:
                raise self._fail(error) from error
            epoch, seq, checksum = row
            self._verify_head(ledger_id, seq, checksum)
            self._checksums[ledger_id] = checksum
            return Head(epoch, seq)

    def _verify_head(self, ledger_id: str, seq: int, checksum: int) -> None:
        """The newest record must be the one that the head names: none may be missing at the end."""
        row = self._db.execute(
            "SELECT seq, checksum FROM records WHERE ledger_id = ? ORDER BY seq DESC LIMIT 1", (ledger_id,)
        ).fetchone() or (0, 0)
        if row != (seq, checksum):
            raise JournalDamaged(ledger_id, f"seq {seq}", f"the newest record is seq {row[0]}")

    def owns(self, ledger_id: str, epoch: int) -> bool:
        with self._lock:
            self._refuse_if_failed()
            row = self._db.execute("SELECT epoch FROM heads WHERE ledger_id = ?", (ledger_id,)).fetchone()
            return row is not None and row[0] == epoch

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
                        "UPDATE heads SET seq = ?, checksum = ? WHERE ledger_id = ? AND epoch = ? AND seq = ?",
                        (seq, checksum, ledger_id, epoch, seq - count),
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
            except sqlite3.Error as error:
                raise self._fail(error) from error
            checksums.update(fresh)

    def read(self, ledger_id: str, after_seq: int, events_max: int) -> list[Record]:
        with self._lock:
            self._refuse_if_failed()
            previous = self._db.execute(
                "SELECT checksum FROM records WHERE ledger_id = ? AND seq <= ? ORDER BY seq DESC LIMIT 1",
                (ledger_id, after_seq),
            ).fetchone()
            checksum = previous[0] if previous else 0
            rows = self._db.execute(
                "SELECT epoch, seq, count, at_ms, checksum, payload FROM records WHERE ledger_id = ? AND seq > ? "
                "ORDER BY seq",
                (ledger_id, after_seq),
            )
            records: list[Record] = []
            events = 0
            last = None
            try:
                for epoch, seq, count, at_ms, written, payload in rows:
                    checksum = chained(checksum, ledger_id, epoch, seq, count, at_ms, payload)
                    if checksum != written:
                        raise JournalDamaged(ledger_id, f"seq {seq}", "its checksum does not fit")
                    if last is not None and seq - count != last:
                        raise JournalDamaged(ledger_id, f"seq {seq}", f"it does not follow seq {last}")
                    last = seq
                    records.append(Record(ledger_id, epoch, seq, count, at_ms, payload))
                    events += count
                    if events >= events_max:
                        break
            except sqlite3.DatabaseError as error:
                raise JournalDamaged(ledger_id, f"seq {last or after_seq}", str(error)) from error
            finally:
                rows.close()
            return records

    def write_snapshot(self, ledger_id: str, epoch: int, seq: int, chunks: Iterable[bytes]) -> None:
        with self._lock:
            snapshot_id = self._insert_snapshot(ledger_id, seq)
        count = 0
        for count, chunk in enumerate(chunks, start=1):
            with self._lock:
                db = self._begin()
                self._commit(db, "INSERT INTO chunks VALUES (?, ?, ?, ?)", (snapshot_id, count, crc32(chunk), chunk))
        with self._lock:
            db = self._begin()
            in_force = db.execute("SELECT epoch FROM heads WHERE ledger_id = ?", (ledger_id,)).fetchone()
            if in_force is None or in_force[0] != epoch:
                raise self._fenced(ledger_id, epoch, seq)
            self._commit(db, "UPDATE snapshots SET chunks = ? WHERE id = ?", (count, snapshot_id))
            self._forget_snapshots(ledger_id)

    def _insert_snapshot(self, ledger_id: str, seq: int) -> int:
        db = self._begin()
        cursor = self._commit(db, "INSERT INTO snapshots (ledger_id, seq) VALUES (?, ?)", (ledger_id, seq))
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _forget_snapshots(self, ledger_id: str) -> None:
        """Keep the newest finished ones; the rest, and what a crash left unfinished, goes."""
        kept = self._db.execute(
            "SELECT id FROM snapshots WHERE ledger_id = ? AND chunks IS NOT NULL ORDER BY id DESC LIMIT ?",
            (ledger_id, SNAPSHOTS_KEPT),
        ).fetchall()
        oldest = min(row[0] for row in kept)
        newest = max(row[0] for row in kept)
        gone = self._db.execute(
            "SELECT id FROM snapshots WHERE ledger_id = ? AND (id < ? OR (chunks IS NULL AND id < ?))",
            (ledger_id, oldest, newest),
        ).fetchall()
        for (snapshot_id,) in gone:
            db = self._begin()
            db.execute("DELETE FROM chunks WHERE snapshot_id = ?", (snapshot_id,))
            self._commit(db, "DELETE FROM snapshots WHERE id = ?", (snapshot_id,))

    def newest_snapshot(self, ledger_id: str) -> Snapshot | None:
        with self._lock:
            self._refuse_if_failed()
            finished = self._db.execute(
                "SELECT id, seq, chunks FROM snapshots WHERE ledger_id = ? AND chunks IS NOT NULL ORDER BY id DESC",
                (ledger_id,),
            ).fetchall()
            for snapshot_id, seq, count in finished:
                rows = self._db.execute(
                    "SELECT payload, checksum FROM chunks WHERE snapshot_id = ? ORDER BY place", (snapshot_id,)
                ).fetchall()
                if len(rows) == count and all(crc32(payload) == checksum for payload, checksum in rows):
                    return Snapshot(seq, tuple(payload for payload, _ in rows))
            return None

    def ledger_ids(self) -> list[str]:
        with self._lock:
            self._refuse_if_failed()
            return [row[0] for row in self._db.execute("SELECT ledger_id FROM heads ORDER BY ledger_id")]

    def close(self) -> None:
        with self._lock:
            self._db.close()
            self._failed = self._failed or "it was closed"

    def _begin(self) -> sqlite3.Connection:
        self._refuse_if_failed()
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise self._fail(error) from error
        return self._db

    def _commit(self, db: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        try:
            cursor = db.execute(statement, values)
            db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._fail(error) from error
        return cursor

    def _refuse_if_failed(self) -> None:
        if self._failed:
            raise JournalFailed(f"{self._path}: not used any more, since {self._failed}")

    def _fail(self, error: sqlite3.Error) -> JournalFailed:
        """Finished: after a failed write nobody knows what is on the disk. SQLite rolls back when it is opened next."""
        self._failed = str(error) or type(error).__name__
        return JournalFailed(f"{self._path}: {self._failed}")

    def _fenced(self, ledger_id: str, epoch: int, last_seq: int) -> Fenced | JournalFailed:
        row = self._db.execute("SELECT epoch, seq FROM heads WHERE ledger_id = ?", (ledger_id,)).fetchone()
        self._db.execute("ROLLBACK")
        in_force, seq = row or (0, 0)
        if in_force == epoch:
            self._failed = f"an append after seq {last_seq} of ledger {ledger_id}, which stands at {seq}"
            return JournalFailed(f"{self._path}: {self._failed}")
        return Fenced(ledger_id, epoch, in_force)

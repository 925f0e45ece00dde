"""The database file of the embedded journal: how it is opened, what stands in it, and what its errors mean.

WAL, FULL, one connection, one lock. Its log is examined first: SQLite drops what follows the damage, and when it closes
the file again the evidence is gone as well. What a record is, is `sqlite`'s business.
"""

import sqlite3
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final

from actors.journal.port import JournalDamaged, JournalError, JournalFailed
from actors.journal.wal import verify_log

SCHEMA_VERSION: Final = 1
CHECKPOINT_PAGES: Final = 4_000  # 16 MB of log between two checkpoints
# A name in a damaged schema need not be text any more; Python's module then fails over SQLite's own words.
ERRORS: Final = (sqlite3.Error, UnicodeDecodeError)
# What SQLite says of a file that is not what was written; all else (full, locked, read-only, failing) is the machine's.
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

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


class SqliteFile:
    """An open file. `lock` is held by whoever calls anything here; `db` is for what is asked or written at length."""

    def __init__(self, path: Path, busy_ms: int) -> None:
        self.lock = Lock()
        self._path = path
        self._failed: str | None = None
        verify_log(Path(f"{path.resolve()}-wal"))
        try:
            self.db = sqlite3.connect(path, timeout=busy_ms / 1000, isolation_level=None, check_same_thread=False)
        except ERRORS as error:
            raise self.named("(all)", str(path), error) from error
        try:
            self._prepare()
        except ERRORS as error:
            self.db.close()
            raise self.named("(all)", str(path), error) from error
        except JournalError:
            self.db.close()
            raise

    def _prepare(self) -> None:
        db = self.db
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

    def ask(self, ledger_id: str, question: str, *values: object) -> list[Any]:
        """The rows that answer a short question."""
        self._refuse_if_failed()
        try:
            return self.db.execute(question, values).fetchall()
        except ERRORS as error:
            raise self.named(ledger_id, "what stands beside its records", error) from error

    def begin(self) -> sqlite3.Connection:
        """Begin a transaction that writes."""
        self._refuse_if_failed()
        try:
            self.db.execute("BEGIN IMMEDIATE")
        except ERRORS as error:
            raise self.fail(error) from error
        return self.db

    def write(self, statement: str, *values: object) -> sqlite3.Cursor:
        """One statement, durably."""
        db = self.begin()
        try:
            cursor = db.execute(statement, values)
            db.execute("COMMIT")
        except ERRORS as error:
            raise self.fail(error) from error
        return cursor

    def fail(self, error: Exception) -> JournalError:
        """Finished: after a failed write nobody knows what is on the disk. The lock is let go of for the successor."""
        self._failed = str(error) or type(error).__name__
        with suppress(sqlite3.Error):
            self.db.rollback()
        return self.named("(all)", str(self._path), error)

    def give_up(self, why: str) -> JournalFailed:
        """Finished, since its owner is not where the records are."""
        self._failed = why
        return JournalFailed(f"{self._path}: {why}")

    def named(self, ledger_id: str, place: str, error: Exception) -> JournalError:
        """Damage is what the file says; that it is locked, full, or cannot be written does not make it damaged."""
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF in _DAMAGE:
            return JournalDamaged(ledger_id, place, str(error))
        return JournalFailed(f"{self._path}: {error}")

    def close(self) -> None:
        """Let go of the files."""
        self.db.close()
        self._failed = self._failed or "it was closed"

    def _refuse_if_failed(self) -> None:
        if self._failed:
            raise JournalFailed(f"{self._path}: not used any more, since {self._failed}")

"""The database file of the embedded journal: opening it, its schema, and the meaning of its errors; not its records.

WAL, FULL, one connection, one lock. SQLite's automatic checkpoint passes over its own failures, so it is off, and
`checkpoint` takes its place. The log is verified before SQLite opens it: SQLite drops what follows damage in it,
and removes the evidence when it closes the file.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final

from actors.journal.port import JournalDamaged, JournalError, JournalFailed
from actors.journal.wal import pages_of_log, verify_log

CHECKPOINT_PAGES: Final = 4_000  # 16 MB of log between two checkpoints
LOG_LIMITS: Final = 4  # times as much, and the commit that finds it so checkpoints itself
LOOKS: Final = 64  # in CHECKPOINT_PAGES commits a commit looks so often: asking for the size is 4 % of a small step
PAGE_BYTES: Final = 4_096
# A name in a damaged schema may not be valid text; Python's module then fails to decode SQLite's error message.
ERRORS: Final = (sqlite3.Error, UnicodeDecodeError, OSError)
# SQLite's codes for corrupt files; all others (full, locked, read-only, failing) concern the machine.
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_CHECKPOINT: Final = "PRAGMA wal_checkpoint(PASSIVE)"  # a reader in the way leaves the rest to the next one

# By version, what makes it of the one before.
_SCHEMAS: Final = (
    """
CREATE TABLE heads (ledger_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, checksum INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE records (id INTEGER PRIMARY KEY, ledger_id TEXT NOT NULL, seq INTEGER NOT NULL, epoch INTEGER NOT NULL,
  count INTEGER NOT NULL, at_ms INTEGER NOT NULL, checksum INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE UNIQUE INDEX records_by_seq ON records (ledger_id, seq);
CREATE TABLE snapshots (id INTEGER PRIMARY KEY, ledger_id TEXT NOT NULL, seq INTEGER NOT NULL, chunks INTEGER);
CREATE TABLE chunks (snapshot_id INTEGER NOT NULL, place INTEGER NOT NULL, checksum INTEGER NOT NULL,
  payload BLOB NOT NULL, PRIMARY KEY (snapshot_id, place));
CREATE TABLE sealed (ledger_id TEXT NOT NULL, seq INTEGER NOT NULL, checksum INTEGER NOT NULL, name TEXT NOT NULL,
  sha256 TEXT NOT NULL, size INTEGER NOT NULL, away INTEGER NOT NULL, PRIMARY KEY (ledger_id, seq)) WITHOUT ROWID;
CREATE TABLE readers (name TEXT NOT NULL, named INTEGER NOT NULL, ledger_id TEXT NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (name, named, ledger_id)) WITHOUT ROWID;
CREATE TABLE attempts (ledger_id TEXT NOT NULL, key TEXT NOT NULL, times INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (ledger_id, key)) WITHOUT ROWID;
CREATE TABLE clock (id INTEGER PRIMARY KEY, boot TEXT NOT NULL, steady_ns INTEGER NOT NULL, said_ns INTEGER NOT NULL);
""",
    """
CREATE TABLE places (ledger_id TEXT NOT NULL, seq INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (ledger_id, seq))
  WITHOUT ROWID;
CREATE TABLE placed (id INTEGER PRIMARY KEY, up_to INTEGER NOT NULL);
INSERT OR IGNORE INTO places SELECT ledger_id, seq, id FROM records ORDER BY ledger_id, seq;
INSERT INTO placed SELECT 1, COALESCE(MAX(id), 0) FROM records;
DROP INDEX IF EXISTS records_by_seq;
""",
    "ALTER TABLE placed ADD COLUMN ledger_id TEXT",
)
SCHEMA_VERSION: Final = len(_SCHEMAS)
# Of a service whose format has moves. A version from before passes over an empty one, and stops at such a format.
_MOVES: Final = (
    "CREATE TABLE IF NOT EXISTS moves "
    "(ledger_id TEXT PRIMARY KEY, move INTEGER NOT NULL, phase TEXT NOT NULL, actor TEXT NOT NULL)"
)
# A damaged index of the first schema, which cannot be dropped. Its pages stay; places are made from the records then.
_FORGET_INDEX: Final = (
    "PRAGMA writable_schema=ON",
    "DELETE FROM sqlite_schema WHERE name = 'records_by_seq'",
    "PRAGMA writable_schema=RESET",
)


class SqliteFile:
    """An open file. The caller of any method holds `lock`; `db` is for longer reads and writes."""

    def __init__(self, path: Path, busy_ms: int, checkpoint_pages: int) -> None:
        self.lock = Lock()
        self._path = path
        self._checkpoint_pages, self._limit_bytes = checkpoint_pages, checkpoint_pages * PAGE_BYTES
        self._log_path = Path(f"{path.resolve()}-wal")
        self._look_every, self._commits = max(1, checkpoint_pages // LOOKS), 0
        self._failed: str | None = None
        verify_log(self._log_path)
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
        db.execute("PRAGMA wal_autocheckpoint=0")
        db.execute(f"PRAGMA journal_size_limit={self._limit_bytes}")  # a log that is begun anew is cut back to this
        db.execute("BEGIN IMMEDIATE")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        try:
            self._upgrade(version)
        except sqlite3.DatabaseError as error:
            if version != 1 or not is_damage(error):
                raise
            db.execute("ROLLBACK")
            db.execute("BEGIN IMMEDIATE")
            for statement in _FORGET_INDEX:
                db.execute(statement)
            self._upgrade(version)
        if version <= SCHEMA_VERSION:
            db.execute(_MOVES)
        db.execute("COMMIT")
        if version > SCHEMA_VERSION:
            raise JournalFailed(f"{self._path}: a newer version wrote it (schema {version}, this is {SCHEMA_VERSION})")
        db.execute("SELECT * FROM heads").fetchall()  # without its list of ledgers the whole file is unreadable

    def _upgrade(self, version: int) -> None:
        for schema in _SCHEMAS[version:]:
            for statement in filter(str.strip, schema.split(";")):
                self.db.execute(statement)
            self.db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """All questions of the block are about one state of the file, whatever other processes commit meanwhile."""
        self._refuse_if_failed()
        self.db.execute("BEGIN")
        try:
            yield
        finally:
            with suppress(sqlite3.Error):
                self.db.rollback()

    def ask(self, ledger_id: str, question: str, *values: object) -> list[Any]:
        """The rows of a short query. Raises JournalFailed or JournalDamaged."""
        self._refuse_if_failed()
        try:
            return self.db.execute(question, values).fetchall()
        except ERRORS as error:
            raise self.named(ledger_id, "what stands beside its records", error) from error

    def used_bytes(self) -> int:
        """The size of the file, but for pages that are free to be written again. Raises JournalFailed or
        JournalDamaged.
        """
        pages, free = (self.ask("(all)", f"PRAGMA {count}")[0][0] for count in ("page_count", "freelist_count"))
        return int(pages - free) * PAGE_BYTES

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A durable write of what is executed in the block. Raises JournalFailed or JournalDamaged, and the journal is
        finished; a JournalError of the block passes, with nothing rolled back here.
        """
        self._refuse_if_failed()
        try:
            self.db.execute("BEGIN IMMEDIATE")
            yield self.db
            self.db.execute("COMMIT")
            self._commits += 1
            if self._commits % self._look_every == 0 and self._log_path.stat().st_size > LOG_LIMITS * self._limit_bytes:
                self.db.execute(_CHECKPOINT)  # nobody calls `checkpoint`
        except ERRORS as error:
            raise self.fail(error) from error

    @contextmanager
    def last_transaction(self) -> Iterator[None]:
        """A write of a journal that is finished, behind what is rolled back. Raises JournalFailed or JournalDamaged."""
        try:
            self.db.execute("BEGIN IMMEDIATE")
            yield
            self.db.execute("COMMIT")
        except ERRORS as error:
            raise self.fail(error) from error

    def checkpoint(self) -> None:
        """Bring a long log into the database, for the next commit to begin it anew. Raises JournalFailed or
        JournalDamaged, and the journal is finished.
        """
        self._refuse_if_failed()
        try:
            if pages_of_log(self._log_path) >= self._checkpoint_pages:
                self.db.execute(_CHECKPOINT)
        except ERRORS as error:
            raise self.fail(error) from error

    def write(self, statement: str, *values: object) -> sqlite3.Cursor:
        """Execute one statement of a snapshot in a transaction of its own. Damage does not finish the journal, as its
        records are elsewhere.
        """
        try:
            with self.transaction() as db:
                return db.execute(statement, values)
        except JournalDamaged:
            self._failed = None  # the statement is rolled back
            raise

    def fail(self, error: Exception) -> JournalError:
        """Finish the journal: what is on disk is unknown now. Releases SQLite's lock; returns the error to raise."""
        self._failed = str(error) or type(error).__name__
        with suppress(sqlite3.Error):
            self.db.rollback()
        return self.named("(all)", str(self._path), error)

    def give_up(self, why: str) -> JournalFailed:
        """Finish the journal, as its owner's state is not that of the records; returns the error to raise."""
        self._failed = why
        return JournalFailed(f"{self._path}: {why}")

    def named(self, ledger_id: str, place: str, error: Exception) -> JournalError:
        """The journal's error for one of SQLite's: JournalDamaged for a corrupt file, else JournalFailed."""
        if is_damage(error):
            return JournalDamaged(ledger_id, place, str(error))
        return JournalFailed(f"{self._path}: {error}")

    def close(self) -> None:
        self.db.close()
        self._failed = self._failed or "it was closed"

    def _refuse_if_failed(self) -> None:
        if self._failed:
            raise JournalFailed(f"{self._path}: not used any more, since {self._failed}")


def is_damage(error: Exception) -> bool:
    """Whether an error of SQLite's says that the file is corrupt."""
    unknown = 0 if isinstance(error, OSError) else sqlite3.SQLITE_CORRUPT
    return getattr(error, "sqlite_errorcode", unknown) & 0xFF in _DAMAGE

"""The embedded store of contacts: one SQLite file, which the gateways of one machine have open together.

Its journal is a rollback journal and no write-ahead log: several processes write here, which the bug that some versions
of SQLite have in their log needs, and a log would keep what was erased. `secure_delete` overwrites what is erased.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from threading import Lock
from typing import Any, Final

from actors.contacts.cipher import ContactsAway, ContactsUnreadable
from actors.contacts.port import Entry, Kept, KeptKey

BUSY_S: Final = 5.0
SCHEMA_VERSION: Final = 1
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SCHEMA: Final = (
    "CREATE TABLE entries (place BLOB PRIMARY KEY, owner BLOB NOT NULL, sealed BLOB NOT NULL) WITHOUT ROWID",
    "CREATE INDEX entries_by_owner ON entries (owner)",
    "CREATE TABLE found (found BLOB NOT NULL, place BLOB NOT NULL, PRIMARY KEY (found, place)) WITHOUT ROWID",
    "CREATE TABLE keys (key BLOB PRIMARY KEY, said BLOB NOT NULL, at_s INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX keys_by_age ON keys (at_s)",
    f"PRAGMA user_version={SCHEMA_VERSION}",
)
_ALL: Final = "SELECT place, owner, sealed, found FROM entries LEFT JOIN found USING (place) ORDER BY place, found"


class SqliteContacts:
    """See `ContactStore`. Made where there is none, for its owner alone to read. A key is kept for `keys_s`."""

    def __init__(self, path: Path, keys_s: int) -> None:
        self._path = path
        self._keys_s = keys_s
        self._lock = Lock()
        with self._named():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            with self._named():
                self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        db = self._db
        db.execute("PRAGMA journal_mode=TRUNCATE")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA secure_delete=ON")
        db.execute("BEGIN IMMEDIATE")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            db.execute("ROLLBACK")
            raise ContactsUnreadable(f"{self._path}: a later version wrote it; start that version again")
        for statement in _SCHEMA if version < SCHEMA_VERSION else ():
            db.execute(statement)
        db.execute("COMMIT")

    def read(self, place: bytes) -> bytes | None:
        rows = self._ask("SELECT sealed FROM entries WHERE place = ?", place)
        return rows[0][0] if rows else None

    def of_owner(self, owner: bytes) -> list[tuple[bytes, bytes]]:
        return self._ask("SELECT place, sealed FROM entries WHERE owner = ? ORDER BY place", owner)

    def found(self, index: bytes, entries_max: int) -> list[tuple[bytes, bytes]]:
        question = "SELECT place, sealed FROM found JOIN entries USING (place) WHERE found = ? ORDER BY place LIMIT ?"
        return self._ask(question, index, entries_max)

    def said(self, key: bytes) -> bytes | None:
        rows = self._ask("SELECT said FROM keys WHERE key = ?", key)
        return rows[0][0] if rows else None

    def write(self, owner: bytes, entries: Sequence[Entry], key: bytes, said: bytes, at_s: int) -> bool:
        with self._lock, self._named():
            db = self._db
            db.execute("BEGIN IMMEDIATE")
            try:
                is_done = self._write(db, owner, entries, key, said, at_s)
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
            return is_done

    def _write(
        self, db: sqlite3.Connection, owner: bytes, entries: Sequence[Entry], key: bytes, said: bytes, at_s: int
    ) -> bool:
        known = db.execute("SELECT said FROM keys WHERE key = ?", (key,)).fetchone()
        if known is not None:
            return bool(known[0] == said)
        for each in entries:
            row = db.execute("SELECT sealed FROM entries WHERE place = ?", (each.place,)).fetchone()
            if (None if row is None else row[0]) != each.was:
                return False
        for each in entries:
            before = [(index, each.place) for index in each.found_before]
            db.executemany("DELETE FROM found WHERE found = ? AND place = ?", before)
            if each.now is None:
                db.execute("DELETE FROM entries WHERE place = ?", (each.place,))
                continue
            db.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", (each.place, owner, each.now))
            db.executemany("INSERT OR IGNORE INTO found VALUES (?, ?)", [(index, each.place) for index in each.found])
        db.execute("DELETE FROM keys WHERE at_s < ?", (at_s - self._keys_s,))
        db.execute("INSERT INTO keys VALUES (?, ?, ?)", (key, said, at_s))
        return True

    def entries(self) -> Iterator[Kept]:
        with self._lock, self._named(), closing(self._db.execute(_ALL)) as rows:
            for (place, owner, sealed), found in groupby(rows, itemgetter(0, 1, 2)):
                yield Kept(place, owner, sealed, tuple(index for *_, index in found if index is not None))

    def keys(self, now_s: int) -> list[KeptKey]:
        rows = self._ask("SELECT key, said, at_s FROM keys WHERE at_s >= ? ORDER BY key", now_s - self._keys_s)
        return [KeptKey(*row) for row in rows]

    def put(self, entries: Sequence[Kept], keys: Sequence[KeptKey], now_s: int) -> None:
        del now_s  # keys have their instants here
        found = [(index, each.place) for each in entries for index in each.found]
        with self._lock, self._named():
            db = self._db
            db.execute("BEGIN IMMEDIATE")
            try:
                db.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", [each[:3] for each in entries])
                db.executemany("INSERT OR REPLACE INTO found VALUES (?, ?)", found)
                db.executemany("INSERT OR REPLACE INTO keys VALUES (?, ?, ?)", keys)
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _ask(self, question: str, *values: object) -> list[Any]:
        with self._lock, self._named(), closing(self._db.execute(question, values)) as rows:
            return rows.fetchall()

    @contextmanager
    def _named(self) -> Iterator[None]:
        """The library's errors as ours: they name the file, and nobody in it."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            kind = ContactsUnreadable if code in _DAMAGE else ContactsAway
            raise kind(f"{self._path}: {error}") from error

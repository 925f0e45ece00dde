"""The records in the embedded journal's file, and where each of them is found.

A record goes to the end of its table, whatever ledger it is of, so that a commit writes few pages. Its place, by ledger
and sequence, is noted with many others at once: an index that every commit kept would be a page more for each ledger
that it touches. Those behind `placed` have no place yet, and are looked through.
"""

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, Final

from actors.journal.archive import Row
from actors.journal.sqlite_file import SqliteFile

UNPLACED_MAX: Final = 128  # records, beside those of one commit: looked through in some 40 us
ROWS_AT_ONCE: Final = 500  # read to be sealed, or deleted: 5 ms

# A place that is damaged leads nowhere: a record is what it says of itself.
_WITH_PLACES: Final = (
    "SELECT epoch, records.seq, count, at_ms, checksum, payload FROM places CROSS JOIN records "
    "ON records.id = places.id AND records.seq = places.seq AND records.ledger_id = places.ledger_id "
    "WHERE places.ledger_id = ?1 AND places.seq > ?2 AND places.seq <= ?3 ORDER BY places.seq LIMIT ?4"
)
_WITHOUT: Final = (
    "SELECT epoch, seq, count, at_ms, checksum, payload FROM records "
    "WHERE id > (SELECT up_to FROM placed) AND ledger_id = ?1 AND seq > ?2 ORDER BY seq"
)
_LAST: Final = """
SELECT seq, checksum, epoch FROM records WHERE ledger_id = ?1 AND seq <= ?2 AND id = (SELECT id FROM (
  SELECT * FROM (SELECT id, seq FROM records WHERE id > (SELECT up_to FROM placed) AND ledger_id = ?1 AND seq <= ?2
    ORDER BY seq DESC LIMIT 1)
  UNION ALL SELECT * FROM (SELECT id, seq FROM places WHERE ledger_id = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1)
  ) ORDER BY seq DESC LIMIT 1)
"""
LAST_SEQ: Final = (1 << 63) - 1


class Records:
    """Of an open file; the caller of any method holds its lock."""

    def __init__(self, file: SqliteFile, unplaced_max: int = UNPLACED_MAX) -> None:
        self._file = file
        self._unplaced_max = unplaced_max
        self._unplaced = unplaced_max  # at most; how many there are of before is not counted

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Within a transaction: (ledger, sequence, epoch, events, ledger time, checksum, payload) of each."""
        self._file.db.executemany(
            "INSERT INTO records (ledger_id, seq, epoch, count, at_ms, checksum, payload) VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        self._unplaced += len(rows)
        if self._unplaced > self._unplaced_max:
            self.place()

    def place(self) -> None:
        """Within a transaction: note the places of all records."""
        self._file.db.execute(
            "INSERT INTO places SELECT ledger_id, seq, id FROM records WHERE id > (SELECT up_to FROM placed) "
            "ORDER BY ledger_id, seq"
        )
        self._file.db.execute("UPDATE placed SET up_to = (SELECT COALESCE(MAX(id), 0) FROM records)")
        self._unplaced = 0

    def last(self, ledger_id: str, seq: int = LAST_SEQ) -> tuple[int, int, int] | None:
        """Sequence, checksum and epoch of the last record up to a sequence."""
        rows = self._file.ask(ledger_id, _LAST, ledger_id, seq)
        return rows[0] if rows else None

    def after(self, ledger_id: str, seq: int) -> Generator[Any]:
        """Rows as in a sealed file, by sequence. Raises SQLite's errors."""
        db = self._file.db
        with closing(db.execute(_WITH_PLACES, (ledger_id, seq, LAST_SEQ, -1))) as cursor:
            yield from cursor
        with closing(db.execute(_WITHOUT, (ledger_id, seq))) as cursor:
            yield from cursor

    def some(self, ledger_id: str, after_seq: int, end: int) -> list[Row]:
        """The first of the records that have places, after a sequence and up to another."""
        rows = self._file.ask(ledger_id, _WITH_PLACES, ledger_id, after_seq, end, ROWS_AT_ONCE)
        return [Row(*row) for row in rows]

    def forget_some(self, ledger_id: str, seq: int) -> bool:
        """Delete some of the records up to a sequence, all of which have places. False where there are none."""
        first = self._file.ask(
            ledger_id, "SELECT 1 FROM places WHERE ledger_id = ? AND seq <= ? LIMIT 1", ledger_id, seq
        )
        if not first:
            return False
        with self._file.transaction() as db:
            db.execute(
                "DELETE FROM records WHERE id IN "
                "(SELECT id FROM places WHERE ledger_id = ? AND seq <= ? ORDER BY seq LIMIT ?)",
                (ledger_id, seq, ROWS_AT_ONCE),
            )
            db.execute(
                "DELETE FROM places WHERE ledger_id = ?1 AND seq IN "
                "(SELECT seq FROM places WHERE ledger_id = ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3)",
                (ledger_id, seq, ROWS_AT_ONCE),
            )
        return True

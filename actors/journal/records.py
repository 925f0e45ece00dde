"""The records in the embedded journal's file, and where each of them is found.

A record goes to the end of its table, whatever ledger it is of, so that a commit writes few pages. Its place, by ledger
and sequence, is noted with many others at once: an index that every commit kept would be a page more for each ledger
that it touches. Those behind `placed` have no place yet: who wrote them knows their rows, others look them through; so
does everybody those of a ledger that has a mark of its own there, as its places cannot be noted any more.
"""

import json
import logging
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, suppress
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from actors.journal.archive import Row
from actors.journal.port import JournalDamaged, JournalError
from actors.journal.sqlite_file import ERRORS, SqliteFile, is_damage

log = logging.getLogger("holdfast.journal")

UNPLACED_MAX: Final = 128  # records, beside those of one commit: looked through in some 40 us
# Of more ledgers in proportion: each has a page of places, which is to be written for several records and not for one.
UNPLACED_LEDGERS: Final = 16
UNPLACED_TIMES_MAX: Final = 32  # as many: that is 4,096, noted in some 10 ms
ROWS_AT_ONCE: Final = 500  # read to be sealed, or deleted: 5 ms

# A place that is damaged leads nowhere: a record is what it says of itself.
_WITH_PLACES: Final = (
    "SELECT epoch, records.seq, count, at_ms, checksum, payload FROM places CROSS JOIN records "
    "ON records.id = places.id AND records.seq = places.seq AND records.ledger_id = places.ledger_id "
    "WHERE places.ledger_id = ?1 AND places.seq > ?2 AND places.seq <= ?3 ORDER BY places.seq LIMIT ?4"
)
# Of those without places the rows that are known, and what lies behind all that is known.
_UP_TO: Final = "(SELECT up_to FROM placed WHERE id = 1 OR ledger_id = ?1 ORDER BY id DESC LIMIT 1)"
_KNOWN: Final = f"id > {_UP_TO} AND id IN (SELECT value FROM json_each(?3)) AND ledger_id = ?1"  # noqa: S608  # constants
_UNKNOWN: Final = f"id > MAX({_UP_TO}, ?4) AND ledger_id = ?1"
_WITHOUT: Final = f"""
SELECT epoch, seq, count, at_ms, checksum, payload FROM records WHERE {_KNOWN} AND seq > ?2
UNION ALL SELECT epoch, seq, count, at_ms, checksum, payload FROM records WHERE {_UNKNOWN} AND seq > ?2 ORDER BY seq
"""  # noqa: S608
_LAST: Final = f"""
SELECT seq, checksum, epoch FROM records WHERE ledger_id = ?1 AND seq <= ?2 AND id = (SELECT id FROM (
  SELECT * FROM (SELECT id, seq FROM records WHERE {_KNOWN} AND seq <= ?2 ORDER BY seq DESC LIMIT 1)
  UNION ALL SELECT * FROM (SELECT id, seq FROM records WHERE {_UNKNOWN} AND seq <= ?2 ORDER BY seq DESC LIMIT 1)
  UNION ALL SELECT * FROM (SELECT id, seq FROM places WHERE ledger_id = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1)
  ) ORDER BY seq DESC LIMIT 1)
"""  # noqa: S608
_UNPLACED: Final = (
    "SELECT ledger_id FROM heads "
    "WHERE ledger_id IN (SELECT ledger_id FROM records WHERE id > (SELECT up_to FROM placed WHERE id = 1))"
)
LAST_SEQ: Final = (1 << 63) - 1
# An execution takes SQLite's locks and gives Python's away, so it inserts several rows. Where one cannot be inserted
# the transaction is rolled back, as it would be anyway; else SQLite keeps copies of pages to take the statement back.
INSERTED_AT_ONCE: Final = 8
_INSERT: Final = (
    "INSERT OR ROLLBACK INTO records (ledger_id, seq, epoch, count, at_ms, checksum, payload) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_SEVERAL: Final = _INSERT + ", (?, ?, ?, ?, ?, ?, ?)" * (INSERTED_AT_ONCE - 1)
_LEDGER: Final = itemgetter(0)
_LEDGER_AND_SEQ: Final = itemgetter(0, 1)
# Of two records that say the same of themselves one is damaged, or is another's: whoever reads its ledger finds out.
_NOTE: Final = """
INSERT OR IGNORE INTO places SELECT ledger_id, seq, id FROM records
  WHERE id > (SELECT up_to FROM placed WHERE id = 1) AND ledger_id NOT IN (SELECT ledger_id FROM placed WHERE id > 1) {}
  ORDER BY ledger_id, seq
"""
_NOTE_MARKED: Final = (
    "INSERT OR IGNORE INTO places SELECT ledger_id, seq, id FROM records "
    "WHERE ledger_id = ? AND id <= (SELECT up_to FROM placed WHERE id = 1) ORDER BY seq"
)


class PlacesDamaged(Exception):
    """Places could not be noted. The transaction is to be rolled back: SQLite writes no more in one that met damage."""


class Records:
    """Of an open file; the caller of any method holds its lock."""

    def __init__(self, file: SqliteFile, unplaced_max: int = UNPLACED_MAX) -> None:
        self._file = file
        self._unplaced_max = unplaced_max
        self._unplaced = unplaced_max  # at most; how many there are of before is not counted
        # By ledger, sequences and rows of those without places, up to the last row that is known; None where others may
        # have added some before that.
        self._rows: dict[str, list[tuple[int, int]]] | None = None
        # Those that were added since somebody last asked, as (ledger, sequence) from a row on: most are asked for by
        # nobody before they have their places.
        self._newest: list[tuple[int, list[tuple[str, int]]]] = []
        self._ledgers: set[str] = set()  # of all of these
        self._last_row = 0
        self._has_begun = False

    def add(self, rows: Sequence[tuple[Any, ...]], *, may_place: bool = True) -> None:
        """Within a transaction: `insert`, and `note`."""
        self.note(rows, self.insert(rows), may_place=may_place)

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> int:
        """Within a transaction: (ledger, sequence, epoch, events, ledger time, checksum, payload) of each, at the end
        of the table. Returns the id of the first.
        """
        db = self._file.db
        whole = len(rows) - len(rows) % INSERTED_AT_ONCE
        if whole:
            firsts = range(0, whole, INSERTED_AT_ONCE)
            several = [tuple(chain.from_iterable(rows[first : first + INSERTED_AT_ONCE])) for first in firsts]
            db.executemany(_INSERT_SEVERAL, several)
        if whole < len(rows):
            db.executemany(_INSERT, rows[whole:])
        [last] = db.execute("SELECT last_insert_rowid()").fetchone()
        return int(last) - len(rows) + 1

    def note(self, rows: Sequence[tuple[Any, ...]], first_row: int, *, may_place: bool = True) -> None:
        """Within the same transaction: know of rows that were inserted, and where many have no places note these.
        Raises PlacesDamaged.
        """
        self._unplaced += len(rows)
        self._note_rows(rows, first_row)
        times = min(max(1, len(self._ledgers) / UNPLACED_LEDGERS), UNPLACED_TIMES_MAX)
        if may_place and self._unplaced > self._unplaced_max * times:
            self._place()

    def _note_rows(self, records: Sequence[tuple[Any, ...]], first: int) -> None:
        """Of records that were just added, in sequence."""
        if self._rows is None or not records:
            return
        if first != self._last_row + 1:  # somebody else has added some
            self._forget_rows()
            return
        self._newest.append((first, [*map(_LEDGER_AND_SEQ, records)]))
        self._ledgers.update(map(_LEDGER, records))
        self._last_row = first + len(records) - 1

    def _forget_rows(self, rows: dict[str, list[tuple[int, int]]] | None = None, last_row: int = 0) -> None:
        self._rows, self._last_row = rows, last_row
        self._newest.clear()
        self._ledgers.clear()

    def begin(self) -> None:
        """Before the first ledger is taken over: what a predecessor has left without places would be looked through for
        each of them. Raises JournalFailed.
        """
        if self._has_begun:
            return
        self._has_begun = True
        with suppress(JournalDamaged):  # whose ledger that stops, is found out as it is read
            some = "SELECT 1 FROM records WHERE id > (SELECT up_to FROM placed WHERE id = 1) LIMIT 1"
            if self._file.ask("(all)", some):
                self.place()
            else:
                self._know_rows()

    def place(self) -> None:
        """In a transaction of its own: note the places of all records. What damage there is to places of one ledger
        keeps from it no other.
        """
        self._forget_rows()
        if not self._try_to_place():
            unplaced = self._file.ask("(all)", _UNPLACED)
            left_out = [each for each in unplaced if not self._can_note(*each)]
            names = ", ".join(ledger_id for (ledger_id,) in left_out)
            log.critical("ledgers %s: new records get no places, as there is damage to older ones", names)
            self._try_to_place(left_out)  # else none, until as many more are there
        self._unplaced = 0

    def clear_mark(self, ledger_id: str, epoch: int, prove: Callable[[], None]) -> None:
        """Drop the mark of a ledger whose damage was mended: all of its records have places then, and `prove`, which
        reads them, raises no JournalDamaged. Else the mark stays. In a transaction of its own.
        """
        if not self._file.ask("(all)", "SELECT 1 FROM placed WHERE id > 1 AND ledger_id = ?", ledger_id):
            return
        try:
            with self._file.transaction() as db:
                noted = self._execute(_NOTE_MARKED, ledger_id)
                db.execute("DELETE FROM placed WHERE id > 1 AND ledger_id = ?", (ledger_id,))
                prove()
        except (PlacesDamaged, JournalError) as error:
            self._file.db.rollback()
            if not isinstance(error, PlacesDamaged | JournalDamaged):
                raise
            return
        log.warning(
            "ledger %s reads whole again: epoch %d has noted %d places, and takes its mark away",
            ledger_id,
            epoch,
            noted,
            extra={"ledger": ledger_id},
        )

    def _try_to_place(self, left_out: Sequence[tuple[str]] = ()) -> bool:
        try:
            with self._file.transaction() as db:
                db.executemany(
                    "INSERT INTO placed (up_to, ledger_id) SELECT up_to, ? FROM placed WHERE id = 1", left_out
                )
                self._place()
        except PlacesDamaged:
            self._file.db.rollback()
            return False
        return True

    def _can_note(self, ledger_id: str) -> bool:
        try:
            self._file.db.execute("BEGIN IMMEDIATE")
            self._note("AND ledger_id = ?", ledger_id)
        except PlacesDamaged:
            return False
        except ERRORS as error:
            raise self._file.fail(error) from error
        finally:
            self._file.db.rollback()
        return True

    def _place(self) -> None:
        self._note("")
        self._file.db.execute("UPDATE placed SET up_to = (SELECT COALESCE(MAX(id), 0) FROM records) WHERE id = 1")
        self._unplaced = 0
        self._know_rows()

    def _know_rows(self) -> None:
        """As all records have places by now, but for those of ledgers with marks."""
        up_to = self._file.ask("(all)", "SELECT up_to FROM placed")
        if len(up_to) == 1:
            self._forget_rows({}, up_to[0][0])
        else:
            self._forget_rows()

    def _note(self, which: str, *values: str) -> None:
        self._execute(_NOTE.format(which), *values)

    def _execute(self, statement: str, *values: str) -> int:
        try:
            return self._file.db.execute(statement, values).rowcount
        except ERRORS as error:
            if is_damage(error):
                raise PlacesDamaged from error
            raise

    def last(self, ledger_id: str, seq: int = LAST_SEQ) -> tuple[int, int, int] | None:
        """Sequence, checksum and epoch of the last record up to a sequence."""
        known, last_row = self._known(ledger_id)
        end = bisect_right(known, (seq, LAST_SEQ))
        newest = _listed(known[max(0, end - 1) : end])
        rows = self._file.ask(ledger_id, _LAST, ledger_id, seq, newest, last_row)
        return rows[0] if rows else None

    def _known(self, ledger_id: str) -> tuple[list[tuple[int, int]], int]:
        """The rows of a ledger's records without places, and up to which row these are all."""
        if self._rows is None:
            return [], 0
        for first, added in self._newest:
            for row, (each, seq) in enumerate(added, first):
                self._rows.setdefault(each, []).append((seq, row))
        self._newest.clear()
        return self._rows.get(ledger_id, []), self._last_row

    def after(self, ledger_id: str, seq: int) -> Generator[Any]:
        """Rows as in a sealed file, by sequence. Raises SQLite's errors."""
        db = self._file.db
        with closing(db.execute(_WITH_PLACES, (ledger_id, seq, LAST_SEQ, -1))) as cursor:
            yield from cursor
        known, last_row = self._known(ledger_id)
        newer = _listed(known[bisect_right(known, (seq, LAST_SEQ)) :])
        with closing(db.execute(_WITHOUT, (ledger_id, seq, newer, last_row))) as cursor:
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
                "DELETE FROM records WHERE ledger_id = ?1 AND seq <= ?2 AND id IN "
                "(SELECT id FROM places WHERE ledger_id = ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3)",
                (ledger_id, seq, ROWS_AT_ONCE),
            )
            db.execute(
                "DELETE FROM places WHERE ledger_id = ?1 AND seq IN "
                "(SELECT seq FROM places WHERE ledger_id = ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3)",
                (ledger_id, seq, ROWS_AT_ONCE),
            )
        return True


def _listed(known: Iterable[tuple[int, int]]) -> str:
    return json.dumps([row for _, row in known])

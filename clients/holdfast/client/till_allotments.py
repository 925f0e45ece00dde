"""What a till was given, in its own file: units to sell, and reservations to hand out, while it is cut off.

The tables lie beside the movements, so that a sale and what it leaves are written as one. The journal takes turns for
them and opens the transactions; what is in memory changes once they are on disk.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from holdfast.client import till_rows
from holdfast.client.errors import BeyondAllotment
from holdfast.client.models.allotments import Allotment
from holdfast.client.models.reservations import Reservation

Piece: TypeAlias = tuple[str, int, str]
"""SKU, signed units, and the allotment that they are of, empty for none."""

SCHEMA = (
    """CREATE TABLE allotted (allotment TEXT NOT NULL, sku TEXT NOT NULL, left INTEGER NOT NULL,
        taken_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, closed INTEGER NOT NULL, PRIMARY KEY (allotment, sku))""",
    "CREATE TABLE asked (content TEXT PRIMARY KEY, key TEXT NOT NULL, began_ms INTEGER NOT NULL)",
    """CREATE TABLE given (reservation TEXT PRIMARY KEY, lines TEXT NOT NULL, taken_ms INTEGER NOT NULL,
        until_ms INTEGER NOT NULL)""",
    """CREATE TABLE hand_outs (number INTEGER PRIMARY KEY, reservation TEXT NOT NULL, payment TEXT NOT NULL,
        lines TEXT NOT NULL, at_ms INTEGER NOT NULL, checksum INTEGER NOT NULL)""",
    "ALTER TABLE movements ADD COLUMN allotment TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE receipts ADD COLUMN pieces TEXT",
)


def now_ms() -> int:
    """By the wall clock."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Term:
    """A time that ends: by a clock that nobody sets where this process has seen it begin, else by the wall clock, and
    then it is over also where that clock was set back before its beginning.
    """

    taken_ms: int
    until_ms: int
    ends_s: float | None = None

    @classmethod
    def beginning(cls, began_ms: int, began_s: float | None, ttl_ms: int) -> "Term":
        """The term of what was asked for then. It ends here before it does where it was given."""
        return cls(began_ms, began_ms + ttl_ms, None if began_s is None else began_s + ttl_ms / 1_000)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        if self.ends_s is not None:
            return till_rows.clock_s() >= self.ends_s
        return not self.taken_ms <= now_ms() < self.until_ms


@dataclass(slots=True)
class Taken:
    """One allotment: what is left of it, by SKU. `closed`: it is being returned, and nothing is sold from it."""

    term: Term
    left: dict[str, int]
    closed: bool = False


@dataclass(frozen=True, slots=True)
class HandOut:
    """A reservation that was handed out, and that the service may not know of yet."""

    number: int
    reservation_id: str
    payment_reference: str
    lines: tuple[tuple[str, int], ...]
    at_ms: int


@dataclass(slots=True)
class TillAllotments:
    """The allotments and the given reservations of one till."""

    taken: dict[str, Taken] = field(default_factory=dict)
    given: dict[str, tuple[Term, tuple[tuple[str, int], ...]]] = field(default_factory=dict)
    hand_outs: list[HandOut] = field(default_factory=list)

    def load(self, database: sqlite3.Connection) -> bool:
        """Read what is in the file. Returns False where it is damaged."""
        for allotment, sku, left, taken_ms, until_ms, closed in database.execute(
            "SELECT * FROM allotted ORDER BY 4, 1"
        ):
            taken = self.taken.setdefault(allotment, Taken(Term(taken_ms, until_ms), {}, bool(closed)))
            taken.left[sku] = left
        for reservation, lines, taken_ms, until_ms in database.execute("SELECT * FROM given"):
            self.given[reservation] = Term(taken_ms, until_ms), _lines_of(lines)
        for *row, checksum in database.execute("SELECT * FROM hand_outs ORDER BY 1"):
            if till_rows.checksum_of(*row) != checksum:
                return False
            number, reservation, payment, lines, at_ms = row
            self.hand_outs.append(HandOut(number, reservation, payment, _lines_of(lines), at_ms))
        return True

    def left(self, sku: str) -> int:
        """Units of a SKU that may be sold."""
        return sum(taken.left.get(sku, 0) for taken in self._open())

    def _open(self) -> list[Taken]:
        return [taken for taken in self.taken.values() if not taken.closed and not taken.term.is_over]

    def pieces_of(self, lines: Iterable[tuple[str, int]], *, may_exceed: bool, where: str) -> list[Piece]:
        """Units sold, below zero, each with the allotment that has them, the oldest first. Raises BeyondAllotment where
        there are fewer and that is not allowed.
        """
        found: list[Piece] = []
        left = {name: dict(taken.left) for name, taken in self.taken.items() if taken in self._open()}
        for sku, delta in lines:
            units = -delta
            for name, of in left.items():
                some = min(units, of.get(sku, 0))
                if some > 0:
                    of[sku] -= some
                    units -= some
                    found.append((sku, -some, name))
            if units and not may_exceed:
                why = f"{-delta - units} of {sku} are left of its allotments, {-delta} were to be sold"
                raise BeyondAllotment("sell", where=where, why=why)
            if units:
                found.append((sku, -units, ""))
        return found

    def write_sale(self, database: sqlite3.Connection, pieces: Sequence[Piece]) -> None:
        """What a sale leaves, in the transaction of its movements."""
        for sku, delta, name in pieces:
            if name:
                change = "UPDATE allotted SET left = left + ? WHERE allotment = ? AND sku = ?"
                database.execute(change, (delta, name, sku))

    def note_sale(self, pieces: Sequence[Piece]) -> None:
        """The same in memory, once it is on disk."""
        for sku, delta, name in pieces:
            if name:
                self.taken[name].left[sku] += delta

    def write_taken(self, database: sqlite3.Connection, allotment: Allotment, term: Term, content: str) -> None:
        """Units that were given, and that they are not asked for any more."""
        rows = [
            (allotment.allotment_id, line.sku, line.left, term.taken_ms, term.until_ms, 0) for line in allotment.lines
        ]
        database.executemany("INSERT OR IGNORE INTO allotted VALUES (?, ?, ?, ?, ?, ?)", rows)
        database.execute("DELETE FROM asked WHERE content = ?", (content,))

    def note_taken(self, allotment: Allotment, term: Term) -> None:
        """The same in memory."""
        self.taken.setdefault(allotment.allotment_id, Taken(term, {line.sku: line.left for line in allotment.lines}))

    def write_given(self, database: sqlite3.Connection, held: Reservation, term: Term) -> None:
        """A reservation that this till alone hands out."""
        row = (held.reservation_id, json.dumps(_held(held)), term.taken_ms, term.until_ms)
        database.execute("INSERT OR REPLACE INTO given VALUES (?, ?, ?, ?)", row)

    def note_given(self, held: Reservation, term: Term) -> None:
        """The same in memory."""
        self.given[held.reservation_id] = term, _held(held)

    def write_hand_out(self, database: sqlite3.Connection, made: HandOut) -> None:
        """A reservation that was handed out; nobody gets it twice."""
        row = (made.number, made.reservation_id, made.payment_reference, json.dumps(made.lines), made.at_ms)
        database.execute("INSERT INTO hand_outs VALUES (?, ?, ?, ?, ?, ?)", (*row, till_rows.checksum_of(*row)))
        database.execute("DELETE FROM given WHERE reservation = ?", (made.reservation_id,))


def _held(held: Reservation) -> tuple[tuple[str, int], ...]:
    return tuple((line.sku, line.held) for line in held.lines if line.held)


def _lines_of(text: str) -> tuple[tuple[str, int], ...]:
    return tuple((sku, units) for sku, units in json.loads(text))

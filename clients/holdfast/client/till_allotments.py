"""What a till was given, in its own file: units to sell, reservations to hand out, and the keys by which it knows
pickup codes, while it is cut off.

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
CLOCKS = (  # by which a term ends over a start of the program too, and the id that a reservation had at first
    *(
        f"ALTER TABLE {table} ADD COLUMN {column}"
        for table in ("allotted", "asked", "given", "hand_outs")
        for column in ("boot TEXT NOT NULL DEFAULT ''", "clock_s REAL")
    ),
    "ALTER TABLE given ADD COLUMN first_id TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE hand_outs ADD COLUMN first_id TEXT NOT NULL DEFAULT ''",
)

PICKUP_KEYS = ("CREATE TABLE pickup_keys (key_id INTEGER PRIMARY KEY, public_key BLOB NOT NULL)",)
HANDED_TO = (  # the key of whoever came in the customer's place, and that an identity card was looked at
    "ALTER TABLE hand_outs ADD COLUMN recipient TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE hand_outs ADD COLUMN id_checked INTEGER NOT NULL DEFAULT 0",
)

COLLECTS = (
    """CREATE TABLE collects (reservation TEXT NOT NULL, payment TEXT NOT NULL, asked TEXT NOT NULL,
        lines TEXT NOT NULL, first_id TEXT NOT NULL, answered INTEGER NOT NULL, at_ms INTEGER NOT NULL,
        PRIMARY KEY (reservation, payment, asked))""",
)
OWNER = ("CREATE TABLE owner (store TEXT NOT NULL, till TEXT NOT NULL)",)
COLLECTS_KEPT_MS = 31 * 86_400_000
"""So long a collection is said again in the same words; longer than anything is given."""

FASTER_AT_MOST = 0.02
"""By how much the time of a shop's ledger may run faster than this machine's: it is drawn towards the wall clock by up
to one part in a hundred, and once more where its process was replaced meanwhile. What is sold after a term's end there,
and after a count, would change nothing."""


def changes_since(version: int) -> tuple[str, ...]:
    """What makes a file of an earlier format one of this; 0 has the tables of `till_rows` alone."""
    steps = (
        (2, SCHEMA),
        (3, till_rows.CLOCKS),
        (4, CLOCKS),
        (5, PICKUP_KEYS),
        (6, HANDED_TO),
        (7, COLLECTS),
        (8, OWNER),
    )
    return tuple(statement for first, statements in steps if version < first for statement in statements)


def now_ms() -> int:
    """By the wall clock."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Term:
    """A time that ends, by a clock that nobody sets. Where that clock began anew since, with the machine, it is over:
    nobody knows for how long the machine was off, and its wall clock may stand anywhere. `taken_ms` and `until_ms` are
    of the wall clock, for people.
    """

    taken_ms: int
    until_ms: int
    taken_s: float | None

    @classmethod
    def beginning(cls, began_ms: int, began_s: float | None, ttl_ms: int) -> "Term":
        """The term of what was asked for then. It ends here before it does where it was given, see FASTER_AT_MOST."""
        return cls(began_ms, began_ms + int(ttl_ms * (1 - FASTER_AT_MOST)), began_s)

    @property
    def is_over(self) -> bool:
        return self.taken_s is None or till_rows.clock_s() >= self.taken_s + (self.until_ms - self.taken_ms) / 1_000


@dataclass(slots=True)
class Taken:
    """One allotment: what is left of it, by SKU. `closed`: it is being returned, and nothing is sold from it."""

    term: Term
    left: dict[str, int]
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """A reservation that this till alone hands out, until then: SKUs and units, and the id that it had at first, if it
    was another.
    """

    reservation_id: str
    term: Term
    lines: tuple[tuple[str, int], ...]
    first_id: str = ""

    @property
    def ids(self) -> tuple[str, str]:
        """What its customer may ask for it by."""
        return self.reservation_id, self.first_id or self.reservation_id


@dataclass(frozen=True, slots=True)
class HandOut:
    """A reservation that was handed out, and that the service may not know of yet. `at_s` is of `clock_s`, None where
    that began anew since.
    """

    number: int
    reservation_id: str
    payment_reference: str
    lines: tuple[tuple[str, int], ...]
    at_ms: int
    at_s: float | None = None
    first_id: str = ""
    recipient_id: str = ""
    id_checked: bool = False

    @property
    def ids(self) -> tuple[str, str]:
        return self.reservation_id, self.first_id or self.reservation_id


@dataclass(frozen=True, slots=True)
class Collect:
    """A collection over the network of what this till was given, or of a part. It is on disk before it is asked for:
    until it is answered nothing else of the reservation is handed out, and asked for again it is in the same words.
    `asked` are the lines that the caller named, none for all; `lines` are what the service is told.
    """

    reservation_id: str
    payment_reference: str
    asked: tuple[tuple[str, int], ...]
    lines: tuple[tuple[str, int], ...]
    first_id: str = ""
    is_answered: bool = False

    @property
    def ids(self) -> tuple[str, str]:
        return self.reservation_id, self.first_id or self.reservation_id

    def is_same(self, made: HandOut) -> bool:
        """Whether the hand-out says what this asked for, and had no answer to."""
        same = self.reservation_id, self.payment_reference, self.lines
        return not self.is_answered and same == (made.reservation_id, made.payment_reference, made.lines)


@dataclass(slots=True)
class TillAllotments:
    """The allotments and the given reservations of one till; `boot` is the start of its machine, see `till_rows`."""

    boot: str
    taken: dict[str, Taken] = field(default_factory=dict)
    given: dict[str, Given] = field(default_factory=dict)
    hand_outs: list[HandOut] = field(default_factory=list)
    collects: list[Collect] = field(default_factory=list)
    pickup_keys: dict[int, bytes] = field(default_factory=dict)  # public ones, by their ids

    def load(self, database: sqlite3.Connection) -> bool:
        """Read what is in the file. Returns False where it is damaged."""
        for allotment, sku, left, taken_ms, until_ms, closed, *clock in database.execute(
            "SELECT * FROM allotted ORDER BY 4, 1"
        ):
            term = Term(taken_ms, until_ms, self._since(*clock))
            taken = self.taken.setdefault(allotment, Taken(term, {}, bool(closed)))
            taken.left[sku] = left
        for reservation, lines, taken_ms, until_ms, boot, clock_s, first_id in database.execute("SELECT * FROM given"):
            term = Term(taken_ms, until_ms, self._since(boot, clock_s))
            self.given[reservation] = Given(reservation, term, _lines_of(lines), first_id)
        for *row, checksum, boot, clock_s, first_id, recipient, id_checked in database.execute(
            "SELECT * FROM hand_outs ORDER BY 1"
        ):
            if till_rows.checksum_of(*row) != checksum:
                return False
            number, reservation, payment, lines, at_ms = row
            at = at_ms, self._since(boot, clock_s)
            to = recipient, bool(id_checked)
            self.hand_outs.append(HandOut(number, reservation, payment, _lines_of(lines), *at, first_id, *to))
        for reservation, payment, asked, lines, first_id, answered in database.execute(
            "SELECT reservation, payment, asked, lines, first_id, answered FROM collects ORDER BY at_ms"
        ):
            both = _lines_of(asked), _lines_of(lines)
            self.collects.append(Collect(reservation, payment, *both, first_id, bool(answered)))
        self.pickup_keys = dict(database.execute("SELECT key_id, public_key FROM pickup_keys"))
        return True

    def _since(self, boot: str, clock_s: float | None) -> float | None:
        return till_rows.known_s(boot, clock_s, self.boot)

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
        until = term.taken_ms, term.until_ms, 0, *till_rows.clock_of(term.taken_s, self.boot)
        rows = [(allotment.allotment_id, line.sku, line.left, *until) for line in allotment.lines]
        database.executemany("INSERT OR IGNORE INTO allotted VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        database.execute("DELETE FROM asked WHERE content = ?", (content,))

    def note_taken(self, allotment: Allotment, term: Term) -> None:
        """The same in memory."""
        self.taken.setdefault(allotment.allotment_id, Taken(term, {line.sku: line.left for line in allotment.lines}))

    def given_as(self, reservation_id: str) -> Given | None:
        """What was given under an id, the first one or that of its shop."""
        found = self.given.get(reservation_id)
        return found or next((each for each in self.given.values() if reservation_id in each.ids), None)

    def write_given(self, database: sqlite3.Connection, given: Given) -> None:
        """A reservation that this till alone hands out."""
        term = given.term
        until = term.taken_ms, term.until_ms, *till_rows.clock_of(term.taken_s, self.boot)
        row = (given.reservation_id, json.dumps(given.lines), *until, given.first_id)
        database.execute("INSERT OR REPLACE INTO given VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def write_hand_out(self, database: sqlite3.Connection, made: HandOut) -> None:
        """A reservation that was handed out; nobody gets it twice."""
        row = (made.number, made.reservation_id, made.payment_reference, json.dumps(made.lines), made.at_ms)
        more = (till_rows.checksum_of(*row), *till_rows.clock_of(made.at_s, self.boot), made.first_id)
        to = made.recipient_id, int(made.id_checked)
        database.execute("INSERT INTO hand_outs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, *more, *to))
        self.drop_given(database, made.reservation_id)

    def drop_given(self, database: sqlite3.Connection, reservation_id: str) -> None:
        """Hand it out no more."""
        database.execute("DELETE FROM given WHERE reservation = ?", (reservation_id,))

    def write_collect(self, database: sqlite3.Connection, collect: Collect) -> None:
        """A collection as it is now; those of long ago are forgotten."""
        row = collect.reservation_id, collect.payment_reference, json.dumps(collect.asked), json.dumps(collect.lines)
        more = collect.first_id, int(collect.is_answered), now_ms()
        database.execute("INSERT OR REPLACE INTO collects VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, *more))
        database.execute("DELETE FROM collects WHERE at_ms < ?", (now_ms() - COLLECTS_KEPT_MS,))

    def drop_collect(self, database: sqlite3.Connection, collect: Collect) -> None:
        """Forget a collection."""
        row = collect.reservation_id, collect.payment_reference, json.dumps(collect.asked)
        database.execute("DELETE FROM collects WHERE reservation = ? AND payment = ? AND asked = ?", row)


def _lines_of(text: str) -> tuple[tuple[str, int], ...]:
    return tuple((sku, units) for sku, units in json.loads(text))

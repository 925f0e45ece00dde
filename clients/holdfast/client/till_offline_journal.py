"""The part of a till's journal that notes what the till was given, and what it hands out. See `till_journal`."""

import secrets
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from holdfast.client import till_rows
from holdfast.client.errors import InvalidArgument, NotFound
from holdfast.client.models.allotments import Allotment
from holdfast.client.models.reservations import Reservation
from holdfast.client.models.stock import Adjustment, AdjustmentKind
from holdfast.client.till_allotments import HandOut, Piece, Term, TillAllotments, now_ms
from holdfast.client.till_rows import Occurred


class OfflineJournal(ABC):
    """Each of its methods is one transaction, and in memory once that is on disk."""

    allotments: TillAllotments
    _turn: threading.RLock
    _path: Path
    _next: int

    @abstractmethod
    def _writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """A transaction."""

    @abstractmethod
    def _insert(self, database: sqlite3.Connection, added: Sequence[tuple[Adjustment, Occurred]]) -> None:
        """Write movements, in a transaction."""

    @abstractmethod
    def _added(self, added: Sequence[tuple[Adjustment, Occurred]]) -> None:
        """Have in memory what is on disk by now."""

    def ask(self, content: str, ttl_ms: int) -> tuple[str, int, float | None]:
        """The key to ask for this allotment with, and when it was asked for first: again the same until it is answered,
        or its time would be over. By the clock that nobody sets only where this process has asked.
        """
        with self._turn, self._writing() as database:
            row = database.execute("SELECT key, began_ms FROM asked WHERE content = ?", (content,)).fetchone()
            if row is not None and not Term.beginning(row[1], None, ttl_ms).is_over:
                return row[0], row[1], None
            key, began_ms, began_s = secrets.token_hex(16), now_ms(), till_rows.clock_s()
            database.execute("INSERT OR REPLACE INTO asked VALUES (?, ?, ?)", (content, key, began_ms))
            return key, began_ms, began_s

    def took(self, content: str, allotment: Allotment | None, term: Term) -> None:
        """Note the answer to that; None where it was refused."""
        with self._turn:
            with self._writing() as database:
                if allotment is None:
                    database.execute("DELETE FROM asked WHERE content = ?", (content,))
                else:
                    self.allotments.write_taken(database, allotment, term, content)
            if allotment is not None:
                self.allotments.note_taken(allotment, term)

    def close_allotments(self) -> tuple[str, ...]:
        """Sell nothing more from any of them; returns those that are to be returned."""
        with self._turn:
            with self._writing() as database:
                database.execute("UPDATE allotted SET closed = 1")
            for taken in self.allotments.taken.values():
                taken.closed = True
            return tuple(self.allotments.taken)

    def returned(self, name: str) -> None:
        """Forget an allotment that was returned."""
        with self._turn:
            with self._writing() as database:
                database.execute("DELETE FROM allotted WHERE allotment = ?", (name,))
            self.allotments.taken.pop(name, None)

    def was_given(self, held: Reservation, term: Term) -> None:
        """Note a reservation that this till alone hands out."""
        with self._turn:
            with self._writing() as database:
                self.allotments.write_given(database, held, term)
            self.allotments.note_given(held, term)

    def hand_out(self, reservation_id: str, payment_reference: str) -> HandOut:
        """Note that it was handed out. Said again with the same payment, it is the same. Raises NotFound, and
        InvalidArgument where the service would refuse the reference for ever.
        """
        if violations := till_rows.payment_violations(payment_reference):
            why = "a payment's reference is not valid"
            raise InvalidArgument("hand out a reservation", where=reservation_id, why=why, violations=violations)
        with self._turn:
            for made in self.allotments.hand_outs:
                if (made.reservation_id, made.payment_reference) == (reservation_id, payment_reference):
                    return made
            given = self.allotments.given.get(reservation_id)
            if given is None or given[0].is_over:
                why = "its time is over" if given else "this till was not given it"
                mend = "Take it again, or collect it over the network"
                raise NotFound("hand out a reservation", where=reservation_id, why=why, mend=mend)
            with self._writing() as database:
                (last,) = database.execute("SELECT coalesce(max(number), 0) FROM hand_outs").fetchone()
                made = HandOut(last + 1, reservation_id, payment_reference, given[1], now_ms())
                self.allotments.write_hand_out(database, made)
            del self.allotments.given[reservation_id]
            self.allotments.hand_outs.append(made)
            return made

    def settled(self, made: HandOut, *, sold_anyway: bool) -> None:
        """The service knows of a hand-out. Where it refused, the units are gone all the same: they are sales then."""
        with self._turn:
            rows = [(sku, -units) for sku, units in made.lines] if sold_anyway else []
            added = [
                (Adjustment(sku, delta, self._next + place, AdjustmentKind.SALE), (made.at_ms, None))
                for place, (sku, delta) in enumerate(rows)
            ]
            with self._writing() as database:
                self._insert(database, added)
                database.execute("DELETE FROM hand_outs WHERE number = ?", (made.number,))
            self._added(added)
            self.allotments.hand_outs.remove(made)

    def _pieces(self, lines: Sequence[tuple[str, int]], kind: AdjustmentKind, *, may_exceed: bool) -> list[Piece]:
        """What is recorded for these lines: a sale is of what this till was given first."""
        if kind is not AdjustmentKind.SALE or (may_exceed and not self.allotments.taken):
            return [(sku, delta, "") for sku, delta in lines]
        return self.allotments.pieces_of(lines, may_exceed=may_exceed, where=str(self._path))

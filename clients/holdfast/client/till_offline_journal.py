"""The part of a till's journal that notes what the till was given, and what it hands out. See `till_journal`."""

import secrets
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from holdfast.client import till_rows
from holdfast.client.errors import Conflict, InvalidArgument, NotFound, TillJournalDamaged
from holdfast.client.models.allotments import Allotment
from holdfast.client.models.reservations import Rejection, Reservation, Status
from holdfast.client.models.stock import Adjustment, AdjustmentKind
from holdfast.client.till_allotments import Collect, Given, HandOut, Piece, Term, TillAllotments, now_ms
from holdfast.client.till_rows import Occurred

Lines = tuple[tuple[str, int], ...]
GIVEN_OUT = frozenset({Status.HELD, Status.CONFIRMED, Status.READY})


class OfflineJournal(ABC):
    """Each of its methods is one transaction, and in memory once that is on disk."""

    allotments: TillAllotments
    _turn: threading.RLock
    _path: Path
    _boot: str
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

    def belong_to(self, store_id: str, till: str) -> None:
        """Have the file be this till's from now on. Raises TillJournalDamaged, and closes the file, where it is another
        one's: to the service its numbers would be those of a source that it has never heard of, and all of its
        movements, those that were sent long ago too, would be booked once more, in another shop perhaps.
        """
        with self._turn, self._writing() as database:
            owner = database.execute("SELECT store, till FROM owner").fetchone()
            if owner is None:
                database.execute("INSERT INTO owner VALUES (?, ?)", (store_id, till))
            elif owner != (store_id, till):
                why = f"it is of till {owner[1]} of shop {owner[0]}, and not of {till} of {store_id}"
                mend = "Settle it as that till, and give this one a file of its own"
                raise TillJournalDamaged("open the till's journal", where=str(self._path), why=why, mend=mend)

    def ask(self, content: str, ttl_ms: int) -> tuple[str, Term]:
        """The key to ask for this allotment with, and its term from when it was asked for first: again the same until
        it is answered, or its time would be over. Where the machine was started anew since, nobody knows whether it is.
        """
        with self._turn, self._writing() as database:
            question = "SELECT key, began_ms, boot, clock_s FROM asked WHERE content = ?"
            row = database.execute(question, (content,)).fetchone()
            if row is not None:
                key, began_ms, boot, clock_s = row
                term = Term.beginning(began_ms, till_rows.known_s(boot, clock_s, self._boot), ttl_ms)
                if term.taken_s is None or not term.is_over:
                    return key, term
            key, began_ms, began_s = secrets.token_hex(16), now_ms(), till_rows.clock_s()
            added = (content, key, began_ms, *till_rows.clock_of(began_s, self._boot))
            database.execute("INSERT OR REPLACE INTO asked VALUES (?, ?, ?, ?, ?)", added)
            return key, Term.beginning(began_ms, began_s, ttl_ms)

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

    def was_given(self, held: Reservation, term: Term, asked_as: str = "") -> None:
        """Note a reservation that this till alone hands out, also under the id that it was asked for by: one of a hot
        SKU gets another as it moves into its shop, and its customer has the first.
        """
        with self._turn:
            if any(made.reservation_id == held.reservation_id for made in self.allotments.hand_outs):
                return  # it was handed out, which the service does not know yet: nobody gets it twice
            lines = tuple((line.sku, line.held) for line in held.lines if line.held)
            known = self.allotments.given_as(held.reservation_id)
            moved = asked_as if asked_as != held.reservation_id else ""
            given = Given(held.reservation_id, term, lines, moved or (known.first_id if known else ""))
            with self._writing() as database:
                self.allotments.write_given(database, given)
            self.allotments.given[given.reservation_id] = given

    def keep_pickup_keys(self, keys: Mapping[int, bytes]) -> None:
        """Know codes that these have signed, and no others."""
        with self._turn:
            with self._writing() as database:
                database.execute("DELETE FROM pickup_keys")
                database.executemany("INSERT INTO pickup_keys VALUES (?, ?)", keys.items())
            self.allotments.pickup_keys = dict(keys)

    def collecting(self, reservation_id: str, payment_reference: str, asked: Lines) -> tuple[Collect, bool] | None:
        """Note that it is to be collected over the network, and whether that is new: what is known of it, so that it is
        asked for in the same words as before. None where this till was not given it: then the service alone knows.
        Raises Conflict where it was handed out with another payment, and the service does not know of it yet.
        """
        with self._turn:
            for made in self._handed_out(reservation_id, payment_reference):
                return Collect(made.reservation_id, payment_reference, asked, made.lines), False
            for known in self.allotments.collects:
                if reservation_id in known.ids and (known.payment_reference, known.asked) == (payment_reference, asked):
                    return known, False
            given = self.allotments.given_as(reservation_id)
            if given is None:
                return None
            lines = asked or given.lines
            collect = Collect(given.reservation_id, payment_reference, asked, lines, given.first_id)
            with self._writing() as database:
                self.allotments.write_collect(database, collect)
            self.allotments.collects.append(collect)
            return collect, True

    def collected(self, collect: Collect, outcome: Reservation | Rejection | None) -> None:
        """Note the answer, None where it is certain that there was none and nothing was done. What is held still may be
        handed out; nothing else of it.
        """
        with self._turn:
            known = collect in self.allotments.collects
            given = self.allotments.given.get(collect.reservation_id)
            left = given
            if given is not None and isinstance(outcome, Reservation):
                held = tuple((line.sku, line.held) for line in outcome.lines if line.held)
                left = replace(given, lines=held) if held and outcome.status in GIVEN_OUT else None
            elif isinstance(outcome, Rejection) and outcome.status is not None and outcome.status not in GIVEN_OUT:
                left = None
            answered = replace(collect, is_answered=True)
            with self._writing() as database:
                if known and isinstance(outcome, Reservation):
                    self.allotments.write_collect(database, answered)
                elif known:
                    self.allotments.drop_collect(database, collect)
                if given is not None and left is None:
                    self.allotments.drop_given(database, given.reservation_id)
                elif left is not None and left != given:
                    self.allotments.write_given(database, left)
            if known:
                self.allotments.collects.remove(collect)
                self.allotments.collects += [answered] if isinstance(outcome, Reservation) else []
            if given is not None and left is None:
                del self.allotments.given[given.reservation_id]
            elif left is not None:
                self.allotments.given[left.reservation_id] = left

    def _handed_out(self, reservation_id: str, payment_reference: str) -> Iterator[HandOut]:
        """Yield the hand-out of it that the service does not know of yet. Raises Conflict where it was with another
        payment.
        """
        for made in self.allotments.hand_outs:
            if reservation_id in made.ids:
                if made.payment_reference != payment_reference:
                    at = datetime.fromtimestamp(made.at_ms // 1_000).astimezone().isoformat()
                    why = f"this till has handed it out at {at}, with the payment {made.payment_reference}"
                    mend = "Hand nothing over; it is sold"
                    raise Conflict("hand out a reservation", where=reservation_id, why=why, mend=mend)
                yield made

    def _lines_to_hand_out(self, given: Given, payment_reference: str) -> Lines:
        """All that this till was given of it, as a collection has named it that was asked for over the network and not
        answered. Raises Conflict where that was another one: the service may have made it.
        """
        for each in self.allotments.collects:
            if each.is_answered or each.reservation_id != given.reservation_id:
                continue
            if each.payment_reference == payment_reference and sorted(each.lines) == sorted(given.lines):
                return each.lines
            why = f"it was to be collected with the payment {each.payment_reference}, and nobody knows whether it was"
            mend = f"Ask for that again over the network, or hand all of it out with {each.payment_reference}"
            raise Conflict("hand out a reservation", where=given.reservation_id, why=why, mend=mend)
        return given.lines

    def hand_out(
        self, reservation_id: str, payment_reference: str, recipient_id: str = "", *, id_checked: bool = False
    ) -> HandOut:
        """Note that it was handed out. Said again with the same payment, it is the same. Raises NotFound; Conflict
        where it was handed out with another payment, and the service does not know of it yet, or may have been
        collected; and InvalidArgument where
        the service would refuse the reference, or the recipient, for ever.
        """
        violations = till_rows.payment_violations(payment_reference) + till_rows.recipient_violations(recipient_id)
        if violations:
            why = "what the service is told of it later is not valid"
            raise InvalidArgument("hand out a reservation", where=reservation_id, why=why, violations=violations)
        with self._turn:
            for made in self._handed_out(reservation_id, payment_reference):
                return made
            given = self.allotments.given_as(reservation_id)
            if given is None or given.term.is_over:
                why = "its time is over" if given else "this till was not given it"
                mend = "Take it again, or collect it over the network"
                raise NotFound("hand out a reservation", where=reservation_id, why=why, mend=mend)
            lines = self._lines_to_hand_out(given, payment_reference)
            with self._writing() as database:
                (last,) = database.execute("SELECT coalesce(max(number), 0) FROM hand_outs").fetchone()
                made = HandOut(
                    last + 1,
                    given.reservation_id,
                    payment_reference,
                    lines,
                    now_ms(),
                    till_rows.clock_s(),
                    given.first_id,
                    recipient_id,
                    id_checked,
                )
                self.allotments.write_hand_out(database, made)
            del self.allotments.given[given.reservation_id]
            self.allotments.hand_outs.append(made)
            return made

    def settled(self, made: HandOut, *, sold_anyway: bool) -> None:
        """The service knows of a hand-out. Where it refused, the units are gone all the same: they are sales then."""
        with self._turn:
            rows = [(sku, -units) for sku, units in made.lines] if sold_anyway else []
            added = [
                (Adjustment(sku, delta, self._next + place, AdjustmentKind.SALE), (made.at_ms, made.at_s))
                for place, (sku, delta) in enumerate(rows)
            ]
            with self._writing() as database:
                self._insert(database, added)
                database.execute("DELETE FROM hand_outs WHERE number = ?", (made.number,))
                for each in (over := [each for each in self.allotments.collects if each.is_same(made)]):
                    self.allotments.drop_collect(database, each)
            self._added(added)
            self.allotments.hand_outs.remove(made)
            for each in over:
                self.allotments.collects.remove(each)

    def _pieces(self, lines: Sequence[tuple[str, int]], kind: AdjustmentKind, *, may_exceed: bool) -> list[Piece]:
        """What is recorded for these lines: a sale is of what this till was given first."""
        if kind is not AdjustmentKind.SALE or (may_exceed and not self.allotments.taken):
            return [(sku, delta, "") for sku, delta in lines]
        return self.allotments.pieces_of(lines, may_exceed=may_exceed, where=str(self._path))

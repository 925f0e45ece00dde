"""What an audit knows of stock that moves, and of what is missing then; see `audit`, which calls this by the event.

I19  who loses does so by the rule in force, waits first in line only by the rule, and has one task, closed once
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from actors.core.policy import LosesFirst
from actors.core.status import Status
from actors.shop import events
from actors.shop.audit.allotments import HandedOut
from actors.shop.audit.books import Book, Found, Hold, Rules
from actors.shop.shortfalls.events import MoveBegun, MoveRefused, Requeued, ShortfallDeclared, ShortfallResolved
from actors.shop.shortfalls.shortfall import Resolution, ShortfallCause

OPEN_TASKS_MAX: Final = 1_024
MOVING_MAX: Final = 256
_BY_ITSELF: Final = (Resolution.NOT_HANDLED, Resolution.SERVED)  # closed by what else happens
_RANKS: Final = (Status.HELD, Status.CONFIRMED, Status.READY)  # who loses first; a claim ranks as a hold


class StockAudit:
    """Movements, counts and shortfalls. The shortfalls of one decision have to be declared, and released or put in line
    with it. `found` takes violations, `answered` a key and when; `holds` are the live reservations.
    """

    def __init__(
        self,
        books: Mapping[str, Book],
        holds: Mapping[int, Hold],
        rules: Rules,
        handed_out: HandedOut,
        found: Found,
        answered: Callable[[str, int], None],
    ) -> None:
        self._books, self.holds, self.rules, self._handed_out = books, holds, rules, handed_out
        self._found, self._answered = found, answered
        self._marks: dict[str, int] = {}  # the greatest sequence applied of each source
        self._moved: set[str] = set()  # SKUs whose stock has moved in this decision
        self._came: set[str] = set()  # those of which holds have ever moved here
        self._losses: dict[tuple[int, str], int] = {}  # declared and not yet released
        self._tasks: dict[int, int] = {}  # open ones, with who waits in line by the rule, or 0
        self._waiting: dict[int, int] = {}  # the other way
        self._near: dict[int, tuple[str, ...]] = {}  # of those that move, the shops that have still to say
        self._leaving: dict[int, str] = {}  # closed ones, and the shop that is still to let go

    def folds(self) -> dict[type, Callable[[Any, int], None]]:
        """What each kind of event does."""
        return {
            events.StockAdjusted: self._adjusted,
            events.StockCounted: self._counted,
            events.SafetyStockSet: self._safety_stock_set,
            ShortfallDeclared: self._declared,
            MoveBegun: self._move_begun,
            MoveRefused: self._move_refused,
            ShortfallResolved: self._resolved,
        }

    def _adjusted(self, event: events.StockAdjusted, at_ms: int) -> None:
        self._answered(event.key, at_ms)
        mark = self._marks.get(event.source, 0)
        for row in event.movements:
            sku, book = row.sku, self._books[row.sku]
            if row.sequence <= mark:
                self._found("I5", f"source {event.source}", f"rows above {mark}", f"row {row.sequence} of {sku}")
            book.move(row, self._handed_out.booked(row, at_ms, book))
            self._moved.add(sku)
        if event.mark < mark:
            self._found("I5", f"source {event.source}", f"a mark from {mark} on", f"mark {event.mark}")
        self._marks[event.source] = max(mark, event.mark)

    def _counted(self, event: events.StockCounted, at_ms: int) -> None:
        self._answered(event.key, at_ms)
        for sku, correction in event.corrections:
            book = self._books[sku]
            book.counted_at_ms = event.as_of_ms
            book.adjusted += correction
            book.on_hand += correction
            known = dict(event.explained).get(sku, 0)
            if book.explain(event.as_of_ms + 1, known) != known:
                self._found("I1", sku, "what was missed since then explained", f"{known}")
            book.missed = [each for each in book.missed if each[0] > event.as_of_ms]
            self._handed_out.counted(sku, event.as_of_ms, is_whole=event.allotted_counted)
            self._moved.add(sku)

    def _safety_stock_set(self, event: events.SafetyStockSet, at_ms: int) -> None:
        self._answered(event.key, at_ms)
        for sku, quantity in event.safety_stocks:
            self._books[sku].safety_stock = quantity

    def _declared(self, event: ShortfallDeclared, _: int) -> None:
        """What is missing is lost by somebody, and no more; by whom is the rule's."""
        shortfall = event.shortfall
        sku, missing = shortfall.sku, self._books[shortfall.sku].missing()
        lost = sum(units for _, units in shortfall.losses)
        if not shortfall.quantity == lost == missing:
            self._found("I2", sku, f"a shortfall of {missing}", f"{shortfall.quantity} declared, {lost} lost")
        numbers = [number for number, _ in shortfall.losses]
        if numbers != self._in_turn(sku, numbers):
            self._found("I19", sku, f"losers by {self.rules.loses_first.name}", f"{numbers}")
        self._losses.update({(number, sku): units for number, units in shortfall.losses})

    def _in_turn(self, sku: str, numbers: list[int]) -> list[int]:
        """The losers as the rule has them. Who they are is looked for among all where holds have moved here."""
        if sku not in self._came:
            return sorted(numbers, key=self._turn)
        may_lose = [number for number, hold in self.holds.items() if hold.units(sku) and not hold.awaits]
        return sorted({*may_lose, *numbers}, key=self._turn)[: len(numbers)]

    def _turn(self, number: int) -> tuple[int, int, int]:
        """Who has moved here is as old as it was elsewhere."""
        hold = self.holds.get(number)
        since_ms = 0 if hold is None else hold.since_ms
        if hold is None or hold.status not in _RANKS or self.rules.loses_first is LosesFirst.YOUNGEST:
            return 0, -since_ms, -number
        return _RANKS.index(hold.status), -since_ms, -number

    def lost(self, event: events.Released | Requeued, version: int) -> None:
        """A loss is settled, and has a task."""
        is_missed = event.cause is ShortfallCause.NOT_FOUND  # by a picker: nothing is declared
        for sku, units in () if is_missed else event.lines:
            self._losses[event.number, sku] = self._losses.get((event.number, sku), 0) - units
        if isinstance(event, Requeued) and not self.rules.losers_wait:
            self._found("I19", f"reservation {event.number}", "released, by the rule", "waits in line")
        if event.cause is not None:
            place = event.number if isinstance(event, Requeued) else 0
            self._tasks[version] = place
            if place:
                self._waiting[place] = version
            if len(self._tasks) > OPEN_TASKS_MAX:
                self._close(next(task for task in self._tasks if task not in self._near))

    def begun(self, task: int, near: tuple[str, ...]) -> None:
        """What a picker misses moves to one of these shops by itself."""
        if task not in self._tasks:
            self._found("I19", f"task {task}", "one for what is to be had elsewhere", "none")
            return
        if near:
            self._near[task] = near
        else:
            self._close(task)
        if (count := len(self._near) + len(self._leaving)) > MOVING_MAX:
            self._found("I19", f"task {task}", f"at most {MOVING_MAX} that move or let go", f"{count}")

    def _move_begun(self, event: MoveBegun, at_ms: int) -> None:
        self._answered(event.key, at_ms)
        if event.number not in self._tasks or event.number in self._near:
            self._found("I19", f"task {event.number}", "an open one, to be moved", "none")

    def _move_refused(self, event: MoveRefused, _: int) -> None:
        near = self._near.get(event.number, ())
        if self._leaving.get(event.number) == event.to_store:
            del self._leaving[event.number]
        elif near[:1] != (event.to_store,):
            self._found("I19", f"task {event.number}", f"the word of one of {near}", f"that of {event.to_store}")
        elif len(near) > 1:
            self._near[event.number] = near[1:]
        else:
            self._close(event.number)

    def _resolved(self, event: ShortfallResolved, at_ms: int) -> None:
        self._answered(event.key, at_ms)
        if event.number not in self._tasks or event.resolution in _BY_ITSELF:
            self._found("I19", f"task {event.number}", "an open one, closed by somebody", event.resolution.name)
        near = self._near.get(event.number)
        if near and event.resolution is not Resolution.MOVED:  # somebody has given the move up
            self._leaving[event.number] = near[0]
        elif near and not _is_of(event.moved_to, near[0]):
            self._found("I19", f"task {event.number}", f"moved to {near[0]}", f"to {event.moved_to}")
        self._close(event.number)

    def served(self, number: int) -> None:
        """Who waits in line has units: his task, if he has one, is over."""
        if number in self._waiting:
            self._close(self._waiting[number])

    def _close(self, task: int) -> None:
        self._waiting.pop(self._tasks.pop(task, 0), None)
        self._near.pop(task, None)

    def note(self, sku: str) -> None:
        """Units of this SKU have moved in this decision, with a hold from elsewhere."""
        self._moved.add(sku)
        self._came.add(sku)

    def close(self) -> list[str]:
        """At the end of the decision: the SKUs whose stock has moved in it."""
        moved = sorted(self._moved)
        for (number, sku), units in self._losses.items():
            if units:
                self._found("I2", f"reservation {number}", f"its loss of {sku} as declared", f"{units} not released")
        self._moved.clear()
        self._losses.clear()
        return moved


def _is_of(reservation_id: str, store_id: str) -> bool:
    """Whether a shop has a reservation, or may have, as the ledger of a hot SKU made it."""
    return reservation_id.startswith((f"{store_id}:", "hot/"))

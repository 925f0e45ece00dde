"""The audit's part for units of hot SKUs.

I20 a key is decided by a shop or by the ledger of the SKU, by the word of the other; units and reservations that go
    from one to the other are in one of them, each once
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from actors.core.status import Status
from actors.shop.audit.books import Book, Hold, HotEnd, Rules
from actors.shop.commands import Reserve
from actors.shop.hot import events

HOT_PREFIX: Final = "hot/"  # of the ledger of a hot SKU; its books are by shop
Live = Callable[[int, str, tuple[Status, ...], int], Hold | None]


class HotAudit:
    """Folds units that are handed over and come back, and holds that move, into the books of a ledger's audit."""

    def __init__(
        self,
        ledger_id: str,
        books: Mapping[str, Book],
        rules: Rules,
        version: Callable[[], int],
        found: Callable[[str, str, str, str], None],
        claims: dict[int, Hold],
        by_customer: Mapping[str, set[int]],
        live: Live,
        answered: Callable[[str, int], None],
        note_stock: Callable[[str], None],
    ) -> None:
        self._ledger_id = ledger_id
        self._sku = ledger_id.removeprefix(HOT_PREFIX) if ledger_id.startswith(HOT_PREFIX) else ""
        self._books, self._rules, self._version, self._found = books, rules, version, found
        self._claims, self._by_customer, self._live = claims, by_customer, live
        self._answered, self._note_stock = answered, note_stock
        self._totals: dict[str, list[int]] = {}
        self._moves: dict[str, tuple[str, int]] = {}
        self._moving: set[int] = set()
        self._valid: dict[str, tuple[int, int]] = {}
        self._kept: dict[str, int] = {}
        self.folds: Final[dict[type, Callable[[Any, int], None]]] = {
            events.UnitsHanded: lambda event, _: self._handed(event.sku, event.units),
            events.UnitsTakenBack: lambda event, _: self._taken_back(event.sku, event.units),
            events.MovedIn: self._moved_in,
            events.UnitsReceived: lambda event, _: self._received(event.store_id, event.units),
            events.UnitsGivenBack: lambda event, _: self._given_back(event.store_id, event.units),
            events.MovedOut: self._moved_out,
            events.MoveNoted: lambda event, _: self._noted(event.number),
            events.KeyCeded: lambda event, at_ms: self._answered(event.command.key, at_ms),
            events.UnitsKept: lambda event, _: self._kept.update({event.store_id: self._over(event.store_id)}),
            events.WordsVoided: lambda event, _: self._valid.update({event.store_id: (event.page, event.generation)}),
        }

    def end(self) -> HotEnd:
        """What the journal says up to now."""
        return HotEnd({name: (over, back, moved) for name, (over, back, moved) in self._totals.items()}, self._moves)

    def check_word(self, asked: Reserve) -> None:
        """Check that who has accepted a plain Reserve had the other's word, where that may decide the key as well."""
        if len(asked.lines) != 1 or asked.slot_start_ms or asked.wait_ms or asked.basket_id:
            return
        generation, is_open = self._rules.hot.get(self._sku or asked.lines[0][0], (0, False))
        page, newest = self._valid.get(asked.lines[0][0], (0, 0)) if self._sku else (0, 0)
        generation, told = max(generation, newest), f"a word of {asked.asked}, on page {asked.page}"
        if asked.to_shop and not self._sku:  # by a word for this key alone
            return
        if is_open is not bool(self._sku) or asked.asked < generation or 0 < asked.page < page:
            expected = f"{'open' if is_open else 'closed'} by {generation}: decided elsewhere, or by that word"
            self._found("I20", f"key {asked.key} at version {self._version()}", expected, told)

        store_id = asked.lines[0][0]
        if self._sku and self._kept.get(store_id) == self._over(store_id):
            self._found("I18", f"{store_id} at version {self._version()}", "units kept for its line", f"{asked.key}")

    def _over(self, name: str) -> int:
        return self._totals.get(name, [0])[0]

    def _add(self, name: str, place: int, units: int) -> None:
        totals = self._totals.setdefault(name, [0, 0, 0])
        totals[place] += units
        if units <= 0 or totals[0] < totals[1] + totals[2]:
            self._found("I20", f"{name} at version {self._version()}", "no more back than went", f"{totals}")

    def _handed(self, sku: str, units: int) -> None:
        """Units leave what is available, and must have been."""
        book = self._books[sku]
        self._add(sku, 0, units)
        if units > book.free():
            self._found("I2", f"{sku} at version {self._version()}", f"at most {book.free()} handed", f"{units}")
        book.allotted += units
        book.handed += units

    def _taken_back(self, sku: str, units: int) -> None:
        self._add(sku, 1, units)
        self._books[sku].allotted -= units
        self._books[sku].handed -= units

    def _moved_in(self, event: events.MovedIn, at_ms: int) -> None:
        """What was allotted is reserved, with the reservation; no rule of the shop has a say in it."""
        asked = event.command
        self._answered(asked.key, at_ms)
        self._note_stock(asked.sku)
        number, sku, units = self._version(), asked.sku, asked.quantity - asked.released
        if asked.hot_id in self._moves:
            self._found("I20", asked.hot_id, "in the shop once", f"again at version {number}")
        self._moves[asked.hot_id] = self._ledger_id, units
        self._add(sku, 2, units)
        book = self._books[sku]
        book.allotted -= units
        book.handed -= units
        book.reserved += units
        ahead_ms = at_ms - asked.told_at_ms if asked.told_at_ms else 0  # what is left of it passes by this clock
        until_ms = asked.expires_at_ms + ahead_ms
        hold = self._claims[number] = Hold(asked.customer_id, asked.channel, ((sku, units),), until_ms, 0)
        hold.since_ms = asked.created_at_ms + ahead_ms
        if self._rules.limits:
            self._by_customer[asked.customer_id].add(number)

    def _received(self, store_id: str, units: int) -> None:
        self._add(store_id, 0, units)
        self._books[store_id].on_hand += units
        self._books[store_id].moved += units

    def _given_back(self, store_id: str, units: int) -> None:
        """Units that are held are not given back."""
        book = self._books[store_id]
        self._add(store_id, 1, units)
        if units > book.free():
            self._found("I2", f"{store_id} at version {self._version()}", f"at most {book.free()} back", f"{units}")
        book.on_hand -= units
        book.moved -= units

    def _moved_out(self, event: events.MovedOut, at_ms: int) -> None:
        """Units leave with their reservation."""
        number = event.number
        hold = self._live(number, "move", (Status.HELD,), at_ms)
        if hold is None:
            return
        ((store_id, units),) = hold.held
        self._moves[f"{self._ledger_id}:{number}"] = store_id, units
        self._moving.add(number)
        self._add(store_id, 2, units)
        book = self._books[store_id]
        book.reserved -= units
        book.on_hand -= units
        book.moved -= units
        del self._claims[number]
        if self._rules.limits:
            self._by_customer[hold.customer_id].discard(number)

    def _noted(self, number: int) -> None:
        if number not in self._moving:
            self._found("I20", f"reservation {number}", "one that is moving", f"noted at version {self._version()}")
        self._moving.discard(number)

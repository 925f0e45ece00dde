"""What an audit's books say of goods that were collected, and of those that came back."""

from collections.abc import Callable, MutableMapping
from typing import Any

from actors.shop.audit.books import Book, Found
from actors.shop.commands import Lines
from actors.shop.events import Collected
from actors.shop.returns.events import Returned


class SalesAudit:
    """Sales by reservation, as far as they may still come back: units by line, each kind of lines as one object."""

    def __init__(
        self, books: MutableMapping[str, Book], version: Callable[[], int], found: Found, answered: Callable[..., None]
    ) -> None:
        self._books, self._version, self._found, self._answered = books, version, found, answered
        self._sold: dict[int, Lines] = {}
        self._kinds: dict[Lines, Lines] = {}
        self.folds: dict[type, Callable[[Any, int], None]] = {Returned: self._returned}

    def collect(self, event: Collected) -> None:
        for sku, units in event.lines:
            self._books[sku].on_hand -= units
            self._books[sku].sold += units
        before = self._sold.get(event.number, tuple((sku, 0) for sku, _ in event.lines))
        rows = zip(before, event.lines, strict=False)
        self._note(event.number, tuple((sku, had + more) for (sku, had), (_, more) in rows))

    def _returned(self, event: Returned, at_ms: int) -> None:
        self._answered(event.key, at_ms)
        subject, sold = f"reservation {event.number}", self._sold.get(event.number, ())
        skus = [tuple(sku for sku, _ in lines) for lines in (sold, event.lines, event.unsellable)]
        if skus[0] != skus[1] or skus[1] != skus[2]:
            self._found("I1", subject, f"lines of {sold}", f"{event.lines} returned at version {self._version()}")
            return
        left = tuple((sku, has - units) for (sku, has), (_, units) in zip(sold, event.lines, strict=True))
        rows = [(sku, units, its) for (sku, units), (_, its) in zip(event.lines, event.unsellable, strict=True)]
        is_sound = all(has >= 0 for _, has in left) and all(0 <= its <= units for _, units, its in rows)
        if not is_sound or not any(units for _, units, _ in rows):
            found = f"{event.lines} returned at version {self._version()}, {event.unsellable} of it unsellable"
            self._found("I1", subject, f"some of {sold}", found)
        for sku, units, unsellable in rows:
            book = self._books[sku]
            book.sold -= units
            book.adjusted -= unsellable
            book.on_hand += units - unsellable
        self._note(event.number, left)

    def _note(self, number: int, lines: Lines) -> None:
        self._sold[number] = self._kinds.setdefault(lines, lines)

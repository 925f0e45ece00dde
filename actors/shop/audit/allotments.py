"""What an audit knows of units that were handed out: books of its own, as in `audit`, which calls this by the event."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from actors.shop import events
from actors.shop.allotments.allotment import HolderKind
from actors.shop.audit.books import Book
from actors.shop.commands import AdjustmentKind, Lines, Movement


@dataclass(slots=True)
class Holding:
    """One allotment: units given and left, and the last count, by SKU. `is_over`: none of them can be sold any more."""

    kind: HolderKind
    channel: str
    given: dict[str, int]
    left: dict[str, int]
    expires_at_ms: int
    counted_at_ms: dict[str, int] = field(default_factory=dict)
    ended_at_ms: int = 0
    is_over: bool = False


class HandedOut:
    """All allotments of a shop. `books` are the audit's, by SKU; `found` takes (invariant, subject, expected, found),
    `answered` a key and when it was answered; `version` gives the current event's.
    """

    def __init__(
        self,
        books: Mapping[str, Book],
        found: Callable[[str, str, str, str], None],
        answered: Callable[[str, int], None],
        version: Callable[[], int],
    ) -> None:
        self._books, self._found, self._answered, self._version = books, found, answered, version
        self._holdings: dict[int, Holding] = {}
        self._drawn: dict[int, Counter[tuple[int, str]]] = {}  # by reservation
        self.gone_back = 0, Counter[str]()  # the last that gave units back, and what of these went to quotas

    def folds(self) -> dict[type, Callable[[Any, int], None]]:
        """What each kind of event does."""
        return {
            events.Allotted: self._allotted,
            events.AllotmentExtended: self._extended,
            events.AllotmentReturned: self._returned,
            events.AllotmentExpired: lambda event, at_ms: self._ended(event.number, event.lines, at_ms, by_time=True),
            events.AllotmentShrunk: self._shrunk,
            events.QuotaDrawn: self._quota_drawn,
        }

    def _allotted(self, event: events.Allotted, at_ms: int) -> None:
        """Units leave what is available, and must have been."""
        self._answered(event.key, at_ms)
        number = self._version()
        given = dict(event.lines)
        channel = event.holder if event.kind is HolderKind.CHANNEL else ""
        self._holdings[number] = Holding(event.kind, channel, given, given.copy(), event.expires_at_ms)
        for sku, units in given.items():
            book = self._books[sku]
            book.allotted += units
            if units <= 0 or book.reserved + book.allotted + book.safety_stock > book.on_hand:
                most = book.on_hand - book.reserved - book.safety_stock
                self._found("I2", f"{sku} at version {number}", f"at most {most} allotted", f"{book.allotted}")

    def _extended(self, event: events.AllotmentExtended, at_ms: int) -> None:
        """Only an open one gets more time, and never less."""
        self._answered(event.key, at_ms)
        holding = self._open(event.number, "extend")
        if holding is not None:
            if event.expires_at_ms < holding.expires_at_ms:
                self._found("I11", _name(event.number), f"until {holding.expires_at_ms} at least", "sooner")
            holding.expires_at_ms = event.expires_at_ms

    def _returned(self, event: events.AllotmentReturned, at_ms: int) -> None:
        self._answered(event.key, at_ms)
        self._ended(event.number, event.lines, at_ms, by_time=False)

    def _ended(self, number: int, lines: Lines, at_ms: int, *, by_time: bool) -> None:
        """Units come back, of a till by its own word alone: never by time."""
        holding = self._holdings.get(number) if not by_time else self._open(number, "expire")
        if holding is None or holding.is_over:
            self._found("I3", _name(number), "a live one", f"ended at {at_ms}")
            return
        if by_time and at_ms < holding.expires_at_ms:
            self._found("I11", _name(number), f"open until {holding.expires_at_ms}", f"expired at {at_ms}")
        if by_time and lines and holding.kind is HolderKind.TILL:
            self._found("I2", _name(number), "units unknown until they are counted", f"{lines} back")
        self._back(number, holding, lines)
        holding.ended_at_ms = holding.ended_at_ms or (holding.expires_at_ms if by_time else at_ms)
        holding.is_over = not any(holding.left.values())

    def _shrunk(self, event: events.AllotmentShrunk, _: int) -> None:
        """A quota loses what is not there."""
        holding = self._open(event.number, "shrink")
        if holding is not None:
            self._back(event.number, holding, event.lines)

    def _open(self, number: int, step: str) -> Holding | None:
        holding = self._holdings.get(number)
        if holding is None or holding.ended_at_ms:
            self._found("I3", _name(number), "an open one", f"{step} of one that is not")
            return None
        return holding

    def _back(self, number: int, holding: Holding, lines: Lines) -> None:
        for sku, units in lines:
            self._shift(number, holding, sku, units)

    def _shift(self, number: int, holding: Holding, sku: str, units: int) -> None:
        """Take units out of an allotment, or put them back."""
        left = holding.left.get(sku, 0) - units
        if not 0 <= left <= holding.given.get(sku, 0):
            self._found("I1", _name(number), f"0 to {holding.given.get(sku, 0)} of {sku} left", str(left))
        holding.left[sku] = left
        self._books[sku].allotted -= units

    def _quota_drawn(self, event: events.QuotaDrawn, _: int) -> None:
        """A reservation takes from quotas."""
        for number, sku, units in event.drawn:
            holding = self._open(number, "draw")
            if holding is not None:
                self._shift(number, holding, sku, units)
                self._drawn.setdefault(event.number, Counter())[number, sku] += units

    def quota_left(self, channel: str, sku: str) -> int:
        """What the quotas of a channel have left of a SKU."""
        mine = (each for each in self._holdings.values() if each.kind is HolderKind.CHANNEL)
        return sum(each.left.get(sku, 0) for each in mine if each.channel == channel)

    def given_back(
        self, reservation: int, lines: Iterable[tuple[str, int]], apart: Counter[str]
    ) -> list[tuple[int, str, int]]:
        """What a reservation gives back goes first to the quotas that it was drawn from, while they are open: now what
        is on the shelf, and what is `apart` once it is put back, which is returned.
        """
        self.gone_back = reservation, Counter()
        drawn = self._drawn.get(reservation)
        owed: list[tuple[int, str, int]] = []
        if drawn is None:
            return owed
        back = Counter[str]()
        for sku, units in lines:
            back[sku] += units
        later = apart.copy()
        for number, sku in list(drawn):
            holding = self._holdings[number]
            units = 0 if holding.ended_at_ms else min(back[sku], drawn[number, sku])
            if units:
                now = min(units, max(0, back[sku] - later[sku]))
                drawn[number, sku] -= units
                back[sku] -= units
                if now < units:
                    later[sku] -= units - now
                    owed.append((number, sku, units - now))
                self.put_back(number, sku, now)
                self.gone_back[1][sku] += now
        return owed

    def put_back(self, number: int, sku: str, units: int) -> None:
        """Units are in their quota again; not in one that is over."""
        holding = self._holdings[number]
        if units and not holding.ended_at_ms:
            self._shift(number, holding, sku, -units)

    def over(self, reservation: int) -> None:
        """The reservation holds no more."""
        self._drawn.pop(reservation, None)

    def booked(self, row: Movement, at_ms: int, book: Book) -> int:
        """What a row changes on hand: nothing where a count has seen it, of its own kind for what a till was given."""
        happened_ms = at_ms - row.age_ms if row.age_ms else at_ms + 1
        holding = self._holdings.get(row.allotment) if row.kind is AdjustmentKind.SALE else None
        if holding is None or holding.kind is not HolderKind.TILL or row.sku not in holding.given:
            gone = 0 if happened_ms <= book.counted_at_ms else -row.delta
            return book.explain(happened_ms, max(0, gone)) - gone
        counted_at_ms = holding.counted_at_ms.get(row.sku, 0)
        if holding.ended_at_ms and counted_at_ms >= holding.expires_at_ms:
            return 0
        taken = min(-row.delta, holding.left[row.sku])
        self._shift(row.allotment, holding, row.sku, taken)
        holding.is_over = holding.ended_at_ms > 0 and not any(holding.left.values())
        beyond = 0 if happened_ms <= book.counted_at_ms else -row.delta - taken
        return book.explain(happened_ms, beyond) - beyond - (0 if happened_ms <= counted_at_ms else taken)

    def counted(self, sku: str, as_of_ms: int, *, is_whole: bool) -> None:
        """Units with tills were counted: nothing is unknown any more of what had ended by then. Or they were left out,
        and then this count has not seen what was sold of them, whatever an earlier one has.
        """
        for number, holding in self._holdings.items():
            if not is_whole:
                if holding.left.get(sku) or not holding.ended_at_ms:
                    holding.counted_at_ms.pop(sku, None)
            elif holding.kind is HolderKind.TILL and sku in holding.given and not holding.is_over:
                holding.counted_at_ms[sku] = as_of_ms
                if holding.ended_at_ms and holding.expires_at_ms <= as_of_ms:
                    self._shift(number, holding, sku, holding.left[sku])
                    holding.is_over = not any(holding.left.values())

    def check_quotas(self, sku: str) -> None:
        """Check at the end of a decision that no quota has units that are not there; those of a hot SKU's ledger are
        missed before.
        """
        book = self._books[sku]
        quotas = (each for each in self._holdings.values() if each.kind is HolderKind.CHANNEL)
        taken = book.reserved + book.allotted - book.handed
        if taken > max(0, book.on_hand) and any(each.left.get(sku) for each in quotas):
            self._found("I2", sku, f"quotas within {book.on_hand} on hand", f"{book.allotted} allotted")


def _name(number: int) -> str:
    return f"allotment {number}"

"""The audit's part for transfers, and the comparison of both ends; like `audit` it uses the events alone.

I17 a transfer takes the steps of its life, each once, and what a destination received is what its source sent
I2  by the policy alone a destination promises what is on its way, no more than was sent, which the receipt reserves
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from actors.core.rejection import Violation
from actors.core.status import TransferStatus
from actors.shop.audit.books import AuditResult, Book, Coming, Hold, Moved
from actors.shop.audit.stock import StockAudit
from actors.shop.commands import Lines
from actors.shop.events import Served
from actors.shop.transfers import events

_PROPOSED, _SENT = TransferStatus.PROPOSED, TransferStatus.SENT
_RECEIVED, _CANCELLED = TransferStatus.RECEIVED, TransferStatus.CANCELLED


class End(NamedTuple):
    """A transfer at one end, as its events say."""

    transfer_id: str
    is_source: bool
    status: TransferStatus
    lines: Lines
    came: Lines | None = None


class TransferAudit:
    """Folds the events of transfers into the books of a ledger's audit; `folds` are its methods by event."""

    def __init__(
        self,
        books: defaultdict[str, Book],
        version: Callable[[], int],
        found: Callable[[str, str, str, str], None],
        answered: Callable[[str, int], None],
        promise: Callable[[Lines, Counter[str]], object],
        stock: StockAudit,
    ) -> None:
        self._promised: defaultdict[int, dict[int, Hold]] = defaultdict(dict)  # of each transfer, to whom
        self._stock = stock
        self._books = books
        self._version = version
        self._found = found
        self._answered = answered
        self._promise = promise
        self._ends: dict[int, End] = {}  # by number
        self._to_here: set[str] = set()
        self.folds: Final[dict[type, Callable[[Any, int], None]]] = {
            events.TransferProposed: self._proposed,
            events.TransferSent: self._sent,
            events.TransferCancelled: self._cancelled,
            events.TransferExpected: self._expected,
            events.TransferAdvised: self._advised,
            events.TransferReceived: self._received,
            events.TransferClosed: self._closed,
        }

    def ends(self) -> dict[str, Moved]:
        """What this ledger sent, or knows to have been sent to it, and what came."""
        never = _PROPOSED, _CANCELLED
        ends = (end for end in self._ends.values() if end.status not in never)
        return {end.transfer_id: Moved(end.is_source, end.lines, end.came) for end in ends}

    def _proposed(self, event: events.TransferProposed, at_ms: int) -> None:
        self._answered(event.command.key, at_ms)
        number, lines = self._version(), _summed(event.command.lines)
        self._ends[number] = End(f"{event.source}:T{number}", True, _PROPOSED, lines)
        self._promise(lines, Counter())

    def _sent(self, event: events.TransferSent, at_ms: int) -> None:
        self._answered(event.key, at_ms)
        end = self._step(event.number, _PROPOSED, _SENT)
        if end is None:
            return
        if end.lines != event.lines:
            self._found("I17", end.transfer_id, f"{end.lines} sent", f"{event.lines}")
        for sku, units in event.lines:
            self._books[sku].reserved -= units
            self._books[sku].on_hand -= units
            self._books[sku].moved -= units

    def _cancelled(self, event: events.TransferCancelled, at_ms: int) -> None:
        if event.key:
            self._answered(event.key, at_ms)
        end = self._step(event.before.number, _PROPOSED, _CANCELLED)
        for sku, units in end.lines if end is not None else ():
            self._books[sku].reserved -= units

    def _expected(self, event: events.TransferExpected, _: int) -> None:
        transfer_id = event.transfer.transfer_id
        if transfer_id in self._to_here:
            self._found("I17", transfer_id, "expected once", f"again at version {self._version()}")
        self._to_here.add(transfer_id)
        self._ends[self._version()] = End(transfer_id, False, _SENT, event.transfer.lines)

    def _advised(self, event: events.TransferAdvised, _: int) -> None:
        self._step(event.number, _SENT, _SENT)

    def _received(self, event: events.TransferReceived, at_ms: int) -> None:
        self._answered(event.key, at_ms)
        end = self._step(event.number, _SENT, _RECEIVED, event.lines)
        if end is not None and (event.loss_bearer is None) != (event.lines == end.lines):
            self._found("I17", end.transfer_id, "a bearer of a difference, and none without", f"{event.loss_bearer}")
        for sku, units in event.lines:
            self._books[sku].on_hand += units
            self._books[sku].moved += units
        awaiting = self._awaiting(event.number)
        if (expected := tuple((number, *hold.held[0]) for number, hold in awaiting)) != event.awaited:
            self._found("I2", f"transfer {event.number}", f"{expected} reserved", f"{event.awaited}")
        for _, hold in awaiting:
            ((sku, units),) = hold.held
            hold.awaits = 0
            self._books[sku].reserved += units
            self._stock.note(sku)

    def coming(self, event: Served) -> Coming | None:
        """What is promised to one that waited, before it is; None where its units are here."""
        awaits, [(sku, _)] = event.awaits, event.lines
        if awaits is None:
            return None
        number, end = awaits.number, self._ends.get(awaits.number)
        sent = 0 if end is None else dict(end.lines).get(sku, 0)
        return Coming(number, sent - self._units_of(number)[sku], awaits.expected_at_ms)

    def promised(self, number: int, hold: Hold) -> set[str]:
        """Somebody is promised units of a transfer: there is one on its way here, and it has so many for him. Returns
        the SKUs.
        """
        self._promised[hold.awaits][number] = hold
        end, promised = self._ends.get(hold.awaits), self._units_of(hold.awaits)
        if not self._stock.rules.promise_in_transit or end is None or end.is_source or end.status is not _SENT:
            self._found("I2", f"transfer {hold.awaits}", "one on its way here, and a rule to promise it", f"{end}")
        elif beyond := promised - Counter(dict(end.lines)):
            self._found("I2", end.transfer_id, f"at most {end.lines} promised", f"{dict(beyond)} beyond")
        for sku, _ in hold.held:
            self._books.setdefault(sku, Book())  # known here from now on
        return {sku for sku, _ in hold.held}

    def _awaiting(self, number: int) -> list[tuple[int, Hold]]:
        """The live holds that await a transfer, by number."""
        mine = self._promised[number]
        for of in [of for of, hold in mine.items() if of not in self._stock.holds or hold.awaits != number]:
            del mine[of]
        return sorted(mine.items())

    def _units_of(self, number: int) -> Counter[str]:
        """Units of a transfer that somebody is promised, by SKU."""
        promised = Counter[str]()
        for _, each in self._awaiting(number):
            promised.update(dict(each.held))
        return promised

    def _closed(self, event: events.TransferClosed, _: int) -> None:
        transfer = event.transfer
        end = self._ends.get(transfer.number)
        if end is not None and end.is_source:
            self._step(transfer.number, _SENT, _RECEIVED, transfer.received)
        elif end is None or end.came != transfer.received:
            self._found("I17", transfer.transfer_id, "closed as it was received", f"{transfer.received}")

    def _step(
        self, number: int, before: TransferStatus, after: TransferStatus, came: Lines | None = None
    ) -> End | None:
        """Note a step; None where there is no such transfer, or it is not in that status."""
        end = self._ends.get(number)
        if end is None or end.status is not before:
            found = "none" if end is None else end.status.name
            self._found("I17", f"transfer {number} at version {self._version()}", before.name, found)
            return None
        self._ends[number] = end._replace(status=after, came=came)
        return end


def _summed(lines: Lines) -> Lines:
    units = Counter[str]()
    for sku, quantity in lines:
        units[sku] += quantity
    return tuple(units.items())


def across(audited: Mapping[str, AuditResult]) -> tuple[int, list[Violation]]:
    """Compare both ends of all transfers, by audits of shops as of one moment. Returns how many units are missing, in
    none of source, transit and destination or in two of them, and the violations.
    """
    from_ends = {
        name: moved for result in audited.values() for name, moved in result.transfers.items() if moved.is_source
    }
    to_ends = [
        (name, moved) for result in audited.values() for name, moved in result.transfers.items() if not moved.is_source
    ]
    found = list(_apart(from_ends, to_ends))
    return sum(units for units, _ in found), [violation for _, violation in found]


def _apart(from_ends: Mapping[str, Moved], to_ends: list[tuple[str, Moved]]) -> Iterator[tuple[int, Violation]]:
    """Yield units and violation for each transfer of which the ends say different things."""
    received: dict[str, Moved] = {}
    for name, moved in to_ends:
        sent = from_ends[name].sent if name in from_ends else ()
        units = _difference(moved.sent, sent)
        if units:
            yield units, Violation("I17", name, f"{sent} sent", f"{moved.sent} expected at its destination")
        if name in received:
            yield _difference(moved.sent, ()), Violation("I17", name, "one destination", "two")
        received[name] = moved
    for name, moved in from_ends.items():
        came = received[name].came if name in received else None
        if moved.came is not None and moved.came != came:
            units = _difference(moved.came, came or ())
            yield units, Violation("I17", name, f"{came} received", f"{moved.came} by what its source has heard")


def _difference(mine: Lines, others: Lines) -> int:
    units = Counter(dict(mine))
    units.subtract(dict(others))
    return sum(map(abs, units.values()))

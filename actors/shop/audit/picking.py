"""The pick tasks of a shop's journal, folded by code that the ledger does not use; see `audit`."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from actors.core.rejection import Violation
from actors.core.status import ShortChoice, Status
from actors.shop import events
from actors.shop.audit.allotments import HandedOut
from actors.shop.audit.books import DAY_MS, Book, Found, Hold, Rules
from actors.shop.picking import events as pe
from actors.shop.transfers.events import TransferReceived

Units = tuple[tuple[str, int], ...]  # by SKU, sorted
Owed = tuple[tuple[int, str, int], ...]  # by allotment and SKU
# Whether its reservation goes on, what is picked, to be put back, and apart until then, and what goes to quotas then.
Ended = tuple[bool, Units, Units, Units, Owed]

LEASE_MS_MAX: Final = 3_600_000  # beyond a step of who has a task
PUT_OFF_MAX: Final = 3
PUT_BACK_MS_MAX: Final = 7 * DAY_MS  # until goods are taken for put back
PUT_BACK_MAX: Final = 1_024
MISSED_MAX: Final = 64  # short picks of a SKU that may be explained yet
MISSED_MS_MAX: Final = 31 * DAY_MS
_FOR: Final = (Status.CONFIRMED, Status.READY)


class Work:
    """What is known of one task."""

    __slots__ = (
        *("apart", "back", "is_finished", "lease_ms", "over_ms", "owed", "picked", "picker_id", "put_off"),
        "until_ms",
    )

    def __init__(self) -> None:
        self.picked, self.back, self.apart = Counter[str](), Counter[str](), Counter[str]()
        self.owed = Counter[tuple[int, str]]()
        self.put_off = self.over_ms = 0
        self.picker_id, self.until_ms, self.lease_ms, self.is_finished = "", 0, 0, False

    def leave(self) -> None:
        self.picker_id, self.until_ms = "", 0


class PickAudit:
    """Checks I21 at each event: a task for each reservation that is confirmed, of one picker at a time, with what it is
    to have and no other article.
    """

    def __init__(
        self,
        books: Mapping[str, Book],
        claims: Mapping[int, Hold],
        rules: Rules,
        handed_out: HandedOut,
        version: Callable[[], int],
        found: Found,
        answered: Callable[[str, int], None],
        begun: Callable[[int, tuple[str, ...]], None],
    ) -> None:
        self._books, self._claims, self._rules, self._version, self._found = books, claims, rules, version, found
        self._begun = begun
        self._answered, self._handed_out = answered, handed_out
        self._works: dict[int, Work] = {}
        self._at_ms = 0
        self.folds: Final[dict[type, Callable[[Any, int], None]]] = {
            pe.PickClaimed: self._claimed,
            pe.PickReleased: self._released,
            pe.PickScanned: self._scanned,
            pe.PickFinished: self._finished,
            pe.PickPutBack: self._put_back,
            pe.ArrivalNoted: self._arrived,
            pe.PickShorted: self._shorted,
        }

    def follow(self, event: events.Event, at_ms: int) -> None:
        """After each event: have the task of its reservation be as that is."""
        self._at_ms = at_ms
        for awaiting, _, _ in event.awaited if isinstance(event, TransferReceived) else ():
            self._settle(awaiting)
        number = getattr(event, "number", 0)
        if number in self._works and isinstance(event, events.Collected):
            self._works[number].picked -= Counter(dict(_summed(event.lines)))
        if number:
            self._settle(number)

    def adopt(self) -> None:
        """Have a task for all that is confirmed, where the shop picks from now on; and nothing apart where goods need
        not be put back first any more.
        """
        for work in () if self._rules.put_back_first else self._works.values():
            self._free(work, work.apart.copy())
        for number in list(self._claims):
            self._settle(number)

    def ends(self) -> dict[int, Ended]:
        """How the tasks stand that are not over."""
        return {
            number: (
                self._wanted(number) is not None,
                _units(work.picked),
                _units(work.back),
                _units(work.apart),
                tuple((*of, units) for of, units in sorted(work.owed.items()) if units),
            )
            for number, work in self._works.items()
        }

    def given_back(self, number: int, lines: Iterable[tuple[str, int]], held: Iterable[tuple[str, int]]) -> None:
        """A reservation gives units back, and holds these from then on: what is picked beyond goes to no quota until it
        is put back, where that is the rule.
        """
        work = self._works.get(number)
        apart = Counter[str]()
        if work is not None and self._rules.put_back_first:
            apart = work.picked - Counter(dict(_summed(held)))
        for quota, sku, units in self._handed_out.given_back(number, lines, apart):
            assert work is not None, "nothing is apart without a task"
            work.owed[quota, sku] += units

    def amended(self, number: int, had: Counter[str], held: Iterable[tuple[str, int]]) -> None:
        """As `given_back`: a reservation has fewer units of some SKUs than it had."""
        held = tuple(held)
        self.given_back(number, tuple((had - Counter(dict(_summed(held)))).items()), held)

    def _put_aside(self, work: Work, units: Counter[str]) -> None:
        work.back += units
        if self._rules.put_back_first:
            work.apart += units
            for sku, count in units.items():
                self._books[sku].apart += count

    def _free(self, work: Work, units: Counter[str]) -> bool:
        """So many of those that are apart are not any more, at most; whether there were any."""
        freed = units & work.apart
        work.apart -= freed
        for sku, count in freed.items():
            self._books[sku].apart -= count
            left = count
            for quota, its in [of for of in work.owed if of[1] == sku]:
                owed = min(left, work.owed[quota, its])
                left -= owed
                work.owed[quota, its] -= owed
                book = self._books[sku]
                self._handed_out.put_back(quota, sku, min(owed, max(0, book.on_hand - book.reserved - book.allotted)))
        return bool(freed)

    def _wanted(self, number: int) -> Hold | None:
        hold = self._claims.get(number)
        return hold if hold is not None and hold.status in _FOR and not hold.awaits else None

    def _settle(self, number: int) -> None:
        hold, work = self._wanted(number), self._works.get(number)
        if work is None:
            if hold is None or not self._rules.picks:
                return
            work = self._works[number] = Work()
        if hold is None:
            self._put_aside(work, work.picked)
            work.picked.clear()
            work.leave()
            work.over_ms = work.over_ms or self._at_ms
            if not work.back:
                del self._works[number]
            return
        asked = Counter(dict(_summed(hold.held)))
        beyond = work.picked - asked
        self._put_aside(work, beyond)
        work.picked -= beyond
        work.put_off = 0 if work.over_ms else work.put_off
        work.over_ms = 0
        if hold.status is Status.READY:
            work.picked = +asked
            work.leave()
        elif work.is_finished and asked - work.picked:
            work.is_finished = False
            work.leave()

    def _one(self, event: Any, at_ms: int, *, is_his: bool) -> Work | None:
        """The task of an event, None with a violation where there is none; another where it is not this picker's."""
        self._answered(event.key, at_ms)
        work = self._works.get(event.number)
        subject = f"task {event.number} at version {self._version()}"
        if work is None:
            self._found("I21", subject, "a task", "none")
        elif is_his and (event.picker_id != work.picker_id or at_ms >= work.until_ms):
            self._found("I21", subject, f"a step of {work.picker_id or 'nobody'}", f"one of {event.picker_id}")
        return work

    def _claimed(self, event: pe.PickClaimed, at_ms: int) -> None:
        work = self._one(event, at_ms, is_his=False)
        if work is None:
            return
        if work.picker_id not in ("", event.picker_id) and at_ms < work.until_ms:
            owners = f"{work.picker_id} until {work.until_ms}", f"{event.picker_id} at {at_ms}"
            self._found("I21", f"task {event.number}", *owners)
        work.picker_id, work.until_ms, work.lease_ms = event.picker_id, at_ms + event.lease_ms, event.lease_ms

    def _released(self, event: pe.PickReleased, at_ms: int) -> None:
        if (work := self._one(event, at_ms, is_his=True)) is not None:
            work.leave()

    def _scanned(self, event: pe.PickScanned, at_ms: int) -> None:
        work, hold = self._one(event, at_ms, is_his=True), self._wanted(event.number)
        if work is None:
            return
        self._lengthened(work, event.lease_until_ms, at_ms)
        work.picked[event.sku] += event.quantity
        ordered = dict(_summed(() if hold is None else hold.held)).get(event.sku, 0)
        if not 0 <= work.picked[event.sku] <= ordered:
            found = f"{work.picked[event.sku]} picked at version {self._version()}"
            self._found("I21", f"task {event.number}", f"at most {ordered} of {event.sku}", found)

    def _finished(self, event: pe.PickFinished, at_ms: int) -> None:
        hold = self._wanted(event.number)
        is_his = hold is not None and hold.status is Status.CONFIRMED and not self._is_done(event.number)
        work = self._one(event, at_ms, is_his=is_his)
        if work is None or hold is None:
            return
        work.is_finished = True
        work.leave()
        if missing := Counter(dict(_summed(hold.held))) - work.picked:
            self._found("I21", f"task {event.number}", "all of it picked", f"{dict(missing)} missing")

    def _is_done(self, number: int) -> bool:
        return number in self._works and self._works[number].is_finished

    def _put_back(self, event: pe.PickPutBack, at_ms: int) -> None:
        work = self._one(event, at_ms, is_his=False)
        if work is None:
            return
        units = Counter(dict(_summed(event.lines)))
        if not units or not units <= work.back:
            self._found("I21", f"task {event.number}", f"{_units(work.back)} put back at most", f"{event.lines}")
        over = sum(each.over_ms > 0 for each in self._works.values())
        if not event.key and (not work.over_ms or (at_ms < work.over_ms + PUT_BACK_MS_MAX and over <= PUT_BACK_MAX)):
            self._found("I21", f"task {event.number}", "put back by somebody", f"by nobody, since {work.over_ms}")
        work.back -= units
        if event.are_available is not self._free(work, units):
            self._found("I21", f"task {event.number}", "available again what was apart", f"{event.are_available}")

    def _shorted(self, event: pe.PickShorted, at_ms: int) -> None:
        """What the event before has released or amended is written off; of nothing else is anything said."""
        book = self._books[event.sku]
        book.on_hand -= event.written_off
        book.adjusted -= event.written_off
        if event.written_off and event.lease_until_ms:  # older ones are not noted
            kept = [each for each in book.missed if each[0] > at_ms - MISSED_MS_MAX]
            book.missed = [*kept[1 - MISSED_MAX :], (at_ms, event.written_off)]
        number, gone_back = self._handed_out.gone_back
        there = event.quantity if event.choice is ShortChoice.LATER else gone_back[event.sku] * (number == event.number)
        if event.written_off != event.quantity - there:
            found = f"{event.written_off} written off at version {self._version()}"
            self._found("I1", event.sku, f"{event.quantity - there} missing", found)
        if event.choice is ShortChoice.ELSEWHERE:
            self._begun(self._version() - 1, event.near)
        if event.number not in self._works:  # nothing of it was found
            self._answered(event.key, at_ms)
            return
        work = self._one(event, at_ms, is_his=self._wanted(event.number) is not None)
        if work is None:
            return
        if work.picker_id and not event.promise_ms:
            self._lengthened(work, event.lease_until_ms, at_ms)
        if event.promise_ms:
            work.leave()
            work.put_off += 1
            if work.put_off > PUT_OFF_MAX:
                self._found("I21", f"task {event.number}", f"put off {PUT_OFF_MAX} times", f"{work.put_off} times")

    def _lengthened(self, work: Work, until_ms: int, at_ms: int) -> None:
        """A step of its picker never ends his lease sooner; older ones do not say when it ends."""
        if until_ms and not work.until_ms <= until_ms <= at_ms + LEASE_MS_MAX:
            latest_ms = at_ms + LEASE_MS_MAX
            self._found(
                "I21", f"version {self._version()}", f"a lease to {work.until_ms} or {latest_ms}", f"{until_ms}"
            )
        work.until_ms = until_ms or max(work.until_ms, at_ms + work.lease_ms)

    def _arrived(self, event: pe.ArrivalNoted, at_ms: int) -> None:
        self._one(event, at_ms, is_his=False)


def compare_tasks(ends: Mapping[int, Ended], live: Mapping[int, Ended]) -> list[Violation]:
    """Where the ledger's tasks are not those of the audit."""
    return [
        Violation("I21", f"task {number}", f"{ends.get(number)}", f"{live.get(number)}")
        for number in sorted(ends.keys() | live.keys())
        if ends.get(number) != live.get(number)
    ]


def _summed(lines: Iterable[tuple[str, int]]) -> Units:
    units = Counter[str]()
    for sku, quantity in lines:
        units[sku] += quantity
    return tuple(units.items())


def _units(units: Counter[str]) -> Units:
    return tuple(sorted((sku, count) for sku, count in units.items() if count))

"""The state of the notifier's ledger, changed by `evolve` alone: notices by number, cursors, and what was confirmed."""

from collections import Counter
from dataclasses import dataclass, field
from heapq import heappush

from actors.core.message import Value
from actors.notices.occasion import OVER, Dropped, NoticeStatus, Occasion
from actors.notices.rules import Rules
from actors.shop.commands import Lines

Subject = tuple[str, int]  # a shop, and the number of a reservation in it


class Place(Value, frozen=True):
    """A shop as customers are told of it; the coordinates are in degrees, None where they are not known."""

    name: str
    zone: str
    latitude: float | None = None
    longitude: float | None = None


class Detail(Value, frozen=True):
    """What is told: how the reservation stood. Instants are 0 where there is none, `lines` those that it is about."""

    expires_at_ms: int = 0
    slot_start_ms: int = 0
    lines: Lines = ()
    reason: str = ""
    payment_reference: str = ""
    at_ms: int = 0


class Notice(Value, frozen=True):
    """Something that a customer is told by one channel of messages. It came of the event of that `version` in the
    shop's ledger. It is useful `until_ms`, 0 for ever. `attempts` are those that were started, the last one of which is
    under way or has ended as the status says; `unknown` how many of them ended so that nobody knows.
    """

    number: int
    store_id: str
    version: int
    occasion: Occasion
    channel: int
    customer_id: str
    reservation: int
    order_id: str
    place: Place
    detail: Detail
    created_at_ms: int
    next_at_ms: int
    until_ms: int = 0
    status: NoticeStatus = NoticeStatus.WAITING
    attempts: int = 0
    unknown: int = 0
    changed_at_ms: int = 0
    dropped: Dropped | None = None
    why: str = ""
    keeps_quiet: bool = True


class Cursor(Value, frozen=True):
    """Up to where a shop's feed was read: a version, and the hash of its record, 0 where that is not known."""

    version: int
    record_hash: int


@dataclass(slots=True, eq=False)
class Ledger:
    """`open` has the reservations that were confirmed and are not over, and whether they have a reminder; `of` the
    notices of each reservation that are not over. `due` and `ended` are heaps of (instant, number), which may name
    notices that have gone on since.
    """

    version: int = 0
    time_ms: int = 0
    began_at_ms: int = 0
    last_number: int = 0
    rules: Rules = field(default_factory=Rules)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    notices: dict[int, Notice] = field(default_factory=dict)
    open: dict[Subject, bool] = field(default_factory=dict)
    of: dict[Subject, tuple[int, ...]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    under_way: set[int] = field(default_factory=set)
    due: list[tuple[int, int]] = field(default_factory=list)
    ended: list[tuple[int, int]] = field(default_factory=list)

    def put(self, notice: Notice) -> None:
        """Enter a notice as it is now."""
        number, subject = notice.number, (notice.store_id, notice.reservation)
        known = self.of.get(subject, ())
        self.notices[number] = notice
        self.under_way.discard(number)
        if notice.status in OVER:
            heappush(self.ended, (notice.changed_at_ms, number))
            if rest := tuple(each for each in known if each != number):
                self.of[subject] = rest
            else:
                self.of.pop(subject, None)
            return
        if number not in known:
            self.of[subject] = tuple(sorted((*known, number)))  # one may come again
        if notice.status is NoticeStatus.WAITING:
            heappush(self.due, (notice.next_at_ms, number))
        else:
            self.under_way.add(number)

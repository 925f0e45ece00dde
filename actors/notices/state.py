"""The state of the notifier's ledger, changed by `evolve` alone: notices by number, cursors, and what was confirmed."""

from collections import Counter
from dataclasses import dataclass, field
from heapq import heappush

from msgspec.structs import replace

from actors.core.message import Value
from actors.notices.occasion import AGE_MS, OF_OPEN, OVER, REPEATABLE, Dropped, NoticeStatus, Occasion
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
    shop's ledger. It is useful `until_ms`. `attempts` are those that were started, the last one of which is under way
    or has ended as the status says; `unknown` how many of them ended so that nobody knows, and `away` how many count
    for nothing, as the way out was away. `channels` are all that the rule named. `is_overtaken`: what it is about has
    gone on while an attempt was under way, or since the last one; it is begun no more.
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
    channels: tuple[int, ...] = ()
    is_overtaken: bool = False
    away: int = 0

    def is_past(self, now_ms: int) -> bool:
        """Whether it would come too late."""
        return now_ms >= (self.until_ms or until_of(self.occasion, self.created_at_ms, 0))


def until_of(occasion: Occasion, at_ms: int, expires_at_ms: int) -> int:
    """Until when a customer is told of what happened at an instant; `expires_at_ms` is the end of the time to collect,
    0 for none.
    """
    age_ms = at_ms + AGE_MS[occasion]
    return min(age_ms, expires_at_ms) if expires_at_ms and occasion in OF_OPEN else age_ms


def moved_to(notice: Notice, expires_at_ms: int) -> Notice:
    """The same notice with another end of the time to collect."""
    detail = replace(notice.detail, expires_at_ms=expires_at_ms)
    until_ms = until_of(notice.occasion, notice.detail.at_ms or notice.created_at_ms, expires_at_ms)
    return replace(notice, detail=detail, until_ms=until_ms)


class Cursor(Value, frozen=True):
    """Up to where a shop's feed was read: a version, and the hash of its record, 0 where that is not known."""

    version: int
    record_hash: int


@dataclass(slots=True, eq=False)
class Ledger:
    """`open` has the reservations that were confirmed and are not over, and whether they have a reminder; `slots` when
    those of them that have a slot are to be ready; `of` the notices of each reservation that are not over, or may be
    repeated. `due`, by channel of messages, and `ended` are heaps of (instant, number), which may name notices that
    have gone on since.
    """

    version: int = 0
    time_ms: int = 0
    began_at_ms: int = 0
    last_number: int = 0
    rules: Rules = field(default_factory=Rules)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    notices: dict[int, Notice] = field(default_factory=dict)
    open: dict[Subject, bool] = field(default_factory=dict)
    slots: dict[Subject, int] = field(default_factory=dict)
    of: dict[Subject, tuple[int, ...]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    under_way: set[int] = field(default_factory=set)
    due: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    ended: list[tuple[int, int]] = field(default_factory=list)

    def put(self, notice: Notice) -> None:
        number = notice.number
        was = self.notices.get(number)
        self.notices[number] = notice
        self.under_way.discard(number)
        if notice.status in OVER:
            heappush(self.ended, (notice.changed_at_ms, number))
        if notice.status in OVER - REPEATABLE:
            self._leave(notice)
            return
        subject = notice.store_id, notice.reservation
        known = self.of.get(subject, ())
        if number not in known:
            self.of[subject] = tuple(sorted((*known, number)))  # one may come again
        if notice.status is NoticeStatus.WAITING:
            if was is None or was.status is not NoticeStatus.WAITING or was.next_at_ms != notice.next_at_ms:
                heappush(self.due.setdefault(notice.channel, []), (notice.next_at_ms, number))
        elif notice.status is NoticeStatus.UNDER_WAY:
            self.under_way.add(number)

    def forget(self, number: int) -> None:
        """Know nothing more of a notice that is over."""
        self._leave(self.notices.pop(number))

    def _leave(self, notice: Notice) -> None:
        subject = notice.store_id, notice.reservation
        if rest := tuple(each for each in self.of.get(subject, ()) if each != notice.number):
            self.of[subject] = rest
        else:
            self.of.pop(subject, None)

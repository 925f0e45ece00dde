"""What staff, tills and customers of a shop were told of its orders, against the shop's feed. Pure.

- A task is one picker's at a time: by what tablets were told, and by who takes which step in the feed.
- Each step that was told is in the feed, as often as it was told and no more: what is tapped twice is one step.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from bench.demo.feed import Sentences
from holdfast.client import Event, ShortChoice
from holdfast.client.models import events as feed, pick_events as picks
from holdfast.client.models.reservations import Returned

Step = tuple[type, str]  # the kind of change, and the reservation


class PickCheck:
    """Takes what was told, and then the shop's feed from its beginning."""

    def __init__(self) -> None:
        self.told: Counter[Step] = Counter()  # ticks count by units
        self.findings = Sentences()
        self._claimed: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
        self._turns: Counter[str] = Counter()
        self._seen: Counter[Step] = Counter()
        self._pickers: dict[str, tuple[str, int]] = {}  # who has a task by the feed, and until when
        self._owned_twice: set[str] = set()

    def tell(self, reservation_id: str, *kinds: type, units: int = 1) -> None:
        """Somebody was told that these steps of a reservation were taken."""
        for kind in kinds:
            self.told[kind, reservation_id] += units

    def tell_claimed(self, reservation_id: str, picker_id: str) -> None:
        """A picker was told that he has a task."""
        self.tell(reservation_id, picks.PickClaimed)
        claimed = self._claimed[reservation_id, self._turns[reservation_id]]
        claimed.add(picker_id)
        if len(claimed) > 1:
            self._find_owned_twice(reservation_id, f"{sorted(claimed)} were told that they have it")

    def tell_left(self, reservation_id: str) -> None:
        """A picker has left a task to others."""
        self._turns[reservation_id] += 1

    @property
    def tasks_owned_twice(self) -> int:
        """Tasks that two pickers had at once."""
        return len(self._owned_twice)

    def see(self, event: Event) -> None:
        change, reservation_id = event.change, _reservation_of(event)
        self._seen[type(change), reservation_id] += change.quantity if isinstance(change, picks.PickScanned) else 1
        match change:
            case picks.PickClaimed():
                self._own(change, event.at_ms)
            case picks.PickScanned() | picks.PickShorted():
                picker_id, _ = self._pickers.get(reservation_id, ("", 0))
                if picker_id != change.picker_id:
                    self._find_owned_twice(reservation_id, f"{change.picker_id} took a step, {picker_id} has it")
            case _:
                pass
        is_put_off = isinstance(change, picks.PickShorted) and change.choice is ShortChoice.LATER
        if is_put_off or isinstance(change, picks.PickReleased | picks.PickFinished):
            self._pickers.pop(reservation_id, None)

    def steps_twice(self) -> int:
        """Steps that are in the feed and were told less often."""
        return sum(self._differing("more often than it was told", self._seen, self.told))

    def steps_missing(self) -> int:
        """Steps that were told and are not in the feed, or less often."""
        return sum(self._differing("less often than it was told", self.told, self._seen))

    def _differing(self, how: str, more: Counter[Step], less: Counter[Step]) -> Iterator[int]:
        for (kind, reservation_id), times in (more - less).items():
            if kind in JUDGED:
                self.findings.add(f"{reservation_id}: {kind.__name__} is in the feed {how}, by {times}")
                yield times

    def _own(self, change: picks.PickClaimed, at_ms: int) -> None:
        picker_id, until_ms = self._pickers.get(change.reservation_id, (change.picker_id, 0))
        if picker_id != change.picker_id and at_ms < until_ms:
            self._find_owned_twice(change.reservation_id, f"{change.picker_id} was given what {picker_id} has")
        self._pickers[change.reservation_id] = change.picker_id, at_ms + change.lease_ms

    def _find_owned_twice(self, reservation_id: str, why: str) -> None:
        self._owned_twice.add(reservation_id)
        self.findings.add(f"{reservation_id}: {why}")


JUDGED = frozenset(
    {
        *(picks.PickClaimed, picks.PickReleased, picks.PickScanned, picks.PickShorted, picks.PickFinished),
        *(picks.PickPutBack, picks.ArrivalNoted),
        *(feed.Reserved, feed.Confirmed, feed.ReadyMarked, feed.Collected, feed.Released, feed.Expired, feed.Extended),
        *(feed.Amended, Returned),
    }
)
"""What is told to somebody, or is a step of time that was waited for."""


def _reservation_of(event: Event) -> str:
    if isinstance(event.change, feed.Reserved):
        return event.change.reservation.reservation_id
    return getattr(event.change, "reservation_id", "")

"""Which calls of one RPC share batches: all of them, but for what would make the others wait.

A batch is answered when the slowest of it is, and what is called meanwhile waits for it. So calls for a shop that did
not answer in time have batches of their own, until it answers in time again; and so have those for a SKU that fills
batches by itself, as in a drop, until it does no more.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Generic, Protocol, TypeVar

CROWD_CALLS_MIN = 32
"""So many calls for one SKU in a batch are a crowd: answering them takes the service and this process milliseconds."""

CROWD_SHARE = 4
"""And at least one of so many calls of the batch."""

_SAMPLES = 16
"""Calls of a batch whose SKU is looked at, before all are: it takes 0.4 us for each."""

CROWDS_MAX = 16
"""SKUs that have batches of their own at once."""

_CROWD_S = 1.0
"""How long a SKU has them after the last batch of half a crowd."""


class Asked(Protocol):
    """What lanes go by: the ledger that decides, "" where that is not known."""

    ledger: str


CallT = TypeVar("CallT", bound=Asked)


@dataclass(slots=True, eq=False)
class Lane(Generic[CallT]):
    """Calls that may share a batch, and how many batches of them are in flight."""

    queued: deque[CallT] = field(default_factory=deque)
    in_flight: int = 0

    @property
    def is_idle(self) -> bool:
        return not (self.queued or self.in_flight)


@dataclass(slots=True, eq=False)
class _Crowd(Lane[CallT]):
    """Those for one SKU, and until when (loop time) new ones join them."""

    until: float = 0.0


class Lanes(Generic[CallT]):
    """The lanes of one RPC. At most `late_max` shops are apart; `sku_of` says which SKU a call is for, "" for no single
    one; `now` is the loop's time in seconds.
    """

    def __init__(self, late_max: int, sku_of: Callable[[CallT], str], now: Callable[[], float]) -> None:
        self.together: Lane[CallT] = Lane()
        self._late_max = late_max
        self._sku_of = sku_of
        self._now = now
        self._late: dict[str, Lane[CallT]] = {}  # by ledger
        self._crowds: dict[str, _Crowd[CallT]] = {}  # by SKU

    def __iter__(self) -> Iterator[Lane[CallT]]:
        """All of them; those that are made meanwhile as well."""
        yield self.together
        yield from list(self._late.values())
        yield from list(self._crowds.values())

    def of(self, call: CallT) -> Lane[CallT]:
        """Where a call goes."""
        if self._late and (late := self._late.get(call.ledger)) is not None:
            return late
        crowd = self._crowds.get(self._sku_of(call)) if self._crowds else None
        return self.together if crowd is None or self._now() > crowd.until else crowd

    def without_crowds(self, lane: Lane[CallT], batch: list[CallT]) -> list[CallT]:
        """What is left of a batch of a lane where SKUs in great demand go to lanes of their own, in sequence."""
        if isinstance(lane, _Crowd):
            if 2 * len(batch) >= CROWD_CALLS_MIN:
                lane.until = self._now() + _CROWD_S
            return batch
        if lane is not self.together or len(batch) < CROWD_CALLS_MIN:
            return batch
        found = {sku for sku in self._crowded(batch) if self._has_lane(sku)}
        if not found:
            return batch
        queued, lane.queued = lane.queued, deque()
        for call in chain(batch, queued):
            sku = self._sku_of(call)
            (self._crowds[sku] if sku in found else lane).queued.append(call)
        return []

    def _crowded(self, batch: list[CallT]) -> list[str]:
        crowd = max(CROWD_CALLS_MIN, len(batch) // CROWD_SHARE)
        samples = Counter(map(self._sku_of, batch[:: max(1, len(batch) // _SAMPLES)]))
        least = _SAMPLES // CROWD_SHARE - 1  # chance shows one less of some, which the next batch tells
        if not any(sku and count >= least for sku, count in samples.items()):
            return []
        return [sku for sku, count in Counter(map(self._sku_of, batch)).items() if sku and count >= crowd]

    def keep_late(self, ledgers: Iterable[str]) -> None:
        """Have calls for shops that did not answer in time go without all others."""
        for ledger in ledgers:
            if ledger not in self._late and self._has_room():
                self._late[ledger] = Lane()
                for lane in (self.together, *self._crowds.values()):
                    queued, lane.queued = lane.queued, deque()
                    for call in queued:
                        (self._late[ledger] if call.ledger == ledger else lane).queued.append(call)

    def let_together(self, ledger: str) -> None:
        """Have calls for a shop that has answered in time go with all others."""
        lane = self._late.pop(ledger, None)
        for call in lane.queued if lane is not None else ():
            self.of(call).queued.append(call)

    def _has_room(self) -> bool:
        if len(self._late) >= self._late_max:
            idle = next((ledger for ledger, lane in self._late.items() if lane.is_idle), None)
            if idle is None:
                return False
            del self._late[idle]
        return True

    def _has_lane(self, sku: str) -> bool:
        """Whether a crowd has a lane now: its own from before, or a new one where there is room."""
        now = self._now()
        if sku not in self._crowds:
            if len(self._crowds) >= CROWDS_MAX:
                idle = next((each for each, lane in self._crowds.items() if lane.is_idle and now > lane.until), None)
                if idle is None:
                    return False
                del self._crowds[idle]
            self._crowds[sku] = _Crowd()
        self._crowds[sku].until = now + _CROWD_S
        return True

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

CROWDS_MAX = 16
"""SKUs that have batches of their own at once."""

_CROWD_S = 1.0
"""How long a SKU has them after the last batch of half a crowd."""


class Asked(Protocol):
    """What lanes go by: the ledger that decides, "" where that is not known, and the SKU, "" for no single one."""

    ledger: str
    sku: str


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
    """The lanes of one RPC. At most `late_max` shops are apart; `now` is the loop's time in seconds."""

    def __init__(self, late_max: int, now: Callable[[], float]) -> None:
        self.together: Lane[CallT] = Lane()
        self._late_max = late_max
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
        late = self._late.get(call.ledger)
        if late is not None:
            return late
        crowd = self._crowds.get(call.sku)
        return self.together if crowd is None or self._now() > crowd.until else crowd

    def without_crowds(self, lane: Lane[CallT], batch: list[CallT]) -> list[CallT]:
        """What is left of a batch of a lane where SKUs in great demand go to lanes of their own, in sequence."""
        if isinstance(lane, _Crowd):
            if 2 * len(batch) >= CROWD_CALLS_MIN:
                lane.until = self._now() + _CROWD_S
            return batch
        if lane is not self.together or len(batch) < CROWD_CALLS_MIN:
            return batch
        counts = Counter(call.sku for call in batch)
        found = {sku for sku, count in counts.items() if sku and count >= CROWD_CALLS_MIN and self._has_lane(sku)}
        if not found:
            return batch
        queued, lane.queued = lane.queued, deque()
        for call in chain(batch, queued):
            (self._crowds[call.sku] if call.sku in found else lane).queued.append(call)
        return []

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

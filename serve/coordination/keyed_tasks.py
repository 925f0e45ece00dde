"""Errands: words to carry to ledgers, many at once, where one that is slow or away holds up none of the others.

Each errand goes by a lane, named for the ledgers that it needs, and a lane takes a few at a time. A round waits for its
lanes a moment; one that is not through by then goes on, and takes nothing new until it is. What is not carried is found
again by whoever looked for it: nothing here is remembered, and all of it may be done twice.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from actors.protocol.actors import LedgerStopped
from serve.routing.batcher import DeadlinePassed, Overloaded

LANE_AT_ONCE: Final = 32  # errands of one lane
AT_ONCE_MAX: Final = 1_024  # of all lanes together
LANE_S: Final = 5.0  # what its lane has not begun by then is left, since it may have changed meanwhile
PATIENCE_S: Final = 0.5  # how long a round waits for its lanes

PASSING: Final = (DeadlinePassed, Overloaded, LedgerStopped)

log = logging.getLogger("holdfast.errands")


class Errand(NamedTuple):
    """What to carry, and the lane that it goes by."""

    lane: str
    carry: Callable[[], Awaitable[None]]


class Errands:
    """One kind of errand, as the log calls it. Runs in one event loop."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(AT_ONCE_MAX)

    async def run(self, errands: Sequence[Errand], patience_s: float = PATIENCE_S) -> None:
        """Carry them, except by lanes that are still busy with an earlier round. Returns when all are through, or after
        `patience_s`. What goes wrong with one is logged and keeps no other.
        """
        queues: dict[str, deque[Errand]] = {}
        for errand in errands:
            if errand.lane not in self._lanes:
                queues.setdefault(errand.lane, deque()).append(errand)
        if queues:
            await asyncio.wait([self._start(lane, queue) for lane, queue in queues.items()], timeout=patience_s)

    def close(self) -> None:
        """End; whatever is half done, another one will do."""
        for task in self._lanes.values():
            task.cancel()

    def _start(self, lane: str, queue: deque[Errand]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._go_through(lane, queue))
        self._lanes[lane] = task
        task.add_done_callback(lambda _: self._lanes.pop(lane))
        return task

    async def _go_through(self, lane: str, queue: deque[Errand]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + LANE_S
        count = len(queue)
        passing: list[Exception] = []
        failed = 0

        async def carry() -> None:
            nonlocal failed
            while queue and loop.time() < until:
                async with self._places:
                    if not queue:
                        return
                    errand = queue.popleft()
                    try:
                        await errand.carry()
                    except PASSING as error:
                        passing.append(error)
                    except Exception:
                        failed += 1
                        if failed == 1:
                            log.exception("%s by %s failed, and is tried again", self._kind, lane)

        await asyncio.gather(*(carry() for _ in range(min(LANE_AT_ONCE, count))))
        # A line or two for a lane, however many errands it had: what keeps one of them mostly keeps them all.
        if passing:
            log.warning("%s by %s: %d of %d are tried again: %r", self._kind, lane, len(passing), count, passing[0])
        if failed > 1:
            log.error("%s by %s: %d of %d failed so", self._kind, lane, failed, count)

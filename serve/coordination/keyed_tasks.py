"""Tasks of a reconciler by the ledgers that they need: many keys at once, a few tasks of each."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from actors.protocol.messages import LedgerStopped
from serve.coordination.deliveries import PASSING

TASKS_OF_KEY_MAX: Final = 32  # of one key at a time
TASKS_MAX: Final = 1_024  # of all keys together
BEGIN_WITHIN_S: Final = 5.0  # a task that has not begun by then is left, since it may have changed meanwhile
ROUND_WAIT_S: Final = 0.5  # how long a round waits for its keys
REST_S: Final = (0.5, 10.0)  # how long a key rests of which a ledger is stopped: doubled until somebody mends that
RESTING_MAX: Final = 10_000  # keys; of more, those that have rested for longest are asked again

log = logging.getLogger("holdfast.keyed_tasks")


class KeyedTask(NamedTuple):
    """What to run, and the ledgers that it needs as one string."""

    key: str
    run: Callable[[], Awaitable[None]]


class KeyedTasks:
    """Runs one kind of task, as the log calls it, many at once: a slow or absent ledger delays none of the others.

    A few tasks of one key run at a time. A round waits a moment for its keys; one that is not done by then goes on, and
    takes no new tasks until it is; one that meets a stopped ledger rests, since that answers at once whenever it is
    asked. A task that did not run is found again in the next round: every task may run twice.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._running: dict[str, asyncio.Task[None]] = {}
        self._slow: set[str] = set()  # keys that the last round with them waited for in vain
        self._resting: dict[str, tuple[float, float]] = {}  # keys, until when, and for how long
        self._slots = asyncio.Semaphore(TASKS_MAX)

    async def run(self, tasks: Sequence[KeyedTask], wait_s: float = ROUND_WAIT_S) -> None:
        """Run them, except those whose key is still busy with an earlier round. Returns when all are done, or after
        `wait_s`; keys that were not done by then are not waited for the next time, so that rounds are late once and not
        for as long as one is away. What goes wrong with one is logged and keeps no other.
        """
        queues: dict[str, deque[KeyedTask]] = {}
        now = asyncio.get_running_loop().time()
        for task in tasks:
            if task.key not in self._running and self._resting.get(task.key, (now, 0.0))[0] <= now:
                queues.setdefault(task.key, deque()).append(task)
        started = {key: self._start(key, queue, wait_s) for key, queue in queues.items()}
        waited = {key: task for key, task in started.items() if key not in self._slow}
        if waited:
            await asyncio.wait(waited.values(), timeout=wait_s)
        self._slow.update(key for key, task in waited.items() if not task.done())

    def close(self) -> None:
        for task in self._running.values():
            task.cancel()

    def _start(self, key: str, queue: deque[KeyedTask], wait_s: float) -> asyncio.Task[None]:
        loop = asyncio.get_running_loop()
        in_time = loop.time() + wait_s
        task = self._running[key] = loop.create_task(self._go_through(key, queue))

        def done(_task: asyncio.Task[None]) -> None:
            del self._running[key]
            if loop.time() < in_time:
                self._slow.discard(key)

        task.add_done_callback(done)
        return task

    async def _go_through(self, key: str, queue: deque[KeyedTask]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + BEGIN_WITHIN_S
        count = len(queue)
        passing: list[Exception] = []
        failed = 0

        async def run() -> None:
            nonlocal failed
            while queue and loop.time() < until:
                async with self._slots:
                    if not queue:
                        return
                    task = queue.popleft()
                    try:
                        await task.run()
                    except PASSING as error:
                        passing.append(error)
                    except Exception:
                        failed += 1
                        if failed == 1:
                            log.exception("%s by %s failed, and is tried again", self._kind, key)

        await asyncio.gather(*(run() for _ in range(min(TASKS_OF_KEY_MAX, count))))
        self._rest(key, any(isinstance(error, LedgerStopped) for error in passing))
        # A line or two for a key, however many tasks it had: what delays one of them mostly delays them all.
        if passing:
            log.warning(
                "%s by %s: %d of %d are tried again: %r",
                self._kind,
                key,
                len(passing),
                count,
                passing[0],
                extra={"task": self._kind, "ledgers": key, "tasks": count, "again": len(passing)},
            )
        if failed > 1:
            log.error("%s by %s: %d of %d failed so", self._kind, key, failed, count)

    def _rest(self, key: str, is_stopped: bool) -> None:
        first_s, rest_s_max = REST_S
        _, before_s = self._resting.pop(key, (0.0, 0.0))
        if is_stopped:
            rest_s = min(2 * before_s, rest_s_max) or first_s
            self._resting[key] = asyncio.get_running_loop().time() + rest_s, rest_s
            if len(self._resting) > RESTING_MAX:
                del self._resting[next(iter(self._resting))]

"""Keyed tasks: messages to ledgers, many at once, where a ledger that is slow or away delays none of the others.

Each task has a key, the names of the ledgers that it needs, and a few tasks of one key run at a time. A round waits a
moment for its keys; one that is not done by then goes on, and takes no new tasks until it is. A task that did not run
is found again in the next round: nothing is remembered here, and every task may run twice.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from actors.protocol.messages import LedgerStopped
from serve.routing.batcher import DeadlinePassed, Overloaded

TASKS_OF_KEY_MAX: Final = 32  # of one key at a time
TASKS_MAX: Final = 1_024  # of all keys together
BEGIN_WITHIN_S: Final = 5.0  # a task that has not begun by then is left, since it may have changed meanwhile
ROUND_WAIT_S: Final = 0.5  # how long a round waits for its keys

PASSING: Final = (DeadlinePassed, Overloaded, LedgerStopped)

log = logging.getLogger("holdfast.keyed_tasks")


class KeyedTask(NamedTuple):
    """What to run, and the ledgers that it needs as one string."""

    key: str
    run: Callable[[], Awaitable[None]]


class KeyedTasks:
    """One kind of task, as the log calls it. Runs in one event loop."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._running: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(TASKS_MAX)

    async def run(self, tasks: Sequence[KeyedTask], wait_s: float = ROUND_WAIT_S) -> None:
        """Run them, except those whose key is still busy with an earlier round. Returns when all are done, or after
        `wait_s`. What goes wrong with one is logged and keeps no other.
        """
        queues: dict[str, deque[KeyedTask]] = {}
        for task in tasks:
            if task.key not in self._running:
                queues.setdefault(task.key, deque()).append(task)
        if queues:
            await asyncio.wait([self._start(key, queue) for key, queue in queues.items()], timeout=wait_s)

    def close(self) -> None:
        """End; whatever is half done, another one will do."""
        for task in self._running.values():
            task.cancel()

    def _start(self, key: str, queue: deque[KeyedTask]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._go_through(key, queue))
        self._running[key] = task
        task.add_done_callback(lambda _: self._running.pop(key))
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

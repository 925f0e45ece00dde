"""One event loop in one daemon thread, into which other threads hand coroutines and wait for their results.

What several threads hand in before the loop gets to it starts in the same tick, so their calls go out as one batch.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from clients.errors import ClientClosed

ResultT = TypeVar("ResultT")

_Job = tuple[Callable[[], Coroutine[Any, Any, Any]], Future[Any]]


class Portal:
    """Runs coroutines for threads. Thread-safe; not to be used from its own thread."""

    def __init__(self, name: str) -> None:
        # Bounded by the threads that wait: each has at most one job here.
        self._jobs: deque[_Job] = deque()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._wake_due = False
        self.closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, make: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
        """Run the coroutine that `make` makes, in the loop's thread; its result, or what it raised."""
        if self.closed:
            raise ClientClosed("the call", why="the client was closed")
        future: Future[ResultT] = Future()
        self._jobs.append((make, future))
        # One wake-up for all that gathers until the loop gets to it: writing to its pipe costs more than a call does.
        if not self._wake_due:
            self._wake_due = True
            self._loop.call_soon_threadsafe(self._start_jobs)
        return future.result()

    def close(self) -> None:
        """Stop the loop and its thread. Safe to repeat."""
        if self.closed:
            return
        self.run(self._cancel_tasks)
        self.closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._start_jobs()
        self._loop.close()

    async def _cancel_tasks(self) -> None:
        others = self._tasks - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _start_jobs(self) -> None:
        # Lowered first: a job that comes after the last look below then wakes the loop again.
        self._wake_due = False
        while self._jobs:
            make, future = self._jobs.popleft()
            if self.closed:
                future.set_exception(ClientClosed("the call", why="the client was closed"))
                continue
            task = self._loop.create_task(make())
            self._tasks.add(task)
            task.add_done_callback(partial(self._hand_over, future))

    def _hand_over(self, future: Future[Any], task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            future.set_exception(ClientClosed("the call", why="the client was closed during it"))
            return
        error = task.exception()
        if error is None:
            future.set_result(task.result())
        else:
            future.set_exception(error)

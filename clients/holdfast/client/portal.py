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

from holdfast.client.errors import ClientClosed

ResultT = TypeVar("ResultT")

_Job = tuple[Callable[[], Coroutine[Any, Any, Any]], Future[Any]]


class Portal:
    """Runs coroutines for threads. Thread-safe; not to be used from its own thread."""

    def __init__(self, name: str) -> None:
        # Bounded by the threads that wait: each has at most one job here.
        self._jobs: deque[_Job] = deque()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._wake_due = False
        # Held while a job is handed in and while the door is shut, so that no job comes after the last look for one.
        self._door = threading.Lock()
        self.closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, make: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
        """Run the coroutine that `make` makes, in the loop's thread; its result, or what it raised."""
        future: Future[ResultT] = Future()
        with self._door:
            if self.closed:
                raise ClientClosed("the call", why="the client was closed")
            self._jobs.append((make, future))
            # One wake-up for all that gathers until the loop gets to it: writing to its pipe costs more than a call.
            if not self._wake_due:
                self._wake_due = True
                self._loop.call_soon_threadsafe(self._start_jobs)
        return future.result()

    def close(self) -> None:
        """Cancel what is under way, stop the loop and its thread. Safe to repeat, and from several threads."""
        with self._door:
            if self.closed:
                return
            self.closed = True
            # Behind whatever was handed in before it, which it therefore cancels too.
            self._loop.call_soon_threadsafe(self._start_jobs)
            self._loop.call_soon_threadsafe(self._stop)
        self._thread.join()
        self._loop.close()

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        ended = asyncio.gather(*self._tasks, return_exceptions=True)
        ended.add_done_callback(lambda _: self._loop.stop())

    def _start_jobs(self) -> None:
        # Lowered first: a job that comes after the last look below then wakes the loop again.
        self._wake_due = False
        while self._jobs:
            make, future = self._jobs.popleft()
            task = self._loop.create_task(_made(make))
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


async def _made(make: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
    # Within the task, so that a call with wrong arguments fails its caller, who would else wait for ever.
    return await make()

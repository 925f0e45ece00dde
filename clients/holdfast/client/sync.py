"""Synchronous wrappers: an event loop in a thread, and coroutine methods and async iterators as blocking ones.

What several threads submit before the loop runs starts in the same tick, so their calls go out as one batch.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from functools import partial, update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from holdfast.client.errors import ClientClosed
from holdfast.client.subscription import Subscription

ResultT = TypeVar("ResultT")

_Job = tuple[Callable[[], Coroutine[Any, Any, Any]], Future[Any]]


class LoopThread:
    """Runs coroutines for threads. Thread-safe; not to be used from its own thread."""

    def __init__(self, name: str) -> None:
        # Bounded by the threads that wait: each has at most one job here.
        self._jobs: deque[_Job] = deque()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._wake_due = False
        # Held while a job is queued and while `closed` is set, so that no job is queued after the last one is started.
        self._lock = threading.Lock()
        self.closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, make: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
        """Run the coroutine that `make` makes, in the loop's thread; its result, or what it raised."""
        future: Future[ResultT] = Future()
        with self._lock:
            if self.closed:
                raise ClientClosed("the call", why="the client was closed")
            self._jobs.append((make, future))
            # One wake-up for all jobs queued until the loop runs: writing to its pipe costs more than a call.
            if not self._wake_due:
                self._wake_due = True
                self._loop.call_soon_threadsafe(self._start_jobs)
        return future.result()

    def close(self) -> None:
        """Cancel what is under way, stop the loop and its thread. Safe to repeat, and from several threads."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            # Scheduled after every job queued so far, which it therefore cancels too.
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
            task = self._loop.create_task(_awaited(make))
            self._tasks.add(task)
            task.add_done_callback(partial(self._set_outcome, future))

    def _set_outcome(self, future: Future[Any], task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            future.set_exception(ClientClosed("the call", why="the client was closed during it"))
            return
        error = task.exception()
        if error is None:
            future.set_result(task.result())
        else:
            future.set_exception(error)


async def _awaited(make: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
    # Within the task, so that a call with wrong arguments fails its caller, who would else wait for ever.
    return await make()


ParamsT = ParamSpec("ParamsT")
ItemT = TypeVar("ItemT")
ClientT = TypeVar("ClientT")
ClientT_co = TypeVar("ClientT_co", covariant=True)


class BlockingClient(Protocol[ClientT_co]):
    """A blocking face: an async client, and the thread of its event loop."""

    @property
    def loop_thread(self) -> LoopThread:
        """The thread of the client's event loop."""
        ...

    @property
    def client(self) -> ClientT_co:
        """The async client."""
        ...


class Closable(Protocol):
    """An async client, as far as its end is concerned."""

    async def close(self) -> None:
        """Finish, and let go of everything."""
        ...


def open_client(name: str, make: Callable[[], Coroutine[Any, Any, ClientT]]) -> tuple[LoopThread, ClientT]:
    """A loop_thread, its thread of this name, and the client that was made in its loop."""
    loop_thread = LoopThread(name)
    try:
        return loop_thread, loop_thread.run(make)
    except BaseException:
        loop_thread.close()
        raise


def close_client(loop_thread: LoopThread, client: Closable) -> None:
    """Close the client in its loop, then the loop_thread. Safe to repeat, and from several threads."""
    try:
        # Closed already, or by another thread in this moment.
        with suppress(ClientClosed):
            loop_thread.run(client.close)
    finally:
        loop_thread.close()


class _End:
    """Sentinel: the iterator is exhausted."""


class BlockingIterator(Generic[ItemT]):
    """An async iterator of the client, one blocking step at a time."""

    def __init__(self, loop_thread: LoopThread, items: AsyncIterator[ItemT]) -> None:
        self._loop_thread = loop_thread
        self._items = items

    def __iter__(self) -> "BlockingIterator[ItemT]":
        return self

    def __next__(self) -> ItemT:
        async def step() -> ItemT | _End:
            return await anext(self._items, _End())

        item = self._loop_thread.run(step)
        if isinstance(item, _End):
            raise StopIteration
        return item


class BlockingSubscription(BlockingIterator[ItemT]):
    """A watch that blocks for the next item; use it with `with`, or call `close`, also from another thread."""

    def __init__(self, loop_thread: LoopThread, subscription: Subscription[ItemT]) -> None:
        super().__init__(loop_thread, subscription)
        self._subscription = subscription

    @property
    def cursors(self) -> dict[str, int]:
        """By shop, the version up to which items were delivered: what to resume from in a new watch."""
        return self._subscription.cursors

    def __enter__(self) -> "BlockingSubscription[ItemT]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the watch; `cursors` stay."""
        self._loop_thread.run(self._subscription.aclose)


def blocking(
    method: Callable[Concatenate[ClientT, ParamsT], Coroutine[Any, Any, ResultT]],
) -> Callable[Concatenate[BlockingClient[ClientT], ParamsT], ResultT]:
    """A coroutine method as one that blocks, with the same arguments, result, errors and docs."""

    def call(self: BlockingClient[ClientT], /, *args: ParamsT.args, **kwargs: ParamsT.kwargs) -> ResultT:
        return self.loop_thread.run(lambda: method(self.client, *args, **kwargs))

    update_wrapper(call, method)
    return call

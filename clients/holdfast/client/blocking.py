"""What makes a client one for threads: its event loop runs in one thread, and its calls block.

What several threads submit before the loop runs starts in the same tick, so their calls go out as one batch.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import suppress
from functools import partial, update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from holdfast.client.errors import ClientClosed
from holdfast.client.subscription import Subscription

ResultT = TypeVar("ResultT")

_Job = tuple[Callable[[], Awaitable[Any]], Future[Any]]


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

    def run(self, make: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Await what `make` makes, in the loop's thread; its result, or what it raised."""
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


async def _awaited(make: Callable[[], Awaitable[ResultT]]) -> ResultT:
    # Within the task, so that a call with wrong arguments fails its caller, who would else wait for ever.
    return await make()


ParamsT = ParamSpec("ParamsT")
SelfT = TypeVar("SelfT", bound="BlockingClient")
ItemT = TypeVar("ItemT")
ClientT = TypeVar("ClientT")


class BlockingClient:
    """An async client, and the thread of its event loop. Thread-safe."""

    loop_thread: LoopThread
    client: Any  # each whole client says which

    def __enter__(self: SelfT) -> SelfT:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the client in its loop as its own `close` does, and end the thread. Safe to repeat."""
        try:
            # Closed already, or by another thread in this moment.
            with suppress(ClientClosed):
                self.loop_thread.run(self.client.close)
        finally:
            self.loop_thread.close()


class BlockingIterator(Generic[ItemT]):
    """An async iterator of the client, one blocking step at a time."""

    def __init__(self, loop_thread: LoopThread, items: AsyncIterator[ItemT]) -> None:
        self._loop_thread = loop_thread
        self._items = items

    def __iter__(self) -> "BlockingIterator[ItemT]":
        return self

    def __next__(self) -> ItemT:
        try:
            return self._loop_thread.run(self._items.__anext__)
        except StopAsyncIteration:
            raise StopIteration from None


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
    method: Callable[Concatenate[Any, ParamsT], Coroutine[Any, Any, ResultT]],
) -> Callable[Concatenate[BlockingClient, ParamsT], ResultT]:
    """A coroutine method as one that blocks, with the same arguments, result, errors and docs."""

    def call(self: BlockingClient, /, *args: ParamsT.args, **kwargs: ParamsT.kwargs) -> ResultT:
        return self.loop_thread.run(lambda: method(self.client, *args, **kwargs))

    return update_wrapper(call, method)


def iterating(
    method: Callable[Concatenate[Any, ParamsT], AsyncIterator[ItemT]],
) -> Callable[Concatenate[BlockingClient, ParamsT], Iterator[ItemT]]:
    """A method that gives an async iterator as one that gives an iterator."""

    def call(self: BlockingClient, /, *args: ParamsT.args, **kwargs: ParamsT.kwargs) -> Iterator[ItemT]:
        return BlockingIterator(self.loop_thread, method(self.client, *args, **kwargs))

    return update_wrapper(call, method)


def watching(
    method: Callable[Concatenate[Any, ParamsT], Subscription[ItemT]],
) -> Callable[Concatenate[BlockingClient, ParamsT], BlockingSubscription[ItemT]]:
    """A method that gives a subscription as one that gives a blocking one."""

    def call(self: BlockingClient, /, *args: ParamsT.args, **kwargs: ParamsT.kwargs) -> BlockingSubscription[ItemT]:
        return BlockingSubscription(self.loop_thread, method(self.client, *args, **kwargs))

    return update_wrapper(call, method)


def opening(
    kind: Callable[ParamsT, ClientT],
) -> Callable[[Callable[[SelfT, ClientT], None]], Callable[Concatenate[SelfT, ParamsT], None]]:
    """An `__init__` with the arguments of an async client, which is given the client, made in the loop of a thread."""

    def decorate(init: Callable[[SelfT, ClientT], None]) -> Callable[Concatenate[SelfT, ParamsT], None]:
        def call(self: SelfT, /, *args: ParamsT.args, **kwargs: ParamsT.kwargs) -> None:
            async def make() -> ClientT:
                return kind(*args, **kwargs)

            self.loop_thread = LoopThread("holdfast-client")
            try:
                init(self, self.loop_thread.run(make))
            except BaseException:
                self.loop_thread.close()
                raise

        return update_wrapper(call, kind.__init__)

    return decorate

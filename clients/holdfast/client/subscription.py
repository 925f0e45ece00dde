"""Streams that come back by themselves: a `Subscription` resumes from the last version that it saw of each shop."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc

from holdfast.client.attempts import Attempts
from holdfast.client.caller import Caller
from holdfast.client.connection import cancelled_from_outside
from holdfast.client.errors import ClientClosed
from holdfast.client.methods import Method
from holdfast.client.retry import Failure
from holdfast.client.statuses import Fault, fault_from_rpc

ItemT = TypeVar("ItemT")

_ALIVE_AFTER_MS = 5_000
"""A connection that lasted so long was up, even where a quiet shop had nothing to tell."""


@dataclass(frozen=True, slots=True)
class Recorded(Generic[ItemT]):
    """One thing that the stream told: `item` (None where only the cursor moves) at a shop's version.

    `previous_version` is the version that must have been told before it, None where the sequence may have gaps.
    """

    store_id: str
    version: int
    item: ItemT | None
    previous_version: int | None = None


@dataclass(frozen=True, slots=True)
class Feed(Generic[ItemT]):
    """A kind of stream: the method, the request that resumes from given cursors, and how to read a message."""

    method: Method[Any, Any]
    request: Callable[[Mapping[str, int]], Any]
    read: Callable[[Any], Iterable[Recorded[ItemT]]]


class Subscription(Generic[ItemT]):
    """An async iterator for one consumer. Use it with `async with`, or call `aclose`.

    It resumes after UNAVAILABLE, RESOURCE_EXHAUSTED, a lost connection and an end of the stream. What the service tells
    twice is handed on once; where the service skips a version, the stream is asked again from before the gap. After
    `watch_silence_ms_max` without a connection it raises Unavailable; iterating again then goes on from `cursors`.
    """

    def __init__(self, feed: Feed[ItemT], cursors: Mapping[str, int], *, caller: Caller, silence_ms_max: int) -> None:
        self._feed = feed
        self._caller = caller
        self._silence_ms_max = silence_ms_max
        self._received = dict(cursors)
        self._delivered = dict(cursors)
        self._ready: deque[Recorded[ItemT]] = deque()
        self._stream: grpc.aio.UnaryStreamCall[Any, Any] | None = None
        self._opened_at = 0.0
        self._failing_since: float | None = None
        self._attempts = Attempts(None)
        self._closed = False

    @property
    def cursors(self) -> dict[str, int]:
        """By shop, the version up to which things were handed to the consumer: what to resume from in a new watch."""
        return dict(self._delivered)

    def __aiter__(self) -> "Subscription[ItemT]":
        return self

    async def __anext__(self) -> ItemT:
        while True:
            while self._ready:
                told = self._ready.popleft()
                self._delivered[told.store_id] = told.version
                if told.item is not None:
                    return told.item
            if self._closed:
                raise StopAsyncIteration
            await self._read_more()

    async def __aenter__(self) -> "Subscription[ItemT]":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the watch; `cursors` stay."""
        self._closed = True
        self._hang_up()

    async def _read_more(self) -> None:
        loop = asyncio.get_running_loop()
        if self._caller.closed:
            raise ClientClosed(
                self._feed.method.name, where=self._caller.connection.target, why="the client was closed"
            )
        try:
            if self._stream is None:
                self._opened_at = loop.time()
                self._stream = self._caller.connection.stream(
                    self._feed.method, self._feed.request(self._received), self._caller.timeouts.watch_ms
                )
            message = await self._stream.read()
            if message is not grpc.aio.EOF:
                fault = self._admit(message)
                if fault is None:
                    return
            else:
                fault = Fault(grpc.StatusCode.UNAVAILABLE, "the service ended the stream")
        except grpc.aio.AioRpcError as error:
            fault = fault_from_rpc(error)
        except asyncio.CancelledError:
            if cancelled_from_outside(closed=self._closed or self._caller.closed):
                self._hang_up()
                raise
            if self._closed:
                return
            fault = Fault(grpc.StatusCode.CANCELLED, "the connection was closed during the watch")
        self._hang_up()
        await self._pause(fault, loop.time())

    def _admit(self, message: object) -> Fault | None:
        """Take a message's news into the queue; the fault where a version is missing before them."""
        for told in self._feed.read(message):
            seen = self._received.get(told.store_id, 0)
            if told.previous_version is not None:
                if told.version <= seen:
                    continue
                if told.previous_version > seen:
                    why = f"shop {told.store_id} jumped from version {seen} to {told.version}"
                    return Fault(grpc.StatusCode.INTERNAL, why)
            elif told.version < seen:
                continue
            self._received[told.store_id] = told.version
            self._ready.append(told)
            # Only news counts as a sign of life: a service that repeats itself before each failure is still failing.
            self._failing_since, self._attempts = None, Attempts(None)
        return None

    async def _pause(self, fault: Fault, now: float) -> None:
        """Wait until the stream may be opened again, or raise."""
        lasted_ms = (now - self._opened_at) * 1000
        if lasted_ms >= _ALIVE_AFTER_MS and fault.failure is not Failure.FINAL:
            self._failing_since, self._attempts = None, Attempts(None)
        if self._failing_since is None:
            self._failing_since = now
        remaining_ms = self._silence_ms_max - (now - self._failing_since) * 1000
        wait_ms = self._attempts.wait_ms(
            self._caller.retry, fault, remaining_ms=remaining_ms, jitter=self._caller.jitter()
        )
        if wait_ms is None:
            # Iterating again after the error starts afresh.
            attempts, self._attempts, self._failing_since = self._attempts, Attempts(None), None
            raise attempts.error(fault, what=self._feed.method.name, where=self._caller.connection.target)
        await asyncio.sleep(wait_ms / 1000)

    def _hang_up(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()

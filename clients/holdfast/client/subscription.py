"""Server streams that reconnect: a `Subscription` resumes from the last version that it saw of each shop."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc

from holdfast.client.connection import METHODS, cancelled_from_outside
from holdfast.client.errors import ClientClosed
from holdfast.client.internals import Internals
from holdfast.client.limits import Failure
from holdfast.client.statuses import Attempts, Fault, fault_from_rpc
from holdfast.v1 import stock_service_pb2

ItemT = TypeVar("ItemT")

_ALIVE_AFTER_MS = 5_000
"""A connection that lasted so long was up, even where it delivered no item."""


@dataclass(frozen=True, slots=True)
class FeedItem(Generic[ItemT]):
    """One item of the stream at a shop's version; `item` is None where only the cursor moves.

    `previous_version` is the version that must have come before it, None where the sequence may have gaps. With
    `record_hash` the service knows whether the shop still has that version.
    """

    store_id: str
    version: int
    item: ItemT | None
    record_hash: int
    previous_version: int | None = None


class Subscription(AsyncIterator[ItemT], AbstractAsyncContextManager["Subscription[ItemT]"]):
    """An async iterator for one consumer. Use it with `async with`, or call `aclose`.

    It resumes after UNAVAILABLE, RESOURCE_EXHAUSTED, a lost connection and an end of the stream. What the service tells
    twice is delivered once; where the service skips a version, the stream is resumed from before the gap. After
    `watch_silence_ms_max` without a connection it raises Unavailable; iterating again then goes on from `cursors`.
    Where a shop was restored from a copy that is older than what was received, it raises InvalidArgument, with the
    `reason` CURSOR_BEYOND_HEAD or HISTORY_CHANGED.
    """

    def __init__(
        self,
        request: Callable[[Mapping[str, int]], Any],
        read: Callable[[Any], Iterable[FeedItem[ItemT]]],
        cursors: Mapping[str, int] | Iterable[str],
        internals: Internals,
        cursor: bytes = b"",
    ) -> None:
        """`request` makes the request that resumes from given cursors, and `read` the items of a message. Where the
        service sends a cursor for all shops, it goes into the request, with the cursors of those told of since.
        """
        self._name = METHODS[type(request({}))].name
        self._request = request
        self._read = read
        self._caller = internals.caller
        self._silence_ms_max = internals.limits.watch_silence_ms_max
        self._received = dict(cursors) if isinstance(cursors, Mapping) else dict.fromkeys(cursors, 0)
        self._delivered = dict(self._received)
        self._since = dict(self._received)  # what was received since the service's own cursor
        self._hashes: dict[str, int] = {}  # of the records of what was received last
        self._cursor, self._begins_anywhere = cursor, bool(cursor)
        self._ready: deque[FeedItem[ItemT] | bytes] = deque()
        self._delivered_cursor = cursor
        self._stream: grpc.aio.UnaryStreamCall[Any, Any] | None = None
        self._opened_at = 0.0
        self._failing_since: float | None = None
        self._attempts = Attempts(None)
        self._closed = False

    @property
    def cursors(self) -> dict[str, int]:
        """By shop, the version up to which items were delivered to the consumer: what to resume from in a new watch."""
        return dict(self._delivered)

    @property
    def cursor(self) -> bytes:
        """Of a feed of all shops, where it stood a moment ago: what to resume from in a new watch, however many shops
        there are. What was delivered since is told again.
        """
        return self._delivered_cursor

    async def __anext__(self) -> ItemT:
        while True:
            while self._ready:
                entry = self._ready.popleft()
                if isinstance(entry, bytes):
                    self._delivered_cursor = entry
                    continue
                self._delivered[entry.store_id] = entry.version
                if entry.item is not None:
                    return entry.item
            if self._closed:
                raise StopAsyncIteration
            await self._read_more()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the watch; `cursors` stay."""
        self._closed = True
        self._cancel_stream()

    async def _read_more(self) -> None:
        loop = asyncio.get_running_loop()
        if self._caller.closed:
            raise ClientClosed(self._name, where=self._caller.connection.target, why="the client was closed")
        try:
            if self._stream is None:
                self._opened_at = loop.time()
                request = self._request(self._since)
                for each in getattr(request, "cursors", ()):
                    each.record_hash = self._hashes.get(each.store_id, 0)
                if self._cursor:
                    request.cursor = self._cursor
                method = METHODS[type(request)]
                self._stream = self._caller.connection.stream(method, request, self._caller.timeouts.watch_ms)
            message = await self._stream.read()
            if message is not grpc.aio.EOF:
                fault = self._enqueue(message)
                if fault is None:
                    return
            else:
                fault = Fault(grpc.StatusCode.UNAVAILABLE, "the service ended the stream")
        except grpc.aio.AioRpcError as error:
            fault = fault_from_rpc(error)
        except asyncio.CancelledError:
            if cancelled_from_outside(closed=self._closed or self._caller.closed):
                self._cancel_stream()
                raise
            if self._closed:
                return
            fault = Fault(grpc.StatusCode.CANCELLED, "the connection was closed during the watch")
        self._cancel_stream()
        await self._pause(fault, loop.time())

    def _enqueue(self, message: object) -> Fault | None:
        """Queue a message's new items; the fault where a version is missing before them."""
        for entry in self._read(message):
            unseen = (entry.previous_version or 0) if self._begins_anywhere else 0
            seen = self._received.get(entry.store_id, unseen)
            if entry.previous_version is not None:
                if entry.version <= seen:
                    continue
                if entry.previous_version > seen:
                    why = f"shop {entry.store_id} jumped from version {seen} to {entry.version}"
                    return Fault(grpc.StatusCode.INTERNAL, why)
            elif entry.version < seen:
                continue
            self._received[entry.store_id] = self._since[entry.store_id] = entry.version
            self._hashes[entry.store_id] = entry.record_hash
            self._ready.append(entry)
            # Only a new item ends the failing phase: a service that repeats old ones before each failure still fails.
            self._failing_since, self._attempts = None, Attempts(None)
        if cursor := getattr(message, "cursor", b""):
            self._cursor = cursor
            self._since.clear()
            self._ready.append(cursor)
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
            raise attempts.error(fault, what=self._name, where=self._caller.connection.target)
        await asyncio.sleep(wait_ms / 1000)

    def _cancel_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()


def cursor_messages(cursors: Mapping[str, int]) -> list[stock_service_pb2.StoreCursor]:
    """Shops, each with the version after which it is told."""
    return [
        stock_service_pb2.StoreCursor(store_id=store_id, after_version=version) for store_id, version in cursors.items()
    ]

"""Server streams that reconnect: a `Subscription` resumes from the last version that it saw of each shop."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc

from holdfast.client.connection import METHODS, Caller, cancelled_from_outside
from holdfast.client.errors import ClientClosed
from holdfast.client.limits import Failure
from holdfast.client.models.events import Event, event_from
from holdfast.client.models.stock import AvailabilityChange, availability_change_from
from holdfast.client.statuses import Attempts, Fault, fault_from_rpc
from holdfast.v1 import event_service_pb2, stock_service_pb2

ItemT = TypeVar("ItemT")

_ALIVE_AFTER_MS = 5_000
"""A connection that lasted so long was up, even where it delivered no item."""


@dataclass(frozen=True, slots=True)
class FeedItem(Generic[ItemT]):
    """One item of the stream at a shop's version; `item` is None where only the cursor moves.

    `previous_version` is the version that must have come before it, None where the sequence may have gaps.
    """

    store_id: str
    version: int
    item: ItemT | None
    previous_version: int | None = None


@dataclass(frozen=True, slots=True)
class Feed(Generic[ItemT]):
    """A server stream: its name, the request that resumes from given cursors, and how to read a message."""

    name: str
    request: Callable[[Mapping[str, int]], Any]
    read: Callable[[Any], Iterable[FeedItem[ItemT]]]


class Subscription(Generic[ItemT]):
    """An async iterator for one consumer. Use it with `async with`, or call `aclose`.

    It resumes after UNAVAILABLE, RESOURCE_EXHAUSTED, a lost connection and an end of the stream. What the service tells
    twice is delivered once; where the service skips a version, the stream is resumed from before the gap. After
    `watch_silence_ms_max` without a connection it raises Unavailable; iterating again then goes on from `cursors`.
    """

    def __init__(self, feed: Feed[ItemT], cursors: Mapping[str, int], *, caller: Caller, silence_ms_max: int) -> None:
        self._feed = feed
        self._caller = caller
        self._silence_ms_max = silence_ms_max
        self._received = dict(cursors)
        self._delivered = dict(cursors)
        self._ready: deque[FeedItem[ItemT]] = deque()
        self._stream: grpc.aio.UnaryStreamCall[Any, Any] | None = None
        self._opened_at = 0.0
        self._failing_since: float | None = None
        self._attempts = Attempts(None)
        self._closed = False

    @property
    def cursors(self) -> dict[str, int]:
        """By shop, the version up to which items were delivered to the consumer: what to resume from in a new watch."""
        return dict(self._delivered)

    def __aiter__(self) -> "Subscription[ItemT]":
        return self

    async def __anext__(self) -> ItemT:
        while True:
            while self._ready:
                entry = self._ready.popleft()
                self._delivered[entry.store_id] = entry.version
                if entry.item is not None:
                    return entry.item
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
        self._cancel_stream()

    async def _read_more(self) -> None:
        loop = asyncio.get_running_loop()
        if self._caller.closed:
            raise ClientClosed(self._feed.name, where=self._caller.connection.target, why="the client was closed")
        try:
            if self._stream is None:
                self._opened_at = loop.time()
                request = self._feed.request(self._received)
                self._stream = self._caller.connection.stream(
                    METHODS[type(request)], request, self._caller.timeouts.watch_ms
                )
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
        for entry in self._feed.read(message):
            seen = self._received.get(entry.store_id, 0)
            if entry.previous_version is not None:
                if entry.version <= seen:
                    continue
                if entry.previous_version > seen:
                    why = f"shop {entry.store_id} jumped from version {seen} to {entry.version}"
                    return Fault(grpc.StatusCode.INTERNAL, why)
            elif entry.version < seen:
                continue
            self._received[entry.store_id] = entry.version
            self._ready.append(entry)
            # Only a new item ends the failing phase: a service that repeats old ones before each failure still fails.
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
            raise attempts.error(fault, what=self._feed.name, where=self._caller.connection.target)
        await asyncio.sleep(wait_ms / 1000)

    def _cancel_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()


_CURSORS_MAX = 1_024
"""Shops that one watch may name. Those beyond it are streamed from their beginning, and what was seen is dropped."""


def starting_cursors(cursors: Mapping[str, int] | Iterable[str]) -> dict[str, int]:
    """Cursors from a mapping of shop to version, or from shops alone, which start from their beginning."""
    if isinstance(cursors, Mapping):
        return dict(cursors)
    return dict.fromkeys(cursors, 0)


def _messages(cursors: Mapping[str, int]) -> list[stock_service_pb2.StoreCursor]:
    return [
        stock_service_pb2.StoreCursor(store_id=store_id, after_version=version) for store_id, version in cursors.items()
    ]


def availability_feed(skus: Sequence[str]) -> Feed[AvailabilityChange]:
    """Positions as they change; `skus` empty watches all."""

    def request(cursors: Mapping[str, int]) -> stock_service_pb2.WatchAvailabilityRequest:
        return stock_service_pb2.WatchAvailabilityRequest(cursors=_messages(cursors), skus=skus)

    def read(message: stock_service_pb2.WatchAvailabilityResponse) -> Iterator[FeedItem[AvailabilityChange]]:
        change = availability_change_from(message)
        yield FeedItem(change.store_id, change.version, change if change.positions else None)

    return Feed("WatchAvailability", request, read)


def event_feed(*, all_stores: bool) -> Feed[Event]:
    """Everything that happens, without gaps."""

    def request(cursors: Mapping[str, int]) -> event_service_pb2.WatchEventsRequest:
        named = _messages(cursors)
        return event_service_pb2.WatchEventsRequest(
            cursors=named[:_CURSORS_MAX] if all_stores else named, all_stores=all_stores
        )

    def read(message: event_service_pb2.WatchEventsResponse) -> Iterator[FeedItem[Event]]:
        for event in map(event_from, message.events):
            yield FeedItem(event.store_id, event.version, event, previous_version=event.version - 1)

    return Feed("WatchEvents", request, read)

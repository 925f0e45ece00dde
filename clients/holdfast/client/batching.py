"""Request coalescing for one RPC: calls that are made in the same tick of the event loop are sent as one batch.

A call is its request's bytes, so a retry is the same bytes again. `submit` only queues and returns a future; the next
tick sends what is queued, up to the limits. While the most batches that may be in flight are, calls queue for the next
one: there is no timer, so a single call is sent at once. Each call keeps its own deadline, attempts and key. One timer
serves all deadlines, and a batch costs one task: with 128 callers at once a call costs this process about 20
microseconds of CPU, gRPC's own threads included.

A batch is answered when its slowest shop is, or is given up, so what makes the others wait has batches of its own; see
`lanes`.
"""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Generic, TypeVar

import grpc

from holdfast.client.errors import ClientClosed, Overloaded
from holdfast.client.lanes import Lane, Lanes
from holdfast.client.limits import Failure, Limits, RetryPolicy, Timeouts
from holdfast.client.statuses import Attempts, Fault, fault_from_rpc

ResultT = TypeVar("ResultT")
OutcomeT = TypeVar("OutcomeT")

_SWEEP_PAUSE_S = 0.01
"""Deadlines closer together than this are handled by one sweep."""

_QUEUE_RETRY_AFTER_MS = 50
"""Retry-after of a call that finds the client's own queue full: about the time of a few batches."""

_IN_TIME_S = 0.5
"""A shop that answers sooner shares batches again: half as long as the service waits for one shop beside others."""

SLICE = 16
"""Answers of what is apart that are handed to callers in one go: what these do with them takes a millisecond or so. It
costs 0.3 us for each, which no other calls pay."""

_ALONE = frozenset({grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.OUT_OF_RANGE})
"""Statuses by which one call fails a whole batch; its calls are then sent one by one."""


@dataclass(slots=True, eq=False, kw_only=True)
class BatchedCall(Attempts, Generic[ResultT]):
    """A call that waits to be sent, is under way, or waits to be sent again.

    `payload` is the encoded request and `lines` its size in lines. `ledger` decides it, "" where the client cannot know
    which; `asked` is what the method's `sku_of` reads. Calls with an equal `serial_key` may not share a batch; None may
    share one with any. `deadline_at` is on the loop's clock, in seconds. `alone` is set for a call that is to be
    sent by itself, because a batch that it was in was refused as a whole. `first` is added to the payload of the first
    attempt.
    """

    payload: bytes
    lines: int
    ledger: str
    asked: object
    serial_key: str | None
    deadline_at: float
    future: asyncio.Future[ResultT]
    alone: bool = False
    first: bytes = b""

    def to_send(self) -> bytes:
        """What the next attempt sends."""
        return self.payload + self.first if self.first and not (self.count or self.alone) else self.payload


@dataclass(frozen=True, slots=True)
class BatchedMethod(Generic[OutcomeT, ResultT]):
    """An RPC that may be batched, as the batcher sees it.

    `send` takes the requests' bytes and the attempt's time in ms, and gives one outcome each.
    `read` makes of an outcome the caller's result, or the fault of that item.
    `sku_of` reads from what was asked which SKU a call is for, "" for no single one.
    """

    name: str
    where: str
    send: Callable[[Sequence[bytes], int], Awaitable[Sequence[OutcomeT]]]
    read: Callable[[OutcomeT], ResultT | Fault]
    sku_of: Callable[[Any], str] = lambda _: ""


class Batcher(Generic[OutcomeT, ResultT]):
    """Coalesces, sends, retries and times out the calls of one RPC. Lives in one event loop; not thread-safe."""

    def __init__(
        self,
        method: BatchedMethod[OutcomeT, ResultT],
        *,
        limits: Limits,
        timeouts: Timeouts,
        retry: RetryPolicy,
    ) -> None:
        self._method = method
        self._limits = limits
        self._attempt_ms = timeouts.attempt_ms
        self._retry = retry
        self._jitter = random.random
        self._loop = asyncio.get_running_loop()
        self._lanes: Lanes[BatchedCall[ResultT]] = Lanes(
            limits.late_ledgers_max, lambda call: method.sku_of(call.asked), self._loop.time
        )
        self._in_flight: dict[asyncio.Task[None], list[BatchedCall[ResultT]]] = {}
        self._waiting: dict[asyncio.TimerHandle, list[BatchedCall[ResultT]]] = {}
        self._unfinished = 0
        self._flush_due = False
        self._sweep: asyncio.TimerHandle | None = None
        self._sweep_at = float("inf")
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    def submit(
        self,
        payload: bytes,
        *,
        lines: int,
        key: str,
        ledger: str,
        serial_key: str | None,
        timeout_ms: int,
        first: bytes = b"",
        asked: object = None,
    ) -> asyncio.Future[ResultT]:
        """Queue one request. The future gives the result, or raises an error of the tree; it may be cancelled.

        Raises Overloaded where the client already has as many calls unfinished as it takes, ClientClosed after close.
        """
        if self._closed:
            raise ClientClosed(self._method.name, where=self._method.where, why="the client was closed")
        if self._unfinished >= self._limits.calls_max:
            raise Overloaded(
                self._method.name,
                where="this client",
                why=f"{self._unfinished} calls are unfinished, and calls_max allows no more",
                retry_after_ms=_QUEUE_RETRY_AFTER_MS,
            )
        loop = self._loop
        deadline_at = loop.time() + timeout_ms / 1000
        future: asyncio.Future[ResultT] = loop.create_future()
        call = BatchedCall(
            key,
            payload=payload,
            lines=lines,
            ledger=ledger,
            asked=asked,
            serial_key=serial_key,
            deadline_at=deadline_at,
            future=future,
            first=first,
        )
        lane = self._lanes.of(call)
        lane.queued.append(call)
        self._unfinished += 1
        if deadline_at < self._sweep_at:
            self._sweep_by(deadline_at)
        if not self._flush_due and lane.in_flight < self._limits.batches_in_flight_max:
            self._flush_due = True
            loop.call_soon(self._flush)
        return future

    async def close(self, grace_ms: int) -> None:
        """Take no more calls, wait up to `grace_ms` for those under way, then fail what is left with ClientClosed."""
        self._closed = True
        self._idle.clear()
        if self._unfinished:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._idle.wait(), grace_ms / 1000)
        in_flight_ids = self._ids_in_flight()
        for call in list(self._calls()):
            what, where = self._method.name, self._method.where
            self._fail(call, call.error_at_close(what=what, where=where, in_flight=id(call) in in_flight_ids))
        for timer in (*self._waiting, self._sweep):
            if timer is not None:
                timer.cancel()
        for lane in self._lanes:
            lane.queued.clear()
        self._waiting.clear()
        for task in list(self._in_flight):
            task.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)
        # Those that were failed while they gathered or waited: closing again must not wait for them.
        self._unfinished = 0

    def _flush(self) -> None:
        self._flush_due = False
        for lane in self._lanes:
            while lane.queued and lane.in_flight < self._limits.batches_in_flight_max:
                batch = self._lanes.without_crowds(lane, self._take(lane.queued))
                if batch:
                    lane.in_flight += 1
                    task = self._loop.create_task(self._send(lane, batch))
                    self._in_flight[task] = batch
                    task.add_done_callback(partial(self._on_task_done, batch))

    def _take(self, queued: deque[BatchedCall[ResultT]]) -> list[BatchedCall[ResultT]]:
        """The next batch, in sequence; calls that share a `serial_key` with it, or go alone, wait for a later one."""
        limits = self._limits
        batch: list[BatchedCall[ResultT]] = []
        serial_keys: set[str] = set()
        passed_over: list[BatchedCall[ResultT]] = []
        lines = 0
        while queued and len(batch) < limits.batch_items_max:
            call = queued[0]
            if call.future.done():
                queued.popleft()
                self._finished()
                continue
            if batch and (call.alone or lines + call.lines > limits.batch_lines_max):
                break
            queued.popleft()
            if call.serial_key is not None:
                if call.serial_key in serial_keys:
                    passed_over.append(call)
                    continue
                serial_keys.add(call.serial_key)
            batch.append(call)
            lines += call.lines
            if call.alone:
                break
        queued.extendleft(reversed(passed_over))
        return batch

    async def _send(self, lane: Lane[BatchedCall[ResultT]], batch: list[BatchedCall[ResultT]]) -> None:
        task, sent_at = asyncio.current_task(), self._loop.time()
        faults: list[tuple[BatchedCall[ResultT], Fault]] = []
        try:
            outcomes, fault = await self._ask(batch, sent_at)
            answered_at = self._loop.time()
            if fault is None:
                faults = await self._resolve_all(lane, batch, outcomes)
        finally:
            lane.in_flight -= 1
            if task is not None:
                del self._in_flight[task]
        if fault is not None and fault.code in _ALONE and len(batch) > 1:
            for call in reversed(batch):
                call.alone = True
                self._lanes.of(call).queued.appendleft(call)
        else:
            if fault is not None:
                faults = [(call, fault) for call in batch]
            self._lanes.keep_late({call.ledger for call, each in faults if each.is_late and call.ledger})
            is_answered = all(each.failure is Failure.FINAL for _, each in faults)
            if is_answered and answered_at - sent_at < _IN_TIME_S:
                self._lanes.let_together(batch[0].ledger)
            self._retry_or_fail(faults)
        self._flush()

    async def _ask(self, batch: list[BatchedCall[ResultT]], sent_at: float) -> tuple[Sequence[OutcomeT], Fault | None]:
        """One attempt of a batch: an outcome for each call, or why there are none."""
        remaining_ms = (max(call.deadline_at for call in batch) - sent_at) * 1000
        timeout_ms = max(1, min(self._attempt_ms, int(remaining_ms)))
        try:
            outcomes = await self._method.send([call.to_send() for call in batch], timeout_ms)
        except grpc.aio.AioRpcError as error:
            return (), fault_from_rpc(error)
        except asyncio.CancelledError:
            # Either this client is being closed or its channel was: nobody will answer these calls any more.
            return (), Fault(grpc.StatusCode.CANCELLED, "the connection was closed during the call")
        if len(outcomes) != len(batch):
            why = f"{len(outcomes)} outcomes came for {len(batch)} requests"
            return (), Fault(grpc.StatusCode.INTERNAL, why)
        return outcomes, None

    def _on_task_done(self, batch: list[BatchedCall[ResultT]], task: asyncio.Task[None]) -> None:
        """Fail the calls of a batch whose task raised: they would else wait for ever."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            for call in batch:
                self._fail(call, error)
            self._finished(len(batch))
            self._flush()

    async def _resolve_all(
        self, lane: Lane[BatchedCall[ResultT]], batch: Sequence[BatchedCall[ResultT]], outcomes: Sequence[OutcomeT]
    ) -> list[tuple[BatchedCall[ResultT], Fault]]:
        """As `_resolve`; where others are not to wait for them, a few at a time, and other answers between. Their
        callers' next calls have been made when it returns, so that these share a batch.
        """
        if len(batch) <= SLICE or lane is self._lanes.together:
            return self._resolve(batch, outcomes)
        faults: list[tuple[BatchedCall[ResultT], Fault]] = []
        for first in range(0, len(batch), SLICE):
            faults += self._resolve(batch[first : first + SLICE], outcomes[first : first + SLICE])
            await asyncio.sleep(0)
        return faults

    def _resolve(
        self, batch: Sequence[BatchedCall[ResultT]], outcomes: Sequence[OutcomeT]
    ) -> list[tuple[BatchedCall[ResultT], Fault]]:
        """Give callers their results; the calls that have none, each with its fault."""
        read = self._method.read
        faults: list[tuple[BatchedCall[ResultT], Fault]] = []
        finished = 0
        for call, outcome in zip(batch, outcomes, strict=True):
            result = read(outcome)
            if isinstance(result, Fault):
                faults.append((call, result))
                continue
            finished += 1
            if not call.future.done():
                call.future.set_result(result)
        self._finished(finished)
        return faults

    def _retry_or_fail(self, faults: list[tuple[BatchedCall[ResultT], Fault]]) -> None:
        """Schedule the next attempt of calls, one timer for each wait; fail those that give up."""
        now = self._loop.time()
        jitter = self._jitter()
        groups: dict[float, list[BatchedCall[ResultT]]] = {}
        for call, fault in faults:
            if call.future.done():
                self._finished()
                continue
            remaining_ms = (call.deadline_at - now) * 1000
            wait_ms = call.wait_ms(self._retry, fault, remaining_ms=remaining_ms, jitter=jitter)
            if wait_ms is None or self._closed:
                self._fail(call, call.error(fault, what=self._method.name, where=self._method.where))
                self._finished()
            else:
                groups.setdefault(wait_ms, []).append(call)
        for wait_ms, calls in groups.items():
            self._retry_after(wait_ms, calls)

    def _retry_after(self, wait_ms: float, calls: list[BatchedCall[ResultT]]) -> None:
        def rejoin() -> None:
            del self._waiting[timer]
            for call in calls:
                self._lanes.of(call).queued.append(call)
            self._flush()

        timer = self._loop.call_later(wait_ms / 1000, rejoin)
        self._waiting[timer] = calls

    def _sweep_by(self, at: float) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        self._sweep_at = at
        self._sweep = self._loop.call_at(at, self._sweep_deadlines)

    def _sweep_deadlines(self) -> None:
        """Fail every call whose deadline has passed, wherever it is, and set the timer for the next one."""
        now = self._loop.time()
        self._sweep, self._sweep_at = None, float("inf")
        earliest = float("inf")
        in_flight_ids = self._ids_in_flight()
        for call in self._calls():
            if call.future.done():
                continue
            if call.deadline_at > now:
                earliest = min(earliest, call.deadline_at)
                continue
            in_flight = id(call) in in_flight_ids
            what, where = self._method.name, self._method.where
            self._fail(call, call.error_at_deadline(what=what, where=where, in_flight=in_flight))
        if earliest < float("inf"):
            self._sweep_by(max(earliest, now + _SWEEP_PAUSE_S))

    def _calls(self) -> Iterator[BatchedCall[ResultT]]:
        queued = (lane.queued for lane in self._lanes)
        return chain(*queued, *self._in_flight.values(), *self._waiting.values())

    def _ids_in_flight(self) -> set[int]:
        return {id(call) for calls in self._in_flight.values() for call in calls}

    @staticmethod
    def _fail(call: BatchedCall[ResultT], error: BaseException) -> None:
        if not call.future.done():
            call.future.set_exception(error)

    def _finished(self, count: int = 1) -> None:
        self._unfinished -= count
        if not self._unfinished:
            self._idle.set()

"""One call with its attempts: ask, and ask again by the policy until the call's deadline."""

import asyncio
import random
from collections.abc import Callable
from typing import TypeVar

import grpc

from holdfast.client.attempts import Attempts
from holdfast.client.connection import Connection, cancelled_from_outside
from holdfast.client.limits import Timeouts
from holdfast.client.methods import Method
from holdfast.client.retry import RetryPolicy
from holdfast.client.statuses import Fault, fault_from_rpc

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


class Caller:
    """Makes single calls over a connection, with retries."""

    def __init__(
        self,
        connection: Connection,
        *,
        timeouts: Timeouts,
        retry: RetryPolicy,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.connection = connection
        self.timeouts = timeouts
        self.retry = retry
        self.jitter = jitter
        self.closed = False

    async def ask(
        self,
        method: Method[RequestT, ResponseT],
        request: RequestT,
        *,
        timeout_ms: int | None = None,
        attempt_ms: int | None = None,
        idempotency_key: str | None = None,
        retry: RetryPolicy | None = None,
        undecided: Callable[[ResponseT], Fault | None] | None = None,
    ) -> ResponseT:
        """The answer to `request`, asked for until it comes or `timeout_ms` are over; raises errors of the tree.

        `idempotency_key` is None for a read, and empty for a change that has no key; such a one is given the `retry`
        that suits it. `undecided` finds in an answer a part of it that is still to be had: the whole is then asked for
        again, and the last answer that came is given in the end, such as it is.
        """
        loop = asyncio.get_running_loop()
        deadline_at = loop.time() + (self.timeouts.call_ms if timeout_ms is None else timeout_ms) / 1000
        attempts = Attempts(idempotency_key)
        what, where = method.name, self.connection.target
        longest_ms = self.timeouts.attempt_ms if attempt_ms is None else attempt_ms
        told: ResponseT | None = None
        while True:
            if self.closed:
                if told is not None:
                    return told
                raise attempts.error_at_close(what=what, where=where, in_flight=False)
            remaining_ms = (deadline_at - loop.time()) * 1000
            try:
                told = await self.connection.call(method, request, max(1, min(longest_ms, int(remaining_ms))))
                fault = None if undecided is None else undecided(told)
                if fault is None:
                    return told
            except grpc.aio.AioRpcError as error:
                fault = fault_from_rpc(error)
            except asyncio.CancelledError:
                if cancelled_from_outside(closed=self.closed):
                    raise
                fault = Fault(grpc.StatusCode.CANCELLED, "the connection was closed during the call")
            wait_ms = attempts.wait_ms(
                retry or self.retry,
                fault,
                remaining_ms=(deadline_at - loop.time()) * 1000,
                jitter=self.jitter(),
            )
            if wait_ms is None:
                if told is not None:
                    return told
                raise attempts.error(fault, what=what, where=where)
            await asyncio.sleep(wait_ms / 1000)

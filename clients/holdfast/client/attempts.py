"""The state of one call across its attempts: counts, and what is known of its outcome."""

import asyncio
from typing import Generic, TypeVar

import grpc

from holdfast.client.errors import ClientClosed, HoldfastError, OutcomeUnknown, Overloaded, Unavailable
from holdfast.client.limits import Failure, RetryPolicy
from holdfast.client.statuses import Fault, error_from

_NOT_SENT = Fault(grpc.StatusCode.RESOURCE_EXHAUSTED, "the call's deadline passed before this client could send it")
_NO_ANSWER = Fault(grpc.StatusCode.DEADLINE_EXCEEDED, "no answer came before the call's deadline")


class Attempts:
    """The attempts of one call. `idempotency_key` is None for a read."""

    __slots__ = ("count", "idempotency_key", "last_fault", "maybe_done", "unclear")

    def __init__(self, idempotency_key: str | None) -> None:
        self.idempotency_key = idempotency_key
        self.count = 0
        self.unclear = 0
        self.last_fault: Fault | None = None
        # True once an attempt ended without word of what became of it: from then on "nothing was done" is not known.
        self.maybe_done = False

    def wait_ms(self, policy: RetryPolicy, fault: Fault, *, remaining_ms: float, jitter: float) -> float | None:
        """Note that an attempt ended with `fault`; milliseconds until the next, or None to give up."""
        failure = fault.failure
        self.count += 1
        self.last_fault = fault
        if failure is Failure.UNCLEAR:
            self.unclear += 1
        if failure in {Failure.UNCLEAR, Failure.UNAVAILABLE} and not fault.not_sent:
            self.maybe_done = True
        return policy.wait_ms(
            failure,
            attempts=self.count,
            unclear_attempts=self.unclear,
            remaining_ms=remaining_ms,
            jitter=jitter,
            retry_after_ms=fault.retry_after_ms,
        )

    def error(self, fault: Fault, *, what: str, where: str) -> HoldfastError:
        """The error to raise when the attempts end with `fault`."""
        error = error_from(fault, what=what, where=where, idempotency_key=self.idempotency_key)
        if isinstance(error, Overloaded) and self.maybe_done and self.idempotency_key is not None:
            # Refused now, but an earlier attempt may have been carried out.
            return OutcomeUnknown(what, where=where, why=error.why, idempotency_key=self.idempotency_key)
        if isinstance(error, OutcomeUnknown) and fault.not_sent and not self.maybe_done:
            # Nothing of this call was sent: what helps is to reach the service, whatever the key.
            key, mend = error.idempotency_key, Unavailable.default_mend
            return OutcomeUnknown(what, where=where, why=error.why, mend=mend, idempotency_key=key)
        return error

    def error_at_deadline(self, *, what: str, where: str, in_flight: bool) -> HoldfastError:
        """The error to raise when the call's deadline has passed. `in_flight`: an attempt is under way."""
        if in_flight:
            self.maybe_done = True
            return self.error(_NO_ANSWER, what=what, where=where)
        return self.error(self.last_fault or _NOT_SENT, what=what, where=where)

    def error_at_close(self, *, what: str, where: str, in_flight: bool) -> HoldfastError:
        """The error to raise when the client is closed before an answer came. `in_flight`: an attempt is under way."""
        why = "the client was closed during the call"
        if self.idempotency_key is not None and (in_flight or self.maybe_done):
            return OutcomeUnknown(what, where=where, why=why, idempotency_key=self.idempotency_key)
        return ClientClosed(what, where=where, why=why)


ResultT = TypeVar("ResultT")


class BatchedCall(Attempts, Generic[ResultT]):
    """A call that waits to be sent, is under way, or waits to be sent again.

    `payload` is the encoded request and `lines` its size in lines. Calls with an equal `serial_key` may not share a
    batch; None may share one with any. `deadline_at` is on the loop's clock, in seconds. `alone` is set for a call that
    is to be sent by itself, because a batch that it was in was refused as a whole.
    """

    __slots__ = ("alone", "deadline_at", "future", "lines", "payload", "serial_key")

    def __init__(
        self,
        payload: bytes,
        *,
        lines: int,
        key: str,
        serial_key: str | None,
        deadline_at: float,
        future: asyncio.Future[ResultT],
    ) -> None:
        super().__init__(key)
        self.payload = payload
        self.lines = lines
        self.serial_key = serial_key
        self.deadline_at = deadline_at
        self.future = future
        self.alone = False

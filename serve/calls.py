"""How a call is served: its request, its deadline, a place among the calls of a gateway, the status that ends it."""

import asyncio
import logging
from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from time import perf_counter
from typing import Any, Final, NamedTuple, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from actors.core.policy import CALL_MS_MAX
from actors.core.rejection import Reason
from actors.protocol.formats import BeyondFormat
from actors.protocol.messages import Answer, Late, LedgerStopped, Refusal, Shed, Stopped
from actors.telemetry.metrics import CALL_SECONDS, CALLS, Figures, Labels
from actors.telemetry.traces import CARRIED, made_trace, trace_of
from holdfast.v1 import error_pb2
from serve.routing.batcher import INSIDE_MAX, DeadlinePassed, Overloaded
from serve.routing.router import Router
from serve.wire import statuses
from serve.wire.rules import InvalidRequest
from serve.wire.statuses import CallRefused, Status

TIMEOUT_KEY: Final = "holdfast-timeout-ms"  # for callers that set no deadline of gRPC's own
ATTEMPTS_KEY: Final = "grpc-previous-rpc-attempts"  # gRPC's own, where it sends a call again
TIMEOUT_S_DEFAULT: Final = 10.0
TIMEOUT_S_MAX: Final = CALL_MS_MAX / 1_000
TIMEOUT_DIGITS_MAX: Final = 12  # enough for the maximum
CALLS_MAX: Final = INSIDE_MAX  # inside one gateway at once; each waits for an actor and holds some 20 kB
PROMISE_CALLS_MAX: Final = 4_096
READ_CALLS_MAX: Final = 2_048  # so that reads, which may be asked again at no cost, leave a third for new promises
READS: Final = ("Find", "Get", "List", "Verify")  # what the name of a method that changes nothing begins with
CALLS_RETRY_AFTER_S: Final = 0.5
REQUEST_BYTES_MAX: Final = 16 * 1024 * 1024
NAMED_BYTES_MAX: Final = 64 * 1024  # of a request, and
NAMED_CHARS_MAX: Final = 256  # of a ledger or a key in a log line

# Exceptions that end a call with a status; any other is a fault of the service.
ENDINGS: Final = (CallRefused, InvalidRequest, Overloaded, DeadlinePassed, LedgerStopped, BeyondFormat)

M = TypeVar("M", bound=Message)
Metadata = Iterable[tuple[str, Any]]

log = logging.getLogger("holdfast.calls")


def deadline_of(metadata: Metadata, timeout_s: float = TIMEOUT_S_DEFAULT) -> float:
    """The call's deadline in loop time; `timeout_s` where the caller named none. The earlier one where both gRPC's own
    (see `registration`) and the caller's metadata name one.
    """
    named_s = [
        int(value[:TIMEOUT_DIGITS_MAX]) / 1_000
        for key, value in metadata
        if key == TIMEOUT_KEY and value.isascii() and value.isdigit()
    ]
    return asyncio.get_running_loop().time() + min([TIMEOUT_S_MAX, *(named_s or [timeout_s])])


def _is_retry(metadata: Metadata) -> bool:
    """Whether gRPC sends a call again by itself, the very same bytes."""
    return any(key == ATTEMPTS_KEY for key, _ in metadata)


def share_of(deadline: float, share: float) -> float:
    """Until when so large a share of what is left of a call's time may be taken."""
    now = asyncio.get_running_loop().time()
    return now + share * (deadline - now)


def parse(kind: type[M], payload: bytes) -> M:
    """The request. Raises CallRefused where the bytes are not one."""
    try:
        return kind.FromString(payload)
    except DecodeError as error:
        message = f"the request is not a {kind.DESCRIPTOR.full_name}: {error}; text fields must be UTF-8"
        raise statuses.refused(grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_UNREADABLE", message) from error


def _bound(payload: bytes) -> None:
    """Raises CallRefused where a request is too large; its answer, which is larger, must still fit into a message."""
    if len(payload) > REQUEST_BYTES_MAX:
        message = f"the request has {len(payload)} bytes, at most {REQUEST_BYTES_MAX} are taken; send it in parts"
        raise statuses.refused(grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_TOO_LARGE", message)


def refuse_older(field: str, store_id: str, version: int, min_version: int) -> None:
    """Raises CallRefused where a ledger has not reached the version that the reader has seen."""
    if version < min_version:
        stands = f"{field}: shop {store_id} is at version {version}, {min_version} was asked for"
        message = f"{stands}; ask again in a moment, or for one that it gave"
        code, reason = grpc.StatusCode.FAILED_PRECONDITION, "VERSION_NOT_REACHED"
        raise statuses.refused(code, reason, message, store_id=store_id, version=str(version))


def failure_of(answer: Answer) -> Exception | None:
    """The error in place of an answer that is none: of a ledger that is stopped, or of what only waits for news."""
    if isinstance(answer, Stopped):
        return LedgerStopped(answer.why)
    if isinstance(answer, Late):
        return DeadlinePassed(sent=True)
    if isinstance(answer, Shed):
        return Overloaded()
    if isinstance(answer, Refusal) and answer.rejection.reason is Reason.ORDER_UNDECIDED:
        claimed = "what it asks for is claimed by an order, and waits"
        waits = "this reservation waits" if answer.rejection.number else claimed
        message = f"{waits} for its order's word, and nothing was done; ask again with the same key"
        return statuses.refused(grpc.StatusCode.UNAVAILABLE, "ORDER_UNDECIDED", message, retry_after_s=0.1)
    if isinstance(answer, Refusal) and answer.rejection.reason is Reason.FORMAT_NOT_RAISED:
        return BeyondFormat("what would be recorded", answer.rejection.asked, answer.rejection.available)
    return None


def status_of(error: BaseException) -> Status | None:
    """The status for one of `ENDINGS`; None for any other error."""
    if isinstance(error, CallRefused):
        return error.status
    if isinstance(error, InvalidRequest):
        return statuses.invalid(error)
    if isinstance(error, Overloaded):
        return statuses.overloaded(error.retry_after_s)
    if isinstance(error, DeadlinePassed):
        if error.sent:
            message = "the shop's actor did not answer in time, and the outcome is unknown; ask again with the same key"
            return Status(grpc.StatusCode.UNAVAILABLE, message, "OUTCOME_UNKNOWN", retry_after_s=0.1)
        message = "the call's time was over before it was decided, and nothing was done; ask again with more time"
        return Status(grpc.StatusCode.DEADLINE_EXCEEDED, message, "DEADLINE_PASSED")
    if isinstance(error, LedgerStopped):
        return Status(grpc.StatusCode.DATA_LOSS, str(error), "LEDGER_STOPPED")
    if isinstance(error, BeyondFormat):
        metadata = (("format", str(error.number)), ("needed", str(error.needed)))
        return Status(grpc.StatusCode.FAILED_PRECONDITION, str(error), "FORMAT_NOT_RAISED", metadata=metadata)
    return None


def fill_error(error: BaseException, item: error_pb2.ItemError, index: int | None = None) -> None:
    """Fill the error of a batch item that was not decided; `index` is the item's where the error may name its fields.
    Raises the error again where it is none of `ENDINGS`.
    """
    status = status_of(error if index is None else statuses.within(f"requests[{index}].", error))
    if status is None:
        raise error
    statuses.fill_item_error(status, item)


class Call(NamedTuple):
    """How a unary call is served: `answer(request, deadline, reply)` fills the reply, or raises one of `ENDINGS`.

    `is_step`: a step of a promise already made, for which some of the limit on calls is kept free; `is_read`: one that
    changes nothing, and leaves some of that limit to others. `parse` makes the request of its message class and bytes;
    `timeout_s` applies where the caller named no deadline. `on_retry` is told of a request that gRPC sends again by
    itself, as its caller's service config says.
    """

    answer: Callable[[Any, float, Any], Awaitable[None]]
    is_step: bool = False
    parse: Callable[[Any, bytes], Any] = parse
    timeout_s: float = TIMEOUT_S_DEFAULT
    on_retry: Callable[[Any], None] | None = None
    is_several: bool = False
    is_read: bool = False


class Calls:
    """The calls inside one gateway: bounded, and refused before any work is done. The router is told how many."""

    def __init__(self, router: Router, figures: Figures) -> None:
        self._router = router
        self._reads_inside = 0
        self._ended, self._times = figures.counter(CALLS), figures.histogram(CALL_SECONDS)
        self._seen: dict[
            Any, tuple[str, Labels, list[int]]
        ] = {}  # by the class of their requests, methods' names and rows

    async def answer(self, call: Call, kind: Any, payload: bytes, context: Any, reply: M) -> M:
        """Fill the reply, or set the status of what ended the call. `kind` is the class of the request."""
        metadata = context.invocation_metadata() or ()
        trace = trace_of(metadata)
        if trace is None and log.isEnabledFor(logging.DEBUG):
            trace = made_trace()
        token = None if trace is None else CARRIED.set((trace,))
        name, answered, times = self._seen.get(kind) or self._meet(kind)
        ended: Labels = (name, "INTERNAL")
        began = perf_counter()
        try:
            status = await self._fill(call, kind, payload, metadata, reply)
            ended = answered if status is None else (name, status.code.name)
        except asyncio.CancelledError:
            ended = (name, "CANCELLED")
            raise
        finally:  # in line, as every call pays for it
            times[bisect_left(CALL_SECONDS.bounds, perf_counter() - began)] += 1
            self._ended[ended] += 1
        trailers = trace.metadata if trace is not None else ()
        if status is not None:
            statuses.put(status, context, trailers)
        elif trailers:
            context.set_trailing_metadata(trailers)
        if token is not None:  # where a call raises its ids stay, in a task that ends: its last line has them too
            _log_call(kind, payload, status)
            CARRIED.reset(token)
        return reply

    def _meet(self, kind: Any) -> tuple[str, Labels, list[int]]:
        name = _name_of(kind)
        found = self._seen[kind] = name, (name, "OK"), self._times.row((name,))
        return found

    async def _fill(self, call: Call, kind: Any, payload: bytes, metadata: Metadata, reply: Any) -> Status | None:
        """Fill the reply; the status of what ended the call, if that is not its answer."""
        is_full = self._router.calls_inside >= (PROMISE_CALLS_MAX if call.is_step else CALLS_MAX)
        if is_full or (call.is_read and self._reads_inside >= READ_CALLS_MAX):
            return statuses.overloaded(CALLS_RETRY_AFTER_S)
        self._router.calls_inside += 1
        self._reads_inside += call.is_read
        try:
            deadline = deadline_of(metadata, call.timeout_s)  # first: a large request takes its time to be read
            _bound(payload)
            request = call.parse(kind, payload)
            if call.on_retry is not None and _is_retry(metadata):
                call.on_retry(request)
            await call.answer(request, deadline, reply)
        except ENDINGS as error:
            reply.Clear()
            is_unknown = call.is_several and isinstance(error, Overloaded | DeadlinePassed)
            return status_of(DeadlinePassed(sent=True) if is_unknown else error)
        finally:
            self._router.calls_inside -= 1
            self._reads_inside -= call.is_read
        return None


def _name_of(kind: Any) -> str:
    return str(kind.DESCRIPTOR.name.removesuffix("Request"))


def _log_call(kind: Any, payload: bytes, status: Status | None) -> None:
    """A line for a call whose caller gave ids."""
    if not log.isEnabledFor(logging.INFO):
        return
    method, code = _name_of(kind), "OK" if status is None else status.code.name
    fields = {"method": method, "code": code, **_named_in(kind, payload)}
    if status is not None:
        fields["reason"] = status.reason
    log.info("%s: %s", method, code, extra=fields)


def _named_in(kind: Any, payload: bytes) -> dict[str, str]:
    """The ledger and the key that a request names, where it names one and can be read; a large one names many."""
    try:
        request = kind.FromString(payload if len(payload) <= NAMED_BYTES_MAX else b"")
    except DecodeError:
        return {}
    found = {name: getattr(request, field, "") for name, field in (("ledger", "store_id"), ("key", "idempotency_key"))}
    return {name: value[:NAMED_CHARS_MAX] for name, value in found.items() if value}


async def read_stream(
    stream: Callable[[Any], AsyncIterator[Message]], kind: Any, payload: bytes, context: Any
) -> AsyncIterator[Message]:
    """The messages of a stream of its request; its end sets the status. Its ids are told back, and are in no other
    line: streams share what they read.
    """
    trace = trace_of(context.invocation_metadata() or ())
    trailers = trace.metadata if trace else ()
    if trailers:
        context.set_trailing_metadata(trailers)
    status: Status | None = None
    try:
        _bound(payload)
        async for message in stream(parse(kind, payload)):
            yield message
    except ENDINGS as error:
        status = status_of(error)
        assert status is not None
        statuses.put(status, context, trailers)
    if trace:
        CARRIED.set((trace,))
        _log_call(kind, payload, status)
        CARRIED.set(())

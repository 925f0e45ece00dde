"""What every service needs of a call: its request, its deadline, a place among the calls of one gateway, and the status
that ends it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from actors.protocol.messages import LedgerStopped
from holdfast.v1 import error_pb2
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.wire import statuses
from serve.wire.rules import InvalidRequest
from serve.wire.statuses import Refused, Status

TIMEOUT_KEY: Final = "holdfast-timeout-ms"  # for callers that set no deadline of gRPC's own
TIMEOUT_S_DEFAULT: Final = 10.0
TIMEOUT_S_MAX: Final = 600.0
TIMEOUT_DIGITS_MAX: Final = 12  # enough for the maximum
CALLS_MAX: Final = 3_072  # inside one gateway at once; each waits for an actor and holds some 20 kB
PROMISE_CALLS_MAX: Final = 4_096
CALLS_RETRY_AFTER_S: Final = 0.5
REQUEST_BYTES_MAX: Final = 16 * 1024 * 1024

# Exceptions that end a call with a status; any other is a fault of the service.
ENDINGS: Final = (Refused, InvalidRequest, Overloaded, DeadlinePassed, LedgerStopped)

M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Message)


def deadline_of(context: Any, timeout_s: float = TIMEOUT_S_DEFAULT) -> float:
    """The call's deadline in loop time; `timeout_s` where the caller named none. The earlier one where both gRPC's own
    (see `registration`) and the caller's metadata name one.
    """
    named_s = [
        int(value[:TIMEOUT_DIGITS_MAX]) / 1_000
        for key, value in context.invocation_metadata()
        if key == TIMEOUT_KEY and value.isascii() and value.isdigit()
    ]
    return asyncio.get_running_loop().time() + min([TIMEOUT_S_MAX, *(named_s or [timeout_s])])


def parse(kind: type[M], payload: bytes) -> M:
    """The request. Raises Refused where the bytes are not one, or too many."""
    bound(payload)
    try:
        return kind.FromString(payload)
    except DecodeError as error:
        message = f"the request is not a {kind.DESCRIPTOR.full_name}: {error}; text fields must be UTF-8"
        raise Refused(Status(grpc.StatusCode.INVALID_ARGUMENT, message, "REQUEST_UNREADABLE")) from error


def bound(payload: bytes) -> None:
    """Raises Refused where a request is too large; its answer, which is larger, must still fit into a message."""
    if len(payload) > REQUEST_BYTES_MAX:
        message = f"the request has {len(payload)} bytes, at most {REQUEST_BYTES_MAX} are taken; send it in parts"
        raise Refused(Status(grpc.StatusCode.RESOURCE_EXHAUSTED, message, "REQUEST_TOO_LARGE"))


def refuse_older(field: str, store_id: str, version: int, min_version: int) -> None:
    """Raises Refused where a ledger has not reached the version that the reader has seen."""
    if version < min_version:
        message = f"{field}: shop {store_id} is at version {version}, {min_version} was asked for; ask for one it gave"
        about = (("store_id", store_id), ("version", str(version)))
        raise Refused(Status(grpc.StatusCode.FAILED_PRECONDITION, message, "VERSION_NOT_REACHED", metadata=about))


def status_of(error: BaseException) -> Status | None:
    """The status for one of `ENDINGS`; None for any other error."""
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, InvalidRequest):
        return statuses.invalid(error)
    if isinstance(error, Overloaded):
        return statuses.overloaded(error.retry_after_s)
    if isinstance(error, DeadlinePassed):
        return statuses.late(sent=error.sent)
    if isinstance(error, LedgerStopped):
        return statuses.stopped(str(error))
    return None


def fill_error(error: BaseException, item: error_pb2.ItemError) -> None:
    """Fill the error of a batch item that was not decided. Raises the error again where it is none of `ENDINGS`."""
    status = status_of(error)
    if status is None:
        raise error
    statuses.fill_item_error(status, item)


def say_why(error: Exception, context: Any) -> None:
    """Set the status for one of `ENDINGS`."""
    status = status_of(error)
    assert status is not None
    statuses.put(status, context)


class Calls:
    """The calls inside one gateway: bounded, and refused before any work is done."""

    def __init__(self) -> None:
        self._inside = 0

    async def new(self, reply: R, work: Callable[..., Awaitable[None]], *request: Any) -> R:
        """Answer a read or a new promise. `request` ends with the request's bytes and its context; see `_answered`."""
        return await self._answered(reply, CALLS_MAX, work, request)

    async def step(self, reply: R, work: Callable[..., Awaitable[None]], *request: Any) -> R:
        """Answer a step of a promise already made, for which some of the limit is kept free."""
        return await self._answered(reply, PROMISE_CALLS_MAX, work, request)

    async def _answered(
        self, reply: R, calls_max: int, work: Callable[..., Awaitable[None]], request: tuple[Any, ...]
    ) -> R:
        """Have `work(*request, reply)` fill the reply, or set the status of what ended the call."""
        context = request[-1]
        if self._inside >= calls_max:
            statuses.put(statuses.overloaded(CALLS_RETRY_AFTER_S), context)
            return reply
        self._inside += 1
        try:
            await work(*request, reply)
        except ENDINGS as error:
            reply.Clear()
            say_why(error, context)
        finally:
            self._inside -= 1
        return reply

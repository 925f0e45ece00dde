"""What can be made to go wrong with a call between a client and the gateway."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from holdfast.v1 import error_pb2

Context = grpc.aio.ServicerContext[Any, Any]
CODE: Final = grpc.StatusCode


@dataclass
class Refuse:
    """End the call with a status before the gateway sees it."""

    code: grpc.StatusCode
    message: str = "refused by the test"
    retry_after_ms: int = 0
    violations: Sequence[tuple[str, str]] = ()


@dataclass
class LoseAnswer:
    """Let the gateway answer, then end the call with a status in place of the answer."""

    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE


@dataclass
class Hold:
    """Set `arrived` when the call comes, and give it to the gateway once `release` is set."""

    arrived: asyncio.Event
    release: asyncio.Event


@dataclass
class FailItems:
    """Answer those items of a batch, or parts of an order, that `chosen` picks with an error.

    An item that is picked does not reach the gateway, unless `decided_first`; a part is picked by its outcome, and so
    always reaches it.
    """

    chosen: Callable[[Any], bool]
    code: int
    retry_after_ms: int = 0
    decided_first: bool = False

    def error(self) -> error_pb2.ItemError:
        """The error of each."""
        error = error_pb2.ItemError(code=self.code, message="not decided")
        if self.retry_after_ms:
            error.retry_after.FromMilliseconds(self.retry_after_ms)
        return error


@dataclass
class LoseOutcome:
    """Answer a batch with one outcome too few."""


@dataclass
class CutAfter:
    """End a stream with a status after so many messages; a message of events has one event."""

    messages: int
    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE


@dataclass
class Answer:
    """Answer with these messages, or bytes that are none, in place of the gateway; a stream then ends UNAVAILABLE."""

    messages: Sequence[Message | bytes]


Fault = Refuse | LoseAnswer | Hold | FailItems | LoseOutcome | CutAfter | Answer


async def refuse(context: Context, fault: Refuse) -> None:
    """End a call with a status and its details."""
    details = []
    if fault.retry_after_ms:
        delay = Duration()
        delay.FromMilliseconds(fault.retry_after_ms)
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    if fault.violations:
        rows = [
            error_details_pb2.BadRequest.FieldViolation(field=field, description=description)
            for field, description in fault.violations
        ]
        details.append(_packed(error_details_pb2.BadRequest(field_violations=rows)))
    status = status_pb2.Status(code=fault.code.value[0], message=fault.message, details=details)
    trailing = (("grpc-status-details-bin", status.SerializeToString()),) if details else ()
    await context.abort(fault.code, fault.message, trailing)


def _packed(message: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed

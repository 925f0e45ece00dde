"""What can be made to go wrong with a call of the fake service."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

Context = grpc.aio.ServicerContext[Any, Any]
CODE: Final = grpc.StatusCode


@dataclass
class Refuse:
    """Answer with a status before anything is done."""

    code: grpc.StatusCode
    message: str = "refused by the test"
    retry_after_ms: int = 0
    violations: Sequence[tuple[str, str]] = ()


@dataclass
class LoseAnswer:
    """Do what was asked, then answer with a status as if the answer had been lost."""

    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE


@dataclass
class Hold:
    """Say through `arrived` that the call came, and wait for `release` before it is done."""

    arrived: asyncio.Event
    release: asyncio.Event


@dataclass
class FailItems:
    """In a batch, answer the items that `chosen` picks with an error instead of deciding them."""

    chosen: Callable[[Any], bool]
    code: int
    retry_after_ms: int = 0
    decided_first: bool = False


@dataclass
class CutAfter:
    """End a stream with a status after so many messages."""

    messages: int
    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE


@dataclass
class LoseOutcome:
    """Answer a batch with one outcome too few."""


Fault = Refuse | LoseAnswer | Hold | FailItems | CutAfter | LoseOutcome


async def refuse(context: Context, fault: Refuse) -> None:
    """Answer with a status and its details, set by hand and returned like the real service's."""
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


def _packed(message: Any) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed

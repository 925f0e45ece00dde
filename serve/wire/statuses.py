"""gRPC statuses with their details. Under Serve, code and details are set and the method *returns*: raising would lose
the details.
"""

from typing import Any, Final, NamedTuple

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from holdfast.v1 import error_pb2
from serve.wire.validation import InvalidRequest, Violation

DETAILS_KEY: Final = "grpc-status-details-bin"
DOMAIN: Final = "holdfast"
# A status travels in headers, and those that are larger than 8 kB are cut off on the way, the whole call with them.
VIOLATIONS_TOLD_MAX: Final = 12
FIELD_CHARS_MAX: Final = 96
MESSAGE_CHARS_MAX: Final = 1_024


class Status(NamedTuple):
    """Why a call was not decided. `reason` and `metadata` are for programs: what `message` says for people."""

    code: grpc.StatusCode
    message: str
    reason: str
    violations: tuple[Violation, ...] = ()
    retry_after_s: float = 0.0
    metadata: tuple[tuple[str, str], ...] = ()


class Refused(Exception):
    """Ends a call with a status."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.status = status


def invalid(error: InvalidRequest) -> Status:
    """A malformed request: its first faults, and how many more there are."""
    violations = tuple(
        Violation(_clipped(field, FIELD_CHARS_MAX), description)
        for field, description in error.violations[:VIOLATIONS_TOLD_MAX]
    )
    message = _clipped("; ".join(f"{field}: {description}" for field, description in violations), MESSAGE_CHARS_MAX)
    more = len(error.violations) - len(violations)
    message = f"{message}; and {more} more" if more else message
    return Status(grpc.StatusCode.INVALID_ARGUMENT, message, "INVALID_FIELDS", violations)


def _clipped(text: str, chars_max: int) -> str:
    """Bounded in bytes: the details travel in a header of 8 kB, where what is not ASCII takes three times its bytes."""
    encoded = text.encode()
    if len(encoded) <= chars_max:
        return text
    return encoded[: chars_max - 3].decode(errors="ignore") + "…"


def unknown_store(field: str, store_id: str) -> Status:
    """A shop that is not of the chain."""
    description = f"names shop {store_id!r}, which the chain does not have; add it with PutStores"
    violations = (Violation(field, description),)
    about = (("store_id", store_id),)
    return Status(grpc.StatusCode.NOT_FOUND, f"{field} {description}", "STORE_UNKNOWN", violations, metadata=about)


def overloaded(retry_after_s: float) -> Status:
    """Refused before any work was done."""
    message = f"too many calls are waiting; nothing was done, ask again in {retry_after_s:g} s"
    return Status(grpc.StatusCode.RESOURCE_EXHAUSTED, message, "OVERLOADED", retry_after_s=retry_after_s)


def late(*, sent: bool) -> Status:
    """No answer in time."""
    if sent:
        message = "the shop's actor did not answer in time; the outcome is unknown, ask again with the same key"
        return Status(grpc.StatusCode.UNAVAILABLE, message, "OUTCOME_UNKNOWN", retry_after_s=0.1)
    message = "the call's time was over before it was decided; nothing was done"
    return Status(grpc.StatusCode.DEADLINE_EXCEEDED, message, "DEADLINE_PASSED")


def stopped(why: str) -> Status:
    """A ledger that is not served, since its journal is damaged."""
    return Status(grpc.StatusCode.DATA_LOSS, why, "LEDGER_STOPPED")


def put(status: Status, context: Any) -> None:
    """Set a status on Serve's gRPC context."""
    context.set_code(status.code)
    context.set_details(_clipped(status.message, 2 * MESSAGE_CHARS_MAX))
    metadata = {name: _clipped(value, FIELD_CHARS_MAX) for name, value in status.metadata}
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=status.reason, domain=DOMAIN, metadata=metadata)]
    if status.violations:
        details.append(
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(field=field, description=description)
                    for field, description in status.violations
                ]
            )
        )
    if status.retry_after_s:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(int(status.retry_after_s * 1_000))
        details.append(retry)
    rich = status_pb2.Status(code=status.code.value[0], message=_clipped(status.message, 2 * MESSAGE_CHARS_MAX))
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        rich.details.append(packed)
    context.set_trailing_metadata([(DETAILS_KEY, rich.SerializeToString())])


def fill_item_error(status: Status, error: error_pb2.ItemError) -> None:
    """Say the same of one item of a batch."""
    error.code = status.code.value[0]
    error.message = status.message
    for field, description in status.violations:
        error.violations.add(field=field, description=description)
    if status.retry_after_s:
        error.retry_after.FromMilliseconds(int(status.retry_after_s * 1_000))

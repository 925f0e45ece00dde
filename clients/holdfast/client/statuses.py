"""From gRPC statuses and item errors to one `Fault`, from a fault to the error tree, and the attempts of one call.

For every `grpc.StatusCode` this module says whether it is retried (`FAILURES`) and what it is raised as
(`error_from`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from holdfast.client import errors
from holdfast.client.limits import Failure, RetryPolicy
from holdfast.client.wire_types import milliseconds
from holdfast.v1 import error_pb2

FAILURES: dict[grpc.StatusCode, Failure] = dict.fromkeys(grpc.StatusCode, Failure.FINAL) | {
    grpc.StatusCode.CANCELLED: Failure.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: Failure.UNAVAILABLE,
    grpc.StatusCode.UNAVAILABLE: Failure.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Failure.OVERLOADED,
    grpc.StatusCode.UNKNOWN: Failure.UNCLEAR,
    grpc.StatusCode.ABORTED: Failure.UNCLEAR,
    grpc.StatusCode.INTERNAL: Failure.UNCLEAR,
}

_SIMPLE: dict[grpc.StatusCode, type[errors.HoldfastError]] = {
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.ALREADY_EXISTS: errors.Conflict,
    grpc.StatusCode.PERMISSION_DENIED: errors.PermissionDenied,
    grpc.StatusCode.UNAUTHENTICATED: errors.Unauthenticated,
    grpc.StatusCode.UNIMPLEMENTED: errors.Unsupported,
}

REASONS: dict[str, type[errors.HoldfastError]] = {
    "VERSION_NOT_REACHED": errors.StaleRead,
    "POLICY_CHANGED": errors.Conflict,
    "TOO_MANY_READERS": errors.Conflict,
    "FORMAT_NOT_RAISED": errors.Conflict,
    "TOO_MANY_HOT_SKUS": errors.Conflict,
    "HOT_SKUS_CHANGED": errors.Conflict,
    "SKU_LIMITED_IN_SHOPS": errors.Conflict,
    "ACTOR_UNKNOWN": errors.Conflict,
    "STORE_MOVING": errors.Conflict,
    "CONTACTS_WITHOUT_KEY": errors.Conflict,
    "CONTACTS_LIMIT": errors.Conflict,
    "NOTICES_OFF": errors.Conflict,
    "NOTICE_NOT_REPEATABLE": errors.Conflict,
    "CLAIM_KNOWN": errors.Conflict,
    "GRANT_HELD": errors.Conflict,
    "NO_PICKUP_CODE": errors.Conflict,
    "NO_PICKUP_LINK": errors.Conflict,
    "PICKUP_KEYS_CHANGED": errors.Conflict,
    "TOO_MANY_PICKUP_KEYS": errors.Conflict,
    "DEVICE_NAME_TAKEN": errors.Conflict,
    "TOO_MANY_DEVICES": errors.Conflict,
    "GRANT_UNKNOWN": errors.NotFound,
    "READER_UNKNOWN": errors.NotFound,
}
"""What a reason is raised as; the others go by their code."""

_UNANSWERED = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED, grpc.StatusCode.ABORTED}
)

_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}

_DETAILS_KEY = "grpc-status-details-bin"

_NO_GATEWAY_YET = "Application metadata not set"
"""What Ray Serve's proxy says, as NOT_FOUND, while HAProxy restarts and knows of no gateway (2.60): ask again."""

_NOT_CONNECTED = "failed to connect to all addresses"
"""What gRPC says, as UNAVAILABLE, of a call that it failed before sending it: no connection could be made."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an attempt, or one item of it, got no answer of the business."""

    code: grpc.StatusCode
    why: str
    violations: tuple[errors.Violation, ...] = ()
    retry_after_ms: int = 0
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def failure(self) -> Failure:
        return FAILURES[self.code]

    @property
    def is_late(self) -> bool:
        """Whether no answer came in time, so that others should not wait for the next one."""
        return self.code is grpc.StatusCode.DEADLINE_EXCEEDED or self.reason == "OUTCOME_UNKNOWN"

    @property
    def not_sent(self) -> bool:
        """Whether it is certain that the attempt never reached the service."""
        return self.code is grpc.StatusCode.UNAVAILABLE and self.why.startswith(_NOT_CONNECTED)


def fault_from_rpc(error: grpc.aio.AioRpcError) -> Fault:
    """The fault that a gRPC status tells, with the ErrorInfo, field violations and RetryInfo among its details."""
    violations: tuple[errors.Violation, ...] = ()
    retry_after_ms = 0
    info = error_details_pb2.ErrorInfo()
    for detail in _details(error):
        if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad_request = error_details_pb2.BadRequest.FromString(detail.value)
            violations = tuple(errors.Violation(row.field, row.description) for row in bad_request.field_violations)
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry_after_ms = milliseconds(error_details_pb2.RetryInfo.FromString(detail.value).retry_delay)
        elif detail.Is(info.DESCRIPTOR):
            info.MergeFromString(detail.value)
    code, why = error.code(), error.details() or error.code().name
    if code is grpc.StatusCode.NOT_FOUND and why.startswith(_NO_GATEWAY_YET):
        code = grpc.StatusCode.UNAVAILABLE
    return Fault(code, why, violations, retry_after_ms, info.reason, dict(info.metadata))


def fault_from_item(item: error_pb2.ItemError) -> Fault:
    """The fault of one item of a batch."""
    return Fault(
        _CODES.get(item.code, grpc.StatusCode.UNKNOWN),
        item.message or "the service did not say why",
        tuple(errors.Violation(row.field, row.description) for row in item.violations),
        milliseconds(item.retry_after) if item.HasField("retry_after") else 0,
        item.reason,
        dict(item.metadata),
    )


def error_from(fault: Fault, *, what: str, where: str, idempotency_key: str | None) -> errors.HoldfastError:
    """The error to raise once a fault is not retried; `idempotency_key` is None for a read."""
    error = _error_of_code(fault, what, where, idempotency_key)
    error.reason, error.metadata = fault.reason, fault.metadata
    return error


def _error_of_code(fault: Fault, what: str, where: str, idempotency_key: str | None) -> errors.HoldfastError:
    why, mend = _parted(fault)
    if fault.reason in REASONS:
        return REASONS[fault.reason](what, where=where, why=why, mend=mend)
    match fault.code:
        case code if code in _SIMPLE:
            return _SIMPLE[code](what, where=where, why=why, mend=mend)
        case grpc.StatusCode.INVALID_ARGUMENT | grpc.StatusCode.OUT_OF_RANGE:
            if len(fault.violations) > 1:  # each of which has its own
                why, mend = fault.why, ""
            return errors.InvalidArgument(what, where=where, why=why, mend=mend, violations=fault.violations)
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return errors.Overloaded(what, where=where, why=why, mend=mend, retry_after_ms=fault.retry_after_ms)
        case grpc.StatusCode.FAILED_PRECONDITION:
            kind = errors.StaleRead if idempotency_key is None else errors.Conflict
            # A reason that is not in `REASONS` is a newer service's: the advice of the class may be wrong.
            mend = mend or (errors.HoldfastError.default_mend if fault.reason else "")
            return kind(what, where=where, why=why, mend=mend)
        case code if FAILURES[code] is not Failure.FINAL and idempotency_key is not None:
            return errors.OutcomeUnknown(what, where=where, why=f"{code.name}: {why}", idempotency_key=idempotency_key)
        case code if code in _UNANSWERED:
            return errors.Unavailable(what, where=where, why=f"{code.name}: {why}", mend=mend)
        case code:
            return errors.ServiceFault(what, where=where, why=f"{code.name}: {fault.why}")


def _parted(fault: Fault) -> tuple[str, str]:
    """What is wrong, and the mend, which the service's own sentences have behind their last semicolon. Both are of one
    error, or its mend would be told twice; of what others say nothing is known.
    """
    why, semicolon, mend = fault.why.rpartition("; ")
    return (why, mend[:1].upper() + mend[1:]) if fault.reason and semicolon else (fault.why, "")


def _details(error: grpc.aio.AioRpcError) -> list[any_pb2.Any]:
    """The status details of a failed call; none where there are none or they cannot be read."""
    # The stubs take the metadata for one pair; it is a sequence of pairs.
    metadata = cast("Iterable[tuple[str, str | bytes]]", error.trailing_metadata() or ())
    for name, payload in metadata:
        if name == _DETAILS_KEY and isinstance(payload, bytes):
            try:
                return list(status_pb2.Status.FromString(payload).details)
            except DecodeError:
                return []
    return []


NOTHING_DONE = (
    errors.Overloaded,
    errors.Unauthenticated,
    errors.PermissionDenied,
    errors.NotFound,
    errors.Unsupported,
)
"""Say that nothing was done, and so are raised of a change only where each of its attempts was answered."""

_NOT_SENT = Fault(grpc.StatusCode.RESOURCE_EXHAUSTED, "the call's deadline passed before this client could send it")
_NO_ANSWER = Fault(grpc.StatusCode.DEADLINE_EXCEEDED, "no answer came before the call's deadline")


@dataclass(slots=True, eq=False)
class Attempts:
    """The attempts of one call. `idempotency_key` is None for a read."""

    idempotency_key: str | None
    count: int = 0
    unclear: int = 0
    last_fault: Fault | None = None
    # True once an attempt ended without word of what became of it: from then on "nothing was done" is not known.
    maybe_done: bool = False

    def wait_ms(self, policy: RetryPolicy, fault: Fault, *, remaining_ms: float, jitter: float) -> float | None:
        """Note that an attempt ended with `fault`; milliseconds until the next, or None to give up.

        `remaining_ms` are left until the call's deadline; `jitter` is a number in [0, 1).
        """
        failure = fault.failure
        self.count += 1
        self.last_fault = fault
        if failure is Failure.UNCLEAR:
            self.unclear += 1
        if failure in {Failure.UNCLEAR, Failure.UNAVAILABLE} and not fault.not_sent:
            self.maybe_done = True
        if failure is Failure.FINAL or self.count >= policy.attempts_max:
            return None
        if failure is Failure.UNCLEAR and self.unclear >= policy.unclear_attempts_max:
            return None
        # The exponent is bounded so that a long outage does not build a huge number only to cut it down.
        full_ms = min(policy.wait_max_ms, policy.wait_first_ms << min(self.count - 1, 20))
        wait = full_ms * (0.5 + 0.5 * jitter)
        if fault.retry_after_ms > 0:
            # Never sooner than asked; the jitter on top spreads the callers that were refused together.
            wait = fault.retry_after_ms + 0.5 * jitter * min(fault.retry_after_ms, full_ms)
        return wait if wait < remaining_ms else None

    def error(self, fault: Fault, *, what: str, where: str) -> errors.HoldfastError:
        error = error_from(fault, what=what, where=where, idempotency_key=self.idempotency_key)
        if isinstance(error, NOTHING_DONE) and self.maybe_done and self.idempotency_key is not None:
            # Refused now, but an earlier attempt may have been carried out.
            key, mend = self.idempotency_key, ""
            if not isinstance(error, errors.Overloaded):  # which only waiting mends
                mend = f"{error.mend}; then ask again with the same idempotency key, {key}"
            unknown = errors.OutcomeUnknown(what, where=where, why=error.why, mend=mend, idempotency_key=key)
            unknown.reason, unknown.metadata = error.reason, error.metadata
            return unknown
        if isinstance(error, errors.OutcomeUnknown) and fault.not_sent and not self.maybe_done:
            # Nothing of this call was sent: what helps is to reach the service, whatever the key.
            key, mend = error.idempotency_key, errors.Unavailable.default_mend
            return errors.OutcomeUnknown(what, where=where, why=error.why, mend=mend, idempotency_key=key)
        return error

    def error_at_deadline(self, *, what: str, where: str, in_flight: bool) -> errors.HoldfastError:
        """The error to raise when the call's deadline has passed. `in_flight`: an attempt is under way."""
        if in_flight:
            self.maybe_done = True
            return self.error(_NO_ANSWER, what=what, where=where)
        return self.error(self.last_fault or _NOT_SENT, what=what, where=where)

    def error_at_close(self, *, what: str, where: str, in_flight: bool) -> errors.HoldfastError:
        """The error to raise when the client is closed before an answer came. `in_flight`: an attempt is under way."""
        why = "the client was closed during the call"
        if self.idempotency_key is not None and (in_flight or self.maybe_done):
            return errors.OutcomeUnknown(what, where=where, why=why, idempotency_key=self.idempotency_key)
        return errors.ClientClosed(what, where=where, why=why)

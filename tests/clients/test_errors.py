"""The error tree: complete against every gRPC status, as drawn, and each error says what, where, why and the mend."""

import re

import grpc
import pytest

from actors.protocol.formats import BeyondFormat
from actors.protocol.messages import LedgerStopped
from holdfast.client import errors
from holdfast.client.errors import (
    Conflict,
    HoldfastError,
    InvalidArgument,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    PermissionDenied,
    ServiceFault,
    StaleRead,
    Unauthenticated,
    Unavailable,
    Unsupported,
    Violation,
)
from holdfast.client.limits import Failure, RetryPolicy
from holdfast.client.statuses import FAILURES, Attempts, Fault, error_from, fault_from_item, fault_from_rpc
from holdfast.v1 import error_pb2
from serve.calls import ENDINGS, status_of
from serve.routing.batcher import DeadlinePassed, Overloaded as BusyService
from serve.wire.cursors import beyond_head
from serve.wire.rules import BadField, InvalidRequest
from serve.wire.statuses import fill_item_error, put, unknown_store
from tests.gateway.front import Context

CODE = grpc.StatusCode

# code: what a read raises, what a change raises, whether it is asked again
EXPECTED: dict[grpc.StatusCode, tuple[type[HoldfastError], type[HoldfastError], Failure]] = {
    CODE.OK: (ServiceFault, ServiceFault, Failure.FINAL),
    CODE.CANCELLED: (Unavailable, OutcomeUnknown, Failure.UNAVAILABLE),
    CODE.UNKNOWN: (ServiceFault, OutcomeUnknown, Failure.UNCLEAR),
    CODE.INVALID_ARGUMENT: (InvalidArgument, InvalidArgument, Failure.FINAL),
    CODE.DEADLINE_EXCEEDED: (Unavailable, OutcomeUnknown, Failure.UNAVAILABLE),
    CODE.NOT_FOUND: (NotFound, NotFound, Failure.FINAL),
    CODE.ALREADY_EXISTS: (Conflict, Conflict, Failure.FINAL),
    CODE.PERMISSION_DENIED: (PermissionDenied, PermissionDenied, Failure.FINAL),
    CODE.UNAUTHENTICATED: (Unauthenticated, Unauthenticated, Failure.FINAL),
    CODE.RESOURCE_EXHAUSTED: (Overloaded, Overloaded, Failure.OVERLOADED),
    CODE.FAILED_PRECONDITION: (StaleRead, Conflict, Failure.FINAL),
    CODE.ABORTED: (Unavailable, OutcomeUnknown, Failure.UNCLEAR),
    CODE.UNIMPLEMENTED: (Unsupported, Unsupported, Failure.FINAL),
    CODE.INTERNAL: (ServiceFault, OutcomeUnknown, Failure.UNCLEAR),
    CODE.UNAVAILABLE: (Unavailable, OutcomeUnknown, Failure.UNAVAILABLE),
    CODE.OUT_OF_RANGE: (InvalidArgument, InvalidArgument, Failure.FINAL),
    CODE.DATA_LOSS: (ServiceFault, ServiceFault, Failure.FINAL),
}


def tree() -> set[type[HoldfastError]]:
    found: set[type[HoldfastError]] = set()
    waiting: list[type[HoldfastError]] = [HoldfastError]
    while waiting:
        kind = waiting.pop()
        found.add(kind)
        waiting.extend(kind.__subclasses__())
    return found


def test_the_table_names_every_status() -> None:
    assert set(EXPECTED) == set(grpc.StatusCode) == set(FAILURES)


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_every_status_has_its_error(code: grpc.StatusCode) -> None:
    read, change, failure = EXPECTED[code]
    fault = Fault(code, "a reason")
    assert fault.failure is failure
    assert type(error_from(fault, what="Reserve", where="here:1", idempotency_key=None)) is read
    assert type(error_from(fault, what="Reserve", where="here:1", idempotency_key="k1")) is change


@pytest.mark.parametrize("key", [None, "k1"])
@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (CODE.FAILED_PRECONDITION, "VERSION_NOT_REACHED", StaleRead),
        (CODE.FAILED_PRECONDITION, "POLICY_CHANGED", Conflict),
        (CODE.FAILED_PRECONDITION, "TOO_MANY_READERS", Conflict),
        (CODE.FAILED_PRECONDITION, "TOO_MANY_HOT_SKUS", Conflict),
        (CODE.FAILED_PRECONDITION, "ACTOR_UNKNOWN", Conflict),
        (CODE.FAILED_PRECONDITION, "STORE_MOVING", Conflict),
        (CODE.FAILED_PRECONDITION, "HOT_SKUS_CHANGED", Conflict),
        (CODE.FAILED_PRECONDITION, "SKU_LIMITED_IN_SHOPS", Conflict),
        (CODE.FAILED_PRECONDITION, "CLAIM_KNOWN", Conflict),
        (CODE.FAILED_PRECONDITION, "GRANT_HELD", Conflict),
        (CODE.NOT_FOUND, "GRANT_UNKNOWN", NotFound),
        (CODE.NOT_FOUND, "READER_UNKNOWN", NotFound),
    ],
)
def test_a_reason_tells_the_error_more_finely_than_the_status(
    code: grpc.StatusCode, reason: str, kind: type[HoldfastError], key: str | None
) -> None:
    fault = Fault(code, "it is so; do this", reason=reason)
    error = error_from(fault, what="Call", where="here:1", idempotency_key=key)
    assert type(error) is kind
    assert (error.reason, error.why, error.mend) == (reason, "it is so", "Do this")


def test_what_others_than_the_service_say_is_told_whole() -> None:
    error = error_from(Fault(CODE.UNAVAILABLE, "no connection; error: 1"), what="C", where="h", idempotency_key=None)
    assert (error.why, error.mend) == ("UNAVAILABLE: no connection; error: 1", Unavailable.default_mend)


def test_a_precondition_of_a_newer_service_is_given_no_advice_of_another() -> None:
    fault = Fault(CODE.FAILED_PRECONDITION, "a reason", reason="NOT_KNOWN_YET")
    for key in (None, "k1"):
        error = error_from(fault, what="Call", where="here:1", idempotency_key=key)
        assert error.mend == HoldfastError.default_mend


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_every_error_says_what_where_why_and_what_to_do(code: grpc.StatusCode) -> None:
    error = error_from(Fault(code, "a reason"), what="Reserve", where="here:1", idempotency_key="k1")
    assert (error.what, error.where) == ("Reserve", "here:1")
    assert "a reason" in error.why
    assert error.mend
    for part in ("Reserve", "here:1", "a reason", error.mend):
        assert part in str(error)


def test_the_drawing_is_the_tree() -> None:
    drawn = re.findall(r"(?:\+--|^ {4})\s*(\w+)", errors.__doc__ or "", flags=re.MULTILINE)
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == {kind.__name__ for kind in tree()}
    under_unavailable = re.search(r"\|   \+-- (\w+)", errors.__doc__ or "")
    assert under_unavailable is not None
    assert under_unavailable.group(1) == OutcomeUnknown.__name__
    assert issubclass(OutcomeUnknown, Unavailable)


def test_an_unknown_outcome_carries_the_key_to_ask_again_with() -> None:
    error = error_from(Fault(CODE.UNAVAILABLE, "gone"), what="Reserve", where="here:1", idempotency_key="k1")
    assert isinstance(error, OutcomeUnknown)
    assert error.idempotency_key == "k1"
    assert "k1" in str(error)


def test_violations_reach_the_caller() -> None:
    violation = Violation("lines[0].quantity", "must be at least 1")
    fault = Fault(CODE.INVALID_ARGUMENT, "bad", violations=(violation,))
    error = error_from(fault, what="Reserve", where="here:1", idempotency_key="k1")
    assert isinstance(error, InvalidArgument)
    assert error.violations == (violation,)
    assert "lines[0].quantity: must be at least 1" in str(error)


def test_an_item_error_is_read_like_a_status() -> None:
    item = error_pb2.ItemError(code=8, message="queue full")
    item.retry_after.FromMilliseconds(250)
    assert fault_from_item(item) == Fault(CODE.RESOURCE_EXHAUSTED, "queue full", (), 250)
    assert fault_from_item(error_pb2.ItemError(code=99)).code is CODE.UNKNOWN


ENDED: list[Exception] = [
    unknown_store("store_id", "T1"),
    beyond_head("cursors[0].after_version", "T1", 9, 7),
    InvalidRequest([BadField("order_id", "is no order's id; send the one that Reserve gave")]),
    InvalidRequest([BadField("requests[0].lines", "is required"), BadField("requests[0].channel", "is required")]),
    BusyService(),
    DeadlinePassed(sent=True),
    DeadlinePassed(sent=False),
    LedgerStopped("the journal of S1 is damaged"),
    BeyondFormat("Policy.line_rules", 2, 1),
]


@pytest.mark.parametrize("ending", ENDED, ids=repr)
def test_an_item_and_a_call_of_its_own_end_in_the_same_error(ending: Exception) -> None:
    assert {type(each) for each in ENDED} == set(ENDINGS)
    status = status_of(ending)
    assert status is not None
    context, item = Context(), error_pb2.ItemError()
    put(status, context)
    fill_item_error(status, item)
    trailers = grpc.aio.Metadata(*context.trailers)
    alone = fault_from_rpc(grpc.aio.AioRpcError(context.code, grpc.aio.Metadata(), trailers, context.details))
    assert fault_from_item(item) == alone
    error = error_from(alone, what="Reserve", where="here:1", idempotency_key="k1")
    assert (error.reason, dict(error.metadata)) == (status.reason, dict(status.metadata))


@pytest.mark.parametrize("key", [None, "k1"])
@pytest.mark.parametrize("ending", [each for each in ENDED if not isinstance(each, LedgerStopped)], ids=repr)
def test_a_mend_is_told_once(ending: Exception, key: str | None) -> None:
    """The service's own, or that of the client where it has the key."""
    status = status_of(ending)
    assert status is not None
    item = error_pb2.ItemError()
    fill_item_error(status, item)
    error = error_from(fault_from_item(item), what="Reserve", where="here:1", idempotency_key=key)
    _, semicolon, mend = status.message.rpartition("; ")
    if len(status.violations) < 2:
        assert ";" not in str(error)
        assert semicolon
        assert isinstance(error, OutcomeUnknown) or error.mend.casefold() == mend.casefold()


def test_a_refusal_after_a_lost_answer_leaves_the_outcome_unknown() -> None:
    attempts = Attempts("k1")
    overloaded = Fault(CODE.RESOURCE_EXHAUSTED, "busy", (), 5)
    policy = RetryPolicy()
    attempts.wait_ms(policy, overloaded, remaining_ms=100, jitter=0)
    assert type(attempts.error(overloaded, what="Reserve", where="here:1")) is Overloaded
    attempts.wait_ms(policy, Fault(CODE.UNAVAILABLE, "gone"), remaining_ms=100, jitter=0)
    assert type(attempts.error(overloaded, what="Reserve", where="here:1")) is OutcomeUnknown


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (CODE.UNAUTHENTICATED, Unauthenticated),
        (CODE.PERMISSION_DENIED, PermissionDenied),
        (CODE.NOT_FOUND, NotFound),
        (CODE.UNIMPLEMENTED, Unsupported),
    ],
)
def test_what_refuses_the_last_attempt_says_nothing_of_a_lost_one(
    code: grpc.StatusCode, kind: type[HoldfastError]
) -> None:
    """The cause and its mend are told all the same, as asking again alone would not help."""
    refused, lost = Fault(code, "not now", reason="SOME_REASON"), Fault(CODE.UNAVAILABLE, "gone")
    attempts, read = Attempts("k1"), Attempts(None)
    assert type(attempts.error(refused, what="Reserve", where="here:1")) is kind
    for each in (attempts, read):
        each.wait_ms(RetryPolicy(), lost, remaining_ms=100, jitter=0)
    error = attempts.error(refused, what="Reserve", where="here:1")
    assert isinstance(error, OutcomeUnknown)
    assert (error.idempotency_key, error.reason, error.why) == ("k1", "SOME_REASON", "not now")
    assert error.mend.startswith(kind.default_mend)
    assert error.mend.endswith("the same idempotency key, k1")
    assert type(read.error(refused, what="GetReservation", where="here:1")) is kind


def test_an_attempt_that_was_not_sent_leaves_nothing_unknown() -> None:
    attempts = Attempts("k1")
    refused = Fault(CODE.UNAVAILABLE, "failed to connect to all addresses; last error: Connection refused")
    overloaded = Fault(CODE.RESOURCE_EXHAUSTED, "busy", (), 5)
    attempts.wait_ms(RetryPolicy(), refused, remaining_ms=100, jitter=0)
    assert attempts.error(refused, what="Reserve", where="here:1").mend == Unavailable.default_mend
    assert type(attempts.error(overloaded, what="Reserve", where="here:1")) is Overloaded
    attempts.wait_ms(RetryPolicy(), Fault(CODE.UNAVAILABLE, "gone"), remaining_ms=100, jitter=0)
    assert "k1" in attempts.error(refused, what="Reserve", where="here:1").mend

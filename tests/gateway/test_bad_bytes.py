"""Bytes that are no message, text that is not UTF-8, and whatever chance makes of requests: never an error of ours."""

import asyncio
from collections.abc import Sequence

import grpc
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings, strategies as st

from holdfast.v1 import reservation_service_pb2 as rs
from serve.wire.reservations import BATCH_REQUESTS_MAX, split_requests
from serve.wire.rules import InvalidRequest
from serve.wire.statuses import CallRefused, Status
from tests.gateway.front import Front, reserve_request
from tests.gateway.requests import BATCHES, GOOD, GOOD_STREAMS, good, reserve_items

ALLOWED = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
}
NOT_UTF8 = b"\xff\xfe\x80"
METHODS = [*GOOD, *BATCHES]
NO_TEXT = {"GetPolicy", "VerifyOrders", "ListReaders", "ListHotSkus"}
EMPTY_IS_GOOD = {"ListStores", "GetPolicy", "VerifyOrders", "ListReaders", "ListHotSkus"}


@pytest.mark.parametrize("method", [*METHODS, *GOOD_STREAMS])
def test_what_is_no_message_is_refused(shared: Front, method: str) -> None:
    for payload in (b"\xff", b"\x0a\x05ab", b"\x08", b"\x0f\x01", b"\x00" * 9, NOT_UTF8 * 100, b"\x0a" * 1_000_000):
        found = shared.ask(method, payload)
        assert found.code is grpc.StatusCode.INVALID_ARGUMENT, payload[:10]
        assert "holdfast.v1." in found.message
        assert found.fields == []


@pytest.mark.parametrize("method", [method for method in [*METHODS, *GOOD_STREAMS] if method not in EMPTY_IS_GOOD])
def test_nothing_at_all_is_refused_by_its_fields(shared: Front, method: str) -> None:
    found = shared.ask(method, b"")
    assert found.code is grpc.StatusCode.INVALID_ARGUMENT
    assert found.fields


@pytest.mark.parametrize("method", [method for method in [*GOOD, *GOOD_STREAMS] if method not in NO_TEXT])
def test_text_that_is_not_utf8_is_refused(shared: Front, method: str) -> None:
    payload = good(method, "utf8").SerializeToString()
    if b"S1" not in payload:
        pytest.skip("it has no text")
    found = shared.ask(method, payload.replace(b"S1", b"\xff1", 1))
    assert found.code is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("batch", BATCHES)
def test_an_item_that_is_not_utf8_costs_the_rest_nothing(shared: Front, batch: str) -> None:
    method, kind = BATCHES[batch]
    requests = [good(method, f"utf8 {batch} {number}") for number in range(5)]
    payload = (
        kind(requests=requests)
        .SerializeToString()
        .replace(f"utf8 {batch} 2".encode(), b"\xff" * len(f"utf8 {batch} 2"))
    )
    found = shared.ask(batch, payload)
    assert found.code is grpc.StatusCode.OK
    outcomes = found.reply.outcomes
    assert [outcome.WhichOneof("result") == "error" for outcome in outcomes] == [False, False, True, False, False]
    assert outcomes[2].error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert "requests[2]" in outcomes[2].error.message


def test_an_item_that_is_no_message_costs_the_rest_nothing(shared: Front) -> None:
    items = [request.SerializeToString() for request in reserve_items(3).requests]
    items.insert(1, b"\x0f\x0f\x0f")
    payload = b"".join(b"\x0a" + bytes([len(item)]) + item for item in items)
    outcomes = shared.ask("ReserveBatch", payload).reply.outcomes
    assert [outcome.WhichOneof("result") for outcome in outcomes] == [
        "reservation",
        "error",
        "reservation",
        "reservation",
    ]


@given(st.binary(max_size=200))
def test_random_bytes_are_a_message_or_refused(payload: bytes) -> None:
    refused: CallRefused | None = None
    items: Sequence[object] = []
    try:
        items = split_requests(rs.ReserveBatchRequest, payload)
    except InvalidRequest:
        items = []
    except CallRefused as error:
        refused = error
    assert all(isinstance(item, Status | rs.ReserveRequest) for item in items)
    if refused is not None:
        assert refused.status.code is grpc.StatusCode.INVALID_ARGUMENT
        with pytest.raises(DecodeError):
            rs.ReserveBatchRequest.FromString(payload)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_items_are_cut_where_they_were_joined(items: list[bytes]) -> None:
    payload = b"".join(b"\x0a" + bytes([len(item)]) + item for item in items)
    cut = split_requests(rs.ReserveBatchRequest, payload)
    assert len(cut) == len(items)
    for item, found in zip(items, cut, strict=True):
        try:
            assert found == rs.ReserveRequest.FromString(item)
        except DecodeError:
            assert isinstance(found, Status)


def test_whatever_chance_makes_of_a_good_request_is_answered(shared: Front) -> None:
    """Bytes flipped, cut and doubled: an answer or a clear refusal, and the gateway goes on."""

    @settings(max_examples=400)
    @given(st.sampled_from(METHODS), st.data())
    def scrambled(method: str, data: st.DataObject) -> None:
        message = (
            good(method, "chance")
            if method in GOOD
            else BATCHES[method][1](requests=[good(BATCHES[method][0], "chance")])
        )
        payload = bytearray(message.SerializeToString())
        for _ in range(data.draw(st.integers(1, 4))):
            if not payload:
                break
            place = data.draw(st.integers(0, len(payload) - 1))
            match data.draw(st.integers(0, 2)):
                case 0:
                    payload[place] ^= 1 << data.draw(st.integers(0, 7))
                case 1:
                    del payload[place : place + data.draw(st.integers(1, 8))]
                case _:
                    payload[place:place] = payload[place : place + data.draw(st.integers(1, 8))]
        assert shared.ask(method, bytes(payload)).code in ALLOWED

    scrambled()
    assert shared.ask("Reserve", reserve_request("after chance")).code is grpc.StatusCode.OK


@pytest.mark.parametrize("timeout_ms", ["0", "00", "x", "-1", "1.5", "", "9" * 4_999, "9" * 13, "\u0661"])
def test_a_time_that_is_no_number_is_the_default(shared: Front, timeout_ms: str) -> None:
    found = shared.ask("Reserve", reserve_request(f"time {timeout_ms[:20]}"), timeout_ms=timeout_ms)
    assert found.code is (grpc.StatusCode.DEADLINE_EXCEEDED if timeout_ms in {"0", "00"} else grpc.StatusCode.OK)


def test_many_bad_calls_at_once_do_not_hurt_a_good_one(shared: Front) -> None:
    async def main() -> None:
        bad = [shared.asked("ReserveBatch", b"\xff" * 100) for _ in range(200)]
        *refused, answered = await asyncio.gather(*bad, shared.asked("Reserve", reserve_request("among bad ones")))
        assert {found.code for found in refused} == {grpc.StatusCode.INVALID_ARGUMENT}
        assert answered.code is grpc.StatusCode.OK

    shared.run(main)


def test_a_damaged_batch_of_too_many_is_not_cut_to_its_end() -> None:
    damaged = b"\x0a\x01\xff"
    fits = b"\x0a\x00" * (BATCH_REQUESTS_MAX - 1) + damaged
    assert len(split_requests(rs.ReserveBatchRequest, fits)) == BATCH_REQUESTS_MAX
    with pytest.raises(InvalidRequest):
        split_requests(rs.ReserveBatchRequest, b"\x0a\x00" + fits)

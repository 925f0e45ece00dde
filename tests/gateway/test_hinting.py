"""Batches for what is sold out: like requests are refused without a look at more than that they are alike."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from actors.shop.commands import Lines, Reserve
from holdfast.v1 import error_pb2, reservation_service_pb2 as rs
from serve.routing.sold_out import SoldOut
from serve.wire import reservations
from serve.wire.reservations import KEY_CHARS_MAX, may_be_hinted, plain_first, reserve
from serve.wire.rules import QUANTITY_MAX
from tests.gateway.front import Front, reserve_request
from tests.runtime.runtime_fixture import ManualClock

HINT_S = 60.0  # so long that the time of the test itself is nothing beside it
PLAIN = {"idempotency_key", "store_id", "lines", "customer_id", "channel", "first_attempt"}
OTHERS = [each for each in rs.ReserveRequest.DESCRIPTOR.fields if each.name not in PLAIN]


def first(key: str, **more: Any) -> rs.ReserveRequest:
    request = reserve_request(key, "B")
    request.MergeFrom(rs.ReserveRequest(first_attempt=True, **more))
    return request


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """All of B is sold, and the gateway has just heard it."""
    with Front(tmp_path, ManualClock()) as front:
        front.gateway._router.sold_out = SoldOut(HINT_S)
        front.receive("B", 1)
        front.receive("C", 10)
        front.reserve("held", "B")
        assert not front.accept("Reserve", first("refused")).rejection.by_hint
        yield front


@pytest.mark.parametrize("field", OTHERS, ids=lambda field: field.name)
def test_a_request_with_more_is_not_taken_for_a_plain_one(field: Any) -> None:
    """Whatever field is added one day."""
    assert plain_first(first("k")) == ("S1", "web", "B", 1)
    request = first("k")
    if field.message_type:
        getattr(request, field.name).SetInParent()
    else:
        setattr(request, field.name, 1 if field.cpp_type != field.CPPTYPE_STRING else "x")
    assert plain_first(request) is None


FAULTS: list[dict[str, Any]] = [
    {"idempotency_key": "k" * (KEY_CHARS_MAX + 1)},
    {"idempotency_key": "\n"},
    {"idempotency_key": ""},
    {"customer_id": "c" * 200},
    {"customer_id": ""},
    {"first_attempt": False},
]


@pytest.mark.parametrize("units", [0, -1, QUANTITY_MAX + 1])
def test_nor_is_one_for_no_units_or_too_many(units: int) -> None:
    request = first("k")
    request.lines[0].quantity = units
    assert plain_first(request) is None


@pytest.mark.parametrize("fault", FAULTS)
def test_one_that_the_quick_test_does_not_pass_is_none_either(fault: dict[str, Any]) -> None:
    request = first("k")
    for name, value in fault.items():
        setattr(request, name, value)
    assert plain_first(request) is None


def test_like_requests_of_a_batch_are_refused_as_each_would_be(front: Front) -> None:
    others = [
        first("ttl", ttl=Duration(seconds=60)),
        first("basket", basket_id="b"),
        first("k" * (KEY_CHARS_MAX + 1)),
        reserve_request("repeat", "B"),
        reserve_request("there", "C"),
    ]
    requests = [first("a"), first("b"), *others, first("c"), first("d")]
    requests[1].lines[0].quantity = 2
    assert all(may_be_hinted(each) and reserve(each) for each in requests if plain_first(each))
    told = front.accept("ReserveBatch", rs.ReserveBatchRequest(requests=requests)).outcomes
    kinds = [each.WhichOneof("result") for each in told]
    assert kinds == [*("rejection",) * 4, "error", "rejection", "reservation", *("rejection",) * 2]
    by_hint = [place for place, each in enumerate(told) if each.rejection.by_hint]
    assert by_hint == [0, 1, 2, 7, 8]
    for place in by_hint:
        assert front.accept("Reserve", requests[place]) == told[place]
    assert (told[0].rejection, told[1].rejection.asked) == (told[8].rejection, 2)
    assert told[0].rejection.reason == error_pb2.REASON_INSUFFICIENT_STOCK


def test_refusals_by_hint_are_counted_for_promotion_too(front: Front) -> None:
    rates = front.gateway._keeper._rates
    rates.look(0.0)
    batch = rs.ReserveBatchRequest(requests=[first(f"k{number}") for number in range(7)])
    assert all(each.rejection.by_hint for each in front.accept("ReserveBatch", batch).outcomes)
    assert rates.look(1.0)["B"] == 7.0


def test_plain_requests_are_refused_without_being_translated(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    translated: list[Lines] = []

    def counting(key: str, customer_id: str, channel: str, basket_id: str, lines: Lines, *others: Any) -> Reserve:
        translated.append(lines)
        return Reserve(key, customer_id, channel, basket_id, lines, *others)

    monkeypatch.setattr(reservations, "cm", SimpleNamespace(Reserve=counting))
    batch = rs.ReserveBatchRequest(requests=[first(f"k{number}") for number in range(200)])
    batch.requests[150].lines[0].quantity = 2
    assert all(each.rejection.by_hint for each in front.accept("ReserveBatch", batch).outcomes)
    assert not translated
    batch.requests.append(reserve_request("there", "C"))
    assert front.accept("ReserveBatch", batch).outcomes[-1].HasField("reservation")
    assert translated == [(("C", 1),)]

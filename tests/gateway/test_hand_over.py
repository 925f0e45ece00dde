"""Who hands goods over is kept with the reservation, and told to whoever comes too late."""

from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from actors.protocol.formats import FIRST, Writing
from holdfast.v1 import error_pb2, event_pb2, reservation_service_pb2 as rs
from tests.gateway.front import Front
from tests.gateway.hot import got
from tests.gateway.streams import events_of
from tests.gateway.test_pickups import confirmed
from tests.runtime.runtime_fixture import ManualClock

FIRST_TILL: Final = {"device": "till-1", "recipient_id": "neighbour 7", "id_checked": True}


def collect_request(reservation_id: str, key: str, hand_over: dict[str, Any] | None, **more: Any) -> Any:
    """What a till sends."""
    of: dict[str, Any] = {"idempotency_key": key, "reservation_id": reservation_id, "payment_reference": f"paid {key}"}
    return rs.CollectReservationRequest(hand_over=hand_over, **of, **more)


def collect(front: Front, reservation_id: str, key: str = "c1", hand_over: dict[str, Any] | None = None) -> Any:
    """A till hands out all of it."""
    return front.accept("CollectReservation", collect_request(reservation_id, key, hand_over or FIRST_TILL))


@pytest.fixture
def mine(front: Front) -> str:
    front.receive("A", 9)
    return confirmed(front)


@pytest.mark.parametrize("alone", [True, False], ids=["by itself", "in a batch"])
def test_who_comes_too_late_is_told_by_whom_and_when(front: Front, mine: str, *, alone: bool) -> None:
    front.clock.move(1_000)
    first = collect(front, mine).reservation.hand_over
    assert (first.device, first.recipient_id, first.id_checked) == ("till-1", "neighbour 7", True)
    assert first.at.ToMilliseconds() == front.clock.at_ms
    front.clock.move(60_000)
    other = collect_request(mine, "c2", {"device": "till-2"})
    if alone:
        refused = front.accept("CollectReservation", other).rejection
    else:
        (outcome,) = front.accept("CollectBatch", rs.CollectBatchRequest(requests=[other])).outcomes
        refused = outcome.rejection
    assert refused.reason == error_pb2.REASON_TRANSITION_NOT_ALLOWED
    assert refused.hand_over == first
    assert got(front, mine).hand_over == first


def test_a_repeat_is_the_first_answer_whatever_it_says_of_who_hands_over(front: Front, mine: str) -> None:
    first = collect(front, mine)
    assert collect(front, mine, hand_over={"device": "till-9"}) == first


def test_it_is_in_the_feed_and_after_a_recovery(front: Front, mine: str) -> None:
    first = collect(front, mine).reservation
    front.actors.kill("store-S1")
    assert got(front, mine) == first

    async def last() -> event_pb2.Event:
        return (await events_of(front, front_version, S1=0))[-1]

    front_version = front.version()
    told = front.run(last).collected
    assert told.hand_over == first.hand_over


def test_parts_have_the_one_who_handed_over_last(front: Front) -> None:
    front.receive("A", 9)
    front.receive("B", 9)
    request = rs.ReserveRequest(idempotency_key="k", store_id="S1", customer_id="c", channel="web")
    for sku in ("A", "B"):
        request.lines.add(sku=sku, quantity=1)
    both = front.accept("Reserve", request).reservation.reservation_id
    for number, sku in enumerate(("A", "B")):
        asked = collect_request(both, sku, {"device": f"till-{number}"}, lines=[{"sku": sku, "quantity": 1}])
        told = front.accept("CollectReservation", asked).reservation
        assert told.hand_over.device == f"till-{number}"


def test_bad_ones_are_refused_by_their_field(front: Front, mine: str) -> None:
    for hand_over in ({}, {"device": "x" * 65}, {"device": "t", "recipient_id": "a\nb"}):
        refused = front.ask("CollectReservation", collect_request(mine, "c1", hand_over))
        assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
        assert refused.fields[0].startswith("hand_over.")


def test_a_service_of_the_first_format_hands_over_and_does_not_keep_it(tmp_path: Path) -> None:
    with Front(tmp_path, ManualClock(), writing=Writing(FIRST)) as front:
        front.receive("A")
        told = collect(front, confirmed(front)).reservation
        assert not told.HasField("hand_over")

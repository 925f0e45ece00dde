"""An order is amended while a till has one of its parts: that stays whole for as long, as in a shop that is away."""

from typing import Final

import pytest

from actors.core.policy import HOUR_MS
from actors.core.status import LIVE
from actors.shop.state import Reservation
from holdfast.v1 import admin_service_pb2 as ad, error_pb2, order_service_pb2 as os_, reservation_service_pb2 as rs
from tests.gateway.front import Front, reserve_request
from tests.gateway.orders import BUYER, hosted, settle
from tests.gateway.test_channels import BY_PLACE

TILL: Final = "t7"


@pytest.fixture
def order_id(front: Front) -> str:
    """Three of A in S1, given to a till for an hour, while S2 has some as well."""
    front.receive("A", 10, "S1")
    request = reserve_request("o", "A", 3)
    request.customer_id = BUYER
    request.ClearField("store_id")
    request.sourcing.CopyFrom(BY_PLACE)
    order = front.accept("Reserve", request).order
    front.receive("A", 10, "S2")
    settle(front)
    give = rs.GiveReservationRequest(idempotency_key="g", reservation_id=part_of(front), till=TILL)
    give.ttl.FromMilliseconds(HOUR_MS)
    assert front.accept("GiveReservation", give).WhichOneof("result") == "reservation"
    return str(order.order_id)


def part_of(front: Front) -> str:
    """The first part in S1."""
    return f"S1:{min(hosted(front, 'store-S1', 'S1').holders.values())}"


def amend(front: Front, order_id: str, **units: int) -> None:
    request = os_.AmendOrderRequest(idempotency_key=f"amend {units}", order_id=order_id)
    for store_id, quantity in units.items():
        request.stores.add(store_id=store_id, lines=[{"sku": "A", "quantity": quantity}] if quantity else [])
    assert front.accept("AmendOrder", request).WhichOneof("result") == "order"
    settle(front)


def hand_out(front: Front) -> str:
    """The till says that it has handed out three."""
    request = rs.CollectReservationRequest(idempotency_key="c", reservation_id=part_of(front), payment_reference="p")
    request.till = TILL
    request.lines.add(sku="A", quantity=3)
    reply = front.accept("CollectReservation", request)
    for _ in range(3):
        settle(front)
    return str(reply.WhichOneof("result"))


def rows(front: Front, store_id: str) -> list[Reservation]:
    return list(hosted(front, f"store-{store_id}", store_id).reservations.values())


def held(front: Front) -> dict[str, int]:
    """Units held, by shop."""
    return {
        store_id: sum(sum(each.held()) for each in live)
        for store_id in ("S1", "S2")
        if (live := [each for each in rows(front, store_id) if each.status in LIVE])
    }


def verify(front: Front) -> None:
    assert not front.accept("VerifyOrders", ad.VerifyOrdersRequest()).discrepancies
    for store_id in ("S1", "S2"):
        assert not front.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id=store_id)).discrepancies


def test_what_its_till_hands_out_is_taken_of_what_took_its_place(front: Front, order_id: str) -> None:
    amend(front, order_id, S1=1, S2=2)
    assert held(front) == {"S1": 3, "S2": 2}
    verify(front)
    assert hand_out(front) == "reservation"
    assert held(front) == {}, "three were wanted, and three were handed out"
    verify(front)


def test_a_part_that_the_order_wants_no_more_stays_as_well(front: Front, order_id: str) -> None:
    amend(front, order_id, S1=0, S2=3)
    assert held(front) == {"S1": 3, "S2": 3}
    assert hand_out(front) == "reservation"
    assert held(front) == {}
    verify(front)


def test_once_the_tills_time_is_over_the_shop_hears_of_it(front: Front, order_id: str) -> None:
    amend(front, order_id, S1=2)
    assert held(front) == {"S1": 3}
    front.clock.move(HOUR_MS)
    settle(front)
    settle(front)
    assert held(front) == {"S1": 2}
    verify(front)


def test_the_whole_of_it_is_released_at_any_time(front: Front, order_id: str) -> None:
    release = os_.ReleaseOrderRequest(idempotency_key="r", order_id=order_id, reason="RELEASE_REASON_OTHER")
    assert front.accept("ReleaseOrder", release).WhichOneof("result") == "order"
    settle(front)
    assert held(front) == {}


def test_a_reservation_of_one_shop_is_not_amended_meanwhile(front: Front) -> None:
    front.receive("A", 10)
    mine = front.accept("Reserve", reserve_request("k", "A", 3)).reservation.reservation_id
    give = rs.GiveReservationRequest(idempotency_key="g", reservation_id=mine, till=TILL)
    give.ttl.FromMilliseconds(HOUR_MS)
    front.accept("GiveReservation", give)
    less = rs.AmendReservationRequest(idempotency_key="a", reservation_id=mine, lines=[{"sku": "A", "quantity": 2}])
    assert front.accept("AmendReservation", less).rejection.reason == error_pb2.REASON_GIVEN_TO_TILL

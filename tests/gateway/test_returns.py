"""Goods that come back by receipt, as tills meet it."""

from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from actors.core.ids import format_order_id, format_reservation_id
from actors.core.policy import DAY_MS
from actors.protocol.formats import FIRST, Writing
from holdfast.v1 import (
    admin_service_pb2 as ad,
    error_pb2,
    event_pb2,
    pickup_pb2,
    reservation_pb2,
    reservation_service_pb2 as rs,
    stock_service_pb2 as ss,
)
from tests.gateway.front import Front
from tests.gateway.hot import got, promote
from tests.gateway.orders import HERS, ordered, settle
from tests.gateway.streams import events_of
from tests.gateway.test_hand_over import collect
from tests.gateway.test_pickups import confirmed
from tests.gateway.test_watch_pickups import told
from tests.runtime.runtime_fixture import ManualClock

COLLECTED: Final = reservation_pb2.RESERVATION_STATUS_COLLECTED
EXCEEDS: Final = error_pb2.REASON_QUANTITY_EXCEEDS_COLLECTED


def give_back(front: Front, reservation_id: str, key: str = "r1", **more: Any) -> Any:
    """A till takes goods back."""
    request = rs.ReturnReservationRequest(idempotency_key=key, reservation_id=reservation_id, **more)
    return front.accept("ReturnReservation", request)


def on_hand(front: Front) -> int:
    """Of A in S1."""
    request = ss.GetAvailabilityRequest(store_ids=["S1"], skus=["A"])
    return int(front.accept("GetAvailability", request).stores[0].positions[0].on_hand)


def verify(front: Front) -> Any:
    """The journal of S1 beside its ledger."""
    return front.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id="S1"))


@pytest.fixture
def mine(front: Front) -> str:
    """One A that was collected, of nine; one more is booked as sold."""
    front.receive("A", 9)
    mine = confirmed(front)
    collect(front, mine)
    return mine


def test_it_is_on_hand_again_once(front: Front, mine: str) -> None:
    stocked = on_hand(front) + 1
    first = give_back(front, mine, refund_reference="refund 7", till="till-2")
    assert (first.reservation.status, first.reservation.refund_reference) == (COLLECTED, "refund 7")
    assert [(line.collected, line.returned) for line in first.reservation.lines] == [(1, 1)]
    assert give_back(front, mine, refund_reference="refund 7", till="till-2") == first
    assert on_hand(front) == stocked
    refused = give_back(front, mine, "r2").rejection
    assert (refused.reason, refused.reservation_id) == (EXCEEDS, mine)
    assert refused.message == f"nothing of reservation {mine} that was collected is still to come back"
    more = give_back(front, mine, "r3", lines=[{"sku": "A", "quantity": 2}]).rejection
    assert (more.reason, more.asked, more.available) == (EXCEEDS, 2, 0)
    assert got(front, mine) == first.reservation


def test_what_is_unsellable_is_written_off(front: Front, mine: str) -> None:
    before = on_hand(front)
    give_back(front, mine, unsellable=[{"sku": "A", "quantity": 1}])
    assert on_hand(front) == before
    assert verify(front).holds


def test_it_is_in_the_feeds_and_after_a_recovery(front: Front, mine: str) -> None:
    first = give_back(
        front, mine, unsellable=[{"sku": "A", "quantity": 1}], refund_reference="r", till="t1"
    ).reservation
    front.actors.kill("store-S1")
    assert got(front, mine) == first
    version = front.version()

    async def last() -> event_pb2.Event:
        return (await events_of(front, version, S1=0))[-1]

    event = front.run(last).returned
    line = reservation_pb2.LineQuantity(sku="A", quantity=1)
    of: dict[str, Any] = {"refund_reference": "r", "till": "t1", "reservation_id": mine}
    assert event == event_pb2.ReturnedEvent(lines=[line], unsellable=[line], **of)
    changes = front.run(lambda: told(front, 2))
    assert changes[-1].kind == pickup_pb2.PICKUP_CHANGE_KIND_RETURNED
    assert verify(front).holds


def test_a_part_of_an_order_comes_back_and_the_order_agrees(front: Front) -> None:
    order = ordered(front)
    [mine] = [format_reservation_id("S1", part.reservation) for part in order.certain_parts() if part.store_id == "S1"]
    collect(front, mine)
    settle(front)
    back = give_back(front, mine).reservation
    assert back.order_id == format_order_id(HERS, order.number)
    assert [(line.collected, line.returned) for line in back.lines] == [(1, 1)]
    settle(front)
    verified = front.accept("VerifyOrders", ad.VerifyOrdersRequest())
    assert (verified.holds, verified.on_the_way) == (True, 0)


def test_what_a_ledger_of_its_own_had_comes_back_by_its_first_id(front: Front) -> None:
    front.receive("A", 9)
    promote(front, "A")
    hot = front.reserve("ann").reservation.reservation_id
    assert hot.startswith("hot/A:")
    sold = collect(front, hot).reservation.reservation_id
    assert give_back(front, hot).reservation.reservation_id == sold
    assert give_back(front, sold, "r2").rejection.reason == EXCEEDS


def test_what_the_shop_has_forgotten_is_said_so(front: Front, mine: str) -> None:
    front.clock.move(20 * DAY_MS)
    front.receive("A", 1)
    assert give_back(front, mine).rejection.reason == error_pb2.REASON_RESERVATION_NOT_FOUND


def test_a_service_of_the_first_format_says_that_it_cannot(tmp_path: Path) -> None:
    with Front(tmp_path, ManualClock(), writing=Writing(FIRST)) as front:
        front.receive("A")
        mine = confirmed(front)
        collect(front, mine)
        asked = rs.ReturnReservationRequest(idempotency_key="r", reservation_id=mine)
        refused = front.ask("ReturnReservation", asked)
        assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "FORMAT_NOT_RAISED")

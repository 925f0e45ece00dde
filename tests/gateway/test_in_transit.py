"""Units that are in transit, as callers meet them who are promised some."""

from typing import Any, Final

import pytest

from holdfast.v1 import (
    admin_service_pb2 as ad,
    error_pb2,
    pick_service_pb2 as pks,
    reservation_pb2,
    reservation_service_pb2 as rs,
    shortfall_pb2,
    shortfall_service_pb2 as sf,
)
from tests.gateway.front import Front, reserve_request
from tests.gateway.streams import events_of
from tests.gateway.test_shortfalls import count, reserved, resolve, set_policy
from tests.gateway.test_transfers import receipt, sent, stock
from tests.gateway.test_watch_pickups import kinds, step

HELD: Final = reservation_pb2.RESERVATION_STATUS_HELD
AWAITS: Final = error_pb2.REASON_AWAITS_TRANSFER


@pytest.fixture
def coming(front: Front) -> tuple[Front, str]:
    """Five of A are on their way to S2, which has none, by the transfer with this id."""
    set_policy(front, 1, promise_in_transit=True)
    return front, sent(front)


def promised(front: Front, key: str = "ann", units: int = 2) -> reservation_pb2.Reservation:
    reply = front.accept("Reserve", reserve_request(key, "A", units, "S2"))
    assert reply.reservation.awaits_transfer_id, reply
    made: reservation_pb2.Reservation = reply.reservation
    return made


def test_it_is_told_by_which_transfer_and_when_until_it_has_come(coming: tuple[Front, str]) -> None:
    front, transfer_id = coming
    mine = promised(front)
    assert (mine.status, mine.awaits_transfer_id) == (HELD, transfer_id)
    assert mine.arrives_at.ToMilliseconds() == front.clock.now_ms() + 3_600_000
    again = front.accept("Reserve", reserve_request("ann", "A", 2, "S2"))
    assert again.reservation == mine
    number = int(mine.reservation_id.partition(":")[2])
    assert reserved(front, number, "S2").arrives_at == mine.arrives_at
    assert stock(front, "S2") == (0, 0)
    front.accept("ReceiveTransfer", receipt(transfer_id))
    come = reserved(front, number, "S2")
    assert (come.status, come.awaits_transfer_id, come.HasField("arrives_at")) == (HELD, "", False)
    assert stock(front, "S2") == (5, 2)


def test_what_needs_the_goods_is_refused_with_when_they_are_expected(coming: tuple[Front, str]) -> None:
    front, transfer_id = coming
    mine = promised(front)
    step(front, "Confirm", mine.reservation_id)
    of: dict[str, Any] = {"reservation_id": mine.reservation_id}
    asked = [
        ("CollectReservation", rs.CollectReservationRequest(idempotency_key="c", payment_reference="p", **of)),
        ("MarkReservationReady", rs.MarkReservationReadyRequest(idempotency_key="r", **of)),
        ("GiveReservation", rs.GiveReservationRequest(idempotency_key="g", till="t", ttl={"seconds": 60}, **of)),
    ]
    for method, request in asked:
        rejection = front.accept(method, request).rejection
        assert (rejection.reason, rejection.available) == (AWAITS, mine.arrives_at.ToMilliseconds()), method
        assert "receive the transfer" in rejection.message
    front.accept("ReceiveTransfer", receipt(transfer_id))
    step(front, "Collect", mine.reservation_id, payment_reference="p")


def test_feeds_tell_the_promise_and_whose_goods_have_come(coming: tuple[Front, str]) -> None:
    front, transfer_id = coming
    mine = promised(front)
    step(front, "Confirm", mine.reservation_id)
    other = promised(front, "bob", 1)
    front.accept("ReceiveTransfer", receipt(transfer_id))
    events = front.run(lambda: events_of(front, front.version("S2"), S2=0))
    told = {event.WhichOneof("change"): event for event in reversed(events)}
    assert told["promised"].promised.reservation.awaits_transfer_id == transfer_id
    received = next(each.transfer_changed for each in events if each.transfer_changed.kind == "received")
    assert list(received.reservation_ids) == [mine.reservation_id, other.reservation_id]
    assert kinds(front, 1, store_id="S2") == [("CHANGED", mine.reservation_id)]


def test_what_came_short_is_a_task_that_says_so(coming: tuple[Front, str]) -> None:
    front, transfer_id = coming
    mine = promised(front, units=4)
    front.accept("ReceiveTransfer", receipt(transfer_id, A=1))
    (task,) = front.accept("ListShortfalls", sf.ListShortfallsRequest(store_id="S2")).tasks
    assert (task.reservation_id, task.cause) == (mine.reservation_id, shortfall_pb2.SHORTFALL_CAUSE_TRANSFER)
    assert stock(front, "S2") == (1, 1)


def test_a_task_of_a_shortfall_is_moved_to_what_is_on_its_way(front: Front) -> None:
    set_policy(front, 1, promise_in_transit=True)
    front.reserve("ann", units=2)
    transfer_id = sent(front)
    count(front, "c1", 0)
    (task,) = front.accept("ListShortfalls", sf.ListShortfallsRequest(store_id="S1")).tasks
    moved = resolve(front, "m1", task.task_id, shortfall_pb2.SHORTFALL_RESOLUTION_MOVED, "S2").task
    number = int(moved.moved_to_reservation_id.partition(":")[2])
    assert reserved(front, number, "S2").awaits_transfer_id == transfer_id
    assert resolve(front, "m1", task.task_id, shortfall_pb2.SHORTFALL_RESOLUTION_MOVED, "S2").task == moved


def test_a_pick_task_is_refused_until_the_goods_are_there(coming: tuple[Front, str]) -> None:
    front, transfer_id = coming
    set_policy(front, 2, promise_in_transit=True, picks=True)
    mine = promised(front)
    step(front, "Confirm", mine.reservation_id)
    claim = pks.ClaimPickTaskRequest(
        idempotency_key="k1", store_id="S2", reservation_id=mine.reservation_id, picker_id="eva"
    )
    assert front.accept("ClaimPickTask", claim).rejection.reason == AWAITS
    front.accept("ReceiveTransfer", receipt(transfer_id))
    claim.idempotency_key = "k2"
    assert front.accept("ClaimPickTask", claim).HasField("pick_task")


def test_who_waits_in_line_is_promised_it_and_the_feed_says_by_which_transfer(front: Front) -> None:
    set_policy(front, 1, promise_in_transit=True)
    front.receive("A", 1, "S2")
    request = reserve_request("ann", "A", 3, "S2")
    request.wait.FromSeconds(3_600)
    waits = front.accept("Reserve", request).reservation
    assert waits.status == reservation_pb2.RESERVATION_STATUS_QUEUED
    transfer_id = sent(front)
    number = int(waits.reservation_id.partition(":")[2])
    mine = reserved(front, number, "S2")
    assert (mine.status, mine.awaits_transfer_id) == (HELD, transfer_id)
    assert mine.arrives_at.ToMilliseconds() == front.clock.now_ms() + 3_600_000
    events = front.run(lambda: events_of(front, front.version("S2"), S2=0))
    (served,) = [each.served for each in events if each.WhichOneof("change") == "served"]
    assert (served.reservation_id, served.awaits_transfer_id) == (waits.reservation_id, transfer_id)
    assert served.arrives_at == mine.arrives_at
    assert stock(front, "S2") == (1, 0)
    front.accept("ReceiveTransfer", receipt(transfer_id))
    assert stock(front, "S2") == (6, 3)
    assert front.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id="S2")).holds

"""WatchPickups: what tills are told of what waits at the counter."""

from collections.abc import Callable
from typing import Any, Final

import grpc
import pytest

from actors.core.ids import format_order_id
from holdfast.v1 import (
    order_service_pb2 as os_,
    pickup_pb2,
    pickup_service_pb2 as ps,
    reservation_pb2,
    reservation_service_pb2 as rs,
)
from serve.services import events
from tests.gateway.front import Front
from tests.gateway.orders import HERS, ordered, settle
from tests.gateway.streams import Stream
from tests.gateway.test_pickups import confirmed

HOUR: Final = {"seconds": 3_600}
A_DAY_MS: Final = 86_400_000


def step(front: Front, kind: str, reservation_id: str, **fields: Any) -> None:
    """A step of a reservation, which is accepted."""
    request = getattr(rs, f"{kind}ReservationRequest")
    key = f"{kind} {reservation_id} {sorted(fields)}"
    reply = front.accept(f"{kind}Reservation", request(idempotency_key=key, reservation_id=reservation_id, **fields))
    assert reply.HasField("reservation"), reply


async def told(front: Front, count: int, after: int = 0, store_id: str = "S1") -> list[pickup_pb2.PickupChange]:
    """So many changes after a version, and no more in the message that brings the last."""
    request = ps.WatchPickupsRequest(cursors=[{"store_id": store_id, "after_version": after}])
    stream = Stream(front, "WatchPickups", request)
    found: list[pickup_pb2.PickupChange] = []
    while len(found) < count:
        message = await stream.take()
        assert message.store_id == store_id
        found += message.changes
        assert message.version >= max((change.version for change in message.changes), default=0)
    await stream.close()
    return found


def kinds(front: Front, count: int, after: int = 0, store_id: str = "S1") -> list[tuple[str, str]]:
    """What they are, and of which reservations."""
    named = pickup_pb2.PickupChangeKind.Name
    found = front.run(lambda: told(front, count, after, store_id))
    prefix = "PICKUP_CHANGE_KIND_"
    return [(named(each.kind).removeprefix(prefix), each.reservation.reservation_id) for each in found]


@pytest.fixture
def shop(front: Front) -> Front:
    front.receive("A", 9)
    return front


def test_a_pickup_is_told_from_ready_to_the_end(shop: Front) -> None:
    mine = confirmed(shop)
    step(shop, "Extend", mine, ttl=HOUR)
    shop.accept("MarkReservationReady", rs.MarkReservationReadyRequest(idempotency_key="ready", reservation_id=mine))
    step(shop, "Give", mine, till="t1", ttl=HOUR)
    step(shop, "Collect", mine, payment_reference="p", till="t1")
    assert kinds(shop, 4) == [("CHANGED", mine), ("READY", mine), ("CHANGED", mine), ("COLLECTED", mine)]


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (lambda front, mine: step(front, "Release", mine, reason=1), "WITHDRAWN"),
        (lambda front, _: front.clock.move(60 * A_DAY_MS), "WITHDRAWN"),
        (lambda front, mine: step(front, "Collect", mine, payment_reference="p"), "COLLECTED"),
    ],
    ids=["released", "expired", "collected"],
)
def test_each_end_is_told(shop: Front, end: Callable[[Front, str], None], kind: str) -> None:
    mine = confirmed(shop)
    end(shop, mine)
    shop.reserve("later")  # whatever is due is expired first
    assert kinds(shop, 1) == [(kind, mine)]


def test_of_one_that_was_only_held_nothing_is_told_when_its_time_is_over(shop: Front) -> None:
    shop.reserve("ann")
    shop.clock.move(A_DAY_MS)
    mine = confirmed(shop, "bob")
    step(shop, "Collect", mine, payment_reference="p")
    assert kinds(shop, 1) == [("COLLECTED", mine)]


def test_a_part_in_two_lines_and_the_rest_later(shop: Front) -> None:
    shop.receive("B", 9)
    request = rs.ReserveRequest(idempotency_key="k", store_id="S1", customer_id="c", channel="web")
    for sku in ("A", "B"):
        request.lines.add(sku=sku, quantity=1)
    mine = shop.accept("Reserve", request).reservation.reservation_id
    step(shop, "Confirm", mine)
    step(shop, "Collect", mine, payment_reference="p", lines=[{"sku": "A", "quantity": 1}])
    step(shop, "Release", mine, reason=1, lines=[{"sku": "B", "quantity": 1}])
    assert kinds(shop, 2) == [("CHANGED", mine), ("WITHDRAWN", mine)]


def test_parts_of_orders_are_told_in_their_shops(front: Front) -> None:
    order = ordered(front)
    order_id = format_order_id(HERS, order.number)
    front.accept("ConfirmOrder", os_.ConfirmOrderRequest(idempotency_key="c", order_id=order_id))
    settle(front)
    release = os_.ReleaseOrderRequest(
        idempotency_key="r", order_id=order_id, reason=reservation_pb2.RELEASE_REASON_CUSTOMER_CANCELLED
    )
    front.accept("ReleaseOrder", release)
    settle(front)
    for store_id in ("S1", "S2"):
        found = [(kind, mine.partition(":")[0]) for kind, mine in kinds(front, 2, store_id=store_id)]
        assert found == [("CHANGED", store_id), ("WITHDRAWN", store_id)]


def test_it_goes_on_from_a_cursor_and_skips_nothing(shop: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PICKUP_CHANGES_MAX", 2)
    ids = [confirmed(shop, f"k{number}") for number in range(5)]
    for each in ids:
        step(shop, "Collect", each, payment_reference="p")
    found = shop.run(lambda: told(shop, 5))
    assert [each.reservation.reservation_id for each in found] == ids
    assert [each.kind for each in found] == [pickup_pb2.PICKUP_CHANGE_KIND_COLLECTED] * 5
    assert kinds(shop, 3, found[1].version) == [("COLLECTED", each) for each in ids[2:]]


def test_the_cursor_moves_over_much_that_concerns_no_pickup(shop: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "UNTOLD_MAX", 3)
    for number in range(3):
        shop.receive("B", 1 + number)

    async def main() -> int:
        stream = Stream(shop, "WatchPickups", ps.WatchPickupsRequest(cursors=[{"store_id": "S1"}]))
        message = await stream.take()
        await stream.close()
        assert not message.changes
        return int(message.version)

    assert shop.run(main) >= 3


def test_tills_have_places_of_their_own(shop: Front) -> None:
    async def main() -> None:
        streams = [
            Stream(shop, "WatchPickups", ps.WatchPickupsRequest(cursors=[{"store_id": "S1"}]))
            for _ in range(events.STREAMS_MAX + 1)
        ]
        for stream in streams:
            assert (await stream.take()).changes[0].reservation.reservation_id == mine
        for stream in streams:
            await stream.close()

    mine = confirmed(shop)
    step(shop, "Collect", mine, payment_reference="p")
    shop.run(main)
    unknown = shop.ask("WatchPickups", ps.WatchPickupsRequest(cursors=[{"store_id": "S9"}]))
    assert (unknown.code, unknown.fields) == (grpc.StatusCode.NOT_FOUND, ["cursors[0].store_id"])

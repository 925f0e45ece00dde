"""Grants, and shops that were restored from a copy: what is held counts, once, and never for ever."""

import asyncio

import grpc
import pytest

from actors.core.policy import HOUR_MS
from holdfast.v1 import admin_service_pb2 as ad, reservation_service_pb2 as rs
from serve.coordination.reconciler import CLAIM_AGE_MS
from tests.gateway.front import Answer, Front
from tests.gateway.orders import CUSTOMERS, settle
from tests.gateway.test_limits import amend, asked, limit, reserve
from tests.gateway.test_new_limits import refused, release
from tests.journal.memory import MemoryDisk


def restored(front: Front, copy: bytes) -> None:
    front.actors.kill("store-S1")
    front.actors.disks["store-S1"] = MemoryDisk(copy)


@pytest.mark.parametrize("before", ["", "released"])
@pytest.mark.parametrize("others", [0, 3])
def test_a_restored_shop_that_is_asked_again_holds_what_is_counted(front: Front, others: int, before: str) -> None:
    front.receive("A", store_id="S2")
    limit(front, 2)
    reserve(front, "k0", 1)
    settle(front)
    copy = bytes(front.actors.disks["store-S1"].image)
    first = reserve(front, "k1", 1).reservation
    settle(front)
    if before:
        release(front, first)
        settle(front)
    restored(front, copy)
    for other in range(others):
        front.reserve(f"other {other}")
    again = reserve(front, "k1", 1).reservation
    front.clock.move(CLAIM_AGE_MS + 1)  # what is doubted, its shop is asked about
    settle(front)
    assert refused(reserve(front, "k2", 1, "S2"))
    assert holds(front)
    release(front, again)
    settle(front)
    assert reserve(front, "k3", 1, "S2").reservation.reservation_id
    assert refused(reserve(front, "k4", 1, "S2"))
    settle(front)
    assert holds(front)


def test_a_reservation_under_the_number_of_one_that_was_lost_counts(front: Front) -> None:
    front.receive("A", store_id="S2")
    limit(front, 3)
    copy = bytes(front.actors.disks["store-S1"].image)
    lost = reserve(front, "k1", 2).reservation
    amend(front, "a1", lost.reservation_id, 1)
    settle(front)
    restored(front, copy)
    again = reserve(front, "k2", 2).reservation
    assert again.reservation_id == lost.reservation_id
    front.clock.move(CLAIM_AGE_MS + 1)
    for _ in range(2):  # its shop is asked about what holds now, then about what was lost
        settle(front)
    front.actors.kill(CUSTOMERS)
    assert refused(reserve(front, "k3", 2, "S2")), "what is there counts, and the ledger is served"
    assert holds(front), "what was lost is free"
    assert reserve(front, "k4", 1, "S2").reservation.reservation_id


@pytest.mark.parametrize("before", ["counted", "released"])
def test_a_hold_from_before_a_limit_that_a_restored_shop_has_back_counts(front: Front, before: str) -> None:
    """What was told of it before, of a later version, was told within ten minutes."""
    front.receive("A", store_id="S2")
    held = reserve(front, "k1", 2).reservation
    copy = bytes(front.actors.disks["store-S1"].image)
    limit(front, 2)
    settle(front)
    if before == "released":
        release(front, held)
        settle(front)
    restored(front, copy)
    front.reserve("other")  # it adopts the limit
    settle(front)
    assert refused(reserve(front, "k2", 1, "S2"))
    assert holds(front)
    release(front, held)
    settle(front)
    assert reserve(front, "k3", 2, "S2").reservation.reservation_id
    assert holds(front)


@pytest.mark.parametrize("then", ["collected", "released", "expired"])
def test_what_was_collected_in_a_shop_that_then_was_restored_ends_again(front: Front, then: str) -> None:
    limit(front, 9)
    held = reserve(front, "k1", 1).reservation
    settle(front)
    copy = bytes(front.actors.disks["store-S1"].image)
    collect(front, held.reservation_id, "c1")
    settle(front)
    restored(front, copy)
    for other in range(3):
        front.reserve(f"other {other}")
    if then == "collected":
        collect(front, held.reservation_id, "c2")
    elif then == "released":
        release(front, held)
    else:
        front.clock.move(3 * HOUR_MS)
        front.reserve("later")
    settle(front)
    front.actors.kill(CUSTOMERS)
    assert reserve(front, "k2", 1).reservation.reservation_id


def test_one_key_with_two_baskets_is_two_calls(front: Front) -> None:
    """One of them the shop refuses; the ledger of the customer counts both until it says so."""
    limit(front, 9)

    def asked_of(key: str, basket_id: str) -> rs.ReserveRequest:
        request = asked(key)
        request.basket_id = basket_id
        return request

    front.accept("Reserve", asked_of("k0", "second"))
    settle(front)

    async def both() -> list[Answer]:
        return await asyncio.gather(*(front.asked("Reserve", asked_of("k", each)) for each in ("first", "second")))

    assert [call.code for call in front.run(both)] == [grpc.StatusCode.OK] * 2
    settle(front)
    front.actors.kill(CUSTOMERS)
    assert reserve(front, "k2", 1).reservation.reservation_id
    assert holds(front)


def collect(front: Front, reservation_id: str, key: str, units: int = 0) -> None:
    """Confirm and collect a reservation, all of it or units of A."""
    confirm = rs.ConfirmReservationRequest(idempotency_key=f"{key} confirm", reservation_id=reservation_id)
    front.accept("ConfirmReservation", confirm)
    taken = rs.CollectReservationRequest(idempotency_key=key, reservation_id=reservation_id, payment_reference="p")
    if units:
        taken.lines.add(sku="A", quantity=units)
    front.accept("CollectReservation", taken)


def holds(front: Front) -> bool:
    return bool(front.accept("VerifyOrders", ad.VerifyOrdersRequest()).holds)

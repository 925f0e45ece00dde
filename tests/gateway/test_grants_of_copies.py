"""Grants, and shops that were restored from a copy: what is held counts, once, and never for ever."""

import pytest

from holdfast.v1 import admin_service_pb2 as ad
from tests.gateway.front import Front
from tests.gateway.orders import settle
from tests.gateway.test_limits import amend, limit, reserve
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
    settle(front)
    assert refused(reserve(front, "k3", 2, "S2"))
    assert not holds(front), "what was lost is counted still, and named"


def holds(front: Front) -> bool:
    return bool(front.accept("VerifyOrders", ad.VerifyOrdersRequest()).holds)

"""Calls about a hot SKU that come late: first attempts behind their repeats, and reads long after all is over; and
keys that two shops have.
"""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from actors.core.policy import DAY_MS
from holdfast.v1 import reservation_service_pb2 as rs
from tests.gateway.front import Front
from tests.gateway.hot import OtherGateway, again, available, confirm, demote, first, promote, sold, tidy
from tests.runtime.runtime_fixture import ManualClock


@pytest.fixture
def front(tmp_path: Path, clock: ManualClock) -> Iterator[Front]:
    """Ten of H in each of three shops."""
    with Front(tmp_path, clock) as front:
        for store_id in ("S1", "S2", "S3"):
            front.receive("H", 10, store_id)
        yield front


def test_a_first_attempt_that_comes_after_its_repeat_was_answered_is_not_decided_again(front: Front) -> None:
    other = OtherGateway(front)
    late, later = first("late"), first("later")
    decided = other.accept("Reserve", again(late)).reservation
    promote(front)  # from here on this gateway has the word of the shop
    assert front.accept("Reserve", late).reservation.reservation_id == decided.reservation_id
    there = front.accept("Reserve", again(later)).reservation
    demote(front)
    front.accept("Reserve", again(first("another")))  # and here that of the ledger that is closed
    assert front.accept("Reserve", later).reservation.reservation_id == there.reservation_id
    assert sold(front) == 3
    other.close()


def test_a_read_long_after_all_is_over_makes_nothing(front: Front, clock: ManualClock) -> None:
    promote(front)
    held = front.accept("Reserve", first("k")).reservation
    there = confirm(front, held.reservation_id).reservation
    asked = rs.CollectReservationRequest(
        idempotency_key="c", reservation_id=there.reservation_id, payment_reference="paid"
    )
    front.accept("CollectReservation", asked)
    demote(front)
    tidy(front)
    for day in range(20):  # the shop goes on and forgets, the ledger of the SKU has nothing to do
        clock.at_ms += DAY_MS
        front.receive(f"other {day}", 1, "S1")
    before = available(front)
    found = front.ask("GetReservation", rs.GetReservationRequest(reservation_id=held.reservation_id))
    assert found.code is grpc.StatusCode.NOT_FOUND, found
    clock.at_ms += DAY_MS
    front.receive("last", 1, "S1")
    assert available(front) == before == 9


def test_a_key_is_its_shops_also_in_the_ledger_of_the_sku(front: Front) -> None:
    cold = front.accept("Reserve", again(first("order-7", "S1"))).reservation
    promote(front)
    hot = front.accept("Reserve", again(first("order-7", "S2"))).reservation
    assert hot.reservation_id.startswith("hot/H:")
    other = front.accept("Reserve", again(first("order-7", "S3", units=2))).reservation
    assert sold(front) == 4
    demote(front)
    for store_id, units, made in (("S1", 1, cold), ("S2", 1, hot), ("S3", 2, other)):
        found = front.accept("Reserve", again(first("order-7", store_id, units))).reservation
        assert found.reservation_id == made.reservation_id

"""Calls about a hot SKU that come late: first attempts behind their repeats, and reads long after all is over."""

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

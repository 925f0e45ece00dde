"""In line under a limit of the whole chain, as callers meet it: queued, served by a grant, passed over, verified."""

import pytest

from holdfast.v1 import (
    admin_service_pb2 as ad,
    error_pb2,
    reservation_pb2,
    reservation_service_pb2 as rs,
    stock_service_pb2 as ss,
)
from tests.gateway.front import UNITS, Front
from tests.gateway.orders import BUYER, CUSTOMERS, HERS, hosted, settle
from tests.gateway.streams import events_of
from tests.gateway.test_limits import asked, limit
from tests.runtime.runtime_fixture import ManualClock

HOUR = {"seconds": 3_600}
Standing = reservation_pb2.ReservationStatus


def reserve(front: Front, key: str, customer: str, units: int = 1, store_id: str = "S1") -> rs.ReserveResponse:
    request = asked(key, units, store_id)
    request.customer_id = customer
    request.wait.FromSeconds(5 * 3_600)
    return front.accept("Reserve", request)  # type: ignore[no-any-return]


def status(front: Front, reservation: reservation_pb2.Reservation) -> reservation_pb2.Reservation:
    request = rs.GetReservationRequest(reservation_id=reservation.reservation_id)
    return front.accept("GetReservation", request).reservation  # type: ignore[no-any-return]


def give_back(front: Front, reservation: reservation_pb2.Reservation) -> None:
    """One unit of it."""
    request = rs.ReleaseReservationRequest(
        idempotency_key=f"release {reservation.reservation_id}",
        reservation_id=reservation.reservation_id,
        reason="RELEASE_REASON_OTHER",
        lines=[{"sku": "A", "quantity": 1}],
    )
    front.accept("ReleaseReservation", request)


@pytest.fixture
def line(front: Front) -> tuple[Front, reservation_pb2.Reservation, reservation_pb2.Reservation]:
    """All of S1 is held, by who is returned, and the buyer waits for one, who may have two over the chain."""
    front.receive("A", UNITS, "S2")
    first = reserve(front, "first", "eve", UNITS).reservation
    confirmed = rs.ConfirmReservationRequest(idempotency_key="c", reservation_id=first.reservation_id)
    front.accept("ConfirmReservation", confirmed)
    limit(front, 2)
    waiting = reserve(front, "k1", BUYER).reservation
    assert (first.status, waiting.status) == (Standing.RESERVATION_STATUS_HELD, Standing.RESERVATION_STATUS_QUEUED)
    settle(front)
    assert not list(hosted(front, CUSTOMERS, HERS).grants.of(BUYER)), "who waits has nothing that counts"
    return front, first, waiting


Line = tuple[Front, reservation_pb2.Reservation, reservation_pb2.Reservation]


def test_who_waits_is_served_by_a_grant(line: Line) -> None:
    front, first, waiting = line
    give_back(front, first)
    found = front.accept("GetAvailability", ss.GetAvailabilityRequest(store_ids=["S1"], skus=["A"]))
    assert [(row.available, row.kept) for row in found.stores[0].positions] == [(0, 1)]
    settle(front)
    assert status(front, waiting).status == Standing.RESERVATION_STATUS_HELD
    assert reserve(front, "k1", BUYER).reservation == waiting, "a repeat has the first answer"
    assert reserve(front, "k2", BUYER, 2, "S2").rejection.reason == error_pb2.REASON_UNITS_LIMIT
    sound = front.accept("VerifyOrders", ad.VerifyOrdersRequest())
    assert (sound.holds, sound.on_the_way) == (True, 0)
    assert front.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id="S1")).holds
    version = front.version()

    async def main() -> None:
        events = await events_of(front, version, S1=0)
        kinds = [event.WhichOneof("change") for event in events]
        at = kinds.index("grant_awaited")
        assert [kind for kind in kinds[at - 1 :] if kind != "acknowledged"] == ["released", "grant_awaited", "served"]
        told = events[at].grant_awaited
        assert (told.reservation_id, told.until.seconds - events[at].at.seconds) == (waiting.reservation_id, 15)

    front.run(main)


def test_whom_the_limit_forbids_the_unit_by_then_leaves(line: Line) -> None:
    front, first, waiting = line
    assert reserve(front, "k2", BUYER, 2, "S2").reservation.status == Standing.RESERVATION_STATUS_HELD
    other = reserve(front, "k3", "bob").reservation
    settle(front)
    give_back(front, first)
    settle(front)
    left = status(front, waiting)
    assert (left.status, left.release_reason) == (
        Standing.RESERVATION_STATUS_RELEASED,
        reservation_pb2.RELEASE_REASON_LIMIT_REACHED,
    )
    settle(front)
    assert status(front, other).status == Standing.RESERVATION_STATUS_HELD


def test_what_is_not_taken_up_counts_no_more(line: Line, clock: ManualClock) -> None:
    front, first, waiting = line
    other = reserve(front, "k3", "bob").reservation
    give_back(front, first)
    settle(front)
    assert [each.held for each in hosted(front, CUSTOMERS, HERS).grants.of(BUYER)] == [(("A", 1),)]
    clock.move(2 * 3_600_000)
    for _ in range(2):
        settle(front)
    assert status(front, waiting).status == Standing.RESERVATION_STATUS_QUEUED
    assert status(front, other).status == Standing.RESERVATION_STATUS_HELD
    assert not list(hosted(front, CUSTOMERS, HERS).grants.of(BUYER))

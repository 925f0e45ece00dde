"""Waiting in a shop for a SKU that is hot: nobody gets past who waits, through whichever ledger."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.v1 import error_pb2, reservation_pb2
from serve.routing.sold_out import SoldOut
from tests.gateway.front import Front
from tests.gateway.hot import OtherGateway, again, available, first, got, promote, release, tidy
from tests.runtime.runtime_fixture import ManualClock

SOLD_OUT = error_pb2.REASON_INSUFFICIENT_STOCK
QUEUED = reservation_pb2.RESERVATION_STATUS_QUEUED
HELD = reservation_pb2.RESERVATION_STATUS_HELD


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """Two of H in S1, with the ledger of H, and no hints: what is short is known without them."""
    with Front(tmp_path, ManualClock()) as front:
        front.gateway._keeper.close()
        front.receive("H", 2)
        front.gateway._router.sold_out = SoldOut(0.0)
        promote(front)
        yield front


def wait(front: Front, key: str, units: int = 1) -> reservation_pb2.Reservation:
    request = again(first(key, units=units))
    request.customer_id = key
    request.wait.FromSeconds(3_600)
    queued: reservation_pb2.Reservation = front.accept("Reserve", request).reservation
    return queued


def held(front: Front | OtherGateway, key: str) -> Any:
    answer = front.accept("Reserve", again(first(key)))
    return answer.reservation.reservation_id or answer.rejection.reason


def test_what_comes_free_with_its_ledger_is_for_who_waits(front: Front) -> None:
    ids = [held(front, key) for key in ("a", "b")]
    queued = wait(front, "ann", 2)
    assert (queued.status, queued.queue_position) == (QUEUED, 1)
    for number, reservation_id in enumerate(ids):
        assert reservation_id.startswith("hot/H:")
        assert release(front, reservation_id, f"r{number}").HasField("reservation")
        assert available(front) == 0
        other = OtherGateway(front)
        assert [held(front, f"{number} a"), held(other, f"{number} b")] == [SOLD_OUT] * 2
        other.close()
    assert got(front, queued.reservation_id).status == HELD
    front.receive("H", 1)
    assert held(front, "c").startswith("hot/H:"), "nobody waits any more"


def test_the_keeper_brings_it_home_too(front: Front) -> None:
    ids = [held(front, key) for key in ("a", "b")]
    queued = wait(front, "ann")
    release(front, ids[0])
    tidy(front)
    assert got(front, queued.reservation_id).status == HELD


def test_one_who_waits_gets_what_is_there_first(front: Front) -> None:
    assert wait(front, "ann", 2).status == HELD
    assert wait(front, "bob").status == QUEUED

"""Hints about a hot SKU: a refusal is as old as the fetch that it rests on, and so is its hint."""

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest
from google.protobuf.message import Message

from holdfast.v1 import reservation_pb2, reservation_service_pb2 as rs, stock_pb2, stock_service_pb2 as ss
from serve.routing.sold_out import SoldOut
from tests.gateway.front import Front, reserve_request
from tests.gateway.hot import OtherGateway, again, first, promote
from tests.runtime.loop_time import skip
from tests.runtime.runtime_fixture import WAIT_S, ManualClock
from tests.waiting import until_async

HINT_S: Final = 15.0  # long beside the time of the test itself, and short beside that of a call
SHOPS: Final = ("S1", "S2")


class Slow:
    """A fetch from and for S1 takes longer than a hint is good for, while a unit comes there by another gateway."""

    def __init__(self, front: Front, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
        self.front = front
        self.units = front.gateway._keeper._units
        self.fetched: list[str] = []
        self.goes_on = asyncio.Event()
        real = getattr(self.units, method)

        async def slow(place: tuple[str, str], *how: Any) -> Any:
            found = await real(place, *how)
            self.fetched.append(place[0])
            if place[0] == "S1":
                await self.goes_on.wait()
            return found

        monkeypatch.setattr(self.units, method, slow)

    async def are_fetched(self) -> bool:
        return self.fetched == ["S1"]

    async def refused(
        self, requests: list[rs.ReserveRequest], other: OtherGateway, method: str, comes: Message
    ) -> None:
        batch = rs.ReserveBatchRequest(requests=requests)
        task = asyncio.ensure_future(self.front.asked("ReserveBatch", batch, timeout_ms="60000"))
        await until_async(self.are_fetched, within_s=WAIT_S, what="the fetch")
        await other.asked(method, comes)
        skip(HINT_S)
        self.goes_on.set()
        answer = (await task).reply
        assert all(each.HasField("rejection") for each in answer.outcomes), answer


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """One unit in each of two shops, both held."""
    with Front(tmp_path, ManualClock()) as front:
        front.gateway._keeper.close()
        front.gateway._router.sold_out = SoldOut(HINT_S)
        for store_id in SHOPS:
            front.receive("H", 1, store_id)
            front.receive("A", 9, store_id)
        promote(front)
        for store_id in SHOPS:
            assert front.accept("Reserve", first(f"held {store_id}", store_id)).HasField("reservation")
        yield front


def test_who_is_refused_behind_an_old_fetch_leaves_no_hint(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    other, slow = OtherGateway(front), Slow(front, monkeypatch, "hand")
    row = stock_pb2.Adjustment(sku="H", delta=1, kind=stock_pb2.ADJUSTMENT_KIND_RECEIPT)
    comes = ss.AdjustStockRequest(idempotency_key="more", store_id="S1", source="dock", adjustments=[row])
    requests = [first("b")]
    front.run(lambda: slow.refused(requests, other, "AdjustStock", comes))
    now = front.accept("Reserve", first("late"))
    assert not now.rejection.by_hint
    other.close()


def test_who_is_refused_behind_a_new_one_leaves_one(front: Front) -> None:
    assert not front.accept("Reserve", first("refused")).rejection.by_hint
    assert front.accept("Reserve", first("by hint")).rejection.by_hint


def test_the_same_in_the_shop(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """A basket is decided there, by what was fetched from the SKU's ledger."""

    def basket(key: str, store_id: str = "S1") -> rs.ReserveRequest:
        request = reserve_request(key, "H", 1, store_id)
        request.first_attempt = True
        request.lines.add(sku="A", quantity=1)
        return request

    other, slow = OtherGateway(front), Slow(front, monkeypatch, "give_back")
    held = front.accept("Reserve", again(first("held S1"))).reservation.reservation_id
    reason = reservation_pb2.RELEASE_REASON_CUSTOMER_CANCELLED
    comes = rs.ReleaseReservationRequest(idempotency_key="r", reservation_id=held, reason=reason)
    requests = [basket("b")]
    front.run(lambda: slow.refused(requests, other, "ReleaseReservation", comes))
    assert not front.accept("Reserve", basket("late")).rejection.by_hint
    other.close()

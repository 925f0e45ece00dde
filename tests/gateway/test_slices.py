"""A large batch does not keep the gateway from other calls: what it does for all items, it does for some at a time."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.v1 import reservation_service_pb2 as rs
from serve.routing.sold_out import SoldOut
from serve.services.reservation_batches import SLICE
from serve.wire.reservations import BATCH_REQUESTS_MAX
from tests.gateway.front import Front, reserve_request
from tests.gateway.hot import promote
from tests.runtime.runtime_fixture import ManualClock

SLICES = BATCH_REQUESTS_MAX // SLICE


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with Front(tmp_path, ManualClock()) as front:
        front.gateway._router.sold_out = SoldOut(60.0)  # longer than the test takes
        front.receive("A", 10_000)
        front.receive("H", 10_000)
        front.receive("B", 1)
        promote(front)
        for number in range(2):
            front.reserve(f"{number}", "B")
        yield front


def between(front: Front, monkeypatch: pytest.MonkeyPatch, sku: str) -> tuple[int, set[str | None]]:
    """How often others could go between while a batch was served, its own waiting apart; and what its items became."""
    requests = [reserve_request(f"{sku} {number}", sku) for number in range(BATCH_REQUESTS_MAX)]
    for request in requests:
        request.first_attempt = True
    times = 0
    sleep = asyncio.sleep

    async def counted(seconds: float) -> None:
        nonlocal times
        times += not seconds
        await sleep(seconds)

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "sleep", counted)
        told = front.accept("ReserveBatch", rs.ReserveBatchRequest(requests=requests)).outcomes
    return times, {each.WhichOneof("result") for each in told}


@pytest.mark.parametrize(("sku", "kind"), [("A", "reservation"), ("B", "rejection"), ("H", "reservation")])
def test_others_go_between(front: Front, monkeypatch: pytest.MonkeyPatch, sku: str, kind: str) -> None:
    times, kinds = between(front, monkeypatch, sku)
    assert kinds == {kind}
    loops = {"A": 2, "B": 1, "H": 4}[sku]  # sorted, and filled; that of a hot SKU is also sent on, and filled twice
    assert times >= loops * (SLICES - 1)

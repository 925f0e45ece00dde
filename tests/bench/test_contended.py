"""A load that must find a deadlock, or whatever is left behind, where there is one."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bench import callers
from bench.callers import Heard, call_through_client
from holdfast.client import ChannelClient
from tests.clients.fake_service import FakeService
from tests.clients.faults import CODE, Refuse
from tests.clients.serving import serving

SHOPS = ("T0", "T1")
CALLERS = 6


def opposed() -> FakeService:
    """Two shops, each with a few units of its own SKU."""
    service = FakeService()
    for far, store_id in enumerate(SHOPS):
        service.orders.kilometres[store_id] = float(far)
        service.ledger(store_id).on_hand[callers.sku_of(store_id)] = callers.UNITS
    return service


def against(service: FakeService, use: Callable[[ChannelClient], Awaitable[Heard]]) -> Heard:
    """Run with a client of the served service."""

    async def main() -> Heard:
        async with serving(service) as target, ChannelClient(target) as client:
            return await use(client)

    return asyncio.run(main())


async def basket_each(client: ChannelClient) -> Heard:
    """One basket of each caller, and a look for what is left."""
    heard = Heard()
    spec = {"method": callers.OPPOSING, "store_ids": SHOPS, "skus": 10}
    await asyncio.gather(
        *(callers.call_on(client, spec, random.Random(number), float("inf"), 1, heard) for number in range(CALLERS))
    )
    heard.stuck += await callers.left_over(client, SHOPS, within_s=0.0)
    return heard


def test_baskets_are_taken_in_both_sequences_and_given_back() -> None:
    service = opposed()
    heard = against(service, basket_each)
    assert (heard.accepted, heard.refused, heard.failures, heard.stuck) == (2 * CALLERS, 0, [], [])
    baskets = {
        tuple(line.sku for line in row.lines) for batch in service.asked("ReserveBatch") for row in batch.requests
    }
    assert baskets == {("OPPOSED-T0", "OPPOSED-T1"), ("OPPOSED-T1", "OPPOSED-T0")}
    assert len(service.asked("ReleaseOrder")) == CALLERS
    figures = callers.figures(heard, SHOPS, seconds=2.0)
    assert (figures["orders_per_s"], figures["refusals_per_s"]) == (CALLERS / 2, 0.0)
    assert figures["longest_ms"] == pytest.approx(1_000 * max(heard.latencies), abs=0.001)


def test_what_is_not_given_back_is_found_in_every_shop() -> None:
    service = opposed()
    service.faults["ReleaseOrder"].append(Refuse(CODE.NOT_FOUND))
    stuck = against(service, basket_each).stuck
    assert len(stuck) == 3
    assert "ReleaseOrder" in stuck[0]
    assert all("of order 0007/" in each and each.endswith("is HELD") for each in stuck[1:])


def test_an_answer_that_takes_as_long_as_an_attempt_may_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "ANSWER_S_MAX", 0.0)
    stuck = against(opposed(), basket_each).stuck
    assert len(stuck) == CALLERS
    assert all(each.startswith("an answer took ") for each in stuck)


@pytest.mark.parametrize("units", [100_000, 0])  # the fake ledger keeps what is given back
def test_the_generator_tells_what_the_callers_found(units: int) -> None:
    service = opposed()
    for store_id in SHOPS:
        service.ledger(store_id).on_hand[callers.sku_of(store_id)] = units
    told: list[dict[str, Any]] = []
    gates: list[str] = []

    async def main() -> None:
        async with serving(service) as target:
            spec = {"target": target, "method": callers.OPPOSING, "store_ids": SHOPS, "in_flight": 3, "seed": 1}
            await call_through_client({**spec, "seconds": 0.1, "skus": 10, "lines": 1}, gates.append, told.append)

    asyncio.run(main())
    measured, answers = told
    assert gates == ["ready"]
    assert measured["calls"] > 0
    assert set(measured["more"]) == {"orders_per_s", "refusals_per_s", "longest_ms"}
    assert answers["stuck"] == ([] if units else ["no order was placed"])

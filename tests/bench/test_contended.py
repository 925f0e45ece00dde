"""A load that must find a deadlock, or whatever is left behind, where there is one."""

import asyncio
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.load import loops
from bench.load.loops import Tally, call_through_client
from holdfast.client import ChannelClient
from tests.clients.faults import CODE, Refuse
from tests.clients.service import Service
from tests.clients.serving import serving

SHOPS = ("T0", "T1")
CALLERS = 6


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path) as service:
        yield service


@pytest.fixture
def opposed(service: Service) -> Service:
    """Two shops, each with a few units of its own SKU."""
    return stocked(service, loops.UNITS)


def stocked(service: Service, units: int) -> Service:
    for store_id in SHOPS:
        service.shop(store_id, {loops.sku_of(store_id): units} if units else None, latitude=1.0, longitude=1.0)
    return service


def baskets_of_each(service: Service) -> Tally:
    """One basket of each caller, and a look for what is left once every shop has tally."""

    async def main() -> Tally:
        tally = Tally()
        spec = {"method": loops.OPPOSING, "store_ids": SHOPS, "skus": 10}
        async with serving(service) as target, ChannelClient(target) as client:
            asks = [partial(loops.ask_once, client, spec, random.Random(number)) for number in range(CALLERS)]
            await loops.call_on(asks, float("inf"), tally, calls=1)
            await service.settle()
            tally.stuck += await loops.left_over(client, SHOPS, within_s=0.0)
        return tally

    return asyncio.run(main())


def test_baskets_are_taken_in_both_sequences_and_given_back(opposed: Service) -> None:
    tally = baskets_of_each(opposed)
    assert (tally.accepted, tally.refused, tally.failures, tally.stuck) == (2 * CALLERS, 0, [], [])
    baskets = {
        tuple(line.sku for line in row.lines) for batch in opposed.asked("ReserveBatch") for row in batch.requests
    }
    assert baskets == {("OPPOSED-T0", "OPPOSED-T1"), ("OPPOSED-T1", "OPPOSED-T0")}
    assert len(opposed.asked("ReleaseOrder")) == CALLERS
    figures = loops.figures(tally, SHOPS, seconds=2.0)
    assert (figures["orders_per_s"], figures["refusals_per_s"]) == (CALLERS / 2, 0.0)
    assert figures["longest_ms"] == pytest.approx(1_000 * max(tally.latencies), abs=0.001)


def test_what_is_not_given_back_is_found_in_every_shop(opposed: Service) -> None:
    opposed.faults["ReleaseOrder"].append(Refuse(CODE.NOT_FOUND))
    stuck = baskets_of_each(opposed).stuck
    assert len(stuck) == 3
    assert "ReleaseOrder" in stuck[0]
    assert all(" of order " in each and each.endswith("is HELD") for each in stuck[1:])


def test_an_answer_that_takes_as_long_as_an_attempt_may_is_told(
    opposed: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "ANSWER_S_MAX", 0.0)
    stuck = baskets_of_each(opposed).stuck
    assert len(stuck) == CALLERS
    assert all(each.startswith("an answer took ") for each in stuck)


@pytest.mark.parametrize("units", [100_000, 0])
def test_the_generator_tells_what_the_callers_found(service: Service, units: int) -> None:
    stocked(service, units)
    told: list[dict[str, Any]] = []
    gates: list[str] = []

    async def main() -> None:
        async with serving(service) as target:
            spec = {"target": target, "method": loops.OPPOSING, "store_ids": SHOPS, "in_flight": 3, "seed": 1}
            await call_through_client({**spec, "seconds": 0.1, "skus": 10, "rate": 0.0}, gates.append, told.append)

    asyncio.run(main())
    measured, answers = told
    assert gates == ["ready"]
    assert measured["calls"] > 0
    assert set(measured["more"]) == {"orders_per_s", "refusals_per_s", "longest_ms"}
    assert answers["stuck"] == ([] if units else ["no order was placed"])

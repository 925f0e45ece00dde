"""The ordinary calls that are made beside a sale, against a service of this process."""

import asyncio
from functools import partial
from math import inf
from multiprocessing import active_children
from pathlib import Path

import pytest

from bench.demo.ordinary import ordinary_calls
from holdfast.client import Adjustment, AdjustmentKind, ChannelClient, Store
from tests.clients.service import Service
from tests.clients.serving import serving
from tests.waiting import until_async


async def is_beyond(client: ChannelClient, version: int) -> bool:
    return (await client.ledger_status("S1")).version > version


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


def test_they_are_made_by_another_process_and_each_is_timed(service: Service) -> None:
    async def main() -> None:
        with service:
            async with serving(service) as target, ChannelClient(target) as client:
                await client.put_stores([Store("S1", "Sale")])
                await client.adjust_stock("S1", "opening", [Adjustment("mug", 1_000, 1, AdjustmentKind.RECEIPT)])
                async with ordinary_calls(target, ("S1",), ("mug",), seed=1) as ordinary:
                    await ordinary.begin()
                    await until_async(partial(is_beyond, client, 20), within_s=30, what="some calls")
                    await ordinary.end()
                assert ordinary.between(-inf, inf), "some calls were made"
                assert ordinary.between(inf, inf) == []
                (position,) = (await client.get_availability(["S1"], ["mug"]))[0].positions
                assert position.available == position.on_hand == 1_000, "what they hold they give back"

    asyncio.run(main())
    assert active_children() == []


def test_they_end_with_who_asked_for_them(service: Service) -> None:
    async def main() -> None:
        with service:
            async with serving(service) as target, ChannelClient(target) as client:
                await client.put_stores([Store("S1", "Sale")])
                async with ordinary_calls(target, ("S1",), ("mug",), seed=1) as ordinary:
                    await ordinary.begin()

    asyncio.run(main())
    assert active_children() == []

"""N callers for S units end with exactly min(N, S), with a kill -9 of the shop's actor in the middle or without."""

import asyncio

import pytest

from holdfast.client import ChannelClient
from tests.cluster.callers import Crowd, available, kill_actor, receive, verified, with_client
from tests.cluster.service import Service


@pytest.mark.parametrize(
    ("callers", "units", "store_id", "killed"),
    [
        (64, 1, "S1", False),
        (40, 60, "S5", False),
        (300, 100, "S1", True),
        (200, 1, "S5", True),
        (120, 120, "S2", True),
    ],
)
def test_exactly_so_many_as_there_are_units(
    service: Service, callers: int, units: int, store_id: str, *, killed: bool
) -> None:
    sku = f"n{callers}s{units}{killed}"

    async def main(client: ChannelClient) -> None:
        await receive(client, store_id, sku, units)
        crowd = Crowd(service, store_id, sku)
        await crowd.come(
            [f"{sku}-{number}" for number in range(callers)],
            at_once=callers if not killed else 24,
            during=(lambda: kill_actor(client, store_id)) if killed else None,
        )
        granted = min(callers, units)
        assert crowd.accepted == granted
        assert crowd.refused == ({"INSUFFICIENT_STOCK": callers - granted} if callers > granted else {})
        await crowd.ask_again()
        assert await available(client, store_id, sku) == (units, granted, units - granted)
        await verified(client, store_id)

    with_client(service, main)


def test_the_same_key_at_the_same_time_from_everywhere_is_one_reservation(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        await receive(client, "S1", "twins", 50)
        crowds = [Crowd(service, "S1", "twins") for _ in range(4)]
        keys = [f"twins-{number}" for number in range(30)]
        await asyncio.gather(*(crowd.come(keys, at_once=30) for crowd in crowds))
        assert all(crowd.answers == crowds[0].answers for crowd in crowds)
        assert await available(client, "S1", "twins") == (50, 30, 20)

    with_client(service, main)

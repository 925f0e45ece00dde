"""Three shops near a customer, for the tests of orders, and a client that does not wait long."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from holdfast.client import ChannelClient, Place, RetryPolicy
from tests.clients.fake_ledger import NOW_S
from tests.clients.fake_service import FakeService
from tests.clients.serving import serving

QUICK: Final = RetryPolicy(wait_first_ms=1, wait_max_ms=20)
VIENNA: Final = Place(48.2082, 16.3738)
SLOT_MS: Final = (NOW_S + 3_600) * 1000

Use = Callable[[ChannelClient], Awaitable[None]]


def near_three_shops() -> FakeService:
    """s1 has a, s2 has b, s3 has both and is farther."""
    service = FakeService()
    service.orders.kilometres.update({"s1": 1.0, "s2": 2.0, "s3": 9.0})
    for store_id, stock in {"s1": {"a": 5}, "s2": {"b": 5}, "s3": {"a": 5, "b": 5}}.items():
        service.ledger(store_id).on_hand.update(stock)
        service.ledger(store_id).places[SLOT_MS // 1000] = 1
    return service


def against(service: FakeService, use: Use) -> None:
    """Run `use` with a client of a served `service`."""

    async def main() -> None:
        async with serving(service) as target, ChannelClient(target, retry=QUICK) as client:
            await use(client)

    asyncio.run(main())

"""Keys of a hot SKU: the client ends those that it makes as the service has told it, and no others."""

import asyncio
from typing import Any

from actors.core.stamps import STAMP_CHARS
from holdfast.client import ChannelClient, Reservation
from holdfast.client.internals import STAMPS_MAX, KeyStamps
from holdfast.v1 import reservation_service_pb2 as rs
from tests.clients.service import Service
from tests.clients.serving import serving

PLAIN = 32  # characters of a key


async def key_of(client: ChannelClient, service: Service, *, sku: str = "a", **more: Any) -> str:
    """The key that a Reserve was sent with."""
    held = await client.reserve("s1", [(sku, 1)], customer_id="c", channel="web", **more)
    assert isinstance(held, Reservation)
    return str(service.asked("Reserve")[-1].idempotency_key)


def test_fresh_keys_of_a_hot_sku_end_with_its_stamp(service: Service) -> None:
    service.shop("s1", {"a": 10, "b": 10})

    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as client:
            assert len(await key_of(client, service)) == PLAIN
            await client.promote_sku("a")
            assert len(await key_of(client, service)) == PLAIN, "nobody has told it"
            stamped = await key_of(client, service)
            assert len(stamped) == PLAIN + STAMP_CHARS
            assert (await key_of(client, service))[PLAIN:] == stamped[PLAIN:]
            assert len(await key_of(client, service, sku="b")) == PLAIN
            assert await key_of(client, service, idempotency_key="mine") == "mine"

    asyncio.run(main())


def test_stamps_are_learned_of_refusals_too_and_forgotten_where_there_are_many() -> None:
    stamps = KeyStamps()
    refused = rs.ReserveResponse(key_stamp="~x")
    refused.rejection.store_id, refused.rejection.sku = "s1", "a"
    stamps.read(refused)
    request = rs.ReserveRequest(store_id="s1", lines=[{"sku": "a", "quantity": 1}])
    assert stamps.fresh_key(request).endswith("~x")
    for number in range(STAMPS_MAX):
        refused.rejection.sku = f"b{number}"
        stamps.read(refused)
    assert len(stamps.fresh_key(request)) == PLAIN
    assert len(stamps.fresh_key(rs.ReserveRequest())) == PLAIN

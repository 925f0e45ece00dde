"""A drop of one SKU over all shops: its ledger's actor is killed in the middle, and every unit is sold once."""

import asyncio

from holdfast.client import ChannelClient, Rejection, ReleaseReason, Reservation
from tests.cluster.callers import available, kill_actor, receive, verified, with_client
from tests.cluster.service import STORES, Service
from tests.waiting import until_async

SKU = "drop"
SHOPS = STORES[:4]  # of the others tests read the feeds from their beginning
UNITS = 30  # in each shop
CALLERS = 400
CONFIRMED = 40


def test_a_drop_is_sold_once_over_a_kill(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        for store_id in SHOPS:
            await receive(client, store_id, SKU, UNITS)
        await client.promote_sku(SKU)
        answers: dict[str, Reservation | Rejection] = {}
        slots = asyncio.Semaphore(32)

        async def ask(number: int) -> None:
            key = f"{SKU}-{number}"
            async with slots:
                answer = await client.reserve(
                    SHOPS[number % len(SHOPS)], [(SKU, 1)], customer_id=key, channel="web", idempotency_key=key
                )
            assert isinstance(answer, Reservation | Rejection)
            assert answers.setdefault(key, answer) == answer, "a repeat has the first answer"
            if len(answers) == CALLERS // 3:
                await kill_actor(client, f"hot/{SKU}")

        for _ in range(2):
            await asyncio.gather(*(ask(number) for number in range(CALLERS)))
        held = [each for each in answers.values() if isinstance(each, Reservation)]
        assert len(held) == min(CALLERS, UNITS * len(SHOPS))
        assert any(each.reservation_id.startswith("hot/") for each in held)
        hot = [each for each in held if each.reservation_id.startswith("hot/")][:CONFIRMED]
        moved = [await client.confirm(each.reservation_id) for each in hot]
        assert {each.reservation_id.partition(":")[0] for each in moved if isinstance(each, Reservation)} <= set(SHOPS)
        await client.demote_sku(SKU)
        await verified(client, *SHOPS, f"hot/{SKU}")
        orders = await client.verify_orders()
        assert orders.holds, orders.discrepancies
        for store_id in SHOPS:
            on_hand, reserved, left = await available(client, store_id, SKU)
            assert (on_hand, reserved, left) == (UNITS, UNITS, 0)
        for each in held:
            current = await client.get_reservation(each.reservation_id)
            await client.release(current.reservation_id, reason=ReleaseReason.CUSTOMER_CANCELLED)

        async def is_back() -> bool:
            return [await available(client, store_id, SKU) for store_id in SHOPS] == [(UNITS, 0, UNITS)] * len(SHOPS)

        await until_async(is_back, within_s=60.0, what="units that are all back in their shops")

    with_client(service, main)

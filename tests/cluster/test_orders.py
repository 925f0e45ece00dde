"""Orders over several shops, over real gRPC and real processes, kill -9 included."""

import asyncio
from collections import Counter

from holdfast.client import (
    CUSTOMERS_LEDGERS,
    ChannelClient,
    Order,
    OrderStatus,
    Place,
    Rejection,
    ReleaseReason,
    Reservation,
    SourcingPolicy,
)
from tests.cluster.callers import available, receive, verified, with_client
from tests.cluster.service import Service
from tests.waiting import until_async

HERE = Place(52.5, 13.0)  # at S1, the end of the street
ROUNDS_MAX = 40


def placed(answer: object) -> Order:
    """The order; a refusal fails the test."""
    assert isinstance(answer, Order), answer
    return answer


async def near(client: ChannelClient, lines: list[tuple[str, int]], policy: SourcingPolicy) -> Order | Rejection:
    """Reserve where it is best served, seen from one end of the street."""
    return await client.reserve_near(lines, place=HERE, policy=policy, customer_id="ann", channel="web")


async def agreed(client: ChannelClient) -> None:
    """The customers' ledgers that have begun agree with their journals, and with the shops."""
    every = [await client.ledger_status(ledger_id) for ledger_id in CUSTOMERS_LEDGERS]
    begun = [one.store_id for one in every if one.version]
    assert begun, "somebody has an order"
    await verified(client, *begun)
    compared = await client.verify_orders()
    assert (compared.holds, compared.discrepancies, compared.left_out) == (True, (), ())
    assert compared.parts > 0


def test_an_order_over_two_shops_goes_all_the_way(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        await receive(client, "S2", "lamp", 5)
        await receive(client, "S4", "bulb", 5)
        alone = await near(client, [("lamp", 1), ("bulb", 2)], SourcingPolicy.ONE_STORE)
        assert isinstance(alone, Rejection)
        assert alone.reason.name == "NO_STORE_IN_REACH"
        assert {each.store_id for each in alone.near_stores} == {"S2", "S4"}

        order = placed(await near(client, [("lamp", 1), ("bulb", 2)], SourcingPolicy.SPLIT))
        assert order.status is OrderStatus.HELD
        assert [part.store_id for part in order.parts] == ["S2", "S4"]
        assert await available(client, "S2", "lamp") == (5, 1, 4)
        assert await available(client, "S4", "bulb") == (5, 2, 3)

        refused = await client.confirm(order.parts[0].reservation_id)
        assert isinstance(refused, Rejection)
        assert refused.reason.name == "PART_OF_ORDER"
        confirmed = placed(await client.confirm_order(order.order_id))
        assert confirmed.status is OrderStatus.CONFIRMED
        assert {part.status.name for part in confirmed.parts} == {"CONFIRMED"}
        await client.ready_order(order.order_id)
        await client.collect_order(order.order_id, payment_reference="p1")
        assert await available(client, "S2", "lamp") == (4, 0, 4)
        assert await available(client, "S4", "bulb") == (3, 0, 3)
        assert (await client.get_order(order.order_id)).status is OrderStatus.COLLECTED
        assert order.order_id in [each.order_id async for each in client.list_orders("ann", page_size=1)]
        await verified(client, "S2", "S4")
        await agreed(client)

    with_client(service, main)


def test_a_limit_over_the_chain_is_exact(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        stores = ("S1", "S2", "S3", "S4")
        for store_id in stores:
            await receive(client, store_id, "rare", 20)
        answers = await asyncio.gather(
            *(
                client.reserve(stores[number % 4], [("rare", 1)], customer_id="greedy", channel="app")
                for number in range(40)
            )
        )
        held = [answer for answer in answers if isinstance(answer, Reservation)]
        refused = Counter(answer.reason.name for answer in answers if isinstance(answer, Rejection))
        assert (len(held), refused) == (3, {"UNITS_LIMIT": 37})

        await client.release(held[0].reservation_id, reason=ReleaseReason.CUSTOMER_CANCELLED)
        one_more = await client.reserve("S1", [("rare", 1)], customer_id="greedy", channel="app")
        assert isinstance(one_more, Reservation)
        await client.collect(held[1].reservation_id, payment_reference="p")
        again = await client.reserve("S2", [("rare", 1)], customer_id="greedy", channel="app")
        assert isinstance(again, Rejection), "what was collected goes on counting for 30 days"

    with_client(service, main)


def test_baskets_in_opposing_sequence_under_kills_end_whole(service: Service) -> None:
    """Each wants the same two SKUs of two shops. None waits for another, so none is stuck; in the end all are sold."""
    units = 20

    async def main(client: ChannelClient) -> None:
        await receive(client, "S7", "left", units)
        await receive(client, "S8", "right", units)
        struck = asyncio.Event()

        async def customer(number: int) -> int:
            lines = [("left", 1), ("right", 1)] if number % 2 else [("right", 1), ("left", 1)]
            for attempt in range(ROUNDS_MAX):
                answer = await client.reserve_near(
                    lines,
                    place=HERE,
                    policy=SourcingPolicy.SPLIT,
                    customer_id=f"c{number}",
                    channel="web",
                    idempotency_key=f"basket {number} {attempt}",
                )
                if isinstance(answer, Order):
                    return len(answer.parts)
                if attempt == 2:
                    struck.set()
                if (await available(client, "S7", "left"))[2] == (await available(client, "S8", "right"))[2] == 0:
                    return 0
            return 0

        async def strike() -> None:
            await struck.wait()
            for title in ("ray::RayCustomerActor", "ray::ServeReplica"):
                service.kill_processes(title)

        crowd = asyncio.gather(*(customer(number) for number in range(3 * units)))
        asyncio.get_running_loop().call_later(1.0, struck.set)
        await strike()
        parts = Counter(await crowd)
        assert parts == {2: units, 0: 2 * units}

        async def whole() -> bool:
            return (await available(client, "S7", "left")) == (await available(client, "S8", "right")) == (20, 20, 0)

        await until_async(whole, within_s=30.0, what="both shops holding the same")
        await verified(client, "S7", "S8")
        await agreed(client)

    with_client(service, main)

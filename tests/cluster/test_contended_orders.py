"""Orders where everybody wants the same few units: amended, opposed, gathered into batches, and struck by kill -9."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final

from holdfast.client import (
    ChannelClient,
    InvalidArgument,
    Order,
    OrderStatus,
    Place,
    Rejection,
    ReleaseReason,
    Reservation,
    SourcingPolicy,
    Status,
    StorePlan,
)
from tests.cluster.callers import available, kill_actor, receive, verified, with_client
from tests.cluster.service import Service
from tests.waiting import until_async

HERE: Final = Place(52.5, 13.0)  # at S1, the end of the street; S5 has another actor
CHANGED_MIND: Final = ReleaseReason.CUSTOMER_CANCELLED
HEARD_S: Final = 20.0  # within which every shop has heard of an order, kill -9 included
AMENDS: Final = 24
BASKETS: Final = 15  # of each caller

Plan = tuple[int, ...]  # units by shop


@dataclass
class Amended:
    """Ann's order of one SKU in two shops, changed again and again. `holds` is what she was answered last."""

    client: ChannelClient
    shops: tuple[str, str]
    sku: str
    order_id: str
    holds: Plan
    said: Counter[str] = field(default_factory=Counter)

    async def amend(self, wanted: Plan, key: str) -> None:
        """Ask for so many units in each shop, twice with one key, and look for what was answered in order and shops."""
        stores = [
            StorePlan(shop, ((self.sku, units),) if units else ())
            for shop, units in zip(self.shops, wanted, strict=True)
        ]
        answer = await self.client.amend_order(self.order_id, stores=stores, idempotency_key=key)
        assert answer == await self.client.amend_order(self.order_id, stores=stores, idempotency_key=key)
        if isinstance(answer, Order):
            self.holds = wanted
        self.said["accepted" if isinstance(answer, Order) else answer.reason.name] += 1
        # Until a shop has heard of the newest it may hold more than that, and never less.
        for found in (await self.in_order(), await self.in_shops()):
            assert all(has >= promised for has, promised in zip(found, self.holds, strict=True)), (key, answer, found)

        async def heard() -> bool:
            return await self.in_order() == await self.in_shops() == self.holds

        await until_async(heard, within_s=HEARD_S, what=f"{self.holds} in order and shops after {key}")

    async def in_order(self) -> Plan:
        """What the customers' ledger says."""
        order = await self.client.get_order(self.order_id)
        assert order.status is OrderStatus.HELD
        units = Counter({part.store_id: 0 for part in order.parts})
        for part in order.parts:
            units[part.store_id] += sum(line.held for line in part.lines)
        return tuple(units[shop] for shop in self.shops)

    async def in_shops(self) -> Plan:
        """What the shops' ledgers hold for ann."""
        found = []
        for shop in self.shops:
            live = self.client.list_reservations(shop, statuses=[Status.HELD, Status.CLAIMED], page_size=1_000)
            found.append(sum([line.held async for one in live if one.customer_id == "ann" for line in one.lines]))
        return tuple(found)


async def buy_and_give_back(client: ChannelClient, shops: tuple[str, str], sku: str, over: asyncio.Event) -> None:
    """Forty callers, each taking a unit and giving it back, as fast as they are answered."""

    async def caller(number: int) -> None:
        draw = Random(number)
        while not over.is_set():
            customer_id = f"caller {number}"
            held = await client.reserve(draw.choice(shops), [(sku, 1)], customer_id=customer_id, channel="web")
            if isinstance(held, Reservation):
                given_back = await client.release(held.reservation_id, reason=CHANGED_MIND)
                assert isinstance(given_back, Reservation), given_back

    await asyncio.gather(*(caller(number) for number in range(40)))


def test_an_order_amended_under_contention_and_kills_is_never_lost(service: Service) -> None:
    shops, sku, units = ("S1", "S5"), "scarce", 4
    wishes = ((2, 0), (0, 1), (1, 1), (0, 2), (1, 0), (3, 1), (0, 3), (1, 2))

    async def main(client: ChannelClient) -> None:
        for shop in shops:
            await receive(client, shop, sku, units)
        placed = await client.reserve_near([(sku, 1)], place=HERE, customer_id="ann", channel="web")
        assert isinstance(placed, Order)
        assert placed.part.store_id == shops[0]
        ann = Amended(client, shops, sku, placed.order_id, (1, 0))
        over = asyncio.Event()
        crowd = asyncio.create_task(buy_and_give_back(client, shops, sku, over))
        draw = Random(5)
        try:
            for number in range(AMENDS):
                if number == AMENDS // 3:
                    await kill_actor(client, shops[0])
                if number == 2 * AMENDS // 3:
                    service.kill_processes("ray::RayCustomerActor")
                assert not crowd.done(), crowd.exception()
                wanted = draw.choice([wish for wish in wishes if wish != ann.holds])
                await ann.amend(wanted, f"amend {number}")
        finally:
            over.set()
        await crowd
        assert ann.said["accepted"] > 1
        assert ann.said["INSUFFICIENT_STOCK"] > 1
        assert ann.said.total() == ann.said["accepted"] + ann.said["INSUFFICIENT_STOCK"]
        for shop, held in zip(shops, ann.holds, strict=True):
            assert await available(client, shop, sku) == (units, held, units - held)
        assert isinstance(await client.release_order(ann.order_id, reason=CHANGED_MIND), Order)
        for shop in shops:
            assert await available(client, shop, sku) == (units, 0, units)
        await verified(client, *shops)

    with_client(service, main)


def test_opposing_baskets_at_full_speed_all_get_their_answer(service: Service) -> None:
    """Each wants the same two SKUs of two shops, half of them in the other sequence, and gives back what it gets."""
    units, shops = 24, {"S1": "salt", "S5": "pepper"}

    async def main(client: ChannelClient) -> None:
        for shop, sku in shops.items():
            await receive(client, shop, sku, units)
        orders: list[str] = []
        refused = Counter[str]()

        async def customer(number: int) -> None:
            basket = [(sku, 1) for sku in shops.values()][:: 1 if number % 2 else -1]
            for _ in range(BASKETS):
                answer = await client.reserve_near(
                    basket, place=HERE, policy=SourcingPolicy.SPLIT, customer_id=f"c{number}", channel="web"
                )
                if isinstance(answer, Rejection):
                    refused[answer.reason.name] += 1
                    continue
                assert sorted(part.store_id for part in answer.parts) == sorted(shops)
                orders.append(answer.order_id)
                assert isinstance(await client.release_order(answer.order_id, reason=CHANGED_MIND), Order)

        await asyncio.gather(*(customer(number) for number in range(128)))
        assert len(orders) + refused.total() == 128 * BASKETS
        assert len(orders) > units
        assert set(refused) <= {"INSUFFICIENT_STOCK", "NO_STORE_IN_REACH"}

        async def all_given_back() -> bool:
            return {await available(client, shop, sku) for shop, sku in shops.items()} == {(units, 0, units)}

        await until_async(all_given_back, within_s=HEARD_S, what="all units given back")
        found = await asyncio.gather(*(client.get_order(order_id) for order_id in orders))
        assert {order.status for order in found} == {OrderStatus.RELEASED}
        for shop in shops:
            assert [one async for one in client.list_reservations(shop, statuses=[Status.CLAIMED])] == []
        await verified(client, *shops)

    with_client(service, main)


def test_orders_in_one_batch_are_answered_each_by_itself(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        await receive(client, "S2", "left shoe", 100)  # enough for claims of orders that end without the other shoe
        await receive(client, "S5", "right shoe", 10)

        async def pair(number: int, place: Place = HERE) -> Order | Rejection:
            return await client.reserve_near(
                [("left shoe", 1), ("right shoe", 1)],
                place=place,
                policy=SourcingPolicy.SPLIT,
                customer_id=f"walker {number}",
                channel="web",
                idempotency_key=f"pair {number}",
            )

        nowhere = pair(99, Place(postcode="no such place"))
        one_shop = client.reserve("S2", [("left shoe", 1)], customer_id="limper", channel="web")
        found = await asyncio.gather(nowhere, one_shop, *(pair(number) for number in range(30)), return_exceptions=True)
        assert isinstance(found[0], InvalidArgument)
        assert [violation.field.rpartition(".")[2] for violation in found[0].violations] == ["postcode"]
        assert isinstance(found[1], Reservation)
        orders = [answer for answer in found[2:] if isinstance(answer, Order)]
        assert len(orders) == 10
        assert len({order.customer_id for order in orders}) == 10
        assert sum(isinstance(answer, Rejection) for answer in found[2:]) == 20
        again = await asyncio.gather(*(pair(number) for number in range(30)))
        assert again == found[2:]
        await verified(client, "S2", "S5")

    with_client(service, main)

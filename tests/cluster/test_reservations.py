"""The life of reservations through every part of the service."""

from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    ChannelClient,
    HoldsCounted,
    Rejection,
    ReleaseReason,
    Reservation,
    ShortfallResolution,
    ShortfallTask,
    Status,
)
from tests.cluster.callers import available, receive, verified, with_client
from tests.cluster.service import STORES, Service
from tests.waiting import until_async


def held(answer: object) -> Reservation:
    """The reservation; a refusal fails the test."""
    assert isinstance(answer, Reservation), answer
    return answer


def test_a_reservation_goes_all_the_way(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        await receive(client, "S1", "life", 10)
        first = held(await client.reserve("S1", [("life", 4)], customer_id="ann", channel="web", idempotency_key="l1"))
        assert (first.status, first.store_id, first.lines[0].held) == (Status.HELD, "S1", 4)
        assert await available(client, "S1", "life") == (10, 4, 6)

        assert held(await client.confirm(first.reservation_id)).status is Status.CONFIRMED
        assert held(await client.mark_ready(first.reservation_id)).status is Status.READY
        longer = held(await client.extend(first.reservation_id, ttl_ms=86_400_000))
        assert longer.expires_at_ms > first.expires_at_ms
        part = held(await client.collect(first.reservation_id, payment_reference="p1", lines=[("life", 1)]))
        assert (part.status, part.lines[0].collected, part.payment_reference) == (Status.READY, 1, "p1")
        done = held(
            await client.release(first.reservation_id, reason=ReleaseReason.NOT_FOUND_ON_SHELF, lines=[("life", 3)])
        )
        assert (done.status, done.lines[0].released) == (Status.COLLECTED, 3)
        assert await available(client, "S1", "life") == (9, 0, 9)

        read = await client.get_reservation(first.reservation_id, min_version=done.version)
        assert read == done
        repeated = await client.reserve("S1", [("life", 4)], customer_id="ann", channel="web", idempotency_key="l1")
        assert repeated == first
        await verified(client, "S1")

    with_client(service, main)


def test_the_business_says_no_with_its_reason(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        await receive(client, "S5", "few", 2)
        refused = await client.reserve("S5", [("few", 3)], customer_id="ann", channel="web")
        assert isinstance(refused, Rejection)
        assert (refused.reason.name, refused.sku, refused.asked, refused.available, refused.store_id) == (
            "INSUFFICIENT_STOCK",
            "few",
            3,
            2,
            "S5",
        )
        taken = held(await client.reserve("S5", [("few", 2)], customer_id="ann", channel="web"))
        held(await client.release(taken.reservation_id, reason=ReleaseReason.CUSTOMER_CANCELLED))
        again = await client.confirm(taken.reservation_id)
        assert isinstance(again, Rejection)
        assert (again.reason.name, again.status) == ("TRANSITION_NOT_ALLOWED", Status.RELEASED)

    with_client(service, main)


def test_stock_is_counted_sold_and_kept_back(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        await receive(client, "S2", "tea", 10)
        held(await client.reserve("S2", [("tea", 3)], customer_id="ann", channel="web"))
        await client.set_safety_stock("S2", [("tea", 2)])
        assert await available(client, "S2", "tea") == (10, 3, 5)
        await client.count_stock("S2", [("tea", 6)], holds=HoldsCounted.EXCLUDED)
        assert await available(client, "S2", "tea") == (9, 3, 4)
        sale = Adjustment(sku="tea", delta=-8, sequence=1, kind=AdjustmentKind.SALE)
        change = await client.adjust_stock("S2", "till 1", [sale])
        assert not isinstance(change, Rejection)
        assert [(shortfall.sku, shortfall.quantity) for shortfall in change.shortfalls] == [("tea", 2)]
        await verified(client, "S2")

    with_client(service, main)


def test_who_lost_units_is_moved_to_another_shop(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        await receive(client, "S2", "mate", 1)
        await receive(client, "S5", "mate", 1)
        lost = held(await client.reserve("S2", [("mate", 1)], customer_id="ann", channel="web"))
        await client.count_stock("S2", [("mate", 0)], holds=HoldsCounted.INCLUDED)
        tasks = [task async for task in client.list_shortfalls("S2", only_open=True)]
        (task,) = (task for task in tasks if task.reservation_id == lost.reservation_id)
        closed = [
            await client.resolve_shortfall(
                task.task_id, ShortfallResolution.MOVED, to_store_id="S5", idempotency_key="move mate"
            )
            for _ in range(2)
        ]
        assert isinstance(closed[0], ShortfallTask)
        assert closed[0] == closed[1], "asked again, and once done"
        assert closed[0].moved_to_reservation_id.startswith("S5:")
        assert await available(client, "S5", "mate") == (1, 1, 0)
        await verified(client, "S2")
        await verified(client, "S5")

    with_client(service, main)


def test_a_hold_that_fell_due_is_free(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        await receive(client, "S6", "brief", 1)
        held(await client.reserve("S6", [("brief", 1)], customer_id="ann", channel="web", ttl_ms=2_000))

        async def free() -> bool:
            return await available(client, "S6", "brief") == (1, 0, 1)

        assert not await free()
        await until_async(free, within_s=20, what="the expiry")
        async with client.watch_events(["S6"]) as events:
            kinds = list[str]()
            while len(kinds) < 3:
                kind = type((await anext(events)).change).__name__
                kinds += [kind] if kind != "PolicyAdopted" else []  # other tests change the rules too
        assert kinds == ["StockAdjusted", "Reserved", "Expired"]

    with_client(service, main)


def test_the_chain_file_is_served(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        assert {store.store_id async for store in client.list_stores()} >= set(STORES)
        policy = await client.get_policy()
        assert (policy.ttl_default_ms, policy.ttl_max_ms) == (7_200_000, 7 * 86_400_000)

    with_client(service, main)

"""Every call with its typed answer, over a real server."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    AffectedSlot,
    ChannelClient,
    Conflict,
    Health,
    HoldsCounted,
    NotFound,
    Position,
    Reason,
    Rejection,
    ReleaseReason,
    Reservation,
    StaleRead,
    Status,
    StockChange,
    Store,
    StoresPut,
    TtlRule,
    Unavailable,
)
from holdfast.v1 import admin_service_pb2
from tests.clients.fake_ledger import NOW_S
from tests.clients.fake_service import FakeService
from tests.clients.serving import serving


def against(service: FakeService, use: Callable[[ChannelClient], Awaitable[None]]) -> None:
    """Run `use` with a client of a served `service`."""

    async def main() -> None:
        async with serving(service) as target, ChannelClient(target) as client:
            await use(client)

    asyncio.run(main())


def stocked() -> FakeService:
    service = FakeService()
    service.ledger("s1").on_hand.update({"sku-1": 10, "sku-2": 10})
    return service


async def held(client: ChannelClient) -> Reservation:
    found = await client.reserve("s1", [("sku-1", 2), ("sku-2", 1)], customer_id="c1", channel="web", ttl_ms=60_000)
    assert isinstance(found, Reservation)
    return found


def test_reserve_gives_a_reservation() -> None:
    async def use(client: ChannelClient) -> None:
        found = await held(client)
        assert found.reservation_id == "s1:1"
        assert found.status is Status.HELD
        assert [(line.sku, line.quantity, line.held) for line in found.lines] == [("sku-1", 2, 2), ("sku-2", 1, 1)]
        assert found.created_at_ms == NOW_S * 1000
        assert found.expires_at_ms == (NOW_S + 60) * 1000 + 5

    against(stocked(), use)


def test_a_reservation_goes_its_way() -> None:
    async def use(client: ChannelClient) -> None:
        reservation_id = (await held(client)).reservation_id
        steps = [
            await client.confirm(reservation_id, collect_within_ms=1_000),
            await client.mark_ready(reservation_id),
            await client.extend(reservation_id, ttl_ms=5_000),
            await client.collect(reservation_id, payment_reference="p1", lines=[("sku-1", 1)]),
        ]
        found = [step.status for step in steps]
        assert found == [Status.CONFIRMED, Status.READY, Status.READY, Status.COLLECTED]
        assert isinstance(steps[2], Reservation)
        assert steps[2].expires_at_ms == (NOW_S + 5) * 1000 + 5
        assert isinstance(steps[3], Reservation)
        assert steps[3].payment_reference == "p1"
        refused = await client.release(reservation_id, reason=ReleaseReason.OTHER)
        assert isinstance(refused, Rejection)
        assert refused.reason is Reason.TRANSITION_NOT_ALLOWED
        assert await client.get_reservation(reservation_id) == steps[3]

    against(stocked(), use)


def test_a_release_says_why() -> None:
    async def use(client: ChannelClient) -> None:
        found = await client.release((await held(client)).reservation_id, reason=ReleaseReason.FRAUD)
        assert isinstance(found, Reservation)
        assert (found.status, found.release_reason) == (Status.RELEASED, ReleaseReason.FRAUD)

    against(stocked(), use)


@pytest.mark.parametrize("step", ["mark_ready", "extend"])
def test_single_calls_give_refusals_too(step: str) -> None:
    async def use(client: ChannelClient) -> None:
        if step == "mark_ready":
            found = await client.mark_ready("s1:404")
        else:
            found = await client.extend("s1:404", ttl_ms=1)
        assert isinstance(found, Rejection)
        assert found.reason is Reason.RESERVATION_NOT_FOUND

    against(stocked(), use)


def test_reading_what_is_not_there_or_not_yet() -> None:
    async def use(client: ChannelClient) -> None:
        with pytest.raises(NotFound, match="s1:404"):
            await client.get_reservation("s1:404")
        found = await held(client)
        with pytest.raises(StaleRead):
            await client.get_reservation(found.reservation_id, min_version=99)

    against(stocked(), use)


def test_reservations_are_listed_over_pages() -> None:
    async def use(client: ChannelClient) -> None:
        for _ in range(5):
            await client.reserve("s1", [("sku-1", 1)], customer_id="c", channel="web")
        await client.confirm("s1:2")
        await client.confirm("s1:5")
        everything = [one.reservation_id async for one in client.list_reservations("s1", page_size=2)]
        assert everything == ["s1:1", "s1:2", "s1:3", "s1:4", "s1:5"]
        statuses = [Status.CONFIRMED, Status.READY]
        found = [one.reservation_id async for one in client.list_reservations("s1", statuses=statuses, page_size=1)]
        assert found == ["s1:2", "s1:5"]

    against(stocked(), use)


def test_stock_is_adjusted_counted_and_kept_back() -> None:
    async def use(client: ChannelClient) -> None:
        rows = [Adjustment("sku-3", 7, 1, AdjustmentKind.RECEIPT), Adjustment("sku-3", -2, 2, AdjustmentKind.SALE)]
        change = await client.adjust_stock("s1", "warehouse", rows)
        assert isinstance(change, StockChange)
        assert (change.applied, change.dropped_repeated) == (2, 0)
        again = await client.adjust_stock("s1", "warehouse", rows)
        assert isinstance(again, StockChange)
        assert (again.applied, again.dropped_repeated) == (0, 2)
        await client.count_stock("s1", [("sku-1", 4)], holds=HoldsCounted.INCLUDED, as_of_ms=NOW_S * 1000)
        await client.set_safety_stock("s1", [("sku-1", 1)])
        (shop,) = await client.get_availability(["s1"], ["sku-1", "sku-3", "sku-9"], min_versions={"s1": 1})
        assert (shop.store_id, shop.as_of_ms, shop.age_ms) == ("s1", NOW_S * 1000, 3)
        assert shop.positions == (
            Position("sku-1", 4, 0, 0, 1, 3, stocked=True),
            Position("sku-3", 5, 0, 0, 0, 5, stocked=True),
            Position("sku-9", 0, 0, 0, 0, 0, stocked=False),
        )

    service = stocked()
    against(service, use)
    counted = service.asked("CountStock")[0]
    assert counted.holds == HoldsCounted.INCLUDED.value
    assert counted.as_of.seconds == NOW_S
    assert [row.kind for row in service.asked("AdjustStock")[0].adjustments] == [1, 2]


def test_shops_and_policy_are_administered() -> None:
    service = FakeService()

    async def use(client: ChannelClient) -> None:
        shops = [Store("b", "Second", 1.5, 2.5), Store("a", paused=True), Store("c")]
        assert await client.put_stores(shops) == StoresPut(3, (), 0)
        service.broken.append(
            admin_service_pb2.AffectedSlot(
                store_id="c", slot_start=Timestamp(seconds=NOW_S), taken=2, capacity=1, reservation_ids=["c:3", "c:9"]
            )
        )
        affected = AffectedSlot("c", NOW_S * 1000, 2, 1, ("c:3", "c:9"))
        assert await client.put_stores(shops[2:]) == StoresPut(3, (affected,), 1)
        found = [shop async for shop in client.list_stores(page_size=2)]
        assert found == [shops[1], shops[0], shops[2]]
        policy = await client.get_policy()
        changed = replace(policy, ttl_default_ms=60_000, ttl_rules=(TtlRule(1_000, channel="web"),))
        assert await client.set_policy(changed) == replace(changed, version=policy.version + 1)
        with pytest.raises(Conflict):
            await client.set_policy(changed)

    against(service, use)


def test_ledgers_are_looked_into() -> None:
    service = stocked()

    async def use(client: ChannelClient) -> None:
        status = await client.ledger_status("s1")
        assert (status.epoch, status.actor, status.recovery_ms) == (3, "ledger-s1", 20)
        assert (await client.verify_ledger("s1")).holds
        service.discrepancies.append(
            admin_service_pb2.Discrepancy(invariant="I1", subject="sku-1", expected="4", found="5")
        )
        broken = await client.verify_ledger("s1")
        assert not broken.holds
        assert (broken.discrepancies[0].invariant, broken.discrepancies[0].found) == ("I1", "5")
        assert (await client.verify_orders()).holds
        service.contradictions.append(
            admin_service_pb2.Discrepancy(invariant="I16", subject="0007/3.1 in s1", expected="it", found="none")
        )
        contradicted = await client.verify_orders()
        assert not contradicted.holds
        assert contradicted.discrepancies[0].subject == "0007/3.1 in s1"
        assert (contradicted.parts, contradicted.orders, contradicted.on_the_way) == (4, 2, 1)
        assert contradicted.left_out == ("S9",)

    against(service, use)


def test_health_is_asked_and_waited_for() -> None:
    service = FakeService()

    async def use(client: ChannelClient) -> None:
        assert await client.health() is Health.SERVING
        await client.wait_until_serving(timeout_ms=5_000)
        service.health = 2
        assert await client.health() is Health.NOT_SERVING
        with pytest.raises(Unavailable, match="NOT_SERVING"):
            await client.wait_until_serving(timeout_ms=50)

    against(service, use)


def test_waiting_for_a_service_that_says_nothing_ends_in_time() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        # Connected to, and silent: each question hangs until its own deadline.
        with socket.create_server(("127.0.0.1", 0)) as listening:
            async with ChannelClient(f"127.0.0.1:{listening.getsockname()[1]}") as client:
                began = loop.time()
                with pytest.raises(Unavailable):
                    await client.wait_until_serving(timeout_ms=50)
                return loop.time() - began

    assert asyncio.run(main()) < 0.7

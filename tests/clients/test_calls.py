"""Every call with its typed answer, over a real server."""

import asyncio
from dataclasses import replace

import pytest

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
    ServiceFault,
    StaleRead,
    Status,
    StockChange,
    Store,
    StoreAvailability,
    TtlRule,
    Unavailable,
    UnreachableStore,
)
from holdfast.v1 import admin_service_pb2, error_pb2, reservation_service_pb2, stock_pb2, stock_service_pb2
from tests.clients.faults import Answer, Hold
from tests.clients.service import LONGER_SLOTS, NOW_S, Service
from tests.clients.serving import SENT_MS, against


@pytest.fixture
def service(service: Service) -> Service:
    service.shop("s1", {"sku-1": 10, "sku-2": 10})
    return service


async def held(client: ChannelClient) -> Reservation:
    found = await client.reserve("s1", [("sku-1", 2), ("sku-2", 1)], customer_id="c1", channel="web", ttl_ms=60_000)
    assert isinstance(found, Reservation)
    return found


def test_reserve_gives_a_reservation(service: Service) -> None:
    async def use(client: ChannelClient) -> None:
        found = await held(client)
        assert found.reservation_id.startswith("s1:")
        assert found.status is Status.HELD
        assert [(line.sku, line.quantity, line.held) for line in found.lines] == [("sku-1", 2, 2), ("sku-2", 1, 1)]
        assert found.created_at_ms == NOW_S * 1000
        assert found.expires_at_ms == (NOW_S + 60) * 1000

    against(service, use)


def test_a_reservation_goes_its_way(service: Service) -> None:
    async def use(client: ChannelClient) -> None:
        reservation_id = (await held(client)).reservation_id
        steps = [
            await client.confirm(reservation_id, collect_within_ms=1_000),
            await client.mark_ready(reservation_id),
            await client.extend(reservation_id, ttl_ms=5_000),
            await client.collect(reservation_id, payment_reference="p1", lines=[("sku-1", 1)]),
            await client.collect(reservation_id, payment_reference="p1"),
        ]
        found = [step.status for step in steps]
        assert found == [Status.CONFIRMED, Status.READY, Status.READY, Status.READY, Status.COLLECTED]
        assert isinstance(steps[2], Reservation)
        assert steps[2].expires_at_ms == (NOW_S + 5) * 1000
        assert isinstance(steps[3], Reservation)
        assert [line.held for line in steps[3].lines] == [1, 1]
        assert isinstance(steps[4], Reservation)
        assert (steps[4].payment_reference, [line.held for line in steps[4].lines]) == ("p1", [0, 0])
        refused = await client.release(reservation_id, reason=ReleaseReason.OTHER)
        assert isinstance(refused, Rejection)
        assert refused.reason is Reason.TRANSITION_NOT_ALLOWED
        assert await client.get_reservation(reservation_id) == steps[4]

    against(service, use)


def test_a_release_says_why(service: Service) -> None:
    async def use(client: ChannelClient) -> None:
        found = await client.release((await held(client)).reservation_id, reason=ReleaseReason.FRAUD)
        assert isinstance(found, Reservation)
        assert (found.status, found.release_reason) == (Status.RELEASED, ReleaseReason.FRAUD)

    against(service, use)


@pytest.mark.parametrize("step", ["mark_ready", "extend"])
def test_single_calls_give_refusals_too(service: Service, step: str) -> None:
    async def use(client: ChannelClient) -> None:
        if step == "mark_ready":
            found = await client.mark_ready("s1:404")
        else:
            found = await client.extend("s1:404", ttl_ms=1)
        assert isinstance(found, Rejection)
        assert found.reason is Reason.RESERVATION_NOT_FOUND

    against(service, use)


def test_an_answer_that_says_nothing_is_a_fault_of_the_service(service: Service) -> None:
    service.faults["MarkReservationReady"].append(Answer([reservation_service_pb2.MarkReservationReadyResponse()]))

    async def use(client: ChannelClient) -> None:
        with pytest.raises(ServiceFault, match="did not say"):
            await client.mark_ready("s1:404")

    against(service, use)


def test_reading_what_is_not_there_or_not_yet(service: Service) -> None:
    async def use(client: ChannelClient) -> None:
        with pytest.raises(NotFound, match="s1:404"):
            await client.get_reservation("s1:404")
        found = await held(client)
        with pytest.raises(StaleRead):
            await client.get_reservation(found.reservation_id, min_version=99)

    against(service, use)


def test_reservations_are_listed_over_pages(service: Service) -> None:
    async def use(client: ChannelClient) -> None:
        held = [await client.reserve("s1", [("sku-1", 1)], customer_id="c", channel="web") for _ in range(5)]
        ids = [one.reservation_id for one in held if isinstance(one, Reservation)]
        await client.confirm(ids[1])
        await client.confirm(ids[4])
        everything = [one.reservation_id async for one in client.list_reservations("s1", page_size=2)]
        assert everything == ids
        statuses = [Status.CONFIRMED, Status.READY]
        found = [one.reservation_id async for one in client.list_reservations("s1", statuses=statuses, page_size=1)]
        assert found == [ids[1], ids[4]]

    against(service, use)


def test_stock_is_adjusted_counted_and_kept_back(service: Service) -> None:
    async def use(client: ChannelClient) -> None:
        rows = [Adjustment("sku-3", 7, 1, AdjustmentKind.RECEIPT), Adjustment("sku-3", -2, 2, AdjustmentKind.SALE)]
        change = await client.adjust_stock("s1", "warehouse", rows)
        assert isinstance(change, StockChange)
        assert (change.applied, change.dropped_repeated) == (2, 0)
        again = await client.adjust_stock("s1", "warehouse", rows)
        assert isinstance(again, StockChange)
        assert (again.applied, again.dropped_repeated, again.dropped_late) == (0, 2, 0)
        await client.count_stock("s1", [("sku-1", 4)], holds=HoldsCounted.INCLUDED, as_of_ms=NOW_S * 1000)
        await client.set_safety_stock("s1", [("sku-1", 1)])
        (shop,) = await client.get_availability(["s1"], ["sku-1", "sku-3", "sku-9"], min_versions={"s1": 1})
        assert isinstance(shop, StoreAvailability)
        assert (shop.store_id, shop.as_of_ms) == ("s1", NOW_S * 1000)
        assert shop.positions == (
            Position("sku-1", 4, 0, 0, 1, 3, stocked=True),
            Position("sku-3", 5, 0, 0, 0, 5, stocked=True),
            Position("sku-9", 0, 0, 0, 0, 0, stocked=False),
        )

    against(service, use)
    counted = service.asked("CountStock")[0]
    assert counted.holds == HoldsCounted.INCLUDED.value
    assert counted.as_of.seconds == NOW_S
    assert [row.kind for row in service.asked("AdjustStock")[0].adjustments] == [1, 2]


def test_a_shop_that_could_not_be_read_is_told_beside_others_and_has_no_numbers(service: Service) -> None:
    error = error_pb2.ItemError(code=14, message="shop b did not answer in time; ask again", reason="SHOP_AWAY")
    read = stock_pb2.StoreAvailability(
        store_id="s1", version=3, positions=[stock_pb2.Position(sku="sku-1", available=2)]
    )
    away = stock_pb2.StoreAvailability(store_id="b", error=error)
    service.faults["GetAvailability"].append(Answer([stock_service_pb2.GetAvailabilityResponse(stores=[read, away])]))

    async def use(client: ChannelClient) -> None:
        shop, other = await client.get_availability(["s1", "b"], ["sku-1"])
        assert shop.positions[0].available == 2
        assert isinstance(other, UnreachableStore)
        assert (other.store_id, other.error.reason, other.error.mend) == ("b", "SHOP_AWAY", "Ask again")
        with pytest.raises(Unavailable, match="shop b did not answer"):  # and not nothing to look through
            _ = other.positions

    against(service, use)


def test_shops_and_policy_are_administered(service: Service) -> None:

    async def use(client: ChannelClient) -> None:
        shops = [Store("b", "Second", 1.5, 2.5), Store("a", paused=True), Store("c")]
        assert (await client.put_stores(shops)).affected == ()
        found = [shop async for shop in client.list_stores(page_size=2)]
        assert found == [shops[1], shops[0], shops[2], Store("s1")]
        policy = await client.get_policy()
        changed = replace(policy, ttl_default_ms=60_000, ttl_rules=(TtlRule(1_000, channel="web"),))
        assert (await client.set_policy(changed)).policy == replace(changed, version=policy.version + 1)
        with pytest.raises(Conflict):
            await client.set_policy(replace(changed, ttl_default_ms=50_000))

    against(service, use)


def test_pickups_that_new_hours_broke_are_told(three_shops: Service) -> None:
    async def use(client: ChannelClient) -> None:
        slot_ms = (await client.list_slots("s3")).slots[0].start_ms
        held = await client.reserve("s3", [("a", 1)], customer_id="c", channel="web", slot_start_ms=slot_ms)
        assert isinstance(held, Reservation)
        (shop,) = [shop async for shop in client.list_stores() if shop.store_id == "s3"]
        put = await client.put_stores([replace(shop, hours=LONGER_SLOTS)])
        assert put.affected == (AffectedSlot("s3", slot_ms, 1, 0, (held.reservation_id,)),)
        assert put.affected_slots == 1
        assert await client.put_stores([replace(shop, hours=LONGER_SLOTS)]) == put  # as a repeat is told

    against(three_shops, use)


def test_ledgers_are_looked_into(service: Service) -> None:
    contradiction = admin_service_pb2.VerifyOrdersResponse(parts=4, orders=2, on_the_way=1, left_out=["S9"])
    contradiction.discrepancies.add(invariant="I22", subject="0007/3.1 in s1", expected="it", found="none")

    async def use(client: ChannelClient) -> None:
        status = await client.ledger_status("s1")
        assert (status.store_id, status.version, status.epoch, status.actor) == ("s1", 2, 1, "store-s1")
        assert (await client.verify_ledger("s1")).holds
        service.ledger("s1").positions["sku-1"].on_hand += 1
        broken = await client.verify_ledger("s1")
        assert not broken.holds
        assert "sku-1" in {row.subject for row in broken.discrepancies}
        assert (await client.verify_orders()).holds
        service.faults["VerifyOrders"].append(Answer([contradiction]))
        contradicted = await client.verify_orders()
        assert not contradicted.holds
        assert contradicted.discrepancies[0].subject == "0007/3.1 in s1"
        assert (contradicted.parts, contradicted.orders, contradicted.on_the_way) == (4, 2, 1)
        assert contradicted.left_out == ("S9",)
        barred = await client.bar_claim("0007/1907", 1, operator="eve", why="restored")
        assert (barred.order_id, barred.attempt, barred.operator, barred.why) == ("0007/1907", 1, "eve", "restored")
        assert (await client.verify_orders()).barred == (barred,)

    against(service, use)


def test_health_is_asked_and_waited_for(service: Service) -> None:
    async def use(client: ChannelClient) -> None:
        assert await client.health() is Health.SERVING
        await client.wait_until_serving(timeout_ms=5_000)
        await service.gateway.drain()
        assert await client.health() is Health.NOT_SERVING
        with pytest.raises(Unavailable, match="NOT_SERVING"):
            await client.wait_until_serving(timeout_ms=SENT_MS)

    against(service, use)


def test_a_service_that_says_nothing_is_waited_for_no_longer_than_asked(service: Service) -> None:
    hold = Hold(asyncio.Event(), asyncio.Event())
    service.faults["Check"].extend([hold] * 100)

    async def use(client: ChannelClient) -> None:
        with pytest.raises(Unavailable):
            await client.wait_until_serving(timeout_ms=50)
        assert {int(metadata["holdfast-timeout-ms"]) <= 50 for metadata in service.metadata} == {True}
        hold.release.set()

    against(service, use)

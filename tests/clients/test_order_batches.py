"""Orders that look for shops go out in batches of their own, and none is spoiled or lost by another in its batch."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from holdfast.client import (
    BlockingChannelClient,
    ChannelClient,
    InvalidArgument,
    Limits,
    Order,
    OutcomeUnknown,
    Overloaded,
    Place,
    Rejection,
    Reservation,
    SourcingPolicy,
    Timeouts,
)
from tests.clients.faults import CODE, FailItems, Hold, LoseAnswer, Refuse
from tests.clients.service import VIENNA, Service
from tests.clients.serving import QUICK, SENT_MS, against, serving, serving_in_thread
from tests.runtime.runtime_fixture import WAIT_S

THREADS = 16


async def near(client: ChannelClient, number: int = 0, **more: Any) -> Order | Rejection:
    """One unit from each of two shops."""
    more = {"place": VIENNA, "customer_id": f"c{number}", **more}
    return await client.reserve_near([("a", 1), ("b", 1)], policy=SourcingPolicy.SPLIT, channel="web", **more)


@pytest.fixture
def well_stocked(three_shops: Service) -> Service:
    """Three shops; those that are near have enough for every test here."""
    for store_id, sku in (("s1", "a"), ("s2", "b")):
        three_shops.receive(store_id, {sku: 995})
    return three_shops


def customers_of(batch: Any) -> list[str]:
    """Who is in a batch, in its sequence."""
    return [item.customer_id for item in batch.requests]


def test_orders_of_one_tick_go_out_as_one_batch_and_each_gets_its_own_answer(three_shops: Service) -> None:

    async def use(client: ChannelClient) -> None:
        found = await asyncio.gather(*(near(client, number) for number in range(12)))
        placed = [order.customer_id for order in found if isinstance(order, Order)]
        assert placed == [f"c{number}" for number in range(10)]
        assert [one.reason.name for one in found if isinstance(one, Rejection)] == ["NO_STORE_IN_REACH"] * 2

    against(three_shops, use)
    assert [customers_of(batch) for batch in three_shops.asked("ReserveBatch")] == [
        [f"c{number}" for number in range(12)]
    ]
    assert three_shops.asked("Reserve") == []


def test_a_reserve_in_one_shop_waits_for_no_order(well_stocked: Service) -> None:
    async def main() -> None:
        # As many as may fly at once, none of which is given up and asked for again.
        faults = [Hold(asyncio.Event(), asyncio.Event()) for _ in range(Limits().batches_in_flight_max)]
        well_stocked.faults["Reserve"].extend(faults)
        patient = Timeouts(call_ms=300_000, attempt_ms=300_000)
        async with serving(well_stocked) as target, ChannelClient(target, timeouts=patient) as client:
            orders = []
            for number, fault in enumerate(faults):
                orders.append(asyncio.create_task(near(client, number)))
                await fault.arrived.wait()
            calls = (client.reserve("s1", [("a", 1)], customer_id=f"h{number}", channel="web") for number in range(2))
            held = await asyncio.wait_for(asyncio.gather(*calls), WAIT_S)
            assert all(isinstance(one, Reservation) for one in held)
            assert not any(order.done() for order in orders)
            for fault in faults:
                fault.release.set()
            await asyncio.gather(*orders)

    asyncio.run(main())
    assert [customers_of(batch) for batch in well_stocked.asked("ReserveBatch")] == [["h0", "h1"]]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(), [64, 64, 2]),
        (Limits(batch_orders_max=50), [50, 50, 30]),
        (Limits(batch_items_max=40), [40, 40, 40, 10]),
    ],
)
def test_fewer_orders_than_reservations_share_a_batch(
    well_stocked: Service, limits: Limits, expected: list[int]
) -> None:
    async def main() -> None:
        async with serving(well_stocked) as target, ChannelClient(target, limits=limits) as client:
            await asyncio.gather(*(near(client, number) for number in range(130)))
        sizes = [len(batch.requests) for batch in well_stocked.asked("ReserveBatch")]
        assert sorted(sizes, reverse=True) == expected

    asyncio.run(main())


def test_a_place_that_is_not_there_is_told_to_its_own_caller_alone(well_stocked: Service) -> None:
    well_stocked.faults["ReserveBatch"].append(FailItems(lambda item: item.sourcing.place.postcode == "0000", 3))

    async def use(client: ChannelClient) -> None:
        places = [VIENNA, Place(postcode="0000"), VIENNA]
        found = await asyncio.gather(*(near(client, place=place) for place in places), return_exceptions=True)
        assert [type(one) for one in found] == [Order, InvalidArgument, Order]

    against(well_stocked, use)
    assert len(well_stocked.requests) == 1


def test_an_order_that_spoils_its_batch_does_not_fail_its_neighbours(well_stocked: Service) -> None:
    well_stocked.faults["ReserveBatch"].append(Refuse(CODE.INVALID_ARGUMENT))
    well_stocked.faults["Reserve"].append(Refuse(CODE.INVALID_ARGUMENT, violations=[("customer_id", "is too long")]))

    async def use(client: ChannelClient) -> None:
        found = await asyncio.gather(*(near(client, number) for number in range(3)), return_exceptions=True)
        assert sorted(type(one).__name__ for one in found) == ["InvalidArgument", "Order", "Order"]
        wrong = next(one for one in found if isinstance(one, InvalidArgument))
        assert wrong.violations[0].field == "customer_id"

    against(well_stocked, use)


def test_a_lost_batch_is_asked_for_again_with_the_same_keys_and_placed_once(well_stocked: Service) -> None:
    well_stocked.faults["ReserveBatch"].extend([LoseAnswer(), LoseAnswer(CODE.DEADLINE_EXCEEDED)])

    async def use(client: ChannelClient) -> None:
        found = await asyncio.gather(*(near(client, number) for number in range(20)))
        assert all(isinstance(one, Order) for one in found)

    against(well_stocked, use)
    first, second, third = well_stocked.asked("ReserveBatch")
    assert first == second == third
    assert well_stocked.orders_decided() == 20


@pytest.mark.parametrize("code", [14, 4, 8])
@pytest.mark.parametrize("decided_first", [False, True])
def test_an_order_that_was_not_decided_is_asked_again_by_itself(
    well_stocked: Service, code: int, decided_first: bool
) -> None:
    fault = FailItems(lambda item: item.customer_id == "c3", code, decided_first=decided_first)
    well_stocked.faults["ReserveBatch"].append(fault)

    async def use(client: ChannelClient) -> None:
        found = await asyncio.gather(*(near(client, number) for number in range(8)))
        assert all(isinstance(one, Order) for one in found)

    against(well_stocked, use)
    (batch,), (again,) = well_stocked.asked("ReserveBatch"), well_stocked.asked("Reserve")
    assert again == batch.requests[3]
    assert well_stocked.orders_decided() == 8


def test_one_key_twice_goes_in_separate_batches_and_gets_the_first_answer_again(well_stocked: Service) -> None:

    async def use(client: ChannelClient) -> None:
        keys = ["k1", "k2", "k1"]
        first, other, again = await asyncio.gather(*(near(client, idempotency_key=key) for key in keys))
        assert first == again != other

    against(well_stocked, use)
    assert [item.idempotency_key for item in well_stocked.asked("ReserveBatch")[0].requests] == ["k1", "k2"]
    assert [item.idempotency_key for item in well_stocked.asked("Reserve")] == ["k1"]


def test_each_order_keeps_its_own_deadline_in_a_shared_batch(well_stocked: Service) -> None:
    async def main() -> None:
        hold = Hold(asyncio.Event(), asyncio.Event())
        well_stocked.faults["ReserveBatch"].append(hold)
        async with serving(well_stocked) as target, ChannelClient(target) as client:
            patient = asyncio.create_task(near(client, 1))
            with pytest.raises(OutcomeUnknown) as unknown:
                await near(client, 2, idempotency_key="k2", timeout_ms=SENT_MS)
            assert unknown.value.idempotency_key == "k2"
            hold.release.set()
            assert isinstance(await patient, Order)
            assert isinstance(await near(client, 2, idempotency_key="k2"), Order)
        assert well_stocked.orders_decided() == 2

    asyncio.run(main())


def test_the_queue_of_orders_has_a_limit_of_its_own(well_stocked: Service) -> None:
    async def main() -> None:
        async with (
            serving(well_stocked) as target,
            ChannelClient(target, retry=QUICK, limits=Limits(calls_max=2)) as client,
        ):
            calls = [near(client) for _ in range(3)]
            holds = [client.reserve("s1", [("a", 1)], customer_id="c", channel="web") for _ in range(2)]
            found = await asyncio.gather(*calls, *holds, return_exceptions=True)
        assert [type(one) for one in found] == [Order, Order, Overloaded, Reservation, Reservation]

    asyncio.run(main())


def test_orders_of_several_threads_share_batches(well_stocked: Service) -> None:
    with serving_in_thread(well_stocked) as target, BlockingChannelClient(target) as client:

        def place(number: int) -> Order | Rejection:
            customer_id = f"c{number}"
            return client.reserve_near([("a", 1)], place=VIENNA, customer_id=customer_id, channel="web")

        with ThreadPoolExecutor(THREADS) as pool:
            found = list(pool.map(place, range(10 * THREADS)))
    assert [one.customer_id for one in found if isinstance(one, Order)] == [f"c{n}" for n in range(10 * THREADS)]
    assert max(len(batch.requests) for batch in well_stocked.asked("ReserveBatch")) > 1

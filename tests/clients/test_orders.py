"""Orders over several shops: every call with its answer, its refusal, and its second try with the same key."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from holdfast.client import (
    BlockingChannelClient,
    ChannelClient,
    HoldfastError,
    NotFound,
    Order,
    OrderStatus,
    OutcomeUnknown,
    PartOutcome,
    Place,
    Reason,
    Rejection,
    ReleaseReason,
    Reservation,
    ServiceFault,
    SourcingPolicy,
    Status,
    StorePlan,
)
from holdfast.v1 import reservation_service_pb2
from tests.clients.faults import CODE, Answer, FailItems, LoseAnswer, Refuse
from tests.clients.service import NOW_S, SLOT_MS, VIENNA, Service
from tests.clients.serving import SENT_MS, against, serving_in_thread

Step = Callable[[ChannelClient, str, str], Awaitable[Any]]


@pytest.fixture
def service(three_shops: Service) -> Service:
    return three_shops


async def split(client: ChannelClient, **more: Any) -> Order:
    lines = [("a", 2), ("b", 1)]
    # Within it no shop has all of it.
    more = {"policy": SourcingPolicy.SPLIT, "kilometres_max": 5.5, **more}
    found = await client.reserve_near(lines, place=VIENNA, customer_id="c1", channel="web", **more)
    assert isinstance(found, Order)
    return found


def same(one: Order, other: Order) -> bool:
    """Whether two are one, whatever else has happened in the customer's ledger."""
    return replace(one, version=0) == replace(other, version=0)


STEPS: dict[str, Step] = {
    "ConfirmOrder": lambda client, order_id, key: client.confirm_order(
        order_id, collect_within_ms=60_000, idempotency_key=key
    ),
    "MarkOrderReady": lambda client, order_id, key: client.ready_order(order_id, idempotency_key=key),
    "CollectOrder": lambda client, order_id, key: client.collect_order(
        order_id, payment_reference="p1", idempotency_key=key
    ),
    "ReleaseOrder": lambda client, order_id, key: client.release_order(
        order_id, reason=ReleaseReason.FRAUD, idempotency_key=key
    ),
    "ExtendOrder": lambda client, order_id, key: client.extend_order(order_id, ttl_ms=5_000, idempotency_key=key),
    "AmendOrder": lambda client, order_id, key: client.amend_order(
        order_id, stores=[StorePlan("s1", (("a", 1),))], idempotency_key=key
    ),
}


def test_shops_are_looked_for_by_the_policy(service: Service) -> None:
    async def use(client: ChannelClient) -> None:
        found = await split(client, stores_max=2, ttl_ms=60_000)
        assert (found.status, found.customer_id) == (OrderStatus.HELD, "c1")
        assert [(part.store_id, part.lines[0].sku, part.lines[0].held) for part in found.parts] == [
            ("s1", "a", 2),
            ("s2", "b", 1),
        ]
        assert found.expires_at_ms == (NOW_S + 60) * 1000
        one = await client.reserve_near([("a", 1), ("b", 1)], place=VIENNA, customer_id="c1", channel="web")
        assert isinstance(one, Order)
        assert one.part.store_id == "s3"
        part = await client.get_reservation(one.part.reservation_id)
        assert (part.order_id, part.store_id) == (one.order_id, "s3")
        assert same(await client.get_order(one.order_id), one)

    against(service, use)
    asked = service.asked("Reserve")[0]
    assert (asked.store_id, asked.sourcing.stores_max, asked.sourcing.kilometres_max) == ("", 2, 5.5)
    assert asked.sourcing.place.latitude == VIENNA.latitude


def test_what_cannot_be_had_is_missing_or_refused_with_the_shops_nearby(service: Service) -> None:
    async def use(client: ChannelClient) -> None:
        lines = [("a", 50)]
        place = Place(postcode="1010")
        refused = await client.reserve_near(lines, place=place, customer_id="c", channel="web")
        assert isinstance(refused, Rejection)
        assert refused.reason is Reason.NO_STORE_IN_REACH
        assert [near.store_id for near in refused.near_stores] == ["s1", "s3"]
        partial = await client.reserve_near(
            lines, place=place, policy=SourcingPolicy.PARTIAL, customer_id="c", channel="web"
        )
        assert isinstance(partial, Order)
        assert partial.missing == (("a", 40),)

    against(service, use)
    assert service.asked("Reserve")[0].sourcing.place.postcode == "1010"


def test_a_lost_order_is_asked_for_again_with_the_same_key_and_placed_once(service: Service) -> None:
    service.faults["Reserve"].extend([LoseAnswer(), LoseAnswer()])

    async def use(client: ChannelClient) -> None:
        assert (await split(client, slot_start_ms=SLOT_MS)).parts[0].slot_start_ms == SLOT_MS

    against(service, use)
    first, second, third = service.asked("Reserve")
    assert first == second == third
    assert service.orders_decided() == 1


def test_an_order_without_an_answer_is_unknown_and_names_its_key(service: Service) -> None:
    service.faults["Reserve"].extend([LoseAnswer()] * 1_000)

    async def use(client: ChannelClient) -> None:
        with pytest.raises(OutcomeUnknown) as unknown:
            await split(client, idempotency_key="k1", timeout_ms=SENT_MS)
        assert unknown.value.idempotency_key == "k1"

    against(service, use)


def test_a_service_that_holds_in_one_shop_what_was_to_be_looked_for_is_at_fault(service: Service) -> None:
    answer = reservation_service_pb2.ReserveResponse()
    answer.reservation.reservation_id = "s1:1"
    service.faults["Reserve"].append(Answer([answer]))

    async def use(client: ChannelClient) -> None:
        with pytest.raises(ServiceFault, match="no order came"):
            await split(client, idempotency_key="k1")

    against(service, use)


def test_under_a_limit_of_the_whole_chain_a_reserve_is_a_reservation_in_batches_too(service: Service) -> None:
    service.policy(chain_limit_rules=[{"channel": "app", "units_max": 3}])

    async def use(client: ChannelClient) -> None:
        alone = await client.reserve("s1", [("a", 1)], customer_id="c", channel="app")
        assert isinstance(alone, Reservation)
        assert (alone.store_id, alone.status) == ("s1", Status.HELD)
        channels = ["app", "web", "app"]
        found = await asyncio.gather(
            *(client.reserve("s3", [("b", 2)], customer_id="c", channel=channel) for channel in channels)
        )
        assert [type(one) for one in found] == [Reservation, Reservation, Rejection]

    against(service, use)
    assert len(service.asked("ReserveBatch")) == 1


def test_an_order_goes_its_way(service: Service) -> None:
    async def use(client: ChannelClient) -> None:
        order_id = (await split(client)).order_id
        confirmed = await client.confirm_order(order_id, collect_within_ms=60_000)
        assert isinstance(confirmed, Order)
        assert (confirmed.status, confirmed.expires_at_ms) == (OrderStatus.CONFIRMED, (NOW_S + 60) * 1000)
        extended = await client.extend_order(order_id, ttl_ms=5_000)
        assert isinstance(extended, Order)
        assert extended.expires_at_ms == (NOW_S + 5) * 1000
        ready = await client.ready_order(order_id)
        sold = await client.collect_order(order_id, payment_reference="p1")
        assert statuses(ready) == [("s1", Status.READY), ("s2", Status.READY)]
        assert statuses(sold) == [("s1", Status.COLLECTED), ("s2", Status.COLLECTED)]

    against(service, use)
    assert service.asked("CollectOrder")[0].payment_reference == "p1"


def statuses(outcomes: tuple[PartOutcome, ...] | Rejection) -> list[tuple[str, Status]]:
    assert isinstance(outcomes, tuple)
    return [(one.store_id, one.answer.status) for one in outcomes if isinstance(one.answer, Reservation)]


def test_an_order_is_released_with_its_reason(service: Service) -> None:
    async def use(client: ChannelClient) -> None:
        order_id = (await split(client)).order_id
        found = await client.release_order(order_id, reason=ReleaseReason.FRAUD)
        assert isinstance(found, Order)
        assert (found.status, found.release_reason) == (OrderStatus.RELEASED, ReleaseReason.FRAUD)

    against(service, use)


def test_what_shops_hold_of_an_order_is_changed_in_one_step(service: Service) -> None:
    async def use(client: ChannelClient) -> None:
        order_id = (await split(client)).order_id
        plans = [StorePlan("s3", (("a", 2), ("b", 1)), SLOT_MS), StorePlan("s1"), StorePlan("s2")]
        found = await client.amend_order(order_id, stores=plans)
        assert isinstance(found, Order)
        assert (found.part.store_id, found.part.slot_start_ms) == ("s3", SLOT_MS)
        refused = await client.amend_order(order_id, stores=[StorePlan("s3", (("a", 99),))])
        assert isinstance(refused, Rejection)
        assert (refused.reason, refused.asked) == (Reason.INSUFFICIENT_STOCK, 97), "two are held already"
        assert same(await client.get_order(order_id), found)

    against(service, use)


@pytest.mark.parametrize("method", STEPS)
def test_steps_of_an_order_that_is_not_there_are_refused(service: Service, method: str) -> None:
    async def use(client: ChannelClient) -> None:
        refused = await STEPS[method](client, "0007/404", "k1")
        assert isinstance(refused, Rejection)
        assert refused.reason is Reason.RESERVATION_NOT_FOUND

    against(service, use)


@pytest.mark.parametrize("method", STEPS)
def test_steps_are_asked_again_with_the_same_key_and_done_once(service: Service, method: str) -> None:
    service.faults[method].append(LoseAnswer())

    async def use(client: ChannelClient) -> None:
        order_id = (await split(client)).order_id
        if method == "MarkOrderReady":
            await client.confirm_order(order_id)
        before = service.orders_decided(), service.decided("s1"), service.decided("s2")
        answer = await STEPS[method](client, order_id, "k1")
        assert isinstance(answer, Order | tuple)
        after = service.orders_decided(), service.decided("s1"), service.decided("s2")
        in_each_shop = int(method in {"MarkOrderReady", "CollectOrder"})
        assert [new - old for old, new in zip(before, after, strict=True)] == [1, in_each_shop, in_each_shop]

    against(service, use)
    first, second = service.asked(method)
    assert first == second
    assert first.idempotency_key == "k1"


@pytest.mark.parametrize("method", STEPS)
def test_steps_without_an_answer_are_unknown_and_name_their_key(service: Service, method: str) -> None:
    service.faults[method].append(Refuse(CODE.UNAVAILABLE, retry_after_ms=60_000))

    async def use(client: ChannelClient) -> None:
        with pytest.raises(OutcomeUnknown) as unknown:
            await STEPS[method](client, "0007/1", "k1")
        assert unknown.value.idempotency_key == "k1"

    against(service, use)


@pytest.mark.parametrize("code", [14, 4, 8])
def test_a_shop_that_does_not_decide_is_asked_again_with_the_same_key(service: Service, code: int) -> None:
    service.faults["MarkOrderReady"].append(FailItems(lambda outcome: outcome.store_id == "s2", code))

    async def use(client: ChannelClient) -> None:
        order_id = (await split(client)).order_id
        await client.confirm_order(order_id)
        assert statuses(await client.ready_order(order_id)) == [("s1", Status.READY), ("s2", Status.READY)]

    against(service, use)
    first, second = service.asked("MarkOrderReady")
    assert first == second
    # Held and made ready, each once.
    assert [service.decided(store_id) for store_id in ("s1", "s2")] == [2, 2]


def test_a_shop_that_never_decides_is_told_beside_those_that_did(service: Service) -> None:
    faults = [FailItems(lambda outcome: outcome.store_id == "s2", 14)] * 1_000
    service.faults["CollectOrder"].extend(faults)

    async def use(client: ChannelClient) -> None:
        order_id = (await split(client)).order_id
        sold = await client.collect_order(order_id, payment_reference="p1", idempotency_key="k1", timeout_ms=1_000)
        assert statuses(sold) == [("s1", Status.COLLECTED)]
        assert isinstance(sold, tuple)
        error = sold[1].answer
        assert isinstance(error, OutcomeUnknown)
        assert (error.where, error.idempotency_key) == ("shop s2", "k1")

    against(service, use)
    assert len(service.asked("CollectOrder")) > 1


def test_a_shop_whose_journal_is_damaged_is_not_asked_again(service: Service) -> None:
    service.faults["CollectOrder"].append(FailItems(lambda outcome: outcome.store_id == "s1", 15))

    async def use(client: ChannelClient) -> None:
        sold = await client.collect_order((await split(client)).order_id, payment_reference="p1")
        assert isinstance(sold, tuple)
        assert isinstance(sold[0].answer, HoldfastError)
        assert statuses(sold) == [("s2", Status.COLLECTED)]

    against(service, use)
    assert len(service.asked("CollectOrder")) == 1


def test_an_answer_in_part_is_better_than_none(service: Service) -> None:
    service.faults["CollectOrder"].append(FailItems(lambda outcome: outcome.store_id == "s2", 14))
    service.faults["CollectOrder"].extend([Refuse(CODE.UNAVAILABLE)] * 1_000)

    async def use(client: ChannelClient) -> None:
        order_id = (await split(client)).order_id
        sold = await client.collect_order(order_id, payment_reference="p1", timeout_ms=SENT_MS)
        assert statuses(sold) == [("s1", Status.COLLECTED)]

    against(service, use)


def test_a_later_answer_in_which_more_shops_are_undecided_does_not_replace_one_in_which_fewer_are(
    service: Service,
) -> None:
    service.faults["CollectOrder"].append(FailItems(lambda outcome: outcome.store_id == "s2", 14))
    service.faults["CollectOrder"].extend([FailItems(lambda _: True, 14)] * 1_000)

    async def use(client: ChannelClient) -> None:
        order_id = (await split(client)).order_id
        sold = await client.collect_order(order_id, payment_reference="p1", timeout_ms=1_000)
        assert statuses(sold) == [("s1", Status.COLLECTED)]

    against(service, use)
    assert len(service.asked("CollectOrder")) > 1


def test_an_order_that_is_not_there_is_not_found(service: Service) -> None:
    async def use(client: ChannelClient) -> None:
        with pytest.raises(NotFound, match="0007/404"):
            await client.get_order("0007/404")

    against(service, use)


def test_the_blocking_face_places_orders_too(service: Service) -> None:
    with serving_in_thread(service) as target, BlockingChannelClient(target) as client:
        lines = [("a", 1), ("b", 1)]
        order = client.reserve_near(lines, place=VIENNA, customer_id="c", channel="web")
        assert isinstance(order, Order)
        assert same(client.get_order(order.order_id), order)
        assert statuses(client.collect_order(order.order_id, payment_reference="p")) == [("s3", Status.COLLECTED)]
        assert client.find_stores(lines, place=VIENNA, channel="web").plan
        assert client.list_slots("s1").slots

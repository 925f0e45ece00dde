"""Refusals of orders through a whole gateway: which shop refused, whose limit it was, which order was meant."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from actors.core.rejection import Reason, Rejection
from actors.orders import commands as cm
from actors.protocol.messages import Refusal
from actors.shop import commands as shop
from holdfast.v1 import admin_service_pb2 as ad, error_pb2, order_pb2, order_service_pb2 as os_
from serve.calls import TIMEOUT_S_MAX
from serve.routing.router import ASKING_MAX
from serve.services.new_orders import NOT_OF_ORDERS
from serve.wire.statuses import fill_rejection
from tests.gateway.front import SHOPS, Front, reserve_request
from tests.runtime.runtime_fixture import ManualClock

NEAREST: Final = order_pb2.Sourcing(place={})


@pytest.fixture
def front(tmp_path: Path, clock: ManualClock) -> Iterator[Front]:
    """Five of A in each of three shops."""
    with Front(tmp_path, clock) as front:
        for store_id in SHOPS:
            front.receive("A", 5, store_id)
        yield front


def rules(front: Front, **rule: Any) -> None:
    """A rule of the shops, or of the chain, by the name of the policy's field."""
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    for name, fields in rule.items():
        getattr(policy, name).add(**fields)
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))


def placed(front: Front) -> order_pb2.Order:
    """One of A, in S1."""
    request = reserve_request("k1", store_id="")
    request.sourcing.CopyFrom(NEAREST)
    order: order_pb2.Order = front.accept("Reserve", request).order
    assert [part.store_id for part in order.parts] == ["S1"]
    return order


def refused(front: Front, order: order_pb2.Order, key: str, **units: int) -> error_pb2.Rejection:
    """The answer to an amendment to so many of A, by shop."""
    stores = [
        {"store_id": store_id, "lines": [{"sku": "A", "quantity": quantity}]} for store_id, quantity in units.items()
    ]
    request = os_.AmendOrderRequest(idempotency_key=key, order_id=order.order_id, stores=stores)
    rejection: error_pb2.Rejection = front.accept("AmendOrder", request).rejection
    assert front.accept("AmendOrder", request).rejection == rejection, "a repeat is answered as at first"
    return rejection


def test_a_refusal_names_the_shop_that_has_too_little(front: Front) -> None:
    no = refused(front, placed(front), "a1", S2=5, S3=9)
    assert (no.reason, no.store_id) == (error_pb2.REASON_INSUFFICIENT_STOCK, "S3")
    assert no.message == "shop S3 has 5 of A available, 9 were asked for"
    assert not no.reservation_id


def test_a_refusal_names_the_shop_that_is_paused(front: Front) -> None:
    order = placed(front)
    front.accept("PutStores", ad.PutStoresRequest(stores=[{"store_id": "S2", "paused": True}]))
    no = refused(front, order, "a1", S2=1)
    assert (no.reason, no.store_id) == (error_pb2.REASON_STORE_NOT_ACCEPTING, "S2")
    assert "shop S2" in no.message


def test_a_limit_of_a_shop_is_said_to_be_that_shops(front: Front) -> None:
    rules(front, limit_rules={"units_max": 2})
    no = refused(front, placed(front), "a1", S2=3)
    assert (no.reason, no.store_id) == (error_pb2.REASON_UNITS_LIMIT, "S2")
    assert no.message == "the customer may reserve 2 more of A in shop S2, 3 were asked for"


def test_so_many_open_in_a_shop_is_said_to_be_that_shops(front: Front) -> None:
    order = placed(front)
    assert front.reserve("k1", store_id="S2").HasField("reservation"), "by the same customer"
    rules(front, limit_rules={"open_reservations_max": 1})
    no = refused(front, order, "a1", S2=1)
    assert (no.reason, no.store_id) == (error_pb2.REASON_OPEN_RESERVATIONS_LIMIT, "S2")
    assert no.message == "the customer may have 1 open reservations in shop S2"


def test_a_limit_of_the_chain_is_over_all_shops_and_of_none(front: Front) -> None:
    rules(front, chain_limit_rules={"sku": "A", "units_max": 2})
    no = refused(front, placed(front), "a1", S2=3)
    assert (no.reason, no.store_id) == (error_pb2.REASON_UNITS_LIMIT, "")
    assert "of A over all shops, " in no.message
    named = front.reserve("k2", store_id="S2", units=3).rejection
    assert (named.reason, named.store_id) == (error_pb2.REASON_UNITS_LIMIT, "")
    assert "over all shops" in named.message


def test_an_order_in_a_named_shop_has_both_kinds_of_limits(front: Front) -> None:
    rules(front, chain_limit_rules={"sku": "A", "units_max": 4}, limit_rules={"sku": "A", "units_max": 2})
    no = front.reserve("k1", store_id="S2", units=3).rejection
    assert (no.reason, no.store_id) == (error_pb2.REASON_UNITS_LIMIT, "S2")
    assert "in shop S2, 3 were asked for" in no.message


def test_an_order_that_there_is_not_is_named(front: Front) -> None:
    request = os_.ConfirmOrderRequest(idempotency_key="c1", order_id="0007/1907")
    no = front.accept("ConfirmOrder", request).rejection
    assert (no.reason, no.order_id) == (error_pb2.REASON_RESERVATION_NOT_FOUND, "0007/1907")
    assert no.message == "there is no order 0007/1907, or it was forgotten; check the id"
    unnamed = error_pb2.Rejection()
    fill_rejection(Refusal(0, Rejection(Reason.RESERVATION_NOT_FOUND, number=1907)), "", unnamed)
    assert unnamed.message == "there is no such order, or it was forgotten; check the id"


def test_a_shop_with_a_full_queue_keeps_no_order_from_the_others(front: Front) -> None:
    async def main() -> None:
        gate = front.actors.hold("store-S1")
        deadline = asyncio.get_running_loop().time() + TIMEOUT_S_MAX
        waiting = [
            asyncio.ensure_future(front.gateway._router.ask("S1", "reservation", "S1", 1, deadline=deadline))
            for _ in range(ASKING_MAX)
        ]
        await asyncio.sleep(0)
        request = reserve_request("k1", store_id="")
        request.sourcing.CopyFrom(NEAREST)
        order = (await front.asked("Reserve", request)).reply.order
        assert [part.store_id for part in order.parts] == ["S2"]
        gate.set()
        await asyncio.gather(*waiting)

    front.run(main)


def test_what_a_reserve_says_an_order_says_too() -> None:
    """A field that is added to Reserve is added to Open, or named as one that orders have not."""
    assert set(shop.Reserve.__struct_fields__) - NOT_OF_ORDERS <= set(cm.Open.__struct_fields__)
    assert set(shop.Reserve.__struct_fields__) >= NOT_OF_ORDERS
    assert NOT_OF_ORDERS.isdisjoint(cm.Open.__struct_fields__)

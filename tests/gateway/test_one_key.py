"""A key is decided once, whichever way its calls reach a shop: naming it, or looking for it by place."""

from typing import Any, Final

import pytest

from actors.core.packed import hash_of
from actors.core.rejection import Reason
from actors.orders import commands as cm
from actors.orders.state import Order
from holdfast.v1 import error_pb2, order_pb2, reservation_service_pb2 as rs
from tests.gateway.front import Front, reserve_request
from tests.gateway.orders import BUYER, customers, hosted, settle
from tests.runtime.runtime_fixture import WAIT_S

BY_PLACE: Final = order_pb2.Sourcing(place={}, policy=order_pb2.SOURCING_POLICY_SPLIT)
REUSED: Final = error_pb2.REASON_IDEMPOTENCY_KEY_REUSED


def reserve(front: Front, key: str, units: int = 1, store_id: str = "S1") -> rs.ReserveResponse:
    """Of B in a shop by its name, or by place where none is named."""
    request = reserve_request(key, "B", units, store_id)
    request.customer_id = BUYER
    if not store_id:
        request.sourcing.CopyFrom(BY_PLACE)
    return front.accept("Reserve", request)  # type: ignore[no-any-return]


def reserved(front: Front, store_id: str = "S1") -> int:
    return int(hosted(front, f"store-{store_id}", store_id).positions["B"].reserved)


@pytest.fixture
def stocked(front: Front) -> Front:
    for store_id in ("S1", "S2"):
        front.receive("B", 5, store_id)
    return front


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("units", [1, 9])
def test_an_order_is_refused_under_a_key_that_its_shop_has_answered(
    stocked: Front, units: int, restarted: bool
) -> None:
    """Held or refused; the order does not go on to another shop, either."""
    first = reserve(stocked, "k1", units)
    before = reserved(stocked)
    if restarted:
        stocked.actors.kill("store-S1")
    for _ in range(2):
        assert reserve(stocked, "k1", 7, "").rejection.reason == REUSED
    settle(stocked)
    assert (reserved(stocked), reserved(stocked, "S2")) == (before, 0)
    assert not customers(stocked).orders
    assert reserve(stocked, "k1", units) == first
    assert reserve(stocked, "k2", 2, "").order.order_id, "another key is another intent"


@pytest.mark.parametrize("restarted", [False, True])
def test_a_shop_refuses_to_reserve_under_a_key_that_it_knows_from_a_claim(stocked: Front, restarted: bool) -> None:
    first = reserve(stocked, "k1", 7, "")
    assert {part.store_id for part in first.order.parts} == {"S1", "S2"}
    settle(stocked)
    if restarted:
        stocked.actors.kill("store-S1")
    for store_id in ("S1", "S2"):
        assert reserve(stocked, "k1", 1, store_id).rejection.reason == REUSED
    assert reserve(stocked, "k1", 7, "").order.order_id == first.order.order_id
    assert reserved(stocked) + reserved(stocked, "S2") == 7


def test_a_shop_refuses_to_reserve_under_a_key_whose_claim_it_refused(stocked: Front) -> None:
    """The order was placed elsewhere, or may be by a copy of its call."""
    order = opened(stocked, "k1", ("S1", 9), ("S2", 1))
    assert not isinstance(order, Order)
    assert order.reason is Reason.INSUFFICIENT_STOCK
    stocked.receive("B", 9, "S1")
    for store_id in ("S1", "S2"):
        assert reserve(stocked, "k1", 9, store_id).rejection.reason == REUSED
    assert reserve(stocked, "k1", 9, "S3").rejection.reason == error_pb2.REASON_SKU_NOT_STOCKED, "S3 was not asked"


def test_an_order_that_meets_its_own_lost_claims_is_placed(stocked: Front) -> None:
    """Its gateway died after it had claimed, and before it had placed."""
    ledger = hosted(stocked, "store-S1", "S1")
    plan = cm.Plan("S1", (("B", 2),), 0)

    async def main() -> Any:
        coordinator = stocked.gateway._reconciler._coordinator
        deadline = stocked._runner.get_loop().time() + WAIT_S
        command = cm.Open("k1", "x", BUYER, "web", 0, (plan,), (), "")
        await coordinator._claim(customers(stocked).ledger_id, command, 1907, command.plans, deadline)
        return await coordinator.open(command, deadline)

    reserve(stocked, "k0", 1, "")
    order = stocked.run(main)
    assert isinstance(order, Order)
    assert len(ledger.answers.made.find(hash_of("k1"))) == 2
    assert not ledger.answers.made.find(hash_of("k1"), calls=False)
    assert reserve(stocked, "k1", 2).rejection.reason == REUSED


def test_later_attempts_of_an_order_and_its_parts_in_one_shop_are_of_one_key(stocked: Front) -> None:
    order = opened(stocked, "k1", ("S1", 1), ("S2", 1))
    assert isinstance(order, Order)
    for key, units in (("k2", 2), ("k3", 3)):
        wanted = (cm.Plan("S1", (("B", units),), 0), cm.Plan("S2", (("B", units),), 0))
        amended = amend(stocked, key, order, wanted)
        assert isinstance(amended, Order)
    settle(stocked)
    assert (reserved(stocked), reserved(stocked, "S2")) == (3, 3)
    for key in ("k1", "k2", "k3"):
        assert reserve(stocked, key).rejection.reason == REUSED
    assert reserve(stocked, "k4").reservation.reservation_id
    refused = amend(stocked, "k4", order, (cm.Plan("S1", (("B", 4),), 0),))
    assert not isinstance(refused, Order)
    assert refused.reason is Reason.IDEMPOTENCY_KEY_REUSED


def opened(front: Front, key: str, *plans: tuple[str, int]) -> Any:
    """An order of so many of B in these shops, or why there is none."""
    wanted = tuple(cm.Plan(store_id, (("B", units),), 0) for store_id, units in plans)
    return coordinated(front, "open", cm.Open(key, "x", BUYER, "web", 0, wanted, (), ""))


def amend(front: Front, key: str, order: Order, wanted: tuple[cm.Plan, ...]) -> Any:
    return coordinated(front, "amend", customers(front).ledger_id, cm.Amend(key, "x", order.number, wanted, 0))


def coordinated(front: Front, method: str, *args: Any) -> Any:
    async def main() -> Any:
        act = getattr(front.gateway._reconciler._coordinator, method)
        return await act(*args, front._runner.get_loop().time() + WAIT_S)

    return front.run(main)

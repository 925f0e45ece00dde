"""A key is decided once, whichever way its calls reach a shop: naming it, or looking for it by place."""

import asyncio
from typing import Any, Final

import pytest

from actors.core.rejection import Reason
from actors.orders import commands as cm
from actors.orders.state import OPEN_MS, Order, Standing
from holdfast.v1 import error_pb2, order_pb2, reservation_service_pb2 as rs
from serve.coordination.replanning import Replanning, no_other_plan
from tests.gateway.front import Front, reserve_request
from tests.gateway.orders import BUYER, CUSTOMERS, customers, hosted, settle
from tests.runtime.loop_time import skip
from tests.runtime.runtime_fixture import WAIT_S, ManualClock
from tests.waiting import until_async

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
        await coordinator._placing._claim(customers(stocked).ledger_id, command, command.plans, deadline, [])
        return await coordinator.open(command, deadline)

    reserve(stocked, "k0", 1, "")
    order = stocked.run(main)
    assert isinstance(order, Order)
    assert len(ledger.answers.versions("k1")) == 2
    assert ledger.answers.of_no_claim("k1") is None
    assert reserve(stocked, "k1", 2).rejection.reason == REUSED


def test_an_amendment_takes_no_key_of_a_shop_and_none_from_it(stocked: Front) -> None:
    """Its key is its order's."""
    order = opened(stocked, "k1", ("S1", 1), ("S2", 1))
    assert isinstance(order, Order)
    for key, units in (("k2", 2), ("k3", 3)):
        wanted = (cm.Plan("S1", (("B", units),), 0), cm.Plan("S2", (("B", units),), 0))
        amended = amend(stocked, key, order, wanted)
        assert isinstance(amended, Order)
    settle(stocked)
    assert (reserved(stocked), reserved(stocked, "S2")) == (3, 3)
    assert reserve(stocked, "k1").rejection.reason == REUSED
    assert reserve(stocked, "k2").reservation.reservation_id
    stocked.receive("B", 5, "S1")
    assert reserve(stocked, "k4").reservation.reservation_id
    assert isinstance(amend(stocked, "k4", order, (cm.Plan("S1", (("B", 4),), 0),)), Order)


def test_an_amendment_that_meets_its_own_lost_claims_is_committed(stocked: Front) -> None:
    """Its gateway died after it had claimed, and before it had committed."""
    order = opened(stocked, "k1", ("S1", 1))
    wanted = (cm.Plan("S1", (("B", 3),), 0),)
    ledger_id = customers(stocked).ledger_id

    async def main() -> None:
        coordinator = stocked.gateway._reconciler._coordinator
        deadline = stocked._runner.get_loop().time() + WAIT_S
        begun = await coordinator._send(ledger_id, cm.Amend("k2", "x", order.number, wanted, 0), deadline, promise=True)
        assert isinstance(begun, Order)
        assert begun.open_attempt
        await coordinator._attempt(ledger_id, begun, Replanning(no_other_plan, []), deadline)

    stocked.run(main)
    assert reserve(stocked, "k2").reservation.reservation_id
    assert isinstance(amend(stocked, "k2", order, wanted), Order)
    settle(stocked)
    assert reserved(stocked) == 4


@pytest.mark.parametrize("basket_id", ["", "basket"])
def test_an_order_is_placed_after_its_attempt_was_abandoned(stocked: Front, clock: ManualClock, basket_id: str) -> None:
    """Its shop was away for longer than an attempt may take; the call has time left, and draws another number."""
    reserve(stocked, "k0", 1, "")
    command = cm.Open("k1", "x", BUYER, "web", 0, (cm.Plan("S1", (("B", 2),), 0),), (), basket_id)
    process: Any = stocked.actors._actors[CUSTOMERS]

    def asked_of_shop() -> list[Any]:
        return [each for each in stocked.actors.calls if each[0] == "store-S1"]

    async def main() -> Any:
        gate = stocked.actors.hold("store-S1")
        deadline = asyncio.get_running_loop().time() + 3 * OPEN_MS / 1000
        before = len(asked_of_shop())

        async def claimed() -> bool:
            return len(asked_of_shop()) > before

        async def answered() -> bool:
            skip(0.1)
            return call.done()

        call = asyncio.ensure_future(stocked.gateway._reconciler._coordinator.open(command, deadline))
        await until_async(claimed, within_s=WAIT_S, what="a claim")
        clock.move(OPEN_MS + 1)
        skip(OPEN_MS / 1000 + 1)
        await asyncio.to_thread(process.host.sweep)
        gate.set()
        await until_async(answered, within_s=WAIT_S, what="an answer")
        return await call

    order = stocked.run(main)
    assert isinstance(order, Order)
    assert order.standing is Standing.HELD
    settle(stocked)
    assert reserved(stocked) == 3


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

"""Orders of one batch that go together: one message for each actor and round, and no order waits for another's shop."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from actors.orders.state import Standing
from holdfast.v1 import error_pb2, reservation_service_pb2 as rs
from serve.services.reservation_batches import ORDER_SHARE
from tests.gateway.front import Answer, Front
from tests.gateway.orders import CUSTOMERS, customers, hosted, settle
from tests.gateway.test_claims_let_go import hold_steps, reserved
from tests.gateway.test_contended_claims import asked_for
from tests.gateway.test_order_batches import TIME_S, ask, kinds
from tests.runtime.loop_time import skip
from tests.runtime.runtime_fixture import WAIT_S, ManualClock
from tests.waiting import until_async

ORDERS: Final = 12


@pytest.fixture
def front(tmp_path: Path, clock: ManualClock) -> Iterator[Front]:
    """B in S1, C in S2, D in S3, and actors that have placed an order once."""
    with Front(tmp_path, clock) as front:
        for sku, store_id in (("B", "S1"), ("C", "S2"), ("D", "S3")):
            front.receive(sku, 20, store_id)
        warm_up = front.accept("Reserve", asked_for("w", B=1, C=1, D=1))
        assert warm_up.HasField("order"), warm_up
        settle(front)
        yield front


def counting(front: Front, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The steps that each actor is sent."""
    steps: Counter[str] = Counter()
    call = front.actors.call

    async def noting(actor: str, method: str, *args: Any) -> Any:
        steps[actor] += method == "step"
        return await call(actor, method, *args)

    monkeypatch.setattr(front.actors, "call", noting)
    return steps


def test_as_many_orders_as_there_are_cost_each_actor_one_message_a_round(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = counting(front, monkeypatch)
    rows = [asked_for(f"k{number}", B=1, C=1) for number in range(ORDERS)]

    async def main() -> None:
        assert kinds(await ask(front, *rows)) == ["order"] * ORDERS
        assert +steps == {"store-S1": 1, "store-S2": 1, CUSTOMERS: 1}

    front.run(main)
    again = front.run(lambda: ask(front, *rows))
    assert len({outcome.order.order_id for outcome in again.reply.outcomes}) == ORDERS
    settle(front)
    held = [each for each in customers(front).orders.values() if each.standing is Standing.HELD]
    assert len(held) == ORDERS + 1, "a repeat makes no other order"
    assert (reserved(front, "S1", "B"), reserved(front, "S2", "C")) == (ORDERS + 1, ORDERS + 1)


def test_orders_are_placed_while_another_one_waits_for_its_shop(front: Front) -> None:
    """And it is told as unknown when its time is over, and holds nothing then."""

    async def main() -> Answer:
        gate = hold_steps(front, "store-S3")
        rows = [asked_for("k1", B=1, C=1), asked_for("k2", B=1, D=1), asked_for("k3", B=1, C=1)]
        batch = asyncio.ensure_future(ask(front, *rows))

        async def are_placed() -> bool:
            return len(customers(front).orders) == 3

        await until_async(are_placed, within_s=WAIT_S, what="the others' orders")
        assert not batch.done()
        skip(ORDER_SHARE * TIME_S)
        said = await batch
        gate.set()
        return said

    said = front.run(main)
    assert kinds(said) == ["order", "error", "order"]
    assert said.reply.outcomes[1].error.code == grpc.StatusCode.UNAVAILABLE.value[0]
    settle(front)
    assert (reserved(front, "S1", "B"), reserved(front, "S3", "D")) == (3, 1)


def test_one_that_finds_less_than_it_was_told_goes_on_alone(front: Front) -> None:
    """Of 19 units three orders want 15 together: their plans are made at once, and one of them is refused."""
    rows = [asked_for(f"k{number}", B=units, C=1) for number, units in enumerate((9, 9, 6))]
    said = front.run(lambda: ask(front, *rows))
    assert sorted(kinds(said)) == ["order", "order", "rejection"]
    (refused,) = (outcome.rejection for outcome in said.reply.outcomes if outcome.HasField("rejection"))
    assert refused.reason == error_pb2.REASON_NO_STORE_IN_REACH
    settle(front)
    assert reserved(front, "S2", "C") == 3, "what the refused one had claimed there is free again"
    again = front.run(lambda: ask(front, *rows))
    assert kinds(again) == kinds(said)


def test_the_same_call_twice_in_a_batch_is_one_order(front: Front) -> None:
    said = front.run(lambda: ask(front, *[asked_for("k", B=1, C=1)] * 2, asked_for("l", B=1, C=1)))
    ids = [outcome.order.order_id for outcome in said.reply.outcomes]
    assert ids[0] == ids[1] != ids[2]
    settle(front)
    assert reserved(front, "S1", "B") == 3


def test_a_batch_whose_caller_is_gone_holds_nothing(front: Front) -> None:
    async def main() -> None:
        gate = hold_steps(front, "store-S2")
        batch = asyncio.ensure_future(ask(front, *(asked_for(f"k{number}", B=1, C=1) for number in range(3))))

        async def are_claimed() -> bool:
            return reserved(front, "S1", "B") == 4

        async def are_let_go() -> bool:
            return reserved(front, "S1", "B") == 1

        await until_async(are_claimed, within_s=WAIT_S, what="claims")
        batch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await batch
        gate.set()
        await until_async(are_let_go, within_s=WAIT_S, what="what was claimed is free")

    front.run(main)
    assert front.gateway._router.calls_inside == 0


def test_rows_of_a_call_that_cannot_be_read_are_told_so_beside_orders(front: Front) -> None:
    bad = rs.ReserveRequest()
    bad.CopyFrom(asked_for("k2", B=1))
    bad.lines[0].quantity = 0
    said = front.run(lambda: ask(front, asked_for("k1", B=1, C=1), bad, asked_for("k3", B=1, C=1)))
    assert kinds(said) == ["order", "error", "order"]
    assert "requests[1]." in said.reply.outcomes[1].error.message
    assert hosted(front, "store-S1", "S1").positions["B"].reserved == 3


@pytest.mark.parametrize("late", ["store-S1", "store-S2"])
def test_each_part_is_its_shops_whichever_answers_first(front: Front, late: str) -> None:
    for number in range(3):  # so that the two shops count apart
        front.reserve(f"other {number}", "C", store_id="S2")

    async def main() -> Answer:
        gate = hold_steps(front, late)
        batch = asyncio.ensure_future(ask(front, *(asked_for(f"k{number}", B=1, C=1) for number in range(2))))
        other, sku = ("S2", "C") if late == "store-S1" else ("S1", "B")
        before = reserved(front, other, sku)

        async def are_claimed() -> bool:
            return reserved(front, other, sku) == before + 2

        await until_async(are_claimed, within_s=WAIT_S, what="claims")
        gate.set()
        return await batch

    said = front.run(main)
    assert kinds(said) == ["order", "order"]
    settle(front)
    for outcome in said.reply.outcomes:
        for part in outcome.order.parts:
            request = rs.GetReservationRequest(reservation_id=part.reservation_id)
            assert front.accept("GetReservation", request).reservation.order_id == outcome.order.order_id

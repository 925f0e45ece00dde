"""Calls that end while they claim: what other shops have granted meanwhile is theirs again at once."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from serve.coordination.deliveries import LET_GO_S
from serve.routing.batcher import Overloaded
from tests.gateway.front import Front
from tests.gateway.orders import hosted
from tests.gateway.test_contended_claims import asked_for
from tests.runtime.loop_time import skip, turns
from tests.runtime.runtime_fixture import WAIT_S, ManualClock
from tests.waiting import until_async

TIMEOUT_MS: Final = "2000"


@pytest.fixture
def front(tmp_path: Path, clock: ManualClock) -> Iterator[Front]:
    """Nine of B in S1, and nine of C in S2."""
    with Front(tmp_path, clock) as front:
        front.receive("B", 9, "S1")
        front.receive("C", 9, "S2")
        yield front


def reserved(front: Front, store_id: str, sku: str) -> int:
    return int(hosted(front, f"store-{store_id}", store_id).positions[sku].reserved)


def hold_steps(front: Front, actor: str) -> asyncio.Event:
    """Commands to the actor hang until the event is set; questions do not."""
    gate, call = asyncio.Event(), front.actors.call

    async def held(name: str, method: str, *args: Any) -> Any:
        if name == actor and method == "step":
            await gate.wait()
        return await call(name, method, *args)

    front.actors.call = held  # type: ignore[assignment, method-assign]
    return gate


@pytest.mark.parametrize("cancelled", [False, True])
def test_who_is_cut_off_by_a_slow_shop_holds_nothing_in_the_others(front: Front, cancelled: bool) -> None:
    async def claimed() -> bool:
        return reserved(front, "S1", "B") == 5

    async def let_go() -> bool:
        return not reserved(front, "S1", "B")

    async def placed() -> bool:
        answer = await front.asked("Reserve", asked_for("k", B=5, C=1))
        assert not answer.reply.HasField("rejection"), answer
        return bool(answer.reply.HasField("order"))

    async def main() -> None:
        gate = hold_steps(front, "store-S2")
        for _ in range(3):  # the same call, again and again
            call = asyncio.ensure_future(front.asked("Reserve", asked_for("k", B=5, C=1), timeout_ms=TIMEOUT_MS))
            await until_async(claimed, within_s=WAIT_S, what="a claim")
            if cancelled:
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
            else:
                skip(int(TIMEOUT_MS) / 1_000)
                assert (await call).code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
            await until_async(let_go, within_s=WAIT_S, what="the units of S1")
        gate.set()
        await until_async(placed, within_s=WAIT_S, what="an order")

    front.run(main)
    front.settle_orders()
    assert (reserved(front, "S1", "B"), reserved(front, "S2", "C")) == (5, 1), "claims that came late are barred"


def test_a_shop_with_a_full_queue_locks_no_units_of_the_others(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **_named: Any) -> Any:
        raise Overloaded

    async def let_go() -> None:
        await until_async(is_free, within_s=WAIT_S, what="the units of S1")

    async def is_free() -> bool:
        return not reserved(front, "S1", "B")

    with monkeypatch.context() as patch:
        patch.setattr(front.gateway._router._batcher("store-S2"), "submit", full)
        for number in range(9):
            answer = front.ask("Reserve", asked_for(f"k{number}", B=1, C=1))
            assert answer.code is grpc.StatusCode.UNAVAILABLE
        front.run(let_go)
    assert front.accept("Reserve", asked_for("k0", B=9, C=1)).HasField("order")


async def cut_off(front: Front) -> None:
    """A call that ends while S2 hangs."""
    hold_steps(front, "store-S2")
    call = asyncio.ensure_future(front.asked("Reserve", asked_for("k", B=1, C=1), timeout_ms=TIMEOUT_MS))

    async def claimed() -> bool:
        return reserved(front, "S1", "B") == 1

    await until_async(claimed, within_s=WAIT_S, what="a claim")
    skip(int(TIMEOUT_MS) / 1_000)
    assert (await call).code is grpc.StatusCode.UNAVAILABLE


def test_what_is_let_go_of_behind_a_call_ends_with_its_gateway(front: Front) -> None:
    async def main() -> None:
        await cut_off(front)
        deliveries = front.gateway._reconciler._coordinator.deliveries
        assert len(deliveries._tasks) == 1
        deliveries.close()
        await turns()
        assert not deliveries._tasks

    front.run(main)


def test_a_shop_that_does_not_answer_is_told_for_so_long_and_then_asks(front: Front) -> None:
    async def main() -> None:
        await cut_off(front)

        async def let_go() -> bool:
            return not reserved(front, "S1", "B")

        await until_async(let_go, within_s=WAIT_S, what="the units of S1")
        skip(LET_GO_S)
        await front.gateway._reconciler._coordinator.deliveries.finish()

    front.run(main)

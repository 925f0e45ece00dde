"""What a call costs before its answer: rounds of messages that wait for one another, and durable writes."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from holdfast.v1 import order_pb2, reservation_service_pb2 as rs
from serve.sourcing.search import GATHER_S, Finder
from tests.gateway.front import Front
from tests.gateway.orders import settle
from tests.gateway.test_limits import asked, limit
from tests.runtime.loop_time import turns

TWO_SHOPS: Final = order_pb2.Sourcing(place={}, policy=order_pb2.SOURCING_POLICY_SPLIT)


class Counted:
    """Counts calls that were answered: a round begins with a call that was sent after an answer of the round before."""

    def __init__(self) -> None:
        self.rounds = {"step": 0, "question": 0}
        self.writes = 0
        self._answered = 0

    @contextmanager
    def call(self, method: str, disk: Any) -> Iterator[None]:
        mine = self._answered + 1
        before = _records(disk)
        yield
        if mine > self._answered:
            self._answered = mine
            self.rounds["step" if method == "step" else "question"] += 1
        self.writes += _records(disk) - before


def _records(disk: Any) -> int:
    return 0 if disk is None else sum(map(len, disk.records.values()))


@pytest.fixture
def stocked(front: Front) -> Front:
    """A in S1, B in S2, and actors that have done all of it once."""
    front.receive("B", store_id="S2")
    limit(front, 100)
    for warm_up in (asked("w1"), order("w2")):
        assert not front.accept("Reserve", warm_up).HasField("rejection")
    settle(front)
    limit(front)
    assert front.accept("Reserve", asked("w3")).reservation.reservation_id
    return front


def order(key: str) -> rs.ReserveRequest:
    """One of A and one of B."""
    request = asked(key)
    request.ClearField("store_id")
    request.sourcing.CopyFrom(TWO_SHOPS)
    request.lines.add(sku="B", quantity=1)
    return request


@pytest.mark.parametrize(
    ("limited", "request_of", "questions", "rounds", "writes"),
    [
        pytest.param(False, asked, 0, 1, 1, id="one shop"),
        pytest.param(True, asked, 0, 2, 2, id="one shop under a limit"),
        pytest.param(False, order, 1, 2, 3, id="two shops"),
        pytest.param(True, order, 1, 2, 3, id="two shops under a limit"),
    ],
)
def test_what_a_call_costs_before_its_answer(
    stocked: Front, limited: bool, request_of: Any, questions: int, rounds: int, writes: int
) -> None:
    limit(stocked, *[100] * limited)
    assert stocked.accept("Reserve", asked("w4")).reservation.reservation_id  # the actors have adopted it
    assert not stocked.accept("Reserve", order("w5")).HasField("rejection")
    settle(stocked)

    async def main() -> Counted:
        counted, call = Counted(), stocked.actors.call

        async def counting(actor: str, method: str, *args: Any) -> Any:
            with counted.call(method, stocked.actors.disks.get(actor)):
                return await call(actor, method, *args)

        stocked.actors.call = counting  # type: ignore[method-assign]
        said = await stocked.asked("Reserve", request_of("k1"))
        stocked.actors.call = call  # type: ignore[method-assign]
        assert not said.reply.HasField("rejection"), said
        return counted

    counted = stocked.run(main)
    assert (counted.rounds["question"], counted.rounds["step"], counted.writes) == (questions, rounds, writes)


def test_an_order_that_is_placed_alone_waits_for_nobody(stocked: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are placed beside others ask their shops together, and wait for that."""
    waits: list[float] = []
    ask_soon = Finder._ask_soon

    async def noting(finder: Finder, *args: Any) -> Any:
        waits.append(args[-1])
        return await ask_soon(finder, *args)

    monkeypatch.setattr(Finder, "_ask_soon", noting)
    assert not stocked.accept("Reserve", order("alone")).HasField("rejection")
    assert waits == [0.0]

    async def together() -> None:
        arrived = stocked.actors.hold("store-S1")
        early = [asyncio.ensure_future(stocked.asked("Reserve", order(f"k{number}"))) for number in range(4)]
        await turns()
        late = asyncio.ensure_future(stocked.asked("Reserve", order("k9")))
        await turns()
        arrived.set()
        await asyncio.gather(*early, late)

    stocked.run(together)
    assert waits[1:] == [0.0, GATHER_S]

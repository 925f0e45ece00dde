"""Orders compared with shops while all moves, is lost and killed: what is on its way is never called a fault."""

import asyncio
from contextlib import suppress
from typing import Final

import pytest

from actors.orders import decide
from actors.protocol.messages import LedgerStopped
from holdfast.v1 import admin_service_pb2 as ad
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.services.verification import Comparison
from tests.simulation.chain_world import ChainWorld
from tests.simulation.checks import Broken
from tests.simulation.virtual_loop import VirtualLoop

SEEDS: Final = range(12)
SEEDS_MAX: Final = 20
EVERY_S: Final = 0.2


class Compared(ChainWorld):
    """A world in which somebody compares all the time."""

    comparisons = on_the_way = 0

    async def run(self) -> None:
        whole = asyncio.ensure_future(super().run())
        try:
            while not whole.done():
                await asyncio.sleep(EVERY_S)
                if self.gateways:
                    await self.compare()
            await whole
        finally:
            whole.cancel()

    async def compare(self) -> None:
        reply = ad.VerifyOrdersResponse()
        with suppress(DeadlinePassed, Overloaded, LedgerStopped):
            await Comparison(self.gateways[0].router, asyncio.get_running_loop().time() + 60, reply).run()
            self.comparisons += 1
        assert not reply.discrepancies, f"at {self.now_ms()}: {reply}"
        self.on_the_way += reply.on_the_way


def _run(seed: int) -> Compared:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        world = Compared(seed)
        try:
            runner.run(world.run())
        finally:
            for actor in list(world.actors.made):
                world.actors.kill(actor)
    return world


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_on_its_way_is_no_fault(seed: int) -> None:
    world = _run(seed)
    assert world.comparisons > 10
    assert world.on_the_way > 0, "it looked when there was something to see"


def test_a_comparison_alone_sees_that_orders_are_not_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide, "over_limit", lambda *_, **__: None)
    monkeypatch.setattr(ChainWorld, "look", lambda *_: None)
    monkeypatch.setattr(ChainWorld, "plain", 0.0)
    named = ""
    for seed in range(SEEDS_MAX):
        try:
            _run(seed)
        except (AssertionError, Broken) as caught:
            named = str(caught)
        if "over all shops" in named:
            return
    raise AssertionError(f"nobody named what customers have over all shops: {named}")

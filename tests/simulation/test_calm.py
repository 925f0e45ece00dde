"""What a simulated caller may count on where its world keeps it from ever being answered."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

import pytest

from serve.routing.batcher import DeadlinePassed
from tests.simulation import calm
from tests.simulation.chain_world import ChainWorld
from tests.simulation.checks import Broken
from tests.simulation.gateways import Gateway
from tests.simulation.virtual_loop import VirtualLoop

TAKES_S: Final = 11.0  # of the twelve that an attempt has
PATIENCE_S: Final = 40.0
CALM_S_MAX: Final = 40.0
Attempt = Callable[[ChainWorld, Gateway], Coroutine[Any, Any, Any]]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A calm comes sooner than in others' worlds."""
    monkeypatch.setattr(calm, "PATIENCE_S", PATIENCE_S)
    monkeypatch.setattr(calm, "CALM_S_MAX", CALM_S_MAX)


def asked(attempt: Attempt) -> tuple[ChainWorld, float, Any]:
    """What a caller hears of a call for which a gateway does this, in the worst of worlds; and after how long."""

    async def main() -> tuple[ChainWorld, float, Any]:
        world = ChainWorld(1)
        await world.restart_gateways()
        world.trouble, world.late, world.cut_offs = 0.0, 0.0, False
        await world.receive(world.gateways[0].router, "S1", "A", 1)
        world.trouble, world.late, world.cut_offs = 0.08, 0.3, True
        troubles = asyncio.create_task(world.troubles(world).run())
        try:
            heard: Any = await world.repeat("ann", "k1", lambda gateway, _: attempt(world, gateway))
        except Broken as error:
            heard = error
        troubles.cancel()
        with suppress(asyncio.CancelledError):
            await troubles
        for gateway in world.gateways:
            gateway.close()
        assert (world.trouble, world.late, world.cut_offs) == (0.08, 0.3, True), "for others it is as before"
        return world, asyncio.get_running_loop().time(), heard

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


async def in_a_calm_alone(world: ChainWorld, gateway: Gateway) -> str:
    """Takes nearly all the time that there is, and ends well only where nothing fails meanwhile."""
    befell = sum(world.struck.values()) if world.calm.lasts else -1
    await asyncio.sleep(TAKES_S)
    if not world.calm.lasts or gateway.line.no_chain or sum(world.struck.values()) != befell:
        raise DeadlinePassed(sent=True)
    return "answered"


async def never(*_: Any) -> str:
    """As of a ledger that is stopped."""
    await asyncio.sleep(1.0)
    raise DeadlinePassed(sent=True)


def test_who_was_cut_off_again_and_again_is_answered_in_a_calm() -> None:
    world, took_s, heard = asked(in_a_calm_alone)
    assert heard == "answered"
    assert PATIENCE_S < took_s < PATIENCE_S + CALM_S_MAX
    assert world.struck["calm for a caller"] == 1
    assert world.struck["every gateway restarted"] > 0


def test_what_is_not_answered_in_a_calm_breaks_the_world() -> None:
    _, took_s, heard = asked(never)
    assert isinstance(heard, Broken)
    assert heard.invariant == "I22"
    assert took_s > PATIENCE_S + CALM_S_MAX


def test_who_is_answered_needs_no_calm() -> None:
    async def at_once(*_: Any) -> str:
        return "answered"

    world, took_s, heard = asked(at_once)
    assert heard == "answered"
    assert took_s < PATIENCE_S
    assert not world.struck["calm for a caller"]


def test_a_calm_lasts_as_long_as_one_of_its_callers() -> None:
    world = ChainWorld(1)
    before = world.trouble, world.late, world.cut_offs = 0.08, 0.3, True
    for _ in range(2):
        world.calm.begin()
    world.calm.end()
    assert (world.trouble, world.late, world.cut_offs) == (0.0, 0.0, False)
    world.calm.end()
    assert (world.trouble, world.late, world.cut_offs) == before

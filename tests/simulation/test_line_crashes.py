"""A crash at each step by which one in line is served under a limit of the whole chain, one by one, of either ledger or
of the gateway: the units are held once, by who may have them, and what is counted is what is held. On the second path
the limit forbids the head its units by then, and the next one has them. On the third it is passed over, served again
while there is no limit, and counted by the next one.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.core.policy import ChainLimitRule, Policy
from actors.core.status import ReleaseReason, Status
from actors.orders import decide
from actors.orders.commands import CountHold
from actors.orders.decide_grants import decide_count_hold
from actors.orders.grants import gone_key
from actors.protocol.messages import Held
from actors.shop import commands as shop
from actors.shop.state import Ledger, Reservation
from serve.calls import ENDINGS
from serve.coordination.reconciler import CLAIM_AGE_MS
from serve.services.reservation_batches import RESERVE
from tests.simulation.chain_checks import check_compared, check_journals, check_sums, unheard
from tests.simulation.chain_world import ChainWorld
from tests.simulation.checks import Broken
from tests.simulation.gateways import STEP, Gateway
from tests.simulation.struck import StruckOnce
from tests.simulation.virtual_loop import VirtualLoop

# What goes to actors from when the units come free, in its sequence.
STEPS: Final = ("release", "ask for the grant", "serve", "report", "acknowledge")
REFUSED_STEPS: Final = ("release", "ask for the grant", "have the head leave", "ask for the next", "serve", "report")
COUNTED_STEPS: Final = ("count", "acknowledge")
CRASHES: Final = ("call lost", "answer lost", "shop killed", "customers killed", "all killed", "gateway gone")
HOUR_MS: Final = 3_600_000
LIMITED: Final = Policy(version=3, chain_limit_rules=(ChainLimitRule("", "A", 0, 1, 0),))


Drive = Callable[[ChainWorld, Gateway], Coroutine[Any, Any, None]]


class Struck(StruckOnce):
    """Of the shop, of the customers' ledgers, of both, or of the gateway with its reconciler."""

    gateway: Gateway

    def lose_gateway(self) -> None:
        super().lose_gateway()
        self.gateway.close()

    def is_killed(self, actor: str) -> bool:
        begins = "shop" if actor.startswith("store") else "customers"
        return self.crash == "all killed" or self.crash.startswith(begins)


def the_shop(world: ChainWorld) -> Ledger:
    ledger = world.actors.process("store-S1").host.stale_read("S1")
    assert isinstance(ledger, Ledger)
    return ledger


def standing(world: ChainWorld, number: int) -> Status | None:
    found = the_shop(world).reservations.get(number)
    return None if found is None else found.status


async def _reserve(gateway: Gateway, who: str, store_id: str = "S1", wait_ms: int = 0) -> int:
    command = shop.Reserve(f"{who} {store_id}", who, "app", "", (("A", 1),), 0, wait_ms=wait_ms)
    answer = await gateway.decide(RESERVE, (store_id, command), asyncio.get_running_loop().time() + 8)
    await gateway.grants.finish()
    assert isinstance(answer, Held | Reservation)
    return answer.number


async def _serve(world: ChainWorld, gateway: Gateway, first: int, waiting: int) -> None:
    """The units come free, and are held for who waits."""
    release = shop.Release(f"release {first}", first, ReleaseReason.CUSTOMER_CANCELLED, ())
    await gateway.decide(STEP, ("S1", release), asyncio.get_running_loop().time() + 8)
    while standing(world, waiting) is not Status.HELD:
        await gateway.reconciler.collect_reports()
        await asyncio.sleep(0.5)


async def _begun(step: int, crash: str) -> tuple[ChainWorld, Gateway]:
    """A world without any other trouble, with one unit, under a limit of one."""
    world = ChainWorld(7)
    world.trouble, world.late, world.delay_s = 0.0, 0.0, 0.001
    world.adopt(LIMITED)
    world.actors = Struck(world, step, crash)
    gateway = Gateway(world)
    await gateway.router.start()
    await world.receive(gateway.router, "S1", "A", 1)
    return world, gateway


async def _whoever_goes(world: ChainWorld, gateway: Gateway, drive: Drive) -> Gateway:
    """Strikes at a step of what is driven, which other gateways go on with; the last one."""
    actors, loop = world.actors, asyncio.get_running_loop()
    assert isinstance(actors, Struck)
    actors.armed = True
    for _ in range(20):
        actors.gateway = gateway
        actors.driver = loop.create_task(drive(world, gateway))
        with suppress(asyncio.CancelledError, *ENDINGS):  # whoever carried it is gone, and others go on
            await actors.driver
            break
        gateway.close()
        gateway = Gateway(world)
        await gateway.router.start()
    assert actors.seen >= actors.step, f"step {actors.step} was never sent"
    actors.armed = False
    return gateway


async def _told(world: ChainWorld, gateway: Gateway) -> None:
    """What nobody has reported is asked for, and all agree."""
    world.skipped_ms += CLAIM_AGE_MS + 1
    for _ in range(3):
        await gateway.reconciler.deliver()
        await gateway.reconciler.collect_reports()
        await asyncio.sleep(1)
    assert not unheard(world.actors)
    await check_compared(gateway.router)
    gateway.close()


async def _struck(step: int, crash: str, *, is_refused: bool) -> tuple[ChainWorld, list[int]]:
    world, gateway = await _begun(step, crash)
    await world.receive(gateway.router, "S2", "A", 1)
    first = await _reserve(gateway, "cid")
    waiting = [await _reserve(gateway, who, wait_ms=HOUR_MS) for who in ("ann", "bob")]
    if is_refused:
        await _reserve(gateway, "ann", "S2")
    gateway = await _whoever_goes(world, gateway, partial(_serve, first=first, waiting=waiting[is_refused]))
    await _told(world, gateway)
    return world, waiting


def _check(world: ChainWorld, waiting: list[int], expected: tuple[Status | None, Status | None]) -> None:
    ledger = the_shop(world)
    assert tuple(standing(world, each) for each in waiting) == expected
    assert (ledger.positions["A"].on_hand, ledger.positions["A"].reserved) == (1, 1)
    check_sums(world.actors)
    check_journals(world.actors.disks, {"S1": ledger})
    for actor in list(world.actors.made):
        world.actors.kill(actor)


def _run(step: int, crash: str, *, is_refused: bool) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_struck(step, crash, is_refused=is_refused))


@pytest.mark.parametrize("crash", CRASHES)
@pytest.mark.parametrize("step", range(len(STEPS)), ids=STEPS)
def test_who_waits_is_served_once_whoever_goes(step: int, crash: str) -> None:
    world, waiting = _run(step, crash, is_refused=False)
    _check(world, waiting, (Status.HELD, Status.QUEUED))


@pytest.mark.parametrize("crash", CRASHES)
@pytest.mark.parametrize("step", range(len(REFUSED_STEPS)), ids=REFUSED_STEPS)
def test_whom_the_limit_refuses_makes_way_whoever_goes(step: int, crash: str) -> None:
    world, waiting = _run(step, crash, is_refused=True)
    _check(world, waiting, (None, Status.HELD))


async def _count(world: ChainWorld, gateway: Gateway) -> None:
    """The new limit is heard of, and what is held is told."""
    for _ in range(20):
        await gateway.router.refresh_chain(asyncio.get_running_loop().time() + 8)
        await gateway.reconciler.collect_reports()
        for process in list(world.actors.made.values()):
            process._bind_the_quiet()
        if any(each.grant for each in the_shop(world).reservations.values()):
            return
        await asyncio.sleep(0.5)


async def _served_again(step: int, crash: str) -> tuple[ChainWorld, list[int]]:
    world, gateway = await _begun(step, crash)
    first = await _reserve(gateway, "cid")
    waiting = [await _reserve(gateway, who, wait_ms=6 * HOUR_MS) for who in ("ann", "bob")]
    await _serve(world, gateway, first, waiting[0])
    world.skipped_ms += LIMITED.hold_ms("app", (("A", 1),), "S1")  # ann does not take it up, and is passed over
    while standing(world, waiting[1]) is not Status.HELD:
        await gateway.reconciler.collect_reports()
        await asyncio.sleep(0.5)
    await gateway.reconciler.collect_reports()
    assert standing(world, waiting[0]) is Status.QUEUED
    world.adopt(Policy(version=4))
    await gateway.router.refresh_chain(asyncio.get_running_loop().time() + 8)
    await _serve(world, gateway, waiting[1], waiting[0])
    assert not any(each.grant for each in the_shop(world).reservations.values())
    world.adopt(replace(LIMITED, version=5))
    gateway = await _whoever_goes(world, gateway, _count)
    await _told(world, gateway)
    return world, waiting


@pytest.mark.parametrize("crash", CRASHES)
@pytest.mark.parametrize("step", range(len(COUNTED_STEPS)), ids=COUNTED_STEPS)
def test_who_is_served_again_without_a_limit_is_counted_by_the_next_whoever_goes(step: int, crash: str) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        world, waiting = runner.run(_served_again(step, crash))
    _check(world, waiting, (Status.HELD, None))


def test_a_hold_that_is_taken_for_gone_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """For ten minutes it counted for nothing, as what was told of it before may come late."""

    def gone(ledger: Any, hold: CountHold) -> Any:
        known = ledger.answers.noted(gone_key(hold.store_id, hold.reservation))
        return () if known else decide_count_hold(ledger, hold)

    monkeypatch.setattr(decide, "decide_count_hold", gone)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner, pytest.raises(Broken, match="I22"):
        runner.run(_served_again(0, "call lost"))

"""A crash at each step of a sale of a hot SKU, one by one, of either end or of the gateway: whoever asks again gets the
same answer, and each unit is in one place. The second path is under a limit of the chain, with a basket that fetches
units back, and a demotion in the middle, behind which the closed ledger is asked for its word and a hold moves.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.core.chain import SkuDemoted, SkuPromoted, evolve_chain
from actors.core.ids import is_hot, sku_of_ledger
from actors.core.policy import ChainLimitRule
from actors.core.rejection import Reason
from actors.core.status import LIVE, Status
from actors.protocol.messages import Answer, Held, Refusal
from actors.shop import commands as shop
from actors.shop.state import Reservation
from serve.calls import ENDINGS, failure_of
from tests.shop.hot_ends import across_hot
from tests.simulation.chain_checks import check_journals, check_sums
from tests.simulation.gateways import Gateway
from tests.simulation.hot_callers import HOT, SKU, HotWorld
from tests.simulation.struck import StruckOnce
from tests.simulation.transfer_callers import audits
from tests.simulation.virtual_loop import VirtualLoop

# What goes to actors for one hold that is confirmed, and then for the rest to come home, in its sequence.
STEPS: Final = (
    "ask the shop",
    "ask the ledger of the SKU, which has no units",
    "hand units over",
    "receive them",
    "hold",
    "move out",
    "move in",
    "confirm",
    "note that it moved",
    "give back",
    "take back",
)
CRASHES: Final = ("call lost", "answer lost", "shop killed", "hot ledger killed", "all killed", "gateway gone")
CRASHES_LIMITED: Final = (*CRASHES, "customers killed")
STEPS_MIN: Final = 35  # of the second path


class Struck(StruckOnce):
    """Of a shop, of the ledger of the SKU, of customers' ledgers, or of all."""

    def is_killed(self, actor: str) -> bool:
        begins = "shop" if actor.startswith("store") else "hot" if actor.startswith("hot") else "customers"
        return self.crash == "all killed" or self.crash.startswith(begins)


async def _sell(gateway: Gateway, end: float) -> Any:
    """One unit is held and confirmed, then the SKU is demoted and its units come home."""
    command = shop.Reserve("k", "ann", "web", "", ((SKU, 1),), 0)
    where, held = await gateway.hot.reserve(("S1", command), end, is_first=False)
    assert isinstance(held, Held)
    assert where == HOT
    _, confirmed = await gateway.hot.step((where, shop.Confirm("c", held.number, 0)), end)
    assert isinstance(confirmed, Reservation)
    await gateway.units.give_back(("S1", SKU), 0, end)
    return held, confirmed


async def _struck(step: int, crash: str) -> HotWorld:
    world = HotWorld(7)
    world.trouble, world.late, world.delay_s = 0.0, 0.0, 0.001
    world.adopt(replace(world.chain.policy, version=3, chain_limit_rules=()))
    world.chain = evolve_chain(world.chain, SkuPromoted(SKU, True, world.now_ms()))
    actors = world.actors = Struck(world, step, crash)
    gateway = Gateway(world)
    await gateway.router.start()
    await world.receive(gateway.router, "S1", SKU, 3)
    actors.armed = True
    loop, answers = asyncio.get_running_loop(), list[Any]()
    for _ in range(20):
        actors.driver = asyncio.ensure_future(_sell(gateway, loop.time() + 8))
        with suppress(asyncio.CancelledError, *ENDINGS):  # whoever asked does not know, and asks again
            answers.append(await actors.driver)
            if len(answers) == 2:
                break
        await asyncio.sleep(0.1)
    assert actors.seen >= step, f"step {step} was never sent"
    actors.armed = False
    assert answers[0] == answers[1], "the same answers once more"
    world.chain = evolve_chain(world.chain, SkuDemoted(SKU, world.now_ms()))
    gateway.reconcile()
    await gateway.units.give_back(("S1", SKU), 0, loop.time() + 8)
    await asyncio.sleep(10)
    gateway.close()
    return world


@pytest.mark.parametrize("crash", CRASHES)
@pytest.mark.parametrize("step", range(len(STEPS)), ids=STEPS)
def test_a_sale_is_finished_whoever_goes(step: int, crash: str) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        world = runner.run(_struck(step, crash))
    shop_ledger = world.actors.process("store-S1").host.stale_read("S1")
    position = shop_ledger.positions[SKU]
    assert (position.on_hand, position.reserved, position.allotted) == (3, 1, 0)
    assert [each.status for each in shop_ledger.reservations.values()] == [Status.CONFIRMED]
    found = audits(world.actors.disks)
    of_skus = {sku_of_ledger(each): found.pop(each) for each in list(found) if is_hot(each)}
    assert not list(across_hot(found, of_skus))
    hot = next(process for name, process in world.actors.made.items() if name.startswith("hot"))
    assert not hot.host.stale_read(HOT).hot.moving
    check_journals(world.actors.disks, {"S1": shop_ledger})
    for actor in list(world.actors.made):
        world.actors.kill(actor)


def _sure(answer: Answer) -> Any:
    """The answer, if it is one. Raises what stands in its place."""
    failure = failure_of(answer)
    if failure is not None:
        raise failure
    return answer


async def _sell_under_a_limit(world: HotWorld, gateway: Gateway, end: float) -> Any:
    """One for each customer: the second call of one is refused, whichever shop it names. Then a basket, a demotion, one
    more customer, and the first hold gets more time, in its shop from then on.
    """

    async def reserve(store_id: str, key: str, customer: str, *more: tuple[str, int], basket: str = "") -> Any:
        command = shop.Reserve(key, customer, "web", basket, ((SKU, 1), *more), 0)
        where, answer = await gateway.hot.reserve((store_id, command), end, is_first=False)
        return where, _sure(answer)

    where, held = await reserve("S1", "k", "ann")
    _, refused = await reserve("S2", "k2", "ann")
    _, basket = await reserve("S1", "b", "bob", ("B", 1), basket="bb")
    if world.chain.hot[SKU].is_open:
        world.chain = evolve_chain(world.chain, SkuDemoted(SKU, world.now_ms()))
    await gateway.router.refresh_chain(end)
    last_where, last = await reserve("S1", "k3", "cid")
    extend = where, shop.Extend("e", held.number, 60_000)
    if is_hot(where):
        _, extended = await gateway.hot.step(extend, end)
    else:
        extended = await gateway.router.send(extend, end, promise=True)
    extended = _sure(extended)
    assert isinstance(refused, Refusal)
    assert refused.rejection.reason is Reason.UNITS_LIMIT
    return (where, held.number), basket.number, (last_where, last.number), (extended.number, extended.status)


async def _struck_under_a_limit(step: int, crash: str) -> int:
    """Crash once at this step, or never where there are fewer; returns how many there are."""
    world = HotWorld(7)
    world.trouble, world.late, world.delay_s = 0.0, 0.0, 0.001
    world.adopt(replace(world.chain.policy, version=3, chain_limit_rules=(ChainLimitRule("", SKU, 0, 1, 0),)))
    world.chain = evolve_chain(world.chain, SkuPromoted(SKU, True, world.now_ms()))
    actors = world.actors = Struck(world, step, crash)
    gateway = Gateway(world)
    await gateway.router.start()
    for store_id in ("S1", "S2"):
        await world.receive(gateway.router, store_id, SKU, 3)
    more = shop.Movement("B", 3, 1, shop.AdjustmentKind.RECEIPT, 0)
    await world.persist(gateway.router, "S1", shop.AdjustStock("more", "dock 2", (more,)))
    actors.armed = True
    loop, answers = asyncio.get_running_loop(), list[Any]()
    for _ in range(25):
        actors.driver = asyncio.ensure_future(_sell_under_a_limit(world, gateway, loop.time() + 8))
        with suppress(asyncio.CancelledError, *ENDINGS):
            answers.append(await actors.driver)
            if len(answers) == 2:
                break
        await asyncio.sleep(0.1)
    actors.armed = False
    assert answers[0] == answers[1], "the same answers once more"
    gateway.reconcile()
    for store_id in ("S1", "S2"):
        await gateway.units.give_back((store_id, SKU), 0, loop.time() + 8)
    await asyncio.sleep(10)
    gateway.close()
    _three_are_held(world)
    return actors.seen


def _three_are_held(world: HotWorld) -> None:
    """Of S1, by the shop and the ledger of the SKU together, each unit at one of the two."""
    actors = world.actors
    of_shop = actors.process("store-S1").host.stale_read("S1")
    of_sku = actors.process(next(name for name in actors.known if name.startswith("hot"))).host.stale_read(HOT)
    mine = (each for each in of_sku.reservations.values() if each.lines[0][0] == "S1" and each.status in LIVE)
    there = sum(each.held()[0] for each in mine)
    position = of_shop.positions[SKU]
    assert (position.on_hand, position.reserved + there, position.allotted) == (3, 3, there)
    check_sums(actors)
    found = audits(actors.disks)
    of_skus = {sku_of_ledger(each): found.pop(each) for each in list(found) if is_hot(each)}
    assert not list(across_hot(found, of_skus))
    check_journals(actors.disks, {"S1": of_shop})
    for actor in list(actors.made):
        actors.kill(actor)


@pytest.mark.parametrize("crash", CRASHES_LIMITED)
def test_a_sale_under_a_limit_is_finished_whoever_goes(crash: str) -> None:
    for step in range(100):
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            if runner.run(_struck_under_a_limit(step, crash)) < step:
                break
    assert step > STEPS_MIN, "the path has become shorter than its steps"

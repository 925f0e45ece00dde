"""A crash at each step of a sale of a hot SKU, one by one, of either end or of the gateway: whoever asks again gets the
same answer, and each unit is in one place.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.core.chain import SkuDemoted, SkuPromoted, evolve_chain
from actors.core.ids import is_hot, sku_of_ledger
from actors.core.status import Status
from actors.protocol.messages import Held
from actors.shop import commands as shop
from actors.shop.audit_hot import across_hot
from actors.shop.state import Reservation
from serve.calls import ENDINGS
from tests.simulation.chain_checks import check_journals
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
CRASHES: Final = ("call lost", "answer lost", "shop killed", "hot ledger killed", "both killed", "gateway gone")


class Struck(StruckOnce):
    """Of a shop, of the ledger of the SKU, or of both."""

    def is_killed(self, actor: str) -> bool:
        return self.crash == "both killed" or self.crash.startswith("hot" if actor.startswith("hot") else "shop")


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

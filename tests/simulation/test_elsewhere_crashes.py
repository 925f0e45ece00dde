"""A crash at each step by which what a picker misses comes to be held in another shop, one by one, of either shop, of
all actors or of the gateway. Nobody asks again until all rests: the customer has the units there once, whoever goes on;
and where staff did not wait, nowhere.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final

import pytest

from actors.core.ids import ledger_of_customer
from actors.core.policy import ChainLimitRule, Policy
from actors.core.status import Status
from actors.orders import commands as cm
from actors.shop.commands import Confirm, Reserve
from actors.shop.picking.pick_task import ClaimPick
from actors.shop.shortfalls.shortfall import Resolution, ResolveShortfall, ShortfallTask
from actors.shop.state import Ledger
from holdfast.v1 import pick_pb2, pick_service_pb2 as ps
from serve.calls import ENDINGS
from serve.coordination.reconciler import CLAIM_AGE_MS
from serve.products.table import ProductFile
from serve.services.picking import Picking
from serve.services.reservation_batches import RESERVE
from serve.services.store_directory import StoreDirectory
from serve.sourcing.search import Finder
from tests.simulation.chain_checks import check_compared, check_journals, check_sums, unheard
from tests.simulation.chain_world import ChainWorld
from tests.simulation.gateways import STEP, Gateway
from tests.simulation.struck import StruckOnce
from tests.simulation.virtual_loop import VirtualLoop

# What goes to actors, in its sequence, where the first shop has the units, where only the second one has, and where a
# limit of the whole chain counts what the first one has let go of.
STEPS: Final = {
    "had": ("short", "hold", "confirm", "close"),
    "refused": ("short", "ask the first", "note that it refused", "hold", "confirm", "close"),
    "limited": ("short", "report", "acknowledge", "grant", "hold", "confirm", "close"),
    "order": (
        *("short", "report", "acknowledge", "report again", "acknowledge again", "add", "claim", "commit"),
        *("apply to the other part", "apply to the new one", "report both", "close"),
    ),
    "whole order": (
        *("short", "report", "acknowledge", "report again", "acknowledge again", "add", "hold", "confirm", "close"),
    ),
}
OF_ORDERS: Final = {"order": {"S1": 2, "S3": 1}, "whole order": {"S1": 2}}
CRASHES: Final = ("call lost", "answer lost", "here killed", "there killed", "all killed", "gateway gone")
MOST: Final = 2  # that the customer may have, where there is a limit
CASES: Final = [(path, step) for path, steps in STEPS.items() for step in range(len(steps))]


class Struck(StruckOnce):
    """Of the shop that misses the units, of the one that is to have them, of all actors, or of the gateway."""

    gateway: Gateway

    def lose_gateway(self) -> None:
        super().lose_gateway()
        self.gateway.close()

    def is_killed(self, actor: str) -> bool:
        ends = {"store-S1": "here", "store-S2": "there", "store-S3": "there"}
        return self.crash == "all killed" or self.crash == f"{ends.get(actor)} killed"


class Told(Picking):
    """What sourcing knew is not true any more: the first of the shops has nothing."""

    async def _near(self, *_: Any) -> tuple[str, ...]:
        return "S3", "S2"


async def _confirmed(gateway: Gateway, deadline: float) -> int:
    """Two units in S1 that a picker is at."""
    asked = Reserve("k", "ann", "app", "", (("A", 2),), 0)
    held: Any = await gateway.decide(RESERVE, ("S1", asked), deadline)
    await gateway.grants.finish()
    await gateway.decide(STEP, ("S1", Confirm("c", held.number, 0)), deadline)
    await gateway.router.send(("S1", ClaimPick("p", held.number, "eva", 0)), deadline, promise=True)
    return int(held.number)


async def _ordered(gateway: Gateway, units: dict[str, int], deadline: float) -> int:
    """The same as a part of an order."""
    plans = tuple(cm.Plan(store_id, (("A", count),), 0) for store_id, count in units.items())
    order: Any = await gateway.coordinator.open(cm.Open("o", "x", "ann", "app", 0, plans, (), ""), deadline)
    await gateway.coordinator.step(ledger_of_customer("ann"), cm.Confirm("c", order.number, 0, cm.NO_HOURS), deadline)
    number = int(order.parts[0].reservation)
    await gateway.router.send(("S1", ClaimPick("p", number, "eva", 0)), deadline, promise=True)
    return number


async def _ask(gateway: Gateway, world: ChainWorld, path: str, number: int) -> ps.ShortPickTaskResponse:
    kind, router = Told if path == "refused" else Picking, gateway.router
    of = StoreDirectory(router), gateway.units, gateway.reconciler, ProductFile(None), Finder(router, world)
    request = ps.ShortPickTaskRequest(
        idempotency_key="s",
        reservation_id=f"S1:{number}",
        picker_id="eva",
        sku="A",
        quantity=2,
        choice=pick_pb2.SHORT_CHOICE_ELSEWHERE,
    )
    reply = ps.ShortPickTaskResponse()
    call = kind(router, *of).calls["ShortPickTask"]
    await call.answer(request, asyncio.get_running_loop().time() + 8, reply)
    return reply


async def _begun(path: str, step: int, crash: str) -> tuple[ChainWorld, Struck, int]:
    """A world after the crash of a short pick, the actors of which go on, and the number of what was picked."""
    world = ChainWorld(7)
    world.trouble, world.late, world.delay_s = 0.0, 0.0, 0.001
    limits = (ChainLimitRule("", "A", 0, MOST, 0),) if path == "limited" else ()
    world.adopt(Policy(version=3, picks=True, chain_limit_rules=limits))
    actors = world.actors = Struck(world, step, crash)
    gateway = actors.gateway = Gateway(world)
    await gateway.router.start()
    for store_id in ("S1", "S2"):
        await world.receive(gateway.router, store_id, "A", 5)
    loop = asyncio.get_running_loop()
    if (units := OF_ORDERS.get(path)) is None:
        number = await _confirmed(gateway, loop.time() + 8)
    else:
        await world.receive(gateway.router, "S3", "A", 1)
        number = await _ordered(gateway, units, loop.time() + 8)
    actors.armed = True
    actors.driver = loop.create_task(_ask(gateway, world, path, number))
    with suppress(asyncio.CancelledError, *ENDINGS):
        await actors.driver
    actors.armed = False
    assert actors.seen >= step, f"step {step} was never sent"
    gateway.close()
    return world, actors, number


async def _struck(path: str, step: int, crash: str) -> tuple[ChainWorld, ps.ShortPickTaskResponse]:
    world, actors, number = await _begun(path, step, crash)
    gateway = Gateway(world)
    await gateway.router.start()
    world.skipped_ms += CLAIM_AGE_MS + 1
    for _ in range(3):
        await gateway.reconciler.deliver()
        await gateway.reconciler.collect_reports()
        await asyncio.sleep(1)
    if not step:  # it may never have arrived
        await _ask(gateway, world, path, number)
    versions = [ledger.version for ledger in world.shops()]
    answer = await _ask(gateway, world, path, number)
    assert [ledger.version for ledger in world.shops()] == versions, "all was done before"
    await gateway.grants.finish()
    await gateway.reconciler.collect_reports()
    assert not unheard(actors)
    await check_compared(gateway.router)
    gateway.close()
    return world, answer


@pytest.mark.parametrize("crash", CRASHES)
@pytest.mark.parametrize(("path", "step"), CASES, ids=[f"{path}: {STEPS[path][step]}" for path, step in CASES])
def test_the_customer_has_the_units_there_once_whoever_goes(path: str, step: int, crash: str) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        world, answer = runner.run(_struck(path, step, crash))
    where = answer.pick_task.elsewhere
    assert (where.store_id, where.applied) == ("S2", pick_pb2.SHORT_CHOICE_ELSEWHERE)
    ledgers: dict[str, Ledger] = {ledger.ledger_id: ledger for ledger in world.shops()}
    here, there = ledgers["S1"], ledgers["S2"]
    assert [(each.status, each.lines) for each in there.reservations.values()] == [(Status.CONFIRMED, (("A", 2),))]
    assert (here.positions["A"].on_hand, here.positions["A"].reserved, there.positions["A"].reserved) == (3, 0, 2)
    assert [(task.resolution, task.moved_to) for task in here.tasks.rows.values()] == [
        (Resolution.MOVED, where.reservation_id)
    ]
    check_sums(world.actors)
    check_journals(world.actors.disks, {"S1": here, "S2": there})
    for actor in list(world.actors.made):
        world.actors.kill(actor)


async def _given_up(path: str, step: int, later: int) -> ChainWorld:
    """The gateway of the short pick goes at a step; staff does not wait; all actors are killed at a `later` step."""
    world, actors, _ = await _begun(path, step, "gateway gone")
    gateway = actors.gateway = Gateway(world)
    await gateway.router.start()
    (task,) = {ledger.ledger_id: ledger for ledger in world.shops()}["S1"].tasks.rows.values()
    close = ResolveShortfall("staff", task.number, Resolution.RELEASED)
    loop = asyncio.get_running_loop()
    answer: Any = await gateway.router.send(("S1", close), loop.time() + 8, promise=True)
    assert isinstance(answer, ShortfallTask)
    world.skipped_ms += CLAIM_AGE_MS + 1
    actors.seen, actors.step, actors.crash, actors.armed = -1, later, "all killed", True
    for _ in range(4):
        await gateway.reconciler.deliver()
        await gateway.reconciler.collect_reports()
        await asyncio.sleep(1)
    assert actors.seen >= later, f"step {later} was never sent"
    actors.armed = False
    for stale in (task, answer):  # what comes late, of a gateway that has not heard
        await gateway.reconciler.elsewhere.move("S1", stale, loop.time() + 8)
    await gateway.reconciler.collect_reports()
    assert not unheard(actors)
    await check_compared(gateway.router)
    gateway.close()
    return world


# Until the close itself, which would have been the end.
_CUT: Final = [(path, step) for path in ("had", "order") for step in range(len(STEPS[path]) - 1)]


@pytest.mark.parametrize("later", range(3))
@pytest.mark.parametrize(("path", "step"), _CUT, ids=[f"{path}: {STEPS[path][step]}" for path, step in _CUT])
def test_what_staff_gives_up_is_let_go_of_whoever_goes(path: str, step: int, later: int) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        world = runner.run(_given_up(path, step, later))
    ledgers: dict[str, Ledger] = {ledger.ledger_id: ledger for ledger in world.shops()}
    here, there = ledgers["S1"], ledgers["S2"]
    assert not there.reservations
    assert (here.positions["A"].on_hand, here.positions["A"].reserved, there.positions["A"].reserved) == (3, 0, 0)
    assert [(task.resolution, task.near) for task in here.tasks.rows.values()] == [(Resolution.RELEASED, ())]
    assert not here.tasks.moving
    check_sums(world.actors)
    check_journals(world.actors.disks, ledgers)
    for actor in list(world.actors.made):
        world.actors.kill(actor)

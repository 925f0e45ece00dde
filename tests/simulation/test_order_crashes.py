"""A crash at each step of an order over two shops, one by one: whoever asks again gets the whole of it, once."""

import asyncio
from contextlib import suppress
from typing import Any, Final

import pytest

from actors.core.ids import ledger_of_customer
from actors.core.rejection import Reason, Rejection
from actors.core.status import ReleaseReason, Status
from actors.customer_actor import NEW_MS
from actors.orders import commands as cm
from actors.orders.state import Order, Standing
from actors.protocol.placement import Placement
from serve.coordination.coordinator import Coordinator
from serve.coordination.grants import Grants
from serve.coordination.reconciler import CLAIM_AGE_MS, Reconciler
from serve.routing.batcher import DeadlinePassed
from serve.routing.router import Router
from tests.simulation.chain_checks import check_journals
from tests.simulation.chain_world import ChainWorld
from tests.simulation.sim_actors import SimActors
from tests.simulation.struck import StruckOnce
from tests.simulation.virtual_loop import VirtualLoop

# What goes to actors for one order over two shops, in the sequence in which it is sent.
STEPS: Final = (
    "claim in the first shop",
    "claim in the second shop",
    "place",
    "apply in the first shop",
    "apply in the second shop",
    "note",
)
# The same where it moves from the first shop, which keeps one of two, to another: who gives back hears first.
AMEND_STEPS: Final = (
    "open the change",
    "claim in the new shop",
    "commit",
    "apply in the first shop",
    "apply in the second shop",
    "note",
    "apply in the new shop",
    "note the new shop",
)
CRASHES: Final = ("call lost", "answer lost", "actor killed before", "actor killed after", "gateway gone")
PLANS: Final = (cm.Plan("S1", (("A", 2),), 0), cm.Plan("S2", (("A", 1),), 0))
CHANGE: Final = (cm.Plan("S1", (("A", 1),), 0), cm.Plan("S3", (("A", 1),), 0))


class Struck(StruckOnce):
    """A crash of the actor that is called, or of the gateway with its coordinator."""

    gateway: Coordinator

    def lose_gateway(self) -> None:
        super().lose_gateway()
        self.gateway.close()

    def is_killed(self, actor: str) -> bool:
        return self.crash == "actor killed after" and actor == self.called


async def _struck(
    step: int, crash: str, *, amends: bool = False
) -> tuple[ChainWorld, Order | Rejection, Order | Rejection]:
    world = ChainWorld(7)
    world.trouble, world.late, world.delay_s = 0.0, 0.0, 0.001
    actors = world.actors = Struck(world, step, crash)
    router = Router(actors, Placement(0, 2))
    await router.start()
    coordinator = actors.gateway = Coordinator(router, world, world.draw)
    for store_id in ("S1", "S2", "S3"):
        await world.receive(router, store_id, "A", 5)
    # A shop of this world has a limit of the channel "web", for which what was claimed before a crash still counts.
    opened = cm.Open("k", "x", "ann", "app", 0, PLANS, (), "")
    loop = asyncio.get_running_loop()

    async def ask(asked: Coordinator) -> Order | Rejection:
        if amends:
            return await asked.amend(ledger_of_customer("ann"), change, loop.time() + 8)
        return await asked.open(opened, loop.time() + 8)

    # The customers' actor has the rules: they are not handed over in between.
    await coordinator.fan_out(ledger_of_customer("ann"), cm.FanOut("f", "x", 999), loop.time() + 8)
    if amends:
        before = await coordinator.open(opened, loop.time() + 8)
        change = cm.Amend("c", "y", before.number, CHANGE, 0)
        await coordinator.deliveries.finish()
    actors.armed = True
    actors.driver = loop.create_task(ask(coordinator))
    with suppress(asyncio.CancelledError, DeadlinePassed):  # whoever asked does not know, and asks another gateway
        await actors.driver
        await coordinator.deliveries.finish()
    assert actors.seen >= step, f"step {step} was never sent"
    actors.armed = False
    other = Coordinator(router, world, world.draw)
    answer = await ask(other)
    again = await ask(other)
    reconciler = Reconciler(router, other, Grants(router))
    # Whoever answered would have told the shops by then, and who claimed would have placed it.
    await asyncio.sleep((NEW_MS + CLAIM_AGE_MS) / 1_000)
    await reconciler.deliver()
    await reconciler.collect_reports()
    router.close()
    return world, answer, again


def _held(world: ChainWorld) -> dict[str, list[tuple[Status, tuple[int, ...]]]]:
    """What each shop holds, reservation by reservation."""
    return {
        ledger.ledger_id: [
            (reservation.status, reservation.held())
            for reservation in ledger.reservations.values()
            if any(reservation.held())
        ]
        for ledger in world.shops()
    }


@pytest.mark.parametrize("crash", CRASHES)
@pytest.mark.parametrize("step", range(len(STEPS)), ids=STEPS)
def test_a_crash_at_any_step_ends_whole(step: int, crash: str) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        world, answer, again = runner.run(_struck(step, crash))
        assert isinstance(answer, Order), answer
        assert answer.standing is Standing.HELD
        assert again == answer
        held = _held(world)
        assert held["S1"] == [(Status.HELD, (2,))]
        assert held["S2"] == [(Status.HELD, (1,))]
        check_journals(world.actors.disks, {})
        for actor in list(world.actors.made):
            world.actors.kill(actor)


@pytest.mark.parametrize("crash", CRASHES)
@pytest.mark.parametrize("step", range(len(AMEND_STEPS)), ids=AMEND_STEPS)
def test_a_crash_at_any_step_of_a_change_ends_whole(step: int, crash: str) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        world, answer, again = runner.run(_struck(step, crash, amends=True))
        assert isinstance(answer, Order), answer
        assert again == answer
        held = _held(world)
        assert held["S1"] == held["S2"] == held["S3"] == [(Status.HELD, (1,))]
        check_journals(world.actors.disks, {})
        for actor in list(world.actors.made):
            world.actors.kill(actor)


@pytest.mark.parametrize("seed", range(20))
def test_of_orders_that_claim_each_others_units_one_is_served(seed: int) -> None:
    """One unit in each of two shops, and three callers that want both: nobody waits, and nobody is told sold out while
    all have let go.
    """

    async def main() -> list[Order | Rejection]:
        world = ChainWorld(seed)
        world.trouble, world.delay_s = 0.0, 0.02
        router = Router(world.actors, Placement(0, 2))
        await router.start()
        for store_id in ("S1", "S2"):
            await world.receive(router, store_id, "A", 1)
        plans = (cm.Plan("S1", (("A", 1),), 0), cm.Plan("S2", (("A", 1),), 0))
        end = asyncio.get_running_loop().time() + 8
        answers = await asyncio.gather(
            *(
                Coordinator(router, world, world.draw).open(cm.Open("k", "x", who, "web", 0, plans, (), ""), end)
                for who in ("ann", "bob", "cid")
            )
        )
        router.close()
        for actor in list(world.actors.made):
            world.actors.kill(actor)
        return answers

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        answers = runner.run(main())
    assert sum(isinstance(answer, Order) for answer in answers) == 1
    for answer in answers:
        assert isinstance(answer, Order) or (answer.reason, answer.status) == (Reason.INSUFFICIENT_STOCK, None)


def test_an_order_that_is_released_while_a_shop_is_away_is_given_back_there_later() -> None:
    async def main() -> ChainWorld:
        world = ChainWorld(7)
        world.trouble, world.delay_s = 0.0, 0.001
        router = Router(world.actors, Placement(0, 2))
        await router.start()
        coordinator = Coordinator(router, world, world.draw)
        for store_id in ("S1", "S2"):
            await world.receive(router, store_id, "A", 5)
        loop = asyncio.get_running_loop()
        opened = cm.Open("k", "x", "ann", "app", 0, PLANS, (), "")
        order = await coordinator.open(opened, loop.time() + 8)
        assert isinstance(order, Order)
        world.away = {"store-S2"}
        release = cm.Release("r", order.number, ReleaseReason.CUSTOMER_CANCELLED)
        answer = await coordinator.step(ledger_of_customer("ann"), release, loop.time() + 8)
        assert isinstance(answer, Order)
        assert answer.standing is Standing.RELEASED
        world.away = set()
        assert await Reconciler(router, coordinator, Grants(router)).deliver() == 1
        router.close()
        return world

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        world = runner.run(main())
        assert [ledger.positions["A"].reserved for ledger in world.shops()] == [0, 0]
        for actor in list(world.actors.made):
            world.actors.kill(actor)


class Astray(SimActors):
    """The first question of a reconciler fails in a way that nobody foresaw."""

    asked = 0

    async def call(self, actor: str, method: str, *args: Any) -> Any:
        if method == "outbox":
            self.asked += 1
            if self.asked == 1:
                raise RuntimeError("nobody foresaw this")
        return await super().call(actor, method, *args)


def test_a_reconciler_outlives_what_nobody_foresaw() -> None:
    async def main() -> ChainWorld:
        world = ChainWorld(7)
        world.trouble, world.delay_s = 0.0, 0.001
        actors = world.actors = Astray(world)
        router = Router(actors, Placement(0, 2))
        await router.start()
        coordinator = Coordinator(router, world, world.draw)
        for store_id in ("S1", "S2"):
            await world.receive(router, store_id, "A", 5)
        loop = asyncio.get_running_loop()
        order = await coordinator.open(cm.Open("k", "x", "ann", "app", 0, PLANS, (), ""), loop.time() + 8)
        assert isinstance(order, Order)
        world.away = {"store-S2"}
        release = cm.Release("r", order.number, ReleaseReason.CUSTOMER_CANCELLED)
        await coordinator.step(ledger_of_customer("ann"), release, loop.time() + 8)
        world.away = set()
        reconciler = Reconciler(router, coordinator, Grants(router))
        reconciler.start()
        await asyncio.sleep(2)
        reconciler.close()
        router.close()
        assert actors.asked > 1
        return world

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        world = runner.run(main())
        assert [ledger.positions["A"].reserved for ledger in world.shops()] == [0, 0]
        for actor in list(world.actors.made):
            world.actors.kill(actor)

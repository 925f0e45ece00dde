"""What a reconciler cannot carry holds up nothing else: shops that are away, stopped ledgers, errors of one part."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Final

import pytest

from actors import customer_actor, store_actor
from actors.core.chain import EMPTY, PolicySet, StoresPut, evolve_chain
from actors.core.ids import format_order_id, ledger_of_customer
from actors.core.policy import Policy
from actors.core.status import ReleaseReason, Status
from actors.journal.port import JournalDamaged
from actors.orders import commands as cm
from actors.orders.parts import claim_of
from actors.orders.state import Order, OrderLedger
from actors.protocol.placement import Placement
from actors.shop import commands as shop
from actors.shop.state import Ledger, Reservation
from serve.coordination.coordinator import Coordinator
from serve.coordination.grants import Grants
from serve.coordination.keyed_tasks import REST_S, TASKS_OF_KEY_MAX
from serve.coordination.reconciler import ORDERS_EVERY_S, QUESTION_S, Reconciler
from serve.routing.router import Router
from tests.simulation.chain_world import ChainWorld
from tests.simulation.sim_actors import SimActors
from tests.simulation.virtual_loop import VirtualLoop

PLACEMENT: Final = Placement(0, 2)
ANN: Final = "her"  # none of the customers whom the world watches: no limits here
HERS: Final = ledger_of_customer(ANN)
# Somebody whose ledger is the other actor's.
BOB: Final = next(
    who
    for who in ("bert", "cleo", "dora", "emil")
    if PLACEMENT.actor_of(ledger_of_customer(who)) != PLACEMENT.actor_of(HERS)
)


class Astray(SimActors):
    """Steps of one actor fail in a way that nobody foresaw."""

    wrong = ""

    def __init__(self, world: ChainWorld) -> None:
        super().__init__(world)
        self.steps: Counter[str] = Counter()  # batches, by actor

    async def call(self, actor: str, method: str, *args: Any) -> Any:
        self.steps[actor] += method == "step"
        if method == "step" and actor == self.wrong:
            raise RuntimeError("nobody foresaw this")
        return await super().call(actor, method, *args)


class Scene:
    """Shops with stock, no limits, and a reconciler that does nothing until it is told to."""

    def __init__(self) -> None:
        self.world = ChainWorld(7)
        self.world.trouble, self.world.delay_s = 0.0, 0.001
        chain = evolve_chain(EMPTY, PolicySet(Policy(version=2)))
        self.world.chain = evolve_chain(chain, StoresPut(tuple(self.world.chain.stores.values())))
        self.actors = self.world.actors = Astray(self.world)
        self.router = Router(self.actors, PLACEMENT)
        self.coordinator = Coordinator(self.router, self.world)
        self.reconciler = Reconciler(self.router, self.coordinator, Grants(self.router))
        self._calls = 0

    async def open(self) -> None:
        await self.router.start()
        for store_id in ("S1", "S2"):
            await self.world.receive(self.router, store_id, "A", 500)

    async def order(self, who: str, *store_ids: str) -> Order:
        """One of A from each of the shops."""
        self._calls += 1
        plans = tuple(cm.Plan(store_id, (("A", 1),), 0) for store_id in store_ids)
        opened = cm.Open(f"k{self._calls}", "x", who, "web", 0, plans, (), "")
        order = await self.coordinator.open(opened, asyncio.get_running_loop().time() + 8)
        assert isinstance(order, Order)
        await self.coordinator.deliveries.finish()
        return order

    async def release(self, who: str, order: Order) -> None:
        """In its own ledger alone: no shop hears of it."""
        ledger_id = ledger_of_customer(who)
        said = cm.Release("release", order.number, ReleaseReason.CUSTOMER_CANCELLED)
        await self._say(ledger_id, (said))

    async def move(self, who: str, order: Order, old: str, new: str) -> None:
        """Amend it, and claim what it takes; no shop hears of it yet."""
        ledger_id = ledger_of_customer(who)
        wanted = (cm.Plan(old, (), 0), cm.Plan(new, (("A", 1),), 0))
        amended = await self._say(ledger_id, (cm.Amend("move", "x", order.number, wanted, 0)))
        assert isinstance(amended, Order)
        (part,) = amended.open_parts()
        claim = claim_of(format_order_id(ledger_id, order.number), amended, part)
        claimed = await self._say(new, (claim))
        assert isinstance(claimed, Reservation)
        commit = cm.Commit(order.number, part.attempt, ((new, claimed.number),), cm.NO_HOURS)
        await self._say(ledger_id, (commit))

    async def collect(self, order: Order, store_id: str) -> None:
        """In the shop alone: the order does not hear of it."""
        (part,) = (each for each in order.parts if each.store_id == store_id)
        said = shop.Collect(f"collect {part.reservation}", part.reservation, "p", ())
        await self._say(store_id, (said))

    async def _say(self, ledger_id: str, wire: Any) -> Any:
        deadline = asyncio.get_running_loop().time() + 8
        [(future, _)] = self.router.submit([ledger_id], [(ledger_id, wire)], deadline, promise=True)
        return (await future)[0]

    def ledger(self, ledger_id: str) -> Any:
        """As it is in memory."""
        return self.actors.process(PLACEMENT.actor_of(ledger_id)).host.stale_read(ledger_id)

    def shop(self, store_id: str) -> Ledger:
        found = self.ledger(store_id)
        assert isinstance(found, Ledger)
        return found

    def customers(self, who: str) -> OrderLedger:
        found = self.ledger(ledger_of_customer(who))
        assert isinstance(found, OrderLedger)
        return found


def played(main: Callable[[Scene], Coroutine[Any, Any, None]]) -> None:
    """Run it in virtual time."""

    async def whole() -> None:
        scene = Scene()
        await scene.open()
        try:
            await main(scene)
        finally:
            scene.reconciler.close()
            scene.router.close()
            for actor in list(scene.actors.made):
                scene.actors.kill(actor)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(whole())


def test_orders_behind_many_whose_shop_is_away_have_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customer_actor, "OUTBOX_MAX", 2)

    async def main(scene: Scene) -> None:
        for store_id in ("S2", "S2", "S2", "S2", "S1"):
            await scene.release(ANN, await scene.order(ANN, store_id))
        scene.world.away = {"store-S2"}
        for _ in range(3):
            assert await scene.reconciler.deliver() == 2
        assert scene.shop("S1").positions["A"].reserved == 0
        scene.world.away = set()
        for _ in range(9):
            await scene.reconciler.deliver()
            await asyncio.sleep(QUESTION_S)
        assert scene.shop("S2").positions["A"].reserved == 0
        assert await scene.reconciler.deliver() == 0

    played(main)


def test_parts_behind_many_whose_order_is_stopped_have_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_actor, "OUTBOX_MAX", 2)

    async def main(scene: Scene) -> None:
        for who in (ANN, ANN, ANN, ANN, BOB):
            await scene.collect(await scene.order(who, "S1"), "S1")
        scene.world.away = {PLACEMENT.actor_of(HERS)}
        for _ in range(3):
            assert await scene.reconciler.collect_reports() == 2
        assert len(list(scene.customers(BOB).answers.finished.of(BOB))) == 1, "his order has heard, and is over"
        assert len(scene.shop("S1").outbox) == 4

    played(main)


def test_a_shop_that_is_away_holds_up_no_other_shop() -> None:
    async def main(scene: Scene) -> None:
        loop = asyncio.get_running_loop()
        stuck = [await scene.order(ANN, "S2") for _ in range(2 * TASKS_OF_KEY_MAX)]
        first, second = await scene.order(ANN, "S1"), await scene.order(ANN, "S1")
        for order in (*stuck, first):
            await scene.release(ANN, order)
        scene.world.away = {"store-S2"}
        began = loop.time()
        await scene.reconciler.deliver()
        assert scene.shop("S1").positions["A"].reserved == 1
        await scene.release(ANN, second)
        await scene.reconciler.deliver()
        assert scene.shop("S1").positions["A"].reserved == 0
        assert loop.time() - began < QUESTION_S, "nobody waited for the shop that is away"

    played(main)


def test_orders_that_wait_for_a_shop_that_is_away_hold_up_none_that_has_its_turn() -> None:
    async def main(scene: Scene) -> None:
        moved = [await scene.order(ANN, "S1") for _ in range(TASKS_OF_KEY_MAX)]
        released = await scene.order(ANN, "S1", "S2")
        scene.world.away = {"store-S1"}
        for order in moved:
            await scene.move(ANN, order, "S1", "S2")
        await scene.release(ANN, released)
        await scene.reconciler.deliver()
        assert scene.shop("S2").positions["A"].reserved == len(moved), "what was moved there; the other is given back"

    played(main)


def test_a_shop_hears_of_orders_that_it_shares_with_one_that_is_away() -> None:
    async def main(scene: Scene) -> None:
        first, second = await scene.order(ANN, "S1", "S2"), await scene.order(ANN, "S1", "S2")
        scene.world.away = {"store-S2"}
        for order, held in ((first, 1), (second, 0)):
            await scene.release(ANN, order)
            began = asyncio.get_running_loop().time()
            await scene.reconciler.deliver()
            assert scene.shop("S1").positions["A"].reserved == held
            assert asyncio.get_running_loop().time() - began < QUESTION_S, "the first is still on its way to S2"

    played(main)


@pytest.mark.parametrize("trouble", ["away", "unforeseen"])
def test_a_ledger_of_customers_in_trouble_keeps_no_other_from_hearing(trouble: str) -> None:
    async def main(scene: Scene) -> None:
        loop = asyncio.get_running_loop()
        for who in (ANN, BOB, ANN):
            await scene.collect(await scene.order(who, "S1"), "S1")
        if trouble == "away":
            scene.world.away = {PLACEMENT.actor_of(HERS)}
        else:
            scene.actors.wrong = PLACEMENT.actor_of(HERS)
        began = loop.time()
        assert await scene.reconciler.collect_reports() == 3
        assert loop.time() - began < QUESTION_S
        assert len(list(scene.customers(BOB).answers.finished.of(BOB))) == 1, "his order has heard, and is over"
        assert len(scene.shop("S1").outbox) == 2
        scene.world.away, scene.actors.wrong = set(), ""
        await asyncio.sleep(2 * QUESTION_S)
        await scene.reconciler.collect_reports()
        assert scene.shop("S1").outbox == {}

    played(main)


def test_one_actor_that_does_not_answer_keeps_no_other_from_being_asked() -> None:
    async def main(scene: Scene) -> None:
        for store_id in ("S1", "S2"):
            await scene.collect(await scene.order(ANN, store_id), store_id)
        scene.world.away = {"store-S1"}
        await scene.reconciler.collect_reports()
        assert (len(scene.shop("S1").outbox), len(scene.shop("S2").outbox)) == (1, 0)

    played(main)


def test_a_part_stays_owed_while_the_ledger_of_its_order_is_stopped() -> None:
    async def main(scene: Scene) -> None:
        order = await scene.order(ANN, "S1")
        await scene.collect(order, "S1")
        host = scene.actors.process(PLACEMENT.actor_of(HERS)).host
        hosted = host._hosted.pop(HERS)
        host._damaged[HERS] = JournalDamaged(HERS, "seq 1", "by a test")
        await scene.reconciler.collect_reports()
        assert len(scene.shop("S1").outbox) == 1, "nobody heard of it, so it is not acknowledged"
        host._hosted[HERS] = hosted
        del host._damaged[HERS]
        await asyncio.sleep(REST_S[0])
        await scene.reconciler.collect_reports()
        assert scene.shop("S1").outbox == {}
        now = await scene.coordinator.order(HERS, order.number, asyncio.get_running_loop().time() + QUESTION_S)
        assert now is not None
        assert now.parts[0].status is Status.COLLECTED

    played(main)


def test_a_shop_that_is_stopped_is_asked_ever_less_often_and_hears_once_it_is_served() -> None:
    async def main(scene: Scene) -> None:
        orders = [await scene.order(ANN, "S1") for _ in range(3)]
        host = scene.actors.process("store-S1").host
        hosted = host._hosted.pop("S1")
        host._damaged["S1"] = JournalDamaged("S1", "seq 1", "by a test")
        for order in orders:
            await scene.release(ANN, order)
        other = await scene.order(ANN, "S2")
        await scene.release(ANN, other)
        before = scene.actors.steps["store-S1"]
        scene.reconciler.start()
        await asyncio.sleep(1)
        assert scene.shop("S2").open_reservations == 0, "another shop hears at once"
        await asyncio.sleep(9 * REST_S[1])
        batches = scene.actors.steps["store-S1"] - before
        assert 9 <= batches <= 9 * REST_S[1] / ORDERS_EVERY_S / 10
        host._hosted["S1"] = hosted
        del host._damaged["S1"]
        await asyncio.sleep(REST_S[1] + 1)
        assert scene.shop("S1").open_reservations == 0

    played(main)


def test_a_shop_that_heard_is_noted_while_another_one_is_away() -> None:
    async def main(scene: Scene) -> None:
        order = await scene.order(ANN, "S1", "S2")
        await scene.release(ANN, order)
        scene.world.away = {"store-S2"}
        await scene.reconciler.deliver()
        await asyncio.sleep(QUESTION_S + 2)
        statuses = [part.status for part in scene.customers(ANN).orders[order.number].parts]
        assert statuses == [Status.RELEASED, Status.HELD]

    played(main)


def test_what_is_stuck_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    async def main(scene: Scene) -> None:
        released, collected = await scene.order(ANN, "S2"), await scene.order(ANN, "S1")
        await scene.release(ANN, released)
        await scene.collect(collected, "S1")
        holder = f"{HERS.removeprefix('customers/')}/999.1"  # an order that its ledger does not know
        claim = shop.Claim(shop.claim_key(holder), holder, ANN, "web", (("A", 1),), 0)
        await scene._say("S1", (claim))
        scene.world.away = {"store-S2", PLACEMENT.actor_of(HERS)}
        scene.reconciler.start()
        await asyncio.sleep(50)
        assert lines() == []
        scene.world.away = {"store-S2"}
        scene.actors.wrong = PLACEMENT.actor_of(HERS)
        await asyncio.sleep(100)

    def lines() -> list[str]:
        return [record.getMessage() for record in caplog.records if "stuck" in record.getMessage()]

    with caplog.at_level(logging.WARNING, "holdfast.reconciler"):
        played(main)
    said = lines()
    for kind, where in (("orders", "S2"), ("parts", "/"), ("claims", "/999")):
        about = [line for line in said if f"stuck {kind} count=1 " in line]
        assert 1 <= len(about) <= 2, said
        assert where in about[0].partition(" where=")[2]

"""Several shops and their customers, over the real coordinator and reconciler, driven by one seed and nothing else.

Calls are late, lost, or done with their answers lost; actors are killed between two calls; gateways are cut off in the
middle of what they drive. Time is virtual, and so is nothing else.
"""

import asyncio
from collections import Counter
from random import Random
from typing import Any, Final

from actors.calendar.hours import Calendar, Duty, Interval
from actors.core.chain import EMPTY, Chain, PolicySet, Store, StoresPut, evolve_chain
from actors.core.ids import ledger_of_customer
from actors.core.message import to_json
from actors.core.policy import DAY_MS, ChainLimitRule, Policy
from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE, ReleaseReason, Status
from actors.orders import commands as cm
from actors.orders.state import Order, Standing
from actors.protocol.messages import Refusal
from actors.protocol.placement import ActorKind, Placement, kind_of
from actors.shop import commands as shop
from actors.shop.state import Ledger
from serve.coordination.coordinator import Coordinator
from serve.coordination.grants import Grants
from serve.coordination.reconciler import Reconciler
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.routing.router import Router
from tests.shop.watched import DAY_ZERO_MS
from tests.simulation.chain_checks import check_amended
from tests.simulation.checks import Broken
from tests.simulation.sim_actors import SimActors

SHOPS: Final = ("S1", "S2", "S3", "S4")
SKUS: Final = ("A", "B")
CUSTOMERS: Final = ("ann", "bob", "cid")
UNITS_MAX: Final = 6  # of A, for one customer, over the chain
OPEN_MAX: Final = 4
CALLS: Final = 8  # by customer
SLOT_MS: Final = 3_600_000


def units_of(ledger: Ledger) -> Counter[tuple[str, str]]:
    """What a shop has handed out, or would, by customer and SKU."""
    units = Counter[tuple[str, str]]()
    for reservation in ledger.reservations.values():
        if reservation.status is not Status.CLAIMED:  # which nobody can collect yet
            sold = [units for units, _ in reservation.done] if reservation.done else [0] * len(reservation.lines)
            for (sku, _), held, gone in zip(reservation.lines, reservation.held(), sold, strict=True):
                units[reservation.customer_id, sku] += held + gone
    return units


class ChainWorld:
    """Run it once, in a VirtualLoop. `struck` counts what befell it; it is its own clock."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.trouble = self.random.choice((0.0, 0.02, 0.08))
        self.delay_s = self.random.choice((0.001, 0.02, 0.3))
        self.cut_offs = self.random.random() < 0.6
        self.lateness = Random(f"late {seed}")
        self.numbers = Random(f"numbers {seed}")
        self.late = self.lateness.choice((0.0, 0.0, 0.05, 0.3))
        self.struck: Counter[str] = Counter()
        self.skipped_ms = 0
        self.away: set[str] = set()  # actors that nobody reaches
        self.answers: dict[tuple[str, str], Order | Rejection] = {}
        self.units: dict[str, Counter[tuple[str, str]]] = {}  # by shop, as last seen: those of shops that are down too
        self._looked_at: dict[str, int] = {}  # at which version
        self.actors = SimActors(self)
        self.chain = self._chain()
        self.chain_document = to_json(self.chain)
        self.routers: list[Router] = []

    def now_ms(self) -> int:
        return DAY_ZERO_MS + 10 * SLOT_MS + self.skipped_ms + int(1_000 * asyncio.get_running_loop().time())

    def raise_to(self, _at_ms: int) -> None:
        """It is never behind."""

    def mark_due(self) -> None:
        """The world's time goes on whoever restarts."""

    def draw(self, now_ms: int) -> int:
        """A number for an order; few enough that some are drawn twice."""
        return now_ms * 10 + self.numbers.randrange(10)

    def _chain(self) -> Chain:
        hours = Calendar(
            weekly=((Interval(0, 1440),),) * 7,
            slot_minutes=60,
            staff=((Duty(0, 1440, 1),),) * 7,
            pickups_per_staff_hour=2,
        )
        stores = tuple(Store(each, each, 0.0, float(place), False, (), hours) for place, each in enumerate(SHOPS))
        rules = (ChainLimitRule("", "A", 0, UNITS_MAX, 365 * DAY_MS), ChainLimitRule("", "", OPEN_MAX, 0, 0))
        chain = evolve_chain(EMPTY, PolicySet(Policy(version=2, chain_limit_rules=rules)))
        return evolve_chain(chain, StoresPut(stores))

    def look(self, process: Any) -> None:
        """Whatever happens in an actor, no customer gets more than the chain allows, and no slot has too many."""
        news = False
        for ledger_id in process.host.ledger_ids():
            ledger = process.host.stale_read(ledger_id)
            if isinstance(ledger, Ledger) and self._looked_at.get(ledger_id) != ledger.version:
                self._looked_at[ledger_id] = ledger.version
                self.units[ledger_id] = units_of(ledger)
                news = True
                if max(ledger.slots_taken.values(), default=0) > 2:
                    raise Broken("I2", f"{ledger_id} has too many in a slot: {ledger.slots_taken}")
        for customer_id in CUSTOMERS if news else ():
            count = sum(units[customer_id, "A"] for units in self.units.values())
            if count > UNITS_MAX:
                raise Broken("I15", f"{customer_id} has {count} of A, and {UNITS_MAX} are allowed")

    def shops(self) -> list[Ledger]:
        """The shops' ledgers that are in memory."""
        found: list[Ledger] = []
        for actor, process in self.actors.made.items():
            if kind_of(actor) is not ActorKind.CUSTOMERS:
                found += [process.host.stale_read(each) for each in process.host.ledger_ids()]
        return found

    async def run(self) -> None:
        """Everything, to the quiet end. Raises Broken."""
        gateways = [await self._gateway() for _ in range(2)]
        await self._stock(gateways[0][0])
        customers = [asyncio.create_task(self._customer(who, gateways)) for who in CUSTOMERS]
        reconcilers = [Reconciler(router, coordinator, Grants(router)) for router, coordinator in gateways]
        for reconciler in reconcilers:
            reconciler.start()
        await asyncio.gather(*customers)
        self.trouble = 0.0
        await asyncio.sleep(30)
        check_amended(self.actors.made)
        for reconciler in reconcilers:
            reconciler.close()
        await self._quiet(*gateways[0])
        await self._long_after(*gateways[0])
        for router, _ in gateways:
            router.close()

    async def _gateway(self) -> tuple[Router, Coordinator]:
        router = Router(self.actors, Placement(0, 2))
        self.routers.append(router)
        await router.start()
        return router, Coordinator(router, self, self.draw)

    async def _stock(self, router: Router) -> None:
        for store_id in SHOPS:
            rows = tuple(
                shop.Movement(sku, self.random.randint(0, 9), 0, shop.AdjustmentKind.RECEIPT, 0) for sku in SKUS
            )
            await self._persist(router, store_id, shop.AdjustStock("open", "wms", tuple(r for r in rows if r.delta)))

    async def receive(self, router: Router, store_id: str, sku: str, units: int) -> None:
        """Stock comes in."""
        row = shop.Movement(sku, units, 1, shop.AdjustmentKind.RECEIPT, 0)
        await self._persist(router, store_id, shop.AdjustStock("received", "dock", (row,)))

    async def _persist(self, router: Router, store_id: str, command: Any) -> Any:
        while True:
            deadline = asyncio.get_running_loop().time() + 20
            try:
                [(future, _)] = router.submit([store_id], [(store_id, (command))], deadline, promise=True)
                return (await future)[0]
            except (DeadlinePassed, Overloaded):
                self.struck["shop asked again"] += 1

    async def _customer(self, who: str, gateways: list[tuple[Router, Coordinator]]) -> None:
        for number in range(CALLS):
            await asyncio.sleep(self.random.random() * 2)
            order = await self._place(who, f"k{number}", gateways)
            if isinstance(order, Rejection):
                self.struck[f"refused {order.reason.name}"] += 1
                continue
            self.struck["placed"] += 1
            self.struck["placed over several"] += len(order.certain_parts()) > 1
            await self._go_on(who, f"k{number}", order, gateways)

    async def _go_on(self, who: str, key: str, order: Order, gateways: list[tuple[Router, Coordinator]]) -> None:
        ledger_id = ledger_of_customer(who)
        step = self.random.choice(("confirm", "release", "extend", "amend", "collect", "give back", "leave"))
        self.struck[step] += 1
        router, coordinator = self.random.choice(gateways)
        if step == "confirm":
            command = cm.Confirm("confirm", order.number, 0, cm.NO_HOURS)
            await self._say(who, f"{key} confirm", coordinator, ledger_id, command)
        elif step == "release":
            given_back = cm.Release("release", order.number, ReleaseReason.CUSTOMER_CANCELLED)
            await self._say(who, f"{key} release", coordinator, ledger_id, given_back)
        elif step == "extend":
            longer = cm.Extend("extend", order.number, 60_000, cm.NO_HOURS)
            await self._say(who, f"{key} extend", coordinator, ledger_id, longer)
        elif step == "amend":
            await self._amend(who, key, order, gateways)
        else:
            for part in order.certain_parts():
                if step == "collect":
                    await self._persist(router, part.store_id, shop.Collect(f"{who}{key}", part.reservation, "p", ()))
                elif step == "give back":
                    reason = ReleaseReason.NO_SHOW
                    await self._persist(
                        router, part.store_id, shop.Release(f"{who}{key}", part.reservation, reason, ())
                    )

    async def _amend(self, who: str, key: str, order: Order, gateways: list[tuple[Router, Coordinator]]) -> None:
        """Elsewhere, or more or less, while the customer may be at one of the old shops already."""
        kept = {plan.store_id: plan for plan in self._plans(1)}
        gone = [part for part in order.certain_parts() if self.random.random() < 0.5]
        wanted = {part.store_id: cm.Plan(part.store_id, (), 0) for part in gone} | kept
        change = cm.Amend("amend", "x", order.number, tuple(wanted.values()), self.random.choice((0, 0, 60_000)))
        ledger_id = ledger_of_customer(who)

        def attempt(end: float) -> Any:
            return self.random.choice(gateways)[1].amend(ledger_id, change, end)

        async def come_early() -> None:
            for part in gone:
                await asyncio.sleep(self.random.random() * 4 * self.delay_s)
                collect = shop.Collect(f"{who}{key}early", part.reservation, "p", ((part.lines[0][0], 1),))
                answer = await self._persist(gateways[0][0], part.store_id, collect)
                self.struck["collected while it was amended"] += not isinstance(answer, Refusal)

        answer, _ = await asyncio.gather(self._repeat(who, f"{key} amend", attempt), come_early())
        for part in answer.certain_parts() if isinstance(answer, Order) else ():
            collect = shop.Collect(f"{who}{key}late", part.reservation, "p", ())
            await self._persist(gateways[0][0], part.store_id, collect)

    def _plans(self, shops_max: int) -> tuple[cm.Plan, ...]:
        chosen = self.random.sample(SHOPS, self.random.randint(1, shops_max))
        slot = DAY_ZERO_MS + self.random.choice((0, 0, 20, 21)) * SLOT_MS
        slot_ms = slot if slot > DAY_ZERO_MS else 0
        return tuple(
            cm.Plan(store_id, ((self.random.choice(SKUS), self.random.randint(1, 3)),), slot_ms) for store_id in chosen
        )

    async def _place(self, who: str, key: str, gateways: list[tuple[Router, Coordinator]]) -> Order | Rejection:
        basket_id = self.random.choice(("", "", "b"))
        command = cm.Open(key, "x", who, "web", self.random.choice((0, 60_000)), self._plans(3), (), basket_id)
        other = self._plans(3)

        def next_plans(_order: Order | None, refused: dict[str, Rejection]) -> Any:
            return (other, ()) if self.random.random() < 0.7 else refused[min(refused)]

        def attempt(end: float) -> Any:
            return self.random.choice(gateways)[1].open(command, end, next_plans)

        return await self._repeat(who, key, attempt)

    async def _say(self, who: str, key: str, coordinator: Coordinator, ledger_id: str, command: Any) -> None:
        await self._repeat(who, key, lambda end: coordinator.step(ledger_id, command, end))

    async def _repeat(self, who: str, key: str, attempt: Any) -> Order | Rejection:
        """The same sentence until it is answered, and once more: the same answer. Gateways are cut off on the way."""
        answers: list[Order | Rejection] = []
        while len(answers) < 2:
            end = asyncio.get_running_loop().time() + 12
            task = asyncio.ensure_future(attempt(end))
            if self.cut_offs and self.random.random() < 0.5:
                await asyncio.sleep(self.random.random() * 4 * self.delay_s)
                if not task.done():
                    self.struck["gateway cut off"] += 1
                    task.cancel()
            try:
                answers.append(await task)
            except (DeadlinePassed, Overloaded, asyncio.CancelledError):
                self.struck["asked again"] += 1
                await asyncio.sleep(self.random.random())
        first, second = answers
        if isinstance(first, Order) and first.standing in (Standing.OPEN, Standing.ABANDONED):
            raise Broken("I5", f"{who} {key} was answered with what never became certain: {first}")
        if isinstance(first, Rejection) and first.reason is Reason.IDEMPOTENCY_KEY_REUSED:
            raise Broken("I6", f"{who} {key} never changed its content, and was told so")
        if (first.number, type(first)) != (second.number, type(second)):
            raise Broken("I5", f"{who} {key} was answered {first} and then {second}")
        self.answers[who, key] = first
        return first

    async def _long_after(self, router: Router, coordinator: Coordinator) -> None:
        """Calls about what has ended, when it is due to be forgotten: they are answered, and nobody ends by them."""
        self.skipped_ms += 400 * DAY_MS
        for (who, key), order in self.answers.items():
            if isinstance(order, Rejection):
                continue
            late = cm.FanOut(f"{key} late", "x", order.number)
            await coordinator.fan_out(ledger_of_customer(who), late, asyncio.get_running_loop().time() + 60)
            for part in order.certain_parts():
                ready = shop.MarkReady(f"{who}{key}ready", part.reservation)
                await self._persist(router, part.store_id, ready)
            self.struck["called long after"] += 1

    async def _quiet(self, router: Router, coordinator: Coordinator) -> None:
        """Time passes until nothing can be held any more; then everyone must have heard, and nothing is left."""
        reconciler = Reconciler(router, coordinator, Grants(router))
        await self.actors.all_arrived()
        self.skipped_ms += 40 * DAY_MS
        told = heard = 0
        for _ in range(12):
            for process in list(self.actors.made.values()):
                process.host.sweep()
            told = await reconciler.deliver()
            heard = await reconciler.collect_reports()
            await asyncio.sleep(20)
        if told or heard:
            raise Broken("I16", f"{told} orders are still to be told, {heard} parts still to be heard")
        for ledger in self.shops():
            for sku, position in ledger.positions.items():
                if position.reserved:
                    raise Broken("I12", f"{ledger.ledger_id} still reserves {position.reserved} of {sku}")
            if ledger.slots_taken:
                raise Broken("I12", f"{ledger.ledger_id} still has {ledger.slots_taken}")
            for reservation in ledger.reservations.values():
                if reservation.status in LIVE:
                    raise Broken("I12", f"{ledger.ledger_id}:{reservation.number} is {reservation.status.name}")

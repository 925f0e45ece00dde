"""Several shops and their customers, over the real parts of gateways and actors, driven by one seed and nothing else.

Customers place orders and plain reservations, amend them, and ask again under every key. Calls are late, lost, or done
with their answers lost; rules of the chain change; gateways restart or do not hear of it; actors are killed, stopped
and woken; disks fail. From time to time all of it rests, and the books are summed. Time is virtual, and so is nothing
else.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from contextlib import suppress
from random import Random
from typing import Any, Final, NamedTuple

from actors.calendar.hours import Calendar, Duty, Interval
from actors.core.chain import EMPTY, Chain, PolicySet, Store, StoresPut, evolve_chain
from actors.core.ids import ledger_of_customer
from actors.core.policy import CALL_MS_MAX, DAY_MS, ChainLimitRule, LimitRule, Policy
from actors.core.rejection import Reason
from actors.core.status import LIVE, Status
from actors.orders import commands as cm
from actors.orders.state import Order
from actors.protocol.messages import Refusal
from actors.protocol.placement import ActorKind, kind_of
from actors.shop import commands as shop
from actors.shop.state import Ledger
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.routing.router import Router
from tests.shop.watched import DAY_ZERO_MS
from tests.simulation import lethal_callers, order_callers, plain_callers
from tests.simulation.calm import Calm, Patience
from tests.simulation.chain_checks import (
    Reservations,
    check_amended,
    check_compared,
    check_nothing_done,
    check_shops_limits,
    check_sums,
    reason_of,
    unheard,
    units_of,
    word,
)
from tests.simulation.checks import Broken
from tests.simulation.gateways import Gateway
from tests.simulation.sim_actors import SimActors
from tests.simulation.troubles import Troubles

SHOPS: Final = ("S1", "S2", "S3", "S4")
SKUS: Final = ("A", "B")
CUSTOMERS: Final = ("ann", "bob", "cid")
NO_LIMIT: Final = 1_000_000
UNITS_MAX: Final = 6  # of each SKU, for one customer, over the chain, to begin with
IN_A_SHOP_MAX: Final = 2  # of each SKU, for one customer who comes through the web
ROUNDS: Final = 2
CALLS: Final = 4  # by customer and round
ASKED_AGAIN_MAX: Final = 12  # of all answers, each time that all rests
UNSURE_S: Final = 15.0  # longer than a call takes
REST_S_MAX: Final = 150  # until everybody has heard of everything
SLOT_MS: Final = 3_600_000
Attempt = Callable[[Gateway, float], Coroutine[Any, Any, Any]]


class Said(NamedTuple):
    """What a caller said, how to say it again, what it heard first, and when it began: a refusal may be as old."""

    attempt: Attempt
    answer: Any
    at_ms: int


def units_max(policy: Policy, sku: str) -> int:
    """Units of a SKU that one customer may have over the chain."""
    return next((rule.units_max for rule in policy.chain_limit_rules if rule.sku == sku), NO_LIMIT)


class ChainWorld:
    """Run it once, in a VirtualLoop. `struck` counts what befell it; it is its own clock."""

    plain = 0.5  # of all calls, those that name a shop
    reused_keys = 0.2  # of those for which there is one
    rounds = ROUNDS
    shop_limits = True
    picks = True  # no format before the second one has a way to say so
    may_move: Callable[[], bool] = lambda *_: False  # what a ledger has more may be what another has let go of
    troubles: type[Troubles] = Troubles
    chain_comes_back = True  # in a calm, to gateways that have lost it

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.trouble = self.random.choice((0.0, 0.02, 0.08))
        self.delay_s = self.random.choice((0.001, 0.02, 0.3))
        self.cut_offs = self.random.random() < 0.6
        self.lateness = Random(f"late {seed}")
        self.numbers = Random(f"numbers {seed}")
        self.patience = Random(f"patience {seed}")  # how long who names a shop would wait in line
        self.late = self.lateness.choice((0.0, 0.0, 0.05, 0.3))
        self.round_s = self.lateness.choice((0.25, 0.5, 1.0))  # between two looks of a reconciler
        self.struck: Counter[str] = Counter()
        self.skipped_ms = 0
        self.away: set[str] = set()  # actors that nobody reaches
        self.trouble_random = Random(f"trouble {seed}")
        self.said: dict[tuple[str, str], Said] = {}
        self.unsure_until: dict[str, float] = {}  # by customer: until then what was asked before may still be done
        self.units: dict[str, Counter[tuple[str, str]]] = {}  # by shop, as last seen: those of shops that are down too
        self._totals = Counter[tuple[str, str]]()
        self._reservations = defaultdict[str, Reservations](Reservations)
        self._looked_at: dict[str, int] = {}  # at which version
        self.actors = SimActors(self)
        self.chain = self._chain()
        self.lethal = lethal_callers.Lethal(seed)
        self._used: dict[str, bool] = {}  # keys, and whether in a shop
        self.reused: set[str] = set()  # in a shop and for an order, which are two calls
        self.in_force = [self.chain.policy]  # those that some ledger may still decide by
        self.gateways: list[Gateway] = []
        self.calm = Calm(self)

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
        by_sku = (ChainLimitRule("", sku, 0, UNITS_MAX, 365 * DAY_MS) for sku in SKUS)
        rules, of_shops = (*by_sku, ChainLimitRule("", "", 4, 0, 0)), (LimitRule("web", "", 0, IN_A_SHOP_MAX),)
        policy = Policy(version=2, limit_rules=of_shops, chain_limit_rules=rules, picks=self.picks)
        chain = evolve_chain(EMPTY, PolicySet(policy))
        return evolve_chain(chain, StoresPut(stores))

    def look(self, process: Any) -> None:
        """Whatever happens in an actor, no customer gets more than the chain allows, and no slot has too many."""
        news = False
        for ledger_id in process.host.recovered_ids():
            ledger = process.host.stale_read(ledger_id)
            if isinstance(ledger, Ledger) and self._looked_at.get(ledger_id) != ledger.version:
                self._looked_at[ledger_id] = ledger.version
                self.units[ledger_id] = units_of(self._reservations[ledger_id].of(process, ledger_id))
                news = True
                if max(ledger.slots_taken.values(), default=0) > 2:
                    raise Broken("I2", f"{ledger_id} has too many in a slot: {ledger.slots_taken}")
        if news:
            totals = sum(self.units.values(), Counter[tuple[str, str]]())
            for (customer_id, sku), count in totals.items():
                most = max(units_max(policy, sku) for policy in self.in_force)
                is_more = customer_id.startswith(CUSTOMERS) and count > self._totals[customer_id, sku]
                if is_more and count > most and not self.may_move():
                    raise Broken("I15", f"{customer_id} got {count} of {sku}, and {most} are allowed")
            self._totals = totals

    def shops(self) -> list[Ledger]:
        """The shops' ledgers that are in memory."""
        found: list[Ledger] = []
        for actor, process in self.actors.made.items():
            if kind_of(actor) is not ActorKind.CUSTOMERS:
                found += [process.host.stale_read(each) for each in process.host.recovered_ids()]
        return found

    async def run(self) -> None:
        """Everything, to the quiet end. Raises Broken."""
        await self.restart_gateways()
        await self._stock()
        for _ in range(self.rounds):
            trouble, late = self.trouble, self.late
            troubles = asyncio.create_task(self.troubles(self).run())
            try:
                await asyncio.gather(*(self.customer(who) for who in CUSTOMERS))
            finally:
                troubles.cancel()
                with suppress(asyncio.CancelledError):
                    await troubles  # which may have found something
            self.trouble = self.late = 0.0
            await self._rest()
            self.trouble, self.late = trouble, late
        self.trouble = self.late = 0.0
        check_amended(self.actors.made)
        for gateway in self.gateways[1:]:
            gateway.close()
        await self._quiet(self.gateways[0])
        await self._long_after(self.gateways[0])
        self.gateways[0].close()

    def adopt(self, policy: Policy) -> None:
        """The chain's rules from now on; nobody has heard of them."""
        self.chain = evolve_chain(self.chain, PolicySet(policy))
        self.in_force.append(self.chain.policy)

    async def restart_gateways(self) -> None:
        """All at once, and whatever they carried is lost."""
        fresh = [Gateway(self), Gateway(self)]
        for gateway in fresh:
            await gateway.start()
        for gateway in self.gateways:
            gateway.close()
        self.gateways = fresh

    async def _stock(self) -> None:
        for store_id in SHOPS:
            rows = tuple(
                shop.Movement(sku, self.random.randint(0, 9), 0, shop.AdjustmentKind.RECEIPT, 0) for sku in SKUS
            )
            opening = shop.AdjustStock("open", "wms", tuple(row for row in rows if row.delta))
            await self.persist(self.gateways[0].router, store_id, opening)

    async def receive(self, router: Router, store_id: str, sku: str, units: int) -> None:
        """Stock comes in."""
        row = shop.Movement(sku, units, 1, shop.AdjustmentKind.RECEIPT, 0)
        await self.persist(router, store_id, shop.AdjustStock("received", "dock", (row,)))

    async def persist(self, router: Router, store_id: str, command: Any) -> Any:
        """One command in one shop, until it is answered. Raises Broken where it never is."""
        with Patience(self.calm, f"{command} in {store_id}") as patience:
            while True:
                patience.wear()
                deadline = asyncio.get_running_loop().time() + 20
                try:
                    answer = await router.send((store_id, command), deadline, promise=True)
                    if reason_of(answer) is Reason.ORDER_UNDECIDED:
                        self.struck["step in a shop that had not heard"] += 1
                        raise DeadlinePassed(sent=True)
                    if isinstance(answer, Refusal) and answer.rejection.status is Status.CLAIMED:
                        raise Broken("I4", f"{store_id} refused {command} for good, and has only not heard yet")
                    return answer
                except (DeadlinePassed, Overloaded):
                    self.struck["shop asked again"] += 1
                    await asyncio.sleep(0.1)

    async def customer(self, who: str) -> None:
        """Comes now and then."""
        for _ in range(CALLS):
            await asyncio.sleep(self.random.random() * 2)
            await self.call(who)

    async def call(self, who: str) -> None:
        """One reservation or order, and a step or two after it; or what ends whoever decides it."""
        if self.lethal.strikes():
            await lethal_callers.ask(self, who)
            return
        plain, key = self.random.random() < self.plain, f"{who} {len(self._used)}"
        others = [used for used, by in self._used.items() if by != plain and used.startswith(who)]
        if others and self.random.random() < self.reused_keys:
            key = self.random.choice(others)
            self.reused.add(key)
            self.struck["key of an order used in a shop" if plain else "key of a shop used for an order"] += 1
        self._used.setdefault(key, plain)
        if plain:
            await plain_callers.reserve(self, who, key)
        else:
            await order_callers.place(self, who, key)

    def channel(self) -> str:
        """Through which somebody comes."""
        return self.random.choice(("web", "app"))

    def plans(self, shops_max: int) -> tuple[cm.Plan, ...]:
        """Some units in some shops."""
        chosen = self.random.sample(SHOPS, self.random.randint(1, shops_max))
        slot = DAY_ZERO_MS + self.random.choice((0, 0, 20, 21)) * SLOT_MS
        slot_ms = slot if slot > DAY_ZERO_MS else 0
        return tuple(
            cm.Plan(store_id, ((self.random.choice(SKUS), self.random.randint(1, 3)),), slot_ms) for store_id in chosen
        )

    async def repeat(self, who: str, key: str, attempt: Attempt) -> Any:
        """The same sentence until it is answered, and once more: the same answer. Gateways go on the way."""
        with Patience(self.calm, f"{who} {key}") as patience:
            return await self._repeat(who, key, attempt, patience)

    async def _repeat(self, who: str, key: str, attempt: Attempt, patience: Patience) -> Any:
        answers: list[Any] = []
        first_ms = self.now_ms()
        policy, restarts = self.chain.policy, self.struck["every gateway restarted"]
        while len(answers) < 2:
            patience.wear()
            gateway = self.random.choice(self.gateways)
            began_ms, began_s = self.now_ms(), asyncio.get_running_loop().time()
            self.struck["gateway behind the chain"] += gateway.router.chain.revision < self.chain.revision
            task = gateway.begin(attempt(gateway, asyncio.get_running_loop().time() + 12))
            if self.cut_offs and self.random.random() < 0.5:
                await asyncio.sleep(self.random.random() * 4 * self.delay_s)
                if not task.done():
                    self.struck["gateway cut off"] += 1
                    task.cancel()
            try:
                answer = await task
                if reason_of(answer) is not Reason.ORDER_UNDECIDED:  # which callers hear as UNAVAILABLE
                    answers.append(answer)
            except Overloaded:
                await asyncio.sleep(1)  # what was on its way has arrived
                if not answers and not self.late and self.unsure_until.get(who, 0.0) <= began_s:
                    self.struck["nothing done, and all sure"] += 1
                    check_nothing_done(self.actors.made, self.actors.disks, who, key, began_ms)
            except (DeadlinePassed, asyncio.CancelledError):
                if asyncio.current_task().cancelling():  # type: ignore[union-attr]  # the world ends, not a gateway
                    raise
                self.unsure_until[who] = asyncio.get_running_loop().time() + UNSURE_S
                self.struck["asked again"] += 1
                await asyncio.sleep(self.random.random())
            if policy is not self.chain.policy:
                self.struck["rules changed between call and retry"] += len(answers) < 2
                policy = self.chain.policy
            if restarts != self.struck["every gateway restarted"]:
                self.struck["every gateway restarted between call and retry"] += len(answers) < 2
                restarts = self.struck["every gateway restarted"]
        first, second = answers
        if reason_of(first) is Reason.IDEMPOTENCY_KEY_REUSED and not any(map(key.startswith, self.reused)):
            raise Broken("I6", f"{who} {key} never changed its content, and was told so")
        is_in_time = reason_of(first) is None or self.now_ms() <= first_ms + CALL_MS_MAX
        if is_in_time and word(first) != word(second):
            raise Broken("I5", f"{who} {key} was answered {first} and then {second}")
        self.said[who, key] = Said(attempt, first, first_ms)
        return first

    async def _rest(self) -> None:
        """Nobody calls and nothing fails: soon everyone has heard of everything, and the books agree."""
        for gateway in self.gateways:
            gateway.line.no_chain = False
        for gateway in self.gateways[1:]:  # one reconciler does for all
            gateway.reconciler.close()
        self.actors.full.clear()
        await self.actors.all_arrived()
        for actor in list(self.actors.made):  # what is durable is all that counts
            self.actors.kill(actor)
        until = asyncio.get_running_loop().time() + REST_S_MAX
        while left := unheard(self.actors) or [each for each, of in self.chain.moves.items() if not of.is_done]:
            if asyncio.get_running_loop().time() > until:
                raise Broken("I22", f"nobody hears of {left}")
            await asyncio.sleep(2)
        self.in_force = [self.chain.policy]
        check_sums(self.actors)
        if self.shop_limits:
            check_shops_limits(self.actors, "web", IN_A_SHOP_MAX)
        await check_compared(self.gateways[0].router)
        keys = list(self.said)
        for who, key in self.random.sample(keys, min(len(keys), ASKED_AGAIN_MAX)):
            attempt, first, at_ms = self.said[who, key]
            if reason_of(first) is not None and self.now_ms() > at_ms + CALL_MS_MAX:
                continue  # no copy of a refused call arrives that late
            gateway = self.random.choice(self.gateways)
            again = await attempt(gateway, asyncio.get_running_loop().time() + 60)
            if word(again) != word(first):
                raise Broken("I5", f"{who} {key} was answered {first}, and later {again}")
            self.struck["asked long after"] += 1
        for gateway in self.gateways[1:]:
            gateway.reconcile()

    async def _long_after(self, gateway: Gateway) -> None:
        """Calls about what has ended, when it is due to be forgotten: they are answered, and nobody ends by them."""
        self.skipped_ms += 400 * DAY_MS
        for (who, key), (_, order, _) in self.said.items():
            if not isinstance(order, Order):
                continue
            late = cm.FanOut(f"{key} late", "x", order.number)
            await gateway.coordinator.fan_out(ledger_of_customer(who), late, asyncio.get_running_loop().time() + 60)
            for part in order.certain_parts():
                ready = shop.MarkReady(f"{who}{key}ready", part.reservation)
                await self.persist(gateway.router, part.store_id, ready)
            self.struck["called long after"] += 1

    async def _quiet(self, gateway: Gateway) -> None:
        """Time passes until nothing can be held any more; then everyone must have heard, and nothing is left."""
        self.skipped_ms += 40 * DAY_MS
        left: list[str] = []
        for _ in range(5):
            self.skipped_ms += DAY_MS  # who is passed over in line is served once more
            for process in list(self.actors.made.values()):
                process.host.sweep()
            await asyncio.sleep(20)
            left = unheard(self.actors)
            if not left and not any(ledger.open_reservations for ledger in self.shops()):
                break
        if left:
            raise Broken("I22", f"nobody hears of {left}")
        for ledger in self.shops():
            for sku, position in ledger.positions.items():
                if position.reserved:
                    raise Broken("I12", f"{ledger.ledger_id} still reserves {position.reserved} of {sku}")
            if ledger.slots_taken:
                raise Broken("I12", f"{ledger.ledger_id} still has {ledger.slots_taken}")
            for reservation in ledger.reservations.values():
                if reservation.status in LIVE:
                    raise Broken("I12", f"{ledger.ledger_id}:{reservation.number} is {reservation.status.name}")

"""What goes on in the background about hot SKUs, in each gateway about once a second, all of it safe to be done by
several and twice: announced SKUs are opened at their time, units are handed and given back, and SKUs are promoted and
demoted by how often they are asked for.

Each question is a task by the actors that it needs: one for the chain, one for each SKU's ledger, and one for each SKU
in each shop. An actor that is away delays none but its own.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from actors.core.chain import ANY_REVISION
from actors.core.ids import ledger_of_hot
from actors.core.policy import HotSku
from actors.protocol.messages import LedgerStopped
from actors.protocol.placement import CHAIN_ACTOR
from actors.runtime.clock import Clock
from actors.shop.hot.units import HotTotals
from serve.coordination.deliveries import PASSING
from serve.coordination.hot import HotCalls
from serve.coordination.hot_home import bring_sku_home
from serve.coordination.hot_units import HotUnits, have_actor
from serve.coordination.keyed_tasks import ROUND_WAIT_S, KeyedTask, KeyedTasks
from serve.routing.rates import Rates
from serve.routing.router import Router

EVERY_S: Final = 1.0
TASK_S: Final = 5.0  # of one task: no other waits for it
HOT_ROUNDS: Final = 2  # looks in a row at which a SKU is asked for so often, before it is promoted
CALM_ROUNDS: Final = 60  # looks in a row at which it is not, before it is demoted
CALM_SHARE: Final = 0.1  # of the rate that promotes
EMPTIED_S: Final = 60.0  # how long a closed ledger without units is left alone

Positions = dict[str, tuple[HotTotals, int, int]]  # by shop: its totals there, units on hand, and reserved ones

log = logging.getLogger("holdfast.hot")


class HotKeeper:
    """Runs in one event loop until it is closed. `rate` is how many calls a second through this gateway promote a SKU,
    0 for none.
    """

    def __init__(self, router: Router, units: HotUnits, calls: HotCalls, clock: Clock, rates: Rates, rate: int) -> None:
        self._router = router
        self._units = units
        self._calls = calls
        self._clock = clock
        self._rates = rates
        self._rate = rate
        self._hot_rounds: dict[str, int] = {}
        self._calm_rounds: dict[str, int] = {}
        self._versions: dict[str, int] = {}  # of the ledgers of open SKUs, at the last look
        # By SKU, the generation for which shops were seen to, and those that have not answered yet.
        self._seen: dict[str, tuple[int, set[str]]] = {}
        self._emptied: dict[str, float] = {}  # by SKU, when its closed ledger was seen to have no units
        self._tasks = KeyedTasks("seeing to hot SKUs")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._for_ever())

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._tasks.close()

    async def turn(self, wait_s: float = ROUND_WAIT_S) -> None:
        """Do what is to be done now. It goes on behind this where an actor does not answer within `wait_s`, and is then
        not waited for the next time.
        """
        await self._tasks.run([*self._announced(), *self._by_rates()], wait_s)
        hot = list(self._router.chain.hot.values())
        self._calls.forget(each.sku for each in hot)
        for each in hot:
            if self._seen.get(each.sku, (0, ()))[0] != each.generation:
                # Of shops without an actor nothing is known; they are asked when somebody wants units of them.
                self._seen[each.sku] = each.generation, set(await self._router.shops_with_actors())
                self._emptied.pop(each.sku, None)
        now = asyncio.get_running_loop().time()
        seen_to = [
            each for each in hot if each.generation and self._emptied.get(each.sku, -EMPTIED_S) + EMPTIED_S <= now
        ]
        await self._tasks.run([task for each in seen_to for task in self._for_shops(each)], wait_s)
        looks = [KeyedTask(ledger_of_hot(each.sku), partial(self._see_to, each, wait_s)) for each in seen_to]
        await self._tasks.run(looks, wait_s)

    def _announced(self) -> Iterator[KeyedTask]:
        hot, now_ms = self._router.chain.hot.values(), self._clock.now_ms()
        if any(each.announced and not each.is_open and each.from_ms <= now_ms for each in hot):
            yield KeyedTask(CHAIN_ACTOR, self._open_announced)

    async def _open_announced(self) -> None:
        await self._router.change_chain("open_announced", deadline=_soon())

    def _by_rates(self) -> Iterator[KeyedTask]:
        rates = self._rates.look(asyncio.get_running_loop().time())
        if not self._rate:
            return
        hot = self._router.chain.hot
        often = {sku for sku, rate in rates.items() if rate >= self._rate}
        self._hot_rounds = {sku: self._hot_rounds.get(sku, 0) + 1 for sku in often}
        for sku, rounds in self._hot_rounds.items():
            known = hot.get(sku)
            if rounds >= HOT_ROUNDS and (known is None or not known.is_open):
                yield KeyedTask(CHAIN_ACTOR, partial(self._promote, sku, rates[sku]))
        open_by_rate = [each.sku for each in hot.values() if each.is_open and not each.announced]
        calm = [sku for sku in open_by_rate if rates.get(sku, 0.0) < CALM_SHARE * self._rate]
        self._calm_rounds = {sku: self._calm_rounds.get(sku, 0) + 1 for sku in calm}
        for sku, rounds in self._calm_rounds.items():
            if rounds >= CALM_ROUNDS:
                yield KeyedTask(f"{ledger_of_hot(sku)} {CHAIN_ACTOR}", partial(self._demote_if_calm, sku, rounds))

    async def _promote(self, sku: str, rate: float) -> None:
        await have_actor(self._router, sku, _soon())
        if await self._router.change_chain("promote_sku", sku, 0, False, ANY_REVISION, deadline=_soon()):
            log.info("%s is hot: %d calls a second", sku, rate, extra={"sku": sku})

    async def _demote_if_calm(self, sku: str, rounds: int) -> None:
        if await self._is_calm(sku, rounds):
            await self._router.change_chain("demote_sku", sku, False, ANY_REVISION, deadline=_soon())
            log.info("%s is calm again", sku, extra={"sku": sku})

    async def _is_calm(self, sku: str, rounds: int) -> bool:
        """Whether its ledger has decided little, over all gateways, since the last time that this was asked."""
        version = (await self._positions(sku))[0]
        before = self._versions.get(sku)
        self._versions[sku] = version
        self._calm_rounds[sku] = 0
        return before is not None and version - before < CALM_SHARE * self._rate * rounds * EVERY_S

    def _for_shops(self, hot: HotSku) -> list[KeyedTask]:
        """Have shops hand their units, or get them back, that have not been asked since it was opened or closed."""
        _, unasked = self._seen[hot.sku]
        return self._in_shops(hot, {store_id: partial(self._for_shop, hot, store_id, unasked) for store_id in unasked})

    async def _for_shop(self, hot: HotSku, store_id: str, unasked: set[str]) -> None:
        place = store_id, hot.sku
        if hot.is_open:
            await self._units.hand(place, _soon())
        else:
            await self._units.give_back(place, 0, _soon())
        unasked.discard(store_id)

    async def _see_to(self, hot: HotSku, wait_s: float) -> None:
        """Bring a SKU's units to where they belong: in its ledger while it is open, else in the shops."""
        generation, unasked = self._seen[hot.sku]
        is_known = not unasked
        _, _, positions = await self._positions(hot.sku)
        is_empty = is_known and not any(on_hand for _, on_hand, _ in positions.values())
        if is_empty and not hot.is_open and self._seen[hot.sku][0] == generation:  # it was not opened meanwhile
            # Once more later on: what was read may not be durable, and units may be under way.
            self._emptied[hot.sku] = asyncio.get_running_loop().time()
        works = {store_id: partial(self._see_to_shop, hot, store_id, *there) for store_id, there in positions.items()}
        await self._tasks.run(self._in_shops(hot, works), wait_s)

    def _in_shops(self, hot: HotSku, works: Mapping[str, Callable[[], Awaitable[None]]]) -> list[KeyedTask]:
        """A key for each actor of shops, as that is what may be away. A stopped shop delays none of its neighbours."""

        async def run(work: Callable[[], Awaitable[None]]) -> None:
            with suppress(LedgerStopped):
                await work()

        return [
            KeyedTask(f"{ledger_of_hot(hot.sku)} {actor}", partial(run, works[store_id]))
            for actor, store_ids in self._router.by_actor(list(works)).items()
            for store_id in store_ids
        ]

    async def _see_to_shop(self, hot: HotSku, store_id: str, there: HotTotals, on_hand: int, reserved: int) -> None:
        """Do it in one shop, of whose units that ledger has so many."""
        deadline = _soon()
        [here] = await self._router.ask(store_id, "hot_totals", store_id, [hot.sku], deadline=deadline)
        place, free = (store_id, hot.sku), on_hand - reserved + here.over - there.over
        if here.short or (here.wanted and free > 0 and hot.is_open):
            await bring_sku_home(self._router, self._units, self._calls, place, deadline)
        elif free > 0 and not hot.is_open:
            await self._units.give_back(place, 0, deadline)
        elif there.back > here.back:
            await self._units.take_back(place, there.back, deadline)
        elif here.over > there.over:
            await self._units.receive(place, here.over, deadline)

    async def _positions(self, sku: str) -> tuple[int, int, Positions]:
        ledger_id = ledger_of_hot(sku)
        found: tuple[int, int, Positions] = await self._router.ask(
            ledger_id, "positions", ledger_id, [], deadline=_soon()
        )
        return found

    def _pause_s(self) -> float:
        """Until the next turn: an announced SKU is opened at its instant."""
        now_ms, hot = self._clock.now_ms(), self._router.chain.hot.values()
        waits_ms = [each.from_ms - now_ms for each in hot if each.announced and not each.is_open]
        return min([EVERY_S, *(wait_ms / 1_000 for wait_ms in waits_ms if wait_ms > 0)])

    async def _for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._pause_s())
            try:
                await self.turn()
            except PASSING as error:
                log.warning("hot SKUs are seen to again: %r", error)
            except Exception:
                log.exception("seeing to hot SKUs failed, and is tried again")


def _soon() -> float:
    return asyncio.get_running_loop().time() + TASK_S

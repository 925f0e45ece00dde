"""What goes on in the background about hot SKUs, in each gateway about once a second, all of it safe to be done by
several and twice: announced SKUs are opened at their time, units are handed and given back, and SKUs are promoted and
demoted by how often they are asked for.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from actors.core.chain import ANY_REVISION
from actors.core.ids import ledger_of_hot
from actors.core.policy import HotSku
from actors.runtime.clock import Clock
from actors.shop.hot import HotTotals
from serve.coordination.deliveries import PASSING
from serve.coordination.hot import HotCalls
from serve.coordination.hot_home import bring_sku_home
from serve.coordination.hot_units import HotUnits
from serve.routing.rates import Rates
from serve.routing.router import Router

EVERY_S: Final = 1.0
TURN_S: Final = 5.0
HOT_ROUNDS: Final = 2  # looks in a row at which a SKU is asked for so often, before it is promoted
CALM_ROUNDS: Final = 60  # looks in a row at which it is not, before it is demoted
CALM_SHARE: Final = 0.1  # of the rate that promotes
EMPTIED_S: Final = 60.0  # how long a closed ledger without units is left alone
SHOPS_AT_ONCE: Final = 64  # whose units are seen to at the same time

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
        # By SKU, the generation for which shops were seen to, and those that did not answer.
        self._seen: dict[str, tuple[int, list[str]]] = {}
        self._emptied: dict[str, float] = {}  # by SKU, when its closed ledger was seen to have no units
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._for_ever())

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def turn(self) -> None:
        """Do what is to be done now."""
        deadline = asyncio.get_running_loop().time() + TURN_S
        await self._open_announced(deadline)
        await self._go_by_rates(deadline)
        now, hot = asyncio.get_running_loop().time(), list(self._router.chain.hot.values())
        self._calls.forget(each.sku for each in hot)
        for each in hot:
            if self._seen.get(each.sku, (0, []))[0] != each.generation:
                self._emptied.pop(each.sku, None)
            if each.generation and self._emptied.get(each.sku, -EMPTIED_S) + EMPTIED_S <= now:
                with suppress(*PASSING):  # another SKU need not wait for that, and the next turn goes on
                    await self._see_to(each, deadline)

    async def _open_announced(self, deadline: float) -> None:
        hot, now_ms = self._router.chain.hot.values(), self._clock.now_ms()
        if any(each.announced and not each.is_open and each.from_ms <= now_ms for each in hot):
            await self._router.change_chain("open_announced", deadline=deadline)

    async def _go_by_rates(self, deadline: float) -> None:
        rates = self._rates.look(asyncio.get_running_loop().time())
        if not self._rate:
            return
        hot = self._router.chain.hot
        often = {sku for sku, rate in rates.items() if rate >= self._rate}
        self._hot_rounds = {sku: self._hot_rounds.get(sku, 0) + 1 for sku in often}
        for sku, rounds in self._hot_rounds.items():
            known = hot.get(sku)
            if rounds < HOT_ROUNDS or (known is not None and known.is_open):
                continue
            if await self._router.change_chain("promote_sku", sku, 0, False, ANY_REVISION, deadline=deadline):
                log.info("%s is hot: %d calls a second", sku, rates[sku], extra={"sku": sku})
        open_by_rate = [each.sku for each in hot.values() if each.is_open and not each.announced]
        calm = [sku for sku in open_by_rate if rates.get(sku, 0.0) < CALM_SHARE * self._rate]
        self._calm_rounds = {sku: self._calm_rounds.get(sku, 0) + 1 for sku in calm}
        for sku, rounds in self._calm_rounds.items():
            if rounds >= CALM_ROUNDS and await self._is_calm(sku, rounds, deadline):
                await self._router.change_chain("demote_sku", sku, False, ANY_REVISION, deadline=deadline)
                log.info("%s is calm again", sku, extra={"sku": sku})

    async def _is_calm(self, sku: str, rounds: int, deadline: float) -> bool:
        """Whether its ledger has decided little, over all gateways, since the last time that this was asked."""
        version = (await self._positions(sku, deadline))[0]
        before = self._versions.get(sku)
        self._versions[sku] = version
        self._calm_rounds[sku] = 0
        return before is not None and version - before < CALM_SHARE * self._rate * rounds * EVERY_S

    async def _see_to(self, hot: HotSku, deadline: float) -> None:
        """Bring a SKU's units to where they belong: in its ledger while it is open, else in the shops."""
        generation, away = self._seen.get(hot.sku, (0, []))
        if generation != hot.generation:
            # Of shops without an actor nothing is known; they are asked when somebody wants units of them.
            away = list(await self._router.shops_with_actors())
        if away:
            away = await self._for_shops(hot, away, deadline)
        self._seen[hot.sku] = hot.generation, away
        _, _, positions = await self._positions(hot.sku, deadline)
        if not hot.is_open and not away and not any(on_hand for _, on_hand, _ in positions.values()):
            # Once more later on: what was read may not be durable, and units may be under way.
            self._emptied[hot.sku] = asyncio.get_running_loop().time()
        works = (self._see_to_shop(hot, store_id, *each, deadline) for store_id, each in positions.items())
        await asyncio.gather(*works)

    async def _see_to_shop(
        self, hot: HotSku, store_id: str, there: HotTotals, on_hand: int, reserved: int, deadline: float
    ) -> None:
        """The same of one shop, of whose units that ledger has so many."""
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

    async def _for_shops(self, hot: HotSku, store_ids: Iterable[str], deadline: float) -> list[str]:
        """Those of the shops that did not answer."""
        asked = iter(store_ids)
        away: list[str] = []

        async def run() -> None:
            for store_id in asked:
                place = store_id, hot.sku
                try:
                    await (
                        self._units.hand(place, deadline) if hot.is_open else self._units.give_back(place, 0, deadline)
                    )
                except PASSING:
                    away.append(store_id)

        await asyncio.gather(*(run() for _ in range(SHOPS_AT_ONCE)))
        return away

    async def _positions(self, sku: str, deadline: float) -> tuple[int, int, Positions]:
        ledger_id = ledger_of_hot(sku)
        found: tuple[int, int, Positions] = await self._router.ask(
            ledger_id, "positions", ledger_id, [], deadline=deadline
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

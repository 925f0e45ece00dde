"""A world in which one SKU is promoted and demoted in the middle of everything else, and some callers want it alone."""

import asyncio
from contextlib import suppress
from typing import Any, Final

from msgspec.structs import replace

from actors.core.chain import Chain, SkuDemoted, SkuPromoted, evolve_chain
from actors.core.ids import is_hot, ledger_of_hot, sku_of_ledger
from actors.core.status import ReleaseReason
from actors.protocol.messages import Answer, Held, Refusal
from actors.shop import commands as shop
from serve.calls import failure_of
from serve.coordination import hot_home
from serve.coordination.hot_keeper import HotKeeper
from serve.routing.batcher import DeadlinePassed
from serve.routing.rates import Rates
from tests.shop.hot_ends import across_hot
from tests.simulation.chain_world import SHOPS, ChainWorld
from tests.simulation.checks import Broken
from tests.simulation.gateways import Gateway
from tests.simulation.transfer_callers import audits

SKU: Final = "A"
HOT: Final = ledger_of_hot(SKU)
TURN_S: Final = 3.0  # about, between promotions and demotions
STEPS: Final = ("confirm", "collect", "release", "extend", "leave")
UNITS_COUNTED_MAX: Final = 6
HOME_S_MAX: Final = 60  # until all units are in the shops again


class HotWorld(ChainWorld):
    """As any other, with calls for a SKU that is hot now and then. Limits of shops would keep it from that."""

    wanted = 0.6  # of all calls, those for the hot SKU alone
    counted = 0.1  # counts of it
    shop_limits = False

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.keepers: list[HotKeeper] = []
        self.counting: set[tuple[str, str]] = set()  # shops and keys of counts that are not answered yet
        self.beyond: set[str] = set()  # shops that lack what is still to come home behind an answer
        self.stamps: list[tuple[str, str]] = []  # by shop, as they were told: some are over

    def _chain(self) -> Chain:
        chain = super()._chain()
        return replace(chain, policy=replace(chain.policy, limit_rules=()))

    async def restart_gateways(self) -> None:
        await super().restart_gateways()
        for keeper in self.keepers:
            keeper.close()
        self.keepers = [HotKeeper(each.router, each.units, each.hot, self, Rates(), 0) for each in self.gateways]
        for keeper in self.keepers:
            keeper.start()

    def may_move(self) -> bool:
        """A hold that moves is in neither ledger for a moment, and comes to its shop whatever limits are then."""
        there = next((each for each in self.shops() if each.ledger_id == HOT), None)
        return there is None or bool(there.hot.moving)

    def turn(self) -> None:
        """Promote the SKU, or demote it. Nobody has heard of it."""
        known = self.chain.hot.get(SKU)
        is_open = known is not None and known.is_open
        event = (
            SkuDemoted(SKU, self.now_ms())
            if is_open
            else SkuPromoted(SKU, True, self.now_ms(), f"{self.trouble_random.random()}")
        )
        self.chain = evolve_chain(self.chain, event)
        self.struck["demoted" if is_open else "promoted"] += 1

    async def customer(self, who: str) -> None:
        turning = asyncio.create_task(self._turn_now_and_then()) if who == "ann" else None
        try:
            await super().customer(who)
        finally:
            if turning is not None:
                turning.cancel()
                with suppress(asyncio.CancelledError):
                    await turning

    async def _turn_now_and_then(self) -> None:
        while True:
            self.turn()
            await asyncio.sleep(self.trouble_random.random() * 2 * TURN_S)

    async def call(self, who: str) -> None:
        if self.random.random() < self.counted:
            await self.count(who, f"{who} counts {len(self.said)}")
        elif self.random.random() >= self.wanted:
            await super().call(who)
        else:
            await self.want(who, self.key_of_want(who))

    def key_of_want(self, who: str) -> str:
        """Mostly a new one; now and then one that was used for something else, in a shop or for an order."""
        used = [key for key in self._used if key.startswith(who)]
        if not used or self.random.random() >= self.reused_keys:
            return f"{who} wants {len(self.said)}"
        key = self.random.choice(used)
        self.reused.add(key)
        self.struck["used key of something else wanted"] += 1
        return key

    async def count(self, who: str, key: str) -> None:
        """A shop is counted, or its till sells: from the answer on no more of it is promised there than there is, but
        where the SKU's ledger does not answer.
        """
        store_id, units = self.random.choice(SHOPS), self.random.randint(0, UNITS_COUNTED_MAX)
        command: shop.CountStock | shop.AdjustStock = shop.CountStock(key, ((SKU, units),), 0, holds_included=True)
        if self.random.random() < 0.5:
            row = shop.Movement(SKU, -units or -1, 0, shop.AdjustmentKind.SALE, 0)
            command = shop.AdjustStock(key, f"till of {who}", (row,))
        entry = store_id, command
        self.counting.add((store_id, key))

        async def attempt(gateway: Gateway, end: float) -> Answer:
            was_beyond = store_id in self.beyond
            answer = _sure(await gateway.router.send(entry, end, promise=False))
            is_home = await hot_home.bring_home(gateway.router, gateway.units, gateway.hot, entry, end)
            self.counting.discard((store_id, key))
            if not is_home:
                self.beyond.add(store_id)
                self.struck["counted, and brought home later"] += 1
            elif was_beyond:  # this one has brought home what others left
                self.beyond.discard(store_id)
            self.check_promised(store_id)
            return answer

        await self.repeat(who, f"{key} in {store_id}", attempt)
        self.struck["counted" if isinstance(command, shop.CountStock) else "sold at a till"] += 1

    def check_promised(self, store_id: str) -> None:
        """What a shop and the SKU's ledger promise of it, by what is in memory. Another count may be under way."""
        if store_id in self.beyond or any(store_id == each for each, _ in self.counting):
            return
        self.struck["looked at what is promised"] += 1
        if beyond := self._promised_beyond(store_id):
            raise Broken("I2", f"{beyond} units promised in {store_id} that are not there, behind a count")

    def _promised_beyond(self, store_id: str) -> int:
        ledgers = {each.ledger_id: each for each in self.shops()}
        here, there = ledgers.get(store_id), ledgers.get(HOT)
        if here is None or SKU not in here.positions:
            return 0
        position, hot = here.positions[SKU], None if there is None else there.positions.get(store_id)
        units = max(0, position.on_hand - position.allotted + here.hot.left(SKU))
        promised = position.reserved + (0 if hot is None else hot.reserved)
        return max(0, promised - units)

    async def _all_home(self) -> None:
        """Once nothing fails, keepers bring home what was not home behind a count's answer."""
        until = asyncio.get_running_loop().time() + HOME_S_MAX
        while self.beyond:
            self.beyond = {each for each in self.beyond if self._promised_beyond(each)}
            if asyncio.get_running_loop().time() > until:
                raise Broken("I2", f"nobody brings home what {self.beyond} lack")
            await asyncio.sleep(2)

    async def want(self, who: str, key: str) -> None:
        """Some of it in one shop, and a step or two after that."""
        store_id, ttl_ms = self.random.choice(SHOPS), self.random.choice((0, 60_000))
        lines = ((SKU, self.random.randint(1, 2)),)
        if key not in self.reused:
            key += self._stamp(store_id)
            self._used.setdefault(key, True)  # and orders may use it again
        command = shop.Reserve(key, who, self.channel(), "", lines, ttl_ms)
        place = [store_id]
        tries = [0]

        async def attempt(gateway: Gateway, end: float) -> Answer:
            tries[0] += 1
            place[0], answer = await gateway.hot.reserve((store_id, command), end, is_first=tries[0] == 1)
            if told := gateway.hot.stamp((store_id, command)):
                self.stamps.append((store_id, told))
                self.struck["told a stamp"] += 1
            return _sure(answer)

        held = await self.repeat(who, f"{key} in {store_id}", attempt)
        if isinstance(held, Refusal):
            self.struck[f"wanted, and {held.rejection.reason.name}"] += 1
            return
        assert isinstance(held, Held), f"{command} was answered {held}"
        self.struck["held by the hot SKU's ledger" if place[0] == HOT else "held by the shop"] += 1
        for number in range(self.random.randint(1, 3)):
            await self._step(who, f"{key} {number} of {store_id}", place[0], held.number)  # the key may be reused

    def _stamp(self, store_id: str) -> str:
        """What a key ends with: mostly the newest that is known of its shop, or one of another shop, or of long ago."""
        of_shop = [stamp for each, stamp in self.stamps if each == store_id]
        chance = self.random.random()
        if chance < 0.5:
            return of_shop[-1] if of_shop else ""
        return self.random.choice(self.stamps)[1] if self.stamps and chance < 0.8 else ""

    async def _step(self, who: str, key: str, ledger_id: str, number: int) -> None:
        word = self.random.choice(STEPS)
        commands: dict[str, Any] = {
            "confirm": shop.Confirm(key, number, 0),
            "collect": shop.Collect(key, number, "p", ()),
            "release": shop.Release(key, number, ReleaseReason.CUSTOMER_CANCELLED, ()),
            "extend": shop.Extend(key, number, 60_000),
        }
        if word == "leave":
            return

        async def attempt(gateway: Gateway, end: float) -> Answer:
            entry = ledger_id, commands[word]
            if is_hot(ledger_id):
                _, answer = await gateway.hot.step(entry, end)
            else:
                answer = await gateway.router.send(entry, end, promise=True)
            return _sure(answer)

        answer = await self.repeat(who, f"{key} {word}", attempt)
        self.struck[f"{word} of a hot one"] += not isinstance(answer, Refusal) and is_hot(ledger_id)

    async def _rest(self) -> None:
        """Everybody hears of everything; and what both ends say of the units agrees."""
        await super()._rest()
        await self._all_home()
        found = audits(self.actors.disks)
        of_skus = {sku_of_ledger(each): found.pop(each) for each in list(found) if is_hot(each)}
        if violations := list(across_hot(found, of_skus)):
            raise Broken("I20", str(violations))

    async def _quiet(self, gateway: Gateway) -> None:
        """At the end it is closed, and its units come home."""
        known = self.chain.hot.get(SKU)
        if known is not None and known.is_open:
            self.turn()
        await super()._quiet(gateway)
        until = asyncio.get_running_loop().time() + HOME_S_MAX
        while away := self._away():
            if asyncio.get_running_loop().time() > until:
                raise Broken("I20", f"units do not come home: {away}")
            await asyncio.sleep(2)
        self.struck["all came home"] += 1

    def _away(self) -> dict[str, int]:
        """Units by shop that are with the SKU's ledger, or on their way."""
        return {each.ledger_id: each.hot.left(SKU) for each in self.shops() if each.hot.left(SKU)}


def _sure(answer: Answer) -> Answer:
    """The answer, if it is one. Raises DeadlinePassed for what only waits for news."""
    failure = failure_of(answer)
    if failure is not None:
        raise DeadlinePassed(sent=True) from failure
    return answer

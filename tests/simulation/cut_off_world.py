"""A chain of shops whose limits and pauses change for an hour, while one of its two gateways cannot reach the chain.

Grants, orders, amendments, restarts and failing disks go on, through both. What SetPolicy and PutStores say must hold:
an actor that they had adopt a rule, or a shop's pause, decides by none before, and a minute after the last of them
nobody gets more than it allows.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Any, Final

from msgspec.structs import replace

from actors.core.chain import Store, StoresPut, evolve_chain
from actors.core.policy import HOUR_MS
from serve.routing.batcher import DeadlinePassed
from tests.simulation.chain_world import SHOPS, ChainWorld
from tests.simulation.checks import Broken
from tests.simulation.gateways import Gateway
from tests.simulation.troubles import Troubles

AWAY_MS: Final = HOUR_MS
LEAP_MS: Final = 45_000  # at each look: no copy of a call arrives after its refusal is forgotten
PAUSE_S_MAX: Final = 12.0  # of a customer
BIND_S: Final = 5.0
UNDER_WAY_S: Final = 60.0  # longer than what was decided by older rules takes to arrive
LOOK_EVERY_S: Final = 3.0
PAUSED_SHARE: Final = 0.2  # of the looks


class CutOffTroubles(Troubles):
    """Those of any chain, but for the line to it, which stays as it is."""

    _world: "CutOffWorld"

    def _happens(self) -> tuple[tuple[Callable[[], Awaitable[None]], int], ...]:
        kept = [(what, weight) for what, weight in super()._happens() if what != self._gateway_loses_the_chain]
        return tuple((what, weight or 3) for what, weight in kept)

    async def _rules_change(self) -> None:
        await super()._rules_change()
        gateway = self._world.gateways[0]
        gateway.begin(self._world.bind(gateway))


class CutOffWorld(ChainWorld):
    """Of two gateways the second is away from the chain, for an hour of the ledgers' time."""

    rounds = 1
    reused_keys = 0.0  # what is forgotten of the first use within the hour would change the answer to the second
    troubles = CutOffTroubles
    chain_comes_back = False

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.round_s = 2.0  # an hour has many
        self.until_ms = self.newcomers = 0
        self._bound: dict[str, int] = {}  # by actor, and by ledger: the version of the rules that it was had adopt
        self._heard: dict[str, int] = {}  # by ledger: the version that it has
        self._pauses = Random(f"pauses {seed}")
        self._paused: dict[str, int] = {}  # by shop: the revision of its pause that it was had adopt
        self._oldest = 0  # version that anything can still be under way by
        self._bound_by: list[tuple[float, int]] = []  # from when on all actors had

    def look(self, process: Any) -> None:
        for ledger_id in process.host.recovered_ids():
            policy = process.host.stale_read(ledger_id).policy
            version, least = policy.version, self._paused.get(ledger_id, 0)
            if policy.shop_revision < least:
                raise Broken(
                    "I15", f"{ledger_id} goes by its pause of {policy.shop_revision}, and {least} was to bind it"
                )
            if version > 1:  # else it has none yet, and begins with the chain's, as they were when these were asked for
                self._heard[ledger_id] = version
                if version < (least := self._bound.get(ledger_id, self._oldest)):
                    raise Broken("I15", f"{ledger_id} decides by rules {version}, and {least} were to bind it")
        super().look(process)

    async def bind(self, gateway: Gateway) -> None:
        """What SetPolicy does, and PutStores. Those that it does not reach are told to its caller."""
        router, until = gateway.router, asyncio.get_running_loop().time() + BIND_S
        with suppress(DeadlinePassed):
            await router.refresh_chain(until)
            version = router.chain.policy.version
            shops_of = router.by_actor(list(router.chain.stores))
            named = {each: (router.rules_for(each), shops_of.get(each, [])) for each in sorted(self.actors.known)}
            begun = router.by_actor(list(self._heard))
            pauses = {each: router.chain.policy_of(each).shop_revision for each in router.chain.stores}
            answers = await router.ask_each("bind", named, deadline=until)
            for actor, stopped in answers.items():
                if stopped == []:
                    bound = (actor, *begun.get(actor, []))
                    self._bound |= {each: max(version, self._bound.get(each, 0)) for each in bound}
                    self.struck["rules that bind from now on"] += 1
                    for each in shops_of.get(actor, []):
                        self._paused[each] = max(pauses[each], self._paused.get(each, 0))

    async def run(self) -> None:
        """See `ChainWorld.run`. In the middle of it the hour passes in leaps."""
        time = asyncio.create_task(self._time_passes())
        try:
            await super().run()
        finally:
            time.cancel()
            with suppress(asyncio.CancelledError):
                await time

    async def customer(self, who: str) -> None:
        if not self.until_ms:
            self.until_ms = self.now_ms() + AWAY_MS
            self.gateways[1].line.no_chain = True
        while self.now_ms() < self.until_ms:
            await asyncio.sleep(self.random.random() * PAUSE_S_MAX)
            self.newcomers += 1
            await self.call(self.random.choice((who, who, f"{who}-{self.newcomers}")))  # whose ledger has no rules yet

    async def restart_gateways(self) -> None:
        """The one that is cut off lives on, or has the chain for a moment as it starts."""
        if not self.until_ms:
            await super().restart_gateways()
            return
        first, second = self.gateways
        stays = self.trouble_random.random() < 0.7
        fresh = [Gateway(self)] if stays else [Gateway(self), Gateway(self)]
        for gateway in fresh:
            await gateway.start()
        first.close()
        if not stays:
            second.close()
            fresh[1].line.no_chain = True
            self.struck["gateway that is cut off restarted"] += 1
        self.gateways = [*fresh, second][:2]

    async def _time_passes(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._forget_rules(asyncio.get_running_loop().time())
            if self.now_ms() < self.until_ms:
                self.skipped_ms += LEAP_MS
                if self._pauses.random() < PAUSED_SHARE:
                    store = self.chain.stores[self._pauses.choice(SHOPS)]
                    self._put(replace(store, paused=not store.paused))

    def _put(self, store: Store) -> None:
        """What PutStores does."""
        self.chain = evolve_chain(self.chain, StoresPut((store,)))
        self.struck["shop paused"] += store.paused
        self.gateways[0].begin(self.bind(self.gateways[0]))

    async def _quiet(self, gateway: Gateway) -> None:
        for store in list(self.chain.stores.values()):
            self._put(replace(store, paused=False))
        await super()._quiet(gateway)

    def _forget_rules(self, now_s: float) -> None:
        """Those that no actor has decided by for so long that nothing can be under way by them."""
        bound = [self._bound.get(each, 0) for each in self.actors.known]
        unbound = [version for each, version in self._heard.items() if each not in self._bound]
        self._bound_by.append((now_s, min((*bound, *unbound), default=0)))
        self._oldest = max((version for at_s, version in self._bound_by if at_s <= now_s - UNDER_WAY_S), default=0)
        kept = [policy for policy in self.in_force if policy.version >= self._oldest]
        self.struck["older rules bind nobody any more"] += len(self.in_force) - len(kept)
        self.in_force = kept

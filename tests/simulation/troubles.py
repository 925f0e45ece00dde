"""What befalls a chain's world while its callers call: rules change, gateways and actors go, disks fail."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from actors.core.policy import DAY_MS, ChainLimitRule
from actors.journal.port import JournalError
from tests.simulation.checks import Broken

if TYPE_CHECKING:
    from tests.simulation.chain_world import ChainWorld

EVERY_S: Final = 1.0  # about
UNITS: Final = (2, 4, 6, 9)  # of a SKU, for one customer, over the chain
OPEN: Final = (2, 4, 8)


class Troubles:
    """One thing after the other until the task is cancelled."""

    def __init__(self, world: "ChainWorld") -> None:
        self._world = world
        self._rules_change_often = world.trouble_random.choice((0, 6))  # limits that stay show most of what breaks them

    async def run(self) -> None:
        """Until it is cancelled."""
        random, happens = self._world.trouble_random, self._happens()
        while True:
            await asyncio.sleep(random.random() * 2 * EVERY_S)
            (what,) = random.choices([what for what, _ in happens], weights=[weight for _, weight in happens])
            if not self._world.calm.lasts:
                await what()

    def _happens(self) -> tuple[tuple[Callable[[], Awaitable[None]], int], ...]:
        """What may happen, and how often."""
        return (
            (self._rules_change, self._rules_change_often),
            (self._gateway_loses_the_chain, 2),
            (self._gateways_restart, 2),
            (self._everything_restarts, 2),
            (self._disk_fails, 4),
            (self._disk_is_full, 2),
            (self._actor_is_stopped, 3),
            (self._actors_tidy, 8),
            (self._shop_moves, 4),
        )

    async def _rules_change(self) -> None:
        world, random = self._world, self._world.trouble_random
        skus = ("A", "B") if random.random() < 0.7 else ("A",)
        rules = tuple(ChainLimitRule("", sku, 0, random.choice(UNITS), 365 * DAY_MS) for sku in skus)
        if random.random() < 0.4:
            rules += (ChainLimitRule("", "", random.choice(OPEN), 0, 0),)
        world.adopt(replace(world.chain.policy, version=world.chain.policy.version + 1, chain_limit_rules=rules))
        world.struck["rules changed"] += 1

    async def _shop_moves(self) -> None:
        """To the actor of another shop, or to its own again, carried by some gateway, which may go meanwhile."""
        world, random = self._world, self._world.trouble_random
        store_id, other = random.choices(sorted(world.chain.stores), k=2)
        gateway = random.choice(world.gateways)
        world.struck["shop asked to move"] += 1
        gateway.begin(gateway.move(store_id, f"store-{other}"))

    async def _gateway_loses_the_chain(self) -> None:
        world = self._world
        gateway = world.trouble_random.choice(world.gateways)
        gateway.line.no_chain = not gateway.line.no_chain
        world.struck["gateway lost the chain"] += gateway.line.no_chain

    async def _gateways_restart(self) -> None:
        self._world.struck["every gateway restarted"] += 1
        await self._world.restart_gateways()

    async def _everything_restarts(self) -> None:
        world = self._world
        world.struck["everything restarted"] += 1
        for actor in list(world.actors.made):
            world.actors.kill(actor)
        await world.restart_gateways()

    async def _disk_fails(self) -> None:
        """The next append of some actor: before it is written, or after, and nobody hears of it."""
        world, random = self._world, self._world.trouble_random
        if world.actors.journals:
            journal = world.actors.journals[random.choice(sorted(world.actors.journals))]
            if random.random() < 0.5:
                journal.fail_before()
                world.struck["append failed"] += 1
            else:
                journal.fail_after()
                world.struck["append done and not heard of"] += 1

    async def _disk_is_full(self) -> None:
        """For a while nothing can be written, a take-over included."""
        world, random = self._world, self._world.trouble_random
        full = random.choice(sorted(world.actors.known))
        world.struck["disk full"] += 1
        world.actors.kill(full)
        world.actors.full.add(full)
        await asyncio.sleep(random.random() * 3 * EVERY_S)
        world.actors.full.discard(full)

    async def _actor_is_stopped(self) -> None:
        """SIGSTOP, a successor, and SIGCONT: the one before is asked again now and then, and must not answer."""
        world, random = self._world, self._world.trouble_random
        if world.actors.made:
            world.actors.stop(random.choice(sorted(world.actors.made)))
            world.struck["actor stopped"] += 1

    async def _actors_tidy(self) -> None:
        """Sweeps, snapshots and checkpoints, which may fail."""
        world, random = self._world, self._world.trouble_random
        for actor in sorted(world.actors.made):
            process, journal = world.actors.made[actor], world.actors.journals[actor]
            fails = random.choice(("", "", "", "checkpoint", "write_snapshot"))
            if fails:
                journal.fail_call(fails)
            try:
                served = process.host.ledger_ids()  # all, from now on
                process._bind_the_quiet()
                process.host.sweep()
                for ledger_id in served:
                    process.host.snapshot_if_moved(ledger_id)
                process.host.upkeep.do()
            except JournalError:
                world.struck[f"{fails or 'tidying'} failed"] += 1
                if world.actors.made.get(actor) is process:
                    raise Broken("L10", f"{actor} lives on after a failure of its disk") from None
            else:
                if fails == "checkpoint":
                    world.struck["checkpoint failed"] += 1
                    raise Broken("L10", f"nobody heard that a checkpoint of {actor} failed")

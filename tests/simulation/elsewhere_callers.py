"""A world in which pickers miss units that their customers are to have in another shop, whatever befalls gateways,
actors and what they say.
"""

import asyncio
from collections import Counter
from typing import Final

from msgspec.structs import replace

from actors.core.ids import format_reservation_id, is_customers
from actors.core.status import ShortChoice
from actors.protocol.messages import Answer, Held
from actors.shop import commands as shop
from actors.shop.events import Confirmed, Released, Reserved
from actors.shop.picking.pick_task import ClaimPick, PickTask, ShortPick
from actors.shop.shortfalls.events import ShortfallResolved
from actors.shop.shortfalls.shortfall import Resolution, ShortfallCause, key_elsewhere
from serve.services.reservation_batches import RESERVE
from tests.journal.memory import MemoryDisk
from tests.simulation.chain_checks import at_home, history
from tests.simulation.chain_world import REST_S_MAX, SHOPS, SKUS, ChainWorld
from tests.simulation.checks import Broken
from tests.simulation.gateways import STEP, Gateway

NEAR_MAX: Final = 3


class ElsewhereWorld(ChainWorld):
    """As any other, with short picks among the calls."""

    shorts = 0.6  # of all calls

    async def call(self, who: str) -> None:
        if self.random.random() >= self.shorts:
            await super().call(who)
            return
        await self.miss(who)

    async def miss(self, who: str) -> None:
        """Reserved, confirmed, taken by a picker, and not there; now and then the rest is not there either."""
        store_id, key = self.random.choice(SHOPS), f"{who} misses {len(self.said)}"
        units = self.random.randint(1, 3)
        wanted = shop.Reserve(key, who, self.channel(), "", ((self.random.choice(SKUS), units),), 0)
        held = await self.repeat(who, key, lambda gateway, end: gateway.decide(RESERVE, (store_id, wanted), end))
        if not isinstance(held, Held):
            return
        confirm = store_id, shop.Confirm(f"{key} c", held.number, 0)
        await self.repeat(who, f"{key} c", lambda gateway, end: gateway.decide(STEP, confirm, end))
        claim = store_id, ClaimPick(f"{key} p", held.number, who, 0)
        await self.repeat(who, f"{key} p", lambda gateway, end: gateway.router.send(claim, end, promise=True))
        while units:
            missing = self.random.randint(1, units)
            units -= missing
            of = f"{key} s{units}", held.number, who, wanted.lines[0][0], missing
            await self.short(who, store_id, ShortPick(*of, ShortChoice.ELSEWHERE))

    async def short(self, who: str, store_id: str, command: ShortPick) -> None:
        """Asked for until it is answered. Each gateway knows other shops near by, and may end before it asks them."""
        others = [each for each in SHOPS if each != store_id]

        async def attempt(gateway: Gateway, deadline: float) -> Answer:
            near = tuple(self.random.sample(others, self.random.randint(0, NEAR_MAX)))
            answer = await gateway.router.send((store_id, replace(command, near=near)), deadline, promise=True)
            if isinstance(answer, PickTask) and self.random.random() < 0.7:
                task = await gateway.router.ask(store_id, "shortfall", store_id, answer.version - 1, deadline=deadline)
                if task is not None:
                    await gateway.reconciler.elsewhere.move(store_id, task, deadline)
            return answer

        answer = await self.repeat(who, command.key, attempt)
        self.struck["missed by a picker"] += isinstance(answer, PickTask)

    async def _rest(self) -> None:
        """What moves has moved first."""
        for gateway in self.gateways:
            gateway.line.no_chain = False
        self.actors.full.clear()
        await self.actors.all_arrived()
        until = asyncio.get_running_loop().time() + REST_S_MAX
        while left := [each for ledger in self.shops() for each in ledger.tasks.moving]:
            if asyncio.get_running_loop().time() > until:
                raise Broken("I22", f"nobody moves {left}")
            await asyncio.sleep(2)
        await super()._rest()
        self.struck |= check_elsewhere(self.actors.disks)


def check_elsewhere(disks: dict[str, MemoryDisk]) -> Counter[str]:
    """What became of each task that moves by itself, by the journals of all shops: what was moved is confirmed once,
    where its shop says so; anything else nowhere. Raises Broken.
    """
    lost: dict[str, str] = {}  # keys of tasks, and where they were moved to
    numbers: dict[tuple[str, int], str] = {}
    had: dict[str, list[str]] = {}
    events = [
        (ledger_id, version, event)
        for disk, ledger_id in at_home(disks)
        if not is_customers(ledger_id)
        for version, _, _, event in history(disk, ledger_id)
    ]
    for ledger_id, version, event in events:
        match event:
            case Released(cause=ShortfallCause.NOT_FOUND):
                lost.setdefault(key_elsewhere(ledger_id, version), "")
            case ShortfallResolved(resolution=Resolution.MOVED) if event.moved_to:
                lost[key_elsewhere(ledger_id, event.number)] = event.moved_to
            case Reserved() if event.command.key.startswith("\t"):
                numbers[ledger_id, version] = event.command.key
            case Confirmed() if (key := numbers.get((ledger_id, event.number))) is not None:
                had.setdefault(key, []).append(format_reservation_id(ledger_id, event.number))
    for key, moved_to in lost.items():
        if had.pop(key, []) != ([moved_to] if moved_to else []):
            raise Broken("I7", f"{key} was moved to {moved_to or 'nothing'}, and is held otherwise")
    if had:
        raise Broken("I7", f"{had} are of no task")
    return Counter(
        {"moved elsewhere": sum(map(bool, lost.values())), "went without": sum(not at for at in lost.values())}
    )

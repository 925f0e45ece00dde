"""A world in which pickers miss units that their customers are to have in another shop, whatever befalls gateways,
actors and what they say.
"""

import asyncio
from collections import Counter
from typing import Final

from msgspec.structs import replace

from actors.core.ids import format_reservation_id, ledger_of_customer
from actors.core.status import LIVE, ShortChoice
from actors.orders import commands as cm
from actors.orders.events import AmendOpened, Committed
from actors.orders.state import Order
from actors.protocol.messages import Answer, Held
from actors.shop import commands as shop
from actors.shop.events import Collected, Confirmed, Expired, OutcomeApplied, Released, Reserved
from actors.shop.picking.pick_task import ClaimPick, PickTask, ShortPick
from actors.shop.shortfalls.events import ShortfallResolved
from actors.shop.shortfalls.shortfall import Resolution, ResolveShortfall, ShortfallCause, key_elsewhere
from serve.coordination.replanning import no_other_plan
from serve.services.reservation_batches import RESERVE
from tests.journal.memory import MemoryDisk
from tests.simulation.chain_checks import at_home, history
from tests.simulation.chain_world import REST_S_MAX, SHOPS, SKUS, ChainWorld
from tests.simulation.checks import Broken
from tests.simulation.gateways import STEP, Gateway

NEAR_MAX: Final = 3


class ElsewhereWorld(ChainWorld):
    """As any other, with short picks among the calls: of reservations, and of parts of orders. Now and then staff does
    not wait for what becomes of one.
    """

    shorts = 0.6  # of all calls
    of_orders = 0.4  # of these
    given_up = 0.4

    async def call(self, who: str) -> None:
        if self.random.random() >= self.shorts:
            await super().call(who)
            return
        if self.random.random() < self.of_orders:
            await self.miss_of_order(who)
        else:
            await self.miss(who)

    async def miss_of_order(self, who: str) -> None:
        """An order over one shop or two, confirmed; of one of its parts a picker misses something."""
        key, ledger_id = f"{who} misses of an order {len(self.said)}", ledger_of_customer(who)
        shops = self.random.sample(SHOPS, self.random.randint(1, 2))
        plans = tuple(cm.Plan(each, ((self.random.choice(SKUS), self.random.randint(1, 2)),), 0) for each in shops)
        asked = cm.Open(key, "x", who, self.channel(), 0, plans, (), "")
        order = await self.repeat(who, key, lambda gateway, end: gateway.open(asked, end, no_other_plan))
        if not isinstance(order, Order):
            return
        confirm = cm.Confirm(f"{key} c", order.number, 0, cm.NO_HOURS)
        await self.repeat(who, f"{key} c", lambda gateway, end: gateway.coordinator.step(ledger_id, confirm, end))
        part = order.certain_parts()[0]
        ((sku, units),) = part.lines
        claim = part.store_id, ClaimPick(f"{key} p", part.reservation, who, 0)
        await self.repeat(who, f"{key} p", lambda gateway, end: gateway.router.send(claim, end, promise=True))
        missing = self.random.randint(1, units)
        self.struck["missed of an order"] += 1
        command = ShortPick(f"{key} s", part.reservation, who, sku, missing, ShortChoice.ELSEWHERE)
        await self.short(who, part.store_id, command)

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
        is_given_up = self.random.random() < self.given_up
        at_once = 0.2 if is_given_up else 0.7

        async def attempt(gateway: Gateway, deadline: float) -> Answer:
            near = tuple(self.random.sample(others, self.random.randint(0, NEAR_MAX)))
            answer = await gateway.router.send((store_id, replace(command, near=near)), deadline, promise=True)
            if isinstance(answer, PickTask) and self.random.random() < at_once:
                task = await gateway.router.ask(store_id, "shortfall", store_id, answer.version - 1, deadline=deadline)
                if task is not None:
                    await gateway.reconciler.elsewhere.move(store_id, task, deadline)
            return answer

        answer = await self.repeat(who, command.key, attempt)
        self.struck["missed by a picker"] += isinstance(answer, PickTask)
        if isinstance(answer, PickTask) and is_given_up:
            close = store_id, ResolveShortfall(f"{command.key} r", answer.version - 1, Resolution.RELEASED)
            await self.repeat(who, close[1].key, lambda gateway, end: gateway.router.send(close, end, promise=True))

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
    """What became of each task that moves by itself, by the journals of all ledgers: what was moved is confirmed once,
    where its shop says so, as a reservation or as a part of its order; anything else nowhere, and what was had by a
    task that staff gave up has ended. Raises Broken.
    """
    lost: dict[str, str] = {}  # keys of tasks, and where they were moved to
    given_up: set[str] = set()
    numbers: dict[tuple[str, int], str] = {}
    adding: dict[tuple[str, int], str] = {}  # by order
    had: dict[str, list[str]] = {}
    ended: set[str] = set()
    events = [
        (ledger_id, version, event)
        for disk, ledger_id in at_home(disks)
        for version, _, _, event in history(disk, ledger_id)
    ]
    parts = 0
    for ledger_id, version, event in events:
        if isinstance(event, Released):
            known = event.answer or event.before
            if event.before is not None or (known is not None and known.status not in LIVE):
                ended.add(format_reservation_id(ledger_id, event.number))
        match event:
            case AmendOpened():
                adding[ledger_id, event.number] = event.key.rpartition("\n")[2]
            case Committed() if adding.get((ledger_id, event.number), "").startswith("\t"):
                key = adding[ledger_id, event.number].rpartition(" ")[0]
                had.setdefault(key, []).extend(format_reservation_id(*claim) for claim in event.claims)
                parts += bool(event.claims)
            case Expired() | Collected():
                ended.add(format_reservation_id(ledger_id, event.number))
            case OutcomeApplied() if event.status not in LIVE:
                ended.add(format_reservation_id(ledger_id, event.number))
            case ShortfallResolved(resolution=Resolution.RELEASED):
                given_up.add(key_elsewhere(ledger_id, event.number))
            case Released(cause=ShortfallCause.NOT_FOUND):
                lost.setdefault(key_elsewhere(ledger_id, version), "")
            case ShortfallResolved(resolution=Resolution.MOVED) if event.moved_to:
                lost[key_elsewhere(ledger_id, event.number)] = event.moved_to
            case Reserved() if event.command.key.startswith("\t"):
                numbers[ledger_id, version] = event.command.key
            case Confirmed() if key := numbers.get((ledger_id, event.number), ""):
                had.setdefault(key, []).append(format_reservation_id(ledger_id, event.number))
    for key in given_up:
        if left := set(had.pop(key, [])) - ended:
            raise Broken("I7", f"{key} was given up, and {left} is held")
    for key, moved_to in lost.items():
        if had.pop(key, []) != ([moved_to] if moved_to else []):
            raise Broken("I7", f"{key} was moved to {moved_to or 'nothing'}, and is held otherwise")
    if had:
        raise Broken("I7", f"{had} are of no task")
    without = sum(not at for at in lost.values())
    moved = {"moved elsewhere": sum(map(bool, lost.values())), "moved as a part": parts}
    return Counter({**moved, "went without": without, "given up": len(given_up)})

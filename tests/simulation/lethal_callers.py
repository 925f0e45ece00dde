"""Customers whose command ends the process that decides it, whenever and wherever that is (ADR 0036)."""

import asyncio
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any, Final

from actors.orders import commands as cm
from actors.protocol.messages import LedgerStopped
from actors.runtime.kinds import Core
from actors.runtime.refusals import ATTEMPTS_MAX
from actors.shop import commands as shop
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.services.reservation_batches import RESERVE
from tests.runtime.actors_here import Ended
from tests.simulation.checks import Broken
from tests.simulation.gateways import Gateway

if TYPE_CHECKING:
    from tests.simulation.chain_world import ChainWorld

LETHAL: Final = "lethal"
OF_ALL_CALLS: Final = 0.05
TRIES_MAX: Final = 60


def ending(where: str, core: Core) -> Core:
    """The rules of a ledger, which end their process at some keys."""

    def transact(ledger: Any, command: Any, now_ms: int, is_behind: bool, **more: Any) -> Any:
        for key in (core.key_of(command), command.call_key if isinstance(command, shop.Claim) else ""):
            if f"{LETHAL} {where}" in key:  # a customers' ledger puts the customer before it
                raise Ended(ledger.ledger_id, key)
        return core.transact(ledger, command, now_ms, is_behind, **more)

    return core._replace(transact=transact)


class Lethal:
    """Which calls are such, and what they have ended."""

    def __init__(self, seed: int) -> None:
        self.random = Random(f"lethal {seed}")
        self._alone = Counter[tuple[str, str]]()  # ends, by ledger and key, with nothing else under way

    def strikes(self) -> bool:
        return self.random.random() < OF_ALL_CALLS

    def ended(self, ledger_id: str, key: str, *, alone: bool) -> None:
        """A process has ended. Raises Broken where its key was to be refused."""
        if self._alone[ledger_id, key] >= ATTEMPTS_MAX:
            raise Broken("L10", f"{key} had ended {ledger_id} {ATTEMPTS_MAX} times alone, and was decided again")
        self._alone[ledger_id, key] += alone


async def ask(world: "ChainWorld", who: str) -> None:
    """Until it is refused by its key, which is no refusal that an order could have for an answer."""
    random = world.lethal.random
    where, is_order = random.choice((("shop", False), ("shop", True), ("customers", True)))
    key, plans = f"{LETHAL} {where} {who} {random.random()}", world.plans(2 if is_order else 1)
    opened = cm.Open(key, "x", who, "web", 0, plans, (), "")
    reserve = shop.Reserve(key, who, "web", "", plans[0].lines, 0, plans[0].slot_start_ms)

    async def attempt(gateway: Gateway, end: float) -> Any:
        if is_order:
            return await gateway.coordinator.open(opened, end)
        return await gateway.decide(RESERVE, (plans[0].store_id, reserve), end)

    world.struck["call that ends an actor"] += 1
    for _ in range(TRIES_MAX):
        gateway = random.choice(world.gateways)
        try:
            answer = await gateway.begin(attempt(gateway, asyncio.get_running_loop().time() + 12))
        except LedgerStopped:
            world.struck["refused by the key of what ends an actor"] += 1
            return
        except (DeadlinePassed, Overloaded, asyncio.CancelledError) as error:
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]  # the world ends, not a gateway
                raise
            if isinstance(error.__cause__, LedgerStopped):
                world.struck["refused by the key of what ends an actor"] += 1
                return
            await asyncio.sleep(random.random())
            continue
        raise Broken("L10", f"{key} ends its actor, and was answered {answer}")
    raise Broken("L10", f"{key} was asked {TRIES_MAX} times, and never refused")

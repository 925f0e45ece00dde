"""Customers who name a shop: plain reservations beside orders, under the same limits of the whole chain."""

import asyncio
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from actors.core.rejection import Reason
from actors.core.status import ReleaseReason
from actors.protocol.messages import Answer, Held, Refusal
from actors.shop import commands as shop
from actors.shop.state import Reservation
from serve.services.reservation_batches import RESERVE
from tests.simulation.gateways import STEP, Gateway

if TYPE_CHECKING:
    from tests.simulation.chain_world import ChainWorld

PATIENT, SERVED = 0.4, 0.8  # of those who name a shop, and of those who wait then
STEPS: Final = ("amend", "amend", "amend", "amend", "confirm", "collect", "release", "extend", "leave")


async def reserve(world: "ChainWorld", who: str, key: str) -> None:
    """Reserve in a shop, and a step or two after it."""
    random = world.random
    (plan,) = world.plans(1)
    basket_id = random.choice(("", "", "b"))
    ttl_ms = random.choice((0, 60_000))
    command = shop.Reserve(key, who, world.channel(), basket_id, plan.lines, ttl_ms, plan.slot_start_ms)
    if world.patience.random() < PATIENT:
        wait_ms = world.patience.choice((60_000, 600_000))
        command = replace(command, wait_ms=wait_ms)
    held = await world.repeat(
        who, f"{key} in {plan.store_id}", lambda gateway, end: gateway.decide(RESERVE, (plan.store_id, command), end)
    )
    if isinstance(held, Refusal):
        world.struck[f"refused {held.rejection.reason.name}"] += 1
        return
    if isinstance(held, Reservation) and held.awaits is not None:
        world.struck["promised in transit"] += 1
        await asyncio.sleep(world.patience.choice((0.0, 1.0, 5.0)))
    elif isinstance(held, Reservation) and command.wait_ms:
        world.struck["waits in line"] += 1
        if world.patience.random() < SERVED:
            row = shop.Movement(plan.lines[0][0], plan.lines[0][1], 1, shop.AdjustmentKind.RECEIPT, 0)
            delivery = shop.AdjustStock(f"for {key}", f"truck {key}", (row,))
            await world.persist(world.gateways[0].router, plan.store_id, delivery)
        await asyncio.sleep(world.patience.choice((0.0, 3.0, 20.0)))
    else:
        assert isinstance(held, Held), f"{command} was answered {held}"
        world.struck["reserved in a shop"] += 1
    for place in range(random.randint(0, 2)):
        await _step(world, who, f"{key} {place}", plan.store_id, held.number)


async def _step(world: "ChainWorld", who: str, key: str, store_id: str, number: int) -> None:
    random = world.random
    word, said = random.choice(STEPS), key
    some = ((random.choice(("A", "B")), 1),) if random.random() < 0.3 else ()
    command: shop.Command
    if word == "leave":
        return
    if word == "amend":
        command = shop.Amend(said, number, world.plans(1)[0].lines, random.choice((0, 0, 60_000)), 0)
    elif word == "confirm":
        command = shop.Confirm(said, number, 0)
    elif word == "collect":
        command = shop.Collect(said, number, "p", some)
    elif word == "release":
        command = shop.Release(said, number, ReleaseReason.CUSTOMER_CANCELLED, some)
    else:
        command = shop.Extend(said, number, 60_000)

    async def attempt(gateway: Gateway, end: float) -> Answer:
        return await gateway.decide(STEP, (store_id, command), end)

    answer = await world.repeat(who, f"{key} in {store_id}", attempt)
    is_refused = isinstance(answer, Refusal)
    world.struck[f"{word} in a shop"] += not is_refused
    if word == "amend" and isinstance(answer, Refusal) and answer.rejection.reason is Reason.UNITS_LIMIT:
        world.struck["amended to more than a limit"] += 1

"""Customers who name a shop: plain reservations beside orders, under the same limits of the whole chain."""

from typing import TYPE_CHECKING, Final

from actors.core.rejection import Reason
from actors.core.status import ReleaseReason
from actors.protocol.messages import Answer, Held, Refusal
from actors.shop import commands as shop
from serve.services.reservation_batches import RESERVE
from tests.simulation.gateways import STEP, Gateway

if TYPE_CHECKING:
    from tests.simulation.chain_world import ChainWorld

STEPS: Final = ("amend", "amend", "amend", "amend", "confirm", "collect", "release", "extend", "leave")


async def reserve(world: "ChainWorld", who: str, key: str) -> None:
    """Reserve in a shop, and a step or two after it."""
    random = world.random
    (plan,) = world.plans(1)
    basket_id = random.choice(("", "", "b"))
    ttl_ms = random.choice((0, 60_000))
    command = shop.Reserve(key, who, world.channel(), basket_id, plan.lines, ttl_ms, plan.slot_start_ms)
    held = await world.repeat(
        who, f"{key} in {plan.store_id}", lambda gateway, end: gateway.decide(RESERVE, (plan.store_id, command), end)
    )
    if isinstance(held, Refusal):
        world.struck[f"refused {held.rejection.reason.name}"] += 1
        return
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

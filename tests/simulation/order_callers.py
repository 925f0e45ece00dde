"""Customers who look for shops: orders over several of them, each step through any gateway."""

import asyncio
from typing import TYPE_CHECKING, Any, Final

from actors.core.ids import ledger_of_customer
from actors.core.rejection import Rejection
from actors.core.status import ReleaseReason, Status
from actors.orders import commands as cm
from actors.orders.state import Order, Standing
from actors.protocol.messages import Refusal
from actors.shop import commands as shop
from holdfast.v1 import order_pb2
from serve.coordination.replanning import Planned, no_other_plan
from serve.wire import orders
from tests.simulation.checks import Broken
from tests.simulation.gateways import Gateway

if TYPE_CHECKING:
    from tests.simulation.chain_world import ChainWorld

STEPS: Final = (
    "amend",
    "amend",
    "amend",
    "amend",
    "confirm",
    "release",
    "extend",
    "collect",
    "come late",
    "give back",
    "leave",
)
OF_BASKETS: Final = ("other channel",) * 8
LATE_MS_MAX: Final = 60_000  # a customer who comes later than that is another story


async def place(world: "ChainWorld", who: str, key: str) -> None:
    """Place an order, and a step after it."""
    random = world.random
    command = cm.Open(
        key, "x", who, world.channel(), random.choice((0, 60_000)), world.plans(3), (), random.choice(("", "b"))
    )
    other = world.plans(3)

    def next_plans(order: Order | None, refused: dict[str, Rejection]) -> Any:
        return Planned(other, ()) if random.random() < 0.7 else no_other_plan(order, refused)

    order = await _answered(world, who, key, lambda gateway, end: gateway.open(command, end, next_plans))
    if isinstance(order, Rejection):
        world.struck[f"refused {order.reason.name}"] += 1
        return
    world.struck["placed"] += 1
    world.struck["placed over several"] += len(order.certain_parts()) > 1
    await _go_on(world, who, key, order)


async def _answered(world: "ChainWorld", who: str, key: str, attempt: Any) -> Order | Rejection:
    answer: Order | Rejection = await world.repeat(who, key, attempt)
    if isinstance(answer, Order) and answer.standing in (Standing.OPEN, Standing.ABANDONED):
        raise Broken("I5", f"{who} {key} was answered with what never became certain: {answer}")
    return answer


async def _go_on(world: "ChainWorld", who: str, key: str, order: Order) -> None:
    ledger_id = ledger_of_customer(who)
    step = world.random.choice(STEPS + OF_BASKETS if order.basket_id else STEPS)
    world.struck[step] += 1
    command: Any = None
    if step == "confirm":
        command = cm.Confirm("confirm", order.number, 0, cm.NO_HOURS)
    elif step == "release":
        command = cm.Release("release", order.number, ReleaseReason.CUSTOMER_CANCELLED)
    elif step == "extend":
        command = cm.Extend("extend", order.number, 60_000, cm.NO_HOURS)
    elif step == "amend":
        await _amend(world, who, key, order)
    elif step == "other channel":
        await _come_through_another_channel(world, who, key, order)
    elif step != "leave":
        if step == "come late":  # at the deadline, before its order's ledger says anything
            left_ms = order.expires_at_ms - world.now_ms()
            world.skipped_ms += left_ms if 0 < left_ms <= LATE_MS_MAX else 0
            world.struck["came at the deadline"] += 0 < left_ms <= LATE_MS_MAX
        router = world.random.choice(world.gateways).router
        for part in order.certain_parts():
            collect = shop.Collect(f"{who}{key}", part.reservation, "p", ())
            give_back = shop.Release(f"{who}{key}", part.reservation, ReleaseReason.NO_SHOW, ())
            await world.persist(router, part.store_id, give_back if step == "give back" else collect)
    if command is not None:
        answer = await _answered(
            world, who, f"{key} {step}", lambda gateway, end: gateway.coordinator.step(ledger_id, command, end)
        )
        if isinstance(answer, Order):
            _check_told(world, ledger_id, answer)


async def _come_through_another_channel(world: "ChainWorld", who: str, key: str, order: Order) -> None:
    """The same basket, of which somewhat more may be wanted."""
    lines = {part.store_id: part.lines for part in order.certain_parts()}
    if not lines:
        return
    lines[min(lines)] += ((world.random.choice(("A", "B")), 1),) * world.random.choice((0, 0, 1))
    plans = tuple(cm.Plan(store_id, wanted, 0) for store_id, wanted in lines.items())
    channel = "app" if order.channel == "web" else "web"
    command = cm.Open(f"{key} again", "x", who, channel, 0, plans, (), order.basket_id)
    answer = await _answered(world, who, f"{key} again", lambda gateway, end: gateway.coordinator.open(command, end))
    world.struck["basket changed its channel"] += isinstance(answer, Order)


def _check_told(world: "ChainWorld", ledger_id: str, order: Order) -> None:
    """What a client is told of an order does not contradict itself."""
    told = order_pb2.Order()
    orders.fill_order(order, ledger_id, world.chain, told)
    if told.status == int(Standing.CONFIRMED) and int(Status.HELD) in [part.status for part in told.parts]:
        raise Broken("L6", f"an order is told as confirmed, and a part of it as held: {told}")


async def _amend(world: "ChainWorld", who: str, key: str, order: Order) -> None:
    """Elsewhere, or more or less, while the customer may be at one of the old shops already."""
    kept = {plan.store_id: plan for plan in world.plans(1)}
    gone = [part for part in order.certain_parts() if world.random.random() < 0.5]
    wanted = {part.store_id: cm.Plan(part.store_id, (), 0) for part in gone} | kept
    change = cm.Amend("amend", "x", order.number, tuple(wanted.values()), world.random.choice((0, 0, 60_000)))
    ledger_id = ledger_of_customer(who)

    def attempt(gateway: Gateway, end: float) -> Any:
        return gateway.coordinator.amend(ledger_id, change, end)

    async def come_early() -> None:
        for part in gone:
            await asyncio.sleep(world.random.random() * 4 * world.delay_s)
            collect = shop.Collect(f"{who}{key}early", part.reservation, "p", ((part.lines[0][0], 1),))
            answer = await world.persist(world.gateways[0].router, part.store_id, collect)
            world.struck["collected while it was amended"] += not isinstance(answer, Refusal)

    answer, _ = await asyncio.gather(_answered(world, who, f"{key} amend", attempt), come_early())
    for part in answer.certain_parts() if isinstance(answer, Order) else ():
        collect = shop.Collect(f"{who}{key}late", part.reservation, "p", ())
        await world.persist(world.gateways[0].router, part.store_id, collect)

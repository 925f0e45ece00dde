"""Loops of callers in one process: closed, each caller waiting for its own answer, or at a fixed rate of arrivals.

The opposing ones take baskets over the same few shops that name their SKUs in opposing sequence, with little stock that
is given back at once: the load that would deadlock a service whose claims wait for one another. That there is no
deadlock is measured: orders go on to be placed, no answer takes as long as an attempt may, and in the end no shop holds
anything.
"""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from time import perf_counter, process_time
from typing import Any, Final, TypeVar

from actors.orders.state import OPEN_MS
from bench.record import Counts, latencies_ms
from bench.samples import CHANNEL, customer, sku
from holdfast.client import (
    ChannelClient,
    HoldfastError,
    Order,
    Place,
    Rejection,
    ReleaseReason,
    Reservation,
    SourcingPolicy,
    Status,
)

TWO_SHOPS: Final = "two shops"
OPPOSING: Final = "opposing baskets"
UNITS: Final = 8  # in each shop: a fraction of the callers can be served at once
ANSWER_S_MAX: Final = OPEN_MS / 1_000  # after which an attempt that nobody finished is given up
SETTLED_S_MAX: Final = 20.0  # by when every shop has heard what became of each order
POLL_S: Final = 0.1
WARM_CALLS: Final = 4  # of each caller
OUTSTANDING_MAX: Final = 20_000  # of an open loop; later arrivals are then counted as failed
LIMITED_CHANNEL: Final = "app"  # to which a limit of the whole chain applies, in scenario `across`
PLACE: Final = Place(1.0, 1.0)
STUCK_TOLD_MAX: Final = 20

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
Tick = Callable[[int], None]


async def gathered(
    items: Iterable[ItemT], ask: Callable[[ItemT], Awaitable[ResultT]], *, at_once: int, tick: Tick = lambda _: None
) -> dict[ItemT, ResultT]:
    """The answers for all items, so many asked at once."""
    gate = asyncio.Semaphore(at_once)

    async def one(item: ItemT) -> tuple[ItemT, ResultT]:
        async with gate:
            answer = await ask(item)
        tick(1)
        return item, answer

    return dict(await asyncio.gather(*(one(item) for item in items)))


@dataclass(slots=True)
class Tally:
    """Answers counted, and how long each took in seconds; `replies` are those that are still to be looked into. `stuck`
    says what no caller should ever find: it fails the run.
    """

    latencies: list[float] = field(default_factory=list)
    replies: list[Any] = field(default_factory=list)
    accepted: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)


Ask = Callable[[float, Tally], Coroutine[Any, Any, bool]]
"""One call that was due at an instant of `perf_counter`, and is counted; False where nothing is left to ask."""


async def measure(
    spec: dict[str, Any], asks: Sequence[Ask], gate: Callable[[str], None], tell: Callable[[dict[str, Any]], None]
) -> Tally:
    """Warm up, wait at the gate, call for as long as was asked, and tell the figures; what was counted in all.

    See `bench.load.rounds`, whose specification, gate and answers these are.
    """
    warmed, tally = Tally(), Tally()
    await call_on(asks, perf_counter() + spec["seconds"], warmed, calls=WARM_CALLS)
    gate("ready")
    cpu, began = process_time(), perf_counter()
    if spec["rate"]:
        await call_at_rate(asks, spec["rate"], spec["seconds"], tally)
    else:
        await call_on(asks, began + spec["seconds"], tally)
    took, cpu = perf_counter() - began, process_time() - cpu
    more = figures(tally, spec["store_ids"], took) if spec["method"] == OPPOSING else {}
    calls = len(tally.latencies)
    tell({"seconds": took, "cpu_s": cpu, "calls": calls, **latencies_ms(tally.latencies), "more": more})
    return Tally(**{each.name: getattr(warmed, each.name) + getattr(tally, each.name) for each in fields(Tally)})


async def call_on(asks: Iterable[Ask], until: float, tally: Tally, *, calls: float = math.inf) -> None:
    """Each caller calls again as soon as it is answered, until it is late, or so many times."""

    async def caller(ask: Ask) -> None:
        done = 0
        while (began := perf_counter()) < until and done < calls and await ask(began, tally):
            done += 1

    await asyncio.gather(*(caller(ask) for ask in asks))


async def call_at_rate(asks: Sequence[Ask], rate: float, seconds: float, tally: Tally) -> None:
    """An open loop: so many calls a second, whether or not anything is answered. Each counts from when it was due, so
    that a stall is felt by all who would have called during it.
    """
    began = perf_counter()
    unanswered: set[asyncio.Task[bool]] = set()
    async with asyncio.TaskGroup() as calls:
        for number in range(int(rate * seconds)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - perf_counter()))
            if len(unanswered) == OUTSTANDING_MAX:
                tally.failures.append("the service fell behind: too many calls are unanswered")
                continue
            call = calls.create_task(asks[number % len(asks)](due, tally))
            unanswered.add(call)
            call.add_done_callback(unanswered.discard)


async def call_through_client(
    spec: dict[str, Any], gate: Callable[[str], None], tell: Callable[[dict[str, Any]], None]
) -> None:
    """Callers of one channel client, each with a chance of its own."""
    async with ChannelClient(spec["target"]) as client:
        chances = [random.Random(spec["seed"] + number) for number in range(spec["in_flight"])]
        tally = await measure(spec, [partial(ask_once, client, spec, chance) for chance in chances], gate, tell)
        if spec["method"] == OPPOSING:
            tally.stuck += await left_over(client, spec["store_ids"])
            tally.stuck += [] if tally.accepted else ["no order was placed"]
    told = Counts(tally.accepted, len(tally.failures))
    tell({"told": told, "failure": next(iter(tally.failures), ""), "stuck": tally.stuck[:STUCK_TOLD_MAX]})


async def ask_once(
    client: ChannelClient, spec: dict[str, Any], chance: random.Random, began: float, tally: Tally
) -> bool:
    """Reserve; opposing baskets are given back. An order counts as many reservations as it has parts."""
    try:
        outcome = await _ask(client, spec, chance)
    except HoldfastError as error:
        tally.failures.append(str(error))
        return True
    took = perf_counter() - began
    tally.latencies.append(took)
    if isinstance(outcome, Rejection):
        tally.refused += 1
    else:
        tally.accepted += len(outcome.parts) if isinstance(outcome, Order) else 1
    opposes = spec["method"] == OPPOSING
    if opposes and isinstance(outcome, Order):
        took = max(took, await _give_back(client, outcome, tally))
    if opposes and took > ANSWER_S_MAX:
        tally.stuck.append(f"an answer took {took:.1f} s")
    return True


async def _give_back(client: ChannelClient, order: Order, tally: Tally) -> float:
    """Release it; the seconds that it took."""
    began = perf_counter()
    try:
        answer = await client.release_order(order.order_id, reason=ReleaseReason.CUSTOMER_CANCELLED)
    except HoldfastError as error:
        tally.stuck.append(str(error))
    else:
        if isinstance(answer, Rejection):
            tally.stuck.append(f"order {order.order_id} was not given back: {answer.message}")
    return perf_counter() - began


async def left_over(client: ChannelClient, store_ids: Sequence[str], within_s: float = SETTLED_S_MAX) -> list[str]:
    """What shops still hold of orders that were all given back, undecided claims among it; nothing, soon enough."""
    late_at = perf_counter() + within_s
    while True:
        live = (Status.CLAIMED, Status.HELD)
        found = [
            f"{each.reservation_id} of order {each.order_id} is {each.status.name}"
            for store_id in store_ids
            async for each in client.list_reservations(store_id, statuses=live)
        ]
        if not found or perf_counter() > late_at:
            return found
        await asyncio.sleep(POLL_S)


def figures(tally: Tally, store_ids: Sequence[str], seconds: float) -> dict[str, float]:
    """What the usual figures do not tell; `per_s` counts answers of both kinds."""
    return {
        "orders_per_s": tally.accepted / len(store_ids) / seconds,
        "refusals_per_s": tally.refused / seconds,
        "longest_ms": round(1_000 * max(tally.latencies, default=0.0), 3),
    }


def sku_of(store_id: str) -> str:
    """The SKU that this shop alone has, for opposing baskets."""
    return f"OPPOSED-{store_id}"


async def _ask(client: ChannelClient, spec: dict[str, Any], chance: random.Random) -> Reservation | Order | Rejection:
    """A reservation in one of the shops, under a limit of the chain where the method is `limited`; or near a place."""
    method, store_ids = spec["method"], spec["store_ids"]
    channel, customer_id = LIMITED_CHANNEL if method == "limited" else CHANNEL, customer(chance)
    basket = [(sku(chance.randrange(spec["skus"])), 1)]
    if method in ("", "limited"):
        return await client.reserve(chance.choice(store_ids), basket, customer_id=customer_id, channel=channel)
    policy, stores_max = SourcingPolicy.ONE_STORE, 0
    if method == TWO_SHOPS:
        policy, basket = SourcingPolicy.SPLIT, [("left", 1), ("right", 1)]
    if method == OPPOSING:
        policy, stores_max = SourcingPolicy.SPLIT, len(store_ids)
        basket = [(sku_of(each), 1) for each in (store_ids if chance.random() < 0.5 else store_ids[::-1])]
    return await client.reserve_near(
        basket, place=PLACE, policy=policy, stores_max=stores_max, customer_id=customer_id, channel=channel
    )

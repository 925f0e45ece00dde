"""Callers of the channel client: many in one process, each waiting for its own reservation, as a web shop has them."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from time import perf_counter, process_time
from typing import Any, Final

from bench import contended
from bench.arithmetic import latencies_ms
from bench.contended import Heard
from bench.samples import CHANNEL, sku
from holdfast.client import ChannelClient, HoldfastError, Order, Place, Rejection, Reservation, SourcingPolicy

WARM_CALLS = 4  # of each caller
LIMITED_CHANNEL = "app"  # to which a limit of the whole chain applies, in scenario `across`
PLACE = Place(1.0, 1.0)
STUCK_TOLD_MAX = 20


async def call_through_client(
    spec: dict[str, Any], gate: Callable[[str], None], tell: Callable[[dict[str, Any]], None]
) -> None:
    """See `bench.load`, whose specification, gate and answers these are."""
    opposes = spec["method"] == contended.METHOD
    caller = contended.take_and_give_back if opposes else _caller
    async with ChannelClient(spec["target"]) as client:
        warmed, heard = Heard(), Heard()
        chances = [random.Random(spec["seed"] + number) for number in range(spec["in_flight"])]

        async def everyone(until: float, calls: int, into: Heard) -> None:
            await asyncio.gather(*(caller(client, spec, chance, until, calls, into) for chance in chances))

        await everyone(perf_counter() + spec["seconds"], WARM_CALLS, warmed)
        gate("ready")
        cpu, began = process_time(), perf_counter()
        await everyone(began + spec["seconds"], 0, heard)
        took, cpu = perf_counter() - began, process_time() - cpu
        more = contended.figures(heard, spec["store_ids"], took) if opposes else {}
        calls = len(heard.latencies)
        tell({"seconds": took, "cpu_s": cpu, "calls": calls, **latencies_ms(heard.latencies), "more": more})
        if opposes:
            heard.stuck += await contended.left_over(client, spec["store_ids"])
            heard.stuck += [] if heard.accepted else ["no order was placed"]
    failures = warmed.failures + heard.failures
    tell(
        {
            "accepted": warmed.accepted + heard.accepted,
            "refused": warmed.refused + heard.refused,
            "undecided": 0,
            "failed": len(failures),
            "failure": failures[0] if failures else "",
            "stuck": (warmed.stuck + heard.stuck)[:STUCK_TOLD_MAX],
        }
    )


Wanted = list[tuple[str, int]]
Ask = Callable[[ChannelClient, str, Wanted, str], Awaitable[Reservation | Order | Rejection]]


async def _one_shop(client: ChannelClient, store_id: str, wanted: Wanted, customer_id: str) -> Any:
    return await client.reserve(store_id, wanted, customer_id=customer_id, channel=CHANNEL)


async def _limited(client: ChannelClient, store_id: str, wanted: Wanted, customer_id: str) -> Any:
    return await client.reserve(store_id, wanted, customer_id=customer_id, channel=LIMITED_CHANNEL)


async def _nearest(client: ChannelClient, _: str, wanted: Wanted, customer_id: str) -> Any:
    return await client.reserve_near(wanted, place=PLACE, customer_id=customer_id, channel=CHANNEL)


async def _two_shops(client: ChannelClient, _: str, __: Wanted, customer_id: str) -> Any:
    return await client.reserve_near(
        [("left", 1), ("right", 1)],
        place=PLACE,
        policy=SourcingPolicy.SPLIT,
        customer_id=customer_id,
        channel=CHANNEL,
    )


# By a load's `method`: what a caller does.
ASKS: Final[dict[str, Ask]] = {"": _one_shop, "limited": _limited, "nearest": _nearest, "two shops": _two_shops}


async def _caller(
    client: ChannelClient, spec: dict[str, Any], chance: random.Random, until: float, calls: int, heard: Heard
) -> None:
    """Reserve until it is late, or so many times where `calls` is not 0."""
    stores, skus, lines = spec["store_ids"], spec["skus"], spec["lines"]
    ask = ASKS[spec["method"]]
    done = 0
    while (began := perf_counter()) < until and (not calls or done < calls):
        done += 1
        wanted = [(sku(number), 1) for number in chance.sample(range(skus), lines)]
        try:
            outcome = await ask(
                client, stores[chance.randrange(len(stores))], wanted, f"C{chance.randrange(10**9):09d}"
            )
        except HoldfastError as error:
            heard.failures.append(str(error))
            continue
        heard.hear(outcome, perf_counter() - began)

"""Callers of the channel client: many in one process, each waiting for its own reservation, as a web shop has them."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from time import perf_counter, process_time
from typing import Any, Final

from bench.arithmetic import latencies_ms
from bench.payloads import CHANNEL, sku
from clients import ChannelClient, HoldfastError, Order, Place, Rejection, Reservation, SourcingPolicy

WARM_CALLS = 4  # of each caller
LIMITED_CHANNEL = "app"  # to which a limit of the whole chain applies, in scenario `across`
PLACE = Place(1.0, 1.0)


class Heard:
    """What the callers of one measuring heard."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.accepted = 0
        self.refused = 0
        self.failures: list[str] = []


async def call_through_client(
    spec: dict[str, Any], gate: Callable[[str], None], tell: Callable[[dict[str, Any]], None]
) -> None:
    """See `bench.load`, whose specification, gate and answers these are."""
    async with ChannelClient(spec["target"]) as client:
        warmed, heard = Heard(), Heard()
        chances = [random.Random(spec["seed"] + number) for number in range(spec["in_flight"])]

        async def everyone(until: float, calls: int, into: Heard) -> None:
            await asyncio.gather(*(_caller(client, spec, chance, until, calls, into) for chance in chances))

        await everyone(perf_counter() + spec["seconds"], WARM_CALLS, warmed)
        gate("ready")
        cpu, began = process_time(), perf_counter()
        await everyone(began + spec["seconds"], 0, heard)
        took, cpu = perf_counter() - began, process_time() - cpu
        tell({"seconds": took, "cpu_s": cpu, "calls": len(heard.latencies), **latencies_ms(heard.latencies)})
    failures = warmed.failures + heard.failures
    tell(
        {
            "accepted": warmed.accepted + heard.accepted,
            "refused": warmed.refused + heard.refused,
            "undecided": 0,
            "failed": len(failures),
            "failure": failures[0] if failures else "",
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
        heard.latencies.append(perf_counter() - began)
        if isinstance(outcome, Reservation):
            heard.accepted += 1
        elif isinstance(outcome, Order):
            heard.accepted += len(outcome.parts)
        else:
            heard.refused += 1

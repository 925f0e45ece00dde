"""Baskets over the same few shops that name their SKUs in opposing sequence, with little stock that is given back at
once: the load that would deadlock a service whose claims wait for one another.

What no deadlock means is measured and not believed: orders go on to be placed, no answer takes as long as an attempt
may, and when all is over no shop holds anything.
"""

import asyncio
import random
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Final

from actors.orders.state import OPEN_MS
from bench.samples import CHANNEL
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


class Heard:
    """Answers counted, and how long each took. `stuck` says what no caller should ever find: it fails the run."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.accepted = 0
        self.refused = 0
        self.failures: list[str] = []
        self.stuck: list[str] = []

    def hear(self, outcome: Reservation | Order | Rejection, seconds: float) -> None:
        """Count an answer; an order counts as many reservations as it has parts."""
        self.latencies.append(seconds)
        if isinstance(outcome, Rejection):
            self.refused += 1
        else:
            self.accepted += len(outcome.parts) if isinstance(outcome, Order) else 1


METHOD: Final = "opposing baskets"
UNITS: Final = 8  # in each shop: a fraction of the callers can be served at once
ANSWER_S_MAX: Final = OPEN_MS / 1_000  # after which an attempt that nobody finished is given up
SETTLED_S_MAX: Final = 20.0  # by when every shop has heard what became of each order
POLL_S: Final = 0.1


def sku_of(store_id: str) -> str:
    """The SKU that this shop alone has."""
    return f"OPPOSED-{store_id}"


async def take_and_give_back(
    client: ChannelClient, spec: dict[str, Any], chance: random.Random, until: float, calls: int, heard: Heard
) -> None:
    """One caller: reserve over all shops and release, until it is late, or so many times where `calls` is not 0."""
    done = 0
    while (began := perf_counter()) < until and (not calls or done < calls):
        done += 1
        try:
            outcome = await _take(client, spec["store_ids"], chance)
        except HoldfastError as error:
            heard.failures.append(str(error))
            continue
        took = perf_counter() - began
        heard.hear(outcome, took)
        if isinstance(outcome, Order):
            took = max(took, await _give_back(client, outcome, heard))
        if took > ANSWER_S_MAX:
            heard.stuck.append(f"an answer took {took:.1f} s")


async def _take(client: ChannelClient, store_ids: Sequence[str], chance: random.Random) -> Order | Rejection:
    basket = [(sku_of(store_id), 1) for store_id in store_ids]
    return await client.reserve_near(
        basket if chance.random() < 0.5 else basket[::-1],
        place=Place(1.0, 1.0),
        policy=SourcingPolicy.SPLIT,
        stores_max=len(store_ids),
        customer_id=f"C{chance.randrange(10**9):09d}",
        channel=CHANNEL,
    )


async def _give_back(client: ChannelClient, order: Order, heard: Heard) -> float:
    """Release it; the seconds that it took."""
    began = perf_counter()
    try:
        answer = await client.release_order(order.order_id, reason=ReleaseReason.CUSTOMER_CANCELLED)
    except HoldfastError as error:
        heard.stuck.append(str(error))
    else:
        if isinstance(answer, Rejection):
            heard.stuck.append(f"order {order.order_id} was not given back: {answer.message}")
    return perf_counter() - began


def figures(heard: Heard, store_ids: Sequence[str], seconds: float) -> dict[str, float]:
    """What the usual figures do not tell; `per_s` counts answers of both kinds."""
    return {
        "orders_per_s": heard.accepted / len(store_ids) / seconds,
        "refusals_per_s": heard.refused / seconds,
        "longest_ms": round(1_000 * max(heard.latencies, default=0.0), 3),
    }


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

"""How orders stand: waiting until no shop has anything more to hear, and asking for the verdict."""

import asyncio
from collections.abc import Iterable, Sequence
from time import monotonic, time
from typing import Final

from bench.demo.across import ToldAcross
from bench.demo.across_plan import LIMITS, SHORT_TTL_MS
from bench.demo.feed import Witness
from bench.demo.order_calls import OrderAnswered
from bench.demo.order_stories import stories_of
from bench.demo.order_verdict import UNCERTAIN, Evidence
from bench.demo.progress import Tick
from holdfast.client import ChannelClient, NotFound, Order, OrderStatus, Status

QUIET_S_MAX: Final = 40.0
"""A claim that heard nothing asks after 15 s, and what nobody noted is noted within 10 s more."""

QUIET_POLL_S: Final = 0.5
AT_ONCE: Final = 32
_OVER: Final = (Status.COLLECTED, Status.RELEASED, Status.EXPIRED)


async def until_quiet(client: ChannelClient, log: Sequence[OrderAnswered], store_ids: Sequence[str]) -> bool:
    """Wait until every order and its shops agree, as far as can be asked; whether they did in time."""
    deadline = monotonic() + QUIET_S_MAX
    stories = stories_of(log)
    restless, shops = set(stories), set(store_ids)
    while (restless or shops) and monotonic() < deadline:
        standing = await standing_of(client, restless)
        for order_id, order in standing.items():
            if order is not None and _is_quiet(order, stories[order_id].sold):
                restless.discard(order_id)
        shops -= set(await _without_claims(client, shops))
        if restless or shops:
            await asyncio.sleep(QUIET_POLL_S)
    return not restless and not shops


async def standing_of(client: ChannelClient, order_ids: Iterable[str]) -> dict[str, Order | None]:
    """What GetOrder says of each; None where there is no such order."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(order_id: str) -> tuple[str, Order | None]:
        async with gate:
            try:
                return order_id, await client.get_order(order_id)
            except NotFound:
                return order_id, None

    return dict(await asyncio.gather(*(one(order_id) for order_id in sorted(order_ids))))


async def evidence_of(client: ChannelClient, told: ToldAcross, witness: Witness, tick: Tick) -> Evidence:
    """Everything that the verdict over orders needs."""
    answers = told.answers
    order_ids = {*witness.parts_by_order(), *stories_of(answers.log)}
    standing = await standing_of(client, order_ids)
    tick(len(standing))
    return Evidence(
        answers.log,
        answers.repeats,
        standing,
        LIMITS,
        await _capacities(client, witness.most_in_slot),
        told.contests,
        len(answers.unanswered),
        answers.asked_ms,
    )


async def _capacities(client: ChannelClient, slots: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """The places of every slot that anybody ever had one in."""
    taken: dict[str, set[int]] = {}
    for store_id, start_ms in slots:
        taken.setdefault(store_id, set()).add(start_ms)
    capacities = {}
    for store_id, wanted in taken.items():
        first, last = min(wanted), max(wanted)
        found = await client.list_slots(store_id, from_ms=first, window_ms=last - first + 1)
        capacities.update({(store_id, slot.start_ms): slot.capacity for slot in found.slots})
    return capacities


async def _without_claims(client: ChannelClient, store_ids: Iterable[str]) -> list[str]:
    """Shops in which nothing is claimed for an order that is not certain."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(store_id: str) -> str:
        async with gate:
            async for _ in client.list_reservations(store_id, statuses=(Status.CLAIMED,), page_size=1):
                return ""
            return store_id

    return [store_id for store_id in await asyncio.gather(*(one(store_id) for store_id in store_ids)) if store_id]


def _is_quiet(order: Order, sold: frozenset[str]) -> bool:
    """Whether its shops have heard what it says, and it what they have done; nothing of it is about to expire."""
    if order.status is OrderStatus.OPEN:
        return False
    if order.status in UNCERTAIN or any(
        part.reservation_id in sold and part.status is not Status.COLLECTED for part in order.parts
    ):
        return order.status in UNCERTAIN
    if order.status is OrderStatus.HELD:
        return order.expires_at_ms > time() * 1000 + max(SHORT_TTL_MS)
    if order.status is OrderStatus.CONFIRMED:
        return all(part.status is not Status.HELD for part in order.parts)
    return all(part.status in _OVER for part in order.parts)

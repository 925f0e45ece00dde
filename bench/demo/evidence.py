"""Gathering the evidence: waiting until no shop has anything more to hear, every shop's feed from its beginning, how
each order stands, and the service's own audits.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, time
from typing import Final

from bench.demo.across import ToldAcross
from bench.demo.across_plan import LIMITS, SHORT_TTL_MS
from bench.demo.calls import Answered, OrderAnswered
from bench.demo.feed import Findings, Outage, Reading, Witness
from bench.demo.order_stories import stories_of
from bench.demo.progress import Phases, Tick
from bench.demo.recovery import statuses
from bench.demo.verdict import UNCERTAIN, Evidence, OrderFindings, examine_audits, examine_orders
from holdfast.client import (
    CUSTOMERS_LEDGERS,
    ChannelClient,
    LedgerStatus,
    NotFound,
    Order,
    OrderStatus,
    Status,
    Verification,
)

QUIET_S_MAX: Final = 40.0
"""A claim that heard nothing asks after 15 s, and what nobody noted is noted within 10 s more."""

QUIET_POLL_S: Final = 0.5
AT_ONCE: Final = 32
VERIFICATIONS_AT_ONCE: Final = 4
TICK_EVERY: Final = 500
SILENCE_S_MAX: Final = 60.0
"""So long may so many events take. A feed that lost its end would else be waited for until somebody stops the demo."""

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


@dataclass(frozen=True, slots=True)
class Proof:
    """The evidence: where the ledgers stood, what the feed showed, and what the audits say. `ended` counts reservations
    by how they stand at the end.
    """

    statuses: Mapping[str, LedgerStatus]
    findings: Findings
    ended: Mapping[Status, int]
    verifications: tuple[Verification, ...]
    orders: OrderFindings | None = None


async def prove(
    client: ChannelClient,
    store_ids: Sequence[str],
    answers: Sequence[Answered],
    outages: Mapping[str, Sequence[Outage]],
    phases: Phases,
    across: ToldAcross | None = None,
) -> Proof:
    """Read everything back and hold it against the answers; `across` is what callers of orders were told."""
    found = await statuses(client, store_ids)
    readings = {store_id: Reading(status.version, status.ledger_time_ms) for store_id, status in found.items()}
    witness = Witness(answers, outages, across.answers.log if across is not None else ())
    await _read_feed(client, readings, witness, phases)
    of_shops = witness.findings(readings)
    gate = asyncio.Semaphore(VERIFICATIONS_AT_ONCE)
    with phases.phase("Auditing every ledger", len(store_ids)) as tick:

        async def verify(store_id: str) -> Verification:
            async with gate:
                verification = await client.verify_ledger(store_id)
            tick(1)
            return verification

        verifications = await asyncio.gather(*(verify(store_id) for store_id in store_ids))
    orders = None
    if across is not None:
        with phases.phase("Asking how each order stands") as tick:
            evidence = await evidence_of(client, across, witness, tick)
        orders = examine_orders(evidence, witness, of_shops)
        with phases.phase("Auditing the customers' ledgers", len(CUSTOMERS_LEDGERS)) as tick:
            ledgers = await asyncio.gather(*(verify(ledger_id) for ledger_id in CUSTOMERS_LEDGERS))
        examine_audits(orders, await client.verify_orders(), ledgers)
    ended = Counter(each.status for each in witness.reservations.values())
    return Proof(found, of_shops, ended, tuple(verifications), orders)


async def _read_feed(client: ChannelClient, readings: Mapping[str, Reading], witness: Witness, phases: Phases) -> None:
    """Every event of every shop up to its reading, or up to where the feed falls silent: the findings then say so."""
    total = sum(reading.version for reading in readings.values())
    unfinished = {store_id for store_id, reading in readings.items() if reading.version}
    with phases.phase("Reading the journal back", total) as tick:
        seen = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(SILENCE_S_MAX) as patience, client.watch_events(unfinished) as feed:
                async for event in feed:
                    last = readings[event.store_id].version
                    if event.version > last:
                        continue  # it happened after the reading
                    witness.see(event)
                    seen += 1
                    if seen % TICK_EVERY == 0:
                        tick(TICK_EVERY)
                        patience.reschedule(asyncio.get_running_loop().time() + SILENCE_S_MAX)
                    if event.version == last:
                        unfinished.discard(event.store_id)
                        if not unfinished:
                            break
        tick(seen % TICK_EVERY)

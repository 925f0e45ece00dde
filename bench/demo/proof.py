"""Gathering the evidence: every shop's feed from its beginning, and the service's own audit of every shop."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bench.demo.across import ToldAcross
from bench.demo.calls import Answered
from bench.demo.feed import Findings, Outage, Reading, Witness
from bench.demo.order_standing import evidence_of
from bench.demo.order_verdict import OrderFindings, examine_audits, examine_orders
from bench.demo.progress import Phases
from bench.demo.recovery import statuses
from holdfast.client import CUSTOMERS_LEDGERS, ChannelClient, LedgerStatus, Status, Verification

VERIFICATIONS_AT_ONCE: Final = 4
TICK_EVERY: Final = 500
SILENCE_S_MAX: Final = 60.0
"""So long may so many events take. A feed that lost its end would else be waited for until somebody stops the demo."""


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

"""The proof: waiting until nothing is on its way, then what shops list, every shop's feed from its beginning, how each
order stands, and the service's own audits (VerifyLedger: oversold, conservation); and the verdict over single shops.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic, time
from typing import Final

from bench.demo.calls import Answers
from bench.demo.feed import LATE_MS_MAX, Contest, FeedCheck, Findings, Standing
from bench.demo.orders import examine_audits, examine_orders, stories_of
from bench.demo.run import Act, Phases, outages_of, statuses_of
from holdfast.client import CUSTOMERS_LEDGERS, ChannelClient, NotFound, Order, Reservation, Status, Verification

HOLDS: Final = "holds"
QUIET_S_MAX: Final = 40.0  # a claim that heard nothing asks after 15 s, and what nobody noted is noted within 10 s more
QUIET_POLL_S: Final = 1.0
AT_ONCE: Final = 32
VERIFICATIONS_AT_ONCE: Final = 4
PAGE_SIZE: Final = 1_000
SILENCE_S_MAX: Final = 60.0  # for an event; a feed that lost its end would else be waited for until somebody stops it


@dataclass(frozen=True, slots=True)
class Proof:
    """The evidence: what was found, and what the audits say. `ended` counts reservations by their last status,
    `shops_of` the shops of each order that became certain, `repeats_answered` the calls whose keys the ledgers knew,
    since their actors started; `reservations` are what shops list at the end.
    """

    repeats_answered: int
    check: FeedCheck
    ended: Mapping[Status, int]
    audits: tuple[Verification, ...]
    shops_of: Mapping[str, int]
    reservations: Mapping[str, Reservation]


async def until_quiet(client: ChannelClient, acts: Iterable[Act], phases: Phases) -> None:
    """Wait until all short holds are over, and then until orders and shops have heard of each other, or long enough."""
    short = [
        outcome.expires_at_ms
        for told in acts
        for call, outcome in told.answers.log
        if "customer_id" in call.asked
        and call.asked.get("ttl_ms")
        and isinstance(outcome, Reservation | Order)
        and outcome.status is not Status.QUEUED  # whose hold begins when it is served
    ]
    with phases.phase("Letting the last holds expire"):
        await asyncio.sleep(max(0.0, max(short, default=0) + LATE_MS_MAX - time() * 1000) / 1000)
    with phases.phase("Waiting until all shops have heard"):
        deadline = monotonic() + QUIET_S_MAX
        while (await client.verify_orders()).on_the_way:
            if monotonic() > deadline:
                phases.say(f"  after {QUIET_S_MAX:g} s some had not; the verdict says which")
                return
            await asyncio.sleep(QUIET_POLL_S)


async def prove(
    client: ChannelClient,
    store_ids: Sequence[str],
    told: Act,
    across: Act,
    phases: Phases,
    check_of: type[FeedCheck] = FeedCheck,
) -> Proof:
    """Read everything back and hold it against the answers."""
    outages = outages_of(store_ids, [*told.kills, *across.kills])
    check = check_of(told.answers.log, outages, across.answers.log)
    listed_ms = int(time() * 1000)

    async def of_shop(store_id: str) -> list[Reservation]:
        return [each async for each in client.list_reservations(store_id, page_size=PAGE_SIZE)]

    listed = await phases.each("Listing the reservations", store_ids, of_shop, AT_ONCE)
    reservations = {each.reservation_id: each for found in listed.values() for each in found}
    statuses = await statuses_of(client, store_ids)
    versions = {store_id: status.version for store_id, status in statuses.items()}
    await _read_feeds(client, versions, check, phases)
    check.finish(Standing(versions, reservations, listed_ms))
    verify = partial(phases.each, ask=client.verify_ledger, at_once=VERIFICATIONS_AT_ONCE)
    audits = tuple((await verify("Auditing every ledger", store_ids)).values())
    parts = {each.reservation_id: each for each in reservations.values() if each.order_id}
    order_ids = sorted({*(part.order_id for part in parts.values()), *stories_of(across.answers.log)})

    async def standing(order_id: str) -> Order | None:
        with suppress(NotFound):
            return await client.get_order(order_id)
        return None

    stand = await phases.each("Asking how each order stands", order_ids, standing, AT_ONCE)
    examine_shops(check.of_shops, told.answers, told.contests, audits)
    shops_of = examine_orders(check.of_orders, across.answers, across.contests, stand, parts, check.held)
    ledgers = await verify("Auditing the customers' ledgers", CUSTOMERS_LEDGERS)
    examine_audits(check.of_orders, await client.verify_orders(), ledgers.values(), audits)
    repeats = sum(status.repeats_answered for status in statuses.values())
    return Proof(repeats, check, Counter(each.status for each in reservations.values()), audits, shops_of, reservations)


async def _read_feeds(client: ChannelClient, versions: Mapping[str, int], check: FeedCheck, phases: Phases) -> None:
    """Every event of every shop up to its version, or up to where the feed falls silent: the findings then say so."""
    unfinished = {store_id for store_id, version in versions.items() if version}
    with phases.phase("Reading the journal back", sum(versions.values())) as tick, suppress(TimeoutError):
        async with asyncio.timeout(SILENCE_S_MAX) as patience, client.watch_events(unfinished) as feed:
            async for event in feed:
                patience.reschedule(asyncio.get_running_loop().time() + SILENCE_S_MAX)
                last = versions[event.store_id]
                if event.version <= last:  # what happened after the reading is left out
                    check.see(event)
                    tick(1)
                if event.version == last:
                    unfinished.discard(event.store_id)
                    if not unfinished:
                        break


def examine_shops(
    found: Findings, answers: Answers, contests: Iterable[Contest], audits: Iterable[Verification]
) -> None:
    """What is found in single shops beside their feeds."""
    found.add("repeats_differing", *(str(repeat) for repeat in answers.repeats if repeat.differs))
    found.add("contests_wrong", *(str(contest) for contest in contests if contest.is_wrong))
    found["oversold"] = sum(audit.units_oversold for audit in audits)
    found["calls_without_an_answer"] = len(answers.unanswered)


def conservation_of(audits: Iterable[Verification], faults: Sequence[str]) -> str:
    """`holds`, or the first thing that broke: by the service's own audit of each shop, or by a gap in its feed."""
    for audit in audits:
        for each in audit.discrepancies:
            why = f"{each.invariant} {each.subject}, expected {each.expected}, found {each.found}"
            return f"broken in shop {audit.store_id}: {why}"
        if not audit.holds:
            return f"broken in shop {audit.store_id}: its ledger does not verify"
    return f"broken: {faults[0]}" if faults else HOLDS

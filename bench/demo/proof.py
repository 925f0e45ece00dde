"""The proof: waiting until nothing is on its way, then what shops list, every shop's feed from its beginning, how each
order stands, and the service's own audits (VerifyLedger: oversold, conservation); and the verdict over single shops.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from time import monotonic, time
from typing import Final

from bench.demo.calls import Answers
from bench.demo.feed import LATE_MS_MAX, Contest, FeedCheck, Findings, Standing
from bench.demo.orders import OrderFindings, examine_audits, examine_orders, stories_of
from bench.demo.run import Phases, Told, statuses_of
from holdfast.client import CUSTOMERS_LEDGERS, ChannelClient, NotFound, Order, Reservation, Status, Verification

HOLDS: Final = "holds"
UNANSWERED_TOLD: Final = 5
QUIET_S_MAX: Final = 40.0  # a claim that heard nothing asks after 15 s, and what nobody noted is noted within 10 s more
QUIET_POLL_S: Final = 1.0
AT_ONCE: Final = 32
VERIFICATIONS_AT_ONCE: Final = 4
PAGE_SIZE: Final = 1_000
SILENCE_S_MAX: Final = 60.0  # for an event; a feed that lost its end would else be waited for until somebody stops it


@dataclass(frozen=True, slots=True)
class Proof:
    """The evidence: what the feeds showed, and what the audits say. `ended` counts reservations by their last status,
    `repeats_answered` the calls whose keys the ledgers knew, since their actors started.
    """

    repeats_answered: int
    findings: Findings
    ended: Mapping[Status, int]
    audits: tuple[Verification, ...]
    orders: OrderFindings


async def until_quiet(client: ChannelClient, told: Told, phases: Phases) -> None:
    """Wait until all short holds are over, and then until orders and shops have heard of each other, or long enough."""
    short = [
        outcome.expires_at_ms
        for call, outcome in (*told.answers.log, *told.across.answers.log)
        if "customer_id" in call.asked and call.asked.get("ttl_ms") and isinstance(outcome, Reservation | Order)
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


async def prove(client: ChannelClient, store_ids: Sequence[str], told: Told, phases: Phases) -> Proof:
    """Read everything back and hold it against the answers."""
    across = told.across
    check = FeedCheck(told.answers.log, told.outages(store_ids), across.answers.log)
    listed_ms = int(time() * 1000)

    async def of_shop(store_id: str) -> list[Reservation]:
        return [each async for each in client.list_reservations(store_id, page_size=PAGE_SIZE)]

    listed = await phases.each("Listing the reservations", store_ids, of_shop, AT_ONCE)
    reservations = {each.reservation_id: each for found in listed.values() for each in found}
    statuses = await statuses_of(client, store_ids)
    versions = {store_id: status.version for store_id, status in statuses.items()}
    await _read_feeds(client, versions, check, phases)
    of_shops = check.findings(Standing(versions, reservations, listed_ms))
    verify = partial(phases.each, ask=client.verify_ledger, at_once=VERIFICATIONS_AT_ONCE)
    audits = tuple((await verify("Auditing every ledger", store_ids)).values())
    parts = {each.reservation_id: each for each in reservations.values() if each.order_id}
    order_ids = sorted({*(part.order_id for part in parts.values()), *stories_of(across.answers.log)})

    async def standing(order_id: str) -> Order | None:
        with suppress(NotFound):
            return await client.get_order(order_id)
        return None

    stand = await phases.each("Asking how each order stands", order_ids, standing, AT_ONCE)
    orders = examine_orders(across.answers, across.contests, stand, parts, of_shops)
    ledgers = await verify("Auditing the customers' ledgers", CUSTOMERS_LEDGERS)
    examine_audits(orders, await client.verify_orders(), ledgers.values(), audits)
    repeats = sum(status.repeats_answered for status in statuses.values())
    return Proof(repeats, of_shops, Counter(each.status for each in reservations.values()), audits, orders)


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


@dataclass(frozen=True, slots=True)
class Verdict:
    """The proof's outcome, named as in the JSON document. All counts are zero and `conservation` says "holds", or the
    product is broken.
    """

    oversold: int
    answers_lost: int
    conservation: str
    repeats_differing: int
    expired_late: int
    contests_wrong: int
    effects_nobody_was_told_of: int
    calls_without_an_answer: int
    findings: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """True where nothing is broken and every call was answered."""
        counts = [value for name, value in asdict(self).items() if name not in ("conservation", "findings")]
        return self.conservation == HOLDS and not any(counts)


def verdict_of(
    answers: Answers, contests: Iterable[Contest], findings: Findings, audits: Sequence[Verification]
) -> Verdict:
    """The verdict over all the evidence."""
    differing = [repeat for repeat in answers.repeats if repeat.differs]
    wrong = [each for each in contests if each.accepted != min(each.callers, each.units)]
    sentences = [*findings.faults, *findings.sentences, *map(str, differing)]
    sentences += [f"{each.callers} callers for {each.units} of {each.sku}: {each.accepted} accepted" for each in wrong]
    return Verdict(
        oversold=sum(each.units_oversold for each in audits),
        answers_lost=findings.answers_lost,
        conservation=conservation_of(audits, findings.faults),
        repeats_differing=len(differing),
        expired_late=findings.expired_late,
        contests_wrong=len(wrong),
        effects_nobody_was_told_of=findings.unasked,
        calls_without_an_answer=len(answers.unanswered),
        findings=(*sentences, *answers.unanswered[:UNANSWERED_TOLD]),
    )


def conservation_of(audits: Iterable[Verification], faults: Sequence[str]) -> str:
    """`holds`, or the first thing that broke: by the service's own audit of each shop, or by a gap in its feed."""
    for audit in audits:
        for each in audit.discrepancies:
            why = f"{each.invariant} {each.subject}, expected {each.expected}, found {each.found}"
            return f"broken in shop {audit.store_id}: {why}"
        if not audit.holds:
            return f"broken in shop {audit.store_id}: its ledger does not verify"
    return f"broken: {faults[0]}" if faults else HOLDS

"""What held: each invariant of the list of faults, how often it was looked at, and by whom.

Nothing is reckoned here that a checker reckons already: the service's audits (VerifyLedger, VerifyOrders), the feeds
against what callers were told (`bench.demo.proof`), and histories (`histories`).
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from bench.demo.calls import ORDER_KINDS, SHOP_KINDS, Answers
from bench.demo.feed import LATE_MS_MAX, FeedCheck
from bench.demo.orders import NOTHING_COMPARED
from bench.demo.proof import Proof, prove, until_quiet
from bench.demo.run import Act, Killed, Phases, outages_of
from bench.faults import callers
from bench.faults.flood import Flood
from bench.faults.histories import Clocks, Examined, examine_all
from bench.faults.run import Evidence, calls_of
from holdfast.client import CUSTOMERS_LEDGERS, ChannelClient, NotFound, Order, Reservation, Verification

Row: TypeAlias = tuple[str, str, str, int, list[str]]

BACK_S_MAX: Final = 60.0
FINDINGS_MAX: Final = 20


@dataclass(slots=True)
class Invariant:
    """One of the list: how often it was looked at, by whom, and what broke it."""

    name: str
    says: str
    checked_by: str
    checks: int = 0
    broken: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.broken


@dataclass(slots=True)
class Judgement:
    """All invariants, and what was drawn of what broke I10 or I3."""

    invariants: list[Invariant]
    examined: list[Examined]
    calls_answered: int
    events: int
    ended: Mapping[str, int]

    @property
    def holds(self) -> bool:
        return all(each.holds for each in self.invariants)


@dataclass(frozen=True, slots=True)
class AtRest:
    """What there is when time has passed: by shop and SKU what is reserved, and units of the drop that are missing."""

    reserved: Mapping[tuple[str, str], int]
    dropped_missing: int
    dropped: tuple[Verification, ...]


async def come_to_rest(client: ChannelClient, evidence: Evidence, phases: Phases) -> AtRest:
    """Wait until every hold is over and all have heard of each other."""
    live = [
        entry.outcome.expires_at_ms
        for entry in evidence.recorder.entries.values()
        if isinstance(entry.outcome, Reservation | Order)
    ]
    with phases.phase("Letting every hold expire"):
        await asyncio.sleep(max(0.0, max(live, default=0) + LATE_MS_MAX - time.time() * 1_000) / 1_000)
    await until_quiet(client, acts_of(evidence, client), phases)
    with phases.phase("Waiting until nothing is reserved"):
        deadline = time.monotonic() + BACK_S_MAX
        while True:
            reserved, missing = await _reserved(client)
            if not (missing or any(reserved.values())) or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.5)
    dropped = [await client.verify_ledger(ledger_id) for ledger_id in callers.DROP_SHOPS]
    with suppress(NotFound):  # it never had a ledger of its own
        dropped.append(await client.verify_ledger(f"hot/{callers.DROP}"))
    return AtRest(reserved, missing, tuple(dropped))


async def _reserved(client: ChannelClient) -> tuple[dict[tuple[str, str], int], int]:
    """What is reserved, and how many units of the drop are missing in its shops."""
    skus = (*callers.SKUS, callers.BURST, *callers.ORDERED_SKUS, callers.DROP)
    reserved, available = {}, 0
    for store in await client.get_availability((*callers.SHOPS, *callers.DROP_SHOPS), skus):
        for each in store.positions:
            if each.stocked:
                reserved[store.store_id, each.sku] = each.reserved
            available += each.available if each.sku == callers.DROP else 0
    return reserved, len(callers.DROP_SHOPS) * callers.DROP_UNITS - available


def acts_of(evidence: Evidence, client: ChannelClient) -> tuple[Act, Act]:
    """What callers were told of single shops and of orders, as the demo's proof takes it."""
    recorder = evidence.recorder
    shops, across = Act(Answers(client)), Act(Answers(client))
    for act, kinds, store_ids in ((shops, SHOP_KINDS, callers.SHOPS), (across, ORDER_KINDS, None)):
        act.answers.log = recorder.answered(kinds, store_ids)
        act.answers.repeats = [
            each
            for each in recorder.repeats
            if each.call.kind in kinds and (store_ids is None or each.call.store_id in store_ids)
        ]
        act.answers.unanswered = [f"{call.kind.value} {call.key}" for call in calls_of(evidence, kinds)]
    shops.kills = [
        Killed(each.what, 0.0, evidence.wall.around(each.outage), store_ids=tuple(each.store_ids))
        for each in evidence.strikes
        if each.outage
    ]
    return shops, across


async def judge(
    client: ChannelClient,
    evidence: Evidence,
    rest: AtRest,
    phases: Phases,
    check_of: type[FeedCheck] = FeedCheck,
) -> Judgement:
    """Read everything back, and hold it against what callers were told. It may be done several times."""
    shops, across = acts_of(evidence, client)
    proof = await prove(client, callers.SHOPS, shops, across, phases, check_of)
    outages = outages_of((*callers.SHOPS, *callers.DROP_SHOPS), shops.kills)
    clocks = Clocks(evidence.wall, outages)
    with phases.phase("Examining the histories"):
        examined = await asyncio.to_thread(examine_all, evidence.recorder, proof.reservations, clocks)
    flooded: list[Verification] = []
    if evidence.flood is not None:
        with phases.phase("Auditing the flooded shops"):
            flooded = await evidence.flood.audits(client)
    invariants = _Findings(evidence, rest, proof, examined, (shops, across), flooded).invariants()
    ended = {status.name: count for status, count in proof.ended.items()}
    return Judgement(invariants, examined, len(shops.answers.log) + len(across.answers.log), proof.check.events, ended)


class _Findings:
    """All that any checker said, by invariant. Each row: the id, what it says, by whom, how often, what broke."""

    def __init__(
        self,
        evidence: Evidence,
        rest: AtRest,
        proof: Proof,
        examined: Sequence[Examined],
        acts: tuple[Act, Act],
        flooded: Sequence[Verification],
    ) -> None:
        self.evidence, self.rest, self.proof = evidence, rest, proof
        self.positions, self.drop, self.lives = examined
        self.shops, self.across = acts
        self.flooded, self.flood = flooded, evidence.flood or Flood(())
        self.audits = [*evidence.audits, *proof.audits, *rest.dropped, *flooded]
        self.audited = sum(audit.events for audit in self.audits)

    def invariants(self) -> list[Invariant]:
        """In the sequence of the list of faults."""
        rows = sorted(
            (*self._ledgers(), *self._answers(), *self._time(), *self._whole()), key=lambda row: int(row[0][1:])
        )
        return [Invariant(name, says, by, checks, broken[:FINDINGS_MAX]) for name, says, by, checks, broken in rows]

    def _ledgers(self) -> Iterator[Row]:
        audits, by = self.audits, "VerifyLedger"
        missing = self.rest.dropped_missing
        sums = [f"{missing} units of the drop are not back in their shops"] if missing else []
        yield "I1", "stock adds up in every position", by, self.audited, self._audited("I1") + sums
        oversold = [f"ledger {each.store_id}: {each.units_oversold} units" for each in audits if each.units_oversold]
        oversold += self._audited("I2") + self.drop.violated
        checks = self.audited + self.drop.operations
        yield "I2", "nothing is sold twice", f"{by}; the history of the drop", checks, oversold
        gaps = self._audited("I8") + self.proof.check.faults
        yield "I8", "no journal has a gap", f"{by}; the feeds", self.audited + self.proof.check.events, gaps
        second = [each for each in self.evidence.strikes if each.fault in ("F5", "F13")]
        believed = self._audited("I9") + [each.wrong for each in second if each.wrong]
        checks = self.audited + len(second)
        yield "I9", "there is one writer", f"{by}; stopped actors and second writers", checks, believed
        unlike = self._audited("I13") + [f"ledger {each.store_id} does not verify" for each in audits if not each.holds]
        yield "I13", "a replay gives the live state", f"{by}, by hash", len(audits), unlike

    def _answers(self) -> Iterator[Row]:
        same = [each for each in self.evidence.recorder.repeats if each.same_content]
        other = [each for each in self.evidence.recorder.repeats if not each.same_content]
        by = "the feeds, against what callers were told"
        count = len(self.shops.answers.log) + len(self.across.answers.log) + self.flood.accepted.total()
        lost = self._told("answers_lost") + self.flood.lost(self.flooded)
        yield "I4", "what was answered is there, as it was answered", by, count, lost
        broken = [str(each) for each in same if each.differs] + self._audited("I5")
        broken += self.shops.answers.unanswered + self.across.answers.unanswered
        broken += self._told("effects_nobody_was_told_of") + self._told("unasked")
        broken += self.flood.wrong + self.flood.doubled(self.flooded)
        yield (
            "I5",
            "a repeat has one effect and one answer; nothing happens that nobody is told of",
            by,
            len(same) + self.flood.again,
            broken,
        )
        differing = [str(each) for each in other if each.differs]
        yield "I6", "a key with other content is refused", "callers", len(other), differing
        gaps = list(self.evidence.gaps)
        for store_id, version in self.evidence.to_be_told.items():
            if (told_of := self.evidence.told_by_feed.get(store_id, 0)) < version:
                gaps.append(f"shop {store_id}: a watcher was told up to {told_of} of {version}")
        checks = sum(self.evidence.told_by_feed.values())
        yield "I16", "feeds tell every event, once and in sequence", "a watcher through all faults", checks, gaps

    def _time(self) -> Iterator[Row]:
        late = self._audited("I11") + self._told("expired_late")
        by = "the feeds; VerifyLedger"
        yield "I11", "no hold ends early, or more than a second late", by, self.proof.check.expiries, late
        left = [f"{store}: {units} of {sku}" for (store, sku), units in self.rest.reserved.items() if units]
        left += [f"{each.store_id}: {each.units_reserved} units" for each in self.flooded if each.units_reserved]
        yield "I12", "when all is over nothing is reserved", "GetAvailability", len(self.rest.reserved), left
        away = [
            f"{each.what}: nothing was accepted afterwards"
            for each in self.evidence.strikes
            if each.over_ns and not each.back_ns
        ]
        yield "I14", "after a fault the service is back", "the first call accepted", len(self.evidence.strikes), away

    def _whole(self) -> Iterator[Row]:
        lives, positions = self.lives, self.positions
        broken = self._audited("I3") + lives.violated + lives.undecided
        yield "I3", "a reservation follows the table, and its end is final", "histories", lives.operations, broken
        # At rest every order is over, and may have left memory; while callers called there were some to compare.
        nothing = {NOTHING_COMPARED} if self.evidence.compared else set[str]()
        apart = [each for each in self._told("disagreeing") if each not in nothing] + self._told("partly_placed")
        apart += self._audited("I7") + self.evidence.disagreeing
        by, checks = "VerifyOrders; the feeds", len(self.proof.shops_of) + self.evidence.compared
        yield "I7", "an order is whole in all its shops, or nowhere", by, checks, apart
        broken = positions.violated + positions.undecided + self.drop.undecided
        yield "I10", "every position is linearizable", "histories", positions.operations, broken
        over = self._audited("I15") + self._told("limit_exceeded")
        checks = len(CUSTOMERS_LEDGERS)
        yield "I15", "no customer exceeds a limit", "VerifyLedger of customers' ledgers", checks, over

    def _audited(self, invariant: str) -> list[str]:
        return [
            f"{audit.store_id}, {each.subject}: expected {each.expected}, found {each.found}"
            for audit in self.audits
            for each in audit.discrepancies
            if each.invariant == invariant
        ]

    def _told(self, name: str) -> list[str]:
        """What the proof found of this name: its own sentences where it kept them, else how many there were."""
        found = self.proof.check.of_shops, self.proof.check.of_orders
        return [sentence for each in found for sentence in each.named(name)]

"""The verdicts over single shops and over orders of several shops. Pure; nothing is asked of anybody here.

Of single shops: stock is judged by the service's own audit of every ledger (VerifyLedger: oversold, conservation),
answers and effects by the feeds (`feed`), repeats and contests by what callers were told.

Of orders, once they are quiet:

- One that became certain is held in every shop that it was promised in, and in no other; else in none.
- No customer was ever over a limit of the whole chain, no pickup slot ever over its capacity.
- Every answer is true: of the units that were asked for, of the steps that were taken, of how the order stands.
- Whatever shops did to a part was told to somebody.
- The service's own audits of customers' ledgers (VerifyLedger) and of orders against shops (VerifyOrders) agree.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

from bench.demo.calls import Answered, CallT, Kind, OneRepeated, OrderAnswered, OrderRepeated
from bench.demo.feed import LIVE, Findings, Outage, Reading, Witness
from bench.demo.order_stories import ChainLimit, OrderStory, customers_over, lost_answers, stories_of
from holdfast.client import (
    Event,
    Order,
    OrderStatus,
    OrdersVerification,
    Reason,
    Rejection,
    Reservation,
    Status,
    Verification,
)

HOLDS: Final = "holds"


class Contest(NamedTuple):
    """So many callers for so many units of one SKU in one shop, a unit each."""

    store_id: str
    sku: str
    callers: int
    units: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The proof's outcome. All counts are zero and `conservation` says "holds", or the product is broken."""

    oversold: int
    answers_lost: int
    conservation: str
    repeats_differing: int
    expired_late: int
    contests_wrong: int
    unasked: int
    unanswered: int
    findings: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """True where nothing is broken and every call was answered."""
        counts = (
            self.oversold,
            self.answers_lost,
            self.repeats_differing,
            self.expired_late,
            self.contests_wrong,
            self.unasked,
            self.unanswered,
        )
        return self.conservation == HOLDS and not any(counts)


def examine(
    answers: Iterable[Answered],
    events: Iterable[Event],
    readings: Mapping[str, Reading],
    outages: Mapping[str, Sequence[Outage]] | None = None,
) -> Findings:
    """Hold all answers against all events, each shop's in sequence."""
    witness = Witness(answers, outages or {})
    for event in events:
        witness.see(event)
    return witness.findings(readings)


def repeats_differing(repeats: Iterable[OneRepeated[CallT, Any]]) -> list[OneRepeated[CallT, Any]]:
    """Repeats that were answered otherwise than the first time, and reused keys that were not refused as such."""
    return [
        repeated
        for repeated in repeats
        if (
            repeated.first != repeated.second
            if repeated.same_content
            else not isinstance(repeated.second, Rejection)
            or repeated.second.reason is not Reason.IDEMPOTENCY_KEY_REUSED
        )
    ]


def accepted_in(contests: Iterable[Contest], answers: Iterable[Answered]) -> dict[Contest, int]:
    """How many callers of each contest were told that they have their unit."""
    accepted = Counter(
        (call.store_id, call.lines[0][0])
        for call, outcome in answers
        if call.kind is Kind.RESERVE and isinstance(outcome, Reservation)
    )
    return {contest: accepted[contest.store_id, contest.sku] for contest in contests}


def contests_wrong(contests: Iterable[Contest], answers: Iterable[Answered]) -> list[tuple[Contest, int]]:
    """Contests that did not end with exactly min(callers, units) accepted, with how many were."""
    return [
        (contest, accepted)
        for contest, accepted in accepted_in(contests, answers).items()
        if accepted != min(contest.callers, contest.units)
    ]


def conservation_of(verifications: Iterable[Verification], faults: Sequence[str]) -> str:
    """`holds`, or the first thing that broke: by the service's own audit of each shop, or by a gap in its feed."""
    for verification in verifications:
        for each in verification.discrepancies:
            return (
                f"broken in shop {verification.store_id}: {each.invariant} {each.subject}, "
                f"expected {each.expected}, found {each.found}"
            )
        if not verification.holds:
            return f"broken in shop {verification.store_id}: its ledger does not verify"
    return f"broken: {faults[0]}" if faults else HOLDS


FINDINGS_MAX: Final = 50
SENTENCE_CHARS_MAX: Final = 600
UNCERTAIN: Final = (OrderStatus.OPEN, OrderStatus.ABANDONED)
OVER_WITHOUT_SALE: Final = (OrderStatus.RELEASED, OrderStatus.EXPIRED)


class SlotContest(NamedTuple):
    """So many callers for a pickup slot of so many places in one shop, and how many of them got one."""

    store_id: str
    slot_start_ms: int
    callers: int
    places: int
    accepted: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of orders at the end. `standing` is what GetOrder said, None for an order that it has not;
    `capacities` are the places of slots, by shop and start; `asked_ms` says when each key was first asked.
    """

    log: Sequence[OrderAnswered]
    repeats: Sequence[OrderRepeated]
    standing: Mapping[str, Order | None]
    limits: Sequence[ChainLimit]
    capacities: Mapping[tuple[str, int], int]
    contests: Sequence[SlotContest]
    unanswered: int
    asked_ms: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class OrderFindings:
    """What was found. The counts are whole, the sentences only the first."""

    orders: int = 0
    split_orders: int = 0
    partly_placed: int = 0
    limit_exceeded: int = 0
    slots_over_capacity: int = 0
    slot_contests_wrong: int = 0
    answers_lost: int = 0
    repeats_differing: int = 0
    unasked: int = 0
    unanswered: int = 0
    disagreeing: int = 0
    sentences: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """True where nothing is broken, every call was answered, and some orders were split at all."""
        counted = ("orders", "split_orders", "sentences")
        broken = [value for name, value in asdict(self).items() if name not in counted]
        return self.split_orders > 0 and not any(broken)

    def say(self, sentence: str) -> None:
        """Keep a sentence for people."""
        if len(self.sentences) < FINDINGS_MAX:
            self.sentences.append(sentence[:SENTENCE_CHARS_MAX])


def examine_audits(found: OrderFindings, agreement: OrdersVerification, ledgers: Iterable[Verification]) -> None:
    """What the service says of itself: customers' ledgers against their journals, and orders against shops."""
    for ledger in ledgers:
        if not ledger.holds:
            found.disagreeing += 1
            found.say(f"the ledger {ledger.store_id} does not verify: {ledger.discrepancies[:1]}")
    found.disagreeing += len(agreement.discrepancies) + len(agreement.left_out)
    for each in agreement.discrepancies:
        found.say(f"{each.subject}: {each.expected} was expected, and {each.found} found")
    for name in agreement.left_out:
        found.say(f"the ledger {name} is stopped")
    if not (agreement.orders and agreement.parts):
        found.disagreeing += 1
        found.say("no order was compared with the shops")


def examine_orders(evidence: Evidence, witness: Witness, of_shops: Findings) -> OrderFindings:
    """Hold everything against everything; `of_shops` is what the witness found already."""
    found = OrderFindings(unanswered=evidence.unanswered)
    stories = stories_of(evidence.log)
    claimed = witness.parts_by_order()
    for order_id in sorted({*claimed, *stories}):
        story, parts = stories.get(order_id), claimed.get(order_id, {})
        standing = evidence.standing.get(order_id)
        held = witness.held & parts.keys()
        why = partly_placed(standing, story, parts, held)
        if why:
            found.partly_placed += 1
            found.say(f"order {order_id} is partly placed: {why}")
        if held and story is None:
            found.unasked += 1
            found.say(f"order {order_id} is held in {len(parts)} shops, and nobody was told of it")
        if standing is not None and standing.status not in UNCERTAIN:
            promised = {part.reservation_id for part in standing.parts} | (story.promised if story else frozenset())
            shops = {parts[each].store_id for each in promised if each in parts}
            found.orders += 1
            found.split_orders += len(shops) > 1
    over = dict(customers_over(evidence.limits, stories, evidence.standing, evidence.asked_ms))
    found.limit_exceeded = len(over)
    lost = [*lost_answers(stories, evidence.standing, witness.reservations), *of_shops.order_answers_lost]
    found.answers_lost = len(lost)
    found.unasked += len(of_shops.order_effects_unasked)
    differing = repeats_differing(evidence.repeats)
    found.repeats_differing = len(differing)
    for sentence in (*over.values(), *lost, *of_shops.order_effects_unasked):
        found.say(sentence)
    for repeated in differing:
        found.say(f"repeated {repeated.call.key}: first {repeated.first}, then {repeated.second}")
    _judge_slots(evidence, witness, found)
    return found


def _judge_slots(evidence: Evidence, witness: Witness, found: OrderFindings) -> None:
    for (store_id, start_ms), most in sorted(witness.most_in_slot.items()):
        capacity = evidence.capacities.get((store_id, start_ms), 0)
        if most > capacity:
            found.slots_over_capacity += 1
            found.say(f"shop {store_id}, slot {start_ms}: {most} places were taken, it has {capacity}")
    for contest in evidence.contests:
        if contest.accepted != min(contest.callers, contest.places):
            found.slot_contests_wrong += 1
            found.say(f"{contest.callers} callers for {contest.places} places of a slot: {contest.accepted} accepted")


def partly_placed(
    standing: Order | None, story: OrderStory | None, parts: Mapping[str, Reservation], held: Iterable[str]
) -> str:
    """Why an order is placed in some of its shops and not in others, empty where it is not."""
    held = set(held)
    for reservation_id, part in parts.items():
        if part.status is Status.CLAIMED:
            return f"{reservation_id} is claimed, and nothing was ever decided of it"
    if standing is None or standing.status in UNCERTAIN:
        status = "unknown" if standing is None else standing.status.name
        return f"it is {status}, and was held as {sorted(held)}" if held or story is not None else ""
    promised = {part.reservation_id for part in standing.parts}
    told = story.promised if story is not None else frozenset[str]()
    strange = held - promised - told
    if strange:
        return f"{sorted(strange)} were held, and are not of the order"
    for reservation_id in sorted(promised | told):
        if reservation_id not in parts:
            return f"{reservation_id} was never even claimed"
        # What was over before its shop had heard that it was certain was still kept for it until then.
        may_be_unheard = standing.status in OVER_WITHOUT_SALE or reservation_id not in promised
        if reservation_id not in held and not may_be_unheard:
            return f"{reservation_id} was claimed and never held, while {sorted(held)} were"
    for each in standing.parts:
        why = _stands_otherwise(standing, each.reservation_id, parts[each.reservation_id])
        if why:
            return why
    return ""


def _stands_otherwise(standing: Order, reservation_id: str, last: Reservation) -> str:
    """Why a part in its shop is not what its order says that it is."""
    [told] = [each for each in standing.parts if each.reservation_id == reservation_id]
    if (told.status, told.lines) != (last.status, last.lines):
        return f"{reservation_id} is {last.status.name} {last.lines} in its shop, to its order {told}"
    if standing.status in (*OVER_WITHOUT_SALE, OrderStatus.COLLECTED) and last.status in LIVE:
        return f"it is {standing.status.name}, and {reservation_id} is {last.status.name}"
    if standing.status is OrderStatus.CONFIRMED and last.status is Status.HELD:
        return f"it is CONFIRMED, and {reservation_id} only HELD"
    return ""

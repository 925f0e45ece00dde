"""The proof for orders over several shops: what callers were told, held against the feeds of all shops and against how
each order stands once it is quiet. Pure; nothing is asked of anybody here.

- An order that became certain is held in every shop that it was promised in, and in no other; else in none.
- No customer was ever over a limit of the whole chain, no pickup slot ever over its capacity.
- Every answer is true: of the units that were asked for, of the steps that were taken, of how the order stands.
- Whatever shops did to a part was told to somebody.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from bench.demo import order_answers_hold as answers
from bench.demo.chain_limits import Certain, ChainLimit, Change as Taken, exceeded, peak
from bench.demo.order_calls import OrderAnswered, OrderRepeated
from bench.demo.order_told import OrderStory, stories_of
from bench.demo.parts import History, PartWatch, with_slots
from bench.demo.projection import LIVE
from holdfast.client import Order, OrderStatus, OrdersVerification, Reason, Rejection, Status, Verification

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
    `capacities` are the places of slots, by shop and start.
    """

    log: Sequence[OrderAnswered]
    repeats: Sequence[OrderRepeated]
    standing: Mapping[str, Order | None]
    limits: Sequence[ChainLimit]
    capacities: Mapping[tuple[str, int], int]
    contests: Sequence[SlotContest]
    unanswered: int


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
        broken = (
            self.partly_placed,
            self.limit_exceeded,
            self.slots_over_capacity,
            self.slot_contests_wrong,
            self.answers_lost,
            self.repeats_differing,
            self.unasked,
            self.unanswered,
            self.disagreeing,
        )
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


def examine_orders(evidence: Evidence, watch: PartWatch) -> OrderFindings:
    """Hold everything against everything."""
    found = OrderFindings(unanswered=evidence.unanswered)
    stories = stories_of(evidence.log)
    claimed = watch.by_order()
    certain: list[Certain] = []
    for order_id in sorted({*claimed, *stories}):
        story, parts = stories.get(order_id), claimed.get(order_id, {})
        standing = evidence.standing.get(order_id)
        why = partly_placed(standing, story, parts)
        if why:
            found.partly_placed += 1
            found.say(f"order {order_id} is partly placed: {why}")
        if any(part.held_at_ms() is not None for part in parts.values()) and story is None:
            found.unasked += 1
            found.say(f"order {order_id} is held in {len(parts)} shops, and nobody was told of it")
        if standing is not None and standing.status not in UNCERTAIN:
            certain.append(_certain(standing, story, parts))
    found.orders = len(certain)
    found.split_orders = sum(1 for order in certain if len({_shop(part) for part in order.parts.values()}) > 1)
    for over in exceeded(evidence.limits, certain):
        found.say(f"customer {over.customer_id} had {over.found} at once, over the limit {over.limit}")
    found.limit_exceeded = len({over.customer_id for over in exceeded(evidence.limits, certain)})
    _judge_slots(evidence, watch, found)
    lost = [*answers.lost_answers(evidence.log, stories, evidence.standing, watch)]
    found.answers_lost = len(lost)
    outbox = answers.untold_steps(evidence.log, watch)
    found.unasked += len(outbox)
    differing = repeats_differing(evidence.repeats)
    found.repeats_differing = len(differing)
    for sentence in (*lost, *outbox):
        found.say(sentence)
    for repeated in differing:
        found.say(f"repeated {repeated.call.key}: first {repeated.first}, then {repeated.second}")
    return found


def partly_placed(standing: Order | None, story: OrderStory | None, parts: Mapping[str, History]) -> str:
    """Why an order is placed in some of its shops and not in others, empty where it is not."""
    for reservation_id, part in parts.items():
        if part.last.status is Status.CLAIMED:
            return f"{reservation_id} is claimed, and nothing was ever decided of it"
    held = {reservation_id for reservation_id, part in parts.items() if part.held_at_ms() is not None}
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


def _stands_otherwise(standing: Order, reservation_id: str, part: History) -> str:
    """Why a part in its shop is not what its order says that it is."""
    last = part.last
    [told] = [each for each in standing.parts if each.reservation_id == reservation_id]
    if (told.status, told.lines) != (last.status, last.lines):
        return f"{reservation_id} is {last.status.name} {last.lines} in its shop, to its order {told}"
    if standing.status in (*OVER_WITHOUT_SALE, OrderStatus.COLLECTED) and last.status in LIVE:
        return f"it is {standing.status.name}, and {reservation_id} is {last.status.name}"
    if standing.status is OrderStatus.CONFIRMED and last.status is Status.HELD:
        return f"it is CONFIRMED, and {reservation_id} only HELD"
    return ""


def _certain(standing: Order, story: OrderStory | None, parts: Mapping[str, History]) -> Certain:
    promised = {part.reservation_id for part in standing.parts} | (story.promised if story else frozenset())
    at_first = story.at_first if story else frozenset(promised)
    mine = {reservation_id: part for reservation_id, part in parts.items() if reservation_id in promised}
    return Certain(standing.customer_id, standing.channel, standing.created_at_ms, at_first, mine)


def _shop(part: History) -> str:
    return part.last.store_id


def _judge_slots(evidence: Evidence, watch: PartWatch, found: OrderFindings) -> None:
    """A shop's events are one sequence, so here versions take the place of instants."""
    taken: dict[tuple[str, int], dict[str, list[Taken]]] = {}
    for history in with_slots(watch.histories):
        slot: int | None = None
        for _, reservation in history.stages:
            is_over = reservation.status not in LIVE and reservation.status is not Status.CLAIMED
            now = None if is_over else reservation.slot_start_ms
            if now != slot:
                for start_ms, more in ((slot, -1), (now, 1)):
                    if start_ms is not None:
                        by_order = taken.setdefault((reservation.store_id, start_ms), {})
                        changes = by_order.setdefault(reservation.order_id or reservation.reservation_id, [])
                        changes.append(Taken(reservation.version, more))
                slot = now
    for (store_id, start_ms), by_order in sorted(taken.items()):
        places = (place for changes in by_order.values() for place in _one_place(changes))
        most, capacity = peak(places), evidence.capacities.get((store_id, start_ms), 0)
        if most > capacity:
            found.slots_over_capacity += 1
            found.say(f"shop {store_id}, slot {start_ms}: {most} places were taken, it has {capacity}")
    for contest in evidence.contests:
        if contest.accepted != min(contest.callers, contest.places):
            found.slot_contests_wrong += 1
            found.say(f"{contest.callers} callers for {contest.places} places of a slot: {contest.accepted} accepted")


def _one_place(changes: Iterable[Taken]) -> Iterator[Taken]:
    """What the parts of one order have together in a slot: from the first that takes it until the last has left."""
    parts = 0
    for at, more in sorted(changes):
        if not parts or not parts + more:
            yield Taken(at, more)
        parts += more


def repeats_differing(repeats: Iterable[OrderRepeated]) -> list[OrderRepeated]:
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

"""The verdict over orders of several shops, once nothing is on its way. Pure; nothing is asked of anybody here.

- An order that became certain was held in every shop that it was promised in, and in no other; else in none.
- Every answer is true: of the units that were asked for, of the steps that were taken, of how the order stands.
- Whatever shops did to a part was told to somebody (`feed.FeedCheck`).
- The service's own audits agree: of customers' ledgers, and with them the limits of the whole chain, and of shops, with
  them the places of pickup slots (VerifyLedger); of orders against shops as they stand at the end (VerifyOrders).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from bench.demo.calls import Answered, Answers, Call, Kind
from bench.demo.feed import Contest, Findings
from holdfast.client import Order, OrderStatus, OrdersVerification, Reservation, SourcingPolicy, Status, Verification

NOTHING_COMPARED: Final = "no order was compared with the shops"
UNCERTAIN: Final = (OrderStatus.OPEN, OrderStatus.ABANDONED)
OVER_WITHOUT_SALE: Final = (OrderStatus.RELEASED, OrderStatus.EXPIRED)

STATUS_TOLD: Final = {
    Kind.RESERVE_NEAR: OrderStatus.HELD,
    Kind.CONFIRM_ORDER: OrderStatus.CONFIRMED,
    Kind.RELEASE_ORDER: OrderStatus.RELEASED,
}

FOLLOWS: Final = {
    OrderStatus.HELD: (OrderStatus.HELD, OrderStatus.EXPIRED, OrderStatus.COLLECTED),
    OrderStatus.CONFIRMED: (OrderStatus.CONFIRMED, OrderStatus.EXPIRED, OrderStatus.COLLECTED),
    OrderStatus.RELEASED: (OrderStatus.RELEASED, OrderStatus.COLLECTED),
}
"""How an order may stand after its callers were told this last: they alone lead it, but for time and the shops."""


@dataclass(slots=True)
class Story:
    """One order as its callers were told it: the answers that accepted something, by the ledger's version, the placing
    one first. `promised` are the reservation ids that it was ever told to have; `is_sold` is whether a shop told that
    units were collected.
    """

    answers: list[tuple[Call, Order]] = field(default_factory=list)
    promised: frozenset[str] = frozenset()
    is_sold: bool = False


def stories_of(log: Iterable[Answered]) -> dict[str, Story]:
    """By order id."""
    stories: dict[str, Story] = {}
    for call, outcome in log:
        if isinstance(outcome, Order):
            story = stories.setdefault(outcome.order_id, Story())
            story.answers.append((call, outcome))
            story.promised |= {part.reservation_id for part in outcome.parts}
        elif call.kind is Kind.COLLECT_ORDER and isinstance(outcome, tuple):
            story = stories.setdefault(call.asked["order_id"], Story())
            story.is_sold |= any(isinstance(part.answer, Reservation) for part in outcome)
    for story in stories.values():
        story.answers.sort(key=lambda answer: answer[1].version)
    return stories


def examine_orders(
    found: Findings,
    answers: Answers,
    contests: Iterable[Contest],
    orders: Mapping[str, Order | None],
    parts: Mapping[str, Reservation],
    all_held: AbstractSet[str],
) -> dict[str, int]:
    """Hold what callers were told against `orders`, as GetOrder tells them, None where there is none; against `parts`,
    as shops list them; and against those of them that the feeds say were held. Returns the orders that became certain,
    each with the number of its shops.
    """
    stories = stories_of(answers.log)
    claimed: defaultdict[str, dict[str, Reservation]] = defaultdict(dict)
    for reservation_id, part in parts.items():
        claimed[part.order_id][reservation_id] = part
    shops_of: dict[str, int] = {}
    for order_id in sorted({*claimed, *stories}):
        story, mine, order = stories.get(order_id), claimed[order_id], orders.get(order_id)
        held = all_held & mine.keys()
        if why := partly_placed(order, story, mine, held):
            found.add("partly_placed", f"order {order_id} is partly placed: {why}")
        if held and story is None:
            found.add("unasked", f"order {order_id} is held in {len(mine)} shops, and nobody was told of it")
        if order is not None and order.status not in UNCERTAIN:
            promised = {part.reservation_id for part in order.parts} | (story.promised if story else frozenset())
            shops_of[order_id] = len({mine[each].store_id for each in promised if each in mine})
    found.add("answers_lost", *lost_answers(stories, orders, parts))
    found.add("repeats_differing", *(str(repeat) for repeat in answers.repeats if repeat.differs))
    found.add("slot_contests_wrong", *(str(contest) for contest in contests if contest.is_wrong))
    found["unanswered"] = len(answers.unanswered)
    return shops_of


def examine_audits(
    found: Findings,
    agreement: OrdersVerification,
    customers: Iterable[Verification],
    shops: Iterable[Verification] = (),
) -> None:
    """What the service says of itself: customers' ledgers against their journals, limits among it; orders against
    shops; places in slots.
    """
    for ledger in customers:
        over = [each for each in ledger.discrepancies if each.invariant == "I15"]
        found.add("limit_exceeded", *(f"{ledger.store_id}, {each.subject}: {each.expected}" for each in over))
        if not ledger.holds:
            found.add("disagreeing", f"the ledger {ledger.store_id} does not verify: {ledger.discrepancies[:1]}")
    for shop in shops:
        slots = [each for each in shop.discrepancies if each.subject.startswith("the slot of ")]
        found.add("slots_over_capacity", *(f"shop {shop.store_id}, {each.subject}: {each.found}" for each in slots))
    for each in agreement.discrepancies:
        found.add("disagreeing", f"{each.subject}: {each.expected} was expected, and {each.found} found")
    found.add("disagreeing", *(f"the ledger {name} is stopped" for name in agreement.left_out))
    if not (agreement.orders and agreement.parts):
        found.add("disagreeing", NOTHING_COMPARED)


def partly_placed(
    order: Order | None, story: Story | None, parts: Mapping[str, Reservation], held: AbstractSet[str]
) -> str:
    """Why an order is placed in some of its shops and not in others, empty where it is not."""
    for reservation_id, part in parts.items():
        if part.status is Status.CLAIMED:
            return f"{reservation_id} is claimed, and nothing was ever decided of it"
    if order is None or order.status in UNCERTAIN:
        status = "unknown" if order is None else order.status.name
        return f"it is {status}, and was held as {sorted(held)}" if held or story is not None else ""
    promised = {part.reservation_id for part in order.parts}
    told_of = story.promised if story is not None else frozenset[str]()
    strange = held - promised - told_of
    if strange:
        return f"{sorted(strange)} were held, and are not of the order"
    for reservation_id in sorted(promised | told_of):
        if reservation_id not in parts:
            return f"{reservation_id} was never even claimed"
        # What was over before its shop had heard that it was certain was still kept for it until then.
        may_be_unheard = order.status in OVER_WITHOUT_SALE or reservation_id not in promised
        if reservation_id not in held and not may_be_unheard:
            return f"{reservation_id} was claimed and never held, while {sorted(held)} were"
    return ""


def lost_answers(
    stories: Mapping[str, Story], orders: Mapping[str, Order | None], parts: Mapping[str, Reservation]
) -> Iterator[str]:
    """A sentence for every answer about an order that is not true."""
    for order_id, story in stories.items():
        for call, order in story.answers:
            if why := _not_as_asked(call, order, parts):
                yield f"{call.kind.value} {call.key}, order {order_id}: {why}"
        if why := _not_as_told(story, orders.get(order_id)):
            yield f"order {order_id}: {why}"


def _not_as_asked(call: Call, order: Order, parts: Mapping[str, Reservation]) -> str:
    """Why an answer is not to what was asked."""
    wanted = STATUS_TOLD.get(call.kind)
    if wanted is not None and order.status is not wanted:
        return f"accepted, and the order is {order.status.name}"
    if call.kind is Kind.RESERVE_NEAR:
        return _placed_otherwise(call, order, parts)
    if order.order_id != call.asked["order_id"]:
        return f"the answer is about order {order.order_id}"
    plans = call.asked.get("stores", ())
    amended = {(plan.store_id, sku): quantity for plan in plans for sku, quantity in plan.lines}
    shops = {plan.store_id for plan in plans}
    got = {place: units for place, units in units_of(order).items() if place[0] in shops}
    return "" if got == amended else f"asked for {amended}, got {got}"


def _placed_otherwise(call: Call, order: Order, parts: Mapping[str, Reservation]) -> str:
    asked, policy = call.asked, call.asked.get("policy", SourcingPolicy.UNSPECIFIED)
    if (order.customer_id, order.channel) != (asked["customer_id"], asked["channel"]):
        return f"made for {order.customer_id} by {order.channel}"
    wanted, got = Counter[str](), Counter(dict(order.missing))
    for sku, quantity in asked["lines"]:
        wanted[sku] += quantity
    for part in order.parts:
        claimed = parts.get(part.reservation_id)
        # What never changes about a part.
        identity = (part.store_id, order.order_id, order.customer_id, order.channel)
        if claimed is None or identity != (claimed.store_id, claimed.order_id, claimed.customer_id, claimed.channel):
            return f"told {part}, its shop has {claimed}"
        if part.slot_start_ms != asked.get("slot_start_ms"):
            return f"{part.reservation_id} has the slot {part.slot_start_ms}, not the one that was asked for"
        for line in part.lines:
            got[line.sku] += line.quantity
    if order.missing and policy is not SourcingPolicy.PARTIAL:
        return f"{order.missing} are missing, and PARTIAL was not asked for"
    if got != wanted:
        return f"asked for {asked['lines']}, got {dict(got)}, what is missing included"
    shops = {part.store_id for part in order.parts}
    if len(shops) != len(order.parts) or (policy is SourcingPolicy.ONE_STORE and len(shops) > 1):
        return f"placed in {[part.store_id for part in order.parts]}"
    return ""


def _not_as_told(story: Story, order: Order | None) -> str:
    """Why an order does not stand as its callers were told last."""
    if not story.answers:
        return "its units were collected, and nobody was told that it was placed"
    _, newest = story.answers[-1]
    kinds = [call.kind for call, _ in story.answers]
    if kinds.count(Kind.RESERVE_NEAR) != 1:
        return f"not one call was told that it placed it: {[kind.value for kind in kinds]}"
    if order is None:
        return f"told {newest.status.name}, and there is no such order"
    last = [STATUS_TOLD[kind] for kind in kinds if kind in STATUS_TOLD][-1]
    if order.status not in FOLLOWS[last]:
        return f"told {last.name} last, it is {order.status.name}"
    if order.version < newest.version or order.expires_at_ms != newest.expires_at_ms:
        return f"told {newest}, it is {order}"
    if order.status is OrderStatus.COLLECTED and not story.is_sold:
        return "it is COLLECTED, and nobody was told that a unit was sold"
    is_whole = last is not OrderStatus.RELEASED and order.status is not OrderStatus.EXPIRED
    if is_whole and units_of(newest) != units_of(order):
        return f"told {units_of(newest)} in the end, it has {units_of(order)}"
    return ""


def units_of(order: Order) -> Counter[tuple[str, str]]:
    """Units that it holds, or has handed over, by shop and SKU; what an amendment added is a part of its own."""
    units: Counter[tuple[str, str]] = Counter()
    for part in order.parts:
        for line in part.lines:
            if line.quantity > line.released:
                units[part.store_id, line.sku] += line.quantity - line.released
    return units

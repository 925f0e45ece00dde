"""The story of each order as its callers were told it, and whether it is true; limits by what was told. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from bench.demo.calls import PLACING, OrderAnswered, OrderCall, OrderKind
from holdfast.client import Order, OrderPart, OrderStatus, Reservation, SourcingPolicy

Units = Counter[tuple[str, str]]

FOLLOWS: Final = {
    OrderStatus.HELD: (OrderStatus.HELD, OrderStatus.EXPIRED, OrderStatus.COLLECTED),
    OrderStatus.CONFIRMED: (OrderStatus.CONFIRMED, OrderStatus.EXPIRED, OrderStatus.COLLECTED),
    OrderStatus.RELEASED: (OrderStatus.RELEASED, OrderStatus.COLLECTED),
}
"""How an order may stand after its callers were told this last: they alone lead it, but for time and the shops."""

_STATUS_TOLD: Final = {
    OrderKind.NEAR: OrderStatus.HELD,
    OrderKind.IN_STORE: OrderStatus.HELD,
    OrderKind.CONFIRM: OrderStatus.CONFIRMED,
    OrderKind.RELEASE: OrderStatus.RELEASED,
}


class ChainLimit(NamedTuple):
    """What one customer may have over all shops; zero sets no limit, an empty field fits all; units
    are of a named SKU.

    `collected_counts`: units that were collected go on counting, for longer than a demo takes.
    """

    channel: str = ""
    sku: str = ""
    open_reservations_max: int = 0
    units_max: int = 0
    collected_counts: bool = False


class Accepted(NamedTuple):
    """A call, and the order that it was answered with."""

    call: OrderCall
    order: Order


@dataclass(slots=True)
class OrderStory:
    """One order: the answers that accepted something, by the customer's ledger's version, the placing one first.

    `promised` are the reservation ids that it was ever told to have; `sold` are those of which a shop told that units
    were collected; `given_back` and `collected` are the keys of calls that asked for it.
    """

    answers: list[Accepted] = field(default_factory=list)
    promised: frozenset[str] = frozenset()
    sold: frozenset[str] = frozenset()
    given_back: list[str] = field(default_factory=list)
    collected: list[str] = field(default_factory=list)

    @property
    def placings(self) -> list[Order]:
        """The answers that placed it: one, where all is well."""
        return [order for call, order in self.answers if call.kind in PLACING]


def stories_of(log: Iterable[OrderAnswered]) -> dict[str, OrderStory]:
    """By order id."""
    stories: dict[str, OrderStory] = {}
    for call, outcome in log:
        if isinstance(outcome, Order):
            story = stories.setdefault(outcome.order_id, OrderStory())
            story.answers.append(Accepted(call, outcome))
            story.promised |= frozenset(part.reservation_id for part in outcome.parts)
        if call.kind is OrderKind.RELEASE and call.order_id in stories:
            stories[call.order_id].given_back.append(call.key)
        if call.kind is OrderKind.COLLECT and isinstance(outcome, tuple):
            story = stories.setdefault(call.order_id, OrderStory())
            story.collected.append(call.key)
            sold = (each.answer for each in outcome if isinstance(each.answer, Reservation))
            story.sold |= frozenset(reservation.reservation_id for reservation in sold)
    for story in stories.values():
        story.answers.sort(key=lambda told: told.order.version)
    return stories


def customers_over(
    limits: Iterable[ChainLimit],
    stories: Mapping[str, OrderStory],
    standing: Mapping[str, Order | None],
    asked_ms: Mapping[str, int],
) -> Iterator[tuple[str, str]]:
    """Each customer that was over a limit at any time by what its callers were told, with a sentence.

    An order counts for certain from when its customer's ledger opened it until somebody asked to give it back, or it
    expired; `asked_ms` says when a key was first asked. Units that an amendment took away do not count at all.
    """
    for limit in limits:
        changes: dict[str, list[tuple[int, int]]] = {}
        for order_id, story in stories.items():
            if not story.placings or limit.channel not in ("", story.placings[0].channel):
                continue
            placed, ends = story.placings[0], [*story.given_back]
            units = _least_units(story, limit.sku)
            counted = min(1, units) if limit.open_reservations_max else units
            if not limit.collected_counts:
                ends += story.collected
            instants = [asked_ms[key] for key in ends if key in asked_ms]
            now = standing.get(order_id)
            if now is not None and now.status is OrderStatus.EXPIRED:
                instants.append(now.expires_at_ms)
            mine = changes.setdefault(placed.customer_id, [])
            mine.append((placed.created_at_ms, counted))
            mine += [(min(instants), -counted)] if instants else []
        allowed = limit.open_reservations_max or limit.units_max
        for customer_id, mine in changes.items():
            most = peak(mine)
            if most > allowed:
                yield customer_id, f"customer {customer_id} had {most} at once, over the limit {limit}"


def peak(changes: Iterable[tuple[int, int]]) -> int:
    """The most that there ever was, of (instant, so many more); of one instant, what goes comes first."""
    now = most = 0
    for _, more in sorted(changes):
        now += more
        most = max(most, now)
    return most


def _least_units(story: OrderStory, sku: str) -> int:
    return min(
        sum(line.held + line.collected for part in order.parts for line in part.lines if sku in ("", line.sku))
        for call, order in story.answers
        if call.kind in PLACING or call.kind is OrderKind.AMEND
    )


def lost_answers(
    stories: Mapping[str, OrderStory],
    standing: Mapping[str, Order | None],
    parts: Mapping[str, Reservation],
) -> Iterator[str]:
    """A sentence for every answer about an order that is not true; `parts` is what the feeds have, by id."""
    for order_id, story in stories.items():
        for call, order in story.answers:
            why = _not_as_asked(call, order, parts)
            if why:
                yield f"{call.kind.value} {call.key}, order {order_id}: {why}"
        why = _not_as_told(story, standing.get(order_id))
        if why:
            yield f"order {order_id}: {why}"


def _not_as_asked(call: OrderCall, order: Order, parts: Mapping[str, Reservation]) -> str:
    """Why an answer is not to what was asked."""
    wanted = _STATUS_TOLD.get(call.kind)
    if wanted is not None and order.status is not wanted:
        return f"accepted, and the order is {order.status.name}"
    if call.kind in PLACING:
        return _placed_otherwise(call, order, parts)
    return "" if order.order_id == call.order_id else f"the answer is about order {order.order_id}"


def _placed_otherwise(call: OrderCall, order: Order, parts: Mapping[str, Reservation]) -> str:
    if (order.customer_id, order.channel) != (call.customer_id, call.channel):
        return f"made for {order.customer_id} by {order.channel}"
    got = Counter[str]()
    for part in order.parts:
        made = parts.get(part.reservation_id)
        if made is None:
            return f"the feed has no {part.reservation_id}"
        why = _claimed_otherwise(order, part, made)
        if why or part.slot_start_ms != call.slot_start_ms:
            return why or f"{part.reservation_id} has the slot {part.slot_start_ms}, asked for {call.slot_start_ms}"
        for line in part.lines:
            got[line.sku] += line.quantity
    if order.missing and call.policy is not SourcingPolicy.PARTIAL:
        return f"{order.missing} are missing, and PARTIAL was not asked for"
    for sku, quantity in order.missing:
        got[sku] += quantity
    asked = Counter[str]()
    for sku, quantity in call.lines:
        asked[sku] += quantity
    if got != asked:
        return f"asked for {call.lines}, got {dict(got)}, what is missing included"
    is_one = call.kind is OrderKind.IN_STORE or call.policy is SourcingPolicy.ONE_STORE
    shops = {part.store_id for part in order.parts}
    if len(shops) != len(order.parts) or (is_one and len(shops) != 1) or (call.store_id and shops != {call.store_id}):
        return f"placed in {[part.store_id for part in order.parts]}"
    return ""


def _claimed_otherwise(order: Order, part: OrderPart, claimed: Reservation) -> str:
    told = (part.store_id, order.order_id, order.customer_id, order.channel, part.slot_start_ms)
    made = (claimed.store_id, claimed.order_id, claimed.customer_id, claimed.channel, claimed.slot_start_ms)
    lines = [(line.sku, line.quantity) for line in part.lines]
    if told != made or lines != [(line.sku, line.quantity) for line in claimed.lines]:
        return f"told {part}, its shop has {claimed}"
    return ""


def _not_as_told(story: OrderStory, standing: Order | None) -> str:
    """Why an order does not stand as its callers were told last."""
    if not story.answers:
        return "its units were collected, and nobody was told that it was placed"
    newest = story.answers[-1].order
    if len(story.placings) != 1:
        return f"{len(story.placings)} calls were told that they placed it"
    if standing is None:
        return f"told {newest.status.name}, and there is no such order"
    steps = [_STATUS_TOLD[call.kind] for call, _ in story.answers if call.kind in _STATUS_TOLD]
    if standing.status not in FOLLOWS[steps[-1]]:
        return f"told {steps[-1].name} last, it is {standing.status.name}"
    if (standing.version < newest.version) or (standing.expires_at_ms != newest.expires_at_ms):
        return f"told {newest}, it is {standing}"
    if standing.status is OrderStatus.COLLECTED and not story.sold:
        return "it is COLLECTED, and nobody was told that a unit was sold"
    is_whole = steps[-1] is not OrderStatus.RELEASED and standing.status is not OrderStatus.EXPIRED
    if is_whole and _wanted(story) != _units_of(standing):
        return f"told {dict(_wanted(story))} in the end, it has {dict(_units_of(standing))}"
    return ""


def _wanted(story: OrderStory) -> Units:
    """Units by shop and SKU: as it was placed, with what was amended since."""
    wanted: Units = Counter()
    for call, order in story.answers:
        if call.kind in PLACING:
            wanted = Counter({(part.store_id, line.sku): line.quantity for part in order.parts for line in part.lines})
        for plan in call.stores if call.kind is OrderKind.AMEND else ():
            for place in [place for place in wanted if place[0] == plan.store_id]:
                del wanted[place]
            for sku, quantity in plan.lines:
                wanted[plan.store_id, sku] += quantity
    return wanted


def _units_of(order: Order) -> Units:
    """Units that it holds, or has handed over."""
    units: Units = Counter()
    for part in order.parts:
        for line in part.lines:
            if line.quantity > line.released:
                units[part.store_id, line.sku] += line.quantity - line.released
    return units

"""Whether what callers were told of their orders is true, and whether all that was done was told. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from bench.demo.order_calls import PLACING, OrderAnswered, OrderCall, OrderKind
from bench.demo.order_told import OrderStory
from bench.demo.parts import PartWatch
from holdfast.client import (
    Order,
    OrderPart,
    OrderStatus,
    PartOutcome,
    Rejection,
    ReleaseReason,
    Reservation,
    SourcingPolicy,
    Status,
)

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


def lost_answers(
    log: Sequence[OrderAnswered],
    stories: Mapping[str, OrderStory],
    standing: Mapping[str, Order | None],
    watch: PartWatch,
) -> Iterator[str]:
    """A sentence for every answer that is not true."""
    for order_id, story in stories.items():
        for call, order in story.answers:
            why = _not_as_asked(call, order, watch)
            if why:
                yield f"{call.kind.value} {call.key}, order {order_id}: {why}"
        why = _not_as_told(story, standing.get(order_id))
        if why:
            yield f"order {order_id}: {why}"
    for call, outcome in log:
        if isinstance(outcome, tuple):
            for each in outcome:
                why = _part_not_as_told(call, each, watch)
                if why:
                    yield f"{call.kind.value} {call.key} in shop {each.store_id}: {why}"


def untold_steps(log: Sequence[OrderAnswered], watch: PartWatch) -> list[str]:
    """What shops did to parts because somebody asked for it, or refused, and nobody was told."""
    told = {
        (each.store_id, each.answer.version)
        for _, outcome in log
        if isinstance(outcome, tuple)
        for each in outcome
        if isinstance(each.answer, Reservation | Rejection)
    }
    outbox = [(place, f"{reservation_id} went on") for place, reservation_id in watch.steps.items()]
    outbox += [(place, f"{refused.key!r} was refused") for place, refused in watch.refused.items()]
    return [
        f"shop {store_id}, version {version}: {what}, and nobody was told"
        for (store_id, version), what in outbox
        if (store_id, version) not in told
    ]


def _not_as_asked(call: OrderCall, order: Order, watch: PartWatch) -> str:
    """Why an answer is not to what was asked."""
    wanted = _STATUS_TOLD.get(call.kind)
    if wanted is not None and order.status is not wanted:
        return f"accepted, and the order is {order.status.name}"
    if call.kind in PLACING:
        return _placed_otherwise(call, order, watch)
    return "" if order.order_id == call.order_id else f"the answer is about order {order.order_id}"


def _placed_otherwise(call: OrderCall, order: Order, watch: PartWatch) -> str:
    if (order.customer_id, order.channel) != (call.customer_id, call.channel):
        return f"made for {order.customer_id} by {order.channel}"
    got = Counter[str]()
    for part in order.parts:
        history = watch.histories.get(part.reservation_id)
        if history is None:
            return f"the feed has no {part.reservation_id}"
        why = _claimed_otherwise(order, part, history.stages[0].reservation)
        if why or part.slot_start_ms != call.slot_start_ms:
            return why or f"{part.reservation_id} has the slot {part.slot_start_ms}, asked for {call.slot_start_ms}"
        for line in part.lines:
            got[line.sku] += line.quantity
    if order.missing and call.policy is not SourcingPolicy.PARTIAL:
        return f"{order.missing} are missing, and PARTIAL was not asked for"
    for sku, quantity in order.missing:
        got[sku] += quantity
    if got != _summed(call.lines):
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
    newest = story.newest
    if newest is None:
        return "its units were collected, and nobody was told that it was placed"
    if story.placings != 1:
        return f"{story.placings} calls were told that they placed it"
    if standing is None:
        return f"told {newest.status.name}, and there is no such order"
    status = _told_status(story)
    if standing.status not in FOLLOWS[status]:
        return f"told {status.name} last, it is {standing.status.name}"
    if (standing.version < newest.version) or (standing.expires_at_ms != newest.expires_at_ms):
        return f"told {newest}, it is {standing}"
    if standing.status is OrderStatus.COLLECTED and not story.sold:
        return "it is COLLECTED, and nobody was told that a unit was sold"
    is_whole = status is not OrderStatus.RELEASED and standing.status is not OrderStatus.EXPIRED
    if is_whole and _wanted(story) != _units_of(standing):
        return f"told {dict(_wanted(story))} in the end, it has {dict(_units_of(standing))}"
    return ""


def _told_status(story: OrderStory) -> OrderStatus:
    """The last step that changed how it stands; extending and amending do not."""
    told = [_STATUS_TOLD[call.kind] for call, _ in story.answers if call.kind in _STATUS_TOLD]
    return told[-1] if told else OrderStatus.HELD


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


def _part_not_as_told(call: OrderCall, told: PartOutcome, watch: PartWatch) -> str:
    """Why one shop's answer to a step is not what its feed says."""
    answer = told.answer
    if isinstance(answer, Rejection):
        refused = watch.refused.get((told.store_id, answer.version))
        if refused is None or refused.rejection != answer:
            return f"told {answer}, the feed says {refused}"
        is_its = refused.key.startswith(f"\n{call.order_id} ") and refused.key.endswith(f" {call.key}")
        return "" if is_its else f"the feed's refusal is that of {refused.key!r}"
    if not isinstance(answer, Reservation):
        return ""  # it did not decide, and counts as unanswered
    history = watch.histories.get(answer.reservation_id)
    stages = history.stages if history is not None else []
    found = next((stage.reservation for stage in stages if stage.reservation.version == answer.version), None)
    if found is None or _without_reason(found) != _without_reason(answer):
        return f"told {answer}, the feed says {found}"
    if answer.order_id != call.order_id:
        return f"the answer is about order {answer.order_id}"
    is_done = answer.status is Status.READY if call.kind is OrderKind.READY else answer.status is Status.COLLECTED
    is_paid = call.kind is OrderKind.READY or answer.payment_reference == call.payment_reference
    return "" if is_done and is_paid else f"accepted, and the part is {answer.status.name}, {answer.payment_reference}"


def _without_reason(reservation: Reservation) -> Reservation:
    """Feeds do not say why an order's part gave units back."""
    return replace(reservation, release_reason=ReleaseReason.UNSPECIFIED)


def _summed(lines: tuple[tuple[str, int], ...]) -> Counter[str]:
    units = Counter[str]()
    for sku, quantity in lines:
        units[sku] += quantity
    return units

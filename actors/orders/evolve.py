"""How events change a customers' ledger. Total: an event that was accepted once is never refused."""

from heapq import heappush
from typing import Any, Final, assert_never

from actors.core.policy import DAY_MS, from_document
from actors.core.status import LIVE, Status
from actors.orders import events as ev
from actors.orders.amendment import in_all
from actors.orders.commands import Plan, Target
from actors.orders.state import CERTAIN, OVER, Order, OrderLedger, Part, Recorded, Renewal, Standing, due_at_ms
from actors.shop.commands import Lines
from actors.shop.events import PolicyAdopted
from actors.shop.preconditions import by_sku

GENERATION_MS: Final = DAY_MS
FORGET_A_STEP_MAX: Final = 64  # settled orders forgotten per event


def evolve(ledger: OrderLedger, event: ev.Event, at_ms: int) -> None:
    """Apply one event that happened at a ledger time; the ledger's version grows by one."""
    ledger.version += 1
    if at_ms > ledger.time_ms:
        ledger.time_ms = at_ms
    if ledger.ended:
        _forget_ended(ledger)
    match event:
        case ev.Opened():
            _evolve_opened(ledger, event, at_ms)
        case ev.Refused(key, content, rejection):
            _remember(ledger, key, Recorded(content, rejection))
        case ev.AmendOpened(key, content, number, plans, targets, decide_by_ms, _, _, _):
            order = ledger.orders[number]
            renewal = Renewal(event.ttl_ms, event.channel, event.missing)
            order = order._replace(key=key, content=content, targets=in_all(order, targets), renewal=renewal)
            _put(ledger, _attempting(order, plans, decide_by_ms), at_ms)
            _remember(ledger, key, number)
        case ev.Replanned():
            _evolve_replanned(ledger, event, at_ms)
        case ev.Committed():
            _evolve_committed(ledger, event, at_ms)
        case ev.Abandoned():
            _evolve_abandoned(ledger, event, at_ms)
        case ev.Confirmed():
            _step(ledger, event, at_ms, standing=Standing.CONFIRMED, expires_at_ms=event.expires_at_ms)
        case ev.Extended():
            _step(ledger, event, at_ms, expires_at_ms=event.expires_at_ms)
        case ev.Released():
            _step(ledger, event, at_ms, standing=Standing.RELEASED, reason=event.reason)
        case ev.FannedOut(key, content, number):
            _remember(ledger, key, Recorded(content, ledger.orders[number]))
        case ev.Expired(number):
            order = ledger.orders[number]
            if order.open_attempt:
                _forget_key(ledger, order.key)
            order = _revised(_let_go(order), standing=Standing.EXPIRED)
            _put(ledger, order._replace(open_attempt=0, decide_by_ms=0, targets=(), renewal=None), at_ms)
        case ev.Reported():
            _evolve_reported(ledger, event, at_ms)
        case ev.Reduced():
            _evolve_reduced(ledger, event, at_ms)
        case PolicyAdopted():
            ledger.policy = from_document(event.document)
        case _:
            assert_never(event)


def _evolve_opened(ledger: OrderLedger, event: ev.Opened, at_ms: int) -> None:
    key, content, customer_id, channel, ttl_ms, plans, missing, decide_by_ms, basket_id = event
    order = Order(
        number=ledger.version,
        customer_id=customer_id,
        channel=channel,
        standing=Standing.OPEN,
        ttl_ms=ttl_ms,
        created_at_ms=at_ms,
        expires_at_ms=decide_by_ms,
        version=ledger.version,
        revision=0,
        reason=None,
        attempts=0,
        open_attempt=0,
        decide_by_ms=0,
        key=key,
        content=content,
        missing=missing,
        targets=(),
        parts=(),
        basket_id=basket_id,
        renewal=None,
    )
    ledger.customers.setdefault(customer_id, {})[order.number] = None
    _put(ledger, _attempting(order, plans, decide_by_ms), at_ms)
    _remember(ledger, key, order.number)


def _evolve_replanned(ledger: OrderLedger, event: ev.Replanned, at_ms: int) -> None:
    number, plans, missing, decide_by_ms, targets = event
    order = _revised(_let_go(ledger.orders[number]))
    if order.standing is Standing.OPEN:
        order = order._replace(missing=missing)
    elif order.renewal is not None and order.renewal.channel:  # any other amendment is had whole, or not at all
        order = order._replace(renewal=order.renewal._replace(missing=missing))
    if targets is not None:
        order = order._replace(targets=in_all(order, targets))
    _put(ledger, _attempting(order, plans, decide_by_ms), at_ms)


def _attempting(order: Order, plans: tuple[Plan, ...], decide_by_ms: int) -> Order:
    """The order with another attempt open. Its parts have nothing to hear until it is certain."""
    attempt = order.attempts + 1
    fresh = tuple(
        Part(store_id, attempt, lines, slot_start_ms, 0, (), False, order.revision, 0, Status.HELD, (), (), 0, 0)
        for store_id, lines, slot_start_ms in plans
    )
    return order._replace(
        attempts=attempt, open_attempt=attempt, decide_by_ms=decide_by_ms, parts=(*order.parts, *fresh)
    )


def _let_go(order: Order) -> Order:
    """The order with the open attempt's parts dropped."""
    if not order.open_attempt:
        return order
    parts = tuple(part._replace(dropped=True) if part.attempt == order.open_attempt else part for part in order.parts)
    return order._replace(parts=parts)


def _revised(order: Order, **changes: Any) -> Order:
    """The order with something that its shops have to hear."""
    return order._replace(revision=order.revision + 1, **changes)


def _evolve_committed(ledger: OrderLedger, event: ev.Committed, at_ms: int) -> None:
    order = ledger.orders[event.number]
    numbers = dict(event.claims)
    wanted = _by_part(order.targets)
    parts = tuple(_committed(order, part, numbers, wanted) for part in order.parts)
    if order.renewal is not None and order.renewal.channel:
        order = order._replace(channel=order.renewal.channel, missing=order.renewal.missing)
    standing = Standing.HELD if order.standing is Standing.OPEN else order.standing
    content = order.content
    order = _revised(
        order,
        standing=standing,
        expires_at_ms=event.expires_at_ms,
        open_attempt=0,
        decide_by_ms=0,
        targets=(),
        parts=parts,
        renewal=None,
    )
    answered = _put(ledger, _over_where_nothing_is_left(order), at_ms)
    _answer(ledger, order.key, Recorded(content, answered))


def _committed(order: Order, part: Part, numbers: dict[str, int], wanted: dict[tuple[str, int], Lines]) -> Part:
    """A part of the attempt that is certain now, or an earlier one that keeps what it is to keep."""
    if part.attempt == order.open_attempt and not part.dropped:
        part = part._replace(reservation=numbers[part.store_id])
        if part.version:  # its shop spoke before: stock ran short meanwhile
            return part
        quantities = tuple(quantity for _, quantity in part.lines)
        return part._replace(held=quantities, collected=(0,) * len(quantities))
    return _cut(part, wanted, order.open_attempt)


def _by_part(targets: tuple[Target, ...]) -> dict[tuple[str, int], Lines]:
    return {(target.store_id, target.attempt): target.lines for target in targets}


def _cut(part: Part, wanted: dict[tuple[str, int], Lines], replaced_by: int) -> Part:
    """The part with what it is to keep, never more than it was to keep before; dropped, where no more is to come."""
    lines = wanted.get((part.store_id, part.attempt))
    if lines is None:
        return part
    if part.keep:
        earlier = dict(by_sku(part.keep))
        lines = tuple((sku, min(units, earlier[sku])) for sku, units in by_sku(lines) if earlier.get(sku))
    sold = part.sold_by_sku(part.collected)
    more = any(units > sold.get(sku, 0) for sku, units in by_sku(lines))
    if part.gives_back():  # its shop has not heard of an earlier change either
        replaced_by = min(part.replaced_by, replaced_by)
    return part._replace(keep=lines, dropped=part.dropped or not more, replaced_by=replaced_by)


def _evolve_abandoned(ledger: OrderLedger, event: ev.Abandoned, at_ms: int) -> None:
    order = ledger.orders[event.number]
    if event.rejection is None:
        _forget_key(ledger, order.key)  # nobody was answered: the same call may try again
    else:
        _answer(ledger, order.key, Recorded(order.content, event.rejection))
    standing = Standing.ABANDONED if order.standing is Standing.OPEN else order.standing
    order = _revised(_let_go(order), standing=standing, open_attempt=0, decide_by_ms=0, targets=(), renewal=None)
    _put(ledger, _over_where_nothing_is_left(order), at_ms)


def _step(ledger: OrderLedger, event: ev.Confirmed | ev.Extended | ev.Released, at_ms: int, **changes: Any) -> None:
    order = _put(ledger, _revised(ledger.orders[event.number], **changes), at_ms)
    _remember(ledger, event.key, Recorded(event.content, order))


def _evolve_reported(ledger: OrderLedger, event: ev.Reported, at_ms: int) -> None:
    order = ledger.orders[event.number]
    parts = tuple(
        _reported(part, event, at_ms) if (part.store_id, part.attempt) == (event.store_id, event.attempt) else part
        for part in order.parts
    )
    _put(ledger, _over_where_nothing_is_left(order._replace(parts=parts)), at_ms)


def _evolve_reduced(ledger: OrderLedger, event: ev.Reduced, at_ms: int) -> None:
    order = ledger.orders[event.number]
    wanted = _by_part(in_all(order, event.targets))
    parts = tuple(_cut(part, wanted, order.attempts + 1) for part in order.parts)
    told = ledger.recall(order.key)
    reduced = _put(ledger, _over_where_nothing_is_left(_revised(order, parts=parts)), at_ms)
    if (
        isinstance(told, Recorded) and told.answer == order
    ):  # it was committed by the same decision, which has one answer
        _answer(ledger, order.key, Recorded(told.content, reduced))


def _over_where_nothing_is_left(order: Order) -> Order:
    """The order, over where no shop holds any of it for it: all was sold, or given back, or amended away."""
    if order.standing not in CERTAIN or order.open_attempt:
        return order
    if any(part.status in LIVE for part in order.certain_parts()):
        return order
    sold = any(any(part.collected) for part in order.parts)
    return order._replace(standing=Standing.COLLECTED if sold else Standing.RELEASED)


def _reported(part: Part, event: ev.Reported, at_ms: int) -> Part:
    applied_revision = max(part.applied_revision, event.revision)
    if not event.reservation:  # the shop has no such part, and never will
        return part._replace(applied_revision=applied_revision, status=event.status)
    if event.version <= part.version:
        return part._replace(applied_revision=applied_revision)
    return part._replace(
        applied_revision=applied_revision,
        version=event.version,
        status=event.status,
        held=event.held,
        collected=event.collected,
        collected_at_ms=at_ms if sum(event.collected) > sum(part.collected) else part.collected_at_ms,
    )


def _put(ledger: OrderLedger, order: Order, at_ms: int) -> Order:
    """Put a changed order back, with all that is derived from it."""
    before = ledger.orders.get(order.number)
    order = order._replace(version=ledger.version)
    ledger.orders[order.number] = order
    if before is None or due_at_ms(before) != due_at_ms(order):
        index_deadline(ledger, order)
    index_basket(ledger, order)
    index_outbox(ledger, order)
    if order.is_settled() and (before is None or not before.is_settled()):
        ledger.ended.append((at_ms, order.number))
        if not any(any(part.collected) for part in order.parts):
            _forget_customer(ledger, order)
    return order


def index_basket(ledger: OrderLedger, order: Order) -> None:
    """Enter which order a customer's basket has, as long as it is not over."""
    if order.basket_id:
        basket = (order.customer_id, order.basket_id)
        if order.standing not in OVER:
            ledger.baskets[basket] = order.number
        elif ledger.baskets.get(basket) == order.number:
            del ledger.baskets[basket]


def index_outbox(ledger: OrderLedger, order: Order) -> None:
    """Enter whether shops have to hear of an order."""
    if order.undelivered_parts():
        ledger.outbox[order.number] = None
    else:
        ledger.outbox.pop(order.number, None)


def index_deadline(ledger: OrderLedger, order: Order) -> None:
    """Enter when something happens to an order by itself."""
    instant_ms = due_at_ms(order)
    if instant_ms:
        heappush(ledger.deadlines, (instant_ms, order.number))


def _forget_customer(ledger: OrderLedger, order: Order) -> None:
    numbers = ledger.customers.get(order.customer_id)
    if numbers is not None:
        numbers.pop(order.number, None)
        if not numbers:
            del ledger.customers[order.customer_id]


def _answer(ledger: OrderLedger, key: str, told: Recorded) -> None:
    """Put the answer in the place of the number that the key stood for while the order was open."""
    for generation in ledger.generations.values():
        if key in generation:
            generation[key] = told
            return
    _remember(ledger, key, told)


def _forget_key(ledger: OrderLedger, key: str) -> None:
    for generation in ledger.generations.values():
        if generation.pop(key, None) is not None:
            ledger.remembered -= 1


def _remember(ledger: OrderLedger, key: str, answer: Recorded | int) -> None:
    """Keep an answer for repeats, in its day's generation; whole generations are forgotten when their time is over."""
    day = ledger.time_ms // GENERATION_MS
    generation = ledger.generations.get(day)
    if generation is None:
        generation = ledger.generations[day] = {}
        oldest_kept = (ledger.time_ms - ledger.policy.answer_memory_ms) // GENERATION_MS
        for old in [each for each in ledger.generations if each < oldest_kept]:
            ledger.remembered -= len(ledger.generations.pop(old))
    generation[key] = answer
    ledger.remembered += 1


def _forget_ended(ledger: OrderLedger) -> None:
    """Drop settled orders that neither a repeat nor a limit can ask about any more, a few at a time."""
    policy = ledger.policy
    kept_ms = max(policy.answer_memory_ms, *(rule.collected_for_ms for rule in policy.chain_limit_rules), 0)
    oldest_kept_ms = (ledger.time_ms - kept_ms) // GENERATION_MS * GENERATION_MS
    for _ in range(FORGET_A_STEP_MAX):
        if not ledger.ended or ledger.ended[0][0] >= oldest_kept_ms:
            return
        order = ledger.orders.pop(ledger.ended.popleft()[1])
        _forget_customer(ledger, order)

"""How events change a customers' ledger. Total: an accepted event is never refused, at any replay."""

from heapq import heappush
from typing import Any, assert_never

from msgspec.structs import replace

from actors.core.answers import REFUSED_PERIOD_MS, Recorded, forgotten
from actors.core.policy import CALL_MS_MAX
from actors.core.status import LIVE
from actors.core.transact import PolicyAdopted, Refused
from actors.orders import events as ev
from actors.orders.amendment import in_all
from actors.orders.commands import Applied, CountHold, Plan, Report, ReportGrant, Target
from actors.orders.grants import Grant, checked, held_key
from actors.orders.state import CERTAIN, OVER, Order, OrderLedger, Part, Renewal, Standing, begun, due_at_ms
from actors.shop.commands import Lines, by_sku


def evolve(ledger: OrderLedger, event: ev.Event, at_ms: int) -> None:
    """Apply one event at its ledger time; the ledger's version increases by one. Returns no answer, as a later event of
    the same decision may change it.
    """
    ledger.version += 1
    if at_ms > ledger.time_ms:
        ledger.time_ms = at_ms
    match event:
        case ev.Opened():
            _evolve_opened(ledger, event, at_ms)
        case ev.Placed():
            _evolve_placed(ledger, event, at_ms)
        case ev.Barred():
            ledger.bar(event.number, at_ms)
        case Refused():
            ledger.remember(event.key, Recorded(event.fingerprint, ledger.version, event.rejection))
        case ev.AmendOpened():
            _evolve_amend_opened(ledger, event, at_ms)
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
        case ev.FannedOut():
            ledger.remember(event.key, Recorded(event.content, ledger.version, ledger.orders[event.number]))
        case ev.Expired():
            order = ledger.orders[event.number]
            if order.open_attempt:
                ledger.answers.reopen(order.key)
            order = _revised(_dropped(order), standing=Standing.EXPIRED)
            _put(ledger, replace(order, open_attempt=0, decide_by_ms=0, targets=(), renewal=None), at_ms)
        case ev.Reported():
            _evolve_reported(ledger, event.report, at_ms)
        case ev.AppliedNoted():
            _evolve_applied_noted(ledger, event, at_ms)
        case ev.Reduced():
            _evolve_reduced(ledger, event, at_ms)
        case ev.Granted():
            _evolve_granted(ledger, event, at_ms)
        case ev.ClaimBarred():
            ledger.bar_for_good(event.claim, at_ms)
        case ev.HoldCounted():
            _evolve_hold_counted(ledger, event.hold, at_ms)
        case ev.GrantReported():
            _evolve_grant_reported(ledger, event.report, at_ms)
        case PolicyAdopted():
            ledger.policy = event.policy.with_kept(ledger.policy, event.kept)
        case _:
            assert_never(event)
    if ledger.ended or ledger.abandoned:  # after the event: `decide` saw what is due to be forgotten
        _forget_ended(ledger)


def _evolve_opened(ledger: OrderLedger, event: ev.Opened, at_ms: int) -> None:
    order = begun(ledger, event.command, ledger.version, event.decide_by_ms, at_ms)
    _put(ledger, _attempting(order, event.command.plans, event.decide_by_ms), at_ms)
    ledger.answers.pending[order.key] = order.number


def _evolve_placed(ledger: OrderLedger, event: ev.Placed, at_ms: int) -> None:
    command, parts = event.command, []
    for plan, reservation in zip(command.asked.plans, command.granted, strict=True):
        held, none = tuple([quantity for _, quantity in plan.lines]), (0,) * len(plan.lines)
        parts.append(Part(plan.store_id, 1, plan.lines, plan.slot_start_ms, reservation, held=held, collected=none))
    order = begun(ledger, command.asked, command.number, event.expires_at_ms, at_ms)
    order = replace(order, standing=Standing.HELD, revision=1, attempts=1, parts=tuple(parts))
    answered = _put(ledger, order, at_ms)
    ledger.remember(order.key, Recorded(order.content, ledger.version, answered))


def _evolve_amend_opened(ledger: OrderLedger, event: ev.AmendOpened, at_ms: int) -> None:
    order = ledger.orders[event.number]
    renewal = Renewal(event.ttl_ms, event.channel, event.missing, event.external_reference)
    targets = in_all(order, event.targets)
    order = replace(order, key=event.key, content=event.content, targets=targets, renewal=renewal)
    _put(ledger, _attempting(order, event.plans, event.decide_by_ms), at_ms)
    ledger.answers.pending[event.key] = order.number


def _evolve_replanned(ledger: OrderLedger, event: ev.Replanned, at_ms: int) -> None:
    missing, targets = event.missing, event.targets
    order = _revised(_dropped(ledger.orders[event.number]))
    if order.standing is Standing.OPEN:
        order = replace(order, missing=missing)
    elif order.renewal is not None and order.renewal.channel:  # any other amendment is granted whole, or not at all
        order = replace(order, renewal=replace(order.renewal, missing=missing))
    if targets is not None:
        order = replace(order, targets=in_all(order, targets))
    _put(ledger, _attempting(order, event.plans, event.decide_by_ms), at_ms)


def _attempting(order: Order, plans: tuple[Plan, ...], decide_by_ms: int) -> Order:
    """The order with another open attempt. Its parts are up to date: there is no outcome for them before the commit."""
    attempt = order.attempts + 1
    fresh = tuple(
        Part(plan.store_id, attempt, plan.lines, plan.slot_start_ms, applied_revision=order.revision) for plan in plans
    )
    return replace(
        order, attempts=attempt, open_attempt=attempt, decide_by_ms=decide_by_ms, parts=(*order.parts, *fresh)
    )


def _dropped(order: Order) -> Order:
    """The order with the open attempt's parts dropped."""
    if not order.open_attempt:
        return order
    parts = tuple(replace(part, dropped=True) if part.attempt == order.open_attempt else part for part in order.parts)
    return replace(order, parts=parts)


def _revised(order: Order, **changes: Any) -> Order:
    """The order with a new revision, which its shops have to apply."""
    return replace(order, revision=order.revision + 1, **changes)


def _evolve_committed(ledger: OrderLedger, event: ev.Committed, at_ms: int) -> None:
    order = ledger.orders[event.number]
    numbers = dict(event.claims)
    wanted = _by_part(order.targets)
    parts = tuple(_committed(order, part, numbers, wanted) for part in order.parts)
    if order.renewal is not None and order.renewal.channel:
        renewal = order.renewal
        order = replace(
            order,
            channel=renewal.channel,
            missing=renewal.missing,
            external_reference=renewal.external_reference,
        )
    standing = Standing.HELD if order.standing is Standing.OPEN else order.standing
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
    ledger.remember(order.key, Recorded(order.content, ledger.version, answered))


def _committed(order: Order, part: Part, numbers: dict[str, int], wanted: dict[tuple[str, int], Lines]) -> Part:
    """A part after the commit: of the committed attempt, or an earlier one with its target."""
    if part.attempt == order.open_attempt and not part.dropped:
        part = replace(part, reservation=numbers[part.store_id])
        if part.version:  # its shop reported before the commit: stock ran short meanwhile
            return part
        quantities = tuple(quantity for _, quantity in part.lines)
        return replace(part, held=quantities, collected=(0,) * len(quantities))
    return _cut(part, wanted, order.open_attempt)


def _by_part(targets: tuple[Target, ...]) -> dict[tuple[str, int], Lines]:
    return {(target.store_id, target.attempt): target.lines for target in targets}


def _cut(part: Part, wanted: dict[tuple[str, int], Lines], replaced_by: int) -> Part:
    """The part with its target, never more than it was to keep before; dropped where nothing is left to collect."""
    lines = wanted.get((part.store_id, part.attempt))
    if lines is None:
        return part
    if part.keep:
        earlier = dict(by_sku(part.keep))
        lines = tuple((sku, min(units, earlier[sku])) for sku, units in by_sku(lines) if earlier.get(sku))
    sold = part.sold_by_sku(part.collected)
    more = any(units > sold.get(sku, 0) for sku, units in by_sku(lines))
    if part.gives_back():  # its shop has not applied an earlier change either
        replaced_by = min(part.replaced_by, replaced_by)
    return replace(part, keep=lines, dropped=part.dropped or not more, replaced_by=replaced_by)


def _evolve_abandoned(ledger: OrderLedger, event: ev.Abandoned, at_ms: int) -> None:
    order = ledger.orders[event.number]
    if event.rejection is None:
        ledger.answers.reopen(order.key)  # the call was not answered, and may be tried again
    else:
        ledger.remember(event.call_key, Recorded(event.content, ledger.version, event.rejection))
    standing = Standing.ABANDONED if order.standing is Standing.OPEN else order.standing
    order = _revised(_dropped(order), standing=standing, open_attempt=0, decide_by_ms=0, targets=(), renewal=None)
    _put(ledger, _over_where_nothing_is_left(order), at_ms)


def _step(ledger: OrderLedger, event: ev.Confirmed | ev.Extended | ev.Released, at_ms: int, **changes: Any) -> None:
    order = _put(ledger, _revised(ledger.orders[event.number], **changes), at_ms)
    ledger.remember(event.key, Recorded(event.content, ledger.version, order))


def _evolve_reported(ledger: OrderLedger, report: Report, at_ms: int) -> None:
    order = ledger.orders[report.number]
    parts = tuple(
        _reported(part, report, at_ms) if (part.store_id, part.attempt) == (report.store_id, report.attempt) else part
        for part in order.parts
    )
    _put(ledger, _over_where_nothing_is_left(replace(order, parts=parts)), at_ms)


def _evolve_applied_noted(ledger: OrderLedger, event: ev.AppliedNoted, at_ms: int) -> None:
    for applied in event.parts:
        order = ledger.orders[applied.number]
        parts = tuple(
            _noted(part, applied) if (part.store_id, part.attempt) == (applied.store_id, applied.attempt) else part
            for part in order.parts
        )
        _put(ledger, replace(order, parts=parts), at_ms)


def _evolve_reduced(ledger: OrderLedger, event: ev.Reduced, at_ms: int) -> None:
    order = ledger.orders[event.number]
    wanted = _by_part(in_all(order, event.targets))
    parts = tuple(_cut(part, wanted, order.attempts + 1) for part in order.parts)
    answered = ledger.answers.accepted.get(order.key)
    reduced = _put(ledger, _over_where_nothing_is_left(_revised(order, parts=parts)), at_ms)
    # The same decision committed it, and has one answer.
    if isinstance(answered, Recorded) and answered.answer == order:
        ledger.answers.accepted.replace_newest(order.key, Recorded(answered.fingerprint, ledger.version, reduced))


def _evolve_granted(ledger: OrderLedger, event: ev.Granted, at_ms: int) -> None:
    asked, number = event.request, event.number or ledger.version
    grant = Grant(
        number,
        asked.customer_id,
        asked.channel,
        asked.store_id,
        asked.call_key,
        asked.basket_id,
        asked.lines,
        ledger.policy.version,
        at_ms,
        event.replaces,
        checked(asked, ledger.grants.get(event.replaces)),
    )
    ledger.grants.put(grant)


def _evolve_hold_counted(ledger: OrderLedger, hold: CountHold, at_ms: int) -> None:
    grant = Grant(
        ledger.version,
        hold.customer_id,
        hold.channel,
        hold.store_id,
        held_key(hold.reservation),
        hold.basket_id,
        hold.held,
        ledger.policy.version,
        at_ms,
        0,
        (),
    )
    ledger.grants.put(grant)
    report = ReportGrant(grant.number, hold.reservation, hold.version, hold.held, hold.collected)
    _evolve_grant_reported(ledger, report, at_ms)


def _evolve_grant_reported(ledger: OrderLedger, report: ReportGrant, at_ms: int) -> None:
    grant = ledger.grants.get(report.number)
    assert grant is not None, "only a grant that there is, is reported"
    if not report.reservation:
        ledger.grants.drop(grant.number)
        return
    more = sum(units for _, units in report.collected) > sum(units for _, units in grant.collected)
    grant = replace(
        grant,
        reservation=report.reservation,
        version=report.version,
        held=report.held,
        collected=report.collected,
        collected_at_ms=at_ms if more else grant.collected_at_ms,
    )
    ledger.grants.put(grant)
    for other in tuple(ledger.grants.of(grant.customer_id)):
        is_older = other.version < grant.version
        if is_older and other.is_of(grant.store_id, grant.reservation):  # an amendment has replaced it
            ledger.grants.drop(other.number)
    if any(units for _, units in grant.held):
        return
    if any(units for _, units in grant.collected):
        ledger.ended.append((at_ms, grant.number))
    else:
        ledger.grants.drop(grant.number)


def _over_where_nothing_is_left(order: Order) -> Order:
    """The order, over where no shop holds any of it: all was collected, released or amended away."""
    if order.standing not in CERTAIN or order.open_attempt:
        return order
    if any(part.status in LIVE for part in order.certain_parts()):
        return order
    return replace(order, standing=Standing.COLLECTED if order.is_collected_from() else Standing.RELEASED)


def _reported(part: Part, report: Report, at_ms: int) -> Part:
    applied_revision = max(part.applied_revision, report.revision)
    if not report.reservation:  # the shop has no such part, and will refuse its claim
        return replace(part, applied_revision=applied_revision, status=report.status)
    if report.version <= part.version:
        return replace(part, applied_revision=applied_revision)
    return replace(
        part,
        applied_revision=applied_revision,
        version=report.version,
        status=report.status,
        held=report.held,
        collected=report.collected,
        collected_at_ms=at_ms if sum(report.collected) > sum(part.collected) else part.collected_at_ms,
    )


def _noted(part: Part, applied: Applied) -> Part:
    applied_revision = max(part.applied_revision, applied.revision)
    if applied.version <= part.version:
        return replace(part, applied_revision=applied_revision)
    return replace(part, applied_revision=applied_revision, version=applied.version, status=applied.status)


def _put(ledger: OrderLedger, order: Order, at_ms: int) -> Order:
    """Store a changed order, with all that is derived from it."""
    before = ledger.orders.get(order.number)
    order = replace(order, version=ledger.version)
    ledger.orders[order.number] = order
    if before is None or due_at_ms(before) != due_at_ms(order):
        index_deadline(ledger, order)
    index_basket(ledger, order)
    index_outbox(ledger, order)
    if order.is_settled() and (before is None or not before.is_settled()):
        ledger.ended_as(order).append((at_ms, order.number))
        ledger.customers[order.customer_id][order.number] = order.is_collected_from()
    return order


def index_basket(ledger: OrderLedger, order: Order) -> None:
    """Index the order by its customer's basket, as long as it is not over."""
    if order.basket_id:
        basket = (order.customer_id, order.basket_id)
        if order.standing not in OVER:
            ledger.baskets[basket] = order.number
        elif ledger.baskets.get(basket) == order.number:
            del ledger.baskets[basket]


def index_outbox(ledger: OrderLedger, order: Order) -> None:
    """Enter the order in the outbox, or remove it, by whether it has undelivered parts."""
    if order.undelivered_parts():
        ledger.outbox[order.number] = None
    else:
        ledger.outbox.pop(order.number, None)


def index_deadline(ledger: OrderLedger, order: Order) -> None:
    """Enter the order's next deadline, if it has one."""
    instant_ms = due_at_ms(order)
    if instant_ms:
        heappush(ledger.deadlines, (instant_ms, order.number))


def _forget_ended(ledger: OrderLedger) -> None:
    """Drop settled orders that no repeat and no limit can refer to any more, a few at a time."""
    policy = ledger.policy
    kept_ms = max(policy.answer_memory_ms, *(rule.collected_for_ms for rule in policy.chain_limit_rules), 0)
    refused = forgotten(ledger.abandoned, ledger.time_ms, CALL_MS_MAX, REFUSED_PERIOD_MS)
    for number in (*refused, *forgotten(ledger.ended, ledger.time_ms, kept_ms)):
        if ledger.grants.get(number) is not None:
            ledger.grants.drop(number)
            continue
        customer_id = ledger.orders.pop(number).customer_id
        numbers = ledger.customers[customer_id]
        del numbers[number]
        if not numbers:
            del ledger.customers[customer_id]

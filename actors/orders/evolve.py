"""How events change a customers' ledger. Total: an accepted event is never refused, at any replay."""

from typing import Any, assert_never

from msgspec.structs import replace

from actors.core.status import LIVE
from actors.core.transact import PolicyAdopted, Refused
from actors.orders import events as ev
from actors.orders.amendment import in_all
from actors.orders.commands import Applied, BarClaim, CountHold, Plan, Report, ReportGrant, Target
from actors.orders.grants import Grant, checked, gone_key, has_units, held_key
from actors.orders.indexes import drop_grant, forget, put, put_grant, put_placed, settle
from actors.orders.state import (
    CERTAIN,
    Order,
    OrderLedger,
    Part,
    Renewal,
    Standing,
    begun,
)
from actors.shop.commands import Lines, by_sku


def evolve(ledger: OrderLedger, event: ev.Event, at_ms: int) -> None:
    """Apply one event at its ledger time; the ledger's version increases by one. Returns no answer, as a later event of
    the same decision may change it.
    """
    ledger.version += 1
    if at_ms > ledger.time_ms:
        ledger.time_ms = at_ms
    match event:  # what comes most often first
        case ev.Granted():
            _evolve_granted(ledger, event, at_ms)
        case ev.GrantReported():
            _evolve_grant_reported(ledger, event.report, at_ms)
        case ev.Placed():
            _evolve_placed(ledger, event, at_ms)
        case ev.Opened():
            _evolve_opened(ledger, event, at_ms)
        case ev.Barred():
            ledger.bar(event.number, at_ms)
        case Refused():
            ledger.answers.refuse(event.key, ledger.version, ledger.time_ms)
        case ev.AmendOpened():
            _evolve_amend_opened(ledger, event)
        case ev.Replanned():
            _evolve_replanned(ledger, event)
        case ev.Committed():
            _evolve_committed(ledger, event)
        case ev.Abandoned():
            _evolve_abandoned(ledger, event)
        case ev.Confirmed():
            _step(ledger, event, standing=Standing.CONFIRMED, expires_at_ms=event.expires_at_ms)
        case ev.Extended():
            _step(ledger, event, expires_at_ms=event.expires_at_ms)
        case ev.Released():
            _step(ledger, event, standing=Standing.RELEASED, reason=event.reason)
        case ev.FannedOut():
            ledger.answers.accept(event.key, event.number, ledger.version)
        case ev.Expired():
            order = ledger.orders[event.number]
            if order.open_attempt:
                ledger.answers.reopen(order.key)
            order = _revised(_dropped(order), standing=Standing.EXPIRED)
            put(ledger, replace(order, open_attempt=0, decide_by_ms=0, targets=(), renewal=None))
        case ev.Settled():
            settle(ledger, ledger.orders[event.order.number], at_ms)
        case ev.Reported():
            _evolve_reported(ledger, event.report, at_ms)
        case ev.AppliedNoted():
            _evolve_applied_noted(ledger, event)
        case ev.Reduced():
            _evolve_reduced(ledger, event)
        case ev.ClaimBarred():
            _evolve_claim_barred(ledger, event.claim, at_ms)
        case ev.HoldCounted():
            _evolve_hold_counted(ledger, event.hold, at_ms)
        case PolicyAdopted():
            ledger.adopt(event.policy.with_kept(ledger.policy, event.kept), at_ms)
        case _:
            assert_never(event)
    if ledger.time_ms >= ledger.answers.forget_at_ms or ledger.ended.lists or ledger.collected.lists:
        forget(ledger)  # after the event: `decide` saw what is due to be forgotten


def _evolve_opened(ledger: OrderLedger, event: ev.Opened, at_ms: int) -> None:
    number = event.command.number or ledger.version
    order = begun(event.command, number, ledger.version, event.decide_by_ms, at_ms)
    put(ledger, _attempting(ledger, order, event.command.plans, event.decide_by_ms))
    ledger.answers.pending[order.key] = order.number


def placed(event: ev.Placed, version: int, at_ms: int) -> Order:
    """The order as it was placed by the event of this version."""
    command, parts = event.command, []
    for plan, reservation in zip(command.asked.plans, command.granted, strict=True):
        held, none = tuple([quantity for _, quantity in plan.lines]), (0,) * len(plan.lines)
        parts.append(Part(plan.store_id, 1, plan.lines, plan.slot_start_ms, reservation, held=held, collected=none))
    return begun(command.asked, command.number, version, event.expires_at_ms, at_ms, tuple(parts))


def _evolve_placed(ledger: OrderLedger, event: ev.Placed, at_ms: int) -> None:
    order = placed(event, ledger.version, at_ms)
    put_placed(ledger, order)
    ledger.answers.accept(order.key, order.number, ledger.version)


def _evolve_amend_opened(ledger: OrderLedger, event: ev.AmendOpened) -> None:
    order = ledger.orders[event.number]
    renewal = Renewal(event.ttl_ms, event.channel, event.missing, event.external_reference)
    targets = in_all(order, event.targets)
    order = replace(order, key=event.key, content=event.content, targets=targets, renewal=renewal)
    put(ledger, _attempting(ledger, order, event.plans, event.decide_by_ms))
    ledger.answers.pending[event.key] = order.number


def _evolve_replanned(ledger: OrderLedger, event: ev.Replanned) -> None:
    missing, targets = event.missing, event.targets
    order = _revised(_dropped(ledger.orders[event.number]))
    if order.standing is Standing.OPEN:
        order = replace(order, missing=missing)
    elif order.renewal is not None and order.renewal.channel:  # any other amendment is granted whole, or not at all
        order = replace(order, renewal=replace(order.renewal, missing=missing))
    if targets is not None:
        order = replace(order, targets=in_all(order, targets))
    put(ledger, _attempting(ledger, order, event.plans, event.decide_by_ms))


def _attempting(ledger: OrderLedger, order: Order, plans: tuple[Plan, ...], decide_by_ms: int) -> Order:
    """The order with another open attempt. Its parts are up to date: there is no outcome for them before the commit. An
    attempt that an operator has barred was one of before this ledger was restored; shops may know its claims. What came
    to nothing is forgotten, so that an order that meets claims over and over does not grow.
    """
    attempt = order.attempts + 1
    while (order.number, attempt) in ledger.bars:
        attempt += 1
    fresh = tuple(
        Part(plan.store_id, attempt, plan.lines, plan.slot_start_ms, applied_revision=order.revision) for plan in plans
    )
    return replace(
        order, attempts=attempt, open_attempt=attempt, decide_by_ms=decide_by_ms, parts=(*order.lasting_parts(), *fresh)
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


def _evolve_committed(ledger: OrderLedger, event: ev.Committed) -> None:
    order = ledger.orders[event.number]
    numbers = dict(event.claims)
    wanted = _by_part(order.targets)
    parts = tuple(_committed(order, part, numbers, wanted) for part in order.parts)
    if order.renewal is not None and order.renewal.channel:
        renewal = order.renewal
        is_other = renewal.channel != order.channel
        order = replace(
            order,
            channel=renewal.channel,
            channel_revision=order.revision + 1 if is_other else order.channel_revision,
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
    put(ledger, _over_where_nothing_is_left(order))
    ledger.answers.accept(order.key, order.number, ledger.version)


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


def _evolve_abandoned(ledger: OrderLedger, event: ev.Abandoned) -> None:
    order = ledger.orders[event.number]
    if event.rejection is None:
        ledger.answers.reopen(order.key)  # the call was not answered, and may be tried again
    else:
        ledger.answers.refuse(event.call_key, ledger.version, ledger.time_ms)
    standing = Standing.ABANDONED if order.standing is Standing.OPEN else order.standing
    order = _revised(_dropped(order), standing=standing, open_attempt=0, decide_by_ms=0, targets=(), renewal=None)
    put(ledger, _over_where_nothing_is_left(order))


def _step(ledger: OrderLedger, event: ev.Confirmed | ev.Extended | ev.Released, **changes: Any) -> None:
    put(ledger, _revised(ledger.orders[event.number], **changes))
    ledger.answers.accept(event.key, event.number, ledger.version)


def _evolve_reported(ledger: OrderLedger, report: Report, at_ms: int) -> None:
    order = ledger.orders[report.number]
    parts = tuple(
        _reported(part, report, at_ms) if (part.store_id, part.attempt) == (report.store_id, report.attempt) else part
        for part in order.parts
    )
    put(ledger, _over_where_nothing_is_left(replace(order, parts=parts)))


def _evolve_applied_noted(ledger: OrderLedger, event: ev.AppliedNoted) -> None:
    by_order: dict[int, list[Applied]] = {}
    for applied in event.parts:
        by_order.setdefault(applied.number, []).append(applied)
    for number, mine in by_order.items():
        order = ledger.orders[number]
        parts = list(order.parts)
        for applied in mine:
            for place, part in enumerate(parts):
                if part.store_id == applied.store_id and part.attempt == applied.attempt:
                    parts[place] = _noted(part, applied)
        put(ledger, replace(order, parts=tuple(parts)))


def _evolve_reduced(ledger: OrderLedger, event: ev.Reduced) -> None:
    order = ledger.orders[event.number]
    wanted = _by_part(in_all(order, event.targets))
    parts = tuple(_cut(part, wanted, order.attempts + 1) for part in order.parts)
    put(ledger, _over_where_nothing_is_left(_revised(order, parts=parts)))


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
    put_grant(ledger, grant)


def _evolve_claim_barred(ledger: OrderLedger, claim: BarClaim, at_ms: int) -> None:
    ledger.bar_for_good(claim, at_ms)
    grant = None if claim.attempt else ledger.grants.get(claim.number)
    if grant is not None:  # what was collected by it counts on
        report = ReportGrant(grant.number, grant.reservation, grant.version, (), grant.collected)
        _evolve_grant_reported(ledger, report, at_ms)


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
    put_grant(ledger, grant)
    report = ReportGrant(grant.number, hold.reservation, hold.version, hold.held, hold.collected)
    _evolve_grant_reported(ledger, report, at_ms)


def _evolve_grant_reported(ledger: OrderLedger, report: ReportGrant, at_ms: int) -> None:
    grant = ledger.grants.get(report.number)
    assert grant is not None, "only a grant that there is, is reported"
    if not report.reservation:
        drop_grant(ledger, grant.number)
        return
    moved_to, more = grant.moved_to, False
    if report.store_id not in ("", grant.held_at):  # from the ledger of a hot SKU, which may have it counted again
        moved_to = report.store_id
        ledger.answers.refuse(gone_key(grant.store_id, grant.reservation), ledger.version, at_ms)
    if report.collected:
        more = sum(units for _, units in report.collected) > sum(units for _, units in grant.collected)
    grant = replace(
        grant,
        reservation=report.reservation,
        version=report.version,
        held=report.held,
        collected=report.collected,
        collected_at_ms=at_ms if more else grant.collected_at_ms,
        moved_to=moved_to,
    )
    put_grant(ledger, grant)
    _part_from_others(ledger, grant, at_ms)
    if has_units(grant.held):
        return
    if has_units(grant.collected):
        ledger.ended.append((at_ms, grant.number))
    else:
        drop_grant(ledger, grant.number)
        ledger.answers.refuse(gone_key(grant.held_at, grant.reservation), ledger.version, at_ms)


def _part_from_others(ledger: OrderLedger, grant: Grant, at_ms: int) -> None:
    """A reservation holds by one grant. What was reported of it before, an amendment has replaced. Where it holds by
    this one though a later version was reported, its shop was restored from a copy, and has given the number again: it
    is asked what it holds by that one. What was collected counts on: no amendment replaces it, so it is lost there.
    """
    for other in ledger.grants.of_hold(grant.held_at, grant.reservation):
        is_before = other.version < grant.version
        if other.number == grant.number or not (is_before or has_units(grant.held)):
            continue
        if has_units(other.collected):
            if has_units(other.held):
                put_grant(ledger, replace(other, held=()))
                ledger.ended.append((at_ms, other.number))
        elif is_before:
            drop_grant(ledger, other.number)
        else:
            put_grant(ledger, replace(other, reservation=0, version=0, held=()))


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

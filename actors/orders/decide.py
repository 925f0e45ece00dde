"""A customers' ledger's decisions: a series of refusals, then the events. Nothing here changes the ledger.

A step is allowed by the order's standing here, even where a shop has not applied it yet: it keeps its units until then.
"""

from typing import Final, assert_never

from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE, Status
from actors.core.transact import Decision, Refused
from actors.orders import commands as cm, events as ev
from actors.orders.amendment import amendment, beyond_collected, reduction, reduction_at_commit
from actors.orders.commands import content_of, key_of
from actors.orders.decide_grants import decide_count_hold, decide_report_grant, decide_request_grant
from actors.orders.limits import over_limit
from actors.orders.state import (
    ATTEMPTS_MAX,
    CERTAIN,
    OPEN_MS,
    OVER,
    Order,
    OrderLedger,
    Part,
    Renewal,
    Standing,
)

STATUS_OF: Final = {standing: Status[standing.name] for standing in CERTAIN | OVER - {Standing.ABANDONED}}


def decide(ledger: OrderLedger, command: cm.Command, now_ms: int) -> Decision:
    """Accept or refuse a command whose key is new. `now_ms` is ledger time."""
    match command:  # what comes most often first
        case cm.RequestGrant():
            return decide_request_grant(ledger, command, now_ms)
        case cm.ReportGrant():
            return decide_report_grant(ledger, command)
        case cm.Place():
            return _decide_place(ledger, command, now_ms)
        case cm.Open():
            return _decide_open(ledger, command, now_ms)
        case cm.Bar():
            is_known = command.number in ledger.barred or ledger.known(command.number) is not None
            return () if is_known else (ev.Barred(command.number),)
        case cm.Refuse():
            return _decide_refuse(command)
        case cm.Amend():
            return _decide_amend(ledger, command, now_ms)
        case cm.Replan():
            return _decide_replan(ledger, command, now_ms)
        case cm.Commit():
            return _decide_commit(ledger, command, now_ms)
        case cm.Abandon():
            order = _with_open_attempt(ledger, command.number, command.attempt)
            return () if order is None else (_refused(order, command.rejection),)
        case cm.FanOut():
            return _decide_fan_out(ledger, command)
        case cm.BarClaim():
            return _decide_bar_claim(ledger, command)
        case cm.CountHold():
            return decide_count_hold(ledger, command)
        case cm.Report():
            return _decide_report(ledger, command)
        case cm.NoteApplied():
            news = tuple(part for part in command.parts if _is_news(ledger, part))
            return (ev.AppliedNoted(news),) if news else ()
        case cm.Confirm() | cm.Release() | cm.Extend():
            return _decide_step(ledger, command, now_ms)
        case _:
            assert_never(command)


def _decide_refuse(command: cm.Refuse) -> Decision:
    """Where a shop has answered another call under the key, that is the answer to this one, and recorded."""
    if command.rejection.reason is not Reason.IDEMPOTENCY_KEY_REUSED:
        return command.rejection
    return (Refused(key_of(command), command.content, "Refuse", command.rejection),)


def _decide_open(ledger: OrderLedger, command: cm.Open, now_ms: int) -> Decision:
    policy, ttl_ms = ledger.policy, command.ttl_ms
    if ttl_ms > policy.ttl_ms_max:
        return Rejection(Reason.TTL_TOO_LONG, asked=ttl_ms, available=policy.ttl_ms_max)
    customer_id, channel, plans, missing = command.customer_id, command.channel, command.plans, command.missing
    if command.basket_id:
        earlier = _order_of_basket(ledger, customer_id, command.basket_id)
        if isinstance(earlier, Rejection):
            return earlier
        if earlier is not None:
            ttl_ms = ttl_ms or _hold_ms(ledger, channel, plans)
            renewal = Renewal(ttl_ms, channel, missing, command.external_reference)
            return _changed(ledger, earlier, command, plans, renewal, now_ms)
    if command.number in ledger.barred or ledger.known(command.number) is not None:
        return Rejection(Reason.ORDER_UNDECIDED, number=command.number)
    refusal = over_limit(ledger, customer_id, channel, plans, now_ms)
    if refusal is not None:
        return refusal
    return (ev.Opened(command, now_ms + OPEN_MS),)


def _decide_place(ledger: OrderLedger, command: cm.Place, now_ms: int) -> Decision:
    """Placed, or refused for good. Where the number is barred nothing is decided: the call may claim anew."""
    if command.number in ledger.barred or ledger.known(command.number) is not None:
        return Rejection(Reason.ORDER_UNDECIDED, number=command.number)
    asked, ttl_ms = command.asked, command.asked.ttl_ms
    if ttl_ms > ledger.policy.ttl_ms_max:
        return Rejection(Reason.TTL_TOO_LONG, asked=ttl_ms, available=ledger.policy.ttl_ms_max)
    refusal = over_limit(ledger, asked.customer_id, asked.channel, asked.plans, now_ms)
    if refusal is not None:
        return refusal
    return (ev.Placed(command, now_ms + (ttl_ms or _hold_ms(ledger, asked.channel, asked.plans))),)


def _order_of_basket(ledger: OrderLedger, customer_id: str, basket_id: str) -> Order | Rejection | None:
    """The order that the basket has, None without one, or a Rejection where it must not be changed."""
    number = ledger.baskets.get((customer_id, basket_id))
    if number is None:
        return None
    order = ledger.orders[number]
    if order.open_attempt:
        return Rejection(Reason.ORDER_UNDECIDED, number=number)
    if order.standing is not Standing.HELD or order.is_collected_from():
        return _basket_confirmed(order)
    return order


def _refused(order: Order, rejection: Rejection | None) -> ev.Abandoned:
    """The order's open attempt, refused, or given up without an answer."""
    return ev.Abandoned(order.number, rejection, order.key, order.content)


def _basket_confirmed(order: Order) -> Rejection:
    return Rejection(Reason.BASKET_CONFIRMED, number=order.number, status=STATUS_OF[order.standing])


def _decide_amend(ledger: OrderLedger, command: cm.Amend, now_ms: int) -> Decision:
    order = _standing_in(ledger, command.number, CERTAIN)
    if isinstance(order, Rejection):
        return order
    ttl_ms, ttl_ms_max = command.ttl_ms, ledger.policy.ttl_ms_max
    if ttl_ms > ttl_ms_max:
        return Rejection(Reason.TTL_TOO_LONG, asked=ttl_ms, available=ttl_ms_max)
    return _changed(ledger, order, command, command.wanted, Renewal(ttl_ms, "", ()), now_ms)


def _changed(
    ledger: OrderLedger,
    order: Order,
    command: cm.Open | cm.Amend,
    wanted: tuple[cm.Plan, ...],
    renewal: Renewal,
    now_ms: int,
) -> Decision:
    """Change an order into another one; committed at once where no shop has to be asked. A renewal with a channel names
    all that the basket wants, any other only the shops that change.
    """
    ttl_ms, channel, missing = renewal.ttl_ms, renewal.channel, renewal.missing
    plans, targets = amendment(order, wanted, channel, adds=isinstance(command, cm.Amend) and command.adds)
    refusal = _full(order) if plans else None
    refusal = refusal or over_limit(ledger, order.customer_id, channel or order.channel, plans, now_ms, order, targets)
    if refusal is not None:
        return refusal
    number, key, content, until_ms = order.number, key_of(command), command.content, now_ms + OPEN_MS
    reference = renewal.external_reference
    opened = ev.AmendOpened(key, content, number, plans, targets, until_ms, ttl_ms, channel, missing, reference)
    if plans or (ttl_ms and order.standing is Standing.CONFIRMED):  # only a Commit carries the shops' hours
        return (opened,)
    return (opened, ev.Committed(number, (), now_ms + ttl_ms if ttl_ms else order.expires_at_ms))


def _full(order: Order) -> Rejection | None:
    """Why there cannot be another attempt, None where there can. What was only asked for counts until its shop has let
    go of it.
    """
    lasting = order.lasting_parts()
    if len({part.attempt for part in lasting}) < ATTEMPTS_MAX:
        return None
    if len({part.attempt for part in lasting if part.reservation}) < ATTEMPTS_MAX:
        return Rejection(Reason.ORDER_UNDECIDED, number=order.number)
    return Rejection(Reason.TRANSITION_NOT_ALLOWED, number=order.number, status=STATUS_OF[order.standing])


def _decide_replan(ledger: OrderLedger, command: cm.Replan, now_ms: int) -> Decision:
    order, plans = _with_open_attempt(ledger, command.number, command.attempt), command.plans
    if order is None or _full(order) is not None:
        return ()
    kept, targets = beyond_collected(order, order.targets), None
    channel = order.channel
    if order.renewal is not None and order.renewal.channel:
        if order.is_collected_from():  # since the call: the basket's lines no longer tell what is still wanted
            return (_refused(order, _basket_confirmed(order)),)
        channel = order.renewal.channel
        plans, kept = amendment(order, plans, channel)
        targets = kept
    refusal = over_limit(ledger, order.customer_id, channel, plans, now_ms, order, kept, for_good=True)
    if refusal is not None:  # another plan may ask for more of what is limited
        return (_refused(order, refusal),)
    return (ev.Replanned(order.number, plans, command.missing, now_ms + OPEN_MS, targets),)


def _decide_commit(ledger: OrderLedger, command: cm.Commit, now_ms: int) -> Decision:
    order = _with_open_attempt(ledger, command.number, command.attempt)
    if order is None or {store_id for store_id, _ in command.claims} != {part.store_id for part in order.open_parts()}:
        return ()
    committed = ev.Committed(order.number, command.claims, _commits_until_ms(ledger, order, command.hours, now_ms))
    cut = reduction_at_commit(order)
    return (committed, ev.Reduced(order.number, cut)) if cut else (committed,)


def _decide_report(ledger: OrderLedger, report: cm.Report) -> Decision:
    if not _is_news(ledger, report):
        return ()
    cut = reduction(ledger.orders[report.number], report)
    reported = ev.Reported(report)
    return (reported, ev.Reduced(report.number, cut)) if cut else (reported,)


def _decide_bar_claim(ledger: OrderLedger, command: cm.BarClaim) -> Decision:
    """No events where it is barred already, or known: what is known is decided without anybody's help. Of grants it is
    those that hold something that can be barred, also again, after a report that came late.
    """
    number, attempt = command.number, command.attempt
    if not attempt:
        grant = ledger.grants.get(number)
        return () if grant is None or not grant.holds() else (ev.ClaimBarred(command),)
    if (number, attempt) in ledger.bars:
        return ()
    order = ledger.known(number)
    if order is not None and any(part.attempt == attempt for part in order.parts):
        return ()
    return (ev.ClaimBarred(command),)


def _decide_step(ledger: OrderLedger, command: cm.Confirm | cm.Release | cm.Extend, now_ms: int) -> Decision:
    allowed = frozenset({Standing.HELD}) if isinstance(command, cm.Confirm) else CERTAIN
    order = _standing_in(ledger, command.number, allowed)
    if isinstance(order, Rejection):
        return order
    policy = ledger.policy
    key, content, number = key_of(command), content_of(command), command.number
    if isinstance(command, cm.Release):
        return (ev.Released(key, content, number, command.reason),)
    if isinstance(command, cm.Confirm):
        asked_ms = command.collect_within_ms or policy.collect_within_ms
    else:
        asked_ms = command.ttl_ms
    if asked_ms > policy.ttl_ms_max:
        return Rejection(Reason.TTL_TOO_LONG, asked=asked_ms, available=policy.ttl_ms_max)
    expires_at_ms = now_ms + asked_ms
    if isinstance(command, cm.Confirm) or order.standing is Standing.CONFIRMED:
        expires_at_ms = _pickup_deadline_ms(expires_at_ms, order.certain_parts(), command.hours)
    happened = ev.Confirmed if isinstance(command, cm.Confirm) else ev.Extended
    return (happened(key, content, number, expires_at_ms),)


def _decide_fan_out(ledger: OrderLedger, command: cm.FanOut) -> Decision:
    """Each shop decides whether it allows the step; this ledger only checks that the order has parts."""
    number = command.number
    order = ledger.known(number)
    if order is None or order.standing is Standing.ABANDONED:
        return Rejection(Reason.RESERVATION_NOT_FOUND, number=number)
    if order.standing is Standing.OPEN:
        return Rejection(Reason.ORDER_UNDECIDED, number=number)
    if not order.certain_parts():
        return Rejection(Reason.TRANSITION_NOT_ALLOWED, number=number, status=STATUS_OF[order.standing])
    if number not in ledger.orders:  # it does not change any more, so a repeat goes to the same shops
        return ()
    return (ev.FannedOut(key_of(command), command.content, number),)


def _standing_in(ledger: OrderLedger, number: int, allowed: frozenset[Standing]) -> Order | Rejection:
    """The order, or a Rejection where its standing does not allow the step. What was due has been expired before."""
    order = ledger.known(number)
    if order is None or order.standing is Standing.ABANDONED:
        return Rejection(Reason.RESERVATION_NOT_FOUND, number=number)
    if order.open_attempt:
        return Rejection(Reason.ORDER_UNDECIDED, number=number)
    if order.standing is Standing.EXPIRED:
        return Rejection(Reason.RESERVATION_EXPIRED, number=number, status=Status.EXPIRED)
    if order.standing not in allowed:
        return Rejection(Reason.TRANSITION_NOT_ALLOWED, number=number, status=STATUS_OF[order.standing])
    return order


def _with_open_attempt(ledger: OrderLedger, number: int, attempt: int) -> Order | None:
    order = ledger.orders.get(number)
    return order if order is not None and order.open_attempt == attempt and attempt else None


def _commits_until_ms(ledger: OrderLedger, order: Order, hours: cm.Hours, now_ms: int) -> int:
    """The deadline at commit: a new hold's, or an amended order's, which keeps its own unless another was requested."""
    if order.standing is Standing.OPEN:
        plans = tuple(cm.Plan(part.store_id, part.lines, part.slot_start_ms) for part in order.open_parts())
        return now_ms + (order.ttl_ms or _hold_ms(ledger, order.channel, plans))
    ttl_ms = 0 if order.renewal is None else order.renewal.ttl_ms
    expires_at_ms = now_ms + ttl_ms if ttl_ms else order.expires_at_ms
    if order.standing is Standing.CONFIRMED:
        return _pickup_deadline_ms(expires_at_ms, (*order.certain_parts(), *order.open_parts()), hours)
    return expires_at_ms


def _hold_ms(ledger: OrderLedger, channel: str, plans: tuple[cm.Plan, ...]) -> int:
    """How long the hold lasts, in ms: the shortest of its shops' times."""
    return min(ledger.policy.hold_ms(channel, plan.lines, plan.store_id) for plan in plans)


def _pickup_deadline_ms(wanted_ms: int, parts: tuple[Part, ...], hours: cm.Hours) -> int:
    """The pickup deadline: not before a slot's end, and not while a shop is closed."""
    wanted_ms = max([wanted_ms, hours.slots_end_ms, *(part.slot_start_ms for part in parts)])
    for opens_ms, closes_ms in hours.open:
        if wanted_ms <= closes_ms:
            return wanted_ms if wanted_ms >= opens_ms else closes_ms
    return wanted_ms


def _is_news(ledger: OrderLedger, report: cm.Report | cm.Applied) -> bool:
    """True where the report says more than the last one of its part. A final part never changes."""
    order = ledger.orders.get(report.number)
    if order is None:
        return False
    for part in order.parts:
        if part.store_id == report.store_id and part.attempt == report.attempt and part.status in LIVE:
            return report.revision > part.applied_revision or report.version > part.version
    return False

"""A shop's decisions: each command is a series of refusals in order of precedence, then the events.

Nothing here changes the ledger, but for the notes of keys that are sent on (`hot.keys`). A deadline is compared with
`now_ms` at the decision, whether or not a sweep has run; the host expires what is due before it decides, so `available`
is exact too.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, assert_never

from msgspec.structs import replace

from actors.core.answers import fingerprint
from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE, OPEN, TRANSITIONS, ReleaseReason, Status, Step
from actors.core.transact import Decision
from actors.shop import commands as cm, events as ev
from actors.shop.allotments.decide import (
    decide_allot_stock,
    decide_extend_allotment,
    decide_give,
    decide_return_allotment,
    given_to_other,
    is_given,
)
from actors.shop.allotments.quotas import beyond_stock
from actors.shop.commands import Collect, Confirm, Lines, Reserve, by_sku  # hot ones by name
from actors.shop.decide_amend import decide_amend
from actors.shop.decide_claims import decide_acknowledge, decide_apply_outcome, decide_claim, decide_settle_grant
from actors.shop.decide_stock import (
    decide_adjust_stock,
    decide_count_stock,
    decide_move_in,
    decide_set_safety_stock,
)
from actors.shop.events import Reserved
from actors.shop.hot.decide import decide_hot_units, decided_elsewhere, is_kept_there, key_elsewhere, unless_fetched
from actors.shop.hot.units import HandUnits, MoveIn, TakeUnitsBack
from actors.shop.lines.decide import (
    decide_leave,
    decide_queue,
    decide_serve_granted,
    latest_end_ms,
    out_of_line,
    pickup_deadline_ms,
)
from actors.shop.picking.decide import decide_pick
from actors.shop.picking.decide_short import decide_short
from actors.shop.picking.pick_task import PickStep, ShortPick, ready_by
from actors.shop.preconditions import NONE, grant_refusal, over_limit, short_of_stock, slot_refusal, standing
from actors.shop.returns.decide import decide_return
from actors.shop.returns.sale_return import Return
from actors.shop.shortfalls.decide import decide_move_refused, decide_resolve_shortfall, moves_given_up
from actors.shop.shortfalls.shortfall import NoteMoveRefused, ResolveShortfall
from actors.shop.state import Claims, Ledger, Reservation
from actors.shop.transfers.decide import decide_transfer
from actors.shop.transfers.decide_in_transit import awaited_refusal, promise_in_transit, with_arrivals
from actors.shop.transfers.transfer import ReceiveTransfer

StepCommand = cm.Confirm | cm.MarkReady | cm.Collect | cm.Release | cm.Extend | cm.Amend | cm.Give

_STEP_OF: Final[dict[type[StepCommand], Step]] = {
    cm.Confirm: Step.CONFIRM,
    cm.MarkReady: Step.MARK_READY,
    cm.Collect: Step.COLLECT,
    cm.Release: Step.RELEASE,
    cm.Extend: Step.EXTEND,
    cm.Amend: Step.AMEND,
    cm.Give: Step.GIVE,
}
_EXPIRED: Final = Status.EXPIRED  # see `projections._HELD`
_QUEUED: Final = Status.QUEUED
# Refused for a part: its customer's ledger decides the deadline and may have ended the order already.
_ITS_ORDERS_STEPS: Final = frozenset({Step.CONFIRM, Step.EXTEND, Step.AMEND})


def decide(ledger: Ledger, command: cm.Command, now_ms: int) -> Decision:
    """Accept or refuse a command whose key is new. `now_ms` is ledger time, which never decreases."""
    if isinstance(command, Reserve):  # most are; to look by `match` takes five times as long
        return decide_reserve(ledger, command, now_ms)
    if ledger.policy.hot and (elsewhere := key_elsewhere(ledger, command)):
        return elsewhere
    match command:
        case Confirm() | Collect() | cm.MarkReady() | cm.Release() | cm.Extend() | cm.Amend() | cm.Give():
            decision = decide_step(ledger, command, now_ms)
            if type(decision) is tuple:
                return decision
            return _unless_claimed(ledger, now_ms, decision, partial(decide_step, ledger, command, now_ms))
        case cm.Claim():
            return decide_claim(ledger, command, now_ms)
        case cm.SettleGrant():
            return decide_settle_grant(ledger, command)
        case cm.ServeGranted():
            return decide_serve_granted(ledger, command, now_ms)
        case cm.ApplyOutcome():
            return decide_apply_outcome(ledger, command, now_ms)
        case cm.Acknowledge():
            return decide_acknowledge(ledger, command)
        case cm.AdjustStock():
            return decide_adjust_stock(ledger, command, now_ms)
        case cm.CountStock():
            return decide_count_stock(ledger, command, now_ms)
        case cm.SetSafetyStock():
            return decide_set_safety_stock(command)
        case cm.AllotStock():
            return decide_allot_stock(ledger, command, now_ms)
        case cm.ExtendAllotment():
            return decide_extend_allotment(ledger, command, now_ms)
        case cm.ReturnAllotment():
            return decide_return_allotment(ledger, command)
        case Return():
            return decide_return(ledger, command)
        case ResolveShortfall():
            return decide_resolve_shortfall(ledger, command, now_ms)
        case NoteMoveRefused():
            return decide_move_refused(ledger, command)
        case HandUnits() | TakeUnitsBack():
            return decide_hot_units(ledger, command)
        case MoveIn():
            return decide_move_in(ledger, command, now_ms)
        case ShortPick():
            decision = decide_short(ledger, command, now_ms)
            if type(decision) is tuple:
                return decision
            return _unless_claimed(ledger, now_ms, decision, partial(decide_short, ledger, command, now_ms))
        case _ if isinstance(command, PickStep):
            return decide_pick(ledger, command, now_ms)
        case ReceiveTransfer():
            return with_arrivals(ledger, decide_transfer(ledger, command, now_ms), now_ms)
        case _:
            return decide_transfer(ledger, command, now_ms)


def _unless_claimed(ledger: Ledger, now_ms: int, refused: Decision, again: Callable[[Claims], Decision]) -> Decision:
    """The refusal that stands, ORDER_UNDECIDED where there is none."""
    assert isinstance(refused, Rejection), "nothing else is refused"
    no = standing(ledger, now_ms, refused, again)
    return no or Rejection(Reason.ORDER_UNDECIDED, refused.sku, status=Status.CLAIMED)


def decide_reserve(ledger: Ledger, command: Reserve, now_ms: int) -> Decision:
    """As `decide`: hold all lines or none."""
    policy, lines = ledger.policy, command.lines
    if (  # most are such, and nothing but stock has a say about them
        len(lines) == 1
        and not command.basket_id
        and command.grant is None
        and not command.slot_start_ms
        and not policy.hot
        and not policy.paused
        and not policy.limit_rules
        and not policy.chain_limit_rules
        and not policy.ttl_rules
        and not ledger.allotments.quotas
        and not ledger.lines
        and (ttl_ms := command.ttl_ms or policy.ttl_ms_default) <= policy.ttl_ms_max
        and (position := ledger.positions.get(lines[0][0])) is not None
        and position.on_hand - position.reserved - position.allotted - position.safety_stock - position.apart
        >= lines[0][1]
    ):
        return (Reserved(command, now_ms + ttl_ms),)
    if policy.hot and (elsewhere := key_elsewhere(ledger, command)):
        return elsewhere
    decision = _decide_reserve(ledger, command, now_ms)
    if type(decision) is tuple:
        return decision
    return _unless_claimed(ledger, now_ms, decision, partial(_decide_reserve, ledger, command, now_ms))


def _decide_reserve(ledger: Ledger, command: Reserve, now_ms: int, without: Claims = NONE) -> Decision:
    """Hold all lines or none; what the same basket has here, a hold or a place in line, is replaced in the same
    decision. What is claimed by those in `without` counts as given back.
    """
    policy = ledger.policy
    if policy.hot and (elsewhere := decided_elsewhere(ledger, command)):
        return elsewhere
    if policy.paused:
        return Rejection(Reason.STORE_NOT_ACCEPTING)
    if command.ttl_ms > policy.ttl_ms_max:
        return Rejection(Reason.TTL_TOO_LONG, asked=command.ttl_ms, available=policy.ttl_ms_max)
    replaced: Reservation | None = None
    if command.basket_id:
        found = _replaced_hold(ledger, command, now_ms)
        if isinstance(found, Rejection):
            return found
        replaced = found
    demand = command.lines if len(command.lines) == 1 else by_sku(command.lines)
    if policy.limit_rules:
        refusal = over_limit(ledger, command.customer_id, command.channel, demand, replaced, without=without)
        if refusal is not None:
            return refusal
    grant = command.grant
    if grant is not None or policy.chain_limit_rules:
        refusal = grant_refusal(ledger, grant, command.customer_id, command.channel, demand, replaced)
        if refusal is not None:
            return refusal
    if ledger.allotments.quotas:
        stock = beyond_stock(ledger, command.channel, demand, replaced, without=without)
    else:
        stock = short_of_stock(ledger, demand, replaced, without=without) or ()
    if isinstance(stock, Rejection):
        return _short(ledger, command, stock, now_ms, replaced, without)
    if command.slot_start_ms:
        refusal = slot_refusal(ledger, command.slot_start_ms, now_ms, replaced, without)
        if refusal is not None:
            return refusal

    # From here on it succeeds.
    ttl_ms = command.ttl_ms or policy.ttl_ms_default
    if policy.ttl_rules and not command.ttl_ms:
        ttl_ms = policy.hold_ms(command.channel, command.lines, ledger.ledger_id)
    reserved = Reserved(command, now_ms + ttl_ms)
    if replaced is None:
        return (*stock, reserved)
    if replaced.status is _QUEUED:
        return (out_of_line(replaced, ReleaseReason.REPLACED), *stock, reserved)
    number, lines = replaced.number, replaced.held_lines()
    return (ev.Released("", "", number, lines, ReleaseReason.REPLACED, before=replaced), *stock, reserved)


def _short(
    ledger: Ledger, command: Reserve, refusal: Rejection, now_ms: int, replaced: Reservation | None, without: Claims
) -> Decision:
    """The refusal for want of stock, a promise of what is in transit, or a place in line."""
    if ledger.hot.by:
        is_kept = is_kept_there(ledger, command)
        refusal = unless_fetched(ledger, refusal, fetched=command.fetched and is_kept)
        if not is_kept and refusal.reason is Reason.UNITS_ELSEWHERE:
            refusal = replace(refusal, store_id=ledger.ledger_id)
    if ledger.policy.promise_in_transit:
        promised = promise_in_transit(ledger, command, refusal, now_ms, without)
        if not isinstance(promised, Rejection):
            return promised
        refusal = promised
    waits = command.wait_ms and refusal.reason is not Reason.UNITS_ELSEWHERE
    return decide_queue(ledger, command, refusal, now_ms, replaced, without) if waits else refusal


def _replaced_hold(ledger: Ledger, command: Reserve, now_ms: int) -> Reservation | Rejection | None:
    """What the same basket has here, a live hold or a place in line, None without one, or a Rejection where it must not
    be replaced.
    """
    number = ledger.baskets.get((command.customer_id, command.basket_id))
    if number is None:
        return None
    earlier = ledger.reservations[number]
    if earlier.expires_at_ms <= now_ms:
        return None
    if earlier.status is _QUEUED:
        lost_as = None if earlier.in_line is None else earlier.in_line.lost_as
        is_placed = lost_as in (Status.CONFIRMED, Status.READY)  # an order, whose units were lost
        return Rejection(Reason.BASKET_CONFIRMED, number=number, status=_QUEUED) if is_placed else earlier
    if earlier.status is not Status.HELD or earlier.units_collected():
        return Rejection(Reason.BASKET_CONFIRMED, number=number, status=earlier.status)
    if is_given(earlier, now_ms):
        return Rejection(Reason.GIVEN_TO_TILL, number=number, status=earlier.status)
    return earlier


def allowed(ledger: Ledger, number: int, step: Step, now_ms: int) -> Reservation | Rejection:
    """The reservation, or a Rejection where the step is not allowed now."""
    reservation = ledger.reservations.get(number)
    if reservation is None:
        over = ledger.finished.ended_as(number)
        if over is None:
            return Rejection(Reason.RESERVATION_NOT_FOUND, number=number)
        is_expired = over[0] is Status.EXPIRED
        reason = Reason.RESERVATION_EXPIRED if is_expired else Reason.TRANSITION_NOT_ALLOWED
        return Rejection(reason, number=number, status=over[0])
    status = reservation.status
    if reservation.part is not None and status in LIVE and reservation.expires_at_ms <= now_ms:
        # A claim, or its lease is over: its order may go on or have ended, and the shop not have heard yet.
        return Rejection(Reason.ORDER_UNDECIDED, number=number, status=status)
    if status is _EXPIRED or (status in OPEN and reservation.expires_at_ms <= now_ms):
        return Rejection(Reason.RESERVATION_EXPIRED, number=number, status=Status.EXPIRED)
    if status not in TRANSITIONS[step]:
        return Rejection(Reason.TRANSITION_NOT_ALLOWED, number=number, status=status)
    if reservation.part is not None and step in _ITS_ORDERS_STEPS:
        return Rejection(Reason.PART_OF_ORDER, number=number, status=status)
    return reservation if reservation.in_line is None else awaited_refusal(reservation, step) or reservation


def decide_step(ledger: Ledger, command: StepCommand, now_ms: int, without: Claims = NONE) -> Decision:
    """Accept or refuse a step of a reservation."""
    reservation = allowed(ledger, command.number, _STEP_OF[type(command)], now_ms)
    if isinstance(reservation, Rejection):
        return reservation
    match command:
        case Confirm():
            return _decide_confirm(ledger, command, reservation, now_ms)
        case Collect() | cm.Release():
            if reservation.till and type(command) is Collect and given_to_other(reservation, command.till, now_ms):
                return Rejection(Reason.GIVEN_TO_TILL, number=command.number, status=reservation.status)
            return _decide_taking(ledger, command, reservation, now_ms)
        case cm.MarkReady():
            return (ev.ReadyMarked(command.key, fingerprint(command), command.number),)
        case cm.Extend():
            return _decide_extend(ledger, command, reservation, now_ms)
        case cm.Amend():
            return decide_amend(ledger, command, reservation, now_ms, without)
        case cm.Give():
            return decide_give(command, reservation, now_ms)
        case _:
            assert_never(command)


def _decide_confirm(ledger: Ledger, command: cm.Confirm, reservation: Reservation, now_ms: int) -> Decision:
    policy, from_ms = ledger.policy, now_ms
    if command.collect_within_ms > policy.ttl_ms_max:
        return Rejection(Reason.TTL_TOO_LONG, "", command.collect_within_ms, policy.ttl_ms_max)
    if reservation.awaits is not None:  # it cannot be collected before
        from_ms = max(now_ms, reservation.awaits.expected_at_ms)
    expires_at_ms = pickup_deadline_ms(
        ledger, reservation.slot_start_ms, from_ms + (command.collect_within_ms or policy.collect_within_ms)
    )
    ready_ms = ready_by(policy, reservation.slot_start_ms, now_ms)
    return (ev.Confirmed(command.key, fingerprint(command), command.number, expires_at_ms, ready_ms=ready_ms),)


def _decide_taking(ledger: Ledger, command: cm.Collect | cm.Release, reservation: Reservation, now_ms: int) -> Decision:
    """Take units from a reservation: they are sold, or returned to stock."""
    lines = _by_line(reservation, command.lines)
    if isinstance(lines, Rejection):
        return lines
    key, content, number = command.key, fingerprint(command), command.number
    if reservation.status is _QUEUED and isinstance(command, cm.Release):
        return decide_leave(command, content, reservation)
    if isinstance(command, Collect):
        return (ev.Collected(key, content, number, lines, command.payment_reference, None, command.hand_over),)
    is_whole = lines == reservation.held_lines()
    if is_given(reservation, now_ms) and not is_whole:
        return Rejection(Reason.GIVEN_TO_TILL, number=number, status=reservation.status)
    refusal = awaited_refusal(reservation, Step.RELEASE, is_whole=is_whole)
    if refusal is not None:
        return refusal
    released = ev.Released(key, content, number, lines, command.reason)
    return (released, *moves_given_up(ledger, number, command.reason)) if is_whole else (released,)


def _decide_extend(ledger: Ledger, command: cm.Extend, reservation: Reservation, now_ms: int) -> Decision:
    most_ms = latest_end_ms(ledger, reservation, now_ms) - now_ms
    if command.ttl_ms > most_ms:
        return Rejection(Reason.TTL_TOO_LONG, "", command.ttl_ms, most_ms)
    expires_at_ms = now_ms + command.ttl_ms
    if reservation.status is not Status.HELD:
        expires_at_ms = pickup_deadline_ms(ledger, reservation.slot_start_ms, expires_at_ms)
    return (ev.Extended(command.key, fingerprint(command), command.number, expires_at_ms),)


def _by_line(reservation: Reservation, asked: Lines) -> Lines | Rejection:
    """Units to take from each line; a SKU on several lines is taken from the first line on."""
    if not asked:
        return reservation.held_lines()
    demand = by_sku(asked)
    held = dict(by_sku(reservation.held_lines()))
    number, status = reservation.number, reservation.status
    for sku, quantity in demand:
        if sku not in held:
            return Rejection(Reason.LINE_NOT_FOUND, sku, quantity, 0, number, status)
    for sku, quantity in demand:
        if quantity > held[sku]:
            return Rejection(Reason.QUANTITY_EXCEEDS_HELD, sku, quantity, held[sku], number, status)
    return reservation.taken_by_line(dict(demand))

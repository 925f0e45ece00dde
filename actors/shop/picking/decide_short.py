"""A shop's decision about units that a picker does not find: one call, with the customer's choice applied in it."""

from typing import assert_never

from actors.core.answers import fingerprint
from actors.core.rejection import Reason, Rejection
from actors.core.status import ReleaseReason, ShortChoice
from actors.core.transact import Decision
from actors.shop.allotments.decide import is_given
from actors.shop.allotments.quotas import returned
from actors.shop.commands import Amend, by_sku
from actors.shop.decide_amend import amended
from actors.shop.events import Extended, Released
from actors.shop.lines.decide import latest_end_ms, pickup_deadline_ms
from actors.shop.picking.decide import in_work, longer, not_his
from actors.shop.picking.events import PickShorted
from actors.shop.picking.pick_task import PUT_OFF_MAX, PickTask, ShortPick
from actors.shop.preconditions import NONE
from actors.shop.shortfalls.shortfall import MOVING_MAX, NEAR_MAX, ShortfallCause
from actors.shop.state import Claims, Ledger, Reservation


def decide_short(ledger: Ledger, command: ShortPick, now_ms: int, without: Claims = NONE) -> Decision:
    """Accept or refuse a short pick. What is not on the shelf is written off, or the next call would be promised it;
    but not what is to be looked for again.
    """
    task = in_work(ledger, command.number, now_ms)
    if isinstance(task, Rejection):
        return task
    refusal = not_his(task, command.picker_id, now_ms) or _not_missing(command, task)
    if refusal is not None:
        return refusal
    reservation = ledger.reservations[command.number]
    if reservation.expires_at_ms <= now_ms:  # a part whose lease is over
        return Rejection(Reason.ORDER_UNDECIDED, number=command.number, status=reservation.status)
    match command.choice:
        case ShortChoice.WITHOUT | ShortChoice.ELSEWHERE:
            return _without(ledger, command, reservation, now_ms)
        case ShortChoice.SUBSTITUTE:
            return _substituted(ledger, command, reservation, now_ms, without)
        case ShortChoice.LATER:
            if task.put_off >= PUT_OFF_MAX:
                often, status = (task.put_off + 1, PUT_OFF_MAX, command.number), task.status
                return Rejection(Reason.PICK_STEP_NOT_ALLOWED, command.sku, *often, pick_status=status)
            return _later(ledger, command, reservation, now_ms)
        case _:
            assert_never(command.choice)


def _not_missing(command: ShortPick, task: PickTask) -> Rejection | None:
    """Why so many units of the SKU cannot be missing, None where they can."""
    ordered, picked = dict(by_sku(task.lines)).get(command.sku, 0), dict(task.picked).get(command.sku, 0)
    if command.quantity <= ordered - picked:
        return None
    reason = Reason.PICKED_ALREADY if ordered else Reason.ARTICLE_NOT_ORDERED
    left, status = ordered - picked, task.status
    return Rejection(reason, command.sku, command.quantity, left, number=task.number, pick_status=status)


def _shorted(ledger: Ledger, command: ShortPick, now_ms: int, promise_ms: int = 0) -> PickShorted:
    """Units that go back to a channel's quota by the event before are not written off: it may promise them."""
    content, of = fingerprint(command), (command.number, command.picker_id, command.sku, command.quantity)
    instead = command.choice, command.substitute, command.substitute_quantity
    written_off = 0
    if command.choice is not ShortChoice.LATER:
        drawn = ledger.allotments.drawn.get(command.number, ())
        back = returned(ledger.allotments, drawn, {command.sku: command.quantity})
        written_off = command.quantity - sum(units for _, _, units, _ in back)
    until_ms = 0 if promise_ms else longer(ledger.picks.rows[command.number], now_ms)
    near = command.near[:NEAR_MAX]
    return PickShorted(command.key, content, *of, *instead, promise_ms, written_off, lease_until_ms=until_ms, near=near)


def _without(ledger: Ledger, command: ShortPick, reservation: Reservation, now_ms: int) -> Decision:
    """Release the units; all of them, where nothing else is held. Where the customer is to have them elsewhere, that is
    a task from the same step on.
    """
    cause: ShortfallCause | None = None
    if command.choice is ShortChoice.ELSEWHERE:
        if len(ledger.tasks.moving) >= MOVING_MAX:
            often, status = (MOVING_MAX + 1, MOVING_MAX, command.number), ledger.picks.rows[command.number].status
            return Rejection(Reason.PICK_STEP_NOT_ALLOWED, command.sku, *often, pick_status=status)
        cause = ShortfallCause.NOT_FOUND
    lines = reservation.taken_by_line({command.sku: command.quantity})
    over = reservation if lines == reservation.held_lines() else None
    if over is None and is_given(reservation, now_ms):
        return Rejection(Reason.GIVEN_TO_TILL, number=command.number, status=reservation.status)
    reason = ReleaseReason.NOT_FOUND_ON_SHELF
    released = Released("", "", command.number, lines, reason, before=over, cause=cause)
    return (released, _shorted(ledger, command, now_ms))


def _substituted(
    ledger: Ledger, command: ShortPick, reservation: Reservation, now_ms: int, without: Claims
) -> Decision:
    """Amend the reservation to units of the substitute, if these are available."""
    number, status = command.number, reservation.status
    not_allowed = Rejection(Reason.SUBSTITUTE_NOT_ALLOWED, command.substitute, number=number, status=status)
    if not command.is_listed or command.substitute == command.sku:
        return not_allowed
    if reservation.part is not None:
        return Rejection(Reason.PART_OF_ORDER, number=number, status=status)
    if reservation.units_collected():  # the rest can only be collected or released
        return Rejection(Reason.TRANSITION_NOT_ALLOWED, number=number, status=status)
    taken = reservation.taken_by_line({command.sku: command.quantity})
    rest = ((sku, units - less) for (sku, units), (_, less) in zip(reservation.held_lines(), taken, strict=True))
    lines = (*((sku, units) for sku, units in rest if units), *command.lines)
    wanted = Amend("", command.number, lines, 0, 0, fetched=command.fetched)
    decision = amended(ledger, wanted, reservation, now_ms, without)
    if not isinstance(decision, Rejection):
        return (*decision, _shorted(ledger, command, now_ms))
    if decision.reason is Reason.GRANT_REQUIRED:  # nobody asks the customer's ledger at the shelf
        return not_allowed
    return decision


def _later(ledger: Ledger, command: ShortPick, reservation: Reservation, now_ms: int) -> Decision:
    """Have it looked for again, and the customer collect as long after that as after a confirmation."""
    promise_ms, expires_at_ms = now_ms + command.wait_ms, reservation.expires_at_ms
    if reservation.part is not None:  # its order decides the deadline
        if promise_ms < expires_at_ms:
            return (_shorted(ledger, command, now_ms, promise_ms),)
        return Rejection(Reason.PART_OF_ORDER, number=command.number, status=reservation.status)
    latest_ms = latest_end_ms(ledger, reservation, now_ms)
    if promise_ms > latest_ms:
        return Rejection(Reason.TTL_TOO_LONG, "", command.wait_ms, latest_ms - now_ms)
    wanted_ms = min(promise_ms + ledger.policy.collect_within_ms, latest_ms)
    until_ms = pickup_deadline_ms(ledger, reservation.slot_start_ms, wanted_ms)
    if until_ms <= expires_at_ms:
        return (_shorted(ledger, command, now_ms, promise_ms),)
    return (Extended("", "", command.number, until_ms), _shorted(ledger, command, now_ms, promise_ms))

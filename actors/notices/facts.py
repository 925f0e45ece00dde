"""What the events of a shop's ledger say to its customers. The journal's encoding stays private to who writes it."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from actors.core.status import LIVE, ReleaseReason, ShortChoice, Status
from actors.notices.commands import Fact
from actors.notices.occasion import Occasion
from actors.notices.state import Detail
from actors.shop import events as ev
from actors.shop.commands import Lines
from actors.shop.picking.events import PickShorted
from actors.shop.returns.events import Returned
from actors.shop.shortfalls.events import MoveRefused, Requeued, ShortfallResolved
from actors.shop.shortfalls.shortfall import Resolution, ShortfallCause, ShortfallTask
from actors.shop.state import Reservation

MOVED: Final = "MOVED"  # why a customer is told of what is missing: another shop has it for him
LINES_MAX: Final = 20  # of a reservation, that a customer is told


class Change(NamedTuple):
    """What an event says of a reservation, and the reservation as the event has it, None where it has it not."""

    occasion: Occasion | None
    number: int
    reservation: Reservation | None
    is_over: bool = False
    is_told_always: bool = True
    lines: Lines = ()
    expires_at_ms: int = 0
    reason: str = ""
    payment_reference: str = ""
    ready_at_ms: int = 0


def change_in(event: Any) -> Change | None:
    """What an event of a shop's ledger says to a customer, None for nothing."""
    match event:
        case ev.Confirmed():
            of = Occasion.CONFIRMED, event.number, event.answer
            return Change(*of, expires_at_ms=event.expires_at_ms, ready_at_ms=event.ready_ms)
        case ev.ReadyMarked():
            return Change(Occasion.READY, event.number, event.answer)
        case ev.Collected():
            return _collected(event)
        case Returned():
            return Change(
                Occasion.REFUND,
                event.number,
                event.before,
                lines=event.lines,
                payment_reference=event.refund_reference,
            )
        case ev.Released():
            return _released(event)
        case ev.Expired():
            was = event.before
            occasion = Occasion.NO_SHOW if was is None or was.status is not Status.HELD else None
            return Change(occasion, event.number, was, is_over=True, is_told_always=False, lines=event.lines)
        case ev.Extended():
            return Change(None, event.number, event.answer, expires_at_ms=event.expires_at_ms)
        case ev.Amended():
            return Change(
                Occasion.ESTIMATED if event.slot_start_ms else None,
                event.number,
                event.answer,
                is_told_always=False,
                lines=event.lines,
                expires_at_ms=event.expires_at_ms,
            )
        case ev.Served():
            served = Occasion.TURN if event.status is Status.HELD else Occasion.CONFIRMED, event.number, None
            return Change(*served, lines=event.lines, expires_at_ms=event.expires_at_ms, ready_at_ms=event.ready_ms)
        case Requeued():
            return Change(Occasion.SHORTFALL, event.number, None, is_over=True, lines=event.lines)
        case ev.OutcomeApplied():
            return _applied(event)
        case ShortfallResolved(answer=ShortfallTask(cause=ShortfallCause.NOT_FOUND) as task) if task.moved_to:
            return _elsewhere(task, MOVED)
        case ShortfallResolved(answer=ShortfallTask(cause=ShortfallCause.NOT_FOUND) as task) if (
            event.resolution is Resolution.RELEASED
        ):  # nobody waits for other shops any more
            return _elsewhere(task, ReleaseReason.NOT_FOUND_ON_SHELF.name)
        case MoveRefused() if event.over is not None:
            return _elsewhere(event.over, ReleaseReason.NOT_FOUND_ON_SHELF.name)
        case PickShorted() if event.choice is ShortChoice.ELSEWHERE and not event.near:
            lines, reason = ((event.sku, event.quantity),), ReleaseReason.NOT_FOUND_ON_SHELF.name
            return Change(Occasion.SHORTFALL, event.number, None, lines=lines, reason=reason)
        case PickShorted() if event.promise_ms:  # it is tried again, and ready later than was said
            of = Occasion.ESTIMATED, event.number, None
            return Change(*of, is_told_always=False, ready_at_ms=event.promise_ms)
        case _:
            return None


def _collected(event: ev.Collected) -> Change:
    of = Occasion.RECEIPT, event.number, event.answer
    is_over = event.answer is not None and event.answer.status not in LIVE
    return Change(*of, is_over=is_over, lines=event.lines, payment_reference=event.payment_reference)


def _released(event: ev.Released) -> Change:
    known = event.answer or event.before
    is_over = event.before is not None or (known is not None and known.status not in LIVE)
    is_told_later = event.cause is ShortfallCause.NOT_FOUND
    occasion = _end_by(event.reason) if is_over and not is_told_later else None
    is_short = event.reason is ReleaseReason.SHORTFALL
    return Change(
        Occasion.SHORTFALL if is_short else occasion,
        event.number,
        known,
        is_over=is_over,
        is_told_always=is_short,
        lines=event.lines,
        reason=event.reason.name,
    )


def _end_by(reason: ReleaseReason) -> Occasion | None:
    """What is told of what was released as a whole: nothing where something else took its place, which is told."""
    return {ReleaseReason.REPLACED: None, ReleaseReason.NO_SHOW: Occasion.NO_SHOW}.get(reason, Occasion.RELEASED)


def _elsewhere(task: ShortfallTask, reason: str) -> Change:
    """What became of units that a picker did not find."""
    return Change(Occasion.SHORTFALL, task.reservation, None, lines=task.lost(), reason=reason)


def _applied(event: ev.OutcomeApplied) -> Change | None:
    """A part of an order went on as its order did."""
    going_on: dict[Status, Occasion | None] = {Status.CONFIRMED: Occasion.CONFIRMED, Status.READY: None}
    is_over = event.status in (Status.RELEASED, Status.EXPIRED)
    if not event.number or not (is_over or event.status in going_on):
        return None
    if not is_over:
        of_part = going_on[event.status], event.number, None
        return Change(*of_part, expires_at_ms=event.expires_at_ms, ready_at_ms=event.ready_ms)
    occasion = _end_by(event.reason) if event.status is Status.RELEASED else Occasion.NO_SHOW
    of = occasion, event.number, event.before
    return Change(*of, is_over=True, is_told_always=False, lines=event.lines, reason=event.reason.name)


def fact_of(change: Change, version: int, at_ms: int, known: Mapping[int, Reservation]) -> Fact | None:
    """The fact of what was said by the event of a version. `known` has reservations that events have not; None for one
    that nobody knows any more.
    """
    reservation = change.reservation or known.get(change.number)
    if reservation is None:
        return None
    held = _units_of(reservation.held_lines())
    lines = _units_of(change.lines) or held or _units_of(reservation.lines)
    comes_ms = 0 if reservation.awaits is None else reservation.awaits.expected_at_ms
    ready_ms = change.ready_at_ms if change.ready_at_ms > at_ms else 0  # at once: then there is nothing to expect
    detail = Detail(
        change.expires_at_ms or reservation.expires_at_ms,
        max(ready_ms, comes_ms) if ready_ms else reservation.slot_start_ms or comes_ms,
        lines,
        change.reason,
        change.payment_reference,
        at_ms,
    )
    order_id = "" if reservation.part is None else reservation.part.order
    of = version, at_ms, change.number, reservation.customer_id, order_id, change.occasion, detail
    slot_start_ms = 0 if change.ready_at_ms else reservation.slot_start_ms
    return Fact(*of, change.is_over, change.is_told_always, slot_start_ms, () if held == lines else held)


def _units_of(lines: Lines) -> Lines:
    """Those of which there are any, as many as a customer is told."""
    return tuple((sku, units) for sku, units in lines if units)[:LINES_MAX]

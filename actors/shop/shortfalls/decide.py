"""A shop's decisions about shortfalls: what becomes of those who lose units, and how their tasks are closed."""

from collections.abc import Mapping
from typing import Final

from actors.core.answers import fingerprint
from actors.core.rejection import Reason, Rejection
from actors.core.status import ReleaseReason, Status
from actors.core.transact import Decision
from actors.shop.commands import AdjustmentKind, Movement, Reserve
from actors.shop.events import Event, Left, Queued, Released
from actors.shop.lines.decide import may_wait, no_place, waits_until_ms
from actors.shop.lines.estimates import rate_of
from actors.shop.lines.line import Line
from actors.shop.preconditions import NONE, is_to_come
from actors.shop.shortfalls.events import MoveBegun, MoveRefused, Requeued, ShortfallDeclared, ShortfallResolved
from actors.shop.shortfalls.shortfall import (
    NoteMoveRefused,
    Resolution,
    ResolveShortfall,
    Shortfall,
    ShortfallCause,
    ShortfallTask,
    key_elsewhere,
    key_of_move,
)
from actors.shop.state import Ledger, Reservation

_GIVES_PLACE: Final = Resolution.WAITING
_GOES_ON: Final = frozenset({ReleaseReason.NOT_FOUND_ON_SHELF, ReleaseReason.REPLACED})


def causes_of(movements: list[Movement]) -> dict[str, ShortfallCause]:
    """What takes units of each SKU, by the last row that does."""
    of_sales = AdjustmentKind.SALE
    return {
        row.sku: ShortfallCause.SALE if row.kind is of_sales else ShortfallCause.CORRECTION
        for row in movements
        if row.delta < 0
    }


def losses(
    ledger: Ledger, shortfalls: tuple[Shortfall, ...], now_ms: int, moved: Mapping[int, Reservation] = NONE
) -> list[Event]:
    """A ShortfallDeclared for each shortfall, then what becomes of each losing reservation, over all of its SKUs: who
    loses all units of one SKU waits first in line where the policy says so, and nothing forbids it. `moved` come by
    the same decision, by number.
    """
    lost: dict[int, dict[str, int]] = {}
    cause: dict[int, ShortfallCause | None] = {}
    for shortfall in shortfalls:
        for number, units in shortfall.losses:
            lost.setdefault(number, {})[shortfall.sku] = units
            cause.setdefault(number, shortfall.cause)
    events: list[Event] = [ShortfallDeclared(shortfall) for shortfall in shortfalls]
    joined: dict[str, list[str]] = {}  # the customers who come in line by this decision
    for number, units_lost in lost.items():
        before = moved.get(number) or ledger.reservations[number]
        lines = before.taken_by_line(units_lost)
        is_over = lines == before.held_lines()
        why = cause[number] or ShortfallCause.CORRECTION
        refused: Reason | None = None
        if ledger.policy.losers_wait:
            ahead = joined.setdefault(lines[0][0], [])
            refused = _kept_out(ledger, before, ahead, now_ms) if is_over else Reason.LINE_NOT_OFFERED
            if refused is None:
                ahead.append(before.customer_id)
                until_ms = waits_until_ms(now_ms + ledger.policy.line_wait_ms_max, before.slot_start_ms)
                events.append(Requeued(number, lines, until_ms, why))
                continue
        over = before if is_over else None
        reason = ReleaseReason.SHORTFALL
        events.append(Released("", "", number, lines, reason, before=over, cause=why, no_place=refused))
    return events


def _kept_out(ledger: Ledger, before: Reservation, joined: list[str], now_ms: int) -> Reason | None:
    """Why a reservation cannot wait for what it held; None where it can. Of it nothing else may be taken up, as in a
    line there are only plain ones.
    """
    is_bound = before.part is not None or before.done or (before.grant and not ledger.whole_lines) or before.till
    if is_bound or before.number in ledger.allotments.drawn or before.number in ledger.outbox:
        return Reason.LINE_NOT_OFFERED
    if not ledger.policy.line_wait_ms_max or not may_wait(ledger, before.channel, before):
        return Reason.LINE_NOT_OFFERED
    if not is_to_come(ledger, before.slot_start_ms, now_ms):
        return Reason.SLOT_NOT_OFFERED
    refusal = no_place(ledger, before.lines[0][0], before.customer_id, joined)
    return None if refusal is None else refusal.reason


def decide_resolve_shortfall(ledger: Ledger, command: ResolveShortfall, now_ms: int) -> Decision:
    """Close a task. Whoever is moved or told leaves the line; whoever is to wait gets a place, unless he has one. Where
    nothing was made in the other shop yet, the move is begun, and the task stays open. One that moves by itself is
    moved by nobody else, but may be given up.
    """
    task = ledger.tasks.rows.get(command.number)
    if task is None:
        return Rejection(Reason.SHORTFALL_NOT_FOUND)
    if task.resolution is not None:
        return Rejection(Reason.SHORTFALL_RESOLVED)
    is_end = bool(task.near) and _ends_move(ledger, task, command)
    if task.near and command.resolution is Resolution.MOVED and not is_end:
        return Rejection(Reason.ORDER_UNDECIDED, number=task.reservation)
    if task.order and command.resolution is not Resolution.RELEASED and not is_end:
        return Rejection(Reason.PART_OF_ORDER, number=task.reservation)
    if command.resolution is Resolution.MOVED and not command.moved_to:
        return (MoveBegun(command.key, fingerprint(command), command.number, command.to_store),)
    status = status_of(ledger, task.place)
    resolved = command.key, fingerprint(command), command.number, command.resolution, command.moved_to
    if status is Status.QUEUED:
        if command.resolution is _GIVES_PLACE:
            return (ShortfallResolved(*resolved),)
        waiting, reason = ledger.reservations[task.place], ReleaseReason.SHORTFALL
        left = Left("", "", task.place, Status.RELEASED, reason, before=waiting)
        return (ShortfallResolved(*resolved), left)
    if command.resolution is not _GIVES_PLACE:
        return (ShortfallResolved(*resolved),)
    queued = _place_for(ledger, task, now_ms)
    if isinstance(queued, Rejection):
        return queued
    return (ShortfallResolved(*resolved, place=ledger.version + 2), queued)  # its number is its event's version


def moves_given_up(ledger: Ledger, number: int, reason: ReleaseReason) -> tuple[ShortfallResolved, ...]:
    """What a picker missed of a reservation that somebody ends is had nowhere else any more, as nobody would come for
    it; unless its shop found nothing of the rest either, or its order goes on without it.
    """
    if reason in _GOES_ON:
        return ()
    tasks = (ledger.tasks.rows[each] for each in ledger.tasks.moving)
    mine = (task for task in tasks if task.is_moving and task.reservation == number)
    return tuple(ShortfallResolved("", "", task.number, Resolution.RELEASED, "") for task in mine)


def _ends_move(ledger: Ledger, task: ShortfallTask, command: ResolveShortfall) -> bool:
    """Whether it says that the shop whose turn it is has the units."""
    key = key_of_move(key_elsewhere(ledger.ledger_id, task.number))
    said = command.key, command.resolution, command.to_store
    return said == (key, Resolution.MOVED, task.near[0]) and bool(command.moved_to)


def decide_move_refused(ledger: Ledger, command: NoteMoveRefused) -> Decision:
    """The next shop is asked, unless that is so already; or it has let go."""
    task = ledger.tasks.rows.get(command.number)
    if task is None or not task.near or task.near[0] != command.to_store:
        return ()
    is_last = task.resolution is None and len(task.near) == 1
    return (MoveRefused(command.number, command.to_store, task if is_last else None),)


def status_of(ledger: Ledger, number: int) -> Status | None:
    """How a reservation stands, None where there is none, or it was forgotten."""
    reservation = ledger.reservations.get(number)
    if reservation is not None:
        return reservation.status
    over = ledger.finished.ended_as(number)
    return None if over is None else over[0]


def _place_for(ledger: Ledger, task: ShortfallTask, now_ms: int) -> Queued | Rejection:
    """A place first in line for what a task's customer has lost."""
    wait_ms = ledger.policy.line_wait_ms_max
    asked = Reserve("", task.customer_id, task.channel, "", task.lost(), 0, wait_ms=wait_ms)
    sku, units = asked.lines[0]
    if not wait_ms or not may_wait(ledger, task.channel, asked):
        available = max(0, ledger.positions[sku].available)
        return Rejection(Reason.LINE_NOT_OFFERED, sku, asked=units, available=available)
    refusal = no_place(ledger, sku, task.customer_id)
    if refusal is not None:
        return refusal
    line = ledger.lines.get(sku) or Line()
    expected = rate_of(ledger, sku, now_ms).expected_at_ms(units)
    return Queued(asked, now_ms + wait_ms, line.losers + 1, expected, lost_as=task.was)

"""A shop's decisions about pick tasks: one person or device has one at a time, by a lease of ledger time, which
`picking.evolve` renews at each scan.
"""

from typing import Final, assert_never

from actors.core.answers import fingerprint
from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE, PickStatus, Status
from actors.core.transact import Decision
from actors.shop.commands import Lines, by_sku
from actors.shop.events import ReadyMarked
from actors.shop.picking.events import ArrivalNoted, PickClaimed, PickFinished, PickPutBack, PickReleased, PickScanned
from actors.shop.picking.pick_task import (
    LEASE_MS_DEFAULT,
    ClaimPick,
    FinishPick,
    NoteArrival,
    PickStep,
    PickTask,
    PutBack,
    ReleasePick,
    ScanPick,
)
from actors.shop.preconditions import not_here_yet
from actors.shop.state import Ledger

_MARKABLE: Final = frozenset({PickStatus.PICKING, PickStatus.PICKED, PickStatus.READY})


def decide_pick(ledger: Ledger, command: PickStep, now_ms: int) -> Decision:
    """Accept or refuse a step of a task; a short pick is in `picking.decide_short`."""
    if isinstance(command, ClaimPick) and not command.number:
        first = ledger.picks.first_free(now_ms, lambda number: isinstance(in_work(ledger, number, now_ms), Rejection))
        if first is None:
            return Rejection(Reason.PICK_QUEUE_EMPTY)
        return _claimed(command, first)
    task = in_work(ledger, command.number, now_ms)
    if isinstance(task, Rejection):
        return task
    match command:
        case ClaimPick():
            return _decide_claim(command, task, now_ms)
        case ReleasePick():
            refusal = not_his(task, command.picker_id, now_ms)
            return refusal or (PickReleased(command.key, fingerprint(command), task.number, command.picker_id),)
        case ScanPick():
            return not_his(task, command.picker_id, now_ms) or _decide_scan(command, task, now_ms)
        case FinishPick():
            return _decide_finish(ledger, command, task, now_ms)
        case PutBack():
            return _decide_put_back(command, task)
        case NoteArrival():
            if task.status is PickStatus.TO_PUT_BACK or (task.arrived_ms and command.arrives_in_ms):
                return _not_allowed(task)  # nor is who is there on his way: a late copy says so
            expected_at_ms = now_ms + command.arrives_in_ms if command.arrives_in_ms else 0
            said = command.key, fingerprint(command), task.number, command.waits_at
            return (ArrivalNoted(*said, expected_at_ms=expected_at_ms),)
        case _:
            assert_never(command)


def _decide_put_back(command: PutBack, task: PickTask) -> Decision:
    """What came to be put back after somebody had gone with the rest is not on the shelf by his word."""
    back = dict(task.back)
    for sku, units in by_sku(command.lines):
        if units > back.get(sku, 0):
            of, there = (task.number, None), back.get(sku, 0)
            return Rejection(Reason.PICK_STEP_NOT_ALLOWED, sku, units, there, *of, pick_status=task.status)
    if not task.back:
        return _not_allowed(task)
    lines = by_sku(command.lines) or task.back
    done = command.key, fingerprint(command), task.number, command.picker_id, lines
    return (PickPutBack(*done, are_available=any_apart(task, lines)),)


def any_apart(task: PickTask, lines: Lines) -> bool:
    """Whether some of these units are available from now on, or go to quotas, and were not before."""
    return any(sku == other for sku, _ in task.apart for other, _ in lines)


def overdue(task: PickTask) -> PickPutBack:
    """Goods are taken for put back, as nobody has said so for too long."""
    return PickPutBack("", "", task.number, "", task.back, are_available=any_apart(task, task.back))


def in_work(ledger: Ledger, number: int, now_ms: int) -> PickTask | Rejection:
    """The task, or why there is none, or none any more: its reservation's time may be over before it is expired."""
    task = ledger.picks.rows.get(number)
    if task is None:
        over, awaiting = ledger.finished.ended_as(number), ledger.reservations.get(number)
        refusal = not_here_yet(awaiting) if awaiting is not None and awaiting.status in LIVE else None
        of = None if over is None else over[0]
        return refusal or Rejection(Reason.PICK_TASK_NOT_FOUND, number=number, status=of)
    reservation = ledger.reservations.get(number)
    if reservation is None or task.status is PickStatus.TO_PUT_BACK or reservation.part is not None:
        return task
    if reservation.expires_at_ms <= now_ms:
        return Rejection(Reason.RESERVATION_EXPIRED, number=number, status=Status.EXPIRED)
    return task


def _not_allowed(task: PickTask) -> Rejection:
    return Rejection(Reason.PICK_STEP_NOT_ALLOWED, number=task.number, pick_status=task.status)


def not_his(task: PickTask, picker_id: str, now_ms: int) -> Rejection | None:
    """Why this picker may take no step of a task that has to be his, None where he may."""
    if task.status not in (PickStatus.TO_PICK, PickStatus.PICKING):
        return _not_allowed(task)
    if task.picker_id == picker_id and task.is_claimed(now_ms):
        return None
    holder = task.picker_id if task.is_claimed(now_ms) else ""
    return Rejection(Reason.PICK_CLAIM_LOST, number=task.number, picker_id=holder, pick_status=task.status)


def _decide_claim(command: ClaimPick, task: PickTask, now_ms: int) -> Decision:
    if task.status not in (PickStatus.TO_PICK, PickStatus.PICKING):
        return _not_allowed(task)
    if task.is_claimed(now_ms) and task.picker_id != command.picker_id:
        holder, status = task.picker_id, task.status
        return Rejection(Reason.PICK_TASK_CLAIMED, number=task.number, picker_id=holder, pick_status=status)
    return _claimed(command, task)


def _claimed(command: ClaimPick, task: PickTask) -> Decision:
    lease_ms = command.lease_ms or LEASE_MS_DEFAULT
    return (PickClaimed(command.key, fingerprint(command), task.number, command.picker_id, lease_ms),)


def _decide_scan(command: ScanPick, task: PickTask, now_ms: int) -> Decision:
    sku = command.sku or command.article
    ordered, picked = dict(by_sku(task.lines)).get(sku, 0), dict(task.picked).get(sku, 0)
    asked, number, status = command.quantity, task.number, task.status
    if not ordered:
        return Rejection(Reason.ARTICLE_NOT_ORDERED, sku, asked, 0, number, pick_status=status)
    left = ordered - picked if asked > 0 else picked
    if asked > ordered - picked or picked + asked < 0:
        return Rejection(Reason.PICKED_ALREADY, sku, asked, left, number, pick_status=status)
    what, until_ms = (task.number, command.picker_id, sku, asked, command.code), longer(task, now_ms)
    return (PickScanned(command.key, fingerprint(command), *what, lease_until_ms=until_ms),)


def _decide_finish(ledger: Ledger, command: FinishPick, task: PickTask, now_ms: int) -> Decision:
    if task.status not in _MARKABLE:
        return not_his(task, command.picker_id, now_ms) or _not_allowed(task)
    if task.status is PickStatus.PICKING:
        refusal = not_his(task, command.picker_id, now_ms) or _incomplete(task)
        if refusal is not None:
            return refusal
    finished = PickFinished(command.key, fingerprint(command), task.number, command.picker_id, command.bay)
    if not command.is_ready or task.status is PickStatus.READY:
        return (finished,)
    if ledger.reservations[task.number].expires_at_ms <= now_ms:  # a part whose lease is over
        return Rejection(Reason.ORDER_UNDECIDED, number=task.number, status=Status.CONFIRMED)
    return (ReadyMarked("", "", task.number), finished)


def _incomplete(task: PickTask) -> Rejection | None:
    """Why a task is not picked yet, by the first SKU of which units are missing."""
    picked = dict(task.picked)
    for sku, units in by_sku(task.lines):
        if picked.get(sku, 0) < units:
            found = picked.get(sku, 0)
            return Rejection(
                Reason.PICK_INCOMPLETE, sku, units, found, number=task.number, pick_status=PickStatus.PICKING
            )
    return None


def longer(task: PickTask, now_ms: int) -> int:
    """The end of a lease after a step of its picker."""
    return max(task.lease_until_ms, now_ms + task.lease_ms)


def without(lines: Lines, taken: Lines) -> Lines:
    """Units by SKU less those taken, as far as they go; none of what is gone."""
    less = dict(by_sku(taken))
    rest = ((sku, units - less.get(sku, 0)) for sku, units in lines)
    return tuple((sku, units) for sku, units in rest if units > 0)

"""How shortfalls change a shop's ledger beside its units: places at the front of lines, and tasks; see `evolve`."""

from typing import assert_never

from msgspec.structs import replace

from actors.core.answers import Recorded
from actors.core.status import Status
from actors.shop.commands import by_sku
from actors.shop.customers import forget
from actors.shop.events import Released
from actors.shop.expiry import move_deadline
from actors.shop.lines.evolve import enter_line
from actors.shop.lines.line import InLine
from actors.shop.promised import unpromise
from actors.shop.shortfalls.events import (
    MoveBegun,
    MoveRefused,
    Requeued,
    ShortfallDeclared,
    ShortfallEvent,
    ShortfallResolved,
)
from actors.shop.shortfalls.shortfall import Resolution, ShortfallTask
from actors.shop.state import Ledger, Remembered, Reservation


def evolve_shortfall(ledger: Ledger, event: ShortfallEvent, at_ms: int) -> Remembered | None:
    """Apply one event, as `evolve` does; the ledger has its version and time already."""
    match event:
        case Requeued():
            _evolve_requeued(ledger, event, at_ms)
        case MoveBegun():
            begun = Recorded(event.fingerprint, ledger.version, ledger.tasks.rows[event.number])
            return ledger.made(event.key, begun, ledger.version - event.number)
        case MoveRefused():
            task = ledger.tasks.rows[event.number]
            _enter(ledger, task, task.near[1:], at_ms)
        case ShortfallResolved():
            return _evolve_resolved(ledger, event, at_ms)
        case ShortfallDeclared():
            pass  # the events that follow change the state
        case _:
            assert_never(event)
    return None


def note_loss(ledger: Ledger, event: Released | Requeued, before: Reservation, at_ms: int) -> None:
    """Open a task for what a reservation loses, which is as it was `before`. None for what was lost before there were
    tasks.
    """
    if event.cause is None:
        return
    held, lost = dict(by_sku(before.held_lines())), by_sku(event.lines)
    task = ShortfallTask(
        ledger.version,
        before.number,
        before.customer_id,
        before.channel,
        tuple((sku, held[sku], units) for sku, units in lost if units),
        before.status,
        event.cause,
        at_ms,
        ledger.version,
        order="" if before.part is None else before.part.order,
        place=before.number if isinstance(event, Requeued) else 0,
        no_place=event.no_place if isinstance(event, Released) else None,
    )
    ledger.tasks.put(task)


def begin_move(ledger: Ledger, near: tuple[str, ...], at_ms: int) -> None:
    """Have the task that the event before has opened move to one of these shops."""
    _enter(ledger, ledger.tasks.rows[ledger.version - 1], near, at_ms)


def _enter(ledger: Ledger, task: ShortfallTask, near: tuple[str, ...], at_ms: int) -> None:
    """The task with the shops that it has still to ask. Where there are none, its customer goes without, unless it was
    closed before.
    """
    changed = replace(task, near=near, version=ledger.version)
    if not near and task.resolution is None:
        changed = replace(changed, resolution=Resolution.RELEASED, resolved_at_ms=at_ms)
    ledger.tasks.put(changed)


def _evolve_requeued(ledger: Ledger, event: Requeued, at_ms: int) -> None:
    """Take the units, and give the place."""
    before = ledger.reservations[event.number]
    for sku, units in event.lines:
        ledger.positions[sku].move_reserved(at_ms, -units)
    unpromise(ledger, before)
    ledger.open_reservations -= 1
    forget(ledger, before)
    if before.slot_start_ms:
        ledger.leave_place(before.slot_start_ms, None)
    waiting = before.changed(
        status=Status.QUEUED,
        version=ledger.version,
        expires_at_ms=event.expires_at_ms,
        in_line=InLine(event.expires_at_ms - at_ms, lost_as=before.status),
    )
    ledger.reservations[event.number] = waiting
    if before.grant:  # by which nothing is held from now on
        ledger.outbox[event.number] = None
    enter_line(ledger, waiting)
    move_deadline(ledger, ledger.deadlines, event.number, event.expires_at_ms)
    note_loss(ledger, event, before, at_ms)


def _evolve_resolved(ledger: Ledger, event: ShortfallResolved, at_ms: int) -> Remembered | None:
    """Close the task. Whoever gives a move up leaves it to gateways that the shop whose turn it is lets go."""
    task = ledger.tasks.rows[event.number]
    near = () if event.resolution is Resolution.MOVED else task.near[:1]
    closed = replace(
        task,
        version=ledger.version,
        place=event.place or task.place,
        resolution=event.resolution,
        resolved_at_ms=at_ms,
        moved_to=event.moved_to,
        near=near,
    )
    ledger.tasks.put(closed)
    if not event.key:  # it goes with the end of its reservation
        return None
    return ledger.made(event.key, Recorded(event.fingerprint, ledger.version, closed), ledger.version - event.number)

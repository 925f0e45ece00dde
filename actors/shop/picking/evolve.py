"""How events change a shop's pick tasks: those of the tasks themselves, and those of the reservations they follow."""

from typing import assert_never

from msgspec.structs import replace

from actors.core.answers import Recorded
from actors.core.policy import Policy
from actors.core.status import PickStatus, ShortChoice, Status
from actors.core.transact import PolicyAdopted
from actors.shop.allotments.allotment import Drawn
from actors.shop.allotments.evolve import return_to_quota
from actors.shop.commands import Lines, by_sku
from actors.shop.events import Amended, Collected, Event
from actors.shop.picking.decide import longer, without
from actors.shop.picking.events import (
    ArrivalNoted,
    PickClaimed,
    PickEvent,
    PickFinished,
    PickPutBack,
    PickReleased,
    PickScanned,
    PickShorted,
)
from actors.shop.picking.missed import with_missed
from actors.shop.picking.pick_task import PickTask
from actors.shop.returns.events import Returned
from actors.shop.shortfalls.evolve import begin_move
from actors.shop.state import Ledger, Remembered, Reservation
from actors.shop.transfers.events import TransferReceived

_PICKED_FOR = frozenset({Status.CONFIRMED, Status.READY})
_OPEN = frozenset({PickStatus.TO_PICK, PickStatus.PICKING})


def evolve_pick(ledger: Ledger, event: PickEvent, at_ms: int) -> Remembered | None:
    """Apply one event, as `evolve` does; the ledger has its version and time already."""
    if isinstance(event, PickShorted):
        return _evolve_shorted(ledger, event, at_ms)
    task = replace(ledger.picks.rows[event.number], version=ledger.version)
    match event:
        case PickClaimed():
            until_ms, of = at_ms + event.lease_ms, {"picker_id": event.picker_id, "lease_ms": event.lease_ms}
            task = replace(task, status=PickStatus.PICKING, **of, lease_until_ms=until_ms, not_before_ms=0)
        case PickReleased():
            task = _unclaimed(task, PickStatus.TO_PICK)
        case PickScanned():
            units = dict(task.picked)
            units[event.sku] = units.get(event.sku, 0) + event.quantity
            picked = tuple((sku, count) for sku, count in units.items() if count)
            task = replace(task, picked=picked, lease_until_ms=event.lease_until_ms or longer(task, at_ms))
        case PickFinished():
            task = _unclaimed(task, PickStatus.PICKED) if task.status in _OPEN else task
            task = replace(task, bay=event.bay or task.bay)
        case PickPutBack():
            task = _put_back(ledger, task, event.lines, at_ms)
            _note_moved(ledger, event.lines)
        case ArrivalNoted() if event.expected_at_ms:
            task = replace(task, expected_at_ms=event.expected_at_ms, waits_at=event.waits_at)
        case ArrivalNoted():
            task = replace(task, arrived_ms=task.arrived_ms or at_ms, waits_at=event.waits_at, not_before_ms=0)
        case _:
            assert_never(event)
    if task.status is PickStatus.TO_PUT_BACK and not task.back:
        _drop(ledger, task.number)
        task = replace(task, status=PickStatus.PUT_BACK)
    else:
        enter_task(ledger, task)
    if not event.key:  # nobody has said so
        return None
    answer = Recorded(event.fingerprint, ledger.version, task)
    return ledger.made(event.key, answer, ledger.version - event.number)


def _put_back(ledger: Ledger, task: PickTask, lines: Lines, at_ms: int) -> PickTask:
    """The task without these units. Of those that were nobody's, what was drawn from quotas goes to them now, as far as
    they are open, and as it is there: a count may have found fewer since.
    """
    back, apart, quotas = without(task.back, lines), without(task.apart, lines), list[tuple[int, str, int]]()
    left, there = dict(apart), {sku: units - dict(apart).get(sku, 0) for sku, units in task.apart}
    for quota, sku, units in task.quotas:
        now = min(units, there[sku])
        there[sku] -= now
        allotment = ledger.allotments.rows.get(quota)
        if now and allotment is not None and allotment.is_live:
            position = ledger.positions[sku]
            found = position.on_hand - position.reserved - position.allotted
            if found > 0:
                return_to_quota(ledger, quota, sku, min(now, found), at_ms)
        if units > now and left:
            quotas.append((quota, sku, units - now))
    return replace(task, back=back, apart=apart, quotas=tuple(quotas))


def _evolve_shorted(ledger: Ledger, event: PickShorted, at_ms: int) -> Remembered:
    """Write off what is not there. The event before has changed the reservation, and its task with it."""
    if event.written_off:
        position = ledger.positions[event.sku]
        position.adjusted -= event.written_off
        position.move_on_hand(at_ms, -event.written_off)
        if event.lease_until_ms:  # of those written before, nothing is explained later
            position.missed = with_missed(position.missed, at_ms, event.written_off)
    if event.choice is ShortChoice.ELSEWHERE:
        begin_move(ledger, event.near, at_ms)
    task = ledger.picks.rows.get(event.number)
    if task is None:
        task = PickTask(event.number, PickStatus.WITHDRAWN, 0, (), 0, ledger.version)
    else:
        task = replace(task, version=ledger.version)
        if event.promise_ms:
            task, until_ms = _unclaimed(task, PickStatus.TO_PICK), event.promise_ms
            task = replace(task, promise_ms=until_ms, not_before_ms=until_ms, put_off=task.put_off + 1)
            task = replace(task, arrived_ms=0, expected_at_ms=0, waits_at="")  # he is told when to come
        elif task.status is PickStatus.PICKING:
            task = replace(task, lease_until_ms=event.lease_until_ms or longer(task, at_ms))
        enter_task(ledger, task)
    answer = Recorded(event.fingerprint, ledger.version, task)
    return ledger.made(event.key, answer, ledger.version - event.number)


def follow(ledger: Ledger, event: Event, rules: Policy, at_ms: int) -> None:
    """Have the task of a reservation be as an event has left that; all of a shop, where it picks from now on, and did
    not by the rules before.
    """
    if isinstance(event, PolicyAdopted):
        if rules.put_back_first and not ledger.policy.put_back_first:  # what is apart is everybody's now
            for task in [each for each in ledger.picks.rows.values() if each.apart]:
                free = _put_back(ledger, task, task.apart, at_ms)
                enter_task(ledger, replace(free, back=task.back))
        for reservation in list(ledger.reservations.values()) if ledger.policy.picks and not rules.picks else ():
            if reservation.status in _PICKED_FOR and reservation.number not in ledger.picks.rows:
                _follow(ledger, reservation.number, at_ms, event.ready_ms)
        return
    if isinstance(event, TransferReceived):
        for number, _, _ in event.awaited:
            _follow(ledger, number, at_ms, event.ready_ms)
        return
    number = getattr(event, "number", 0)  # of whatever kind: each number is one version of the ledger, and so of one
    if not number or isinstance(event, PickEvent | Returned):
        return
    before = ledger.picks.rows.get(number)
    if before is not None and isinstance(event, Collected):
        enter_task(ledger, replace(before, picked=without(before.picked, event.lines)))
    if before is not None and isinstance(event, Amended) and event.slot_start_ms:
        enter_task(ledger, replace(before, promise_ms=event.slot_start_ms))
    _follow(ledger, number, at_ms, getattr(event, "ready_ms", 0))


def enter_task(ledger: Ledger, task: PickTask) -> None:
    """Enter a task, or what has become of one, with the units that it keeps from being available."""
    _set_apart(ledger, ledger.picks.rows.get(task.number), -1)
    ledger.picks.put(task)
    _set_apart(ledger, task, 1)


def _drop(ledger: Ledger, number: int) -> None:
    _set_apart(ledger, ledger.picks.rows[number], -1)
    ledger.picks.drop(number)


def _set_apart(ledger: Ledger, task: PickTask | None, sign: int) -> None:
    for sku, units in () if task is None else task.apart:
        ledger.positions[sku].apart += sign * units


def apart_of(ledger: Ledger, number: int, lines: Lines) -> dict[str, int]:
    """Of the units that a reservation gives back, by SKU those that have to be put back first. Before its task follows
    it.
    """
    task = ledger.picks.rows.get(number)
    if task is None or not task.picked or not ledger.policy.put_back_first:
        return {}
    fewer = dict(by_sku(lines))
    return dict(without(task.picked, tuple((sku, units - fewer.get(sku, 0)) for sku, units in by_sku(task.lines))))


def owe(ledger: Ledger, number: int, owed: Drawn) -> None:
    """Note what goes to quotas once it is put back."""
    if owed:
        task = ledger.picks.rows[number]
        quotas = {(quota, sku): units for quota, sku, units in task.quotas}
        for quota, sku, units in owed:
            quotas[quota, sku] = quotas.get((quota, sku), 0) + units
        ledger.picks.put(replace(task, quotas=tuple((*of, units) for of, units in quotas.items())))


def _follow(ledger: Ledger, number: int, at_ms: int, ready_ms: int) -> None:
    """Begin, change or end the task of this number, so that it is what its reservation asks for."""
    reservation, task = ledger.reservations.get(number), ledger.picks.rows.get(number)
    is_wanted = reservation is not None and reservation.status in _PICKED_FOR and reservation.awaits is None
    if task is None:
        if is_wanted and reservation is not None and ledger.policy.picks:
            enter_task(ledger, _begun(ledger, reservation, at_ms, ready_ms))
        return
    if reservation is None or not is_wanted:
        over = _to_be_put_back(ledger, task, task.picked)
        if over.back:
            over = replace(_unclaimed(over, PickStatus.TO_PUT_BACK), version=ledger.version)
            over = replace(over, arrived_ms=0, expected_at_ms=0, waits_at="")
            enter_task(ledger, replace(over, lines=(), picked=(), over_ms=task.over_ms or at_ms))
        else:
            _drop(ledger, number)
        return
    changed = _as_asked(ledger, task, reservation, max(at_ms, ready_ms))
    if changed != task:
        enter_task(ledger, replace(changed, version=ledger.version))


def _begun(ledger: Ledger, reservation: Reservation, at_ms: int, ready_ms: int) -> PickTask:
    promise_ms = reservation.slot_start_ms or max(at_ms, ready_ms)
    of, lines = reservation.number, reservation.held_lines()
    task = PickTask(of, PickStatus.TO_PICK, promise_ms, lines, at_ms, ledger.version)
    return task if reservation.status is Status.CONFIRMED else _ready(task)


def _as_asked(ledger: Ledger, task: PickTask, reservation: Reservation, ready_ms: int) -> PickTask:
    """The task of a reservation that goes on: what it holds no more is put back, and what it holds now is picked."""
    lines = reservation.held_lines()
    if task.status is PickStatus.TO_PUT_BACK:  # it had lost its units, and has others now
        promise_ms = reservation.slot_start_ms or ready_ms
        task = replace(task, status=PickStatus.TO_PICK, promise_ms=promise_ms, put_off=0, over_ms=0)
    if lines != task.lines:
        wanted = by_sku(lines)
        beyond = without(task.picked, wanted)
        picked = without(task.picked, beyond)
        task = replace(_to_be_put_back(ledger, task, beyond), lines=lines, picked=picked)
        if task.status is PickStatus.PICKED and without(wanted, picked):
            task = _unclaimed(task, PickStatus.TO_PICK)
    return _ready(task) if reservation.status is Status.READY else task


def _ready(task: PickTask) -> PickTask:
    """All of it is picked, and waits for its customer: whoever said so has seen it."""
    picked = tuple((sku, units) for sku, units in by_sku(task.lines) if units)
    return replace(_unclaimed(task, PickStatus.READY), picked=picked)


def _unclaimed(task: PickTask, status: PickStatus) -> PickTask:
    return replace(task, status=status, picker_id="", lease_until_ms=0, lease_ms=0, not_before_ms=0)


def _to_be_put_back(ledger: Ledger, task: PickTask, lines: Lines) -> PickTask:
    """The task with these units to be put back, and nobody's until then where that is the rule."""
    _note_moved(ledger, lines)
    apart = _added(task.apart, lines) if ledger.policy.put_back_first else task.apart
    return replace(task, back=_added(task.back, lines), apart=apart)


def _note_moved(ledger: Ledger, lines: Lines) -> None:
    """Units to be put back have come or gone: a count of before does not know how many there were."""
    for sku, _ in lines:
        ledger.positions[sku].back_moved_ms = ledger.time_ms


def _added(lines: Lines, more: Lines) -> Lines:
    return by_sku((*lines, *more))

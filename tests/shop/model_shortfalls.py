"""The naive model's shortfalls: who loses, who of these waits first in line, and what staff have to do about each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.core.policy import LosesFirst
from actors.core.status import ReleaseReason, Status
from actors.shop import commands as ask
from actors.shop.shortfalls.shortfall import Resolution, ResolveShortfall, ShortfallCause
from tests.shop.model_books import LIVE, Move, Outcome, Reservation, taken_by_line
from tests.shop.model_line import can_be_booked, leave, line, until_ms

if TYPE_CHECKING:
    from tests.shop.model import Model


class Task:
    """What one reservation has lost at once."""

    def __init__(
        self, number: int, loser: Reservation, lost: list[tuple[str, int, int]], cause: ShortfallCause
    ) -> None:
        self.number, self.loser, self.lost, self.cause = number, loser, lost, cause
        self.was = loser.status
        self.place: Reservation | None = None
        self.no_place = ""
        self.resolution: Resolution | None = None
        self.moved_to = ""

    def outcome(self) -> Outcome:
        place = self.place.number if self.place else 0
        of = (self.number, self.loser.number, tuple(self.lost), self.was.name, self.cause.name)
        return ("task", *of, place, self.no_place, self.resolution and self.resolution.name, self.moved_to)


def losing(model: Model, sku: str, units: int) -> list[tuple[Reservation, int]]:
    """Who loses so many: held before confirmed before ready, and the youngest first; or the youngest whatever it is.

    A claim loses as a hold does: its order may have answered already.
    """
    turns: tuple[list[Status], ...] = ([Status.CLAIMED, Status.HELD], [Status.CONFIRMED], [Status.READY])
    if model.policy.loses_first is LosesFirst.YOUNGEST:
        turns = (LIVE,)
    losses = []
    for statuses in turns:
        for loser in reversed(model.reservations):
            lost = min(units, loser.held(sku)) if loser.status in statuses else 0
            if lost:
                losses.append((loser, lost))
                units -= lost
    return losses


def shortfalls(model: Model, causes: dict[str, ShortfallCause], now_ms: int) -> Outcome:
    """One release, or a place in line, for each that loses."""
    found = []
    lost: dict[int, list[int]] = {}
    why: dict[int, ShortfallCause] = {}
    for sku, cause in causes.items():
        missing = model.held(sku) - max(0, model.on_hand(sku))
        if missing <= 0:
            continue
        losses = losing(model, sku, missing)
        for loser, units in losses:
            wanted = lost.setdefault(loser.number, [0 for _ in loser.lines])
            why.setdefault(loser.number, cause)
            for index, taken in enumerate(taken_by_line(loser, ((sku, units),))):
                wanted[index] += taken
        found.append((sku, missing, tuple((loser.number, units) for loser, units in losses), cause))
    model.events += len(found)
    for number, units_by_line in lost.items():
        (loser,) = (each for each in model.reservations if each.number == number)
        _lose(model, loser, units_by_line, why[number], now_ms)
    return tuple(found)


def _lose(model: Model, loser: Reservation, units: list[int], cause: ShortfallCause, now_ms: int) -> None:
    skus = list(dict.fromkeys(its.sku for its, gone in zip(loser.lines, units, strict=True) if gone))
    gone = {sku: sum(n for its, n in zip(loser.lines, units, strict=True) if its.sku == sku) for sku in skus}
    task = Task(model.events + 1, loser, [(sku, loser.held(sku), gone[sku]) for sku in skus], cause)
    model.tasks.append(task)
    if model.policy.losers_wait:
        task.no_place = _kept_out(model, loser, units, now_ms)
    if not model.policy.losers_wait or task.no_place:
        model._give_back(loser, units, Status.RELEASED, now_ms, ReleaseReason.SHORTFALL)
        loser.happened(model.events)
        return
    task.place = loser
    model.events += 1
    model.promised.append(Move(loser.lines[0].sku, now_ms, -units[0]))
    loser.lost_as, loser.status, loser.version, loser.chances = loser.status, Status.QUEUED, model.events, 0
    loser.wait_ms = model.policy.line_wait_ms_max
    loser.deadline_ms = until_ms(loser.slot_start_ms, now_ms + loser.wait_ms)


def _kept_out(model: Model, loser: Reservation, units: list[int], now_ms: int) -> str:
    if len(loser.lines) > 1 or loser.holder or loser.touched() or units[0] < loser.lines[0].quantity:
        return "LINE_NOT_OFFERED"
    if not can_be_booked(model, loser.slot_start_ms, now_ms):
        return "SLOT_NOT_OFFERED"
    return _no_place(model, loser.lines[0].sku, loser.customer_id)


def _no_place(model: Model, sku: str, customer_id: str) -> str:
    waiting = line(model, sku)
    if any(each.customer_id == customer_id for each in waiting):
        return "IN_LINE_ALREADY"
    return "LINE_FULL" if len(waiting) >= model.policy.line_places_max else ""


def resolve(model: Model, said: ResolveShortfall, now_ms: int) -> Outcome:
    """Close a task; who is moved or told waits no more, and who is to wait has one place."""
    found = [task for task in model.tasks if task.number == said.number]
    if not found:
        return ("no", "SHORTFALL_NOT_FOUND")
    (task,) = found
    if task.resolution:
        return ("no", "SHORTFALL_RESOLVED")
    goes_on = said.resolution is not Resolution.RELEASED
    if goes_on and task.loser.holder:
        return ("no", "PART_OF_ORDER")
    if said.resolution is Resolution.MOVED and not said.moved_to:
        model.events += 1
        return task.outcome()
    place = task.place
    waits = place is not None and place.status is Status.QUEUED
    is_new = said.resolution is Resolution.WAITING and not waits
    (sku, _, units), *more = task.lost
    no = ""
    if is_new:
        no = "LINE_NOT_OFFERED" if more else _no_place(model, sku, task.loser.customer_id)
    if no:
        return ("no", no)
    model.events += 1
    task.resolution, task.moved_to = said.resolution, said.moved_to
    if waits and place and said.resolution is not Resolution.WAITING:
        leave(model, place, Status.RELEASED, ReleaseReason.SHORTFALL)
    elif is_new:
        wait_ms = model.policy.line_wait_ms_max
        ahead = sum(each.lost_as is not None for each in line(model, sku))
        model.events += 1
        asked = ask.Reserve("", task.loser.customer_id, task.loser.channel, "", ((sku, units),), 0, wait_ms=wait_ms)
        new = Reservation(asked, model.events, now_ms + wait_ms, now_ms)
        new.status, new.lost_as, new.place = Status.QUEUED, task.was, 1 + ahead
        model.reservations.append(new)
        task.place = new
    return task.outcome()

"""The naive model's lines: who waits is found by going through all reservations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.core.status import ReleaseReason, Status
from actors.shop import commands as ask
from actors.shop.shortfalls.shortfall import Resolution
from tests.shop.model_books import LIVE, Move, Outcome, Reservation, Wanted
from tests.shop.model_hours import deadline_ms, offered, slot_at
from tests.shop.model_rules import over_a_limit, rule_ms

if TYPE_CHECKING:
    from tests.shop.model import Model


def line(model: Model, sku: str) -> list[Reservation]:
    """Who waits for a SKU, first who has lost some, and by arrival."""
    mine = [found for found in model.reservations if found.status is Status.QUEUED and found.lines[0].sku == sku]
    return [found for found in mine if found.lost_as] + [found for found in mine if not found.lost_as]


def free(model: Model, sku: str) -> int:
    """Units that nobody has, whether or not somebody waits for them."""
    return model.on_hand(sku) - model.held(sku) - model.keeps_back(sku)


def lacks_slot(model: Model, slot_start_ms: int, now_ms: int, apart: list[Reservation]) -> str:
    """Why there is no place in a slot, if one is wanted. What is apart is free for it."""
    if not slot_start_ms:
        return ""
    slot = slot_at(model.policy.calendar, slot_start_ms)
    if slot is None or not offered(model.policy.calendar, slot_start_ms, now_ms):
        return "SLOT_NOT_OFFERED"
    return "SLOT_FULL" if len(model.having_a_place(slot_start_ms, apart)) >= slot[1] else ""


def can_be_booked(model: Model, slot_start_ms: int, now_ms: int) -> bool:
    """Whether a slot is to come and has places, taken or not, if one is wanted."""
    return not slot_start_ms or (now_ms < slot_start_ms and offered(model.policy.calendar, slot_start_ms, now_ms))


def until_ms(slot_start_ms: int, wanted_ms: int) -> int:
    """Nobody waits longer than until the slot begins."""
    return min(wanted_ms, slot_start_ms or wanted_ms)


def refusal_to_wait(
    model: Model, said: ask.Reserve, now_ms: int, apart: list[Reservation], replaced: Reservation | None
) -> str:
    """Why there is no place in the line. What its basket holds forbids it, and a place of its basket is given up."""
    if len(said.lines) > 1 or (replaced and replaced.status in LIVE):
        return "LINE_NOT_OFFERED"
    if said.wait_ms > model.policy.line_wait_ms_max:
        return "TTL_TOO_LONG"
    if no := lacks_slot(model, said.slot_start_ms, now_ms, apart):
        return no
    if said.slot_start_ms == now_ms:
        return "LINE_NOT_OFFERED"
    waiting = line(model, said.lines[0][0])
    if replaced in waiting:
        return ""
    if any(found.customer_id == said.customer_id for found in waiting):
        return "IN_LINE_ALREADY"
    return "LINE_FULL" if len(waiting) >= model.policy.line_places_max else ""


def queue(model: Model, said: ask.Reserve, now_ms: int, lacks: str, replaced: Reservation | None) -> Outcome:
    """A place in the line where stock is what `lacks` at first; or why there is none. Where something else lacked that
    claims are in the way of, what is short beside them is waited for by the next try.
    """
    young = model.undecided(now_ms)
    no = refusal_to_wait(model, said, now_ms, [] if lacks == "INSUFFICIENT_STOCK" else young, replaced)
    if no == "SLOT_FULL" and young:
        wanted = Wanted(said.customer_id, said.channel, said.lines, said.slot_start_ms)
        beside = model.cannot_be_had(wanted, now_ms, young, None)
        no = refusal_to_wait(model, said, now_ms, young, replaced) if beside == "INSUFFICIENT_STOCK" else beside
        return ("no", no or "ORDER_UNDECIDED")
    if no or lacks != "INSUFFICIENT_STOCK":
        return ("no", no or "ORDER_UNDECIDED")
    if replaced:
        leave(model, replaced, Status.RELEASED, ReleaseReason.REPLACED)
    waiting = line(model, said.lines[0][0])
    model.events += 1
    new = Reservation(said, model.events, until_ms(said.slot_start_ms, now_ms + said.wait_ms), now_ms)
    new.status, new.place = Status.QUEUED, len(waiting) + 1
    model.reservations.append(new)
    return new.outcome()


def unpromised(model: Model, sku: str) -> int:
    """Units that whoever comes now may have: none while somebody waits, unless a line may be passed."""
    kept = line(model, sku) and not model.policy.line_may_pass
    return min(0, free(model, sku)) if kept else free(model, sku)


def left(model: Model, of: Reservation, said: ask.Release) -> Outcome:
    """The answer to who would leave, whole; it holds no units that could be named."""
    if said.lines:
        its = all(sku == of.lines[0].sku for sku, _ in said.lines)
        return ("no", "QUANTITY_EXCEEDS_HELD" if its else "LINE_NOT_FOUND")
    leave(model, of, Status.RELEASED, said.reason)
    return of.outcome()


def leave(model: Model, of: Reservation, final: Status, why: ReleaseReason) -> None:
    """Out of the line, with nothing."""
    model.events += 1
    of.status, of.reason, of.version, of.place = final, why, model.events, 0


def falls_due(model: Model, now_ms: int) -> None:
    """What is due ends, the earliest deadline first; then who waits is served. A part waits for its order's word."""
    while True:
        mine = [found for found in model.reservations if found.status in [*LIVE, Status.QUEUED] and not found.holder]
        due = sorted((found for found in mine if found.deadline_ms <= now_ms), key=lambda found: found.deadline_ms)
        if not due:
            break
        of = due[0]
        if of.status is Status.QUEUED:
            leave(model, of, Status.EXPIRED, ReleaseReason.NOT_SERVED)
        elif _keeps_its_place(model, of, now_ms):
            model.events += 1
            model.promised.append(Move(of.lines[0].sku, of.deadline_ms, -of.lines[0].quantity))
            of.status, of.version = Status.QUEUED, model.events
            of.deadline_ms = until_ms(of.slot_start_ms, now_ms + of.wait_ms)
            while (gone := _serve(model, of.lines[0].sku, now_ms, instead_of=of)) and gone.status is Status.RELEASED:
                pass
        else:
            model._give_back(of, [its.held() for its in of.lines], Status.EXPIRED, now_ms)
    for sku in sorted({found.lines[0].sku for found in model.reservations if found.status is Status.QUEUED}):
        while _serve(model, sku, now_ms):
            pass


def most_ms(model: Model, of: Reservation, now_ms: int) -> int:
    """For how long from now one may be held: not beyond its end where it was served, has not been taken up, and others
    wait, under a policy with a time for that.
    """
    is_waited_for = any(_is_due_to_others(model, of, its.sku) for its in of.lines)
    return min(model.policy.ttl_ms_max, of.deadline_ms - now_ms) if is_waited_for else model.policy.ttl_ms_max


def gives(model: Model, of: Reservation, sku: str) -> int:
    """Units that one which is replaced gives to what replaces it."""
    return 0 if _is_due_to_others(model, of, sku) else of.held(sku)


def _is_due_to_others(model: Model, of: Reservation, sku: str) -> bool:
    mine = model.policy.line_take_up_ms and of.chances and of.status is Status.HELD
    return bool(mine and line(model, sku))


def _keeps_its_place(model: Model, of: Reservation, now_ms: int) -> bool:
    fits = len(of.lines) == 1 and not of.touched() and can_be_booked(model, of.slot_start_ms, now_ms)
    waits = [found.customer_id for found in line(model, of.lines[0].sku)] if fits else []
    return fits and of.status is Status.HELD and of.chances == 1 and of.customer_id not in waits


def _serve(model: Model, sku: str, now_ms: int, instead_of: Reservation | None = None) -> Reservation | None:
    """The first for whom there are enough units; nobody behind one for whom there are too few, unless that is the rule.
    Who went, None where nobody did.
    """
    for first in line(model, sku):
        if first is instead_of or first.deadline_ms <= now_ms:
            continue
        units = first.lines[0].quantity
        if model.policy.paused or units > free(model, sku):
            if model.policy.line_may_pass:
                continue
            return None
        mine = [found for found in model.reservations if found.customer_id == first.customer_id]
        if over_a_limit(model.policy, mine, first.channel, {sku: units}, None):
            leave(model, first, Status.RELEASED, ReleaseReason.LIMIT_REACHED)
            return first
        if no := lacks_slot(model, first.slot_start_ms, now_ms, []):
            leave(model, first, Status.RELEASED, ReleaseReason[no])
            return first
        own_ms = first.ttl_ms or rule_ms(model.policy, model.store_id, first.channel, sku)
        ttl_ms = model.policy.line_take_up_ms or own_ms
        model.events += 1
        model.promised.append(Move(sku, now_ms, units))
        first.status, first.version, first.deadline_ms = Status.HELD, model.events, now_ms + ttl_ms
        if first.lost_as in (Status.CONFIRMED, Status.READY):
            first.status, wanted_ms = Status.CONFIRMED, now_ms + model.policy.collect_within_ms
            first.deadline_ms = deadline_ms(model.policy.calendar, first.slot_start_ms, wanted_ms)
        first.place, first.chances = 0, first.chances + 1
        for task in model.tasks:
            if task.place is first and task.resolution is None:
                task.resolution = Resolution.SERVED
        return first
    return None

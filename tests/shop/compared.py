"""How the core's ledger is laid beside the model: answers as the model would say them, and what a ledger indexes."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from msgspec.structs import astuple

from actors.core.policy import CALL_MS_MAX
from actors.core.rejection import Rejection
from actors.core.status import LIVE, Status
from actors.shop.allotments.allotment import Allotment
from actors.shop.commands import Command
from actors.shop.hot.units import HotTotals
from actors.shop.picking.pick_task import PickTask
from actors.shop.shortfalls.shortfall import ShortfallTask
from actors.shop.state import Ledger, MovingOut, Remembered, Reservation, StockOutcome
from actors.shop.transfers.transfer import Transfer
from tests.shop import model_books
from tests.shop.model import Model
from tests.shop.model_books import Outcome


def plain(remembered: Remembered | ShortfallTask) -> Outcome:
    """An answer of the core as the model would say it."""
    answer = remembered if isinstance(remembered, Reservation | ShortfallTask) else remembered.answer
    match answer:
        case Reservation():
            done = answer.done or ((0, 0),) * len(answer.lines)
            back = answer.came_back.units if answer.came_back else (0,) * len(answer.lines)
            rows = tuple((*line, *its, came) for line, its, came in zip(answer.lines, done, back, strict=True))
            reason = answer.release_reason and answer.release_reason.name
            part = ("", 0) if answer.part is None else (answer.part.holder, answer.part.applied_revision)
            told = (
                answer.payment_reference or "",
                reason,
                answer.slot_start_ms,
                *part,
                answer.in_line.queue_position if answer.in_line else 0,
            )
            return (
                "reservation",
                answer.number,
                answer.version,
                answer.status.name,
                rows,
                answer.expires_at_ms,
                *told,
            )
        case Rejection():
            return ("no", answer.reason.name)
        case StockOutcome():
            shortfalls = tuple(astuple(each) for each in answer.shortfalls)
            return ("stock", answer.applied, answer.dropped_repeated, answer.dropped_late, shortfalls)
        case Allotment():
            lines = tuple((line.sku, line.given, line.used, line.left) for line in answer.lines)
            return ("allotment", answer.number, answer.status.name, lines, answer.expires_at_ms)
        case ShortfallTask():
            of = (answer.number, answer.reservation, answer.lines, answer.was.name, answer.cause.name)
            no_place = answer.no_place.name if answer.no_place else ""
            resolution = answer.resolution and answer.resolution.name
            return ("task", *of, answer.place, no_place, resolution, answer.moved_to)
        case Transfer():
            return ("transfer", answer.transfer_id, answer.status.name)  # of which the model knows nothing
        case PickTask():  # nor of these
            return ("pick task", answer.number, answer.status.name)
        case HotTotals():
            return ("hot", answer.over, answer.back, answer.moved)
        case MovingOut():
            return ("moving", answer.reservation.number, answer.now_ms)


def indexes(ledger: Ledger) -> tuple[Any, ...]:
    """What a ledger knows of its reservations besides them. The first lasts as long as they do, the rest while they
    are live or in the outbox.
    """
    return (
        ledger.holders,
        set(ledger.undecided),
        set(ledger.outbox),
        ledger.slots_taken,
        ledger.parts_in_slots,
        {customer: {found} if isinstance(found, int) else set(found) for customer, found in ledger.customers.items()},
        ledger.baskets,
        ledger.open_reservations,
        {sku: line.numbers for sku, line in ledger.lines.items()},
    )


def indexes_of(reservations: Iterable[Reservation], model: Model) -> tuple[Any, ...]:
    """The same from the reservations; what is in the outbox, and who shares a place in a slot, the model says."""
    known = list(reservations)
    live = [held for held in known if held.status in LIVE]
    losers = {held.number for held in known if held.in_line and held.in_line.lost_as}
    waiting = [held for held in known if held.status is Status.QUEUED]
    slots = {held.slot_start_ms for held in live if held.slot_start_ms}
    mine = [found for found in model.parts() if found.status in model_books.LIVE and found.slot_start_ms]

    def losers_first(number: int) -> tuple[bool, int]:
        return number not in losers, number

    return (
        {held.part.holder: held.number for held in known if held.part is not None},
        {held.number for held in live if held.status is Status.CLAIMED},
        {part.number for part in model.reservations if part.outbox},
        {slot_start_ms: len(model.having_a_place(slot_start_ms)) for slot_start_ms in slots},
        Counter((found.whose(), found.slot_start_ms) for found in mine),
        {
            customer: {held.number for held in live if held.customer_id == customer}
            for customer in {held.customer_id for held in live}
        },
        {(held.customer_id, held.basket_id): held.number for held in [*live, *waiting] if held.basket_id},
        len(live),
        {
            sku: sorted((held.number for held in waiting if held.lines[0][0] == sku), key=losers_first)
            for sku in {held.lines[0][0] for held in waiting}
        },
    )


def comes_too_late(model: Model, command: Command, now_ms: int) -> bool:
    """True for a claim whose order was over undecided for longer than a call may take, and for what that order says."""
    holder = getattr(command, "holder", "")
    ended_ms = next((part.let_go_ms for part in model.parts() if part.holder == holder), model.abandoned.get(holder))
    return ended_ms is not None and now_ms > ended_ms + CALL_MS_MAX

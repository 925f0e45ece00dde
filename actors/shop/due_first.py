"""What is due in a shop of what a command or a question is about."""

from collections.abc import Collection, Iterator

from actors.core.due import About, Budget
from actors.core.status import OPEN, Status
from actors.shop.commands import Amend, Claim, Command, HotCommand, Reserve
from actors.shop.decide import StepCommand
from actors.shop.events import Event, Expired
from actors.shop.evolve import evolve
from actors.shop.picking.pick_task import PickStep, ShortPick
from actors.shop.returns.sale_return import Return
from actors.shop.state import Ledger, Reservation


def about_of(ledger: Ledger, command: Command | HotCommand) -> About | None:
    """All that decides about a command and may fall due; None where that cannot be said, as of a place in a slot."""
    if isinstance(command, StepCommand) and not isinstance(command, Amend):
        return About(numbers=(command.number,))
    if isinstance(command, Return):
        return About(numbers=(command.number,))
    if isinstance(command, PickStep):
        return About(numbers=(command.number,)) if command.number else None
    match command:
        case Reserve() | Claim() if not command.slot_start_ms:
            basket = (command.customer_id, command.basket_id) if isinstance(command, Reserve) else ("", "")
            number, customer_id = ledger.baskets.get(basket, 0), command.customer_id
        case ShortPick() | Amend() if isinstance(command, ShortPick) or not command.slot_start_ms:
            number, amended = command.number, ledger.reservations.get(command.number)
            customer_id = "" if amended is None else amended.customer_id
        case _:
            return None
    skus = tuple([sku for sku, _ in command.lines])
    return About(skus, (number,), customer_id if ledger.policy.limit_rules else "")


def expire_first(ledger: Ledger, about: About, now_ms: int, budget: Budget) -> tuple[list[Event], bool]:
    """Expire what is due of this; the events, already applied, and whether nothing of it is due any more, which cannot
    be said where somebody waits in line for it.
    """
    found: dict[int, Reservation] = {}
    for numbers in _numbers(ledger, about):
        if numbers is None or not budget.takes(len(numbers)):
            return [], False
        for number in numbers:
            reservation = ledger.reservations.get(number)
            if reservation is None or reservation.part is not None or reservation.expires_at_ms > now_ms:
                continue
            waited = reservation.in_line
            is_from_line = waited is not None and (waited.awaits is None or waited.chances > 0)
            if is_from_line or reservation.status is Status.QUEUED:
                return [], False
            if reservation.status in OPEN:
                found[number] = reservation
    events: list[Event] = []
    for reservation in sorted(found.values(), key=lambda each: (each.expires_at_ms, each.number))[: budget.expired]:
        event = Expired(reservation.number, reservation.held_lines(), reservation)
        evolve(ledger, event, now_ms)
        events.append(event)
    budget.expired -= len(events)
    return events, len(events) == len(found)


def _numbers(ledger: Ledger, about: About) -> Iterator[Collection[int] | None]:
    """Yield the numbers of reservations that may be due, None where more counts than these."""
    yield about.numbers
    for sku in about.skus:
        if sku in ledger.lines:
            yield None
        for transfer in ledger.transfers.on_the_way.get(sku, ()) if ledger.in_transit.awaiting else ():
            yield ledger.in_transit.awaiting.get(transfer, ())
        position = ledger.positions.get(sku)
        held_by = None if position is None else position.held_by
        if isinstance(held_by, list):
            yield held_by
        elif held_by is not None:
            yield from held_by
    mine = ledger.customers.get(about.customer_id, ()) if about.customer_id else ()
    yield (mine,) if isinstance(mine, int) else mine

"""Decides about what comes back; see `sale_return`."""

from actors.core.answers import fingerprint
from actors.core.rejection import Reason, Rejection
from actors.core.status import TRANSITIONS, Step
from actors.core.transact import Decision
from actors.shop.commands import Lines, by_sku, from_first
from actors.shop.projections import known
from actors.shop.returns.events import Returned
from actors.shop.returns.sale_return import Return
from actors.shop.state import Ledger, Reservation


def decide_return(ledger: Ledger, command: Return) -> Decision:
    """Accept or refuse a return; by the reservation as it is, whoever had it or has been told. Raises Unread."""
    number, over = command.number, ledger.finished.ended_as(command.number)
    status = over[0] if over is not None else None
    if number in ledger.reservations:
        status = ledger.reservations[number].status
    if status is None:
        return Rejection(Reason.RESERVATION_NOT_FOUND, number=number)
    if status not in TRANSITIONS[Step.RETURN]:
        return Rejection(Reason.TRANSITION_NOT_ALLOWED, number=number, status=status)
    reservation = known(ledger, number)
    assert reservation is not None, "it has a status"
    lines = _of(reservation, reservation.sold_lines(), command.lines)
    if isinstance(lines, Rejection):
        return lines
    unsellable = _of(reservation, lines, command.unsellable) if command.unsellable else from_first(lines, {})
    if isinstance(unsellable, Rejection):
        return unsellable
    of = command.key, fingerprint(command), number
    return (Returned(*of, lines, unsellable, command.refund_reference, command.till, reservation),)


def _of(reservation: Reservation, there: Lines, asked: Lines) -> Lines | Rejection:
    """The units asked for by SKU, by line of what is there; all of that where none are named."""
    number, status, by_now = reservation.number, reservation.status, dict(by_sku(there))
    if not asked:
        nothing = Rejection(Reason.QUANTITY_EXCEEDS_COLLECTED, number=number, status=status)
        return there if any(by_now.values()) else nothing
    demand = by_sku(asked)
    for sku, quantity in demand:
        if sku not in by_now:
            return Rejection(Reason.LINE_NOT_FOUND, sku, quantity, 0, number, status)
    for sku, quantity in demand:
        if quantity > by_now[sku]:
            return Rejection(Reason.QUANTITY_EXCEEDS_COLLECTED, sku, quantity, by_now[sku], number, status)
    return from_first(there, dict(demand))

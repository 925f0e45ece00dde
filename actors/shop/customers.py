"""A shop's index of its customers' live reservations, `Ledger.customers`: of one that is not the newest, or is over."""

from bisect import bisect_left, insort

from actors.core.ascending import FEW, Ascending, many
from actors.shop.customer_totals import recount
from actors.shop.state import Ledger, Reservation


def add_newest(ledger: Ledger, reservation: Reservation, others: int | list[int] | Ascending) -> None:
    """Index a customer's second or later reservation, which is stored, and the newest."""
    if ledger.totals:
        recount(ledger, reservation)
    if isinstance(others, int):
        ledger.customers[reservation.customer_id] = [others, reservation.number]
        return
    others.append(reservation.number)
    if type(others) is list and len(others) > FEW:
        ledger.customers[reservation.customer_id] = many(others)


def add_older(ledger: Ledger, reservation: Reservation) -> None:
    """As `add_newest`, of one that need not be the newest."""
    customer_id, number = reservation.customer_id, reservation.number
    others = ledger.customers.setdefault(customer_id, number)
    if isinstance(others, int):
        if others != number:
            ledger.customers[customer_id] = sorted((others, number))
    elif isinstance(others, list):
        insort(others, number)
        if len(others) > FEW:
            ledger.customers[customer_id] = many(others)
    else:
        others[number] = None


def forget(ledger: Ledger, reservation: Reservation) -> None:
    """Take a reservation that is not live any more out of its customer's."""
    if ledger.totals and (totals := ledger.totals.get(reservation.customer_id)) is not None:
        totals.take(reservation.number)
        if not totals.counted:
            del ledger.totals[reservation.customer_id]
    numbers = ledger.customers[reservation.customer_id]
    if isinstance(numbers, int):
        del ledger.customers[reservation.customer_id]
        return
    number = reservation.number
    del numbers[bisect_left(numbers, number) if type(numbers) is list else number]
    if len(numbers) == 1:
        ledger.customers[reservation.customer_id] = next(iter(numbers))

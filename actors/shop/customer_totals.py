"""Running totals of a customer's live reservations under limits within a shop: made when a decision first asks for
them, and kept where there are many, so that none walks the ten thousand holds of a marketplace.

The parts of one order are counted together: as one that is open, and under each channel that one of them has.
"""

from collections.abc import Collection, Iterable
from typing import Final

from actors.core.policy import LimitRule
from actors.core.totals import Share, Totals
from actors.shop.state import Ledger, Reservation

ADDED_UP_MAX: Final = 32  # live reservations of a customer; the totals of more are kept


class CustomerTotals:
    """The totals of one customer, and what is counted in them."""

    __slots__ = ("counted", "of_orders", "sums")

    def __init__(self, live: Iterable[Reservation] = ()) -> None:
        self.sums = Totals()
        self.counted: dict[int, Reservation] = {}  # as it was counted
        self.of_orders: dict[str, dict[int, None]] = {}  # the parts of each
        for reservation in live:
            self.put(reservation)

    def put(self, reservation: Reservation) -> None:
        """Count a live reservation, new or changed."""
        number, part = reservation.number, reservation.part
        before = self.counted.get(number)
        if before is not None:
            was = before.lines, before.done, before.channel
            if was == (reservation.lines, reservation.done, reservation.channel):
                return
            self.take(number)
        self.counted[number] = reservation
        if part is None:
            self.sums.add(share_of([reservation]))
            return
        mine = self.of_orders.setdefault(part.order, {})
        self._count(mine, -1)
        mine[number] = None
        self._count(mine)

    def take(self, number: int) -> None:
        """Count a reservation no more, if it is counted."""
        before = self.counted.get(number)
        if before is None:
            return
        if before.part is None:
            self.sums.add(share_of([before]), -1)
        else:
            mine = self.of_orders[before.part.order]
            self._count(mine, -1)
            del mine[number]
            self._count(mine)
            if not mine:
                del self.of_orders[before.part.order]
        del self.counted[number]

    def _count(self, parts: Collection[int], sign: int = 1) -> None:
        if parts:
            self.sums.add(share_of([self.counted[number] for number in parts]), sign)


class _Few:
    """What counts for a customer with few reservations, beside some of them: they are gone through."""

    __slots__ = ("_channels", "_live", "_order")

    def __init__(self, live: list[Reservation], order: str) -> None:
        self._live, self._order = live, order
        self._channels: dict[str, set[str]] = {}  # by order
        for each in live:
            if each.part is not None:
                self._channels.setdefault(each.part.order, set()).add(each.channel)

    def _under(self, rule: LimitRule) -> list[Reservation]:
        if not rule.channel:
            return self._live
        channels = self._channels
        return [
            each for each in self._live if rule.channel in (channels[each.part.order] if each.part else (each.channel,))
        ]

    def opened(self, rule: LimitRule) -> int:
        """How many are open that the rule counts. The parts of one order count as one, those of its own not at all."""
        alone, orders = 0, set[str]()
        for each in self._under(rule):
            if rule.sku and not _units_of(each, rule.sku):
                continue
            if each.part is None:
                alone += 1
            else:
                orders.add(each.part.order)
        return alone + len(orders - {self._order})

    def units(self, sku: str, rule: LimitRule) -> int:
        """The units of the SKU that the rule counts."""
        return sum(_units_of(each, sku) for each in self._under(rule))


class _Many:
    """The same by totals."""

    __slots__ = ("_corrections", "_own", "_sums")

    def __init__(self, totals: CustomerTotals, apart: Iterable[int], order: str) -> None:
        self._sums = totals.sums
        out = {number: each for number in apart if (each := totals.counted.get(number)) is not None}
        self._corrections = [(share_of([each]), -1) for each in out.values() if each.part is None]
        for of in {each.part.order for each in out.values() if each.part is not None}:
            mine = totals.of_orders[of]
            self._correct(totals, mine, -1)
            self._correct(totals, mine.keys() - out.keys(), 1)
        own = totals.of_orders.get(order, {}).keys() - out.keys() if order else ()
        self._own = share_of([totals.counted[number] for number in own]) if own else None

    def _correct(self, totals: CustomerTotals, parts: Collection[int], sign: int) -> None:
        if parts:
            self._corrections.append((share_of([totals.counted[number] for number in parts]), sign))

    def opened(self, rule: LimitRule) -> int:
        count = self._sums.opened(rule) + sum(sign for share, sign in self._corrections if share.fits(rule))
        return count - (self._own is not None and self._own.fits(rule))

    def units(self, sku: str, rule: LimitRule) -> int:
        corrections = (sign * share.units.get(sku, 0) for share, sign in self._corrections if share.is_under(rule))
        return self._sums.held(sku, rule) + sum(corrections)


def counted_beside(ledger: Ledger, customer_id: str, apart: Collection[int], order: str) -> _Few | _Many:
    """What counts for a customer beside the reservations `apart`, and as open beside an order."""
    totals = _totals_of(ledger, customer_id)
    if totals is not None:
        return _Many(totals, apart, order)
    live = ledger.live_of_customer(customer_id)
    return _Few([each for each in live if each.number not in apart] if apart else list(live), order)


def parts_of_order(ledger: Ledger, customer_id: str, order: str) -> Iterable[int]:
    """The numbers of a customer's live parts of an order."""
    totals = _totals_of(ledger, customer_id)
    if totals is not None:
        return totals.of_orders.get(order, ())
    live = ledger.live_of_customer(customer_id)
    return [each.number for each in live if each.part is not None and each.part.order == order]


def _totals_of(ledger: Ledger, customer_id: str) -> CustomerTotals | None:
    """The totals of a customer who has many, made now if they were not; None of one who has few."""
    totals: CustomerTotals | None = ledger.totals.get(customer_id)
    if totals is None:
        numbers = ledger.customers.get(customer_id, 0)
        if not isinstance(numbers, int) and len(numbers) > ADDED_UP_MAX:
            totals = ledger.totals[customer_id] = CustomerTotals(ledger.live_of_customer(customer_id))
    return totals


def recount(ledger: Ledger, reservation: Reservation) -> None:
    """Count a live reservation, new or changed, if its customer's totals are kept."""
    totals: CustomerTotals | None = ledger.totals.get(reservation.customer_id)
    if totals is not None:
        totals.put(reservation)


def share_of(held: Iterable[Reservation]) -> Share:
    """What a reservation counts for, or all parts of an order."""
    channels: dict[str, None] = {}
    units: dict[str, int] = {}
    for each in held:
        channels[each.channel] = None
        for sku, count in each.held_lines():
            units[sku] = units.get(sku, 0) + count
    return Share(tuple(channels), True, units, ())


def _units_of(held: Reservation, sku: str) -> int:
    return sum(units for (line_sku, _), units in zip(held.lines, held.held(), strict=True) if line_sku == sku)

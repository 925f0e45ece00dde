"""Whether any customer ever had more over the whole chain than its limits allow, by the feeds of all shops. Pure.

A part counts from its claim on, once its order is certain: the customer's ledger has taken the limit before. What an
amendment adds counts from where it is held, since by then what it takes the place of has been given back. It counts
until its shop says that it is over; units collected go on counting where the rule says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bench.demo.parts import History
from holdfast.client import Reservation, Status


class ChainLimit(NamedTuple):
    """What one customer may have over all shops; zero sets no limit, an empty field fits all.

    `collected_counts`: units that were collected go on counting, for longer than a demo takes.
    """

    channel: str = ""
    sku: str = ""
    open_reservations_max: int = 0
    units_max: int = 0
    collected_counts: bool = False


class Certain(NamedTuple):
    """An order that was certain: what was told of it when it was placed, and all its parts in the feeds.

    `parts_at_first` are the reservation ids that it was placed with, the others came by amendment.
    """

    customer_id: str
    channel: str
    created_at_ms: int
    parts_at_first: frozenset[str]
    parts: Mapping[str, History]


class Change(NamedTuple):
    """At an instant, so many more; of what happens in one millisecond, what goes comes first."""

    at_ms: int
    more: int


class Exceeded(NamedTuple):
    """A customer over a limit: the most that it ever had."""

    customer_id: str
    limit: ChainLimit
    found: int


def exceeded(limits: Iterable[ChainLimit], orders: Sequence[Certain]) -> list[Exceeded]:
    """Every customer that was over a limit at any time."""
    by_customer: dict[str, list[Certain]] = {}
    for order in orders:
        by_customer.setdefault(order.customer_id, []).append(order)
    found = []
    for limit in limits:
        for customer_id, mine in by_customer.items():
            fitting = [order for order in mine if limit.channel in ("", order.channel)]
            if limit.open_reservations_max:
                most = peak(change for order in fitting for change in _open_changes(order, limit.sku))
                if most > limit.open_reservations_max:
                    found.append(Exceeded(customer_id, limit, most))
            if limit.units_max:
                for sku in [limit.sku] if limit.sku else _skus_of(fitting):
                    most = peak(change for order in fitting for change in _unit_changes(order, sku, limit))
                    if most > limit.units_max:
                        found.append(Exceeded(customer_id, limit, most))
    return found


def peak(changes: Iterable[Change]) -> int:
    """The most that there ever was."""
    now = most = 0
    for change in sorted(changes):
        now += change.more
        most = max(most, now)
    return most


def _open_changes(order: Certain, sku: str) -> list[Change]:
    """One order, from where it was opened until its last part is over."""
    parts = [part for part in order.parts.values() if not sku or _units(part.stages[0].reservation, sku, sold=False)]
    if not parts:
        return []
    changes = [Change(order.created_at_ms, 1)]
    over = [part.over_at_ms() for part in parts]
    instants = [at_ms for at_ms in over if at_ms is not None]
    if len(instants) == len(over):
        changes.append(Change(max(instants), -1))
    return changes


def _unit_changes(order: Certain, sku: str, limit: ChainLimit) -> list[Change]:
    changes = []
    for reservation_id, part in order.parts.items():
        from_ms = part.stages[0].at_ms if reservation_id in order.parts_at_first else part.held_at_ms()
        if from_ms is None:
            continue
        had = 0
        for at_ms, reservation in part.stages:
            if at_ms < from_ms or (reservation.status is Status.CLAIMED and reservation_id not in order.parts_at_first):
                continue
            has = _units(reservation, sku, sold=limit.collected_counts)
            if has != had:
                changes.append(Change(at_ms, has - had))
                had = has
    return changes


def _units(reservation: Reservation, sku: str, *, sold: bool) -> int:
    return sum(line.held + (line.collected if sold else 0) for line in reservation.lines if line.sku == sku)


def _skus_of(orders: Iterable[Certain]) -> list[str]:
    return sorted(
        {line.sku for order in orders for part in order.parts.values() for line in part.stages[0].reservation.lines}
    )

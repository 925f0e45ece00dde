"""Orders as plain tuples and back, for snapshots and for the way between processes."""

from collections.abc import Sequence
from typing import Any

from actors.core.status import ReleaseReason, Status
from actors.orders.commands import Plan, Target
from actors.orders.state import Order, Part, Renewal, Standing
from actors.shop.commands import Lines

_STANDING, _REASON, _MISSING, _TARGETS, _PARTS, _RENEWAL = map(
    Order._fields.index, ("standing", "reason", "missing", "targets", "parts", "renewal")
)
_LINES, _KEEP, _STATUS, _HELD, _COLLECTED = map(Part._fields.index, ("lines", "keep", "status", "held", "collected"))

Plain = tuple[Any, ...]


def order_to_plain(order: Order) -> Plain:
    """An order without names or enums: numbers, strings and tuples only."""
    fields: list[Any] = list(order)
    fields[_STANDING] = int(order.standing)
    fields[_REASON] = None if order.reason is None else int(order.reason)
    fields[_TARGETS] = tuple(map(tuple, order.targets))
    fields[_PARTS] = tuple((*part[:_STATUS], int(part.status), *part[_STATUS + 1 :]) for part in order.parts)
    fields[_RENEWAL] = None if order.renewal is None else tuple(order.renewal)
    return tuple(fields)


def order_from_plain(plain: Sequence[Any]) -> Order:
    """The inverse, also where JSON made lists of the tuples."""
    fields = list(plain)
    fields[_STANDING] = Standing(fields[_STANDING])
    fields[_REASON] = None if fields[_REASON] is None else ReleaseReason(fields[_REASON])
    fields[_MISSING] = lines_from(fields[_MISSING])
    fields[_TARGETS] = targets_from(fields[_TARGETS])
    fields[_PARTS] = tuple(map(_part, fields[_PARTS]))
    if fields[_RENEWAL] is not None:
        ttl_ms, channel, missing = fields[_RENEWAL]
        fields[_RENEWAL] = Renewal(ttl_ms, channel, lines_from(missing))
    return Order._make(fields)


def lines_from(raw: Sequence[Any]) -> Lines:
    """(sku, quantity) lines."""
    return tuple((sku, quantity) for sku, quantity in raw)


def plans_from(raw: Sequence[Any]) -> tuple[Plan, ...]:
    """Plans."""
    return tuple(Plan(store_id, lines_from(lines), slot_start_ms) for store_id, lines, slot_start_ms in raw)


def targets_from(raw: Sequence[Any]) -> tuple[Target, ...]:
    """Targets."""
    return tuple(Target(store_id, attempt, lines_from(lines)) for store_id, attempt, lines in raw)


def _part(raw: Sequence[Any]) -> Part:
    fields = list(raw)
    fields[_LINES] = lines_from(fields[_LINES])
    fields[_KEEP] = lines_from(fields[_KEEP])
    fields[_STATUS] = Status(fields[_STATUS])
    fields[_HELD] = tuple(fields[_HELD])
    fields[_COLLECTED] = tuple(fields[_COLLECTED])
    return Part._make(fields)

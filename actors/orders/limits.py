"""Limits of one customer over the whole chain. Exact: one ledger decides for a customer, and counts the units that a
shop may still hand over until that shop has reported that they are released.
"""

from actors.core.policy import ChainLimitRule
from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE
from actors.orders.commands import Plan, Target
from actors.orders.state import Order, OrderLedger, Part
from actors.shop.commands import by_sku


def over_limit(
    ledger: OrderLedger,
    customer_id: str,
    channel: str,
    plans: tuple[Plan, ...],
    now_ms: int,
    amended: Order | None = None,
    targets: tuple[Target, ...] = (),
) -> Rejection | None:
    """Refuse plans by the first limit that they would exceed. An amended order counts as it will be, its parts with
    their `targets` beyond what was collected; parts that it dropped before count until their shops have reported the
    release. Where it changes its channel, what it keeps is checked under the new one.
    """
    policy = ledger.policy
    if not policy.chain_limit_rules:
        return None
    demand = dict(by_sku(tuple(line for plan in plans for line in plan.lines)))
    if amended is not None and amended.channel != channel:
        demand = dict.fromkeys((sku for part in amended.parts for sku, _ in part.lines), 0) | demand
    others = [order for order in ledger.orders_of(customer_id) if amended is None or order.number != amended.number]
    for sku in ("", *demand):
        for rule in policy.chain_limits_for(channel, sku):
            if rule.open_reservations_max and (amended is None or not _fits(rule, amended)):
                count = sum(1 for order in others if _is_open(order) and _fits(rule, order))
                if count >= rule.open_reservations_max:
                    return Rejection(Reason.OPEN_RESERVATIONS_LIMIT, sku, count + 1, rule.open_reservations_max)
    for sku, asked in demand.items():
        for rule in (*policy.chain_limits_for(channel, sku), *policy.chain_limits_for(channel, "")):
            if rule.units_max:
                units = sum(_units(order, sku, rule, now_ms) for order in others if _fits_channel(rule, order))
                if amended is not None:
                    units += _collected(amended, sku, rule, now_ms)
                wanted = asked if amended is None else asked + _kept(amended, targets, sku)
                if units + wanted > rule.units_max and wanted:
                    return Rejection(Reason.UNITS_LIMIT, sku, wanted, max(0, rule.units_max - units))
    return None


def _is_open(order: Order) -> bool:
    """True where the order is undecided, or a shop may still hand over units for it."""
    return bool(order.open_attempt) or any(
        not _is_dropped_claim(part) and part.status in LIVE and any(part.held) for part in order.parts
    )


def _fits_channel(rule: ChainLimitRule, order: Order) -> bool:
    return rule.channel in ("", order.channel)


def _fits(rule: ChainLimitRule, order: Order) -> bool:
    return _fits_channel(rule, order) and (
        not rule.sku or any(_outstanding(part, rule.sku) for part in order.parts if not _is_dropped_claim(part))
    )


def _is_dropped_claim(part: Part) -> bool:
    """True for a claim that was dropped before its commit: no shop can hand it over."""
    return part.dropped and not part.reservation


def _outstanding(part: Part, sku: str) -> int:
    """Units that the shop holds for the customer, as last reported."""
    if _is_dropped_claim(part):
        return 0
    if not part.reservation:
        return sum(quantity for line_sku, quantity in part.lines if line_sku == sku)
    if part.status not in LIVE:
        return 0
    return sum(units for (line_sku, _), units in zip(part.lines, part.held, strict=True) if line_sku == sku)


def _units(order: Order, sku: str, rule: ChainLimitRule, now_ms: int) -> int:
    return sum(_outstanding(part, sku) for part in order.parts) + _collected(order, sku, rule, now_ms)


def _collected(order: Order, sku: str, rule: ChainLimitRule, now_ms: int) -> int:
    """Units that were collected and still count."""
    return sum(
        part.sold_by_sku(part.collected).get(sku, 0)
        for part in order.parts
        if now_ms < part.collected_at_ms + rule.collected_for_ms
    )


def _kept(order: Order, targets: tuple[Target, ...], sku: str) -> int:
    """Units of a SKU that an order keeps once the amendment is committed."""
    wanted = {(target.store_id, target.attempt): target.lines for target in targets}
    units = 0
    for part in order.parts:
        if not part.reservation:
            continue
        lines = wanted.get((part.store_id, part.attempt))
        if lines is None:
            units += _outstanding(part, sku)
        else:
            units += min(_outstanding(part, sku), sum(quantity for line_sku, quantity in lines if line_sku == sku))
    return units

"""Limits of one customer over the whole chain. Exact: one ledger decides for a customer, and counts the units that a
shop may still hand over until that shop has reported that they are released.
"""

from collections.abc import Callable, Iterable, Sequence

from actors.core.policy import ChainLimitRule, Policy
from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE
from actors.orders.commands import Plan, RequestGrant, Target
from actors.orders.grants import Grant
from actors.orders.state import Collected, Order, OrderLedger, Part
from actors.shop.commands import by_sku

Counted = Order | Grant


def over_limit(
    ledger: OrderLedger,
    customer_id: str,
    channel: str,
    plans: tuple[Plan, ...],
    now_ms: int,
    amended: Order | None = None,
    targets: tuple[Target, ...] = (),
    *,
    for_good: bool = False,
) -> Rejection | None:
    """Refuse plans by the first limit that they would exceed. An amended order counts as it will be, its parts with
    their `targets` beyond what was collected; parts that it dropped before count until their shops have reported the
    release. Where it changes its channel, what it keeps is checked under the new one. ORDER_UNDECIDED where it
    depends on grants that no shop has reported, but not `for_good`.
    """
    policy = ledger.policy
    if not policy.chain_limit_rules:
        return None
    demand = dict(by_sku(line for plan in plans for line in plan.lines))
    if amended is not None and amended.channel != channel:
        demand = dict.fromkeys((sku for part in amended.parts for sku, _ in part.lines), 0) | demand
    others = [each for each in ledger.counted_of(customer_id) if each is not amended]

    def kept(sku: str, rule: ChainLimitRule) -> tuple[int, int]:
        if amended is None:
            return 0, 0
        return _collected(amended, sku, rule, now_ms), _kept(amended, targets, sku)

    over = ledger.collected_of.get(customer_id, ())
    return _refusal(policy, channel, demand, others, over, now_ms, amended, kept, for_good=for_good)


def grant_over_limit(
    ledger: OrderLedger, asked: RequestGrant, replaced: Grant | None, again: Grant | None, now_ms: int
) -> Rejection | None:
    """Refuse a grant by the first limit that its units would exceed, beside all but `replaced` and `again`: the grants
    of the hold that the call replaces or amends, and of the same call.
    """
    policy = ledger.policy
    named = {sku for sku, _ in asked.more}
    had = {} if replaced is None else dict(replaced.outstanding())
    more = {sku: units for sku, units in asked.lines if sku in named or units > had.get(sku, 0)}
    others = [each for each in ledger.counted_of(asked.customer_id) if each is not replaced and each is not again]

    def kept(sku: str, rule: ChainLimitRule) -> tuple[int, int]:
        return (0 if replaced is None else _collected(replaced, sku, rule, now_ms)), 0

    over = ledger.collected_of.get(asked.customer_id, ())
    return _refusal(policy, asked.channel, more, others, over, now_ms, replaced, kept)


def _refusal(
    policy: Policy,
    channel: str,
    demand: dict[str, int],
    others: Sequence[Counted],
    over: Iterable[Collected],
    now_ms: int,
    amended: Counted | None,
    kept: Callable[[str, ChainLimitRule], tuple[int, int]],
    *,
    for_good: bool = False,
) -> Rejection | None:
    """The first limit exceeded, or ORDER_UNDECIDED where that would not stand without the grants that no shop has
    reported. `over` is what was collected of orders that are over. `kept` returns units of a SKU that the amended one
    has and keeps: collected ones that count, and others.
    """

    def first_beside(counted: Sequence[Counted]) -> Rejection | None:
        for sku in ("", *demand):
            for rule in policy.chain_limits_for(channel, sku):
                most = rule.open_reservations_max
                if most and (amended is None or not _fits(rule, amended)):
                    count = sum(1 for each in counted if _is_open(each) and _fits(rule, each))
                    if count >= most:
                        return Rejection(Reason.OPEN_RESERVATIONS_LIMIT, sku, count + 1, most, over_all_shops=True)
        for sku, asked in demand.items():
            for rule in (*policy.chain_limits_for(channel, sku), *policy.chain_limits_for(channel, "")):
                if rule.units_max:
                    units = sum(_units(each, sku, rule, now_ms) for each in counted if _fits_channel(rule, each))
                    units += _counting_on(over, sku, rule, now_ms)
                    collected, keeps = kept(sku, rule)
                    left, wanted = rule.units_max - units - collected, asked + keeps
                    if wanted > left and wanted:
                        return Rejection(Reason.UNITS_LIMIT, sku, wanted, max(0, left), over_all_shops=True)
        return None

    refusal = first_beside(others)
    if refusal is None or for_good:
        return refusal
    settled = [each for each in others if not isinstance(each, Grant) or each.reservation]
    if len(settled) < len(others) and first_beside(settled) is None:
        return Rejection(Reason.ORDER_UNDECIDED)
    return refusal


def _is_open(counted: Counted) -> bool:
    """True where it is undecided, or a shop may still hand over units for it."""
    if isinstance(counted, Grant):
        return any(units for _, units in counted.outstanding())
    return bool(counted.open_attempt) or any(
        not _is_dropped_claim(part) and part.status in LIVE and any(part.held) for part in counted.parts
    )


def _fits_channel(rule: ChainLimitRule, counted: Counted) -> bool:
    return rule.channel in ("", counted.channel)


def _fits(rule: ChainLimitRule, counted: Counted) -> bool:
    if not _fits_channel(rule, counted):
        return False
    if isinstance(counted, Grant):
        return not rule.sku or bool(dict(counted.outstanding()).get(rule.sku))
    return not rule.sku or any(_outstanding(part, rule.sku) for part in counted.parts if not _is_dropped_claim(part))


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


def _units(counted: Counted, sku: str, rule: ChainLimitRule, now_ms: int) -> int:
    if isinstance(counted, Grant):
        units = dict(counted.outstanding()).get(sku, 0)
    else:
        units = sum(_outstanding(part, sku) for part in counted.parts)
    return units + _collected(counted, sku, rule, now_ms)


def _collected(counted: Counted, sku: str, rule: ChainLimitRule, now_ms: int) -> int:
    """Units that were collected and still count."""
    if isinstance(counted, Grant):
        return dict(counted.collected).get(sku, 0) if now_ms < counted.collected_at_ms + rule.collected_for_ms else 0
    return sum(
        part.sold_by_sku(part.collected).get(sku, 0)
        for part in counted.parts
        if now_ms < part.collected_at_ms + rule.collected_for_ms
    )


def _counting_on(over: Iterable[Collected], sku: str, rule: ChainLimitRule, now_ms: int) -> int:
    """Units that were collected of orders that are over and still count."""
    mine = (row for row in over if row.sku == sku and rule.channel in ("", row.channel))
    return sum(row.units for row in mine if now_ms < row.at_ms + rule.collected_for_ms)


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

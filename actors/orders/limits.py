"""Limits of one customer over the whole chain. Exact: one ledger decides for a customer, and counts the units that a
shop may still hand over until that shop has reported that they are released.
"""

from collections.abc import Callable
from typing import Final

from actors.core.policy import Policy
from actors.core.rejection import Reason, Rejection
from actors.core.status import LIVE
from actors.core.totals import Share, Totals
from actors.orders.commands import Plan, RequestGrant, Target
from actors.orders.grants import Grant
from actors.orders.state import Collected, Counted, Order, OrderLedger, Part
from actors.shop.commands import Lines, by_sku

ADDED_UP_MAX: Final = 32  # of what counts for a customer; the totals of more are kept
NOTHING_COUNTS: Final = Totals(())  # of customers who come for the first time


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
    shares = () if amended is None else (share_of(amended),)

    def keeps(sku: str) -> int:
        return 0 if amended is None else _kept(amended, targets, sku)

    totals = totals_of(ledger, customer_id)
    return _refusal(policy, channel, demand, totals, now_ms, shares, shares, keeps, for_good=for_good)


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
    if not policy.chain_limit_rules:
        return None
    amended = () if replaced is None else (share_of(replaced),)
    apart = amended if again is None or again is replaced else (*amended, share_of(again))
    return _refusal(policy, asked.channel, more, totals_of(ledger, asked.customer_id), now_ms, amended, apart, _nothing)


def totals_of(ledger: OrderLedger, customer_id: str) -> Totals:
    """What counts for a customer; kept where it is much."""
    totals = ledger.totals.get(customer_id)
    if totals is None:
        if not ledger.counts_for(customer_id):
            return NOTHING_COUNTS
        totals, count = Totals(ledger.policy.chain_limit_rules), 0
        for count, each in enumerate(ledger.counted_of(customer_id), start=1):  # noqa: B007
            totals.add(share_of(each))
        if count > ADDED_UP_MAX:
            ledger.totals[customer_id] = totals
    return totals


def share_of(counted: Counted) -> Share:
    """What an order or a grant counts for its customer's limits, or what was collected of an order that is over."""
    if isinstance(counted, Collected):
        return Share((counted.channel,), False, {}, ((counted.sku, counted.units, counted.at_ms),))
    if isinstance(counted, Grant):
        units = dict(counted.outstanding())
        sold = tuple((sku, count, counted.collected_at_ms) for sku, count in counted.collected if count)
        return Share((counted.channel,), any(units.values()), units, sold, bool(counted.reservation))
    units, sold = {}, ()
    for part in counted.parts:
        for sku, count in _outstanding(part):
            units[sku] = units.get(sku, 0) + count
        if any(part.collected):
            sold += tuple((*each, part.collected_at_ms) for each in part.sold_by_sku(part.collected).items() if each[1])
    to_be = "" if counted.renewal is None else counted.renewal.channel  # until it is decided it may end as either
    channels = (counted.channel, to_be) if to_be not in ("", counted.channel) else (counted.channel,)
    return Share(channels, _is_open(counted), units, sold)


def _nothing(_sku: str) -> int:
    return 0


def _refusal(
    policy: Policy,
    channel: str,
    demand: dict[str, int],
    totals: Totals,
    now_ms: int,
    amended: tuple[Share, ...],
    apart: tuple[Share, ...],
    keeps: Callable[[str], int],
    *,
    for_good: bool = False,
) -> Rejection | None:
    """The first limit exceeded by what is asked beside all that counts but for those `apart`, or ORDER_UNDECIDED where
    that would not stand without the grants that no shop has reported. Of what is `amended` the collected units count,
    and of each SKU what it `keeps`.
    """
    rules = {sku: policy.chain_limits_for(channel, sku) for sku in ("", *demand)}

    def first_beside(*, settled_only: bool) -> Rejection | None:
        left_out = [share for share in apart if share.is_settled or not settled_only]
        for sku, of_sku in rules.items():
            for rule in of_sku:
                most = rule.open_reservations_max
                if most and not any(share.fits(rule) for share in amended):
                    count = totals.opened(rule, settled_only=settled_only)
                    count -= sum(1 for share in left_out if share.is_open and share.fits(rule))
                    if count >= most:
                        return Rejection(Reason.OPEN_RESERVATIONS_LIMIT, sku, count + 1, most, over_all_shops=True)
        for sku, asked in demand.items():
            for rule in (*rules[sku], *rules[""]):
                if rule.units_max:
                    units = totals.units(sku, rule, now_ms, settled_only=settled_only)
                    units -= sum(share.total(sku, rule, now_ms) for share in left_out)
                    collected = sum(share.sold(sku, rule, now_ms) for share in amended)
                    left, wanted = rule.units_max - units - collected, asked + keeps(sku)
                    if wanted > left and wanted:
                        return Rejection(Reason.UNITS_LIMIT, sku, wanted, max(0, left), over_all_shops=True)
        return None

    refusal = first_beside(settled_only=False)
    if refusal is None or for_good:
        return refusal
    unsettled = totals.unsettled - sum(1 for share in apart if not share.is_settled)
    if unsettled and first_beside(settled_only=True) is None:
        return Rejection(Reason.ORDER_UNDECIDED)
    return refusal


def _is_open(order: Order) -> bool:
    """True where it is undecided, or a shop may still hand over units for it."""
    return bool(order.open_attempt) or any(
        not _is_dropped_claim(part) and part.status in LIVE and any(part.held) for part in order.parts
    )


def _is_dropped_claim(part: Part) -> bool:
    """True for a claim that was dropped before its commit: no shop can hand it over."""
    return part.dropped and not part.reservation


def _outstanding(part: Part) -> Lines:
    """Units by line that the shop holds for the customer, as last reported."""
    if _is_dropped_claim(part) or (part.reservation and part.status not in LIVE):
        return ()
    if not part.reservation:
        return part.lines
    return tuple((sku, units) for (sku, _), units in zip(part.lines, part.held, strict=True))


def _kept(order: Order, targets: tuple[Target, ...], sku: str) -> int:
    """Units of a SKU that an order keeps once the amendment is committed."""
    wanted = {(target.store_id, target.attempt): target.lines for target in targets}
    units = 0
    for part in order.parts:
        if not part.reservation:
            continue
        lines = wanted.get((part.store_id, part.attempt))
        held = dict(by_sku(_outstanding(part))).get(sku, 0)
        units += held if lines is None else min(held, dict(by_sku(lines)).get(sku, 0))
    return units

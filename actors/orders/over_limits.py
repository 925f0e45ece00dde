"""What each customer has over all shops, summed against the limits of the whole chain: for VerifyOrders, by a reading
of this module's own.

A limit takes nothing away, so only what was allowed under the limits in force tells that they were walked around: an
order placed, or a grant given, since they came. With the last of these the sum was within each limit, and what came
after was allowed beside it, except for holds from before the limits that were counted later: these are left out.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from actors.core.policy import ChainLimitRule, Policy
from actors.core.rejection import Violation
from actors.core.status import LIVE
from actors.orders.grants import Grant, is_of_no_call
from actors.orders.state import Collected, Order, Part, Since


class _Counted(NamedTuple):
    """What one order or grant has: units by SKU, and (SKU, units, when) of what was collected since `began_ms`.

    `allowed`: the SKUs of which the limits in force allowed all that it has, at `allowed_ms`. `number`: of a grant.
    `counted_ms`: of a hold that no call was granted, since when it counts.
    """

    channel: str
    held: dict[str, int]
    sold: tuple[tuple[str, int, int], ...]
    began_ms: int = 0
    allowed: tuple[str, ...] = ()
    allowed_ms: int = 0
    counted_ms: int = 0
    number: int = 0

    def units(self, sku: str, rule: ChainLimitRule, last_ms: int, now_ms: int) -> int:
        """The units that count, and counted when the last of all was allowed. What was collected since is known as one
        sum, of which some may have counted no more by then.
        """
        units = self.held.get(sku, 0)
        for its, sold, at_ms in self.sold:
            counted_then = at_ms <= last_ms or last_ms < self.began_ms + rule.collected_for_ms
            if its == sku and counted_then and now_ms < at_ms + rule.collected_for_ms:
                units += sold
        return units


def over_limits(
    policy: Policy,
    since: Since,
    customer_id: str,
    orders: Iterable[Order],
    grants: Iterable[Grant],
    collected: Iterable[Collected],
    now_ms: int,
) -> Iterator[Violation]:
    """Yield each limit that is exceeded by what counts for the customer."""
    by_number = {grant.number: grant for grant in grants}
    replaced = {grant.replaces for grant in by_number.values()}
    counted = [
        *(_of_order(order, since) for order in orders),
        *(_of_grant(grant, since, is_replaced=grant.number in replaced) for grant in by_number.values()),
        *(_Counted(row.channel, {}, ((row.sku, row.units, row.at_ms),)) for row in collected),
    ]
    for rule in policy.chain_limit_rules:
        under = [each for each in counted if rule.channel in ("", each.channel)]
        skus = {sku for each in under for sku in each.allowed if rule.sku in ("", sku)}
        for sku in sorted(skus) if rule.units_max else ():
            last_ms, beside = _beside_the_last(under, {sku})
            units = sum(each.units(sku, rule, last_ms, now_ms) for each in beside)
            if units > rule.units_max:
                subject = f"{sku} for {customer_id} over all shops"
                yield Violation("I15", subject, f"at most {rule.units_max}", str(units))
        if rule.open_reservations_max and skus:
            _, beside = _beside_the_last(under, skus)
            count = sum(1 for each in beside if (rule.sku in each.held if rule.sku else each.held))
            if count > rule.open_reservations_max:
                subject = f"{rule.sku or 'reservations'} for {customer_id} over all shops"
                yield Violation("I15", subject, f"open at most {rule.open_reservations_max}", str(count))


def _beside_the_last(under: list[_Counted], skus: set[str]) -> tuple[int, list[_Counted]]:
    """When the last of these SKUs was allowed, and all but the holds that were counted after it."""
    allowed = [each for each in under if not skus.isdisjoint(each.allowed)]
    last_ms = max(each.allowed_ms for each in allowed)
    last_number = max(each.number for each in allowed)
    return last_ms, [each for each in under if each.counted_ms < last_ms or each.number < last_number]


def _of_order(order: Order, since: Since) -> _Counted:
    held: dict[str, int] = {}
    sold = []
    for part in order.parts:
        for sku, units in _held(part):
            held[sku] = held.get(sku, 0) + units
        sold += [(sku, units, part.collected_at_ms) for sku, units in part.sold_by_sku(part.collected).items() if units]
    at_ms = order.created_at_ms
    allowed = {*held, *(sku for sku, _, _ in sold)} if at_ms > since.at_ms else ()
    return _Counted(order.channel, held, tuple(sold), at_ms, tuple(allowed), at_ms)


def _held(part: Part) -> list[tuple[str, int]]:
    """What the shop holds, without what an amendment gives back; that was not counted beside what replaces it."""
    if part.dropped or not part.reservation or part.status not in LIVE:
        return []
    return [(sku, units) for sku, units in part.wanted_by_sku().items() if units]


def _of_grant(grant: Grant, since: Since, *, is_replaced: bool) -> _Counted:
    held = {} if is_replaced else {sku: units for sku, units in grant.outstanding() if units}
    sold = tuple((sku, units, grant.collected_at_ms) for sku, units in grant.collected if units)
    at_ms, of_no_call = grant.granted_at_ms, is_of_no_call(grant)
    if of_no_call or grant.replaces:  # which may have been collected from before it was given
        return _Counted(grant.channel, held, sold, counted_ms=at_ms if of_no_call else 0, number=grant.number)
    is_allowed = grant.policy_version >= since.policy_version or at_ms > since.at_ms
    allowed = grant.checked if is_allowed else ()
    return _Counted(grant.channel, held, sold, at_ms, allowed, at_ms, number=grant.number)

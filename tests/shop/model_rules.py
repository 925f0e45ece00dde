"""What the rules say, as the naive model reads them: all of them, one after the other."""

from actors.core.policy import Policy
from actors.shop import commands as ask
from tests.shop.model_books import LIVE, Reservation, order_of


def rule_ms(policy: Policy, store_id: str, channel: str, sku: str) -> int:
    """Of the rules that fit: one that names the channel first, then one that names the SKU, then the shop."""
    best, best_rank = policy.ttl_ms_default, (-1, -1, -1)
    for rule in policy.ttl_rules:
        if rule.channel in ("", channel) and rule.sku in ("", sku) and rule.store_id in ("", store_id):
            rank = (int(rule.channel != ""), int(rule.sku != ""), int(rule.store_id != ""))
            if rank >= best_rank:
                best, best_rank = rule.ttl_ms, rank
    return best


def over_a_limit(
    policy: Policy, of_customer: list[Reservation], channel: str, asked: dict[str, int], part: ask.Claim | None
) -> str:
    """Which limit would be broken if a customer with these reservations were to hold more; for an order, if it were."""
    refusals = set()
    order = order_of(part.holder) if part else ""
    if part and part.whole:  # which comes instead of all that its order has
        asked = {sku: sum(units for other, units in part.whole if other == sku) for sku, _ in part.whole}
        of_customer = [other for other in of_customer if other.whose() != order]
    ways = {(other.whose(), other.channel) for other in of_customer if other.status in LIVE}
    for rule in policy.limit_rules:
        if rule.channel not in ("", channel) or (rule.sku and rule.sku not in asked):
            continue
        fitting = [
            other
            for other in of_customer
            if other.status in LIVE and (not rule.channel or (other.whose(), rule.channel) in ways)
        ]
        others = {other.whose() for other in fitting if not rule.sku or other.held(rule.sku)} - {order}
        if rule.open_reservations_max and len(others) + 1 > rule.open_reservations_max:
            refusals.add("OPEN_RESERVATIONS_LIMIT")
        for sku, units in asked.items():
            held = sum(other.held(sku) for other in fitting)
            if rule.units_max and rule.sku in ("", sku) and held + units > rule.units_max:
                refusals.add("UNITS_LIMIT")
    return min(refusals, default="")  # open reservations come first, by the alphabet as by precedence

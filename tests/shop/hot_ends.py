"""Both ends of what goes between shops and the ledgers of hot SKUs, by audits as of one moment, which a running service
does not have: it asks shops for their totals, one after the other.
"""

from collections.abc import Iterator, Mapping

from actors.core.rejection import Violation
from actors.shop.audit.books import AuditResult
from actors.shop.audit.hot import HOT_PREFIX
from actors.shop.state import Ledger


def across_hot(shops: Mapping[str, AuditResult], of_skus: Mapping[str, AuditResult]) -> Iterator[Violation]:
    """Yield where shops and the ledgers of hot SKUs, by SKU, say different things."""
    for sku, mine in of_skus.items():
        for store_id, (over, back, moved) in mine.hot.totals.items():
            if store_id in shops:
                handed, taken, came = shops[store_id].hot.totals.get(sku, (0, 0, 0))
                if over > handed or taken > back or came > moved:
                    there = f"{over} received, {back} given back, {moved} moved"
                    yield Violation("I20", f"{sku} of {store_id}", there, f"{handed}, {taken} and {came} in the shop")
    for store_id, shop in shops.items():
        for hot_id, (_, units) in shop.hot.moves.items():
            known = of_skus.get(hot_id.removeprefix(HOT_PREFIX).rpartition(":")[0])
            if known is not None and known.hot.moves.get(hot_id) != (store_id, units):
                yield Violation("I20", hot_id, f"{known.hot.moves.get(hot_id)} moved", f"{units} in {store_id}")


def assert_units_are_somewhere(shop: Ledger, hot: Ledger, sku: str) -> None:
    """What a shop has handed is with the ledger of the SKU, or under way."""
    mine, there = shop.hot.of(sku), hot.hot.of(shop.ledger_id)
    under_way = mine.over - there.over, there.back - mine.back, there.moved - mine.moved
    assert min(under_way) >= 0, f"{shop.ledger_id}: {mine} and {there}"
    position = hot.positions.get(shop.ledger_id)
    assert mine.left == sum(under_way) + (0 if position is None else position.on_hand)
    assert position is None or position.available >= 0

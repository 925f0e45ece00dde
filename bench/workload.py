"""The values of a workload: shops, orders, and the stock that the shops open with. Nothing here reads a file."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from random import Random
from statistics import linear_regression
from typing import Final, NamedTuple

QUANTITY_MIN: Final = 1
QUANTITY_MAX: Final = 50
"""Real lines beyond these are fuel sold by volume, or nothing at all."""

STOCK_FACTOR_MIN: Final = 0.9
STOCK_FACTOR_MAX: Final = 1.2
"""What a shop opens with, as a part of what will be asked of it."""

HOT_FACTOR_MIN: Final = 0.75
HOT_FACTOR_MAX: Final = 1.05
"""The same for a hot SKU, which runs short in most shops."""

HOT_PART: Final = 100
"""One product in so many is hot: the first by the number of its lines."""

ZIPF_RANK_FIRST: Final = 10
ZIPF_RANK_LAST: Final = 2_000


@dataclass(frozen=True, slots=True)
class Shop:
    """One shop of the chain."""

    store_id: str
    name: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Order:
    """One basket: lines of (SKU, units), no SKU twice, all in one shop."""

    basket_id: str
    store_id: str
    lines: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Workload:
    """Orders in the sequence of time, the shops they are for, and where both come from."""

    seed: int
    real: bool
    source: str
    notes: tuple[str, ...]
    shops: tuple[Shop, ...]
    orders: tuple[Order, ...]


class Opening(NamedTuple):
    """A position before the first order: units received, and of these sold over the counter already."""

    store_id: str
    sku: str
    received: int
    sold: int


class Skew(NamedTuple):
    """How unevenly lines fall on products and shops. Shares are of all lines, between 0 and 1."""

    lines: int
    products: int
    stores: int
    top_product: float
    top_10: float
    top_1_percent: float
    top_10_percent: float
    zipf_exponent: float
    busiest_store: float


def skew_of(orders: Sequence[Order]) -> Skew:
    """Measure orders of at least 2,000 products; the exponent is fitted over ranks 10 to 2,000, by least squares."""
    by_product = Counter(sku for order in orders for sku, _ in order.lines)
    by_store: Counter[str] = Counter()
    for order in orders:
        by_store[order.store_id] += len(order.lines)
    counts = sorted(by_product.values(), reverse=True)
    lines, products = sum(counts), len(counts)
    ranks = range(ZIPF_RANK_FIRST, min(ZIPF_RANK_LAST, products) + 1)
    fit = linear_regression([log(rank) for rank in ranks], [log(counts[rank - 1]) for rank in ranks])
    return Skew(
        lines,
        products,
        len(by_store),
        counts[0] / lines,
        sum(counts[:10]) / lines,
        sum(counts[: products // 100]) / lines,
        sum(counts[: products // 10]) / lines,
        -fit.slope,
        max(by_store.values()) / lines,
    )


def opening_stock(orders: Iterable[Order], seed: int) -> tuple[Opening, ...]:
    """What each shop opens with: what will be asked of it, times a factor drawn for each position.

    The units are rounded by a draw too, since most positions are asked for a single unit and rounding up would leave
    none of them short. Where nothing is left, half of the positions were never stocked, and of the others a customer
    in the shop took the last unit.
    """
    demand: Counter[tuple[str, str]] = Counter()
    lines: Counter[str] = Counter()
    for order in orders:
        for sku, quantity in order.lines:
            demand[order.store_id, sku] += quantity
            lines[sku] += 1
    hot = {sku for sku, _ in lines.most_common(len(lines) // HOT_PART)}
    draw = Random(f"stock:{seed}")
    openings = []
    for (store_id, sku), units in demand.items():
        least, most = (HOT_FACTOR_MIN, HOT_FACTOR_MAX) if sku in hot else (STOCK_FACTOR_MIN, STOCK_FACTOR_MAX)
        on_hand = int(units * draw.uniform(least, most) + draw.random())
        if on_hand:
            openings.append(Opening(store_id, sku, on_hand, 0))
        elif draw.random() < 0.5:
            openings.append(Opening(store_id, sku, 1, 1))
    return tuple(openings)

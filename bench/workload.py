"""Workloads: shops, orders, and the stock that the shops open with; and made-up orders with the skew of the real ones,
for where the real ones are absent. Nothing here reads a file.

Of the made-up ones, products and basket sizes are dealt out by quota and only shuffled by the seed, so that the skew
is the measured one under every seed and not merely near it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
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


# The skew of the data set's whole year, after the filter of 1 to 50 units: SOURCES.md beside the data.
TOP_PRODUCT: Final = 0.012
TOP_10: Final = 0.042
TOP_1_PERCENT: Final = 0.196
TOP_10_PERCENT: Final = 0.495
ZIPF_EXPONENT: Final = 0.64
BUSIEST_STORE: Final = 0.028
PRODUCTS: Final = 20_000

# Within the segments that those shares leave open. The head falls more gently than the rest, the tail more steeply;
# both are chosen so that no product outdoes one of a better rank.
HEAD_EXPONENT: Final = 0.3
TAIL_EXPONENT: Final = 2.6

# Measured on completejourney_transactions_2017_jan_jul.csv.gz after the same filter: 26,955 baskets of 42,952 lines.
# Baskets by their number of lines, 1 to 12.
BASKETS_BY_LINES: Final = (17_475, 5_671, 2_215, 939, 378, 166, 68, 26, 10, 4, 2, 1)
# Lines by units, per 10,000.
LINES_BY_UNITS: Final = {
    1: 7984,
    2: 1456,
    3: 274,
    4: 156,
    5: 49,
    6: 40,
    7: 4,
    8: 11,
    9: 4,
    10: 8,
    11: 1,
    12: 5,
    14: 1,
    15: 1,
    17: 1,
    24: 1,
}
# Lines of the shop of a rank, by rank; between these it is interpolated.
LINES_BY_STORE_RANK: Final = (
    (1, 1196),
    (2, 928),
    (16, 551),
    (31, 463),
    (46, 418),
    (61, 373),
    (76, 294),
    (91, 209),
    (106, 74),
    (121, 11),
    (136, 6),
    (151, 4),
    (166, 2),
    (181, 2),
    (196, 1),
    (211, 1),
    (226, 1),
    (231, 1),
)

SOURCE: Final = "seeded: made-up orders with the measured skew of the real ones (set --shared-data to replay those)"
NOTES: Final = ("Shops, places, products, customers, channels and opening stock are all drawn by the seed.",)


def seeded_workload(seed: int, orders_max: int | None) -> Workload:
    """As many baskets and lines as the real file has, or the first `orders_max` of them."""
    draw = Random(f"orders:{seed}")
    sizes = [lines for lines, count in enumerate(BASKETS_BY_LINES, start=1) for _ in range(count)]
    draw.shuffle(sizes)
    counts = lines_by_product(sum(sizes))
    skus = [f"{10_000_000 + rank}" for rank, count in enumerate(counts, start=1) for _ in range(count)]
    draw.shuffle(skus)
    shares = store_shares()
    store_ids = draw.choices([f"{300 + rank}" for rank in range(len(shares))], shares, k=len(sizes))
    units = draw.choices(list(LINES_BY_UNITS), list(LINES_BY_UNITS.values()), k=len(skus))
    orders = []
    at = 0
    for index, (size, store_id) in enumerate(zip(sizes, store_ids, strict=True)):
        _part_twins(skus, at, size, draw)
        lines = tuple(zip(skus[at : at + size], units[at : at + size], strict=True))
        orders.append(Order(f"{40_000_000_000 + index}", store_id, lines))
        at += size
    chosen = tuple(orders[:orders_max])
    shops = tuple(_shop(store_id, draw) for store_id in sorted({order.store_id for order in chosen}))
    return Workload(seed, real=False, source=SOURCE, notes=NOTES, shops=shops, orders=chosen)


def lines_by_product(lines: int) -> list[int]:
    """How many of so many lines each product takes, best rank first; every product takes at least one."""
    first_1, first_10 = PRODUCTS // 100, PRODUCTS // 10
    tail = PRODUCTS - first_10
    counts = [
        *_dealt(lines * TOP_PRODUCT, [1.0]),
        *_dealt(lines * (TOP_10 - TOP_PRODUCT), [rank**-HEAD_EXPONENT for rank in range(2, 11)]),
        *_dealt(lines * (TOP_1_PERCENT - TOP_10), [rank**-ZIPF_EXPONENT for rank in range(11, first_1 + 1)]),
        *_dealt(
            lines * (TOP_10_PERCENT - TOP_1_PERCENT),
            [rank**-ZIPF_EXPONENT for rank in range(first_1 + 1, first_10 + 1)],
        ),
    ]
    tail_lines = lines - sum(counts)
    extra = _dealt(tail_lines - tail, [rank**-TAIL_EXPONENT for rank in range(first_10 + 1, PRODUCTS + 1)])
    return sorted([*counts, *(1 + count for count in extra)], reverse=True)


def store_shares() -> list[float]:
    """The share of lines of each shop, busiest first."""
    counts: list[float] = []
    for (rank, here), (next_rank, there) in pairwise(LINES_BY_STORE_RANK):
        counts.extend(here + (there - here) * step / (next_rank - rank) for step in range(next_rank - rank))
    counts.append(LINES_BY_STORE_RANK[-1][1])
    others = sum(counts[1:])
    return [BUSIEST_STORE, *(count / others * (1 - BUSIEST_STORE) for count in counts[1:])]


def _dealt(total: float, weights: list[float]) -> list[int]:
    """A total dealt out by weights in whole numbers: what rounding takes from one, the next one gets."""
    scale = round(total) / sum(weights)
    edges = [round(edge * scale) for edge in accumulate(weights, initial=0.0)]
    return [after - before for before, after in pairwise(edges)]


def _part_twins(skus: list[str], at: int, size: int, draw: Random) -> None:
    """Swap a SKU that the basket has already for one of another basket: no real basket has a product twice."""
    for place in range(at + 1, at + size):
        while skus[place] in skus[at:place]:
            other = draw.randrange(place, len(skus))
            if other == place:
                return  # the last line of all: nothing is left to swap with
            skus[place], skus[other] = skus[other], skus[place]


def _shop(store_id: str, draw: Random) -> Shop:
    """A place somewhere between the coasts of the United States."""
    return Shop(store_id, f"Made-up shop {store_id}", round(draw.uniform(30, 45), 6), round(draw.uniform(-120, -75), 6))

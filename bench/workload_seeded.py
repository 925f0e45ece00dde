"""Made-up orders with the skew of the real ones, for where the real ones are absent.

Products and basket sizes are dealt out by quota and only shuffled by the seed, so that the skew is the measured one
under every seed and not merely near it.
"""

from itertools import accumulate, pairwise
from random import Random
from typing import Final

from bench.workload import Order, Shop, Workload

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

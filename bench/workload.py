"""What the demo replays: real orders of a supermarket chain, over the places of real shops of another, where the shared
data is there; made-up ones of the same skew where it is not. The same seed always gives the same.

The files are read, never shipped. Which files these are, where they come from and under which licence stands in
SOURCES.md beside them. Of made-up orders, products and basket sizes are dealt out by quota and only shuffled by the
seed, so that the skew is the measured one under every seed.
"""

import csv
import gzip
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

import numpy as np

QUANTITY_MIN: Final = 1
QUANTITY_MAX: Final = 50  # beyond these, real lines are fuel sold by volume, or nothing at all
STOCK_FACTORS: Final = (0.9, 1.2)  # what a shop opens with, as a part of what will be asked of it
HOT_FACTORS: Final = (0.75, 1.05)  # the same for a hot SKU, which runs short in most shops
HOT_PART: Final = 100  # one product in so many is hot: the first by the number of its lines


@dataclass(frozen=True, slots=True)
class Shop:
    """One shop of the chain."""

    store_id: str
    name: str
    latitude: float
    longitude: float


class Order(NamedTuple):
    """One basket: lines of (SKU, units), no SKU twice, all in one shop."""

    basket_id: str
    store_id: str
    lines: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Workload:
    """Orders in the sequence of time, the shops they are for, and where both come from."""

    seed: int
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
        on_hand = int(units * draw.uniform(*(HOT_FACTORS if sku in hot else STOCK_FACTORS)) + draw.random())
        if on_hand:
            openings.append(Opening(store_id, sku, on_hand, 0))
        elif draw.random() < 0.5:
            openings.append(Opening(store_id, sku, 1, 1))
    return tuple(openings)


# --- real orders -----------------------------------------------------------------------------------------------------

SHARED_DATA_VARIABLE: Final = "HOLDFAST_SHARED_DATA"
SHARED_DATA_DEFAULT: Final = Path(__file__).resolve().parents[1].parent / "shared" / "data"


class SharedDataMissing(Exception):
    """The folder that was asked for does not have the files."""


def load_workload(seed: int, *, shared_data: Path | None = None, orders_max: int | None = None) -> Workload:
    """Orders from `shared_data`, else from the folder of HOLDFAST_SHARED_DATA, else from ../shared/data, else made up.

    Raises SharedDataMissing where a folder was named and the files are not in it.
    """
    named = shared_data or named_folder()
    if named is not None and not is_present(named):
        raise SharedDataMissing(f"{named} has no {TRANSACTIONS_FILE}; name the folder that has it, or none at all")
    folder = named or SHARED_DATA_DEFAULT
    if is_present(folder):
        return real_workload(folder, seed, orders_max)
    return seeded_workload(seed, orders_max)


def named_folder() -> Path | None:
    """The folder that the environment names, if any."""
    return Path(value) if (value := os.environ.get(SHARED_DATA_VARIABLE)) else None


TRANSACTIONS_FILE: Final = "completejourney_transactions_2017_jan_jul.csv.gz"
SHOPS_FILE: Final = "walmart_store_openings_1962_2006.csv"

REAL_SOURCE: Final = (
    "Complete Journey, 43,584 real supermarket lines of January to July 2017 (bradleyboehmke/completejourney, CC0)"
)
REAL_NOTES: Final = (
    "The places are real shops (plotly/datasets, MIT), but which store id stands where is made up.",
    f"Lines of {QUANTITY_MIN} to {QUANTITY_MAX} units only: the others are fuel sold by volume, or empty.",
    "The file names no customers and no channels: both are drawn by the seed. So is the opening stock.",
)


def is_present(folder: Path) -> bool:
    """True where both files are there."""
    return all((folder / name).is_file() for name in (TRANSACTIONS_FILE, SHOPS_FILE))


def real_workload(folder: Path, seed: int, orders_max: int | None) -> Workload:
    """The first `orders_max` baskets of the file, all of them for None."""
    orders = tuple(islice(_read_orders(folder / TRANSACTIONS_FILE), orders_max))
    shops = _lay_over_places({order.store_id for order in orders}, folder / SHOPS_FILE)
    return Workload(seed, source=REAL_SOURCE, notes=REAL_NOTES, shops=shops, orders=orders)


def _read_orders(path: Path) -> Iterator[Order]:
    """Baskets by their time. The file is sorted by it, and a basket has one time and one store."""
    baskets: dict[str, tuple[str, dict[str, int]]] = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            quantity = int(float(row["quantity"]))
            if QUANTITY_MIN <= quantity <= QUANTITY_MAX:
                _, lines = baskets.setdefault(row["basket_id"], (row["store_id"], {}))
                lines[row["product_id"]] = lines.get(row["product_id"], 0) + quantity
    for basket_id, (store_id, lines) in baskets.items():
        yield Order(basket_id, store_id, tuple(lines.items()))


def _lay_over_places(store_ids: set[str], path: Path) -> tuple[Shop, ...]:
    """Store ids by their number, laid evenly over the places by theirs: made up, and the same on every run."""
    with path.open(encoding="utf-8", newline="") as file:
        places = sorted(csv.DictReader(file), key=lambda row: int(row["storenum"]))
    shops = []
    for index, store_id in enumerate(sorted(store_ids, key=int)):
        place = places[index * len(places) // len(store_ids)]
        name = f"{place['type_store']} {place['STRCITY']}, {place['STRSTATE']}"
        shops.append(Shop(store_id, name, float(place["LAT"]), float(place["LON"])))
    return tuple(shops)


# --- made-up orders --------------------------------------------------------------------------------------------------

PRODUCTS: Final = 20_000
# Lines of the product of a rank beyond the one that every product has, between these on straight lines of logarithms.
# They give the skew of the data set's whole year, after the filter of 1 to 50 units: SOURCES.md beside the data.
PRODUCT_RANKS: Final = (1, 2, 10, 50, 200, 500, 1_000, 2_000, PRODUCTS)
LINES_BEYOND: Final = (514.4, 189.1, 116.3, 43.2, 17.2, 9.0, 5.4, 3.1, 0.0076)
BUSIEST_STORE: Final = 0.028  # its share of all lines, in the whole year too

# Measured on completejourney_transactions_2017_jan_jul.csv.gz after the same filter: 26,955 baskets of 42,952 lines.
# Baskets by their number of lines, 1 to 12.
BASKETS_BY_LINES: Final = (17_475, 5_671, 2_215, 939, 378, 166, 68, 26, 10, 4, 2, 1)
# Lines by units, per 10,000.
UNITS: Final = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 17, 24)
LINES_BY_UNITS: Final = (7984, 1456, 274, 156, 49, 40, 4, 11, 4, 8, 1, 5, 1, 1, 1, 1)
# Lines of the shop of a rank after the busiest; between these it is interpolated.
STORE_RANKS: Final = (2, 16, 31, 46, 61, 76, 91, 106, 121, 136, 151, 166, 181, 196, 211, 226, 231)
LINES_BY_STORE: Final = (928, 551, 463, 418, 373, 294, 209, 74, 11, 6, 4, 2, 2, 1, 1, 1, 1)

SEEDED_SOURCE: Final = (
    "seeded: made-up orders with the measured skew of the real ones (set --shared-data to replay those)"
)
SEEDED_NOTES: Final = ("Shops, places, products, customers, channels and opening stock are all drawn by the seed.",)


def seeded_workload(seed: int, orders_max: int | None) -> Workload:
    """As many baskets and lines as the real file has, or the first `orders_max` of them."""
    draw = Random(f"orders:{seed}")
    sizes = [lines for lines, count in enumerate(BASKETS_BY_LINES, start=1) for _ in range(count)]
    draw.shuffle(sizes)
    counts = lines_by_product(sum(sizes))
    skus = [f"{10_000_000 + rank}" for rank, count in enumerate(counts, start=1) for _ in range(count)]
    draw.shuffle(skus)
    others = np.interp(np.arange(STORE_RANKS[0], STORE_RANKS[-1] + 1), STORE_RANKS, LINES_BY_STORE)
    shares = [BUSIEST_STORE, *(others / others.sum() * (1 - BUSIEST_STORE)).tolist()]  # busiest first
    store_ids = draw.choices([f"{300 + rank}" for rank in range(len(shares))], shares, k=len(sizes))
    units = draw.choices(UNITS, LINES_BY_UNITS, k=len(skus))
    orders = []
    at = 0
    for index, (size, store_id) in enumerate(zip(sizes, store_ids, strict=True)):
        _part_twins(skus, at, size, draw)
        lines = tuple(zip(skus[at : at + size], units[at : at + size], strict=True))
        orders.append(Order(f"{40_000_000_000 + index}", store_id, lines))
        at += size
    chosen = tuple(orders[:orders_max])
    shops = []
    for store_id in sorted({order.store_id for order in chosen}):
        # A place somewhere between the coasts of the United States.
        place = round(draw.uniform(30, 45), 6), round(draw.uniform(-120, -75), 6)
        shops.append(Shop(store_id, f"Made-up shop {store_id}", *place))
    return Workload(seed, source=SEEDED_SOURCE, notes=SEEDED_NOTES, shops=tuple(shops), orders=chosen)


def lines_by_product(lines: int) -> list[int]:
    """How many of so many lines each product takes, best rank first; every product takes at least one."""
    weights = np.exp(np.interp(np.log(np.arange(1, PRODUCTS + 1)), np.log(PRODUCT_RANKS), np.log(LINES_BEYOND)))
    # Dealt out in whole numbers: what rounding takes from one product, the next one gets.
    edges = np.rint(np.cumsum(weights) * (lines - PRODUCTS) / weights.sum()).astype(int)
    return sorted((1 + np.diff(edges, prepend=0)).tolist(), reverse=True)


def _part_twins(skus: list[str], at: int, size: int, draw: Random) -> None:
    """Swap a SKU that the basket has already for one of another basket: no real basket has a product twice."""
    for place in range(at + 1, at + size):
        while skus[place] in skus[at:place]:
            other = draw.randrange(place, len(skus))
            if other == place:
                return  # the last line of all: nothing is left to swap with
            skus[place], skus[other] = skus[other], skus[place]

"""What the demo and the load tests replay: real orders of a supermarket chain, over the places of real shops of
another, where the shared data is there; made-up ones of the same skew where it is not. The same seed gives the same,
always.

The files are read, never shipped. Which files these are, where they come from and under which licence stands in
SOURCES.md beside them.
"""

import csv
import gzip
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from bench.workload import QUANTITY_MAX, QUANTITY_MIN, Order, Shop, Workload, seeded_workload

SHARED_DATA_VARIABLE: Final = "HOLDFAST_SHARED_DATA"
SHARED_DATA_DEFAULT: Final = Path(__file__).resolve().parents[1].parent / "shared" / "data"


class SharedDataMissing(Exception):
    """The folder that was asked for does not have the files."""


def load_workload(seed: int, *, shared_data: Path | None = None, orders_max: int | None = None) -> Workload:
    """Orders from `shared_data`, else from the folder of HOLDFAST_SHARED_DATA, else from ../shared/data, else made up.

    Raises SharedDataMissing where a folder was named and the files are not in it.
    """
    named = shared_data or _from_environment()
    if named is not None and not is_present(named):
        raise SharedDataMissing(f"{named} has no {TRANSACTIONS_FILE}; name the folder that has it, or none at all")
    folder = named or SHARED_DATA_DEFAULT
    if is_present(folder):
        return real_workload(folder, seed, orders_max)
    return seeded_workload(seed, orders_max)


def _from_environment() -> Path | None:
    value = os.environ.get(SHARED_DATA_VARIABLE, "")
    return Path(value) if value else None


TRANSACTIONS_FILE: Final = "completejourney_transactions_2017_jan_jul.csv.gz"
SHOPS_FILE: Final = "walmart_store_openings_1962_2006.csv"

SOURCE: Final = (
    "Complete Journey, 43,584 real supermarket lines of January to July 2017 (bradleyboehmke/completejourney, CC0)"
)
NOTES: Final = (
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
    return Workload(seed, real=True, source=SOURCE, notes=NOTES, shops=shops, orders=orders)


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

"""What the demo and the load tests replay. The same seed gives the same workload, always.

Real orders where the shared data is there, made-up ones of the same skew where it is not.
"""

import os
from pathlib import Path
from typing import Final

from bench.workload_orders import Opening, Order, Shop, Skew, Workload, opening_stock, skew_of
from bench.workload_real import TRANSACTIONS_FILE, is_present, real_workload
from bench.workload_seeded import seeded_workload

__all__ = ["Opening", "Order", "Shop", "Skew", "Workload", "load_workload", "opening_stock", "skew_of"]

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

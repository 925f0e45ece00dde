"""The chain that the demo serves: the workload's shops, and rules that its orders run into."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import yaml

from bench.workload import Shop

POLICY: Final[dict[str, Any]] = {
    "ttl_default": "2h",
    "ttl_max": "7d",
    "collect_within": "2d",
    "ttl_rules": [
        {"channel": "app", "ttl": "30m"},
        {"channel": "marketplace", "ttl": "24h"},
    ],
    # Real baskets ask for up to 50 units of a SKU: the largest are refused.
    "limit_rules": [{"open_reservations_max": 3, "units_max": 20}],
}


def write_chain_file(path: Path, shops: Iterable[Shop]) -> None:
    """Stores and policy, as `python -m serve --chain-file` reads them."""
    stores = [
        {
            "store_id": shop.store_id,
            "name": shop.name,
            "latitude": shop.latitude,
            "longitude": shop.longitude,
        }
        for shop in shops
    ]
    path.write_text(yaml.safe_dump({"policy": POLICY, "stores": stores}, sort_keys=False), encoding="utf-8")

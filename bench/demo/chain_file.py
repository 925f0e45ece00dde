"""The chain that the demo serves: the workload's shops, and rules that its orders run into."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Final

import yaml

from bench.demo.across_plan import HOURS, LIMITS
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


LIMITS_ACROSS: Final = [
    {
        "channel": limit.channel,
        "sku": limit.sku,
        "open_reservations_max": limit.open_reservations_max,
        "units_max": limit.units_max,
        "collected_for": "1h" if limit.collected_counts else "0s",
    }
    for limit in LIMITS
]
"""What the second act adds while the service runs; a start after it finds it in the file."""


def write_chain_file(
    path: Path, shops: Iterable[Shop], with_slots: Collection[str] = (), *, limits_across: bool = False
) -> None:
    """Stores and policy, as `python -m serve --chain-file` reads them. `with_slots` are shops that have hours."""
    stores = [
        {
            "store_id": shop.store_id,
            "name": shop.name,
            "latitude": shop.latitude,
            "longitude": shop.longitude,
            **({"hours": HOURS} if shop.store_id in with_slots else {}),
        }
        for shop in shops
    ]
    policy = {**POLICY, "chain_limit_rules": LIMITS_ACROSS} if limits_across else POLICY
    content = yaml.safe_dump({"policy": policy, "stores": stores}, sort_keys=False)
    path.write_text(content, encoding="utf-8")

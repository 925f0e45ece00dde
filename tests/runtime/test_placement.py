"""Which actor writes a shop: the same for ever, since each has its own journal."""

from collections import Counter

import pytest

from actors.protocol.placement import Placement

# Written down once; a change here would part shops from their journals.
GOLDEN = [
    (0, "S1", "store-S1"),
    (0, "shop.with-all_9", "store-shop.with-all_9"),
    (1, "S1", "stores-0000-of-0001"),
    (2, "S1", "stores-0000-of-0002"),
    (2, "S2", "stores-0000-of-0002"),
    (8, "S042", "stores-0007-of-0008"),
    (8, "S043", "stores-0001-of-0008"),
    (1024, "S042", "stores-0183-of-1024"),
]


@pytest.mark.parametrize(("store_actors", "store_id", "actor"), GOLDEN)
def test_placement_never_changes(store_actors: int, store_id: str, actor: str) -> None:
    assert Placement(store_actors).actor_of(store_id) == actor


@pytest.mark.parametrize("store_actors", [2, 8, 64])
def test_shops_are_spread(store_actors: int) -> None:
    shares = Counter(Placement(store_actors).actor_of(f"S{number:03}") for number in range(100 * store_actors))
    assert len(shares) == store_actors
    assert max(shares.values()) < 200

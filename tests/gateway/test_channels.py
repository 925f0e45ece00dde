"""A basket that changes its channel: a shop's limits of the new one hold for all of it, and the shop's books say so."""

from itertools import count
from typing import Final

import pytest

from actors.core.status import LIVE
from holdfast.v1 import admin_service_pb2 as ad, error_pb2, order_pb2, reservation_service_pb2 as rs
from tests.gateway.front import Front, reserve_request
from tests.gateway.orders import BUYER, hosted, settle

STORE_IDS: Final = ("S1", "S2")
BY_PLACE: Final = order_pb2.Sourcing(place={}, policy=order_pb2.SOURCING_POLICY_SPLIT)
ANYWHERE: Final = ""
KEYS: Final = count()


@pytest.fixture
def limited(front: Front) -> Front:
    """Two units of A through the web, for one customer in one shop; five are there."""
    for store_id in STORE_IDS:
        front.receive("A", 5, store_id)
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.limit_rules.add(channel="web", sku="A", units_max=2)
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    return front


def reserve(front: Front, channel: str, units: int, store_id: str = ANYWHERE, basket_id: str = "b") -> str:
    """What became of it: who holds how many, or why not."""
    request = reserve_request(f"k{next(KEYS)}", "A", units, store_id)
    request.customer_id, request.basket_id, request.channel = BUYER, basket_id, channel
    if store_id == ANYWHERE:
        request.sourcing.CopyFrom(BY_PLACE)
    reply: rs.ReserveResponse = front.accept("Reserve", request)
    settle(front)
    if reply.HasField("rejection"):
        return error_pb2.Reason.Name(reply.rejection.reason).removeprefix("REASON_")
    return "held"


def books(front: Front) -> list[tuple[str, str, int]]:
    """What shops say that they hold: shop, channel and units."""
    return [
        (store_id, each.channel, sum(each.held()))
        for store_id in STORE_IDS
        for each in hosted(front, f"store-{store_id}", store_id).reservations.values()
        if each.status in LIVE
    ]


def test_over_shops_more_than_a_shops_limit_is_not_had_through_another_channel(limited: Front) -> None:
    assert reserve(limited, "app", 5) == "held"
    assert reserve(limited, "web", 5) == "NO_STORE_IN_REACH", "nothing more is wanted, and S1 allows two"
    assert books(limited) == [("S1", "app", 5)], "as it was"
    assert reserve(limited, "web", 2) == "held"
    assert books(limited) == [("S1", "web", 2)]
    assert reserve(limited, "web", 1, "S1", "other") == "UNITS_LIMIT"


def test_what_is_added_through_another_channel_counts_with_what_is_kept(limited: Front) -> None:
    assert reserve(limited, "app", 1) == "held"
    assert reserve(limited, "web", 2) == "held"
    assert books(limited) == [("S1", "web", 1), ("S1", "web", 1)]
    assert reserve(limited, "web", 1, "S1", "other") == "UNITS_LIMIT"
    assert reserve(limited, "app", 9) == "held"
    assert {channel for _, channel, _ in books(limited)} == {"app"}
    assert reserve(limited, "web", 1, "S1", "other") == "held", "the basket has left the web"


def test_of_what_is_kept_nothing_has_to_be_in_stock_anew(limited: Front) -> None:
    assert reserve(limited, "web", 2) == "held"
    assert reserve(limited, "app", 3, "S1", "other") == "held"
    assert reserve(limited, "app", 2) == "held"
    assert sorted(books(limited)) == [("S1", "app", 2), ("S1", "app", 3)]


def test_in_one_shop_by_its_name_a_basket_is_checked_as_it_will_be(limited: Front) -> None:
    assert reserve(limited, "app", 5, "S1") == "held"
    assert reserve(limited, "web", 3, "S1") == "UNITS_LIMIT"
    assert books(limited) == [("S1", "app", 5)]
    assert reserve(limited, "web", 2, "S1") == "held"
    assert reserve(limited, "web", 1, "S1", "other") == "UNITS_LIMIT"
    assert reserve(limited, "app", 5, "S1") == "held"
    assert books(limited) == [("S1", "app", 5)]

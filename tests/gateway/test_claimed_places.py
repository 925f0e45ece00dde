"""Places in a slot that undecided orders have claimed: not free for others, and no reason to refuse one for good."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from actors.orders.parts import never_placed
from actors.shop import commands as shop
from holdfast.v1 import (
    admin_service_pb2 as ad,
    error_pb2,
    order_pb2,
    order_service_pb2 as os_,
    reservation_service_pb2 as rs,
    store_pb2,
)
from tests.gateway.front import Front
from tests.gateway.orders import HERS, say
from tests.gateway.test_contended_claims import OTHERS, parts_of
from tests.runtime.runtime_fixture import ManualClock


def ms(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp() * 1_000)


NOW_MS: Final = ms("2026-11-21T09:00+00:00")
AT_TWO_MS: Final = ms("2026-11-21T14:00+00:00")
ONE_PLACE: Final[dict[str, Any]] = {
    "zone": "UTC",
    "weekly": [{"intervals": [{"open_minute": 540, "close_minute": 1_080}]}] * 7,
    "slot_minutes": 60,
    "staff": [{"duties": [{"to_minute": 1_440, "staff": 1}]}] * 7,
    "pickups_per_staff_hour": 1,
}
POLICIES: Final = [
    order_pb2.SOURCING_POLICY_ONE_STORE,
    order_pb2.SOURCING_POLICY_SPLIT,
    order_pb2.SOURCING_POLICY_PARTIAL,
]


@pytest.fixture
def claimed(tmp_path: Path) -> Iterator[Front]:
    """S1 has one place at two, which is claimed, and enough of A."""
    with Front(tmp_path, ManualClock(NOW_MS)) as front:
        one = store_pb2.Store(store_id="S1", latitude=0.0, longitude=0.0, hours=ONE_PLACE)
        front.accept("PutStores", ad.PutStoresRequest(stores=[one]))
        front.receive("A", 9)
        say(front, "S1", claim(OTHERS))
        yield front


def claim(number: int, slot_start_ms: int = AT_TWO_MS) -> shop.Command:
    holder = f"{HERS.removeprefix('customers/')}/{number}.1"
    return shop.Claim(shop.claim_key(holder), holder, "bob", "web", (("A", 1),), slot_start_ms)


def asked(policy: order_pb2.SourcingPolicy, key: str = "k", basket_id: str = "") -> rs.ReserveRequest:
    return rs.ReserveRequest(
        idempotency_key=key,
        customer_id="ann",
        channel="web",
        basket_id=basket_id,
        lines=[{"sku": "A", "quantity": 2}],
        slot_start={"seconds": AT_TWO_MS // 1_000},
        sourcing=order_pb2.Sourcing(place={}, policy=policy),
    )


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("basket_id", ["", "b"])
def test_an_order_waits_for_a_place_that_is_only_claimed(
    claimed: Front, policy: order_pb2.SourcingPolicy, basket_id: str
) -> None:
    contended = claimed.ask("Reserve", asked(policy, basket_id=basket_id), timeout_ms="300")
    assert contended.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), contended
    say(claimed, "S1", never_placed(HERS, OTHERS))
    assert parts_of(claimed.accept("Reserve", asked(policy, basket_id=basket_id))) == ["S1"]
    refused = claimed.accept("Reserve", asked(policy, "k2")).rejection
    assert refused.reason == error_pb2.REASON_NO_STORE_IN_REACH, "now it is taken for good"


def test_a_place_that_is_had_is_refused_at_once(claimed: Front) -> None:
    """Of an order with another part in the slot, letting go of one claim frees nothing."""
    say(claimed, "S1", never_placed(HERS, OTHERS))
    assert parts_of(claimed.accept("Reserve", asked(POLICIES[1], "k1"))) == ["S1"]
    say(claimed, "S1", claim(OTHERS + 1, AT_TWO_MS + 3_600_000))
    refused = claimed.accept("Reserve", asked(POLICIES[1])).rejection
    assert refused.reason == error_pb2.REASON_NO_STORE_IN_REACH


def test_advice_counts_no_claimed_place_as_free(claimed: Front) -> None:
    slots = claimed.accept("ListSlots", os_.ListSlotsRequest(store_id="S1")).slots
    assert next(slot.left for slot in slots if slot.start.seconds == AT_TWO_MS // 1_000) == 0
    request = os_.FindStoresRequest(
        lines=[{"sku": "A", "quantity": 1}],
        channel="web",
        sourcing=order_pb2.Sourcing(place={}),
        slot_start={"seconds": AT_TWO_MS // 1_000},
    )
    assert not claimed.accept("FindStores", request).plan

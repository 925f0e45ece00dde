"""A channel's quota of a hot SKU, through gateways: its own, and nobody else's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.v1 import (
    admin_service_pb2 as ad,
    allotment_pb2,
    allotment_service_pb2 as als,
    error_pb2,
    reservation_service_pb2 as rs,
)
from serve.routing.sold_out import SoldOut
from tests.gateway.front import Front
from tests.gateway.hot import OtherGateway, again, demote, first, promote, release, sold, tidy
from tests.runtime.runtime_fixture import ManualClock

SOLD_OUT = error_pb2.REASON_INSUFFICIENT_STOCK
REUSED = error_pb2.REASON_IDEMPOTENCY_KEY_REUSED


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """Five of H in S1, two of them for the channel app, and the others with the ledger of H."""
    with Front(tmp_path, ManualClock()) as front:
        front.receive("H", 5)
        request = als.AllotStockRequest(
            idempotency_key="quota", store_id="S1", holder_kind=allotment_pb2.HOLDER_KIND_CHANNEL, holder="app"
        )
        request.lines.add(sku="H", quantity=2)
        request.ttl.FromSeconds(3_600)
        assert front.accept("AllotStock", request).HasField("allotment")
        promote(front)
        yield front


def of(channel: str, key: str, units: int = 1) -> rs.ReserveRequest:
    request = again(first(key, units=units))
    request.channel = channel
    request.customer_id = key
    return request


def shop_of(answer: Any) -> str:
    return str(answer.reservation.reservation_id.partition(":")[0])


def test_the_channel_gets_it_and_nobody_else_does(front: Front) -> None:
    assert shop_of(front.accept("Reserve", of("web", "w", 3))) == "hot/H"
    assert front.accept("Reserve", of("web", "x")).rejection.reason == SOLD_OUT
    held = front.accept("Reserve", of("app", "a"))
    assert shop_of(held) == "S1"
    other = OtherGateway(front)
    assert other.accept("Reserve", of("app", "a")).reservation == held.reservation
    assert front.accept("Reserve", of("app", "a", 2)).rejection.reason == REUSED
    assert shop_of(other.accept("Reserve", of("app", "b"))) == "S1"
    assert front.accept("Reserve", of("app", "c")).rejection.reason == SOLD_OUT
    assert sold(front) == 5
    release(front, held.reservation.reservation_id)
    assert front.accept("Reserve", of("web", "y")).rejection.reason == SOLD_OUT
    assert shop_of(front.accept("Reserve", of("app", "d"))) == "S1"
    assert front.accept("Reserve", of("app", "a")).reservation.reservation_id == held.reservation.reservation_id
    other.close()


def test_in_a_batch_and_with_stamps(front: Front) -> None:
    stamp = front.accept("Reserve", of("web", "w", 3)).key_stamp
    batch = rs.ReserveBatchRequest(
        requests=[of(channel, f"{number}{stamp}") for number, channel in enumerate(("app", "web", "app", "app"))]
    )
    told = front.accept("ReserveBatch", batch).outcomes
    assert [shop_of(each) for each in told].count("S1") == 2
    assert told[1].rejection.reason == SOLD_OUT
    assert [shop_of(each) for each in front.accept("ReserveBatch", batch).outcomes] == list(map(shop_of, told))
    assert sold(front) == 5


def test_what_all_may_have_and_the_quota_add_up(front: Front) -> None:
    assert shop_of(front.accept("Reserve", of("web", "w", 2))) == "hot/H"
    assert front.accept("Reserve", of("web", "x", 2)).rejection.reason == SOLD_OUT
    assert shop_of(front.accept("Reserve", of("app", "a", 3))) == "S1"
    assert sold(front) == 5


def test_it_stays_the_shops_over_a_demotion(front: Front) -> None:
    front.accept("Reserve", of("web", "w", 3))
    held = front.accept("Reserve", of("app", "a")).reservation
    demote(front)
    tidy(front)
    assert front.accept("Reserve", of("app", "a")).reservation == held
    promote(front)
    assert front.accept("Reserve", of("app", "a")).reservation == held
    assert shop_of(front.accept("Reserve", of("app", "b"))) == "S1"
    assert sold(front) == 5


def test_under_a_limit_of_the_chain_too(front: Front) -> None:
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.chain_limit_rules.add(sku="H", units_max=3)
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    assert shop_of(front.accept("Reserve", of("web", "w", 3))) == "hot/H"
    assert shop_of(front.accept("Reserve", of("app", "a"))) == "S1"
    over = of("app", "b")
    over.customer_id = "w"
    assert front.accept("Reserve", over).rejection.reason == error_pb2.REASON_UNITS_LIMIT
    assert sold(front) == 4


def test_who_asks_for_more_than_the_quota_has_left_does_not_have_others_of_the_channel_refused(front: Front) -> None:
    """A hint says that there is nothing: the ledger of the SKU has none, and the channel has some in the shop."""
    front.gateway._router.sold_out = SoldOut(15.0)
    front.accept("Reserve", of("web", "w", 3))

    def asked(channel: str, key: str, units: int = 1) -> Any:
        request = of(channel, key, units)
        request.first_attempt = True
        return front.accept("Reserve", request)

    assert asked("app", "a", 3).rejection.reason == SOLD_OUT
    assert shop_of(asked("app", "b")) == "S1"
    assert shop_of(asked("app", "c")) == "S1"
    assert asked("app", "d").rejection.reason == SOLD_OUT
    assert asked("app", "e").rejection.by_hint, "now there is nothing"
    assert not asked("web", "x").rejection.by_hint
    assert asked("web", "y").rejection.by_hint

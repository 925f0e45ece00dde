"""Limits of the whole chain on a hot SKU: one for each customer, whatever ledger decides."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.v1 import admin_service_pb2 as ad, error_pb2, reservation_service_pb2 as rs
from serve.coordination.grants import Reports
from serve.coordination.reconciler import CLAIM_AGE_MS
from tests.gateway.front import Front
from tests.gateway.hot import OtherGateway, again, confirm, demote, first, promote, release, sold, tidy
from tests.gateway.orders import settle
from tests.runtime.runtime_fixture import ManualClock

UNITS = 10
SHOPS = ("S1", "S2", "S3")
LIMIT, SHORT = error_pb2.REASON_UNITS_LIMIT, error_pb2.REASON_INSUFFICIENT_STOCK


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """Ten of H in each of three shops, one for each customer."""
    with Front(tmp_path, ManualClock()) as front:
        for store_id in SHOPS:
            front.receive("H", UNITS, store_id)
        limit(front)
        yield front


def limit(front: Front) -> None:
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.chain_limit_rules.add(sku="H", units_max=1)
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))


def by(customer: str, key: str, store_id: str = "S1") -> rs.ReserveRequest:
    request = first(key, store_id)
    request.customer_id = customer
    return request


def is_sound(front: Front) -> bool:
    settle(front)
    told = front.accept("VerifyOrders", ad.VerifyOrdersRequest())
    assert not told.discrepancies, told
    return bool(told.holds)


def test_a_customer_has_one_wherever_it_is_decided(front: Front) -> None:
    before = front.accept("Reserve", by("ann", "k0")).reservation
    assert before.reservation_id.startswith("S1:")
    promote(front)
    assert front.accept("Reserve", by("ann", "k1", "S2")).rejection.reason == LIMIT
    held = front.accept("Reserve", by("bob", "k2", "S2")).reservation
    assert held.reservation_id.startswith("hot/H:")
    assert front.accept("Reserve", by("bob", "k3", "S3")).rejection.reason == LIMIT
    demote(front)
    tidy(front)
    assert front.accept("Reserve", by("bob", "k4", "S1")).rejection.reason == LIMIT
    release(front, held.reservation_id)
    settle(front)
    assert front.accept("Reserve", by("bob", "k5", "S1")).reservation.reservation_id
    assert is_sound(front)


def test_one_that_moved_into_its_shop_counts_on(front: Front) -> None:
    promote(front)
    held = front.accept("Reserve", by("ann", "k1", "S2")).reservation
    confirmed = confirm(front, held.reservation_id).reservation
    assert confirmed.reservation_id.startswith("S2:")
    assert is_sound(front)
    assert front.accept("Reserve", by("ann", "k2")).rejection.reason == LIMIT
    release(front, confirmed.reservation_id)
    settle(front)
    assert front.accept("Reserve", by("ann", "k3")).reservation.reservation_id
    assert is_sound(front)


@pytest.mark.parametrize("batched", [False, True])
def test_the_herd_gets_one_each_and_every_unit(front: Front, *, batched: bool) -> None:
    """Two calls of each customer at once, in different shops, more than there are units."""
    promote(front)
    requests = [by(f"c{number // 2}", f"k{number}", SHOPS[number % 3]) for number in range(2 * 3 * UNITS + 40)]

    async def single() -> list[rs.ReserveResponse]:
        return [answer.reply for answer in await asyncio.gather(*(front.asked("Reserve", each) for each in requests))]

    if batched:
        answers = list(front.accept("ReserveBatch", rs.ReserveBatchRequest(requests=requests)).outcomes)
    else:
        answers = front.run(single)
    held = Counter(
        request.customer_id for request, answer in zip(requests, answers, strict=True) if answer.HasField("reservation")
    )
    assert set(held.values()) == {1}
    assert len(held) == sold(front) == 3 * UNITS
    reasons = {answer.rejection.reason for answer in answers if answer.HasField("rejection")}
    assert reasons <= {LIMIT, SHORT}
    assert is_sound(front)


def test_nobody_is_refused_for_a_grant_that_came_to_nothing(front: Front) -> None:
    """A gateway that is sent on to another ledger asks for another grant: the first one does not count beside it."""
    other = OtherGateway(front)
    promote(front)
    for turn in range(3):
        key = f"k{turn}"
        request = by(f"c{turn}", key)
        request.first_attempt = turn > 0
        assert other.accept("Reserve", request).HasField("reservation")
        assert front.accept("Reserve", again(request)).HasField("reservation")
        demote(front)
        request = by(f"d{turn}", f"{key} closed")
        assert other.accept("Reserve", request).HasField("reservation"), "it still thinks that it is open"
        tidy(front)
        promote(front)
    assert is_sound(front)
    other.close()


@pytest.mark.parametrize("is_amended", [True, False])
def test_a_grant_of_what_moved_before_anything_was_told_of_it_ends(
    front: Front, monkeypatch: pytest.MonkeyPatch, is_amended: bool
) -> None:
    """Its shop holds by another grant when it is asked: the first one, of which it never told, would count for ever."""
    policy = front.accept("GetPolicy", ad.GetPolicyRequest()).policy
    policy.chain_limit_rules[0].units_max = 2
    front.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    promote(front)
    monkeypatch.setattr(Reports, "add", lambda *_: None)  # lost
    held = front.accept("Reserve", by("ann", "k1", "S2")).reservation
    confirmed = confirm(front, held.reservation_id).reservation
    if is_amended:
        more = rs.AmendReservationRequest(idempotency_key="a1", reservation_id=confirmed.reservation_id)
        more.lines.add(sku="H", quantity=2)
        assert front.accept("AmendReservation", more).WhichOneof("result") == "reservation"
    front.clock.move(CLAIM_AGE_MS + 1)
    assert is_sound(front)
    release(front, confirmed.reservation_id)
    settle(front)
    again = by("ann", "k2", "S1")
    again.lines[0].quantity = 2
    assert front.accept("Reserve", again).reservation.reservation_id

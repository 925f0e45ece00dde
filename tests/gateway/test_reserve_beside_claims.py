"""A reservation in a named shop beside units that undecided orders have claimed: UNAVAILABLE, its key is free."""

from typing import Any, Final

import grpc
import pytest

from actors.orders.parts import never_placed
from holdfast.v1 import admin_service_pb2 as ad, error_pb2, reservation_service_pb2 as rs
from tests.gateway.front import Front, reserve_request
from tests.gateway.orders import BUYER, HERS, customers, say, settle
from tests.gateway.test_contended_claims import OTHERS, claim

MINUTE_MS: Final = 60_000


@pytest.fixture
def contended(front: Front) -> Front:
    """Two of the three B that S1 has are claimed."""
    front.receive("B", 3)
    say(front, "S1", claim("B", 2))
    return front


def undecided(answer: Any) -> bool:
    return (
        answer.code is grpc.StatusCode.UNAVAILABLE and answer.reason == "ORDER_UNDECIDED" and answer.retry_after_ms > 0
    )


def asked(key: str, units: int = 2) -> rs.ReserveRequest:
    request = reserve_request(key, "B", units)
    request.customer_id = BUYER
    return request


@pytest.mark.parametrize("limited", [False, True])
def test_it_is_had_once_the_claim_is_let_go_of(contended: Front, limited: bool) -> None:
    if limited:
        policy = contended.accept("GetPolicy", ad.GetPolicyRequest()).policy
        policy.chain_limit_rules.add(sku="B", units_max=3)
        contended.accept("SetPolicy", ad.SetPolicyRequest(policy=policy))
    version = contended.version()
    answer = contended.ask("Reserve", asked("k"))
    assert undecided(answer), answer
    assert "claimed by an order" in answer.message
    settle(contended)
    if limited:
        assert not customers(contended).grants.by_number, "what was granted is given back"
    else:
        assert contended.version() == version, "nothing is recorded"
    say(contended, "S1", never_placed(HERS, OTHERS))
    assert contended.accept("Reserve", asked("k")).reservation.reservation_id
    settle(contended)
    refused = contended.accept("Reserve", asked("k2")).rejection
    assert refused.reason in (error_pb2.REASON_INSUFFICIENT_STOCK, error_pb2.REASON_UNITS_LIMIT)


def test_more_than_there_ever_is_is_refused_at_once(contended: Front) -> None:
    refused = contended.accept("Reserve", asked("k", 4)).rejection
    assert (refused.reason, refused.short_lines[0].available) == (error_pb2.REASON_INSUFFICIENT_STOCK, 1)


def test_one_of_a_batch_waits_alone(contended: Front) -> None:
    reply = contended.accept(
        "ReserveBatch", rs.ReserveBatchRequest(requests=[asked("k1", 1), asked("k2"), asked("k3", 9)])
    )
    first, second, third = reply.outcomes
    assert first.HasField("reservation")
    assert (second.error.code, second.error.reason) == (grpc.StatusCode.UNAVAILABLE.value[0], "ORDER_UNDECIDED")
    assert second.error.retry_after.ToMilliseconds() > 0
    assert third.rejection.reason == error_pb2.REASON_INSUFFICIENT_STOCK


def test_an_amendment_to_more_waits_too(contended: Front) -> None:
    held = contended.accept("Reserve", asked("k", 1)).reservation
    request = rs.AmendReservationRequest(
        idempotency_key="a", reservation_id=held.reservation_id, lines=[{"sku": "B", "quantity": 2}]
    )
    assert undecided(contended.ask("AmendReservation", request))
    say(contended, "S1", never_placed(HERS, OTHERS))
    assert contended.accept("AmendReservation", request).reservation.lines[0].quantity == 2


def test_a_claim_that_nobody_decides_is_no_news_under_way(contended: Front) -> None:
    contended.clock.move(9 * MINUTE_MS)
    assert undecided(contended.ask("Reserve", asked("k")))
    contended.clock.move(MINUTE_MS)
    assert contended.accept("Reserve", asked("k")).rejection.reason == error_pb2.REASON_INSUFFICIENT_STOCK

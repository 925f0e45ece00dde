"""A till may be faster than the news: a step in a shop that has not heard of its order's commit is asked again."""

import grpc
import pytest

from actors.core.status import ReleaseReason, Status
from actors.shop import commands as shop
from holdfast.v1 import reservation_service_pb2 as rs
from tests.gateway.front import Front
from tests.gateway.orders import say

HOLDER = "0007/1.1"


@pytest.mark.parametrize("batched", [False, True])
def test_a_part_is_collected_under_the_key_that_came_too_early(front: Front, batched: bool) -> None:
    front.receive("A")
    say(front, "S1", shop.Claim(shop.claim_key(HOLDER), HOLDER, "ann", "web", (("A", 1),), 0))
    number = front.version()
    request = rs.CollectReservationRequest(
        idempotency_key="p1", reservation_id=f"S1:{number}", payment_reference="receipt 7"
    )
    if batched:
        (early,) = front.accept("CollectBatch", rs.CollectBatchRequest(requests=[request])).outcomes
        assert early.error.code == grpc.StatusCode.UNAVAILABLE.value[0]
    else:
        early = front.ask("CollectReservation", request)
        assert (early.code, early.reason) == (grpc.StatusCode.UNAVAILABLE, "ORDER_UNDECIDED")
        assert early.retry_after_ms > 0
    say(front, "S1", shop.ApplyOutcome(HOLDER, 1, Status.HELD, 1_800_000_000_000, ReleaseReason.OTHER, ()))
    collected = front.accept("CollectReservation", request).reservation
    assert [line.collected for line in collected.lines] == [1]

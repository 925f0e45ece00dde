"""A till may be faster than the news: a step in a shop that has not heard of its order's commit is asked again. So is
one from the deadline on that the shop knows, which is a lease: the order may go on, or have ended.
"""

from typing import Any

import grpc
import pytest

from actors.core.ids import format_order_id
from actors.core.policy import HOUR_MS
from actors.core.status import ReleaseReason, Status
from actors.orders.state import Order
from actors.shop import commands as shop
from holdfast.v1 import order_service_pb2 as os_, reservation_service_pb2 as rs
from tests.gateway.front import Answer, Front
from tests.gateway.orders import CUSTOMERS, HERS, hosted, ordered, say, settle

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


def collected(front: Front, order: Order) -> Answer:
    """The part in S1 collected, under one key."""
    (part,) = (part for part in order.certain_parts() if part.store_id == "S1")
    return front.ask(
        "CollectReservation",
        rs.CollectReservationRequest(
            idempotency_key="p1", reservation_id=f"S1:{part.reservation}", payment_reference="receipt 7"
        ),
        timeout_ms="300",
    )


def reserved(front: Front) -> int:
    ledger: Any = hosted(front, "store-S1", "S1")
    return int(ledger.positions["A"].reserved)


@pytest.mark.parametrize("pushed", [False, True])
def test_a_shop_that_has_not_heard_of_an_extension_does_not_end_the_part(front: Front, pushed: bool) -> None:
    """The news comes with a round of deliveries, or with the shop's own question."""
    order = ordered(front)
    settle(front)
    front.gateway._reconciler.close()
    extend = os_.ExtendOrderRequest(idempotency_key="e1", order_id=format_order_id(HERS, order.number))
    extend.ttl.FromMilliseconds(48 * HOUR_MS)

    async def main() -> None:
        gate = front.actors.hold("store-S1")
        answer = await front.asked("ExtendOrder", extend, timeout_ms="300")
        assert answer.code is grpc.StatusCode.OK
        gate.set()

    front.run(main)
    front.clock.move(24 * HOUR_MS)
    early = collected(front, order)
    assert (early.code, early.reason) == (grpc.StatusCode.UNAVAILABLE, "ORDER_UNDECIDED")
    assert reserved(front) == 1
    reconciler = front.gateway._reconciler
    front.run(reconciler.deliver if pushed else reconciler.collect_reports)
    assert collected(front, order).reply.reservation.lines[0].collected == 1


def test_a_part_is_held_beyond_its_lease_while_its_owner_is_away_and_ends_on_its_word(front: Front) -> None:
    order = ordered(front)
    settle(front)
    front.gateway._reconciler.close()
    front.clock.move(24 * HOUR_MS)

    async def main() -> None:
        gate = front.actors.hold(CUSTOMERS)
        store = front.actors.store_actor("store-S1")
        assert store.host.sweep() == 0
        gate.set()

    front.run(main)
    assert collected(front, order).reason == "ORDER_UNDECIDED"
    assert reserved(front) == 1
    front.run(front.gateway._reconciler.collect_reports)
    assert collected(front, order).reply.rejection.reason, "expired"
    assert reserved(front) == 0

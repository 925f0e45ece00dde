"""A call has one deadline, from its beginning: nothing that is sent within it is decided later."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message

from actors.core.ids import format_order_id
from actors.orders.state import Order
from actors.runtime.kinds import CUSTOMERS as CUSTOMERS_CORE, SHOP
from holdfast.v1 import order_service_pb2 as os_, reservation_service_pb2 as rs
from tests.gateway.front import Front
from tests.gateway.orders import CUSTOMERS, HERS, ordered, settle
from tests.gateway.test_limits import asked, limit

TIMEOUT_MS = 300


def sent_by(front: Front, method: str, request: Message, actor: str) -> list[tuple[Any, int]]:
    """What a call sends while the actor hangs: commands, and how long beyond that of the first they may be decided."""
    before = len(front.actors.calls)

    async def main() -> None:
        gate = front.actors.hold(actor)
        await front.asked(method, request, timeout_ms=str(TIMEOUT_MS))
        gate.set()

    front.gateway._reconciler.close()  # it sends on its own account
    front.run(main)
    sent = [
        (command, deadline_ms)
        for name, called, args in front.actors.calls[before:]
        if called == "step"
        for _, deadline_ms, command in (CUSTOMERS_CORE if name == CUSTOMERS else SHOP).read_batch(args[0])[1]
    ]
    return [(command, deadline_ms - sent[0][1]) for command, deadline_ms in sent]


def collect_part(order: Order) -> Message:
    (first, *_) = order.certain_parts()
    reservation_id = f"{first.store_id}:{first.reservation}"
    return rs.CollectReservationRequest(
        idempotency_key="c", reservation_id=reservation_id, payment_reference="receipt 7"
    )


def collect_order(order: Order) -> Message:
    order_id = format_order_id(HERS, order.number)
    return os_.CollectOrderRequest(idempotency_key="c", order_id=order_id, payment_reference="receipt 7")


def release_order(order: Order) -> Message:
    return os_.ReleaseOrderRequest(
        idempotency_key="r", order_id=format_order_id(HERS, order.number), reason="RELEASE_REASON_OTHER"
    )


@pytest.mark.parametrize(
    ("method", "request_of", "hangs"),
    [
        ("CollectReservation", collect_part, CUSTOMERS),
        ("CollectOrder", collect_order, "store-S2"),
        ("ReleaseOrder", release_order, "store-S2"),
    ],
)
def test_what_a_call_sends_is_not_decided_after_its_deadline(
    front: Front, method: str, request_of: Callable[[Order], Message], hangs: str
) -> None:
    order = ordered(front)
    settle(front)
    sent = sent_by(front, method, request_of(order), hangs)
    assert len(sent) > 1
    assert [command for command, beyond_ms in sent if beyond_ms > 0] == []


def test_a_grant_is_asked_for_within_the_deadline_of_its_call(front: Front) -> None:
    limit(front, 3)
    sent = sent_by(front, "Reserve", asked("k1"), "store-S1")
    assert len(sent) > 1
    assert [command for command, beyond_ms in sent if beyond_ms > 0] == []

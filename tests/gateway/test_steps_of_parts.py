"""Steps of parts of orders in their shops: what a shop decided is answered, whoever else is away."""

import asyncio
from pathlib import Path
from typing import Final

from google.protobuf.message import Message

from actors.core.ids import format_order_id
from actors.orders.state import Order, Part
from holdfast.v1 import order_service_pb2 as os_, reservation_service_pb2 as rs
from tests.gateway.front import Answer, Front
from tests.gateway.orders import BUYER, CUSTOMERS, HERS, customers, ordered, settle
from tests.runtime.loop_time import skip
from tests.runtime.runtime_fixture import WAIT_S, ManualClock
from tests.waiting import until_async

ATTEMPT_S: Final = 2.5  # how long our client waits for one attempt
STEP_S: Final = 0.1


def collect(order: Order, part: Part) -> rs.CollectReservationRequest:
    """Hand over what one shop holds."""
    return rs.CollectReservationRequest(
        idempotency_key=f"c{order.number}",
        reservation_id=f"{part.store_id}:{part.reservation}",
        payment_reference="p1",
    )


async def in_one_attempt(front: Front, method: str, request: Message) -> Answer:
    """Call while the customers' actor hangs; fails where a client would have given the attempt up."""
    gate = front.actors.hold(CUSTOMERS)
    loop = asyncio.get_running_loop()
    late_at = loop.time() + ATTEMPT_S
    call = asyncio.ensure_future(front.asked(method, request))

    async def is_over() -> bool:
        skip(STEP_S)
        return call.done() or loop.time() > late_at

    await until_async(is_over, within_s=WAIT_S, what="an answer, or the end of an attempt")
    gate.set()
    assert call.done(), f"no answer within {ATTEMPT_S} s"
    return await call


def test_what_shops_did_to_parts_is_answered_while_the_customers_actor_is_away(
    tmp_path: Path, clock: ManualClock
) -> None:
    with Front(tmp_path, clock) as front:
        orders = [ordered(front, f"k{number}") for number in range(6)]
        settle(front)
        first, *rows = [collect(order, part) for order in orders for part in order.certain_parts()]
        alone = front.run(lambda: in_one_attempt(front, "CollectReservation", first))
        assert alone.reply.WhichOneof("result") == "reservation"
        batch = rs.CollectBatchRequest(requests=rows)
        together = front.run(lambda: in_one_attempt(front, "CollectBatch", batch))
        assert {outcome.WhichOneof("result") for outcome in together.reply.outcomes} == {"reservation"}

        async def all_are_told() -> bool:  # the gateway's own reconciler may be at it
            return not customers(front).orders

        settle(front)
        front.run(lambda: until_async(all_are_told, within_s=WAIT_S, what="the orders to hear of it"))
        collected = os_.ListOrdersRequest(customer_id=BUYER, statuses=["ORDER_STATUS_COLLECTED"])
        assert len(front.accept("ListOrders", collected).orders) == len(orders)


def test_a_refusal_names_the_order_in_a_batch_as_it_does_alone(tmp_path: Path, clock: ManualClock) -> None:
    def confirm(reservation_id: str) -> rs.ConfirmReservationRequest:
        return rs.ConfirmReservationRequest(idempotency_key=f"c {reservation_id}", reservation_id=reservation_id)

    with Front(tmp_path, clock) as front:
        orders = [ordered(front, f"k{number}") for number in range(2)]
        own = front.reserve("k", store_id="S1").reservation.reservation_id
        parts = {
            f"{part.store_id}:{part.reservation}": format_order_id(HERS, order.number)
            for order in orders
            for part in order.certain_parts()
        }
        batch = rs.ConfirmBatchRequest(requests=[confirm(each) for each in (*parts, own)])
        *refused, confirmed = front.accept("ConfirmBatch", batch).outcomes
        assert confirmed.reservation.reservation_id == own
        assert [each.rejection.order_id for each in refused] == list(parts.values())
        alone = [front.accept("ConfirmReservation", confirm(each)) for each in parts]
        assert [each.rejection for each in alone] == [each.rejection for each in refused]

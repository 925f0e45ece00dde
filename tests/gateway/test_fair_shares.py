"""A flood for one SKU, or of reads, in a gateway whose places get scarce: what of it is taken, and what it is told."""

import asyncio
from typing import Any, Final

import grpc
import pytest

from actors.protocol.placement import Placement
from holdfast.v1 import reservation_service_pb2 as rs, stock_service_pb2 as ss
from serve.calls import CALLS_MAX, READ_CALLS_MAX
from serve.coordination.grants import GRANTS_MAX, GRANTS_SHARED_FROM
from serve.routing.batcher import INSIDE_MAX
from serve.routing.shares import ENTRIES_MIN, Room
from serve.services.new_orders import ORDERS_MAX, ORDERS_SHARED_FROM, NewOrders
from serve.wire import reservations as wr
from tests.gateway.front import Answer, Front, reserve_request
from tests.runtime.loop_time import turns

FLOOD: Final = 400
ACTOR: Final = Placement(0).actor_of("S1")


def test_of_a_flood_for_one_sku_a_part_is_refused_and_the_others_of_its_batch_get_in(front: Front) -> None:
    front.receive("B")
    requests = [reserve_request(f"hot {number}") for number in range(FLOOD)]
    requests.insert(FLOOD // 2, reserve_request("calm", "B"))

    async def main() -> tuple[Answer, Answer]:
        gate = front.actors.hold(ACTOR)
        front.gateway._router.calls_inside += INSIDE_MAX * 2 // 3
        asked = asyncio.ensure_future(front.asked("ReserveBatch", rs.ReserveBatchRequest(requests=requests)))
        await turns()  # it is looked at in slices
        whole = await front.asked("ReserveBatch", rs.ReserveBatchRequest(requests=requests[:2]))
        gate.set()
        return await asked, whole

    answer, whole = front.run(main)
    assert (whole.reason, whole.retry_after_ms) == ("OVERLOADED", 250), "nothing of it: the call's own status"
    outcomes = list(answer.reply.outcomes)
    assert outcomes.pop(FLOOD // 2).reservation.lines[0].sku == "B"
    refused = [outcome.error for outcome in outcomes if outcome.WhichOneof("result") == "error"]
    assert {(error.reason, error.code, error.retry_after.ToMilliseconds()) for error in refused} == {
        ("OVERLOADED", 8, 250)
    }
    assert ENTRIES_MIN <= FLOOD - len(refused) <= FLOOD // 3
    assert sum(1 for outcome in outcomes if outcome.HasField("reservation")) == FLOOD - len(refused)


def test_reads_leave_places_for_new_promises(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    front.receive("A")
    asked = ss.GetAvailabilityRequest(store_ids=["S1"], skus=["A"])

    async def main() -> tuple[Answer, Answer, list[Answer]]:
        router, gate = front.gateway._router, asyncio.Event()
        ask_actor = router.ask_actor

        async def when_open(*arguments: Any, **more: Any) -> Any:
            await gate.wait()
            return await ask_actor(*arguments, **more)

        monkeypatch.setattr(router, "ask_actor", when_open)
        reads = [asyncio.ensure_future(front.asked("GetAvailability", asked)) for _ in range(CALLS_MAX)]
        await asyncio.sleep(0)
        assert router.calls_inside == READ_CALLS_MAX
        held = await front.asked("Reserve", reserve_request("k"))
        read = await front.asked("GetReservation", rs.GetReservationRequest(reservation_id="S1:1"))
        gate.set()
        return held, read, list(await asyncio.gather(*reads))

    held, read, reads = front.run(main)
    assert held.reply.HasField("reservation")
    assert (read.code, read.retry_after_ms) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 500)
    assert sum(answer.retry_after_ms == 500 for answer in reads) == CALLS_MAX - READ_CALLS_MAX
    assert front.gateway._calls._reads_inside == 0


def order(key: str, sku: str, channel: str) -> rs.ReserveRequest:
    """One that looks for shops."""
    asked = reserve_request(key, sku)
    asked.ClearField("store_id")
    asked.channel = channel
    asked.sourcing.place.latitude = asked.sourcing.place.longitude = 0.0
    return asked


def test_orders_for_one_sku_leave_places_for_others(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    front.receive("B")
    placed = NewOrders._answer_alone

    async def main() -> tuple[Answer, Answer]:
        gate = asyncio.Event()

        async def when_open(self: NewOrders, asked: Any, deadline: float) -> Any:
            if asked.command.lines == (("H", 1),):
                await gate.wait()
            return await placed(self, asked, deadline)

        monkeypatch.setattr(NewOrders, "_answer_alone", when_open)
        many = [order(f"k{number}", "H", "bot") for number in range(ORDERS_MAX)]
        flood = [asyncio.ensure_future(front.asked("Reserve", each)) for each in many]
        await asyncio.sleep(0)
        assert front.gateway._router.calls_inside == ORDERS_SHARED_FROM
        calm = await front.asked("Reserve", order("b", "B", "web"))
        one_more = await front.asked("Reserve", order("h", "H", "bot"))
        gate.set()
        await asyncio.gather(*flood)
        return calm, one_more

    calm, one_more = front.run(main)
    assert calm.reply.HasField("order")
    assert (one_more.code, one_more.retry_after_ms) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 250)


def test_a_room_takes_a_whole_batch_of_one_sku_and_keeps_the_rest_for_others() -> None:
    room = Room(GRANTS_MAX, GRANTS_SHARED_FROM)
    flood = [("S1", wr.reserve(reserve_request(f"k{number}", "H"))[1]) for number in range(GRANTS_MAX)]
    calm = [("S1", wr.reserve(order(f"c{number}", f"sku {number}", "web"))[1]) for number in range(256)]
    assert len(room.enter(flood[:GRANTS_SHARED_FROM])) == GRANTS_SHARED_FROM
    assert room.enter(flood[:1]) == []
    assert len(room.enter(calm)) == len(calm), "of the same channel, too"
    room.leave(calm)
    room.leave(flood[:GRANTS_SHARED_FROM])
    assert room.taken == 0
    assert len(room.enter(flood)) == GRANTS_SHARED_FROM

"""A flood for one SKU in a gateway whose places get scarce: what is taken of it, and how the rest is told."""

import asyncio
from typing import Final

from actors.protocol.placement import Placement
from holdfast.v1 import reservation_service_pb2 as rs
from serve.routing.batcher import INSIDE_MAX
from serve.routing.shares import ENTRIES_MIN
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

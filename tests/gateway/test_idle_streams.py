"""Streams to which nothing happens: what they ask."""

import asyncio
from collections import Counter

from holdfast.v1 import event_service_pb2 as es
from serve.routing.heads import WAIT_S as HEADS_WAIT_S
from tests.gateway.front import Front, reserve_request
from tests.gateway.streams import Stream
from tests.runtime.loop_time import skip
from tests.runtime.runtime_fixture import WAIT_S
from tests.waiting import until_async


def test_streams_to_which_nothing_happens_share_one_question_an_actor(front: Front) -> None:
    front.receive("A", store_id="S2")

    async def main() -> None:
        request = es.WatchEventsRequest(
            cursors=[{"store_id": "S1", "after_version": 2}, {"store_id": "S2", "after_version": 2}], all_stores=True
        )
        reading = [asyncio.ensure_future(Stream(front, "WatchEvents", request).take()) for _ in range(5)]

        async def asked_in(seconds: int) -> Counter[str]:
            front.actors.calls.clear()
            left = seconds

            async def are_over() -> bool:
                nonlocal left
                skip(1.0)
                left -= 1
                return left < 0

            await until_async(are_over, within_s=WAIT_S, what="some seconds")
            return Counter(method for _, method, _ in front.actors.calls if method in ("feed", "moved", "availability"))

        assert (await asked_in(2))["feed"] <= 5 * 2
        asked = await asked_in(10)
        assert set(asked) == {"moved"}
        assert asked["moved"] <= 2 * (11 / HEADS_WAIT_S + 1)
        await front.asked("Reserve", reserve_request("k1"))
        found = await asyncio.gather(*reading)
        assert {(event.store_id, event.version) for message in found for event in message.events} == {("S1", 3)}

    front.run(main)

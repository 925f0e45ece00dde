"""Streams to which nothing happens: what they ask."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from holdfast.v1 import event_service_pb2 as es
from serve.routing.heads import WAIT_S as HEADS_WAIT_S
from serve.services import events
from serve.wire.events import fill_event
from tests.gateway.front import Front, reserve_request
from tests.gateway.streams import Stream, events_request
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


def test_streams_that_stand_at_the_same_place_share_what_is_read_and_made_of_it(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def counted(*args: Any) -> None:
        made.append(args[2])
        fill_event(*args)

    monkeypatch.setattr(events, "fill_event", counted)

    async def main() -> None:
        streams = [Stream(front, "WatchEvents", events_request(S1=2)) for _ in range(5)]
        slow, *quick = [asyncio.ensure_future(stream.take()) for stream in streams]
        await asyncio.sleep(0.1)
        front.actors.calls.clear()
        slow.cancel()  # one that goes away takes nothing from the others
        for number in range(3, 6):
            await front.asked("Reserve", reserve_request(f"k{number}"))
            told = [[event.version for event in message.events] for message in await asyncio.gather(*quick)]
            assert told == [[number]] * 4
            quick = [asyncio.ensure_future(stream.take()) for stream in streams[1:]]
        assert made == [3, 4, 5]
        assert sum(method == "feed" for _, method, _ in front.actors.calls) == 3
        late = Stream(front, "WatchEvents", events_request(S1=0))
        assert [event.version for event in (await late.take()).events] == [1, 2, 3, 4, 5]
        for each in quick:
            each.cancel()

    front.run(main)

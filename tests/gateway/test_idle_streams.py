"""What streams ask, and what they wait for."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from holdfast.v1 import event_service_pb2 as es
from serve.routing.heads import WAIT_S as HEADS_WAIT_S
from serve.services import events
from serve.services.events import POLL_S_MAX
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

        async def all_wait() -> bool:
            asked = [method for _, method, _ in front.actors.calls]
            # Two for all of them: the second one waits for what happens.
            return asked.count("moved") >= 2 and asked[-1] != "feed" and not front.gateway._feeds._reading

        await until_async(all_wait, within_s=WAIT_S, what="the streams")
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


def test_a_shop_that_is_away_keeps_back_only_its_own_events(front: Front) -> None:
    for store_id in ("S2", "S3"):
        front.receive("A", store_id=store_id)

    async def main() -> None:
        opened = front.actors.hold("store-S1")
        cursors = [{"store_id": store_id, "after_version": 2} for store_id in ("S1", "S2", "S3")]
        stream = Stream(front, "WatchEvents", es.WatchEventsRequest(cursors=cursors, all_stores=True))
        for number in range(3):
            await front.asked("Reserve", reserve_request(f"k{number}", store_id="S2"))
            reading = asyncio.ensure_future(stream.take())

            async def is_told(reading: asyncio.Future[Any] = reading) -> bool:
                skip(POLL_S_MAX)
                return reading.done()

            await until_async(is_told, within_s=WAIT_S, what="what S2 tells")
            assert [(event.store_id, event.version) for event in reading.result().events] == [("S2", 3 + number)]
        opened.set()
        await front.asked("Reserve", reserve_request("k9"))
        assert [(event.store_id, event.version) for event in (await stream.take()).events] == [("S1", 3)]
        await stream.close()

    front.run(main)

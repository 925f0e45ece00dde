"""Streams that a test reads message by message."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from holdfast.v1 import event_pb2, event_service_pb2 as es
from serve.services.events import MESSAGE_EVENTS_MAX
from tests.gateway.front import Answer, Context, Front, answer_of
from tests.runtime.runtime_fixture import WAIT_S


class Stream:
    """A stream that a test reads message by message."""

    def __init__(self, front: Front, method: str, request: Any) -> None:
        self.cursor = b""
        self.context = Context()
        self.messages: AsyncIterator[Any] = getattr(front.gateway, method)(request.SerializeToString(), self.context)

    async def take(self) -> Any:
        """The next message, but for one that only says where a feed of all shops stands: that is in `cursor`."""
        async with asyncio.timeout(WAIT_S):
            while cursor := getattr(message := await anext(self.messages), "cursor", b""):
                self.cursor = cursor
            return message

    async def end(self) -> Answer:
        """Read what is left; the status it ended with."""
        return answer_of(self.context, [message async for message in self.messages])

    async def close(self) -> None:
        """The reader goes away."""
        await self.messages.aclose()  # type: ignore[attr-defined]


def events_request(**after: int) -> es.WatchEventsRequest:
    """Shops and the last version seen of each."""
    return es.WatchEventsRequest(
        cursors=[{"store_id": store_id, "after_version": version} for store_id, version in after.items()]
    )


async def events_of(front: Front, count: int, **after: int) -> list[event_pb2.Event]:
    """So many events after the cursors."""
    stream = Stream(front, "WatchEvents", events_request(**after))
    found: list[event_pb2.Event] = []
    while len(found) < count:
        message = await stream.take()
        assert 0 < len(message.events) <= MESSAGE_EVENTS_MAX
        assert len({event.store_id for event in message.events}) == 1
        found += message.events
    await stream.close()
    assert len(found) == count
    return found

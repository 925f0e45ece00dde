"""A call's own deadline reaches the service, which Serve hides it from."""

import asyncio
from collections.abc import AsyncIterator
from enum import Enum
from typing import Any

import pytest

from serve.registration import _timed

Metadata = tuple[tuple[str, str], ...]


class Streaming(Enum):
    """How Serve names the kinds of call."""

    UNARY = "unary_unary"
    STREAM = "unary_stream"


class Call:
    """A gRPC context with so much time left, None for a call without a deadline."""

    def __init__(self, left_s: float | None) -> None:
        self._left_s = left_s

    def time_remaining(self) -> float | None:
        return self._left_s

    def invocation_metadata(self) -> Metadata:
        return (("key", "value"),)


def handlers(service_method: str, streaming_type: Streaming) -> Any:
    """Handlers that answer with the metadata that they are shown."""

    async def answer(_request: object, context: Call) -> Metadata:
        return context.invocation_metadata()

    async def stream(_request: object, context: Call) -> AsyncIterator[Metadata]:
        yield context.invocation_metadata()

    return answer if streaming_type is Streaming.UNARY else stream


@pytest.mark.parametrize(
    ("left_s", "more"), [(1.5, (("holdfast-timeout-ms", "1500"),)), (-1.0, (("holdfast-timeout-ms", "0"),)), (None, ())]
)
def test_the_time_that_is_left_is_one_more_line_of_metadata(left_s: float | None, more: Metadata) -> None:
    async def main() -> list[Metadata]:
        unary = _timed(handlers)("m", Streaming.UNARY)
        stream = _timed(handlers)("m", Streaming.STREAM)
        return [await unary(b"", Call(left_s)), *[each async for each in stream(b"", Call(left_s))]]

    assert asyncio.run(main()) == [(("key", "value"), *more)] * 2

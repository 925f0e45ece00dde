"""The lean generator against a real gRPC server: both must mean the same by a call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from bench.load.frames import CallFailed, FrameConnection
from bench.load.rounds import ECHO
from tests.runtime.runtime_fixture import WAIT_S

SERVICE, METHOD = ECHO.strip("/").split("/")


async def echo(request: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
    if request == b"refuse":
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")
    return request


@asynccontextmanager
async def connected() -> AsyncIterator[FrameConnection]:
    server = grpc.aio.server()
    handlers: dict[str, Any] = {METHOD: grpc.unary_unary_rpc_method_handler(echo)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    connection = await FrameConnection.open(f"127.0.0.1:{port}", ECHO)
    try:
        yield connection
    finally:
        connection.close()
        await server.stop(None)


# From nothing to more than a frame, and together more than the connection's first window of 64 kB.
SIZES = (0, 1, 100, 16_384, 16_385, 60_000)


def test_every_message_comes_back_whole() -> None:
    async def scenario() -> None:
        async with connected() as connection:
            sent = [bytes([number]) * size for number, size in enumerate(SIZES * 10)]
            assert await asyncio.gather(*map(connection.call, sent)) == sent

    asyncio.run(scenario())


def test_a_status_that_is_not_ok_fails_the_call_and_no_other() -> None:
    async def scenario() -> None:
        async with connected() as connection:
            answers = await asyncio.gather(connection.call(b"refuse"), connection.call(b"fine"), return_exceptions=True)
            assert isinstance(answers[0], CallFailed)
            assert answers[1] == b"fine"

    asyncio.run(scenario())


def test_a_lost_connection_fails_what_is_under_way() -> None:
    async def scenario() -> None:
        async with connected() as connection:
            call = connection.call(b"x")
            connection.close()
            with pytest.raises(CallFailed, match="lost"):
                await call

    asyncio.run(scenario())


def test_a_closed_connection_fails_every_later_call() -> None:
    async def scenario() -> None:
        async with connected() as connection:
            connection.close()
            for _ in range(2):
                with pytest.raises(CallFailed):
                    await asyncio.wait_for(connection.call(b"x"), WAIT_S)

    asyncio.run(scenario())

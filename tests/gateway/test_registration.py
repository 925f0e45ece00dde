"""Calls reach the gateway, by itself or by Serve, and their own deadline with them, which Serve hides."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import Enum
from typing import Any, Final

import grpc
import grpc.aio._server as aio_server
import pytest
from google.protobuf.struct_pb2 import Struct
from grpc_health.v1 import health_pb2_grpc
from ray.serve._private.grpc_util import get_service_names, gRPCGenericServer

from actors.telemetry.logs import line_of
from serve import registration
from serve.calls import TIMEOUT_KEY
from serve.registration import _timed, listen_on_host, register_health, register_holdfast

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


class Here:
    """A gateway that answers each call with the metadata that it is shown, and fails where the request says so."""

    def __getattr__(self, name: str) -> Any:
        async def stream(request: bytes, context: Any) -> AsyncIterator[Struct]:
            yield await answer(request, context)

        async def answer(request: bytes, context: Any) -> Struct:
            if request:
                raise RuntimeError("an invariant did not hold")
            told = Struct()
            told.update({key: value for key, value in context.invocation_metadata() if key == TIMEOUT_KEY})
            return told

        return stream if name.startswith("Watch") else answer


def carried_by_serve(service_method: str, streaming_type: Any) -> Any:
    async def answer(_request: object, _context: object) -> bytes:
        return service_method.encode()

    async def stream(_request: object, _context: object) -> AsyncIterator[bytes]:
        yield service_method.encode()

    return stream if streaming_type.value.endswith("stream") else answer


async def ask(use: Callable[[Any], Awaitable[None]]) -> None:
    """Run `use` against Serve's server with our registration."""
    server = gRPCGenericServer(carried_by_serve)
    register_holdfast(object(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await use(channel)
    await server.stop(None)


UNARY: Final = "/holdfast.v1.ReservationService/Reserve"
STREAM: Final = "/holdfast.v1.EventService/WatchEvents"


def test_the_gateway_of_this_process_answers_without_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(registration.log, "handle", lambda record: lines.append(line_of(record, logging.Formatter())))
    made: list[Any] = []
    make = aio_server.Server.__init__

    def noting(server: Any, *, options: Any, **more: Any) -> None:
        made.extend(options)
        make(server, options=options, **more)

    monkeypatch.setattr(registration, "_here", [])
    monkeypatch.setattr(aio_server.Server, "__init__", noting)  # and is itself again at the end
    registration.serve_here(Here())

    async def use(channel: Any) -> None:
        told: dict[str, Any] = dict(Struct.FromString(await channel.unary_unary(UNARY)(b"", timeout=50)))
        assert 0 < int(told[TIMEOUT_KEY]) <= 51_000, "gRPC sends it in a few digits, rounded up"
        messages = [Struct.FromString(message) async for message in channel.unary_stream(STREAM)(b"")]
        assert messages == [Struct()]
        for call in (channel.unary_unary(UNARY)(b"x"), channel.unary_stream(STREAM)(b"x").read()):
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await call
            assert failed.value.code() is grpc.StatusCode.INTERNAL
            assert b"SERVICE_FAULT" in dict(failed.value.trailing_metadata())["grpc-status-details-bin"]
        for given in ((), (("x-request-id", "request-1"),)):  # by the id that is told, made or given, the line is found
            lines.clear()
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await channel.unary_unary(UNARY)(b"x", metadata=given)
            told_id = dict(failed.value.trailing_metadata())["x-request-id"]
            assert told_id == (given[0][1] if given else told_id)
            assert [line["request_id"] for line in lines] == [told_id]

    asyncio.run(ask(use))
    assert set(registration.SERVER_OPTIONS) < set(made)


def test_a_proxy_leaves_its_calls_to_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "_here", [])

    async def use(channel: Any) -> None:
        assert await channel.unary_unary(UNARY)(b"") == UNARY.encode()
        assert [message async for message in channel.unary_stream(STREAM)(b"")] == [STREAM.encode()]

    asyncio.run(ask(use))


def test_no_method_is_waited_for_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """For each that is registered gRPC has a task, and at each call it looks at all of them."""
    registered: list[Any] = []
    monkeypatch.setattr(registration, "_here", [])
    monkeypatch.setattr(aio_server.Server, "add_registered_method_handlers", lambda *given: registered.append(given))
    monkeypatch.setattr(aio_server.Server, "add_insecure_port", aio_server.Server.add_insecure_port)
    listen_on_host()
    services: list[set[str]] = []

    async def use(channel: Any) -> None:
        assert await channel.unary_unary(UNARY)(b"") == UNARY.encode()
        server = gRPCGenericServer(carried_by_serve)
        register_holdfast(object(), server)
        register_health(health_pb2_grpc.HealthServicer(), server)
        services.extend(get_service_names([each]) for each in server.generic_rpc_handlers)

    asyncio.run(ask(use))
    assert registered == []
    assert services[0] == {"holdfast.v1.ReservationService"}, "they are asked in turn, and most calls are of it"
    assert services[-1] == {"grpc.health.v1.Health"}

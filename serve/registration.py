"""Tells Serve's gRPC servers which calls there are. Requests are handed over as bytes, see `gateway`.

A gateway's own server answers them by itself: a call that Serve carries takes 0.2 ms of CPU more. Serve's proxy, where
a call comes while no gateway is up, carries them to one.

Serve hides gRPC's own deadline from what it carries. Its server makes the handler of every call by a factory, which is
wrapped here: a call's remaining time becomes one more line of its metadata.
"""

import logging
import os
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import grpc
import grpc.aio._server as aio_server
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2_grpc

from actors.telemetry.traces import CARRIED, made_trace, trace_of
from holdfast.v1.services import SERVICES
from serve.calls import TIMEOUT_KEY
from serve.config.haproxy import GATEWAY_HOST_VARIABLE
from serve.wire import statuses
from serve.wire.statuses import Status

log = logging.getLogger("holdfast.gateway")

FAULT: Final = Status(
    grpc.StatusCode.INTERNAL,
    "the service has a fault, which its log has, and the outcome is unknown; ask again with the same key",
    "SERVICE_FAULT",
)

BUSIEST: Final = "ReservationService"
PENDING_MAX: Final = 16_384  # four times what may be inside
SERVER_OPTIONS: Final = (
    # After a change of the gateways a connection stays with the HAProxy before it, which ends after 90 s.
    ("grpc.max_connection_age_ms", 60_000),
    # Beyond 1,000 calls that wait to be taken, gRPC would end some as CANCELLED. `Calls` refuses them by name.
    ("grpc.server.max_pending_requests", PENDING_MAX),
    ("grpc.server.max_pending_requests_hard_limit", PENDING_MAX),
)

_here: list[Any] = []  # the gateway of this process, none in a proxy's


def serve_here(gateway: Any) -> None:
    """Let `gateway` answer the calls of the servers that this process starts from now on, in its own loop and with
    `SERVER_OPTIONS`.
    """
    _here[:] = [gateway]
    make = aio_server.Server.__init__

    def make_with_options(server: Any, *, options: Any, **more: Any) -> None:  # as Serve calls it
        make(server, options=(*options, *SERVER_OPTIONS), **more)

    aio_server.Server.__init__ = make_with_options  # type: ignore[assignment,method-assign]


class _Timed:
    """A call's context, with its remaining time as one more line of its metadata; see `calls.deadline_of`."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        metadata = tuple(self._context.invocation_metadata() or ())
        left_s = self._context.time_remaining()
        return metadata if left_s is None else (*metadata, (TIMEOUT_KEY, str(max(0, int(left_s * 1_000)))))


def _timed(factory: Callable[..., Any]) -> Callable[..., Any]:
    """Serve's factory of handlers, each of which is then given a `_Timed` context."""

    def make(service_method: str, streaming_type: Any) -> Any:
        handler = factory(service_method=service_method, streaming_type=streaming_type)
        if streaming_type.value.endswith("unary"):

            async def answer(request: Any, context: Any) -> Any:
                return await handler(request, _Timed(context))

            return answer

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            async for message in handler(request, _Timed(context)):
                yield message

        return stream

    return make


def listen_on_host() -> list[Any]:
    """Keep gRPC servers of this process from every interface, which Serve asks for: only HAProxy comes to them, of this
    machine, or of the nodes of a cluster. Serve calls this for its HTTP middlewares, of which there are none, in each
    process with a server and before it listens.
    """
    add_port = aio_server.Server.add_insecure_port
    host = os.environ.get(GATEWAY_HOST_VARIABLE, "127.0.0.1")

    def add_port_of_host(server: Any, address: str) -> int:
        return add_port(server, address.replace("[::]", f"[{host}]" if ":" in host else host))

    aio_server.Server.add_insecure_port = add_port_of_host  # type: ignore[assignment,method-assign]
    # For the next call of each registered method gRPC has a task, and at each call it looks at all of them, of 88
    # methods for some 40 us of the gateway's CPU. Those of handlers it waits for by one.
    aio_server.Server.add_registered_method_handlers = lambda *_: None  # type: ignore[method-assign]
    return []


def register_holdfast(_servicer: object, server: Any) -> None:
    """Every service of holdfast.v1, the busiest first: for each call they are asked in turn."""
    server.service_handler_factory = _timed(server.service_handler_factory)
    for service in sorted(SERVICES, key=lambda each: each.name != BUSIEST):
        if _here:
            server.add_passthrough_service(service.full_name)
        handlers = {method.name: _handler(method) for method in service.methods}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))


def register_health(servicer: Any, server: Any) -> None:
    """grpc.health.v1."""
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)


def _ids_of(context: Any) -> list[tuple[str, str]]:
    """The ids of a call that failed, for its last lines and for its caller; made where it gave none."""
    traces = CARRIED.get() or (trace_of(context.invocation_metadata() or ()) or made_trace(),)
    CARRIED.set(traces)  # in a task that ends
    return traces[0].metadata


def _handler(method: MethodDescriptor) -> Any:
    """How this process answers a call; where no gateway is here, Serve puts its own handler in this place."""
    call = getattr(_here[0], method.name) if _here else None

    async def answer(request: bytes, context: Any) -> bytes:
        try:
            return (await call(request, _Timed(context))).SerializeToString()  # type: ignore[misc,no-any-return]
        except Exception:
            trailers = _ids_of(context)
            log.exception("%s failed", method.full_name, extra={"method": method.name})
            statuses.put(FAULT, context, trailers)
            return b""

    async def stream(request: bytes, context: Any) -> AsyncIterator[bytes]:
        try:
            async for message in call(request, _Timed(context)):  # type: ignore[misc]
                yield message.SerializeToString()
        except Exception:
            trailers = _ids_of(context)
            log.exception("%s failed", method.full_name, extra={"method": method.name})
            statuses.put(FAULT, context, trailers)

    if method.server_streaming:
        return grpc.unary_stream_rpc_method_handler(stream)
    return grpc.unary_unary_rpc_method_handler(answer)

"""Tells Serve's gRPC server which calls there are, and load balancers and `grpc_health_probe` whether they are served
(`grpc.health.v1`). Requests are handed over as bytes, see `gateway`.

Serve hides gRPC's own deadline from the service. Its server makes the handler of every call by a factory, which is
wrapped here: a call's remaining time becomes one more line of its metadata.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import grpc
import grpc.aio._server as aio_server
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2 as hp, health_pb2_grpc

from holdfast.v1 import (
    admin_service_pb2,
    event_service_pb2,
    order_service_pb2,
    reservation_service_pb2,
    stock_service_pb2,
)
from serve.admission import TIMEOUT_KEY
from serve.wire import statuses

SERVICES: Final[tuple[ServiceDescriptor, ...]] = tuple(
    service
    for module in (reservation_service_pb2, order_service_pb2, stock_service_pb2, event_service_pb2, admin_service_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
)
HEALTH_NAMES: Final = ("", *(service.full_name for service in SERVICES))  # "" is the whole gateway
WATCH_EVERY_S: Final = 1.0


class _Timed:
    """A call's context, with its remaining time as one more line of its metadata; see `admission.deadline_of`."""

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


def listen_on_loopback() -> list[Any]:
    """Keep gRPC servers of this process from every interface, which Serve asks for: only HAProxy comes to them. Serve
    calls this for its HTTP middlewares, of which there are none, in each process with a server and before it listens.
    """
    add_port = aio_server.Server.add_insecure_port

    def add_loopback_port(server: Any, address: str) -> int:
        return add_port(server, address.replace("[::]", "127.0.0.1"))

    aio_server.Server.add_insecure_port = add_loopback_port  # type: ignore[assignment,method-assign]
    return []


def register_holdfast(_servicer: object, server: Any) -> None:
    """Every service of holdfast.v1."""
    server.service_handler_factory = _timed(server.service_handler_factory)
    for service in SERVICES:
        _register(service, server)


def register_health(servicer: Any, server: Any) -> None:
    """grpc.health.v1."""
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)


def _register(service: ServiceDescriptor, server: Any) -> None:
    def never(*_: object) -> None:
        raise AssertionError("Serve puts its own handler in this place")

    handlers: dict[str, Any] = {
        method.name: (
            grpc.unary_stream_rpc_method_handler(never)
            if method.server_streaming
            else grpc.unary_unary_rpc_method_handler(never)
        )
        for method in service.methods
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
    server.add_registered_method_handlers(service.full_name, handlers)


class Health:
    """Serving until `drain`."""

    def __init__(self) -> None:
        self._draining = False

    def drain(self) -> None:
        """Say NOT_SERVING from here on."""
        self._draining = True

    def check(self, request: hp.HealthCheckRequest, context: Any) -> hp.HealthCheckResponse:
        """Check; NOT_FOUND for a service that is not ours."""
        if request.service not in HEALTH_NAMES:
            message = f"service {request.service!r} is not served here; ask for one of {', '.join(HEALTH_NAMES[1:])}"
            statuses.put(statuses.refused(grpc.StatusCode.NOT_FOUND, "SERVICE_UNKNOWN", message).status, context)
            return hp.HealthCheckResponse()
        return hp.HealthCheckResponse(status=self._status(request.service))

    async def watch(self, request: hp.HealthCheckRequest) -> AsyncIterator[hp.HealthCheckResponse]:
        """Watch: the status now, and each change."""
        sent = None
        while True:
            going = self._draining  # read first: the last status must be of that time
            status = self._status(request.service)
            if status != sent:
                yield hp.HealthCheckResponse(status=status)
                sent = status
            if going:  # whatever was asked about: a gateway that goes ends its streams
                return
            await asyncio.sleep(WATCH_EVERY_S)

    def list(self) -> Any:
        """List."""
        return hp.HealthListResponse(  # type: ignore[attr-defined]  # the stubs are older than the service
            statuses={service: hp.HealthCheckResponse(status=self._status(service)) for service in HEALTH_NAMES}
        )

    def _status(self, service: str) -> Any:
        if service not in HEALTH_NAMES:
            return hp.HealthCheckResponse.SERVICE_UNKNOWN
        return hp.HealthCheckResponse.NOT_SERVING if self._draining else hp.HealthCheckResponse.SERVING

"""Tells Serve's gRPC server which calls there are. Requests are handed over as bytes, see `gateway`."""

from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2_grpc

from serve.wire.descriptors import SERVICES


def register_holdfast(_servicer: object, server: Any) -> None:
    """Every service of holdfast.v1."""
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

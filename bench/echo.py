"""The ceiling: a Serve deployment that gives back the bytes it was given, and does nothing else.

It runs behind the same HAProxy with the same switches as Holdfast, so what Holdfast is slower by is its own doing.
Started by `bench.service.echo`, which sets the switches first: Serve reads them when it is imported.
"""

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Final

import grpc
import ray.serve
from ray.serve.config import HTTPOptions, ProxyLocation, gRPCOptions
from ray.serve.schema import LoggingConfig

from actors.ray_nodes import start_ray, stop_ray
from bench.load.rounds import ECHO
from bench.service import SERVICE_FILE

ONGOING_MAX: Final = 8_192  # as Holdfast's gateway
_LOGGING: Final = LoggingConfig(log_level="WARNING", enable_access_log=False)


class Raw:
    """Bytes that Serve takes for a message."""

    __slots__ = ("payload",)

    def __init__(self, payload: bytes) -> None:
        self.payload = payload

    def SerializeToString(self) -> bytes:  # noqa: N802  # Serve calls it by protobuf's name
        return self.payload


class Peer:
    """One method, no work."""

    async def Echo(self, request: bytes, grpc_context: Any) -> Raw:  # noqa: N802  # the name on the wire
        del grpc_context
        return Raw(request)


def register(_servicer: object, server: Any) -> None:
    """Tells Serve's gRPC server of the method; without a deserializer the method is handed bytes."""

    def never(*_: object) -> None:
        raise AssertionError("Serve puts its own handler in this place")

    service, method = ECHO.strip("/").split("/")
    handlers: dict[str, Any] = {method: grpc.unary_unary_rpc_method_handler(never)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    server.add_registered_method_handlers(service, handlers)


def main(data_dir: Path, grpc_port: int, http_port: int) -> None:
    """Serve until SIGTERM."""
    stop = threading.Event()
    start_ray("")
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    ray.serve.start(
        proxy_location=ProxyLocation.EveryNode,
        http_options=HTTPOptions(host="127.0.0.1", port=http_port),
        grpc_options=gRPCOptions(
            port=grpc_port, grpc_servicer_functions=["bench.echo.register"], enable_reflection=False
        ),
        logging_config=_LOGGING,
    )
    deployment = ray.serve.deployment(
        name="Peer",
        max_ongoing_requests=ONGOING_MAX,
        max_queued_requests=ONGOING_MAX,
        ray_actor_options={"num_cpus": 0},
        logging_config=_LOGGING,
    )(Peer)
    ray.serve.run(deployment.bind(), name="echo", route_prefix="/", blocking=False)
    (data_dir / SERVICE_FILE).write_text(json.dumps({"grpc": f"127.0.0.1:{grpc_port}"}))
    stop.wait()
    ray.serve.shutdown()
    stop_ray()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

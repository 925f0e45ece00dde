"""Starting and stopping the fake service: in a test's own event loop, or in a thread for the blocking faces."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc

from holdfast.v1.admin_service_pb2_grpc import add_AdminServiceServicer_to_server
from holdfast.v1.event_service_pb2_grpc import add_EventServiceServicer_to_server
from holdfast.v1.order_service_pb2_grpc import add_OrderServiceServicer_to_server
from holdfast.v1.reservation_service_pb2_grpc import add_ReservationServiceServicer_to_server
from holdfast.v1.stock_service_pb2_grpc import add_StockServiceServicer_to_server
from tests.clients.fake_service import FakeService

# Without it a second server could take a port over while the first still has it.
OPTIONS = (("grpc.so_reuseport", 0),)


@asynccontextmanager
async def serving(service: FakeService, port: int = 0) -> AsyncIterator[str]:
    """Serve until the block ends; gives `host:port`. Port 0 takes a free one."""
    server = grpc.aio.server(options=OPTIONS)
    add_ReservationServiceServicer_to_server(service, server)
    add_OrderServiceServicer_to_server(service, server)
    add_StockServiceServicer_to_server(service, server)
    add_EventServiceServicer_to_server(service, server)
    add_AdminServiceServicer_to_server(service, server)
    server.add_generic_rpc_handlers((_health(service),))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield f"127.0.0.1:{bound}"
    finally:
        await server.stop(None)


@contextmanager
def serving_in_thread(service: FakeService) -> Iterator[str]:
    """Serve from another thread until the block ends."""
    started = threading.Event()
    found: dict[str, Any] = {}

    async def main() -> None:
        async with serving(service) as target:
            stop = asyncio.Event()
            found.update(target=target, stop=stop, loop=asyncio.get_running_loop())
            started.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),), name="fake-service")
    thread.start()
    assert started.wait(10), "the fake service did not start"
    try:
        yield found["target"]
    finally:
        found["loop"].call_soon_threadsafe(found["stop"].set)
        thread.join(10)


def _health(service: FakeService) -> grpc.GenericRpcHandler:
    async def check(_request: bytes, _context: Any) -> bytes:
        return bytes((0x08, service.health))

    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(check)
    return grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": handler})

"""Serving a `Service` over gRPC: in a test's own event loop, or in a thread for blocking clients and the command."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Final

import grpc
from google.protobuf.message import Message

from holdfast.client import ChannelClient, RetryPolicy
from holdfast.v1.services import SERVICES
from tests.clients.service import HEALTH, Service
from tests.runtime.runtime_fixture import WAIT_S

# Without it a second server could take a port over while the first still has it.
OPTIONS: Final = (("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 64 << 20))
# The time of a call that is to be sent before that is over, on a busy machine too.
SENT_MS: Final = 1_000
QUICK: Final = RetryPolicy(wait_first_ms=1, wait_max_ms=20)


@asynccontextmanager
async def serving(service: Service, port: int = 0) -> AsyncIterator[str]:
    """Serve until the block ends; gives `host:port`. Port 0 takes a free one."""
    await service.open()
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers([_handlers(service, descriptor) for descriptor in (*SERVICES, HEALTH)])
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield f"127.0.0.1:{bound}"
    finally:
        await server.stop(None)
        await service.close()


@contextmanager
def serving_in_thread(service: Service) -> Iterator[str]:
    """Serve from another thread until the block ends."""
    started = threading.Event()
    found: dict[str, Any] = {}

    async def main() -> None:
        async with serving(service) as target:
            stop = asyncio.Event()
            found.update(target=target, stop=stop, loop=asyncio.get_running_loop())
            started.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),), name="service")
    thread.start()
    assert started.wait(WAIT_S), "the service did not start"
    try:
        yield found["target"]
    finally:
        found["loop"].call_soon_threadsafe(found["stop"].set)
        thread.join(WAIT_S)


def against(service: Service, use: Callable[[ChannelClient], Awaitable[None]]) -> None:
    """Run `use` with a client that retries at once."""

    async def main() -> None:
        async with serving(service) as target, ChannelClient(target, retry=QUICK) as client:
            await use(client)

    asyncio.run(main())


def _handlers(service: Service, descriptor: Any) -> grpc.GenericRpcHandler:
    handlers: dict[str, Any] = {
        method.name: grpc.unary_stream_rpc_method_handler(partial(service.stream, method), response_serializer=_encoded)
        if method.server_streaming
        else grpc.unary_unary_rpc_method_handler(partial(service.answer, method), response_serializer=_encoded)
        for method in descriptor.methods
    }
    return grpc.method_handlers_generic_handler(descriptor.full_name, handlers)


def _encoded(response: Message | bytes) -> bytes:
    return response if isinstance(response, bytes) else response.SerializeToString()

"""What a team would write by hand: grpc.aio in one process, redis-py, and the rules of a reservation in a Lua script.

It serves the calls of `holdfast.v1` that a measurement makes: Reserve, ReserveBatch (one pipeline), AdjustStock, which
puts stock into a shop, and VerifyLedger, which adds up what Redis has in the end. All that Holdfast does beyond that is
left out, in the peer's favour: checks of fields, limits, giving back what expired. Started by `bench.service`.
"""

import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import grpc
import redis.asyncio
import uvloop
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from bench.peers.redis_server import redis_server
from bench.service import SERVICE_FILE
from holdfast.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    error_pb2,
    reservation_pb2,
    reservation_service_pb2 as service_pb2,
    reservation_service_pb2_grpc,
    stock_pb2,
    stock_service_pb2,
    stock_service_pb2_grpc,
)

HOLD_MS: Final = 2 * 60 * 60 * 1_000  # as Holdfast's, where a request names no time
CONNECTIONS_MAX: Final = 32  # to Redis; with 128, or with 8, a call took more CPU
RETRY: Final = Retry(ExponentialBackoff(), 15)  # some 5 s, in which Redis comes up
_HERE: Final = Path(__file__).parent


class HandWritten(
    reservation_service_pb2_grpc.ReservationServiceServicer,
    stock_service_pb2_grpc.StockServiceServicer,
    admin_service_pb2_grpc.AdminServiceServicer,
):
    """Reservations in one Redis. Raises what redis-py raises; gRPC then answers UNKNOWN."""

    def __init__(self, client: Any) -> None:
        self._redis = client  # redis.asyncio.Redis, whose stubs give every command two types
        self._scripts: dict[str, str] = {}

    async def open(self) -> None:
        """Load the scripts; to be awaited before the first call."""
        for name in ("reserve", "verify"):
            self._scripts[name] = await self._redis.script_load((_HERE / f"{name}.lua").read_text(encoding="utf-8"))

    async def Reserve(self, request: service_pb2.ReserveRequest, context: Any) -> service_pb2.ReserveResponse:
        del context
        return _answer(request, await self._redis.evalsha(*self._asked(request)))

    async def ReserveBatch(
        self, request: service_pb2.ReserveBatchRequest, context: Any
    ) -> service_pb2.ReserveBatchResponse:
        del context
        pipeline = self._redis.pipeline(transaction=False)
        for each in request.requests:
            pipeline.evalsha(*self._asked(each))
        said = await pipeline.execute()
        return service_pb2.ReserveBatchResponse(outcomes=map(_answer, request.requests, said))

    async def AdjustStock(
        self, request: stock_service_pb2.AdjustStockRequest, context: Any
    ) -> stock_service_pb2.AdjustStockResponse:
        del context
        # Set, not added: a measurement delivers each SKU once, and a delivery that is sent again changes nothing.
        rows = {row.sku: row.delta for row in request.adjustments}
        for units in ("on_hand", "available"):
            await self._redis.hset(f"{request.store_id}:{units}", mapping=rows)
        return stock_service_pb2.AdjustStockResponse(change=stock_pb2.StockChange(applied=len(rows)))

    async def VerifyLedger(
        self, request: admin_service_pb2.VerifyLedgerRequest, context: Any
    ) -> admin_service_pb2.VerifyLedgerResponse:
        del context
        found, held, oversold, broken = await self._redis.evalsha(self._scripts["verify"], 1, request.store_id)
        return admin_service_pb2.VerifyLedgerResponse(
            store_id=request.store_id,
            holds=not broken and not oversold,
            discrepancies=[
                admin_service_pb2.Discrepancy(invariant="I1", subject=sku, expected=expected, found=units)
                for sku, expected, units in broken
            ],
            accepted=found,
            units_reserved=held,
            units_oversold=oversold,
        )

    def _asked(self, request: service_pb2.ReserveRequest) -> Sequence[str | int]:
        """What reserve.lua is called with."""
        lines = [text for line in request.lines for text in (line.sku, line.quantity)]
        hold_ms = request.ttl.ToMilliseconds() if request.HasField("ttl") else HOLD_MS
        key, customer = request.idempotency_key, request.customer_id
        return self._scripts["reserve"], 1, request.store_id, key, hold_ms, customer, *lines


def _answer(request: service_pb2.ReserveRequest, said: str) -> service_pb2.ReserveResponse:
    word, first, second, third = said.split(" ", 3)
    if word == "short":
        reason, store_id = error_pb2.REASON_INSUFFICIENT_STOCK, request.store_id
        return service_pb2.ReserveResponse(
            rejection=error_pb2.Rejection(
                reason=reason, store_id=store_id, sku=third, asked=int(first), available=int(second)
            )
        )
    reservation = reservation_pb2.Reservation(
        reservation_id=f"{request.store_id}:{first}",
        store_id=request.store_id,
        status=reservation_pb2.RESERVATION_STATUS_HELD,
    )
    reservation.created_at.FromMilliseconds(int(second))
    reservation.expires_at.FromMilliseconds(int(third))
    return service_pb2.ReserveResponse(reservation=reservation)


async def serve(data_dir: Path) -> None:
    """Serve until SIGTERM, from a Redis of its own with its data in `data_dir`."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with redis_server(data_dir / "redis") as redis_port:
        pool = redis.asyncio.BlockingConnectionPool(
            max_connections=CONNECTIONS_MAX, timeout=None, retry=RETRY, port=redis_port, decode_responses=True
        )
        async with redis.asyncio.Redis.from_pool(pool) as client:
            service = HandWritten(client)
            await service.open()
            server = grpc.aio.server()
            reservation_service_pb2_grpc.add_ReservationServiceServicer_to_server(service, server)
            stock_service_pb2_grpc.add_StockServiceServicer_to_server(service, server)
            admin_service_pb2_grpc.add_AdminServiceServicer_to_server(service, server)
            target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
            await server.start()
            (data_dir / SERVICE_FILE).write_text(json.dumps({"grpc": target}))
            await stop.wait()
            await server.stop(1.0)


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))

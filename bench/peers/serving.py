"""What all peers have in common: the calls of `holdfast.v1` that a measurement makes, in one process of grpc.aio.

Reserve, ReserveBatch, AdjustStock, which puts stock into a shop, and VerifyLedger, which adds up what the database has
in the end; and holds that are over are given back, ten times a second as in Holdfast. All that Holdfast does beyond
that is left out, in the peers' favour: checks of fields, limits, the rest of a reservation's life.
"""

import asyncio
import json
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import grpc

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
SWEEP_S: Final = 0.1
EXPIRED_MAX: Final = 500  # in one sweep of a shop


class Asked(NamedTuple):
    """A call to Reserve. `lines` are (SKU, units), in the sequence of SKUs, each of which is there once."""

    store_id: str
    key: str
    customer_id: str
    hold_ms: int
    lines: Sequence[tuple[str, int]]


class Held(NamedTuple):
    """It holds all of its lines."""

    number: int
    created_ms: int
    expires_ms: int


class Short(NamedTuple):
    """It holds nothing, for want of this SKU."""

    sku: str
    asked: int
    available: int


class Audit(NamedTuple):
    """A shop added up: reservations accepted so far, units held, of these those that nobody has, and (SKU, expected,
    found) of the units that are available, where the two differ.
    """

    accepted: int
    units_held: int
    units_oversold: int
    broken: Sequence[tuple[str, str, str]]


class Stock(Protocol):
    """A database with the rules of a reservation. It raises `lost` where it cannot be asked."""

    lost: tuple[type[Exception], ...]

    async def open(self) -> None:
        """To be awaited before the first call; waits for the database."""

    async def reserve(self, asked: Asked) -> Held | Short:
        """Once for each key of a shop: a repeat is answered as before."""

    async def reserve_batch(self, batch: Sequence[Asked]) -> Sequence[Held | Short]:
        """Each by itself, in their sequence."""

    async def receive(self, store_id: str, rows: dict[str, int]) -> None:
        """Units by SKU; a SKU that was received before stays as it is, so that a repeat changes nothing."""

    async def verify(self, store_id: str) -> Audit:
        """Add up again."""

    async def expire(self) -> None:
        """Give back some of what holds that are over have."""


class Servicer(
    reservation_service_pb2_grpc.ReservationServiceServicer,
    stock_service_pb2_grpc.StockServiceServicer,
    admin_service_pb2_grpc.AdminServiceServicer,
):
    """Messages to calls, and answers to messages. A database that is away is UNAVAILABLE."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock

    async def Reserve(self, request: service_pb2.ReserveRequest, context: Any) -> service_pb2.ReserveResponse:
        try:
            return _answer(request, await self._stock.reserve(_asked(request)))
        except self._stock.lost as error:
            raise await _unavailable(context, error) from error

    async def ReserveBatch(
        self, request: service_pb2.ReserveBatchRequest, context: Any
    ) -> service_pb2.ReserveBatchResponse:
        try:
            said = await self._stock.reserve_batch(list(map(_asked, request.requests)))
        except self._stock.lost as error:
            raise await _unavailable(context, error) from error
        return service_pb2.ReserveBatchResponse(outcomes=map(_answer, request.requests, said))

    async def AdjustStock(
        self, request: stock_service_pb2.AdjustStockRequest, context: Any
    ) -> stock_service_pb2.AdjustStockResponse:
        rows = {row.sku: row.delta for row in request.adjustments}
        try:
            await self._stock.receive(request.store_id, rows)
        except self._stock.lost as error:
            raise await _unavailable(context, error) from error
        return stock_service_pb2.AdjustStockResponse(change=stock_pb2.StockChange(applied=len(rows)))

    async def VerifyLedger(
        self, request: admin_service_pb2.VerifyLedgerRequest, context: Any
    ) -> admin_service_pb2.VerifyLedgerResponse:
        try:
            audit = await self._stock.verify(request.store_id)
        except self._stock.lost as error:
            raise await _unavailable(context, error) from error
        return admin_service_pb2.VerifyLedgerResponse(
            store_id=request.store_id,
            holds=not audit.broken and not audit.units_oversold,
            discrepancies=[
                admin_service_pb2.Discrepancy(invariant="I1", subject=sku, expected=expected, found=found)
                for sku, expected, found in audit.broken
            ],
            accepted=audit.accepted,
            units_reserved=audit.units_held,
            units_oversold=audit.units_oversold,
        )


async def _unavailable(context: Any, error: Exception) -> Exception:
    """Ends the call by an exception of gRPC's."""
    await context.abort(grpc.StatusCode.UNAVAILABLE, f"the database is away: {error}")
    return error


def _asked(request: service_pb2.ReserveRequest) -> Asked:
    lines = [(line.sku, line.quantity) for line in request.lines]
    if len(lines) > 1:
        units: dict[str, int] = {}
        for sku, quantity in sorted(lines):
            units[sku] = units.get(sku, 0) + quantity
        lines = list(units.items())
    hold_ms = request.ttl.ToMilliseconds() if request.HasField("ttl") else HOLD_MS
    return Asked(request.store_id, request.idempotency_key, request.customer_id, hold_ms, lines)


def _answer(request: service_pb2.ReserveRequest, said: Held | Short) -> service_pb2.ReserveResponse:
    store_id = request.store_id
    if isinstance(said, Short):
        reason = error_pb2.REASON_INSUFFICIENT_STOCK
        return service_pb2.ReserveResponse(
            rejection=error_pb2.Rejection(
                reason=reason, store_id=store_id, sku=said.sku, asked=said.asked, available=said.available
            )
        )
    reservation = reservation_pb2.Reservation(
        reservation_id=f"{store_id}:{said.number}",
        store_id=store_id,
        status=reservation_pb2.RESERVATION_STATUS_HELD,
    )
    reservation.created_at.FromMilliseconds(said.created_ms)
    reservation.expires_at.FromMilliseconds(said.expires_ms)
    return service_pb2.ReserveResponse(reservation=reservation)


async def started(stock: Stock, port: int) -> tuple[grpc.aio.Server, str]:
    """A server on loopback, and its address; port 0 takes a free one."""
    service = Servicer(stock)
    server = grpc.aio.server()
    reservation_service_pb2_grpc.add_ReservationServiceServicer_to_server(service, server)
    stock_service_pb2_grpc.add_StockServiceServicer_to_server(service, server)
    admin_service_pb2_grpc.add_AdminServiceServicer_to_server(service, server)
    target = f"127.0.0.1:{server.add_insecure_port(f'127.0.0.1:{port}')}"
    await server.start()
    return server, target


async def serve(data_dir: Path, port: int, stock: Stock) -> None:
    """Serve until SIGTERM, with the address in `data_dir`."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stock.open()
    server, target = await started(stock, port)
    sweeping = asyncio.create_task(_sweep(stock))
    (data_dir / SERVICE_FILE).write_text(json.dumps({"grpc": target}))
    await stop.wait()
    sweeping.cancel()
    await server.stop(1.0)


async def _sweep(stock: Stock) -> None:
    while True:
        with suppress(*stock.lost):  # it goes on once the database is back
            await stock.expire()
        await asyncio.sleep(SWEEP_S)

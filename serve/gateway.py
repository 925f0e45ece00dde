"""The deployment: one short method for each call of the API, and nothing else. Serve finds a method by the last part of
the call's path, so names are unique over all services.

Requests come in as bytes: what is not a message must become INVALID_ARGUMENT with a sentence, and a batch is cut into
its items here, not by the server.
"""

import gc
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from grpc_health.v1 import health_pb2 as hp

from actors.journal.open import sqlite_setting
from actors.protocol.placement import Placement
from actors.ray_actors import RayActors
from actors.runtime.clock import Clock, SystemClock
from holdfast.v1 import (
    admin_service_pb2 as ad,
    event_service_pb2 as es,
    order_service_pb2 as os_,
    reservation_service_pb2 as rs,
    stock_service_pb2 as ss,
)
from serve.admission import Calls
from serve.config.logs import configure_logging
from serve.config.settings import read_postcodes_file
from serve.coordination.coordinator import Coordinator
from serve.coordination.reconciler import Reconciler
from serve.routing.router import Router
from serve.services.addressing import OrderRouting, StoreDirectory
from serve.services.admin import Admin
from serve.services.events import Feeds
from serve.services.health import Health
from serve.services.orders import Orders
from serve.services.reservations import AMEND, COLLECT, CONFIRM, EXTEND, READY, RELEASE, RESERVE, Reservations
from serve.services.stock import Stock
from serve.services.verification import Verification
from serve.sourcing.places import Postcodes
from serve.sourcing.search import Finder
from serve.wire import stock

log = logging.getLogger("holdfast.gateway")

JOURNAL_DIR: Final = "journal"


class Gateway:
    """Builds the services, each whole. `data_dir` holds the journals; its placement is fixed. `postcodes` is the path
    of the table, empty where there is none.
    """

    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self, data_dir: str, store_actors: int, customer_actors: int, postcodes: str
    ) -> None:
        configure_logging()
        placement = Placement(store_actors, customer_actors)
        table = read_postcodes_file(Path(postcodes) if postcodes else None)
        await self._open(
            Router(RayActors(sqlite_setting(Path(data_dir) / JOURNAL_DIR)), placement), SystemClock(), table
        )

    async def _open(self, router: Router, clock: Clock, postcodes: Postcodes) -> None:
        self._router = router
        stores = StoreDirectory(router)
        coordinator = Coordinator(router, clock)
        self._reconciler = Reconciler(router, coordinator)
        finder = Finder(router, clock)
        self._orders = Orders(router, stores, coordinator, self._reconciler, finder, postcodes)
        self._reservations = Reservations(router, stores, OrderRouting(router), self._orders, self._reconciler)
        self._stock = Stock(router, stores, clock)
        self._feeds = Feeds(router, stores)
        self._admin = Admin(router, stores, clock)
        self._verification = Verification(router, stores)
        self._health = Health()
        self._calls = Calls()
        await router.start()
        self._reconciler.start()
        # What is here now stays: Ray, Serve and our modules. The collector need not walk it at every few hundred calls.
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        log.info("the gateway serves %d shops", len(router.chain.stores))

    async def drain(self) -> None:
        """Say that this gateway is going, and end its streams, so that readers resume elsewhere."""
        self._health.drain()
        self._feeds.close()

    # ReservationService

    async def Reserve(self, request: bytes, grpc_context: Any) -> rs.ReserveResponse:
        return await self._calls.new(rs.ReserveResponse(), self._reservations.one, RESERVE, request, grpc_context)

    async def ReserveBatch(self, request: bytes, grpc_context: Any) -> rs.ReserveBatchResponse:
        return await self._calls.new(
            rs.ReserveBatchResponse(), self._reservations.batch, RESERVE, request, grpc_context
        )

    async def GetReservation(self, request: bytes, grpc_context: Any) -> rs.GetReservationResponse:
        return await self._calls.new(rs.GetReservationResponse(), self._reservations.get, request, grpc_context)

    async def ListReservations(self, request: bytes, grpc_context: Any) -> rs.ListReservationsResponse:
        return await self._calls.new(rs.ListReservationsResponse(), self._reservations.list, request, grpc_context)

    async def ConfirmReservation(self, request: bytes, grpc_context: Any) -> rs.ConfirmReservationResponse:
        return await self._calls.step(
            rs.ConfirmReservationResponse(), self._reservations.one, CONFIRM, request, grpc_context
        )

    async def ConfirmBatch(self, request: bytes, grpc_context: Any) -> rs.ConfirmBatchResponse:
        return await self._calls.step(
            rs.ConfirmBatchResponse(), self._reservations.batch, CONFIRM, request, grpc_context
        )

    async def MarkReservationReady(self, request: bytes, grpc_context: Any) -> rs.MarkReservationReadyResponse:
        return await self._calls.step(
            rs.MarkReservationReadyResponse(), self._reservations.one, READY, request, grpc_context
        )

    async def CollectReservation(self, request: bytes, grpc_context: Any) -> rs.CollectReservationResponse:
        return await self._calls.step(
            rs.CollectReservationResponse(), self._reservations.one, COLLECT, request, grpc_context
        )

    async def CollectBatch(self, request: bytes, grpc_context: Any) -> rs.CollectBatchResponse:
        return await self._calls.step(
            rs.CollectBatchResponse(), self._reservations.batch, COLLECT, request, grpc_context
        )

    async def ReleaseReservation(self, request: bytes, grpc_context: Any) -> rs.ReleaseReservationResponse:
        return await self._calls.step(
            rs.ReleaseReservationResponse(), self._reservations.one, RELEASE, request, grpc_context
        )

    async def ReleaseBatch(self, request: bytes, grpc_context: Any) -> rs.ReleaseBatchResponse:
        return await self._calls.step(
            rs.ReleaseBatchResponse(), self._reservations.batch, RELEASE, request, grpc_context
        )

    async def ExtendReservation(self, request: bytes, grpc_context: Any) -> rs.ExtendReservationResponse:
        return await self._calls.step(
            rs.ExtendReservationResponse(), self._reservations.one, EXTEND, request, grpc_context
        )

    async def AmendReservation(self, request: bytes, grpc_context: Any) -> rs.AmendReservationResponse:
        return await self._calls.step(
            rs.AmendReservationResponse(), self._reservations.one, AMEND, request, grpc_context
        )

    # OrderService

    async def GetOrder(self, request: bytes, grpc_context: Any) -> os_.GetOrderResponse:
        return await self._calls.new(os_.GetOrderResponse(), self._orders.get, request, grpc_context)

    async def ListOrders(self, request: bytes, grpc_context: Any) -> os_.ListOrdersResponse:
        return await self._calls.new(os_.ListOrdersResponse(), self._orders.list, request, grpc_context)

    async def ConfirmOrder(self, request: bytes, grpc_context: Any) -> os_.ConfirmOrderResponse:
        return await self._calls.step(os_.ConfirmOrderResponse(), self._orders.confirm, request, grpc_context)

    async def MarkOrderReady(self, request: bytes, grpc_context: Any) -> os_.MarkOrderReadyResponse:
        return await self._calls.step(os_.MarkOrderReadyResponse(), self._orders.mark_ready, request, grpc_context)

    async def CollectOrder(self, request: bytes, grpc_context: Any) -> os_.CollectOrderResponse:
        return await self._calls.step(os_.CollectOrderResponse(), self._orders.collect, request, grpc_context)

    async def ReleaseOrder(self, request: bytes, grpc_context: Any) -> os_.ReleaseOrderResponse:
        return await self._calls.step(os_.ReleaseOrderResponse(), self._orders.release, request, grpc_context)

    async def ExtendOrder(self, request: bytes, grpc_context: Any) -> os_.ExtendOrderResponse:
        return await self._calls.step(os_.ExtendOrderResponse(), self._orders.extend, request, grpc_context)

    async def AmendOrder(self, request: bytes, grpc_context: Any) -> os_.AmendOrderResponse:
        return await self._calls.step(os_.AmendOrderResponse(), self._orders.amend, request, grpc_context)

    async def FindStores(self, request: bytes, grpc_context: Any) -> os_.FindStoresResponse:
        return await self._calls.new(os_.FindStoresResponse(), self._orders.find_stores, request, grpc_context)

    async def ListSlots(self, request: bytes, grpc_context: Any) -> os_.ListSlotsResponse:
        return await self._calls.new(os_.ListSlotsResponse(), self._orders.list_slots, request, grpc_context)

    # StockService

    async def AdjustStock(self, request: bytes, grpc_context: Any) -> ss.AdjustStockResponse:
        return await self._calls.new(
            ss.AdjustStockResponse(),
            self._stock.change,
            ss.AdjustStockRequest,
            stock.adjust_stock,
            request,
            grpc_context,
        )

    async def CountStock(self, request: bytes, grpc_context: Any) -> ss.CountStockResponse:
        return await self._calls.new(
            ss.CountStockResponse(),
            self._stock.change,
            ss.CountStockRequest,
            stock.count_stock,
            request,
            grpc_context,
        )

    async def SetSafetyStock(self, request: bytes, grpc_context: Any) -> ss.SetSafetyStockResponse:
        return await self._calls.new(
            ss.SetSafetyStockResponse(),
            self._stock.change,
            ss.SetSafetyStockRequest,
            stock.set_safety_stock,
            request,
            grpc_context,
        )

    async def GetAvailability(self, request: bytes, grpc_context: Any) -> ss.GetAvailabilityResponse:
        return await self._calls.new(ss.GetAvailabilityResponse(), self._stock.availability, request, grpc_context)

    async def WatchAvailability(self, request: bytes, grpc_context: Any) -> AsyncIterator[ss.WatchAvailabilityResponse]:
        async for message in self._feeds.availability(request, grpc_context):
            yield message

    # EventService

    async def WatchEvents(self, request: bytes, grpc_context: Any) -> AsyncIterator[es.WatchEventsResponse]:
        async for message in self._feeds.events(request, grpc_context):
            yield message

    # AdminService

    async def PutStores(self, request: bytes, grpc_context: Any) -> ad.PutStoresResponse:
        return await self._calls.new(ad.PutStoresResponse(), self._admin.put_stores, request, grpc_context)

    async def ListStores(self, request: bytes, grpc_context: Any) -> ad.ListStoresResponse:
        return await self._calls.new(ad.ListStoresResponse(), self._admin.list_stores, request, grpc_context)

    async def GetPolicy(self, request: bytes, grpc_context: Any) -> ad.GetPolicyResponse:
        return await self._calls.new(ad.GetPolicyResponse(), self._admin.get_policy, request, grpc_context)

    async def SetPolicy(self, request: bytes, grpc_context: Any) -> ad.SetPolicyResponse:
        return await self._calls.new(ad.SetPolicyResponse(), self._admin.set_policy, request, grpc_context)

    async def GetLedgerStatus(self, request: bytes, grpc_context: Any) -> ad.GetLedgerStatusResponse:
        return await self._calls.new(ad.GetLedgerStatusResponse(), self._admin.ledger_status, request, grpc_context)

    async def VerifyLedger(self, request: bytes, grpc_context: Any) -> ad.VerifyLedgerResponse:
        return await self._calls.new(ad.VerifyLedgerResponse(), self._verification.ledger, request, grpc_context)

    async def VerifyOrders(self, request: bytes, grpc_context: Any) -> ad.VerifyOrdersResponse:
        return await self._calls.new(ad.VerifyOrdersResponse(), self._verification.orders, request, grpc_context)

    # grpc.health.v1.Health

    async def Check(self, request: hp.HealthCheckRequest, grpc_context: Any) -> hp.HealthCheckResponse:
        return self._health.check(request, grpc_context)

    async def Watch(self, request: hp.HealthCheckRequest, grpc_context: Any) -> AsyncIterator[hp.HealthCheckResponse]:
        del grpc_context
        async for message in self._health.watch(request):
            yield message

    async def List(self, request: Any, grpc_context: Any) -> Any:
        del request, grpc_context
        return self._health.list()

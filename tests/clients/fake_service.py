"""The fake service: every RPC of `holdfast.v1` and the health check, over `FakeLedger`, with faults on request.

`faults[method]` is a queue of faults; each call of the method takes the first. What arrives is kept in `requests`.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from holdfast.v1 import (
    admin_service_pb2 as administering,
    admin_service_pb2_grpc,
    error_pb2,
    event_service_pb2 as telling,
    event_service_pb2_grpc,
    order_service_pb2 as ordering,
    order_service_pb2_grpc,
    reservation_service_pb2 as reserving,
    reservation_service_pb2_grpc,
    stock_pb2,
    stock_service_pb2 as stocking,
    stock_service_pb2_grpc,
    store_pb2,
)
from tests.clients.fake_ledger import COLLECTED, CONFIRMED, NOW_S, READY, RELEASED, FakeLedger
from tests.clients.fake_orders import FakeOrders
from tests.clients.faults import Context, CutAfter, FailItems, Fault, Hold, LoseAnswer, LoseOutcome, Refuse, refuse


class FakeService(
    reservation_service_pb2_grpc.ReservationServiceServicer,
    order_service_pb2_grpc.OrderServiceServicer,
    stock_service_pb2_grpc.StockServiceServicer,
    event_service_pb2_grpc.EventServiceServicer,
    admin_service_pb2_grpc.AdminServiceServicer,
):
    """A service whose shops come into being when they are named, except those named `unknown`."""

    def __init__(self) -> None:
        self.ledgers: dict[str, FakeLedger] = {}
        self.orders = FakeOrders(self.ledger)
        self.faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.requests: list[tuple[str, Any]] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.peers: set[str] = set()
        self.stores: dict[str, store_pb2.Store] = {}
        self.broken: list[administering.AffectedSlot] = []
        self.policy = store_pb2.Policy(
            version=1,
            ttl_default=Duration(seconds=7_200),
            ttl_max=Duration(seconds=86_400),
            collect_within=Duration(seconds=86_400),
        )
        self.discrepancies: list[administering.Discrepancy] = []
        self.contradictions: list[administering.Discrepancy] = []
        self.health = 1
        self.told = asyncio.Condition()
        self.called = asyncio.Event()

    def ledger(self, store_id: str) -> FakeLedger:
        """A shop's ledger."""
        return self.ledgers.setdefault(store_id, FakeLedger(store_id))

    def asked(self, method: str) -> list[Any]:
        """The requests of one method, in sequence."""
        return [request for name, request in self.requests if name == method]

    async def _take(self, method: str, request: Any, context: Context) -> Fault | None:
        self.requests.append((method, request))
        self.called.set()
        self.peers.add(context.peer())
        metadata: Any = context.invocation_metadata() or ()
        self.metadata.append(dict(metadata))
        fault = self.faults[method].popleft() if self.faults[method] else None
        if isinstance(fault, Hold):
            fault.arrived.set()
            await fault.release.wait()
        if isinstance(fault, Refuse):
            await refuse(context, fault)
        return fault

    async def _one(self, method: str, request: Any, context: Context, decide: Callable[[Any], Any]) -> Any:
        fault = await self._take(method, request, context)
        if getattr(request, "store_id", "") == "unknown":
            await context.abort(grpc.StatusCode.NOT_FOUND, "shop unknown is not known")
        answer = decide(request)
        await self._tell()
        if isinstance(fault, LoseAnswer):
            await context.abort(fault.code, "the answer was lost")
        return answer

    async def _many(
        self, method: str, request: Any, context: Context, decide: Callable[[Any], Any], response: type[Any]
    ) -> Any:
        fault = await self._take(method, request, context)
        outcomes = []
        for item in request.requests:
            if isinstance(fault, FailItems) and fault.chosen(item):
                error = error_pb2.ItemError(code=fault.code, message="not decided")
                if fault.retry_after_ms:
                    error.retry_after.FromMilliseconds(fault.retry_after_ms)
                item_type = type(decide(item) if fault.decided_first else response().outcomes.add())
                outcomes.append(item_type(error=error))
            else:
                outcomes.append(decide(item))
        await self._tell()
        if isinstance(fault, LoseAnswer):
            await context.abort(fault.code, "the answer was lost")
        return response(outcomes=outcomes[1:] if isinstance(fault, LoseOutcome) else outcomes)

    async def _tell(self) -> None:
        async with self.told:
            self.told.notify_all()

    # -- reservations

    def _reserve(self, request: reserving.ReserveRequest) -> reserving.ReserveResponse:
        if self.orders.takes(request):
            return cast("reserving.ReserveResponse", self.orders.open(request))
        return self.ledger(request.store_id).reserve(request)

    def _ledger_of(self, reservation_id: str) -> FakeLedger:
        return self.ledger(reservation_id.rpartition(":")[0])

    def _confirm(self, request: reserving.ConfirmReservationRequest) -> Any:
        return self._ledger_of(request.reservation_id).move(request, CONFIRMED, reserving.ConfirmReservationResponse)

    def _collect(self, request: reserving.CollectReservationRequest) -> Any:
        ledger = self._ledger_of(request.reservation_id)
        paid = request.payment_reference
        return ledger.move(request, COLLECTED, reserving.CollectReservationResponse, payment_reference=paid)

    def _release(self, request: reserving.ReleaseReservationRequest) -> Any:
        ledger = self._ledger_of(request.reservation_id)
        return ledger.move(request, RELEASED, reserving.ReleaseReservationResponse, release_reason=request.reason)

    async def Reserve(self, request: Any, context: Context) -> Any:  # noqa: N802 - the RPC's name
        return await self._one("Reserve", request, context, self._reserve)

    async def ReserveBatch(self, request: Any, context: Context) -> Any:  # noqa: N802
        return await self._many("ReserveBatch", request, context, self._reserve, reserving.ReserveBatchResponse)

    async def ConfirmReservation(self, request: Any, context: Context) -> Any:  # noqa: N802
        return await self._one("ConfirmReservation", request, context, self._confirm)

    async def ConfirmBatch(self, request: Any, context: Context) -> Any:  # noqa: N802
        return await self._many("ConfirmBatch", request, context, self._confirm, reserving.ConfirmBatchResponse)

    async def CollectReservation(self, request: Any, context: Context) -> Any:  # noqa: N802
        return await self._one("CollectReservation", request, context, self._collect)

    async def CollectBatch(self, request: Any, context: Context) -> Any:  # noqa: N802
        return await self._many("CollectBatch", request, context, self._collect, reserving.CollectBatchResponse)

    async def ReleaseReservation(self, request: Any, context: Context) -> Any:  # noqa: N802
        return await self._one("ReleaseReservation", request, context, self._release)

    async def ReleaseBatch(self, request: Any, context: Context) -> Any:  # noqa: N802
        return await self._many("ReleaseBatch", request, context, self._release, reserving.ReleaseBatchResponse)

    async def MarkReservationReady(self, request: Any, context: Context) -> Any:  # noqa: N802
        ledger = self._ledger_of(request.reservation_id)
        response = reserving.MarkReservationReadyResponse
        return await self._one(
            "MarkReservationReady", request, context, lambda asked: ledger.move(asked, READY, response)
        )

    async def ExtendReservation(self, request: Any, context: Context) -> Any:  # noqa: N802
        ledger = self._ledger_of(request.reservation_id)
        until = Timestamp(seconds=NOW_S + request.ttl.seconds)
        response = reserving.ExtendReservationResponse
        return await self._one(
            "ExtendReservation", request, context, lambda asked: ledger.move(asked, 0, response, expires_at=until)
        )

    async def GetReservation(self, request: Any, context: Context) -> Any:  # noqa: N802
        await self._take("GetReservation", request, context)
        ledger = self._ledger_of(request.reservation_id)
        found = ledger.reservations.get(request.reservation_id)
        if found is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no reservation {request.reservation_id}")
        if request.min_version > ledger.version:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"the ledger is at {ledger.version}")
        return reserving.GetReservationResponse(reservation=found, version=ledger.version)

    async def ListReservations(self, request: Any, context: Context) -> Any:  # noqa: N802
        await self._take("ListReservations", request, context)
        ledger = self.ledger(request.store_id)
        fitting = [
            found for found in ledger.reservations.values() if not request.statuses or found.status in request.statuses
        ]
        start = int(request.page_token or 0)
        end = start + (request.page_size or 100)
        return reserving.ListReservationsResponse(
            reservations=fitting[start:end], next_page_token=str(end) if end < len(fitting) else ""
        )

    async def AmendReservation(self, request: Any, context: Context) -> Any:  # noqa: N802
        return await self._one("AmendReservation", request, context, self._ledger_of(request.reservation_id).amend)

    # -- orders

    async def GetOrder(self, request: Any, context: Context) -> Any:  # noqa: N802
        await self._take("GetOrder", request, context)
        found = self.orders.orders.get(request.order_id)
        if found is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no order {request.order_id}")
        return ordering.GetOrderResponse(order=found)

    async def ConfirmOrder(self, request: Any, context: Context) -> Any:  # noqa: N802
        return await self._one("ConfirmOrder", request, context, self.orders.confirm)

    async def ReleaseOrder(self, request: Any, context: Context) -> Any:  # noqa: N802
        return await self._one("ReleaseOrder", request, context, self.orders.release)

    async def ExtendOrder(self, request: Any, context: Context) -> Any:  # noqa: N802
        return await self._one("ExtendOrder", request, context, self.orders.extend)

    async def AmendOrder(self, request: Any, context: Context) -> Any:  # noqa: N802
        return await self._one("AmendOrder", request, context, self.orders.amend)

    async def MarkOrderReady(self, request: Any, context: Context) -> Any:  # noqa: N802
        kinds = ordering.MarkOrderReadyResponse, reserving.MarkReservationReadyResponse
        return await self._parts("MarkOrderReady", request, context, *kinds, READY)

    async def CollectOrder(self, request: Any, context: Context) -> Any:  # noqa: N802
        kinds = ordering.CollectOrderResponse, reserving.CollectReservationResponse
        return await self._parts("CollectOrder", request, context, *kinds, COLLECTED)

    async def _parts(
        self, method: str, request: Any, context: Context, response: type[Any], of_part: type[Any], status: Any
    ) -> Any:
        fault = await self._take(method, request, context)
        answer = self.orders.each_part(request, response, of_part, status)
        for outcome in answer.outcomes:
            if isinstance(fault, FailItems) and fault.chosen(outcome):
                outcome.error.code, outcome.error.message = fault.code, "not decided"
        if isinstance(fault, LoseAnswer):
            await context.abort(fault.code, "the answer was lost")
        return answer

    async def FindStores(self, request: Any, context: Context) -> Any:  # noqa: N802
        return await self._one("FindStores", request, context, self.orders.find)

    async def ListSlots(self, request: Any, context: Context) -> Any:  # noqa: N802
        def decide(asked: ordering.ListSlotsRequest) -> ordering.ListSlotsResponse:
            found = ordering.ListSlotsResponse(zone="Europe/Vienna", version=self.ledger(asked.store_id).version)
            for start, left in sorted(self.ledger(asked.store_id).places.items()):
                start_at, end_at = Timestamp(seconds=start), Timestamp(seconds=start + 3_600)
                found.slots.add(start=start_at, end=end_at, capacity=5, left=left)
                found.earliest_ready.CopyFrom(start_at)
            return found

        return await self._one("ListSlots", request, context, decide)

    # -- stock

    async def AdjustStock(self, request: Any, context: Context) -> Any:  # noqa: N802
        return await self._one("AdjustStock", request, context, lambda asked: self.ledger(asked.store_id).adjust(asked))

    async def CountStock(self, request: Any, context: Context) -> Any:  # noqa: N802
        def decide(asked: stocking.CountStockRequest) -> stocking.CountStockResponse:
            ledger = self.ledger(asked.store_id)
            ledger.on_hand.update({count.sku: count.quantity for count in asked.counts})
            return stocking.CountStockResponse(
                change=stock_pb2.StockChange(version=ledger.version, applied=len(asked.counts))
            )

        return await self._one("CountStock", request, context, decide)

    async def SetSafetyStock(self, request: Any, context: Context) -> Any:  # noqa: N802
        def decide(asked: stocking.SetSafetyStockRequest) -> stocking.SetSafetyStockResponse:
            ledger = self.ledger(asked.store_id)
            ledger.safety.update({row.sku: row.quantity for row in asked.safety_stocks})
            return stocking.SetSafetyStockResponse(change=stock_pb2.StockChange(applied=len(asked.safety_stocks)))

        return await self._one("SetSafetyStock", request, context, decide)

    async def GetAvailability(self, request: Any, context: Context) -> Any:  # noqa: N802
        await self._take("GetAvailability", request, context)
        return stocking.GetAvailabilityResponse(
            stores=[
                stock_pb2.StoreAvailability(
                    store_id=store_id,
                    version=self.ledger(store_id).version,
                    as_of=Timestamp(seconds=NOW_S),
                    age=Duration(nanos=3_000_000),
                    positions=[self.ledger(store_id).position(sku) for sku in request.skus],
                )
                for store_id in request.store_ids
            ]
        )

    # -- streams

    async def WatchEvents(self, request: Any, context: Context) -> AsyncIterator[Any]:  # noqa: N802
        fault = await self._take("WatchEvents", request, context)
        seen = {cursor.store_id: cursor.after_version for cursor in request.cursors}
        sent = 0
        while True:
            for store_id in [*self.ledgers] if request.all_stores else [*seen]:
                for event in self.ledger(store_id).events[seen.get(store_id, 0) :]:
                    if isinstance(fault, CutAfter) and sent >= fault.messages:
                        await context.abort(fault.code, "cut off by the test")
                    yield telling.WatchEventsResponse(events=[event])
                    seen[store_id] = event.version
                    sent += 1
            async with self.told:
                await self.told.wait()

    async def WatchAvailability(self, request: Any, context: Context) -> AsyncIterator[Any]:  # noqa: N802
        fault = await self._take("WatchAvailability", request, context)
        seen = {cursor.store_id: cursor.after_version for cursor in request.cursors}
        sent = 0
        while True:
            for store_id in [*seen]:
                ledger = self.ledger(store_id)
                if ledger.version > seen[store_id]:
                    if isinstance(fault, CutAfter) and sent >= fault.messages:
                        await context.abort(fault.code, "cut off by the test")
                    seen[store_id] = ledger.version
                    yield stocking.WatchAvailabilityResponse(
                        store_id=store_id,
                        version=ledger.version,
                        as_of=Timestamp(seconds=NOW_S),
                        positions=[ledger.position(sku) for sku in request.skus or ledger.on_hand],
                    )
                    sent += 1
            async with self.told:
                await self.told.wait()

    # -- administration

    async def PutStores(self, request: Any, context: Context) -> Any:  # noqa: N802
        await self._take("PutStores", request, context)
        self.stores.update({shop.store_id: shop for shop in request.stores})
        named = {shop.store_id for shop in request.stores}
        affected = [slot for slot in self.broken if slot.store_id in named]
        return administering.PutStoresResponse(
            chain_version=len(self.stores), affected=affected, affected_slots=len(affected)
        )

    async def ListStores(self, request: Any, context: Context) -> Any:  # noqa: N802
        await self._take("ListStores", request, context)
        shops = [self.stores[store_id] for store_id in sorted(self.stores)]
        start = int(request.page_token or 0)
        end = start + (request.page_size or 100)
        token = str(end) if end < len(shops) else ""
        return administering.ListStoresResponse(stores=shops[start:end], next_page_token=token)

    async def GetPolicy(self, request: Any, context: Context) -> Any:  # noqa: N802
        await self._take("GetPolicy", request, context)
        return administering.GetPolicyResponse(policy=self.policy)

    async def SetPolicy(self, request: Any, context: Context) -> Any:  # noqa: N802
        await self._take("SetPolicy", request, context)
        if request.policy.version not in {0, self.policy.version}:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"version {self.policy.version} is in force")
        version = self.policy.version + 1
        self.policy = request.policy
        self.policy.version = version
        return administering.SetPolicyResponse(policy=self.policy)

    async def GetLedgerStatus(self, request: Any, context: Context) -> Any:  # noqa: N802
        await self._take("GetLedgerStatus", request, context)
        return administering.GetLedgerStatusResponse(
            store_id=request.store_id,
            version=self.ledger(request.store_id).version,
            epoch=3,
            actor=f"ledger-{request.store_id}",
            recovery=Duration(nanos=20_000_000),
        )

    async def VerifyLedger(self, request: Any, context: Context) -> Any:  # noqa: N802
        await self._take("VerifyLedger", request, context)
        return administering.VerifyLedgerResponse(
            store_id=request.store_id,
            version=self.ledger(request.store_id).version,
            holds=not self.discrepancies,
            discrepancies=self.discrepancies,
            state_hash="ab",
        )

    async def VerifyOrders(self, request: Any, context: Context) -> Any:  # noqa: N802
        await self._take("VerifyOrders", request, context)
        return administering.VerifyOrdersResponse(
            holds=not self.contradictions,
            discrepancies=self.contradictions,
            parts=4,
            orders=2,
            on_the_way=1,
            left_out=["S9"],
        )

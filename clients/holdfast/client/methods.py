"""Every RPC that the clients call, with its path and its answer's type. A test holds the list against the protos."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message

from holdfast.v1 import (
    admin_service_pb2 as admin,
    event_service_pb2 as event,
    order_service_pb2 as order,
    reservation_service_pb2 as reservation,
    stock_service_pb2 as stock,
)

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
MessageT = TypeVar("MessageT", bound=Message)


@dataclass(frozen=True, slots=True)
class Method(Generic[RequestT, ResponseT]):
    """One RPC. `encode` is None where the request is bytes already."""

    service: str
    name: str
    encode: Callable[[RequestT], bytes] | None
    decode: Callable[[bytes], ResponseT]

    @property
    def path(self) -> str:
        """The path that gRPC calls."""
        return f"/{self.service}/{self.name}"


def _method(service: str, name: str, request: type[RequestT], response: type[MessageT]) -> Method[RequestT, MessageT]:
    return Method(f"holdfast.v1.{service}", name, request.SerializeToString, response.FromString)  # type: ignore[attr-defined]


def _of_bytes(service: str, name: str, response: type[MessageT]) -> Method[bytes, MessageT]:
    return Method(f"holdfast.v1.{service}", name, None, response.FromString)


RESERVE = _of_bytes("ReservationService", "Reserve", reservation.ReserveResponse)
RESERVE_BATCH = _of_bytes("ReservationService", "ReserveBatch", reservation.ReserveBatchResponse)
CONFIRM = _of_bytes("ReservationService", "ConfirmReservation", reservation.ConfirmReservationResponse)
CONFIRM_BATCH = _of_bytes("ReservationService", "ConfirmBatch", reservation.ConfirmBatchResponse)
COLLECT = _of_bytes("ReservationService", "CollectReservation", reservation.CollectReservationResponse)
COLLECT_BATCH = _of_bytes("ReservationService", "CollectBatch", reservation.CollectBatchResponse)
RELEASE = _of_bytes("ReservationService", "ReleaseReservation", reservation.ReleaseReservationResponse)
RELEASE_BATCH = _of_bytes("ReservationService", "ReleaseBatch", reservation.ReleaseBatchResponse)

MARK_READY = _method(
    "ReservationService",
    "MarkReservationReady",
    reservation.MarkReservationReadyRequest,
    reservation.MarkReservationReadyResponse,
)
EXTEND = _method(
    "ReservationService",
    "ExtendReservation",
    reservation.ExtendReservationRequest,
    reservation.ExtendReservationResponse,
)
AMEND = _method(
    "ReservationService", "AmendReservation", reservation.AmendReservationRequest, reservation.AmendReservationResponse
)
GET_RESERVATION = _method(
    "ReservationService", "GetReservation", reservation.GetReservationRequest, reservation.GetReservationResponse
)
LIST_RESERVATIONS = _method(
    "ReservationService", "ListReservations", reservation.ListReservationsRequest, reservation.ListReservationsResponse
)

LIST_ORDERS = _method("OrderService", "ListOrders", order.ListOrdersRequest, order.ListOrdersResponse)
GET_ORDER = _method("OrderService", "GetOrder", order.GetOrderRequest, order.GetOrderResponse)
CONFIRM_ORDER = _method("OrderService", "ConfirmOrder", order.ConfirmOrderRequest, order.ConfirmOrderResponse)
MARK_ORDER_READY = _method("OrderService", "MarkOrderReady", order.MarkOrderReadyRequest, order.MarkOrderReadyResponse)
COLLECT_ORDER = _method("OrderService", "CollectOrder", order.CollectOrderRequest, order.CollectOrderResponse)
RELEASE_ORDER = _method("OrderService", "ReleaseOrder", order.ReleaseOrderRequest, order.ReleaseOrderResponse)
EXTEND_ORDER = _method("OrderService", "ExtendOrder", order.ExtendOrderRequest, order.ExtendOrderResponse)
AMEND_ORDER = _method("OrderService", "AmendOrder", order.AmendOrderRequest, order.AmendOrderResponse)
FIND_STORES = _method("OrderService", "FindStores", order.FindStoresRequest, order.FindStoresResponse)
LIST_SLOTS = _method("OrderService", "ListSlots", order.ListSlotsRequest, order.ListSlotsResponse)

ADJUST_STOCK = _method("StockService", "AdjustStock", stock.AdjustStockRequest, stock.AdjustStockResponse)
COUNT_STOCK = _method("StockService", "CountStock", stock.CountStockRequest, stock.CountStockResponse)
SET_SAFETY_STOCK = _method("StockService", "SetSafetyStock", stock.SetSafetyStockRequest, stock.SetSafetyStockResponse)
GET_AVAILABILITY = _method(
    "StockService", "GetAvailability", stock.GetAvailabilityRequest, stock.GetAvailabilityResponse
)
WATCH_AVAILABILITY = _method(
    "StockService", "WatchAvailability", stock.WatchAvailabilityRequest, stock.WatchAvailabilityResponse
)
WATCH_EVENTS = _method("EventService", "WatchEvents", event.WatchEventsRequest, event.WatchEventsResponse)

PUT_STORES = _method("AdminService", "PutStores", admin.PutStoresRequest, admin.PutStoresResponse)
LIST_STORES = _method("AdminService", "ListStores", admin.ListStoresRequest, admin.ListStoresResponse)
GET_POLICY = _method("AdminService", "GetPolicy", admin.GetPolicyRequest, admin.GetPolicyResponse)
SET_POLICY = _method("AdminService", "SetPolicy", admin.SetPolicyRequest, admin.SetPolicyResponse)
GET_LEDGER_STATUS = _method(
    "AdminService", "GetLedgerStatus", admin.GetLedgerStatusRequest, admin.GetLedgerStatusResponse
)
VERIFY_LEDGER = _method("AdminService", "VerifyLedger", admin.VerifyLedgerRequest, admin.VerifyLedgerResponse)
VERIFY_ORDERS = _method("AdminService", "VerifyOrders", admin.VerifyOrdersRequest, admin.VerifyOrdersResponse)

CHECK_HEALTH: Method[bytes, bytes] = Method("grpc.health.v1.Health", "Check", None, bytes)

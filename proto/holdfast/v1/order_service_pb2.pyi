import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.v1 import error_pb2 as _error_pb2
from holdfast.v1 import order_pb2 as _order_pb2
from holdfast.v1 import reservation_pb2 as _reservation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListOrdersRequest(_message.Message):
    __slots__ = ("customer_id", "statuses", "page_size", "page_token")
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    customer_id: str
    statuses: _containers.RepeatedScalarFieldContainer[_order_pb2.OrderStatus]
    page_size: int
    page_token: str
    def __init__(self, customer_id: _Optional[str] = ..., statuses: _Optional[_Iterable[_Union[_order_pb2.OrderStatus, str]]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListOrdersResponse(_message.Message):
    __slots__ = ("orders", "next_page_token", "version")
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[_order_pb2.Order]
    next_page_token: str
    version: int
    def __init__(self, orders: _Optional[_Iterable[_Union[_order_pb2.Order, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class GetOrderRequest(_message.Message):
    __slots__ = ("order_id",)
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    def __init__(self, order_id: _Optional[str] = ...) -> None: ...

class GetOrderResponse(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: _order_pb2.Order
    def __init__(self, order: _Optional[_Union[_order_pb2.Order, _Mapping]] = ...) -> None: ...

class ConfirmOrderRequest(_message.Message):
    __slots__ = ("idempotency_key", "order_id", "collect_within")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    COLLECT_WITHIN_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    order_id: str
    collect_within: _duration_pb2.Duration
    def __init__(self, idempotency_key: _Optional[str] = ..., order_id: _Optional[str] = ..., collect_within: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ConfirmOrderResponse(_message.Message):
    __slots__ = ("order", "rejection")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    order: _order_pb2.Order
    rejection: _error_pb2.Rejection
    def __init__(self, order: _Optional[_Union[_order_pb2.Order, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class PartOutcome(_message.Message):
    __slots__ = ("store_id", "reservation", "rejection", "error")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    reservation: _reservation_pb2.Reservation
    rejection: _error_pb2.Rejection
    error: _error_pb2.ItemError
    def __init__(self, store_id: _Optional[str] = ..., reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ..., error: _Optional[_Union[_error_pb2.ItemError, _Mapping]] = ...) -> None: ...

class MarkOrderReadyRequest(_message.Message):
    __slots__ = ("idempotency_key", "order_id")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    order_id: str
    def __init__(self, idempotency_key: _Optional[str] = ..., order_id: _Optional[str] = ...) -> None: ...

class MarkOrderReadyResponse(_message.Message):
    __slots__ = ("outcomes", "rejection")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[PartOutcome]
    rejection: _error_pb2.Rejection
    def __init__(self, outcomes: _Optional[_Iterable[_Union[PartOutcome, _Mapping]]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class CollectOrderRequest(_message.Message):
    __slots__ = ("idempotency_key", "order_id", "payment_reference")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    order_id: str
    payment_reference: str
    def __init__(self, idempotency_key: _Optional[str] = ..., order_id: _Optional[str] = ..., payment_reference: _Optional[str] = ...) -> None: ...

class CollectOrderResponse(_message.Message):
    __slots__ = ("outcomes", "rejection")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[PartOutcome]
    rejection: _error_pb2.Rejection
    def __init__(self, outcomes: _Optional[_Iterable[_Union[PartOutcome, _Mapping]]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class ReleaseOrderRequest(_message.Message):
    __slots__ = ("idempotency_key", "order_id", "reason")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    order_id: str
    reason: _reservation_pb2.ReleaseReason
    def __init__(self, idempotency_key: _Optional[str] = ..., order_id: _Optional[str] = ..., reason: _Optional[_Union[_reservation_pb2.ReleaseReason, str]] = ...) -> None: ...

class ReleaseOrderResponse(_message.Message):
    __slots__ = ("order", "rejection")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    order: _order_pb2.Order
    rejection: _error_pb2.Rejection
    def __init__(self, order: _Optional[_Union[_order_pb2.Order, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class ExtendOrderRequest(_message.Message):
    __slots__ = ("idempotency_key", "order_id", "ttl")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    order_id: str
    ttl: _duration_pb2.Duration
    def __init__(self, idempotency_key: _Optional[str] = ..., order_id: _Optional[str] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ExtendOrderResponse(_message.Message):
    __slots__ = ("order", "rejection")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    order: _order_pb2.Order
    rejection: _error_pb2.Rejection
    def __init__(self, order: _Optional[_Union[_order_pb2.Order, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class StorePlan(_message.Message):
    __slots__ = ("store_id", "lines", "slot_start")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    SLOT_START_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    slot_start: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., slot_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AmendOrderRequest(_message.Message):
    __slots__ = ("idempotency_key", "order_id", "stores", "ttl")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STORES_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    order_id: str
    stores: _containers.RepeatedCompositeFieldContainer[StorePlan]
    ttl: _duration_pb2.Duration
    def __init__(self, idempotency_key: _Optional[str] = ..., order_id: _Optional[str] = ..., stores: _Optional[_Iterable[_Union[StorePlan, _Mapping]]] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class AmendOrderResponse(_message.Message):
    __slots__ = ("order", "rejection")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    order: _order_pb2.Order
    rejection: _error_pb2.Rejection
    def __init__(self, order: _Optional[_Union[_order_pb2.Order, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class FindStoresRequest(_message.Message):
    __slots__ = ("sourcing", "lines", "channel", "slot_start", "explain", "candidates_max")
    SOURCING_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SLOT_START_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_MAX_FIELD_NUMBER: _ClassVar[int]
    sourcing: _order_pb2.Sourcing
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    channel: str
    slot_start: _timestamp_pb2.Timestamp
    explain: bool
    candidates_max: int
    def __init__(self, sourcing: _Optional[_Union[_order_pb2.Sourcing, _Mapping]] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., channel: _Optional[str] = ..., slot_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., explain: _Optional[bool] = ..., candidates_max: _Optional[int] = ...) -> None: ...

class FindStoresResponse(_message.Message):
    __slots__ = ("candidates", "plan", "missing", "age", "left_off", "excluded")
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    LEFT_OFF_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_FIELD_NUMBER: _ClassVar[int]
    candidates: _containers.RepeatedCompositeFieldContainer[_order_pb2.Candidate]
    plan: _containers.RepeatedCompositeFieldContainer[StorePlan]
    missing: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    age: _duration_pb2.Duration
    left_off: int
    excluded: _containers.RepeatedCompositeFieldContainer[_order_pb2.ExcludedCount]
    def __init__(self, candidates: _Optional[_Iterable[_Union[_order_pb2.Candidate, _Mapping]]] = ..., plan: _Optional[_Iterable[_Union[StorePlan, _Mapping]]] = ..., missing: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., left_off: _Optional[int] = ..., excluded: _Optional[_Iterable[_Union[_order_pb2.ExcludedCount, _Mapping]]] = ...) -> None: ...

class ListSlotsRequest(_message.Message):
    __slots__ = ("store_id", "not_before", "window")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    NOT_BEFORE_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    not_before: _timestamp_pb2.Timestamp
    window: _duration_pb2.Duration
    def __init__(self, store_id: _Optional[str] = ..., not_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., window: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Slot(_message.Message):
    __slots__ = ("start", "end", "capacity", "left")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    start: _timestamp_pb2.Timestamp
    end: _timestamp_pb2.Timestamp
    capacity: int
    left: int
    def __init__(self, start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., capacity: _Optional[int] = ..., left: _Optional[int] = ...) -> None: ...

class ListSlotsResponse(_message.Message):
    __slots__ = ("slots", "earliest_ready", "zone", "version")
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    EARLIEST_READY_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    slots: _containers.RepeatedCompositeFieldContainer[Slot]
    earliest_ready: _timestamp_pb2.Timestamp
    zone: str
    version: int
    def __init__(self, slots: _Optional[_Iterable[_Union[Slot, _Mapping]]] = ..., earliest_ready: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., zone: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

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

class ReserveRequest(_message.Message):
    __slots__ = ("idempotency_key", "store_id", "lines", "customer_id", "channel", "basket_id", "ttl", "slot_start", "sourcing", "external_reference", "wait", "first_attempt")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    BASKET_ID_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    SLOT_START_FIELD_NUMBER: _ClassVar[int]
    SOURCING_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    FIRST_ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    store_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    customer_id: str
    channel: str
    basket_id: str
    ttl: _duration_pb2.Duration
    slot_start: _timestamp_pb2.Timestamp
    sourcing: _order_pb2.Sourcing
    external_reference: str
    wait: _duration_pb2.Duration
    first_attempt: bool
    def __init__(self, idempotency_key: _Optional[str] = ..., store_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., customer_id: _Optional[str] = ..., channel: _Optional[str] = ..., basket_id: _Optional[str] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., slot_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sourcing: _Optional[_Union[_order_pb2.Sourcing, _Mapping]] = ..., external_reference: _Optional[str] = ..., wait: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., first_attempt: _Optional[bool] = ...) -> None: ...

class ReserveResponse(_message.Message):
    __slots__ = ("reservation", "rejection", "error", "order", "key_stamp")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    KEY_STAMP_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    rejection: _error_pb2.Rejection
    error: _error_pb2.ItemError
    order: _order_pb2.Order
    key_stamp: str
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ..., error: _Optional[_Union[_error_pb2.ItemError, _Mapping]] = ..., order: _Optional[_Union[_order_pb2.Order, _Mapping]] = ..., key_stamp: _Optional[str] = ...) -> None: ...

class ReserveBatchRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[ReserveRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[ReserveRequest, _Mapping]]] = ...) -> None: ...

class ReserveBatchResponse(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[ReserveResponse]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[ReserveResponse, _Mapping]]] = ...) -> None: ...

class GetReservationRequest(_message.Message):
    __slots__ = ("reservation_id", "min_version")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    MIN_VERSION_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    min_version: int
    def __init__(self, reservation_id: _Optional[str] = ..., min_version: _Optional[int] = ...) -> None: ...

class GetReservationResponse(_message.Message):
    __slots__ = ("reservation", "version")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    version: int
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., version: _Optional[int] = ...) -> None: ...

class WatchReservationRequest(_message.Message):
    __slots__ = ("reservation_id",)
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    def __init__(self, reservation_id: _Optional[str] = ...) -> None: ...

class WatchReservationResponse(_message.Message):
    __slots__ = ("reservation",)
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ...) -> None: ...

class ListReservationsRequest(_message.Message):
    __slots__ = ("store_id", "statuses", "page_size", "page_token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    statuses: _containers.RepeatedScalarFieldContainer[_reservation_pb2.ReservationStatus]
    page_size: int
    page_token: str
    def __init__(self, store_id: _Optional[str] = ..., statuses: _Optional[_Iterable[_Union[_reservation_pb2.ReservationStatus, str]]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListReservationsResponse(_message.Message):
    __slots__ = ("reservations", "next_page_token", "version")
    RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    reservations: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.Reservation]
    next_page_token: str
    version: int
    def __init__(self, reservations: _Optional[_Iterable[_Union[_reservation_pb2.Reservation, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class ConfirmReservationRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id", "collect_within")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    COLLECT_WITHIN_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    collect_within: _duration_pb2.Duration
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ..., collect_within: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ConfirmReservationResponse(_message.Message):
    __slots__ = ("reservation", "rejection", "error")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    rejection: _error_pb2.Rejection
    error: _error_pb2.ItemError
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ..., error: _Optional[_Union[_error_pb2.ItemError, _Mapping]] = ...) -> None: ...

class ConfirmBatchRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[ConfirmReservationRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[ConfirmReservationRequest, _Mapping]]] = ...) -> None: ...

class ConfirmBatchResponse(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[ConfirmReservationResponse]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[ConfirmReservationResponse, _Mapping]]] = ...) -> None: ...

class MarkReservationReadyRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ...) -> None: ...

class MarkReservationReadyResponse(_message.Message):
    __slots__ = ("reservation", "rejection")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    rejection: _error_pb2.Rejection
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class CollectReservationRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id", "payment_reference", "lines", "till", "hand_over")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    TILL_FIELD_NUMBER: _ClassVar[int]
    HAND_OVER_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    payment_reference: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    till: str
    hand_over: _reservation_pb2.HandOver
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ..., payment_reference: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., till: _Optional[str] = ..., hand_over: _Optional[_Union[_reservation_pb2.HandOver, _Mapping]] = ...) -> None: ...

class CollectReservationResponse(_message.Message):
    __slots__ = ("reservation", "rejection", "error")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    rejection: _error_pb2.Rejection
    error: _error_pb2.ItemError
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ..., error: _Optional[_Union[_error_pb2.ItemError, _Mapping]] = ...) -> None: ...

class CollectBatchRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[CollectReservationRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[CollectReservationRequest, _Mapping]]] = ...) -> None: ...

class CollectBatchResponse(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[CollectReservationResponse]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[CollectReservationResponse, _Mapping]]] = ...) -> None: ...

class ReturnReservationRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id", "lines", "unsellable", "refund_reference", "till")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    UNSELLABLE_FIELD_NUMBER: _ClassVar[int]
    REFUND_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    TILL_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    unsellable: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    refund_reference: str
    till: str
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., unsellable: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., refund_reference: _Optional[str] = ..., till: _Optional[str] = ...) -> None: ...

class ReturnReservationResponse(_message.Message):
    __slots__ = ("reservation", "rejection")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    rejection: _error_pb2.Rejection
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class ReleaseReservationRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id", "reason", "lines")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    reason: _reservation_pb2.ReleaseReason
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ..., reason: _Optional[_Union[_reservation_pb2.ReleaseReason, str]] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ...) -> None: ...

class ReleaseReservationResponse(_message.Message):
    __slots__ = ("reservation", "rejection", "error")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    rejection: _error_pb2.Rejection
    error: _error_pb2.ItemError
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ..., error: _Optional[_Union[_error_pb2.ItemError, _Mapping]] = ...) -> None: ...

class ReleaseBatchRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[ReleaseReservationRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[ReleaseReservationRequest, _Mapping]]] = ...) -> None: ...

class ReleaseBatchResponse(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[ReleaseReservationResponse]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[ReleaseReservationResponse, _Mapping]]] = ...) -> None: ...

class ExtendReservationRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id", "ttl")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    ttl: _duration_pb2.Duration
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ExtendReservationResponse(_message.Message):
    __slots__ = ("reservation", "rejection")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    rejection: _error_pb2.Rejection
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class GiveReservationRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id", "till", "ttl")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    TILL_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    till: str
    ttl: _duration_pb2.Duration
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ..., till: _Optional[str] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class GiveReservationResponse(_message.Message):
    __slots__ = ("reservation", "rejection")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    rejection: _error_pb2.Rejection
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class AmendReservationRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id", "lines", "ttl", "slot_start")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    SLOT_START_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    ttl: _duration_pb2.Duration
    slot_start: _timestamp_pb2.Timestamp
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., slot_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AmendReservationResponse(_message.Message):
    __slots__ = ("reservation", "rejection")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    rejection: _error_pb2.Rejection
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

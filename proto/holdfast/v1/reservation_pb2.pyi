import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReservationStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESERVATION_STATUS_UNSPECIFIED: _ClassVar[ReservationStatus]
    RESERVATION_STATUS_HELD: _ClassVar[ReservationStatus]
    RESERVATION_STATUS_CONFIRMED: _ClassVar[ReservationStatus]
    RESERVATION_STATUS_READY: _ClassVar[ReservationStatus]
    RESERVATION_STATUS_COLLECTED: _ClassVar[ReservationStatus]
    RESERVATION_STATUS_RELEASED: _ClassVar[ReservationStatus]
    RESERVATION_STATUS_EXPIRED: _ClassVar[ReservationStatus]
    RESERVATION_STATUS_CLAIMED: _ClassVar[ReservationStatus]
    RESERVATION_STATUS_QUEUED: _ClassVar[ReservationStatus]

class ReleaseReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RELEASE_REASON_UNSPECIFIED: _ClassVar[ReleaseReason]
    RELEASE_REASON_CUSTOMER_CANCELLED: _ClassVar[ReleaseReason]
    RELEASE_REASON_PAYMENT_FAILED: _ClassVar[ReleaseReason]
    RELEASE_REASON_NOT_FOUND_ON_SHELF: _ClassVar[ReleaseReason]
    RELEASE_REASON_NO_SHOW: _ClassVar[ReleaseReason]
    RELEASE_REASON_FRAUD: _ClassVar[ReleaseReason]
    RELEASE_REASON_OTHER: _ClassVar[ReleaseReason]
    RELEASE_REASON_REPLACED: _ClassVar[ReleaseReason]
    RELEASE_REASON_SHORTFALL: _ClassVar[ReleaseReason]
    RELEASE_REASON_NOT_SERVED: _ClassVar[ReleaseReason]
    RELEASE_REASON_LIMIT_REACHED: _ClassVar[ReleaseReason]
    RELEASE_REASON_SLOT_FULL: _ClassVar[ReleaseReason]
    RELEASE_REASON_SLOT_NOT_OFFERED: _ClassVar[ReleaseReason]
RESERVATION_STATUS_UNSPECIFIED: ReservationStatus
RESERVATION_STATUS_HELD: ReservationStatus
RESERVATION_STATUS_CONFIRMED: ReservationStatus
RESERVATION_STATUS_READY: ReservationStatus
RESERVATION_STATUS_COLLECTED: ReservationStatus
RESERVATION_STATUS_RELEASED: ReservationStatus
RESERVATION_STATUS_EXPIRED: ReservationStatus
RESERVATION_STATUS_CLAIMED: ReservationStatus
RESERVATION_STATUS_QUEUED: ReservationStatus
RELEASE_REASON_UNSPECIFIED: ReleaseReason
RELEASE_REASON_CUSTOMER_CANCELLED: ReleaseReason
RELEASE_REASON_PAYMENT_FAILED: ReleaseReason
RELEASE_REASON_NOT_FOUND_ON_SHELF: ReleaseReason
RELEASE_REASON_NO_SHOW: ReleaseReason
RELEASE_REASON_FRAUD: ReleaseReason
RELEASE_REASON_OTHER: ReleaseReason
RELEASE_REASON_REPLACED: ReleaseReason
RELEASE_REASON_SHORTFALL: ReleaseReason
RELEASE_REASON_NOT_SERVED: ReleaseReason
RELEASE_REASON_LIMIT_REACHED: ReleaseReason
RELEASE_REASON_SLOT_FULL: ReleaseReason
RELEASE_REASON_SLOT_NOT_OFFERED: ReleaseReason

class LineQuantity(_message.Message):
    __slots__ = ("sku", "quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class ReservationLine(_message.Message):
    __slots__ = ("sku", "quantity", "collected", "released", "returned")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    COLLECTED_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    RETURNED_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    collected: int
    released: int
    returned: int
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ..., collected: _Optional[int] = ..., released: _Optional[int] = ..., returned: _Optional[int] = ...) -> None: ...

class HandOver(_message.Message):
    __slots__ = ("device", "recipient_id", "id_checked", "at")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_ID_FIELD_NUMBER: _ClassVar[int]
    ID_CHECKED_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    device: str
    recipient_id: str
    id_checked: bool
    at: _timestamp_pb2.Timestamp
    def __init__(self, device: _Optional[str] = ..., recipient_id: _Optional[str] = ..., id_checked: _Optional[bool] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Reservation(_message.Message):
    __slots__ = ("reservation_id", "store_id", "status", "lines", "customer_id", "channel", "basket_id", "created_at", "expires_at", "version", "payment_reference", "release_reason", "order_id", "slot_start", "earliest_ready", "external_reference", "till", "till_until", "queue_position", "expected_at", "hand_over", "refund_reference", "awaits_transfer_id", "arrives_at")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    BASKET_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    RELEASE_REASON_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    SLOT_START_FIELD_NUMBER: _ClassVar[int]
    EARLIEST_READY_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    TILL_FIELD_NUMBER: _ClassVar[int]
    TILL_UNTIL_FIELD_NUMBER: _ClassVar[int]
    QUEUE_POSITION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_AT_FIELD_NUMBER: _ClassVar[int]
    HAND_OVER_FIELD_NUMBER: _ClassVar[int]
    REFUND_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    AWAITS_TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    ARRIVES_AT_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    store_id: str
    status: ReservationStatus
    lines: _containers.RepeatedCompositeFieldContainer[ReservationLine]
    customer_id: str
    channel: str
    basket_id: str
    created_at: _timestamp_pb2.Timestamp
    expires_at: _timestamp_pb2.Timestamp
    version: int
    payment_reference: str
    release_reason: ReleaseReason
    order_id: str
    slot_start: _timestamp_pb2.Timestamp
    earliest_ready: _timestamp_pb2.Timestamp
    external_reference: str
    till: str
    till_until: _timestamp_pb2.Timestamp
    queue_position: int
    expected_at: _timestamp_pb2.Timestamp
    hand_over: HandOver
    refund_reference: str
    awaits_transfer_id: str
    arrives_at: _timestamp_pb2.Timestamp
    def __init__(self, reservation_id: _Optional[str] = ..., store_id: _Optional[str] = ..., status: _Optional[_Union[ReservationStatus, str]] = ..., lines: _Optional[_Iterable[_Union[ReservationLine, _Mapping]]] = ..., customer_id: _Optional[str] = ..., channel: _Optional[str] = ..., basket_id: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ..., payment_reference: _Optional[str] = ..., release_reason: _Optional[_Union[ReleaseReason, str]] = ..., order_id: _Optional[str] = ..., slot_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., earliest_ready: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., external_reference: _Optional[str] = ..., till: _Optional[str] = ..., till_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., queue_position: _Optional[int] = ..., expected_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., hand_over: _Optional[_Union[HandOver, _Mapping]] = ..., refund_reference: _Optional[str] = ..., awaits_transfer_id: _Optional[str] = ..., arrives_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

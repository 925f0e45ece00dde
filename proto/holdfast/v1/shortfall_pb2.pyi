import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.v1 import error_pb2 as _error_pb2
from holdfast.v1 import reservation_pb2 as _reservation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ShortfallCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SHORTFALL_CAUSE_UNSPECIFIED: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_COUNT: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_SALE: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_CORRECTION: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_TRANSFER: _ClassVar[ShortfallCause]
    SHORTFALL_CAUSE_NOT_FOUND: _ClassVar[ShortfallCause]

class ShortfallResolution(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SHORTFALL_RESOLUTION_UNSPECIFIED: _ClassVar[ShortfallResolution]
    SHORTFALL_RESOLUTION_MOVED: _ClassVar[ShortfallResolution]
    SHORTFALL_RESOLUTION_WAITING: _ClassVar[ShortfallResolution]
    SHORTFALL_RESOLUTION_RELEASED: _ClassVar[ShortfallResolution]
    SHORTFALL_RESOLUTION_NOT_HANDLED: _ClassVar[ShortfallResolution]
    SHORTFALL_RESOLUTION_SERVED: _ClassVar[ShortfallResolution]
SHORTFALL_CAUSE_UNSPECIFIED: ShortfallCause
SHORTFALL_CAUSE_COUNT: ShortfallCause
SHORTFALL_CAUSE_SALE: ShortfallCause
SHORTFALL_CAUSE_CORRECTION: ShortfallCause
SHORTFALL_CAUSE_TRANSFER: ShortfallCause
SHORTFALL_CAUSE_NOT_FOUND: ShortfallCause
SHORTFALL_RESOLUTION_UNSPECIFIED: ShortfallResolution
SHORTFALL_RESOLUTION_MOVED: ShortfallResolution
SHORTFALL_RESOLUTION_WAITING: ShortfallResolution
SHORTFALL_RESOLUTION_RELEASED: ShortfallResolution
SHORTFALL_RESOLUTION_NOT_HANDLED: ShortfallResolution
SHORTFALL_RESOLUTION_SERVED: ShortfallResolution

class LostLine(_message.Message):
    __slots__ = ("sku", "held", "lost")
    SKU_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    sku: str
    held: int
    lost: int
    def __init__(self, sku: _Optional[str] = ..., held: _Optional[int] = ..., lost: _Optional[int] = ...) -> None: ...

class ShortfallTask(_message.Message):
    __slots__ = ("task_id", "store_id", "reservation_id", "order_id", "customer_id", "channel", "lines", "was", "cause", "created_at", "waiting_reservation_id", "not_in_line", "resolution", "resolved_at", "moved_to_reservation_id", "version", "near_stores", "expected_at", "asked_store_ids")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    WAS_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    WAITING_RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    NOT_IN_LINE_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_AT_FIELD_NUMBER: _ClassVar[int]
    MOVED_TO_RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    NEAR_STORES_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_AT_FIELD_NUMBER: _ClassVar[int]
    ASKED_STORE_IDS_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    store_id: str
    reservation_id: str
    order_id: str
    customer_id: str
    channel: str
    lines: _containers.RepeatedCompositeFieldContainer[LostLine]
    was: _reservation_pb2.ReservationStatus
    cause: ShortfallCause
    created_at: _timestamp_pb2.Timestamp
    waiting_reservation_id: str
    not_in_line: _error_pb2.Reason
    resolution: ShortfallResolution
    resolved_at: _timestamp_pb2.Timestamp
    moved_to_reservation_id: str
    version: int
    near_stores: _containers.RepeatedCompositeFieldContainer[_error_pb2.NearStore]
    expected_at: _timestamp_pb2.Timestamp
    asked_store_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, task_id: _Optional[str] = ..., store_id: _Optional[str] = ..., reservation_id: _Optional[str] = ..., order_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., channel: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[LostLine, _Mapping]]] = ..., was: _Optional[_Union[_reservation_pb2.ReservationStatus, str]] = ..., cause: _Optional[_Union[ShortfallCause, str]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., waiting_reservation_id: _Optional[str] = ..., not_in_line: _Optional[_Union[_error_pb2.Reason, str]] = ..., resolution: _Optional[_Union[ShortfallResolution, str]] = ..., resolved_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., moved_to_reservation_id: _Optional[str] = ..., version: _Optional[int] = ..., near_stores: _Optional[_Iterable[_Union[_error_pb2.NearStore, _Mapping]]] = ..., expected_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., asked_store_ids: _Optional[_Iterable[str]] = ...) -> None: ...

import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.v1 import reservation_pb2 as _reservation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PickStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PICK_STATUS_UNSPECIFIED: _ClassVar[PickStatus]
    PICK_STATUS_TO_PICK: _ClassVar[PickStatus]
    PICK_STATUS_PICKING: _ClassVar[PickStatus]
    PICK_STATUS_PICKED: _ClassVar[PickStatus]
    PICK_STATUS_READY: _ClassVar[PickStatus]
    PICK_STATUS_HANDED_OVER: _ClassVar[PickStatus]
    PICK_STATUS_TO_PUT_BACK: _ClassVar[PickStatus]
    PICK_STATUS_PUT_BACK: _ClassVar[PickStatus]
    PICK_STATUS_WITHDRAWN: _ClassVar[PickStatus]

class ShortChoice(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SHORT_CHOICE_UNSPECIFIED: _ClassVar[ShortChoice]
    SHORT_CHOICE_WITHOUT: _ClassVar[ShortChoice]
    SHORT_CHOICE_SUBSTITUTE: _ClassVar[ShortChoice]
    SHORT_CHOICE_LATER: _ClassVar[ShortChoice]
    SHORT_CHOICE_ELSEWHERE: _ClassVar[ShortChoice]
PICK_STATUS_UNSPECIFIED: PickStatus
PICK_STATUS_TO_PICK: PickStatus
PICK_STATUS_PICKING: PickStatus
PICK_STATUS_PICKED: PickStatus
PICK_STATUS_READY: PickStatus
PICK_STATUS_HANDED_OVER: PickStatus
PICK_STATUS_TO_PUT_BACK: PickStatus
PICK_STATUS_PUT_BACK: PickStatus
PICK_STATUS_WITHDRAWN: PickStatus
SHORT_CHOICE_UNSPECIFIED: ShortChoice
SHORT_CHOICE_WITHOUT: ShortChoice
SHORT_CHOICE_SUBSTITUTE: ShortChoice
SHORT_CHOICE_LATER: ShortChoice
SHORT_CHOICE_ELSEWHERE: ShortChoice

class ProductPlace(_message.Message):
    __slots__ = ("aisle", "bay", "photo_url")
    AISLE_FIELD_NUMBER: _ClassVar[int]
    BAY_FIELD_NUMBER: _ClassVar[int]
    PHOTO_URL_FIELD_NUMBER: _ClassVar[int]
    aisle: str
    bay: str
    photo_url: str
    def __init__(self, aisle: _Optional[str] = ..., bay: _Optional[str] = ..., photo_url: _Optional[str] = ...) -> None: ...

class PickLine(_message.Message):
    __slots__ = ("sku", "ordered", "picked", "to_put_back", "place")
    SKU_FIELD_NUMBER: _ClassVar[int]
    ORDERED_FIELD_NUMBER: _ClassVar[int]
    PICKED_FIELD_NUMBER: _ClassVar[int]
    TO_PUT_BACK_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    sku: str
    ordered: int
    picked: int
    to_put_back: int
    place: ProductPlace
    def __init__(self, sku: _Optional[str] = ..., ordered: _Optional[int] = ..., picked: _Optional[int] = ..., to_put_back: _Optional[int] = ..., place: _Optional[_Union[ProductPlace, _Mapping]] = ...) -> None: ...

class PickTask(_message.Message):
    __slots__ = ("reservation_id", "store_id", "status", "lines", "promised_at", "created_at", "picker_id", "lease_expires_at", "bay", "arrived_at", "waits_at", "version", "reservation", "not_before", "elsewhere", "expected_at")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    PROMISED_AT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    PICKER_ID_FIELD_NUMBER: _ClassVar[int]
    LEASE_EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    BAY_FIELD_NUMBER: _ClassVar[int]
    ARRIVED_AT_FIELD_NUMBER: _ClassVar[int]
    WAITS_AT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    NOT_BEFORE_FIELD_NUMBER: _ClassVar[int]
    ELSEWHERE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_AT_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    store_id: str
    status: PickStatus
    lines: _containers.RepeatedCompositeFieldContainer[PickLine]
    promised_at: _timestamp_pb2.Timestamp
    created_at: _timestamp_pb2.Timestamp
    picker_id: str
    lease_expires_at: _timestamp_pb2.Timestamp
    bay: str
    arrived_at: _timestamp_pb2.Timestamp
    waits_at: str
    version: int
    reservation: _reservation_pb2.Reservation
    not_before: _timestamp_pb2.Timestamp
    elsewhere: Elsewhere
    expected_at: _timestamp_pb2.Timestamp
    def __init__(self, reservation_id: _Optional[str] = ..., store_id: _Optional[str] = ..., status: _Optional[_Union[PickStatus, str]] = ..., lines: _Optional[_Iterable[_Union[PickLine, _Mapping]]] = ..., promised_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., picker_id: _Optional[str] = ..., lease_expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., bay: _Optional[str] = ..., arrived_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., waits_at: _Optional[str] = ..., version: _Optional[int] = ..., reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., not_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., elsewhere: _Optional[_Union[Elsewhere, _Mapping]] = ..., expected_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Elsewhere(_message.Message):
    __slots__ = ("task_id", "store_id", "reservation_id", "expires_at", "applied")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    store_id: str
    reservation_id: str
    expires_at: _timestamp_pb2.Timestamp
    applied: ShortChoice
    def __init__(self, task_id: _Optional[str] = ..., store_id: _Optional[str] = ..., reservation_id: _Optional[str] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., applied: _Optional[_Union[ShortChoice, str]] = ...) -> None: ...

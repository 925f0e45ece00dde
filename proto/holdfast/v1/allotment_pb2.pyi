import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HolderKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HOLDER_KIND_UNSPECIFIED: _ClassVar[HolderKind]
    HOLDER_KIND_TILL: _ClassVar[HolderKind]
    HOLDER_KIND_CHANNEL: _ClassVar[HolderKind]

class AllotmentStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALLOTMENT_STATUS_UNSPECIFIED: _ClassVar[AllotmentStatus]
    ALLOTMENT_STATUS_OPEN: _ClassVar[AllotmentStatus]
    ALLOTMENT_STATUS_UNKNOWN: _ClassVar[AllotmentStatus]
    ALLOTMENT_STATUS_RETURNED: _ClassVar[AllotmentStatus]
    ALLOTMENT_STATUS_EXPIRED: _ClassVar[AllotmentStatus]
    ALLOTMENT_STATUS_COUNTED: _ClassVar[AllotmentStatus]
HOLDER_KIND_UNSPECIFIED: HolderKind
HOLDER_KIND_TILL: HolderKind
HOLDER_KIND_CHANNEL: HolderKind
ALLOTMENT_STATUS_UNSPECIFIED: AllotmentStatus
ALLOTMENT_STATUS_OPEN: AllotmentStatus
ALLOTMENT_STATUS_UNKNOWN: AllotmentStatus
ALLOTMENT_STATUS_RETURNED: AllotmentStatus
ALLOTMENT_STATUS_EXPIRED: AllotmentStatus
ALLOTMENT_STATUS_COUNTED: AllotmentStatus

class AllottedLine(_message.Message):
    __slots__ = ("sku", "given", "used", "left")
    SKU_FIELD_NUMBER: _ClassVar[int]
    GIVEN_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    sku: str
    given: int
    used: int
    left: int
    def __init__(self, sku: _Optional[str] = ..., given: _Optional[int] = ..., used: _Optional[int] = ..., left: _Optional[int] = ...) -> None: ...

class Allotment(_message.Message):
    __slots__ = ("allotment_id", "store_id", "status", "holder_kind", "holder", "lines", "created_at", "expires_at", "ended_at", "reason", "quota_first", "version")
    ALLOTMENT_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    HOLDER_KIND_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIRST_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    allotment_id: str
    store_id: str
    status: AllotmentStatus
    holder_kind: HolderKind
    holder: str
    lines: _containers.RepeatedCompositeFieldContainer[AllottedLine]
    created_at: _timestamp_pb2.Timestamp
    expires_at: _timestamp_pb2.Timestamp
    ended_at: _timestamp_pb2.Timestamp
    reason: str
    quota_first: bool
    version: int
    def __init__(self, allotment_id: _Optional[str] = ..., store_id: _Optional[str] = ..., status: _Optional[_Union[AllotmentStatus, str]] = ..., holder_kind: _Optional[_Union[HolderKind, str]] = ..., holder: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[AllottedLine, _Mapping]]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ended_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ..., quota_first: _Optional[bool] = ..., version: _Optional[int] = ...) -> None: ...

import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from holdfast.v1 import allotment_pb2 as _allotment_pb2
from holdfast.v1 import error_pb2 as _error_pb2
from holdfast.v1 import reservation_pb2 as _reservation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Share(_message.Message):
    __slots__ = ("sku", "thousandths")
    SKU_FIELD_NUMBER: _ClassVar[int]
    THOUSANDTHS_FIELD_NUMBER: _ClassVar[int]
    sku: str
    thousandths: int
    def __init__(self, sku: _Optional[str] = ..., thousandths: _Optional[int] = ...) -> None: ...

class AllotStockRequest(_message.Message):
    __slots__ = ("idempotency_key", "store_id", "holder_kind", "holder", "lines", "shares", "ttl", "reason", "quota_first")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    HOLDER_KIND_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIRST_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    store_id: str
    holder_kind: _allotment_pb2.HolderKind
    holder: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    shares: _containers.RepeatedCompositeFieldContainer[Share]
    ttl: _duration_pb2.Duration
    reason: str
    quota_first: bool
    def __init__(self, idempotency_key: _Optional[str] = ..., store_id: _Optional[str] = ..., holder_kind: _Optional[_Union[_allotment_pb2.HolderKind, str]] = ..., holder: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., shares: _Optional[_Iterable[_Union[Share, _Mapping]]] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., reason: _Optional[str] = ..., quota_first: _Optional[bool] = ...) -> None: ...

class AllotStockResponse(_message.Message):
    __slots__ = ("allotment", "rejection")
    ALLOTMENT_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    allotment: _allotment_pb2.Allotment
    rejection: _error_pb2.Rejection
    def __init__(self, allotment: _Optional[_Union[_allotment_pb2.Allotment, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class ExtendAllotmentRequest(_message.Message):
    __slots__ = ("idempotency_key", "allotment_id", "ttl")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ALLOTMENT_ID_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    allotment_id: str
    ttl: _duration_pb2.Duration
    def __init__(self, idempotency_key: _Optional[str] = ..., allotment_id: _Optional[str] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ExtendAllotmentResponse(_message.Message):
    __slots__ = ("allotment", "rejection")
    ALLOTMENT_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    allotment: _allotment_pb2.Allotment
    rejection: _error_pb2.Rejection
    def __init__(self, allotment: _Optional[_Union[_allotment_pb2.Allotment, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class ReturnAllotmentRequest(_message.Message):
    __slots__ = ("idempotency_key", "allotment_id", "settled")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ALLOTMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    allotment_id: str
    settled: bool
    def __init__(self, idempotency_key: _Optional[str] = ..., allotment_id: _Optional[str] = ..., settled: _Optional[bool] = ...) -> None: ...

class ReturnAllotmentResponse(_message.Message):
    __slots__ = ("allotment", "rejection")
    ALLOTMENT_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    allotment: _allotment_pb2.Allotment
    rejection: _error_pb2.Rejection
    def __init__(self, allotment: _Optional[_Union[_allotment_pb2.Allotment, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class ListAllotmentsRequest(_message.Message):
    __slots__ = ("store_id", "statuses", "page_size", "page_token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    statuses: _containers.RepeatedScalarFieldContainer[_allotment_pb2.AllotmentStatus]
    page_size: int
    page_token: str
    def __init__(self, store_id: _Optional[str] = ..., statuses: _Optional[_Iterable[_Union[_allotment_pb2.AllotmentStatus, str]]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListAllotmentsResponse(_message.Message):
    __slots__ = ("allotments", "next_page_token", "version")
    ALLOTMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    allotments: _containers.RepeatedCompositeFieldContainer[_allotment_pb2.Allotment]
    next_page_token: str
    version: int
    def __init__(self, allotments: _Optional[_Iterable[_Union[_allotment_pb2.Allotment, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

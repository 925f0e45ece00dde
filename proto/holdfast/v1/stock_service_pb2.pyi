import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.v1 import error_pb2 as _error_pb2
from holdfast.v1 import stock_pb2 as _stock_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AdjustStockRequest(_message.Message):
    __slots__ = ("idempotency_key", "store_id", "source", "adjustments")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ADJUSTMENTS_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    store_id: str
    source: str
    adjustments: _containers.RepeatedCompositeFieldContainer[_stock_pb2.Adjustment]
    def __init__(self, idempotency_key: _Optional[str] = ..., store_id: _Optional[str] = ..., source: _Optional[str] = ..., adjustments: _Optional[_Iterable[_Union[_stock_pb2.Adjustment, _Mapping]]] = ...) -> None: ...

class AdjustStockResponse(_message.Message):
    __slots__ = ("change", "rejection")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    change: _stock_pb2.StockChange
    rejection: _error_pb2.Rejection
    def __init__(self, change: _Optional[_Union[_stock_pb2.StockChange, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class CountStockRequest(_message.Message):
    __slots__ = ("idempotency_key", "store_id", "counts", "as_of", "holds", "allotted")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    ALLOTTED_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    store_id: str
    counts: _containers.RepeatedCompositeFieldContainer[_stock_pb2.Count]
    as_of: _timestamp_pb2.Timestamp
    holds: _stock_pb2.HoldsCounted
    allotted: _stock_pb2.AllottedCounted
    def __init__(self, idempotency_key: _Optional[str] = ..., store_id: _Optional[str] = ..., counts: _Optional[_Iterable[_Union[_stock_pb2.Count, _Mapping]]] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., holds: _Optional[_Union[_stock_pb2.HoldsCounted, str]] = ..., allotted: _Optional[_Union[_stock_pb2.AllottedCounted, str]] = ...) -> None: ...

class CountStockResponse(_message.Message):
    __slots__ = ("change", "rejection")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    change: _stock_pb2.StockChange
    rejection: _error_pb2.Rejection
    def __init__(self, change: _Optional[_Union[_stock_pb2.StockChange, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class SafetyStock(_message.Message):
    __slots__ = ("sku", "quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class SetSafetyStockRequest(_message.Message):
    __slots__ = ("idempotency_key", "store_id", "safety_stocks")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    SAFETY_STOCKS_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    store_id: str
    safety_stocks: _containers.RepeatedCompositeFieldContainer[SafetyStock]
    def __init__(self, idempotency_key: _Optional[str] = ..., store_id: _Optional[str] = ..., safety_stocks: _Optional[_Iterable[_Union[SafetyStock, _Mapping]]] = ...) -> None: ...

class SetSafetyStockResponse(_message.Message):
    __slots__ = ("change", "rejection")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    change: _stock_pb2.StockChange
    rejection: _error_pb2.Rejection
    def __init__(self, change: _Optional[_Union[_stock_pb2.StockChange, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class GetAvailabilityRequest(_message.Message):
    __slots__ = ("store_ids", "skus", "min_versions")
    class MinVersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    STORE_IDS_FIELD_NUMBER: _ClassVar[int]
    SKUS_FIELD_NUMBER: _ClassVar[int]
    MIN_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    store_ids: _containers.RepeatedScalarFieldContainer[str]
    skus: _containers.RepeatedScalarFieldContainer[str]
    min_versions: _containers.ScalarMap[str, int]
    def __init__(self, store_ids: _Optional[_Iterable[str]] = ..., skus: _Optional[_Iterable[str]] = ..., min_versions: _Optional[_Mapping[str, int]] = ...) -> None: ...

class GetAvailabilityResponse(_message.Message):
    __slots__ = ("stores",)
    STORES_FIELD_NUMBER: _ClassVar[int]
    stores: _containers.RepeatedCompositeFieldContainer[_stock_pb2.StoreAvailability]
    def __init__(self, stores: _Optional[_Iterable[_Union[_stock_pb2.StoreAvailability, _Mapping]]] = ...) -> None: ...

class StoreCursor(_message.Message):
    __slots__ = ("store_id", "after_version", "record_hash")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_VERSION_FIELD_NUMBER: _ClassVar[int]
    RECORD_HASH_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    after_version: int
    record_hash: int
    def __init__(self, store_id: _Optional[str] = ..., after_version: _Optional[int] = ..., record_hash: _Optional[int] = ...) -> None: ...

class WatchAvailabilityRequest(_message.Message):
    __slots__ = ("cursors", "skus")
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    SKUS_FIELD_NUMBER: _ClassVar[int]
    cursors: _containers.RepeatedCompositeFieldContainer[StoreCursor]
    skus: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, cursors: _Optional[_Iterable[_Union[StoreCursor, _Mapping]]] = ..., skus: _Optional[_Iterable[str]] = ...) -> None: ...

class WatchAvailabilityResponse(_message.Message):
    __slots__ = ("store_id", "version", "as_of", "positions", "record_hash")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    RECORD_HASH_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    version: int
    as_of: _timestamp_pb2.Timestamp
    positions: _containers.RepeatedCompositeFieldContainer[_stock_pb2.Position]
    record_hash: int
    def __init__(self, store_id: _Optional[str] = ..., version: _Optional[int] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., positions: _Optional[_Iterable[_Union[_stock_pb2.Position, _Mapping]]] = ..., record_hash: _Optional[int] = ...) -> None: ...

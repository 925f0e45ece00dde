import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.v1 import error_pb2 as _error_pb2
from holdfast.v1 import shortfall_pb2 as _shortfall_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AdjustmentKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADJUSTMENT_KIND_UNSPECIFIED: _ClassVar[AdjustmentKind]
    ADJUSTMENT_KIND_RECEIPT: _ClassVar[AdjustmentKind]
    ADJUSTMENT_KIND_SALE: _ClassVar[AdjustmentKind]
    ADJUSTMENT_KIND_RETURN: _ClassVar[AdjustmentKind]
    ADJUSTMENT_KIND_CORRECTION: _ClassVar[AdjustmentKind]

class HoldsCounted(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HOLDS_COUNTED_UNSPECIFIED: _ClassVar[HoldsCounted]
    HOLDS_COUNTED_INCLUDED: _ClassVar[HoldsCounted]
    HOLDS_COUNTED_EXCLUDED: _ClassVar[HoldsCounted]

class AllottedCounted(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALLOTTED_COUNTED_UNSPECIFIED: _ClassVar[AllottedCounted]
    ALLOTTED_COUNTED_INCLUDED: _ClassVar[AllottedCounted]
    ALLOTTED_COUNTED_EXCLUDED: _ClassVar[AllottedCounted]
ADJUSTMENT_KIND_UNSPECIFIED: AdjustmentKind
ADJUSTMENT_KIND_RECEIPT: AdjustmentKind
ADJUSTMENT_KIND_SALE: AdjustmentKind
ADJUSTMENT_KIND_RETURN: AdjustmentKind
ADJUSTMENT_KIND_CORRECTION: AdjustmentKind
HOLDS_COUNTED_UNSPECIFIED: HoldsCounted
HOLDS_COUNTED_INCLUDED: HoldsCounted
HOLDS_COUNTED_EXCLUDED: HoldsCounted
ALLOTTED_COUNTED_UNSPECIFIED: AllottedCounted
ALLOTTED_COUNTED_INCLUDED: AllottedCounted
ALLOTTED_COUNTED_EXCLUDED: AllottedCounted

class Position(_message.Message):
    __slots__ = ("sku", "on_hand", "reserved", "allotted", "safety_stock", "available", "stocked", "unknown", "kept")
    SKU_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    ALLOTTED_FIELD_NUMBER: _ClassVar[int]
    SAFETY_STOCK_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    STOCKED_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    sku: str
    on_hand: int
    reserved: int
    allotted: int
    safety_stock: int
    available: int
    stocked: bool
    unknown: int
    kept: int
    def __init__(self, sku: _Optional[str] = ..., on_hand: _Optional[int] = ..., reserved: _Optional[int] = ..., allotted: _Optional[int] = ..., safety_stock: _Optional[int] = ..., available: _Optional[int] = ..., stocked: _Optional[bool] = ..., unknown: _Optional[int] = ..., kept: _Optional[int] = ...) -> None: ...

class StoreAvailability(_message.Message):
    __slots__ = ("store_id", "version", "as_of", "age", "positions", "error")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    version: int
    as_of: _timestamp_pb2.Timestamp
    age: _duration_pb2.Duration
    positions: _containers.RepeatedCompositeFieldContainer[Position]
    error: _error_pb2.ItemError
    def __init__(self, store_id: _Optional[str] = ..., version: _Optional[int] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., positions: _Optional[_Iterable[_Union[Position, _Mapping]]] = ..., error: _Optional[_Union[_error_pb2.ItemError, _Mapping]] = ...) -> None: ...

class Adjustment(_message.Message):
    __slots__ = ("sku", "delta", "sequence", "kind", "age", "allotment_id")
    SKU_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    ALLOTMENT_ID_FIELD_NUMBER: _ClassVar[int]
    sku: str
    delta: int
    sequence: int
    kind: AdjustmentKind
    age: _duration_pb2.Duration
    allotment_id: str
    def __init__(self, sku: _Optional[str] = ..., delta: _Optional[int] = ..., sequence: _Optional[int] = ..., kind: _Optional[_Union[AdjustmentKind, str]] = ..., age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., allotment_id: _Optional[str] = ...) -> None: ...

class Count(_message.Message):
    __slots__ = ("sku", "quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class ShortfallLoss(_message.Message):
    __slots__ = ("reservation_id", "quantity")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    quantity: int
    def __init__(self, reservation_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class Shortfall(_message.Message):
    __slots__ = ("sku", "quantity", "losses", "cause")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LOSSES_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    losses: _containers.RepeatedCompositeFieldContainer[ShortfallLoss]
    cause: _shortfall_pb2.ShortfallCause
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ..., losses: _Optional[_Iterable[_Union[ShortfallLoss, _Mapping]]] = ..., cause: _Optional[_Union[_shortfall_pb2.ShortfallCause, str]] = ...) -> None: ...

class StockChange(_message.Message):
    __slots__ = ("version", "applied", "dropped_repeated", "dropped_late", "shortfalls", "settled_late")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_REPEATED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_LATE_FIELD_NUMBER: _ClassVar[int]
    SHORTFALLS_FIELD_NUMBER: _ClassVar[int]
    SETTLED_LATE_FIELD_NUMBER: _ClassVar[int]
    version: int
    applied: int
    dropped_repeated: int
    dropped_late: int
    shortfalls: _containers.RepeatedCompositeFieldContainer[Shortfall]
    settled_late: int
    def __init__(self, version: _Optional[int] = ..., applied: _Optional[int] = ..., dropped_repeated: _Optional[int] = ..., dropped_late: _Optional[int] = ..., shortfalls: _Optional[_Iterable[_Union[Shortfall, _Mapping]]] = ..., settled_late: _Optional[int] = ...) -> None: ...

import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Store(_message.Message):
    __slots__ = ("store_id", "name", "latitude", "longitude", "paused")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LATITUDE_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    name: str
    latitude: float
    longitude: float
    paused: bool
    def __init__(self, store_id: _Optional[str] = ..., name: _Optional[str] = ..., latitude: _Optional[float] = ..., longitude: _Optional[float] = ..., paused: _Optional[bool] = ...) -> None: ...

class TtlRule(_message.Message):
    __slots__ = ("channel", "sku", "store_id", "ttl")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    channel: str
    sku: str
    store_id: str
    ttl: _duration_pb2.Duration
    def __init__(self, channel: _Optional[str] = ..., sku: _Optional[str] = ..., store_id: _Optional[str] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class LimitRule(_message.Message):
    __slots__ = ("channel", "sku", "open_reservations_max", "units_max")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    OPEN_RESERVATIONS_MAX_FIELD_NUMBER: _ClassVar[int]
    UNITS_MAX_FIELD_NUMBER: _ClassVar[int]
    channel: str
    sku: str
    open_reservations_max: int
    units_max: int
    def __init__(self, channel: _Optional[str] = ..., sku: _Optional[str] = ..., open_reservations_max: _Optional[int] = ..., units_max: _Optional[int] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ("version", "ttl_default", "ttl_max", "ttl_rules", "collect_within", "limit_rules")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TTL_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    TTL_MAX_FIELD_NUMBER: _ClassVar[int]
    TTL_RULES_FIELD_NUMBER: _ClassVar[int]
    COLLECT_WITHIN_FIELD_NUMBER: _ClassVar[int]
    LIMIT_RULES_FIELD_NUMBER: _ClassVar[int]
    version: int
    ttl_default: _duration_pb2.Duration
    ttl_max: _duration_pb2.Duration
    ttl_rules: _containers.RepeatedCompositeFieldContainer[TtlRule]
    collect_within: _duration_pb2.Duration
    limit_rules: _containers.RepeatedCompositeFieldContainer[LimitRule]
    def __init__(self, version: _Optional[int] = ..., ttl_default: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., ttl_max: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., ttl_rules: _Optional[_Iterable[_Union[TtlRule, _Mapping]]] = ..., collect_within: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., limit_rules: _Optional[_Iterable[_Union[LimitRule, _Mapping]]] = ...) -> None: ...

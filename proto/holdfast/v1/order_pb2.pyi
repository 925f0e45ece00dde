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

class SourcingPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SOURCING_POLICY_UNSPECIFIED: _ClassVar[SourcingPolicy]
    SOURCING_POLICY_ONE_STORE: _ClassVar[SourcingPolicy]
    SOURCING_POLICY_SPLIT: _ClassVar[SourcingPolicy]
    SOURCING_POLICY_PARTIAL: _ClassVar[SourcingPolicy]

class Exclusion(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXCLUSION_UNSPECIFIED: _ClassVar[Exclusion]
    EXCLUSION_PAUSED: _ClassVar[Exclusion]
    EXCLUSION_CHANNEL_NOT_SERVED: _ClassVar[Exclusion]
    EXCLUSION_NO_PLACE: _ClassVar[Exclusion]
    EXCLUSION_CLOSED: _ClassVar[Exclusion]
    EXCLUSION_NOT_READY_IN_TIME: _ClassVar[Exclusion]
    EXCLUSION_NO_CAPACITY: _ClassVar[Exclusion]
    EXCLUSION_TOO_FAR: _ClassVar[Exclusion]
    EXCLUSION_NO_STOCK: _ClassVar[Exclusion]
    EXCLUSION_NOT_ENOUGH_STOCK: _ClassVar[Exclusion]

class OrderStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_STATUS_UNSPECIFIED: _ClassVar[OrderStatus]
    ORDER_STATUS_OPEN: _ClassVar[OrderStatus]
    ORDER_STATUS_HELD: _ClassVar[OrderStatus]
    ORDER_STATUS_CONFIRMED: _ClassVar[OrderStatus]
    ORDER_STATUS_COLLECTED: _ClassVar[OrderStatus]
    ORDER_STATUS_RELEASED: _ClassVar[OrderStatus]
    ORDER_STATUS_EXPIRED: _ClassVar[OrderStatus]
    ORDER_STATUS_ABANDONED: _ClassVar[OrderStatus]
SOURCING_POLICY_UNSPECIFIED: SourcingPolicy
SOURCING_POLICY_ONE_STORE: SourcingPolicy
SOURCING_POLICY_SPLIT: SourcingPolicy
SOURCING_POLICY_PARTIAL: SourcingPolicy
EXCLUSION_UNSPECIFIED: Exclusion
EXCLUSION_PAUSED: Exclusion
EXCLUSION_CHANNEL_NOT_SERVED: Exclusion
EXCLUSION_NO_PLACE: Exclusion
EXCLUSION_CLOSED: Exclusion
EXCLUSION_NOT_READY_IN_TIME: Exclusion
EXCLUSION_NO_CAPACITY: Exclusion
EXCLUSION_TOO_FAR: Exclusion
EXCLUSION_NO_STOCK: Exclusion
EXCLUSION_NOT_ENOUGH_STOCK: Exclusion
ORDER_STATUS_UNSPECIFIED: OrderStatus
ORDER_STATUS_OPEN: OrderStatus
ORDER_STATUS_HELD: OrderStatus
ORDER_STATUS_CONFIRMED: OrderStatus
ORDER_STATUS_COLLECTED: OrderStatus
ORDER_STATUS_RELEASED: OrderStatus
ORDER_STATUS_EXPIRED: OrderStatus
ORDER_STATUS_ABANDONED: OrderStatus

class Place(_message.Message):
    __slots__ = ("latitude", "longitude", "postcode", "country")
    LATITUDE_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_FIELD_NUMBER: _ClassVar[int]
    POSTCODE_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    latitude: float
    longitude: float
    postcode: str
    country: str
    def __init__(self, latitude: _Optional[float] = ..., longitude: _Optional[float] = ..., postcode: _Optional[str] = ..., country: _Optional[str] = ...) -> None: ...

class Sourcing(_message.Message):
    __slots__ = ("place", "policy", "stores_max", "kilometres_max", "collect_by")
    PLACE_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    STORES_MAX_FIELD_NUMBER: _ClassVar[int]
    KILOMETRES_MAX_FIELD_NUMBER: _ClassVar[int]
    COLLECT_BY_FIELD_NUMBER: _ClassVar[int]
    place: Place
    policy: SourcingPolicy
    stores_max: int
    kilometres_max: float
    collect_by: _timestamp_pb2.Timestamp
    def __init__(self, place: _Optional[_Union[Place, _Mapping]] = ..., policy: _Optional[_Union[SourcingPolicy, str]] = ..., stores_max: _Optional[int] = ..., kilometres_max: _Optional[float] = ..., collect_by: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Candidate(_message.Message):
    __slots__ = ("store_id", "kilometres", "available", "capacity_left", "exclusion", "earliest_ready")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    KILOMETRES_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_LEFT_FIELD_NUMBER: _ClassVar[int]
    EXCLUSION_FIELD_NUMBER: _ClassVar[int]
    EARLIEST_READY_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    kilometres: float
    available: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    capacity_left: int
    exclusion: Exclusion
    earliest_ready: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[str] = ..., kilometres: _Optional[float] = ..., available: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., capacity_left: _Optional[int] = ..., exclusion: _Optional[_Union[Exclusion, str]] = ..., earliest_ready: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ExcludedCount(_message.Message):
    __slots__ = ("exclusion", "stores")
    EXCLUSION_FIELD_NUMBER: _ClassVar[int]
    STORES_FIELD_NUMBER: _ClassVar[int]
    exclusion: Exclusion
    stores: int
    def __init__(self, exclusion: _Optional[_Union[Exclusion, str]] = ..., stores: _Optional[int] = ...) -> None: ...

class OrderPart(_message.Message):
    __slots__ = ("store_id", "reservation_id", "status", "lines", "slot_start", "earliest_ready")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    SLOT_START_FIELD_NUMBER: _ClassVar[int]
    EARLIEST_READY_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    reservation_id: str
    status: _reservation_pb2.ReservationStatus
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.ReservationLine]
    slot_start: _timestamp_pb2.Timestamp
    earliest_ready: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[str] = ..., reservation_id: _Optional[str] = ..., status: _Optional[_Union[_reservation_pb2.ReservationStatus, str]] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.ReservationLine, _Mapping]]] = ..., slot_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., earliest_ready: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Order(_message.Message):
    __slots__ = ("order_id", "status", "customer_id", "channel", "parts", "created_at", "expires_at", "version", "missing", "release_reason", "external_reference")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    RELEASE_REASON_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    status: OrderStatus
    customer_id: str
    channel: str
    parts: _containers.RepeatedCompositeFieldContainer[OrderPart]
    created_at: _timestamp_pb2.Timestamp
    expires_at: _timestamp_pb2.Timestamp
    version: int
    missing: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    release_reason: _reservation_pb2.ReleaseReason
    external_reference: str
    def __init__(self, order_id: _Optional[str] = ..., status: _Optional[_Union[OrderStatus, str]] = ..., customer_id: _Optional[str] = ..., channel: _Optional[str] = ..., parts: _Optional[_Iterable[_Union[OrderPart, _Mapping]]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ..., missing: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., release_reason: _Optional[_Union[_reservation_pb2.ReleaseReason, str]] = ..., external_reference: _Optional[str] = ...) -> None: ...

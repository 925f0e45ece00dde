import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.v1 import reservation_pb2 as _reservation_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PickupChangeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PICKUP_CHANGE_KIND_UNSPECIFIED: _ClassVar[PickupChangeKind]
    PICKUP_CHANGE_KIND_READY: _ClassVar[PickupChangeKind]
    PICKUP_CHANGE_KIND_CHANGED: _ClassVar[PickupChangeKind]
    PICKUP_CHANGE_KIND_COLLECTED: _ClassVar[PickupChangeKind]
    PICKUP_CHANGE_KIND_WITHDRAWN: _ClassVar[PickupChangeKind]
    PICKUP_CHANGE_KIND_RETURNED: _ClassVar[PickupChangeKind]
PICKUP_CHANGE_KIND_UNSPECIFIED: PickupChangeKind
PICKUP_CHANGE_KIND_READY: PickupChangeKind
PICKUP_CHANGE_KIND_CHANGED: PickupChangeKind
PICKUP_CHANGE_KIND_COLLECTED: PickupChangeKind
PICKUP_CHANGE_KIND_WITHDRAWN: PickupChangeKind
PICKUP_CHANGE_KIND_RETURNED: PickupChangeKind

class PickupTicket(_message.Message):
    __slots__ = ("key_id", "store_id", "number", "order_id", "not_after_s")
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    NOT_AFTER_S_FIELD_NUMBER: _ClassVar[int]
    key_id: int
    store_id: str
    number: int
    order_id: str
    not_after_s: int
    def __init__(self, key_id: _Optional[int] = ..., store_id: _Optional[str] = ..., number: _Optional[int] = ..., order_id: _Optional[str] = ..., not_after_s: _Optional[int] = ...) -> None: ...

class SignedPickupTicket(_message.Message):
    __slots__ = ("ticket", "signature")
    TICKET_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    ticket: bytes
    signature: bytes
    def __init__(self, ticket: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class PickupCode(_message.Message):
    __slots__ = ("code", "short_code", "reservation_id", "store_id", "order_id", "not_after", "key_id")
    CODE_FIELD_NUMBER: _ClassVar[int]
    SHORT_CODE_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    NOT_AFTER_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    code: str
    short_code: str
    reservation_id: str
    store_id: str
    order_id: str
    not_after: _timestamp_pb2.Timestamp
    key_id: int
    def __init__(self, code: _Optional[str] = ..., short_code: _Optional[str] = ..., reservation_id: _Optional[str] = ..., store_id: _Optional[str] = ..., order_id: _Optional[str] = ..., not_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., key_id: _Optional[int] = ...) -> None: ...

class PickupLink(_message.Message):
    __slots__ = ("token", "url", "reservation_id", "not_after", "key_id")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    NOT_AFTER_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    token: str
    url: str
    reservation_id: str
    not_after: _timestamp_pb2.Timestamp
    key_id: int
    def __init__(self, token: _Optional[str] = ..., url: _Optional[str] = ..., reservation_id: _Optional[str] = ..., not_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., key_id: _Optional[int] = ...) -> None: ...

class PickupChange(_message.Message):
    __slots__ = ("version", "at", "kind", "reservation", "record_hash")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    RECORD_HASH_FIELD_NUMBER: _ClassVar[int]
    version: int
    at: _timestamp_pb2.Timestamp
    kind: PickupChangeKind
    reservation: _reservation_pb2.Reservation
    record_hash: int
    def __init__(self, version: _Optional[int] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[_Union[PickupChangeKind, str]] = ..., reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., record_hash: _Optional[int] = ...) -> None: ...

class PickupKey(_message.Message):
    __slots__ = ("key_id", "public_key", "made_at", "good_until")
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    MADE_AT_FIELD_NUMBER: _ClassVar[int]
    GOOD_UNTIL_FIELD_NUMBER: _ClassVar[int]
    key_id: int
    public_key: bytes
    made_at: _timestamp_pb2.Timestamp
    good_until: _timestamp_pb2.Timestamp
    def __init__(self, key_id: _Optional[int] = ..., public_key: _Optional[bytes] = ..., made_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., good_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

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

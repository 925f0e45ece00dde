import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.v1 import pickup_pb2 as _pickup_pb2
from holdfast.v1 import reservation_pb2 as _reservation_pb2
from holdfast.v1 import stock_service_pb2 as _stock_service_pb2
from holdfast.v1 import store_pb2 as _store_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetPickupCodeRequest(_message.Message):
    __slots__ = ("reservation_id",)
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    def __init__(self, reservation_id: _Optional[str] = ...) -> None: ...

class GetPickupCodeResponse(_message.Message):
    __slots__ = ("pickup_code",)
    PICKUP_CODE_FIELD_NUMBER: _ClassVar[int]
    pickup_code: _pickup_pb2.PickupCode
    def __init__(self, pickup_code: _Optional[_Union[_pickup_pb2.PickupCode, _Mapping]] = ...) -> None: ...

class GetPickupLinkRequest(_message.Message):
    __slots__ = ("reservation_id",)
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    def __init__(self, reservation_id: _Optional[str] = ...) -> None: ...

class GetPickupLinkResponse(_message.Message):
    __slots__ = ("pickup_link",)
    PICKUP_LINK_FIELD_NUMBER: _ClassVar[int]
    pickup_link: _pickup_pb2.PickupLink
    def __init__(self, pickup_link: _Optional[_Union[_pickup_pb2.PickupLink, _Mapping]] = ...) -> None: ...

class GetLinkedPickupRequest(_message.Message):
    __slots__ = ("token",)
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    token: str
    def __init__(self, token: _Optional[str] = ...) -> None: ...

class GetLinkedPickupResponse(_message.Message):
    __slots__ = ("reservation", "store", "directions", "extend_by", "not_after", "at")
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    STORE_FIELD_NUMBER: _ClassVar[int]
    DIRECTIONS_FIELD_NUMBER: _ClassVar[int]
    EXTEND_BY_FIELD_NUMBER: _ClassVar[int]
    NOT_AFTER_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    store: _store_pb2.Store
    directions: str
    extend_by: _duration_pb2.Duration
    not_after: _timestamp_pb2.Timestamp
    at: _timestamp_pb2.Timestamp
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ..., store: _Optional[_Union[_store_pb2.Store, _Mapping]] = ..., directions: _Optional[str] = ..., extend_by: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., not_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class LookupPickupRequest(_message.Message):
    __slots__ = ("store_id", "code", "short_code", "order_id", "reservation_id", "customer")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    SHORT_CODE_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    code: str
    short_code: str
    order_id: str
    reservation_id: str
    customer: CustomerSaid
    def __init__(self, store_id: _Optional[str] = ..., code: _Optional[str] = ..., short_code: _Optional[str] = ..., order_id: _Optional[str] = ..., reservation_id: _Optional[str] = ..., customer: _Optional[_Union[CustomerSaid, _Mapping]] = ...) -> None: ...

class CustomerSaid(_message.Message):
    __slots__ = ("display_name", "last_digits")
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    LAST_DIGITS_FIELD_NUMBER: _ClassVar[int]
    display_name: str
    last_digits: str
    def __init__(self, display_name: _Optional[str] = ..., last_digits: _Optional[str] = ...) -> None: ...

class LookupPickupResponse(_message.Message):
    __slots__ = ("reservations",)
    RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    reservations: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.Reservation]
    def __init__(self, reservations: _Optional[_Iterable[_Union[_reservation_pb2.Reservation, _Mapping]]] = ...) -> None: ...

class WatchPickupsRequest(_message.Message):
    __slots__ = ("cursors",)
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    cursors: _containers.RepeatedCompositeFieldContainer[_stock_service_pb2.StoreCursor]
    def __init__(self, cursors: _Optional[_Iterable[_Union[_stock_service_pb2.StoreCursor, _Mapping]]] = ...) -> None: ...

class WatchPickupsResponse(_message.Message):
    __slots__ = ("store_id", "changes", "version", "record_hash")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RECORD_HASH_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    changes: _containers.RepeatedCompositeFieldContainer[_pickup_pb2.PickupChange]
    version: int
    record_hash: int
    def __init__(self, store_id: _Optional[str] = ..., changes: _Optional[_Iterable[_Union[_pickup_pb2.PickupChange, _Mapping]]] = ..., version: _Optional[int] = ..., record_hash: _Optional[int] = ...) -> None: ...

class ListPickupKeysRequest(_message.Message):
    __slots__ = ("of_links",)
    OF_LINKS_FIELD_NUMBER: _ClassVar[int]
    of_links: bool
    def __init__(self, of_links: _Optional[bool] = ...) -> None: ...

class ListPickupKeysResponse(_message.Message):
    __slots__ = ("keys",)
    KEYS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[_pickup_pb2.PickupKey]
    def __init__(self, keys: _Optional[_Iterable[_Union[_pickup_pb2.PickupKey, _Mapping]]] = ...) -> None: ...

class RotatePickupKeyRequest(_message.Message):
    __slots__ = ("key_id", "revoke", "of_links")
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    REVOKE_FIELD_NUMBER: _ClassVar[int]
    OF_LINKS_FIELD_NUMBER: _ClassVar[int]
    key_id: int
    revoke: bool
    of_links: bool
    def __init__(self, key_id: _Optional[int] = ..., revoke: _Optional[bool] = ..., of_links: _Optional[bool] = ...) -> None: ...

class RotatePickupKeyResponse(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: _pickup_pb2.PickupKey
    def __init__(self, key: _Optional[_Union[_pickup_pb2.PickupKey, _Mapping]] = ...) -> None: ...

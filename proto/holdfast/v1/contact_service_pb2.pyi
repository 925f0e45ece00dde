from holdfast.v1 import contact_pb2 as _contact_pb2
from holdfast.v1 import error_pb2 as _error_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ContactChange(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: int
    def __init__(self, entries: _Optional[int] = ...) -> None: ...

class PutContactRequest(_message.Message):
    __slots__ = ("idempotency_key", "contact")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    contact: _contact_pb2.Contact
    def __init__(self, idempotency_key: _Optional[str] = ..., contact: _Optional[_Union[_contact_pb2.Contact, _Mapping]] = ...) -> None: ...

class PutContactResponse(_message.Message):
    __slots__ = ("contact_change", "rejection")
    CONTACT_CHANGE_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    contact_change: ContactChange
    rejection: _error_pb2.Rejection
    def __init__(self, contact_change: _Optional[_Union[ContactChange, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class GetContactRequest(_message.Message):
    __slots__ = ("customer_id", "purchase_id")
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    PURCHASE_ID_FIELD_NUMBER: _ClassVar[int]
    customer_id: str
    purchase_id: str
    def __init__(self, customer_id: _Optional[str] = ..., purchase_id: _Optional[str] = ...) -> None: ...

class GetContactResponse(_message.Message):
    __slots__ = ("contact",)
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    contact: _contact_pb2.Contact
    def __init__(self, contact: _Optional[_Union[_contact_pb2.Contact, _Mapping]] = ...) -> None: ...

class FindContactsRequest(_message.Message):
    __slots__ = ("display_name", "last_digits")
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    LAST_DIGITS_FIELD_NUMBER: _ClassVar[int]
    display_name: str
    last_digits: str
    def __init__(self, display_name: _Optional[str] = ..., last_digits: _Optional[str] = ...) -> None: ...

class FindContactsResponse(_message.Message):
    __slots__ = ("contacts", "has_more")
    CONTACTS_FIELD_NUMBER: _ClassVar[int]
    HAS_MORE_FIELD_NUMBER: _ClassVar[int]
    contacts: _containers.RepeatedCompositeFieldContainer[_contact_pb2.Contact]
    has_more: bool
    def __init__(self, contacts: _Optional[_Iterable[_Union[_contact_pb2.Contact, _Mapping]]] = ..., has_more: _Optional[bool] = ...) -> None: ...

class SetConsentRequest(_message.Message):
    __slots__ = ("idempotency_key", "customer_id", "channel", "granted")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    customer_id: str
    channel: _contact_pb2.MessageChannel
    granted: bool
    def __init__(self, idempotency_key: _Optional[str] = ..., customer_id: _Optional[str] = ..., channel: _Optional[_Union[_contact_pb2.MessageChannel, str]] = ..., granted: _Optional[bool] = ...) -> None: ...

class SetConsentResponse(_message.Message):
    __slots__ = ("contact_change", "rejection")
    CONTACT_CHANGE_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    contact_change: ContactChange
    rejection: _error_pb2.Rejection
    def __init__(self, contact_change: _Optional[_Union[ContactChange, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class SetCollectorRequest(_message.Message):
    __slots__ = ("idempotency_key", "customer_id", "purchase_id", "display_name")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    PURCHASE_ID_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    customer_id: str
    purchase_id: str
    display_name: str
    def __init__(self, idempotency_key: _Optional[str] = ..., customer_id: _Optional[str] = ..., purchase_id: _Optional[str] = ..., display_name: _Optional[str] = ...) -> None: ...

class SetCollectorResponse(_message.Message):
    __slots__ = ("contact_change", "rejection")
    CONTACT_CHANGE_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    contact_change: ContactChange
    rejection: _error_pb2.Rejection
    def __init__(self, contact_change: _Optional[_Union[ContactChange, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class GetCollectorRequest(_message.Message):
    __slots__ = ("customer_id", "purchase_id")
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    PURCHASE_ID_FIELD_NUMBER: _ClassVar[int]
    customer_id: str
    purchase_id: str
    def __init__(self, customer_id: _Optional[str] = ..., purchase_id: _Optional[str] = ...) -> None: ...

class GetCollectorResponse(_message.Message):
    __slots__ = ("display_name",)
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    display_name: str
    def __init__(self, display_name: _Optional[str] = ...) -> None: ...

class EraseContactRequest(_message.Message):
    __slots__ = ("idempotency_key", "customer_id")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    customer_id: str
    def __init__(self, idempotency_key: _Optional[str] = ..., customer_id: _Optional[str] = ...) -> None: ...

class EraseContactResponse(_message.Message):
    __slots__ = ("contact_change", "rejection")
    CONTACT_CHANGE_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    contact_change: ContactChange
    rejection: _error_pb2.Rejection
    def __init__(self, contact_change: _Optional[_Union[ContactChange, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

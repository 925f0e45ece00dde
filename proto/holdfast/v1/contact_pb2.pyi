import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MessageChannel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MESSAGE_CHANNEL_UNSPECIFIED: _ClassVar[MessageChannel]
    MESSAGE_CHANNEL_EMAIL: _ClassVar[MessageChannel]
    MESSAGE_CHANNEL_SMS: _ClassVar[MessageChannel]
MESSAGE_CHANNEL_UNSPECIFIED: MessageChannel
MESSAGE_CHANNEL_EMAIL: MessageChannel
MESSAGE_CHANNEL_SMS: MessageChannel

class ContactConsent(_message.Message):
    __slots__ = ("channel", "granted", "said_at")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    SAID_AT_FIELD_NUMBER: _ClassVar[int]
    channel: MessageChannel
    granted: bool
    said_at: _timestamp_pb2.Timestamp
    def __init__(self, channel: _Optional[_Union[MessageChannel, str]] = ..., granted: _Optional[bool] = ..., said_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Contact(_message.Message):
    __slots__ = ("customer_id", "purchase_id", "email", "telephone", "language", "display_name", "consents", "preferred_channel")
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    PURCHASE_ID_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    TELEPHONE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    PREFERRED_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    customer_id: str
    purchase_id: str
    email: str
    telephone: str
    language: str
    display_name: str
    consents: _containers.RepeatedCompositeFieldContainer[ContactConsent]
    preferred_channel: MessageChannel
    def __init__(self, customer_id: _Optional[str] = ..., purchase_id: _Optional[str] = ..., email: _Optional[str] = ..., telephone: _Optional[str] = ..., language: _Optional[str] = ..., display_name: _Optional[str] = ..., consents: _Optional[_Iterable[_Union[ContactConsent, _Mapping]]] = ..., preferred_channel: _Optional[_Union[MessageChannel, str]] = ...) -> None: ...

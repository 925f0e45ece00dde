import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.v1 import contact_pb2 as _contact_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NoticeOccasion(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOTICE_OCCASION_UNSPECIFIED: _ClassVar[NoticeOccasion]
    NOTICE_OCCASION_CONFIRMED: _ClassVar[NoticeOccasion]
    NOTICE_OCCASION_ESTIMATED: _ClassVar[NoticeOccasion]
    NOTICE_OCCASION_READY: _ClassVar[NoticeOccasion]
    NOTICE_OCCASION_REMINDER: _ClassVar[NoticeOccasion]
    NOTICE_OCCASION_NO_SHOW: _ClassVar[NoticeOccasion]
    NOTICE_OCCASION_RELEASED: _ClassVar[NoticeOccasion]
    NOTICE_OCCASION_SHORTFALL: _ClassVar[NoticeOccasion]
    NOTICE_OCCASION_TURN: _ClassVar[NoticeOccasion]
    NOTICE_OCCASION_RECEIPT: _ClassVar[NoticeOccasion]
    NOTICE_OCCASION_REFUND: _ClassVar[NoticeOccasion]

class NoticeStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOTICE_STATUS_UNSPECIFIED: _ClassVar[NoticeStatus]
    NOTICE_STATUS_WAITING: _ClassVar[NoticeStatus]
    NOTICE_STATUS_UNDER_WAY: _ClassVar[NoticeStatus]
    NOTICE_STATUS_SENT: _ClassVar[NoticeStatus]
    NOTICE_STATUS_FAILED: _ClassVar[NoticeStatus]
    NOTICE_STATUS_UNKNOWN: _ClassVar[NoticeStatus]
    NOTICE_STATUS_DROPPED: _ClassVar[NoticeStatus]

class NoticeDropped(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOTICE_DROPPED_UNSPECIFIED: _ClassVar[NoticeDropped]
    NOTICE_DROPPED_NO_CONTACT: _ClassVar[NoticeDropped]
    NOTICE_DROPPED_NO_CONSENT: _ClassVar[NoticeDropped]
    NOTICE_DROPPED_OTHER_CHANNEL: _ClassVar[NoticeDropped]
    NOTICE_DROPPED_PAST: _ClassVar[NoticeDropped]
    NOTICE_DROPPED_OVERTAKEN: _ClassVar[NoticeDropped]
    NOTICE_DROPPED_NO_WAY_OUT: _ClassVar[NoticeDropped]
NOTICE_OCCASION_UNSPECIFIED: NoticeOccasion
NOTICE_OCCASION_CONFIRMED: NoticeOccasion
NOTICE_OCCASION_ESTIMATED: NoticeOccasion
NOTICE_OCCASION_READY: NoticeOccasion
NOTICE_OCCASION_REMINDER: NoticeOccasion
NOTICE_OCCASION_NO_SHOW: NoticeOccasion
NOTICE_OCCASION_RELEASED: NoticeOccasion
NOTICE_OCCASION_SHORTFALL: NoticeOccasion
NOTICE_OCCASION_TURN: NoticeOccasion
NOTICE_OCCASION_RECEIPT: NoticeOccasion
NOTICE_OCCASION_REFUND: NoticeOccasion
NOTICE_STATUS_UNSPECIFIED: NoticeStatus
NOTICE_STATUS_WAITING: NoticeStatus
NOTICE_STATUS_UNDER_WAY: NoticeStatus
NOTICE_STATUS_SENT: NoticeStatus
NOTICE_STATUS_FAILED: NoticeStatus
NOTICE_STATUS_UNKNOWN: NoticeStatus
NOTICE_STATUS_DROPPED: NoticeStatus
NOTICE_DROPPED_UNSPECIFIED: NoticeDropped
NOTICE_DROPPED_NO_CONTACT: NoticeDropped
NOTICE_DROPPED_NO_CONSENT: NoticeDropped
NOTICE_DROPPED_OTHER_CHANNEL: NoticeDropped
NOTICE_DROPPED_PAST: NoticeDropped
NOTICE_DROPPED_OVERTAKEN: NoticeDropped
NOTICE_DROPPED_NO_WAY_OUT: NoticeDropped

class Notice(_message.Message):
    __slots__ = ("number", "occasion", "channel", "status", "customer_id", "store_id", "reservation_id", "order_id", "version", "created_at", "next_at", "changed_at", "attempts", "unknown_attempts", "why", "dropped")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    OCCASION_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    NEXT_AT_FIELD_NUMBER: _ClassVar[int]
    CHANGED_AT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    number: int
    occasion: NoticeOccasion
    channel: _contact_pb2.MessageChannel
    status: NoticeStatus
    customer_id: str
    store_id: str
    reservation_id: str
    order_id: str
    version: int
    created_at: _timestamp_pb2.Timestamp
    next_at: _timestamp_pb2.Timestamp
    changed_at: _timestamp_pb2.Timestamp
    attempts: int
    unknown_attempts: int
    why: str
    dropped: NoticeDropped
    def __init__(self, number: _Optional[int] = ..., occasion: _Optional[_Union[NoticeOccasion, str]] = ..., channel: _Optional[_Union[_contact_pb2.MessageChannel, str]] = ..., status: _Optional[_Union[NoticeStatus, str]] = ..., customer_id: _Optional[str] = ..., store_id: _Optional[str] = ..., reservation_id: _Optional[str] = ..., order_id: _Optional[str] = ..., version: _Optional[int] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., next_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., changed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., attempts: _Optional[int] = ..., unknown_attempts: _Optional[int] = ..., why: _Optional[str] = ..., dropped: _Optional[_Union[NoticeDropped, str]] = ...) -> None: ...

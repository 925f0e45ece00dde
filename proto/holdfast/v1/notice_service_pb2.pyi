import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.v1 import notice_pb2 as _notice_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListNoticesRequest(_message.Message):
    __slots__ = ("statuses", "store_id", "customer_id", "page_size", "page_token")
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    statuses: _containers.RepeatedScalarFieldContainer[_notice_pb2.NoticeStatus]
    store_id: str
    customer_id: str
    page_size: int
    page_token: str
    def __init__(self, statuses: _Optional[_Iterable[_Union[_notice_pb2.NoticeStatus, str]]] = ..., store_id: _Optional[str] = ..., customer_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListNoticesResponse(_message.Message):
    __slots__ = ("notices", "next_page_token")
    NOTICES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    notices: _containers.RepeatedCompositeFieldContainer[_notice_pb2.Notice]
    next_page_token: str
    def __init__(self, notices: _Optional[_Iterable[_Union[_notice_pb2.Notice, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RepeatNoticeRequest(_message.Message):
    __slots__ = ("number", "operator")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    number: int
    operator: str
    def __init__(self, number: _Optional[int] = ..., operator: _Optional[str] = ...) -> None: ...

class RepeatNoticeResponse(_message.Message):
    __slots__ = ("notice",)
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    notice: _notice_pb2.Notice
    def __init__(self, notice: _Optional[_Union[_notice_pb2.Notice, _Mapping]] = ...) -> None: ...

class VerifyNoticesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class VerifyNoticesResponse(_message.Message):
    __slots__ = ("holds", "began_at", "notices", "waiting", "attempts", "sent", "unknown", "repeated", "dropped", "twice", "never_tried", "unrecorded", "counts")
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    BEGAN_AT_FIELD_NUMBER: _ClassVar[int]
    NOTICES_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    REPEATED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    TWICE_FIELD_NUMBER: _ClassVar[int]
    NEVER_TRIED_FIELD_NUMBER: _ClassVar[int]
    UNRECORDED_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    holds: bool
    began_at: _timestamp_pb2.Timestamp
    notices: int
    waiting: int
    attempts: int
    sent: int
    unknown: int
    repeated: int
    dropped: int
    twice: int
    never_tried: int
    unrecorded: int
    counts: _containers.ScalarMap[str, int]
    def __init__(self, holds: _Optional[bool] = ..., began_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., notices: _Optional[int] = ..., waiting: _Optional[int] = ..., attempts: _Optional[int] = ..., sent: _Optional[int] = ..., unknown: _Optional[int] = ..., repeated: _Optional[int] = ..., dropped: _Optional[int] = ..., twice: _Optional[int] = ..., never_tried: _Optional[int] = ..., unrecorded: _Optional[int] = ..., counts: _Optional[_Mapping[str, int]] = ...) -> None: ...

from holdfast.v1 import event_pb2 as _event_pb2
from holdfast.v1 import stock_service_pb2 as _stock_service_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WatchEventsRequest(_message.Message):
    __slots__ = ("cursors", "all_stores", "cursor")
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    ALL_STORES_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    cursors: _containers.RepeatedCompositeFieldContainer[_stock_service_pb2.StoreCursor]
    all_stores: bool
    cursor: bytes
    def __init__(self, cursors: _Optional[_Iterable[_Union[_stock_service_pb2.StoreCursor, _Mapping]]] = ..., all_stores: _Optional[bool] = ..., cursor: _Optional[bytes] = ...) -> None: ...

class WatchEventsResponse(_message.Message):
    __slots__ = ("events", "cursor")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_event_pb2.Event]
    cursor: bytes
    def __init__(self, events: _Optional[_Iterable[_Union[_event_pb2.Event, _Mapping]]] = ..., cursor: _Optional[bytes] = ...) -> None: ...

class AcknowledgeEventsRequest(_message.Message):
    __slots__ = ("reader", "cursors", "cursor")
    READER_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    reader: str
    cursors: _containers.RepeatedCompositeFieldContainer[_stock_service_pb2.StoreCursor]
    cursor: bytes
    def __init__(self, reader: _Optional[str] = ..., cursors: _Optional[_Iterable[_Union[_stock_service_pb2.StoreCursor, _Mapping]]] = ..., cursor: _Optional[bytes] = ...) -> None: ...

class AcknowledgeEventsResponse(_message.Message):
    __slots__ = ("ledgers",)
    LEDGERS_FIELD_NUMBER: _ClassVar[int]
    ledgers: int
    def __init__(self, ledgers: _Optional[int] = ...) -> None: ...

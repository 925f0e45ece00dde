from holdfast.v1 import error_pb2 as _error_pb2
from holdfast.v1 import shortfall_pb2 as _shortfall_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListShortfallsRequest(_message.Message):
    __slots__ = ("store_id", "only_open", "page_size", "page_token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    ONLY_OPEN_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    only_open: bool
    page_size: int
    page_token: str
    def __init__(self, store_id: _Optional[str] = ..., only_open: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListShortfallsResponse(_message.Message):
    __slots__ = ("tasks", "next_page_token", "version")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[_shortfall_pb2.ShortfallTask]
    next_page_token: str
    version: int
    def __init__(self, tasks: _Optional[_Iterable[_Union[_shortfall_pb2.ShortfallTask, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class ResolveShortfallRequest(_message.Message):
    __slots__ = ("idempotency_key", "task_id", "resolution", "to_store_id")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    TO_STORE_ID_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    task_id: str
    resolution: _shortfall_pb2.ShortfallResolution
    to_store_id: str
    def __init__(self, idempotency_key: _Optional[str] = ..., task_id: _Optional[str] = ..., resolution: _Optional[_Union[_shortfall_pb2.ShortfallResolution, str]] = ..., to_store_id: _Optional[str] = ...) -> None: ...

class ResolveShortfallResponse(_message.Message):
    __slots__ = ("task", "rejection")
    TASK_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    task: _shortfall_pb2.ShortfallTask
    rejection: _error_pb2.Rejection
    def __init__(self, task: _Optional[_Union[_shortfall_pb2.ShortfallTask, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

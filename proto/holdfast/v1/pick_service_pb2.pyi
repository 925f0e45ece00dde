import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.v1 import error_pb2 as _error_pb2
from holdfast.v1 import pick_pb2 as _pick_pb2
from holdfast.v1 import reservation_pb2 as _reservation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListPickTasksRequest(_message.Message):
    __slots__ = ("store_id", "statuses", "page_size", "page_token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    statuses: _containers.RepeatedScalarFieldContainer[_pick_pb2.PickStatus]
    page_size: int
    page_token: str
    def __init__(self, store_id: _Optional[str] = ..., statuses: _Optional[_Iterable[_Union[_pick_pb2.PickStatus, str]]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPickTasksResponse(_message.Message):
    __slots__ = ("tasks", "next_page_token", "version", "at")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[_pick_pb2.PickTask]
    next_page_token: str
    version: int
    at: _timestamp_pb2.Timestamp
    def __init__(self, tasks: _Optional[_Iterable[_Union[_pick_pb2.PickTask, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., version: _Optional[int] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetPickTaskRequest(_message.Message):
    __slots__ = ("reservation_id",)
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    def __init__(self, reservation_id: _Optional[str] = ...) -> None: ...

class GetPickTaskResponse(_message.Message):
    __slots__ = ("pick_task", "version", "at")
    PICK_TASK_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    pick_task: _pick_pb2.PickTask
    version: int
    at: _timestamp_pb2.Timestamp
    def __init__(self, pick_task: _Optional[_Union[_pick_pb2.PickTask, _Mapping]] = ..., version: _Optional[int] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ClaimPickTaskRequest(_message.Message):
    __slots__ = ("idempotency_key", "store_id", "reservation_id", "picker_id", "lease")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    PICKER_ID_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    store_id: str
    reservation_id: str
    picker_id: str
    lease: _duration_pb2.Duration
    def __init__(self, idempotency_key: _Optional[str] = ..., store_id: _Optional[str] = ..., reservation_id: _Optional[str] = ..., picker_id: _Optional[str] = ..., lease: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ClaimPickTaskResponse(_message.Message):
    __slots__ = ("pick_task", "rejection")
    PICK_TASK_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    pick_task: _pick_pb2.PickTask
    rejection: _error_pb2.Rejection
    def __init__(self, pick_task: _Optional[_Union[_pick_pb2.PickTask, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class ReleasePickTaskRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id", "picker_id")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    PICKER_ID_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    picker_id: str
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ..., picker_id: _Optional[str] = ...) -> None: ...

class ReleasePickTaskResponse(_message.Message):
    __slots__ = ("pick_task", "rejection")
    PICK_TASK_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    pick_task: _pick_pb2.PickTask
    rejection: _error_pb2.Rejection
    def __init__(self, pick_task: _Optional[_Union[_pick_pb2.PickTask, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class ScanPickTaskRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id", "picker_id", "sku", "quantity", "code")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    PICKER_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    picker_id: str
    sku: str
    quantity: int
    code: str
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ..., picker_id: _Optional[str] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ..., code: _Optional[str] = ...) -> None: ...

class ScanPickTaskResponse(_message.Message):
    __slots__ = ("pick_task", "rejection")
    PICK_TASK_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    pick_task: _pick_pb2.PickTask
    rejection: _error_pb2.Rejection
    def __init__(self, pick_task: _Optional[_Union[_pick_pb2.PickTask, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class ShortPickTaskRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id", "picker_id", "sku", "quantity", "choice", "substitute_sku", "substitute_quantity", "wait", "to_store_id")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    PICKER_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    CHOICE_FIELD_NUMBER: _ClassVar[int]
    SUBSTITUTE_SKU_FIELD_NUMBER: _ClassVar[int]
    SUBSTITUTE_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    TO_STORE_ID_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    picker_id: str
    sku: str
    quantity: int
    choice: _pick_pb2.ShortChoice
    substitute_sku: str
    substitute_quantity: int
    wait: _duration_pb2.Duration
    to_store_id: str
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ..., picker_id: _Optional[str] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ..., choice: _Optional[_Union[_pick_pb2.ShortChoice, str]] = ..., substitute_sku: _Optional[str] = ..., substitute_quantity: _Optional[int] = ..., wait: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., to_store_id: _Optional[str] = ...) -> None: ...

class ShortPickTaskResponse(_message.Message):
    __slots__ = ("pick_task", "rejection")
    PICK_TASK_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    pick_task: _pick_pb2.PickTask
    rejection: _error_pb2.Rejection
    def __init__(self, pick_task: _Optional[_Union[_pick_pb2.PickTask, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class FinishPickTaskRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id", "picker_id", "bay", "is_ready")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    PICKER_ID_FIELD_NUMBER: _ClassVar[int]
    BAY_FIELD_NUMBER: _ClassVar[int]
    IS_READY_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    picker_id: str
    bay: str
    is_ready: bool
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ..., picker_id: _Optional[str] = ..., bay: _Optional[str] = ..., is_ready: _Optional[bool] = ...) -> None: ...

class FinishPickTaskResponse(_message.Message):
    __slots__ = ("pick_task", "rejection")
    PICK_TASK_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    pick_task: _pick_pb2.PickTask
    rejection: _error_pb2.Rejection
    def __init__(self, pick_task: _Optional[_Union[_pick_pb2.PickTask, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class PutBackPickTaskRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id", "picker_id", "lines")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    PICKER_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    picker_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ..., picker_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ...) -> None: ...

class PutBackPickTaskResponse(_message.Message):
    __slots__ = ("pick_task", "rejection")
    PICK_TASK_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    pick_task: _pick_pb2.PickTask
    rejection: _error_pb2.Rejection
    def __init__(self, pick_task: _Optional[_Union[_pick_pb2.PickTask, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class NoteArrivalRequest(_message.Message):
    __slots__ = ("idempotency_key", "reservation_id", "waits_at", "arrives_in")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    WAITS_AT_FIELD_NUMBER: _ClassVar[int]
    ARRIVES_IN_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    reservation_id: str
    waits_at: str
    arrives_in: _duration_pb2.Duration
    def __init__(self, idempotency_key: _Optional[str] = ..., reservation_id: _Optional[str] = ..., waits_at: _Optional[str] = ..., arrives_in: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class NoteArrivalResponse(_message.Message):
    __slots__ = ("pick_task", "rejection")
    PICK_TASK_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    pick_task: _pick_pb2.PickTask
    rejection: _error_pb2.Rejection
    def __init__(self, pick_task: _Optional[_Union[_pick_pb2.PickTask, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class FindProductRequest(_message.Message):
    __slots__ = ("store_id", "code", "sku")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    code: str
    sku: str
    def __init__(self, store_id: _Optional[str] = ..., code: _Optional[str] = ..., sku: _Optional[str] = ...) -> None: ...

class FindProductResponse(_message.Message):
    __slots__ = ("sku", "gtins", "place", "substitutes")
    SKU_FIELD_NUMBER: _ClassVar[int]
    GTINS_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    SUBSTITUTES_FIELD_NUMBER: _ClassVar[int]
    sku: str
    gtins: _containers.RepeatedScalarFieldContainer[str]
    place: _pick_pb2.ProductPlace
    substitutes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sku: _Optional[str] = ..., gtins: _Optional[_Iterable[str]] = ..., place: _Optional[_Union[_pick_pb2.ProductPlace, _Mapping]] = ..., substitutes: _Optional[_Iterable[str]] = ...) -> None: ...

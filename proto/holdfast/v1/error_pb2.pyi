import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from holdfast.v1 import pick_pb2 as _pick_pb2
from holdfast.v1 import reservation_pb2 as _reservation_pb2
from holdfast.v1 import transfer_pb2 as _transfer_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REASON_UNSPECIFIED: _ClassVar[Reason]
    REASON_IDEMPOTENCY_KEY_REUSED: _ClassVar[Reason]
    REASON_RESERVATION_NOT_FOUND: _ClassVar[Reason]
    REASON_STORE_NOT_ACCEPTING: _ClassVar[Reason]
    REASON_RESERVATION_EXPIRED: _ClassVar[Reason]
    REASON_TRANSITION_NOT_ALLOWED: _ClassVar[Reason]
    REASON_LINE_NOT_FOUND: _ClassVar[Reason]
    REASON_QUANTITY_EXCEEDS_HELD: _ClassVar[Reason]
    REASON_TTL_TOO_LONG: _ClassVar[Reason]
    REASON_BASKET_CONFIRMED: _ClassVar[Reason]
    REASON_OPEN_RESERVATIONS_LIMIT: _ClassVar[Reason]
    REASON_UNITS_LIMIT: _ClassVar[Reason]
    REASON_SKU_NOT_STOCKED: _ClassVar[Reason]
    REASON_INSUFFICIENT_STOCK: _ClassVar[Reason]
    REASON_COUNT_TOO_OLD: _ClassVar[Reason]
    REASON_SOURCE_GAP: _ClassVar[Reason]
    REASON_PART_OF_ORDER: _ClassVar[Reason]
    REASON_ORDER_UNDECIDED: _ClassVar[Reason]
    REASON_CLAIM_ABANDONED: _ClassVar[Reason]
    REASON_NO_STORE_IN_REACH: _ClassVar[Reason]
    REASON_SLOT_NOT_OFFERED: _ClassVar[Reason]
    REASON_SLOT_FULL: _ClassVar[Reason]
    REASON_ALLOTMENT_NOT_FOUND: _ClassVar[Reason]
    REASON_ALLOTMENT_ENDED: _ClassVar[Reason]
    REASON_ALLOTMENTS_LIMIT: _ClassVar[Reason]
    REASON_GIVEN_TO_TILL: _ClassVar[Reason]
    REASON_TRANSFER_NOT_FOUND: _ClassVar[Reason]
    REASON_TRANSFER_STEP_NOT_ALLOWED: _ClassVar[Reason]
    REASON_OPEN_TRANSFERS_LIMIT: _ClassVar[Reason]
    REASON_LINE_NOT_OFFERED: _ClassVar[Reason]
    REASON_LINE_FULL: _ClassVar[Reason]
    REASON_IN_LINE_ALREADY: _ClassVar[Reason]
    REASON_SHORTFALL_NOT_FOUND: _ClassVar[Reason]
    REASON_SHORTFALL_RESOLVED: _ClassVar[Reason]
    REASON_HELD_ELSEWHERE: _ClassVar[Reason]
    REASON_PICK_TASK_NOT_FOUND: _ClassVar[Reason]
    REASON_PICK_QUEUE_EMPTY: _ClassVar[Reason]
    REASON_PICK_TASK_CLAIMED: _ClassVar[Reason]
    REASON_PICK_CLAIM_LOST: _ClassVar[Reason]
    REASON_PICK_STEP_NOT_ALLOWED: _ClassVar[Reason]
    REASON_ARTICLE_NOT_ORDERED: _ClassVar[Reason]
    REASON_PICKED_ALREADY: _ClassVar[Reason]
    REASON_PICK_INCOMPLETE: _ClassVar[Reason]
    REASON_SUBSTITUTE_NOT_ALLOWED: _ClassVar[Reason]
    REASON_QUANTITY_EXCEEDS_COLLECTED: _ClassVar[Reason]
    REASON_AWAITS_TRANSFER: _ClassVar[Reason]
REASON_UNSPECIFIED: Reason
REASON_IDEMPOTENCY_KEY_REUSED: Reason
REASON_RESERVATION_NOT_FOUND: Reason
REASON_STORE_NOT_ACCEPTING: Reason
REASON_RESERVATION_EXPIRED: Reason
REASON_TRANSITION_NOT_ALLOWED: Reason
REASON_LINE_NOT_FOUND: Reason
REASON_QUANTITY_EXCEEDS_HELD: Reason
REASON_TTL_TOO_LONG: Reason
REASON_BASKET_CONFIRMED: Reason
REASON_OPEN_RESERVATIONS_LIMIT: Reason
REASON_UNITS_LIMIT: Reason
REASON_SKU_NOT_STOCKED: Reason
REASON_INSUFFICIENT_STOCK: Reason
REASON_COUNT_TOO_OLD: Reason
REASON_SOURCE_GAP: Reason
REASON_PART_OF_ORDER: Reason
REASON_ORDER_UNDECIDED: Reason
REASON_CLAIM_ABANDONED: Reason
REASON_NO_STORE_IN_REACH: Reason
REASON_SLOT_NOT_OFFERED: Reason
REASON_SLOT_FULL: Reason
REASON_ALLOTMENT_NOT_FOUND: Reason
REASON_ALLOTMENT_ENDED: Reason
REASON_ALLOTMENTS_LIMIT: Reason
REASON_GIVEN_TO_TILL: Reason
REASON_TRANSFER_NOT_FOUND: Reason
REASON_TRANSFER_STEP_NOT_ALLOWED: Reason
REASON_OPEN_TRANSFERS_LIMIT: Reason
REASON_LINE_NOT_OFFERED: Reason
REASON_LINE_FULL: Reason
REASON_IN_LINE_ALREADY: Reason
REASON_SHORTFALL_NOT_FOUND: Reason
REASON_SHORTFALL_RESOLVED: Reason
REASON_HELD_ELSEWHERE: Reason
REASON_PICK_TASK_NOT_FOUND: Reason
REASON_PICK_QUEUE_EMPTY: Reason
REASON_PICK_TASK_CLAIMED: Reason
REASON_PICK_CLAIM_LOST: Reason
REASON_PICK_STEP_NOT_ALLOWED: Reason
REASON_ARTICLE_NOT_ORDERED: Reason
REASON_PICKED_ALREADY: Reason
REASON_PICK_INCOMPLETE: Reason
REASON_SUBSTITUTE_NOT_ALLOWED: Reason
REASON_QUANTITY_EXCEEDS_COLLECTED: Reason
REASON_AWAITS_TRANSFER: Reason

class ShortLine(_message.Message):
    __slots__ = ("sku", "asked", "available")
    SKU_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    sku: str
    asked: int
    available: int
    def __init__(self, sku: _Optional[str] = ..., asked: _Optional[int] = ..., available: _Optional[int] = ...) -> None: ...

class NearStore(_message.Message):
    __slots__ = ("store_id", "kilometres", "has_everything")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    KILOMETRES_FIELD_NUMBER: _ClassVar[int]
    HAS_EVERYTHING_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    kilometres: float
    has_everything: bool
    def __init__(self, store_id: _Optional[str] = ..., kilometres: _Optional[float] = ..., has_everything: _Optional[bool] = ...) -> None: ...

class Rejection(_message.Message):
    __slots__ = ("reason", "message", "store_id", "sku", "asked", "available", "reservation_id", "status", "short_lines", "version", "order_id", "near_stores", "allotment_id", "by_hint", "transfer_status", "picker_id", "pick_status", "hand_over")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SHORT_LINES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    NEAR_STORES_FIELD_NUMBER: _ClassVar[int]
    ALLOTMENT_ID_FIELD_NUMBER: _ClassVar[int]
    BY_HINT_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_STATUS_FIELD_NUMBER: _ClassVar[int]
    PICKER_ID_FIELD_NUMBER: _ClassVar[int]
    PICK_STATUS_FIELD_NUMBER: _ClassVar[int]
    HAND_OVER_FIELD_NUMBER: _ClassVar[int]
    reason: Reason
    message: str
    store_id: str
    sku: str
    asked: int
    available: int
    reservation_id: str
    status: _reservation_pb2.ReservationStatus
    short_lines: _containers.RepeatedCompositeFieldContainer[ShortLine]
    version: int
    order_id: str
    near_stores: _containers.RepeatedCompositeFieldContainer[NearStore]
    allotment_id: str
    by_hint: bool
    transfer_status: _transfer_pb2.TransferStatus
    picker_id: str
    pick_status: _pick_pb2.PickStatus
    hand_over: _reservation_pb2.HandOver
    def __init__(self, reason: _Optional[_Union[Reason, str]] = ..., message: _Optional[str] = ..., store_id: _Optional[str] = ..., sku: _Optional[str] = ..., asked: _Optional[int] = ..., available: _Optional[int] = ..., reservation_id: _Optional[str] = ..., status: _Optional[_Union[_reservation_pb2.ReservationStatus, str]] = ..., short_lines: _Optional[_Iterable[_Union[ShortLine, _Mapping]]] = ..., version: _Optional[int] = ..., order_id: _Optional[str] = ..., near_stores: _Optional[_Iterable[_Union[NearStore, _Mapping]]] = ..., allotment_id: _Optional[str] = ..., by_hint: _Optional[bool] = ..., transfer_status: _Optional[_Union[_transfer_pb2.TransferStatus, str]] = ..., picker_id: _Optional[str] = ..., pick_status: _Optional[_Union[_pick_pb2.PickStatus, str]] = ..., hand_over: _Optional[_Union[_reservation_pb2.HandOver, _Mapping]] = ...) -> None: ...

class FieldViolation(_message.Message):
    __slots__ = ("field", "description")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    field: str
    description: str
    def __init__(self, field: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class ItemError(_message.Message):
    __slots__ = ("code", "message", "violations", "retry_after", "reason", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    violations: _containers.RepeatedCompositeFieldContainer[FieldViolation]
    retry_after: _duration_pb2.Duration
    reason: str
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ..., violations: _Optional[_Iterable[_Union[FieldViolation, _Mapping]]] = ..., retry_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., reason: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

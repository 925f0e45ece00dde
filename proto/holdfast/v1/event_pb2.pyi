import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.v1 import allotment_pb2 as _allotment_pb2
from holdfast.v1 import error_pb2 as _error_pb2
from holdfast.v1 import pick_pb2 as _pick_pb2
from holdfast.v1 import reservation_pb2 as _reservation_pb2
from holdfast.v1 import shortfall_pb2 as _shortfall_pb2
from holdfast.v1 import stock_pb2 as _stock_pb2
from holdfast.v1 import transfer_pb2 as _transfer_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Event(_message.Message):
    __slots__ = ("store_id", "version", "at", "record_hash", "reserved", "refused", "confirmed", "ready_marked", "collected", "released", "expired", "extended", "stock_adjusted", "stock_counted", "safety_stock_set", "shortfall_declared", "policy_adopted", "amended", "claimed", "outcome_applied", "acknowledged", "order_changed", "claim_barred", "allotted", "allotment_extended", "allotment_returned", "allotment_expired", "allotment_shrunk", "quota_drawn", "given", "transfer_changed", "queued", "served", "passed_over", "left", "requeued", "shortfall_resolved", "hot_units_changed", "move_begun", "pick_claimed", "pick_released", "pick_scanned", "pick_finished", "pick_put_back", "arrival_noted", "pick_shorted", "grant_awaited", "returned", "promised", "move_refused")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    RECORD_HASH_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    READY_MARKED_FIELD_NUMBER: _ClassVar[int]
    COLLECTED_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    EXPIRED_FIELD_NUMBER: _ClassVar[int]
    EXTENDED_FIELD_NUMBER: _ClassVar[int]
    STOCK_ADJUSTED_FIELD_NUMBER: _ClassVar[int]
    STOCK_COUNTED_FIELD_NUMBER: _ClassVar[int]
    SAFETY_STOCK_SET_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_DECLARED_FIELD_NUMBER: _ClassVar[int]
    POLICY_ADOPTED_FIELD_NUMBER: _ClassVar[int]
    AMENDED_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_APPLIED_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    ORDER_CHANGED_FIELD_NUMBER: _ClassVar[int]
    CLAIM_BARRED_FIELD_NUMBER: _ClassVar[int]
    ALLOTTED_FIELD_NUMBER: _ClassVar[int]
    ALLOTMENT_EXTENDED_FIELD_NUMBER: _ClassVar[int]
    ALLOTMENT_RETURNED_FIELD_NUMBER: _ClassVar[int]
    ALLOTMENT_EXPIRED_FIELD_NUMBER: _ClassVar[int]
    ALLOTMENT_SHRUNK_FIELD_NUMBER: _ClassVar[int]
    QUOTA_DRAWN_FIELD_NUMBER: _ClassVar[int]
    GIVEN_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_CHANGED_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    SERVED_FIELD_NUMBER: _ClassVar[int]
    PASSED_OVER_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    REQUEUED_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_RESOLVED_FIELD_NUMBER: _ClassVar[int]
    HOT_UNITS_CHANGED_FIELD_NUMBER: _ClassVar[int]
    MOVE_BEGUN_FIELD_NUMBER: _ClassVar[int]
    PICK_CLAIMED_FIELD_NUMBER: _ClassVar[int]
    PICK_RELEASED_FIELD_NUMBER: _ClassVar[int]
    PICK_SCANNED_FIELD_NUMBER: _ClassVar[int]
    PICK_FINISHED_FIELD_NUMBER: _ClassVar[int]
    PICK_PUT_BACK_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_NOTED_FIELD_NUMBER: _ClassVar[int]
    PICK_SHORTED_FIELD_NUMBER: _ClassVar[int]
    GRANT_AWAITED_FIELD_NUMBER: _ClassVar[int]
    RETURNED_FIELD_NUMBER: _ClassVar[int]
    PROMISED_FIELD_NUMBER: _ClassVar[int]
    MOVE_REFUSED_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    version: int
    at: _timestamp_pb2.Timestamp
    record_hash: int
    reserved: ReservedEvent
    refused: RefusedEvent
    confirmed: ConfirmedEvent
    ready_marked: ReadyMarkedEvent
    collected: CollectedEvent
    released: ReleasedEvent
    expired: ExpiredEvent
    extended: ExtendedEvent
    stock_adjusted: StockAdjustedEvent
    stock_counted: StockCountedEvent
    safety_stock_set: SafetyStockSetEvent
    shortfall_declared: ShortfallDeclaredEvent
    policy_adopted: PolicyAdoptedEvent
    amended: AmendedEvent
    claimed: ClaimedEvent
    outcome_applied: OutcomeAppliedEvent
    acknowledged: AcknowledgedEvent
    order_changed: OrderChangedEvent
    claim_barred: ClaimBarredEvent
    allotted: AllottedEvent
    allotment_extended: AllotmentExtendedEvent
    allotment_returned: AllotmentReturnedEvent
    allotment_expired: AllotmentExpiredEvent
    allotment_shrunk: AllotmentShrunkEvent
    quota_drawn: QuotaDrawnEvent
    given: GivenEvent
    transfer_changed: TransferChangedEvent
    queued: QueuedEvent
    served: ServedEvent
    passed_over: PassedOverEvent
    left: LeftEvent
    requeued: RequeuedEvent
    shortfall_resolved: ShortfallResolvedEvent
    hot_units_changed: HotUnitsChangedEvent
    move_begun: MoveBegunEvent
    pick_claimed: PickClaimedEvent
    pick_released: PickReleasedEvent
    pick_scanned: PickScannedEvent
    pick_finished: PickFinishedEvent
    pick_put_back: PickPutBackEvent
    arrival_noted: ArrivalNotedEvent
    pick_shorted: PickShortedEvent
    grant_awaited: GrantAwaitedEvent
    returned: ReturnedEvent
    promised: PromisedEvent
    move_refused: MoveRefusedEvent
    def __init__(self, store_id: _Optional[str] = ..., version: _Optional[int] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., record_hash: _Optional[int] = ..., reserved: _Optional[_Union[ReservedEvent, _Mapping]] = ..., refused: _Optional[_Union[RefusedEvent, _Mapping]] = ..., confirmed: _Optional[_Union[ConfirmedEvent, _Mapping]] = ..., ready_marked: _Optional[_Union[ReadyMarkedEvent, _Mapping]] = ..., collected: _Optional[_Union[CollectedEvent, _Mapping]] = ..., released: _Optional[_Union[ReleasedEvent, _Mapping]] = ..., expired: _Optional[_Union[ExpiredEvent, _Mapping]] = ..., extended: _Optional[_Union[ExtendedEvent, _Mapping]] = ..., stock_adjusted: _Optional[_Union[StockAdjustedEvent, _Mapping]] = ..., stock_counted: _Optional[_Union[StockCountedEvent, _Mapping]] = ..., safety_stock_set: _Optional[_Union[SafetyStockSetEvent, _Mapping]] = ..., shortfall_declared: _Optional[_Union[ShortfallDeclaredEvent, _Mapping]] = ..., policy_adopted: _Optional[_Union[PolicyAdoptedEvent, _Mapping]] = ..., amended: _Optional[_Union[AmendedEvent, _Mapping]] = ..., claimed: _Optional[_Union[ClaimedEvent, _Mapping]] = ..., outcome_applied: _Optional[_Union[OutcomeAppliedEvent, _Mapping]] = ..., acknowledged: _Optional[_Union[AcknowledgedEvent, _Mapping]] = ..., order_changed: _Optional[_Union[OrderChangedEvent, _Mapping]] = ..., claim_barred: _Optional[_Union[ClaimBarredEvent, _Mapping]] = ..., allotted: _Optional[_Union[AllottedEvent, _Mapping]] = ..., allotment_extended: _Optional[_Union[AllotmentExtendedEvent, _Mapping]] = ..., allotment_returned: _Optional[_Union[AllotmentReturnedEvent, _Mapping]] = ..., allotment_expired: _Optional[_Union[AllotmentExpiredEvent, _Mapping]] = ..., allotment_shrunk: _Optional[_Union[AllotmentShrunkEvent, _Mapping]] = ..., quota_drawn: _Optional[_Union[QuotaDrawnEvent, _Mapping]] = ..., given: _Optional[_Union[GivenEvent, _Mapping]] = ..., transfer_changed: _Optional[_Union[TransferChangedEvent, _Mapping]] = ..., queued: _Optional[_Union[QueuedEvent, _Mapping]] = ..., served: _Optional[_Union[ServedEvent, _Mapping]] = ..., passed_over: _Optional[_Union[PassedOverEvent, _Mapping]] = ..., left: _Optional[_Union[LeftEvent, _Mapping]] = ..., requeued: _Optional[_Union[RequeuedEvent, _Mapping]] = ..., shortfall_resolved: _Optional[_Union[ShortfallResolvedEvent, _Mapping]] = ..., hot_units_changed: _Optional[_Union[HotUnitsChangedEvent, _Mapping]] = ..., move_begun: _Optional[_Union[MoveBegunEvent, _Mapping]] = ..., pick_claimed: _Optional[_Union[PickClaimedEvent, _Mapping]] = ..., pick_released: _Optional[_Union[PickReleasedEvent, _Mapping]] = ..., pick_scanned: _Optional[_Union[PickScannedEvent, _Mapping]] = ..., pick_finished: _Optional[_Union[PickFinishedEvent, _Mapping]] = ..., pick_put_back: _Optional[_Union[PickPutBackEvent, _Mapping]] = ..., arrival_noted: _Optional[_Union[ArrivalNotedEvent, _Mapping]] = ..., pick_shorted: _Optional[_Union[PickShortedEvent, _Mapping]] = ..., grant_awaited: _Optional[_Union[GrantAwaitedEvent, _Mapping]] = ..., returned: _Optional[_Union[ReturnedEvent, _Mapping]] = ..., promised: _Optional[_Union[PromisedEvent, _Mapping]] = ..., move_refused: _Optional[_Union[MoveRefusedEvent, _Mapping]] = ...) -> None: ...

class PickClaimedEvent(_message.Message):
    __slots__ = ("reservation_id", "picker_id", "lease")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    PICKER_ID_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    picker_id: str
    lease: _duration_pb2.Duration
    def __init__(self, reservation_id: _Optional[str] = ..., picker_id: _Optional[str] = ..., lease: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class PickReleasedEvent(_message.Message):
    __slots__ = ("reservation_id", "picker_id")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    PICKER_ID_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    picker_id: str
    def __init__(self, reservation_id: _Optional[str] = ..., picker_id: _Optional[str] = ...) -> None: ...

class PickScannedEvent(_message.Message):
    __slots__ = ("reservation_id", "picker_id", "sku", "quantity", "code")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    PICKER_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    picker_id: str
    sku: str
    quantity: int
    code: str
    def __init__(self, reservation_id: _Optional[str] = ..., picker_id: _Optional[str] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ..., code: _Optional[str] = ...) -> None: ...

class PickShortedEvent(_message.Message):
    __slots__ = ("reservation_id", "picker_id", "sku", "quantity", "choice", "substitute", "substitute_quantity", "promise", "written_off", "asked_store_ids")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    PICKER_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    CHOICE_FIELD_NUMBER: _ClassVar[int]
    SUBSTITUTE_FIELD_NUMBER: _ClassVar[int]
    SUBSTITUTE_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    PROMISE_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_OFF_FIELD_NUMBER: _ClassVar[int]
    ASKED_STORE_IDS_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    picker_id: str
    sku: str
    quantity: int
    choice: _pick_pb2.ShortChoice
    substitute: str
    substitute_quantity: int
    promise: _timestamp_pb2.Timestamp
    written_off: int
    asked_store_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, reservation_id: _Optional[str] = ..., picker_id: _Optional[str] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ..., choice: _Optional[_Union[_pick_pb2.ShortChoice, str]] = ..., substitute: _Optional[str] = ..., substitute_quantity: _Optional[int] = ..., promise: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., written_off: _Optional[int] = ..., asked_store_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class PickFinishedEvent(_message.Message):
    __slots__ = ("reservation_id", "picker_id", "bay")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    PICKER_ID_FIELD_NUMBER: _ClassVar[int]
    BAY_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    picker_id: str
    bay: str
    def __init__(self, reservation_id: _Optional[str] = ..., picker_id: _Optional[str] = ..., bay: _Optional[str] = ...) -> None: ...

class PickPutBackEvent(_message.Message):
    __slots__ = ("reservation_id", "picker_id", "lines", "are_available")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    PICKER_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    ARE_AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    picker_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    are_available: bool
    def __init__(self, reservation_id: _Optional[str] = ..., picker_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., are_available: _Optional[bool] = ...) -> None: ...

class ArrivalNotedEvent(_message.Message):
    __slots__ = ("reservation_id", "waits_at", "expected_at")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    WAITS_AT_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_AT_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    waits_at: str
    expected_at: _timestamp_pb2.Timestamp
    def __init__(self, reservation_id: _Optional[str] = ..., waits_at: _Optional[str] = ..., expected_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class HotUnitsChangedEvent(_message.Message):
    __slots__ = ("kind", "sku", "quantity", "reservation_id")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    kind: str
    sku: str
    quantity: int
    reservation_id: str
    def __init__(self, kind: _Optional[str] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ..., reservation_id: _Optional[str] = ...) -> None: ...

class TransferChangedEvent(_message.Message):
    __slots__ = ("kind", "transfer_id", "lines", "loss_bearer", "reservation_ids")
    KIND_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    LOSS_BEARER_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_IDS_FIELD_NUMBER: _ClassVar[int]
    kind: str
    transfer_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    loss_bearer: _transfer_pb2.LossBearer
    reservation_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, kind: _Optional[str] = ..., transfer_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., loss_bearer: _Optional[_Union[_transfer_pb2.LossBearer, str]] = ..., reservation_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class OrderChangedEvent(_message.Message):
    __slots__ = ("kind", "order_id")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    kind: str
    order_id: str
    def __init__(self, kind: _Optional[str] = ..., order_id: _Optional[str] = ...) -> None: ...

class ClaimBarredEvent(_message.Message):
    __slots__ = ("order_id", "attempt", "operator", "why")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    attempt: int
    operator: str
    why: str
    def __init__(self, order_id: _Optional[str] = ..., attempt: _Optional[int] = ..., operator: _Optional[str] = ..., why: _Optional[str] = ...) -> None: ...

class ReservedEvent(_message.Message):
    __slots__ = ("reservation",)
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ...) -> None: ...

class AmendedEvent(_message.Message):
    __slots__ = ("reservation_id", "lines", "expires_at", "slot_start")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    SLOT_START_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    expires_at: _timestamp_pb2.Timestamp
    slot_start: _timestamp_pb2.Timestamp
    def __init__(self, reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., slot_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ClaimedEvent(_message.Message):
    __slots__ = ("reservation",)
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ...) -> None: ...

class OutcomeAppliedEvent(_message.Message):
    __slots__ = ("order_id", "reservation_id", "status", "expires_at", "lines")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    reservation_id: str
    status: _reservation_pb2.ReservationStatus
    expires_at: _timestamp_pb2.Timestamp
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    def __init__(self, order_id: _Optional[str] = ..., reservation_id: _Optional[str] = ..., status: _Optional[_Union[_reservation_pb2.ReservationStatus, str]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ...) -> None: ...

class AcknowledgedEvent(_message.Message):
    __slots__ = ("reservation_ids",)
    RESERVATION_IDS_FIELD_NUMBER: _ClassVar[int]
    reservation_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, reservation_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class QueuedEvent(_message.Message):
    __slots__ = ("reservation",)
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ...) -> None: ...

class ServedEvent(_message.Message):
    __slots__ = ("reservation_id", "lines", "expires_at", "status", "awaits_transfer_id", "arrives_at")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    AWAITS_TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    ARRIVES_AT_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    expires_at: _timestamp_pb2.Timestamp
    status: _reservation_pb2.ReservationStatus
    awaits_transfer_id: str
    arrives_at: _timestamp_pb2.Timestamp
    def __init__(self, reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., status: _Optional[_Union[_reservation_pb2.ReservationStatus, str]] = ..., awaits_transfer_id: _Optional[str] = ..., arrives_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PassedOverEvent(_message.Message):
    __slots__ = ("reservation_id", "lines", "expires_at")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PromisedEvent(_message.Message):
    __slots__ = ("reservation",)
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    reservation: _reservation_pb2.Reservation
    def __init__(self, reservation: _Optional[_Union[_reservation_pb2.Reservation, _Mapping]] = ...) -> None: ...

class GrantAwaitedEvent(_message.Message):
    __slots__ = ("reservation_id", "until", "sku", "is_late")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    IS_LATE_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    until: _timestamp_pb2.Timestamp
    sku: str
    is_late: bool
    def __init__(self, reservation_id: _Optional[str] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sku: _Optional[str] = ..., is_late: _Optional[bool] = ...) -> None: ...

class RequeuedEvent(_message.Message):
    __slots__ = ("reservation_id", "lines", "expires_at", "cause")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    expires_at: _timestamp_pb2.Timestamp
    cause: _shortfall_pb2.ShortfallCause
    def __init__(self, reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cause: _Optional[_Union[_shortfall_pb2.ShortfallCause, str]] = ...) -> None: ...

class MoveBegunEvent(_message.Message):
    __slots__ = ("task_id", "to_store_id")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    TO_STORE_ID_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    to_store_id: str
    def __init__(self, task_id: _Optional[str] = ..., to_store_id: _Optional[str] = ...) -> None: ...

class MoveRefusedEvent(_message.Message):
    __slots__ = ("task_id", "to_store_id")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    TO_STORE_ID_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    to_store_id: str
    def __init__(self, task_id: _Optional[str] = ..., to_store_id: _Optional[str] = ...) -> None: ...

class ShortfallResolvedEvent(_message.Message):
    __slots__ = ("task_id", "resolution", "moved_to_reservation_id", "waiting_reservation_id")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    MOVED_TO_RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    WAITING_RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    resolution: _shortfall_pb2.ShortfallResolution
    moved_to_reservation_id: str
    waiting_reservation_id: str
    def __init__(self, task_id: _Optional[str] = ..., resolution: _Optional[_Union[_shortfall_pb2.ShortfallResolution, str]] = ..., moved_to_reservation_id: _Optional[str] = ..., waiting_reservation_id: _Optional[str] = ...) -> None: ...

class LeftEvent(_message.Message):
    __slots__ = ("reservation_id", "status", "reason")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    status: _reservation_pb2.ReservationStatus
    reason: _reservation_pb2.ReleaseReason
    def __init__(self, reservation_id: _Optional[str] = ..., status: _Optional[_Union[_reservation_pb2.ReservationStatus, str]] = ..., reason: _Optional[_Union[_reservation_pb2.ReleaseReason, str]] = ...) -> None: ...

class RefusedEvent(_message.Message):
    __slots__ = ("idempotency_key", "command", "rejection")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    command: str
    rejection: _error_pb2.Rejection
    def __init__(self, idempotency_key: _Optional[str] = ..., command: _Optional[str] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class ConfirmedEvent(_message.Message):
    __slots__ = ("reservation_id", "expires_at")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, reservation_id: _Optional[str] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ReadyMarkedEvent(_message.Message):
    __slots__ = ("reservation_id",)
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    def __init__(self, reservation_id: _Optional[str] = ...) -> None: ...

class CollectedEvent(_message.Message):
    __slots__ = ("reservation_id", "lines", "payment_reference", "hand_over")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    HAND_OVER_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    payment_reference: str
    hand_over: _reservation_pb2.HandOver
    def __init__(self, reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., payment_reference: _Optional[str] = ..., hand_over: _Optional[_Union[_reservation_pb2.HandOver, _Mapping]] = ...) -> None: ...

class ReturnedEvent(_message.Message):
    __slots__ = ("reservation_id", "lines", "unsellable", "refund_reference", "till")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    UNSELLABLE_FIELD_NUMBER: _ClassVar[int]
    REFUND_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    TILL_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    unsellable: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    refund_reference: str
    till: str
    def __init__(self, reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., unsellable: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., refund_reference: _Optional[str] = ..., till: _Optional[str] = ...) -> None: ...

class ReleasedEvent(_message.Message):
    __slots__ = ("reservation_id", "lines", "reason", "cause", "not_in_line")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    NOT_IN_LINE_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    reason: _reservation_pb2.ReleaseReason
    cause: _shortfall_pb2.ShortfallCause
    not_in_line: _error_pb2.Reason
    def __init__(self, reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., reason: _Optional[_Union[_reservation_pb2.ReleaseReason, str]] = ..., cause: _Optional[_Union[_shortfall_pb2.ShortfallCause, str]] = ..., not_in_line: _Optional[_Union[_error_pb2.Reason, str]] = ...) -> None: ...

class ExpiredEvent(_message.Message):
    __slots__ = ("reservation_id", "lines")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    def __init__(self, reservation_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ...) -> None: ...

class ExtendedEvent(_message.Message):
    __slots__ = ("reservation_id", "expires_at")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, reservation_id: _Optional[str] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class StockAdjustedEvent(_message.Message):
    __slots__ = ("source", "adjustments", "dropped_repeated", "settled_late")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ADJUSTMENTS_FIELD_NUMBER: _ClassVar[int]
    DROPPED_REPEATED_FIELD_NUMBER: _ClassVar[int]
    SETTLED_LATE_FIELD_NUMBER: _ClassVar[int]
    source: str
    adjustments: _containers.RepeatedCompositeFieldContainer[_stock_pb2.Adjustment]
    dropped_repeated: int
    settled_late: int
    def __init__(self, source: _Optional[str] = ..., adjustments: _Optional[_Iterable[_Union[_stock_pb2.Adjustment, _Mapping]]] = ..., dropped_repeated: _Optional[int] = ..., settled_late: _Optional[int] = ...) -> None: ...

class StockCountedEvent(_message.Message):
    __slots__ = ("as_of", "corrections", "allotted")
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    ALLOTTED_FIELD_NUMBER: _ClassVar[int]
    as_of: _timestamp_pb2.Timestamp
    corrections: _containers.RepeatedCompositeFieldContainer[_stock_pb2.Adjustment]
    allotted: _stock_pb2.AllottedCounted
    def __init__(self, as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., corrections: _Optional[_Iterable[_Union[_stock_pb2.Adjustment, _Mapping]]] = ..., allotted: _Optional[_Union[_stock_pb2.AllottedCounted, str]] = ...) -> None: ...

class SafetyStockSetEvent(_message.Message):
    __slots__ = ("safety_stocks",)
    SAFETY_STOCKS_FIELD_NUMBER: _ClassVar[int]
    safety_stocks: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    def __init__(self, safety_stocks: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ...) -> None: ...

class ShortfallDeclaredEvent(_message.Message):
    __slots__ = ("shortfall",)
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    shortfall: _stock_pb2.Shortfall
    def __init__(self, shortfall: _Optional[_Union[_stock_pb2.Shortfall, _Mapping]] = ...) -> None: ...

class PolicyAdoptedEvent(_message.Message):
    __slots__ = ("policy_version",)
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    policy_version: int
    def __init__(self, policy_version: _Optional[int] = ...) -> None: ...

class AllottedEvent(_message.Message):
    __slots__ = ("allotment",)
    ALLOTMENT_FIELD_NUMBER: _ClassVar[int]
    allotment: _allotment_pb2.Allotment
    def __init__(self, allotment: _Optional[_Union[_allotment_pb2.Allotment, _Mapping]] = ...) -> None: ...

class AllotmentExtendedEvent(_message.Message):
    __slots__ = ("allotment_id", "expires_at")
    ALLOTMENT_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    allotment_id: str
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, allotment_id: _Optional[str] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AllotmentReturnedEvent(_message.Message):
    __slots__ = ("allotment_id", "lines")
    ALLOTMENT_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    allotment_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    def __init__(self, allotment_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ...) -> None: ...

class AllotmentExpiredEvent(_message.Message):
    __slots__ = ("allotment_id", "lines")
    ALLOTMENT_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    allotment_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    def __init__(self, allotment_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ...) -> None: ...

class AllotmentShrunkEvent(_message.Message):
    __slots__ = ("allotment_id", "lines")
    ALLOTMENT_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    allotment_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    def __init__(self, allotment_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ...) -> None: ...

class DrawnLine(_message.Message):
    __slots__ = ("allotment_id", "sku", "quantity")
    ALLOTMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    allotment_id: str
    sku: str
    quantity: int
    def __init__(self, allotment_id: _Optional[str] = ..., sku: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class QuotaDrawnEvent(_message.Message):
    __slots__ = ("reservation_id", "drawn")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    DRAWN_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    drawn: _containers.RepeatedCompositeFieldContainer[DrawnLine]
    def __init__(self, reservation_id: _Optional[str] = ..., drawn: _Optional[_Iterable[_Union[DrawnLine, _Mapping]]] = ...) -> None: ...

class GivenEvent(_message.Message):
    __slots__ = ("reservation_id", "till", "until")
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    TILL_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    reservation_id: str
    till: str
    until: _timestamp_pb2.Timestamp
    def __init__(self, reservation_id: _Optional[str] = ..., till: _Optional[str] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

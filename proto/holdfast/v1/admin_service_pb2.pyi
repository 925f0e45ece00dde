import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from holdfast.v1 import store_pb2 as _store_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PutStoresRequest(_message.Message):
    __slots__ = ("stores",)
    STORES_FIELD_NUMBER: _ClassVar[int]
    stores: _containers.RepeatedCompositeFieldContainer[_store_pb2.Store]
    def __init__(self, stores: _Optional[_Iterable[_Union[_store_pb2.Store, _Mapping]]] = ...) -> None: ...

class PutStoresResponse(_message.Message):
    __slots__ = ("chain_version", "affected", "affected_slots", "pending", "pending_count")
    CHAIN_VERSION_FIELD_NUMBER: _ClassVar[int]
    AFFECTED_FIELD_NUMBER: _ClassVar[int]
    AFFECTED_SLOTS_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    PENDING_COUNT_FIELD_NUMBER: _ClassVar[int]
    chain_version: int
    affected: _containers.RepeatedCompositeFieldContainer[AffectedSlot]
    affected_slots: int
    pending: _containers.RepeatedScalarFieldContainer[str]
    pending_count: int
    def __init__(self, chain_version: _Optional[int] = ..., affected: _Optional[_Iterable[_Union[AffectedSlot, _Mapping]]] = ..., affected_slots: _Optional[int] = ..., pending: _Optional[_Iterable[str]] = ..., pending_count: _Optional[int] = ...) -> None: ...

class AffectedSlot(_message.Message):
    __slots__ = ("store_id", "slot_start", "taken", "capacity", "reservation_ids")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    SLOT_START_FIELD_NUMBER: _ClassVar[int]
    TAKEN_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_IDS_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    slot_start: _timestamp_pb2.Timestamp
    taken: int
    capacity: int
    reservation_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, store_id: _Optional[str] = ..., slot_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., taken: _Optional[int] = ..., capacity: _Optional[int] = ..., reservation_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ListStoresRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListStoresResponse(_message.Message):
    __slots__ = ("stores", "next_page_token", "chain_version")
    STORES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CHAIN_VERSION_FIELD_NUMBER: _ClassVar[int]
    stores: _containers.RepeatedCompositeFieldContainer[_store_pb2.Store]
    next_page_token: str
    chain_version: int
    def __init__(self, stores: _Optional[_Iterable[_Union[_store_pb2.Store, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., chain_version: _Optional[int] = ...) -> None: ...

class GetPolicyRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetPolicyResponse(_message.Message):
    __slots__ = ("policy",)
    POLICY_FIELD_NUMBER: _ClassVar[int]
    policy: _store_pb2.Policy
    def __init__(self, policy: _Optional[_Union[_store_pb2.Policy, _Mapping]] = ...) -> None: ...

class SetPolicyRequest(_message.Message):
    __slots__ = ("policy",)
    POLICY_FIELD_NUMBER: _ClassVar[int]
    policy: _store_pb2.Policy
    def __init__(self, policy: _Optional[_Union[_store_pb2.Policy, _Mapping]] = ...) -> None: ...

class SetPolicyResponse(_message.Message):
    __slots__ = ("policy", "pending", "pending_count", "uncounted_reservations")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    PENDING_COUNT_FIELD_NUMBER: _ClassVar[int]
    UNCOUNTED_RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    policy: _store_pb2.Policy
    pending: _containers.RepeatedScalarFieldContainer[str]
    pending_count: int
    uncounted_reservations: int
    def __init__(self, policy: _Optional[_Union[_store_pb2.Policy, _Mapping]] = ..., pending: _Optional[_Iterable[str]] = ..., pending_count: _Optional[int] = ..., uncounted_reservations: _Optional[int] = ...) -> None: ...

class GetLedgerStatusRequest(_message.Message):
    __slots__ = ("store_id",)
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    def __init__(self, store_id: _Optional[str] = ...) -> None: ...

class GetLedgerStatusResponse(_message.Message):
    __slots__ = ("store_id", "version", "epoch", "actor", "pid", "ledger_time", "open_reservations", "positions", "remembered_answers", "snapshot_version", "replayed_events", "recovery", "repeats_answered", "policy_version", "outbox", "sealed_version", "accepted_loss", "format", "moving_to")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    LEDGER_TIME_FIELD_NUMBER: _ClassVar[int]
    OPEN_RESERVATIONS_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    REMEMBERED_ANSWERS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_VERSION_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_EVENTS_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_FIELD_NUMBER: _ClassVar[int]
    REPEATS_ANSWERED_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    OUTBOX_FIELD_NUMBER: _ClassVar[int]
    SEALED_VERSION_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_LOSS_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    MOVING_TO_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    version: int
    epoch: int
    actor: str
    pid: int
    ledger_time: _timestamp_pb2.Timestamp
    open_reservations: int
    positions: int
    remembered_answers: int
    snapshot_version: int
    replayed_events: int
    recovery: _duration_pb2.Duration
    repeats_answered: int
    policy_version: int
    outbox: int
    sealed_version: int
    accepted_loss: str
    format: int
    moving_to: str
    def __init__(self, store_id: _Optional[str] = ..., version: _Optional[int] = ..., epoch: _Optional[int] = ..., actor: _Optional[str] = ..., pid: _Optional[int] = ..., ledger_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., open_reservations: _Optional[int] = ..., positions: _Optional[int] = ..., remembered_answers: _Optional[int] = ..., snapshot_version: _Optional[int] = ..., replayed_events: _Optional[int] = ..., recovery: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., repeats_answered: _Optional[int] = ..., policy_version: _Optional[int] = ..., outbox: _Optional[int] = ..., sealed_version: _Optional[int] = ..., accepted_loss: _Optional[str] = ..., format: _Optional[int] = ..., moving_to: _Optional[str] = ...) -> None: ...

class VerifyLedgerRequest(_message.Message):
    __slots__ = ("store_id",)
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    def __init__(self, store_id: _Optional[str] = ...) -> None: ...

class Discrepancy(_message.Message):
    __slots__ = ("invariant", "subject", "expected", "found")
    INVARIANT_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    invariant: str
    subject: str
    expected: str
    found: str
    def __init__(self, invariant: _Optional[str] = ..., subject: _Optional[str] = ..., expected: _Optional[str] = ..., found: _Optional[str] = ...) -> None: ...

class VerifyLedgerResponse(_message.Message):
    __slots__ = ("store_id", "version", "holds", "discrepancies", "events", "accepted", "units_sold", "units_reserved", "units_oversold", "state_hash", "trusted_version", "trusted_state_hash", "archived_version", "archived_sha256")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    DISCREPANCIES_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    UNITS_SOLD_FIELD_NUMBER: _ClassVar[int]
    UNITS_RESERVED_FIELD_NUMBER: _ClassVar[int]
    UNITS_OVERSOLD_FIELD_NUMBER: _ClassVar[int]
    STATE_HASH_FIELD_NUMBER: _ClassVar[int]
    TRUSTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    TRUSTED_STATE_HASH_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_VERSION_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_SHA256_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    version: int
    holds: bool
    discrepancies: _containers.RepeatedCompositeFieldContainer[Discrepancy]
    events: int
    accepted: int
    units_sold: int
    units_reserved: int
    units_oversold: int
    state_hash: str
    trusted_version: int
    trusted_state_hash: str
    archived_version: int
    archived_sha256: str
    def __init__(self, store_id: _Optional[str] = ..., version: _Optional[int] = ..., holds: _Optional[bool] = ..., discrepancies: _Optional[_Iterable[_Union[Discrepancy, _Mapping]]] = ..., events: _Optional[int] = ..., accepted: _Optional[int] = ..., units_sold: _Optional[int] = ..., units_reserved: _Optional[int] = ..., units_oversold: _Optional[int] = ..., state_hash: _Optional[str] = ..., trusted_version: _Optional[int] = ..., trusted_state_hash: _Optional[str] = ..., archived_version: _Optional[int] = ..., archived_sha256: _Optional[str] = ...) -> None: ...

class VerifyOrdersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class VerifyOrdersResponse(_message.Message):
    __slots__ = ("holds", "discrepancies", "parts", "orders", "on_the_way", "left_out", "barred", "not_compared")
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    DISCREPANCIES_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    ON_THE_WAY_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    BARRED_FIELD_NUMBER: _ClassVar[int]
    NOT_COMPARED_FIELD_NUMBER: _ClassVar[int]
    holds: bool
    discrepancies: _containers.RepeatedCompositeFieldContainer[Discrepancy]
    parts: int
    orders: int
    on_the_way: int
    left_out: _containers.RepeatedScalarFieldContainer[str]
    barred: _containers.RepeatedCompositeFieldContainer[BarredClaim]
    not_compared: _containers.RepeatedCompositeFieldContainer[NotCompared]
    def __init__(self, holds: _Optional[bool] = ..., discrepancies: _Optional[_Iterable[_Union[Discrepancy, _Mapping]]] = ..., parts: _Optional[int] = ..., orders: _Optional[int] = ..., on_the_way: _Optional[int] = ..., left_out: _Optional[_Iterable[str]] = ..., barred: _Optional[_Iterable[_Union[BarredClaim, _Mapping]]] = ..., not_compared: _Optional[_Iterable[_Union[NotCompared, _Mapping]]] = ...) -> None: ...

class NotCompared(_message.Message):
    __slots__ = ("ledger_id", "archived_version", "count")
    LEDGER_ID_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_VERSION_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ledger_id: str
    archived_version: int
    count: int
    def __init__(self, ledger_id: _Optional[str] = ..., archived_version: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class BarClaimRequest(_message.Message):
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

class BarClaimResponse(_message.Message):
    __slots__ = ("barred",)
    BARRED_FIELD_NUMBER: _ClassVar[int]
    barred: BarredClaim
    def __init__(self, barred: _Optional[_Union[BarredClaim, _Mapping]] = ...) -> None: ...

class BarGrantRequest(_message.Message):
    __slots__ = ("grant_id", "operator", "why")
    GRANT_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    grant_id: str
    operator: str
    why: str
    def __init__(self, grant_id: _Optional[str] = ..., operator: _Optional[str] = ..., why: _Optional[str] = ...) -> None: ...

class BarGrantResponse(_message.Message):
    __slots__ = ("barred",)
    BARRED_FIELD_NUMBER: _ClassVar[int]
    barred: BarredClaim
    def __init__(self, barred: _Optional[_Union[BarredClaim, _Mapping]] = ...) -> None: ...

class BarredClaim(_message.Message):
    __slots__ = ("order_id", "attempt", "operator", "why", "barred_at")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    BARRED_AT_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    attempt: int
    operator: str
    why: str
    barred_at: _timestamp_pb2.Timestamp
    def __init__(self, order_id: _Optional[str] = ..., attempt: _Optional[int] = ..., operator: _Optional[str] = ..., why: _Optional[str] = ..., barred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListReadersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListReadersResponse(_message.Message):
    __slots__ = ("readers", "left_out")
    READERS_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    readers: _containers.RepeatedCompositeFieldContainer[Reader]
    left_out: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, readers: _Optional[_Iterable[_Union[Reader, _Mapping]]] = ..., left_out: _Optional[_Iterable[str]] = ...) -> None: ...

class Reader(_message.Message):
    __slots__ = ("name", "all_stores", "behind", "furthest_ledger", "furthest_behind", "keeps", "number")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ALL_STORES_FIELD_NUMBER: _ClassVar[int]
    BEHIND_FIELD_NUMBER: _ClassVar[int]
    FURTHEST_LEDGER_FIELD_NUMBER: _ClassVar[int]
    FURTHEST_BEHIND_FIELD_NUMBER: _ClassVar[int]
    KEEPS_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    name: str
    all_stores: bool
    behind: int
    furthest_ledger: str
    furthest_behind: int
    keeps: _containers.RepeatedScalarFieldContainer[str]
    number: int
    def __init__(self, name: _Optional[str] = ..., all_stores: _Optional[bool] = ..., behind: _Optional[int] = ..., furthest_ledger: _Optional[str] = ..., furthest_behind: _Optional[int] = ..., keeps: _Optional[_Iterable[str]] = ..., number: _Optional[int] = ...) -> None: ...

class DropReaderRequest(_message.Message):
    __slots__ = ("reader", "number")
    READER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    reader: str
    number: int
    def __init__(self, reader: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class DropReaderResponse(_message.Message):
    __slots__ = ("reader",)
    READER_FIELD_NUMBER: _ClassVar[int]
    reader: str
    def __init__(self, reader: _Optional[str] = ...) -> None: ...

class HotSku(_message.Message):
    __slots__ = ("sku", "open", "announced", "starts_at", "closed_at")
    SKU_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCED_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    CLOSED_AT_FIELD_NUMBER: _ClassVar[int]
    sku: str
    open: bool
    announced: bool
    starts_at: _timestamp_pb2.Timestamp
    closed_at: _timestamp_pb2.Timestamp
    def __init__(self, sku: _Optional[str] = ..., open: _Optional[bool] = ..., announced: _Optional[bool] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., closed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PromoteSkuRequest(_message.Message):
    __slots__ = ("sku", "starts_at", "expected_revision")
    SKU_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_REVISION_FIELD_NUMBER: _ClassVar[int]
    sku: str
    starts_at: _timestamp_pb2.Timestamp
    expected_revision: int
    def __init__(self, sku: _Optional[str] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expected_revision: _Optional[int] = ...) -> None: ...

class PromoteSkuResponse(_message.Message):
    __slots__ = ("hot_sku", "revision")
    HOT_SKU_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    hot_sku: HotSku
    revision: int
    def __init__(self, hot_sku: _Optional[_Union[HotSku, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class DemoteSkuRequest(_message.Message):
    __slots__ = ("sku", "expected_revision")
    SKU_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_REVISION_FIELD_NUMBER: _ClassVar[int]
    sku: str
    expected_revision: int
    def __init__(self, sku: _Optional[str] = ..., expected_revision: _Optional[int] = ...) -> None: ...

class DemoteSkuResponse(_message.Message):
    __slots__ = ("hot_sku", "revision")
    HOT_SKU_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    hot_sku: HotSku
    revision: int
    def __init__(self, hot_sku: _Optional[_Union[HotSku, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class ListHotSkusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListHotSkusResponse(_message.Message):
    __slots__ = ("hot_skus", "revision")
    HOT_SKUS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    hot_skus: _containers.RepeatedCompositeFieldContainer[HotSku]
    revision: int
    def __init__(self, hot_skus: _Optional[_Iterable[_Union[HotSku, _Mapping]]] = ..., revision: _Optional[int] = ...) -> None: ...

class MoveStoreRequest(_message.Message):
    __slots__ = ("store_id", "actor")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    actor: str
    def __init__(self, store_id: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class MoveStoreResponse(_message.Message):
    __slots__ = ("store_id", "actor", "source", "move")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    MOVE_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    actor: str
    source: str
    move: int
    def __init__(self, store_id: _Optional[str] = ..., actor: _Optional[str] = ..., source: _Optional[str] = ..., move: _Optional[int] = ...) -> None: ...

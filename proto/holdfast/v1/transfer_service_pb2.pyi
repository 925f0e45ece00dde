import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from holdfast.v1 import admin_service_pb2 as _admin_service_pb2
from holdfast.v1 import error_pb2 as _error_pb2
from holdfast.v1 import reservation_pb2 as _reservation_pb2
from holdfast.v1 import transfer_pb2 as _transfer_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ProposeTransferRequest(_message.Message):
    __slots__ = ("idempotency_key", "source_store_id", "destination_store_id", "lines", "arrives_in")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_STORE_ID_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_STORE_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    ARRIVES_IN_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    source_store_id: str
    destination_store_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_reservation_pb2.LineQuantity]
    arrives_in: _duration_pb2.Duration
    def __init__(self, idempotency_key: _Optional[str] = ..., source_store_id: _Optional[str] = ..., destination_store_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_reservation_pb2.LineQuantity, _Mapping]]] = ..., arrives_in: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ProposeTransferResponse(_message.Message):
    __slots__ = ("transfer", "rejection")
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    transfer: _transfer_pb2.Transfer
    rejection: _error_pb2.Rejection
    def __init__(self, transfer: _Optional[_Union[_transfer_pb2.Transfer, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class SendTransferRequest(_message.Message):
    __slots__ = ("idempotency_key", "transfer_id", "arrives_in")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    ARRIVES_IN_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    transfer_id: str
    arrives_in: _duration_pb2.Duration
    def __init__(self, idempotency_key: _Optional[str] = ..., transfer_id: _Optional[str] = ..., arrives_in: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class SendTransferResponse(_message.Message):
    __slots__ = ("transfer", "rejection")
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    transfer: _transfer_pb2.Transfer
    rejection: _error_pb2.Rejection
    def __init__(self, transfer: _Optional[_Union[_transfer_pb2.Transfer, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class ReceiveTransferRequest(_message.Message):
    __slots__ = ("idempotency_key", "store_id", "transfer_id", "lines", "loss_bearer")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    LOSS_BEARER_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    store_id: str
    transfer_id: str
    lines: _containers.RepeatedCompositeFieldContainer[_transfer_pb2.ReceivedLine]
    loss_bearer: _transfer_pb2.LossBearer
    def __init__(self, idempotency_key: _Optional[str] = ..., store_id: _Optional[str] = ..., transfer_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[_transfer_pb2.ReceivedLine, _Mapping]]] = ..., loss_bearer: _Optional[_Union[_transfer_pb2.LossBearer, str]] = ...) -> None: ...

class ReceiveTransferResponse(_message.Message):
    __slots__ = ("transfer", "rejection")
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    transfer: _transfer_pb2.Transfer
    rejection: _error_pb2.Rejection
    def __init__(self, transfer: _Optional[_Union[_transfer_pb2.Transfer, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class CancelTransferRequest(_message.Message):
    __slots__ = ("idempotency_key", "transfer_id")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    transfer_id: str
    def __init__(self, idempotency_key: _Optional[str] = ..., transfer_id: _Optional[str] = ...) -> None: ...

class CancelTransferResponse(_message.Message):
    __slots__ = ("transfer", "rejection")
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    transfer: _transfer_pb2.Transfer
    rejection: _error_pb2.Rejection
    def __init__(self, transfer: _Optional[_Union[_transfer_pb2.Transfer, _Mapping]] = ..., rejection: _Optional[_Union[_error_pb2.Rejection, _Mapping]] = ...) -> None: ...

class GetTransferRequest(_message.Message):
    __slots__ = ("transfer_id",)
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    transfer_id: str
    def __init__(self, transfer_id: _Optional[str] = ...) -> None: ...

class GetTransferResponse(_message.Message):
    __slots__ = ("transfer",)
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    transfer: _transfer_pb2.Transfer
    def __init__(self, transfer: _Optional[_Union[_transfer_pb2.Transfer, _Mapping]] = ...) -> None: ...

class ListTransfersRequest(_message.Message):
    __slots__ = ("store_id", "statuses", "page_size", "page_token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    statuses: _containers.RepeatedScalarFieldContainer[_transfer_pb2.TransferStatus]
    page_size: int
    page_token: str
    def __init__(self, store_id: _Optional[str] = ..., statuses: _Optional[_Iterable[_Union[_transfer_pb2.TransferStatus, str]]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTransfersResponse(_message.Message):
    __slots__ = ("transfers", "next_page_token", "version")
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    transfers: _containers.RepeatedCompositeFieldContainer[_transfer_pb2.Transfer]
    next_page_token: str
    version: int
    def __init__(self, transfers: _Optional[_Iterable[_Union[_transfer_pb2.Transfer, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class VerifyTransfersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class VerifyTransfersResponse(_message.Message):
    __slots__ = ("holds", "discrepancies", "transfers", "units_in_transit", "units_missing", "units_short", "left_out")
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    DISCREPANCIES_FIELD_NUMBER: _ClassVar[int]
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    UNITS_IN_TRANSIT_FIELD_NUMBER: _ClassVar[int]
    UNITS_MISSING_FIELD_NUMBER: _ClassVar[int]
    UNITS_SHORT_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    holds: bool
    discrepancies: _containers.RepeatedCompositeFieldContainer[_admin_service_pb2.Discrepancy]
    transfers: int
    units_in_transit: int
    units_missing: int
    units_short: int
    left_out: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, holds: _Optional[bool] = ..., discrepancies: _Optional[_Iterable[_Union[_admin_service_pb2.Discrepancy, _Mapping]]] = ..., transfers: _Optional[int] = ..., units_in_transit: _Optional[int] = ..., units_missing: _Optional[int] = ..., units_short: _Optional[int] = ..., left_out: _Optional[_Iterable[str]] = ...) -> None: ...

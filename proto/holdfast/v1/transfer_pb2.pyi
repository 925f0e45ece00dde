import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TransferStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSFER_STATUS_UNSPECIFIED: _ClassVar[TransferStatus]
    TRANSFER_STATUS_PROPOSED: _ClassVar[TransferStatus]
    TRANSFER_STATUS_SENT: _ClassVar[TransferStatus]
    TRANSFER_STATUS_RECEIVED: _ClassVar[TransferStatus]
    TRANSFER_STATUS_CANCELLED: _ClassVar[TransferStatus]

class LossBearer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOSS_BEARER_UNSPECIFIED: _ClassVar[LossBearer]
    LOSS_BEARER_SOURCE: _ClassVar[LossBearer]
    LOSS_BEARER_CARRIER: _ClassVar[LossBearer]
    LOSS_BEARER_DESTINATION: _ClassVar[LossBearer]
TRANSFER_STATUS_UNSPECIFIED: TransferStatus
TRANSFER_STATUS_PROPOSED: TransferStatus
TRANSFER_STATUS_SENT: TransferStatus
TRANSFER_STATUS_RECEIVED: TransferStatus
TRANSFER_STATUS_CANCELLED: TransferStatus
LOSS_BEARER_UNSPECIFIED: LossBearer
LOSS_BEARER_SOURCE: LossBearer
LOSS_BEARER_CARRIER: LossBearer
LOSS_BEARER_DESTINATION: LossBearer

class ReceivedLine(_message.Message):
    __slots__ = ("sku", "quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class TransferLine(_message.Message):
    __slots__ = ("sku", "quantity", "received")
    SKU_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    sku: str
    quantity: int
    received: int
    def __init__(self, sku: _Optional[str] = ..., quantity: _Optional[int] = ..., received: _Optional[int] = ...) -> None: ...

class Transfer(_message.Message):
    __slots__ = ("transfer_id", "source_store_id", "destination_store_id", "status", "lines", "expected_at", "created_at", "sent_at", "received_at", "loss_bearer", "version", "destination_unreachable")
    TRANSFER_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_STORE_ID_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_STORE_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_AT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_FIELD_NUMBER: _ClassVar[int]
    LOSS_BEARER_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_UNREACHABLE_FIELD_NUMBER: _ClassVar[int]
    transfer_id: str
    source_store_id: str
    destination_store_id: str
    status: TransferStatus
    lines: _containers.RepeatedCompositeFieldContainer[TransferLine]
    expected_at: _timestamp_pb2.Timestamp
    created_at: _timestamp_pb2.Timestamp
    sent_at: _timestamp_pb2.Timestamp
    received_at: _timestamp_pb2.Timestamp
    loss_bearer: LossBearer
    version: int
    destination_unreachable: bool
    def __init__(self, transfer_id: _Optional[str] = ..., source_store_id: _Optional[str] = ..., destination_store_id: _Optional[str] = ..., status: _Optional[_Union[TransferStatus, str]] = ..., lines: _Optional[_Iterable[_Union[TransferLine, _Mapping]]] = ..., expected_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sent_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., received_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., loss_bearer: _Optional[_Union[LossBearer, str]] = ..., version: _Optional[int] = ..., destination_unreachable: _Optional[bool] = ...) -> None: ...

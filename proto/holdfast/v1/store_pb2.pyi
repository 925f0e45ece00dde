import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LosesFirst(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOSES_FIRST_UNSPECIFIED: _ClassVar[LosesFirst]
    LOSES_FIRST_LOWEST_STATUS: _ClassVar[LosesFirst]
    LOSES_FIRST_YOUNGEST: _ClassVar[LosesFirst]
LOSES_FIRST_UNSPECIFIED: LosesFirst
LOSES_FIRST_LOWEST_STATUS: LosesFirst
LOSES_FIRST_YOUNGEST: LosesFirst

class Store(_message.Message):
    __slots__ = ("store_id", "name", "latitude", "longitude", "paused", "channels", "hours")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LATITUDE_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    HOURS_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    name: str
    latitude: float
    longitude: float
    paused: bool
    channels: _containers.RepeatedScalarFieldContainer[str]
    hours: Hours
    def __init__(self, store_id: _Optional[str] = ..., name: _Optional[str] = ..., latitude: _Optional[float] = ..., longitude: _Optional[float] = ..., paused: _Optional[bool] = ..., channels: _Optional[_Iterable[str]] = ..., hours: _Optional[_Union[Hours, _Mapping]] = ...) -> None: ...

class OpenInterval(_message.Message):
    __slots__ = ("open_minute", "close_minute")
    OPEN_MINUTE_FIELD_NUMBER: _ClassVar[int]
    CLOSE_MINUTE_FIELD_NUMBER: _ClassVar[int]
    open_minute: int
    close_minute: int
    def __init__(self, open_minute: _Optional[int] = ..., close_minute: _Optional[int] = ...) -> None: ...

class OpenDay(_message.Message):
    __slots__ = ("intervals",)
    INTERVALS_FIELD_NUMBER: _ClassVar[int]
    intervals: _containers.RepeatedCompositeFieldContainer[OpenInterval]
    def __init__(self, intervals: _Optional[_Iterable[_Union[OpenInterval, _Mapping]]] = ...) -> None: ...

class Duty(_message.Message):
    __slots__ = ("from_minute", "to_minute", "staff")
    FROM_MINUTE_FIELD_NUMBER: _ClassVar[int]
    TO_MINUTE_FIELD_NUMBER: _ClassVar[int]
    STAFF_FIELD_NUMBER: _ClassVar[int]
    from_minute: int
    to_minute: int
    staff: int
    def __init__(self, from_minute: _Optional[int] = ..., to_minute: _Optional[int] = ..., staff: _Optional[int] = ...) -> None: ...

class DutyDay(_message.Message):
    __slots__ = ("duties",)
    DUTIES_FIELD_NUMBER: _ClassVar[int]
    duties: _containers.RepeatedCompositeFieldContainer[Duty]
    def __init__(self, duties: _Optional[_Iterable[_Union[Duty, _Mapping]]] = ...) -> None: ...

class SpecialDay(_message.Message):
    __slots__ = ("date", "intervals", "staff")
    DATE_FIELD_NUMBER: _ClassVar[int]
    INTERVALS_FIELD_NUMBER: _ClassVar[int]
    STAFF_FIELD_NUMBER: _ClassVar[int]
    date: str
    intervals: _containers.RepeatedCompositeFieldContainer[OpenInterval]
    staff: DutyDay
    def __init__(self, date: _Optional[str] = ..., intervals: _Optional[_Iterable[_Union[OpenInterval, _Mapping]]] = ..., staff: _Optional[_Union[DutyDay, _Mapping]] = ...) -> None: ...

class Hours(_message.Message):
    __slots__ = ("zone", "weekly", "special_days", "holidays", "slot_minutes", "staff", "pickups_per_staff_hour", "lead", "cutoff_minute", "holiday_dates")
    ZONE_FIELD_NUMBER: _ClassVar[int]
    WEEKLY_FIELD_NUMBER: _ClassVar[int]
    SPECIAL_DAYS_FIELD_NUMBER: _ClassVar[int]
    HOLIDAYS_FIELD_NUMBER: _ClassVar[int]
    SLOT_MINUTES_FIELD_NUMBER: _ClassVar[int]
    STAFF_FIELD_NUMBER: _ClassVar[int]
    PICKUPS_PER_STAFF_HOUR_FIELD_NUMBER: _ClassVar[int]
    LEAD_FIELD_NUMBER: _ClassVar[int]
    CUTOFF_MINUTE_FIELD_NUMBER: _ClassVar[int]
    HOLIDAY_DATES_FIELD_NUMBER: _ClassVar[int]
    zone: str
    weekly: _containers.RepeatedCompositeFieldContainer[OpenDay]
    special_days: _containers.RepeatedCompositeFieldContainer[SpecialDay]
    holidays: str
    slot_minutes: int
    staff: _containers.RepeatedCompositeFieldContainer[DutyDay]
    pickups_per_staff_hour: int
    lead: _duration_pb2.Duration
    cutoff_minute: int
    holiday_dates: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, zone: _Optional[str] = ..., weekly: _Optional[_Iterable[_Union[OpenDay, _Mapping]]] = ..., special_days: _Optional[_Iterable[_Union[SpecialDay, _Mapping]]] = ..., holidays: _Optional[str] = ..., slot_minutes: _Optional[int] = ..., staff: _Optional[_Iterable[_Union[DutyDay, _Mapping]]] = ..., pickups_per_staff_hour: _Optional[int] = ..., lead: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., cutoff_minute: _Optional[int] = ..., holiday_dates: _Optional[_Iterable[str]] = ...) -> None: ...

class TtlRule(_message.Message):
    __slots__ = ("channel", "sku", "store_id", "ttl")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    channel: str
    sku: str
    store_id: str
    ttl: _duration_pb2.Duration
    def __init__(self, channel: _Optional[str] = ..., sku: _Optional[str] = ..., store_id: _Optional[str] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class LineRule(_message.Message):
    __slots__ = ("store_id", "may_pass", "take_up")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    MAY_PASS_FIELD_NUMBER: _ClassVar[int]
    TAKE_UP_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    may_pass: bool
    take_up: _duration_pb2.Duration
    def __init__(self, store_id: _Optional[str] = ..., may_pass: _Optional[bool] = ..., take_up: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class PickRule(_message.Message):
    __slots__ = ("store_id", "picks", "put_back_first")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    PICKS_FIELD_NUMBER: _ClassVar[int]
    PUT_BACK_FIRST_FIELD_NUMBER: _ClassVar[int]
    store_id: str
    picks: bool
    put_back_first: bool
    def __init__(self, store_id: _Optional[str] = ..., picks: _Optional[bool] = ..., put_back_first: _Optional[bool] = ...) -> None: ...

class LimitRule(_message.Message):
    __slots__ = ("channel", "sku", "open_reservations_max", "units_max")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    OPEN_RESERVATIONS_MAX_FIELD_NUMBER: _ClassVar[int]
    UNITS_MAX_FIELD_NUMBER: _ClassVar[int]
    channel: str
    sku: str
    open_reservations_max: int
    units_max: int
    def __init__(self, channel: _Optional[str] = ..., sku: _Optional[str] = ..., open_reservations_max: _Optional[int] = ..., units_max: _Optional[int] = ...) -> None: ...

class ChainLimitRule(_message.Message):
    __slots__ = ("channel", "sku", "open_reservations_max", "units_max", "collected_for")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    OPEN_RESERVATIONS_MAX_FIELD_NUMBER: _ClassVar[int]
    UNITS_MAX_FIELD_NUMBER: _ClassVar[int]
    COLLECTED_FOR_FIELD_NUMBER: _ClassVar[int]
    channel: str
    sku: str
    open_reservations_max: int
    units_max: int
    collected_for: _duration_pb2.Duration
    def __init__(self, channel: _Optional[str] = ..., sku: _Optional[str] = ..., open_reservations_max: _Optional[int] = ..., units_max: _Optional[int] = ..., collected_for: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ("version", "ttl_default", "ttl_max", "ttl_rules", "collect_within", "limit_rules", "chain_limit_rules", "line_wait_max", "line_places_max", "line_may_pass", "loses_first", "losers_wait", "line_take_up", "line_rules", "picks", "pick_rules", "put_back_first", "returns_within", "promise_in_transit")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TTL_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    TTL_MAX_FIELD_NUMBER: _ClassVar[int]
    TTL_RULES_FIELD_NUMBER: _ClassVar[int]
    COLLECT_WITHIN_FIELD_NUMBER: _ClassVar[int]
    LIMIT_RULES_FIELD_NUMBER: _ClassVar[int]
    CHAIN_LIMIT_RULES_FIELD_NUMBER: _ClassVar[int]
    LINE_WAIT_MAX_FIELD_NUMBER: _ClassVar[int]
    LINE_PLACES_MAX_FIELD_NUMBER: _ClassVar[int]
    LINE_MAY_PASS_FIELD_NUMBER: _ClassVar[int]
    LOSES_FIRST_FIELD_NUMBER: _ClassVar[int]
    LOSERS_WAIT_FIELD_NUMBER: _ClassVar[int]
    LINE_TAKE_UP_FIELD_NUMBER: _ClassVar[int]
    LINE_RULES_FIELD_NUMBER: _ClassVar[int]
    PICKS_FIELD_NUMBER: _ClassVar[int]
    PICK_RULES_FIELD_NUMBER: _ClassVar[int]
    PUT_BACK_FIRST_FIELD_NUMBER: _ClassVar[int]
    RETURNS_WITHIN_FIELD_NUMBER: _ClassVar[int]
    PROMISE_IN_TRANSIT_FIELD_NUMBER: _ClassVar[int]
    version: int
    ttl_default: _duration_pb2.Duration
    ttl_max: _duration_pb2.Duration
    ttl_rules: _containers.RepeatedCompositeFieldContainer[TtlRule]
    collect_within: _duration_pb2.Duration
    limit_rules: _containers.RepeatedCompositeFieldContainer[LimitRule]
    chain_limit_rules: _containers.RepeatedCompositeFieldContainer[ChainLimitRule]
    line_wait_max: _duration_pb2.Duration
    line_places_max: int
    line_may_pass: bool
    loses_first: LosesFirst
    losers_wait: bool
    line_take_up: _duration_pb2.Duration
    line_rules: _containers.RepeatedCompositeFieldContainer[LineRule]
    picks: bool
    pick_rules: _containers.RepeatedCompositeFieldContainer[PickRule]
    put_back_first: bool
    returns_within: _duration_pb2.Duration
    promise_in_transit: bool
    def __init__(self, version: _Optional[int] = ..., ttl_default: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., ttl_max: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., ttl_rules: _Optional[_Iterable[_Union[TtlRule, _Mapping]]] = ..., collect_within: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., limit_rules: _Optional[_Iterable[_Union[LimitRule, _Mapping]]] = ..., chain_limit_rules: _Optional[_Iterable[_Union[ChainLimitRule, _Mapping]]] = ..., line_wait_max: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., line_places_max: _Optional[int] = ..., line_may_pass: _Optional[bool] = ..., loses_first: _Optional[_Union[LosesFirst, str]] = ..., losers_wait: _Optional[bool] = ..., line_take_up: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., line_rules: _Optional[_Iterable[_Union[LineRule, _Mapping]]] = ..., picks: _Optional[bool] = ..., pick_rules: _Optional[_Iterable[_Union[PickRule, _Mapping]]] = ..., put_back_first: _Optional[bool] = ..., returns_within: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., promise_in_transit: _Optional[bool] = ...) -> None: ...

"""The chain file: shops with their hours, and the policy, in YAML."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar

import yaml
from msgspec.structs import replace
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from actors.calendar.hours import DAY_MINUTES, Calendar, SpecialDay
from actors.calendar.zones import MINUTE_MS, is_known
from actors.core.chain import Store
from actors.core.durations import duration_ms
from actors.core.policy import (
    NOTHING,
    TTL_MS_CEILING,
    ChainLimitRule,
    LimitRule,
    LineRule,
    LosesFirst,
    PickRule,
    Policy,
    TtlRule,
)
from serve.config.hours_text import StaffWeek, Unreadable, Week, minute_of, special_days_of, staff_of, week_of
from serve.config.settings import SettingsError, faults_of
from serve.wire import rules
from serve.wire.stores import holidays_of, plain_faults, unknown_region

_LINE_PLACES_MAX: Final = 10_000
_RETURNS_WITHIN_MS_MAX: Final = 365 * 86_400_000
_ANY_YEAR: Final = 2000  # regions are known or not whatever the year

# What fields of the file are called in a calendar.
_CALENDAR_NAMES: Final = {"slot": "slot_minutes", "lead": "lead_minutes", "cutoff": "cutoff_minute"}
_FILE_NAMES: Final = {name: written for written, name in _CALENDAR_NAMES.items()}


def _whole_minutes(value: Any) -> int:
    minutes, rest = divmod(duration_ms(value), MINUTE_MS)
    if rest:
        raise ValueError(f"{value!r} is not whole minutes; write 30m or 2h")
    return minutes


def _store_id(value: str) -> str:
    if not rules.STORE_ID.fullmatch(value):
        raise ValueError("a shop's id is 1 to 64 of A-Z a-z 0-9 . _ -")
    return value


def _collected_for(value: int) -> int:
    if value > TTL_MS_CEILING:
        raise ValueError("collected_for must be at most 30d")
    return value


def _line_wait(value: int) -> int:
    if not 0 < value <= TTL_MS_CEILING:
        raise ValueError("line_wait_max must be 1ms to 30d")
    return value


def _take_up(value: int) -> int:
    if value <= 0:
        raise ValueError("the time to take units up must be more than zero; leave it out for that of any hold")
    return value


def _returns_within(value: int) -> int:
    if not 0 < value <= _RETURNS_WITHIN_MS_MAX:
        raise ValueError(
            "the time to bring goods back must be more than zero and at most 365d; leave it out for ttl_max"
        )
    return value


def _zone(value: Any) -> str:
    if not isinstance(value, str) or not is_known(value):
        raise ValueError(f"zone {value!r} is unknown; give an IANA name such as Europe/Berlin")
    return value


def _region(value: Any) -> str:
    if not isinstance(value, str):  # YAML reads NO as false
        raise Unreadable(f'{value!r} is not text; write the region in quotes, such as "NO"')
    if value and holidays_of(value, _ANY_YEAR) is None:
        raise ValueError(unknown_region(value))
    return value


Milliseconds = Annotated[int, BeforeValidator(duration_ms)]
Minutes = Annotated[int, BeforeValidator(_whole_minutes)]
R = TypeVar("R", TtlRule, LimitRule, ChainLimitRule)

Channel = Annotated[str, Field(max_length=rules.CHANNEL_CHARS_MAX)]
Sku = Annotated[str, Field(max_length=rules.SKU_CHARS_MAX)]
Limit = Annotated[int, Field(ge=0, le=rules.QUANTITY_MAX)]


class _Row(BaseModel):
    """What the file does not know is a fault."""

    model_config = ConfigDict(extra="forbid")


class HoursRow(_Row):
    """A shop's hours; what is left out is the chain's, or the calendar's own default. See `hours_text`."""

    zone: Annotated[str | None, BeforeValidator(_zone)] = None
    weekly: Annotated[Week | None, BeforeValidator(week_of)] = None
    special_days: Annotated[tuple[SpecialDay, ...], BeforeValidator(special_days_of)] = ()
    holidays: Annotated[str, BeforeValidator(_region)] = ""
    slot: Minutes = 0
    staff: Annotated[StaffWeek | None, BeforeValidator(staff_of)] = None
    pickups_per_staff_hour: int = 0
    lead: Minutes = 0
    cutoff: Annotated[int, BeforeValidator(minute_of)] = DAY_MINUTES

    def to_calendar(self, year: int | None) -> Calendar:
        """The calendar; holidays are looked up from `year` on, none where it is None."""
        holidays = holidays_of(self.holidays, year) if year is not None and self.holidays else None
        given = {_CALENDAR_NAMES.get(name, name): value for name, value in self if value is not None}
        return Calendar(**{**given, "holidays": holidays or frozenset()})


class StoreRow(_Row):
    """A shop in the chain file."""

    store_id: Annotated[str, AfterValidator(_store_id)]
    name: str = Field(default="", max_length=rules.NAME_CHARS_MAX)
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    paused: bool | None = None
    channels: list[Annotated[str, Field(min_length=1, max_length=rules.CHANNEL_CHARS_MAX)]] = []
    hours: HoursRow | None = None

    def to_store(self, hours: HoursRow | None, year: int, is_paused: bool) -> Store:
        """The shop as the chain keeps it, with hours as `ChainFile.hours_of` gives them, and `is_paused` as it is."""
        channels = tuple(sorted(set(self.channels)))
        paused = is_paused if self.paused is None else self.paused
        store = Store(self.store_id, self.name, self.latitude, self.longitude, paused, channels)
        if hours is None:
            return store
        return replace(store, calendar=hours.to_calendar(year), holiday_region=hours.holidays or "")

    @model_validator(mode="after")
    def _has_both_degrees_or_none(self) -> "StoreRow":
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("write latitude and longitude, or neither for a shop without a place")
        return self


class _RuleRow(_Row):
    """A rule of the policy, for the channel and SKU that fit; empty fits any."""

    channel: Channel = ""
    sku: Sku = ""

    def to_rule(self, kind: type[R]) -> R:
        """The rule as the policy keeps it, where times are called so."""
        return kind(**{f"{name}_ms" if name in ("ttl", "collected_for") else name: value for name, value in self})


class TtlRow(_RuleRow):
    """A hold's time where channel, SKU and shop fit."""

    store_id: str = Field(default="", max_length=rules.STORE_ID_CHARS_MAX)
    ttl: Milliseconds


class LimitRow(_RuleRow):
    """What one customer may hold in a shop where channel and SKU fit; 0 sets no limit."""

    open_reservations_max: Limit = 0
    units_max: Limit = 0


class ChainLimitRow(LimitRow):
    """What one customer may hold over the whole chain. Units collected go on counting for `collected_for`."""

    collected_for: Annotated[Milliseconds, AfterValidator(_collected_for)] = 0


class LineRow(_Row):
    """What holds for lines in one shop, in place of the chain's."""

    store_id: Annotated[str, AfterValidator(_store_id)]
    may_pass: bool = False
    take_up: Annotated[Milliseconds, AfterValidator(_take_up)] | None = None

    def to_rule(self) -> LineRule:
        """The rule as the policy keeps it."""
        return LineRule(self.store_id, self.may_pass, self.take_up or 0)


class PickRow(_Row):
    """Whether one shop picks, in place of the chain's rule."""

    store_id: Annotated[str, AfterValidator(_store_id)]
    picks: bool
    put_back_first: bool = False

    def to_rule(self) -> PickRule:
        """The rule as the policy keeps it."""
        return PickRule(self.store_id, self.picks, self.put_back_first)


class PolicyRow(_Row):
    """The chain's rules."""

    ttl_default: Milliseconds = 7_200_000
    ttl_max: Milliseconds = 604_800_000
    collect_within: Milliseconds = 172_800_000
    ttl_rules: list[TtlRow] = []
    limit_rules: list[LimitRow] = []
    chain_limit_rules: list[ChainLimitRow] = []
    line_wait_max: Annotated[Milliseconds, AfterValidator(_line_wait)] = NOTHING.line_wait_ms_max
    line_places_max: Annotated[int, Field(ge=1, le=_LINE_PLACES_MAX)] = NOTHING.line_places_max
    line_may_pass: bool = False
    loses_first: Literal["lowest_status", "youngest"] = "lowest_status"
    losers_wait: bool = False
    promise_in_transit: bool = False
    line_take_up: Annotated[Milliseconds, AfterValidator(_take_up)] | None = None
    line_rules: list[LineRow] = []
    picks: bool = False
    put_back_first: bool = False
    pick_rules: list[PickRow] = []
    returns_within: Annotated[Milliseconds, AfterValidator(_returns_within)] | None = None

    def to_policy(self) -> Policy:
        """The rules as the chain keeps them."""
        return Policy(
            ttl_ms_default=self.ttl_default,
            ttl_ms_max=self.ttl_max,
            collect_within_ms=self.collect_within,
            ttl_rules=tuple(rule.to_rule(TtlRule) for rule in self.ttl_rules),
            limit_rules=tuple(rule.to_rule(LimitRule) for rule in self.limit_rules),
            chain_limit_rules=tuple(rule.to_rule(ChainLimitRule) for rule in self.chain_limit_rules),
            line_wait_ms_max=self.line_wait_max,
            line_places_max=self.line_places_max,
            line_may_pass=self.line_may_pass,
            loses_first=LosesFirst[self.loses_first.upper()],
            losers_wait=self.losers_wait,
            promise_in_transit=self.promise_in_transit,
            line_take_up_ms=self.line_take_up or 0,
            line_rules=tuple(rule.to_rule() for rule in self.line_rules),
            picks=self.picks,
            put_back_first=self.put_back_first,
            pick_rules=tuple(rule.to_rule() for rule in self.pick_rules),
            returns_within_ms=self.returns_within or 0,
        )

    @field_validator("line_rules", "pick_rules")
    @classmethod
    def _one_of_each_shop(cls, rows: list[Any]) -> list[Any]:
        repeated = sorted(store_id for store_id, count in Counter(row.store_id for row in rows).items() if count > 1)
        if repeated:
            raise ValueError(f"these shops have more than one rule: {', '.join(repeated)}; say all of it in one")
        return rows

    @model_validator(mode="after")
    def _within_max(self) -> Self:
        for name, take_up in (
            ("line_take_up", self.line_take_up),
            *((f"the take_up of {rule.store_id} in line_rules", rule.take_up) for rule in self.line_rules),
        ):
            if take_up is not None and take_up > self.ttl_max:
                raise ValueError(f"{name} is longer than ttl_max; shorten it or raise ttl_max")
        times = [self.ttl_default, self.collect_within, *(rule.ttl for rule in self.ttl_rules)]
        if not 0 < min(times) <= max(times) <= self.ttl_max:
            raise ValueError("every time must be more than zero and at most ttl_max")
        if self.ttl_max > TTL_MS_CEILING:
            raise ValueError("ttl_max must be at most 30d")
        return self


class ChainFile(_Row):
    """`stores` and `policy`; either may be left out, and is then left as it is. `hours` are those of every shop that is
    named; what a shop sets itself goes first.
    """

    hours: HoursRow | None = None
    stores: list[StoreRow] = []
    policy: PolicyRow | None = None

    @field_validator("stores")
    @classmethod
    def _each_once(cls, rows: list[StoreRow]) -> list[StoreRow]:
        repeated = sorted(store_id for store_id, count in Counter(row.store_id for row in rows).items() if count > 1)
        if repeated:
            raise ValueError(f"these shops stand more than once: {', '.join(repeated)}")
        return rows

    def hours_of(self, row: StoreRow) -> HoursRow | None:
        """A shop's hours: each part its own, or else the chain's. None where it is always open."""
        if self.hours is None or row.hours is None:
            return row.hours or self.hours
        own = {name: getattr(row.hours, name) for name in row.hours.model_fields_set}
        return self.hours.model_copy(update=own)

    def to_stores(self, year: int, paused: Collection[str] = ()) -> list[Store]:
        """The shops as the chain keeps them; holidays are looked up from `year` on. `paused` are those that are now."""
        return [row.to_store(self.hours_of(row), year, row.store_id in paused) for row in self.stores]

    def to_policy(self) -> Policy | None:
        """The rules, None where they are left as they are."""
        return None if self.policy is None else self.policy.to_policy()


def read_chain_file(path: Path) -> ChainFile:
    """Raises SettingsError with every fault and its place."""
    try:
        chain_file = ChainFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except OSError as error:
        raise SettingsError(f"the chain file {path} cannot be read: {error.strerror}; check the path") from error
    except ValidationError as error:
        raise SettingsError(f"the chain file {path} does not hold:\n{faults_of(error)}") from error
    except (yaml.YAMLError, ValueError) as error:  # bytes that are no text, and dates that are none
        raise SettingsError(f"the chain file {path} is not YAML: {error}") from error
    faults = [
        f"  stores.{index}.hours.{fault}"
        for index, row in enumerate(chain_file.stores)
        for fault in _faults_of_hours(chain_file.hours_of(row))
    ]
    if faults:
        raise SettingsError("\n".join([f"the chain file {path} does not hold:", *faults]))
    return chain_file


def _faults_of_hours(hours: HoursRow | None) -> list[str]:
    """What no part of them shows by itself."""
    if hours is None:
        return []
    if hours.zone is None:
        return ["zone: is required with hours, here or for the whole chain; give an IANA name such as Europe/Berlin"]
    found = plain_faults(hours.to_calendar(None))
    return [f"{_FILE_NAMES.get(name, name)}: {sentence}" for name, sentence in found]

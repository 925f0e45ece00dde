"""Shops, their hours and the policy between protobuf and the chain's values."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final, TypeVar

from actors.calendar.faults import Fault, faults
from actors.calendar.hours import ALL_DAY, ALWAYS_OPEN, DAY_MINUTES, Calendar, Duty, Interval, SpecialDay
from actors.calendar.zones import MINUTE_MS
from actors.core.chain import Store
from actors.core.policy import NOTHING, ChainLimitRule, LimitRule, LineRule, LosesFirst, PickRule, Policy, TtlRule
from holdfast.v1 import admin_service_pb2 as ad, store_pb2
from serve.config.hours_text import public_holidays
from serve.wire.fields import fill_value, instant_ms, value_of
from serve.wire.rules import Checked

HOLIDAY_YEARS: Final = 3  # looked up when a shop is put: that year and the next two
REGION_CHARS_MAX: Final = 16
REGIONS_REMEMBERED_MAX: Final = 64  # a look-up takes milliseconds, and a chain's shops are in a few

R = TypeVar("R", Interval, Duty)

WEEK_OPEN: Final = (ALL_DAY,) * 7
WEEK_OF_NOBODY: Final[tuple[tuple[Duty, ...], ...]] = ((),) * 7
_ANY_DAY: Final = date(1970, 1, 1)  # in the place of one that is told as a fault

# A calendar's fields have other names on the wire, where lists have no lists in them.
_WIRE_NAMES: Final = (
    (re.compile(r"^weekly(\[\d+\])"), r"weekly\1.intervals"),
    (re.compile(r"^staff(\[\d+\])"), r"staff\1.duties"),
    (re.compile(r"^(special_days\[\d+\])$"), r"\1.date"),
    (re.compile(r"^(special_days\[\d+\])\.opening"), r"\1.intervals"),
    (re.compile(r"^(special_days\[\d+\])\.staff"), r"\1.staff.duties"),
    (re.compile(r"^lead_minutes$"), "lead"),
)


def stores_of(request: ad.PutStoresRequest, year: int) -> list[Store]:
    """The shops of a request, their holidays looked up from `year` on. Raises InvalidRequest."""
    checked = Checked(request)
    stores = [_store(checked, f"stores[{index}]", row, year) for index, row in enumerate(request.stores)]
    checked.once("stores", request.stores, "store_id")
    checked.raise_if_faulty()
    return stores


def _store(checked: Checked, field: str, row: store_pb2.Store, year: int) -> Store:
    nowhere = {} if row.HasField("latitude") else {"latitude": None, "longitude": None}
    calendar = _calendar(checked, f"{field}.hours", row.hours, year) if row.HasField("hours") else ALWAYS_OPEN
    channels, region = tuple(sorted(set(row.channels))), row.hours.holidays
    return value_of(Store, row, channels=channels, calendar=calendar, holiday_region=region, **nowhere)


def fill_store(store: Store, reply: store_pb2.Store) -> None:
    """A shop."""
    reply.store_id = store.store_id
    reply.name = store.name
    if store.latitude is not None and store.longitude is not None:
        reply.latitude, reply.longitude = store.latitude, store.longitude
    reply.paused = store.paused
    reply.channels.extend(store.channels)
    if store.calendar != ALWAYS_OPEN:
        _fill_hours(store, reply.hours)


def year_of(at_ms: int) -> int:
    """The year of an instant in UTC."""
    return datetime.fromtimestamp(at_ms / 1_000, UTC).year


@lru_cache(maxsize=REGIONS_REMEMBERED_MAX)
def holidays_of(region: str, year: int) -> frozenset[date] | None:
    """The dates that a region's shops are closed on, for HOLIDAY_YEARS; None where the region is unknown."""
    return public_holidays(region, year, year + HOLIDAY_YEARS - 1)


def unknown_region(region: str) -> str:
    """What is wrong with a region, and what mends it."""
    return f"{region[:REGION_CHARS_MAX]!r} is not a known region; send an ISO 3166 code such as DE or DE-BE"


def plain_faults(calendar: Calendar) -> list[Fault]:
    """As `calendar.faults.faults`, the sentences without the field that they begin with."""
    return [(field, sentence.removeprefix(f"{field} ")) for field, sentence in faults(calendar)]


def _calendar(checked: Checked, field: str, hours: store_pb2.Hours, year: int) -> Calendar:
    """The calendar of a message; what only zones, holidays and the days among themselves show is noted."""
    holidays = holidays_of(hours.holidays[: REGION_CHARS_MAX + 1], year) if hours.holidays else frozenset()
    if holidays is None:
        checked.fault(f"{field}.holidays", unknown_region(hours.holidays))
    calendar = Calendar(
        zone="UTC" if f"{field}.zone" in checked else hours.zone,
        weekly=tuple(_rows_of(Interval, day.intervals) for day in hours.weekly) or WEEK_OPEN,
        special_days=_special_days(checked, field, hours.special_days),
        holidays=holidays or frozenset(),
        slot_minutes=hours.slot_minutes,
        staff=tuple(_rows_of(Duty, day.duties) for day in hours.staff) or WEEK_OF_NOBODY,
        pickups_per_staff_hour=hours.pickups_per_staff_hour,
        lead_minutes=instant_ms(hours.lead) // MINUTE_MS,
        cutoff_minute=hours.cutoff_minute or DAY_MINUTES,
    )
    for name, sentence in plain_faults(calendar):
        told = name
        for pattern, on_the_wire in _WIRE_NAMES:
            told = pattern.sub(on_the_wire, told)
        checked.fault(f"{field}.{told}", sentence)
    return calendar


def _special_days(checked: Checked, field: str, rows: Any) -> tuple[SpecialDay, ...]:
    found: list[SpecialDay] = []
    for index, row in enumerate(rows):
        day = iso_date(row.date)
        if day is None:
            checked.fault(f"{field}.special_days[{index}].date", "is not a date; send it as 2026-12-24")
        staff = _rows_of(Duty, row.staff.duties) if row.HasField("staff") else None
        found.append(SpecialDay(day=day or _ANY_DAY, opening=_rows_of(Interval, row.intervals), staff=staff))
    return tuple(found)


def iso_date(text: str) -> date | None:
    """The date of `2026-12-24`; None where the text is not one. `fromisoformat` alone takes weeks as well."""
    try:
        day = date.fromisoformat(text[:11])
    except ValueError:
        return None
    return day if day.isoformat() == text else None


def _rows_of(kind: type[R], rows: Iterable[Any]) -> tuple[R, ...]:
    return tuple(kind(*(getattr(row, name) for name in kind._fields)) for row in rows)


def _fill_hours(store: Store, hours: store_pb2.Hours) -> None:
    calendar = store.calendar
    hours.zone = calendar.zone
    if calendar.weekly != WEEK_OPEN:
        for opening in calendar.weekly:
            hours.weekly.add(intervals=_told(opening))
    for special in calendar.special_days:
        staff: Any = None if special.staff is None else {"duties": _told(special.staff)}
        hours.special_days.add(date=special.day.isoformat(), intervals=_told(special.opening), staff=staff)
    hours.holidays = store.holiday_region
    hours.slot_minutes = calendar.slot_minutes
    if calendar.staff != WEEK_OF_NOBODY:
        for duties in calendar.staff:
            hours.staff.add(duties=_told(duties))
    hours.pickups_per_staff_hour = calendar.pickups_per_staff_hour
    if calendar.lead_minutes:
        hours.lead.FromSeconds(calendar.lead_minutes * 60)
    if calendar.cutoff_minute < DAY_MINUTES:
        hours.cutoff_minute = calendar.cutoff_minute
    hours.holiday_dates.extend(day.isoformat() for day in sorted(calendar.holidays))


def _told(rows: Iterable[Interval | Duty]) -> Any:
    """As protobuf takes them for its messages."""
    return [row._asdict() for row in rows]


def policy_of(request: ad.SetPolicyRequest) -> Policy:
    """The policy of a request. Raises InvalidRequest."""
    checked = Checked(request)
    asked = request.policy
    ttl_ms_max = instant_ms(asked.ttl_max)
    for index, rule in enumerate(asked.ttl_rules):
        if "policy.ttl_max" not in checked and instant_ms(rule.ttl) > ttl_ms_max:
            checked.fault(f"policy.ttl_rules[{index}].ttl", "is longer than ttl_max; shorten it or raise ttl_max")
    _check_rules_of_shops(checked, asked)
    checked.raise_if_faulty()
    return Policy(
        version=asked.version,
        ttl_ms_default=instant_ms(asked.ttl_default),
        ttl_ms_max=ttl_ms_max,
        collect_within_ms=instant_ms(asked.collect_within),
        ttl_rules=tuple(value_of(TtlRule, rule) for rule in asked.ttl_rules),
        limit_rules=tuple(value_of(LimitRule, rule) for rule in asked.limit_rules),
        chain_limit_rules=tuple(value_of(ChainLimitRule, rule) for rule in asked.chain_limit_rules),
        line_wait_ms_max=instant_ms(asked.line_wait_max)
        if asked.HasField("line_wait_max")
        else NOTHING.line_wait_ms_max,
        line_places_max=asked.line_places_max or NOTHING.line_places_max,
        line_may_pass=asked.line_may_pass,
        loses_first=LosesFirst(asked.loses_first or NOTHING.loses_first),
        losers_wait=asked.losers_wait,
        promise_in_transit=asked.promise_in_transit,
        line_take_up_ms=instant_ms(asked.line_take_up),
        line_rules=tuple(value_of(LineRule, rule) for rule in asked.line_rules),
        picks=asked.picks,
        put_back_first=asked.put_back_first,
        pick_rules=tuple(value_of(PickRule, rule) for rule in asked.pick_rules),
        returns_within_ms=instant_ms(asked.returns_within),
    )


def _check_rules_of_shops(checked: Checked, asked: store_pb2.Policy) -> None:
    """The times of rules for lines, and that a shop has one of each kind."""
    if "policy.ttl_max" not in checked:
        ttl_ms_max = instant_ms(asked.ttl_max)
        takes_up = [("line_take_up", asked.line_take_up)]
        takes_up += [(f"line_rules[{index}].take_up", rule.take_up) for index, rule in enumerate(asked.line_rules)]
        for name, take_up in takes_up:
            if instant_ms(take_up) > ttl_ms_max:
                checked.fault(f"policy.{name}", "is longer than ttl_max; shorten it or raise ttl_max")
    named = {
        "line_rules": [rule.store_id for rule in asked.line_rules],
        "pick_rules": [rule.store_id for rule in asked.pick_rules],
    }
    for name, store_ids in named.items():
        seen: set[str] = set()
        for index, store_id in enumerate(() if f"policy.{name}" in checked else store_ids):
            if store_id in seen:
                checked.fault(f"policy.{name}[{index}].store_id", "has a rule already; say all of it in one")
            seen.add(store_id)


def fill_policy(policy: Policy, reply: store_pb2.Policy) -> None:
    """The policy as a message."""
    reply.version = policy.version
    reply.ttl_default.FromMilliseconds(policy.ttl_ms_default)
    reply.ttl_max.FromMilliseconds(policy.ttl_ms_max)
    reply.collect_within.FromMilliseconds(policy.collect_within_ms)
    reply.line_wait_max.FromMilliseconds(policy.line_wait_ms_max)
    reply.line_places_max, reply.line_may_pass = policy.line_places_max, policy.line_may_pass
    reply.loses_first = int(policy.loses_first)  # type: ignore[assignment]
    reply.losers_wait, reply.promise_in_transit = policy.losers_wait, policy.promise_in_transit
    if policy.line_take_up_ms:
        reply.line_take_up.FromMilliseconds(policy.line_take_up_ms)
    if policy.returns_within_ms:
        reply.returns_within.FromMilliseconds(policy.returns_within_ms)
    reply.picks, reply.put_back_first = policy.picks, policy.put_back_first
    rules: tuple[TtlRule | LimitRule | ChainLimitRule | LineRule | PickRule, ...]
    for rules, rows in (
        (policy.ttl_rules, reply.ttl_rules),
        (policy.line_rules, reply.line_rules),
        (policy.pick_rules, reply.pick_rules),
        (policy.limit_rules, reply.limit_rules),
        (policy.chain_limit_rules, reply.chain_limit_rules),
    ):
        for rule in rules:
            fill_value(rule, rows.add())

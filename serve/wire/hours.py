"""A shop's hours between protobuf and its calendar, and what is wrong with them by the names that the wire gives."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final

from actors.calendar.faults import SPECIAL_DAYS_MAX, Fault, faults
from actors.calendar.hours import ALL_DAY, DAY_MINUTES, Calendar, Interval, SpecialDay
from actors.calendar.slots import Duty
from actors.calendar.zones import MINUTE_MS
from actors.core.chain import Store
from holdfast.v1 import store_pb2
from serve.config.hours_text import public_holidays
from serve.wire.validation import Checked

HOLIDAY_YEARS: Final = 3  # looked up when a shop is put: that year and the next two
ZONE_CHARS_MAX: Final = 64
REGION_CHARS_MAX: Final = 16
REGIONS_REMEMBERED_MAX: Final = 64  # a look-up takes milliseconds, and a chain's shops are in a few

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
    """As `calendar_faults.faults`, the sentences without the field that they begin with."""
    return [(field, sentence.removeprefix(f"{field} ")) for field, sentence in faults(calendar)]


def check_hours(checked: Checked, field: str, hours: store_pb2.Hours, year: int) -> Calendar:
    """The calendar of a message, its holidays looked up from `year` on; what is wrong with it is noted."""
    own = Checked(f"{field}.")
    own.text("zone", hours.zone, ZONE_CHARS_MAX)
    zone = "UTC" if own.violations else hours.zone
    holidays = holidays_of(hours.holidays[: REGION_CHARS_MAX + 1], year) if hours.holidays else frozenset()
    if holidays is None:
        own.fault("holidays", unknown_region(hours.holidays))
    lead_ms = own.duration_ms("lead", hours.lead) if hours.HasField("lead") else 0
    if lead_ms % MINUTE_MS and not any(violation.field.endswith(".lead") for violation in own.violations):
        own.fault("lead", "is not whole minutes; send whole minutes, such as 7200 s")
        lead_ms = 0
    calendar = Calendar(
        zone=zone,
        weekly=tuple(_intervals(day.intervals) for day in hours.weekly) or WEEK_OPEN,
        special_days=_special_days(own, hours.special_days),
        holidays=holidays or frozenset(),
        slot_minutes=hours.slot_minutes,
        staff=tuple(_duties(day.duties) for day in hours.staff) or WEEK_OF_NOBODY,
        pickups_per_staff_hour=hours.pickups_per_staff_hour,
        lead_minutes=lead_ms // MINUTE_MS,
        cutoff_minute=hours.cutoff_minute or DAY_MINUTES,
    )
    told = {violation.field for violation in own.violations}
    for name, sentence in plain_faults(calendar):
        wire_name = _wire_name(name)
        if f"{field}.{wire_name}" not in told:  # its fault was told, and what stands in its place is ours
            own.fault(wire_name, sentence)
    checked.violations += [violation._replace(field=checked.prefix + violation.field) for violation in own.violations]
    return calendar


def _wire_name(field: str) -> str:
    for pattern, name in _WIRE_NAMES:
        field, count = pattern.subn(name, field)
        if count:
            break
    return field


def _special_days(checked: Checked, rows: Any) -> tuple[SpecialDay, ...]:
    found: list[SpecialDay] = []
    if len(rows) > SPECIAL_DAYS_MAX:
        checked.fault("special_days", f"has {len(rows)} entries; at most {SPECIAL_DAYS_MAX} are taken, drop past ones")
        return ()
    for index, row in enumerate(rows):
        day = iso_date(row.date)
        if day is None:
            checked.fault(f"special_days[{index}].date", "is not a date; send it as 2026-12-24")
        staff = _duties(row.staff.duties) if row.HasField("staff") else None
        found.append(SpecialDay(day or _ANY_DAY, _intervals(row.intervals), staff))
    return tuple(found)


def iso_date(text: str) -> date | None:
    """The date of `2026-12-24`; None where the text is not one. `fromisoformat` alone takes weeks as well."""
    try:
        day = date.fromisoformat(text[:11])
    except ValueError:
        return None
    return day if day.isoformat() == text else None


def _intervals(rows: Any) -> tuple[Interval, ...]:
    return tuple(Interval(row.open_minute, row.close_minute) for row in rows)


def _duties(rows: Any) -> tuple[Duty, ...]:
    return tuple(Duty(row.from_minute, row.to_minute, row.staff) for row in rows)


def fill_hours(store: Store, hours: store_pb2.Hours) -> None:
    """A shop's hours."""
    calendar = store.calendar
    hours.zone = calendar.zone
    if calendar.weekly != WEEK_OPEN:
        for opening in calendar.weekly:
            _fill_intervals(opening, hours.weekly.add())
    for special in calendar.special_days:
        row = hours.special_days.add(date=special.day.isoformat())
        _fill_intervals(special.opening, row)
        if special.staff is not None:
            row.staff.SetInParent()
            _fill_duties(special.staff, row.staff)
    hours.holidays = store.holiday_region
    hours.slot_minutes = calendar.slot_minutes
    if calendar.staff != WEEK_OF_NOBODY:
        for duties in calendar.staff:
            _fill_duties(duties, hours.staff.add())
    hours.pickups_per_staff_hour = calendar.pickups_per_staff_hour
    if calendar.lead_minutes:
        hours.lead.FromSeconds(calendar.lead_minutes * 60)
    if calendar.cutoff_minute < DAY_MINUTES:
        hours.cutoff_minute = calendar.cutoff_minute
    hours.holiday_dates.extend(day.isoformat() for day in sorted(calendar.holidays))


def _fill_intervals(opening: tuple[Interval, ...], reply: Any) -> None:
    for interval in opening:
        reply.intervals.add(open_minute=interval.open_minute, close_minute=interval.close_minute)


def _fill_duties(duties: tuple[Duty, ...], reply: Any) -> None:
    for duty in duties:
        reply.duties.add(from_minute=duty.from_minute, to_minute=duty.to_minute, staff=duty.staff)

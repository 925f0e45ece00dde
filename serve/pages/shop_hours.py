"""When a shop is open, as its customers read it: in its own zone, by day."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS_SHOWN: Final = 7
_ALL_DAY: Final = ({"close_minute": 1_440},)

Hours = Mapping[str, Any]  # `holdfast.v1.Hours` in its JSON form


class Day(NamedTuple):
    """A day, and from when to when the shop is open on it, as `09:00`; none where it is closed."""

    on: date
    spans: tuple[tuple[str, str], ...]


def zone_of(hours: Hours | None) -> tzinfo:
    """The shop's; UTC where it has said none, or one that is not known here."""
    try:
        return ZoneInfo(hours["zone"]) if hours else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def coming_days(hours: Hours | None, now_ms: int) -> list[Day]:
    """The next days from today on; none where the shop keeps no hours."""
    if not hours:
        return []
    today = datetime.fromtimestamp(now_ms / 1_000, zone_of(hours)).date()
    special = {each["date"]: each.get("intervals", ()) for each in hours.get("special_days", ())}
    closed = set(hours.get("holiday_dates", ()))
    weekly = hours.get("weekly", ())
    days = []
    for on in (today + timedelta(days=number) for number in range(DAYS_SHOWN)):
        usual = weekly[on.weekday()].get("intervals", ()) if weekly else _ALL_DAY
        spans = special.get(on.isoformat(), () if on.isoformat() in closed else usual)
        days.append(Day(on, tuple(map(_span, spans))))
    return days


def _span(interval: Mapping[str, int]) -> tuple[str, str]:
    return _clock(interval.get("open_minute", 0)), _clock(interval["close_minute"])


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"

"""Time zones: which instants a local day has, and when its wall clock shows a time.

The rules come from the pinned `tzdata`, never from the machine, whatever PYTHONTZPATH says: `ZoneInfo(name)` would look
in /usr/share/zoneinfo first, and two machines of different age would cut different pickup slots. Each zone is read
once. `evolve` uses nothing of this, so a replay never depends on it.

Wall times are minutes of a local day, 0 to 1440; instants are epoch milliseconds, UTC. A day is numbered from 1 January
1970. It begins at the instant from which the clock never again shows an earlier date, and ends where the next begins:
days neither overlap nor leave gaps, whatever the clocks do at midnight. A day that a zone skipped has no instant.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
ZONES_READ_MAX: Final = 128  # a chain has shops in a few; the least recently used is evicted

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_OFFSET_MS_MAX: Final = 16 * 3_600_000  # no zone has ever been further from UTC
# A change of offset undone within this time would be missed; none was ever undone within a month.
_LOOK_MS: Final = 4 * 3_600_000


class Stretch(NamedTuple):
    """From `start_ms` up to `end_ms` the wall clock shows UTC plus `offset_ms`."""

    start_ms: int
    end_ms: int
    offset_ms: int


class LocalDay(NamedTuple):
    """A day's instants: one stretch, two where the clocks change, none for a skipped day."""

    number: int
    start_ms: int
    end_ms: int
    stretches: tuple[Stretch, ...]

    def showing(self, from_minute: int, to_minute: int) -> Iterator[tuple[int, int]]:
        """When the clock shows a time between these minutes: as a rule once, twice in a fold, never in a gap."""
        for stretch in self.stretches:
            shift_ms = self.number * DAY_MS - stretch.offset_ms
            start_ms = max(stretch.start_ms, shift_ms + from_minute * MINUTE_MS)
            end_ms = min(stretch.end_ms, shift_ms + to_minute * MINUTE_MS)
            if start_ms < end_ms:
                yield start_ms, end_ms


def number_of(day: date) -> int:
    """Days since 1 January 1970."""
    return day.toordinal() - _EPOCH_ORDINAL


def is_known(zone: str) -> bool:
    """True where `zone` is an IANA name."""
    return zone in _names()


def local_day(zone: str, number: int) -> LocalDay:
    """The day of this number in a zone. Raises KeyError for an unknown zone."""
    midnight_ms = number * DAY_MS
    stretches = _stretches(_read(zone), midnight_ms - _OFFSET_MS_MAX, midnight_ms + DAY_MS + _OFFSET_MS_MAX)
    start_ms, end_ms = _reached(stretches, midnight_ms), _reached(stretches, midnight_ms + DAY_MS)
    own = (Stretch(max(start_ms, since), min(end_ms, until), offset) for since, until, offset in stretches)
    return LocalDay(number, start_ms, end_ms, tuple(stretch for stretch in own if stretch.start_ms < stretch.end_ms))


def wall_clock(zone: str, at_ms: int) -> datetime:
    """What a clock on the wall shows at an instant. Raises KeyError for an unknown zone."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(_read(zone))


def _reached(stretches: list[Stretch], wall_ms: int) -> int:
    """The instant from which the clock never again shows an earlier time than `wall_ms`."""
    return max(min(until, wall_ms - offset) for since, until, offset in stretches if since + offset < wall_ms)


def _stretches(zone: ZoneInfo, from_ms: int, to_ms: int) -> list[Stretch]:
    found: list[Stretch] = []
    since, offset = from_ms, _offset_ms(zone, from_ms)
    for look in range(from_ms + _LOOK_MS, to_ms + _LOOK_MS, _LOOK_MS):
        if _offset_ms(zone, look) != offset:
            change = _change_ms(zone, look - _LOOK_MS, look)
            found.append(Stretch(since, change, offset))
            since, offset = change, _offset_ms(zone, look)
    found.append(Stretch(since, to_ms + _LOOK_MS, offset))
    return found


def _change_ms(zone: ZoneInfo, before_ms: int, after_ms: int) -> int:
    """The first instant with the later offset; clocks change at whole seconds."""
    seconds, offset = range(before_ms // 1000, after_ms // 1000), _offset_ms(zone, before_ms)
    return 1000 * (seconds.start + bisect_left(seconds, True, key=lambda s: _offset_ms(zone, s * 1000) != offset))


def _offset_ms(zone: ZoneInfo, at_ms: int) -> int:
    offset = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone).utcoffset()
    assert offset is not None
    return (offset.days * 86_400 + offset.seconds) * 1000


@lru_cache(maxsize=ZONES_READ_MAX)
def _read(zone: str) -> ZoneInfo:
    if not is_known(zone):  # also keeps `zone` from naming a path outside the database
        raise KeyError(zone)
    with files("tzdata").joinpath("zoneinfo", *zone.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=zone)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())

"""Units of positions that were handed to holders, who sell them on their own authority: the values, and their tables.

An allotment that is over stays known for a while, so that what its holder reports late is named as such.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappush
from typing import Final

from msgspec.structs import replace

from actors.core.deadlines import SHIFT
from actors.core.message import Message, Value

LIVE_MAX: Final = 1_024  # of a shop
ENDS_MAX: Final = 4 * LIVE_MAX  # before those that are stale are dropped
OVER_KEPT_MAX: Final = 1_024  # of those that are over, the newest by number

Drawn = tuple[tuple[int, str, int], ...]  # allotment, SKU, units


class HolderKind(IntEnum):
    """Names and numbers are those of the wire."""

    TILL = 1
    CHANNEL = 2


class AllotmentStatus(IntEnum):
    """Names and numbers are those of the wire. UNKNOWN: it has ended, and nobody knows what its till has sold."""

    OPEN = 1
    UNKNOWN = 2
    RETURNED = 3
    EXPIRED = 4
    COUNTED = 5


class AllottedLine(Value, frozen=True):
    """Units of one SKU: those given, of them those used, by sales or by holds of the channel, and those left. What came
    back or was counted is neither. `counted_at_ms` is the last count that took them in, 0 for none.
    """

    sku: str
    given: int
    used: int
    left: int
    counted_at_ms: int = 0


class Allotment(Message, frozen=True):
    """Units in the hands of a till or a channel. `quota_first`: a hold of the channel takes these units before those
    that everybody may take. `ended_at_ms` 0: it is open.
    """

    number: int
    status: AllotmentStatus
    kind: HolderKind
    holder: str
    lines: tuple[AllottedLine, ...]
    created_at_ms: int
    expires_at_ms: int
    reason: str
    quota_first: bool
    version: int
    ended_at_ms: int = 0

    @property
    def is_live(self) -> bool:
        """True while units may be left in it."""
        return self.status in (AllotmentStatus.OPEN, AllotmentStatus.UNKNOWN)

    def line_of(self, sku: str) -> AllottedLine | None:
        return next((line for line in self.lines if line.sku == sku), None)

    def left_lines(self) -> tuple[tuple[str, int], ...]:
        """Units left by SKU, without those of which none are."""
        return tuple((line.sku, line.left) for line in self.lines if line.left)

    def is_due(self, deadline_ms: int) -> bool:
        """True while it is open until then."""
        return self.status is AllotmentStatus.OPEN and self.expires_at_ms == deadline_ms

    def back_by_time(self) -> tuple[tuple[str, int], ...]:
        """What comes back at its end: of a till nothing, as it may be sold."""
        return self.left_lines() if self.kind is HolderKind.CHANNEL else ()

    def with_line(self, changed: AllottedLine) -> "Allotment":
        """The allotment with this line in place of the SKU's."""
        return replace(self, lines=tuple(changed if line.sku == changed.sku else line for line in self.lines))

    def was_counted(self, line: AllottedLine) -> bool:
        """True where a count has settled what the till may have sold of this SKU: of an instant when it could sell
        no more, whoever had ended the allotment before.
        """
        ended = self.status in (AllotmentStatus.UNKNOWN, AllotmentStatus.COUNTED)
        return ended and line.counted_at_ms >= self.expires_at_ms


class AllotmentsRow(Message, frozen=True, tag="allotments"):
    """The row of a snapshot, for a shop that has given units out. `drawn` has (reservation, allotment, SKU, units);
    `moved_at_ms` is when the units with tills changed last, by SKU.
    """

    allotments: tuple[Allotment, ...]
    drawn: tuple[tuple[int, int, str, int], ...]
    moved_at_ms: dict[str, int]


@dataclass(slots=True, eq=False)
class Allotments:
    """The allotments of a shop, and what reservations of a channel have drawn from its quotas."""

    rows: dict[int, Allotment] = field(default_factory=dict)
    drawn: dict[int, Drawn] = field(default_factory=dict)  # by reservation
    moved_at_ms: dict[str, int] = field(default_factory=dict)
    # Derived.
    by_sku: dict[str, dict[int, None]] = field(default_factory=dict)  # live ones, ascending
    over: dict[int, None] = field(default_factory=dict)
    quotas: int = 0  # live ones of channels
    ends: list[int] = field(default_factory=list)  # a heap as in `core.deadlines`, some are stale

    @property
    def live_count(self) -> int:
        """How many are not over."""
        return len(self.rows) - len(self.over)

    def put(self, changed: Allotment) -> None:
        """Enter an allotment, or what has become of one."""
        number, before = changed.number, self.rows.get(changed.number)
        self.rows[number] = changed
        if changed.status is AllotmentStatus.OPEN and (before is None or before.expires_at_ms != changed.expires_at_ms):
            heappush(self.ends, changed.expires_at_ms << SHIFT | number)
            if len(self.ends) > ENDS_MAX:
                still = (each for each in self.rows.values() if each.status is AllotmentStatus.OPEN)
                self.ends = sorted(each.expires_at_ms << SHIFT | each.number for each in still)
        if before is None and changed.is_live:
            for line in changed.lines:
                self.by_sku.setdefault(line.sku, {})[number] = None
            self.quotas += changed.kind is HolderKind.CHANNEL
        elif before is not None and before.is_live and not changed.is_live:
            for line in changed.lines:
                numbers = self.by_sku[line.sku]
                del numbers[number]
                if not numbers:
                    del self.by_sku[line.sku]
            self.quotas -= changed.kind is HolderKind.CHANNEL
        if not changed.is_live:
            self.over[number] = None
            if len(self.over) > OVER_KEPT_MAX:
                oldest = min(self.over)
                del self.over[oldest], self.rows[oldest]

    def live_of(self, sku: str, kind: HolderKind) -> Iterator[tuple[Allotment, AllottedLine]]:
        """Yield the live allotments of this kind that have the SKU, by number, with its line."""
        for number in tuple(self.by_sku.get(sku, ())):
            allotment = self.rows[number]
            line = allotment.line_of(sku)
            if allotment.kind is kind and line is not None:
                yield allotment, line

    def page(self, statuses: Collection[int], after_number: int, page_size: int) -> tuple[list[Allotment], int]:
        """A page of those with one of the statuses, or of all, by number, and the number to continue after, 0 at the
        end.
        """
        numbers = sorted(number for number in self.rows if number > after_number)
        wanted = [self.rows[each] for each in numbers if not statuses or self.rows[each].status in statuses]
        page = wanted[:page_size]
        return page, page[-1].number if len(wanted) > len(page) else 0

    def with_tills(self, sku: str) -> int:
        """Units that tills have, or may have sold."""
        return sum(line.left for _, line in self.live_of(sku, HolderKind.TILL))

    def unknown(self, sku: str) -> int:
        """Units of which nobody knows whether their till has sold them, until they are counted."""
        if sku not in self.by_sku:
            return 0
        tills = self.live_of(sku, HolderKind.TILL)
        return sum(line.left for each, line in tills if each.status is AllotmentStatus.UNKNOWN)

    def row(self) -> AllotmentsRow | None:
        """The row of a snapshot, None where there is nothing to keep."""
        if not self.rows and not self.drawn and not self.moved_at_ms:
            return None
        drawn = ((number, *each) for number, of in sorted(self.drawn.items()) for each in of)
        rows = tuple(self.rows[number] for number in sorted(self.rows))
        return AllotmentsRow(rows, tuple(drawn), dict(self.moved_at_ms))


def restored(row: AllotmentsRow) -> Allotments:
    """The tables that a row was made of."""
    tables = Allotments(moved_at_ms=row.moved_at_ms)
    for allotment in row.allotments:
        tables.put(allotment)
    for number, allotment_number, sku, units in row.drawn:
        tables.drawn[number] = (*tables.drawn.get(number, ()), (allotment_number, sku, units))
    return tables

"""Shortfalls, and the tasks that they make for staff: each reservation that loses units in one has to be told.

A task is named by the version of the event by which it lost them. It is open until somebody has moved the customer to
another shop, has let him wait first in line, or has told him that there is nothing more.
"""

from bisect import insort
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from msgspec.structs import replace

from actors.core.message import Message, Value
from actors.core.rejection import Reason
from actors.core.status import Status

OPEN_TASKS_MAX: Final = 1_024  # of a shop; beyond that the oldest are closed as NOT_HANDLED
OVER_KEPT_MAX: Final = 1_024  # of those that are over, the newest by number


class ShortfallCause(IntEnum):
    """What found units missing. Names and numbers are those of the wire."""

    COUNT = 1
    SALE = 2
    CORRECTION = 3


class Resolution(IntEnum):
    """What became of a task. Names and numbers are those of the wire."""

    MOVED = 1
    WAITING = 2
    RELEASED = 3
    NOT_HANDLED = 4


class Shortfall(Value, frozen=True):
    """Units of a SKU that were promised and are missing, and the reservations that lose them, as (number, units)."""

    sku: str
    quantity: int
    losses: tuple[tuple[int, int], ...]
    cause: ShortfallCause | None = None


class ShortfallTask(Message, frozen=True):
    """What one reservation lost in one decision; `lines` are (sku, units it held, units lost). `was` is its status
    then, `order` the order that it is a part of. `place` is the number of the reservation that waits first in line for
    the units, 0 for none; `no_place` why there is none though the rule would give one. `resolution` None: it is open.
    """

    number: int
    reservation: int
    customer_id: str
    channel: str
    lines: tuple[tuple[str, int, int], ...]
    was: Status
    cause: ShortfallCause
    created_at_ms: int
    version: int
    order: str = ""
    place: int = 0
    no_place: Reason | None = None
    resolution: Resolution | None = None
    resolved_at_ms: int = 0
    moved_to: str = ""

    def lost(self) -> tuple[tuple[str, int], ...]:
        """Units lost by SKU."""
        return tuple((sku, lost) for sku, _, lost in self.lines)


class ResolveShortfall(Message, frozen=True):
    """Close a task. For MOVED, `to_store` is the other shop, and `moved_to` the reservation that was made there."""

    key: str
    number: int
    resolution: Resolution
    to_store: str = ""
    moved_to: str = ""


@dataclass(slots=True, eq=False)
class Tasks:
    """The tasks of a shop by number."""

    rows: dict[int, ShortfallTask] = field(default_factory=dict)
    # Derived, both ascending: a task is opened with the newest number.
    open: dict[int, None] = field(default_factory=dict)
    over: list[int] = field(default_factory=list)

    def put(self, task: ShortfallTask) -> None:
        """Enter a task, or what has become of one. Where too many are open, the oldest is not handled any more."""
        number = task.number
        self.rows[number] = task
        if task.resolution is None:
            self.open[number] = None
            if len(self.open) > OPEN_TASKS_MAX:
                oldest = self.rows[next(iter(self.open))]
                at_ms, version = task.created_at_ms, task.version
                closed = replace(oldest, resolution=Resolution.NOT_HANDLED, resolved_at_ms=at_ms, version=version)
                self.put(closed)
            return
        self.open.pop(number, None)
        insort(self.over, number)
        if len(self.over) > OVER_KEPT_MAX:
            del self.rows[self.over.pop(0)]

    def page(self, after: int, page_size: int, *, only_open: bool) -> tuple[list[ShortfallTask], int]:
        """A page of tasks, open ones first, each by number, and what to go on after, 0 at the end: a number of an open
        one, or of one that is over, below zero.
        """
        numbers = [number for number in self.open if number > after] if after >= 0 else []
        places = [*numbers, *(() if only_open else (-number for number in self.over if number > max(0, -after)))]
        page = places[:page_size]
        return [self.rows[abs(number)] for number in page], page[-1] if len(places) > len(page) else 0

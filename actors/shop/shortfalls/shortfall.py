"""Shortfalls, and the tasks that they make for staff: each reservation that loses units in one has to be told.

A task is named by the version of the event by which it lost them. It is open until somebody has moved the customer to
another shop, has let him wait first in line, or has told him that there is nothing more; or until he is served in line.
"""

from bisect import insort
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import islice
from typing import ClassVar, Final

from msgspec.structs import replace

from actors.core.message import Message, Value
from actors.core.rejection import Reason
from actors.core.status import Status

OPEN_TASKS_MAX: Final = 1_024  # of a shop; beyond that the oldest are closed as NOT_HANDLED
OVER_KEPT_MAX: Final = 1_024  # of those that are over, the ones closed last
MOVING_MAX: Final = 256  # of those that gateways are at, as they move or let go
NEAR_MAX: Final = 3  # shops that are asked, one after the other
MOVING_PAGE_MAX: Final = 64
MOVE_LEFT_MS: Final = 2_000  # a move of this age has been left by the call that began it


class ShortfallCause(IntEnum):
    """What found units missing. Names and numbers are those of the wire."""

    COUNT = 1
    SALE = 2
    CORRECTION = 3
    TRANSFER = 4
    NOT_FOUND = 5


class Resolution(IntEnum):
    """What became of a task. Names and numbers are those of the wire."""

    MOVED = 1
    WAITING = 2
    RELEASED = 3
    NOT_HANDLED = 4
    SERVED = 5


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
    `near` are shops that are asked for the units one after the other, until one has them: the task is moving. Where
    somebody has closed it meanwhile, the first of them is there until that shop has let go of what it may have taken.
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
    near: tuple[str, ...] = ()

    @property
    def is_moving(self) -> bool:
        """Whether other shops are being asked for its units."""
        return self.resolution is None and bool(self.near)

    def lost(self) -> tuple[tuple[str, int], ...]:
        return tuple((sku, lost) for sku, _, lost in self.lines)


class ResolveShortfall(Message, frozen=True):
    """Close a task. For MOVED, `to_store` is the other shop, and `moved_to` the reservation that was made there. Where
    it is empty yet, the move is begun, under the key that `key_of_move` makes of the call's.
    """

    key: str
    number: int
    resolution: Resolution
    to_store: str = ""
    moved_to: str = ""


class NoteMoveRefused(Message, frozen=True):
    """The first of the shops that a moving task has still to ask has refused: it is the next one's turn."""

    key: ClassVar[str] = ""  # identified by its task
    number: int
    to_store: str


def key_of_move(key: str) -> str:
    """The key under which the task's shop keeps where a call with this one moves its task."""
    return f"\nresolve {key}"


def key_elsewhere(store_id: str, number: int) -> str:
    """The key under which a task of a shop that moves by itself asks the others: no caller has one with a tab."""
    return f"\telsewhere {store_id}:{number}"


@dataclass(slots=True, eq=False)
class Tasks:
    """The tasks of a shop by number."""

    rows: dict[int, ShortfallTask] = field(default_factory=dict)
    # Derived: the places of open ones, ascending, as a task is opened with the newest number; and those that are over,
    # each behind the version that closed it, by which the oldest is forgotten: an old task may be closed just now.
    open: dict[int, int] = field(default_factory=dict)
    waiting: dict[int, int] = field(default_factory=dict)  # open ones by their places
    moving: dict[int, None] = field(default_factory=dict)  # those that gateways are at
    over: list[tuple[int, int]] = field(default_factory=list)

    def put(self, task: ShortfallTask) -> None:
        """Enter a task, or what has become of one. Where too many are open, the oldest is not handled any more."""
        number, before = task.number, self.rows.get(task.number)
        if before is not None and before.resolution is not None:  # it has let go
            self.over.remove((before.version, number))
        self.rows[number] = task
        if task.near:
            self.moving[number] = None
        else:
            self.moving.pop(number, None)
        if task.resolution is None:
            self.open[number] = task.place
            if task.place:
                self.waiting[task.place] = number
            if len(self.open) > OPEN_TASKS_MAX:
                oldest = self.rows[next(each for each in self.open if each not in self.moving)]
                at_ms, version = task.created_at_ms, task.version
                closed = replace(oldest, resolution=Resolution.NOT_HANDLED, resolved_at_ms=at_ms, version=version)
                self.put(closed)
            return
        self.waiting.pop(self.open.pop(number, 0), None)
        insort(self.over, (task.version, number))
        if len(self.over) > OVER_KEPT_MAX:
            place = next(place for place, (_, over) in enumerate(self.over) if over not in self.moving)
            del self.rows[self.over.pop(place)[1]]

    def left(self, now_ms: int, after: int) -> tuple[list[ShortfallTask], int]:
        """A page of those that move or let go, and have been left on the way, the oldest first, and what to go on
        after, 0 at the end.
        """
        tasks = (self.rows[number] for number in self.moving if number > after)
        page = list(islice((task for task in tasks if task.created_at_ms + MOVE_LEFT_MS <= now_ms), MOVING_PAGE_MAX))
        return page, page[-1].number if len(page) == MOVING_PAGE_MAX else 0

    def served(self, place: int, at_ms: int, version: int) -> None:
        """A place got its units: there is nothing more to do about the loss, if it was one."""
        number = self.waiting.get(place)
        if number is not None:
            task, resolution = self.rows[number], Resolution.SERVED
            self.put(replace(task, resolution=resolution, resolved_at_ms=at_ms, version=version))

    def page(self, after: int, page_size: int, *, only_open: bool) -> tuple[list[ShortfallTask], int]:
        """A page of tasks, open ones first, each by number, and what to go on after, 0 at the end: a number of an open
        one, or of one that is over, below zero.
        """
        numbers = [number for number in self.open if number > after] if after >= 0 else []
        over = () if only_open else sorted(number for _, number in self.over if number > max(0, -after))
        places = [*numbers, *(-number for number in over)]
        page = places[:page_size]
        return [self.rows[abs(number)] for number in page], page[-1] if len(places) > len(page) else 0

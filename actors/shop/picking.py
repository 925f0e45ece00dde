"""Pick tasks of a shop: what has to be brought to the counter for whom, who is at it, and what has to go back.

A task follows its reservation, whose number it has: it is there from the step that confirms it, and moves with each
that changes it, by the same event. Where a reservation ends of which goods were picked, the task stays until these are
put back.
"""

from dataclasses import dataclass, field
from typing import Final

from actors.core.ascending import Ascending
from actors.core.message import Message
from actors.core.policy import Policy
from actors.core.status import PickStatus, ShortChoice

LEASE_MS_DEFAULT: Final = 600_000  # how long a claim lasts beyond the last step of who has it
LEASE_MS_MAX: Final = 3_600_000
_NUMBER_BITS: Final = 56
_TIME_BITS: Final = 44

Lines = tuple[tuple[str, int], ...]


class PickTask(Message, frozen=True):
    """What is to be picked for one reservation, by line in `lines`; what was, by SKU in `picked`; what was and has to
    be put back, by SKU in `back`. `promise_ms` is when it has to be ready. `picker_id` claims it until
    `lease_until_ms`, empty for nobody, and each of his steps has it last for another `lease_ms`. `bay` is where the
    goods lie, `waits_at` where its customer has said that he is, since `arrived_ms`, 0 where he has not.
    """

    number: int
    status: PickStatus
    promise_ms: int
    lines: Lines
    created_at_ms: int
    version: int
    picker_id: str = ""
    lease_until_ms: int = 0
    lease_ms: int = 0
    picked: Lines = ()
    back: Lines = ()
    bay: str = ""
    arrived_ms: int = 0
    waits_at: str = ""

    @property
    def place(self) -> int:
        """The place in the queue: who waits in the shop, by arrival, then by promise; then by age."""
        rank, at_ms = (0, self.arrived_ms) if self.arrived_ms else (1, self.promise_ms)
        return (rank << _TIME_BITS | at_ms) << _NUMBER_BITS | self.number

    def is_claimed(self, now_ms: int) -> bool:
        """Whether somebody has it at this instant."""
        return self.status is PickStatus.PICKING and now_ms < self.lease_until_ms


def ready_by(policy: Policy, slot_start_ms: int, now_ms: int) -> int:
    """When a task that begins now has to be ready, as the calendar has it; 0 where its slot says so, or nobody picks.
    For who decides: events carry it.
    """
    if slot_start_ms or not policy.picks:
        return 0
    return policy.calendar.earliest_ready_ms(now_ms) or now_ms


class ClaimPick(Message, frozen=True):
    """Take a task, `number` 0 for the first of the queue that nobody has; who has it lengthens his lease. `lease_ms` 0
    is LEASE_MS_DEFAULT.
    """

    key: str
    number: int
    picker_id: str
    lease_ms: int


class ReleasePick(Message, frozen=True):
    """Leave a task to others. What was picked stays picked."""

    key: str
    number: int
    picker_id: str


class ScanPick(Message, frozen=True):
    """Tick units of a line; a quantity below zero takes ticks back. Where a `code` was scanned, `article` is the SKU
    that it is by the gateway's table.
    """

    key: str
    number: int
    picker_id: str
    sku: str
    quantity: int
    code: str = ""
    article: str = ""


class FinishPick(Message, frozen=True):
    """All of a task is picked, and lies in the bay. Of one that is PICKED or READY: it lies in another bay now.
    `is_ready`: its reservation is ready for the customer, by the same step.
    """

    key: str
    number: int
    picker_id: str
    bay: str
    is_ready: bool


class PutBack(Message, frozen=True):
    """What a task has to put back is on the shelf again."""

    key: str
    number: int
    picker_id: str


class NoteArrival(Message, frozen=True):
    """The customer is in the shop, or before it."""

    key: str
    number: int
    waits_at: str


class ShortPick(Message, frozen=True):
    """Units of a line are not found. By the customer's choice the reservation goes on WITHOUT them, or with units of a
    `substitute`, which `is_listed` says the operator's table allows; or it is tried again LATER, `wait_ms` from now.
    `fetched` as in Reserve.
    """

    key: str
    number: int
    picker_id: str
    sku: str
    quantity: int
    choice: ShortChoice
    substitute: str = ""
    substitute_quantity: int = 0
    wait_ms: int = 0
    is_listed: bool = False
    fetched: bool = False

    @property
    def lines(self) -> Lines:
        """What it takes from stock."""
        return ((self.substitute, self.substitute_quantity),) if self.substitute else ()


PickStep = ClaimPick | ReleasePick | ScanPick | FinishPick | PutBack | NoteArrival
PickCommand = PickStep | ShortPick


@dataclass(slots=True, eq=False)
class Picks:
    """The tasks of a shop that are not over, by number."""

    rows: dict[int, PickTask] = field(default_factory=dict)
    queues: dict[PickStatus, Ascending] = field(default_factory=dict)  # derived: places, by status

    def put(self, task: PickTask) -> PickTask:
        """Enter a task, or what has become of one; returns it."""
        before = self.rows.get(task.number)
        if before is None or (before.status, before.place) != (task.status, task.place):
            if before is not None:
                self.queues[before.status].discard(before.place)
            self.queues.setdefault(task.status, Ascending())[task.place] = None
        self.rows[task.number] = task
        return task

    def drop(self, number: int) -> None:
        """Take out a task that is over."""
        task = self.rows.pop(number)
        self.queues[task.status].discard(task.place)

    def first_free(self, now_ms: int) -> PickTask | None:
        """The first task that somebody may claim, None without one. Looks at those that are in work, and no others."""
        free = next(iter(self.queues.get(PickStatus.TO_PICK, ())), None)
        for place in self.queues.get(PickStatus.PICKING, ()):
            if free is not None and free < place:
                break
            if not self._at(place).is_claimed(now_ms):
                free = place
                break
        return None if free is None else self._at(free)

    def ends(self) -> dict[int, tuple[bool, Lines, Lines]]:
        """Of each task whether its reservation goes on, and what is picked and is to be put back, by SKU, sorted."""
        return {
            number: (task.status is not PickStatus.TO_PUT_BACK, tuple(sorted(task.picked)), tuple(sorted(task.back)))
            for number, task in self.rows.items()
        }

    def page(self, statuses: tuple[PickStatus, ...], after: str, page_size: int) -> tuple[list[PickTask], str]:
        """A page of tasks of these statuses, one after the other, each in the sequence of its queue, and what to go on
        after, empty at the end.
        """
        at, _, passed = after.partition(":")
        page: list[PickTask] = []
        for status in statuses:
            if after and status < int(at):
                continue
            last = int(passed) if after and status == int(at) else 0
            queue = self.queues.get(status)
            for place in () if queue is None else queue.turn(last, page_size + 1 - len(page)):
                if place <= last:
                    break  # round to the first
                if len(page) == page_size:
                    return page, f"{page[-1].status.value}:{page[-1].place}"
                page.append(self._at(place))
        return page, ""

    def _at(self, place: int) -> PickTask:
        return self.rows[place & ((1 << _NUMBER_BITS) - 1)]

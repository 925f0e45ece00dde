"""Pick tasks of a shop: what has to be brought to the counter for whom, who is at it, and what has to go back.

A task follows its reservation, whose number it has: it is there from the step that confirms it, and moves with each
that changes it, by the same event. Where a reservation ends of which goods were picked, the task stays until these are
put back.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from actors.core.ascending import Ascending
from actors.core.message import Message
from actors.core.policy import DAY_MS, Policy
from actors.core.status import PickStatus, ShortChoice
from actors.shop.allotments.allotment import Drawn

LEASE_MS_DEFAULT: Final = 600_000  # how long a claim lasts beyond the last step of who has it
LEASE_MS_MAX: Final = 3_600_000
PUT_OFF_MAX: Final = 3  # times that a task is looked for again later
# Goods that nobody has said to be on the shelf again are taken for it once this is over, or there are more such tasks.
PUT_BACK_MS_MAX: Final = 7 * DAY_MS
PUT_BACK_MAX: Final = 1_024
PUT_BACK_AT_ONCE: Final = 100  # in a step
_NUMBER_BITS: Final = 56
_TIME_BITS: Final = 44
_LATE: Final = 2
_FIRST_LATE: Final = _LATE << _TIME_BITS << _NUMBER_BITS

Lines = tuple[tuple[str, int], ...]


class PickTask(Message, frozen=True):
    """What is to be picked for one reservation, by line in `lines`; what was, by SKU in `picked`; what was and has to
    be put back, by SKU in `back`. `promise_ms` is when it has to be ready. `picker_id` claims it until
    `lease_until_ms`, empty for nobody, and each of his steps has it last for another `lease_ms`. `bay` is where the
    goods lie, `waits_at` where its customer has said that he is, since `arrived_ms`, 0 where he has not, or will be:
    at `expected_at_ms`, 0 where he has not said that he is on his way.

    Of `back`, units that are `apart` are nobody's until they are put back, and of these some go to `quotas` then, by
    allotment and SKU. Until `not_before_ms` it waits behind all others; it was `put_off` so often. Its reservation is
    over, or waits in line, since `over_ms`, 0 while it goes on.
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
    apart: Lines = ()
    quotas: Drawn = ()
    not_before_ms: int = 0
    put_off: int = 0
    over_ms: int = 0
    expected_at_ms: int = 0

    @property
    def place(self) -> int:
        """The place in the queue: who waits in the shop, by arrival, then by promise, or by when the customer is there
        if that is sooner; then by age. Where goods are put back, by how long that is to be done.
        """
        due_ms = min(self.promise_ms, self.expected_at_ms or self.promise_ms)
        rank, at_ms = (0, self.arrived_ms) if self.arrived_ms else (1, self.over_ms or due_ms)
        return (rank << _TIME_BITS | at_ms) << _NUMBER_BITS | self.number

    @property
    def late_place(self) -> int:
        """The place until it is to be looked for again: behind all others."""
        return (_LATE << _TIME_BITS | self.not_before_ms) << _NUMBER_BITS | self.number

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


def as_now(task: PickTask, policy: Policy) -> PickTask:
    """A task as it was written, also before it said since when, and which of its units are apart."""
    if task.status is not PickStatus.TO_PUT_BACK or task.over_ms:
        return task
    return replace(task, over_ms=task.created_at_ms, apart=task.back if policy.put_back_first else ())


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
    """These units that a task has to put back are on the shelf again; no lines: all that it has to put back."""

    key: str
    number: int
    picker_id: str
    lines: Lines = ()


class NoteArrival(Message, frozen=True):
    """The customer is in the shop, or before it; or on his way, and there `arrives_in_ms` from now."""

    key: str
    number: int
    waits_at: str
    arrives_in_ms: int = 0


class ShortPick(Message, frozen=True):
    """Units of a line are not found. By the customer's choice the reservation goes on WITHOUT them, or with units of a
    `substitute`, which `is_listed` says the operator's table allows; or it is tried again LATER, `wait_ms` from now; or
    they are his ELSEWHERE: in the first of the shops `near` that has them, `to_store` alone where he has named it.
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
    to_store: str = ""
    near: tuple[str, ...] = ()

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
    back: Counter[str] = field(default_factory=Counter)  # derived: units to be put back, by SKU
    woken_ms: int = 0  # derived: those that wait until later than this stand behind all others

    def put(self, task: PickTask) -> PickTask:
        """Enter a task, or what has become of one; returns it."""
        before, place = self.rows.get(task.number), self._place_of(task)
        if before is None or (before.status, self._place_of(before)) != (task.status, place):
            if before is not None:
                self.queues[before.status].discard(self._place_of(before))
            self.queues.setdefault(task.status, Ascending())[place] = None
        self._add_back(before, -1)
        self._add_back(task, 1)
        self.rows[task.number] = task
        return task

    def drop(self, number: int) -> None:
        """Take out a task that is over."""
        task = self.rows.pop(number)
        self.queues[task.status].discard(self._place_of(task))
        self._add_back(task, -1)

    def wake(self, now_ms: int) -> None:
        """Have tasks that were put off until now stand in their places again."""
        queue = self.queues.get(PickStatus.TO_PICK)
        end = (_LATE << _TIME_BITS | now_ms + 1) << _NUMBER_BITS
        while queue:
            (late,) = queue.turn(_FIRST_LATE - 1, 1)
            if not _FIRST_LATE <= late < end:  # round to the first: none is put off
                break
            queue.discard(late)
            queue[self._at(late).place] = None
        self.woken_ms = max(self.woken_ms, now_ms)

    def first_free(self, now_ms: int, is_over: Callable[[int], bool] = lambda _: False) -> PickTask | None:
        """The first task that somebody may claim, None without one. Looks at those that are in work, and at those whose
        reservations are over and not expired yet, and no others.
        """
        self.wake(now_ms)
        to_pick = self.queues.get(PickStatus.TO_PICK, ())
        free = next((place for place in to_pick if place >= _FIRST_LATE or not is_over(self._at(place).number)), None)
        free = None if free is None or free >= _FIRST_LATE else free
        for place in self.queues.get(PickStatus.PICKING, ()):
            if free is not None and free < place:
                break
            task = self._at(place)
            if not task.is_claimed(now_ms) and not is_over(task.number):
                free = place
                break
        return None if free is None else self._at(free)

    def due_back(self, now_ms: int) -> Iterator[PickTask]:
        """Yield some of the tasks that are to be put back for too long, or of which there are too many. Those that are
        yielded are dropped meanwhile, or the same ones are due again.
        """
        queue = self.queues.get(PickStatus.TO_PUT_BACK)
        if not queue:
            return
        many = len(queue) - PUT_BACK_MAX
        for index, place in enumerate(queue.turn(0, PUT_BACK_AT_ONCE)):
            task = self._at(place)
            if index >= many and task.over_ms + PUT_BACK_MS_MAX > now_ms:
                break
            yield task

    def due_by(self, first_ms: int | None) -> int | None:
        """When something is due first: there is such a task, or what else is due then; None without any."""
        queue = self.queues.get(PickStatus.TO_PUT_BACK)
        if not queue:
            return first_ms
        back_ms = 0 if len(queue) > PUT_BACK_MAX else self._at(next(iter(queue))).over_ms + PUT_BACK_MS_MAX
        return back_ms if first_ms is None else min(first_ms, back_ms)

    def ends(self) -> dict[int, tuple[bool, Lines, Lines, Lines, Drawn]]:
        """Of each task whether its reservation goes on, what is picked, to be put back and apart, by SKU, and what goes
        to quotas then, all of it sorted.
        """
        return {
            number: (
                task.status is not PickStatus.TO_PUT_BACK,
                tuple(sorted(task.picked)),
                tuple(sorted(task.back)),
                tuple(sorted(task.apart)),
                tuple(sorted(task.quotas)),
            )
            for number, task in self.rows.items()
        }

    def page(
        self, statuses: tuple[PickStatus, ...], after: str, page_size: int, now_ms: int = 0
    ) -> tuple[list[PickTask], str]:
        """A page of tasks of these statuses, one after the other, each in the sequence of its queue as of now, and what
        to go on after, empty at the end.
        """
        self.wake(now_ms)
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
                    return page, f"{page[-1].status.value}:{self._place_of(page[-1])}"
                page.append(self._at(place))
        return page, ""

    def _place_of(self, task: PickTask) -> int:
        return task.late_place if task.not_before_ms > self.woken_ms else task.place

    def _add_back(self, task: PickTask | None, sign: int) -> None:
        for sku, units in () if task is None else task.back:
            self.back[sku] += sign * units
            if not self.back[sku]:
                del self.back[sku]

    def _at(self, place: int) -> PickTask:
        return self.rows[place & ((1 << _NUMBER_BITS) - 1)]

"""Machines with one fault each, to see that a checker catches it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from actors.core.answers import Answers
from actors.core.policy import HOUR_MS
from actors.core.status import PickStatus
from actors.core.transact import Decision
from actors.journal.port import Attempt, ClockMark, Head, JournalError, Record
from actors.runtime.group_commit import GroupCommit
from actors.runtime.hosted import Hosted
from actors.runtime.ledger_host import LedgerHost
from actors.shop import expiry, snapshot
from actors.shop.allotments import evolve as evolve_allotments, quotas
from actors.shop.allotments.allotment import Allotment
from actors.shop.commands import Reserve
from actors.shop.events import Event
from actors.shop.lines.decide import next_served
from actors.shop.lines.line import Line
from actors.shop.picking import decide as decide_picking, evolve as evolve_picking
from actors.shop.picking.pick_task import ClaimPick, PickTask
from actors.shop.state import Ledger, Reservation
from tests.journal.memory import MemoryJournal
from tests.simulation.world import Parts


class _LateCommit(GroupCommit):
    """Writes what the step before left behind, and lets this one speak already."""

    def wait(self, ticket: int) -> None:
        if ticket > self._durable + 1:
            super().wait(ticket)


class AnswersBeforeAppend(LedgerHost):
    """The answer leaves while its records wait for the next batch."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._commits = _LateCommit(self._commits._journal, self._commits._on_failure)


class _BlindCommit(GroupCommit):
    """A failed append is taken for one that went well."""

    def wait(self, ticket: int) -> None:
        try:
            super().wait(ticket)
        except JournalError:
            self._durable = ticket


class PassesOverFailures(LedgerHost):
    """The disk is full, and the caller is told that all is well."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._commits = _BlindCommit(self._commits._journal, self._commits._on_failure)


class SkipsTheKey(LedgerHost):
    """Every sentence is taken for a new one."""

    def step(self, batch: Sequence[tuple[str, Any]], began: dict[str, int] | None = None) -> list[Any]:
        salt = len(self._hosted["S1"].ledger.reservations) if "S1" in self._hosted else 0
        return super().step(
            [
                (ledger_id, replace(command, key=f"{command.key}/{salt}/{place}"))
                for place, (ledger_id, command) in enumerate(batch)
            ],
            began,
        )


class AnswersAsOfNow(LedgerHost):
    """A repeat of Reserve is told how the reservation stands, not what was answered."""

    def step(self, batch: Sequence[tuple[str, Any]], began: dict[str, int] | None = None) -> list[Any]:
        answers = super().step(batch, began)
        for place, ((ledger_id, command), answer) in enumerate(zip(batch, answers, strict=True)):
            if isinstance(command, Reserve) and isinstance(answer, Reservation):
                answers[place] = self._hosted[ledger_id].ledger.reservations.get(answer.number, answer)
        return answers


class ExpiresEarly(LedgerHost):
    """Holds go an hour before their time."""

    def _prepare(self, ledger_id: str, hosted: Hosted, now_ms: int) -> list[Any]:
        return super()._prepare(ledger_id, hosted, now_ms + HOUR_MS)


class NeverExpires(LedgerHost):
    """The sweep was forgotten."""

    def sweep(self) -> int:
        return 0


class EndsWithOneLedger(LedgerHost):
    """Where the rules of one ledger fail, the owner of all of them ends."""

    def _set_aside(self, *arguments: Any) -> Any:
        raise arguments[4]


class GoesOnHalfWay(LedgerHost):
    """Where the rules of a ledger fail, it goes on as it is in memory."""

    def _set_aside(self, ledger_id: str, hosted: Hosted, now_ms: int, events: Any, *_: Any) -> Any:
        return [hosted.decided(ledger_id, now_ms, events)] if events else []


class _IgnoresEpochs(MemoryJournal):
    """Whoever appends counts as the owner: no epoch is compared."""

    def append(self, records: Sequence[Record]) -> None:
        super().append([record._replace(epoch=self._disk.heads[record.ledger_id].epoch) for record in records])

    def check_owner(self, epochs: Mapping[str, int]) -> None:
        pass


class _DropsTheLast(MemoryJournal):
    """Whoever takes over finds one record less."""

    def take_over(self, ledger_id: str) -> Head:
        records = self._disk.records.get(ledger_id, [])
        if len(records) > 1:
            records.pop()
            head = self._disk.heads[ledger_id]
            self._disk.heads[ledger_id] = Head(head.epoch, records[-1].seq)
            self._disk.snapshots.pop(ledger_id, None)
            self._disk.checksums[ledger_id] = 0
        return super().take_over(ledger_id)


class _KeepsEpoch(MemoryJournal):
    """A take-over is not written down."""

    def take_over(self, ledger_id: str) -> Head:
        head = self._disk.heads.get(ledger_id)
        return super().take_over(ledger_id) if head is None else head


class _KeepsNoClock(MemoryJournal):
    """A successor begins with the machine's clock, which may have been set ahead since."""

    def kept_clock(self) -> ClockMark | None:
        return None


class _ForgetsAttempts(MemoryJournal):
    """Whoever takes over does not learn what has ended the owners before."""

    def attempts(self, ledger_id: str) -> list[Attempt]:
        return []


_SHIFT = evolve_allotments._shift
_MADE = Ledger.__post_init__


def _forgets_by_age(ledger: Ledger) -> None:
    """A key is forgotten although what it made lives: it was extended, or the policy shortened."""
    _MADE(ledger)
    ledger.answers = Answers()


def _serves_the_last(ledger: Ledger, now_ms: int) -> Iterator[Event]:
    """The youngest one in line goes first."""
    for sku, line in list(ledger.lines.items()):
        line.numbers.reverse()
        events = next_served(ledger, sku, now_ms)
        line.numbers.reverse()
        yield from events
    ledger.line_due.clear()


def _draws_twice(ledger: Ledger, number: int, sku: str, units: int, at_ms: int) -> None:
    """What is drawn from a quota is still left in it."""
    _SHIFT(ledger, number, sku, units, at_ms)
    tables = ledger.allotments
    line = tables.rows[number].line_of(sku)
    assert line is not None, "events name quotas that have the SKU"
    tables.put(tables.rows[number].with_line(replace(line, left=line.left + units)))


def _returns_what_was_drawn(allotment: Allotment) -> tuple[tuple[str, int], ...]:
    """At its end a quota gives back what its channel has taken, too."""
    return tuple((line.sku, line.left + line.used) for line in allotment.lines)


_ENTERED = Line.enter


def _puts_losers_last(line: Line, number: int, customer_id: str, channel: str, units: int, *, has_lost: bool) -> None:
    """Who has lost units stands where he came, and not before others."""
    del has_lost
    _ENTERED(line, number, customer_id, channel, units, has_lost=False)


def _gives_to_anybody(command: ClaimPick, task: PickTask, now_ms: int) -> Decision:
    """Whoever asks for a task gets it, whoever has it."""
    del now_ms
    is_open = task.status in (PickStatus.TO_PICK, PickStatus.PICKING)
    return decide_picking._claimed(command, task) if is_open else decide_picking._not_allowed(task)


def _takes_back_again(reservation: Reservation) -> tuple[tuple[str, int], ...]:
    """What has come back counts as sold, and may come back."""
    return tuple((sku, done[0]) for (sku, _), done in zip(reservation.lines, reservation.done or (), strict=False))


class _NoTask:
    """Of which there are none."""


MUTANTS: dict[str, tuple[Parts, set[str]]] = {
    "answers before the append": (Parts(host=AnswersBeforeAppend), {"I4", "I13"}),
    "passes over a failed append": (Parts(host=PassesOverFailures), {"I4", "I8"}),
    "skips the key": (Parts(host=SkipsTheKey), {"I4", "I5", "I6"}),
    "answers as of now": (Parts(host=AnswersAsOfNow), {"I4"}),
    "expires early": (Parts(host=ExpiresEarly), {"I11"}),
    "never expires": (Parts(host=NeverExpires), {"I12"}),
    "ends with one ledger": (Parts(host=EndsWithOneLedger), {"L10"}),
    "goes on half way": (Parts(host=GoesOnHalfWay), {"I1", "I8", "I13"}),
    "ignores epochs": (Parts(journal=_IgnoresEpochs), {"I9"}),
    "drops the last record": (Parts(journal=_DropsTheLast), {"I4"}),
    "keeps the epoch": (Parts(journal=_KeepsEpoch), {"I9"}),
    "keeps no clock": (Parts(journal=_KeepsNoClock), {"I11"}),
    "forgets attempts": (Parts(journal=_ForgetsAttempts), {"L10"}),
}

# Where the fault is in the core itself: what is exchanged, its name, and by what.
PATCHES: dict[str, tuple[tuple[Any, str, Any], set[str]]] = {
    "forgets the key of a hold that lives": ((Ledger, "__post_init__", _forgets_by_age), {"I4", "I5"}),
    "serves out of turn": ((expiry, "serve", _serves_the_last), {"I18"}),
    "loses the line in a snapshot": ((snapshot, "enter_line", lambda *_: None), {"I1", "I8"}),
    "counts a quota twice": ((evolve_allotments, "_shift", _draws_twice), {"I1", "I8", "I13"}),
    "returns what was drawn from a quota": ((Allotment, "back_by_time", _returns_what_was_drawn), {"I1", "I13"}),
    "puts losers last": ((Line, "enter", _puts_losers_last), {"I8", "I18"}),
    "loses tasks in a snapshot": ((snapshot, "ShortfallTask", _NoTask), {"I1", "I13"}),
    "loses pick tasks in a snapshot": ((snapshot, "PickTask", _NoTask), {"I1", "I8", "I13", "I21"}),
    "lets two pickers have a task": ((decide_picking, "_decide_claim", _gives_to_anybody), {"I21"}),
    "forgets what was picked": ((evolve_picking, "_added", lambda lines, _: lines), {"I1", "I8", "I21"}),
    "takes goods back twice": ((Reservation, "sold_lines", _takes_back_again), {"I1"}),
    "keeps no units for the head": ((Ledger, "kept", lambda *_: 0), {"I18"}),
    "keeps no quota for who waits": ((quotas, "is_kept", lambda *_: False), {"I18"}),
}

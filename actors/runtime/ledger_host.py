"""The host of ledgers: recovers them, then for each batch decides, appends and answers.

Its duties, in this sequence and no other:

1. Take the ledger over (a new epoch, durably), load the newest snapshot, replay the tail, check the invariants: where
   that takes long, beside all others.
2. Pass the ledger a time that never decreases, and expire what is due, before anything is decided. Of very much that is
   due a part: commands that the rest of it is in the way of are deferred, and sent again.
3. Decide and evolve the batch's commands in turn, under one lock, and then serve who waits for what came free.
4. Queue the events for the journal while that lock is held, so that the journal has the ledger's own sequence.
5. Answer only once they are durable. That includes repeats, refusals and reads: they may depend on an event that
   another batch has queued and that is not on disk yet. Where nothing is appended, which would be fenced, the journal
   is asked whether the epoch is still in force.
6. Where a ledger's own rules raise, have it read anew from the journal, and defer its commands until then. A command
   that raises again is refused by its key, and what is to be done before any stops the ledger. The others go on.
7. When the journal fails, end: memory is ahead of the disk, and only the disk counts.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from time import perf_counter_ns, sleep
from typing import Any, Final, TypeVar

from actors.core.due import About, Budget
from actors.core.policy import Policy
from actors.core.transact import Deferred
from actors.journal.port import Journal, JournalDamaged, JournalError
from actors.protocol.formats import CURRENT, Writing
from actors.protocol.messages import Elsewhere, LedgerAway, name_of
from actors.runtime.clock import Clock
from actors.runtime.group_commit import GroupCommit
from actors.runtime.hosted import Decided, Hosted
from actors.runtime.kinds import Core, restricted
from actors.runtime.read_anew import AT_ONCE_EVENTS_MAX
from actors.runtime.read_back import ReadBack
from actors.runtime.recovery import saves_a_replay, snapshot_chunks
from actors.runtime.refusals import Refusals
from actors.runtime.turns import Turns
from actors.runtime.upkeep import Upkeep

PAUSE_S: Final = 0.001  # between two looks at a ledger with much that is due, for decisions to go first

T = TypeVar("T")

log = logging.getLogger("holdfast.host")


class LedgerHost(Turns):
    """Ledgers of one kind that share a journal. Thread-safe; `policy_for` returns a ledger's current policy, `writing`
    is the service's format.
    """

    def __init__(
        self,
        core: Core,
        journal: Journal,
        clock: Clock,
        policy_for: Callable[[str], Policy | None],
        on_failure: Callable[[JournalError], None],
        writing: Writing = CURRENT,
    ) -> None:
        super().__init__()
        self._core = restricted(core, writing)
        self._writing = writing
        self._journal = journal
        self._clock = clock
        self._policy_for = policy_for
        # What the policies are of: while it is the same object, none of them is another. Here nobody knows.
        self.rules: Callable[[], object] = object
        self._commits = GroupCommit(journal, on_failure, writing.json, self.elsewhere)
        self._back = ReadBack(lambda: self._core, journal, self._commits)
        self.upkeep = Upkeep(journal, clock, self._commits, self._hosted)
        self._refusals = Refusals(journal, clock, self._commits)
        self._writes_snapshots = True
        self.is_late = False  # more is due than the last sweep expired

    def step(self, batch: Sequence[tuple[str, Any]], began: dict[str, int] | None = None) -> list[Any]:
        """Process a batch of (ledger, command), those of one ledger in sequence, with one durable write for all of it.
        Returns the answers of the ledgers' `transact`, or Stopped. The versions at which ledgers began are entered in
        `began`, where they are not there yet. Raises JournalError, and the owner has ended.
        """
        with self._deciding:
            try:
                staged = self._stage(batch, {} if began is None else began)
            except Exception as error:  # what was decided until then is in memory, but will not reach the disk
                raise (failure := self._commits.fail(error)) from failure.__cause__
            ticket = self._commits.enqueue(staged.records)
        self._commits.wait(ticket)
        if staged.unwritten:
            self._commits.check_owner(staged.unwritten)
        return staged.answers

    def step_whole(self, batch: Sequence[tuple[str, Any]]) -> None:
        """As `step`, for the host's own commands. Raises LedgerAway where it is not done, as a ledger is read anew."""
        if {Deferred, Elsewhere} & {*map(type, self.step(batch))}:
            raise LedgerAway("a ledger is read anew, or has moved")

    def step_alone(self, batch: Sequence[tuple[str, Any]], began: dict[str, int] | None = None) -> list[Any]:
        """As `step`, of commands that may end this process: each by itself, with an attempt noted before."""
        answers: list[Any] = []
        for ledger_id, command in batch:
            hosted = self.taken_over(ledger_id)
            if hosted is None and not (ledger_id in self._damaged or ledger_id in self._elsewhere):
                answers.append(Deferred())  # it is read beside others; an attempt is noted of one that is served
                continue
            with self._refusals.attempt(ledger_id, hosted.epoch if hosted else 0, name_of(command)):
                answers += self.step([(ledger_id, command)], began)
        return answers

    def read(self, ledger_id: str, question: Callable[[Hosted, int], T]) -> T:
        """Return `question`'s answer about a ledger at ledger time, read as in `reading`."""
        with self.reading(ledger_id) as (hosted, now_ms):
            return question(hosted, now_ms)

    def version_of(self, ledger_id: str) -> int:
        """The version, 0 where it has not begun. Raises as `reading`, also where a successor may have begun it."""
        if self.has_begun(ledger_id):
            return int(self.read(ledger_id, lambda hosted, _now_ms: hosted.ledger.version))
        if not self._hosted:
            self.recover_next()
        self.upkeep.check_owner()
        return 0

    @contextmanager
    def reading(self, ledger_id: str, about: About | None = None) -> Iterator[tuple[Hosted, int]]:
        """Give a ledger at ledger time, what is due expired, or what is due of what is asked `about`. Nothing is
        decided within the block, and leaving it waits until all that it has seen is durable. Raises JournalDamaged for
        a stopped ledger, LedgerAway for one that is read anew, Fenced for a replaced owner.
        """
        with self.reading_several() as reading, reading(ledger_id, about) as seen:
            yield seen

    @contextmanager
    def reading_several(self) -> Iterator[Callable[..., AbstractContextManager[tuple[Hosted, int]]]]:
        """Give what reads ledgers one after another, each as `reading` does, but for the waiting, which is done once
        for all of them, as is the proof that they have no other owner: each is a way to the journal.
        """
        epochs: dict[str, int] = {}
        ticket = 0

        @contextmanager
        def reading(ledger_id: str, about: About | None = None) -> Iterator[tuple[Hosted, int]]:
            nonlocal ticket
            while True:
                with self._deciding:
                    hosted = self._get(ledger_id)
                    now_ms = max(self._clock.now_ms(), hosted.ledger.time_ms)
                    records, is_whole = self._expire_due(ledger_id, hosted, now_ms, about)
                    ticket = self._commits.enqueue(records)
                    if is_whole:
                        epochs[ledger_id] = hosted.epoch
                        yield hosted, now_ms
                        return
                sleep(PAUSE_S)

        yield reading
        self._commits.wait(ticket)
        if epochs:
            self._commits.check_owner(epochs)

    def sweep(self) -> int:
        """Expire what is due, a bounded number per ledger. Returns how many expired. Raises JournalError."""
        swept = ticket = 0
        self.is_late = False
        clock_ms = self._clock.now_ms()
        for ledger_id in [each for each, served in list(self._hosted.items()) if not served.is_quiet(clock_ms)]:
            with self._deciding:
                if (hosted := self._hosted.get(ledger_id)) is None:
                    continue
                now_ms = max(self._clock.now_ms(), hosted.ledger.time_ms)
                with suppress(JournalDamaged, LedgerAway):  # the others go on
                    records, _ = self._expire_due(ledger_id, hosted, now_ms)
                    ticket = self._commits.enqueue(records)
                    swept += sum(count for _, _, _, count, _, _ in records)
                    self.is_late |= hosted.is_behind(now_ms)
        self._commits.wait(ticket)  # one durable write for all of them
        return swept

    def snapshot(self, ledger_id: str, pause: Callable[[], None]) -> None:
        """Write a snapshot, while decisions go on. `pause` is called between chunks. Raises JournalError. Where those
        that are stored are damaged, none is written until the next start, as the records alone do.
        """
        with self.captured(ledger_id) as (hosted, capture):
            try:
                chunks = snapshot_chunks(ledger_id, capture, pause, self._writing.json)
                self._journal.write_snapshot(ledger_id, hosted.epoch, capture.version, chunks)
            except JournalError as failure:
                if isinstance(failure, JournalDamaged) and not capture.broken:
                    log.critical("no more snapshots are written: %s", failure, extra={"ledger": ledger_id})
                    self._writes_snapshots = False
                    return
                raise self._commits.fail_unless_moved(failure) from failure
            hosted.snapshot_seq = capture.version

    @contextmanager
    def captured(self, ledger_id: str) -> Iterator[tuple[Hosted, Any]]:
        """Give a ledger's capture, durable and as of now; decisions go on beside it. Raises JournalError."""
        with self._deciding:
            hosted = self._get(ledger_id)
        with hosted.capturing:
            with self._deciding:
                hosted = self._get(ledger_id)  # it may have left, or rested, meanwhile
                capture = self._core.capture(hosted.ledger)
                capture.freeze()
                ticket = self._commits.enqueue(())
            try:
                self._commits.wait(ticket)
                yield hosted, capture
            finally:
                while True:
                    with self._deciding:
                        if capture.thaw():
                            break
                    sleep(PAUSE_S)

    def snapshot_if_moved(self, ledger_id: str) -> None:
        """Write a snapshot where the newest one is not current. Raises JournalError."""
        hosted = self._hosted.get(ledger_id)
        if hosted is not None and self._writes_snapshots and hosted.ledger.version > hosted.snapshot_seq:
            self.snapshot(ledger_id, pause=lambda: None)

    def snapshots_due(self, events_min: int) -> list[str]:
        """Ledgers that should write a snapshot now. Busy ones, once the tail exceeds both `events_min` and their rows,
        which bounds recovery at a fraction of deciding the events; quiet ones, once it saves a noticeable replay.
        """
        now_ms, served = self._clock.now_ms(), list(self._hosted.items()) if self._writes_snapshots else []
        return [each for each, of in served if saves_a_replay(of.ledger, of.snapshot_seq, now_ms, events_min)]

    def _get(self, ledger_id: str) -> Hosted:
        self._refuse_away(ledger_id)
        try:
            hosted = self._get_or_stop(ledger_id)
        except JournalError as failure:  # taking a ledger over is a write, too
            raise self._commits.fail(failure) from failure.__cause__
        if isinstance(hosted, JournalDamaged):
            raise hosted
        return hosted

    def _get_or_stop(self, ledger_id: str) -> Hosted | JournalDamaged:
        if hosted := self._hosted.get(ledger_id) or self._damaged.get(ledger_id):
            return hosted
        self.refuse_elsewhere(ledger_id)
        found: Hosted | JournalDamaged
        try:
            found = self._woken(ledger_id) if ledger_id in self._resting else self._take_over(ledger_id)
            self._hosted[ledger_id] = found
        except JournalDamaged as damage:
            log.critical("%s", damage, extra={"ledger": ledger_id})
            found = self._damaged[ledger_id] = damage
        self._waiting.pop(ledger_id, None)
        self._resting.pop(ledger_id, None)
        return found

    def _expire_due(
        self, ledger_id: str, hosted: Hosted, now_ms: int, about: About | None = None
    ) -> tuple[Sequence[Decided], bool]:
        """Expire some of what is due, and what is asked about; the record, if any, and whether nothing is due of it."""
        if not hosted.is_behind(now_ms):
            return (), True

        def act() -> tuple[list[Any], bool]:
            events = self._fall_due(hosted, now_ms)
            if about is None or not hosted.is_behind(now_ms):
                return events, not hosted.is_behind(now_ms)
            first, is_whole = self._core.expire_first(hosted.ledger, about, now_ms, Budget())
            hosted.look_again()
            return events + first, is_whole

        events, is_whole = self._twice(ledger_id, hosted, act)
        return ([hosted.decided(ledger_id, now_ms, events)] if events else ()), is_whole

    def _take_over(self, ledger_id: str) -> Hosted:
        began_ns = perf_counter_ns()
        head = self._take(ledger_id)
        if self.reads_beside and head.seq > AT_ONCE_EVENTS_MAX and ledger_id not in self._prepared:
            self._read_beside(ledger_id, Hosted(None, head.epoch, 0, 0, 0, queued_seq=head.seq))
            raise LedgerAway(f"ledger {ledger_id} is read beside others")
        ledger, restored_seq = self._rebuilt(ledger_id, head.seq)
        self._core.begin(ledger, head.epoch, None)
        self._begin_first(ledger_id, ledger)
        took_us = (perf_counter_ns() - began_ns) // 1_000
        return Hosted(ledger, head.epoch, restored_seq, head.seq - restored_seq, took_us)

    def _begin_first(self, ledger_id: str, ledger: Any) -> None:
        self._clock.raise_to(ledger.time_ms)
        self._refusals.learn(ledger_id, ledger)

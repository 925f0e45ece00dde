"""Ledgers that are read from the journal beside all others: of a process that has just taken one over, where that takes
long; and of one whose rules have raised, as what is in memory may be half of an event.

Threads of their own do that, without the host's lock, while all others go on. Until then a ledger's commands are
deferred, and who asks it is told that it is away. What somebody asks for comes first, and waits for one at most that
nobody has asked for.
"""

import logging
from abc import abstractmethod
from collections.abc import Callable, Sequence
from threading import Thread
from time import perf_counter_ns
from typing import Any, Final, TypeVar

from actors.journal.port import Journal, JournalDamaged, JournalError, LedgerBroken
from actors.protocol.messages import LedgerAway
from actors.runtime.group_commit import GroupCommit
from actors.runtime.hosted import Decided, Hosted
from actors.runtime.kinds import Core
from actors.runtime.recovery import recovered
from actors.runtime.resting import Resting

READERS_MAX: Final = 2  # at once: they and all decisions share one core
READ_EVENTS_MAX: Final = 1_000  # at a time: the journal's lock is held meanwhile, some 3 ms
AT_ONCE_EVENTS_MAX: Final = 2_000  # ever, of a ledger that is read within the call that asks for it: some 30 ms at most

T = TypeVar("T")

log = logging.getLogger("holdfast.host")


class ReadAnew(Resting):
    """The part of `LedgerHost` that reads them."""

    _core: Core
    _journal: Journal
    _commits: GroupCommit

    def __init__(self) -> None:
        super().__init__()
        self.reads_beside = False  # also what is taken over; else within the call that asks for it
        self._asked_for: dict[str, None] = {}  # of those that are away
        self._reading: set[str] = set()  # likewise, by a thread each
        self._readers = 0
        self._is_closing = False

    @abstractmethod
    def _begin_first(self, ledger_id: str, ledger: Any) -> None:
        """What else this process does with a ledger that it has read for the first time. With the lock held."""

    def stop_reading(self) -> None:
        """The journal is about to be closed: what is not read by then stays as it is."""
        self._is_closing = True

    def _set_aside(
        self, ledger_id: str, hosted: Hosted, now_ms: int, events: Sequence[Any], error: Exception, key: str = ""
    ) -> list[Decided]:
        """Serve a ledger no more until it is read anew, as its rules raised. Returns the `events` that
        its turn had made before, which stand. With the lock held.
        """
        fields = {"ledger": ledger_id, "key": key} if key else {"ledger": ledger_id}
        log.critical("ledger %s is read anew, as its rules failed", ledger_id, exc_info=error, extra=fields)
        hosted.queued_seq += len(events)
        self._read_beside(ledger_id, hosted)
        if not events:
            return []
        return [(ledger_id, hosted.epoch, hosted.queued_seq, len(events), now_ms, events)]

    def _twice(self, ledger_id: str, hosted: Hosted, act: Callable[[], T]) -> T:
        """What `act` returns, before anything else is decided in a turn. Where it raises, this raises LedgerAway, and
        it acts once more over the state that the journal has; then that is stopped, and this raises JournalDamaged.
        """
        hosted.queued_seq = hosted.ledger.version
        try:
            done = act()
        except Exception as error:
            if not hosted.has_failed:
                hosted.has_failed = True
                hosted.prepared_to = 0
                self._set_aside(ledger_id, hosted, 0, (), error)
                raise LedgerAway(f"ledger {ledger_id} is read anew") from error
            log.critical("ledger %s is stopped", ledger_id, exc_info=error, extra={"ledger": ledger_id})
            del self._hosted[ledger_id]
            broken = self._damaged[ledger_id] = LedgerBroken(ledger_id, f"seq {hosted.queued_seq}", repr(error))
            raise broken from error
        hosted.has_failed = False
        return done

    def _read_beside(self, ledger_id: str, hosted: Hosted) -> None:
        """Have a ledger be read up to its `queued_seq`, and then served. With the lock held."""
        self._anew[ledger_id] = hosted  # first: who looks without the lock finds it in one of them
        self._hosted.pop(ledger_id, None)
        self._waiting.pop(ledger_id, None)
        self._start_reader()

    def _refuse_away(self, ledger_id: str) -> None:
        """Raise LedgerAway for a ledger that is away, and have it read before those that nobody asks for. With the lock
        held.
        """
        if ledger_id in self._anew:
            self._asked_for[ledger_id] = None
            self._start_reader()
            raise LedgerAway(f"ledger {ledger_id} is read anew")

    def _start_reader(self) -> None:
        if self._readers <= len(self._reading) and self._next() is not None:  # all that there are have one to read
            self._readers += 1
            Thread(target=self._read_all, name="read-anew", daemon=True).start()

    def _next(self) -> str | None:
        """Which ledger one more thread reads now. One is kept for those that somebody asks for."""
        if len(self._reading) >= READERS_MAX:
            return None
        for ledger_id in self._asked_for:
            if ledger_id not in self._reading:
                return ledger_id
        return None if self._reading else next(iter(self._anew), None)

    def _read_all(self) -> None:
        while True:
            with self._deciding:
                if (ledger_id := self._next()) is None:
                    self._readers -= 1
                    return
                self._reading.add(ledger_id)
                hosted = self._anew[ledger_id]
                ticket = self._commits.enqueue(())
            try:
                self._commits.wait(ticket)  # then all that stands is in the journal
                began_ns = perf_counter_ns()
                ledger, seq = recovered(self._core, self._journal, ledger_id, hosted.queued_seq, READ_EVENTS_MAX)
                took_us = (perf_counter_ns() - began_ns) // 1_000
                with self._deciding:
                    if self._is_closing:
                        return
                    self._begin(ledger_id, hosted, ledger, seq, took_us)
                    self._hosted[ledger_id] = hosted
                    self._forget(ledger_id)
            except JournalDamaged as damage:
                log.critical("ledger %s is stopped: %s", ledger_id, damage, extra={"ledger": ledger_id})
                with self._deciding:
                    self._damaged[ledger_id] = damage
                    self._forget(ledger_id)
            except JournalError as failure:
                if not self._is_closing:
                    self._commits.fail(failure)
                return
            except Exception as error:
                self._commits.fail(error)
                raise

    def _begin(self, ledger_id: str, hosted: Hosted, ledger: Any, snapshot_seq: int, took_us: int) -> None:
        before, hosted.ledger, hosted.snapshot_seq = hosted.ledger, ledger, snapshot_seq
        hosted.rules = None
        hosted.look_again()
        self._core.begin(ledger, hosted.epoch, before)
        if before is None:
            hosted.replayed_events, hosted.recovery_us = ledger.version - snapshot_seq, took_us
            self._begin_first(ledger_id, ledger)

    def _forget(self, ledger_id: str) -> None:
        del self._anew[ledger_id]
        self._asked_for.pop(ledger_id, None)
        self._reading.discard(ledger_id)

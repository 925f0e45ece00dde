"""What every actor of ledgers does beside its questions: recover, answer batches, tidy, and let go.

The actors hold one each and add what their kind of ledger can be asked.
"""

import gc
import logging
import os
from bisect import bisect_right
from collections.abc import Callable, Collection
from threading import Event, Lock, Thread
from time import perf_counter_ns
from typing import Any, Final, NamedTuple

from actors.core.chain import EMPTY, Chain, chain_from_document
from actors.core.policy import Policy
from actors.journal.port import Journal, JournalError, JournalFailed
from actors.protocol.messages import RULES_ARE_STALE, pack_answers
from actors.runtime.clock import Clock
from actors.runtime.cores import Core
from actors.runtime.ledger_host import Hosted, LedgerHost

log = logging.getLogger("holdfast.actor")

TIDY_EVERY_S: Final = 0.1  # expiry is visible within a second, so sweep well within one
SNAPSHOT_PAUSE_S: Final = 0.002  # between the pieces of a snapshot, for decisions to go first
SNAPSHOT_EVENTS_MIN: Final = 20_000


class FeedRecord(NamedTuple):
    """Durable events of one ledger, consecutive; `seq` is the last one's version."""

    seq: int
    event_count: int
    epoch: int
    at_ms: int
    payload: bytes


def in_turn(numbers: Collection[int], after: int, count_max: int) -> tuple[list[int], int]:
    """At most so many of the numbers, and after which to go on: each has its turn, however long the first ones stay.

    By number from behind `after`, and from the beginning again; all of them, and 0, where they are no more than that.
    """
    if len(numbers) <= count_max:
        return list(numbers), 0
    ascending = sorted(numbers)
    first = bisect_right(ascending, after)
    turn = (ascending[first:] + ascending[:first])[:count_max]
    return turn, turn[-1]


class ActorRuntime:
    """Ledgers that are served. `end` is called once when the journal fails or was taken over: it must not return."""

    def __init__(
        self,
        name: str,
        core: Core,
        journal: Journal,
        clock: Clock,
        end: Callable[[JournalError], None],
        tidy_every_s: float = TIDY_EVERY_S,
    ) -> None:
        self.name = name
        self._journal = journal
        self._end = end
        self._read_batch = core.read_batch
        self._tidy_every_s = tidy_every_s
        self.chain: Chain = EMPTY
        self._adopting = Lock()
        self.host = LedgerHost(core, journal, clock, self._policy_of, end)
        began_ns = perf_counter_ns()
        # The state is large, long-lived and free of cycles: the collector would walk it again and again, half the time
        # of a recovery, and find nothing.
        gc.disable()
        self.host.recover(journal.ledger_ids())
        took_ms = (perf_counter_ns() - began_ns) // 1_000_000
        gc.freeze()
        gc.set_threshold(100_000, 50, 1_000)
        gc.enable()
        log.info("%s serves %d ledgers, recovered in %d ms", name, len(self.host.ledger_ids()), took_ms)
        self._closing = Event()
        self._tidier = Thread(target=self._tidy, name="tidy", daemon=True)
        self._tidier.start()

    def pid(self) -> int:
        """The process that serves."""
        return os.getpid()

    def adopt(self, document: bytes) -> None:
        """Take over a revision of the chain, unless it is older than the one known."""
        chain = chain_from_document(document)
        with self._adopting:  # of two gateways that hand theirs over at once, the newer one's stays
            if chain.revision > self.chain.revision:
                self.chain = chain

    def step(self, batch: bytes) -> bytes:
        """Answer a packed batch of commands; durable when this returns."""
        revision, entries = self._read_batch(batch)
        if revision > self.chain.revision:
            return RULES_ARE_STALE
        return pack_answers(self.host.step(entries))

    def status_of(self, hosted: Hosted, now_ms: int) -> dict[str, Any]:
        """Where a ledger stands, of whatever kind; the actors add what theirs counts."""
        return {
            "version": hosted.ledger.version,
            "epoch": hosted.epoch,
            "actor": self.name,
            "pid": self.pid(),
            "ledger_time_ms": now_ms,
            "remembered_answers": hosted.ledger.answers.count,
            "snapshot_version": hosted.snapshot_seq,
            "replayed_events": hosted.recovery.replayed_events,
            "recovery_us": hosted.recovery.took_us,
            "repeats_answered": hosted.repeats_answered,
            "policy_version": hosted.ledger.policy.version,
        }

    def records(self, ledger_id: str, after: int, events_max: int) -> list[FeedRecord]:
        """Durable records after a version, whoever wrote them."""
        return [
            FeedRecord(r.seq, r.event_count, r.epoch, r.at_ms, r.payload)
            for r in self._journal.read(ledger_id, after, events_max)
        ]

    def close(self) -> None:
        """Write what makes the next start quick, and let go of the journal. Nothing accepted would be lost without."""
        self._closing.set()
        self._tidier.join()
        for ledger_id in self.host.ledger_ids():
            self.host.snapshot_if_moved(ledger_id)
        self._journal.close()

    def _policy_of(self, ledger_id: str) -> Policy | None:
        return self.chain.policy_of(ledger_id) if self.chain.revision else None

    def _pause(self) -> None:
        self._closing.wait(SNAPSHOT_PAUSE_S)

    def _tidy(self) -> None:
        """Sweep what is due and write snapshots, until the actor closes or its journal ends it."""
        while not self._closing.wait(self._tidy_every_s):
            try:
                self.host.sweep()
                for ledger_id in self.host.snapshots_due(SNAPSHOT_EVENTS_MIN):
                    self.host.snapshot(ledger_id, self._pause)
            except JournalError:
                return  # `end` was told already
            except Exception as error:  # an actor that no longer expires anything must not go on
                self._end(JournalFailed(f"tidying failed: {error!r}"))
                raise

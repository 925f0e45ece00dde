"""Group commit: one durable write for all records that wait. While one batch is written, the next gathers.

No timer and no thread: a waiter that finds no write in progress writes all that is queued by then.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from time import perf_counter
from typing import Any

from actors.core.message import to_json
from actors.journal.port import Fenced, Journal, JournalError, JournalFailed
from actors.protocol.messages import LedgerElsewhere
from actors.runtime.hosted import Decided, records_of
from actors.telemetry.metrics import JOURNAL_SECONDS, Times


class GroupCommit:
    """The only caller of `journal.append`. `on_failure` is called once, before any waiter returns, to end the owner.
    `elsewhere` names the actor of a ledger that this owner has let go of, `encode` is how the service's format writes
    events.
    """

    def __init__(
        self,
        journal: Journal,
        on_failure: Callable[[JournalError], None],
        encode: Callable[[Any], bytes] = to_json,
        elsewhere: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._journal = journal
        self._encode = encode
        self._on_failure = on_failure
        self._elsewhere = elsewhere
        self.seconds = Times(JOURNAL_SECONDS.bounds)  # of writes
        self._queue_lock = Lock()
        self._queued: list[Decided] = []
        self._enqueued = 0
        self._writing = Lock()
        self._durable = 0
        self._failure: JournalError | None = None
        self.take_back: Callable[[], None] | None = None  # of what stands only where an owner ends unawares

    def enqueue(self, decided: Sequence[Decided]) -> int:
        """Queue what was decided, in the ledger's sequence. Returns a ticket for it and all that was queued before."""
        with self._queue_lock:
            if decided:
                self._queued.extend(decided)
                self._enqueued += 1
            return self._enqueued

    def wait(self, ticket: int) -> None:
        """Return once all that the ticket covers is durable. Raises JournalError where it never will be."""
        if self._durable >= ticket and self._failure is None:
            return
        with self._writing:
            if self._failure is not None:  # also for durable records: after a failure nothing is answered any more
                raise self._failure
            if self._durable >= ticket:
                return
            with self._queue_lock:
                decided, enqueued = self._queued, self._enqueued
                self._queued = []
            try:
                records = records_of(decided, self._encode)
                began = perf_counter()
                self._journal.append(records)
                if records:
                    self.seconds.observe(perf_counter() - began)
            except Exception as error:
                # Memory is ahead of the disk now. The append is not retried: this owner ends, its successor recovers.
                failure = self._failed(error)
                raise failure from failure.__cause__
            self._durable = enqueued

    def fail(self, error: Exception) -> JournalError:
        """End the owner after a failure other than an append's that left memory ahead of the disk; returns the error to
        raise.
        """
        with self._writing:
            return self._failed(error)

    def check_owner(self, epochs: Mapping[str, int]) -> None:
        """See `Journal.check_owner`; a failure ends the owner. Raises LedgerElsewhere."""
        try:
            self._journal.check_owner(epochs)
        except JournalError as failure:
            raise self.fail_unless_moved(failure) from failure

    def fail_unless_moved(self, failure: JournalError) -> Exception:
        """As `fail`; LedgerElsewhere, and the owner goes on, where it was fenced by a move of its own."""
        if isinstance(failure, Fenced) and (actor := self._elsewhere(failure.ledger_id)) is not None:
            return LedgerElsewhere(failure.ledger_id, actor)
        self.fail(failure)
        return failure

    def _failed(self, error: Exception) -> JournalError:
        if self._failure is None:
            self._failure = error if isinstance(error, JournalError) else JournalFailed(repr(error))
            if self._failure is not error:
                self._failure.__cause__ = error
            elif self.take_back is not None:
                with suppress(JournalError):
                    self.take_back()
            self._on_failure(self._failure)
        return self._failure

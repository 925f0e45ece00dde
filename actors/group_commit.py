"""One durable write for all that is waiting. While one batch is written, the next gathers; no timer, no thread.

Whoever waits for a ticket and finds nobody writing writes for everyone who has queued by then.
"""

from collections.abc import Callable, Sequence
from threading import Lock

from actors.journal.port import Journal, JournalError, Record


class GroupCommit:
    """The only caller of `journal.append`. `on_failure` is told once, before any waiter hears of it: it ends the actor."""

    def __init__(self, journal: Journal, on_failure: Callable[[JournalError], None]) -> None:
        self._journal = journal
        self._on_failure = on_failure
        self._queue_lock = Lock()
        self._queued: list[Record] = []
        self._enqueued = 0
        self._writing = Lock()
        self._durable = 0
        self._failure: JournalError | None = None

    def enqueue(self, records: Sequence[Record]) -> int:
        """Queue records; the ticket stands for them and for all that was queued before. Call in the ledger's sequence."""
        with self._queue_lock:
            if records:
                self._queued.extend(records)
                self._enqueued += 1
            return self._enqueued

    def wait(self, ticket: int) -> None:
        """Return once all that the ticket stands for is durable. Raises the journal's error where it never will be."""
        if self._durable >= ticket:
            return
        with self._writing:
            if self._durable >= ticket:
                return
            if self._failure is not None:
                raise self._failure
            with self._queue_lock:
                records, enqueued = self._queued, self._enqueued
                self._queued = []
            try:
                self._journal.append(records)
            except JournalError as failure:
                # Memory is ahead of the disk now. Nothing is tried again: this owner ends and its successor recovers.
                self._failure = failure
                self._on_failure(failure)
                raise
            self._durable = enqueued

"""Ledgers whose rules have raised: what is in memory may be half of an event, so each is read anew from the journal.

A thread of its own does that, one ledger after another and without the host's lock, while all others go on. Until then
a ledger's commands are deferred, and who asks it is told that it is away.
"""

import logging
from collections.abc import Sequence
from threading import Thread
from typing import Any, Final

from actors.journal.port import Journal, JournalDamaged, JournalError
from actors.runtime.group_commit import GroupCommit
from actors.runtime.hosted import Decided, Hosted
from actors.runtime.kinds import Core
from actors.runtime.recovery import recovered
from actors.runtime.resting import Resting

READ_EVENTS_MAX: Final = 1_000  # at a time: the journal's lock is held meanwhile, some 3 ms

log = logging.getLogger("holdfast.host")


class ReadAnew(Resting):
    """The part of `LedgerHost` that reads them."""

    _core: Core
    _journal: Journal
    _commits: GroupCommit

    def __init__(self) -> None:
        super().__init__()
        self._is_reading = False

    def _set_aside(
        self, ledger_id: str, hosted: Hosted, now_ms: int, events: Sequence[Any], error: Exception, key: str = ""
    ) -> list[Decided]:
        """Serve a ledger no more until it is read anew, as its rules raised. Returns the `events` that
        its turn had made before, which stand. With the lock held.
        """
        fields = {"ledger": ledger_id, "key": key} if key else {"ledger": ledger_id}
        log.critical("ledger %s is read anew, as its rules failed", ledger_id, exc_info=error, extra=fields)
        hosted.queued_seq += len(events)
        self._anew[ledger_id] = hosted  # first: who looks without the lock finds it in one of both
        del self._hosted[ledger_id]
        if not self._is_reading:
            self._is_reading = True
            Thread(target=self._read_all, name="read-anew", daemon=True).start()
        if not events:
            return []
        return [Decided(ledger_id, hosted.epoch, hosted.queued_seq, len(events), now_ms, events)]

    def _read_all(self) -> None:
        while True:
            with self._deciding:
                if not self._anew:
                    self._is_reading = False
                    return
                ledger_id, hosted = next(iter(self._anew.items()))
                ticket = self._commits.enqueue(())
            try:
                self._commits.wait(ticket)  # then all that stands is in the journal
                found = recovered(self._core, self._journal, ledger_id, hosted.queued_seq, READ_EVENTS_MAX)
            except JournalDamaged as damage:
                log.critical("ledger %s is stopped: %s", ledger_id, damage, extra={"ledger": ledger_id})
                with self._deciding:
                    self._damaged[ledger_id] = damage
                    del self._anew[ledger_id]
                continue
            except JournalError as failure:
                self._commits.fail(failure)
                return
            except Exception as error:
                self._commits.fail(error)
                raise
            with self._deciding:
                self._core.begin(found[0], hosted.epoch, hosted.ledger)
                hosted.ledger, hosted.snapshot_seq = found
                self._hosted[ledger_id] = hosted
                del self._anew[ledger_id]

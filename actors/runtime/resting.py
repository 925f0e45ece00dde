"""Ledgers that are kept in no memory, as nobody is expected to ask for them any more: each is read from its journal
when somebody does, under the epoch that its owner has.
"""

from collections.abc import Callable
from typing import Any

from actors.journal.port import Journal
from actors.runtime.begun import Begun
from actors.runtime.clock import Clock
from actors.runtime.hosted import Hosted
from actors.runtime.kinds import Core
from actors.runtime.recovery import recovered


class Resting(Begun):
    """The part of `LedgerHost` that lets ledgers rest."""

    _core: Core
    _journal: Journal
    _clock: Clock

    def rest(self, ledger_id: str, is_idle: Callable[[Any], bool]) -> bool:
        """Let a ledger rest whose newest snapshot has all of it, so that all of it is durable, and that is idle.
        Whether it does.
        """
        hosted = self._hosted.get(ledger_id)
        if hosted is None:
            return False
        with hosted.capturing, self._deciding:
            is_whole = self._hosted.get(ledger_id) is hosted and hosted.ledger.version == hosted.snapshot_seq
            if not (is_whole and is_idle(hosted.ledger)):
                return False
            # First: who looks without the lock finds it in one of both.
            self._resting[ledger_id] = Hosted(
                None,
                hosted.epoch,
                hosted.snapshot_seq,
                hosted.replayed_events,
                hosted.recovery_us,
                hosted.repeats_answered,
                capturing=hosted.capturing,
            )
            del self._hosted[ledger_id]
        return True

    def _woken(self, ledger_id: str) -> Hosted:
        """A ledger that rests, as it was. With the lock held. Raises JournalError."""
        hosted = self._resting[ledger_id]
        ledger, hosted.snapshot_seq = recovered(self._core, self._journal, ledger_id, hosted.snapshot_seq)
        self._clock.raise_to(ledger.time_ms)
        self._core.begin(ledger, hosted.epoch, None)
        hosted.ledger = ledger
        return hosted

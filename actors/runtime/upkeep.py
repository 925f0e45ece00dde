"""What a journal is asked for again and again beside appends: to tidy up, to keep the clock's mark, to seal records."""

import logging
from collections.abc import Mapping
from typing import Any

from actors.journal.port import Journal, JournalDamaged, JournalError
from actors.runtime.clock import Clock
from actors.runtime.group_commit import GroupCommit

log = logging.getLogger("holdfast.host")


class Upkeep:
    """Of the journal of one host, which ends where a write fails."""

    def __init__(self, journal: Journal, clock: Clock, commits: GroupCommit) -> None:
        self._journal = journal
        self._clock = clock
        self._commits = commits
        self._turn = 0
        self._left_whole: set[str] = set()  # ledgers of which nothing more is sealed

    def do(self, hosted: Mapping[str, Any]) -> None:
        """All of it, for the ledgers that are hosted; records of one are sealed, of the next one at the next call.
        Raises JournalError.
        """
        try:
            if (mark := self._clock.mark_due()) is not None:
                self._journal.keep_clock(mark)
            self._journal.checkpoint()
            self._seal([each for each in list(hosted.items()) if each[0] not in self._left_whole])
        except JournalError as failure:
            self._commits.fail(failure)
            raise

    def _seal(self, ledgers: list[tuple[str, Any]]) -> None:
        """Seal none that are within the memory of answers."""
        if not ledgers:
            return
        self._turn = (self._turn + 1) % len(ledgers)
        ledger_id, hosted = ledgers[self._turn]
        try:
            before_ms = self._clock.now_ms() - hosted.ledger.policy.answer_memory_ms
            self._journal.seal(ledger_id, hosted.epoch, before_ms)
        except (JournalDamaged, OSError) as error:  # what is not sealed stays where it is
            log.critical("ledger %s: no more records are sealed until the next start: %s", ledger_id, error)
            self._left_whole.add(ledger_id)

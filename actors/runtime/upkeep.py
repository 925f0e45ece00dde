"""What a journal is asked for again and again beside appends: to tidy up, to keep the clock's mark and to seal records;
and, in a thread of its own, to move sealed files away.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from actors.core.chain import NamedReader
from actors.core.ids import is_customers
from actors.journal.port import Fenced, Journal, JournalDamaged, JournalError
from actors.runtime.clock import Clock
from actors.runtime.group_commit import GroupCommit

MOVE_AGAIN_MS: Final = 60_000  # after a move that failed, as the disk for it is not there

log = logging.getLogger("holdfast.host")


class Upkeep:
    """Of the journal of one host, which ends where a write fails."""

    def __init__(self, journal: Journal, clock: Clock, commits: GroupCommit, hosted: Mapping[str, Any]) -> None:
        self._journal = journal
        self._clock = clock
        self._commits = commits
        self.journal_seconds = commits.seconds
        self._hosted = hosted
        self._turn = self._move_turn = 0
        self._left_whole: set[str] = set()  # ledgers of which nothing more is sealed
        self._move_at_ms = 0
        # By ledger, readers that keep more beside than the setting says, with their names' numbers.
        self.kept_for: dict[str, dict[str, int]] = {}

    def check_owner(self) -> None:
        """Raises Fenced for a replaced owner, whose successor takes one ledger over after another."""
        self._commits.check_owner({each: hosted.epoch for each, hosted in list(self._hosted.items())})

    def do(self) -> None:
        """All but moving, for the ledgers that are hosted; records of one are sealed, of the next one at the next call.
        Raises JournalError.
        """
        try:
            ledgers = list(self._hosted.items())
            if (mark := self._clock.mark_due()) is not None:
                owned, epoch = (ledgers[0][0], ledgers[0][1].epoch) if ledgers else ("", 0)
                self._journal.keep_clock(owned, epoch, mark)
            self._journal.checkpoint()
            if ledgers:
                self._turn = (self._turn + 1) % len(ledgers)
                self._seal(*ledgers[self._turn])
        except JournalError as failure:
            raise self._commits.fail_unless_moved(failure) from failure

    def fail(self, error: Exception) -> None:
        """See `GroupCommit.fail`."""
        self._commits.fail(error)

    def note_reader(self, name: str, named: int, seen: Mapping[str, int]) -> None:
        """See `Journal.note_reader`. Raises JournalError."""
        try:
            epochs = {ledger_id: hosted.epoch for ledger_id, hosted in list(self._hosted.items())}
            self._journal.note_reader(name, named, seen, epochs)
        except JournalError as failure:
            raise self._commits.fail_unless_moved(failure) from failure

    def _seal(self, ledger_id: str, hosted: Any) -> None:
        """Seal none that are within the memory of answers."""
        if ledger_id in self._left_whole:
            return
        try:
            before_ms = self._clock.now_ms() - hosted.ledger.policy.answer_memory_ms
            self._journal.seal(ledger_id, hosted.epoch, before_ms)
        except (JournalDamaged, OSError) as error:  # what is not sealed stays where it is
            fields = {"ledger": ledger_id}
            log.critical(
                "ledger %s: no more records are sealed until the next start: %s", ledger_id, error, extra=fields
            )
            self._left_whole.add(ledger_id)

    def move(self, readers: Mapping[str, NamedReader]) -> None:
        """Move a sealed file of one ledger away, of the next one at the next call; none that a named reader has not
        seen. Waits for another disk, so in a thread of its own. Raises JournalError; call `fail` unless it was closed.
        """
        ledgers = list(self._hosted.items())
        if not ledgers or self._clock.now_ms() < self._move_at_ms:
            return
        self._move_turn = (self._move_turn + 1) % len(ledgers)
        self._move(*ledgers[self._move_turn], readers)

    def _move(self, ledger_id: str, hosted: Any, readers: Mapping[str, NamedReader]) -> None:
        """A feed of all shops has no customers' ledger."""
        if is_customers(ledger_id):
            readers = {name: replace(reader, everything=False) for name, reader in readers.items()}
        try:
            behind = self._journal.move_away(ledger_id, hosted.epoch, readers)
        except (JournalDamaged, OSError) as error:  # what is not moved stays where it is
            fields = {"ledger": ledger_id}
            log.critical("ledger %s: no sealed files are moved for a minute: %s", ledger_id, error, extra=fields)
            self._move_at_ms = self._clock.now_ms() + MOVE_AGAIN_MS
            return
        except Fenced as fenced:
            if ledger_id in self._hosted:
                raise
            log.info("%s, which has moved", fenced)
            return
        if behind and behind != list(self.kept_for.get(ledger_id, ())):
            log.critical(
                "ledger %s: its sealed files take more than their setting, and are kept for readers that have not seen "
                "them: %s; see docs/operations.md, 'Named readers'",
                ledger_id,
                ", ".join(behind),
                extra={"ledger": ledger_id},
            )
        self.kept_for[ledger_id] = {name: readers[name].named for name in behind}

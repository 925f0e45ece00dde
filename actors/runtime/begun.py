"""Which ledgers a host has: those that it serves, those that are stopped, those that wait for their recovery, those
that rest, and those that are read anew. Of those that have moved to another actor, or are still on their way here, it
knows where they are.

After a start all wait. One is recovered when it is first asked for, and so are the rest in turn meanwhile: who calls a
shop does not wait for the others of its actor. One with much behind it is read as if anew, beside the others.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Lock
from time import sleep
from typing import Any, Final

from actors.journal.port import JournalDamaged
from actors.protocol.messages import LedgerAway, LedgerElsewhere
from actors.runtime.hosted import Hosted

TURN_S: Final = 0.000_1  # for somebody who waits for the lock to get it


class Begun:
    """The part of `LedgerHost` that knows its ledgers. None of it is called with the lock held."""

    def __init__(self) -> None:
        self._deciding = Lock()
        self._hosted: dict[str, Hosted] = {}
        self._damaged: dict[str, JournalDamaged] = {}
        self._waiting: dict[str, None] = {}
        self._resting: dict[str, Hosted] = {}  # without their states
        self._anew: dict[str, Hosted] = {}
        self._unreadable: JournalDamaged | None = None
        self._elsewhere: dict[str, str] = {}  # actors of ledgers that have left, or have not arrived

    @abstractmethod
    def _get(self, ledger_id: str) -> Hosted:
        """The ledger, taken over now if it was not. Raises JournalDamaged where it is stopped, LedgerAway where it is
        read anew, LedgerElsewhere, else JournalError.
        """

    def know_elsewhere(self, actors: Mapping[str, str]) -> None:
        """Know which ledgers of the journal are with other actors."""
        self._elsewhere.update(actors)

    def elsewhere(self, ledger_id: str) -> str | None:
        """The other actor that has the ledger, as far as is known here; None for a ledger that may be here."""
        return self._elsewhere.get(ledger_id)

    def refuse_elsewhere(self, ledger_id: str) -> None:
        """Raise LedgerElsewhere for a ledger that is with another actor."""
        if (actor := self._elsewhere.get(ledger_id)) is not None:
            raise LedgerElsewhere(ledger_id, actor)

    def begin(self, ledger_ids: Sequence[str]) -> None:
        """Know which ledgers have begun, the busiest first."""
        self._waiting.update(dict.fromkeys(ledger_ids))

    def recover(self, ledger_ids: Sequence[str]) -> None:
        """Take ledgers over. One that does not verify is stopped, see `is_stopped`; the others are served. Raises
        JournalError.
        """
        self.begin(ledger_ids)
        self._recover_the_rest()

    def recover_next(self) -> bool:
        """Take over one that nobody has asked for. Returns whether more wait. Raises JournalError."""
        with self._deciding:
            for ledger_id in self._waiting:
                with suppress(JournalDamaged, LedgerAway):
                    self._get(ledger_id)
                break
        return bool(self._waiting)

    def stop_all(self, damage: JournalDamaged) -> None:
        """Stop every ledger, as nobody knows which ones have begun."""
        self._unreadable = damage

    def taken_over(self, ledger_id: str) -> Hosted | None:
        """The ledger, taken over now if it was not; None where it is stopped, read anew or elsewhere. Raises
        JournalError.
        """
        with self._deciding, suppress(JournalDamaged, LedgerAway):
            return self._get(ledger_id)
        return None

    def stale_read(self, ledger_id: str) -> Any:
        """The ledger in memory, None where it is not served. For advice only: its newest events may not be durable.
        Raises LedgerAway, and LedgerElsewhere.
        """
        self.refuse_elsewhere(ledger_id)
        hosted = self._hosted.get(ledger_id)
        if hosted is None and self.is_waiting(ledger_id):
            hosted = self.taken_over(ledger_id)
        if hosted is None and self.is_read_anew(ledger_id):
            raise LedgerAway(f"ledger {ledger_id} is read anew")
        if hosted is None:
            hosted = self._hosted.get(ledger_id)  # it may have come back between these looks
        if hosted is None:
            self.refuse_elsewhere(ledger_id)  # or left
        return None if hosted is None else hosted.ledger

    def head_of(self, ledger_id: str) -> int:
        """The version in memory, -1 where it is stopped; of one that is read anew that which it will have. Raises
        LedgerElsewhere.
        """
        while True:
            self.refuse_elsewhere(ledger_id)
            if (anew := self._anew.get(ledger_id)) is not None:
                return anew.queued_seq
            with suppress(LedgerAway):
                ledger = self.stale_read(ledger_id)
                return -1 if ledger is None else int(ledger.version)

    def is_waiting(self, ledger_id: str) -> bool:
        """True where the ledger has begun and is not in memory until somebody asks for it, or its turn comes."""
        return ledger_id in self._waiting or ledger_id in self._resting

    def is_reading(self) -> bool:
        """True where some ledger is read anew, or for the first time beside others."""
        return bool(self._anew)

    def is_read_anew(self, ledger_id: str) -> bool:
        """True where the ledger is read from the journal beside others, and then served."""
        return ledger_id in self._anew

    def has_begun(self, ledger_id: str) -> bool:
        """True where the ledger has ever been written, or where nobody can know: then it is stopped. Raises
        LedgerElsewhere, as its records are not all here.
        """
        self.refuse_elsewhere(ledger_id)
        if ledger_id in self._hosted or self.is_waiting(ledger_id) or self.is_read_anew(ledger_id):
            return True
        return ledger_id in self._hosted or self.is_stopped(ledger_id)  # it may have come back between these looks

    def is_stopped(self, ledger_id: str) -> bool:
        """True where the ledger is not served, as its journal is damaged. Raises JournalError, and LedgerElsewhere."""
        self.refuse_elsewhere(ledger_id)
        if ledger_id in self._waiting:
            self.taken_over(ledger_id)
        return self._unreadable is not None or ledger_id in self._damaged

    def ledger_ids(self) -> list[str]:
        """The ledgers that are served, but those that rest, once all are that are not read beside others. Raises
        JournalError.
        """
        self._recover_the_rest()
        return self.recovered_ids()

    def whole_ids(self) -> list[str]:
        """As `ledger_ids`. Raises LedgerAway while one is read anew."""
        self._recover_the_rest()
        with self._deciding:
            if self._anew:
                raise LedgerAway(f"ledgers are read anew: {', '.join(self._anew)}")
            return self.recovered_ids()

    def recovered_ids(self) -> list[str]:
        """The ledgers that are in memory by now."""
        return list(self._hosted)

    def stopped_count(self) -> int:
        """How many ledgers are not served; 1 where nobody knows which have begun."""
        return len(self._damaged) if self._unreadable is None else 1

    def begun_ids(self) -> list[str]:
        """Those that wait, rest, are served, read anew or stopped. Raises JournalDamaged where nobody knows them."""
        if self._unreadable is not None:
            raise self._unreadable
        return list(dict.fromkeys((*self._waiting, *self._resting, *self._anew, *self._hosted, *self._damaged)))

    def _recover_the_rest(self) -> None:
        while self._waiting and self.recover_next():
            sleep(TURN_S)

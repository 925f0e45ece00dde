"""What stands in for a journal whose file cannot be read: it says so to every question, and takes nothing.

An actor that ended over it would be restarted for ever, and its callers would wait for an answer that nobody can give.
"""

from collections.abc import Iterable, Sequence
from typing import NoReturn

from actors.journal.port import Head, JournalDamaged, Record, Snapshot


class UnreadableJournal:
    """See `port.Journal`. Every ledger that is asked for is damaged."""

    def __init__(self, damage: JournalDamaged) -> None:
        self._damage = damage

    def take_over(self, ledger_id: str) -> Head:
        self._raise(ledger_id)

    def owns(self, ledger_id: str, epoch: int) -> bool:
        return False

    def append(self, records: Sequence[Record]) -> None:
        self._raise("(all)")

    def read(self, ledger_id: str, after_seq: int, events_max: int) -> list[Record]:
        self._raise(ledger_id)

    def write_snapshot(self, ledger_id: str, epoch: int, seq: int, chunks: Iterable[bytes]) -> None:
        self._raise(ledger_id)

    def newest_snapshot(self, ledger_id: str) -> Snapshot | None:
        self._raise(ledger_id)

    def ledger_ids(self) -> list[str]:
        return []

    def close(self) -> None:
        """Nothing is open."""

    def _raise(self, ledger_id: str) -> NoReturn:
        raise JournalDamaged(ledger_id, self._damage.place, self._damage.why)

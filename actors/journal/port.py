"""The contract of a journal.

1. `take_over` raises a ledger's epoch durably and returns where the ledger stands.
2. `append` writes records of one or more ledgers in one durable write, all or nothing. In the same transaction it
   proves that each record's epoch is still in force and that its sequence follows the last: else `Fenced`, and nothing
   is written. When it returns, the records survive a crash. When it fails, the journal is finished: nobody knows what
   reached the disk, so it is never tried again.
3. `read` gives records back in sequence, verified. Damage is named, never read past.
4. A snapshot that was not finished does not exist. One ahead of the records is refused, and finishes the journal as a
   failed append does: its owner's state is not what was written.

    JournalError
    ├── Fenced           another owner has taken the ledger over
    ├── JournalFailed    a write, or the flush to disk, did not happen
    └── JournalDamaged   what is there is not what was written
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol


class JournalError(Exception):
    """A journal cannot go on; its owner ends, and recovers under a new epoch."""


class Fenced(JournalError):
    """An append under an epoch that is no longer in force."""

    def __init__(self, ledger_id: str, epoch: int, in_force: int) -> None:
        super().__init__(
            f"ledger {ledger_id}: epoch {epoch} was appending, epoch {in_force} is in force; this owner must end"
        )
        self.ledger_id = ledger_id
        self.epoch = epoch
        self.in_force = in_force

    def __reduce__(self) -> tuple[type["Fenced"], tuple[str, int, int]]:  # it leaves its process on the way to a caller
        return Fenced, (self.ledger_id, self.epoch, self.in_force)


class JournalFailed(JournalError):
    """A write failed; what reached the disk is unknown."""


class JournalDamaged(JournalError):
    """Records that do not verify. `place` says where: a sequence, or an offset."""

    def __init__(self, ledger_id: str, place: str, why: str) -> None:
        super().__init__(
            f"ledger {ledger_id}: the journal is damaged at {place}: {why}. "
            "Restore the file from a copy; see docs/operations.md, 'A damaged journal'"
        )
        self.ledger_id = ledger_id
        self.place = place
        self.why = why

    def __reduce__(self) -> tuple[type["JournalDamaged"], tuple[str, str, str]]:
        return JournalDamaged, (self.ledger_id, self.place, self.why)


class Record(NamedTuple):
    """Consecutive events of one ledger that were decided in one batch.

    `seq` is the version of the last event; the first one's is `seq - event_count + 1`. `payload` is by
    `codec.encode_events`.
    """

    ledger_id: str
    epoch: int
    seq: int
    event_count: int
    at_ms: int
    payload: bytes


class Head(NamedTuple):
    """Where a ledger stands: the epoch now in force and the last sequence."""

    epoch: int
    seq: int


class Snapshot(NamedTuple):
    """A ledger's state as of a sequence, in chunks of encoded rows."""

    seq: int
    chunks: tuple[bytes, ...]


class Journal(Protocol):
    """See the module's text for what each promises. Calls may come from several threads, one at a time inside."""

    def take_over(self, ledger_id: str) -> Head:
        """Raise the epoch; a ledger that does not exist yet begins at sequence 0."""

    def owns(self, ledger_id: str, epoch: int) -> bool:
        """Whether the epoch is still in force."""

    def append(self, records: Sequence[Record]) -> None:
        """Make the records durable. Raises Fenced or JournalFailed."""

    def read(self, ledger_id: str, after_seq: int, events_max: int) -> list[Record]:
        """Verified records with events after a sequence: whole records, at least one if there is any, and no more once
        `events_max` is reached. Raises JournalDamaged.
        """

    def write_snapshot(self, ledger_id: str, epoch: int, seq: int, chunks: Iterable[bytes]) -> None:
        """Write a snapshot piece by piece, letting appends in between; it exists once this returns. Raises Fenced, and
        JournalFailed also where `seq` is ahead of the records.
        """

    def newest_snapshot(self, ledger_id: str) -> Snapshot | None:
        """The newest finished snapshot that verifies."""

    def ledger_ids(self) -> list[str]:
        """Every ledger that has begun, by id."""

    def close(self) -> None:
        """Let go of the files. Nothing is written."""

"""The contract of a journal.

1. `take_over` increments a ledger's epoch durably and returns the ledger's head.
2. `append` writes records of one or more ledgers in one durable write, all or none. The same transaction checks that
   each record's epoch is in force and that its sequence follows the last: else `Fenced`, and nothing is written. When
   it returns, the records survive a crash. When it fails, the journal is finished: what reached the disk is unknown,
   so no write is tried again.
3. `read` returns records in sequence, verified. Damage is reported with its place, and nothing behind it is read.
4. Old records may be sealed: moved to a place of their own, and from there further away, once all named readers of
   feeds have seen them. `read` gives them as before, and says which file does not verify or is missing.
5. An unfinished snapshot does not exist. One ahead of the records is refused, and finishes the journal as a failed
   append does: its owner's state is not what was written.
6. A ledger may move to the journal of another actor. `put_whereabouts` says where it is and raises its epoch, in one
   write: nobody owns a ledger that has left or is still arriving, and `take_over` refuses it with `LedgerMoved`.

    JournalError
    ├── Fenced           another owner has taken the ledger over
    ├── JournalFailed    a write, or the flush to disk, did not happen
    └── JournalDamaged   what is stored is not what was written
        ├── JournalNewer     a later version wrote it
        ├── SealedDamaged    the same of a sealed file
        └── LedgerBroken     its records are whole, and its rules raise all the same
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import ClassVar, NamedTuple, Protocol
from zlib import crc32

from actors.core.chain import NamedReader


class JournalError(Exception):
    """The journal cannot be used any more; its owner ends, and a successor recovers under a new epoch."""


class Fenced(JournalError):
    """An append under an epoch that is no longer in force."""

    def __init__(self, ledger_id: str, epoch: int, in_force: int) -> None:
        super().__init__(
            f"ledger {ledger_id}: epoch {epoch} was appending, epoch {in_force} is in force; this owner must end"
        )
        self.ledger_id = ledger_id
        self.in_force = in_force


class JournalFailed(JournalError):
    """A write failed; what reached the disk is unknown."""


class JournalDamaged(JournalError):
    """Records that do not verify. `place` is a sequence or an offset."""

    text: ClassVar[str] = (
        "ledger {0}: the journal is damaged at {1}: {2}. "
        "Restore the file from a copy; see docs/operations.md, 'A damaged journal'"
    )

    def __init__(self, ledger_id: str, place: str, why: str) -> None:
        super().__init__(self.text.format(ledger_id, place, why))
        self.ledger_id = ledger_id
        self.place = place
        self.why = why


class JournalNewer(JournalDamaged):
    """Records that are whole, and that this version cannot read."""

    text = (
        "ledger {0}: {1} was written by a later version: {2}. "
        "Start that version again; see docs/operations.md, 'Upgrade'"
    )


class SealedDamaged(JournalDamaged):
    """A sealed file that is missing or does not verify; `place` is its name. What was not sealed can be read."""

    text = "ledger {0}: the sealed file {1} {2}. Put it back from a copy; see docs/operations.md, 'Sealed files'"


class SealedAway(SealedDamaged):
    """A sealed file that is not beside the journal, and was to be read without waiting for another disk."""


class LedgerBroken(JournalDamaged):
    """A ledger that the program itself cannot go on with."""

    text = (
        "ledger {0}: at {1} its own rules fail, twice from what its journal says: {2}. It is tried again at the next "
        "start; see docs/operations.md, 'A ledger whose rules fail'"
    )


class Phase(StrEnum):
    """What a move has made of a ledger, by one of its two journals."""

    ARRIVING = "arriving"  # its records are on their way here, and it is not served here yet
    HERE = "here"
    LEFT = "left"


class Whereabouts(NamedTuple):
    """Where a ledger is since a move, by one journal. `move` is the chain's revision that asked for it, so that who
    carries an earlier one is known apart; `actor` is the one that it comes from, or has gone to.
    """

    move: int
    phase: Phase
    actor: str


class LedgerMoved(Exception):
    """A take-over of a ledger that another actor has. The journal goes on."""

    def __init__(self, ledger_id: str, actor: str) -> None:
        super().__init__(f"ledger {ledger_id} is with {actor}")
        self.ledger_id = ledger_id
        self.actor = actor


class Record(NamedTuple):
    """Consecutive events of one ledger that were decided in one batch.

    `seq` is the version of the last event; the first one's is `seq - event_count + 1`. `payload` is by `codec.encode`.
    """

    ledger_id: str
    epoch: int
    seq: int
    event_count: int
    at_ms: int
    payload: bytes

    @property
    def hash(self) -> int:
        """Tells it from another that its ledger has under the same sequence once it was restored from an older copy.
        Never zero.
        """
        return crc32(self.payload, crc32(f"{self.epoch} {self.seq} {self.at_ms}".encode())) or 1


class Head(NamedTuple):
    """A ledger's epoch in force and last sequence."""

    epoch: int
    seq: int


class Snapshot(NamedTuple):
    """A ledger's state as of a sequence, in chunks of encoded rows."""

    seq: int
    chunks: tuple[bytes, ...]


class Base(NamedTuple):
    """What verification goes on from without the archive: the newest file there, by its last sequence and SHA-256, and
    the oldest snapshot, by its sequence and how many chunks it has.
    """

    archived_seq: int
    archived_sha256: str
    seq: int
    chunks: int


class ClockMark(NamedTuple):
    """Where an owner's clock stood, for its successor to go on from: what it said at a reading of the machine's steady
    clock, both in nanoseconds, in which boot of the machine.
    """

    boot: str
    steady_ns: int
    said_ns: int


class Attempt(NamedTuple):
    """How often what is under a key was about to be decided, and when last; 0 for what was answered."""

    key: str
    times: int
    at_ms: int


class Journal(Protocol):
    """See the module's text for the guarantees. Thread-safe; calls are serialised."""

    def take_over(self, ledger_id: str) -> Head:
        """Increment the epoch and return the head; a new ledger begins at sequence 0. Raises any JournalError, and
        LedgerMoved for one that has left or is arriving.
        """

    def check_owner(self, epochs: Mapping[str, int]) -> None:
        """Return while the epoch of each of these ledgers is in force. Raises Fenced."""

    def append(self, records: Sequence[Record]) -> None:
        """Make the records durable. Raises Fenced or JournalFailed."""

    def read(self, ledger_id: str, after_seq: int, events_max: int, *, may_wait: bool = True) -> list[Record]:
        """Verified records after a sequence, at least one if there is any, and no more once `events_max` events are
        reached. Raises JournalDamaged, also where they end before the head; SealedAway where it may not wait for them.
        """

    def seal(self, ledger_id: str, epoch: int, before_ms: int) -> bool:
        """Where the journal is larger than its setting, seal some of a ledger's oldest records: of those before an
        instant, which a snapshot has and no newer record needs. Returns whether there were any. Called often, apart
        from appends. Raises Fenced and JournalFailed, and the journal is finished; JournalDamaged or OSError, and all
        records are where they were.
        """

    def move_away(self, ledger_id: str, epoch: int, readers: Mapping[str, NamedReader]) -> list[str]:
        """Where sealed files take more than their setting, move a ledger's oldest one away, if these readers have seen
        it. Returns the names of those that have not. Raises as `seal` does.
        """

    def note_reader(self, name: str, named: int, seen: Mapping[str, int], epochs: Mapping[str, int]) -> None:
        """Make durable up to where a reader, by its name's number, has seen ledgers. `epochs` are those of all ledgers
        of the owner. Raises Fenced and JournalFailed, and the journal is finished as after a failed append.
        """

    def readers(self) -> dict[str, dict[tuple[str, int], int]]:
        """By ledger, and reader with its name's number, what was noted. Raises JournalDamaged."""

    def sealed_seq(self, ledger_id: str) -> int:
        """The last sequence that is sealed, 0 where nothing is. Raises JournalDamaged."""

    def write_snapshot(self, ledger_id: str, epoch: int, seq: int, chunks: Iterable[bytes]) -> None:
        """Write a snapshot chunk by chunk, with appends in between; it exists once this returns. Raises Fenced, and
        JournalFailed also where `seq` is ahead of the records; JournalDamaged where what is stored of snapshots is
        damaged, and then the journal goes on.
        """

    def newest_snapshot(self, ledger_id: str) -> Snapshot | None:
        """The newest finished snapshot that verifies, or None."""

    def base(self, ledger_id: str) -> Base | None:
        """Where records of the ledger are in an archive that is not there; else None. Raises JournalDamaged."""

    def snapshot_chunk(self, ledger_id: str, seq: int, place: int) -> bytes | None:
        """The chunk, from 1 on, of the finished snapshot at a sequence; None where that is gone. Raises
        JournalDamaged.
        """

    def ledger_ids(self) -> list[str]:
        """The ids of all ledgers that have begun and are here, those with most events first. Raises JournalDamaged
        where none can be read.
        """

    def whereabouts(self) -> dict[str, Whereabouts]:
        """Of the ledgers that have ever moved. Raises JournalError."""

    def stands_at(self, ledger_id: str) -> Head:
        """Epoch and last sequence of a ledger, whoever owns it; zeros where it was never here. Raises JournalError."""

    def put_whereabouts(
        self, ledger_id: str, stands: Head, was: Whereabouts | None, now: Whereabouts, epoch: int
    ) -> None:
        """Make durable where a ledger is that stands so, and was there before, with its epoch from now on. Raises
        Fenced where it does not, or was not, and the journal goes on; JournalFailed, and it is finished.
        """

    def receive(self, ledger_id: str, records: Sequence[Record]) -> None:
        """Make records of an arriving ledger durable as they were written elsewhere; the epoch becomes that of the
        last. Raises as `put_whereabouts` where it is not arriving, or they do not follow.
        """

    def keep_clock(self, ledger_id: str, epoch: int, mark: ClockMark) -> None:
        """Make the mark of the owner of a ledger durable in place of the last one; without one, while the journal has
        none. Raises Fenced and JournalFailed, and the journal is finished as after a failed append.
        """

    def kept_clock(self) -> ClockMark | None:
        """The last mark, None where there is none that can be read."""

    def note_attempt(self, ledger_id: str, epoch: int, attempt: Attempt, before_ms: int) -> None:
        """Make it durable in place of the last one of its key, and forget those of before. Raises Fenced and
        JournalFailed, and the journal is finished as after a failed append.
        """

    def take_back_attempt(self, ledger_id: str, epoch: int, before: Attempt) -> None:
        """As the journal has failed, put back what stood in place of an attempt, in the only write that a finished
        journal tries: its failure is not the command's. Raises JournalError where the disk does not take it.
        """

    def attempts(self, ledger_id: str) -> list[Attempt]:
        """Those that were noted and not answered; none where they cannot be read. Raises JournalFailed."""

    def accepted_loss(self) -> str:
        """What the settings of a journal's server may lose, and an operator has accepted; empty for nothing."""

    def checkpoint(self) -> None:
        """Tidy up what appends left behind, where there is much of it: called often, apart from them. Raises
        JournalFailed, and the journal is finished as after a failed append.
        """

    def close(self) -> None:
        """Release the files. Nothing is written."""

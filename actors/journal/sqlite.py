"""The embedded journal: one SQLite file per actor, one commit per batch. `sqlite_file` handles the file itself.

The epoch is checked by the statement that moves a ledger's head, inside the transaction that writes the records: an
owner that lost the ledger finds no row to update. A torn log is cut back to the last whole commit; damage to what was
once committed stops the ledger instead.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Final

from actors.core.chain import NamedReader
from actors.journal.archive import Archive, Row, Sealed
from actors.journal.codec import chunk_checksum, verified
from actors.journal.port import Attempt, Base, ClockMark, Fenced, Head, JournalDamaged, JournalFailed, Record, Snapshot
from actors.journal.records import LAST_SEQ, UNPLACED_MAX, PlacesDamaged, Records
from actors.journal.sealed_list import SealedList
from actors.journal.sqlite_file import CHECKPOINT_PAGES, ERRORS, SqliteFile
from actors.journal.sqlite_heads import Chained, Heads, Move
from actors.journal.sqlite_moves import LEDGERS_HERE, SqliteMoves

ASKED_AT_ONCE_MAX: Final = 1_000  # ledgers; SQLite takes 32,766 of them in one statement
SNAPSHOTS_KEPT: Final = 2
CHUNKS_DELETED: Final = 8  # at a time: 240 MB in one statement held up every commit of the file for 1.4 s
SEALED_EVENTS: Final = 10_000  # in a sealed file, and those of its last record: read in 30 ms
BUSY_MS: Final = 5_000  # a dying predecessor may still hold the lock for one commit


class SqliteJournal(SqliteMoves):
    """See `port.Journal`. The file is created if there is none; its folder must exist.

    A file of more than `keep_bytes` seals old records, into files of `sealed_events` each; 0 for one that never does.
    Where these take more than `sealed_bytes`, the oldest may be moved to a folder under `away`; None for nowhere.
    """

    def __init__(
        self,
        path: Path,
        busy_ms: int = BUSY_MS,
        checkpoint_pages: int = CHECKPOINT_PAGES,
        keep_bytes: int = 0,
        sealed_events: int = SEALED_EVENTS,
        sealed_bytes: int = 0,
        away: Path | None = None,
        unplaced_max: int = UNPLACED_MAX,
    ) -> None:
        self._file = SqliteFile(path, busy_ms, checkpoint_pages)
        self._lock = self._file.lock
        self._archive = Archive(path.with_suffix(".sealed"), away)
        self._keep_bytes, self._sealed_events = keep_bytes, sealed_events
        self._sealed_bytes = sealed_bytes if away else None
        self._records = Records(self._file, unplaced_max)
        self._listed = SealedList(self._file)
        self._heads = Heads(self._file)

    def take_over(self, ledger_id: str) -> Head:
        with self._lock:
            self._records.begin()
            self._heads.doubt(ledger_id)
            with self._file.transaction() as db:
                self._refuse_elsewhere(ledger_id)
                db.execute(
                    "INSERT INTO heads VALUES (?, 1, 0, 0) ON CONFLICT (ledger_id) DO UPDATE SET epoch = epoch + 1",
                    (ledger_id,),
                )
                (epoch,) = db.execute("SELECT epoch FROM heads WHERE ledger_id = ?", (ledger_id,)).fetchone()
            seq, checksum = self._verified_head(ledger_id, epoch)
            self._heads.take_over(ledger_id, epoch, seq, checksum)
            self._records.clear_mark(ledger_id, epoch, partial(self._prove_whole, ledger_id))
            return Head(epoch, seq)

    def _prove_whole(self, ledger_id: str) -> None:
        before, _ = self._listed.around(ledger_id, LAST_SEQ)
        seq = before.seq
        while records := self._read_kept(ledger_id, seq, before, SEALED_EVENTS):
            seq = records[-1].seq

    def _verified_head(self, ledger_id: str, epoch: int) -> tuple[int, int]:
        """Its sequence and checksum. Raises JournalDamaged unless the newest record is the head's, of an older epoch:
        none is missing.
        """
        with self._file.reading():
            stands = self._file.ask(ledger_id, "SELECT epoch, seq, checksum FROM heads WHERE ledger_id = ?", ledger_id)
            last_seq, last_checksum, last_epoch = self._records.last(ledger_id) or (0, 0, 0)
        in_force, seq, checksum = stands[0]
        if in_force != epoch:
            raise Fenced(ledger_id, epoch, in_force)
        if (last_seq, last_checksum) != (seq, checksum):
            raise JournalDamaged(ledger_id, f"seq {seq}", f"the newest record is seq {last_seq}")
        if last_epoch >= epoch:
            raise JournalDamaged(ledger_id, f"seq {seq}", f"it was written under epoch {last_epoch}, of {epoch} so far")
        return seq, checksum

    def check_owner(self, epochs: Mapping[str, int]) -> None:
        asked, in_force = list(epochs), dict[str, int]()
        with self._lock:
            for first in range(0, len(asked), ASKED_AT_ONCE_MAX):
                some = asked[first : first + ASKED_AT_ONCE_MAX]
                marks = ",".join("?" * len(some))
                question = f"SELECT ledger_id, epoch FROM heads WHERE ledger_id IN ({marks})"  # noqa: S608  # marks alone
                in_force.update(self._file.ask("(all)", question, *some))
        for ledger_id, epoch in epochs.items():
            if in_force.get(ledger_id) != epoch:
                raise Fenced(ledger_id, epoch, in_force.get(ledger_id, 0))

    def append(self, records: Sequence[Record]) -> None:
        with self._lock:
            chained = self._heads.chained(records)
            try:
                self._write(chained)
            except PlacesDamaged:
                self._file.db.rollback()
                self._records.place()
                self._write(chained, may_place=False)
            self._heads.know(chained)

    def _write(self, chained: Chained, *, may_place: bool = True) -> None:
        rows = chained.rows
        with self._file.transaction():
            are_known = self._heads.are_known(chained)
            if not are_known and self._heads.move_each(chained) != len(rows):
                raise self._unmoved(chained.moves())
            first_row = self._records.insert(rows)
            if are_known and self._heads.move_all(first_row) != len(rows):
                raise self._unmoved(chained.moves())
            self._records.note(rows, first_row, may_place=may_place)

    def read(self, ledger_id: str, after_seq: int, events_max: int, *, may_wait: bool = True) -> list[Record]:
        with self._lock, self._file.reading():
            before, sealed = self._listed.around(ledger_id, after_seq)
            if sealed is None:
                return self._read_kept(ledger_id, after_seq, before, events_max)
        rows = self._archive.read(ledger_id, before, sealed, may_wait=may_wait)
        place = bisect_right(rows, after_seq, key=attrgetter("seq"))
        checksum = rows[place - 1].checksum if place else before.checksum
        return verified(rows[place:], ledger_id, after_seq, checksum, sealed.seq, events_max)

    def _read_kept(self, ledger_id: str, after_seq: int, before: Sealed, events_max: int) -> list[Record]:
        rows = self._file.ask(ledger_id, "SELECT seq FROM heads WHERE ledger_id = ?", ledger_id)
        last = self._records.last(ledger_id, after_seq)
        previous, head_seq = before.checksum if last is None else last[1], rows[0][0] if rows else 0
        try:
            with closing(self._records.after(ledger_id, after_seq)) as found:
                return verified(found, ledger_id, after_seq, previous, head_seq, events_max)
        except ERRORS as error:
            raise self._file.named(ledger_id, f"after seq {after_seq}", error) from error

    def seal(self, ledger_id: str, epoch: int, before_ms: int) -> bool:
        with self._lock:
            if not self._keep_bytes or self._file.used_bytes() <= self._keep_bytes:
                return False
            before, _ = self._listed.around(ledger_id, LAST_SEQ)
            end = self._listed.sealable(ledger_id, before.seq + self._sealed_events, before_ms)
        if not end:
            return self._forget_sealed(ledger_id, before.seq)  # what a kill has left
        with self._while_owner(ledger_id, epoch):
            rows = self._to_seal(ledger_id, before, end)
        made = self._archive.write(ledger_id, epoch, before, rows)
        with self._lock, self._file.transaction() as db:
            listed = db.execute(
                "INSERT INTO sealed SELECT ledger_id, ?, ?, ?, ?, ?, 0 FROM heads WHERE ledger_id = ? AND epoch = ?",
                (*made, ledger_id, epoch),
            )
            if listed.rowcount != 1:
                raise self._fenced(ledger_id, epoch, end)
        # From here on `read` takes them from the file.
        return self._forget_sealed(ledger_id, end)

    def _to_seal(self, ledger_id: str, before: Sealed, end: int) -> list[Row]:
        rows: list[Row] = []
        while (after := rows[-1].seq if rows else before.seq) < end:
            with self._lock:
                found = self._records.some(ledger_id, after, end)
            if not found:
                raise JournalDamaged(ledger_id, f"seq {after + 1}", f"what is to be sealed ends here, not at {end}")
            rows += found
        verified(rows, ledger_id, before.seq, before.checksum, end, end)
        return rows

    @contextmanager
    def _while_owner(self, ledger_id: str, epoch: int) -> Iterator[None]:
        """Damage is named by the owner alone: a successor may have sealed meanwhile, or moved, what is gone. Raises
        Fenced otherwise.
        """
        try:
            yield
        except JournalDamaged:
            self.check_owner({ledger_id: epoch})
            raise

    def move_away(self, ledger_id: str, epoch: int, readers: Mapping[str, NamedReader]) -> list[str]:
        if self._sealed_bytes is None:
            return []
        with self._lock:
            oldest = self._listed.oldest_beside(ledger_id, self._sealed_bytes)
            if oldest is None:
                return []
            before, _ = self._listed.around(ledger_id, oldest.seq - 1)
            if behind := self._listed.behind(ledger_id, oldest.seq, readers):
                return behind
        with self._while_owner(ledger_id, epoch):
            self._archive.copy_away(ledger_id, oldest)
        with self._lock, self._file.transaction() as db:
            listed = db.execute(
                "UPDATE sealed SET away = 1 WHERE ledger_id = ?1 AND seq = ?2 "
                "AND EXISTS (SELECT 1 FROM heads WHERE ledger_id = ?1 AND epoch = ?3)",
                (ledger_id, oldest.seq, epoch),
            )
            if listed.rowcount != 1:
                raise self._fenced(ledger_id, epoch, oldest.seq)
        self._archive.remove(before, oldest)  # the one before, where a kill has left it
        return []

    def note_reader(self, name: str, named: int, seen: Mapping[str, int], epochs: Mapping[str, int]) -> None:
        with self._lock, self._file.transaction() as db:
            for owned in epochs.items():
                if not db.execute("SELECT 1 FROM heads WHERE ledger_id = ? AND epoch = ?", owned).fetchone():
                    raise self._fenced(*owned, 0)
            noted = [(name, named, *row) for row in seen.items()]
            db.executemany("INSERT OR REPLACE INTO readers VALUES (?, ?, ?, ?)", noted)

    def readers(self) -> dict[str, dict[tuple[str, int], int]]:
        with self._lock:
            return self._listed.readers()

    def sealed_seq(self, ledger_id: str) -> int:
        with self._lock:
            return self._listed.around(ledger_id, LAST_SEQ)[0].seq

    def _forget_sealed(self, ledger_id: str, seq: int) -> bool:
        """Delete records that are sealed, some at a time, for commits to go between. Returns whether there were any."""
        any_deleted = False
        while True:
            with self._lock:
                if not self._records.forget_some(ledger_id, seq):
                    return any_deleted
            any_deleted = True
            self.checkpoint()

    def write_snapshot(self, ledger_id: str, epoch: int, seq: int, chunks: Iterable[bytes]) -> None:
        file = self._file
        with self._lock:
            self._prove_snapshot(ledger_id, epoch, seq)
            self._records.place()  # only records with places are sealed, and only those that a snapshot has
            snapshot_id = file.write("INSERT INTO snapshots (ledger_id, seq) VALUES (?, ?)", ledger_id, seq).lastrowid
        count = 0
        for count, chunk in enumerate(chunks, start=1):
            checksum = chunk_checksum(ledger_id, seq, count, chunk)
            with self._lock:
                file.write("INSERT INTO chunks VALUES (?, ?, ?, ?)", snapshot_id, count, checksum, chunk)
            self.checkpoint()
        with self._lock:
            finished = file.write(
                "UPDATE snapshots SET chunks = ? "
                "WHERE id = ? AND EXISTS (SELECT 1 FROM heads WHERE ledger_id = ? AND epoch = ?)",
                *(count, snapshot_id, ledger_id, epoch),
            )
            if finished.rowcount != 1:
                self._prove_snapshot(ledger_id, epoch, seq)
            gone = self._listed.snapshots_to_forget(ledger_id, SNAPSHOTS_KEPT)
        for snapshot_id in gone:
            self._forget_snapshot(snapshot_id)

    def _prove_snapshot(self, ledger_id: str, epoch: int, seq: int) -> None:
        """Raise Fenced for a replaced owner, JournalFailed for a sequence ahead of the records."""
        rows = self._file.ask(ledger_id, "SELECT epoch, seq FROM heads WHERE ledger_id = ?", ledger_id)
        in_force, last = rows[0] if rows else (0, 0)
        if in_force != epoch or not epoch:
            raise Fenced(ledger_id, epoch, in_force)
        if seq > last:
            raise self._file.give_up(f"a snapshot at seq {seq} of ledger {ledger_id}, which stands at {last}")

    def _forget_snapshot(self, snapshot_id: int) -> None:
        """Delete a few chunks at a time, for commits to go between. A crash on the way leaves a snapshot that does not
        verify, and is deleted next time.
        """
        some = "DELETE FROM chunks WHERE rowid IN (SELECT rowid FROM chunks WHERE snapshot_id = ? LIMIT ?)"
        deleted = CHUNKS_DELETED
        while deleted == CHUNKS_DELETED:
            with self._lock:
                deleted = self._file.write(some, snapshot_id, CHUNKS_DELETED).rowcount
        with self._lock:
            self._file.write("DELETE FROM snapshots WHERE id = ?", snapshot_id)

    def newest_snapshot(self, ledger_id: str) -> Snapshot | None:
        with self._lock:
            try:
                finished = self._listed.finished_snapshots(ledger_id)
            except JournalDamaged:
                return None
        for snapshot_id, seq, count in finished:
            with suppress(JournalDamaged):  # an older snapshot, or the records alone, give the same state
                chunks: list[bytes] = []
                while isinstance(count, int) and len(chunks) <= count:  # one more would be of another snapshot
                    with self._lock:  # writes go between
                        chunk = self._listed.chunk(ledger_id, snapshot_id, seq, len(chunks) + 1)
                    if chunk is None:
                        break
                    chunks.append(chunk)
                if len(chunks) == count:
                    return Snapshot(seq, tuple(chunks))
        return None

    def base(self, ledger_id: str) -> Base | None:
        with self._lock:
            found = self._listed.base(ledger_id)
        return None if found is None or self._archive.is_there() else found

    def snapshot_chunk(self, ledger_id: str, seq: int, place: int) -> bytes | None:
        with self._lock:
            return self._listed.snapshot_chunk(ledger_id, seq, place)

    def ledger_ids(self) -> list[str]:
        with self._lock:
            rows = self._file.ask("(all)", LEDGERS_HERE)
            return [ledger_id for (ledger_id,) in rows]

    def keep_clock(self, ledger_id: str, epoch: int, mark: ClockMark) -> None:
        with self._lock, self._file.transaction() as db:
            kept = db.execute(
                "INSERT OR REPLACE INTO clock SELECT 1, ?, ?, ? "
                "WHERE CASE ? WHEN '' THEN NOT EXISTS (SELECT 1 FROM heads) "
                "ELSE EXISTS (SELECT 1 FROM heads WHERE ledger_id = ? AND epoch = ?) END",
                (*mark, ledger_id, ledger_id, epoch),
            )
            if kept.rowcount != 1 and ledger_id:
                raise self._fenced(ledger_id, epoch, 0)

    def kept_clock(self) -> ClockMark | None:
        with self._lock:
            return self._listed.kept_clock()

    def note_attempt(self, ledger_id: str, epoch: int, attempt: Attempt, before_ms: int) -> None:
        with self._lock, self._file.transaction():
            if not self._listed.note_attempt(ledger_id, epoch, attempt, before_ms):
                raise self._fenced(ledger_id, epoch, 0)

    def take_back_attempt(self, ledger_id: str, epoch: int, before: Attempt) -> None:
        with self._lock, self._file.last_transaction():
            self._listed.note_attempt(ledger_id, epoch, before, 0)

    def attempts(self, ledger_id: str) -> list[Attempt]:
        with self._lock:
            return self._listed.attempts(ledger_id)

    def accepted_loss(self) -> str:
        return ""

    def checkpoint(self) -> None:
        with self._lock:
            self._file.checkpoint()

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def _unmoved(self, moves: Sequence[Move]) -> Fenced | JournalFailed:
        """The error of the first that is not from where its ledger stands."""
        self._file.db.rollback()
        ledger_id, stood = "", [0, 0]
        at: dict[str, tuple[int, int, int]] = {}
        for seq, checksum, ledger_id, *stood in moves:
            question = "SELECT epoch, seq, checksum FROM heads WHERE ledger_id = ?"
            stands = at.get(ledger_id) or self._file.db.execute(question, (ledger_id,)).fetchone()
            if stands != tuple(stood):
                break
            at[ledger_id] = stood[0], seq, checksum
        return self._fenced(ledger_id, *stood[:2])

    def _fenced(self, ledger_id: str, epoch: int, last_seq: int) -> Fenced | JournalFailed:
        db = self._file.db
        db.rollback()
        in_force, seq = db.execute("SELECT epoch, seq FROM heads WHERE ledger_id = ?", [ledger_id]).fetchone() or (0, 0)
        if in_force != epoch:
            return Fenced(ledger_id, epoch, in_force)
        return self._file.give_up(
            f"an append after seq {last_seq} of ledger {ledger_id}, which stands at {seq}"
            if seq != last_seq
            else f"an append to ledger {ledger_id}, which another journal has moved on under the same epoch"
        )

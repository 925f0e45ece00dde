"""What a journal has beside records: sealed files, snapshots, what readers have seen, attempts, the clock's mark."""

import logging
from collections.abc import Mapping
from typing import Any

from actors.core.chain import NamedReader
from actors.journal.archive import NOTHING, Sealed
from actors.journal.codec import chunk_checksum
from actors.journal.port import Attempt, Base, ClockMark, JournalDamaged
from actors.journal.sqlite_file import SqliteFile

log = logging.getLogger("holdfast.journal")


class SealedList:
    """Of an open file; the caller of any method holds its lock."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def around(self, ledger_id: str, after_seq: int) -> tuple[Sealed, Sealed | None]:
        """The last sealed file up to a sequence, and the one with what follows it, None where that is not sealed."""
        rows = self._file.ask(
            ledger_id,
            "SELECT * FROM (SELECT seq, checksum, name, sha256, size FROM sealed WHERE ledger_id = ?1 AND seq <= ?2 "
            "ORDER BY seq DESC LIMIT 1) UNION ALL "
            "SELECT * FROM (SELECT seq, checksum, name, sha256, size FROM sealed WHERE ledger_id = ?1 AND seq > ?2 "
            "ORDER BY seq LIMIT 1)",
            ledger_id,
            after_seq,
        )
        found = [NOTHING, *map(Sealed._make, rows)]
        return (found[-2], found[-1]) if found[-1].seq > after_seq else (found[-1], None)

    def sealable(self, ledger_id: str, least_seq: int, before_ms: int) -> int:
        """The last sequence of the next sealed file, which is at least a given one; 0 where the records are too few or
        too new, no snapshot has them, or none would be left.
        """
        rows = self._file.ask(
            ledger_id,
            "SELECT seq FROM (SELECT places.seq, at_ms FROM places CROSS JOIN records "
            "ON records.id = places.id AND records.seq = places.seq AND records.ledger_id = places.ledger_id "
            "WHERE places.ledger_id = ?1 AND places.seq >= ?2 ORDER BY places.seq LIMIT 1) "
            "WHERE at_ms < ?3 AND seq < (SELECT seq FROM heads WHERE ledger_id = ?1) "
            "AND seq <= (SELECT MIN(seq) FROM snapshots WHERE ledger_id = ?1 AND chunks IS NOT NULL)",
            *(ledger_id, least_seq, before_ms),
        )
        return int(rows[0][0]) if rows else 0

    def base(self, ledger_id: str) -> Base | None:
        """The newest file that is away, and the oldest snapshot, where there are both."""
        rows = self._file.ask(
            ledger_id,
            "SELECT * FROM (SELECT seq, sha256 FROM sealed WHERE ledger_id = ?1 AND away ORDER BY seq DESC LIMIT 1), "
            "(SELECT seq, chunks FROM snapshots WHERE ledger_id = ?1 AND chunks IS NOT NULL ORDER BY id LIMIT 1)",
            ledger_id,
        )
        return Base._make(rows[0]) if rows else None

    def snapshot_chunk(self, ledger_id: str, seq: int, place: int) -> bytes | None:
        """The verified chunk of the oldest snapshot at a sequence, None where there is none. Raises JournalDamaged."""
        [(snapshot_id,)] = self._file.ask(
            ledger_id,
            "SELECT MIN(id) FROM snapshots WHERE ledger_id = ? AND seq = ? AND chunks IS NOT NULL",
            *(ledger_id, seq),
        )
        return self.chunk(ledger_id, snapshot_id, seq, place)

    def finished_snapshots(self, ledger_id: str) -> list[tuple[int, int, Any]]:
        """Id, sequence and count of chunks of each snapshot, the newest first. Raises JournalDamaged."""
        return self._file.ask(
            ledger_id,
            "SELECT id, seq, chunks FROM snapshots WHERE ledger_id = ? AND chunks IS NOT NULL ORDER BY id DESC",
            ledger_id,
        )

    def chunk(self, ledger_id: str, snapshot_id: int | None, seq: int, place: int) -> bytes | None:
        """The verified chunk of a snapshot by its id, None where there is none. Raises JournalDamaged."""
        one = "SELECT checksum, payload FROM chunks WHERE snapshot_id = ? AND place = ?"
        for checksum, payload in self._file.ask(ledger_id, one, snapshot_id, place):
            if not isinstance(payload, bytes) or chunk_checksum(ledger_id, seq, place, payload) != checksum:
                raise JournalDamaged(ledger_id, f"the snapshot at seq {seq}", f"chunk {place} does not verify")
            return payload
        return None

    def snapshots_to_forget(self, ledger_id: str, count: int) -> list[int]:
        """All but so many of the newest finished snapshots, and what a crash left unfinished."""
        kept = self._file.ask(
            ledger_id,
            "SELECT id FROM snapshots WHERE ledger_id = ? AND chunks IS NOT NULL ORDER BY id DESC LIMIT ?",
            ledger_id,
            count,
        )
        gone = self._file.ask(
            ledger_id,
            "SELECT id FROM snapshots WHERE ledger_id = ? AND (id < ? OR (chunks IS NULL AND id < ?))",
            ledger_id,
            min(kept)[0],
            max(kept)[0],
        )
        return [snapshot_id for (snapshot_id,) in gone]

    def readers(self) -> dict[str, dict[tuple[str, int], int]]:
        """By ledger, and name with its number, what was noted."""
        found: dict[str, dict[tuple[str, int], int]] = {}
        for name, named, ledger_id, seq in self._file.ask("(all)", "SELECT name, named, ledger_id, seq FROM readers"):
            found.setdefault(ledger_id, {})[name, named] = seq
        return found

    def oldest_beside(self, ledger_id: str, bytes_max: int) -> Sealed | None:
        """The ledger's oldest sealed file that is not away, where all of the journal's take more than so much."""
        rows = self._file.ask(
            ledger_id,
            "SELECT seq, checksum, name, sha256, size FROM sealed WHERE ledger_id = ? AND NOT away "
            "AND (SELECT SUM(size) FROM sealed WHERE NOT away) > ? ORDER BY seq LIMIT 1",
            *(ledger_id, bytes_max),
        )
        return Sealed._make(rows[0]) if rows else None

    def behind(self, ledger_id: str, seq: int, readers: Mapping[str, NamedReader]) -> list[str]:
        """The names of those that have not seen a ledger up to a sequence."""
        seen = self.readers().get(ledger_id, {})
        return [
            name
            for name, reader in readers.items()
            if seen.get((name, reader.named), 0 if reader.everything else seq) < seq
        ]

    def note_attempt(self, ledger_id: str, epoch: int, attempt: Attempt, before_ms: int) -> bool:
        """Within a transaction. False where the epoch is not in force."""
        db = self._file.db
        noted = db.execute(
            "INSERT OR REPLACE INTO attempts SELECT ledger_id, ?, ?, ? FROM heads WHERE ledger_id = ? AND epoch = ?",
            (*attempt, ledger_id, epoch),
        )
        db.execute("DELETE FROM attempts WHERE times = 0 OR at_ms < ?", (before_ms,))
        return noted.rowcount == 1

    def attempts(self, ledger_id: str) -> list[Attempt]:
        """See `port.Journal`."""
        question = "SELECT key, times, at_ms FROM attempts WHERE ledger_id = ?"
        try:
            return [Attempt(*row) for row in self._file.ask(ledger_id, question, ledger_id)]
        except JournalDamaged as damage:  # what ended its actor does so twice more
            log.warning("attempts of ledger %s are passed over: %s", ledger_id, damage, extra={"ledger": ledger_id})
            return []

    def kept_clock(self) -> ClockMark | None:
        """See `port.Journal`."""
        try:
            rows = self._file.ask("(all)", "SELECT boot, steady_ns, said_ns FROM clock")
        except JournalDamaged as damage:  # the wall clock does instead, and the ledgers' own times
            log.warning("the mark of the clock is passed over: %s", damage)
            return None
        return ClockMark(*rows[0]) if rows else None

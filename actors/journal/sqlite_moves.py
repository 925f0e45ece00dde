"""Ledgers that move to another journal, or from one, as a SQLite file has them: a row of `moves` for each."""

from collections.abc import Sequence
from threading import Lock
from typing import Any, Final

from actors.journal.codec import chained
from actors.journal.port import Fenced, Head, LedgerMoved, Phase, Record, Whereabouts
from actors.journal.records import Records
from actors.journal.sqlite_file import SqliteFile
from actors.journal.sqlite_heads import Heads

LEDGERS_HERE: Final = (
    "SELECT ledger_id FROM heads WHERE ledger_id NOT IN (SELECT ledger_id FROM moves WHERE phase <> 'here') "
    "ORDER BY seq DESC, ledger_id"
)


class SqliteMoves:
    """The part of a SqliteJournal that knows where ledgers are. What refuses a write of it leaves the journal open."""

    _file: SqliteFile
    _lock: Lock
    _records: Records
    _heads: Heads

    def whereabouts(self) -> dict[str, Whereabouts]:
        with self._lock:
            rows = self._file.ask("(all)", "SELECT ledger_id, move, phase, actor FROM moves")
        return {ledger_id: Whereabouts(move, Phase(phase), actor) for ledger_id, move, phase, actor in rows}

    def stands_at(self, ledger_id: str) -> Head:
        with self._lock:
            rows = self._file.ask(ledger_id, "SELECT epoch, seq FROM heads WHERE ledger_id = ?", ledger_id)
        return Head(*rows[0]) if rows else Head(0, 0)

    def put_whereabouts(
        self, ledger_id: str, stands: Head, was: Whereabouts | None, now: Whereabouts, epoch: int
    ) -> None:
        with self._lock, self._file.transaction() as db:
            self._heads.doubt(ledger_id)
            head = _one(db, "SELECT epoch, seq FROM heads WHERE ledger_id = ?", ledger_id)
            if (head or (0, 0)) != stands or _is_at(db, ledger_id) != was:
                raise _refused(db, ledger_id, stands.epoch, head)
            db.execute(
                "INSERT INTO heads VALUES (?1, ?2, 0, 0) ON CONFLICT (ledger_id) DO UPDATE SET epoch = ?2",
                (ledger_id, epoch),
            )
            db.execute("INSERT OR REPLACE INTO moves VALUES (?, ?, ?, ?)", (ledger_id, *now))

    def receive(self, ledger_id: str, records: Sequence[Record]) -> None:
        with self._lock:
            self._heads.doubt(ledger_id)
            self._receive(ledger_id, records)
            self._records.place()  # far more come at once than by appends

    def _receive(self, ledger_id: str, records: Sequence[Record]) -> None:
        with self._file.transaction() as db:
            head = _one(db, "SELECT epoch, seq, checksum FROM heads WHERE ledger_id = ?", ledger_id)
            at = _is_at(db, ledger_id)
            if head is None or at is None or at.phase is not Phase.ARRIVING:
                raise _refused(db, ledger_id, 0, head)
            own, last, checksum = head
            rows = []
            for _, epoch, seq, count, at_ms, payload in records:
                if epoch < own or seq - count != last:
                    raise _refused(db, ledger_id, epoch, head)
                checksum = chained(checksum, ledger_id, epoch, seq, count, at_ms, payload)
                rows.append((ledger_id, seq, epoch, count, at_ms, checksum, payload))
                own, last = epoch, seq
            stands = (own, last, checksum, ledger_id)
            db.execute("UPDATE heads SET epoch = ?, seq = ?, checksum = ? WHERE ledger_id = ?", stands)
            self._records.add(rows, may_place=False)

    def _refuse_elsewhere(self, ledger_id: str) -> None:
        """Raise LedgerMoved for a ledger that is not here. Within a transaction, which is then rolled back."""
        at = _is_at(self._file.db, ledger_id)
        if at is not None and at.phase is not Phase.HERE:
            self._file.db.rollback()
            raise LedgerMoved(ledger_id, at.actor)


def _one(db: Any, question: str, ledger_id: str) -> Any:
    return db.execute(question, (ledger_id,)).fetchone()


def _is_at(db: Any, ledger_id: str) -> Whereabouts | None:
    row = _one(db, "SELECT move, phase, actor FROM moves WHERE ledger_id = ?", ledger_id)
    return None if row is None else Whereabouts(row[0], Phase(row[1]), row[2])


def _refused(db: Any, ledger_id: str, epoch: int, head: Any) -> Fenced:
    db.rollback()
    return Fenced(ledger_id, epoch, head[0] if head else 0)

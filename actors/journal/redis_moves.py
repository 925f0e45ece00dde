"""Ledgers that move to another journal, or from one, as a Redis has them: a head with a word more for one that is not
here, and beside it where that is.
"""

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, Final, NamedTuple

from actors.journal.codec import chained
from actors.journal.port import Fenced, Head, JournalDamaged, LedgerMoved, Phase, Record, Whereabouts
from actors.journal.redis_server import ACTORS, RedisServer

NOT_HERE: Final = "elsewhere"  # a head with it is none to an append, a take-over, or a version before


class Stand(NamedTuple):
    """Where a ledger stands; all zeros where it has not begun."""

    epoch: int = 0
    seq: int = 0
    checksum: int = 0
    is_here: bool = True

    @classmethod
    def of(cls, head: bytes | None) -> "Stand":
        """Raises ValueError for what is no head."""
        words = head.decode().split() if head else ["0", "0", "0"]
        is_here = words[3:] != [NOT_HERE]
        epoch, seq, checksum = map(int, words if is_here else words[:3])
        return cls(epoch, seq, checksum, is_here)

    @property
    def text(self) -> str:
        """The head as it is written."""
        return f"{self.epoch} {self.seq} {self.checksum}{'' if self.is_here else f' {NOT_HERE}'}"


class RedisMoves:
    """The part of a RedisJournal that knows where ledgers are. What refuses a write of it leaves the journal open."""

    _server: RedisServer
    _lock: Lock
    _name: str
    _heads: str
    _moves: str
    _known: dict[str, Stand]

    @abstractmethod
    def _run(self, script: str, keys: Sequence[str], *arguments: str | bytes | int) -> Any:
        """A script that writes."""

    @abstractmethod
    def _stand(self, ledger_id: str, head: bytes | None) -> Stand:
        """Raises JournalDamaged for what is no head."""

    @abstractmethod
    def _refuse_older(self, ledger_id: str, stand: Stand, known: Mapping[str, Stand] | None = None) -> None:
        """Raise JournalDamaged where the server has lost something."""

    @abstractmethod
    def _refuse_if_failed(self) -> None:
        """Raise JournalFailed once the journal is finished."""

    @abstractmethod
    def _records(self, ledger_id: str) -> str:
        """The key of a ledger's records."""

    def whereabouts(self) -> dict[str, Whereabouts]:
        self._refuse_if_failed()
        try:
            return {each.decode(): _read(text) for each, text in self._server.pairs(self._moves).items()}
        except (ValueError, TypeError) as error:
            raise JournalDamaged("(all)", self._moves, str(error)) from error

    def stands_at(self, ledger_id: str) -> Head:
        self._refuse_if_failed()
        stand = self._stand(ledger_id, self._server.ask("HGET", self._heads, ledger_id))
        return Head(stand.epoch, stand.seq)

    def put_whereabouts(
        self, ledger_id: str, stands: Head, was: Whereabouts | None, now: Whereabouts, epoch: int
    ) -> None:
        with self._lock:
            self._refuse_if_failed()
            head = self._server.ask("HGET", self._heads, ledger_id) or b""
            stand = self._stand(ledger_id, head)
            self._refuse_older(ledger_id, stand)
            if (stand.epoch, stand.seq) != stands:
                raise Fenced(ledger_id, stands.epoch, stand.epoch)
            after = Stand(epoch, stand.seq, stand.checksum, now.phase is Phase.HERE)
            texts = head, after.text, json.dumps(was) if was else "", json.dumps(now)
            keys = (self._heads, self._moves, ACTORS)
            if (said := self._run("put_whereabouts", keys, ledger_id, *texts, self._name)) != 1:
                raise Fenced(ledger_id, stands.epoch, self._stand(ledger_id, said[0]).epoch)

    def receive(self, ledger_id: str, records: Sequence[Record]) -> None:
        with self._lock:
            self._refuse_if_failed()
            stand = self._stand(ledger_id, self._server.ask("HGET", self._heads, ledger_id))
            self._refuse_older(ledger_id, stand)
            if stand.is_here or self.whereabouts()[ledger_id].phase is not Phase.ARRIVING:
                raise Fenced(ledger_id, 0, stand.epoch)
            words: list[str | bytes | int] = []
            for _, epoch, seq, count, at_ms, payload in records:
                if epoch < stand.epoch or seq - count != stand.seq:
                    raise Fenced(ledger_id, epoch, stand.epoch)
                checksum = chained(stand.checksum, ledger_id, epoch, seq, count, at_ms, payload)
                before, stand = stand, Stand(epoch, seq, checksum, is_here=False)
                words += (2, ledger_id, before.text, stand.text, seq, f"{epoch} {count} {at_ms} {checksum}", payload)
            if (said := self._run("append", (self._heads, self._records(ledger_id)), *words)) != 1:
                raise Fenced(ledger_id, records[0].epoch, self._stand(ledger_id, said[1]).epoch)

    def _refuse_elsewhere(self, ledger_id: str, stand: Stand) -> None:
        """Raise LedgerMoved for a ledger that is not here."""
        if not stand.is_here:
            at = self.whereabouts().get(ledger_id)
            raise LedgerMoved(ledger_id, at.actor if at else "")


def _read(text: bytes) -> Whereabouts:
    move, phase, actor = json.loads(text)
    return Whereabouts(move, Phase(phase), actor)

"""The journal in a Redis or Valkey server: one script an append, which is on the disk before it is answered.

A ledger's head is its epoch, sequence and checksum as one text, and a script compares it whole with where the owner
believes it to be. What is written twice is recognised, as every script is told how often it was sent before.
`redis_server` handles the connection. Keys of an actor begin with `holdfast:{ACTOR}:`, as one server has them all:

    heads               by ledger: epoch, sequence, checksum
    records:LEDGER      a stream; an id is the record's sequence; h: epoch, events, ledger time, checksum; p: events
    snapshots:LEDGER    by number: sequence, and the count of chunks once it is finished
    chunks:LEDGER:N     of one snapshot, by place: checksum and rows
    attempts:LEDGER     by key: times and time
    readers             by name, its number and ledger, as JSON: what was seen
    clock               the mark
    moves               by ledger, where it is since a move; the head of one that is not here says so
"""

import json
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, Final, TypeVar

from actors.core.chain import NamedReader
from actors.journal.codec import chained, verified
from actors.journal.port import (
    Attempt,
    Base,
    ClockMark,
    Fenced,
    Head,
    JournalDamaged,
    JournalError,
    JournalFailed,
    Record,
    Snapshot,
)
from actors.journal.redis_moves import RedisMoves, Stand
from actors.journal.redis_server import ACTORS, CLIENT, PATIENCE_S, STAMP, RedisServer
from actors.journal.redis_snapshots import RedisSnapshots

ELSEWHERE: Final = -1  # in place of a sequence
READ_BYTES_MAX: Final = 1_000_000  # of one answer: other actors' commits wait for some milliseconds
COMMAND_WORDS_MAX: Final = 1_000  # even; a script passes some 8,000 to a command, and fails with more

log = logging.getLogger("holdfast.journal")

E = TypeVar("E", bound=JournalError)


class RedisJournal(RedisMoves):
    """See `port.Journal`. `stamp_id` is the journal that it must be, empty for any; see `stamp`. `accepted` are words
    of `redis_server.LOSSES`; so many `replicas` must have each write before it is answered. Raises JournalFailed, and
    JournalDamaged where the server has another journal.
    """

    def __init__(
        self,
        url: str,
        name: str,
        stamp_id: str = "",
        accepted: Collection[str] = (),
        replicas: int = 0,
        patience_s: float = PATIENCE_S,
        read_bytes_max: int = READ_BYTES_MAX,
    ) -> None:
        self._name, self._read_bytes_max = name, read_bytes_max
        self._server = RedisServer(url, f"{CLIENT}{name}", accepted, patience_s, replicas)
        self._snapshots = RedisSnapshots(self._server, self._key)
        self._lock = Lock()
        self._failed: str | None = None
        self._known: dict[str, Stand] = {}  # of ledgers that were taken over: where they stand at least
        self._heads, self._readers, self._clock = (self._key(each) for each in ("heads", "readers", "clock"))
        self._moves = self._key("moves")
        try:
            self._server.prove()
            found = self._server.ask("HGET", STAMP, "id")
        except JournalError:
            self._server.close()
            raise
        self._stamp_id = found.decode() if found else ""
        if stamp_id and self._stamp_id != stamp_id:
            self._server.close()
            raise self._foreign(stamp_id, self._stamp_id)

    def take_over(self, ledger_id: str) -> Head:
        with self._lock:
            self._refuse_if_failed()
            self._server.prove()
            keys = (self._heads, self._records(ledger_id), STAMP, ACTORS)
            found = self._run("take_over", keys, ledger_id, self._stamp_id, self._name)
            if len(found) == 1:
                raise self._give_up(self._foreign(self._stamp_id, found[0].decode()))
            stand = self._stand(ledger_id, found[0])
            self._refuse_older(ledger_id, stand)
            self._refuse_elsewhere(ledger_id, stand)
            self._prove_last(ledger_id, stand, *found[1:])
            self._known[ledger_id] = stand
            return Head(stand.epoch, stand.seq)

    def _prove_last(self, ledger_id: str, stand: Stand, entry_id: bytes, what: bytes) -> None:
        """Raises JournalDamaged unless the newest record is the head's, of an older epoch: none is missing."""
        last = int(entry_id.partition(b"-")[0] or 0)
        epoch, _, _, checksum = map(int, what.split()) if what else (0, 0, 0, 0)
        if (last, checksum) != (stand.seq, stand.checksum):
            raise JournalDamaged(ledger_id, f"seq {stand.seq}", f"the newest record is seq {last}")
        if epoch >= stand.epoch:
            raise JournalDamaged(
                ledger_id, f"seq {stand.seq}", f"it was written under epoch {epoch}, of {stand.epoch} so far"
            )

    def check_owner(self, epochs: Mapping[str, int]) -> None:
        self._refuse_if_failed()
        known = dict(self._known)
        found = self._server.ask("HMGET", self._heads, *epochs) if epochs else []
        for (ledger_id, epoch), head in zip(epochs.items(), found, strict=True):
            stand = self._stand(ledger_id, head)
            self._refuse_older(ledger_id, stand, known)
            if stand.epoch != epoch or not epoch:
                raise Fenced(ledger_id, epoch, stand.epoch)

    def append(self, records: Sequence[Record]) -> None:
        with self._lock:
            self._refuse_if_failed()
            fresh: dict[str, Stand] = {}
            places: dict[str, int] = {}
            words: list[str | bytes | int] = []
            for ledger_id, epoch, seq, count, at_ms, payload in records:
                before = fresh.get(ledger_id) or self._known.get(ledger_id) or Stand()
                checksum = chained(before.checksum, ledger_id, epoch, seq, count, at_ms, payload)
                fresh[ledger_id] = Stand(epoch, seq, checksum)
                place = places.setdefault(ledger_id, len(places) + 2)
                heads = (Stand(epoch, seq - count, before.checksum).text, fresh[ledger_id].text)
                words += (place, ledger_id, *heads, seq, f"{epoch} {count} {at_ms} {checksum}", payload)
            said = self._run("append", (self._heads, *map(self._records, places)), *words)
            if said != 1:
                ledger_id = said[0].decode()
                first = next(record for record in records if record.ledger_id == ledger_id)
                raise self._refused(ledger_id, first.epoch, said[1], first.seq - first.event_count)
            self._known.update(fresh)

    def _refused(self, ledger_id: str, epoch: int, head: bytes, after_seq: int) -> JournalError:
        """Why an append was."""
        stand = self._stand(ledger_id, head)
        self._refuse_older(ledger_id, stand)
        if stand.epoch != epoch or not epoch:
            return Fenced(ledger_id, epoch, stand.epoch)
        why = f"an append after seq {after_seq} of ledger {ledger_id}, which stands at {stand.seq}"
        if stand.seq == after_seq:
            why = f"an append to ledger {ledger_id}, which another journal has moved on under the same epoch"
        return self._give_up(JournalFailed(f"{self._server.place}: {why}"))

    def read(self, ledger_id: str, after_seq: int, events_max: int, *, may_wait: bool = True) -> list[Record]:
        del may_wait  # for other disks
        self._refuse_if_failed()
        known = dict(self._known)
        keys = (self._heads, self._records(ledger_id))
        most = (events_max, self._read_bytes_max)
        head, before, is_cut, *found = self._server.run("read", keys, ledger_id, after_seq, *most)
        stand = self._stand(ledger_id, head)
        self._refuse_older(ledger_id, stand, known)
        try:
            rows = [
                (*_what(what, int(entry_id.partition(b"-")[0])), payload)
                for entry_id, what, payload in zip(found[::3], found[1::3], found[2::3], strict=True)
            ]
            checksum = int(before.split()[3]) if before else 0
        except (ValueError, LookupError) as error:
            raise JournalDamaged(ledger_id, f"seq {after_seq + 1}", f"no record can be read: {error}") from error
        head_seq = rows[-1][1] if is_cut else stand.seq
        return verified(rows, ledger_id, after_seq, checksum, head_seq, events_max)

    def seal(self, ledger_id: str, epoch: int, before_ms: int) -> bool:
        """All records are in the server's memory; see docs/adr."""
        self._refuse_if_failed()
        return False

    def move_away(self, ledger_id: str, epoch: int, readers: Mapping[str, NamedReader]) -> list[str]:
        self._refuse_if_failed()
        return []

    def sealed_seq(self, ledger_id: str) -> int:
        self._refuse_if_failed()
        return 0

    def base(self, ledger_id: str) -> Base | None:
        self._refuse_if_failed()
        return None

    def note_reader(self, name: str, named: int, seen: Mapping[str, int], epochs: Mapping[str, int]) -> None:
        rows = [word for each, seq in seen.items() for word in (json.dumps([name, named, each]), seq)]
        firsts = range(0, len(rows), COMMAND_WORDS_MAX)
        self._write(epochs, *(("HSET", self._readers, *rows[each : each + COMMAND_WORDS_MAX]) for each in firsts))

    def readers(self) -> dict[str, dict[tuple[str, int], int]]:
        self._refuse_if_failed()
        noted: dict[str, dict[tuple[str, int], int]] = {}
        try:
            for field, seq in self._server.pairs(self._readers).items():
                name, named, ledger_id = json.loads(field)
                noted.setdefault(ledger_id, {})[name, named] = int(seq)
        except ValueError as error:
            raise JournalDamaged("(all)", self._readers, str(error)) from error
        return noted

    def write_snapshot(self, ledger_id: str, epoch: int, seq: int, chunks: Iterable[bytes]) -> None:
        self._prove_snapshot(ledger_id, epoch, seq)
        self._snapshots.write(ledger_id, seq, chunks, lambda commands: self._write({ledger_id: epoch}, *commands))

    def _prove_snapshot(self, ledger_id: str, epoch: int, seq: int) -> None:
        """Raise Fenced for a replaced owner, JournalFailed for a sequence ahead of the records."""
        self._refuse_if_failed()
        stand = self._stand(ledger_id, self._server.ask("HGET", self._heads, ledger_id))
        self._refuse_older(ledger_id, stand)
        if stand.epoch != epoch or not epoch:
            raise Fenced(ledger_id, epoch, stand.epoch)
        if seq > stand.seq:
            why = f"a snapshot at seq {seq} of ledger {ledger_id}, which stands at {stand.seq}"
            raise self._give_up(JournalFailed(f"{self._server.place}: {why}"))

    def newest_snapshot(self, ledger_id: str) -> Snapshot | None:
        self._refuse_if_failed()
        return self._snapshots.newest(ledger_id)

    def snapshot_chunk(self, ledger_id: str, seq: int, place: int) -> bytes | None:
        self._refuse_if_failed()
        return self._snapshots.chunk(ledger_id, seq, place)

    def ledger_ids(self) -> list[str]:
        self._refuse_if_failed()
        seqs = dict[str, int]()
        for ledger_id, head in self._server.pairs(self._heads).items():
            seqs[ledger_id.decode()] = 0
            with suppress(ValueError, TypeError):  # whoever takes it over is told of such a head
                stand = Stand.of(head)
                seqs[ledger_id.decode()] = stand.seq if stand.is_here else ELSEWHERE
        here = [ledger_id for ledger_id, seq in seqs.items() if seq != ELSEWHERE]
        return sorted(here, key=lambda each: (-seqs[each], each))

    def keep_clock(self, ledger_id: str, epoch: int, mark: ClockMark) -> None:
        self._write({ledger_id: epoch} if ledger_id else None, ("SET", self._clock, json.dumps(mark)))

    def kept_clock(self) -> ClockMark | None:
        self._refuse_if_failed()
        found = self._server.ask("GET", self._clock)
        try:
            return ClockMark(*json.loads(found)) if found else None
        except (ValueError, TypeError) as error:  # the wall clock does instead, and the ledgers' own times
            log.warning("the mark of the clock is passed over: %s", error)
            return None

    def note_attempt(self, ledger_id: str, epoch: int, attempt: Attempt, before_ms: int) -> None:
        self._refuse_if_failed()
        self._note_attempt(ledger_id, epoch, attempt, before_ms)

    def _note_attempt(self, ledger_id: str, epoch: int, attempt: Attempt, before_ms: int) -> None:
        noted = self._key(f"attempts:{ledger_id}")
        gone = [each.key for each in self._attempts(ledger_id) if each.at_ms < before_ms and each.key != attempt.key]
        if not attempt.times or attempt.at_ms < before_ms:
            gone.append(attempt.key)
            commands: list[Sequence[Any]] = []
        else:
            commands = [("HSET", noted, attempt.key, f"{attempt.times} {attempt.at_ms}")]
        firsts = range(0, len(gone), COMMAND_WORDS_MAX)
        commands += [("HDEL", noted, *gone[each : each + COMMAND_WORDS_MAX]) for each in firsts]
        self._command({ledger_id: epoch}, *commands)

    def take_back_attempt(self, ledger_id: str, epoch: int, before: Attempt) -> None:
        try:
            self._note_attempt(ledger_id, epoch, before, 0)
        except Fenced:
            return  # it is the successor's

    def attempts(self, ledger_id: str) -> list[Attempt]:
        self._refuse_if_failed()
        return self._attempts(ledger_id)

    def _attempts(self, ledger_id: str) -> list[Attempt]:
        found = self._server.pairs(self._key(f"attempts:{ledger_id}"))
        try:
            return [Attempt(key.decode(), *map(int, what.split())) for key, what in found.items()]
        except (ValueError, TypeError) as error:  # what ended its actor does so twice more
            log.warning("attempts of ledger %s are passed over: %s", ledger_id, error)
            return []

    def accepted_loss(self) -> str:
        return "; ".join(self._server.lost)

    def checkpoint(self) -> None:
        """The server rewrites its log by itself."""
        self._refuse_if_failed()

    def close(self) -> None:
        self._failed = self._failed or "it was closed"
        self._server.close()

    def _key(self, what: str) -> str:
        return f"holdfast:{{{self._name}}}:{what}"

    def _records(self, ledger_id: str) -> str:
        return self._key(f"records:{ledger_id}")

    def _write(self, epochs: Mapping[str, int] | None, *commands: Sequence[Any]) -> None:
        """Execute commands while these epochs are in force; with None, while no ledger has begun. Raises Fenced, and
        other JournalErrors, with which the journal is finished.
        """
        with self._lock:
            self._refuse_if_failed()
            self._command(epochs, *commands)

    def _command(self, epochs: Mapping[str, int] | None, *commands: Sequence[Any]) -> None:
        owned = [word for each in (epochs or {}).items() for word in each]
        words = [word for command in commands for word in (len(command), *command)]
        said = self._run("write", (self._heads,), -1 if epochs is None else len(owned) // 2, *owned, *words)
        if isinstance(said, list) and epochs is not None:
            ledger_id = said[0].decode()
            stand = self._stand(ledger_id, said[1])
            self._refuse_older(ledger_id, stand)
            raise Fenced(ledger_id, epochs[ledger_id], stand.epoch)

    def _run(self, script: str, keys: Sequence[str], *arguments: str | bytes | int) -> Any:
        """A script that writes. Raises JournalFailed, and the journal is finished."""
        try:
            return self._server.run(script, keys, *arguments, writes=True)
        except JournalFailed as failure:
            self._give_up(failure)
            raise

    def _stand(self, ledger_id: str, head: bytes | None) -> Stand:
        try:
            return Stand.of(head)
        except (ValueError, TypeError) as error:
            raise JournalDamaged(ledger_id, "its head", f"it is {head!r}") from error

    def _refuse_older(self, ledger_id: str, stand: Stand, known: Mapping[str, Stand] | None = None) -> None:
        """Raise JournalDamaged, and finish the journal, where a ledger stands before where it stood: the server was
        emptied or restored, or is another one, such as a replica that had not heard of all.
        """
        least = (self._known if known is None else known).get(ledger_id, Stand())
        if stand.epoch < least.epoch or stand.seq < least.seq:
            why = (
                f"it stood at epoch {least.epoch}, and stands at epoch {stand.epoch}, seq {stand.seq}: the server "
                f"{self._server.place} has lost what it answered"
            )
            raise self._give_up(JournalDamaged(ledger_id, f"seq {least.seq}", why))

    def _foreign(self, wanted: str, found: str) -> JournalDamaged:
        has = f"has another journal, {found}" if found else "is empty"
        return JournalDamaged("(all)", self._server.place, f"it {has}; this service began with {wanted}")

    def _give_up(self, error: E) -> E:
        """Finish the journal; returns the error to raise."""
        self._failed = self._failed or str(error)
        return error

    def _refuse_if_failed(self) -> None:
        if self._failed:
            raise JournalFailed(f"{self._server.place}: not used any more, since {self._failed}")


def _what(written: bytes, seq: int) -> tuple[int, int, int, int, int]:
    """Epoch, sequence, events, ledger time and checksum of a record, as `verified` takes them."""
    epoch, count, at_ms, checksum = map(int, written.split())
    return epoch, seq, count, at_ms, checksum

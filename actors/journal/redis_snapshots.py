"""Snapshots of a journal in Redis: a list of them by number, and the chunks of each by place."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from actors.journal.codec import chunk_checksum
from actors.journal.port import JournalDamaged, Snapshot
from actors.journal.redis_server import RedisServer

SNAPSHOTS_KEPT: Final = 2


class RedisSnapshots:
    """Of one actor. `key` gives the name of what is its own; commands are written by its journal alone."""

    def __init__(self, server: RedisServer, key: Callable[[str], str]) -> None:
        self._server = server
        self._key = key

    def write(
        self, ledger_id: str, seq: int, chunks: Iterable[bytes], execute: Callable[[Sequence[Sequence[Any]]], None]
    ) -> None:
        """Chunk by chunk; it exists with the last command, which forgets older ones, and what a crash left unfinished.
        `execute` writes commands while the owner holds the epoch. Raises JournalError.
        """
        listed = self._key(f"snapshots:{ledger_id}")
        number = max(map(int, self._server.pairs(listed)), default=0) + 1
        made = self._chunks(ledger_id, number)
        execute([("DEL", made), ("HSET", listed, number, seq)])
        count = 0
        for count, chunk in enumerate(chunks, start=1):
            checksum = chunk_checksum(ledger_id, seq, count, chunk)
            execute([("HSET", made, count, b"%d %b" % (checksum, chunk))])
        kept = {number, *list(self._finished(ledger_id))[: SNAPSHOTS_KEPT - 1]}
        gone = [each for each in map(int, self._server.pairs(listed)) if each not in kept]
        commands: list[Sequence[Any]] = [("HSET", listed, number, f"{seq} {count}")]
        if gone:
            commands += [("HDEL", listed, *gone), ("UNLINK", *(self._chunks(ledger_id, each) for each in gone))]
        execute(commands)

    def newest(self, ledger_id: str) -> Snapshot | None:
        """See `Journal.newest_snapshot`."""
        try:
            finished = self._finished(ledger_id)
        except JournalDamaged:
            return None
        for number, (seq, count) in finished.items():
            chunks = [self._chunk(ledger_id, number, seq, place) for place in range(1, count + 1)]
            if None not in chunks:  # else an older snapshot, or the records alone, give the same state
                return Snapshot(seq, tuple(chunk for chunk in chunks if chunk is not None))
        return None

    def chunk(self, ledger_id: str, seq: int, place: int) -> bytes | None:
        """See `Journal.snapshot_chunk`."""
        for number, (its_seq, count) in reversed(self._finished(ledger_id).items()):
            if its_seq == seq and place <= count:
                if (chunk := self._chunk(ledger_id, number, seq, place)) is None:
                    raise JournalDamaged(ledger_id, f"the snapshot at seq {seq}", f"chunk {place} does not verify")
                return chunk
        return None

    def _finished(self, ledger_id: str) -> dict[int, tuple[int, int]]:
        """Sequence and count of chunks of each finished snapshot by its number, the newest first. Raises
        JournalDamaged.
        """
        found: dict[int, tuple[int, int]] = {}
        listed = self._key(f"snapshots:{ledger_id}")
        try:
            for number, what in self._server.pairs(listed).items():
                seq, *count = map(int, what.split())
                if count:
                    found[int(number)] = seq, count[0]
        except ValueError as error:
            raise JournalDamaged(ledger_id, listed, str(error)) from error
        return dict(sorted(found.items(), reverse=True))

    def _chunk(self, ledger_id: str, number: int, seq: int, place: int) -> bytes | None:
        """The verified chunk; None where it is gone or damaged."""
        written = self._server.ask("HGET", self._chunks(ledger_id, number), place) or b""
        checksum, _, chunk = written.partition(b" ")
        return chunk if checksum == b"%d" % chunk_checksum(ledger_id, seq, place, chunk) else None

    def _chunks(self, ledger_id: str, number: int) -> str:
        return self._key(f"chunks:{ledger_id}:{number}")

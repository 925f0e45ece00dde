"""The reference journal: an append-only image in memory, framed and checksummed as a log file would be.

It defines the behaviour of every journal, and tests tear, flip and cut its image (`MemoryDisk.image`).

    frame = length (4 bytes, big end) · checksum of the length (4) · checksum of the body (4) · body (a JSON array)

An incomplete frame at the very end is a torn write and is cut off. One that does not verify with anything but zeros
behind it is damage, reported with its offset. The length has a checksum of its own: otherwise a flipped bit there would
make a frame in the middle look like a torn one at the end.
"""

from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import Any
from zlib import crc32

import orjson

from actors.core.chain import NamedReader
from actors.journal.codec import chained
from actors.journal.port import (
    Attempt,
    Base,
    ClockMark,
    Fenced,
    Head,
    JournalDamaged,
    JournalFailed,
    LedgerMoved,
    Phase,
    Record,
    Snapshot,
    Whereabouts,
)

_HEADER_BYTES = 12


class MemoryDisk:
    """What survives a crash. Several journals may open it, as several processes may open a file."""

    def __init__(self, image: bytes = b"") -> None:
        self.image = bytearray(image)
        self.lock = Lock()
        self.heads: dict[str, Head] = {}
        self.checksums: dict[str, int] = {}
        self.records: dict[str, list[Record]] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.clock: ClockMark | None = None
        self.readers: dict[str, dict[tuple[str, int], int]] = {}
        self.attempts: dict[str, dict[str, Attempt]] = {}
        self.whereabouts: dict[str, Whereabouts] = {}
        self._recover()

    def write(self, *body: Any) -> None:
        """Append one frame and apply it."""
        encoded = orjson.dumps(body)
        length = len(encoded).to_bytes(4, "big")
        self.image += length + crc32(length).to_bytes(4, "big") + crc32(encoded).to_bytes(4, "big") + encoded
        self._apply(orjson.loads(encoded))

    def _recover(self) -> None:
        offset, image = 0, self.image
        while offset < len(image):
            start = offset + _HEADER_BYTES
            length, *checksums = (int.from_bytes(image[at : at + 4], "big") for at in range(offset, start, 4))
            # Where the length does not verify, the frame's end is unknown: everything behind it must be zeros.
            end = start + length if crc32(image[offset : offset + 4]) == checksums[0] else start
            body = bytes(image[start:end])
            if end == start or end > len(image) or crc32(body) != checksums[1]:
                if any(image[end:]):
                    raise JournalDamaged("(all)", f"offset {offset}", "its checksum does not fit")
                del image[offset:]
                return
            self._apply(orjson.loads(body))
            offset = end

    def _apply(self, body: list[Any]) -> None:
        kind, *fields = body
        if kind == "epoch":
            ledger_id, epoch = fields
            self.heads[ledger_id] = Head(epoch, self.heads.get(ledger_id, Head(0, 0)).seq)
        elif kind == "whereabouts":
            ledger_id, epoch, *now = fields
            self.heads[ledger_id] = Head(epoch, self.heads.get(ledger_id, Head(0, 0)).seq)
            self.whereabouts[ledger_id] = Whereabouts(now[0], Phase(now[1]), now[2])
        elif kind == "clock":
            self.clock = ClockMark(*fields)
        elif kind == "attempt":
            ledger_id, attempt, before_ms = fields
            noted = {**self.attempts.get(ledger_id, {}), attempt[0]: Attempt(*attempt)}
            self.attempts[ledger_id] = {
                key: each for key, each in noted.items() if each.times and each.at_ms >= before_ms
            }
        elif kind == "reader":
            name, named, seen = fields
            for ledger_id, seq in seen.items():
                self.readers.setdefault(ledger_id, {})[name, named] = seq
        elif kind == "snapshot":
            ledger_id, seq, chunks = fields
            self.snapshots[ledger_id] = Snapshot(seq, tuple(chunk.encode() for chunk in chunks))
        else:
            for ledger_id, epoch, seq, count, at_ms, payload, checksum in fields[0]:
                record = Record(ledger_id, epoch, seq, count, at_ms, payload.encode())
                if checksum != chained(self.checksums.get(ledger_id, 0), *record):
                    raise JournalDamaged(ledger_id, f"seq {seq}", "its checksum does not fit")
                self.checksums[ledger_id] = checksum
                self.heads[ledger_id] = Head(epoch, seq)
                self.records.setdefault(ledger_id, []).append(record)


class MemoryJournal:
    """See `port.Journal`."""

    def __init__(self, disk: MemoryDisk | None = None) -> None:
        self._disk = disk if disk is not None else MemoryDisk()
        self._failed: str | None = None

    def take_over(self, ledger_id: str) -> Head:
        self._refuse_if_failed()
        with self._disk.lock:
            at = self._disk.whereabouts.get(ledger_id)
            if at is not None and at.phase is not Phase.HERE:
                raise LedgerMoved(ledger_id, at.actor)
            epoch, seq = self._disk.heads.get(ledger_id, Head(0, 0))
            self._disk.write("epoch", ledger_id, epoch + 1)
            return Head(epoch + 1, seq)

    def check_owner(self, epochs: Mapping[str, int]) -> None:
        self._refuse_if_failed()
        for ledger_id, epoch in epochs.items():
            in_force = self._disk.heads.get(ledger_id, Head(0, 0)).epoch
            if in_force != epoch or not epoch:
                raise Fenced(ledger_id, epoch, in_force)

    def append(self, records: Sequence[Record]) -> None:
        self._refuse_if_failed()
        disk = self._disk
        with disk.lock:
            heads: dict[str, Head] = {}
            checksums: dict[str, int] = {}
            rows = []
            for record in records:
                ledger_id, epoch, seq, count, _, payload = record
                in_force, last = heads.get(ledger_id, disk.heads.get(ledger_id, Head(0, 0)))
                if in_force != epoch or not epoch:
                    raise Fenced(ledger_id, epoch, in_force)
                if seq - count != last:
                    self._failed = f"an append after seq {seq - count} of ledger {ledger_id}, which stands at {last}"
                    raise JournalFailed(self._failed)
                checksum = chained(checksums.get(ledger_id, disk.checksums.get(ledger_id, 0)), *record)
                heads[ledger_id], checksums[ledger_id] = Head(epoch, seq), checksum
                rows.append([*record[:5], payload.decode(), checksum])
            disk.write("records", rows)

    def read(self, ledger_id: str, after_seq: int, events_max: int, *, may_wait: bool = True) -> list[Record]:
        self._refuse_if_failed()
        found: list[Record] = []
        events = 0
        for record in self._disk.records.get(ledger_id, ()):
            if record.seq > after_seq:
                found.append(record)
                events += record.event_count
                if events >= events_max:
                    break
        return found

    def seal(self, ledger_id: str, epoch: int, before_ms: int) -> bool:
        """There is no setting from which on it would."""
        self._refuse_if_failed()
        return False

    def move_away(self, ledger_id: str, epoch: int, readers: Mapping[str, NamedReader]) -> list[str]:
        self._refuse_if_failed()
        return []

    def note_reader(self, name: str, named: int, seen: Mapping[str, int], epochs: Mapping[str, int]) -> None:
        self._refuse_if_failed()
        with self._disk.lock:
            self.check_owner(epochs)
            self._disk.write("reader", name, named, dict(seen))

    def readers(self) -> dict[str, dict[tuple[str, int], int]]:
        self._refuse_if_failed()
        return self._disk.readers

    def sealed_seq(self, ledger_id: str) -> int:
        self._refuse_if_failed()
        return 0

    def write_snapshot(self, ledger_id: str, epoch: int, seq: int, chunks: Iterable[bytes]) -> None:
        self._refuse_if_failed()
        encoded = [chunk.decode() for chunk in chunks]
        with self._disk.lock:
            in_force, last = self._disk.heads.get(ledger_id, Head(0, 0))
            if in_force != epoch or not epoch:
                raise Fenced(ledger_id, epoch, in_force)
            if seq > last:
                self._failed = f"a snapshot at seq {seq} of ledger {ledger_id}, which stands at {last}"
                raise JournalFailed(self._failed)
            self._disk.write("snapshot", ledger_id, seq, encoded)

    def newest_snapshot(self, ledger_id: str) -> Snapshot | None:
        self._refuse_if_failed()
        return self._disk.snapshots.get(ledger_id)

    def base(self, ledger_id: str) -> Base | None:
        self._refuse_if_failed()
        return None

    def snapshot_chunk(self, ledger_id: str, seq: int, place: int) -> bytes | None:
        self._refuse_if_failed()
        snapshot = self._disk.snapshots.get(ledger_id)
        return snapshot.chunks[place - 1] if snapshot is not None and snapshot.seq == seq else None

    def ledger_ids(self) -> list[str]:
        self._refuse_if_failed()
        heads, at = self._disk.heads, self._disk.whereabouts
        here = [each for each in heads if each not in at or at[each].phase is Phase.HERE]
        return sorted(here, key=lambda each: (-heads[each].seq, each))

    def whereabouts(self) -> dict[str, Whereabouts]:
        self._refuse_if_failed()
        return dict(self._disk.whereabouts)

    def stands_at(self, ledger_id: str) -> Head:
        self._refuse_if_failed()
        return self._disk.heads.get(ledger_id, Head(0, 0))

    def put_whereabouts(
        self, ledger_id: str, stands: Head, was: Whereabouts | None, now: Whereabouts, epoch: int
    ) -> None:
        self._refuse_if_failed()
        with self._disk.lock:
            head = self._disk.heads.get(ledger_id, Head(0, 0))
            if head != stands or self._disk.whereabouts.get(ledger_id) != was:
                raise Fenced(ledger_id, stands.epoch, head.epoch)
            self._disk.write("whereabouts", ledger_id, epoch, *now)

    def receive(self, ledger_id: str, records: Sequence[Record]) -> None:
        self._refuse_if_failed()
        disk = self._disk
        with disk.lock:
            at, (own, last) = disk.whereabouts.get(ledger_id), disk.heads.get(ledger_id, Head(0, 0))
            if at is None or at.phase is not Phase.ARRIVING:
                raise Fenced(ledger_id, 0, own)
            checksum, rows = disk.checksums.get(ledger_id, 0), []
            for record in records:
                _, epoch, seq, count, _, payload = record
                if epoch < own or seq - count != last:
                    raise Fenced(ledger_id, epoch, own)
                own, last, checksum = epoch, seq, chained(checksum, *record)
                rows.append([*record[:5], payload.decode(), checksum])
            disk.write("records", rows)

    def keep_clock(self, ledger_id: str, epoch: int, mark: ClockMark) -> None:
        self._refuse_if_failed()
        with self._disk.lock:
            if ledger_id:
                self.check_owner({ledger_id: epoch})
            elif self._disk.heads:
                return
            self._disk.write("clock", *mark)

    def kept_clock(self) -> ClockMark | None:
        self._refuse_if_failed()
        return self._disk.clock

    def note_attempt(self, ledger_id: str, epoch: int, attempt: Attempt, before_ms: int) -> None:
        self._refuse_if_failed()
        with self._disk.lock:
            self.check_owner({ledger_id: epoch})
            self._disk.write("attempt", ledger_id, list(attempt), before_ms)

    def take_back_attempt(self, ledger_id: str, epoch: int, before: Attempt) -> None:
        with self._disk.lock:
            if self._disk.heads[ledger_id].epoch == epoch:
                self._disk.write("attempt", ledger_id, list(before), 0)

    def attempts(self, ledger_id: str) -> list[Attempt]:
        self._refuse_if_failed()
        return list(self._disk.attempts.get(ledger_id, {}).values())

    def accepted_loss(self) -> str:
        return ""

    def checkpoint(self) -> None:
        self._refuse_if_failed()

    def close(self) -> None:
        self._failed = self._failed or "it was closed"

    def _refuse_if_failed(self) -> None:
        if self._failed:
            raise JournalFailed(f"not used any more, since {self._failed}")

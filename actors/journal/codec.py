"""The journal's encoding of events and snapshot rows, JSON arrays, and its checksums.

JSON because a person can read it in an emergency; arrays because a million events are then 200 MB, not twice that.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Generic, TypeVar
from zlib import crc32

import msgspec

from actors.core.message import Message, to_json
from actors.journal.port import JournalDamaged, JournalNewer, Record

CHUNK_ROWS: Final = 2_000  # snapshot rows to a chunk: some 3 ms of encoding between two batches

# How msgspec's error begins where this version does not know a kind, a value or one more field.
_OF_A_LATER_VERSION: Final = ("Invalid value '", "Invalid enum value ", "Expected `array` of at most ")

# What pure functions raise for contents that no ledger has written.
NONSENSE: Final = (ArithmeticError, AssertionError, AttributeError, LookupError, StopIteration, TypeError, ValueError)

_split: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode

M = TypeVar("M")


class LaterVersion(ValueError):
    """A later version of the messages was written."""


class Reader(Generic[M]):
    """Decodes the messages of one kind of ledger; `messages` is the union of their types."""

    def __init__(self, messages: Any) -> None:
        self._decode = msgspec.json.Decoder(list[messages]).decode
        self._decode_one = msgspec.json.Decoder(messages).decode

    def __call__(self, payload: bytes) -> list[M]:
        """Decode what `encode` wrote. Raises LaterVersion, and ValueError for anything else."""
        return self._decoded(lambda: self._decode(payload))

    def at(self, payload: bytes, places: Iterable[int]) -> list[M]:
        """Decode the messages at these places alone: a tenth of the time for one. Raises as decoding all does."""

        def decode() -> list[M]:
            written = _split(payload)
            return [self._decode_one(written[place]) for place in places]

        return self._decoded(decode)

    def _decoded(self, decode: Callable[[], list[M]]) -> list[M]:
        try:
            decoded = decode()
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            if str(error).startswith(_OF_A_LATER_VERSION):
                raise LaterVersion(str(error)) from error
            raise ValueError(f"not what this version writes: {error}") from error
        return decoded


def damage_of(ledger_id: str, place: str, error: Exception) -> JournalDamaged:
    """The journal's error for one of NONSENSE, met where records were read or applied."""
    if isinstance(error, LaterVersion):
        return JournalNewer(ledger_id, place, str(error))
    return JournalDamaged(ledger_id, place, str(error) if isinstance(error, ValueError) else repr(error))


encode: Final[Callable[[Sequence[Message]], bytes]] = to_json  # a batch's events of one ledger, or rows of a snapshot


def encode_rows(rows: Iterable[Message], encode: Callable[[Any], bytes] = to_json) -> Iterator[bytes]:
    """Yield snapshot rows in encoded chunks of CHUNK_ROWS."""
    chunk: list[Message] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK_ROWS:
            yield encode(chunk)
            chunk = []
    if chunk:
        yield encode(chunk)


def chained(previous: int, ledger_id: str, epoch: int, seq: int, count: int, at_ms: int, payload: bytes) -> int:
    """A record's CRC-32, which includes its predecessor's: no record can go missing, move or be exchanged unnoticed."""
    head = f"{ledger_id} {epoch} {seq} {count} {at_ms} {previous}".encode()
    return crc32(payload, crc32(head))


def chain_start(ledger_id: str, epoch: int) -> int:
    """What `chained` goes on from for every record of a ledger under one epoch."""
    return crc32(f"{ledger_id} {epoch} ".encode())


def verified(
    rows: Iterable[Any], ledger_id: str, after_seq: int, checksum: int, head_seq: int, events_max: int
) -> list[Record]:
    """Rows as records. Raises JournalDamaged where one does not verify, or where they end before the head."""
    records: list[Record] = []
    events, last = 0, after_seq
    for epoch, seq, count, at_ms, written, payload in rows:
        if not isinstance(payload, bytes):
            raise JournalDamaged(ledger_id, f"seq {seq}", "its payload is not what was written")
        checksum = chained(checksum, ledger_id, epoch, seq, count, at_ms, payload)
        if checksum != written:
            raise JournalDamaged(ledger_id, f"seq {seq}", "its checksum does not fit")
        if seq - count > last:  # a damaged index may skip intact records
            raise JournalDamaged(ledger_id, f"seq {seq}", f"it does not follow seq {last}")
        last = seq
        records.append(Record(ledger_id, epoch, seq, count, at_ms, payload))
        events += count
        if events >= events_max:
            return records
    if last < head_seq:
        raise JournalDamaged(ledger_id, f"seq {last + 1}", f"the records end here, not at {head_seq}")
    return records


def chunk_checksum(ledger_id: str, seq: int, place: int, chunk: bytes) -> int:
    """A snapshot chunk's CRC-32. It includes ledger, sequence and place, which are not in the chunk's bytes."""
    return crc32(chunk, crc32(f"{ledger_id} {seq} {place}".encode()))

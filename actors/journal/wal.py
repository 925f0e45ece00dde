"""SQLite's write-ahead log, examined before SQLite opens it: is it torn, or damaged?

SQLite takes the first frame that does not verify for the end of the log. That is right after a torn write, and wrong
where a bit has changed in front of commits that were acknowledged: those it would drop without a word.

    log    = header · frame · frame ...
    header = magic · version · page size · checkpoints (4 bytes each) · salt (8) · checksum (8)
    frame  = page number (4) · pages of the database after a commit, else 0 (4) · salt (8) · checksum (8) · page

A frame's checksum takes in the one before it. That one is stored, so whether a frame *fits* can be said of each by
itself, also behind one that does not. A log that is begun anew has a new salt, and frames of the old one behind its own.

Every commit is flushed before the next one begins, and the header before any frame. So a tear is in the last commit
alone, and leaves whole sectors as they were before. It is damage, and no tear, where

1. the header does not verify, and something stands behind it;
2. behind the first bad frame a later one fits on a commit: the commit was flushed before that could be written;
3. the first bad frame would be good with one bit changed, or with the salt that its checksum proves it to have had.

What is left, more than a bit of the last commit, cannot be told from a tear by anything in the file; it is cut off.
"""

from array import array
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from struct import pack, unpack
from typing import BinaryIO, Final, Literal, NamedTuple

from actors.journal.port import JournalDamaged, JournalFailed

_HEADER_BYTES: Final = 32
_FRAME_HEADER_BYTES: Final = 24
# The magic number says in which order the bytes of checksummed words stand; numbers of the log itself are big-endian.
_ORDERS: Final[dict[int, Literal["<", ">"]]] = {0x377F0682: "<", 0x377F0683: ">"}
_WORD: Final = 0xFFFF_FFFF
_BLOCK_FRAMES: Final = 512  # 2 MB at a time: what the numbers below need still fits into a processor's cache
_STEPS_UNMASKED: Final = 16  # a step makes a sum 2.6 times as large, and a lane has 32 bits to spare
_READINGS_MAX: Final = 5


class Frame(NamedTuple):
    """What a frame says of itself. `is_ours`: it has the salt of the log as it is now."""

    is_ours: bool
    fits: bool
    commits: bool


class Damage(NamedTuple):
    """Where the log is damaged, and under which header."""

    header: bytes
    offset: int
    why: str


def verify_log(path: Path) -> None:
    """Raise JournalDamaged where commits would be lost. No log, or a torn one, is whole; nothing is changed.

    Another process may write meanwhile, and be read half before and half after. What has been committed under a header
    does not change again, so damage is what two readings in a row say of the same place.
    """
    suspected: Damage | None = None
    for _ in range(_READINGS_MAX):
        try:
            with path.open("rb") as log:
                found = _damage(log)
        except FileNotFoundError:
            return
        except OSError as error:
            raise JournalFailed(f"{path}: {error}") from error
        if found is None:
            return
        if found == suspected:
            raise JournalDamaged("(all)", f"log offset {found.offset}", found.why)
        suspected = found


def _damage(log: BinaryIO) -> Damage | None:
    header = log.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        return None
    magic, _, page_bytes, _, _, _, *stored = unpack(">8I", header)
    order = _ORDERS.get(magic)
    if order is None or _checksum(unpack(f"{order}6I", header[:24]), (0, 0)) != tuple(stored):
        return None if _is_zero(log) else Damage(header, 0, "the log's header does not verify, and frames follow it")
    frame_bytes = _FRAME_HEADER_BYTES + page_bytes
    frames = list(_frames(log, header, order, frame_bytes))
    bad = next((number for number, frame in enumerate(frames) if not (frame.is_ours and frame.fits)), None)
    if bad is None:
        return None
    offset = _HEADER_BYTES + bad * frame_bytes
    for frame, successor in pairwise(frames[bad:]):
        if frame.is_ours and frame.commits and successor.is_ours and successor.fits:
            return Damage(header, offset, "the frame does not verify, and later commits follow it")
    if frames[bad].fits:
        return Damage(header, offset, "the frame's salt is not what was written")
    if frames[bad].is_ours and _is_a_bit_away(log, offset, frame_bytes, order):
        return Damage(header, offset, "one bit of the frame is not what was written")
    return None


def _frames(log: BinaryIO, header: bytes, order: Literal["<", ">"], frame_bytes: int) -> Iterator[Frame]:
    """All whole frames, by blocks."""
    columns = frame_bytes // 8
    salt, previous = header[16:24], header[24:32]
    while count := len(block := log.read(_BLOCK_FRAMES * frame_bytes)) // frame_bytes:
        doubles = array("Q", block[: count * frame_bytes])
        commits = unpack(f">{2 * count}I", doubles[0::columns].tobytes())[1::2]
        salts = doubles[1::columns].tobytes()
        checksums = doubles[2::columns].tobytes()
        ours = [salts[at : at + 8] == salt for at in range(0, 8 * count, 8)]
        # Of frames with an old salt only the first matters: whether it fits tells it from a damaged one.
        lanes = min(count, 2 + max((number for number, is_ours in enumerate(ours) if is_ours), default=-1))
        if order == ">":
            words = array("I", block[: lanes * frame_bytes])
            words.byteswap()
            doubles = array("Q", words.tobytes())
        computed = _checksums(doubles[: lanes * columns], columns, (previous + checksums)[: 8 * lanes])
        for number, is_ours in enumerate(ours):
            fits = number < lanes and computed[number] == unpack(">2I", checksums[8 * number : 8 * number + 8])
            yield Frame(is_ours, fits, commits[number] > 0)
        previous = checksums[-8:]


def _checksums(doubles: "array[int]", columns: int, previous: bytes) -> list[tuple[int, int]]:
    """The checksum of each frame as it follows from its predecessor's.

    A frame is a lane of 64 bits in numbers as long as the block, so that one addition serves all frames: 16 MB take
    50 ms instead of 500 ms by a loop over words.
    """
    lanes = len(doubles) // columns
    low = int.from_bytes(pack("<2I", _WORD, 0) * lanes, "little")
    starts = unpack(f">{2 * lanes}I", previous)
    first = int.from_bytes(pack(f"<{lanes}Q", *starts[0::2]), "little")
    second = int.from_bytes(pack(f"<{lanes}Q", *starts[1::2]), "little")
    for step, column in enumerate((0, *range(_FRAME_HEADER_BYTES // 8, columns)), start=1):
        pairs = int.from_bytes(doubles[column::columns].tobytes(), "little")
        first += (pairs & low) + second
        second += (pairs >> 32 & low) + first
        if step % _STEPS_UNMASKED == 0:
            first &= low
            second &= low
    sums = [unpack(f"<{lanes}Q", (each & low).to_bytes(8 * lanes, "little")) for each in (first, second)]
    return list(zip(*sums, strict=True))


def _checksum(words: Sequence[int], start: tuple[int, int]) -> tuple[int, int]:
    first, second = start
    for even, odd in zip(words[0::2], words[1::2], strict=True):
        first = (first + even + second) & _WORD
        second = (second + odd + first) & _WORD
    return first, second


def _is_a_bit_away(log: BinaryIO, offset: int, frame_bytes: int, order: Literal["<", ">"]) -> bool:
    """Whether the frame would fit with one bit changed. A tail that was zeroed may have lost one bit as well."""
    log.seek(offset - 8 if offset == _HEADER_BYTES else offset - frame_bytes + 16)
    previous = unpack(">2I", log.read(8))
    log.seek(offset)
    frame = log.read(frame_bytes)
    if len(frame) < frame_bytes:
        return False
    summed = frame[:8] + frame[_FRAME_HEADER_BYTES:]
    words = unpack(f"{order}{len(summed) // 4}I", summed)
    place = _bit_in_checksum(frame[16:24], _checksum(words, previous))
    if place is None:
        place = _bit_in_words(words, order, _checksum(words, previous), unpack(">2I", frame[16:24]))
    if place is None:
        return False
    log.seek(offset + place)
    return not _is_zero(log)


def _bit_in_checksum(stored: bytes, computed: tuple[int, int]) -> int | None:
    """The place in the frame of the byte whose bit is wrong, if it is in the stored checksum."""
    wrong = int.from_bytes(stored, "big") ^ int.from_bytes(pack(">2I", *computed), "big")
    return 23 - (wrong.bit_length() - 1) // 8 if wrong.bit_count() == 1 else None


def _bit_in_words(
    words: Sequence[int], order: Literal["<", ">"], computed: tuple[int, int], stored: tuple[int, ...]
) -> int | None:
    """The place in the frame of the byte whose bit is wrong, if it is among what the checksum takes in.

    A word counts by Fibonacci numbers, from the last one backwards: (0, 1), (1, 1), (1, 2), (2, 3) times in the sums.
    """
    missing = [(there - here) & _WORD for here, there in zip(computed, stored, strict=True)]
    weights = (0, 1)
    for number in range(len(words) - 1, -1, -1):
        for bit in range(32):
            change = -(1 << bit) if words[number] >> bit & 1 else 1 << bit
            if weights[0] * change & _WORD == missing[0] and weights[1] * change & _WORD == missing[1]:
                byte = 4 * number + (bit // 8 if order == "<" else 3 - bit // 8)
                return byte if byte < 8 else byte - 8 + _FRAME_HEADER_BYTES
        weights = (weights[1], sum(weights) & _WORD)
    return None


def _is_zero(log: BinaryIO) -> bool:
    """Whether nothing but zeros stands from here to the end."""
    return not any(block.strip(b"\0") for block in iter(partial(log.read, 1 << 20), b""))

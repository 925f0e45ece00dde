"""Verifies SQLite's write-ahead log before SQLite opens it: distinguishes a torn log from a damaged one.

SQLite takes the first frame that does not verify for the end of the log. That is right after a torn write, and wrong
where a bit has changed in front of acknowledged commits: those it would drop silently.

    log    = header · frame · frame ...
    header = magic · version · page size · checkpoints (4 bytes each) · salt (8) · checksum (8)
    frame  = page number (4) · pages of the database after a commit, else 0 (4) · salt (8) · checksum (8) · page

A frame's checksum includes its predecessor's. That one is stored, so each frame can be checked against the frame before
it alone, also behind one that does not verify. A restarted log has a new salt, and older frames behind its own.

Every commit is flushed before the next one begins, and the header before any frame. So a tear is within the last
commit, of whose sectors any may have their old contents. It is damage, and no tear, where

1. the header does not verify, and something other than zeros follows it; or
2. behind the first bad frame, or on it, a later frame fits on a commit: that commit was flushed before.

A change within the last commit cannot be told from a tear, and is cut off like one.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from struct import pack, unpack
from typing import BinaryIO, Final, Literal, NamedTuple

from actors.journal.port import JournalDamaged, JournalFailed

_HEADER_BYTES: Final = 32
_FRAME_HEADER_BYTES: Final = 24
# The magic number gives the byte order of checksummed words; all other numbers of the log are big-endian.
_ORDERS: Final[dict[int, Literal["<", ">"]]] = {0x377F0682: "<", 0x377F0683: ">"}
_WORD: Final = 0xFFFF_FFFF
_BLOCK_FRAMES: Final = 512  # 2 MB at a time: the numbers below still fit into a processor's cache
_STEPS_UNMASKED: Final = 16  # a step makes a sum 2.6 times as large, and a lane has 32 bits to spare
_READINGS_MAX: Final = 5


class Frame(NamedTuple):
    """What a frame's fields show. `is_ours`: it has the salt of the current log."""

    is_ours: bool
    fits: bool
    commits: bool


class Damage(NamedTuple):
    """The offset of the damage in the log, the reason, and the header it was read under."""

    header: bytes
    offset: int
    why: str


def verify_log(path: Path) -> None:
    """Raise JournalDamaged where commits would be lost, JournalFailed where reading fails. A torn or missing log is
    valid.

    Another process may write meanwhile, so that a reading mixes old and new. What has been committed under a header
    does not change again, so damage is reported only where two consecutive readings find it in the same place.
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


def pages_of_log(path: Path) -> int:
    """How many pages stand in the log since it was begun anew: the frames with its salt come first. Raises OSError."""
    with path.open("rb") as log:
        header = log.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            return 0
        frame_bytes = _FRAME_HEADER_BYTES + int.from_bytes(header[8:12], "big")
        frames = range((path.stat().st_size - _HEADER_BYTES) // frame_bytes)

        def is_older(frame: int) -> bool:
            log.seek(_HEADER_BYTES + frame * frame_bytes + 8)
            return log.read(8) != header[16:24]

        return bisect_left(frames, True, key=is_older)


def _damage(log: BinaryIO) -> Damage | None:
    header = log.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        return None
    magic, _, page_bytes, _, _, _, *stored = unpack(">8I", header)
    order = _ORDERS.get(magic)
    if order is None or _checksum(unpack(f"{order}6I", header[:24]), (0, 0)) != tuple(stored):
        only_zeros = not any(block.strip(b"\0") for block in iter(partial(log.read, 1 << 20), b""))
        return None if only_zeros else Damage(header, 0, "the log's header does not verify, and frames follow it")
    frame_bytes = _FRAME_HEADER_BYTES + page_bytes
    frames = list(_frames(log, header, order, frame_bytes))
    bad = next((number for number, frame in enumerate(frames) if not (frame.is_ours and frame.fits)), None)
    if bad is None:
        return None
    offset = _HEADER_BYTES + bad * frame_bytes
    for frame, successor in pairwise(frames[bad:]):
        marked = frame.commits and (frame.is_ours or frame.fits)  # else its commit mark is not reliable
        if marked and successor.is_ours and successor.fits:
            return Damage(header, offset, "the frame does not verify, and later commits follow it")
    if all(frame.is_ours for frame in frames[bad : bad + 2]) and _hid_a_commit(log, offset, frame_bytes, order):
        return Damage(header, offset, "the frame ended a commit, does not verify, and a later commit follows it")
    return None


def _frames(log: BinaryIO, header: bytes, order: Literal["<", ">"], frame_bytes: int) -> Iterator[Frame]:
    """Yield all whole frames, read in blocks."""
    columns = frame_bytes // 8
    salt, previous = header[16:24], header[24:32]
    while count := len(block := log.read(_BLOCK_FRAMES * frame_bytes)) // frame_bytes:
        doubles = array("Q", block[: count * frame_bytes])
        commits = unpack(f">{2 * count}I", doubles[0::columns].tobytes())[1::2]
        salts = doubles[1::columns].tobytes()
        checksums = doubles[2::columns].tobytes()
        ours = [salts[at : at + 8] == salt for at in range(0, 8 * count, 8)]
        # Whether the older frames behind the last of ours fit makes no difference.
        lanes = 1 + max((number for number, is_ours in enumerate(ours) if is_ours), default=-1)
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
    """The checksum of each frame, computed from its predecessor's.

    A frame is a lane of 64 bits in numbers as long as the block, so that one addition serves all frames: 16 MB take 50
    ms instead of 500 ms by a loop over words.
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


def _checksum(words: Sequence[int], start: tuple[int, ...]) -> tuple[int, int]:
    first, second = start
    for even, odd in zip(words[0::2], words[1::2], strict=True):
        first = (first + even + second) & _WORD
        second = (second + odd + first) & _WORD
    return first, second


def _hid_a_commit(log: BinaryIO, offset: int, frame_bytes: int, order: Literal["<", ">"]) -> bool:
    """True where the next frame fits on this one as a commit, but for this one's checksum, or a bit of its mark."""
    log.seek(offset - 8 if offset == _HEADER_BYTES else offset - frame_bytes + 16)
    previous = unpack(">2I", log.read(8))
    log.seek(offset)
    frame, successor = log.read(frame_bytes), log.read(frame_bytes)
    if len(successor) < frame_bytes:
        return False
    words, stored = _parts(frame, order)
    next_words, next_stored = _parts(successor, order)
    if any(frame[4:8]):
        return _checksum(next_words, _checksum(words, previous)) == next_stored
    marks = [unpack(f"{order}I", pack(">I", 1 << bit))[0] for bit in range(32)]
    return _checksum(next_words, stored) == next_stored and any(
        _checksum((words[0], mark, *words[2:]), previous) == stored for mark in marks
    )


def _parts(frame: bytes, order: Literal["<", ">"]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The words that a frame's checksum covers, and the stored checksum."""
    summed = frame[:8] + frame[_FRAME_HEADER_BYTES:]
    return unpack(f"{order}{len(summed) // 4}I", summed), unpack(">2I", frame[16:24])

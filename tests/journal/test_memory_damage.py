"""The memory journal's image, harmed byte by byte: cut, zeroed, and with every bit of it changed."""

from itertools import pairwise
from typing import Final

import pytest

from actors.journal.port import JournalDamaged, Record
from tests.journal.memory import MemoryDisk, MemoryJournal
from tests.journal.storages import appended, record, records_of, with_bit_flipped

LEDGER: Final = "S1"


@pytest.fixture(scope="module")
def frames() -> list[bytes]:
    """A small image by frames: a take-over, an append, a snapshot, and three more appends."""
    disk = MemoryDisk()
    ends = [0]
    journal = MemoryJournal(disk)
    appended(journal, LEDGER, [])
    ends.append(len(disk.image))
    for seq in (1, 2, 3, 4):
        if seq == 2:
            journal.write_snapshot(LEDGER, 1, 1, [b"[1]"])
            ends.append(len(disk.image))
        journal.append([record(LEDGER, 1, seq)])
        ends.append(len(disk.image))
    return [bytes(disk.image[start:end]) for start, end in pairwise(ends)]


def recovered(image: bytes) -> tuple[list[Record], bytes]:
    """The records that an image is recovered to, and the image as it stands then."""
    disk = MemoryDisk(image)
    return records_of(MemoryJournal(disk), LEDGER), bytes(disk.image)


def test_cut_at_every_byte_it_is_the_longest_valid_prefix(frames: list[bytes]) -> None:
    image = b"".join(frames)
    for size in range(len(image) + 1):
        whole = [b"".join(frames[:number]) for number in range(len(frames) + 1)]
        longest = max((prefix for prefix in whole if len(prefix) <= size), key=len)
        assert recovered(image[:size]) == (recovered(longest)[0], longest), f"cut at {size}"


def test_a_zeroed_tail_is_cut_as_a_torn_one(frames: list[bytes]) -> None:
    image = b"".join(frames)
    last_starts = len(image) - len(frames[-1])
    for size in range(last_starts, len(image)):
        zeroed = image[:size] + bytes(len(image) - size)
        if zeroed == image:
            continue
        records, left = recovered(zeroed)
        assert [each.seq for each in records] == [1, 2, 3], f"zeroed from {size}"
        assert left == image[:last_starts]


def test_zeros_behind_the_last_frame_are_cut(frames: list[bytes]) -> None:
    image = b"".join(frames)
    for zeros in (1, 3, 8, 11, 12, 13, 4_096):
        assert recovered(image + bytes(zeros)) == recovered(image)


def test_every_changed_bit_in_the_middle_is_damage_and_names_its_offset(frames: list[bytes]) -> None:
    image = b"".join(frames)
    starts = [sum(map(len, frames[:number])) for number in range(len(frames))]
    for offset in range(starts[-1]):
        frame_starts = max(start for start in starts if start <= offset)
        for bit in range(8):
            with pytest.raises(JournalDamaged) as raised:
                MemoryDisk(with_bit_flipped(image, offset, bit))
            assert raised.value.place == f"offset {frame_starts}", f"byte {offset} bit {bit}"


def test_a_changed_bit_in_the_last_frame_is_never_read(frames: list[bytes]) -> None:
    image = b"".join(frames)
    intact = recovered(b"".join(frames[:-1]))
    for offset in range(len(image) - len(frames[-1]), len(image)):
        for bit in range(8):
            try:
                left: object = recovered(with_bit_flipped(image, offset, bit))
            except JournalDamaged as damage:
                left = damage.place
            assert left in (intact, f"offset {len(intact[1])}"), f"byte {offset} bit {bit}"


def test_frames_that_changed_places_or_went_missing_are_damage(frames: list[bytes]) -> None:
    first, append_1, snapshot, append_2, append_3, append_4 = frames
    for image in (
        [first, snapshot, append_2, append_1, append_3, append_4],
        [first, append_1, snapshot, append_3, append_4],
        [first, append_1, append_1, snapshot, append_2],
    ):
        with pytest.raises(JournalDamaged, match="damaged at seq"):
            MemoryDisk(b"".join(image))

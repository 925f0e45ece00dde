"""The sqlite journal's log: damage stops the ledger, a tear is cut off, and neither is taken for the other.

Some logs here are SQLite's; others are made by the format's description, small enough to be harmed everywhere.
"""

import random
import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest

from actors.journal.port import Fenced, Head, JournalDamaged, JournalFailed, Record
from actors.journal.sqlite import SqliteJournal
from actors.journal.wal import pages_of_log, verify_log
from tests.journal.storages import (
    FRAME_HEADER_BYTES,
    WAL_HEADER_BYTES,
    SqliteStorage,
    appended,
    last_commit_of,
    record,
    records_of,
    with_bit_flipped,
)

SECTOR_BYTES: Final = 512
MAGIC: Final = {"<": 0x377F0682, ">": 0x377F0683}
PAGE_BYTES: Final = 512
FRAME_BYTES: Final = FRAME_HEADER_BYTES + PAGE_BYTES
COMMITS: Final = ((1, 2, 3), (4,), (2, 3, 4), (2, 5))  # pages of the commits of a made log
APPENDS: Final = 16
TEARS: Final = 8  # of each append


def checksum(order: str, image: bytes, start: tuple[int, int] = (0, 0)) -> tuple[int, int]:
    """As the format's description has it, word by word."""
    words = struct.unpack(f"{order}{len(image) // 4}I", image)
    first, second = start
    for even, odd in zip(words[0::2], words[1::2], strict=True):
        first = (first + even + second) % 2**32
        second = (second + odd + first) % 2**32
    return first, second


def header_of(order: str, page_bytes: int, salt: bytes) -> bytes:
    """A log's header."""
    head = struct.pack(">4I", MAGIC[order], 3_007_000, page_bytes, 0) + salt
    return head + struct.pack(">2I", *checksum(order, head))


def framed(order: str, image: bytes, number: int, size: int, page: bytes) -> bytes:
    """The log with one more frame."""
    at = WAL_HEADER_BYTES if len(image) > WAL_HEADER_BYTES else 0
    last = image[-len(page) - 8 : -len(page)] if at else image[24:32]
    head = struct.pack(">2I", number, size)
    total = checksum(order, head + page, struct.unpack(">2I", last))
    return image + head + image[16:24] + struct.pack(">2I", *total) + page


def made(order: str = "<", salt: bytes = b"saltsalt") -> bytes:
    """A log of `COMMITS`, with pages of chance."""
    seeded = random.Random(f"{order} {salt!r}")
    image = header_of(order, PAGE_BYTES, salt)
    for pages in COMMITS:
        for place, number in enumerate(pages, start=1):
            image = framed(order, image, number, 8 * (place == len(pages)), seeded.randbytes(PAGE_BYTES))
    return image


def place_of_damage(path: Path, image: bytes) -> str:
    """Where a log is said to be damaged; nothing where it is said to be whole."""
    path.write_bytes(image)
    try:
        verify_log(path)
    except JournalDamaged as damage:
        return damage.place
    return ""


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    """Where a made log goes."""
    return tmp_path / "made-wal"


@pytest.mark.parametrize("order", MAGIC)
def test_a_changed_bit_is_named_by_its_frame_in_front_of_the_last_commit(log_path: Path, order: str) -> None:
    log, seeded = made(order), random.Random("bits")
    last_commit = last_commit_of(log)
    assert place_of_damage(log_path, log) == ""
    for offset in range(len(log)):
        frame, within = divmod(offset - WAL_HEADER_BYTES, FRAME_BYTES)
        for bit in range(8) if within < FRAME_HEADER_BYTES else [seeded.randrange(8)] if offset % 5 == 0 else []:
            named = f"log offset {max(0, WAL_HEADER_BYTES + frame * FRAME_BYTES)}"
            found = place_of_damage(log_path, with_bit_flipped(log, offset, bit))
            assert found == named or (found == "" and offset >= last_commit)


@pytest.mark.parametrize("lost", [bytes, random.Random("lost").randbytes])
def test_lost_sectors_are_damage_in_front_of_the_last_two_commits(log_path: Path, lost: Callable[[int], bytes]) -> None:
    """In the last commit they are a tear. In the one before, they may hold its mark, and then the two look like one."""
    log = made()
    last_two = last_commit_of(log[: last_commit_of(log)])
    for start in range(0, last_two - SECTOR_BYTES, 100):
        harmed = log[:start] + lost(SECTOR_BYTES) + log[start + SECTOR_BYTES :]
        named = max(0, WAL_HEADER_BYTES + (start - WAL_HEADER_BYTES) // FRAME_BYTES * FRAME_BYTES)
        assert place_of_damage(log_path, harmed) == f"log offset {named}"


@pytest.mark.parametrize("zeroed", [False, True])
def test_a_log_that_ends_at_any_byte_is_torn(log_path: Path, *, zeroed: bool) -> None:
    log = made()
    for size in (*range(WAL_HEADER_BYTES + 1), *range(len(log) - 5 * FRAME_BYTES, len(log))):
        assert place_of_damage(log_path, log[:size] + bytes(len(log) - size) * zeroed) == ""


def test_frames_of_an_older_salt_are_not_missed(log_path: Path) -> None:
    old, new = made(salt=b"salt old"), made(salt=b"salt new")
    for frames in range(8):
        live = WAL_HEADER_BYTES + frames * FRAME_BYTES
        begun_anew = new[:live] + old[live:]
        assert place_of_damage(log_path, begun_anew) == ""
        for offset in range(live, len(old), 331):
            assert place_of_damage(log_path, with_bit_flipped(begun_anew, offset)) == ""
        if frames > sum(map(len, COMMITS[:2])):
            harmed = with_bit_flipped(begun_anew, WAL_HEADER_BYTES + 99)
            assert place_of_damage(log_path, harmed) == f"log offset {WAL_HEADER_BYTES}"


def test_no_log_an_empty_one_and_one_of_zeros_are_whole(log_path: Path) -> None:
    verify_log(log_path)
    for image in (b"", bytes(WAL_HEADER_BYTES), bytes(9_999), made()[:WAL_HEADER_BYTES], bytes(3) + b"\1" + bytes(28)):
        assert place_of_damage(log_path, image) == ""
    assert place_of_damage(log_path, bytes(WAL_HEADER_BYTES) + b"\0\1") == "log offset 0"


def test_a_log_that_cannot_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(JournalFailed):
        verify_log(tmp_path)


def test_damage_that_a_second_reading_does_not_find_was_a_writer_at_work(
    log_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = made()
    readings = [with_bit_flipped(log, 900), with_bit_flipped(log, 2_000), log]
    monkeypatch.setattr(Path, "open", lambda *_: BytesIO(readings.pop(0)))
    verify_log(log_path)
    assert readings == []


@pytest.fixture
def written(sqlite_storage: SqliteStorage) -> list[Record]:
    """A ledger whose log has commits of several lengths."""
    return appended(sqlite_storage.open(), "S1", [1, 90, 2, 1, 300, 1])


def test_what_stopped_the_ledger_is_still_there_the_next_time(
    sqlite_storage: SqliteStorage, written: list[Record]
) -> None:
    """SQLite would cut the log off, and forget it when the file is closed."""
    damaged = sqlite_storage.after_crash()
    log = sqlite_storage.log_path.read_bytes()
    damaged.log_path.write_bytes(with_bit_flipped(log, len(log) // 2))
    images = damaged.log_path.read_bytes(), damaged.path.read_bytes()
    for _ in range(3):
        with pytest.raises(JournalDamaged, match="commits follow it"):
            damaged.open()
        assert (damaged.log_path.read_bytes(), damaged.path.read_bytes()) == images
    damaged.log_path.write_bytes(log)
    assert records_of(damaged.open(), "S1") == written


def test_a_log_that_another_owner_still_holds_open_is_examined_as_well(
    sqlite_storage: SqliteStorage, written: list[Record]
) -> None:
    zombie, successor = sqlite_storage.open(), sqlite_storage.open()
    assert zombie.take_over("S1") == Head(2, written[-1].seq)
    assert successor.take_over("S1") == Head(3, written[-1].seq)
    assert records_of(successor, "S1") == written
    with pytest.raises(Fenced):
        zombie.append([record("S1", 2, written[-1].seq + 1)])
    successor.append([record("S1", 3, written[-1].seq + 1)])

    log = sqlite_storage.log_path.read_bytes()
    with sqlite_storage.log_path.open("r+b") as file:
        file.write(with_bit_flipped(log, 9_000)[:9_001])
    with pytest.raises(JournalDamaged, match="log offset"):
        sqlite_storage.open()
    with sqlite_storage.log_path.open("r+b") as file:
        file.write(log[:9_001])
    assert len(records_of(sqlite_storage.open(), "S1")) == len(written) + 1


def torn_images(before: bytes, after: bytes, seeded: random.Random) -> list[bytes]:
    """What may be there if the power goes while `after` is written: of the sectors, any. The header goes first."""
    before = after[:WAL_HEADER_BYTES] + before[WAL_HEADER_BYTES:].ljust(len(after) - WAL_HEADER_BYTES, b"\0")
    sectors = range(0, len(after), SECTOR_BYTES)
    images = []
    for share in (seeded.random() for _ in range(TEARS)):
        sources = [after if seeded.random() < share else before for _ in sectors]
        images.append(
            b"".join(each[at : at + SECTOR_BYTES] for each, at in zip(sources, sectors, strict=True))
            + before[len(after) :]
        )
    return images


@pytest.mark.parametrize("checkpoint_pages", [5, 20, 4_000])
def test_a_log_begun_anew_and_torn_anywhere_in_its_last_commit_loses_that_alone(
    sqlite_storage: SqliteStorage, checkpoint_pages: int
) -> None:
    journal = SqliteJournal(sqlite_storage.path, checkpoint_pages=checkpoint_pages)
    seeded = random.Random(checkpoint_pages)
    journal.take_over("S1")
    written: list[Record] = []
    salts, stale = set(), 0
    for _ in range(APPENDS):
        count = seeded.choice([1, 3, 150])
        written.append(record("S1", 1, (written[-1].seq if written else 0) + count, count))
        crashed = sqlite_storage.after_crash()
        before = crashed.log_path.read_bytes()
        journal.append(written[-1:])
        after = sqlite_storage.log_path.read_bytes()
        journal.checkpoint()
        salts.add(after[16:24])
        stale += after[-4_112:-4_104] != after[16:24]
        assert records_of(sqlite_storage.after_crash().open(), "S1") == written
        for image in torn_images(before, after, seeded):
            torn = sqlite_storage.after_crash()
            torn.path.write_bytes(crashed.path.read_bytes())  # a checkpoint comes later than the flush of the log
            torn.log_path.write_bytes(image)
            assert records_of(torn.open(), "S1") in (written, written[:-1])
            torn.close()
    journal.close()
    if checkpoint_pages < 4_000:
        assert len(salts) > 3
        assert stale > 3


def test_what_a_failed_commit_left_behind_a_torn_one_is_no_damage(sqlite_storage: SqliteStorage) -> None:
    """It has the salt, and a commit's mark; but it does not fit on what was written over its beginning."""
    written = appended(sqlite_storage.open(), "S1", [1, 1])
    logs = []
    for counts in ([400], [1, 1]):
        branch = sqlite_storage.after_crash()
        journal = branch.open()
        epoch, seq = journal.take_over("S1")
        for count in counts:
            seq += count
            journal.append([record("S1", epoch, seq, count)])
        logs.append(branch.log_path.read_bytes())
    failed, kept = logs
    assert len(failed) > len(kept)
    written.append(record("S1", 2, 3))
    for size in range(len(kept) - 4_120, len(kept), 99):
        torn = sqlite_storage.after_crash()
        torn.log_path.write_bytes(kept[:size] + failed[size:])
        assert records_of(torn.open(), "S1") == written
        torn.close()


def test_a_log_is_bounded_though_nobody_calls_for_checkpoints(sqlite_storage: SqliteStorage) -> None:
    journal = SqliteJournal(sqlite_storage.path, checkpoint_pages=10)
    largest = 0
    written = appended(journal, "S1", [])
    for seq in range(1, 100):
        written.append(record("S1", 1, seq))
        journal.append(written[-1:])
        largest = max(largest, sqlite_storage.log_path.stat().st_size)
    journal.close()
    assert 10 * 4_096 < largest < 60 * 4_096
    assert records_of(sqlite_storage.open(), "S1") == written


def test_a_long_log_is_begun_anew_after_a_checkpoint_and_a_short_one_is_left(sqlite_storage: SqliteStorage) -> None:
    journal = SqliteJournal(sqlite_storage.path, checkpoint_pages=20)
    journal.take_over("S1")
    begun = 0
    for seq in range(1, 60):
        journal.append([record("S1", 1, seq)])
        pages = pages_of_log(sqlite_storage.log_path)
        assert pages <= 30
        salt = sqlite_storage.log_path.read_bytes()[16:24]
        journal.checkpoint()
        copied = sqlite_storage.log_path.read_bytes()[16:24]
        assert copied == salt  # it is the next commit that begins it anew
        begun += pages >= 20
    journal.close()
    assert begun > 3

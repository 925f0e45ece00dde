"""Where answers are, written as it lies in memory and read by a process that lays it out otherwise."""

import random
import sys
from collections.abc import Callable
from typing import Any

import pytest

from actors.core import packed
from actors.core.packed import BUCKET_ENTRIES, ENTRY_BYTES, Packed, PackedRow, hash_of, packed_rows, rows_by_version
from actors.core.policy import DAY_MS

A_DAY = 2_000  # entries
DAYS = 4


def filled(is_live: Callable[[int], bool] = packed.never) -> Packed:
    """A table with so many entries of each day, each about what was made by the one before."""
    table = Packed(DAY_MS, 8 * DAY_MS, is_live, about_bytes=1)
    for version in range(1, DAYS * A_DAY + 1):
        table.put(hash_of(str(version)), version, (version - 1) // A_DAY * DAY_MS, 1)
    return table


def elsewhere(table: Packed, last: int, monkeypatch: pytest.MonkeyPatch) -> Packed:
    """The same in a process that draws buckets by another hash."""
    rows = list(packed_rows(table.captured(), last, refused=False))
    monkeypatch.setattr(packed, "hash", lambda hashed: hash(hashed + b"of another process"), raising=False)
    monkeypatch.setattr(packed, "HASH_PRINT", packed.HASH_PRINT + 1)
    other = Packed(DAY_MS, 8 * DAY_MS, table._is_live, about_bytes=1)
    for row in rows:
        other.restore(row)
    other.placed(last)
    return other


def by_version(table: Packed, last: int) -> bytes:
    return b"".join(row.entries for row in rows_by_version(table.captured(), last, refused=False))


def test_what_is_written_as_it_lies_is_found_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    table, last = filled(), DAYS * A_DAY
    table.freeze()
    expected = by_version(table, last)
    for number in range(500):  # added while it is read
        table.put(hash_of(f"later {number}"), last + 1 + number, DAYS * DAY_MS, 0)
    other = elsewhere(table, last, monkeypatch)
    assert by_version(other, last) == expected == by_version(table, last)
    assert (other.count, other.entries_kept(last)) == (last, last)
    for version in random.Random(1).sample(range(1, last + 1), 200):
        assert other.find(hash_of(str(version))) == [version]
        assert other.about(hash_of(str(version))) == (version, 1)
    assert other.find(hash_of("later 1")) == []
    assert max(map(len, other.captured()[1])) < 8 * BUCKET_ENTRIES * (ENTRY_BYTES + 1), "as many buckets as it needs"


def test_what_is_put_last_under_a_number_is_found_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    table = filled()
    last = DAYS * A_DAY
    for version in range(1, 200):
        last += 1
        table.put(hash_of(str(version)), last, DAYS * DAY_MS, 7)
    other = elsewhere(table, last, monkeypatch)
    assert other.about(hash_of("1")) == (DAYS * A_DAY + 1, 7)
    assert other.find(hash_of("1")) == [DAYS * A_DAY + 1, 1]


def test_a_successor_of_the_same_hash_lays_out_the_same_buckets() -> None:
    table, last = filled(), DAYS * A_DAY
    other = Packed(DAY_MS, 8 * DAY_MS, about_bytes=1)

    def restore() -> None:
        for row in packed_rows(table.captured(), last, refused=False):
            other.restore(row)

    calls = calls_of(restore)
    other.placed(last)
    assert other.captured() == table.captured()
    assert (other.count, other.mask) == (table.count, table.mask)
    assert calls < last, "no entry is looked at"
    for version in (1, 17, last):
        assert other.find(hash_of(str(version))) == [version]
    for each in (table, other):  # and they grow and forget in the same way
        for version in range(last + 1, last + 300):
            each.put(hash_of(str(version)), version, DAYS * DAY_MS, 1)
        each.forget(10 * DAY_MS)
    assert other.captured() == table.captured()


@pytest.mark.parametrize("is_killed", [False, True])
@pytest.mark.parametrize("lives", [0, 3])
def test_what_was_restored_is_forgotten_day_by_day(
    lives: int, is_killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though older entries lie behind younger ones in a bucket: their memory is used again, but for what lives."""

    def is_live(version: int) -> bool:
        return version < lives

    table, last = filled(is_live), DAYS * A_DAY
    other = elsewhere(table, last, monkeypatch)
    if is_killed:  # its successor takes the buckets as they lie
        rows, other = list(packed_rows(other.captured(), last, refused=False)), Packed(DAY_MS, 8 * DAY_MS, is_live, 1)
        for row in rows:
            other.restore(row)
        other.placed(last)
    for day in range(1, DAYS + 1):
        other.forget((day + 8) * DAY_MS)
        while other.to_prune:
            other.forget((day + 8) * DAY_MS)
        assert other.count == other.entries_kept() == last - day * A_DAY + lives
    assert other.versions() == list(range(1, lives + 1))


def test_no_entry_is_looked_at_to_write_it() -> None:
    table, rows = filled(), list[PackedRow]()
    calls = calls_of(lambda: rows.extend(packed_rows(table.captured(), DAYS * A_DAY, refused=False)))
    assert sum(len(row.entries) for row in rows) == DAYS * A_DAY * (ENTRY_BYTES + 1)
    assert calls < DAYS * A_DAY


def calls_of(work: Callable[[], object]) -> int:
    """How many calls, of C too, it makes."""
    calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls

"""The till's file: numbers that grow over restarts, torn tails, damage, limits, and a lock."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from holdfast.client import Adjustment, AdjustmentKind, InvalidArgument, Overloaded
from holdfast.client.errors import TillJournalDamaged
from holdfast.client.till_journal import TillJournal

SALE = AdjustmentKind.SALE


def opened(path: Path, **more: int) -> TillJournal:
    return TillJournal(path, **{"first_sequence": 1_000, **more})


def numbers(journal: TillJournal) -> list[int]:
    return [row.sequence for row in journal.unsent]


def test_numbers_grow_over_restarts_and_what_is_unsent_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "till"
    with opened(path) as journal:
        assert [row.sequence for row in journal.record([("a", -1), ("b", -2)], SALE)] == [1_000, 1_001]
        journal.record([("c", 5)], AdjustmentKind.RECEIPT)
    # A later start would choose another first number; the file's own goes on.
    with opened(path, first_sequence=5_000) as journal:
        assert journal.unsent == (
            Adjustment("a", -1, 1_000, SALE),
            Adjustment("b", -2, 1_001, SALE),
            Adjustment("c", 5, 1_002, AdjustmentKind.RECEIPT),
        )
        journal.mark_sent(1_001)
        assert numbers(journal) == [1_002]
        assert journal.head(10) == journal.unsent
    with opened(path) as journal:
        assert numbers(journal) == [1_002]
        journal.mark_sent(1_002)
        assert [row.sequence for row in journal.record([("d", -1)], SALE)] == [1_003]


def test_a_file_without_movements_keeps_its_first_number(tmp_path: Path) -> None:
    path = tmp_path / "till"
    opened(path, first_sequence=7).close()
    with opened(path, first_sequence=99) as journal:
        assert [row.sequence for row in journal.record([("a", -1)], SALE)] == [7]


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_torn_tail_is_cut_back_to_the_last_whole_line(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "till"
    with opened(path) as journal:
        journal.record([("a", -1)], SALE)
        journal.record([("b", -1), ("c", -1)], SALE)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with opened(path) as journal:
        # What was recorded at once is there whole or not at all.
        assert numbers(journal) == [1_000]
        journal.record([("d", -1)], SALE)
    with opened(path) as journal:
        assert [(row.sequence, row.sku) for row in journal.unsent] == [(1_000, "a"), (1_001, "d")]


def test_damage_before_the_tail_stops_the_till_and_names_the_place(tmp_path: Path) -> None:
    path = tmp_path / "till"
    with opened(path) as journal:
        journal.record([("a", -1)], SALE)
        journal.record([("b", -1)], SALE)
    lines = path.read_bytes().splitlines(keepends=True)
    damaged = lines[1].replace(b'"a"', b'"x"')
    assert damaged != lines[1]
    path.write_bytes(lines[0] + damaged + lines[2])
    with pytest.raises(TillJournalDamaged, match=f"byte {len(lines[0])} is damaged"):
        opened(path)
    # It let go of the file.
    path.write_bytes(b"".join(lines))
    opened(path).close()


def test_two_processes_cannot_have_one_file(tmp_path: Path) -> None:
    path = tmp_path / "till"
    with opened(path), pytest.raises(TillJournalDamaged, match="another process has it"):
        opened(path)
    opened(path).close()


def test_unsent_movements_have_a_limit(tmp_path: Path) -> None:
    with opened(tmp_path / "till", unsent_rows_max=3) as journal:
        journal.record([("a", -1), ("b", -1)], SALE)
        with pytest.raises(Overloaded, match="unsent_rows_max is 3"):
            journal.record([("c", -1), ("d", -1)], SALE)
        assert numbers(journal) == [1_000, 1_001]
        journal.mark_sent(1_001)
        journal.record([("c", -1), ("d", -1)], SALE)


REFUSED = [
    [],
    [("", -1)],
    [("x" * 65, -1)],
    [("a\n", -1)],
    [("a\udcff", -1)],
    [("a", 0)],
    [("a", 1)],
    [("a", -1_000_000_001)],
    [("a", -1), ("b", 0)],
]


@pytest.mark.parametrize("lines", REFUSED)
def test_what_the_service_would_refuse_for_ever_is_not_recorded(tmp_path: Path, lines: list[tuple[str, int]]) -> None:
    path = tmp_path / "till"
    with opened(path) as journal:
        before = path.read_bytes()
        with pytest.raises(InvalidArgument):
            journal.record(lines, SALE)
        assert path.read_bytes() == before
        assert journal.unsent == ()


def test_a_large_file_is_rewritten_once_all_was_sent(tmp_path: Path) -> None:
    path = tmp_path / "till"
    sku = "s" * 64
    with opened(path) as journal:
        for _ in range(20):
            journal.record([(sku, -1)] * 1_000, SALE)
        journal.mark_sent(1_000)
        assert path.stat().st_size > 1 << 20
        journal.mark_sent(20_999)
        assert json.loads(path.read_bytes().partition(b" ")[2]) == {"next": 21_000}
        journal.record([("a", -1)], SALE)
        with pytest.raises(TillJournalDamaged):
            opened(path)
    with opened(path) as journal:
        assert numbers(journal) == [21_000]
    assert [entry.name for entry in tmp_path.iterdir()] == ["till"]


def test_a_failing_disk_ends_the_file_and_loses_nothing_that_was_told(tmp_path: Path) -> None:
    path = tmp_path / "till"
    journal = opened(path)
    journal.record([("a", -1)], SALE)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, journal._file)
    os.close(full)
    with pytest.raises(TillJournalDamaged, match="No space left"):
        journal.record([("b", -1)], SALE)
    with pytest.raises(TillJournalDamaged, match="it was closed"):
        journal.record([("b", -1)], SALE)
    with opened(path) as again:
        assert [(row.sequence, row.sku) for row in again.unsent] == [(1_000, "a")]


def test_a_file_that_cannot_be_begun_anew_is_not_written_to_any_more(tmp_path: Path) -> None:
    path = tmp_path / "till"
    journal = opened(path)
    for _ in range(20):
        journal.record([("s" * 64, -1)] * 1_000, SALE)
    path.unlink()
    path.mkdir()  # in the way of the new file's name
    with pytest.raises(TillJournalDamaged, match="begin the till's journal anew"):
        journal.mark_sent(20_999)
    with pytest.raises(TillJournalDamaged, match="it was closed"):
        journal.record([("a", -1)], SALE)


def test_tills_whose_files_differ_in_their_suffix_do_not_meet(tmp_path: Path) -> None:
    with opened(tmp_path / "till.new") as journal:
        for _ in range(20):
            journal.record([("s" * 64, -1)] * 1_000, SALE)
        journal.mark_sent(20_999)
        journal.record([("a", -1)], SALE)
    with opened(tmp_path / "till.new") as journal:
        assert numbers(journal) == [21_000]


def test_threads_never_give_a_number_twice(tmp_path: Path) -> None:
    with opened(tmp_path / "till") as journal, ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(lambda number: journal.record([(f"a{number}", -1)], SALE), range(200)))
        assert len({row.sequence for (row,) in rows}) == 200
        assert [row.sequence for row in journal.unsent] == list(range(1_000, 1_200))

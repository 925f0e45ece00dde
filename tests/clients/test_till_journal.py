"""The till's file: numbers that grow over restarts, kills, damage, limits, and a lock."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.client import Adjustment, AdjustmentKind, InvalidArgument, Overloaded, till_journal, till_rows
from holdfast.client.errors import TillJournalDamaged
from holdfast.client.till_journal import TillJournal

SALE = AdjustmentKind.SALE


def opened(path: Path, **more: int) -> TillJournal:
    return TillJournal(path, **more)


def numbers(journal: TillJournal) -> list[int]:
    return [row.sequence for row in journal.unsent]


def test_numbers_grow_over_restarts_and_what_is_unsent_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "till"
    with opened(path) as journal:
        assert [row.sequence for row in journal.record([("a", -1), ("b", -2)], SALE)] == [1, 2]
        journal.record([("c", 5)], AdjustmentKind.RECEIPT)
    # A later start would choose another first number; the file's own goes on.
    with opened(path) as journal:
        assert journal.unsent == (
            Adjustment("a", -1, 1, SALE),
            Adjustment("b", -2, 2, SALE),
            Adjustment("c", 5, 3, AdjustmentKind.RECEIPT),
        )
        journal.mark_sent(2)
        assert numbers(journal) == [3]
        assert [replace(row, age_ms=0) for row in journal.head(10)] == list(journal.unsent)
    with opened(path) as journal:
        assert numbers(journal) == [3]
        journal.mark_sent(3)
        assert [row.sequence for row in journal.record([("d", -1)], SALE)] == [4]


def test_a_file_without_movements_keeps_its_first_number(tmp_path: Path) -> None:
    path = tmp_path / "till"
    opened(path).close()
    with opened(path) as journal:
        assert [row.sequence for row in journal.record([("a", -1)], SALE)] == [1]


WRITER = """
import sys
from pathlib import Path
from holdfast.client.till_journal import TillJournal
from holdfast.client.models.stock import AdjustmentKind

journal = TillJournal(Path(sys.argv[1]))
while True:
    rows = journal.record([("a", -1), ("b", -2)], AdjustmentKind.SALE)
    print(rows[-1].sequence, flush=True)
    if rows[0].sequence % 10 == 0:
        journal.mark_sent(rows[0].sequence)
"""


@pytest.mark.parametrize("answers", [1, 2, 7, 40])
def test_a_kill_loses_nothing_that_was_told(tmp_path: Path, answers: int) -> None:
    path = tmp_path / "till"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(answers)]
        writer.send_signal(signal.SIGKILL)
        told += [int(line) for line in writer.stdout if line.endswith("\n")]
    assert writer.returncode == -signal.SIGKILL
    with opened(path) as journal:
        found = numbers(journal)
        # Without a gap, up to the last one told at least; what was recorded at once is there whole or not at all.
        assert found == list(range(found[0], found[-1] + 1))
        assert found[-1] >= told[-1]
        assert found[-1] % 2 == told[-1] % 2
        (row,) = journal.record([("c", -1)], SALE)
        assert row.sequence == found[-1] + 1


@pytest.mark.parametrize("cut", range(1, 400, 37))
def test_a_torn_log_is_read_up_to_its_last_whole_commit(tmp_path: Path, cut: int) -> None:
    path, copy = tmp_path / "till", tmp_path / "copy"
    with opened(path) as journal:
        journal.record([("a", -1)], SALE)
        journal.record([("b", -1), ("c", -1)], SALE)
        copy.write_bytes(path.read_bytes())
        copy.with_name("copy-wal").write_bytes(path.with_name("till-wal").read_bytes()[:-cut])
    with opened(copy) as journal:
        assert numbers(journal) == [1]
        assert [row.sequence for row in journal.record([("d", -1)], SALE)] == [2]


DAMAGE = {
    "a movement is damaged": ("UPDATE movements SET delta = -3 WHERE sequence = 2", "movement 2 is damaged"),
    "a movement is missing": ("DELETE FROM movements WHERE sequence = 2", "movement 2 is damaged or missing"),
    "the last is missing": ("DELETE FROM movements WHERE sequence = 3", "movement 3 is missing"),
    "a movement too many": ("UPDATE meta SET next = next - 1", "movement 4 is missing"),
    "no numbers": ("DELETE FROM meta", "the table meta is damaged"),
    "no table": ("DROP TABLE movements", "no such table"),
    "a later format": ("PRAGMA user_version = 9", "another program or version"),
    "another program's": ("PRAGMA application_id = 7", "another program or version"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_stops_the_till_and_names_the_place(tmp_path: Path, case: str) -> None:
    path = tmp_path / "till"
    with opened(path) as journal:
        journal.record([("a", -1), ("b", -1), ("c", -1)], SALE)
    whole = path.read_bytes()
    statement, why = DAMAGE[case]
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(statement)
    with pytest.raises(TillJournalDamaged, match=why) as raised:
        opened(path)
    assert str(path) in str(raised.value)
    # It let go of the file.
    path.write_bytes(whole)
    with opened(path) as journal:
        assert numbers(journal) == [1, 2, 3]


@pytest.mark.parametrize("page", [0, 1, 2])
def test_a_page_that_was_overwritten_is_found(tmp_path: Path, page: int) -> None:
    path = tmp_path / "till"
    with opened(path) as journal:
        journal.record([("a", -1)], SALE)
    content = bytearray(path.read_bytes())
    content[page * 4_096 : page * 4_096 + 200] = b"?" * 200
    path.write_bytes(content)
    with pytest.raises(TillJournalDamaged):
        opened(path)
    assert path.read_bytes() == content


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "till"
    content = b'8c3b6a0e {"next":1000}\n' * 100
    path.write_bytes(content)
    with pytest.raises(TillJournalDamaged, match="file is not a database"):
        opened(path)
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TillJournalDamaged, match="See that its folder is there"):
        opened(tmp_path / "none" / "till")


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "till"
    with opened(path) as journal:
        journal.record([("a", -1)], SALE)
        assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_two_processes_cannot_have_one_file(tmp_path: Path) -> None:
    path = tmp_path / "till"
    with opened(path) as journal:
        for _ in range(2):  # being refused takes nothing from the one that has it
            with pytest.raises(TillJournalDamaged, match="another process has it"):
                opened(path)
        other = subprocess.run(
            [sys.executable, "-c", WRITER, str(path)], capture_output=True, text=True, check=False, timeout=60
        )
        assert "another process has it" in other.stderr
        journal.record([("a", -1)], SALE)
    opened(path).close()


def test_unsent_movements_have_a_limit(tmp_path: Path) -> None:
    with opened(tmp_path / "till", unsent_rows_max=3) as journal:
        journal.record([("a", -1), ("b", -1)], SALE)
        with pytest.raises(Overloaded, match="unsent_rows_max is 3"):
            journal.record([("c", -1), ("d", -1)], SALE)
        assert numbers(journal) == [1, 2]
        journal.mark_sent(2)
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


def test_a_file_does_not_grow_once_all_was_sent(tmp_path: Path) -> None:
    path = tmp_path / "till"
    sizes = []
    for _ in range(8):
        with opened(path, sent_rows_kept=1_000) as journal:
            rows = [row for _ in range(5) for row in journal.record([("s" * 64, -1)] * 1_000, SALE)]
            journal.mark_sent(rows[-1].sequence)
        sizes.append(path.stat().st_size)
    # What was sent leaves its room to what comes, but for the last thousand.
    assert len(set(sizes[5:])) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["till"]
    with opened(path) as journal:
        assert [row.sequence for row in journal.record([("a", -1)], SALE)] == [40_001]


def test_a_call_is_the_same_until_it_is_answered_and_by_then_the_rows_that_were_dropped_are_in_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "till"
    with opened(path) as journal:
        journal.record([("a", -1), ("b", -1), ("c", -1)], SALE)
        key, rows = journal.next_call(2)
        journal.record([("d", -1)], SALE)
        assert [row.sequence for row in rows] == [1, 2]
    with opened(path) as journal:
        assert journal.next_call(100)[0] == key
        assert [row.sequence for row in journal.next_call(100)[1]] == [1, 2]
        series = journal.series
        journal.answered(1)
        assert journal.series != series
        assert [(row.sequence, row.sku) for row in journal.unsent] == [(1, "c"), (2, "d")]
        assert [row.sku for row in journal.doubtful] == ["a"]
    with opened(path) as journal:
        assert [row.sku for row in journal.doubtful] == ["a"]
        assert journal.settle_doubtful(book=False) == 1
        assert journal.next_call(100)[0] != key
        journal.answered(0)
        assert (journal.unsent, journal.doubtful, journal.sent) == ((), (), 2)


def test_a_sale_whose_number_a_copy_has_used_is_in_doubt_also_after_days_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its call was asked at once and never arrived; meanwhile another file's sale is booked under its number."""
    path = tmp_path / "till"
    with opened(path) as journal:
        journal.record([("a", -1)], SALE)
        key, _ = journal.next_call(10)
    now_ns = time.time_ns() + 25 * 3_600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: now_ns)
    with opened(path) as journal:
        assert journal.next_call(10)[0] == key
        journal.answered(dropped=1)
        assert [row.sku for row in journal.doubtful] == ["a"]


def test_a_file_knows_some_receipts_and_forgets_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(till_journal, "RECEIPTS_KEPT", 2)
    with opened(tmp_path / "till") as journal:
        first = {receipt: journal.record([("a", -1)], SALE, receipt=receipt)[0].sequence for receipt in "xyz"}
        again = {receipt: journal.record([("a", -1)], SALE, receipt=receipt)[0].sequence for receipt in "zyx"}
    assert (first, again) == ({"x": 1, "y": 2, "z": 3}, {"z": 3, "y": 2, "x": 4})


def test_a_failing_disk_ends_the_file_and_loses_nothing_that_was_told(tmp_path: Path) -> None:
    path = tmp_path / "till"
    journal = opened(path)
    journal.record([("a", -1)], SALE)
    (log,) = (int(link.name) for link in Path("/proc/self/fd").iterdir() if _leads_to(link, tmp_path / "till-wal"))
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, log)
    os.close(full)
    with pytest.raises(TillJournalDamaged, match="disk"):
        journal.record([("b", -1)], SALE)
    with pytest.raises(TillJournalDamaged, match="it was closed"):
        journal.record([("b", -1)], SALE)
    with opened(path) as again:
        assert [(row.sequence, row.sku) for row in again.unsent] == [(1, "a")]


def _leads_to(link: Path, file: Path) -> bool:
    return link.is_symlink() and link.readlink() == file


def test_threads_never_give_a_number_twice(tmp_path: Path) -> None:
    with opened(tmp_path / "till") as journal, ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(lambda number: journal.record([(f"a{number}", -1)], SALE), range(200)))
        assert len({row.sequence for (row,) in rows}) == 200
        assert [row.sequence for row in journal.unsent] == list(range(1, 201))


def test_the_wall_clock_of_a_till_says_nothing_about_a_sale_since_the_machine_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was set right, and the program started again: the sale is no older than it is, and no count takes it back."""
    path = tmp_path / "till"
    with opened(path) as journal:
        journal.record([("a", -1)], SALE, 1)  # it stands in 1970
        assert journal.head(1)[0].age_ms < 3_600_000
    with opened(path) as journal:
        assert journal.head(1)[0].age_ms < 3_600_000
        journal.mark_sent(1)
        assert journal.go_back(1) == 0
        assert journal.head(1)[0].age_ms < 3_600_000
    monkeypatch.setattr(till_rows, "boot_id", lambda: "another")
    with opened(path) as journal:
        assert journal.head(1)[0].age_ms == 366 * 86_400_000  # the wall clock is all there is


def test_a_file_without_clocks_is_read(tmp_path: Path) -> None:
    path = tmp_path / "till"
    with opened(path) as journal:
        journal.record([("a", -1)], SALE, 1)
        with journal._writing() as database:  # as the second format was
            for table in ("movements", "allotted", "asked", "given", "hand_outs"):
                for column in ("boot", "clock_s"):
                    database.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
            for table in ("given", "hand_outs"):
                database.execute(f"ALTER TABLE {table} DROP COLUMN first_id")
            for column in ("recipient", "id_checked"):
                database.execute(f"ALTER TABLE hand_outs DROP COLUMN {column}")
            for table in ("pickup_keys", "collects", "owner"):
                database.execute(f"DROP TABLE {table}")
            database.execute("PRAGMA user_version = 2")
    with opened(path) as journal:
        assert numbers(journal) == [1]
        assert journal.head(1)[0].age_ms == 366 * 86_400_000
        journal.record([("b", -1)], SALE, 1)
        assert journal.head(2)[1].age_ms < 3_600_000


def test_every_file_has_a_series_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "till"
    with opened(path) as journal, opened(path.with_name("another")) as another:
        series = journal.series
        assert series != another.series
    with opened(path) as journal:
        assert journal.series == series


@pytest.mark.parametrize("units", [2.0, 1.5, True, "2"])
def test_units_that_are_no_whole_number_are_refused_before_they_are_written(tmp_path: Path, units: Any) -> None:
    with TillJournal(tmp_path / "till") as journal:
        with pytest.raises(InvalidArgument, match="whole number"):
            journal.record([("a", 1), ("b", units)], AdjustmentKind.RECEIPT, 1)
        assert journal.record([("a", 1)], AdjustmentKind.RECEIPT, 1)[0].sequence == 1
    with TillJournal(tmp_path / "till") as journal:
        assert len(journal.unsent) == 1


@pytest.mark.parametrize("receipt", ["\ud800", "a\n", "x" * 257, ["r1"], 7])
def test_a_receipts_number_that_could_not_be_written_leaves_the_file_open(tmp_path: Path, receipt: Any) -> None:
    with TillJournal(tmp_path / "till") as journal:
        with pytest.raises(InvalidArgument, match="receipt"):
            journal.record([("a", 1)], AdjustmentKind.RECEIPT, 1, receipt)
        assert journal.record([("a", 1)], AdjustmentKind.RECEIPT, 1, "r1")[0].sequence == 1

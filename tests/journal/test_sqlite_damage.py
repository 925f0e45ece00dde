"""The sqlite journal's files, harmed on copies: its log torn, its pages changed, its rows altered behind its back."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Final

import pytest

from actors.journal.open import open_journal, sqlite_setting
from actors.journal.port import Head, Journal, JournalDamaged, JournalError, Record, Snapshot
from actors.journal.sqlite import SqliteJournal
from tests.journal.storages import (
    FRAME_HEADER_BYTES,
    PAGE_BYTES,
    WAL_HEADER_BYTES,
    SqliteStorage,
    appended,
    last_commit_of,
    page_of,
    payload_of,
    record,
    records_of,
    with_bit_flipped,
)

FRAME_BYTES: Final = FRAME_HEADER_BYTES + PAGE_BYTES
FLIPS: Final = 400


@pytest.fixture
def written(sqlite_storage: SqliteStorage) -> list[Record]:
    """Records in the database file, and more of them in the log alone."""
    records = appended(sqlite_storage.open(), "S1", [1, 2, 1, 1])
    sqlite_storage.close()
    journal = sqlite_storage.open()
    epoch, seq = journal.take_over("S1")
    for seq_next in range(seq + 1, seq + 5):
        records.append(record("S1", epoch, seq_next))
        journal.append(records[-1:])
    return records


def altered(storage: SqliteStorage, *statements: str) -> SqliteStorage:
    """A copy in which somebody else has changed rows."""
    copy = storage.at_rest()
    with closing(sqlite3.connect(copy.path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)
    return copy


def harvest(journal: Journal) -> Iterator[Record]:
    """Record by record, until there are no more."""
    seq = 0
    while found := journal.read("S1", seq, 1):
        yield from found
        seq = found[-1].seq


def cuts(log_bytes: int) -> list[int]:
    """Sizes within the log's last four frames: every byte about a frame's header, and steps within its page."""
    return [
        frame + byte
        for frame in range(log_bytes - 4 * FRAME_BYTES, log_bytes, FRAME_BYTES)
        for byte in (*range(FRAME_HEADER_BYTES + 2), *range(FRAME_HEADER_BYTES + 2, FRAME_BYTES, 307), FRAME_BYTES - 1)
    ]


@pytest.mark.parametrize("zeroed", [False, True])
def test_a_log_cut_or_zeroed_at_any_byte_is_the_longest_whole_prefix(
    sqlite_storage: SqliteStorage, written: list[Record], *, zeroed: bool
) -> None:
    log = sqlite_storage.log_path.read_bytes()
    seqs = set()
    for size in cuts(len(log)):
        torn = sqlite_storage.after_crash()
        torn.log_path.write_bytes(log[:size] + bytes(len(log) - size if zeroed else 0))
        journal = torn.open()
        head = journal.take_over("S1")
        survived = records_of(journal, "S1")
        assert survived == written[: len(survived)], f"cut at {size}"
        assert head == Head(3, survived[-1].seq)
        commits_lost = -(-(len(log) - size) // FRAME_BYTES)  # a commit is a frame and more
        assert len(written) - commits_lost <= len(survived) < len(written)
        seqs.add(head.seq)
        torn.close()
    assert len(seqs) > 1


def test_a_log_that_is_gone_costs_what_was_in_it_alone(sqlite_storage: SqliteStorage, written: list[Record]) -> None:
    for size in (0, 1, WAL_HEADER_BYTES - 1, WAL_HEADER_BYTES):
        torn = sqlite_storage.torn(sqlite_storage.log_path.stat().st_size - size)
        assert records_of(torn.open(), "S1") == written[:4]


def test_a_changed_bit_in_the_log_stops_the_ledger(sqlite_storage: SqliteStorage, written: list[Record]) -> None:
    """In the last commit it may look like a tear, and then costs that one alone."""
    log = sqlite_storage.log_path.read_bytes()
    seeded, last_commit = random.Random("bits of the log"), last_commit_of(log)
    for offset in (*range(WAL_HEADER_BYTES + FRAME_HEADER_BYTES), *(seeded.randrange(len(log)) for _ in range(FLIPS))):
        copy = sqlite_storage.after_crash()
        copy.log_path.write_bytes(with_bit_flipped(log, offset, seeded.randrange(8)))
        with suppress(JournalDamaged):
            assert records_of(copy.open(), "S1") == written[:-1]
            assert offset >= last_commit
        copy.close()


@pytest.mark.parametrize("damaged_seq", [1, 4, 5, 9])
def test_a_changed_bit_in_a_payload_names_its_sequence(
    sqlite_storage: SqliteStorage, written: list[Record], damaged_seq: int
) -> None:
    damaged = sqlite_storage.flipped(payload_of("S1", damaged_seq, damaged_seq))
    journal = damaged.open()
    before = [each for each in written if each.seq < damaged_seq]

    with pytest.raises(JournalDamaged) as raised:
        journal.read("S1", 0, 1_000)
    assert (raised.value.ledger_id, raised.value.place) == ("S1", f"seq {damaged_seq}")
    assert journal.read("S1", 0, max(1, damaged_seq - 1)) == before if before else True
    if after := [each for each in written if each.seq > damaged_seq]:
        assert journal.read("S1", damaged_seq, 1_000) == after  # whoever stands behind it already may go on


def test_a_changed_bit_anywhere_in_the_file_is_never_read(sqlite_storage: SqliteStorage, written: list[Record]) -> None:
    journal = sqlite_storage.open()
    snapshot = Snapshot(9, (b"[" + b"1," * 3_000 + b"1]", b"[2]"))
    journal.write_snapshot("S1", 2, *snapshot)
    copy = sqlite_storage.at_rest()
    image = copy.path.read_bytes()
    seeded = random.Random("bits of the file")
    used = [offset for offset, byte in enumerate(image) if byte]
    flips = [(seeded.choice(used), seeded.randrange(8)) for _ in range(FLIPS)]
    index_page = page_of(copy.path, "places")
    flips += [(offset, bit) for offset in used if offset // PAGE_BYTES == index_page for bit in range(8)]
    refused = 0
    for offset, bit in flips:
        copy.path.write_bytes(with_bit_flipped(image, offset, bit))
        copy.log_path.unlink(missing_ok=True)
        survived: list[Record] = []
        try:
            with closing(SqliteJournal(copy.path)) as damaged:
                assert damaged.newest_snapshot("S1") in (snapshot, None)
                head = damaged.take_over("S1")
                survived += harvest(damaged)
                assert head.seq == written[-1].seq
                assert survived == written, f"byte {offset} bit {bit}"
        except JournalError:
            refused += 1
        assert survived == written[: len(survived)], f"byte {offset} bit {bit}"
    assert refused > len(flips) // 5


@pytest.mark.parametrize(
    ("alteration", "place"),
    [
        ("DELETE FROM records WHERE seq = 9", "seq 9"),
        ("DELETE FROM records", "seq 9"),
        ("UPDATE heads SET seq = 8", "seq 8"),
        ("UPDATE heads SET seq = 10", "seq 10"),
        ("UPDATE heads SET checksum = checksum + 1", "seq 9"),
        ("UPDATE heads SET epoch = 1", "seq 9"),
        ("DELETE FROM heads", "seq 0"),
        ("UPDATE records SET checksum = 1 WHERE seq = 9", "seq 9"),
        ("UPDATE records SET seq = 10 WHERE seq = 9", "seq 9"),
    ],
)
def test_an_end_that_was_altered_stops_the_take_over(
    sqlite_storage: SqliteStorage, written: list[Record], alteration: str, place: str
) -> None:
    journal = altered(sqlite_storage, alteration).open()
    with pytest.raises(JournalDamaged) as raised:
        journal.take_over("S1")
    assert raised.value.place == place


@pytest.mark.parametrize(
    ("alteration", "seq"),
    [
        ("DELETE FROM records WHERE seq = 1", 3),
        ("DELETE FROM records WHERE seq = 4", 5),
        ("DELETE FROM records WHERE seq = 9", 9),
        ("DELETE FROM records WHERE seq > 5", 6),
        ("UPDATE records SET epoch = 2 WHERE seq = 4", 4),
        ("UPDATE records SET at_ms = at_ms - 1 WHERE seq = 5", 5),
        ("UPDATE records SET count = 1 WHERE seq = 3", 3),
        ("UPDATE records SET payload = 'text' WHERE seq = 6", 6),
        ("UPDATE records SET payload = (SELECT payload FROM records WHERE seq = 5) WHERE seq = 6", 6),
        ("INSERT INTO records VALUES (99, 'S1', 2, 1, 1, 1, 1, x'5b5d'); INSERT INTO places VALUES ('S1', 2, 99)", 2),
    ],
)
def test_records_that_were_altered_are_named(
    sqlite_storage: SqliteStorage, written: list[Record], alteration: str, seq: int
) -> None:
    journal = altered(sqlite_storage, *alteration.split("; ")).open()
    with pytest.raises(JournalDamaged) as raised:
        journal.read("S1", 0, 1_000)
    assert raised.value.place == f"seq {seq}"

    survived: list[Record] = []
    with pytest.raises(JournalDamaged):
        survived.extend(harvest(journal))
    assert survived == written[: len(survived)]
    assert all(each.seq < seq for each in survived)


@pytest.mark.parametrize(
    "alteration",
    [
        "UPDATE chunks SET payload = x'5b395d' WHERE snapshot_id = (SELECT max(id) FROM snapshots) AND place = 2",
        "UPDATE chunks SET payload = '[3]' WHERE snapshot_id = (SELECT max(id) FROM snapshots) AND place = 2",
        "UPDATE chunks SET place = 3 WHERE snapshot_id = (SELECT max(id) FROM snapshots) AND place = 1",
        "DELETE FROM chunks WHERE snapshot_id = (SELECT max(id) FROM snapshots) AND place = 2",
        "UPDATE snapshots SET seq = 8 WHERE id = (SELECT max(id) FROM snapshots)",
        "UPDATE snapshots SET chunks = 1 WHERE id = (SELECT max(id) FROM snapshots)",
        "UPDATE snapshots SET chunks = NULL WHERE id = (SELECT max(id) FROM snapshots)",
    ],
)
def test_a_snapshot_that_does_not_verify_gives_way_to_the_older_one(
    sqlite_storage: SqliteStorage, written: list[Record], alteration: str
) -> None:
    journal = sqlite_storage.open()
    for seq in (3, 5, 9):
        journal.write_snapshot("S1", 2, seq, [f"[{seq}]".encode(), b"[3]"])
    assert altered(sqlite_storage).open().newest_snapshot("S1") == Snapshot(9, (b"[9]", b"[3]"))

    assert altered(sqlite_storage, alteration).open().newest_snapshot("S1") == Snapshot(5, (b"[5]", b"[3]"))
    assert altered(sqlite_storage, "UPDATE chunks SET checksum = 0").open().newest_snapshot("S1") is None


@pytest.mark.parametrize("name", ["snapshots", "chunks"])
def test_damage_beside_the_records_costs_the_snapshots_alone(
    sqlite_storage: SqliteStorage, written: list[Record], name: str
) -> None:
    sqlite_storage.open().write_snapshot("S1", 2, 9, [b"[1]"])
    journal = sqlite_storage.page_damaged(name).open()
    assert journal.newest_snapshot("S1") is None
    epoch, seq = journal.take_over("S1")
    with pytest.raises(JournalDamaged):
        journal.write_snapshot("S1", epoch, seq, [b"[1]"])
    journal.append([record("S1", epoch, seq + 1)])
    assert records_of(journal, "S1") == [*written, record("S1", epoch, seq + 1)]


def test_a_list_of_ledgers_that_is_damaged_makes_the_journal_unreadable(
    sqlite_storage: SqliteStorage, written: list[Record]
) -> None:
    damaged = sqlite_storage.page_damaged("heads").path
    journal = open_journal(sqlite_setting(damaged.parent), damaged.stem)
    for ask in (journal.ledger_ids, lambda: journal.take_over("S1"), lambda: journal.read("S1", 0, 1)):
        with pytest.raises(JournalDamaged):
            ask()
    assert written


def test_what_is_left_of_unfinished_snapshots_goes_with_the_next_finished_one(sqlite_storage: SqliteStorage) -> None:
    journal = sqlite_storage.open()
    appended(journal, "S1", [5])
    for seq in range(5):
        with pytest.raises(ZeroDivisionError):
            journal.write_snapshot("S1", 1, seq, (b"[%d]" % (1 // place) for place in (1, 0)))
        journal.write_snapshot("S1", 1, seq, [b"[1]", b"[2]"])

    with closing(sqlite3.connect(sqlite_storage.path)) as db:
        assert db.execute("SELECT count(*) FROM snapshots").fetchone() == (2,)
        assert db.execute("SELECT count(*) FROM chunks").fetchone() == (4,)

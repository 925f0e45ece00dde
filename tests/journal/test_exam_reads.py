"""The exam, second part: reads, snapshots, and storage that came to harm. Every journal passes all of it."""

from collections.abc import Iterator

import pytest

from actors.journal.port import Fenced, Head, JournalDamaged, JournalFailed, Record, Snapshot
from tests.journal.storages import Storage, appended, payload_of, record, records_of


def harvest(storage: Storage, ledger_id: str) -> list[Record]:
    """What can be read of a ledger that may be damaged, by one record at a time."""
    records: list[Record] = []
    try:
        journal = storage.open()
        while found := journal.read(ledger_id, records[-1].seq if records else 0, 1):
            records += found
    except JournalDamaged:
        pass
    return records


def test_reading_is_in_sequence_bounded_and_by_whole_records(storage: Storage) -> None:
    journal = storage.open()
    one, two, three, four = appended(journal, "S1", [3, 1, 2, 5])

    assert journal.read("S1", 0, 1) == [one]
    assert journal.read("S1", 0, 3) == [one]
    assert journal.read("S1", 0, 4) == [one, two]
    assert journal.read("S1", 0, 5) == [one, two, three]
    assert journal.read("S1", 0, 1_000) == [one, two, three, four]
    assert journal.read("S1", 3, 1) == [two]
    assert journal.read("S1", 4, 3) == [three, four]
    assert journal.read("S1", 11, 1_000) == []


def test_reading_after_the_middle_of_a_record_gives_all_of_it(storage: Storage) -> None:
    journal = storage.open()
    _, two, three = appended(journal, "S1", [2, 3, 1])

    assert journal.read("S1", 3, 1) == [two]
    assert journal.read("S1", 4, 4) == [two, three]


def test_a_ledger_that_never_began_reads_as_empty(storage: Storage) -> None:
    journal = storage.open()

    assert journal.read("S1", 0, 100) == []
    assert journal.newest_snapshot("S1") is None
    assert journal.ledger_ids() == []


def test_ledgers_do_not_see_each_other(storage: Storage) -> None:
    journal = storage.open()
    written = {ledger_id: appended(journal, ledger_id, counts) for ledger_id, counts in (("S1", [1, 2]), ("S10", [3]))}

    assert {ledger_id: records_of(journal, ledger_id) for ledger_id in written} == written


def test_ledger_ids_names_every_ledger_that_began_with_the_busiest_first(storage: Storage) -> None:
    journal = storage.open()
    for ledger_id in ("S2", "S10"):
        journal.take_over(ledger_id)
    appended(journal, "Zürich 1", [3])
    storage.open().take_over("S1")

    assert journal.ledger_ids() == ["Zürich 1", "S1", "S10", "S2"]
    assert storage.after_crash().open().ledger_ids() == ["Zürich 1", "S1", "S10", "S2"]


def test_a_finished_snapshot_is_there_for_all_and_survives_a_crash(storage: Storage) -> None:
    journal = storage.open()
    appended(journal, "S1", [1, 2])
    journal.write_snapshot("S1", 1, 3, [b"[1]", b"[2,3]"])

    expected = Snapshot(3, (b"[1]", b"[2,3]"))
    assert journal.newest_snapshot("S1") == expected
    assert [journal.snapshot_chunk("S1", 3, place) for place in (1, 2)] == [b"[1]", b"[2,3]"]
    assert journal.snapshot_chunk("S1", 2, 1) is None
    assert journal.base("S1") is None, "nothing of it is in an archive"
    assert storage.open().newest_snapshot("S1") == expected
    assert storage.after_crash().open().newest_snapshot("S1") == expected
    assert journal.newest_snapshot("S2") is None


def test_the_newest_snapshot_counts_and_the_records_stay(storage: Storage) -> None:
    journal = storage.open()
    written = appended(journal, "S1", [1])
    for seq in range(2, 7):
        journal.write_snapshot("S1", 1, seq - 1, [f"[{seq - 1}]".encode()])
        written.append(record("S1", 1, seq))
        journal.append(written[-1:])

    assert storage.after_crash().open().newest_snapshot("S1") == Snapshot(5, (b"[5]",))
    assert records_of(journal, "S1") == written
    assert journal.read("S1", 5, 100) == written[5:]


def test_appends_go_on_between_the_pieces_of_a_snapshot(storage: Storage) -> None:
    journal = storage.open()
    written = appended(journal, "S1", [1])

    def pieces() -> Iterator[bytes]:
        for seq in (2, 3):
            yield f"[{seq}]".encode()
            written.append(record("S1", 1, seq))
            journal.append(written[-1:])

    journal.write_snapshot("S1", 1, 1, pieces())

    assert journal.newest_snapshot("S1") == Snapshot(1, (b"[2]", b"[3]"))
    assert records_of(storage.after_crash().open(), "S1") == written


def test_a_snapshot_that_was_not_finished_does_not_exist(storage: Storage) -> None:
    journal = storage.open()
    appended(journal, "S1", [1, 1])
    crashed: list[Storage] = []

    def pieces() -> Iterator[bytes]:
        yield b"[1]"
        crashed.append(storage.after_crash())
        raise RuntimeError("the owner ended here")

    with pytest.raises(RuntimeError, match="ended here"):
        journal.write_snapshot("S1", 1, 2, pieces())
    assert journal.newest_snapshot("S1") is None
    assert crashed[0].open().newest_snapshot("S1") is None

    journal.write_snapshot("S1", 1, 1, [b"[0]"])
    with pytest.raises(RuntimeError, match="ended here"):
        journal.write_snapshot("S1", 1, 2, pieces())
    assert journal.newest_snapshot("S1") == Snapshot(1, (b"[0]",))
    assert crashed[1].open().newest_snapshot("S1") == Snapshot(1, (b"[0]",))


def test_an_owner_that_was_replaced_cannot_finish_its_snapshot(storage: Storage) -> None:
    zombie, successor = storage.open(), storage.open()
    appended(zombie, "S1", [1, 1])
    zombie.write_snapshot("S1", 1, 1, [b"[1]"])

    def pieces() -> Iterator[bytes]:
        yield b"[2]"
        successor.take_over("S1")
        yield b"[3]"

    with pytest.raises(Fenced):
        zombie.write_snapshot("S1", 1, 2, pieces())

    assert successor.newest_snapshot("S1") == Snapshot(1, (b"[1]",))
    successor.write_snapshot("S1", 2, 2, [b"[4]"])
    with pytest.raises(Fenced):
        zombie.write_snapshot("S1", 1, 2, [b"[5]"])
    with pytest.raises(Fenced):
        zombie.write_snapshot("S2", 1, 0, [b"[6]"])
    assert storage.after_crash().open().newest_snapshot("S1") == Snapshot(2, (b"[4]",))


def test_a_snapshot_ahead_of_the_records_is_refused_and_finishes_the_journal(storage: Storage) -> None:
    journal = storage.open()
    written = appended(journal, "S1", [1, 2])
    journal.write_snapshot("S1", 1, 3, [b"[3]"])

    with pytest.raises(JournalFailed, match="a snapshot at seq 4 of ledger S1, which stands at 3"):
        journal.write_snapshot("S1", 1, 4, [b"[4]"])
    with pytest.raises(JournalFailed, match="not used any more"):
        journal.append([record("S1", 1, 4)])

    for successor in (storage.open(), storage.after_crash().open()):
        assert successor.newest_snapshot("S1") == Snapshot(3, (b"[3]",))
        assert successor.take_over("S1") == Head(2, 3)
        assert records_of(successor, "S1") == written


def test_who_was_replaced_hears_so_even_if_its_snapshot_is_ahead(storage: Storage) -> None:
    zombie = storage.open()
    appended(zombie, "S1", [1])
    storage.open().take_over("S1")
    with pytest.raises(Fenced):
        zombie.write_snapshot("S1", 1, 2, [b"[2]"])


def test_a_torn_tail_costs_the_last_writes_and_nothing_else(storage: Storage) -> None:
    written = appended(storage.open(), "S1", [1, 2, 1, 3, 1])
    shortest = len(written)
    for bytes_lost in (0, 1, 2, 13, 100, 300, 500, 5_000, 20_000):
        torn = storage.torn(bytes_lost)
        seq = torn.open().take_over("S1").seq
        survived = records_of(torn.open(), "S1")
        assert survived == written[: len(survived)]
        assert seq == (survived[-1].seq if survived else 0)
        assert len(survived) <= shortest
        shortest = len(survived)
    assert shortest < len(written)


def test_a_torn_journal_is_appended_to_as_if_the_lost_had_never_been(storage: Storage) -> None:
    written = appended(storage.open(), "S1", [1, 1, 1])
    torn = storage.torn(7)
    journal = torn.open()
    assert journal.take_over("S1") == Head(2, 2)

    journal.append([record("S1", 2, 3), record("S1", 2, 5, 2)])

    assert records_of(torn.after_crash().open(), "S1") == [*written[:2], record("S1", 2, 3), record("S1", 2, 5, 2)]


@pytest.mark.parametrize("damaged_seq", [1, 3, 4])
def test_a_changed_bit_in_a_payload_is_named_and_never_read(storage: Storage, damaged_seq: int) -> None:
    written = appended(storage.open(), "S1", [1, 1, 1, 1, 1])
    flipped = storage.flipped(payload_of("S1", damaged_seq, damaged_seq))

    with pytest.raises(JournalDamaged, match=r"damaged at (seq|offset) \d+"):
        flipped.open().read("S1", 0, 1_000)

    survived = harvest(flipped, "S1")
    assert survived == written[: len(survived)]
    assert len(survived) < damaged_seq

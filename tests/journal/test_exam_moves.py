"""The exam, third part: ledgers that move from one journal to another. Every journal passes all of it."""

import pytest

from actors.journal.port import (
    Attempt,
    ClockMark,
    Fenced,
    Head,
    LedgerMoved,
    Phase,
    Record,
    Whereabouts,
)
from tests.journal.storages import Storage, appended, record, records_of

LEFT = Whereabouts(7, Phase.LEFT, "stores-0001-of-0002")
ARRIVING = Whereabouts(7, Phase.ARRIVING, "stores-0000-of-0002")
HERE = Whereabouts(7, Phase.HERE, "stores-0000-of-0002")


def came(epochs: list[int]) -> list[Record]:
    """A record of one event by each of these epochs, as another journal has them."""
    return [record("S1", epoch, seq) for seq, epoch in enumerate(epochs, start=1)]


def test_nobody_appends_to_a_ledger_that_has_left(storage: Storage) -> None:
    journal, other = storage.open(), storage.open()
    appended(journal, "S1", [2, 1])
    appended(journal, "S2", [1])
    journal.put_whereabouts("S1", Head(1, 3), None, LEFT, 2)

    for each in (journal, other, storage.open()):
        with pytest.raises(LedgerMoved, match="S1 is with stores-0001-of-0002"):
            each.take_over("S1")
        with pytest.raises(Fenced):  # epoch 2 was given to nobody
            each.append([record("S1", 1, 4)])
    assert storage.open().stands_at("S1") == Head(2, 3)
    assert records_of(storage.open(), "S1")[-1].seq == 3


def test_who_owned_what_has_left_owns_nothing_and_goes_on_with_the_others(storage: Storage) -> None:
    journal = storage.open()
    appended(journal, "S1", [2])
    appended(journal, "S2", [1])
    journal.put_whereabouts("S1", Head(1, 2), None, LEFT, 2)

    with pytest.raises(Fenced):
        journal.check_owner({"S1": 1})
    with pytest.raises(Fenced):
        journal.write_snapshot("S1", 1, 2, [b"[1]"])
    with pytest.raises(Fenced):
        journal.note_attempt("S1", 1, Attempt("k", 1, 5), 0)
    with pytest.raises(Fenced):
        journal.keep_clock("S1", 1, ClockMark("boot", 1, 2))
    journal.append([record("S2", 1, 2)])
    assert journal.ledger_ids() == ["S2"]
    assert journal.whereabouts() == {"S1": LEFT}


def test_where_a_ledger_is_survives_a_crash(storage: Storage) -> None:
    journal = storage.open()
    appended(journal, "S1", [2])
    journal.put_whereabouts("S1", Head(1, 2), None, LEFT, 2)

    after = storage.after_crash().open()
    assert after.whereabouts() == {"S1": LEFT}
    with pytest.raises(LedgerMoved):
        after.take_over("S1")


def test_only_who_knows_where_a_ledger_stands_and_was_says_where_it_is(storage: Storage) -> None:
    journal = storage.open()
    appended(journal, "S1", [2])
    for stands, was in ((Head(0, 2), None), (Head(1, 1), None), (Head(1, 2), ARRIVING)):
        with pytest.raises(Fenced):
            journal.put_whereabouts("S1", stands, was, LEFT, 2)
    journal.put_whereabouts("S1", Head(1, 2), None, LEFT, 2)
    with pytest.raises(Fenced):
        journal.put_whereabouts("S1", Head(1, 2), None, LEFT, 2)
    assert journal.whereabouts() == {"S1": LEFT}


def test_what_arrives_is_as_it_was_written_and_is_nobodys_until_it_is_here(storage: Storage) -> None:
    journal = storage.open()
    journal.put_whereabouts("S1", Head(0, 0), None, ARRIVING, 0)
    with pytest.raises(LedgerMoved, match="stores-0000-of-0002"):
        journal.take_over("S1")
    sent = came([1, 1, 4])
    journal.receive("S1", sent[:2])
    storage.open().receive("S1", sent[2:])

    assert storage.open().stands_at("S1") == Head(4, 3)
    assert journal.ledger_ids() == []
    with pytest.raises(LedgerMoved):
        journal.take_over("S1")
    journal.put_whereabouts("S1", Head(4, 3), ARRIVING, HERE, 6)
    assert storage.open().ledger_ids() == ["S1"]
    assert journal.take_over("S1") == Head(7, 3)
    assert records_of(journal, "S1") == sent
    journal.append([record("S1", 7, 4)])
    assert records_of(storage.after_crash().open(), "S1") == [*sent, record("S1", 7, 4)]


def test_what_does_not_follow_does_not_arrive(storage: Storage) -> None:
    journal = storage.open()
    sent = came([2, 2, 3])
    with pytest.raises(Fenced):
        journal.receive("S1", sent)
    journal.put_whereabouts("S1", Head(0, 0), None, ARRIVING, 0)
    for wrong in (sent[1:], [sent[0], sent[2]], [*sent[:2], record("S1", 1, 3)]):
        with pytest.raises(Fenced):
            journal.receive("S1", wrong)
        assert journal.stands_at("S1").seq == 0
    journal.receive("S1", sent)
    with pytest.raises(Fenced):
        journal.receive("S1", sent)
    journal.put_whereabouts("S1", Head(3, 3), ARRIVING, HERE, 3)
    with pytest.raises(Fenced):
        journal.receive("S1", [record("S1", 3, 4)])


def test_a_ledger_comes_back_to_the_records_that_it_has_left(storage: Storage) -> None:
    journal = storage.open()
    written = appended(journal, "S1", [2, 1])
    journal.put_whereabouts("S1", Head(1, 3), None, LEFT, 2)
    back = Whereabouts(9, Phase.ARRIVING, "stores-0001-of-0002")
    journal.put_whereabouts("S1", Head(2, 3), LEFT, back, 2)
    with pytest.raises(Fenced):
        journal.put_whereabouts("S1", Head(2, 3), LEFT, HERE, 5)
    journal.receive("S1", [record("S1", 3, 4)])
    journal.put_whereabouts("S1", Head(3, 4), back, back._replace(phase=Phase.HERE), 4)

    successor = storage.open()
    assert successor.take_over("S1") == Head(5, 4)
    assert records_of(successor, "S1") == [*written, record("S1", 3, 4)]
    with pytest.raises(Fenced):
        journal.append([record("S1", 1, 5)])


def test_what_stands_beside_records_is_noted_while_they_arrive(storage: Storage) -> None:
    journal = storage.open()
    journal.put_whereabouts("S1", Head(0, 0), None, ARRIVING, 0)
    journal.receive("S1", came([1, 1]))
    journal.write_snapshot("S1", 1, 2, [b"[1]"])
    journal.note_attempt("S1", 1, Attempt("k", 1, 5), 0)
    journal.note_reader("erp", 3, {"S1": 2}, {"S1": 1})
    journal.put_whereabouts("S1", Head(1, 2), ARRIVING, HERE, 2)

    after = storage.after_crash().open()
    assert after.newest_snapshot("S1") == (2, (b"[1]",))
    assert after.attempts("S1") == [Attempt("k", 1, 5)]
    assert after.readers() == {"S1": {("erp", 3): 2}}

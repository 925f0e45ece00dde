"""The exam, first part: epochs, appends and what they refuse. Every journal passes all of it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from actors.journal.port import Attempt, ClockMark, Fenced, Head, JournalError, JournalFailed
from tests.journal.storages import Storage, appended, record, records_of


def test_a_new_ledger_begins_at_sequence_0_under_epoch_1(storage: Storage) -> None:
    assert storage.open().take_over("S1") == Head(epoch=1, seq=0)


def test_every_take_over_raises_the_epoch_and_tells_where_the_ledger_stands(storage: Storage) -> None:
    first = storage.open()
    appended(first, "S1", [2, 3])
    second = storage.open()

    assert second.take_over("S1") == Head(2, 5)
    assert first.take_over("S1") == Head(3, 5)
    assert second.take_over("S2") == Head(1, 0)


def test_an_epoch_is_durable_before_anything_is_appended_under_it(storage: Storage) -> None:
    storage.open().take_over("S1")

    assert storage.after_crash().open().take_over("S1") == Head(2, 0)


def test_only_the_epoch_in_force_owns_the_ledger(storage: Storage) -> None:
    journal = storage.open()

    for epoch in (0, 1):
        with pytest.raises(Fenced):
            journal.check_owner({"S1": epoch})
    journal.take_over("S1")
    journal.check_owner({"S1": 1})
    storage.open().take_over("S1")
    with pytest.raises(Fenced):
        journal.check_owner({"S1": 1})
    journal.check_owner({"S1": 2})


def test_of_several_ledgers_each_must_be_owned(storage: Storage) -> None:
    journal = storage.open()
    epochs = {ledger_id: journal.take_over(ledger_id).epoch for ledger_id in ("S1", "Zürich 1", "S3")}
    journal.check_owner(epochs)
    storage.open().take_over("Zürich 1")
    with pytest.raises(Fenced, match="Zürich 1: epoch 1 was appending, epoch 2 is in force"):
        journal.check_owner(epochs)


def test_ledgers_are_owned_whatever_they_are_called_and_however_many(storage: Storage) -> None:
    journal = storage.open()
    epochs = {each: journal.take_over(each).epoch for each in ("\0\0", "a\0b", "a", "it's", '"', "☃")}
    journal.check_owner(epochs)
    some = {f"S{number}": journal.take_over(f"S{number}").epoch for number in range(20)}
    with pytest.raises(Fenced, match="ledger none-0: epoch 1 was appending, epoch 0 is in force"):
        journal.check_owner({**some, **{f"none-{number}": 1 for number in range(40_000)}})


def test_what_was_appended_is_there_for_all_who_open_the_storage(storage: Storage) -> None:
    journal = storage.open()
    written = appended(journal, "S1", [1, 4, 2])

    assert records_of(journal, "S1") == written
    assert records_of(storage.open(), "S1") == written


def test_what_was_appended_survives_a_crash(storage: Storage) -> None:
    written = appended(storage.open(), "S1", [1, 4, 2])
    survived = storage.after_crash().open()

    assert survived.take_over("S1") == Head(2, 7)
    assert records_of(survived, "S1") == written


def test_a_successor_goes_on_where_the_other_stopped(storage: Storage) -> None:
    written = appended(storage.open(), "S1", [1, 2])
    for epoch, seq in ((2, 4), (3, 5), (4, 9)):
        journal = storage.after_crash().open() if epoch == 4 else storage.open()
        assert journal.take_over("S1").epoch == epoch
        written.append(record("S1", epoch, seq, seq - written[-1].seq))
        journal.append(written[-1:])
        assert records_of(journal, "S1") == written


def test_one_append_may_hold_several_records_of_several_ledgers(storage: Storage) -> None:
    journal = storage.open()
    for ledger_id in ("S1", "S2"):
        journal.take_over(ledger_id)
    batch = [record("S1", 1, 2, 2), record("S2", 1, 1), record("S1", 1, 3), record("S2", 1, 4, 3)]
    journal.append(batch)
    journal.append([record("S2", 1, 5), record("S1", 1, 4)])

    assert records_of(journal, "S1") == [batch[0], batch[2], record("S1", 1, 4)]
    assert records_of(journal, "S2") == [batch[1], batch[3], record("S2", 1, 5)]


def test_an_append_of_nothing_changes_nothing(storage: Storage) -> None:
    journal = storage.open()
    written = appended(journal, "S1", [1])
    journal.append([])

    assert records_of(storage.after_crash().open(), "S1") == written


def test_an_append_under_an_older_epoch_is_fenced(storage: Storage) -> None:
    zombie, successor = storage.open(), storage.open()
    written = appended(zombie, "S1", [1])
    successor.take_over("S1")

    with pytest.raises(Fenced, match="ledger S1: epoch 1 was appending, epoch 2 is in force"):
        zombie.append([record("S1", 1, 2)])

    assert records_of(successor, "S1") == written
    successor.append([record("S1", 2, 2)])
    with pytest.raises(Fenced):
        zombie.append([record("S1", 1, 2)])
    assert records_of(storage.after_crash().open(), "S1") == [*written, record("S1", 2, 2)]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_where_one_ledger_of_a_batch_is_fenced_nothing_of_it_is_written(storage: Storage, place: int) -> None:
    zombie = storage.open()
    for ledger_id in ("S1", "S2", "S3"):
        zombie.take_over(ledger_id)
    lost = ("S1", "S2", "S3")[place]
    storage.open().take_over(lost)

    with pytest.raises(Fenced, match=f"ledger {lost}:"):
        zombie.append([record(ledger_id, 1, 1) for ledger_id in ("S1", "S2", "S3")])

    survived = storage.after_crash().open()
    assert [records_of(survived, ledger_id) for ledger_id in ("S1", "S2", "S3")] == [[], [], []]


def test_a_ledger_that_was_lost_does_not_cost_the_others(storage: Storage) -> None:
    zombie = storage.open()
    zombie.take_over("S1")
    zombie.take_over("S2")
    storage.open().take_over("S1")
    with pytest.raises(Fenced):
        zombie.append([record("S2", 1, 1), record("S1", 1, 1)])

    zombie.append([record("S2", 1, 1)])
    zombie.append([record("S2", 1, 2)])

    assert records_of(storage.after_crash().open(), "S2") == [record("S2", 1, 1), record("S2", 1, 2)]


def test_an_epoch_from_the_future_or_of_nobody_is_refused(storage: Storage) -> None:
    journal = storage.open()
    journal.take_over("S1")

    with pytest.raises(Fenced):
        journal.append([record("S1", 2, 1)])
    with pytest.raises(Fenced):
        journal.append([record("S2", 1, 1)])
    with pytest.raises(JournalError):
        journal.append([record("S2", 0, 1)])
    assert records_of(storage.open(), "S1") == []
    assert records_of(storage.open(), "S2") == []


@pytest.mark.parametrize(("seq", "event_count"), [(3, 1), (4, 1), (3, 3), (2, 1), (1, 1), (2, 2)])
def test_a_record_must_follow_the_last_one(storage: Storage, seq: int, event_count: int) -> None:
    journal = storage.open()
    written = appended(journal, "S1", [1])
    if (seq, event_count) == (2, 1):
        written.append(record("S1", 1, 2))
        journal.append(written[-1:])  # the same record twice

    with pytest.raises(JournalFailed, match="S1"):
        journal.append([record("S1", 1, seq, event_count)])

    assert records_of(storage.open(), "S1") == written


def test_the_records_of_one_batch_must_follow_each_other(storage: Storage) -> None:
    journal = storage.open()
    journal.take_over("S1")
    journal.take_over("S2")

    with pytest.raises(JournalFailed):
        journal.append([record("S2", 1, 1), record("S1", 1, 1), record("S1", 1, 3)])

    survived = storage.after_crash().open()
    assert records_of(survived, "S1") == records_of(survived, "S2") == []


def test_after_a_failure_the_journal_is_finished_and_its_storage_is_not(storage: Storage) -> None:
    journal = storage.open()
    written = appended(journal, "S1", [1])
    with pytest.raises(JournalFailed):
        journal.append([record("S1", 1, 9)])

    for use in (
        lambda: journal.append([record("S1", 1, 2)]),
        lambda: journal.take_over("S1"),
        lambda: journal.read("S1", 0, 1),
        lambda: journal.write_snapshot("S1", 1, 1, [b"[]"]),
    ):
        with pytest.raises(JournalFailed, match="not used any more"):
            use()

    successor = storage.open()
    assert successor.take_over("S1") == Head(2, 1)
    successor.append([record("S1", 2, 2)])
    assert records_of(successor, "S1") == [*written, record("S1", 2, 2)]


def test_an_epoch_used_through_another_journal_never_breaks_the_chain(storage: Storage) -> None:
    owner, stranger = storage.open(), storage.open()
    written = appended(owner, "S1", [1])
    with suppress(JournalError):
        stranger.append([record("S1", 1, 2)])
    with suppress(JournalError):
        owner.append([record("S1", 1, 3)])

    survived = storage.after_crash().open()
    seq = survived.take_over("S1").seq
    assert records_of(survived, "S1") == [*written, *(record("S1", 1, number) for number in range(2, seq + 1))]


def test_a_closed_journal_refuses_and_closes_twice(storage: Storage) -> None:
    journal = storage.open()
    written = appended(journal, "S1", [1])
    journal.close()
    journal.close()

    uses = (lambda: journal.append([record("S1", 1, 2)]), journal.ledger_ids, lambda: journal.check_owner({"S1": 1}))
    for use in uses:
        with pytest.raises(JournalFailed, match="closed"):
            use()
    assert records_of(storage.open(), "S1") == written


def test_several_threads_may_use_one_journal(storage: Storage) -> None:
    journal = storage.open()
    ledger_ids = [f"S{number}" for number in range(4)]

    with ThreadPoolExecutor(len(ledger_ids)) as pool:
        written = list(pool.map(lambda ledger_id: appended(journal, ledger_id, [1, 2] * 5), ledger_ids))

    survived = storage.after_crash().open()
    assert [records_of(survived, ledger_id) for ledger_id in ledger_ids] == written


def test_the_last_mark_of_the_clock_is_kept_for_the_successor(storage: Storage) -> None:
    journal = storage.open()
    assert journal.kept_clock() is None
    written = appended(journal, "S1", [1])
    journal.keep_clock("S1", 1, ClockMark("boot", 5, 7_000))
    journal.keep_clock("S1", 1, ClockMark("boot", 2**60, 2**61))

    successor = storage.after_crash().open()
    assert successor.kept_clock() == ClockMark("boot", 2**60, 2**61)
    assert records_of(successor, "S1") == written


def test_a_journal_that_is_finished_keeps_no_mark(storage: Storage) -> None:
    journal = storage.open()
    journal.close()
    with pytest.raises(JournalFailed):
        journal.keep_clock("S1", 1, ClockMark("boot", 5, 7_000))


def test_an_owner_that_was_replaced_leaves_the_mark_of_the_clock_alone(storage: Storage) -> None:
    first, second = storage.open(), storage.open()
    first.take_over("S1")
    assert second.take_over("S1").epoch == 2
    second.keep_clock("S1", 2, ClockMark("boot", 5, 7_000))
    with pytest.raises(Fenced):
        first.keep_clock("S1", 1, ClockMark("boot", 6, 9_000))
    assert storage.after_crash().open().kept_clock() == ClockMark("boot", 5, 7_000)


def test_what_a_named_reader_has_seen_is_durable(storage: Storage) -> None:
    journal = storage.open()
    appended(journal, "S1", [3])
    journal.note_reader("warehouse", 5, {"S1": 3, "S2": 0}, {"S1": 1})
    journal.note_reader("search", 6, {"S1": 2}, {"S1": 1})
    journal.note_reader("warehouse", 5, {"S1": 1}, {"S1": 1})  # it was restored from a copy of its own
    journal.note_reader("warehouse", 4, {"S1": 3}, {"S1": 1})  # of its life before it was dropped
    for opened in (journal, storage.after_crash().open()):
        noted = {("warehouse", 5): 1, ("search", 6): 2, ("warehouse", 4): 3}
        assert opened.readers() == {"S1": noted, "S2": {("warehouse", 5): 0}}
        assert opened.move_away("S1", 1, {}) == [], "there is no setting for it"


def test_an_owner_that_was_replaced_notes_nothing_of_a_reader(storage: Storage) -> None:
    first, second = storage.open(), storage.open()
    appended(first, "S1", [3])
    first.take_over("S2")
    assert second.take_over("S1").epoch == 2
    second.note_reader("warehouse", 5, {"S1": 1}, {"S1": 2})
    with pytest.raises(Fenced):
        first.note_reader("warehouse", 5, {"S2": 0, "S1": 3}, {"S2": 1, "S1": 1})
    assert storage.after_crash().open().readers() == {"S1": {("warehouse", 5): 1}}


def test_attempts_are_durable_until_they_are_answered_or_out_of_time(storage: Storage) -> None:
    journal = storage.open()
    appended(journal, "S1", [1])
    appended(journal, "S2", [1])
    journal.note_attempt("S1", 1, Attempt("k1", 1, 7_000), 0)
    journal.note_attempt("S1", 1, Attempt("k1", 2, 8_000), 0)
    journal.note_attempt("S1", 1, Attempt("k2", 1, 8_000), 0)
    journal.note_attempt("S2", 1, Attempt("k1", 1, 9_000), 0)
    journal.note_attempt("S1", 1, Attempt("k2", 0, 9_000), 8_000)
    for opened in (journal, storage.after_crash().open()):
        assert opened.attempts("S1") == [Attempt("k1", 2, 8_000)]
        assert opened.attempts("S2") == [Attempt("k1", 1, 9_000)]
    journal.note_attempt("S1", 1, Attempt("k3", 1, 10_000), 8_001)
    assert journal.attempts("S1") == [Attempt("k3", 1, 10_000)]


def test_an_owner_that_was_replaced_notes_no_attempt(storage: Storage) -> None:
    first, second = storage.open(), storage.open()
    first.take_over("S1")
    assert second.take_over("S1").epoch == 2
    with pytest.raises(Fenced):
        first.note_attempt("S1", 1, Attempt("k1", 1, 7_000), 0)
    assert storage.after_crash().open().attempts("S1") == []


def test_a_journal_that_has_failed_puts_back_what_stood_for_an_attempt(storage: Storage) -> None:
    journal = storage.open()
    appended(journal, "S1", [1])
    journal.note_attempt("S1", 1, Attempt("k1", 1, 7_000), 0)
    journal.note_attempt("S1", 1, Attempt("k1", 2, 8_000), 0)
    journal.note_attempt("S1", 1, Attempt("k2", 1, 8_000), 0)
    with pytest.raises(JournalFailed):
        journal.append([record("S1", 1, 5)])
    journal.take_back_attempt("S1", 1, Attempt("k1", 1, 7_000))
    journal.take_back_attempt("S1", 1, Attempt("k2", 0, 8_000))
    assert storage.after_crash().open().attempts("S1") == [Attempt("k1", 1, 7_000)]


def test_an_owner_that_was_replaced_takes_no_attempt_back(storage: Storage) -> None:
    first, second = storage.open(), storage.open()
    first.take_over("S1")
    first.note_attempt("S1", 1, Attempt("k1", 1, 7_000), 0)
    second.take_over("S1")
    first.take_back_attempt("S1", 1, Attempt("k1", 0, 7_000))
    assert storage.after_crash().open().attempts("S1") == [Attempt("k1", 1, 7_000)]


def test_where_one_ledger_of_many_is_lost_nothing_is_written_and_the_others_go_on(storage: Storage) -> None:
    """In commits of many ledgers they are not proved one by one each time, so what has changed must be seen."""
    journal, ledger_ids = storage.open(), [f"S{number}" for number in range(40)]
    for ledger_id in ledger_ids:
        journal.take_over(ledger_id)
    for seq in (1, 2):
        journal.append([record(ledger_id, 1, seq) for ledger_id in ledger_ids])
    successor = storage.open()
    successor.take_over("S7")
    with pytest.raises(Fenced, match="ledger S7: epoch 1 was appending, epoch 2 is in force"):
        journal.append([record(ledger_id, 1, 3) for ledger_id in ledger_ids])
    others = [ledger_id for ledger_id in ledger_ids if ledger_id != "S7"]
    for seq in (3, 4):
        journal.append([record(ledger_id, 1, seq) for ledger_id in others])
    successor.append([record("S7", 2, 3)])

    survived = storage.after_crash().open()
    for ledger_id in others:
        assert records_of(survived, ledger_id) == [record(ledger_id, 1, seq) for seq in range(1, 5)]
    assert records_of(survived, "S7") == [record("S7", 1, 1), record("S7", 1, 2), record("S7", 2, 3)]

"""Copies the journals of a stopped service from one setting to another, of whatever kinds, by the contract alone; and
proves the copy. It is how a service moves to another kind of journal, and a backup of both.

A copy is marked as unfinished until all of it was read back and compared; nothing can be started on one that is.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import groupby, zip_longest
from typing import Final

from actors.journal.open import journal_names, open_journal, place_of, put_stamp, stamp_of
from actors.journal.port import Fenced, Journal, JournalDamaged, Phase, Record
from actors.journal.stamp import UNFINISHED, Stamp

READ_EVENTS_MAX: Final = 5_000


class CopyRefused(Exception):
    """Nothing to copy, a target that has something, or a source that is used."""


def copy_journals(
    source: str, target: str, say: Callable[[str], None], beside: Callable[[], None] = lambda: None
) -> None:
    """Copy all, then prove all; `say` hears of each actor. The source gets a stamp if it has none, and no other write.
    `beside` copies what stands beside journals, and proves it, before the copy counts. Raises CopyRefused,
    JournalError, OSError, and ValueError for a setting that is none.
    """
    names = journal_names(source)
    if not names:
        raise CopyRefused(f"{place_of(source)} has no journals")
    if stamp_of(target) is not None or journal_names(target):
        raise CopyRefused(f"{place_of(target)} has journals already; take an empty place")
    stamp = stamp_of(source)
    if stamp is None:
        put_stamp(source, stamp := Stamp.new())
    if stamp.id == UNFINISHED:
        raise CopyRefused(f"{place_of(source)} is a copy that was not finished")
    _refuse_moving(source, names)
    put_stamp(target, Stamp(UNFINISHED))
    began: dict[str, dict[str, int]] = {}
    for name in names:
        with _both(source, target, name) as (old, new):
            began[name] = {ledger_id: _stands(old, ledger_id) for ledger_id in old.ledger_ids()}
            epochs = {ledger_id: _copy_ledger(old, new, ledger_id, epoch) for ledger_id, epoch in began[name].items()}
            _copy_beside(old, new, epochs)
            _copy_moves(old, new)
        say(f"{name}: copied")
    for name in names:
        with _both(source, target, name) as (old, new):
            records, events = _prove(old, new, began[name])
        say(f"{name}: {len(began[name]):,} ledgers, {records:,} records, {events:,} events read back")
    beside()
    put_stamp(target, Stamp.new(stamp))


@contextmanager
def _both(source: str, target: str, name: str) -> Iterator[tuple[Journal, Journal]]:
    with closing(open_journal(source, name)) as old, closing(open_journal(target, name)) as new:
        yield old, new


def _refuse_moving(source: str, names: list[str]) -> None:
    """A shop on its way is in two journals. Raises CopyRefused, JournalError."""
    for name in names:
        with closing(open_journal(source, name)) as journal:
            for ledger_id, at in journal.whereabouts().items():
                if at.phase is Phase.ARRIVING:
                    way = f"from {at.actor} to {name}"
                    raise CopyRefused(f"{ledger_id} is on its way {way}; start the service, which moves it")


def _copy_moves(old: Journal, new: Journal) -> None:
    """Where ledgers are that have moved. Of those that have left no records are copied, which their actor has now."""
    for ledger_id, at in old.whereabouts().items():
        head = new.stands_at(ledger_id)
        new.put_whereabouts(ledger_id, head, None, at, head.epoch)


def _stands(journal: Journal, ledger_id: str) -> int:
    """The epoch in force, which the refusal of another one tells."""
    try:
        journal.check_owner({ledger_id: 0})
    except Fenced as fenced:
        return fenced.in_force
    raise AssertionError("nobody owns under epoch 0")


def _copy_ledger(old: Journal, new: Journal, ledger_id: str, epoch: int) -> int:
    """Each record under the epoch that it was written under. Returns the copy's epoch in force, above all of them."""
    own, seq = new.take_over(ledger_id).epoch, 0
    while read := old.read(ledger_id, seq, READ_EVENTS_MAX):
        for its_epoch, records in groupby(read, key=lambda record: record.epoch):
            if its_epoch < own:
                raise JournalDamaged(ledger_id, f"seq {seq + 1}", f"epoch {its_epoch} behind epoch {own}")
            while own < its_epoch:
                own = new.take_over(ledger_id).epoch
            new.append(list(records))
        seq = read[-1].seq
    while own <= epoch:
        own = new.take_over(ledger_id).epoch
    snapshot = old.newest_snapshot(ledger_id)
    if snapshot is not None:
        new.write_snapshot(ledger_id, own, snapshot.seq, snapshot.chunks)
    for attempt in old.attempts(ledger_id):
        new.note_attempt(ledger_id, own, attempt, 0)
    return own


def _copy_beside(old: Journal, new: Journal, epochs: dict[str, int]) -> None:
    """What readers have seen, and the clock's mark."""
    for ledger_id, seen in old.readers().items():
        for (name, named), seq in seen.items() if ledger_id in epochs else ():
            new.note_reader(name, named, {ledger_id: seq}, epochs)
    mark = old.kept_clock()
    if mark is not None and epochs:
        new.keep_clock(*next(iter(epochs.items())), mark)


def _prove(old: Journal, new: Journal, began: dict[str, int]) -> tuple[int, int]:
    """Read both again; the number of records and of events. Raises JournalDamaged where they differ, CopyRefused where
    the source has moved meanwhile.
    """
    records = events = 0
    for ledger_id, epoch in began.items():
        for one, other in zip_longest(_records(old, ledger_id), _records(new, ledger_id)):
            if one != other or one is None:
                place = f"seq {(one or other).seq}" if one or other else "its end"
                raise JournalDamaged(ledger_id, place, "the copy has another record there")
            records, events = records + 1, events + one.event_count
        if _stands(old, ledger_id) != epoch:
            raise CopyRefused(f"ledger {ledger_id} was taken over meanwhile: stop its service, and copy again")
        if _stands(new, ledger_id) <= epoch:
            raise JournalDamaged(ledger_id, f"epoch {epoch}", "the copy's is not above it")
        if old.newest_snapshot(ledger_id) != new.newest_snapshot(ledger_id):
            raise JournalDamaged(ledger_id, "its snapshot", "the copy has another one")
        if sorted(old.attempts(ledger_id)) != sorted(new.attempts(ledger_id)):
            raise JournalDamaged(ledger_id, "its attempts", "the copy has others")
    readers = {ledger_id: seen for ledger_id, seen in old.readers().items() if ledger_id in began}
    if readers != new.readers() or sorted(began) != sorted(new.ledger_ids()):
        raise JournalDamaged("(all)", "its readers or ledgers", "the copy has others")
    if old.whereabouts() != new.whereabouts():
        raise JournalDamaged("(all)", "where its ledgers are", "the copy says otherwise")
    return records, events


def _records(journal: Journal, ledger_id: str) -> Iterator[Record]:
    seq = 0
    while read := journal.read(ledger_id, seq, READ_EVENTS_MAX):
        yield from read
        seq = read[-1].seq

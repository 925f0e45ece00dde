"""Durable writes: what a commit costs by its size, beside the bare flush to the same disk, and the codec by itself."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Final

from actors.journal.codec import decode_events, encode_events
from actors.journal.memory import MemoryDisk, MemoryJournal
from actors.journal.port import Journal, Record
from actors.journal.sqlite import SqliteJournal
from actors.shop.events import Event, Reserved
from actors.shop.evolve import evolve
from actors.shop.state import Ledger
from actors.shop.transact import transact
from bench.record import (
    Conservation,
    Headline,
    Options,
    Outcome,
    Row,
    Told,
    file_system_of,
    medians,
    of_ledger,
    percentile,
    timed,
)
from bench.samples import NOW_MS, STORE, receipts, reserves

BATCHES: Final = (1, 16, 64, 256, 1_024)
SKUS: Final = 2_000  # one delivery's worth: the first event holds them all
READ_EVENTS_MAX: Final = 20_000


def run_journal(options: Options) -> Outcome:
    """Appends of each size to each journal; at the end all is read back and must give the same ledger."""
    events = _events(options.size(40_000, 2_048))
    rows: list[Row] = []
    rates: dict[int, float] = {}
    conservation: Conservation | None = None
    for batch in BATCHES[::3] if options.quick else BATCHES:
        commits = min(options.size(400, 20), (len(events) - 1) // batch)
        options.say(f"journal: batches of {batch}")
        sqlite = SqliteJournal(options.scratch / f"batch-{batch}.db")
        records = _records(sqlite, events, batch, commits)
        size = sum(len(record.payload) for record in records[1:]) / commits
        row = _appended(f"SQLite, {batch} events", batch, size, _to(sqlite), records)
        rates[batch] = row.figures["events_per_s"]
        conservation = _read_back(sqlite, records)
        sqlite.close()
        memory: Journal = MemoryJournal(MemoryDisk())
        copies = _records(memory, events, batch, commits)
        with _flusher(options.scratch) as flush:
            bare = _appended(f"fdatasync, {batch} events", batch, size, flush, records)
        rows += [row, bare]
        rows.append(_appended(f"memory, {batch} events", batch, size, _to(memory), copies))
        if not conservation.holds:
            break
    rows += _codec(events, options.rounds)
    parameters = {
        "events": len(events),
        "file_system": file_system_of(options.scratch),
        "rounds": options.rounds,
        "quick": options.quick,
    }
    best = max(rates.values())
    return Outcome(parameters, rows, [Headline("SQLite, best", best, "durable events/s")], conservation)


def _events(count: int) -> list[Event]:
    """What a shop's day writes: a delivery, then reservations of one line, every fourth of three."""
    ledger = Ledger(STORE)
    made: list[Event] = []
    for receipt in receipts(SKUS):
        made += transact(ledger, receipt, NOW_MS).events
    for number, command in enumerate(reserves(count, SKUS, 1, 1)):
        chosen = command if number % 4 else next(reserves(1, SKUS, 3, number))
        made += transact(ledger, chosen, NOW_MS).events
    return made


def _records(journal: Journal, events: Sequence[Event], batch: int, commits: int) -> list[Record]:
    """The delivery, then so many records of so many events, for a ledger that is taken over now."""
    epoch = journal.take_over(STORE).epoch
    cut = [events[:1], *(events[1 + number * batch : 1 + (number + 1) * batch] for number in range(commits))]
    made: list[Record] = []
    seq = 0
    for each in cut:
        seq += len(each)
        made.append(Record(STORE, epoch, seq, len(each), NOW_MS, encode_events(each)))
    return made


def _appended(name: str, batch: int, size: float, append: Callable[[Record], object], records: Sequence[Record]) -> Row:
    """One commit a record. The delivery and the first few warm the file up, and are not counted."""
    warm = min(5, len(records) - 1)
    took = []
    for record in records:
        began = perf_counter()
        append(record)
        took.append(perf_counter() - began)
    kept = took[warm:]
    return Row(
        name,
        {
            "bytes": round(size),
            "commit_p50_us": 1e6 * percentile(kept, 0.5),
            "commit_p99_us": 1e6 * percentile(kept, 0.99),
            "events_per_s": batch * len(kept) / sum(kept),
        },
    )


def _to(journal: Journal) -> Callable[[Record], None]:
    return lambda record: journal.append([record])


@contextmanager
def _flusher(folder: Path) -> Iterator[Callable[[Record], None]]:
    """The least that a durable write can cost here: the same bytes at the end of a file, and a flush."""
    descriptor = os.open(folder / "flushed", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_TRUNC)

    def write(record: Record) -> None:
        os.write(descriptor, record.payload)
        os.fdatasync(descriptor)

    try:
        yield write
    finally:
        os.close(descriptor)


def _read_back(journal: Journal, records: Sequence[Record]) -> Conservation:
    """What was appended gives the ledger that wrote it."""
    ledger = Ledger(STORE)
    decoded = (event for record in records for event in decode_events(record.payload))
    accepted = sum(1 for event in decoded if isinstance(event, Reserved))
    while batch := journal.read(STORE, ledger.version, READ_EVENTS_MAX):
        for record in batch:
            for event in decode_events(record.payload):
                evolve(ledger, event, record.at_ms)
    return of_ledger(ledger, Told(accepted))


def _codec(events: Sequence[Event], rounds: int) -> list[Row]:
    """Encoding and decoding by themselves."""
    cut = [events[first : first + 256] for first in range(0, len(events), 256)]
    payloads = [encode_events(each) for each in cut]
    count = len(events)
    works = {
        "encode, an event": lambda: [encode_events(each) for each in cut],
        "decode, an event": lambda: [decode_events(each) for each in payloads],
    }
    return [Row(name, medians([timed(count, work) for _ in range(rounds)])) for name, work in works.items()]

"""A process that appends to a sqlite journal and says what was acknowledged, until it is killed or the disk fails.

Run as `python -m tests.journal.writer '{"path": ..., "seed": ...}'`. It writes a line for each acknowledged batch, the
sequences of its two ledgers, and `snapshot <seq>` for each finished snapshot. Once the journal fails it writes
`failed <SQLite's name for it>`, tries once more, writes `refused`, and stays until its standard input ends.
"""

import json
import os
import random
import resource
import sys
from pathlib import Path
from typing import Any, Final

from actors.journal.port import JournalError, JournalFailed
from actors.journal.sqlite import SqliteJournal
from tests.journal.storages import record

LEDGER_IDS: Final = ("S1", "S2")
BATCHES_MAX: Final = 5_000
EVENTS_A_RECORD_MAX: Final = 120
BATCHES_A_SNAPSHOT: Final = 4


def snapshot_chunks(seq: int) -> list[bytes]:
    """A snapshot whose content follows from its sequence."""
    return [b"[%d]" % (seq * 1_000 + place) * 300 for place in range(1 + seq % 3)]


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def refuse_flushes_of(file: str) -> None:
    """Put /dev/null in the place of a file: it takes every write, and the kernel refuses to flush it."""
    nothing = os.open("/dev/null", os.O_RDWR)
    for link in Path("/proc/self/fd").iterdir():
        if link.exists() and str(link.readlink()).endswith(file):
            os.dup2(nothing, int(link.name))


def append_for_ever(
    journal: SqliteJournal, seeded: random.Random, flushes_refused_after: int | None, refused: str
) -> None:
    """Batches over all ledgers, and a snapshot now and then."""
    heads = {ledger_id: journal.take_over(ledger_id) for ledger_id in LEDGER_IDS}
    seqs = {ledger_id: head.seq for ledger_id, head in heads.items()}
    for number in range(BATCHES_MAX):
        if number == flushes_refused_after:
            refuse_flushes_of(refused)
        batch = []
        for ledger_id, head in heads.items():
            event_count = seeded.randint(1, EVENTS_A_RECORD_MAX)
            seqs[ledger_id] += event_count
            batch.append(record(ledger_id, head.epoch, seqs[ledger_id], event_count))
        journal.append(batch)
        say(" ".join(str(seqs[ledger_id]) for ledger_id in LEDGER_IDS))
        journal.checkpoint()
        if flushes_refused_after is None and number % BATCHES_A_SNAPSHOT == 0:
            journal.write_snapshot("S1", heads["S1"].epoch, seqs["S1"], snapshot_chunks(seqs["S1"]))
            say(f"snapshot {seqs['S1']}")


def main(
    path: str,
    seed: str,
    checkpoint_pages: int = 10,
    file_bytes_max: int | None = None,
    flushes_refused_after: int | None = None,
    refused: str = "-wal",
) -> None:
    """Append until something ends it."""
    journal = SqliteJournal(Path(path), checkpoint_pages=checkpoint_pages)  # often, so that kills fall into some
    if file_bytes_max is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes_max, file_bytes_max))
    try:
        append_for_ever(journal, random.Random(seed), flushes_refused_after, refused)
    except JournalFailed as failure:
        say(f"failed {getattr(failure.__cause__, 'sqlite_errorname', failure)}")
    try:
        journal.append([])
    except JournalError:
        say("refused")
    sys.stdin.read()


if __name__ == "__main__":
    arguments: dict[str, Any] = json.loads(sys.argv[1])
    main(**arguments)

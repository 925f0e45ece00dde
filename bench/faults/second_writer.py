"""A second process that takes over a live journal, as if nobody had stopped the first: `python -m
bench.faults.second_writer JOURNAL STORE_ID SKU`.

It says `owner` once the ledgers are its own. Then it waits for a line, tries to reserve a unit, and says what it was
answered. Where another has taken over meanwhile, its journal ends the process with EXIT_JOURNAL before that.
"""

import sys
from pathlib import Path

from actors.journal.sqlite import SqliteJournal
from actors.protocol.messages import pack_batch, unpack_answers
from actors.ray_actors import end_process
from actors.runtime.clock import SystemClock
from actors.shop.commands import Reserve
from actors.store_actor import StoreActor


def main(path: str, store_id: str, sku: str) -> None:
    """Take over, wait, and try to write."""
    actor = StoreActor("second writer", SqliteJournal(Path(path)), SystemClock(), end_process)
    actor.status(store_id)  # its ledger is taken over when it is first asked for
    print("owner", flush=True)
    sys.stdin.readline()
    command = Reserve("second-writer", "nobody", "web", "", ((sku, 1),), 0)
    (answer,) = unpack_answers(actor.step(pack_batch(0, [(store_id, command)])))
    print(answer, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A store actor in a process of its own, without Ray, that can be stopped and woken: `python -m tests.cluster.zombie`.

Its argument is the journal's file. Each line that it reads is a key under which one unit is reserved; it answers each
with a line once that is durable.
"""

import sys
from pathlib import Path

from actors.journal.sqlite import SqliteJournal
from actors.protocol.messages import Held, pack_batch, unpack_answers
from actors.ray_actors import end_process
from actors.runtime.clock import SystemClock
from actors.shop.commands import AdjustmentKind, AdjustStock, Movement, Reserve
from actors.store_actor import StoreActor

UNITS = 1_000


def main(path: str) -> None:
    """Answer until the input ends, or the journal ends it."""
    actor = StoreActor("zombie", SqliteJournal(Path(path)), SystemClock(), end_process)
    receipt = AdjustStock("receipt", "wms", (Movement("A", UNITS, 1, AdjustmentKind.RECEIPT, 0),))
    actor.step(pack_batch(0, [("S1", (receipt))]))
    say("ready")
    for line in sys.stdin:
        key = line.strip()
        command = Reserve(key, "ann", "web", "", (("A", 1),), 0)
        (answer,) = unpack_answers(actor.step(pack_batch(0, [("S1", command)])))
        say(f"{key} {answer.number}" if isinstance(answer, Held) else f"{key} refused")


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])

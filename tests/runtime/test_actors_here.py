"""The actors in this process sit the exam of the real ones; tests/cluster has those."""

import asyncio
from pathlib import Path

from actors.journal.port import Record
from tests.journal.memory import MemoryDisk, MemoryJournal
from tests.runtime.actors_exam import Candidate, sit
from tests.runtime.actors_here import ActorsHere
from tests.runtime.runtime_fixture import ManualClock


def test_the_actors_in_this_process_do_as_they_must(tmp_path: Path, clock: ManualClock) -> None:
    actors = ActorsHere(tmp_path, clock)

    async def kill(actor: str) -> None:
        actors.kill(actor)

    def damage(actor: str, ledger_id: str) -> None:
        journal = MemoryJournal(actors.disks.setdefault(actor, MemoryDisk()))
        epoch, seq = journal.take_over(ledger_id)
        journal.append([Record(ledger_id, epoch, seq + 1, 1, 0, b"[")])

    asyncio.run(sit(Candidate(actors, kill, damage)))
    actors.close()

"""The way over Ray sits the exam that the actors in one process sit too."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.journal.open import sqlite_setting
from actors.journal.port import Record
from actors.journal.sqlite import SqliteJournal
from actors.protocol.messages import ActorGone
from actors.ray_actors import RayActors
from actors.ray_nodes import start_ray, stop_ray
from serve.config.environment import SWITCHES
from tests.cluster.service import ROOT
from tests.runtime.actors_exam import ACTOR, Candidate, sit
from tests.runtime.runtime_fixture import WAIT_S
from tests.waiting import until_async

NICENESS = "RAY_worker_niceness"


@pytest.fixture
def ray_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Ray of this test's own, whose workers find the code."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "proto")]))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    # As in a service: by Ray's default its workers run once nobody else wants to, and other tests always do.
    monkeypatch.setenv(NICENESS, SWITCHES[NICENESS])
    start_ray("")
    yield
    stop_ray()


def test_the_actors_over_ray_do_as_they_must(tmp_path: Path, ray_here: None) -> None:
    actors = RayActors(sqlite_setting(tmp_path), "127.0.0.1")

    async def kill(actor: str) -> None:
        os.kill((await actors.call(actor, "status", "S1"))["pid"], signal.SIGKILL)

    def damage(actor: str, ledger_id: str) -> None:
        journal = SqliteJournal(tmp_path / f"{actor}.db")
        epoch, seq = journal.take_over(ledger_id)
        journal.append([Record(ledger_id, epoch, seq + 1, 1, 0, b"[")])
        journal.close()

    async def a_stopped_process_is_replaced() -> None:
        stopped = (await actors.call(ACTOR, "status", "S1"))["pid"]
        os.kill(stopped, signal.SIGSTOP)

        async def replaced() -> bool:
            try:
                return bool((await actors.call(ACTOR, "status", "S1"))["pid"] != stopped)
            except ActorGone:
                return False

        await until_async(replaced, within_s=3 * WAIT_S, what="another process")
        with pytest.raises(ProcessLookupError):  # it was ended, and does not wake up
            os.kill(stopped, 0)

    async def main() -> None:
        await sit(Candidate(actors, kill, damage))
        await a_stopped_process_is_replaced()
        await actors.close()

    asyncio.run(main())

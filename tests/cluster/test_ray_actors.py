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
from actors.ray_actors import RayActors, start_ray, stop_ray
from tests.cluster.service import ROOT
from tests.runtime.actors_exam import Candidate, sit


@pytest.fixture
def ray_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Ray of this test's own, whose workers find the code."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "proto")]))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    start_ray("")
    yield
    stop_ray()


def test_the_actors_over_ray_do_as_they_must(tmp_path: Path, ray_here: None) -> None:
    actors = RayActors(sqlite_setting(tmp_path))

    async def kill(actor: str) -> None:
        os.kill(await actors.call(actor, "ping"), signal.SIGKILL)

    def damage(actor: str, ledger_id: str) -> None:
        journal = SqliteJournal(tmp_path / f"{actor}.db")
        epoch, seq = journal.take_over(ledger_id)
        journal.append([Record(ledger_id, epoch, seq + 1, 1, 0, b"[")])
        journal.close()

    asyncio.run(sit(Candidate(actors, kill, damage)))

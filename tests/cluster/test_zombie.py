"""An actor that was stopped while a successor took over: woken up, its first append is refused and it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

from actors.journal.port import JournalError
from actors.journal.sqlite import SqliteJournal
from actors.protocol.messages import Held, pack_batch, unpack_answers
from actors.ray_actors import EXIT_JOURNAL
from actors.runtime.clock import SystemClock
from actors.shop.commands import Reserve
from actors.store_actor import StoreActor
from tests.cluster.service import ROOT


def lines(stream: IO[str], count: int) -> list[str]:
    """So many lines, waited for."""
    return [stream.readline().strip() for _ in range(count)]


def test_a_stopped_actor_is_not_believed_once_it_was_replaced(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "proto")])}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.cluster.zombie", str(path)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as zombie:
        assert zombie.stdin is not None
        assert zombie.stdout is not None
        assert lines(zombie.stdout, 1) == ["ready"]
        zombie.stdin.write("k1\nk2\n")
        zombie.stdin.flush()
        assert lines(zombie.stdout, 2) == ["k1 2", "k2 3"]

        os.kill(zombie.pid, signal.SIGSTOP)
        zombie.stdin.write("k1\nk3\nk4\n")
        zombie.stdin.flush()
        ended: list[JournalError] = []
        successor = StoreActor("successor", SqliteJournal(path), SystemClock(), ended.append)
        command = Reserve("k3", "ann", "web", "", (("A", 1),), 0)
        assert isinstance(unpack_answers(successor.step(pack_batch(0, [("S1", command)])))[0], Held)

        os.kill(zombie.pid, signal.SIGCONT)
        assert zombie.wait(30) == EXIT_JOURNAL
        # A repeat is what was durable before, and may be said; nothing that is new was.
        assert zombie.stdout.read().split("\n") in (["k1 2", ""], [""])

        assert successor.status("S1")["version"] == 4
        epochs = [record.epoch for record in successor.records("S1", 0, 100)]
        assert epochs == [1, 1, 1, 2]
        successor.close()
        assert ended == []

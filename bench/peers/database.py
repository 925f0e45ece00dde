"""A database of a run's own: a program with its data in one folder, which can be killed and started again."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

STOP_S: Final = 30.0


class Database:
    """The program, on loopback at one port. Clients try again until it answers.

    `command` has the port in it. `stop_signal` ends it in order.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        port: int,
        environment: Mapping[str, str] | None = None,
        *,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.port = port
        self._command = command
        self._log_path = folder / "server.log"
        self._environment = {**os.environ, **(environment or {})}
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Also again after `kill`, with what its folder has."""
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # the servers' own programs, found by their modules
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Kill -9 of all its processes, as where a container is lost; returns once they are gone."""
        if self._process is None:
            return
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self._process.pid)
            all_of = [parent, *parent.children(recursive=True)]
            for each in all_of:
                with suppress(psutil.NoSuchProcess):
                    each.kill()
            # Memory that they share is free for the next one only then.
            psutil.wait_procs(all_of, STOP_S)
        self._process.wait(STOP_S)

    def stop(self) -> None:
        """In order; nothing where it has ended."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(self._stop_signal)
            self._process.wait(STOP_S)


@contextmanager
def up(database: Database) -> Iterator[Database]:
    """Started, and ended at the end."""
    database.start()
    try:
        yield database
    finally:
        database.stop()

"""The signals that ask the service to end, and the end of all processes of a run, which are known by its directory.

An end in the middle of the start needs no order: what was answered is in the journals, and nobody has called yet.
"""

import logging
import os
import shutil
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Final, NoReturn

import psutil

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
ROUNDS_MAX: Final = 20  # what is killed may have started another process just before
ROUND_S: Final = 5.0

log = logging.getLogger("holdfast.processes")


class StopSignals:
    """SIGINT and SIGTERM, which must be blocked until this is made. Before `serve_on` they end the run at once, from
    then on they set `asked`.

    A thread hears them: the main thread may wait within Ray for long, and Ray replaces handlers by its own.
    """

    def __init__(self, run_dir: Path) -> None:
        self.asked = Event()
        self.run_dir = run_dir
        self._starting = Lock()
        self._serving = False
        self._heard, wakeup = socket.socketpair()
        wakeup.setblocking(False)
        signal.set_wakeup_fd(wakeup.detach())
        self.take_over()
        Thread(target=self._listen, name="signals", daemon=True).start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def serve_on(self) -> None:
        """The start is over."""
        self.take_over()
        with self._starting:
            self._serving = True

    def take_over(self) -> None:
        """Replace handlers that Ray has set: they raise, wherever the main thread stands. What this waits for within
        Ray's start is not interrupted: a start that was has ended by SIGABRT.
        """
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)  # or there is no wakeup
            signal.siginterrupt(number, False)

    def _listen(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # a second one must not end what ends the run
        while True:
            if self._heard.recv(1)[0] not in SIGNALS:
                continue
            with self._starting:
                if not self._serving:
                    log.info("stopped before it served")
                    # Another program in this process: no thread goes on starting what is about to be ended.
                    os.execv(sys.executable, [sys.executable, "-m", __name__, str(self.run_dir)])  # noqa: S606
            self.asked.set()


def end_processes(run_dir: Path) -> None:
    """Kill whatever was started for that run, but for this process."""
    for _ in range(ROUNDS_MAX):
        doomed = [each for each in psutil.process_iter() if each.pid != os.getpid() and _belongs(each, run_dir)]
        if not doomed:
            return
        for process in doomed:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(doomed, timeout=ROUND_S)


def _belongs(process: psutil.Process, run_dir: Path) -> bool:
    """By its environment, or, where Ray has put zeros over that, by the files that it has open."""
    proc = Path(f"/proc/{process.pid}")
    try:
        environment = (proc / "environ").read_bytes()
        if f"={run_dir}".encode() in environment:
            return True
        return environment[:1] == b"\0" and any(run_dir in each.resolve().parents for each in (proc / "fd").iterdir())
    except OSError:  # it is gone, or another user's
        return False


def main() -> NoReturn:
    """End the run whose directory is given, and remove that."""
    run_dir = Path(sys.argv[1])
    end_processes(run_dir)
    shutil.rmtree(run_dir, ignore_errors=True)
    sys.exit(0)


if __name__ == "__main__":
    main()

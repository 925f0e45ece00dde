"""Keeps the process of the pages up beside the service: one that ends is started again, and ends with the service."""

import logging
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Final

from serve.config.haproxy import CALLS_SOCKET, PAGES_SOCKET

PAUSE_FIRST_S: Final = 0.2
PAUSE_MAX_S: Final = 10.0
DEMO_VARIABLE: Final = "HOLDFAST_DEMO_TOKEN"  # as `serve.pages.demo_data` reads it
LIVED_S: Final = 30.0  # after which an end is the first one again
STOP_S: Final = 5.0

log = logging.getLogger("holdfast.pages")


class PagesProcess:
    """`python -m serve.pages`, which is a client of the gateways by HAProxy's socket in `run_dir`, and browsers come by
    another one there. `url` is where they find the pages, and
    `demo_token` that of a tablet to play with, empty where there is nothing to play with.
    """

    def __init__(self, run_dir: Path, url: str, demo_token: str = "") -> None:
        self.url, self.demo_token = url, demo_token
        self.command: tuple[str, ...] = (
            *(sys.executable, "-m", "serve.pages", "--target", f"unix:{run_dir / CALLS_SOCKET}"),
            *("--socket", str(run_dir / PAGES_SOCKET), "--url", url),
        )
        self._asked = Event()
        self._thread = Thread(target=self._keep, name="pages", daemon=True)

    def start(self) -> None:
        """Start it, and do not wait."""
        self._thread.start()

    def stop(self) -> None:
        """End it, and wait for that. It may never have been started."""
        self._asked.set()
        if self._thread.is_alive():
            self._thread.join()

    def _keep(self) -> None:
        pause_s = PAUSE_FIRST_S
        while not self._asked.is_set():
            # It dies with the thread that starts it, see `serve.pages.__main__`: this one lives as long as the service.
            given = os.environ | {DEMO_VARIABLE: self.demo_token}  # others see a command line
            process = subprocess.Popen(self.command, env=given, stdin=subprocess.DEVNULL)  # noqa: S603  # ourselves
            lived_s = self._wait(process)
            if self._asked.is_set():
                _end(process)
                return
            pause_s = PAUSE_FIRST_S if lived_s > LIVED_S else min(2 * pause_s, PAUSE_MAX_S)
            log.error("the pages' process ended with %s; it is started again in %.1f s", process.returncode, pause_s)
            self._asked.wait(pause_s)

    def _wait(self, process: "subprocess.Popen[bytes]") -> float:
        """Until it has ended, or is to end; for about how many seconds that was."""
        lived_s = 0.0
        while process.poll() is None and not self._asked.wait(PAUSE_FIRST_S):
            lived_s += PAUSE_FIRST_S
        return lived_s


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    process.kill()
    process.wait()

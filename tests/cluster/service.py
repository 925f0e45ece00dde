"""`python -m serve` as a person would start it, in a session of its own, and everything that belongs to it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psutil

from serve.config.data_dir import RUN_DIR_FILE
from serve.config.environment import free_ports
from tests.waiting import until

ROOT: Final = Path(__file__).parents[2]
START_S: Final = 60.0
STOP_S: Final = 60.0
MARK: Final = "HOLDFAST_TEST_MARK"  # every process that comes of the service inherits it

STORES: Final = ("S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8")
# A street with a shop at every kilometre or so.
_ROWS: Final = "".join(
    f"  - {{store_id: {store_id}, name: Shop {store_id}, latitude: 52.5, longitude: {13 + place / 70:.4f}}}\n"
    for place, store_id in enumerate(STORES)
)
CHAIN: Final = f"""
stores:
{_ROWS}
policy:
  ttl_default: 2h
  ttl_max: 7d
  collect_within: 2d
  chain_limit_rules:
    - {{channel: app, sku: rare, units_max: 3, collected_for: 30d}}
"""
POSTCODES: Final = """country,postcode,latitude,longitude
DE,10115,52.5,13.1
DE,75001,52.5,13
FR,75001,48.86,2.34
"""


class Service:
    """One data directory and, while it runs, the processes over it."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        (port,) = free_ports(1)  # kept over restarts, so that clients find it again
        self.address = f"{host}:{port}"
        self._host, self._port = host, port
        self._mark = uuid4().hex
        self._process: subprocess.Popen[bytes] | None = None
        self._runs = 0
        (folder / "chain.yaml").write_text(CHAIN, encoding="utf-8")
        (folder / "postcodes.csv").write_text(POSTCODES, encoding="utf-8")

    @property
    def targets(self) -> str:
        """For clients."""
        return self.address

    def start(self) -> None:
        """Return once it says where it serves."""
        self.begin()
        until(self._serves, within_s=START_S, what="a service that says where it is")

    def begin(self) -> None:
        """Start it, and do not wait."""
        self._runs += 1
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self.command(),
                env=self.environment(),
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def command(self, store_actors: int = 2) -> list[str]:
        """What a person would type."""
        return [
            *(sys.executable, "-m", "serve", "--data-dir", str(self.data_dir), "--store-actors", str(store_actors)),
            *("--chain-file", str(self.folder / "chain.yaml"), "--host", self._host, "--port", str(self._port)),
            *("--postcodes", str(self.folder / "postcodes.csv"), "--pages-port", "0", "--pages-host", self._host),
        ]

    def environment(self) -> dict[str, str]:
        """Nothing of another service's settings, and the mark."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "HOLDFAST_"))}
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "proto"), str(ROOT / "clients")]),
            MARK: self._mark,
        }

    @property
    def log(self) -> Path:
        """What this run wrote."""
        return self.folder / f"serve-{self._runs}.log"

    @property
    def pid(self) -> int:
        """The service's own process."""
        assert self._process is not None, "the service was never started"
        return self._process.pid

    @property
    def is_up(self) -> bool:
        """Its own process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def _serves(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the service ended by itself:\n{self.log.read_text(errors='replace')[-4_000:]}")
        said = self.said()
        if said is None or said["pid"] != self.pid:  # or it is what a killed one left
            return False
        assert said["grpc"] == self.address
        return True

    def said(self) -> dict[str, Any] | None:
        """Its service.json, once that is written."""
        try:
            said: dict[str, Any] = json.loads((self.data_dir / "service.json").read_bytes())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return said

    def run_dir(self) -> Path | None:
        """Where it writes beside its data, once that is noted."""
        note = self.data_dir / RUN_DIR_FILE
        return Path(note.read_text(encoding="utf-8").partition("\n")[0]) if note.exists() else None

    def processes(self, title: str = "") -> list[psutil.Process]:
        """All that belongs to it and lives, by a part of the command line; the session and the mark both tell."""
        found = []
        for process in psutil.process_iter():
            try:
                belongs = os.getsid(process.pid) == self.pid or process.environ().get(MARK) == self._mark
                if belongs and process.status() != psutil.STATUS_ZOMBIE and title in " ".join(process.cmdline()):
                    found.append(process)
            except (psutil.Error, ProcessLookupError, PermissionError):
                continue
        return found

    def kill_processes(self, title: str) -> None:
        """Kill -9 those whose command line says so."""
        doomed = self.processes(title)
        assert doomed, f"no process is called {title}"
        for process in doomed:
            process.kill()

    def terminate(self) -> None:
        """Ask it to end, and do not wait."""
        os.kill(self.pid, signal.SIGTERM)

    def wait(self, within_s: float = STOP_S) -> int:
        """Its exit status, once it has ended."""
        assert self._process is not None, "the service was never started"
        return self._process.wait(within_s)

    def stop(self) -> list[str]:
        """Ask it to end, wait until it has; the command lines of what stayed behind, which is killed."""
        assert self._process is not None
        if self._process.poll() is None:
            self.terminate()
        self.wait()
        left = [" ".join(process.cmdline())[:200] for process in self.processes()]
        self.kill()
        return left

    def kill(self) -> None:
        """The power goes: every process at once."""
        while doomed := self.processes():
            for process in doomed:
                try:
                    process.kill()
                except psutil.NoSuchProcess:
                    continue
            psutil.wait_procs(doomed, timeout=STOP_S)
        if self._process is not None:
            self._process.wait(STOP_S)
        if run_dir := self.run_dir():  # the next service over the directory would do the same
            shutil.rmtree(run_dir, ignore_errors=True)

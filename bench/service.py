"""A service under test: started in a session of its own, waited for, and always ended with all that it started."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import processes
from serve.config.environment import service_environment

START_S: Final = 120.0
STOP_S: Final = 60.0
POLL_S: Final = 0.05
LOG_CHARS_TOLD: Final = 2_000
SERVICE_FILE: Final = "service.json"


class ServiceFailed(Exception):
    """The service did not come up, or went away: what it last said."""


@dataclass(frozen=True, slots=True)
class Service:
    """One that serves. `mark` names its processes, see `processes`."""

    target: str
    pid: int
    mark: str
    data_dir: Path

    def cpu_s(self) -> dict[processes.Process, float]:
        """CPU seconds that each of its processes has taken so far."""
        return processes.cpu_s(processes.marked(self.mark))


@contextmanager
def holdfast(folder: Path, store_ids: Sequence[str], store_actors: int, policy: str = "") -> Iterator[Service]:
    """Holdfast with these shops, and a policy as YAML. The data stays in `folder`, so that a second start finds it."""
    folder.mkdir(parents=True, exist_ok=True)
    chain_file = folder / "chain.yaml"
    stores = "stores:\n" + "".join(f"  - store_id: {each}\n" for each in store_ids)
    chain_file.write_text(stores + policy, encoding="utf-8")
    data_dir = folder / "data"
    command = ["-m", "serve", "--data-dir", str(data_dir), "--chain-file", str(chain_file)]
    with running([*command, "--store-actors", str(store_actors)], data_dir, {}) as service:
        yield service


@contextmanager
def echo(folder: Path) -> Iterator[Service]:
    """The peer that does nothing, behind the same Serve with the same switches; see `bench.echo`."""
    data_dir = folder / "echo"
    data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hf-", dir="/tmp") as run_dir:  # short, as sockets need it
        environment, ports, guard = service_environment(Path(run_dir), 0)
        command = ["-m", "bench.echo", str(data_dir), str(ports["grpc"]), str(ports["http"])]
        with guard, running(command, data_dir, environment) as service:
            yield service


@contextmanager
def running(command: Sequence[str], data_dir: Path, environment: Mapping[str, str]) -> Iterator[Service]:
    """A Python program that writes `service.json` into `data_dir` once it serves, and ends on SIGTERM."""
    mark = processes.fresh_mark()
    log_path = data_dir.parent / f"{data_dir.name}.log"
    # One that was killed left its file, with an address where nobody answers any more.
    (data_dir / SERVICE_FILE).unlink(missing_ok=True)
    with log_path.open("ab") as log:
        # Our own program, by this interpreter.
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, *command],
            env={**os.environ, **environment, processes.MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            found = _wait(process, command, data_dir / SERVICE_FILE, log_path)
            yield Service(found["grpc"], process.pid, mark, data_dir)
        finally:
            _stop(process)
            processes.end(mark)


def _wait(process: "subprocess.Popen[bytes]", command: Sequence[str], path: Path, log_path: Path) -> dict[str, str]:
    deadline = time.monotonic() + START_S
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            why = f"ended with {process.returncode}" if process.poll() is not None else f"not there after {START_S} s"
            said = log_path.read_text(encoding="utf-8", errors="replace")[-LOG_CHARS_TOLD:]
            raise ServiceFailed(f"{' '.join(command)}: {why}. It said:\n{said}")
        time.sleep(POLL_S)
    found: dict[str, str] = json.loads(path.read_bytes())
    return found


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, and end its session where it does not."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

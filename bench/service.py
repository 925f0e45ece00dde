"""A service under test: started in a session of its own, waited for, and always ended with all that it started; who its
processes are and what CPU they took; and what a run does to its ledgers besides loading them.

Processes are found by a mark in their environment: Ray's change their parent and their group, so neither says whose
they are; what they inherited does.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

import psutil

from actors.core.rejection import Violation
from bench.record import Conservation, Counts, judged
from bench.samples import ROWS_MAX, UNITS
from holdfast.client import Adjustment, AdjustmentKind, BlockingChannelClient
from serve.config.environment import service_environment

# --- processes -------------------------------------------------------------------------------------------------------

MARK: Final = "HOLDFAST_BENCH_RUN"
PEERS: Final = "bench.peers."
PAGES: Final = "serve.pages"
ROLES: Final = (
    *("gateway", "store actors", "hot actors", "customer actors", "notifier", "pages", "haproxy", "serve", "ray"),
    *("hand written", "redis", "postgres"),
)
POSTGRES: Final = "postgres"
END_S: Final = 5.0
# By a process's own name.
_NAMES: Final = {"haproxy": "haproxy", "valkey-server": "redis", "redis-server": "redis", "postgres": POSTGRES}
# Beginnings of a process's title, the first that fits decides. What is left of a Ray session is `ray`.
_TITLES: Final = (
    ("ray::ServeReplica", "gateway"),
    ("ray::RayStoreActor", "store actors"),
    ("ray::RayHotSkuActor", "hot actors"),
    ("ray::RayCustomerActor", "customer actors"),
    ("ray::RayNotifierActor", "notifier"),
    ("ray::DashboardAgent", "ray"),
    ("ray::RuntimeEnvAgent", "ray"),
    ("ray::", "serve"),
)


def marked(mark: str) -> dict[psutil.Process, str]:
    """Every process that inherited the mark, this one apart, and its role."""
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # it ended meanwhile, or belongs to somebody else
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                found[process] = _role(process)
                if found[process] == POSTGRES:  # whose children write their titles over what they inherited
                    found.update(dict.fromkeys(process.children(), POSTGRES))
    return found


def _role(process: psutil.Process) -> str:
    if (role := _NAMES.get(process.name())) is not None:
        return role
    title = " ".join(process.cmdline())
    if PEERS in title:
        return "hand written"
    if PAGES in title:
        return "pages"
    return next((role for beginning, role in _TITLES if title.startswith(beginning)), "ray")


def pids(mark: str, role: str) -> list[int]:
    """The processes of a run that have this role."""
    return [process.pid for process, found in marked(mark).items() if found == role]


def cpu_s(mark: str) -> dict[str, float]:
    """CPU seconds, user and system, that the processes of a run and their children that ended took so far, by role."""
    taken = dict.fromkeys(ROLES, 0.0)
    for process, role in marked(mark).items():
        with suppress(psutil.NoSuchProcess):
            taken[role] += sum(process.cpu_times()[:4])
    return taken


class Usage(NamedTuple):
    """What processes have taken: CPU seconds, and memory that they share with nobody."""

    cpu_s: float
    memory_bytes: int


def usage(mark: str) -> dict[str, Usage]:
    """What the processes of a run have taken so far, by role."""
    taken: dict[str, Usage] = {}
    for process, role in marked(mark).items():
        with suppress(psutil.NoSuchProcess):
            memory, before = process.memory_info(), taken.get(role, Usage(0.0, 0))
            cpu = before.cpu_s + sum(process.cpu_times()[:4])
            taken[role] = Usage(cpu, before.memory_bytes + max(0, memory.rss - memory.shared))
    return taken


def end(mark: str) -> int:
    """End what is left of a run, with SIGTERM and then SIGKILL; how many had to be."""
    left = marked(mark)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        deadline = time.monotonic() + END_S
        while marked(mark) and time.monotonic() < deadline:
            time.sleep(POLL_S)
    return len(left)


def kill(pid: int, mark: str) -> None:
    """Kill -9 one process of a run. Raises ValueError where it is not of that run."""
    if pid not in {process.pid for process in marked(mark)}:
        raise ValueError(f"process {pid} was not started by this run")
    os.kill(pid, signal.SIGKILL)


# --- the service -----------------------------------------------------------------------------------------------------

START_S: Final = 120.0
STOP_S: Final = 60.0
POLL_S: Final = 0.05
LOG_CHARS_TOLD: Final = 2_000
SERVICE_FILE: Final = "service.json"
CHAIN_FILE: Final = "chain.yaml"
CALL_MS: Final = 60_000


class ServiceFailed(Exception):
    """The service did not come up, or went away: what it last said."""


class Service(NamedTuple):
    """One that serves. `mark` names its processes, `pages` is the address of its pages, empty without."""

    target: str
    mark: str
    pages: str = ""


@contextmanager
def holdfast(
    folder: Path, store_ids: Sequence[str], store_actors: int, policy: str = "", *more: str
) -> Iterator[Service]:
    """Holdfast with these shops, all of them in one place, a policy as YAML, and `more` options."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = (f"  - {{store_id: {each}, latitude: 1.0, longitude: 1.0}}\n" for each in store_ids)
    (folder / CHAIN_FILE).write_text("stores:\n" + "".join(rows) + policy, encoding="utf-8")
    with serving(folder, store_actors, *more) as service:
        yield service


@contextmanager
def serving(folder: Path, store_actors: int, *more: str) -> Iterator[Service]:
    """Holdfast with the chain file that `folder` has, and `more` options. The data stays in `folder`, so that a second
    start finds it.
    """
    data_dir = folder / "data"
    command = ["serve", "--data-dir", str(data_dir), "--chain-file", str(folder / CHAIN_FILE)]
    # What is hot there, the measurement says.
    command += ["--store-actors", str(store_actors), "--hot-rate", "0", *more]
    with running(command, data_dir, {}) as service:
        yield service


@contextmanager
def echo(folder: Path) -> Iterator[Service]:
    """The peer that does nothing, behind the same Serve with the same switches; see `bench.echo`."""
    data_dir = folder / "echo"
    with tempfile.TemporaryDirectory(prefix="hf-", dir="/tmp") as run_dir:  # short, as sockets need it
        environment, ports, guard = service_environment(Path(run_dir), 0)
        command = ["bench.echo", str(data_dir), str(ports["grpc"]), str(ports["http"])]
        with guard, running(command, data_dir, environment) as service:
            yield service


@contextmanager
def running(command: Sequence[str], data_dir: Path, environment: Mapping[str, str]) -> Iterator[Service]:
    """A Python module that writes `service.json` into `data_dir` once it serves, and ends on SIGTERM."""
    program = Program(command, data_dir, environment, uuid4().hex)
    try:
        program.start()
        yield program.service
    finally:
        program.stop()


class Program:
    """Such a module, which may be started again after a kill."""

    def __init__(self, command: Sequence[str], data_dir: Path, environment: Mapping[str, str], mark: str) -> None:
        self.mark = mark
        self._command = command
        self._data_dir = data_dir
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._target = self._pages = ""

    @property
    def service(self) -> Service:
        return Service(self._target, self.mark, self._pages)

    @property
    def pid(self) -> int:
        """Of its first process; 0 where none was started."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Return once it serves; where it was started before, once that process has ended. Raises ServiceFailed."""
        if self._process is not None:
            self._process.wait(STOP_S)
        self._data_dir.mkdir(parents=True, exist_ok=True)
        log_path, file = self._data_dir.parent / f"{self._data_dir.name}.log", self._data_dir / SERVICE_FILE
        # One that was killed left its file, with an address where nobody answers any more.
        file.unlink(missing_ok=True)
        with log_path.open("ab") as log:
            # Our own program, by this interpreter.
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", *self._command],
                env={**os.environ, **self._environment, MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        said = _wait(self._process, self._command, file, log_path)
        self._target, self._pages = said["grpc"], said.get("pages", "")

    def stop(self) -> None:
        """In order, and then all that it left."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
        end(self.mark)
        self._process.wait()


def _wait(process: "subprocess.Popen[bytes]", command: Sequence[str], path: Path, log_path: Path) -> dict[str, str]:
    deadline = time.monotonic() + START_S
    while True:
        with suppress(FileNotFoundError, json.JSONDecodeError):  # it is not there yet, or not whole
            found: dict[str, str] = json.loads(path.read_bytes())
            return found
        if process.poll() is not None or time.monotonic() > deadline:
            why = f"ended with {process.returncode}" if process.poll() is not None else f"not there after {START_S} s"
            said = log_path.read_text(encoding="utf-8", errors="replace")[-LOG_CHARS_TOLD:]
            raise ServiceFailed(f"{' '.join(command)}: {why}. It said:\n{said}")
        time.sleep(POLL_S)


def receive(target: str, store_ids: Iterable[str], skus: Sequence[str], units: int = UNITS) -> None:
    """Receive so many units of each SKU into each shop. The first SKU names the delivery, which happens once."""
    with BlockingChannelClient(target) as client:
        for store_id in store_ids:
            for first in range(0, len(skus), ROWS_MAX):
                chosen = enumerate(skus[first : first + ROWS_MAX], start=first + 1)
                rows = [Adjustment(each, units, number, AdjustmentKind.RECEIPT) for number, each in chosen]
                client.adjust_stock(store_id, skus[0], rows, timeout_ms=CALL_MS)


def verdict(target: str, store_ids: Iterable[str], told: Sequence[Counts], beside: int = 0) -> Conservation:
    """Every shop's stock computed again from its journal, and all accepted answers counted against what it says, with
    those that were made `beside` what was measured.
    """
    found, violations = 0, []
    with BlockingChannelClient(target) as client:
        for store_id in store_ids:
            audit = client.verify_ledger(store_id, timeout_ms=2 * CALL_MS)
            found += audit.accepted
            violations += [
                Violation(d.invariant, f"{store_id} {d.subject}", d.expected, d.found) for d in audit.discrepancies
            ]
            if audit.units_oversold:
                violations.append(Violation("I2", store_id, "no unit oversold", str(audit.units_oversold)))
    counts = Counts(beside + sum(one.accepted for one in told), sum(one.unknown for one in told))
    return judged(counts, found, violations)

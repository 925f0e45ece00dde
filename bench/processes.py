"""The processes of one run, found by a mark in their environment: who they are, what CPU they took, and their end.

Ray's processes change their parent and their group, so neither says whose they are; what they inherited does.
"""

import os
import signal
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

MARK: Final = "HOLDFAST_BENCH_RUN"
ROLES: Final = ("gateway", "store actors", "customer actors", "haproxy", "serve", "ray")
END_S: Final = 5.0
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
# Beginnings of a process's title, the first that fits decides. What is left of a Ray session is `ray`.
_TITLES: Final = (
    ("ray::ServeReplica", "gateway"),
    ("ray::RayStoreActor", "store actors"),
    ("ray::RayCustomerActor", "customer actors"),
    ("ray::DashboardAgent", "ray"),
    ("ray::RuntimeEnvAgent", "ray"),
    ("ray::", "serve"),
)


class Process(NamedTuple):
    """One process; `started` tells it from a later one with its number."""

    pid: int
    started: int
    role: str


def fresh_mark() -> str:
    """A mark that no other run has."""
    return uuid4().hex


def marked(mark: str) -> list[Process]:
    """Every process that inherited the mark, this one apart."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(Process(int(folder.name), _started(int(folder.name)), _role(folder)))
        except OSError:
            continue  # it ended meanwhile, or belongs to somebody else
    return found


def cpu_s(processes: Iterable[Process]) -> dict[Process, float]:
    """CPU seconds that each has taken so far."""
    return {process: cpu_s_of(process.pid) for process in processes}


def cpu_between(before: Mapping[Process, float], after: Mapping[Process, float]) -> dict[str, float]:
    """CPU seconds by role; what a process took that ended in between is not known, and left out."""
    taken = dict.fromkeys(ROLES, 0.0)
    for process, seconds in after.items():
        taken[process.role] += max(0.0, seconds - before.get(process, 0.0))
    return taken


def cpu_s_of(pid: int) -> float:
    """User and system time of a process and of its children that ended; 0 where it is gone."""
    fields = _stat(pid)
    return sum(int(field) for field in fields[11:15]) / _TICKS_PER_S if fields else 0.0


def memory_kb(pid: int) -> dict[str, int]:
    """`VmRSS` now and `VmHWM` at the most, in kB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return {name: int(rest.split()[0]) for name, _, rest in (each.partition(":") for each in lines) if name[:2] == "Vm"}


def end(mark: str) -> int:
    """End what is left of a run, gently and then not; how many had to be."""
    left = marked(mark)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in left:
            if _started(process.pid) == process.started:
                try:
                    os.kill(process.pid, number)
                except ProcessLookupError:
                    continue
        deadline = time.monotonic() + END_S
        while marked(mark) and time.monotonic() < deadline:
            time.sleep(0.05)
    return len(left)


def kill(pid: int, mark: str) -> None:
    """Kill -9 one process of a run. Raises ValueError where it is not of that run."""
    if pid not in {process.pid for process in marked(mark)}:
        raise ValueError(f"process {pid} was not started by this run")
    os.kill(pid, signal.SIGKILL)


def _role(folder: Path) -> str:
    title = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    if (folder / "comm").read_text(encoding="utf-8").strip() == "haproxy":
        return "haproxy"
    return next((role for beginning, role in _TITLES if title.startswith(beginning)), "ray")


def _started(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[19]) if fields else 0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the third on: the second, a name, may have blanks and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []

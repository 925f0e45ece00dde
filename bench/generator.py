"""The other end of `bench.load`: starts it, has it measure, and reads everyone's CPU clocks around each measuring."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO, Any, Final, cast

from bench import processes
from bench.arithmetic import ratio
from bench.conservation import Told
from bench.service import Service

RESERVE: Final = "/holdfast.v1.ReservationService/Reserve"
RESERVE_BATCH: Final = "/holdfast.v1.ReservationService/ReserveBatch"


class LoadFailed(Exception):
    """The load generator ended: what it measured so far is worth nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """What to send. `kind` is `frames`, `grpc` (grpc.aio) or `client`; `batch` 0 is the unary call; `rate` 0 closes the
    loop. `reserves` says that answers are outcomes to be counted.
    """

    kind: str
    target: str
    method: str
    store_ids: tuple[str, ...]
    in_flight: int
    seconds: float
    skus: int
    seed: int = 0
    lines: int = 1
    batch: int = 0
    connections: int = 1
    rate: float = 0.0
    reserves: bool = True


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of it: figures of one round, and what the callers were told, warm-up included. `stuck` says what no
    caller should find.
    """

    figures: dict[str, float]
    told: Told
    failure: str
    stuck: list[str]


class Generator:
    """A running `bench.load`."""

    def __init__(self, process: "subprocess.Popen[str]", there: IO[str], back: IO[str]) -> None:
        self._process = process
        self._there = there
        self._back = back

    def measure(self, load: Load, service: Service) -> Measured:
        """One measuring. Rates count reservations; CPU is in microseconds for each of them, by role."""
        self._write(json.dumps(asdict(load)))
        self._read()
        before = service.cpu_s()
        self._write("go")
        seen = self._read()
        after = service.cpu_s()
        answers = self._read()
        units = seen["calls"] * max(1, load.batch)
        cpu = processes.cpu_between(before, after)
        figures = {
            "per_s": ratio(units, seen["seconds"]),
            **{name: seen[name] for name in ("p50_ms", "p99_ms", "p99_9_ms")},
            **{f"{role.replace(' ', '_')}_us": 1e6 * ratio(cpu[role], units) for role in processes.ROLES},
            "generator_us": 1e6 * ratio(seen["cpu_s"], units),
            **seen.get("more", {}),
        }
        told = Told(answers["accepted"], answers["undecided"] + answers["failed"])
        return Measured(figures, told, answers["failure"], answers.get("stuck", []))

    def _write(self, text: str) -> None:
        self._there.write(text + "\n")
        self._there.flush()

    def _read(self) -> dict[str, Any]:
        said = self._back.readline()
        if not said:
            raise LoadFailed(f"python -m bench.load ended with {self._process.wait()}")
        found: dict[str, Any] = json.loads(said)
        return found


@contextmanager
def generating() -> Iterator[Generator]:
    """A load generator of its own process, ended at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    there, back = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)  # pipes, as was asked
    try:
        yield Generator(process, there, back)
    finally:
        process.kill()
        process.wait()
        there.close()
        back.close()

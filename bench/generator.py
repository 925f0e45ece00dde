"""The other end of `bench.load`: starts it, has it measure several rounds of each load against one service, and reads
everyone's CPU clocks around each measuring.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import IO, Any, Final, cast

from bench import processes
from bench.arithmetic import medians, ratio
from bench.record import Options, Told
from bench.service import Service

ECHO: Final = "/bench.Peer/Echo"  # of `bench.echo`, whose callers must not import Serve for its name
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


FAILURES_TOLD_MAX = 3
SEEDS_APART = 10_000  # each caller of a round has a seed of its own


class Rounds:
    """A service under a generator. `told` is for the verdict; `failures` and `stuck` say what went wrong."""

    def __init__(self, generator: Generator, service: Service, options: Options) -> None:
        self._generator = generator
        self._service = service
        self._options = options
        self.told: list[Told] = []
        self.failures: list[str] = []
        self.stuck: list[str] = []

    def measure(self, load: Load) -> dict[str, float]:
        """The median of each figure; the longest answer is the longest of all rounds."""
        rounds = []
        for number in range(1, self._options.rounds + 1):
            measured = self._generator.measure(replace(load, seed=SEEDS_APART * number), self._service)
            rounds.append(measured.figures)
            self.told.append(measured.told)
            self.failures += [measured.failure] if measured.failure else []
            self.stuck += measured.stuck
        longest = {"longest_ms": max(one["longest_ms"] for one in rounds)} if "longest_ms" in rounds[0] else {}
        return {**medians(rounds), **longest}


def run_parameters(options: Options, stores: int, skus: int, failures: list[str]) -> dict[str, Any]:
    """What the figures depend on, for the record."""
    return {
        "store_actors": options.store_actors,
        "stores": stores,
        "skus": skus,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "quick": options.quick,
        "failures": failures[:FAILURES_TOLD_MAX],
    }

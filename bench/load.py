"""The load generator: a process of its own (`python -m bench.load`), and the end of it that scenarios use.

The process reads one specification a line. It prepares (connects, makes the requests, warms up), says `ready`, waits
for `go`, and only then measures: at these two moments its user reads the CPU clocks of everyone else. Answers are
looked into once the measuring is over.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from time import perf_counter
from typing import IO, Any, Final, cast

import grpc

from bench import service as processes
from bench.callers import WARM_CALLS, Heard, call_through_client, measure
from bench.frames import CallFailed, FrameConnection
from bench.record import Options, Told, medians, ratio
from bench.samples import Shape, requests
from bench.service import Service
from holdfast.v1 import reservation_service_pb2 as service_pb2

ECHO: Final = "/bench.Peer/Echo"  # of `bench.echo`, whose callers must not import Serve for its name
RESERVE: Final = "/holdfast.v1.ReservationService/Reserve"
RESERVE_BATCH: Final = "/holdfast.v1.ReservationService/ReserveBatch"

RESERVATIONS_S_MAX: Final = 150_000  # by which requests are made in advance: faster than any service answers
CALLS_S_MAX: Final = 12_000
CALL_S: Final = 30.0
HANG_S: Final = 60.0  # after so much more than the measuring takes, something is broken
FAILURES_TOLD_MAX: Final = 3
SEEDS_APART: Final = 10_000  # more than callers


class LoadFailed(Exception):
    """The load generator ended: what it measured so far is worth nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """What to send. `kind` is `frames`, `grpc` (grpc.aio) or `client`; `batch` 0 is the unary call. `reserves`
    says that answers are outcomes to be counted.
    """

    kind: str
    target: str
    method: str
    store_ids: tuple[str, ...]
    in_flight: int
    seconds: float
    skus: int
    seed: int = 0
    batch: int = 0
    reserves: bool = True


# --- the scenario's end ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Generator:
    """A running `bench.load`. `told` is what callers were told, warm-up included; `failures` and `stuck` say what went
    wrong.
    """

    _process: "subprocess.Popen[str]"
    _options: Options
    _seed: int = 0
    told: list[Told] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    def rounds(self, load: Load, service: Service) -> dict[str, float]:
        """The median of each figure over the rounds; the longest answer is the longest of all rounds."""
        figures = [self.measure(load, service) for _ in range(self._options.rounds)]
        longest = {"longest_ms": max(one["longest_ms"] for one in figures)} if "longest_ms" in figures[0] else {}
        return {**medians(figures), **longest}

    def fresh_seed(self) -> int:
        """One that no load had yet; each of its callers has one of its own, counted from it."""
        self._seed += SEEDS_APART
        return self._seed

    def measure(self, load: Load, service: Service) -> dict[str, float]:
        """One measuring, with a fresh seed for a load that has none. Rates count reservations; CPU is in microseconds
        for each of them, by role.
        """
        self._write(json.dumps(asdict(load if load.seed else replace(load, seed=self.fresh_seed()))))
        self._read()
        before = processes.cpu_s(service.mark)
        self._write("go")
        seen = self._read()
        cpu = processes.cpu_between(before, processes.cpu_s(service.mark))
        answers = self._read()
        if load.reserves:
            self.told.append(Told(answers["accepted"], answers["undecided"] + answers["failed"]))
        self.failures += [answers["failure"]] if answers["failure"] else []
        self.stuck += answers.get("stuck", [])
        units = seen["calls"] * max(1, load.batch)
        return {
            "per_s": ratio(units, seen["seconds"]),
            **{name: seen[name] for name in ("p50_ms", "p99_ms", "p99_9_ms")},
            **{f"{role.replace(' ', '_')}_us": 1e6 * ratio(cpu[role], units) for role in processes.ROLES},
            "generator_us": 1e6 * ratio(seen["cpu_s"], units),
            **seen.get("more", {}),
        }

    def parameters(self, stores: int, skus: int) -> dict[str, Any]:
        """What the figures depend on, for the record."""
        options = self._options
        sizes = {"store_actors": options.store_actors, "stores": stores, "skus": skus, "seconds": options.seconds}
        return {**sizes, "failures": self.failures[:FAILURES_TOLD_MAX]}

    def _write(self, text: str) -> None:
        there = cast("IO[str]", self._process.stdin)  # a pipe, as was asked
        there.write(text + "\n")
        there.flush()

    def _read(self) -> dict[str, Any]:
        said = cast("IO[str]", self._process.stdout).readline()
        if not said:
            raise LoadFailed(f"python -m bench.load ended with {self._process.wait()}")
        found: dict[str, Any] = json.loads(said)
        return found


@contextmanager
def generating(options: Options) -> Iterator[Generator]:
    """A load generator of its own process, ended at the end."""
    command, pipe = [sys.executable, "-m", "bench.load"], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603  # ourselves
        try:
            yield Generator(process, options)
        finally:
            process.kill()


# --- the process -----------------------------------------------------------------------------------------------------


async def _serve(spec: dict[str, Any]) -> None:
    if spec["kind"] == "client":
        await call_through_client(spec, _gate, _tell)
        return
    async with asyncio.timeout(spec["seconds"] + HANG_S):
        await _load(spec)


async def _load(spec: dict[str, Any]) -> None:
    shape, callers = Shape(tuple(spec["store_ids"]), spec["skus"], 1, spec["batch"]), spec["in_flight"]
    size = max(1, shape.batch)
    count = int(spec["seconds"] * min(max(1, RESERVATIONS_S_MAX // size), CALLS_S_MAX)) + 1
    payloads = iter(list(requests(shape, WARM_CALLS * callers + count, spec["seed"])))
    async with _connected(spec) as call:

        async def ask(began: float, heard: Heard) -> bool:
            payload = next(payloads, None)
            if payload is None:
                return False
            try:
                reply = await call(payload)
            except CallFailed as failure:
                heard.failures.append(str(failure))
            else:
                heard.latencies.append(perf_counter() - began)
                heard.replies.append(reply)
            return True

        heard = await measure(spec, [ask] * callers, _gate, _tell)
    # Calls without an answer, and the first reason. Each may have done all that it asked for.
    failed = {"failed": len(heard.failures) * size, "failure": next(iter(heard.failures), "")}
    _tell({**_answers(shape, heard.replies if spec["reserves"] else ()), **failed})


@asynccontextmanager
async def _connected(spec: dict[str, Any]) -> AsyncIterator[Callable[[bytes], Awaitable[bytes]]]:
    """One connection, and the function to call through it."""
    if spec["kind"] == "frames":
        connection = await FrameConnection.open(spec["target"], spec["method"])
        try:
            yield connection.call
        finally:
            connection.close()
        return
    options = (("grpc.max_receive_message_length", 64 << 20), ("grpc.use_local_subchannel_pool", 1))
    async with grpc.aio.insecure_channel(spec["target"], options=options) as channel:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(spec["method"])

        async def ask(payload: bytes) -> bytes:
            try:
                return await method(payload, timeout=CALL_S)
            except grpc.aio.AioRpcError as error:
                raise CallFailed(f"{error.code().name}: {error.details()}") from error

        yield ask


def _answers(shape: Shape, replies: Iterable[bytes]) -> dict[str, int]:
    """Reservations accepted, refused, and not decided."""
    counts = {"reservation": 0, "rejection": 0, "": 0}
    for reply in replies:
        if shape.batch:
            outcomes = list(service_pb2.ReserveBatchResponse.FromString(reply).outcomes)
        else:
            outcomes = [service_pb2.ReserveResponse.FromString(reply)]
        for outcome in outcomes:
            kind = outcome.WhichOneof("result")
            counts[kind if kind in counts else ""] += 1
    return {"accepted": counts["reservation"], "refused": counts["rejection"], "undecided": counts[""]}


def _gate(word: str) -> None:
    """Say where we are and wait to be let through."""
    _tell({"at": word})
    sys.stdin.readline()


def _tell(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    for each in sys.stdin:
        asyncio.run(_serve(json.loads(each)))

"""Rounds of a closed loop, or of one rate: a generator in a process of its own, and the end of it that scenarios use.

The process receives specifications. For each it prepares (connects, makes the requests, warms up), says `ready`,
waits for `go`, and only then measures: at these two moments its user reads the CPU clocks of everyone else. Answers are
looked into once the measuring is over.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.connection import Connection
from threading import Barrier
from time import perf_counter
from typing import Any, Final

import grpc

from bench import service as processes
from bench.load.fleet import spawned
from bench.load.frames import CallFailed, FrameConnection
from bench.load.loops import WARM_CALLS, Tally, call_through_client, measure
from bench.record import Counts, Options, Row, medians, ratio
from bench.samples import Shape, requests, singles
from bench.service import Service
from holdfast.v1 import reservation_service_pb2 as service_pb2

ECHO: Final = "/bench.Peer/Echo"  # of `bench.echo`, whose callers must not import Serve for its name
RESERVE: Final = "/holdfast.v1.ReservationService/Reserve"
RESERVE_BATCH: Final = "/holdfast.v1.ReservationService/ReserveBatch"

RESERVATIONS_S_MAX: Final = 250_000  # by which requests are made in advance: faster than any service answers
CALLS_S_MAX: Final = 12_000
CALL_S: Final = 30.0
PREPARED_S: Final = 60.0  # in which those that are measured together must have made their requests
HANG_S: Final = 60.0  # after so much more than the measuring takes, something is broken
FAILURES_TOLD_MAX: Final = 3
SEEDS_APART: Final = 10_000  # more than callers


@dataclass(frozen=True, slots=True)
class Load:
    """What to send. `kind` is `frames`, `grpc` (a plain stub of grpc.aio, unary calls only) or `client`; `batch` 0 is
    the unary call; `rate` 0 closes the loop.
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
    rate: float = 0.0
    sku: str = ""
    first_attempt: bool = False
    stamps: dict[str, str] = field(default_factory=dict)


# --- the scenario's end ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Generator:
    """A running `bench.load.rounds`. `told` is what callers of a service were told, warm-up included, by the service's
    mark; `failures` and `stuck` say what went wrong.
    """

    _process: Connection
    _options: Options
    _seed: int = 0
    told: defaultdict[str, list[Counts]] = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    def rounds(self, load: Load, service: Service) -> dict[str, float]:
        """The median of each figure over the rounds; the longest answer is the longest of all rounds."""
        figures = [self.measure(load, service) for _ in range(self._options.rounds)]
        longest = {"longest_ms": max(one["longest_ms"] for one in figures)} if "longest_ms" in figures[0] else {}
        return {**medians(figures), **longest}

    def by_turns(self, loads: Mapping[str, Load], service: Service) -> list[Row]:
        """The medians of each load, whose rounds alternate with those of the others."""
        rounds = [
            {name: self.measure(load, service) for name, load in loads.items()} for _ in range(self._options.rounds)
        ]
        return [Row(name, medians([each[name] for each in rounds])) for name in loads]

    def fresh_seed(self) -> int:
        """One that no load had yet; each of its callers has one of its own, counted from it."""
        self._seed += SEEDS_APART
        return self._seed

    def measure(self, load: Load, service: Service, together: Barrier | None = None) -> dict[str, float]:
        """One measuring, with a fresh seed for a load that has none. Rates count reservations; CPU is in microseconds
        for each of them, of the service in all and by role. Raises EOFError where the generator ended. Those that are
        measured `together` begin once all are prepared: a generator that makes its requests takes a core for seconds.
        """
        self._process.send(asdict(load if load.seed else replace(load, seed=self.fresh_seed())))
        self._process.recv()
        if together is not None:
            together.wait(PREPARED_S)
        before = processes.cpu_s(service.mark)
        self._process.send("go")
        seen = self._process.recv()
        cpu = {role: after - before[role] for role, after in processes.cpu_s(service.mark).items()}
        answers = self._process.recv()
        self.told[service.mark].append(answers["told"])
        self.failures += [answers["failure"]] if answers["failure"] else []
        self.stuck += answers.get("stuck", [])
        units = seen["calls"] * max(1, load.batch)
        return {
            "per_s": ratio(units, seen["seconds"]),
            "cpu_us": 1e6 * ratio(sum(cpu.values()), units),
            **{name: seen[name] for name in ("p50_ms", "p99_ms", "p99_9_ms")},
            **{f"{role.replace(' ', '_')}_us": 1e6 * ratio(taken, units) for role, taken in cpu.items()},
            "generator_us": 1e6 * ratio(seen["cpu_s"], units),
            **seen.get("more", {}),
        }

    def parameters(self, stores: int, skus: int) -> dict[str, Any]:
        """What the figures depend on, for the record."""
        options = self._options
        sizes = {"store_actors": options.store_actors, "stores": stores, "skus": skus, "seconds": options.seconds}
        return {**sizes, "failures": self.failures[:FAILURES_TOLD_MAX]}


@contextmanager
def generating(options: Options) -> Iterator[Generator]:
    """A load generator of its own process, ended at the end."""
    with spawned(_generate) as process:
        yield Generator(process, options)


# --- the process -----------------------------------------------------------------------------------------------------


def _generate(user: Connection) -> None:
    """Serve one specification after another, until killed."""

    def gate(word: str) -> None:
        user.send(word)
        user.recv()

    while True:
        spec = user.recv()
        asyncio.run(
            call_through_client(spec, gate, user.send) if spec["kind"] == "client" else _load(spec, gate, user.send)
        )


async def _load(spec: dict[str, Any], gate: Callable[[str], None], tell: Callable[[dict[str, Any]], None]) -> None:
    callers, more = spec["in_flight"], (spec["sku"], spec["first_attempt"], spec["stamps"])
    shape = Shape(tuple(spec["store_ids"]), spec["skus"], 1, spec["batch"], *more)
    size = max(1, shape.batch)
    count = calls_of(spec["seconds"], size, spec["rate"])
    payloads: Iterator[Any]
    if spec["kind"] == "frames":
        payloads = iter(list(requests(shape, WARM_CALLS * callers + count, spec["seed"])))
    else:  # users of a stub make their messages
        payloads = singles(shape, spec["seed"])
    async with asyncio.timeout(spec["seconds"] + HANG_S), _connected(spec) as call:

        async def ask(began: float, tally: Tally) -> bool:
            payload = next(payloads, None)
            if payload is None:
                return False
            try:
                reply = await call(payload)
            except CallFailed as failure:
                tally.failures.append(str(failure))
            else:
                tally.latencies.append(perf_counter() - began)
                tally.replies.append(reply)
            return True

        tally = await measure(spec, [ask] * callers, gate, tell)
    accepted, undecided = _counted(shape, tally.replies if spec["method"] != ECHO else ())
    # Each call without an answer may have done all that it asked for.
    unknown = undecided + len(tally.failures) * size
    tell({"told": Counts(accepted, unknown), "failure": next(iter(tally.failures), "")})


def calls_of(seconds: float, size: int, rate: float) -> int:
    """How many calls of so many reservations are made in advance: those that are due at a rate, else more than any
    service answers.
    """
    calls_s = rate or min(max(1, RESERVATIONS_S_MAX // size), CALLS_S_MAX)
    return int(seconds * calls_s) + 1


@asynccontextmanager
async def _connected(spec: dict[str, Any]) -> AsyncIterator[Callable[[Any], Awaitable[Any]]]:
    """One connection, and the function to call through it."""
    if spec["kind"] == "frames":
        connection = await FrameConnection.open(spec["target"], spec["method"])
        try:
            yield connection.call
        finally:
            connection.close()
        return
    asked = service_pb2.ReserveRequest
    answer = asked if spec["method"] == ECHO else service_pb2.ReserveResponse
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(spec["target"], options=options) as channel:
        method: Any = channel.unary_unary(spec["method"], asked.SerializeToString, answer.FromString)

        async def ask(message: service_pb2.ReserveRequest) -> Any:
            try:
                return await method(message, timeout=CALL_S)
            except grpc.aio.AioRpcError as error:
                raise CallFailed(f"{error.code().name}: {error.details()}") from error

        yield ask


def _counted(shape: Shape, replies: Iterable[Any]) -> tuple[int, int]:
    """Reservations that were accepted, and those that were not decided, in answers as messages or bytes."""
    answer: Any = service_pb2.ReserveBatchResponse if shape.batch else service_pb2.ReserveResponse
    kinds: Counter[str | None] = Counter()
    for reply in replies:
        said = answer.FromString(reply) if isinstance(reply, bytes) else reply
        kinds.update(each.WhichOneof("result") for each in (said.outcomes if shape.batch else (said,)))
    return kinds["reservation"], kinds.total() - kinds["reservation"] - kinds["rejection"]

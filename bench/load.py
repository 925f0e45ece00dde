"""The load generator's process: `python -m bench.load` reads one specification a line, and answers with what it saw.

It prepares (connects, makes the requests, warms up), says `ready`, waits for `go`, and only then measures: the caller
reads the CPU clocks of everyone else at these two moments. Answers are looked into once the measuring is over.
"""

import asyncio
import json
import math
import sys
from collections.abc import Awaitable, Callable, Iterator
from itertools import chain
from time import perf_counter, process_time
from typing import Any, Final

import grpc

from bench.arithmetic import latencies_ms
from bench.callers import call_through_client
from bench.frames import CallFailed, FrameConnection
from bench.samples import Shape, requests
from holdfast.v1 import reservation_service_pb2 as service_pb2

RESERVATIONS_S_MAX: Final = 150_000  # by which requests are made in advance: faster than any service answers
CALLS_S_MAX: Final = 12_000
OUTSTANDING_MAX: Final = 20_000  # of an open loop; later arrivals are then counted as failed
CALL_S: Final = 30.0
HANG_S: Final = 60.0  # after so much more than the measuring takes, something is broken

Ask = Callable[[bytes], Awaitable[bytes]]


class Seen:
    """What one measuring saw."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.replies: list[bytes] = []
        self.failures: list[str] = []


def main() -> None:
    """Answer specifications until the input ends."""
    for each in sys.stdin:
        asyncio.run(_serve(json.loads(each)))


async def _serve(spec: dict[str, Any]) -> None:
    if spec["kind"] == "client":
        await call_through_client(spec, _gate, _tell)
        return
    async with asyncio.timeout(spec["seconds"] + HANG_S):
        await _load(spec)


async def _load(spec: dict[str, Any]) -> None:
    shape = Shape(tuple(spec["store_ids"]), spec["skus"], spec["lines"], spec["batch"])
    asks, close = await _connect(spec)
    size = max(1, shape.batch)
    calls_s = max(min(max(1, RESERVATIONS_S_MAX // size), CALLS_S_MAX), spec["rate"])
    count = int(spec["seconds"] * calls_s) + 1
    warm = list(requests(shape, 2 * spec["in_flight"], spec["seed"] + 1))
    made = list(requests(shape, count, spec["seed"]))
    warmed, seen = Seen(), Seen()
    await _closed(asks, spec["in_flight"], iter(warm), math.inf, warmed)
    _gate("ready")
    cpu, began = process_time(), perf_counter()
    if spec["rate"]:
        await _open(asks, spec["rate"], iter(made), spec["seconds"], seen)
    else:
        await _closed(asks, spec["in_flight"], iter(made), began + spec["seconds"], seen)
    took, cpu = perf_counter() - began, process_time() - cpu
    _tell({"seconds": took, "cpu_s": cpu, "calls": len(seen.latencies), **latencies_ms(seen.latencies)})
    await close()
    replies = chain(warmed.replies, seen.replies) if spec["reserves"] else iter(())
    _tell({**_answers(shape, replies), **_failures(shape, warmed, seen)})


async def _connect(spec: dict[str, Any]) -> tuple[list[Ask], Callable[[], Awaitable[None]]]:
    """One function for each caller, the callers spread over the connections, and the way to let go."""
    target, path, callers = spec["target"], spec["method"], max(1, spec["in_flight"])
    if spec["kind"] == "frames":
        connections = [await FrameConnection.open(target, path) for _ in range(spec["connections"])]

        async def close_frames() -> None:
            for each in connections:
                each.close()

        return [connections[number % len(connections)].call for number in range(callers)], close_frames
    options = (("grpc.max_receive_message_length", 64 << 20), ("grpc.use_local_subchannel_pool", 1))
    channels = [grpc.aio.insecure_channel(target, options=options) for _ in range(spec["connections"])]
    methods: list[grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = [each.unary_unary(path) for each in channels]

    def through(method: "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]") -> Ask:
        async def ask(payload: bytes) -> bytes:
            try:
                return await method(payload, timeout=CALL_S)
            except grpc.aio.AioRpcError as error:
                raise CallFailed(f"{error.code().name}: {error.details()}") from error

        return ask

    async def close_channels() -> None:
        for each in channels:
            await each.close()

    return [through(methods[number % len(methods)]) for number in range(callers)], close_channels


async def _closed(asks: list[Ask], callers: int, payloads: Iterator[bytes], until: float, seen: Seen) -> None:
    """So many callers, each asking again as soon as it is answered; the last answers are waited for."""

    async def caller(ask: Ask) -> None:
        for payload in payloads:
            began = perf_counter()
            if began > until:
                return
            await _once(ask, payload, began, seen)

    await asyncio.gather(*(caller(asks[number]) for number in range(callers)))


async def _open(asks: list[Ask], rate: float, payloads: Iterator[bytes], seconds: float, seen: Seen) -> None:
    """Arrivals at a fixed rate, whether or not anything is answered. Latency counts from when a call was due: a stall
    is felt by all who would have called during it.
    """
    began = perf_counter()
    under_way: set[asyncio.Task[None]] = set()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        pause = due - perf_counter()
        if pause > 0:
            await asyncio.sleep(pause)
        if len(under_way) >= OUTSTANDING_MAX:
            seen.failures.append("the service fell behind: too many calls are unanswered")
            continue
        task = asyncio.ensure_future(_once(asks[number % len(asks)], next(payloads), due, seen))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)


async def _once(ask: Ask, payload: bytes, began: float, seen: Seen) -> None:
    try:
        reply = await ask(payload)
    except CallFailed as failure:
        seen.failures.append(str(failure))
        return
    seen.latencies.append(perf_counter() - began)
    seen.replies.append(reply)


def _answers(shape: Shape, replies: Iterator[bytes]) -> dict[str, Any]:
    """Reservations accepted, refused, and not decided."""
    accepted = refused = undecided = 0
    for reply in replies:
        if shape.batch:
            outcomes = list(service_pb2.ReserveBatchResponse.FromString(reply).outcomes)
        else:
            outcomes = [service_pb2.ReserveResponse.FromString(reply)]
        for outcome in outcomes:
            kind = outcome.WhichOneof("result")
            accepted += kind == "reservation"
            refused += kind == "rejection"
            undecided += kind not in ("reservation", "rejection")
    return {"accepted": accepted, "refused": refused, "undecided": undecided}


def _failures(shape: Shape, *all_seen: Seen) -> dict[str, Any]:
    """Calls without an answer, and the first reason. Each may have done all that it asked for."""
    reasons = [reason for seen in all_seen for reason in seen.failures]
    return {"failed": len(reasons) * max(1, shape.batch), "failure": reasons[0] if reasons else ""}


def _gate(word: str) -> None:
    """Say where we are and wait to be let through."""
    _tell({"at": word})
    sys.stdin.readline()


def _tell(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

"""An actor in a process of its own, in a Ray session of the bench's own: what a step costs, and what a hold and a
position weigh, with a real journal.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any, Final
from uuid import uuid4

import psutil
import ray

from actors.journal.open import sqlite_setting
from actors.journal.port import JournalFailed
from actors.protocol.messages import Held, pack_batch, unpack_answers
from actors.ray_actors import RayActors, end_process
from actors.ray_nodes import start_ray, stop_ray
from actors.rpc.client import Connection
from actors.rpc.frames import Address
from actors.rpc.methods import methods_of, rpc
from actors.rpc.server import Server
from actors.runtime.kinds import SHOP
from actors.shop.audit.books import compare
from actors.shop.audit.journal import Audit
from bench import service as processes
from bench.record import Conservation, Counts, Headline, Options, Outcome, Row, judged, latencies_ms, medians, ratio
from bench.samples import ROWS_MAX, STORE, entries, receipts, reserves, sku
from serve.config.environment import SWITCHES


@contextmanager
def ray_session() -> Iterator[str]:
    """Ray under the service's switches. Gives the mark of its processes, see `bench.service`."""
    mark = uuid4().hex
    # Ray's processes inherit them. Only Ray's own are set: those of Serve concern processes that are not started here.
    os.environ.update({name: value for name, value in SWITCHES.items() if not name.startswith("RAY_SERVE_")})
    os.environ[processes.MARK] = mark
    try:
        start_ray("")
        yield mark
    finally:
        stop_ray()
        del os.environ[processes.MARK]
        processes.end(mark)


Ask = Callable[..., Awaitable[Any]]  # calls a method of one actor, as a gateway does
Steps = tuple[list[bytes], list[float]]


async def step_all(call: Callable[[bytes], Awaitable[bytes]], batches: list[bytes], in_flight: int) -> Steps:
    """Send each batch, so many at a time: the answers as they come, and the seconds that each took."""
    answers: list[bytes] = []
    took: list[float] = []
    coming = iter(batches)

    async def sender() -> None:
        for batch in coming:
            began = perf_counter()
            answers.append(await call(batch))
            took.append(perf_counter() - began)

    await asyncio.gather(*(sender() for _ in range(in_flight)))
    return answers, took


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    return float(sum(psutil.Process(pid).cpu_times()[:4]))


# --- the hop ---------------------------------------------------------------------------------------------------------

HOP_BYTES: Final = (100, 40_000)  # a batch of one and one of 512
HOP: Final = "store-hop"


class Hop:
    """Gives back the bytes of a step, and does nothing else."""

    def step_all(self, batches: list[tuple[bytes, int]]) -> list[bytes]:
        return [batch for batch, _ in batches]

    @rpc
    def step(self, batch: bytes) -> bytes:
        return batch


class RayHop:
    """The same over Ray's own calls and over a connection, in one process. Ray changes the methods of what it makes an
    actor of, those of a base class too, so the two have none in common.
    """

    def __init__(self) -> None:
        self._server = Server(HOP, "127.0.0.1", Hop, lambda failure: end_process(JournalFailed(str(failure))))

    def address(self) -> Address:
        return Address(self._server.host, self._server.port, self._server.secret, os.getpid(), 0.0, "")

    def step(self, batch: bytes) -> bytes:
        return batch


async def _hops(options: Options) -> list[Row]:
    """The same bytes there and back by Ray's call and by our connection, alternating, alone and a few in flight."""
    handle: Any = ray.remote(RayHop).options(max_concurrency=16, num_cpus=0, enable_task_events=False).remote()
    address = Address(*await handle.address.remote())
    connection = await Connection.open(HOP, address, methods_of(Hop), lambda: None)

    def by_connection(batch: bytes) -> Awaitable[Any]:
        return connection.call("step", (batch,))

    rows = []
    for size in HOP_BYTES:
        for in_flight in (1, 4):
            rounds: dict[str, list[dict[str, float]]] = {"Ray's call": [], "a connection": []}
            for _ in range(options.rounds):
                for found, call in zip(rounds.values(), (handle.step.remote, by_connection), strict=True):
                    count = options.size(2_000, 20)
                    before = cpu_s(os.getpid()), cpu_s(address.pid)
                    _, took = await step_all(call, [bytes(size)] * count, in_flight)
                    after = cpu_s(os.getpid()), cpu_s(address.pid)
                    caller_us, actor_us = (
                        1e6 * (late - early) / count for early, late in zip(before, after, strict=True)
                    )
                    found.append({**latencies_ms(took), "caller_cpu_us": caller_us, "actor_cpu_us": actor_us})
            for name, found in rounds.items():
                rows.append(Row(f"hop of {size:,} bytes by {name}, {in_flight} in flight", medians(found)))
    connection.abort()
    await asyncio.sleep(0)
    ray.kill(handle)
    return rows


# --- steps -----------------------------------------------------------------------------------------------------------

BATCHES: Final = (1, 64, 256, 1_024)
IN_FLIGHT: Final = (1, 2, 4)
SKUS: Final = 2_000
READ_EVENTS_MAX: Final = 20_000


def run_actor(options: Options) -> Outcome:
    """The hop by itself, then steps of each size with one and a few in flight; every journalled event is audited."""
    with ray_session():
        return asyncio.run(_actor(options))


async def _actor(options: Options) -> Outcome:
    options.say("actor: the hop by itself")
    rows = await _hops(options)
    actors = _actors(options.scratch)
    ask = partial(actors.call, "store-bench")
    await ask("step", pack_batch(0, list(entries(receipts(SKUS)))))
    accepted, best = 0, 0.0
    for batch in BATCHES[::2] if options.quick else BATCHES:
        for in_flight in IN_FLIGHT[::2] if options.quick else IN_FLIGHT:
            rounds = []
            for number in range(options.rounds):
                steps = options.size(max(20, min(400, 20_000 // batch)), 6)
                made = entries(reserves(batch * steps, SKUS, 1, number))
                packed = [pack_batch(0, list(islice(made, batch))) for _ in range(steps)]
                figures, held = await _stepped(ask, packed, in_flight, batch)
                rounds.append(figures)
                accepted += held
            rows.append(Row(f"{batch} a step, {in_flight} in flight", medians(rounds)))
            best = max(best, rows[-1].figures["per_s"])
        options.say(f"actor: batches of {batch}")
    options.say("actor: auditing the journal")
    conservation = await _audited(ask, Counts(accepted))
    await actors.close()
    headline = Headline("through an actor, best", best, "durable reservations/s")
    return Outcome({"skus": SKUS, "lines": 1}, rows, [headline], conservation)


def _actors(folder: Path) -> RayActors:
    """As a gateway has them, with their journals in this folder."""
    return RayActors(sqlite_setting(folder), "127.0.0.1")


async def _stepped(ask: Ask, packed: list[bytes], in_flight: int, batch: int) -> tuple[dict[str, float], int]:
    """Figures of one round, and the reservations that were accepted."""
    pid = (await ask("status", STORE))["pid"]
    warm, _ = await step_all(partial(ask, "step"), packed[:2], 1)
    cpu, began = cpu_s(pid), perf_counter()
    answers, took = await step_all(partial(ask, "step"), packed[2:], in_flight)
    seconds, cpu = perf_counter() - began, cpu_s(pid) - cpu
    units = batch * len(took)
    figures = {"per_s": ratio(units, seconds), **latencies_ms(took), "actor_cpu_us": 1e6 * ratio(cpu, units)}
    return figures, _held(warm + answers)


def _held(answers: Iterable[bytes]) -> int:
    return sum(isinstance(answer, Held) for each in answers for answer in unpack_answers(each))


async def _audited(ask: Ask, told: Counts) -> Conservation:
    """The journal, read from its beginning by the code that shares nothing with the ledger's."""
    version, _, positions, live = await ask("live_state", STORE)
    audit, seen = Audit(), 0
    while seen < version:
        for record in await ask("records", STORE, seen, READ_EVENTS_MAX):
            for place, event in enumerate(SHOP.read_events(record.payload), record.seq - record.event_count + 1):
                audit.add(place, record.epoch, record.at_ms, event)
            seen = record.seq
    result = audit.result()
    return judged(told, live, [*result.violations, *compare(result, positions)])


# --- memory ----------------------------------------------------------------------------------------------------------

HELD_BATCH: Final = 1_024
HELD_SKUS: Final = 20_000
SHELF_UNITS: Final = 12  # of a SKU in a shop
HELD_UNITS: Final = 1_000  # enough for all holds
HELD_IN_FLIGHT: Final = 2
MB: Final = 1e6


def run_memory(options: Options) -> Outcome:
    """One actor full of positions, another full of holds. Keys have 32 characters, customer ids ten."""
    with ray_session():
        return asyncio.run(_memory(options))


async def _memory(options: Options) -> Outcome:
    holds, positions = options.size(1_000_000, 20_480), options.size(200_000, 20_480)
    for name in ("shelf", "holds"):
        (options.scratch / name).mkdir()
    options.say(f"memory: {positions:,} positions")
    shelves = _actors(options.scratch / "shelf")
    shelf = partial(shelves.call, "store-shelf")
    empty = await _weighs(shelf)
    # The first delivery also warms the process up: what a position weighs is seen in those that follow.
    await _open_stock(shelf, ROWS_MAX, SHELF_UNITS)
    warm = await _weighs(shelf)
    await _open_stock(shelf, positions, SHELF_UNITS)
    full = await _weighs(shelf)
    options.say(f"memory: {holds:,} holds")
    actors = _actors(options.scratch / "holds")
    ask = partial(actors.call, "store-holds")
    await _open_stock(ask, HELD_SKUS, HELD_UNITS)
    before = await _weighs(ask)
    accepted = await _hold(ask, holds, options)
    after = await _weighs(ask)
    status = await ask("status", STORE)
    [(_, _, stock)] = await ask("availability", [STORE], [sku(n) for n in range(HELD_SKUS)])
    reserved = sum(row[1] for row in stock)
    await shelves.close()
    await actors.close()
    found = status["open_reservations"] if status["open_reservations"] == reserved else -reserved
    by_position = MB * ratio(full["rss_mb"] - warm["rss_mb"], positions - ROWS_MAX)
    by_hold = MB * ratio(after["rss_mb"] - before["rss_mb"], holds)
    rows = [
        Row("an empty actor", empty),
        Row(f"{ROWS_MAX:,} positions", warm),
        Row(f"{positions:,} positions", {**full, "bytes_each": by_position}),
        Row(f"{HELD_SKUS:,} positions and {holds:,} holds", {**after, "bytes_each": by_hold}),
    ]
    headlines = [
        Headline(f"{holds:,} live holds in one actor", rows[3].figures["rss_mb"], "MB", 450.0, at_most=True),
        Headline("a live hold", by_hold, "bytes"),
        Headline("a position", by_position, "bytes", 300.0, at_most=True),
    ]
    sizes = {"holds": holds, "positions": positions, "skus_of_holds": HELD_SKUS, "lines": 1}
    return Outcome(sizes, rows, headlines, judged(Counts(accepted), found, ()))


async def _open_stock(ask: Ask, skus: int, units: int) -> None:
    for entry in entries(receipts(skus, units)):
        await ask("step", pack_batch(0, [entry]))


async def _hold(ask: Ask, holds: int, options: Options) -> int:
    """So many reservations, made as they are sent; how many were accepted."""
    made = entries(reserves(holds, HELD_SKUS, 1, 1))
    accepted = 0
    while batches := [chunk for _ in range(64) if (chunk := list(islice(made, HELD_BATCH)))]:
        answers, _ = await step_all(partial(ask, "step"), [pack_batch(0, chunk) for chunk in batches], HELD_IN_FLIGHT)
        accepted += _held(answers)
        options.say(f"memory: {accepted:,} held")
    return accepted


async def _weighs(ask: Ask) -> dict[str, float]:
    return {"rss_mb": psutil.Process((await ask("status", STORE))["pid"]).memory_info().rss / MB}

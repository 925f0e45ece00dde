"""An actor in a process of its own, in a Ray session of the bench's own: what a step costs, and what a hold and a
position weigh, with a real journal.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from time import perf_counter
from typing import Any, Final
from uuid import uuid4

import psutil
import ray

from actors.journal.open import sqlite_setting
from actors.protocol.messages import Held, pack_batch, unpack_answers
from actors.ray_actors import make_actor, start_ray, stop_ray
from actors.runtime.kinds import SHOP
from actors.shop.audit import Audit
from actors.shop.audit_books import compare
from bench import service as processes
from bench.record import Conservation, Headline, Options, Outcome, Row, Told, judged, latencies_ms, medians, ratio
from bench.samples import ROWS_MAX, STORE, entries, receipts, reserves, sku
from serve.config.environment import SWITCHES

CALL_S: Final = 60.0


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


def ask(handle: Any, method: str, *arguments: Any, timeout_s: float = CALL_S) -> Any:
    """Call an actor and wait for the answer."""
    return ray.get(getattr(handle, method).remote(*arguments), timeout=timeout_s)


def step_all(handle: Any, batches: list[bytes], in_flight: int) -> tuple[list[bytes], list[float]]:
    """Send each batch, so many at a time: the answers as they come, and the seconds that each took."""
    under_way: dict[Any, float] = {}
    answers: list[bytes] = []
    took: list[float] = []
    coming = iter(batches)
    while len(answers) < len(batches):
        for batch in islice(coming, in_flight - len(under_way)):
            under_way[handle.step.remote(batch)] = perf_counter()
        for ready in ray.wait(list(under_way), num_returns=1)[0]:
            answers.append(ray.get(ready))
            took.append(perf_counter() - under_way.pop(ready))
    return answers, took


# --- steps -----------------------------------------------------------------------------------------------------------

BATCHES: Final = (1, 64, 256, 1_024)
IN_FLIGHT: Final = (1, 2, 4)
SKUS: Final = 2_000
READ_EVENTS_MAX: Final = 20_000


def run_actor(options: Options) -> Outcome:
    """Steps of each size with one and a few in flight; every journalled event is audited at the end."""
    rows: list[Row] = []
    accepted = 0
    best = 0.0
    with ray_session():
        options.say("actor: starting")
        actor, _ = make_actor("store-bench", sqlite_setting(options.scratch))
        ask(actor, "step", pack_batch(0, list(entries(receipts(SKUS)))))
        for batch in BATCHES[::2] if options.quick else BATCHES:
            for in_flight in IN_FLIGHT[::2] if options.quick else IN_FLIGHT:
                rounds = []
                for number in range(options.rounds):
                    steps = options.size(max(20, min(400, 20_000 // batch)), 6)
                    made = entries(reserves(batch * steps, SKUS, 1, number))
                    packed = [pack_batch(0, list(islice(made, batch))) for _ in range(steps)]
                    figures, held = _stepped(actor, packed, in_flight, batch)
                    rounds.append(figures)
                    accepted += held
                rows.append(Row(f"{batch} a step, {in_flight} in flight", medians(rounds)))
                best = max(best, rows[-1].figures["per_s"])
            options.say(f"actor: batches of {batch}")
        options.say("actor: auditing the journal")
        conservation = _audited(actor, Told(accepted))
    headline = Headline("through an actor, best", best, "durable reservations/s")
    return Outcome({"skus": SKUS, "lines": 1}, rows, [headline], conservation)


def _stepped(actor: Any, packed: list[bytes], in_flight: int, batch: int) -> tuple[dict[str, float], int]:
    """Figures of one round, and the reservations that were accepted."""
    process = psutil.Process(ask(actor, "ping"))
    warm, _ = step_all(actor, packed[:2], 1)
    cpu, began = sum(process.cpu_times()[:4]), perf_counter()
    answers, took = step_all(actor, packed[2:], in_flight)
    seconds, cpu = perf_counter() - began, sum(process.cpu_times()[:4]) - cpu
    units = batch * len(took)
    figures = {"per_s": ratio(units, seconds), **latencies_ms(took), "actor_cpu_us": 1e6 * ratio(cpu, units)}
    return figures, _held(warm + answers)


def _held(answers: Iterable[bytes]) -> int:
    return sum(isinstance(answer, Held) for each in answers for answer in unpack_answers(each))


def _audited(actor: Any, told: Told) -> Conservation:
    """The journal, read from its beginning by the code that shares nothing with the ledger's."""
    version, _, positions, live = ask(actor, "live_state", STORE)
    audit, seen = Audit(), 0
    while seen < version:
        for seq, count, epoch, at_ms, payload in ask(actor, "records", STORE, seen, READ_EVENTS_MAX):
            for place, event in enumerate(SHOP.read_events(payload), start=seq - count + 1):
                audit.add(place, epoch, at_ms, event)
            seen = seq
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
    holds, positions = options.size(1_000_000, 20_480), options.size(200_000, 20_480)
    for name in ("shelf", "holds"):
        (options.scratch / name).mkdir()
    with ray_session():
        options.say(f"memory: {positions:,} positions")
        shelf, _ = make_actor("store-shelf", sqlite_setting(options.scratch / "shelf"))
        empty = _weighs(shelf)
        # The first delivery also warms the process up: what a position weighs is seen in those that follow.
        _open_stock(shelf, ROWS_MAX, SHELF_UNITS)
        warm = _weighs(shelf)
        _open_stock(shelf, positions, SHELF_UNITS)
        full = _weighs(shelf)
        options.say(f"memory: {holds:,} holds")
        actor, _ = make_actor("store-holds", sqlite_setting(options.scratch / "holds"))
        _open_stock(actor, HELD_SKUS, HELD_UNITS)
        before = _weighs(actor)
        accepted = _hold(actor, holds, options)
        after = _weighs(actor)
        status = ask(actor, "status", STORE)
        reserved = sum(row[1] for row in ask(actor, "availability", [STORE], [sku(n) for n in range(HELD_SKUS)])[0][2])
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
        Headline(f"{holds:,} live holds in one actor", rows[3].figures["rss_mb"], "MB", 700.0, at_most=True),
        Headline("a live hold", by_hold, "bytes"),
        Headline("a position", by_position, "bytes", 300.0, at_most=True),
    ]
    sizes = {"holds": holds, "positions": positions, "skus_of_holds": HELD_SKUS, "lines": 1}
    return Outcome(sizes, rows, headlines, judged(Told(accepted), found, ()))


def _open_stock(actor: Any, skus: int, units: int) -> None:
    for entry in entries(receipts(skus, units)):
        ask(actor, "step", pack_batch(0, [entry]))


def _hold(actor: Any, holds: int, options: Options) -> int:
    """So many reservations, made as they are sent; how many were accepted."""
    made = entries(reserves(holds, HELD_SKUS, 1, 1))
    accepted = 0
    while batches := [chunk for _ in range(64) if (chunk := list(islice(made, HELD_BATCH)))]:
        answers, _ = step_all(actor, [pack_batch(0, chunk) for chunk in batches], HELD_IN_FLIGHT)
        accepted += _held(answers)
        options.say(f"memory: {accepted:,} held")
    return accepted


def _weighs(actor: Any) -> dict[str, float]:
    return {"rss_mb": psutil.Process(ask(actor, "ping")).memory_info().rss / MB}

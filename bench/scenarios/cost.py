"""What does a reservation cost where there are more shops, where more is held, and where more processes share the work?

One service with 500 shops, of which 10, 50, 100 or all are asked, by turns; one of which 16 shops hold ever more, up to
a million; and services of 1, 2 and 4 gateways with as many actors, which says what a larger machine loses by having
them. CPU in microseconds for each reservation, by process, which other work on the machine moves less than rates; a
process's clock ticks in hundredths of a second, so short rounds are told to some percent.

A measurement adds holds: `holds` is how many there were in the middle of it, which at first is more than the thousand
that were there before.
"""

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from statistics import median
from threading import Barrier
from typing import Final, NamedTuple

from bench.load.frames import FrameConnection
from bench.load.rounds import RESERVE, RESERVE_BATCH, Generator, Load, generating
from bench.record import Conservation, Counts, Headline, Options, Outcome, Row, medians, ratio, together
from bench.samples import Shape, requests, sku
from bench.service import Service, holdfast, receive, verdict
from holdfast.v1 import reservation_service_pb2 as rs

SHOPS: Final = (10, 50, 100, 500)
SHOPS_QUICK: Final = (2, 4)
SKUS: Final = 40
HOLDS: Final = (1_000, 10_000, 100_000, 1_000_000)
HOLDS_QUICK: Final = (1_000, 4_000)
HOLDING: Final = tuple(f"S{place:03d}" for place in range(16))
FIRST_S: Final = 0.25  # so that it does not add more than it asks about
FILL_BATCH: Final = 1_024
FILL_IN_FLIGHT: Final = 4
FILL_CALLS: Final = 128
BATCHES: Final = "batches of 256, 8 in flight"
UNARY: Final = "unary, 128 in flight"
PROCESSES: Final = (1, 2, 4)
PROCESSES_QUICK: Final = (1, 2)
PROCESSES_WORD: Final = "gateways and actors"
FLAT: Final = 1.1


class Measured(NamedTuple):
    """Rows, and what was told against what the ledgers have."""

    rows: list[Row]
    conservation: Conservation


def run_cost(options: Options) -> Outcome:
    """All services are verified in the end."""
    found = {
        "shops": _over_shops(options),
        "live holds": _over_holds(options),
        PROCESSES_WORD: _over_processes(options),
    }
    conservation = together([each.conservation for each in found.values()])
    headlines = [
        _flat(what, kind, [row for row in each.rows if row.name.endswith(kind)])
        for what, each in found.items()
        for kind in (BATCHES, UNARY)
    ]
    parameters = {"store_actors": options.store_actors, "skus": SKUS, "seconds": options.seconds}
    return Outcome(parameters, [row for each in found.values() for row in each.rows], headlines, conservation)


def _flat(what: str, kind: str, rows: Sequence[Row]) -> Headline:
    """More processes than cores cost what they do, so these have no target."""
    costs = [row.figures["cpu_us"] for row in rows]
    name = f"CPU over {what}, {kind}: dearest to first"
    return Headline(name, ratio(max(costs), costs[0]), "times", None if what == PROCESSES_WORD else FLAT, at_most=True)


def _load(kind: str, target: str, store_ids: tuple[str, ...], seconds: float) -> Load:
    if kind == UNARY:
        return Load("frames", target, RESERVE, store_ids, 128, seconds, SKUS)
    return Load("frames", target, RESERVE_BATCH, store_ids, 8, seconds, SKUS, batch=256)


def _over_shops(options: Options) -> Measured:
    sizes = SHOPS_QUICK if options.quick else SHOPS
    stores = tuple(f"S{place:03d}" for place in range(sizes[-1]))
    options.say(f"cost: starting a service with {len(stores)} shops")
    with holdfast(options.scratch / "shops", stores, options.store_actors) as service, generating(options) as generator:
        receive(service.target, stores, [sku(each) for each in range(SKUS)])
        rows: list[Row] = []
        for kind in (BATCHES, UNARY):
            load = _load(kind, service.target, stores, options.seconds)
            rows += generator.by_turns(
                {f"{n} shops, {kind}": replace(load, store_ids=stores[:n]) for n in sizes}, service
            )
            options.say(f"cost: shops, {kind}")
        return Measured(rows, verdict(service.target, stores, generator.told[service.mark]))


def _over_holds(options: Options) -> Measured:
    sizes = HOLDS_QUICK if options.quick else HOLDS
    options.say("cost: starting a service that holds much")
    rows: list[Row] = []
    filled = Counts(0)
    with (
        holdfast(options.scratch / "holds", HOLDING, options.store_actors) as service,
        generating(options) as generator,
    ):
        receive(service.target, HOLDING, [sku(each) for each in range(SKUS)])
        for size in sizes:
            options.say(f"cost: {size:,} holds")
            before = _held(generator, service) + filled.accepted
            more = asyncio.run(_fill(service.target, size - before, seed=size))
            filled = Counts(filled.accepted + more.accepted, filled.unknown + more.unknown)
            for kind in (BATCHES, UNARY):
                seconds = FIRST_S if size == sizes[0] else options.seconds
                before = _held(generator, service)
                figures = generator.measure(_load(kind, service.target, HOLDING, seconds), service)
                middle = filled.accepted + (before + _held(generator, service)) / 2
                rows.append(Row(f"{size} holds, {kind}", {"holds": middle, **figures}))
        told = [*generator.told[service.mark], filled]
        return Measured(rows, verdict(service.target, HOLDING, told))


def _over_processes(options: Options) -> Measured:
    """One service after another, each verified. HAProxy gives a connection to one gateway, so each gateway has a
    generator, which has as many calls in flight as the one of one gateway.
    """
    rows: list[Row] = []
    verdicts: list[Conservation] = []
    for size in PROCESSES_QUICK if options.quick else PROCESSES:
        options.say(f"cost: a service of {size} gateways and {size} actors")
        with ExitStack() as started:
            folder, more = options.scratch / f"of-{size}", ("--gateways", str(size))
            service = started.enter_context(holdfast(folder, HOLDING, size, "", *more))
            receive(service.target, HOLDING, [sku(each) for each in range(SKUS)])
            generators = [started.enter_context(generating(options)) for _ in range(size)]
            for kind in (BATCHES, UNARY):
                load = _load(kind, service.target, HOLDING, options.seconds)
                rounds = [_together(generators, load, service) for _ in range(options.rounds)]
                rows.append(Row(f"{size} gateways and actors, {kind}", medians(rounds)))
            told = [one for each in generators for one in each.told[service.mark]]
            verdicts.append(verdict(service.target, HOLDING, told))
    return Measured(rows, together(verdicts))


def _together(generators: Sequence[Generator], load: Load, service: Service) -> dict[str, float]:
    """One round of all of them. Each tells the service's whole CPU by its own reservations: the sum of their inverses
    is that of what it takes for one of all.
    """
    barrier = Barrier(len(generators))
    with ThreadPoolExecutor(len(generators)) as threads:
        found = list(threads.map(lambda each: each.measure(load, service, barrier), generators))
    costs = {name: [each[name] for each in found] for name in found[0] if name.endswith("_us")}
    combined = {name: 1 / sum(1 / each for each in of) if all(of) else 0.0 for name, of in costs.items()}
    return {
        "per_s": sum(each["per_s"] for each in found),
        **combined,
        "p50_ms": median(each["p50_ms"] for each in found),
    }


def _held(generator: Generator, service: Service) -> int:
    """What its measurements hold so far."""
    return sum(each.accepted for each in generator.told[service.mark])


async def _fill(target: str, holds: int, seed: int) -> Counts:
    """So many more, in batches; none is asked for twice."""
    batches = requests(Shape(HOLDING, SKUS, 1, FILL_BATCH), -(-max(0, holds) // FILL_BATCH), seed)
    asked = accepted = 0
    # A gateway ends a connection after a minute, so each has a part.
    while part := list(itertools.islice(batches, FILL_CALLS)):
        connection = await FrameConnection.open(target, RESERVE_BATCH)
        left = iter(part)
        accepted += sum(await asyncio.gather(*(_accepted(connection, left) for _ in range(FILL_IN_FLIGHT))))
        asked += FILL_BATCH * len(part)
        connection.close()
    return Counts(accepted, asked - accepted)


async def _accepted(connection: FrameConnection, payloads: Iterator[bytes]) -> int:
    """Send one after another; the reservations that were accepted."""
    accepted = 0
    for payload in payloads:
        answer = rs.ReserveBatchResponse.FromString(await connection.call(payload))
        accepted += sum(each.WhichOneof("result") == "reservation" for each in answer.outcomes)
    return accepted

"""The gateway's own work on one core, without Serve and without an actor: from a reservation's bytes to its command and
from the answer to bytes; the ranking of shops and the plans over them, for 5,000 made-up shops with patchy stock.
"""

import random
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, Final

import numpy as np

from actors.core.chain import EMPTY, Store
from actors.protocol.messages import Held
from bench.record import Headline, Options, Outcome, Row, medians, percentile, timed
from bench.samples import NOW_MS, STORE, Shape, requests
from holdfast.v1 import reservation_service_pb2 as service_pb2
from serve.sourcing.places import Place
from serve.sourcing.plan import Plan, plan
from serve.sourcing.ranking import Demand, Known, Limits, Query, SourcingPolicy, rank
from serve.sourcing.store_index import StoreIndex
from serve.wire.reservations import fill_held, reserve, split_requests

SKUS: Final = 2_000
BATCH: Final = 256


def run_gateway(options: Options) -> Outcome:
    """Microseconds a reservation, for single calls and in batches of 256."""
    count = options.size(100, 4) * BATCH
    rounds: list[dict[str, dict[str, float]]] = []
    for number in range(options.rounds):
        options.say(f"gateway: round {number + 1} of {options.rounds}")
        rounds.append({})
        for lines in (1, 3):
            rounds[-1] |= _staged(count, lines, 0, number) | _staged(count, lines, BATCH, number)
    rows = [Row(name, medians([each[name] for each in rounds])) for name in rounds[0]]
    whole = sum(row.figures["us"] for row in rows if row.name.startswith("batch, 1 line:"))
    return Outcome(
        {"reservations": count}, rows, [Headline("a reservation in a batch, protobuf and back", whole, "us")]
    )


def _staged(count: int, lines: int, batch: int, seed: int) -> dict[str, dict[str, float]]:
    """Each stage of so many reservations, `batch` to a request; 0 for single ones."""
    payloads = list(requests(Shape((STORE,), SKUS, lines, batch), count // max(1, batch), seed))
    parse: Callable[[bytes], Any] = service_pb2.ReserveRequest.FromString
    if batch:
        parse = partial(split_requests, service_pb2.ReserveBatchRequest)
    parsed = [parse(each) if batch else [parse(each)] for each in payloads]
    entries = [[reserve(each) for each in every] for every in parsed]

    def answer() -> None:
        for every in entries:
            reply: Any = service_pb2.ReserveBatchResponse() if batch else service_pb2.ReserveResponse()
            for number, (store_id, wire) in enumerate(every):
                outcome = reply.outcomes.add() if batch else reply
                fill_held(Held(number, NOW_MS, NOW_MS), store_id, store_id, wire, EMPTY, outcome.reservation)
            reply.SerializeToString()

    name = f"{'batch' if batch else 'single'}, {lines} line{'s' if lines > 1 else ''}"
    return {
        f"{name}: parse": timed(count, lambda: [parse(each) for each in payloads]),
        f"{name}: translate": timed(count, lambda: [reserve(each) for every in parsed for each in every]),
        f"{name}: answer": timed(count, answer),
    }


# --- sourcing --------------------------------------------------------------------------------------------------------

SHOPS: Final = 5_000
SKUS_ASKED: Final = (1, 3, 10)
QUANTITY: Final = 2
LIMITS: Final = Limits(stores_max=3, kilometres_max=500.0)
# A third of the shops has some of a SKU: many have three of them, none has ten, and a few together have those.
STOCKED: Final = 1 / 3
UNITS_MAX: Final = 4
PAUSED: Final = 0.02
# Each asks for it within a day; a tenth of the shops has it ready only after that.
READY_BY_MS: Final = 86_400_000
LATE: Final = 0.1
SOUTH, NORTH, WEST, EAST = 25.0, 48.0, -120.0, -70.0


def run_sourcing(options: Options) -> Outcome:
    """Microseconds a question, each from another place: ranking, then each policy, for 1, 3 and 10 SKUs."""
    count = options.size(1_000, 20)
    draw = random.Random(1)
    shops = [Store(f"S{n:05d}", "", *_place(draw), draw.random() < PAUSED) for n in range(SHOPS)]
    store_index = StoreIndex.of(1, shops)
    options.say(f"sourcing: {count:,} questions of each kind")
    rows: list[Row] = []
    for skus in SKUS_ASKED:
        known = _known(skus)
        demand = Demand.of((f"SKU-{number}", QUANTITY) for number in range(skus))
        asks = [Query(_place(draw), demand, "web", LIMITS, READY_BY_MS) for _ in range(count)]
        works = {"rank": partial(_ranked, store_index, known)}
        works.update({policy.name: partial(_planned, store_index, known, policy) for policy in SourcingPolicy})
        for name, work in works.items():
            rounds = [_measured(asks, work) for _ in range(options.rounds)]
            rows.append(Row(f"{name}, SKUs: {skus}", medians(rounds)))
    figures = {row.name: row.figures["p50_us"] for row in rows}
    headlines = [
        Headline("ranking 5,000 shops, 3 SKUs, median", figures["rank, SKUs: 3"], "us", 1_000.0, at_most=True),
        Headline("ONE_STORE, 5,000 shops, 3 SKUs, median", figures["ONE_STORE, SKUs: 3"], "us", 1_000.0, at_most=True),
        Headline("SPLIT, 5,000 shops, 10 SKUs, median", figures["SPLIT, SKUs: 10"], "us"),
    ]
    stock = {"shops": SHOPS, "quantity": QUANTITY, "stocked": STOCKED, "late": LATE}
    limits = {"stores_max": LIMITS.stores_max, "kilometres_max": LIMITS.kilometres_max}
    parameters = {**stock, **limits, "questions": count}
    return Outcome(parameters, rows, headlines)


def _place(draw: random.Random) -> Place:
    return Place(draw.uniform(SOUTH, NORTH), draw.uniform(WEST, EAST))


def _known(skus: int) -> Known:
    draw = np.random.default_rng(skus)
    units = draw.integers(1, UNITS_MAX, (SHOPS, skus), endpoint=True)
    available = np.asfortranarray(np.where(draw.random((SHOPS, skus)) < STOCKED, units, 0))
    ready_ms = draw.integers(0, int(READY_BY_MS / (1 - LATE)), SHOPS)
    return Known(available, ready_ms=ready_ms, asked=np.ones(SHOPS, np.bool_))


def _ranked(store_index: StoreIndex, known: Known, ask: Query) -> int:
    return len(rank(store_index, known, ask, SourcingPolicy.SPLIT).candidates)


def _planned(store_index: StoreIndex, known: Known, policy: SourcingPolicy, ask: Query) -> int:
    found = plan(store_index, known, ask, policy)
    return len(found.parts) if isinstance(found, Plan) else 0


def _measured(asks: list[Query], work: Callable[[Query], int]) -> dict[str, float]:
    """Median and p99 of the questions; `shops` is how many an answer names, on average."""
    took: list[float] = []
    shops = 0
    for ask in asks:
        began = perf_counter()
        shops += work(ask)
        took.append(1e6 * (perf_counter() - began))
    p50, p99 = (round(percentile(took, quantile), 1) for quantile in (0.5, 0.99))
    return {"p50_us": p50, "p99_us": p99, "shops": shops / len(asks)}

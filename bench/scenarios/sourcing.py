"""The ranking of shops and the plans over them, on one core: 5,000 shops that are made up, with patchy stock."""

import random
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Final

import numpy as np

from actors.core.chain import Store
from bench.arithmetic import medians, percentile
from bench.record import Headline, Options, Outcome, Row
from serve.sourcing.places import Place
from serve.sourcing.plan import Plan, plan
from serve.sourcing.ranking import Ask, Demand, Known, Limits, SourcingPolicy, rank
from serve.sourcing.store_index import StoreIndex

SHOPS: Final = 5_000
SKUS: Final = (1, 3, 10)
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


def run(options: Options) -> Outcome:
    """Microseconds a question, each from another place: ranking, then each policy, for 1, 3 and 10 SKUs."""
    count = options.size(1_000, 20)
    draw = random.Random(1)
    store_index = StoreIndex.of(
        1, [Store(f"S{n:05d}", "", *_place(draw), draw.random() < PAUSED) for n in range(SHOPS)]
    )
    options.say(f"sourcing: {count:,} questions of each kind")
    rows: list[Row] = []
    for skus in SKUS:
        known = _known(skus)
        demand = Demand.of((f"SKU-{number}", QUANTITY) for number in range(skus))
        asks = [Ask(_place(draw), demand, "web", LIMITS, READY_BY_MS) for _ in range(count)]
        works = {"rank": partial(_ranked, store_index, known)}
        works.update({policy.name: partial(_planned, store_index, known, policy) for policy in SourcingPolicy})
        rows += [_row(f"{name}, SKUs: {skus}", asks, work, options) for name, work in works.items()]
    figures = {row.name: row.figures["p50_us"] for row in rows}
    headlines = [
        Headline("ranking 5,000 shops, 3 SKUs, median", figures["rank, SKUs: 3"], "us", 1_000.0, at_most=True),
        Headline("ONE_STORE, 5,000 shops, 3 SKUs, median", figures["ONE_STORE, SKUs: 3"], "us", 1_000.0, at_most=True),
        Headline("SPLIT, 5,000 shops, 10 SKUs, median", figures["SPLIT, SKUs: 10"], "us"),
    ]
    parameters = {
        "shops": SHOPS,
        "quantity": QUANTITY,
        "stocked": STOCKED,
        "stores_max": LIMITS.stores_max,
        "kilometres_max": LIMITS.kilometres_max,
        "late": LATE,
        "questions": count,
        "rounds": options.rounds,
        "quick": options.quick,
    }
    return Outcome(parameters, rows, headlines)


def _place(draw: random.Random) -> Place:
    return Place(draw.uniform(SOUTH, NORTH), draw.uniform(WEST, EAST))


def _known(skus: int) -> Known:
    draw = np.random.default_rng(skus)
    units = draw.integers(1, UNITS_MAX, (SHOPS, skus), endpoint=True)
    available = np.asfortranarray(np.where(draw.random((SHOPS, skus)) < STOCKED, units, 0))
    ready_ms = draw.integers(0, int(READY_BY_MS / (1 - LATE)), SHOPS)
    return Known(available, ready_ms=ready_ms, asked=np.ones(SHOPS, np.bool_))


def _ranked(store_index: StoreIndex, known: Known, ask: Ask) -> int:
    return len(rank(store_index, known, ask, SourcingPolicy.SPLIT).candidates)


def _planned(store_index: StoreIndex, known: Known, policy: SourcingPolicy, ask: Ask) -> int:
    found = plan(store_index, known, ask, policy)
    return len(found.parts) if isinstance(found, Plan) else 0


def _row(name: str, asks: list[Ask], work: Callable[[Ask], int], options: Options) -> Row:
    """Median and p99 of the questions, the median of rounds; `shops` is how many an answer names, on average."""
    return Row(name, medians([_measured(asks, work) for _ in range(options.rounds)]))


def _measured(asks: list[Ask], work: Callable[[Ask], int]) -> dict[str, float]:
    took: list[float] = []
    shops = 0
    for ask in asks:
        began = perf_counter()
        shops += work(ask)
        took.append(1e6 * (perf_counter() - began))
    return {
        "p50_us": round(percentile(took, 0.5), 1),
        "p99_us": round(percentile(took, 0.99), 1),
        "shops": shops / len(asks),
    }

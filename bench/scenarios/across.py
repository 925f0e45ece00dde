"""What it costs to reserve over several ledgers, beside the one-shop path in the same run.

The one-shop path is one actor, one decision, one durable write. Under a limit of the whole chain the customer's ledger
opens and commits, and the shop claims and applies the outcome; over two shops, two do. Figures are through the
channel client.

Then baskets in opposing sequence, none of which may wait for another (`bench.callers`): `orders_per_s` were placed
and given back again, and the run fails where an answer took too long or anything was left in a shop.
"""

from contextlib import ExitStack
from dataclasses import replace
from itertools import chain
from typing import Final

from bench.arithmetic import ratio
from bench.callers import OPPOSING, UNITS, sku_of
from bench.generator import Load, Rounds, generating, run_parameters
from bench.record import Headline, Options, Outcome, Row
from bench.service import Service, holdfast, open_stock, receive, verdict

STORES: Final = tuple(f"S{number:03d}" for number in range(16))
SKUS: Final = 2_000
CALLERS: Final = (1, 64)
POLICY: Final = "policy:\n  chain_limit_rules:\n    - {channel: app, open_reservations_max: 1000000}\n"
PATHS: Final = {
    "one shop": "",
    "one shop, a limit of the chain": "limited",
    "the nearest shop": "nearest",
    "two shops": "two shops",
}
# Shops of their own, so that what is left in them is left by these baskets.
OPPOSED: Final = {"two shops": ("T000", "T001"), "four shops": ("T002", "T003", "T004", "T005")}


def run(options: Options) -> Outcome:
    """Each path with one caller and with many; CPU is of all processes of the service together."""
    stores = STORES + tuple(chain.from_iterable(OPPOSED.values()))
    with ExitStack() as stack:
        options.say("across: starting the service")
        service = stack.enter_context(holdfast(options.scratch, stores, options.store_actors, POLICY))
        open_stock(service.target, STORES, SKUS)
        receive(service.target, "S000", "left")
        receive(service.target, "S001", "right")
        rounds = Rounds(stack.enter_context(generating()), service, options)
        rows = [
            row
            for callers in ((64,) if options.quick else CALLERS)
            for row in _paths(rounds, service, options, callers)
        ]
        opposed = _opposing(rounds, service, options)
        options.say("across: verifying every shop's journal")
        conservation = verdict(service.target, stores, rounds.told)
    many = {row.name.rpartition(",")[0]: row.figures for row in rows[-len(PATHS) :]}
    limited = many["one shop, a limit of the chain"]
    headlines = [
        Headline("two shops, 64 callers", many["two shops"]["per_s"], "orders/s"),
        Headline("two shops, CPU to one shop", many["two shops"]["cpu_to_one_shop"], "times"),
        Headline("a limit of the chain, CPU to one shop", limited["cpu_to_one_shop"], "times"),
        Headline("opposing baskets, two shops, 64 callers", opposed[0].figures["orders_per_s"], "orders/s"),
    ]
    stuck = [f"opposing baskets: {each}" for each in rounds.stuck]
    conservation = replace(conservation, discrepancies=[*stuck, *conservation.discrepancies])
    return Outcome(run_parameters(options, len(STORES), SKUS, rounds.failures), rows + opposed, headlines, conservation)


def _paths(rounds: Rounds, service: Service, options: Options, callers: int) -> list[Row]:
    rows: list[Row] = []
    alone = 0.0
    for name, method in PATHS.items():
        figures = rounds.measure(Load("client", service.target, method, STORES, callers, options.seconds, SKUS))
        options.say(f"across: {name}, {callers} callers")
        service_us = sum(us for part, us in figures.items() if part.endswith("_us") and part != "generator_us")
        alone = alone or service_us
        rows.append(Row(f"{name}, {callers} callers", {**figures, "cpu_to_one_shop": ratio(service_us, alone)}))
    return rows


def _opposing(rounds: Rounds, service: Service, options: Options) -> list[Row]:
    rows: list[Row] = []
    for name, store_ids in OPPOSED.items():
        for store_id in store_ids:
            receive(service.target, store_id, sku_of(store_id), UNITS)
        load = Load("client", service.target, OPPOSING, store_ids, CALLERS[-1], options.seconds, SKUS)
        rows.append(Row(f"opposing baskets, {name}, {CALLERS[-1]} callers", rounds.measure(load)))
        options.say(f"across: {rows[-1].name}")
    return rows

"""Through the channel client, many callers of one process, each waiting for its own reservation: in one shop, and what
it costs over several ledgers, beside the one-shop path in the same run.

The one-shop path is one actor, one decision, one durable write. Under a limit of the whole chain the customer's ledger
opens and commits, and the shop claims and applies the outcome; over two shops, two do.

Then baskets in opposing sequence, none of which may wait for another (`bench.callers`): `orders_per_s` were placed
and given back again, and the run fails where an answer took too long or anything was left in a shop.
"""

from contextlib import ExitStack
from dataclasses import replace
from itertools import chain
from typing import Final

from bench.callers import OPPOSING, UNITS, sku_of
from bench.load import Generator, Load, generating
from bench.record import Headline, Options, Outcome, Row, ratio
from bench.service import Service, holdfast, open_stock, receive, verdict

STORES: Final = tuple(f"S{number:03d}" for number in range(16))
SKUS: Final = 2_000
CALLERS: Final = (1, 16, 128, 512)


def run_client(options: Options) -> Outcome:
    """A sweep of callers; `generator` in the figures is the clients' own CPU."""
    with ExitStack() as stack:
        options.say("client: starting the service")
        service = stack.enter_context(holdfast(options.scratch, STORES, options.store_actors))
        open_stock(service.target, STORES, SKUS)
        generator = stack.enter_context(generating(options))
        rows: list[Row] = []
        rates: dict[int, float] = {}
        for callers in (1, 128) if options.quick else CALLERS:
            load = Load("client", service.target, "", STORES, callers, options.seconds, SKUS)
            rows.append(Row(f"{callers} callers", generator.rounds(load, service)))
            options.say(f"client: {callers} callers")
            rates[callers] = rows[-1].figures["per_s"]
        options.say("client: verifying every shop's journal")
        conservation = verdict(service.target, STORES, generator.told)
    parameters = {**generator.parameters(len(STORES), SKUS), "lines": 1}
    headline = Headline("128 callers of the channel client in one process", rates[128], "calls/s", 8_000.0)
    return Outcome(parameters, rows, [headline], conservation)


# --- across ledgers --------------------------------------------------------------------------------------------------

CALLERS_ACROSS: Final = (1, 64)
POLICY: Final = "policy:\n  chain_limit_rules:\n    - {channel: app, open_reservations_max: 1000000}\n"
PATHS: Final = {
    "one shop": "",
    "one shop, a limit of the chain": "limited",
    "the nearest shop": "nearest",
    "two shops": "two shops",
}
# Shops of their own, so that what is left in them is left by these baskets.
OPPOSED: Final = {"two shops": ("T000", "T001"), "four shops": ("T002", "T003", "T004", "T005")}


def run_across(options: Options) -> Outcome:
    """Each path with one caller and with many; CPU is of all processes of the service together."""
    stores = STORES + tuple(chain.from_iterable(OPPOSED.values()))
    with ExitStack() as stack:
        options.say("across: starting the service")
        service = stack.enter_context(holdfast(options.scratch, stores, options.store_actors, POLICY))
        open_stock(service.target, STORES, SKUS)
        receive(service.target, "S000", "left")
        receive(service.target, "S001", "right")
        generator = stack.enter_context(generating(options))
        rows: list[Row] = []
        for callers in CALLERS_ACROSS[1:] if options.quick else CALLERS_ACROSS:
            rows += _paths(generator, service, options, callers)
        opposed = _opposing(generator, service, options)
        options.say("across: verifying every shop's journal")
        conservation = verdict(service.target, stores, generator.told)
    many = {row.name.rpartition(",")[0]: row.figures for row in rows[-len(PATHS) :]}
    limited = many["one shop, a limit of the chain"]
    headlines = [
        Headline("two shops, 64 callers", many["two shops"]["per_s"], "orders/s"),
        Headline("two shops, CPU to one shop", many["two shops"]["cpu_to_one_shop"], "times"),
        Headline("a limit of the chain, CPU to one shop", limited["cpu_to_one_shop"], "times"),
        Headline("opposing baskets, two shops, 64 callers", opposed[0].figures["orders_per_s"], "orders/s"),
    ]
    stuck = [f"opposing baskets: {each}" for each in generator.stuck]
    conservation = replace(conservation, discrepancies=[*stuck, *conservation.discrepancies])
    return Outcome(generator.parameters(len(STORES), SKUS), rows + opposed, headlines, conservation)


def _paths(generator: Generator, service: Service, options: Options, callers: int) -> list[Row]:
    rows: list[Row] = []
    alone = 0.0
    for name, method in PATHS.items():
        load = Load("client", service.target, method, STORES, callers, options.seconds, SKUS)
        figures = generator.rounds(load, service)
        options.say(f"across: {name}, {callers} callers")
        service_us = sum(us for part, us in figures.items() if part.endswith("_us") and part != "generator_us")
        alone = alone or service_us
        rows.append(Row(f"{name}, {callers} callers", {**figures, "cpu_to_one_shop": ratio(service_us, alone)}))
    return rows


def _opposing(generator: Generator, service: Service, options: Options) -> list[Row]:
    rows: list[Row] = []
    callers = CALLERS_ACROSS[-1]
    for name, store_ids in OPPOSED.items():
        for store_id in store_ids:
            receive(service.target, store_id, sku_of(store_id), UNITS)
        load = Load("client", service.target, OPPOSING, store_ids, callers, options.seconds, SKUS)
        rows.append(Row(f"opposing baskets, {name}, {callers} callers", generator.rounds(load, service)))
        options.say(f"across: {rows[-1].name}")
    return rows

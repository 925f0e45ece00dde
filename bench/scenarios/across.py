"""What it costs to reserve over several ledgers, beside the one-shop path in the same run.

The one-shop path is one actor, one decision, one durable write. Under a limit of the whole chain the customer's ledger
opens and commits, and the shop claims and heeds; over two shops, two do. Figures through the channel client.
"""

from contextlib import ExitStack
from typing import Final

from bench import ledgers
from bench.arithmetic import medians, ratio
from bench.conservation import Told
from bench.generator import Load, generating
from bench.options import Options
from bench.record import Headline, Outcome, Row
from bench.service import holdfast

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


def run(options: Options) -> Outcome:
    """Each path with one caller and with many; CPU is of all processes of the service together."""
    with ExitStack() as stack:
        options.say("across: starting the service")
        service = stack.enter_context(holdfast(options.scratch, STORES, options.store_actors, POLICY))
        ledgers.open_stock(service.target, STORES, SKUS)
        ledgers.receive(service.target, "S000", "left")
        ledgers.receive(service.target, "S001", "right")
        generator = stack.enter_context(generating())
        rows: list[Row] = []
        told: list[Told] = []
        failures: list[str] = []
        for callers in (64,) if options.quick else CALLERS:
            alone = 0.0
            for name, method in PATHS.items():
                rounds = []
                for number in range(options.rounds):
                    seed = 10_000 * (number + 1)
                    load = Load("client", service.target, method, STORES, callers, options.seconds, SKUS, seed)
                    measured = generator.measure(load, service)
                    rounds.append(measured.figures)
                    told.append(measured.told)
                    failures += [measured.failure] if measured.failure else []
                options.say(f"across: {name}, {callers} callers")
                figures = medians(rounds)
                service_us = sum(us for part, us in figures.items() if part.endswith("_us") and part != "generator_us")
                alone = alone or service_us
                rows.append(Row(f"{name}, {callers} callers", {**figures, "cpu_to_one_shop": ratio(service_us, alone)}))
        options.say("across: verifying every shop's journal")
        conservation = ledgers.verdict(service.target, STORES, told)
    parameters = {
        "store_actors": options.store_actors,
        "stores": len(STORES),
        "skus": SKUS,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "quick": options.quick,
        "failures": failures[:3],
    }
    many = {row.name.rpartition(",")[0]: row.figures for row in rows[-len(PATHS) :]}
    limited = many["one shop, a limit of the chain"]
    headlines = [
        Headline("two shops, 64 callers", many["two shops"]["per_s"], "orders/s"),
        Headline("two shops, CPU to one shop", many["two shops"]["cpu_to_one_shop"], "times"),
        Headline("a limit of the chain, CPU to one shop", limited["cpu_to_one_shop"], "times"),
    ]
    return Outcome(parameters, rows, headlines, conservation)

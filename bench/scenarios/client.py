"""Through the channel client: many callers of one process, each waiting for its own reservation."""

from contextlib import ExitStack
from typing import Final

from bench import ledgers
from bench.arithmetic import medians
from bench.conservation import Told
from bench.generator import Load, generating
from bench.options import Options
from bench.record import Headline, Outcome, Row
from bench.service import holdfast

STORES: Final = tuple(f"S{number:03d}" for number in range(16))
SKUS: Final = 2_000
CALLERS: Final = (1, 16, 128, 512)


def run(options: Options) -> Outcome:
    """A sweep of callers; `generator` in the figures is the clients' own CPU."""
    with ExitStack() as stack:
        options.say("client: starting the service")
        service = stack.enter_context(holdfast(options.scratch, STORES, options.store_actors))
        ledgers.open_stock(service.target, STORES, SKUS)
        generator = stack.enter_context(generating())
        rows: list[Row] = []
        told: list[Told] = []
        failures: list[str] = []
        rates: dict[int, float] = {}
        for callers in (1, 128) if options.quick else CALLERS:
            rounds = []
            for number in range(options.rounds):
                seed = 10_000 * (number + 1)
                load = Load("client", service.target, "", STORES, callers, options.seconds, SKUS, seed)
                measured = generator.measure(load, service)
                rounds.append(measured.figures)
                told.append(measured.told)
                failures += [measured.failure] if measured.failure else []
            options.say(f"client: {callers} callers")
            rows.append(Row(f"{callers} callers", medians(rounds)))
            rates[callers] = rows[-1].figures["per_s"]
        options.say("client: verifying every shop's journal")
        conservation = ledgers.verdict(service.target, STORES, told)
    parameters = {
        "store_actors": options.store_actors,
        "stores": len(STORES),
        "skus": SKUS,
        "lines": 1,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "quick": options.quick,
        "failures": failures[:3],
    }
    headline = Headline("128 callers of the channel client in one process", rates[128], "calls/s", 8_000.0)
    return Outcome(parameters, rows, [headline], conservation)

"""Through the channel client: many callers of one process, each waiting for its own reservation."""

from contextlib import ExitStack
from typing import Final

from bench.generator import Load, Rounds, generating, run_parameters
from bench.record import Headline, Options, Outcome, Row
from bench.service import holdfast, open_stock, verdict

STORES: Final = tuple(f"S{number:03d}" for number in range(16))
SKUS: Final = 2_000
CALLERS: Final = (1, 16, 128, 512)


def run(options: Options) -> Outcome:
    """A sweep of callers; `generator` in the figures is the clients' own CPU."""
    with ExitStack() as stack:
        options.say("client: starting the service")
        service = stack.enter_context(holdfast(options.scratch, STORES, options.store_actors))
        open_stock(service.target, STORES, SKUS)
        rounds = Rounds(stack.enter_context(generating()), service, options)
        rows: list[Row] = []
        rates: dict[int, float] = {}
        for callers in (1, 128) if options.quick else CALLERS:
            load = Load("client", service.target, "", STORES, callers, options.seconds, SKUS)
            rows.append(Row(f"{callers} callers", rounds.measure(load)))
            options.say(f"client: {callers} callers")
            rates[callers] = rows[-1].figures["per_s"]
        options.say("client: verifying every shop's journal")
        conservation = verdict(service.target, STORES, rounds.told)
    parameters = {**run_parameters(options, len(STORES), SKUS, rounds.failures), "lines": 1}
    headline = Headline("128 callers of the channel client in one process", rates[128], "calls/s", 8_000.0)
    return Outcome(parameters, rows, [headline], conservation)

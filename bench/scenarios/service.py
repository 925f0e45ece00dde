"""The whole service under load: through gRPC beside an echo, through the channel client, and over several ledgers.

grpc: Serve, HAProxy and all, with a service that does nothing as the ceiling. Both services are up, one at a time is
loaded, and their rounds alternate, so that what else the machine does meets both. Where `kind` is `frames` the
generator speaks HTTP/2 by itself (`bench.frames`); `grpc` goes through grpc.aio, as Python callers do.

across: the one-shop path is one actor, one decision, one durable write. Under a limit of the whole chain the customer's
ledger opens and commits, and the shop claims and applies the outcome; over two shops, two do. Then baskets in opposing
sequence, none of which may wait for another (`bench.callers`): `orders_per_s` were placed and given back again, and the
run fails where an answer took too long or anything was left in a shop.

Figures are medians of the rounds.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from bench.callers import OPPOSING, UNITS, sku_of
from bench.load import ECHO, RESERVE, RESERVE_BATCH, Generator, Load, generating
from bench.record import Headline, Options, Outcome, Row, medians, ratio
from bench.samples import sku
from bench.service import Service, echo, holdfast, receive, verdict

STORES: Final = tuple(f"S{number:03d}" for number in range(16))
SKUS: Final = 2_000


@contextmanager
def _loaded(
    scenario: str, options: Options, stores: Sequence[str] = STORES, policy: str = ""
) -> Iterator[tuple[Service, Generator]]:
    """A service with stock in `STORES`, and a generator of load."""
    options.say(f"{scenario}: starting the service")
    with holdfast(options.scratch, stores, options.store_actors, policy) as service, generating(options) as generator:
        receive(service.target, STORES, [sku(number) for number in range(SKUS)])
        yield service, generator
        options.say(f"{scenario}: verifying every shop's journal")


# --- grpc ------------------------------------------------------------------------------------------------------------

IN_FLIGHT: Final = (1, 8, 32, 128)
# Size of the batch, shops, calls in flight. The sweep is full at the size that a channel's client reaches by itself.
SWEEP: Final = (
    *((64, 1, (1, 4)), (64, 16, (4,))),
    *((256, 1, (1, 4, 8)), (256, 16, (4, 8))),
    *((1_024, 1, (1, 4)), (1_024, 16, (4,))),
)
BATCHES: Final = tuple((size, stores, in_flight) for size, stores, sweep in SWEEP for in_flight in sweep)
BATCHES_QUICK: Final = ((256, 1, 4), (256, 16, 4))
OPEN_LOOP_SHARE: Final = 0.5  # of what the closed loop reached: a load that a service should carry with ease


@dataclass(frozen=True, slots=True)
class BesideEcho:
    """Two services and a generator."""

    generator: Generator
    ours: Service
    peer: Service
    options: Options

    def pair(self, name: str, load: Load) -> tuple[Row, Row]:
        """Echo and ours by turns, with the same requests in the same way."""
        peers, ours = [], []
        for _ in range(self.options.rounds):
            fresh = replace(load, target=self.ours.target, seed=self.generator.fresh_seed())
            peer = replace(fresh, target=self.peer.target, method=ECHO)
            peers.append(self.generator.measure(peer, self.peer))
            ours.append(self.generator.measure(fresh, self.ours))
        self.options.say(f"grpc: {name}")
        peer_row, our_row = Row(f"echo {name}", medians(peers)), Row(name, medians(ours))
        our_row.figures["to_echo"] = ratio(our_row.figures["per_s"], peer_row.figures["per_s"])
        return peer_row, our_row


def run_grpc(options: Options) -> Outcome:
    """Sweeps of unary calls and batches; the verdict comes from VerifyLedger of every shop."""
    with echo(options.scratch) as peer, _loaded("grpc", options) as (ours, generator):
        beside = BesideEcho(generator, ours, peer, options)
        rows, headlines = _unary(beside, options)
        batch_rows, batch_headlines = _batches(beside, options)
        conservation = verdict(ours.target, STORES, generator.told)
    parameters = {**generator.parameters(len(STORES), SKUS), "lines": 1}
    return Outcome(parameters, rows + batch_rows, headlines + batch_headlines, conservation)


def _unary(beside: BesideEcho, options: Options) -> tuple[list[Row], list[Headline]]:
    """Single calls, each to a shop in turn."""
    load = Load("frames", "", RESERVE, STORES[: options.size(len(STORES), 2)], 128, options.seconds, SKUS)
    rows: list[Row] = []
    ours: dict[str, dict[str, float]] = {}
    for kind in ("frames", "grpc"):
        for in_flight in (1, 128) if options.quick or kind == "grpc" else IN_FLIGHT:
            name = f"Reserve, {in_flight} in flight, {kind}"
            rows += beside.pair(name, replace(load, kind=kind, in_flight=in_flight))
            ours[name] = rows[-1].figures
    alone, frames = ours["Reserve, 1 in flight, frames"], ours["Reserve, 128 in flight, frames"]
    rate = options.rate or OPEN_LOOP_SHARE * frames["per_s"]
    rows += beside.pair(f"Reserve, open loop at {rate:.0f}/s", replace(load, rate=rate))
    return rows, [
        Headline("Reserve, one caller alone, p50", alone["p50_ms"], "ms", 5.0, at_most=True),
        Headline("Reserve to echo, 128 in flight, frames", frames["to_echo"], "", 0.6),
        Headline("Reserve to echo, 128 in flight, grpc.aio", ours["Reserve, 128 in flight, grpc"]["to_echo"], "", 0.6),
    ]


def _batches(beside: BesideEcho, options: Options) -> tuple[list[Row], list[Headline]]:
    """Batches over the first shops."""
    # Half as long as unary calls: tens of thousands of reservations suffice, and all are verified at the end.
    load = Load("frames", "", RESERVE_BATCH, STORES, 1, options.seconds / 2, SKUS)
    rows: list[Row] = []
    best: dict[int, float] = {}
    for size, stores, in_flight in BATCHES_QUICK if options.quick else BATCHES:
        name = f"ReserveBatch of {size}, {in_flight} in flight, shops: {stores}"
        rows += beside.pair(name, replace(load, store_ids=STORES[:stores], in_flight=in_flight, batch=size))
        best[size] = max(best.get(size, 0.0), rows[-1].figures["per_s"])
    return rows, [
        Headline(f"ReserveBatch of {size}, best", rate, "reservations/s", 40_000.0 if size == 256 else None)
        for size, rate in best.items()
    ]


# --- client ----------------------------------------------------------------------------------------------------------

CALLERS: Final = (1, 16, 128, 512)


def run_client(options: Options) -> Outcome:
    """A sweep of callers of one process; `generator` in the figures is the clients' own CPU."""
    with _loaded("client", options) as (service, generator):
        rows: list[Row] = []
        for callers in (1, 128) if options.quick else CALLERS:
            load = Load("client", service.target, "", STORES, callers, options.seconds, SKUS)
            rows.append(Row(f"{callers} callers", generator.rounds(load, service)))
            options.say(f"client: {callers} callers")
        conservation = verdict(service.target, STORES, generator.told)
    parameters = {**generator.parameters(len(STORES), SKUS), "lines": 1}
    rate = next(row.figures["per_s"] for row in rows if row.name == "128 callers")
    headline = Headline("128 callers of the channel client in one process", rate, "calls/s", 8_000.0)
    return Outcome(parameters, rows, [headline], conservation)


# --- across ----------------------------------------------------------------------------------------------------------

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
    with _loaded("across", options, stores, POLICY) as (service, generator):
        receive(service.target, STORES[:1], ["left"])
        receive(service.target, STORES[1:2], ["right"])
        rows: list[Row] = []
        for callers in CALLERS_ACROSS[1:] if options.quick else CALLERS_ACROSS:
            rows += _paths(generator, service, options, callers)
        opposed = _opposing(generator, service, options)
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
            receive(service.target, [store_id], [sku_of(store_id)], UNITS)
        load = Load("client", service.target, OPPOSING, store_ids, callers, options.seconds, SKUS)
        rows.append(Row(f"opposing baskets, {name}, {callers} callers", generator.rounds(load, service)))
        options.say(f"across: {rows[-1].name}")
    return rows

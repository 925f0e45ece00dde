"""The whole service under load: through gRPC beside its peers, through the channel client, and over several ledgers.

grpc: Serve, HAProxy and all, with a service that does nothing as the ceiling, and beside what a team would write by
hand (`bench.peers`). All services are up, one at a time is loaded, and their rounds alternate, so that what else the
machine does meets all; the generator shares its cores. `to_echo` and `to_hand_written` compare rates; `cpu_us` is the
CPU of all processes of the row's service for each reservation, Redis included. Where `kind` is `frames` the generator
speaks HTTP/2 by itself (`bench.load.frames`); `grpc` goes through a stub of grpc.aio, as Python callers do.

across: the one-shop path is one actor, one decision, one durable write. Under a limit of the whole chain the customer's
ledger grants the units before; over two shops it opens and commits, and the shops claim and apply the outcome. Then
baskets in opposing sequence, none of which may wait for another (`bench.load.loops`): `orders_per_s` were placed and
given back again, and the run fails where an answer took too long or anything was left in a shop.

sold-out: batches for what there is, beside the same for a SKU that is sold out: refused by the shop, and at the gateway
by the hint that it has said so.

Figures are medians of the rounds.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from bench.load.loops import OPPOSING, UNITS, sku_of
from bench.load.rounds import ECHO, RESERVE, RESERVE_BATCH, Generator, Load, generating
from bench.peers.peer import by_hand, running_peer
from bench.record import Headline, Options, Outcome, Row, medians, number, ratio
from bench.samples import sku
from bench.service import Service, echo, holdfast, receive, verdict
from holdfast.client import BlockingChannelClient

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
BATCHES_QUICK: Final = ((64, 16, 4), (256, 16, 8))
OF_CLIENT: Final = "128 callers, plain stub (ours: our client)"
# The peer, what both do, and the ratio of rates that ours should reach.
COMPARED: Final = (
    ("hand-written", "Reserve, 1 in flight, frames", 0.7),
    ("hand-written", "Reserve, 128 in flight, frames", 0.95),
    ("echo", "Reserve, 128 in flight, frames", 0.9),
    ("hand-written", "ReserveBatch of 64, 4 in flight, shops: 16", 1.5),
    ("hand-written", "ReserveBatch of 256, 8 in flight, shops: 16", 2.3),
    ("hand-written", OF_CLIENT, 8.0),
    ("echo", "Reserve, 128 in flight, grpc", 0.6),
)
OPEN_LOOP_SHARE: Final = 0.7  # of what each service reached in the closed loop


@dataclass(frozen=True, slots=True)
class BesidePeers:
    """The services by name, ours last, and a generator. Where no Redis is here, none is hand-written."""

    generator: Generator
    services: dict[str, Service]
    options: Options

    def rows(
        self, name: str, load: Load, kind_of_ours: str = "", rates: Mapping[str, float] | None = None
    ) -> list[Row]:
        """Each service by turns, with the same requests, and in the same way unless ours has another kind, and at
        rates of their own where `rates` has them. The last row is ours.
        """
        rounds: dict[str, list[dict[str, float]]] = {whose: [] for whose in self.services}
        for _ in range(self.options.rounds):
            seed = self.generator.fresh_seed()
            for whose, service in self.services.items():
                fresh = replace(load, target=service.target, seed=seed, rate=rates[whose] if rates else 0.0)
                if whose == "echo":
                    fresh = replace(fresh, method=ECHO)
                elif not whose and kind_of_ours:
                    fresh = replace(fresh, kind=kind_of_ours, method="")
                rounds[whose].append(self.generator.measure(fresh, service))
        self.options.say(f"grpc: {name}")
        rows = {whose: Row(f"{whose} {name}".strip(), medians(found)) for whose, found in rounds.items()}
        ours = rows[""].figures
        for whose in list(rows)[:-1]:
            ours[f"to_{whose.replace('-', '_')}"] = ratio(ours["per_s"], rows[whose].figures["per_s"])
        return list(rows.values())


def run_grpc(options: Options) -> Outcome:
    """Sweeps of unary calls and batches; the verdict comes from VerifyLedger of every shop, ours and by hand."""
    kind = by_hand()
    why_not = kind.absent()
    options.say(f"grpc: without the hand-written service: {why_not}" if why_not else "grpc: starting the peers")
    said = f"skipped: {why_not}"
    with ExitStack() as started:
        services = {"echo": started.enter_context(echo(options.scratch))}
        if not why_not:
            services["hand-written"] = started.enter_context(running_peer(kind, options.scratch)).service
            receive(services["hand-written"].target, STORES, [sku(number) for number in range(SKUS)])
        services[""], generator = started.enter_context(_loaded("grpc", options))
        beside = BesidePeers(generator, services, options)
        rows = [*_unary(beside, options), *_batches(beside, options)]
        verdicts = {
            whose: verdict(service.target, STORES, generator.told[service.mark])
            for whose, service in services.items()
            if whose != "echo"
        }
    conservation = verdicts[""]
    if peer := verdicts.get("hand-written"):
        said = peer.sentence()
        if not peer.holds:
            conservation = replace(conservation, discrepancies=[f"by hand: {said}", *conservation.discrepancies])
    options.say(f"grpc: hand-written: {said}")
    parameters = {**generator.parameters(len(STORES), SKUS), "lines": 1, "hand_written": said}
    return Outcome(parameters, rows, compared({row.name: row.figures for row in rows}), conservation)


def compared(figures: Mapping[str, Mapping[str, float]]) -> list[Headline]:
    """The figures that stand for a run, from those of its rows; none beside a peer that was not measured."""
    found = []
    for whose, name, target in COMPARED:
        if (peer := figures.get(f"{whose} {name}")) is not None:
            ours = figures[name]
            each = ("per_s", "p50_ms", "cpu_us")
            told = (
                f"{of} {number(ours[of])} to {number(peer[of])}, {number(ratio(ours[of], peer[of]))}" for of in each
            )
            reached = ratio(ours["per_s"], peer["per_s"])
            found.append(Headline(f"{name}, to {whose}", reached, "", target, detail="; ".join(told)))
    alone = figures["Reserve, 1 in flight, frames"]["p50_ms"]
    found.append(Headline("Reserve, one caller alone, p50", alone, "ms", 5.0, at_most=True))
    best: dict[str, float] = {}
    for name, row in figures.items():
        if name.startswith("ReserveBatch"):
            batch = name.partition(",")[0]
            best[batch] = max(best.get(batch, 0.0), row["per_s"])
    for batch, rate in best.items():
        found.append(Headline(f"{batch}, best", rate, "reservations/s", 40_000.0 if batch.endswith(" 256") else None))
    return found


def _unary(beside: BesidePeers, options: Options) -> list[Row]:
    """Single calls, each to a shop in turn."""
    load = Load("frames", "", RESERVE, STORES[: options.size(len(STORES), 2)], 128, options.seconds, SKUS)
    rows: list[Row] = []
    for kind in ("frames", "grpc"):
        for in_flight in (1, 128) if options.quick or kind == "grpc" else IN_FLIGHT:
            name = f"Reserve, {in_flight} in flight, {kind}"
            rows += beside.rows(name, replace(load, kind=kind, in_flight=in_flight))
    closed = {row.name: row.figures["per_s"] for row in rows}
    rates = {
        whose: options.rate or OPEN_LOOP_SHARE * closed[f"{whose} Reserve, 128 in flight, frames".strip()]
        for whose in beside.services
    }
    at = f"{options.rate:.0f}/s" if options.rate else f"{OPEN_LOOP_SHARE:.0%} of the closed loop"
    rows += beside.rows(f"Reserve, open loop at {at}", load, rates=rates)
    return rows + beside.rows(OF_CLIENT, replace(load, kind="grpc"), kind_of_ours="client")


def _batches(beside: BesidePeers, options: Options) -> list[Row]:
    """Batches over the first shops."""
    # Half as long as unary calls: tens of thousands of reservations suffice, and all are verified at the end.
    load = Load("frames", "", RESERVE_BATCH, STORES, 1, options.seconds / 2, SKUS)
    rows: list[Row] = []
    for size, stores, in_flight in BATCHES_QUICK if options.quick else BATCHES:
        name = f"ReserveBatch of {size}, {in_flight} in flight, shops: {stores}"
        rows += beside.rows(name, replace(load, store_ids=STORES[:stores], in_flight=in_flight, batch=size))
    return rows


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
        conservation = verdict(service.target, STORES, generator.told[service.mark])
    parameters = {**generator.parameters(len(STORES), SKUS), "lines": 1}
    rate = next(row.figures["per_s"] for row in rows if row.name == "128 callers")
    headline = Headline("128 callers of the channel client in one process", rate, "calls/s", 8_000.0)
    return Outcome(parameters, rows, [headline], conservation)


# --- sold out --------------------------------------------------------------------------------------------------------

GONE: Final = "gone"
REFUSED: Final = {"refused by the shop": False, "refused at the gateway": True}


def run_sold_out(options: Options) -> Outcome:
    """By turns in one shop; a first attempt is refused by a hint."""
    with _loaded("sold-out", options) as (service, generator):
        receive(service.target, STORES[:1], [GONE], 1)
        with BlockingChannelClient(service.target) as client:
            client.set_safety_stock(STORES[0], [(GONE, 1)])
        load = Load("frames", service.target, RESERVE_BATCH, STORES[:1], 8, options.seconds, SKUS, batch=256)
        loads = {"accepted": load}
        loads |= {name: replace(load, sku=GONE, first_attempt=first) for name, first in REFUSED.items()}
        rows = generator.by_turns(loads, service)
        conservation = verdict(service.target, STORES, generator.told[service.mark])
    accepted, *refused = (row.figures["per_s"] for row in rows)
    headlines = [
        Headline(f"{name}, to accepted", ratio(rate, accepted), "times", 3.0 if REFUSED[name] else None)
        for name, rate in zip(REFUSED, refused, strict=True)
    ]
    return Outcome(generator.parameters(len(STORES), SKUS), rows, headlines, conservation)


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
    apart = replace(options, store_actors=max(2, options.store_actors))  # an order's shops in processes of their own
    with _loaded("across", apart, stores, POLICY) as (service, generator):
        receive(service.target, STORES[:1], ["left"])
        receive(service.target, STORES[1:2], ["right"])
        rows: list[Row] = []
        for callers in CALLERS_ACROSS[1:] if options.quick else CALLERS_ACROSS:
            rows += _paths(generator, service, options, callers)
        opposed = _contended(generator, service, options)
        conservation = verdict(service.target, stores, generator.told[service.mark])
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
        alone = alone or figures["cpu_us"]
        rows.append(Row(f"{name}, {callers} callers", {**figures, "cpu_to_one_shop": ratio(figures["cpu_us"], alone)}))
    return rows


def _contended(generator: Generator, service: Service, options: Options) -> list[Row]:
    rows: list[Row] = []
    callers = CALLERS_ACROSS[-1]
    for name, store_ids in OPPOSED.items():
        for store_id in store_ids:
            receive(service.target, [store_id], [sku_of(store_id)], UNITS)
        load = Load("client", service.target, OPPOSING, store_ids, callers, options.seconds, SKUS)
        rows.append(Row(f"opposing baskets, {name}, {callers} callers", generator.rounds(load, service)))
        options.say(f"across: {rows[-1].name}")
    return rows

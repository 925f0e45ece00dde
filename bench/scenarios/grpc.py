"""Through gRPC, beside an echo: Serve, HAProxy and all, with a service that does nothing as the ceiling.

Both services are up, one at a time is loaded, and their rounds alternate, so that what else the machine does meets
both. Figures are medians of the rounds. Where `kind` is `frames` the generator speaks HTTP/2 by itself
(`bench.frames`); `grpc` goes through grpc.aio, as Python callers do.
"""

from contextlib import ExitStack
from dataclasses import replace
from typing import Final

from bench.load import ECHO, RESERVE, RESERVE_BATCH, Generator, Load, generating
from bench.record import Headline, Options, Outcome, Row, file_system_of, medians, ratio
from bench.service import Service, echo, holdfast, open_stock, verdict

STORES: Final = tuple(f"S{number:03d}" for number in range(16))
SKUS: Final = 2_000
IN_FLIGHT: Final = (1, 8, 32, 128)
# Size of the batch, shops, calls in flight. The sweep is full at the size that a channel's client reaches by itself.
BATCHES: Final = (
    *((64, 1, in_flight) for in_flight in (1, 4)),
    (64, 16, 4),
    *((256, 1, in_flight) for in_flight in (1, 4, 8)),
    *((256, 16, in_flight) for in_flight in (4, 8)),
    *((1_024, 1, in_flight) for in_flight in (1, 4)),
    (1_024, 16, 4),
)
BATCHES_QUICK: Final = ((256, 1, 4), (256, 16, 4))
OPEN_LOOP_SHARE: Final = 0.5  # of what the closed loop reached: a load that a service should carry with ease


class Bench:
    """Two services and a generator."""

    def __init__(self, generator: Generator, ours: Service, peer: Service, options: Options) -> None:
        self._generator = generator
        self._ours = ours
        self._peer = peer
        self._options = options

    def pair(self, name: str, load: Load, *, rounds: int = 0) -> tuple[Row, Row]:
        """Echo and ours by turns, with the same requests in the same way."""
        peers, ours = [], []
        for _ in range(rounds or self._options.rounds):
            fresh = replace(load, seed=self._generator.fresh_seed())
            peer = replace(fresh, target=self._peer.target, method=ECHO, reserves=False)
            peers.append(self._generator.measure(peer, self._peer))
            ours.append(self._generator.measure(fresh, self._ours))
        self._options.say(f"grpc: {name}")
        peer_row, our_row = Row(f"echo {name}", medians(peers)), Row(name, medians(ours))
        our_row.figures["to_echo"] = ratio(our_row.figures["per_s"], peer_row.figures["per_s"])
        return peer_row, our_row

    def unary(self, kind: str, in_flight: int, rate: float = 0.0) -> Load:
        """Single calls, each to a shop in turn."""
        stores = STORES[: self._options.size(len(STORES), 2)]
        seconds = self._options.seconds
        return Load(kind, self._ours.target, RESERVE, stores, in_flight, seconds, SKUS, rate=rate)

    def batch(self, size: int, stores: int, in_flight: int) -> Load:
        """Batches over the first shops."""
        # Half as long as unary calls: tens of thousands of reservations suffice, and all are verified at the end.
        seconds = self._options.seconds / 2
        shops = STORES[:stores]
        return Load("frames", self._ours.target, RESERVE_BATCH, shops, in_flight, seconds, SKUS, batch=size)


def run_grpc(options: Options) -> Outcome:
    """Sweeps of unary calls and batches; the verdict comes from VerifyLedger of every shop."""
    with ExitStack() as stack:
        options.say("grpc: starting the echo and the service")
        peer = stack.enter_context(echo(options.scratch))
        ours = stack.enter_context(holdfast(options.scratch, STORES, options.store_actors))
        open_stock(ours.target, STORES, SKUS)
        generator = stack.enter_context(generating(options))
        bench = Bench(generator, ours, peer, options)
        rows, headlines = _unary(bench, options)
        batch_rows, batch_headlines = _batches(bench, options)
        options.say("grpc: verifying every shop's journal")
        conservation = verdict(ours.target, STORES, generator.told)
    files = {"lines": 1, "file_system": file_system_of(options.scratch)}
    parameters = {**generator.parameters(len(STORES), SKUS), **files}
    return Outcome(parameters, rows + batch_rows, headlines + batch_headlines, conservation)


def _unary(bench: Bench, options: Options) -> tuple[list[Row], list[Headline]]:
    rows: list[Row] = []
    rates: dict[tuple[str, str], float] = {}
    alone = 0.0
    for kind in ("frames", "grpc"):
        for in_flight in (1, 128) if options.quick or kind == "grpc" else IN_FLIGHT:
            peer, ours = bench.pair(f"Reserve, {in_flight} in flight, {kind}", bench.unary(kind, in_flight))
            rows += [peer, ours]
            rates[kind, f"{in_flight}"] = ours.figures["to_echo"]
            if (kind, in_flight) == ("frames", 1):
                alone = ours.figures["p50_ms"]
    rate = options.rate or OPEN_LOOP_SHARE * rows[-1].figures["per_s"]
    rows += bench.pair(f"Reserve, open loop at {rate:.0f}/s", bench.unary("frames", 128, rate), rounds=1)
    return rows, [
        Headline("Reserve, one caller alone, p50", alone, "ms", 5.0, at_most=True),
        Headline("Reserve to echo, 128 in flight, frames", rates["frames", "128"], "", 0.6),
        Headline("Reserve to echo, 128 in flight, grpc.aio", rates["grpc", "128"], "", 0.6),
    ]


def _batches(bench: Bench, options: Options) -> tuple[list[Row], list[Headline]]:
    rows: list[Row] = []
    best: dict[int, float] = {}
    for size, stores, in_flight in BATCHES_QUICK if options.quick else BATCHES:
        name = f"ReserveBatch of {size}, {in_flight} in flight, shops: {stores}"
        peer, ours = bench.pair(name, bench.batch(size, stores, in_flight))
        rows += [peer, ours]
        best[size] = max(best.get(size, 0.0), ours.figures["per_s"])
    return rows, [
        Headline(f"ReserveBatch of {size}, best", rate, "reservations/s", 40_000.0 if size == 256 else None)
        for size, rate in best.items()
    ]

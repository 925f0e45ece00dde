"""How soon a shop is served again: replay by itself, and a real service whose actor is killed."""

import asyncio
import gc
from contextlib import ExitStack
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from threading import Thread
from time import perf_counter, sleep
from typing import Final

from actors.journal.sqlite import SqliteJournal
from actors.ray_actors import end_process
from actors.runtime.actor_runtime import SNAPSHOT_PAUSE_S
from actors.runtime.clock import SystemClock
from actors.runtime.kinds import SHOP
from actors.runtime.ledger_host import LedgerHost
from actors.store_actor import StoreActor
from bench import service as processes
from bench.record import Conservation, Counts, Headline, Options, Outcome, Row, judged, ratio, together
from bench.samples import CHANNEL, STORE, receipts, reserves, sku
from bench.service import CALL_MS, holdfast, receive, verdict
from holdfast.client import BlockingChannelClient, ChannelClient, Reservation

SKUS: Final = 2_000
BATCH: Final = 1_024
HOLDS, HOLDS_QUICK = 98 * BATCH, 4 * BATCH
HELD, HELD_QUICK = 1_000_000, 20_000  # while a snapshot is written
STEP_PAUSE_S: Final = 0.001
KILLS: Final = 3


def run_recovery(options: Options) -> Outcome:
    """Replay in a fresh process, as an actor does it; then three kills of a real service's actor."""
    rows, headlines, replayed = _replays(options)
    kill_rows, kill_headlines, served = _kills(options)
    parameters = {"events": options.size(200_000, 10_240), "holds": options.size(HOLDS, HOLDS_QUICK)}
    return Outcome(parameters, rows + kill_rows, headlines + kill_headlines, together([replayed, served]))


def _replays(options: Options) -> tuple[list[Row], list[Headline], Conservation]:
    events = options.size(200_000, 10_240)
    path = options.scratch / "replay.db"
    rows: list[Row] = []
    options.say(f"recovery: writing {events:,} events")
    _write(path, events, snapshot=False)
    replayed = [_recovered(path) for _ in range(options.rounds)]
    options.say("recovery: the same with a snapshot")
    _write(path, 1, snapshot=True)
    restored = [_recovered(path) for _ in range(options.rounds)]
    held = options.size(HELD, HELD_QUICK)
    options.say(f"recovery: steps beside a snapshot of {held:,} holds")
    with get_context("spawn").Pool(1) as pool:
        beside = pool.apply(_beside_a_snapshot, (options.scratch / "beside.db", held))
    for name, runs in (("replay, no snapshot", replayed), ("from a snapshot", restored)):
        seconds = median(run["seconds"] for run in runs)
        rows.append(Row(name, {"holds": events, "s": seconds, "per_s": ratio(events, seconds)}))
    headlines = [
        Headline("replay without a snapshot", rows[0].figures["per_s"], "events/s", 200_000.0),
        Headline("recovery from a snapshot", rows[1].figures["per_s"], "holds/s"),
        Headline(f"the longest step beside a snapshot of {held:,} holds", max(beside), "ms"),
    ]
    rows.append(Row("steps beside a snapshot", {"holds": held, "p50_ms": median(beside), "worst_ms": max(beside)}))
    # Recovery itself checks every invariant, and does not serve a ledger that breaks one.
    return rows, headlines, judged(Counts(events + 1), int(restored[-1]["open"]), ())


def _write(path: Path, events: int, *, snapshot: bool) -> None:
    """Holds in a journal, as a host writes them."""
    host, journal = _held(path, events)
    if snapshot:
        host.snapshot(STORE, lambda: None)
    journal.close()


def _held(path: Path, holds: int) -> tuple[LedgerHost, SqliteJournal]:
    journal = SqliteJournal(path)
    host = LedgerHost(SHOP, journal, SystemClock(), lambda _: None, end_process)
    host.step([(STORE, each) for each in receipts(SKUS)])
    commands = reserves(holds, SKUS, 1, holds)
    while batch := [(STORE, each) for each in islice(commands, BATCH)]:
        host.step(batch)
    return host, journal


def _beside_a_snapshot(path: Path, holds: int) -> list[float]:
    """How long steps of one hold take in a process that writes a snapshot of so many, as an actor does, in ms."""
    host, journal = _held(path, holds)
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)  # as an actor does
    writer = Thread(target=lambda: host.snapshot(STORE, lambda: sleep(SNAPSHOT_PAUSE_S)))
    more, took = reserves(holds, SKUS, 1, holds + 1), []
    writer.start()
    while writer.is_alive():
        began = perf_counter()
        host.step([(STORE, next(more))])
        took.append(1_000 * (perf_counter() - began))
        sleep(STEP_PAUSE_S)
    journal.close()
    return took


def _recovered(path: Path) -> dict[str, float]:
    """One recovery, in a process as fresh as an actor's."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_recover, (str(path),))


def _recover(path: str) -> dict[str, float]:
    journal = SqliteJournal(Path(path))
    began = perf_counter()
    actor = StoreActor("bench", journal, SystemClock(), end_process)
    actor.recovered.wait()
    seconds = perf_counter() - began
    status = actor.status(STORE)
    return {"seconds": seconds, "replayed": status["replayed_events"], "open": status["open_reservations"]}


def _kills(options: Options) -> tuple[list[Row], list[Headline], Conservation]:
    """Kill -9 of the actor with a recent snapshot, which a restart leaves behind."""
    holds = options.size(HOLDS, HOLDS_QUICK)
    with ExitStack() as stack:
        options.say("recovery: the service, and its holds")
        with holdfast(options.scratch, [STORE], 1) as service:
            receive(service.target, [STORE], [sku(number) for number in range(SKUS)])
            accepted = asyncio.run(_fill(service.target, holds))
        options.say("recovery: the service again, from its snapshot")
        service = stack.enter_context(holdfast(options.scratch, [STORE], 1))
        client = stack.enter_context(BlockingChannelClient(service.target))
        accepted += _probe(client)
        ours = []
        for number in range(KILLS):
            processes.kill(client.ledger_status(STORE, timeout_ms=CALL_MS).pid, service.mark)
            began = perf_counter()
            accepted += _probe(client)
            ours.append(perf_counter() - began)
            options.say(f"recovery: kill {number + 1}, served again after {ours[-1]:.2f} s")
        recovered = client.ledger_status(STORE, timeout_ms=CALL_MS)
        conservation = verdict(service.target, [STORE], [Counts(accepted)])
    rows = [
        Row("killed, with a snapshot", {"holds": holds, "s": median(ours), "worst_s": max(ours)}),
        Row("  of which the ledger's own recovery", {"s": recovered.recovery_ms / 1_000}),
    ]
    name = f"served again after kill -9 with {holds:,} holds, worst of {KILLS}"
    return rows, [Headline(name, max(ours), "s", 3.0, at_most=True)], conservation


async def _fill(target: str, holds: int) -> int:
    """So many holds; how many were accepted."""
    accepted = 0
    async with ChannelClient(target) as client:
        for first in range(0, holds, BATCH):
            calls = (
                client.reserve(STORE, [(sku(each % SKUS), 1)], customer_id=f"C{each:09d}", channel=CHANNEL)
                for each in range(first, first + BATCH)
            )
            accepted += sum(isinstance(answer, Reservation) for answer in await asyncio.gather(*calls))
    return accepted


def _probe(client: BlockingChannelClient) -> bool:
    """One more, waited for; whether it was accepted."""
    answer = client.reserve(STORE, [(sku(0), 1)], customer_id="probe", channel=CHANNEL, timeout_ms=CALL_MS)
    return isinstance(answer, Reservation)

"""What would you have if you built it by hand, how fast is that, and does it stay correct?

Services that serve the same calls with the same keys and deadlines, each write flushed before it is answered, each as
those who use its database would best build it (`bench.peers`): grpc.aio over Redis and over Valkey with a Lua script,
and over PostgreSQL in three shapes; redis-benchmark with that script as the bar, a client in C without gRPC; and an
echo behind Serve as the floor. One that is absent is skipped, and the run says why.

All are up, one at a time is loaded, and their rounds alternate, so that what else the machine does meets all; the
generator shares its cores. `cpu_us` is the CPU of all processes of a row's service for each reservation, its database's
included. In the end each shop of each of them is added up, and what callers were told is counted against it.

Then each by itself, and Holdfast, is asked for more than it has while it is killed (`bench.peers.kills`).
"""

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from time import perf_counter, sleep
from typing import Any, Final

from bench import service as processes
from bench.load.rounds import ECHO, RESERVE, RESERVE_BATCH, Generator, Load, generating
from bench.peers import bar as c_client
from bench.peers.bar import Bar
from bench.peers.kills import (
    SKUS as SKUS_KILLED,
    STORES as STORES_KILLED,
    UNITS as UNITS_KILLED,
    Findings,
    Strike,
    campaign,
)
from bench.peers.peer import KINDS, Kind, Peer, running_peer
from bench.peers.report import page
from bench.record import Conservation, Counts, Headline, Options, Outcome, Row, medians, number, ratio
from bench.samples import sku
from bench.service import Service, echo, holdfast, receive, verdict

STORES: Final = tuple(f"S{place:03d}" for place in range(16))
SKUS: Final = 200
OURS: Final = "holdfast"
BAR: Final = "redis-benchmark"
# By row: method, shops, calls in flight, reservations to a call, and whether all are for one SKU.
LOADS: Final = {
    "Reserve, 1 in flight": (RESERVE, 16, 1, 0, False),
    "Reserve, 128 in flight": (RESERVE, 16, 128, 0, False),
    "Reserve, one SKU, 128 in flight": (RESERVE, 1, 128, 0, True),
    "ReserveBatch of 64, 4 in flight": (RESERVE_BATCH, 16, 4, 64, False),
    "ReserveBatch of 256, 8 in flight": (RESERVE_BATCH, 16, 8, 256, False),
    "ReserveBatch of 256, one SKU, 8 in flight": (RESERVE_BATCH, 1, 8, 256, True),
}
OF_CLIENT: Final = "128 callers, plain stub (ours: our client)"
# What Holdfast's rate should be at least, as a multiple of that of each PostgreSQL.
TO_POSTGRES: Final = {name: 3.0 if is_hot or batch else 1.0 for name, (_, _, _, batch, is_hot) in LOADS.items()}
# Whose CPU it is: what is called, where the stock is, and what stands around both.
PARTS: Final = {
    "service_us": ("hand written", "gateway"),
    "database_us": ("redis", "postgres", "store actors"),
    "around_us": ("haproxy", "serve", "ray", "customer actors", "hot actors"),
}
KILLS_S, KILLS_S_QUICK = 24.0, 3.0
KILLS: Final = 4  # of each of the two
KILLED_AGAIN_S: Final = 30.0


def run_peers(options: Options) -> Outcome:
    """Rates by turns, then the kills. The exit code is Holdfast's own."""
    skipped = {kind.name: why for kind in KINDS if (why := kind.absent())}
    kinds = [kind for kind in KINDS if kind.name not in skipped]
    with ExitStack() as started:
        peers = {kind.name: started.enter_context(_peer(kind, options)) for kind in kinds}
        services = {"echo": started.enter_context(echo(options.scratch))}
        services |= {name: peer.service for name, peer in peers.items()}
        services[OURS] = started.enter_context(holdfast(options.scratch / "ours", STORES, options.store_actors))
        receive(services[OURS].target, STORES, [sku(each) for each in range(SKUS)])
        bar = _bar(peers, skipped, options)
        generator = started.enter_context(generating(options))
        rows = _rates(services, bar, generator, options)
        verdicts = _verdicts(services, bar, generator)
    found = _killed(kinds, options)
    sentences = {name: each.sentence() for name, each in verdicts.items()}
    parameters = {**generator.parameters(len(STORES), SKUS), **_about(kinds, skipped, sentences, options)}
    rows += _killed_rows(found)
    headlines = compared({row.name: row.figures for row in rows}, services)
    ours = replace(verdicts[OURS], discrepancies=[*_wrong(found[OURS]), *verdicts[OURS].discrepancies])
    return Outcome(parameters, rows, headlines, ours, page)


def run_kills(options: Options) -> Outcome:
    """The kills alone."""
    skipped = {kind.name: why for kind in KINDS if (why := kind.absent())}
    kinds = [kind for kind in KINDS if kind.name not in skipped]
    found = _killed(kinds, options)
    ours = found[OURS]
    told = Counts(ours.accepted, ours.unanswered)
    conservation = Conservation(told, ours.accepted + ours.untold - ours.lost, _wrong(ours))
    parameters = {**_about(kinds, skipped, {}, options), "store_actors": options.store_actors}
    return Outcome(parameters, _killed_rows(found), [], conservation, page)


def _about(kinds: list[Kind], skipped: dict[str, str], said: dict[str, str], options: Options) -> dict[str, Any]:
    """What the page tells of each."""
    for name, why in skipped.items():
        options.say(f"without {name}: {why}")
    return {
        "skipped": skipped,
        "versions": {kind.name: kind.version() for kind in kinds},
        "conservation": said,
    }


def _killed_rows(found: Mapping[str, Findings]) -> list[Row]:
    return [Row(f"killed: {name}", each.figures()) for name, each in found.items()]


@contextmanager
def _peer(kind: Kind, options: Options) -> Iterator[Peer]:
    options.say(f"peers: starting {kind.name}")
    with running_peer(kind, options.scratch) as peer:
        receive(peer.service.target, STORES, [sku(each) for each in range(SKUS)])
        yield peer


def _bar(peers: Mapping[str, Peer], skipped: dict[str, str], options: Options) -> Bar | None:
    """Over the newest server of its kind."""
    whose = next((peers[name] for name in ("valkey", "redis") if name in peers), None)
    why = c_client.absent() or ("" if whose else "neither Valkey nor Redis")
    if why or whose is None:
        skipped[BAR] = why
        return None
    options.say("peers: filling the bar's shop")
    return Bar(whose)


# --- rates -----------------------------------------------------------------------------------------------------------


def _rates(services: Mapping[str, Service], bar: Bar | None, generator: Generator, options: Options) -> list[Row]:
    rows: list[Row] = []
    for name, (method, stores, in_flight, batch, is_hot) in LOADS.items():
        seconds = options.seconds / 2 if batch else options.seconds  # as in `bench grpc`
        load = Load("frames", "", method, STORES[:stores], in_flight, seconds, SKUS, batch=batch)
        load = replace(load, sku=sku(0)) if is_hot else load
        rows += _by_turns(name, load, services, bar, generator, options)
    load = Load("grpc", "", RESERVE, STORES, 128, options.seconds, SKUS)
    return rows + _by_turns(OF_CLIENT, load, services, None, generator, options)


def _by_turns(
    name: str, load: Load, services: Mapping[str, Service], bar: Bar | None, generator: Generator, options: Options
) -> list[Row]:
    """Each with the same requests in each round. The last row is ours."""
    rounds: dict[str, list[dict[str, float]]] = {}
    for _ in range(options.rounds):
        seed = generator.fresh_seed()
        if bar is not None:
            at_once = load.in_flight * max(1, load.batch)
            calls = options.size(min(c_client.CALLS, c_client.CALLS_EACH * at_once), 8 * at_once)
            rounds.setdefault(BAR, []).append(bar.measure(load.in_flight, max(1, load.batch), calls))
        for whose, service in services.items():
            fresh = replace(load, target=service.target, seed=seed)
            if whose == "echo":
                fresh = replace(fresh, method=ECHO)
            elif whose == OURS and name == OF_CLIENT:
                fresh = replace(fresh, kind="client", method="")
            rounds.setdefault(whose, []).append(_parted(generator.measure(fresh, service)))
    options.say(f"peers: {name}")
    rows = {whose: Row(f"{whose}: {name}", medians(found)) for whose, found in rounds.items()}
    for row in rows.values():
        row.figures["ours_to_it"] = ratio(rows[OURS].figures["per_s"], row.figures["per_s"])
    return list(rows.values())


def _parted(figures: Mapping[str, float]) -> dict[str, float]:
    """The figures of a round, with CPU by what a process is for."""
    named = ("per_s", "p50_ms", "p99_ms", "cpu_us", "generator_us")
    parts = {part: sum(figures[f"{role.replace(' ', '_')}_us"] for role in roles) for part, roles in PARTS.items()}
    return {name: figures[name] for name in named} | parts


def compared(figures: Mapping[str, Mapping[str, float]], services: Mapping[str, Any]) -> list[Headline]:
    """Our rate to that of each, with rate, median and CPU of both."""
    found = []
    for name in (*LOADS, OF_CLIENT):
        ours = figures[f"{OURS}: {name}"]
        for whose in services:
            peer = figures[f"{whose}: {name}"]
            if whose in ("echo", OURS):
                continue
            target = TO_POSTGRES.get(name) if whose.startswith("postgres") else None
            each = ("per_s", "p50_ms", "cpu_us")
            detail = "; ".join(f"{of} {number(ours[of])} to {number(peer[of])}" for of in each)
            reached = ratio(ours["per_s"], peer["per_s"])
            found.append(Headline(f"{name}, to {whose}", reached, "times", target, detail=detail))
    return found


def _verdicts(services: Mapping[str, Service], bar: Bar | None, generator: Generator) -> dict[str, Conservation]:
    """Each shop of each service added up, and what callers were told counted against it."""
    found = {
        name: verdict(service.target, STORES, generator.told[service.mark])
        for name, service in services.items()
        if name != "echo"
    }
    if bar is not None:
        found[BAR] = verdict(bar.peer.service.target, [c_client.STORE], [bar.told])
    return found


# --- kills -----------------------------------------------------------------------------------------------------------


def _killed(kinds: list[Kind], options: Options) -> dict[str, Findings]:
    """Each by itself, ours last."""
    found: dict[str, Findings] = {}
    for kind in kinds:
        with running_peer(kind, options.scratch / "killed") as peer:
            found[kind.name] = _campaign(kind.name, peer.service.target, peer.kill_service, peer.kill_database, options)
    with holdfast(options.scratch / "killed", STORES_KILLED, options.store_actors) as service:
        kill_service, kill_database = (partial(_kill, service, role) for role in ("gateway", "store actors"))
        found[OURS] = _campaign(OURS, service.target, kill_service, kill_database, options)
    return found


def _campaign(name: str, target: str, service: Strike, database: Strike, options: Options) -> Findings:
    options.say(f"killing {name}")
    receive(target, STORES_KILLED, [sku(each) for each in range(SKUS_KILLED)], UNITS_KILLED)
    strikes = [service, database] * options.size(KILLS, 1)
    findings = asyncio.run(campaign(target, strikes, options.size(int(KILLS_S), int(KILLS_S_QUICK)), seed=KILLS))
    for each in _wrong(findings):
        options.say(f"{name}: {each}")
    return findings


def _kill(service: Service, role: str) -> None:
    """One process of that role, once there is one; Ray starts it again."""
    late_at = perf_counter() + KILLED_AGAIN_S
    while perf_counter() < late_at:
        for pid in processes.pids(service.mark, role):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            return
        sleep(processes.POLL_S)
    raise processes.ServiceFailed(f"no {role} came back within {KILLED_AGAIN_S:g} s")


def _wrong(findings: Findings) -> list[str]:
    counts = [f"{name.replace('_', ' ')}: {count}" for name in findings.WRONG if (count := getattr(findings, name))]
    return [*counts, *findings.violations]

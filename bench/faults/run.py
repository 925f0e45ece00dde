"""A run: callers call, faults strike one after the other, and in the end everything comes to rest."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random
from typing import Final, NamedTuple

from bench.demo.calls import Call, Kind
from bench.faults import callers
from bench.faults.callers import Crowd
from bench.faults.flood import Flood
from bench.faults.histories import WallOffset
from bench.faults.host import Host
from bench.faults.recorder import Recorder
from bench.faults.strikes import ALL, HANGS_S, Strike, Striker, is_any, is_order
from holdfast.client import ChannelClient, HoldfastError, Timeouts, Unavailable, Verification

CLIENTS: Final = 3
SERVE_S: Final = 10.0  # that Serve may take to start what it has lost
PAUSE_S: Final = (0.3, 1.5)
CATCH_UP_S: Final = 30.0
SETTLE_AFTER_S: Final = 60.0
COMPARED_EVERY_S: Final = 0.5
PATIENT: Final = Timeouts(call_ms=callers.PATIENT_MS)

FAULTS: Final = ("F1", "F2", "F4", "F5", "F10", "F13", "F14", "F15")
KILLS: Final = {"shop": 8, "gateways": 4, "customers": 3, "haproxy": 3, "hot": 2, "chain": 2, "parent": 1, "all": 1}
KILLS_AN_AUDIT: Final = 10  # an audit reads all that was ever written
FLOOD_CLIENTS: Final = 2
FLOOD_END_S: Final = 120.0
Blow = Callable[[], Awaitable[Strike]]


class Plan(NamedTuple):
    """How long to strike, and with which faults; or, where `kills` says so, with how many kill -9 beside a flood, and
    on until there were so many `operations`.
    """

    seconds: float
    only: Sequence[str] = ()
    kills: int = 0
    operations: int = 0


@dataclass(slots=True)
class Evidence:
    """What is known when all callers have stopped. `told_by_feed` is the last version that a watcher, who was there all
    the time, had of each shop, `to_be_told` what he must have; `gaps` are sentences about what he was not told.
    `compared` counts orders and parts that audits compared while callers called.
    """

    seed: int
    recorder: Recorder = field(default_factory=Recorder)
    strikes: list[Strike] = field(default_factory=list)
    audits: list[Verification] = field(default_factory=list)
    told_by_feed: dict[str, int] = field(default_factory=dict)
    to_be_told: dict[str, int] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)
    flood: Flood | None = None
    compared: int = 0
    disagreeing: list[str] = field(default_factory=list)
    doubled: int = 0
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0
    wall: WallOffset = field(default_factory=WallOffset.now)

    @property
    def kills(self) -> int:
        return sum(each.killed > 0 for each in self.strikes)

    @property
    def operations(self) -> int:
        """Calls of all callers, and reservations of the flood."""
        return self.recorder.outcomes.total() + (self.flood.asked if self.flood else 0)


def kills(striker: Striker, draw: Random) -> dict[str, tuple[str, Blow]]:
    """Each fault that is a kill -9, by what it kills, with its number in the list of faults."""
    titled = striker.kill_titled

    async def gateways() -> Strike:
        what, title = "kill -9 of every gateway", "ray::ServeReplica"
        return await titled("F2", what, title, is_any, allowed_s=SERVE_S, store_ids=ALL)

    async def customers() -> Strike:
        what, title = "kill -9 of the customers' actor", "ray::RayCustomerActor"
        return await titled("F1", what, title, is_order, store_ids=ALL)

    async def controller() -> Strike:
        return await titled("F2", "kill -9 of Serve's controller", "ray::ServeController", is_any, allowed_s=SERVE_S)

    return {
        "shop": ("F1", lambda: striker.kill_shops(draw.choice(callers.SHOPS))),
        "customers": ("F1", customers),
        "hot": ("F1", striker.kill_hot),
        "chain": ("F1", lambda: titled("F1", "kill -9 of the chain's actor", "ray::RayChainActor", is_any)),
        "gateways": ("F2", gateways),
        "haproxy": ("F2", lambda: titled("F2", "kill -9 of HAProxy", "bin/haproxy", is_any, allowed_s=SERVE_S)),
        "controller": ("F2", controller),
        "all": ("F4", striker.kill_all),
        "parent": ("F4", striker.kill_parent),
    }


def blows(striker: Striker, draw: Random, plan: Plan) -> list[tuple[str, Blow]]:
    """What strikes in a round: each fault once; where kills are counted, each kill as often as in `KILLS`."""
    shop, numbers = partial(draw.choice, callers.SHOPS), count()
    kill = kills(striker, draw)
    if plan.kills:
        return [kill[name] for name, times in KILLS.items() for _ in range(times)]
    every: list[tuple[str, Blow]] = [
        kill["shop"],
        ("F5", lambda: striker.hang(shop(), HANGS_S[0])),
        ("F10", striker.lose_answers),
        kill["gateways"],
        ("F13", lambda: striker.second_writer(shop())),
        ("F15", striker.promote),
        kill["customers"],
        ("F5", lambda: striker.hang(shop(), HANGS_S[1])),
        ("F10", striker.cut),
        ("F14", lambda: striker.burst(shop(), next(numbers))),
        kill["haproxy"],
        kill["hot"],
        kill["all"],
        ("F10", striker.delay),
        kill["chain"],
        kill["controller"],
        ("F15", striker.upgrade),
        kill["parent"],
        ("F5", lambda: striker.hang(shop(), HANGS_S[2])),
    ]
    return [(fault, blow) for fault, blow in every if not plan.only or fault in plan.only]


@asynccontextmanager
async def patient_clients(host: Host, count: int) -> AsyncIterator[list[ChannelClient]]:
    """Clients that go through the proxy and do not give up while a fault heals."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(ChannelClient(host.proxy.address, timeouts=PATIENT)) for _ in range(count)
        ]


async def strike_for(
    host: Host, evidence: Evidence, plan: Plan, over: asyncio.Event, say: Callable[[str], None]
) -> None:
    """Call and strike as planned, or until `over` is set; then stop, and ask again for what is open."""
    began, evidence.recorder.began_ns = time.monotonic(), time.monotonic_ns()
    async with patient_clients(host, CLIENTS) as clients, _flooding(host, evidence, plan):
        crowd = Crowd(evidence.recorder, clients, evidence.seed)
        await crowd.open_shops()
        calling = asyncio.ensure_future(crowd.run())
        watching = asyncio.ensure_future(_watch(clients[0], evidence))
        settling = asyncio.ensure_future(_settle(clients[0], evidence))
        comparing = asyncio.ensure_future(_compare_clocks(evidence.wall))
        striker = Striker(host, crowd, clients[0], evidence.seed, evidence.strikes)
        try:
            await _strike(striker, evidence, plan, over, say)
            crowd.over.set()
            await calling
            settling.cancel()
            evidence.seconds = time.monotonic() - began
            say("Asking again for what nobody knows the outcome of ...")
            still_open = await evidence.recorder.settle(clients[0])
            if still_open:
                say(f"  {still_open} calls have no answer even now")
            with suppress(TimeoutError, HoldfastError):
                await asyncio.wait_for(_catch_up(clients[0], evidence), CATCH_UP_S)
        finally:
            evidence.doubled = crowd.doubled
            for name, task in (("watcher", watching), ("settler", settling)):
                if task.done() and not task.cancelled():
                    evidence.gaps.append(f"the {name} ended: {task.exception()}")
            for task in (calling, watching, settling, comparing):
                task.cancel()
            await asyncio.gather(calling, watching, settling, comparing, return_exceptions=True)


async def _compare_clocks(wall: WallOffset) -> None:
    while True:
        await asyncio.sleep(COMPARED_EVERY_S)
        # The most of three: whoever is held between the two readings has too little.
        wall.see(max(time.time_ns() - time.monotonic_ns() for _ in range(3)))


async def _settle(client: ChannelClient, evidence: Evidence) -> None:
    """Ask again for what is open while that is still remembered, however long the run is."""
    while True:
        await asyncio.sleep(SETTLE_AFTER_S)
        await evidence.recorder.settle(client, SETTLE_AFTER_S)


@asynccontextmanager
async def _flooding(host: Host, evidence: Evidence, plan: Plan) -> AsyncIterator[None]:
    """A flood as long as kills are counted; at the end each of its calls is answered, or is a fault."""
    if not plan.kills:
        yield
        return
    async with patient_clients(host, FLOOD_CLIENTS) as clients:
        flood = evidence.flood = Flood(clients, evidence.seed)
        running = asyncio.ensure_future(flood.run())
        try:
            yield
            flood.over.set()
            await asyncio.wait_for(running, FLOOD_END_S)
        except TimeoutError:
            flood.wrong.append(f"flood: calls that have no answer {FLOOD_END_S:g} s after the last fault")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def _strike(
    striker: Striker, evidence: Evidence, plan: Plan, over: asyncio.Event, say: Callable[[str], None]
) -> None:
    draw = Random(f"faults:{evidence.seed}")
    deadline, every = time.monotonic() + plan.seconds, blows(striker, draw, plan)
    # The first round as they stand, so that a short run has one of most kinds.
    coming = draw.sample(every, len(every)) if plan.kills else list(every)
    while _goes_on(plan, evidence, deadline):
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), draw.uniform(*PAUSE_S))
            return
        coming = coming or draw.sample(every, len(every))
        fault, blow = coming.pop(0)
        try:
            strike = await blow()
        except (HoldfastError, OSError, TimeoutError) as error:
            evidence.failed.append(f"{fault}: {type(error).__name__}: {error}")
            say(f"  {evidence.failed[-1]}")
            continue
        say(f"  {strike.fault:<4}{strike.what}: {told_back(strike)}")
        if not plan.kills or evidence.kills % KILLS_AN_AUDIT == 0:
            await _audit(striker.client, evidence, draw.choice(callers.SHOPS))


def _goes_on(plan: Plan, evidence: Evidence, deadline: float) -> bool:
    if not plan.kills:
        return time.monotonic() < deadline
    return evidence.kills < plan.kills or evidence.operations < plan.operations


async def _audit(client: ChannelClient, evidence: Evidence, store_id: str) -> None:
    """A shop's ledger, and orders against shops, while everybody goes on."""
    try:
        evidence.audits.append(await client.verify_ledger(store_id))
        found = await client.verify_orders()
    except HoldfastError as error:
        evidence.failed.append(f"audit: {error}")
        return
    evidence.compared += found.orders + found.parts
    evidence.disagreeing += [f"{each.subject}: {each.expected}, not {each.found}" for each in found.discrepancies]


def told_back(strike: Strike) -> str:
    """When it was back, and what was seen of it."""
    back = "nothing was accepted afterwards" if strike.back_s is None else f"accepted again after {strike.back_s:.2f} s"
    return "; ".join(filter(None, (back, strike.note, strike.wrong)))


async def _watch(client: ChannelClient, evidence: Evidence) -> None:
    """Read every shop's feed as it comes, through all faults."""
    versions = evidence.told_by_feed
    async with client.watch_events(callers.SHOPS) as feed:
        while True:
            with suppress(Unavailable):  # whoever iterates again goes on where he was
                async for event in feed:
                    before = versions.get(event.store_id, 0)
                    if event.version != before + 1:
                        evidence.gaps.append(f"shop {event.store_id}: told of version {event.version} after {before}")
                    versions[event.store_id] = event.version


async def _catch_up(client: ChannelClient, evidence: Evidence) -> None:
    """Wait until the watcher has what there is now."""
    for store_id in callers.SHOPS:
        evidence.to_be_told[store_id] = (await client.ledger_status(store_id)).version
    while True:
        if all(evidence.told_by_feed.get(each, 0) >= version for each, version in evidence.to_be_told.items()):
            return
        await asyncio.sleep(0.05)


def calls_of(evidence: Evidence, kinds: Sequence[Kind]) -> list[Call]:
    """The calls of these kinds that are open even now."""
    return [entry.call for entry in evidence.recorder.open() if entry.call.kind in kinds]

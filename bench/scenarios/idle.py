"""What do 200 tills and 200 tablets cost while nothing happens, and how soon does a tablet show what there is?

One service with a shop for each till and tablet: tills hear of pickups, each over a connection of its own, and tablets
have a page open, as a browser has it. CPU by kind of process, without anybody, with the tills, and with both. Then,
beside all of them, the board of a shop with 500 tasks: how long it takes to open, and how long after an order was
confirmed an open page is told, and shows it. In the end something happens in every shop, of which each till and each
tablet has to hear: none was away.
"""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlsplit

from bench.load.loops import gathered
from bench.record import Conservation, Counts, Headline, Options, Outcome, Row, latencies_ms, percentile
from bench.samples import CHANNEL, sku
from bench.service import Service, cpu_s, holdfast, receive, verdict
from holdfast.client import ChannelClient, Reservation, TillClient, make_token

MANY, MANY_QUICK = 200, 4  # tills, and tablets
TASKS, TASKS_QUICK = 500, 20
OPENED, OPENED_QUICK = 30, 3
IDLE_S, IDLE_QUICK_S = 10.0, 0.5
SETTLE_S: Final = 3.0  # connections are made, and first lists read
CALLS_AT_ONCE: Final = 16
HEARD_S_MAX: Final = 30.0
POLICY: Final = "policy:\n  picks: true\n"
COOKIE: Final = "holdfast-device"
CHANGED: Final = b"event: changed"
A_TASK: Final = b'<li class="card"'
OPENING: Final = "opening a board"
TELLING: Final = "telling a page"
SHOWING: Final = "showing a change"
CORES_MAX: Final = 0.5
OPEN_MS_MAX: Final = 300.0
UPDATE_MS_MAX: Final = 1_000.0


class NotServed(Exception):
    """An order for what is there was refused."""


def run_idle(options: Options) -> Outcome:
    """One service; its ledgers are verified in the end."""
    many = options.size(MANY, MANY_QUICK)
    store_ids = tuple(f"S{place:03d}" for place in range(many))
    options.say(f"idle: starting a service with {many} shops")
    more = ("--pages-port", "0", "--gateways", "1")
    with holdfast(options.scratch / "idle", store_ids, options.store_actors, POLICY, *more) as service:
        receive(service.target, store_ids, [sku(0)])
        rows, headlines, accepted = asyncio.run(_measure(service, store_ids, options))
        conservation: Conservation = verdict(service.target, store_ids, [Counts(accepted)])
    parameters = {"tills": many, "tablets": many, "store_actors": options.store_actors}
    return Outcome(parameters, rows, headlines, conservation)


async def _measure(
    service: Service, store_ids: Sequence[str], options: Options
) -> tuple[list[Row], list[Headline], int]:
    """Rows, headlines, and how many orders were placed."""
    idle_s = IDLE_QUICK_S if options.quick else IDLE_S
    tasks, opened = options.size(TASKS, TASKS_QUICK), options.size(OPENED, OPENED_QUICK)
    async with ChannelClient(service.target) as client, AsyncExitStack() as stack:
        await _order(client, store_ids[0], range(tasks))
        await asyncio.sleep(SETTLE_S)
        nobody = await _cores(service, idle_s)
        options.say("idle: nobody is there")
        hearings = [await stack.enter_async_context(_till(service, each, options)) for each in store_ids]
        await asyncio.sleep(SETTLE_S)
        tills = await _cores(service, idle_s)
        options.say("idle: the tills hear of nothing")
        tablets = [await _tablet(client, service, store_id) for store_id in store_ids]
        pages = [await stack.enter_async_context(tablet.live()) for tablet in tablets]
        await asyncio.sleep(SETTLE_S)
        both = await _cores(service, idle_s)
        options.say("idle: nor do the tablets")
        took = await _change(client, store_ids[0], tablets[0], pages[0], range(tasks, tasks + opened))
        heard = await _wake(client, store_ids, [*hearings, *pages])
    names = "nobody", f"{len(store_ids)} tills", f"{len(store_ids)} tills and {len(store_ids)} tablets"
    rows = [Row(f"{name}, cores", cores) for name, cores in zip(names, (nobody, tills, both), strict=True)]
    rows += [Row(f"{what}, {tasks} tasks", {"times": opened, **latencies_ms(took[what])}) for what in took]
    opening, shown = (1_000 * percentile(took[what], 0.99) for what in (OPENING, SHOWING))
    headlines = [
        Headline(f"{names[-1]}, beyond the service alone", _sum(both) - _sum(nobody), "cores", CORES_MAX, at_most=True),
        Headline("of these heard of what happened then", heard, "of all", 2.0 * len(store_ids)),
        Headline(f"{OPENING} of {tasks} tasks, p99", opening, "ms", OPEN_MS_MAX, at_most=True),
        Headline(f"{SHOWING} there, p99", shown, "ms", UPDATE_MS_MAX, at_most=True),
    ]
    return rows, headlines, tasks + opened + len(store_ids)


def _sum(cores: Mapping[str, float]) -> float:
    return sum(cores.values())


async def _change(
    client: ChannelClient, store_id: str, tablet: "Tablet", heard: asyncio.Event, numbers: range
) -> dict[str, list[float]]:
    """Open the board so often, and then confirm these orders, one after the other, each of which it shows; seconds."""
    took: dict[str, list[float]] = {
        OPENING: [await tablet.open(numbers.start) for _ in numbers],
        TELLING: [],
        SHOWING: [],
    }
    for number in numbers:
        heard.clear()
        await _order(client, store_id, [number])
        began = perf_counter()
        async with asyncio.timeout(HEARD_S_MAX):
            await heard.wait()
        took[TELLING].append(perf_counter() - began)
        await tablet.open(number + 1)
        took[SHOWING].append(perf_counter() - began)
    return took


async def _wake(client: ChannelClient, store_ids: Sequence[str], hearing: Sequence[asyncio.Event]) -> int:
    """Have an order become ready in every shop: how many hear of it."""
    for heard in hearing:
        heard.clear()
    for store_id in store_ids:
        (reservation_id,) = await _order(client, store_id, [0])
        await client.mark_ready(reservation_id)
    with suppress(TimeoutError):
        async with asyncio.timeout(HEARD_S_MAX):
            await asyncio.gather(*(heard.wait() for heard in hearing))
    return sum(heard.is_set() for heard in hearing)


async def _cores(service: Service, seconds: float) -> dict[str, float]:
    """Cores that each kind of process takes, as they do now."""
    before, began = await asyncio.to_thread(cpu_s, service.mark), perf_counter()
    await asyncio.sleep(seconds)
    after, took = await asyncio.to_thread(cpu_s, service.mark), perf_counter() - began
    return {role: (after[role] - before[role]) / took for role in after if after[role]}


async def _order(client: ChannelClient, store_id: str, numbers: Sequence[int]) -> list[str]:
    """So many orders to pick, each of a customer of its own; the ids."""

    async def one(number: int) -> str:
        held = await client.reserve(store_id, [(sku(0), 1)], customer_id=f"c-{number}", channel=CHANNEL)
        if not isinstance(held, Reservation):
            raise NotServed(f"an order was refused: {held}")
        await client.confirm(held.reservation_id)
        return held.reservation_id

    return list((await gathered(numbers, one, at_once=CALLS_AT_ONCE)).values())


@asynccontextmanager
async def _reading(read: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> AsyncIterator[asyncio.Event]:
    """An event that is set by whatever is read, until the block ends."""
    heard = asyncio.Event()
    task = asyncio.create_task(read(heard))
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Tablet:
    """One of a shop, that is let in by its token."""

    def __init__(self, pages: str, token: str) -> None:
        where = urlsplit(pages)
        self._address = where.hostname, where.port
        self._head = f"Host: {where.netloc}\r\nCookie: {COOKIE}={token}\r\nAccept: text/html\r\n"

    async def open(self, tasks: int) -> float:
        """Open the board, as a browser does that has its styles and scripts already; the seconds until it is there.
        Raises ValueError where it has not that many tasks.
        """
        began = perf_counter()
        reader, writer = await asyncio.open_connection(*self._address)
        writer.write(f"GET / HTTP/1.1\r\n{self._head}Accept-Encoding: gzip\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        took = perf_counter() - began
        writer.close()
        shown = gzip.decompress(body).count(A_TASK) if b"gzip" in head else 0
        if shown < tasks:
            raise ValueError(f"{shown} of {tasks} tasks are shown: {head.decode()}")
        return took

    @asynccontextmanager
    async def live(self) -> AsyncIterator[asyncio.Event]:
        """A page that is open until the block ends; the event is set once it is told that something has changed."""
        reader, writer = await asyncio.open_connection(*self._address)
        writer.write(f"GET /live HTTP/1.1\r\n{self._head}\r\n".encode())

        async def read(heard: asyncio.Event) -> None:
            while line := await reader.readline():
                if line.startswith(CHANGED):
                    heard.set()

        try:
            async with _reading(read) as heard:
                yield heard
        finally:
            writer.close()


@asynccontextmanager
async def _till(service: Service, store_id: str, options: Options) -> AsyncIterator[asyncio.Event]:
    """A shop's till, which hears of pickups until the block ends; the event is set by each."""
    file = options.scratch / f"{store_id}.till"
    async with TillClient(service.target, store_id=store_id, till="till", journal_path=file) as till:

        async def read(heard: asyncio.Event) -> None:
            async with till.watch_pickups() as changes:
                async for _ in changes:
                    heard.set()

        async with _reading(read) as heard:
            yield heard


async def _tablet(client: ChannelClient, service: Service, store_id: str) -> Tablet:
    token = make_token()
    await client.add_device(store_id, "tablet", token)
    return Tablet(service.pages, token)

"""The first act: stock, baskets with many callers at once, contests among them, and the kill of a shop's actor; and
what both acts need for it.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter, time
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import service as processes
from bench.demo.calls import Answers, Call, Kind, reserve_call
from bench.demo.feed import Contest, Outage
from bench.demo.plan import Step, customer_of, journey
from bench.load.loops import ItemT, ResultT, Tick, gathered
from bench.service import Service
from bench.workload import Opening, Order, Workload, opening_stock
from holdfast.client import Adjustment, AdjustmentKind, ChannelClient, HoldfastError, LedgerStatus, Reservation

ROWS_MAX: Final = 4_096
CALLERS: Final = 256
CALLS_AT_ONCE: Final = 16
REPEATED_LATER: Final = 256
KILL_AT: Final = 0.5
# When, as a part of the baskets. The second contest takes place while its shop's actor is killed and comes back.
CONTESTS_AT: Final = (0.2, KILL_AT, 0.8)
CONTEST_SPREAD_S: Final = 1.0
RECOVERY_S_MAX: Final = 60.0
PROBE_EVERY_S: Final = 0.05
PROBE_MS_MAX: Final = 10_000

Job = Callable[[], Awaitable[None]]


class Phases:
    """The phases of one demo, told to a console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, line: str) -> None:
        self._console.print(line, highlight=False)

    @contextmanager
    def phase(self, title: str, total: int | None = None) -> Iterator[Tick]:
        """A phase; the function moves its bar by so much. `total` None: nobody knows how long it takes."""
        if not self._console.is_terminal:
            self.say(f"{title} ...")  # the bar is written only once it is full
        columns = (TextColumn("{task.description:<34}"), BarColumn(bar_width=36), MofNCompleteColumn())
        spinner, elapsed = SpinnerColumn(finished_text="[green]✓"), TimeElapsedColumn()
        with Progress(spinner, *columns, elapsed, console=self._console) as bars:
            task = bars.add_task(title, total=total)
            yield partial(bars.advance, task)
            done = max(bars.tasks[0].completed, 1)
            bars.update(task, total=done, completed=done)

    async def each(
        self, title: str, items: Sequence[ItemT], ask: Callable[[ItemT], Awaitable[ResultT]], at_once: int
    ) -> dict[ItemT, ResultT]:
        """A phase that asks for each item, so many at once; the answers."""
        with self.phase(title, len(items)) as tick:
            return await gathered(items, ask, at_once=at_once, tick=tick)


class NotRecovered(Exception):
    """Nobody answered in the place of the process that was killed."""


class Killed(NamedTuple):
    """One process killed and back: `ms` from the kill to the first answer that needs its successor. `role` is what it
    was, the actor's name where it was that of `store_ids`; none are named where every shop depends on it.
    """

    role: str
    ms: float
    outage: Outage
    store_id: str = ""
    store_ids: tuple[str, ...] = ()
    replayed_events: int = 0


@dataclass(slots=True)
class Act:
    """What the callers of one act know at the end, and what was done to the service meanwhile. `calls` were answered in
    the `seconds` that its orders took.
    """

    answers: Answers
    contests: list[Contest] = field(default_factory=list)
    kills: list[Killed] = field(default_factory=list)
    seconds: float = 0.0
    calls: int = 0


def outages_of(store_ids: Iterable[str], kills: Iterable[Killed]) -> dict[str, list[Outage]]:
    """By shop, when its actor was dead, or what tells it that its part of an order is over."""
    return {
        store_id: [killed.outage for killed in kills if store_id in (killed.store_ids or (store_id,))]
        for store_id in store_ids
    }


async def replay(
    client: ChannelClient, service: Service, workload: Workload, more: Iterable[Opening], told: Act, phases: Phases
) -> None:
    """Stock, `more` of it for the second act; every basket through its life, the contests and the kill."""
    answers, orders = told.answers, workload.orders
    openings = [*opening_stock(orders, workload.seed), *more]
    baskets_of_store = Counter(order.store_id for order in orders)
    busiest = [store_id for store_id, _ in baskets_of_store.most_common(2)]
    contests = (
        Contest(busiest[0], "contest-1", callers=64, units=7),
        Contest(busiest[0], "contest-2", callers=200, units=25),  # meant for the moment of its actor's death
        Contest(busiest[-1], "contest-3", callers=16, units=40),
    )
    openings += [Opening(contest.store_id, str(contest.wanted), contest.units, 0) for contest in contests]
    with phases.phase("Opening the shops' stock", len(openings)) as tick:
        await _open_stock(answers, openings, tick)

    async def carry(order: Order) -> None:
        await _carry(answers, journey(order, workload.seed, customer_of(order, baskets_of_store)))

    async def kill_and_ask_again(contest: Contest) -> None:
        said = tuple(answers.log)
        statuses = await statuses_of(client, (shop.store_id for shop in workload.shops))
        killing = asyncio.create_task(kill_actor_of(client, contest.store_id, statuses, service.mark))
        await _compete(told, contest, spread_s=CONTEST_SPREAD_S)
        recovery = await killing
        told.kills.append(recovery)
        phases.say(
            f"  killed {recovery.role} ({len(recovery.store_ids)} shops): shop {recovery.store_id} answered again "
            f"after {recovery.ms / 1000:.2f} s, {recovery.replayed_events:,} events replayed"
        )
        of_its_shops = [each for each in said if each.call.store_id in recovery.store_ids]
        await answers.ask_some_again(of_its_shops, REPEATED_LATER, f"repeats:{workload.seed}")

    jobs: dict[float, Job] = {}
    for contest, part in zip(contests, CONTESTS_AT, strict=True):
        compete = kill_and_ask_again if part == KILL_AT else partial(_compete, told)
        jobs[part] = partial(compete, contest)
    calls_before, began = answers.calls, perf_counter()
    with phases.phase("Replaying the orders", len(orders)) as tick:
        await in_sequence(orders, carry, callers=CALLERS, jobs=jobs, tick=tick)
    told.seconds = perf_counter() - began
    told.calls = answers.calls - calls_before


async def _open_stock(answers: Answers, openings: Iterable[Opening], tick: Tick) -> None:
    """Book every opening position in: what was received, and what was sold over the counter before."""
    rows: defaultdict[str, list[Adjustment]] = defaultdict(list)
    for opening in openings:
        mine = rows[opening.store_id]
        mine.append(Adjustment(opening.sku, opening.received, len(mine) + 1, AdjustmentKind.RECEIPT))
        if opening.sold:
            mine.append(Adjustment(opening.sku, -opening.sold, len(mine) + 1, AdjustmentKind.SALE))

    async def one_shop(store_id: str) -> None:
        # Calls of one source go one after the other: a later number that came first would be refused.
        mine = rows[store_id]
        for start in range(0, len(mine), ROWS_MAX):
            asked = {"store_id": store_id, "source": "opening", "adjustments": tuple(mine[start : start + ROWS_MAX])}
            await answers.ask(Call(Kind.ADJUST_STOCK, f"opening-{store_id}-{start}", asked))
        tick(len({row.sku for row in mine}))

    await gathered(rows, one_shop, at_once=CALLS_AT_ONCE)


async def in_sequence(
    items: Sequence[ItemT],
    carry: Callable[[ItemT], Awaitable[None]],
    *,
    callers: int,
    jobs: Mapping[float, Job],
    tick: Tick,
) -> None:
    """Items begin in their sequence, each by the next caller that is free.

    `jobs` start when so large a part of the items has begun, and run beside them.
    """
    coming = iter(enumerate(items))
    started: list[asyncio.Future[None]] = []

    async def caller() -> None:
        # One iterator among all callers is what keeps the sequence.
        for number, item in coming:
            due = [job for part, job in jobs.items() if int(len(items) * part) == number]
            started.extend(asyncio.ensure_future(job()) for job in due)
            await carry(item)
            tick(1)

    await asyncio.gather(*(caller() for _ in range(callers)))
    await asyncio.gather(*started)


async def _carry(answers: Answers, steps: Iterable[Step]) -> None:
    """The calls of one basket, one after the other; it ends where the business refuses.

    A refused replacement leaves the hold that it was to replace, and the basket goes on with that one.
    """
    reservation_id = ""
    for call, repeat in steps:
        reserves = call.kind is Kind.RESERVE
        if not reserves and not reservation_id:
            return
        outcome = await answers.ask(call if reserves else call.asking(reservation_id=reservation_id), repeat)
        if isinstance(outcome, Reservation):
            reservation_id = outcome.reservation_id
        elif not reserves:
            return


async def _compete(told: Act, contest: Contest, *, spread_s: float = 0.0) -> None:
    """All callers of a contest, each a customer of its own; at once, or spread evenly over some time."""

    async def one(number: int) -> bool:
        await asyncio.sleep(spread_s * number / contest.callers)
        call = reserve_call(f"{contest.wanted}-{number}", contest.store_id, str(contest.wanted))
        return isinstance(await told.answers.ask(call), Reservation)

    accepted = sum(await asyncio.gather(*(one(number) for number in range(contest.callers))))
    told.contests.append(contest._replace(accepted=accepted))


async def statuses_of(client: ChannelClient, store_ids: Iterable[str]) -> dict[str, LedgerStatus]:
    """Where the ledger of each shop stands."""
    return await gathered(store_ids, client.ledger_status, at_once=CALLS_AT_ONCE)


def by_actor(statuses: Mapping[str, LedgerStatus]) -> list[list[str]]:
    """The shops of each actor."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for store_id, status in sorted(statuses.items()):
        found[status.actor].append(store_id)
    return list(found.values())


async def kill_actor_of(client: ChannelClient, store_id: str, before: Mapping[str, LedgerStatus], mark: str) -> Killed:
    """Kill -9 the process that writes the shop, and wait for its successor. `before` names the actor of every shop. The
    outage lasts until all of these have answered: each is read from its journal when it is first asked for, or in turn.
    """
    actor = before[store_id].actor
    neighbours = tuple(each.store_id for each in before.values() if each.actor == actor)
    pid = (await client.ledger_status(store_id)).pid
    ask = partial(client.ledger_status, store_id)
    killed = await kill_and_wait(actor, pid, mark, ask, lambda status: status.pid != pid)
    after = await statuses_of(client, neighbours)
    outage = killed.outage._replace(until_ms=int(time() * 1000))
    replayed = sum(status.replayed_events for status in after.values())
    return killed._replace(outage=outage, store_id=store_id, store_ids=neighbours, replayed_events=replayed)


async def kill_and_tell(
    client: ChannelClient, service: Service, store_ids: Sequence[str], told: Act, phases: Phases, store_id: str
) -> None:
    """Kill -9 the process that writes the shop, one of those, as `kill_actor_of`, and say when it was back."""
    killed = await kill_actor_of(client, store_id, await statuses_of(client, store_ids), service.mark)
    told.kills.append(killed)
    phases.say(f"  killed {killed.role}: shop {store_id} answered again after {killed.ms / 1000:.2f} s")


async def kill_and_wait(
    role: str, pid: int, mark: str, ask: Callable[..., Awaitable[ResultT]], answers: Callable[[ResultT], bool]
) -> Killed:
    """Kill -9 a process, and ask a method of the client until its successor answers. `mark` proves that the process is
    of this run. Raises NotRecovered.
    """
    from_ms = int(time() * 1000)
    await asyncio.to_thread(processes.kill, pid, mark)
    began = perf_counter()
    await ask_until(partial(ask, timeout_ms=PROBE_MS_MAX), answers, otherwise=f"no successor of process {pid} answered")
    return Killed(role, round((perf_counter() - began) * 1000, 1), Outage(from_ms, int(time() * 1000)))


async def ask_until(
    ask: Callable[[], Awaitable[ResultT]], answers: Callable[[ResultT], bool], *, otherwise: str
) -> None:
    """Ask every 50 ms until an answer will do, since one question alone may hang on a dead process.

    Raises NotRecovered with `otherwise`.
    """
    deadline = perf_counter() + RECOVERY_S_MAX
    asked: set[asyncio.Future[Any]] = set()
    try:
        while perf_counter() < deadline:
            asked.add(asyncio.ensure_future(ask()))
            done, asked = await asyncio.wait(asked, timeout=PROBE_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error is None and answers(task.result()):
                    return
                if error is not None and not isinstance(error, HoldfastError):
                    raise error
    finally:
        for task in asked:
            task.cancel()
    raise NotRecovered(f"{otherwise} within {RECOVERY_S_MAX:g} s of the kill")

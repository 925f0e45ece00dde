"""Asking: the stock, the orders with many callers at once, contests among them, and repeats of what was said before."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Final, TypeVar

from bench.demo.answers import ShopAnswers
from bench.demo.calls import Answered, Call, Kind
from bench.demo.journeys import Step, customer_of, journey, other_content
from bench.demo.progress import Tick
from bench.demo.verdict import Contest
from bench.workload import Opening, Order
from holdfast.client import Adjustment, AdjustmentKind, Reservation

ROWS_MAX: Final = 4_096
STOCK_CALLS_AT_ONCE: Final = 16
STOCK_SOURCE: Final = "opening"
REPEATED_LATER: Final = 256

OrderT = TypeVar("OrderT")
Job = Callable[[], Awaitable[None]]


def contests_for(orders: Sequence[Order]) -> tuple[Contest, ...]:
    """Three contests: the busiest shop has two, the second of them meant for the moment of its actor's death."""
    busiest = [store_id for store_id, _ in Counter(order.store_id for order in orders).most_common(2)]
    return (
        Contest(busiest[0], "contest-1", callers=64, units=7),
        Contest(busiest[0], "contest-2", callers=200, units=25),
        Contest(busiest[-1], "contest-3", callers=16, units=40),
    )


async def open_stock(
    answers: ShopAnswers,
    openings: Iterable[Opening],
    contests: Iterable[Contest],
    tick: Tick,
    *,
    source: str = STOCK_SOURCE,
) -> None:
    """Book every opening position in: what was received, and what was sold over the counter before."""
    rows: defaultdict[str, list[Adjustment]] = defaultdict(list)

    def book(store_id: str, sku: str, delta: int, kind: AdjustmentKind) -> None:
        mine = rows[store_id]
        mine.append(Adjustment(sku, delta, len(mine) + 1, kind))

    for opening in openings:
        book(opening.store_id, opening.sku, opening.received, AdjustmentKind.RECEIPT)
        if opening.sold:
            book(opening.store_id, opening.sku, -opening.sold, AdjustmentKind.SALE)
    for contest in contests:
        book(contest.store_id, contest.sku, contest.units, AdjustmentKind.RECEIPT)
    gate = asyncio.Semaphore(STOCK_CALLS_AT_ONCE)

    async def one_shop(store_id: str, mine: list[Adjustment]) -> None:
        # Calls of one source go one after the other: a later number that came first would make the others late.
        async with gate:
            for start in range(0, len(mine), ROWS_MAX):
                part = tuple(mine[start : start + ROWS_MAX])
                call = Call(Kind.ADJUST, f"{source}-{store_id}-{start}", store_id, source=source, adjustments=part)
                await answers.ask(call)
                tick(len(part))

    await asyncio.gather(*(one_shop(store_id, mine) for store_id, mine in rows.items()))


async def replay(
    answers: ShopAnswers,
    orders: Sequence[Order],
    *,
    seed: int,
    callers: int,
    jobs: Mapping[int, Sequence[Job]],
    tick: Tick,
) -> None:
    """Carry every order through its life."""
    baskets_of_store = Counter(order.store_id for order in orders)

    async def carry(_: int, order: Order) -> None:
        await _carry(answers, journey(order, seed, customer_of(order, baskets_of_store)))

    await in_sequence(orders, carry, callers=callers, jobs=jobs, tick=tick)


async def in_sequence(
    orders: Iterable[OrderT],
    carry: Callable[[int, OrderT], Awaitable[None]],
    *,
    callers: int,
    jobs: Mapping[int, Sequence[Job]],
    tick: Tick,
) -> None:
    """Orders begin in their sequence, each by the next caller that is free.

    `jobs` start when the order of their number begins, and run beside it.
    """
    coming = iter(enumerate(orders))
    started: list[asyncio.Future[None]] = []

    async def caller() -> None:
        # One iterator among all callers is what keeps the sequence.
        for number, order in coming:
            started.extend(asyncio.ensure_future(job()) for job in jobs.get(number, ()))
            await carry(number, order)
            tick(1)

    await asyncio.gather(*(caller() for _ in range(callers)))
    await asyncio.gather(*started)


async def _carry(answers: ShopAnswers, steps: Iterable[Step]) -> None:
    """The calls of one order, one after the other; it ends where the business refuses.

    A refused replacement leaves the hold that it was to replace, and the order goes on with that one.
    """
    reservation_id = ""
    for step in steps:
        if step.call.kind is not Kind.RESERVE and not reservation_id:
            return
        call = step.call._replace(reservation_id=reservation_id)
        outcome = await answers.say(call, step.repeat, other_content(call))
        if isinstance(outcome, Reservation):
            reservation_id = outcome.reservation_id
        elif step.call.kind is not Kind.RESERVE:
            return


async def compete(answers: ShopAnswers, contest: Contest, *, spread_s: float = 0.0) -> None:
    """All callers of a contest, each a customer of its own; at once, or spread evenly over some time."""

    async def one(number: int) -> None:
        await asyncio.sleep(spread_s * number / contest.callers)
        name = f"{contest.sku}-{number}"
        call = Call(Kind.RESERVE, name, contest.store_id, lines=((contest.sku, 1),), customer_id=name, channel="web")
        await answers.ask(call)

    await asyncio.gather(*(one(number) for number in range(contest.callers)))


async def repeat_earlier(answers: ShopAnswers, said: Sequence[Answered], store_ids: Iterable[str], seed: int) -> None:
    """Say some of these calls again, in shops whose actor is another process now: it must remember each answer."""
    shops = frozenset(store_ids)
    candidates = [answered for answered in said if answered.call.store_id in shops]
    chosen = Random(f"repeats:{seed}").sample(candidates, min(REPEATED_LATER, len(candidates)))
    await asyncio.gather(*(answers.ask_again(call, outcome) for call, outcome in chosen))

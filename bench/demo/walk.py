"""The act of the counter: a hundred orders, each from its confirmation to its customer, through the calls of a web
shop, the pages of two tablets, two tills and one that listens, and letters; while the shop's actor and the notifier are
killed.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.demo.mailbox import Mailbox
from bench.demo.messages import Killer, Messages, judged, until_told
from bench.demo.pickups import TILLS, Desk, Pickups
from bench.demo.run import Job, Phases, in_sequence
from bench.demo.tablets import Tablet
from bench.demo.walk_plan import BULB, LAMP, MUG, SIZES, STORE_ID, UNITS, Ending, WalkOrder, WalkSizes, walk_orders
from bench.demo.walk_steps import NotServed, Walk
from bench.load.loops import gathered
from holdfast.client import Adjustment, AdjustmentKind, ChannelClient, PickRule, Store, TillClient, make_token

TABLETS: Final = ("tablet-1", "tablet-2")
FROM_QUEUE: Final = 10  # tasks that each tablet takes as they stand in the queue, at once with the other
CALLS_AT_ONCE: Final = 16
PICKED_AT_ONCE: Final = 4
KILL_AT: Final = 0.5


async def walk_over_counter(
    client: ChannelClient,
    where: tuple[str, str],
    folder: Path,
    box: Mailbox,
    killer: Killer,
    kill: Job,
    *,
    phases: Phases,
    seed: int,
    sizes: WalkSizes = SIZES,
) -> tuple[Pickups, Messages]:
    """All of it, in a shop of its own. `where` are the addresses of the service and of its pages; `kill` ends the
    process that writes the shop, and waits for its successor.
    """
    target, pages = where
    await _open_shop(client)
    box.strike = killer
    orders = walk_orders(seed, sizes)
    async with AsyncExitStack() as stack:
        tills = [
            await stack.enter_async_context(
                TillClient(target, store_id=STORE_ID, till=name, journal_path=folder / f"{name} at the counter")
            )
            for name in (*TILLS, "listener")
        ]
        desk = Desk(tills[:2], Pickups())
        walk = Walk(client, [await _tablet(client, pages, name) for name in TABLETS], desk, tills[0])
        listening = asyncio.create_task(desk.listen(tills[2]))
        try:
            await _walk(walk, client, orders, kill, phases)
            await desk.hear_the_last()
            desk.compare()
            await walk.judge(orders)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    phases.say(f"  killed the notifier {killer.kills} times between record and letter, and back")
    expected = {(order.customer_id, occasion) for order in orders for occasion in order.occasions}
    messages = judged(expected, [each async for each in client.list_notices(store_id=STORE_ID)], box.arrived)
    messages.kills, messages.holds_in_journal = killer.kills, (await client.verify_notices()).holds
    return desk.came, messages


async def _open_shop(client: ChannelClient) -> None:
    """A shop that picks, and sells what was picked again once it is put back."""
    await client.put_stores([Store(STORE_ID, "Counter")])
    policy = await client.get_policy()
    rule = PickRule(STORE_ID, picks=True, put_back_first=True)
    await client.set_policy(replace(policy, pick_rules=(*policy.pick_rules, rule)))
    goods = [Adjustment(sku, UNITS, number, AdjustmentKind.RECEIPT) for number, sku in enumerate((MUG, LAMP, BULB), 1)]
    await client.adjust_stock(STORE_ID, "opening", goods, idempotency_key="walk-opening")


async def _tablet(client: ChannelClient, pages: str, name: str) -> Tablet:
    token = make_token()
    await client.add_device(STORE_ID, name, token)
    return Tablet(pages, name, token)


async def _walk(walk: Walk, client: ChannelClient, orders: Sequence[WalkOrder], kill: Job, phases: Phases) -> None:
    """Every order from its beginning to its end. Those of which nothing is there, or nobody comes in time, begin once
    the others were told that theirs are ready: a letter that is overtaken is none.
    """
    late = [order for order in orders if order.ending is Ending.LATE]
    nothing = [order for order in orders if order.ending is Ending.NOTHING_LEFT]
    most = [order for order in orders if order.ending not in (Ending.LATE, Ending.NOTHING_LEFT)]
    told = 0

    async def kill_actor() -> None:
        await kill()
        walk.came.actor_kills += 1

    async def told_all(notices: int) -> None:
        if walk.came.refused:  # or what will never come is waited for
            raise NotServed(walk.came.findings[0])
        await until_told(client, notices)

    await phases.each("Ordering to collect", most, walk.order, CALLS_AT_ONCE)
    await gathered(nothing, walk.order, at_once=CALLS_AT_ONCE)
    with phases.phase("Picking on two tablets", len(most)) as tick:
        await walk.take_from_queue(min(FROM_QUEUE, len(most) // len(TABLETS)))
        await in_sequence(most, walk.pick, callers=PICKED_AT_ONCE, jobs={KILL_AT: kill_actor}, tick=tick)
    await phases.each("Making them ready", most, walk.make_ready, PICKED_AT_ONCE)
    with phases.phase("Telling customers"):
        await told_all(told := 2 * len(most) + len(nothing))
    await gathered(nothing, walk.find_nothing, at_once=PICKED_AT_ONCE)
    for step in (walk.order, walk.pick, walk.make_ready):
        await gathered(late, step, at_once=PICKED_AT_ONCE)
    await told_all(told := told + len(nothing) + 2 * len(late))
    with phases.phase("Handing over at the counter", len(most)) as tick:
        await gathered(most, walk.arrive, at_once=PICKED_AT_ONCE)
        await in_sequence(most, walk.part_with, callers=PICKED_AT_ONCE, jobs={KILL_AT: kill_actor}, tick=tick)
    returned = [order for order in orders if order.is_returned]
    await gathered(returned, walk.bring_back, at_once=1)
    await gathered(late, walk.wait_expired, at_once=len(late) or 1)
    await told_all(told + len(most) + len(late) + len(returned))

"""The second act: orders over several shops, with limits and slots, while the gateway and the customers' actor die."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from random import Random
from time import perf_counter
from typing import Final

from bench import service as processes
from bench.demo import plan
from bench.demo.calls import SHOP_KINDS, Answers, Call, Outcome, draw_repeat
from bench.demo.feed import Contest
from bench.demo.run import Act, Job, NotRecovered, Phases, in_sequence, kill_and_wait
from bench.load.loops import Tick
from bench.service import Service
from holdfast.client import ChannelClient, Order, Reservation

CALLERS: Final = 48
SLOT_CONTEST_AT: Final = 0.15
KILLS_AT: Final = {"customer actors": 0.3, "gateway": 0.6}  # by the role of the process, as parts of the orders
SEEK_PAUSE_S: Final = 1.0
REPEATED_LATER: Final = 64


async def place_orders(
    client: ChannelClient, service: Service, act: plan.Across, shops: Act, told: Act, phases: Phases, *, seed: int
) -> None:
    """Limits, orders, and the kills in the middle. What is asked of one shop goes to `shops`, as in the first act."""
    policy = await client.get_policy()
    await client.set_policy(replace(policy, chain_limit_rules=plan.LIMITS))
    found = await client.list_slots(act.slot_shop_id, window_ms=12 * plan.HOUR_MS)
    starts = [slot.start_ms for slot in found.slots if slot.start_ms > (found.earliest_ready_ms or 0) + plan.HOUR_MS]
    slots, contested_ms = starts[: plan.SLOTS_ASKED], starts[plan.SLOTS_ASKED]

    jobs: dict[float, Job] = {
        SLOT_CONTEST_AT: partial(_compete_for_slot, client, act, shops.answers, told, contested_ms)
    }
    jobs |= {part: partial(_kill, client, service.mark, role, told, phases) for role, part in KILLS_AT.items()}
    began = perf_counter()
    with phases.phase("Placing orders over several shops", len(act.journeys) + len(act.seekers)) as tick:
        seeking = asyncio.create_task(_seek(shops.answers, told.answers, act.seekers, tick))
        carry = partial(_carry, told.answers, slots, seed)
        await in_sequence(list(enumerate(act.journeys)), carry, callers=CALLERS, jobs=jobs, tick=tick)
        await seeking
    told.seconds = perf_counter() - began


async def _kill(client: ChannelClient, mark: str, role: str, told: Act, phases: Phases) -> None:
    """Kill -9 the process of a role, wait until an order is told again, and repeat some earlier calls."""
    said = tuple(told.answers.log)
    order = next(each.outcome for each in said if isinstance(each.outcome, Order))
    pids = await asyncio.to_thread(processes.pids, mark, role)
    if len(pids) != 1:
        raise NotRecovered(f"{len(pids)} processes are {role}, and one was to be killed")
    killed = await kill_and_wait(role, pids[0], mark, partial(client.get_order, order.order_id), lambda _: True)
    told.kills.append(killed)
    phases.say(f"  killed the {role} process {pids[0]}: answered again after {killed.ms / 1000:.2f} s")
    await told.answers.ask_some_again(said, REPEATED_LATER, f"order repeats:{role}")


async def _carry(answers: Answers, slots: Sequence[int], seed: int, numbered: tuple[int, plan.OrderJourney]) -> None:
    """Place an order and ask its steps, one after the other, until one is refused."""
    number, journey = numbered
    draw = Random(f"order:{seed}:{number}")
    placing = journey.placing
    if journey.wants_slot >= 0 and slots:
        placing = placing.asking(slot_start_ms=slots[journey.wants_slot % len(slots)])
    order = await answers.ask(placing, draw_repeat(placing.kind, draw, plan.ORDER_REPEATS))
    if not isinstance(order, Order):
        return
    for kind in journey.steps:
        call = plan.step_of(kind, f"{placing.key}-{kind.name.lower()}", order, draw)
        if not isinstance(await answers.ask(call, draw_repeat(kind, draw, plan.ORDER_REPEATS)), Order | tuple):
            return


async def _seek(shops: Answers, orders: Answers, every: Sequence[plan.Seeker], tick: Tick) -> None:
    """Customers who try to have more than they may, a third of them at a time, so that they meet the kills too."""
    for first in range(3):
        seekers = every[first::3]
        await asyncio.gather(*(_seek_one(shops, orders, seeker) for seeker in seekers))
        tick(len(seekers))
        await asyncio.sleep(SEEK_PAUSE_S)


async def _seek_one(shops: Answers, orders: Answers, seeker: plan.Seeker) -> None:
    """All at once; then one is given back, one is collected, and others are tried for at the same moment."""

    async def ask(call: Call) -> Outcome | None:
        return await (shops if call.kind in SHOP_KINDS else orders).ask(call)

    outcomes = await asyncio.gather(*(ask(call) for call in seeker.first))
    held = [outcome for outcome in outcomes if isinstance(outcome, Order | Reservation)]
    steps = [
        step(each, f"{seeker.customer_id}-then-{step.__name__}")
        for step, each in zip((plan.given_back, plan.taken_home), held, strict=False)
    ]
    await asyncio.gather(*(ask(call) for call in (*steps, *seeker.second)))


async def _compete_for_slot(client: ChannelClient, act: plan.Across, shops: Answers, told: Act, slot_ms: int) -> None:
    """Many callers want the same slot of one shop at once."""
    store_id = act.slot_shop_id
    places = (await client.list_slots(store_id, from_ms=slot_ms, window_ms=plan.HOUR_MS)).slots[0].left
    calls = [call.asking(slot_start_ms=slot_ms) for call in act.slot_calls]
    outcomes = await asyncio.gather(*(shops.ask(call) for call in calls))
    accepted = sum(isinstance(outcome, Reservation) for outcome in outcomes)
    told.contests.append(Contest(store_id, slot_ms, len(calls), places, accepted))

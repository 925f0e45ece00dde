"""The second act: orders over several shops, with limits and slots, while the gateway and the customers' actor die."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from time import perf_counter
from typing import Any, Final

from bench.demo.across_plan import (
    LIMITED_CHANNEL,
    LIMITS,
    SLOT_CALLERS,
    SLOT_SKU,
    SLOTS_ASKED,
    Across,
    OrderFate,
    OrderJourney,
    Seeker,
    amendment_of,
    other_content_of,
    repeat_of,
)
from bench.demo.answers import OrderAnswers, ShopAnswers, order_answers
from bench.demo.calls import OrderCall, OrderKind, OrderOutcome
from bench.demo.journeys import EXTEND_MS
from bench.demo.progress import Phases, Tick
from bench.demo.recovery import CUSTOMERS, GATEWAY, Killed, kill_and_wait
from bench.demo.replay import Job, in_sequence, open_stock
from bench.demo.verdict import SlotContest
from bench.service import CALL_S, TIME, Service, connected
from holdfast.client import ChannelClient, Order, ReleaseReason
from holdfast.v1 import admin_service_pb2 as admin_pb2, admin_service_pb2_grpc as admin_grpc

CALLERS: Final = 48
KILL_CUSTOMERS_AT: Final = 0.3
KILL_GATEWAY_AT: Final = 0.6
SLOT_CONTEST_AT: Final = 0.15
SEEK_PAUSE_S: Final = 1.0
REPEATED_LATER: Final = 64
HOUR_MS: Final = 3_600_000
STOCK_SOURCE: Final = "across"


@dataclass(slots=True)
class ToldAcross:
    """All that the callers of orders know at the end, and what was done to the service meanwhile."""

    answers: OrderAnswers
    plan: Across
    kills: list[Killed] = field(default_factory=list)
    contests: list[SlotContest] = field(default_factory=list)
    slots_asked: tuple[int, ...] = ()
    seconds: float = 0.0


async def run_across(
    client: ChannelClient, service: Service, plan: Across, stock: ShopAnswers, *, seed: int, kill: bool, phases: Phases
) -> ToldAcross:
    """Stock, limits, orders, and the kills in the middle. `stock` is where what is booked in is told."""
    told = ToldAcross(order_answers(client), plan)
    await asyncio.to_thread(_set_limits, service.target)
    with phases.phase("Opening stock over the shops", len(plan.openings)) as tick:
        await open_stock(stock, plan.openings, (), tick, source=STOCK_SOURCE)
    found = await client.list_slots(plan.slot_shop_id, window_ms=12 * HOUR_MS)
    starts = [slot.start_ms for slot in found.slots if slot.start_ms > (found.earliest_ready_ms or 0) + HOUR_MS]
    told.slots_asked = tuple(starts[:SLOTS_ASKED])
    jobs = _jobs(client, service, told, starts[SLOTS_ASKED], kill=kill, phases=phases)
    journeys = len(plan.journeys)

    async def carry(number: int, journey: OrderJourney) -> None:
        await _carry(told, journey, Random(f"order:{seed}:{number}"))

    began = perf_counter()
    with phases.phase("Placing orders over several shops", journeys + len(plan.seekers)) as tick:
        seeking = asyncio.create_task(_seek(told, tick))
        at = {int(journeys * part): [job] for part, job in jobs.items()}
        await in_sequence(plan.journeys, carry, callers=CALLERS, jobs=at, tick=tick)
        await seeking
    told.seconds = perf_counter() - began
    return told


def _set_limits(target: str) -> None:
    """Add the limits over the whole chain to the policy in force, while the service serves."""
    with connected(target) as channel:
        # The stubs are generated, without types.
        admin: Any = admin_grpc.AdminServiceStub(channel)
        policy = admin.GetPolicy(admin_pb2.GetPolicyRequest(), timeout=CALL_S, metadata=TIME).policy
        del policy.chain_limit_rules[:]
        for limit in LIMITS:
            rule = policy.chain_limit_rules.add(
                channel=limit.channel,
                sku=limit.sku,
                open_reservations_max=limit.open_reservations_max,
                units_max=limit.units_max,
            )
            if limit.collected_counts:
                rule.collected_for.FromSeconds(HOUR_MS // 1000)
        admin.SetPolicy(admin_pb2.SetPolicyRequest(policy=policy), timeout=CALL_S, metadata=TIME)


def _jobs(
    client: ChannelClient, service: Service, told: ToldAcross, contest_slot_ms: int, *, kill: bool, phases: Phases
) -> Mapping[float, Job]:
    """What happens beside the orders, by the part of them that has begun."""

    async def contest() -> None:
        told.contests.append(await _compete_for_slot(client, told, contest_slot_ms))

    async def kill_one(role: str) -> None:
        said = tuple(told.answers.log)
        an_order = next(outcome for _, outcome in said if isinstance(outcome, Order))
        killed = await kill_and_wait(client, service.mark, role, an_order.order_id)
        told.kills.append(killed)
        phases.say(f"  killed the {role} process {killed.pid}: answered again after {killed.ms / 1000:.2f} s")
        again = Random(f"order repeats:{role}").sample(said, min(REPEATED_LATER, len(said)))
        await asyncio.gather(*(told.answers.ask_again(call, outcome) for call, outcome in again))

    async def kill_customers() -> None:
        await kill_one(CUSTOMERS)

    async def kill_gateway() -> None:
        await kill_one(GATEWAY)

    jobs: dict[float, Job] = {SLOT_CONTEST_AT: contest}
    if kill:
        jobs |= {KILL_CUSTOMERS_AT: kill_customers, KILL_GATEWAY_AT: kill_gateway}
    return jobs


async def _carry(told: ToldAcross, journey: OrderJourney, draw: Random) -> None:
    placing = journey.placing
    if journey.wants_slot >= 0 and told.slots_asked:
        placing = placing._replace(slot_start_ms=told.slots_asked[journey.wants_slot % len(told.slots_asked)])
    order = await _say(told, placing, draw)
    if isinstance(order, Order):
        for kind in STEPS[journey.fate]:
            call = _step(kind, placing, order, draw)
            if not isinstance(await _say(told, call, draw), Order | tuple):
                return


STEPS: Final[Mapping[OrderFate, Sequence[OrderKind]]] = {
    OrderFate.COLLECTED: (OrderKind.CONFIRM, OrderKind.READY, OrderKind.COLLECT),
    OrderFate.AMENDED: (OrderKind.AMEND, OrderKind.CONFIRM, OrderKind.COLLECT),
    OrderFate.AMENDED_LEFT: (OrderKind.AMEND,),
    OrderFate.LEFT_CONFIRMED: (OrderKind.CONFIRM,),
    OrderFate.CANCELLED: (OrderKind.CONFIRM, OrderKind.RELEASE),
    OrderFate.RELEASED: (OrderKind.RELEASE,),
    OrderFate.EXTENDED: (OrderKind.EXTEND,),
    OrderFate.EXPIRED: (),
    OrderFate.LEFT_HELD: (),
}
"""What is asked of an order once it is placed; a refusal ends it, and leaves it as it is."""


def _step(kind: OrderKind, placing: OrderCall, order: Order, draw: Random) -> OrderCall:
    call = OrderCall(kind, f"{placing.key}-{kind.name.lower()}", order.order_id)
    match kind:
        case OrderKind.AMEND:
            return call._replace(stores=amendment_of(order, draw))
        case OrderKind.COLLECT:
            return call._replace(payment_reference=f"pay-{placing.key}")
        case OrderKind.RELEASE:
            return call._replace(reason=ReleaseReason.CUSTOMER_CANCELLED)
        case OrderKind.EXTEND:
            return call._replace(ttl_ms=EXTEND_MS)
        case _:
            return call


async def _say(told: ToldAcross, call: OrderCall, draw: Random) -> OrderOutcome | None:
    return await told.answers.say(call, repeat_of(call.kind, draw), other_content_of(call))


async def _seek(told: ToldAcross, tick: Tick) -> None:
    """Customers who try to have more than they may, some at a time, so that they meet the kills too."""
    for seekers in _thirds(told.plan.seekers):
        await asyncio.gather(*(_seek_one(told, seeker) for seeker in seekers))
        tick(len(seekers))
        await asyncio.sleep(SEEK_PAUSE_S)


def _thirds(seekers: Sequence[Seeker]) -> list[Sequence[Seeker]]:
    return [seekers[number::3] for number in range(3)]


async def _seek_one(told: ToldAcross, seeker: Seeker) -> None:
    """All at once; then one is given back, one is collected, and others are tried for at the same moment."""
    answers = told.answers
    outcomes = await asyncio.gather(*(answers.ask(call) for call in seeker.first))
    orders = [outcome for outcome in outcomes if isinstance(outcome, Order)]
    steps = [
        _step(kind, OrderCall(kind, f"{seeker.customer_id}-then"), order, Random(seeker.customer_id))
        for kind, order in zip((OrderKind.RELEASE, OrderKind.COLLECT), orders, strict=False)
    ]
    await asyncio.gather(*(answers.ask(call) for call in (*steps, *seeker.second)))


async def _compete_for_slot(client: ChannelClient, told: ToldAcross, slot_ms: int) -> SlotContest:
    """Everybody wants the same slot of one shop at once."""
    store_id = told.plan.slot_shop_id
    slots = await client.list_slots(store_id, from_ms=slot_ms, window_ms=HOUR_MS)
    places = slots.slots[0].left
    calls = [
        OrderCall(
            OrderKind.IN_STORE,
            f"across-slot-{number}",
            customer_id=f"slot-{number}",
            channel=LIMITED_CHANNEL,  # a limit of the chain applies, so that each becomes an order
            lines=((SLOT_SKU, 1),),
            store_id=store_id,
            slot_start_ms=slot_ms,
        )
        for number in range(SLOT_CALLERS)
    ]
    outcomes = await asyncio.gather(*(told.answers.ask(call) for call in calls))
    accepted = sum(1 for outcome in outcomes if isinstance(outcome, Order))
    return SlotContest(store_id, slot_ms, len(calls), places, accepted)

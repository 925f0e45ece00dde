"""One demo from its first order to its evidence, against a service that serves already."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter, time
from typing import Final

from bench.demo.across import ToldAcross, run_across
from bench.demo.across_plan import Across
from bench.demo.answers import ShopAnswers, shop_answers
from bench.demo.calls import Kind
from bench.demo.evidence import QUIET_S_MAX, Proof, prove, until_quiet
from bench.demo.feed import LATE_MS_MAX, Outage
from bench.demo.progress import Phases
from bench.demo.recovery import Recovery, kill_actor_of, statuses
from bench.demo.replay import Job, compete, contests_for, open_stock, repeat_earlier, replay
from bench.demo.verdict import Contest
from bench.service import Service
from bench.workload import Workload, opening_stock
from holdfast.client import ChannelClient, Reservation

CHANNELS: Final = 2
SERVING_MS_MAX: Final = 30_000
KILL_AT: Final = 0.5
CONTESTS_AT: Final = (0.2, KILL_AT, 0.8)
"""When, as a part of the orders. The second contest is fought while its shop's actor is killed and comes back."""

CONTEST_SPREAD_S: Final = 1.0


@dataclass(slots=True)
class Told:
    """All that the callers know at the end, and what was done to the service meanwhile."""

    answers: ShopAnswers
    contests: tuple[Contest, ...]
    recoveries: list[Recovery] = field(default_factory=list)
    replay_s: float = 0.0
    replayed_calls: int = 0
    across: ToldAcross | None = None

    def outages(self, store_ids: Iterable[str]) -> dict[str, list[Outage]]:
        """By shop, when its actor was dead, or what tells it that its part of an order is over."""
        of_all = [killed.outage for killed in self.across.kills] if self.across is not None else []
        found = {store_id: list(of_all) for store_id in store_ids}
        for recovery in self.recoveries:
            for store_id in recovery.store_ids:
                found.setdefault(store_id, []).append(recovery.outage)
        return found


async def run(
    service: Service, workload: Workload, *, callers: int, kill: bool, plan: Across | None, phases: Phases
) -> tuple[Told, Proof]:
    """Stock, orders, contests, the kills, the expiries, and the evidence. `plan` is the second act, None for none."""
    async with ChannelClient(service.target, channels=CHANNELS) as client:
        await client.wait_until_serving(timeout_ms=SERVING_MS_MAX)
        told = Told(shop_answers(client), contests_for(workload.orders))
        openings = opening_stock(workload.orders, workload.seed)
        rows = sum(1 + (opening.sold > 0) for opening in openings) + len(told.contests)
        with phases.phase("Opening the shops' stock", rows) as tick:
            await open_stock(told.answers, openings, told.contests, tick)
        await _replay(client, service, workload, told, callers=callers, kill=kill, phases=phases)
        if plan is not None:
            seed = workload.seed
            told.across = await run_across(client, service, plan, told.answers, seed=seed, kill=kill, phases=phases)
            with phases.phase("Waiting until all shops have heard"):
                quiet = await until_quiet(client, told.across.answers.log, [shop.store_id for shop in workload.shops])
            if not quiet:
                phases.say(f"  after {QUIET_S_MAX:g} s some had not; the verdict says which")
        with phases.phase("Letting the last holds expire"):
            await asyncio.sleep(max(0.0, _last_short_deadline_ms(told.answers) + LATE_MS_MAX - time() * 1000) / 1000)
        return told, await _proof(client, workload, told, phases)


async def prove_again(service: Service, workload: Workload, told: Told, phases: Phases) -> Proof:
    """The same evidence from a service that was started anew on the same data."""
    async with ChannelClient(service.target, channels=CHANNELS) as client:
        await client.wait_until_serving(timeout_ms=SERVING_MS_MAX)
        return await _proof(client, workload, told, phases)


async def _proof(client: ChannelClient, workload: Workload, told: Told, phases: Phases) -> Proof:
    store_ids = [shop.store_id for shop in workload.shops]
    return await prove(client, store_ids, told.answers.log, told.outages(store_ids), phases, told.across)


async def _replay(
    client: ChannelClient,
    service: Service,
    workload: Workload,
    told: Told,
    *,
    callers: int,
    kill: bool,
    phases: Phases,
) -> None:
    answers, orders = told.answers, workload.orders

    async def kill_and_ask_again() -> None:
        said = tuple(answers.log)
        before = await statuses(client, (shop.store_id for shop in workload.shops))
        victim = told.contests[1].store_id
        killing = asyncio.create_task(kill_actor_of(client, victim, before, service.mark))
        await compete(answers, told.contests[1], spread_s=CONTEST_SPREAD_S)
        recovery = await killing
        told.recoveries.append(recovery)
        phases.say(
            f"  killed {recovery.actor} ({recovery.ledgers} shops): shop {victim} answered again after "
            f"{recovery.ms / 1000:.2f} s, {recovery.replayed_events:,} events replayed"
        )
        await repeat_earlier(answers, said, recovery.store_ids, workload.seed)

    jobs: dict[int, list[Job]] = {}
    for contest, part in zip(told.contests, CONTESTS_AT, strict=True):
        at = int(len(orders) * part)
        if kill and part == KILL_AT:
            jobs.setdefault(at, []).append(kill_and_ask_again)
        else:
            jobs.setdefault(at, []).append(_contest_job(answers, contest))
    calls_before, began = _calls(answers), perf_counter()
    with phases.phase("Replaying the orders", len(orders)) as tick:
        await replay(answers, orders, seed=workload.seed, callers=callers, jobs=jobs, tick=tick)
    told.replay_s = perf_counter() - began
    told.replayed_calls = _calls(answers) - calls_before


def _contest_job(answers: ShopAnswers, contest: Contest) -> Job:
    async def job() -> None:
        await compete(answers, contest)

    return job


def _calls(answers: ShopAnswers) -> int:
    return len(answers.log) + len(answers.repeats)


def _last_short_deadline_ms(answers: ShopAnswers) -> float:
    """When the last of the holds that were asked for a few seconds only is over."""
    return max(
        (
            outcome.expires_at_ms
            for call, outcome in answers.log
            if call.kind is Kind.RESERVE and call.ttl_ms and isinstance(outcome, Reservation)
        ),
        default=0,
    )


def state_differs(first: Proof, second: Proof) -> Sequence[str]:
    """Shops whose state after a restart is not what it was, where nothing happened in between."""
    before: Mapping[str, tuple[int, str]] = {
        each.store_id: (each.version, each.state_hash) for each in first.verifications
    }
    return [
        f"shop {each.store_id}: at version {each.version} the state after the restart is not the one before"
        for each in second.verifications
        if before[each.store_id][0] == each.version and before[each.store_id][1] != each.state_hash
    ]

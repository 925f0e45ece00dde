"""The flash sale, in shops of its own: one SKU, one unit for each customer, announced by an operator for an instant,
with far more calls than units. Ordinary traffic goes on in the same shops, and is measured before and meanwhile.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from time import perf_counter, time
from typing import Final

from bench.demo.calls import CALL_MS_MAX
from bench.demo.feed import Sentences
from bench.demo.run import Phases
from bench.load.loops import Tick, gathered
from bench.record import percentile
from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    ChainLimitRule,
    ChannelClient,
    Reason,
    Rejection,
    ReleaseReason,
    Reservation,
    Store,
)

SKU: Final = "flash"
ORDINARY: Final = tuple(f"ordinary-{number}" for number in range(8))
SHOPS: Final = tuple(f"flash-{number:02}" for number in range(40))
UNITS: Final = 500
REQUESTS: Final = 20_000
CUSTOMERS: Final = 15_000
CALLERS: Final = 64
CONFIRMED: Final = 100  # of those who got one
ORDINARY_UNITS: Final = 1_000_000
ORDINARY_PER_S: Final = 200.0  # in the two seconds of the sale that is 400: of fewer, p99 is the worst one or two
BEFORE_S: Final = 3.0
STARTS_IN_MS: Final = 2_000  # an actor that is made for it takes up to one to start
SHOPS_AT_ONCE: Final = 8
HOT: Final = f"hot/{SKU}"


@dataclass(slots=True)
class FlashSale:
    """What came of it. `sold` are units, as shops and the SKU's ledger have them in the end; `hot_after_ms` from the
    announced instant to the first reservation in that ledger; `over_limit` customers who got more than one.
    """

    units: int = UNITS
    sold: int = 0
    accepted: int = 0
    requests: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    by_hint: int = 0
    over_limit: int = 0
    refusals_per_s: float = 0.0
    requests_per_s: float = 0.0
    p99_before_ms: float = 0.0
    p99_during_ms: float = 0.0
    ordinary_before: int = 0
    ordinary_during: int = 0
    hot_after_ms: float = 0.0
    confirmed: int = 0
    seconds: float = 0.0
    findings: Sentences = field(default_factory=Sentences)

    @property
    def holds(self) -> bool:
        """True where every unit was sold, once, by the ledger of the SKU too, nobody got more than one, and those who
        went on have theirs in their shops.
        """
        whole = self.sold == self.accepted == self.units and self.requests == REQUESTS
        was_hot = self.hot_after_ms > 0 and self.confirmed == CONFIRMED
        is_compared = min(self.ordinary_before, self.ordinary_during) > 0
        return whole and was_hot and is_compared and not self.over_limit and not self.findings


async def sell_out(client: ChannelClient, phases: Phases, *, seed: int) -> FlashSale:
    """Announce it, sell it, and count what is left; then the SKU is ordinary again."""
    sale, began = FlashSale(), perf_counter()
    policy = await client.get_policy()
    rule = ChainLimitRule(sku=SKU, units_max=1)
    # Limits within shops would apply to every SKU: each shop counts those by itself, and then none can be hot.
    await client.set_policy(replace(policy, limit_rules=(), chain_limit_rules=(*policy.chain_limit_rules, rule)))
    await _open_shops(client)
    with phases.phase("A flash sale", REQUESTS) as tick:
        async with _ordinary(client, f"before:{seed}") as took:
            await asyncio.sleep(BEFORE_S)
        sale.ordinary_before, sale.p99_before_ms = len(took), _p99(took)
        starts_at_ms = int(time() * 1_000) + STARTS_IN_MS
        await client.promote_sku(SKU, starts_at_ms=starts_at_ms)
        await asyncio.sleep(max(0.0, starts_at_ms / 1_000 - time()))
        async with _ordinary(client, f"during:{seed}") as took:
            held = await _sell(client, sale, starts_at_ms, tick, Random(f"flash:{seed}"))
        sale.ordinary_during, sale.p99_during_ms = len(took), _p99(took)
    confirmed = await gathered(
        [each.reservation_id for each in held[:CONFIRMED]],
        lambda each: client.confirm(each, timeout_ms=CALL_MS_MAX),
        at_once=SHOPS_AT_ONCE,
    )
    sale.confirmed = sum(isinstance(each, Reservation) for each in confirmed.values())
    await _count(client, sale)
    await client.demote_sku(SKU)
    now = await client.get_policy()
    await client.set_policy(replace(now, limit_rules=policy.limit_rules, chain_limit_rules=policy.chain_limit_rules))
    sale.seconds = perf_counter() - began
    return sale


async def _open_shops(client: ChannelClient) -> None:
    await client.put_stores([Store(store_id, "Flash sale") for store_id in SHOPS])

    async def receive(store_id: str) -> None:
        here = UNITS // len(SHOPS) + (SHOPS.index(store_id) < UNITS % len(SHOPS))
        rows = [Adjustment(SKU, here, 1, AdjustmentKind.RECEIPT)]
        rows += [
            Adjustment(sku, ORDINARY_UNITS, number, AdjustmentKind.RECEIPT) for number, sku in enumerate(ORDINARY, 2)
        ]
        await client.adjust_stock(store_id, "opening", rows, idempotency_key=f"flash-opening-{store_id}")

    await gathered(SHOPS, receive, at_once=SHOPS_AT_ONCE)


def asked(draw: Random) -> list[tuple[str, str]]:
    """Who asks, and where: each customer once, and some again elsewhere."""
    customers = [f"flash-{number}" for number in range(CUSTOMERS)]
    customers += draw.sample(customers, REQUESTS - CUSTOMERS)
    draw.shuffle(customers)
    return [(customer, draw.choice(SHOPS)) for customer in customers]


async def _sell(
    client: ChannelClient, sale: FlashSale, starts_at_ms: int, tick: Tick, draw: Random
) -> list[Reservation]:
    """All calls, from so many callers. The reservations, in the sequence in which they were made."""
    held: list[Reservation] = []
    coming = iter(asked(draw))

    async def caller() -> None:
        for customer, store_id in coming:
            # Without a key of ours the client makes one, and may say that it is a first attempt.
            answer = await client.reserve(
                store_id, [(SKU, 1)], customer_id=customer, channel="web", timeout_ms=CALL_MS_MAX
            )
            sale.requests += 1
            tick(1)
            if isinstance(answer, Reservation):
                if not sale.hot_after_ms and answer.reservation_id.startswith(HOT):
                    sale.hot_after_ms = round(time() * 1_000 - starts_at_ms, 1)
                held.append(answer)
            elif isinstance(answer, Rejection):  # nothing else is said of one shop
                sale.refused[answer.reason.name] = sale.refused.get(answer.reason.name, 0) + 1
                sale.by_hint += answer.by_hint
                if answer.reason not in (Reason.INSUFFICIENT_STOCK, Reason.UNITS_LIMIT):
                    sale.findings.add(f"{customer} in {store_id}: {answer.message}")

    began = perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    took = perf_counter() - began
    sale.accepted = len(held)
    sale.requests_per_s = round(REQUESTS / took, 1)
    sale.refusals_per_s = round(sum(sale.refused.values()) / took, 1)
    sale.over_limit = sum(count > 1 for count in Counter(each.customer_id for each in held).values())
    return held


@asynccontextmanager
async def _ordinary(client: ChannelClient, name: str) -> AsyncIterator[list[float]]:
    """Calls of other SKUs in the same shops, so many a second whether or not they are answered; the ms they took."""
    took: list[float] = []
    asking: set[asyncio.Task[None]] = set()
    draw = Random(name)

    async def one(number: int) -> None:
        began = perf_counter()
        store_id, sku = draw.choice(SHOPS), draw.choice(ORDINARY)
        answer = await client.reserve(
            store_id, [(sku, 1)], customer_id=f"{name}-{number}", channel="web", timeout_ms=CALL_MS_MAX
        )
        took.append((perf_counter() - began) * 1_000)
        if isinstance(answer, Reservation):
            await client.release(answer.reservation_id, reason=ReleaseReason.CUSTOMER_CANCELLED)

    async def run() -> None:
        began, number = perf_counter(), 0
        while True:
            number += 1
            await asyncio.sleep(max(0.0, began + number / ORDINARY_PER_S - perf_counter()))
            task = asyncio.ensure_future(one(number))
            asking.add(task)
            task.add_done_callback(asking.discard)

    running = asyncio.ensure_future(run())
    try:
        yield took
    finally:
        running.cancel()
        await asyncio.gather(*asking)


def _p99(took: Sequence[float]) -> float:
    return round(percentile(took, 0.99), 2) if took else 0.0


async def _count(client: ChannelClient, sale: FlashSale) -> None:
    """What is there in the end, and whether the ledgers agree with their journals and with each other."""
    there = await client.get_availability(SHOPS, [SKU])
    sale.sold = sum(store.positions[0].reserved for store in there)
    for store in there:
        position = store.positions[0]
        if position.available or position.reserved != position.on_hand:
            sale.findings.add(f"{store.store_id}: {position}")
    audits = await gathered((*SHOPS, HOT), client.verify_ledger, at_once=SHOPS_AT_ONCE)
    for ledger_id, audit in audits.items():
        if not audit.holds:
            sale.findings.add(f"{ledger_id} does not verify: {audit.discrepancies[:1]}")

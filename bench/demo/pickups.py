"""The act at the counter, in a shop of its own: customers show their pickup codes, each at two tills at once, twice;
the shop's actor is killed meanwhile, and a third till only listens.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from bench.demo.feed import FINDINGS_MAX
from bench.demo.run import Job, Phases
from bench.record import percentile
from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    ChannelClient,
    PickupChange,
    PickupChangeKind,
    Reservation,
    Store,
    TillClient,
)

STORE_ID: Final = "pickup-shop"
SKU: Final = "demo-pickup"
CUSTOMERS: Final = 50
UNITS: Final = 60
TILLS: Final = ("till-1", "till-2")
KILL_AT: Final = CUSTOMERS // 2
HEARD_S_MAX: Final = 30.0  # the listening till hears of what is long done, over a kill


@dataclass(slots=True)
class Pickups:
    """What came of it. `codes_used_twice` are those by which two tills handed out; `till_events_missing` are changes
    that the listening till did not hear of, or heard of twice.
    """

    handed_over: int = 0
    codes_used_twice: int = 0
    repeats_differing: int = 0
    till_events_missing: int = 0
    ready_to_till_ms_p99: float = 0.0
    units_left: int = 0
    holds_in_ledger: bool = False
    findings: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """True where everybody was served once, and the till heard of each change once."""
        served = self.handed_over == CUSTOMERS and self.units_left == UNITS - CUSTOMERS and self.holds_in_ledger
        wrong = self.codes_used_twice or self.repeats_differing or self.till_events_missing
        return served and not wrong

    def find(self, sentence: str) -> None:
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(sentence)


class NotServed(Exception):
    """A customer could not reserve what is there for all."""


class Desk:
    """The shop's counter: customers, two tills, and what was heard of them."""

    def __init__(self, client: ChannelClient, tills: Sequence[TillClient]) -> None:
        self._client = client
        self._tills = tills
        self.ready_at: dict[str, float] = {}
        self.heard: list[tuple[float, PickupChange]] = []
        self._all_heard = asyncio.Event()
        self.came = Pickups()

    async def arrive(self, number: int) -> str:
        """A customer has a code, and the goods lie at the counter: the code."""
        key = f"pickup-{number}"
        held = await self._client.reserve(
            STORE_ID, [(SKU, 1)], customer_id=key, channel="web", idempotency_key=f"{key} reserve"
        )
        if not isinstance(held, Reservation):
            raise NotServed(f"a customer at the counter was told {held}")
        await self._client.confirm(held.reservation_id, idempotency_key=f"{key} confirm")
        code = await self._client.get_pickup_code(held.reservation_id)
        self.ready_at[held.reservation_id] = perf_counter()
        await self._client.mark_ready(held.reservation_id, idempotency_key=f"{key} ready")
        return code.code

    async def serve(self, code: str) -> None:
        """Both tills scan it at once, and say each hand-over twice."""
        said = await asyncio.gather(*(self._scan(till, code) for till in self._tills))
        handed_over = sum(isinstance(answer, Reservation) for answer in said)
        self.came.handed_over += handed_over > 0
        if handed_over != 1:
            self.came.codes_used_twice += handed_over > 1
            self.came.find(f"{handed_over} tills handed out for one code: {said}")

    async def _scan(self, till: TillClient, code: str) -> Any:
        [found] = await till.scanned(code)
        payment = f"paid at {till.till} for {found.reservation_id}"
        first = await till.collect(found.reservation_id, payment_reference=payment)
        again = await till.collect(found.reservation_id, payment_reference=payment)
        if first != again:
            self.came.repeats_differing += 1
            self.came.find(f"first {first}, then {again}")
        return first

    async def listen(self, till: TillClient) -> None:
        """Hear of changes until nobody waits for more."""
        async with till.watch_pickups() as changes:
            async for change in changes:
                self.heard.append((perf_counter(), change))
                if len(self.heard) == 2 * CUSTOMERS:
                    self._all_heard.set()

    async def hear_the_last(self) -> None:
        """Wait until as much was heard as was done."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARD_S_MAX):
                await self._all_heard.wait()

    def compare(self) -> None:
        """What was heard with what was done."""
        heard = Counter((change.kind, change.reservation.reservation_id) for _, change in self.heard)
        for kind in (PickupChangeKind.READY, PickupChangeKind.COLLECTED):
            for reservation_id in self.ready_at:
                if (times := heard.pop((kind, reservation_id), 0)) != 1:
                    self.came.till_events_missing += 1
                    self.came.find(f"a till heard {times} times that {reservation_id} is {kind.name}")
        for (kind, reservation_id), times in heard.items():
            self.came.till_events_missing += times
            self.came.find(f"a till heard that {reservation_id} is {kind.name}, which nobody did")
        took = [
            (at - self.ready_at[change.reservation.reservation_id]) * 1_000
            for at, change in self.heard
            if change.kind is PickupChangeKind.READY
        ]
        self.came.ready_to_till_ms_p99 = round(percentile(took, 0.99), 1) if took else 0.0


async def hand_over(client: ChannelClient, target: str, folder: Path, phases: Phases, kill: Job) -> Pickups:
    """Serve all customers, with a kill of the shop's actor in the middle, and look at what is there then."""
    await client.put_stores([Store(STORE_ID, "Counter")])
    goods = Adjustment(SKU, UNITS, 1, AdjustmentKind.RECEIPT)
    await client.adjust_stock(STORE_ID, "opening", [goods], idempotency_key="pickup-opening")
    async with AsyncExitStack() as stack:
        tills = [
            await stack.enter_async_context(
                TillClient(target, store_id=STORE_ID, till=name, journal_path=folder / f"{name} at the counter")
            )
            for name in (*TILLS, "listener")
        ]
        desk = Desk(client, tills[:2])
        listening = asyncio.create_task(desk.listen(tills[2]))
        try:
            with phases.phase("Handing over at the counter", CUSTOMERS) as tick:
                codes = [await desk.arrive(number) for number in range(CUSTOMERS)]
                for number, code in enumerate(codes):
                    killing = asyncio.ensure_future(kill()) if number == KILL_AT else None
                    await desk.serve(code)
                    if killing is not None:
                        await killing
                    tick(1)
            await desk.hear_the_last()
            desk.compare()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    (there,) = await client.get_availability([STORE_ID], [SKU])
    audit = await client.verify_ledger(STORE_ID)
    desk.came.units_left = there.positions[0].on_hand
    desk.came.holds_in_ledger = audit.holds
    return desk.came

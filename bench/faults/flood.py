"""A flood of reservations beside the callers of a run, in shops of its own: so many that they are only counted.

Each has a key of its own and is asked for again under it until it is answered. So in the end every shop has exactly as
many as were accepted: one fewer is a lost answer, one more is a call that was done twice.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from random import Random
from time import monotonic
from typing import Final

from bench.faults.callers import FLOOD_SHOPS, PATIENT_MS
from holdfast.client import Adjustment, AdjustmentKind, ChannelClient, HoldfastError, Reservation, Verification

SKUS: Final = tuple(f"flood-{number}" for number in range(20))
UNITS: Final = 1_000_000_000
TTL_MS: Final = 1_000
CALLERS: Final = 256  # at once: those of one tick go together
# As fast as they are answered, half an hour's flood had seven million, whose audits took longer than the faults.
PER_S: Final = 1_500
AUDIT_MS: Final = 1_800_000
PAUSE_S: Final = 0.2


@dataclass(slots=True)
class Flood:
    """`asked` and `accepted` count reservations, these by shop. `wrong` says what must not have happened. It asks for
    `per_s` of them a second, and for more after an outage, until it has caught up.
    """

    clients: Sequence[ChannelClient]
    seed: int = 0
    per_s: float = PER_S
    asked: int = 0
    again: int = 0
    accepted: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Until `over` is set and every call is answered."""
        rows = tuple(Adjustment(sku, UNITS, number, AdjustmentKind.RECEIPT) for number, sku in enumerate(SKUS, start=1))
        for store_id in FLOOD_SHOPS:
            await self.clients[0].adjust_stock(store_id, "flood", rows, timeout_ms=PATIENT_MS)
        await asyncio.gather(*(self._call(number) for number in range(CALLERS)))

    async def _call(self, number: int) -> None:
        draw, client = Random(f"flood:{self.seed}:{number}"), self.clients[number % len(self.clients)]
        began = monotonic()
        for turn in count(1):
            with suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), began + (turn * CALLERS + number) / self.per_s - monotonic())
            if self.over.is_set():
                return
            self.asked += 1
            await self._reserve(client, draw.choice(FLOOD_SHOPS), draw.choice(SKUS), f"flood-{number}-{turn}")

    async def _reserve(self, client: ChannelClient, store_id: str, sku: str, key: str) -> None:
        while True:
            try:
                answer = await client.reserve(
                    store_id=store_id,
                    lines=((sku, 1),),
                    customer_id=key,
                    channel="web",
                    ttl_ms=TTL_MS,
                    idempotency_key=key,
                    timeout_ms=PATIENT_MS,
                )
            except HoldfastError:  # nobody knows what became of it
                self.again += 1
                await asyncio.sleep(PAUSE_S)
                continue
            if isinstance(answer, Reservation):
                self.accepted[store_id] += 1
            else:
                self.wrong.append(f"{key} was refused by {store_id}, which has all that it asks for: {answer}")
            return

    async def audits(self, client: ChannelClient) -> list[Verification]:
        """The audits of its shops, which compute each ledger again from its journal."""
        audits: list[Verification] = []
        for store_id in FLOOD_SHOPS:
            try:
                audits.append(await client.verify_ledger(store_id, timeout_ms=AUDIT_MS))
            except HoldfastError as error:
                self.wrong.append(f"shop {store_id} was not audited: {error}")
        return audits

    def lost(self, audits: Sequence[Verification]) -> list[str]:
        """Where a journal has fewer reservations than callers were told of."""
        return [self._differs(each) for each in audits if each.accepted < self.accepted[each.store_id]]

    def doubled(self, audits: Sequence[Verification]) -> list[str]:
        """Where a journal has more."""
        return [self._differs(each) for each in audits if each.accepted > self.accepted[each.store_id]]

    def _differs(self, audit: Verification) -> str:
        told = self.accepted[audit.store_id]
        return f"shop {audit.store_id}: callers were told of {told:,} reservations, its journal has {audit.accepted:,}"

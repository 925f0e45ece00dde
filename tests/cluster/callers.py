"""Callers that write down what they were answered, and ask again at the end."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from holdfast.client import Adjustment, AdjustmentKind, ChannelClient, Order, Rejection, Reservation, Timeouts
from tests.cluster.service import Service

Answer = Reservation | Rejection
T = TypeVar("T")

CALL_MS: Final = 60_000  # longer than anything takes to come back from a kill
CLIENTS: Final = 3


def client_of(service: Service) -> ChannelClient:
    """A client that does not give up while a test's fault heals."""
    return ChannelClient(service.targets, timeouts=Timeouts(call_ms=CALL_MS))


def with_client(service: Service, main: Callable[[ChannelClient], Awaitable[T]]) -> T:
    """Run a coroutine with a client of its own."""

    async def whole() -> T:
        async with client_of(service) as client:
            return await main(client)

    return asyncio.run(whole())


async def receive(client: ChannelClient, store_id: str, sku: str, units: int) -> None:
    """Bring units into a shop, once for each SKU of a test."""
    change = await client.adjust_stock(
        store_id, sku, [Adjustment(sku=sku, delta=units, sequence=1, kind=AdjustmentKind.RECEIPT)]
    )
    assert not isinstance(change, Rejection)
    assert change.applied == 1


async def available(client: ChannelClient, store_id: str, sku: str) -> tuple[int, int, int]:
    """On hand, reserved, available."""
    (store,) = await client.get_availability([store_id], [sku])
    (position,) = store.positions
    return position.on_hand, position.reserved, position.available


async def pid_of(client: ChannelClient, store_id: str) -> int:
    """The process of the shop's actor."""
    return (await client.ledger_status(store_id)).pid


async def kill_actor(client: ChannelClient, store_id: str) -> None:
    """Kill -9."""
    os.kill(await pid_of(client, store_id), signal.SIGKILL)


async def verified(client: ChannelClient, *store_ids: str) -> None:
    """The journal agrees with itself and with the ledger, and nothing was oversold."""
    for store_id in store_ids:
        verification = await client.verify_ledger(store_id)
        assert verification.discrepancies == ()
        assert verification.holds
        assert verification.units_oversold == 0


@dataclass
class Crowd:
    """Customers who each want one unit of a SKU, over several connections. `answers` are by key."""

    service: Service
    store_id: str
    sku: str
    answers: dict[str, Answer] = field(default_factory=dict)

    async def come(
        self, keys: Iterable[str], *, at_once: int, during: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Reserve under each key, so many at a time; `during` happens when a third of them has been answered."""
        keys = list(keys)
        happens_at, happening = len(keys) // 3, asyncio.Event()
        slots = asyncio.Semaphore(at_once)
        clients = [client_of(self.service) for _ in range(CLIENTS)]

        async def one(place: int, key: str) -> None:
            async with slots:
                answer = await self._reserve(clients[place % CLIENTS], key)
            assert self.answers.setdefault(key, answer) == answer, f"another answer to {key}"
            if len(self.answers) >= happens_at:
                happening.set()

        async def strike() -> None:
            await happening.wait()
            if during is not None:
                await during()

        try:
            await asyncio.gather(strike(), *(one(place, key) for place, key in enumerate(keys)))
        finally:
            await asyncio.gather(*(client.close() for client in clients))

    async def _reserve(self, client: ChannelClient, key: str) -> Answer:
        answer = await client.reserve(
            self.store_id, [(self.sku, 1)], customer_id=f"c {key}", channel="web", idempotency_key=key
        )
        assert not isinstance(answer, Order), "no limit of the chain applies here"
        return answer

    async def ask_again(self) -> None:
        """Every answer that was given is given again."""
        await self.come(list(self.answers), at_once=256)

    @property
    def accepted(self) -> int:
        """How many got their unit."""
        return sum(isinstance(answer, Reservation) for answer in self.answers.values())

    @property
    def refused(self) -> Counter[str]:
        """Why the others did not."""
        return Counter(answer.reason.name for answer in self.answers.values() if isinstance(answer, Rejection))

"""A shop whose process hangs: while it does, everybody else is served, and then it is served again."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import grpc

from holdfast.client import ChannelClient, Health, Order, Place, Rejection, ReleaseReason, Reservation
from holdfast.v1 import reservation_service_pb2 as rs, reservation_service_pb2_grpc as rg
from tests.cluster.callers import available, pid_of, receive, verified, with_client
from tests.cluster.service import Service
from tests.waiting import until_async

HUNG: Final = "S5"
SKU: Final = "beside"
UNITS: Final = 100_000
NEAR: Final = Place(52.5, 13.0)  # S1, and S5 is farther than those that are tried
CALL_S: Final = 30.0  # of one call, on a busy machine
WAITING: Final = 8
# How often each is answered at least while the shop hangs: until its process is ended and another one has taken over,
# some four seconds. What asks the shop as well waits a second for it.
LEAST: Final = {"reserve": 5, "health": 5, "feed": 5, "order": 1, "find": 1, "read": 1, "batch": 1}


def test_a_shop_that_hangs_touches_nobody_else(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        beside = Beside(service, client, await neighbour(client))
        for each in (beside.store_id, HUNG):
            await receive(client, each, SKU, UNITS)
        versions = {each: (await client.ledger_status(each)).version for each in (beside.store_id, HUNG)}
        follower = asyncio.create_task(beside.follow(versions))
        stopped = await pid_of(client, HUNG)
        os.kill(stopped, signal.SIGSTOP)
        try:
            await beside.call_until_it_answers()
        finally:
            with suppress(ProcessLookupError):  # it was ended, as it did not answer
                os.kill(stopped, signal.SIGCONT)
        few = {kind: beside.answered[kind] for kind, least in LEAST.items() if beside.answered[kind] < least}
        assert not few, f"while {HUNG} hung: {beside.answered}"
        assert {"OUTCOME_UNKNOWN"} <= beside.errors <= {"OUTCOME_UNKNOWN", "OVERLOADED"}, "its batches did not wait"

        held = await asyncio.gather(*(reserve(client, HUNG, key) for key in beside.keys))
        assert all(isinstance(each, Reservation) for each in held), "asked for again under their keys"
        taken = WAITING + len(held)
        assert await available(client, HUNG, SKU) == (UNITS, taken, UNITS - taken)

        async def is_told() -> bool:
            return beside.told[HUNG] >= taken

        await until_async(is_told, within_s=CALL_S, what="the feed of the shop that hung")
        follower.cancel()
        await verified(client, beside.store_id, HUNG)

    with_client(service, main)


async def neighbour(client: ChannelClient) -> str:
    """A shop of another actor than the one that hangs."""
    actor_of = {each: (await client.ledger_status(each)).actor for each in ("S1", "S2", "S3", "S4", HUNG)}
    return next(each for each, actor in actor_of.items() if actor != actor_of[HUNG])


async def reserve(client: ChannelClient, store_id: str, key: str | None = None) -> Any:
    return await client.reserve(store_id, [(SKU, 1)], customer_id="c", channel="web", idempotency_key=key)


class Beside:
    """Calls of others. `answered` counts them by kind, as long as the shop hangs; `told` the events of a feed by shop,
    `keys` are those of a foreign caller for the shop that hangs, and `errors` what it was told for them.
    """

    def __init__(self, service: Service, client: ChannelClient, store_id: str) -> None:
        self.service, self.client, self.store_id = service, client, store_id
        self.answered, self.told = Counter[str](), Counter[str]()
        self.keys: list[str] = []
        self.errors: set[str] = set()

    async def follow(self, versions: dict[str, int]) -> None:
        """One feed of all shops."""
        async with self.client.watch_events(versions, all_stores=True) as events:
            async for event in events:
                self.told[event.store_id] += 1

    async def call_until_it_answers(self) -> None:
        """Each kind of call again and again, until the shop that hangs has answered all who wait for it."""
        hung = asyncio.gather(*(reserve(self.client, HUNG) for _ in range(WAITING)))
        kinds = (self._reserve, self._order, self._find, self._read, self._health)
        async with grpc.aio.insecure_channel(self.service.address) as channel:
            stub = rg.ReservationServiceStub(channel)
            works = [self._again("batch", lambda: self._batch(stub), hung)]
            works += [self._again(kind.__name__.strip("_"), kind, hung) for kind in kinds]
            await asyncio.gather(self._count_told(hung), *works)
        assert all(isinstance(each, Reservation) for each in await hung)

    async def _count_told(self, hung: "asyncio.Future[Any]") -> None:
        await asyncio.wait([hung])
        self.answered["feed"] = self.told[self.store_id]

    async def _again(self, kind: str, call: Callable[[], Awaitable[None]], hung: "asyncio.Future[Any]") -> None:
        while not hung.done():
            await asyncio.wait_for(call(), CALL_S)
            self.answered[kind] += not hung.done()

    async def _reserve(self) -> None:
        held = await reserve(self.client, self.store_id)
        assert isinstance(held, Reservation)
        assert isinstance(await self.client.confirm(held.reservation_id), Reservation)

    async def _order(self) -> None:
        placed = await self.client.reserve_near([(SKU, 1)], place=NEAR, customer_id="c", channel="web")
        assert isinstance(placed, Order)
        assert placed.part.store_id == self.store_id
        released = await self.client.release_order(placed.order_id, reason=ReleaseReason.NO_SHOW)
        assert not isinstance(released, Rejection)

    async def _find(self) -> None:
        found = await self.client.find_stores([(SKU, 1)], place=NEAR, channel="web")
        assert self.store_id in {each.store_id for each in found.candidates}

    async def _read(self) -> None:
        here, _ = await self.client.get_availability([self.store_id, HUNG], [SKU])
        assert here.positions

    async def _health(self) -> None:
        assert await self.client.health() is Health.SERVING

    async def _batch(self, stub: Any) -> None:
        """Of a foreign caller, for both shops."""
        key = f"beside {len(self.keys)}"
        self.keys.append(key)
        more: dict[str, Any] = {"customer_id": "c", "channel": "web", "lines": [{"sku": SKU, "quantity": 1}]}
        more["idempotency_key"] = key
        requests = [rs.ReserveRequest(store_id=store_id, **more) for store_id in (self.store_id, HUNG)]
        here, there = (await stub.ReserveBatch(rs.ReserveBatchRequest(requests=requests), timeout=CALL_S)).outcomes
        assert here.WhichOneof("result") == "reservation"
        if there.WhichOneof("result") != "reservation":
            self.errors.add(there.error.reason)

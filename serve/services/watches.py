"""The stream WatchReservation, for a customer's device: how a reservation stands, told as it changes while it waits in
line. Devices may be many, so a gateway looks once for all of one shop's, and only when something has happened there.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

import grpc

from actors.core.ids import is_hot, parse_reservation_id
from actors.core.status import Status
from actors.protocol.messages import LedgerStopped, Unseen
from actors.shop.state import Reservation
from holdfast.v1 import reservation_service_pb2 as rs
from serve.coordination.hot import HotCalls
from serve.routing.batcher import DeadlinePassed
from serve.routing.heads import Heads
from serve.routing.router import Router
from serve.services.store_directory import StoreDirectory
from serve.wire.reservations import fill_reservation
from serve.wire.rules import Checked
from serve.wire.statuses import refused, unknown_reservation

WATCHES_MAX: Final = 1_024  # by gateway
LOOK_S: Final = 0.1  # how long a look waits for others of its shop
UNMOVED_S_MAX: Final = 5.0  # then it is looked anyway
ASK_S_MAX: Final = 30.0  # an actor that restarts is waited for

Found = dict[int, Reservation | Unseen | None]


class Watches:
    """Serves the stream."""

    def __init__(self, router: Router, stores: StoreDirectory, hot: HotCalls) -> None:
        self._router = router
        self._stores = stores
        self._hot = hot
        self._heads = Heads(router)
        self._looks: dict[str, tuple[dict[int, None], asyncio.Task[Found]]] = {}
        self._open = 0
        self._closing = False
        self.streams: Final = {"WatchReservation": self._watch}

    def close(self) -> None:
        """End every stream at its next turn, so that readers resume elsewhere."""
        self._closing = True

    async def _watch(self, request: rs.WatchReservationRequest) -> AsyncIterator[rs.WatchReservationResponse]:
        Checked(request).raise_if_faulty()
        if self._open >= WATCHES_MAX:
            message = f"this gateway watches {WATCHES_MAX} reservations already; ask again later, or another gateway"
            raise refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS", message, retry_after_s=1.0)
        self._open += 1
        try:
            store_id, number = parse_reservation_id(request.reservation_id)
            deadline = asyncio.get_running_loop().time() + ASK_S_MAX
            await self._stores.require_of_reservation(store_id, deadline=deadline)
            if is_hot(store_id):  # nobody waits in line there: it is in a shop, or told once
                store_id, _, found = await self._hot.read(store_id, number, deadline)
                if found is None:
                    raise unknown_reservation(store_id, request.reservation_id)
                number = found.number
            async for standing in self._standings(store_id, number):
                told = rs.WatchReservationResponse()
                fill_reservation(standing, store_id, self._router.chain, told.reservation)
                yield told
        except DeadlinePassed as error:
            away = "the shop's actor did not answer; watch again"
            raise refused(grpc.StatusCode.UNAVAILABLE, "SHOP_AWAY", away, retry_after_s=0.1) from error
        finally:
            self._open -= 1
            if not self._open:
                self._heads.close()

    async def _standings(self, store_id: str, number: int) -> AsyncIterator[Reservation]:
        """How it stands, each time that it stands otherwise, until it waits no more."""
        last: Reservation | None = None
        while not self._closing:
            (actor,) = self._router.by_actor([store_id])
            moved = self._heads.moved
            self._heads.are_elsewhere(actor, {})  # follows it
            now = await self._look(store_id, number)
            if now != last:
                yield now
                last = now
            if now.status is not Status.QUEUED:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(UNMOVED_S_MAX):
                    await moved.wait()
        raise refused(grpc.StatusCode.UNAVAILABLE, "GATEWAY_DRAINING", "this gateway drains; watch again")

    async def _look(self, store_id: str, number: int) -> Reservation:
        """How it stands now, asked with the others of its shop."""
        if store_id not in self._looks:
            numbers: dict[int, None] = {}
            self._looks[store_id] = numbers, asyncio.create_task(self._ask(store_id, numbers))
        numbers, task = self._looks[store_id]
        numbers[number] = None
        found = (await asyncio.shield(task))[number]
        if isinstance(found, Unseen):
            raise LedgerStopped(f"the record of {store_id}:{number} is in an archive that is not there")
        if found is None:
            raise unknown_reservation(store_id, f"{store_id}:{number}")
        return found

    async def _ask(self, store_id: str, numbers: dict[int, None]) -> Found:
        await asyncio.sleep(LOOK_S)
        del self._looks[store_id]
        deadline = asyncio.get_running_loop().time() + ASK_S_MAX
        found: list[Any] = await self._router.ask(
            store_id, "reservations_of", store_id, list(numbers), deadline=deadline
        )
        return dict(zip(numbers, found, strict=True))

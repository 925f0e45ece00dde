"""StockService: changes of stock, and reads of it."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import grpc

from actors.protocol.messages import Entry, Moved
from actors.runtime.clock import Clock
from actors.shop.lines.decide import Row
from holdfast.v1 import stock_service_pb2 as ss
from serve.calls import Call, fill_error, refuse_older
from serve.coordination.hot import HotCalls
from serve.coordination.hot_home import bring_home
from serve.coordination.hot_stock import error_of, held_of, with_held
from serve.coordination.hot_units import HotUnits
from serve.routing.batcher import DeadlinePassed, Rerouted
from serve.routing.beside import ask_beside, beside
from serve.routing.router import Router
from serve.services.filling import made
from serve.services.store_directory import StoreDirectory
from serve.wire.fields import fill_instant
from serve.wire.statuses import CallRefused, refused
from serve.wire.stock import adjust_stock, check_availability, count_stock, fill_change, fill_position, set_safety_stock

Read = tuple[int, int, list[Row | None]] | BaseException  # a shop's version, its time and rows, or what kept it


class Stock:
    """StockService, but for WatchAvailability, which is a feed."""

    def __init__(self, router: Router, stores: StoreDirectory, clock: Clock, units: HotUnits, hot: HotCalls) -> None:
        self._router = router
        self._units = units
        self._hot = hot
        self._stores = stores
        self._clock = clock
        self.calls: Final = {
            "AdjustStock": Call(partial(self._change, adjust_stock)),
            "CountStock": Call(partial(self._change, self._count)),
            "SetSafetyStock": Call(partial(self._change, set_safety_stock)),
            "GetAvailability": Call(self._availability),
        }

    def _count(self, request: ss.CountStockRequest) -> Entry:
        return count_stock(request, self._clock.now_ms())

    async def _change(self, translate: Callable[[Any], Entry], request: Any, deadline: float, reply: Any) -> None:
        entry = translate(request)
        store_id = entry[0]
        await self._stores.require(store_id, deadline=deadline)
        answer = await self._router.send(entry, deadline, promise=False)
        if (moved := made(Moved, answer, store_id, reply)) is None:
            return
        if self._router.chain.hot:  # it is decided, and durable: what follows cannot fail the call
            await bring_home(self._router, self._units, self._hot, entry, deadline)
        fill_change(moved, store_id, reply.change)

    async def _availability(
        self, request: ss.GetAvailabilityRequest, deadline: float, reply: ss.GetAvailabilityResponse
    ) -> None:
        check_availability(request)
        for index, store_id in enumerate(request.store_ids):
            await self._stores.require(store_id, f"store_ids[{index}]", deadline=deadline)
        skus = list(request.skus)
        found = await self._read(request.store_ids, skus, deadline)
        read = {store_id: said[2] for store_id, said in found.items() if not isinstance(said, BaseException)}
        held, kept = await held_of(self._router, skus, read, beside(deadline) if len(found) > 1 else deadline)
        found |= kept
        errors = [said for said in found.values() if isinstance(said, BaseException)]
        if len(errors) == len(found):
            raise errors[0]
        now_ms = self._clock.now_ms()
        for store_id in request.store_ids:
            store = reply.stores.add(store_id=store_id)
            said = found[store_id]
            if isinstance(said, BaseException):
                fill_error(_away(store_id) if isinstance(said, DeadlinePassed) else said, store.error)
                continue
            version, as_of_ms, rows = said
            refuse_older(f"min_versions[{store_id}]", store_id, version, request.min_versions.get(store_id, 0))
            store.version = version
            fill_instant(as_of_ms, store.as_of)
            store.age.FromMilliseconds(max(0, now_ms - as_of_ms))
            for sku, row in zip(skus, rows, strict=True):
                fill_position(sku, with_held(row, held.get((store_id, sku))), store.positions.add())

    async def _read(self, store_ids: Iterable[str], skus: list[str], deadline: float) -> dict[str, Read]:
        """By shop its version, its time and its rows, or what kept it from telling them."""
        left, found = list(dict.fromkeys(store_ids)), dict[str, Read]()
        while left:
            shops_of = self._router.by_actor(left)
            asked = {actor: (mine, skus) for actor, mine in shops_of.items()}
            left = []
            for actor, said in (await ask_beside(self._router, "availability", asked, deadline)).items():
                mine = shops_of[actor]
                if isinstance(said, Rerouted):
                    left += mine
                    continue
                found |= dict.fromkeys(mine, said) if isinstance(said, BaseException) else zip(mine, said, strict=True)
        return {each: error_of(said) if isinstance(said, str) else said for each, said in found.items()}


def _away(store_id: str) -> CallRefused:
    message = f"shop {store_id} did not answer in time, and nothing is said of what it has; ask for it again"
    return refused(grpc.StatusCode.UNAVAILABLE, "SHOP_AWAY", message, retry_after_s=0.1, store_id=store_id)

"""StockService: changes of stock, and reads of it."""

import asyncio
from collections.abc import Callable
from typing import Any

from actors.protocol.messages import Entry, Moved, Refusal, Stopped
from actors.runtime.clock import Clock
from holdfast.v1 import stock_service_pb2 as ss
from serve.admission import deadline_of, parse, refuse_older
from serve.routing.router import Router
from serve.services.addressing import StoreDirectory
from serve.wire import statuses
from serve.wire.fields import fill_instant
from serve.wire.statuses import Refused, fill_rejection
from serve.wire.stock import check_availability, fill_change, fill_position


class Stock:
    """StockService, but for WatchAvailability, which is a feed."""

    def __init__(self, router: Router, stores: StoreDirectory, clock: Clock) -> None:
        self._router = router
        self._stores = stores
        self._clock = clock

    async def change(
        self, kind: Any, translate: Callable[[Any], Entry], payload: bytes, context: Any, reply: Any
    ) -> None:
        """AdjustStock, CountStock, SetSafetyStock."""
        entry = translate(parse(kind, payload))
        store_id = entry[0]
        await self._stores.require(store_id)
        answer = await self._router.send(entry, deadline_of(context), promise=False)
        if isinstance(answer, Moved):
            fill_change(answer, store_id, reply.change)
        elif isinstance(answer, Stopped):
            raise Refused(statuses.stopped(answer.why))
        else:
            assert isinstance(answer, Refusal)
            fill_rejection(answer, store_id, reply.rejection)

    async def availability(self, payload: bytes, context: Any, reply: ss.GetAvailabilityResponse) -> None:
        """GetAvailability: one question to each actor, all at once."""
        request = parse(ss.GetAvailabilityRequest, payload)
        check_availability(request)
        for index, store_id in enumerate(request.store_ids):
            await self._stores.require(store_id, f"store_ids[{index}]")
        skus, deadline = list(request.skus), deadline_of(context)
        groups = self._router.by_actor(list(dict.fromkeys(request.store_ids)))
        answers = await asyncio.gather(
            *(
                self._router.ask_actor(actor, "availability", store_ids, skus, deadline=deadline)
                for actor, store_ids in groups.items()
            )
        )
        found = {
            store_id: row
            for store_ids, rows in zip(groups.values(), answers, strict=True)
            for store_id, row in zip(store_ids, rows, strict=True)
        }
        now_ms = self._clock.now_ms()
        for store_id in request.store_ids:
            version, as_of_ms, rows = found[store_id]
            refuse_older(f"min_versions[{store_id}]", store_id, version, request.min_versions.get(store_id, 0))
            store = reply.stores.add(store_id=store_id, version=version)
            fill_instant(as_of_ms, store.as_of)
            store.age.FromMilliseconds(max(0, now_ms - as_of_ms))
            for sku, row in zip(skus, rows, strict=True):
                fill_position(sku, row, store.positions.add())

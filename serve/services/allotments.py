"""AllotmentService: units handed to tills and channels."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from actors.protocol.messages import Entry
from actors.shop.allotments.allotment import Allotment
from actors.shop.commands import ExtendAllotment, ReturnAllotment
from holdfast.v1 import allotment_service_pb2 as als
from serve.calls import Call
from serve.coordination.hot_units import HotUnits
from serve.routing.router import Router
from serve.services.filling import made
from serve.services.store_directory import StoreDirectory
from serve.wire import fields
from serve.wire.allotments import allot_stock, fill_allotment, step


class Allotments:
    """Serves AllotmentService."""

    def __init__(self, router: Router, stores: StoreDirectory, units: HotUnits) -> None:
        self._router = router
        self._units = units
        self._stores = stores
        self.calls: Final = {
            "AllotStock": Call(partial(self._change, allot_stock, "store_id", False)),
            "ExtendAllotment": self._step(ExtendAllotment),
            "ReturnAllotment": self._step(ReturnAllotment),
            "ListAllotments": Call(self._list),
        }

    def _step(self, kind: type[ExtendAllotment | ReturnAllotment]) -> Call:
        return Call(partial(self._change, partial(step, kind), "allotment_id", True), is_step=True)

    async def _change(
        self,
        translate: Callable[[Any], Entry],
        field: str,
        promise: bool,
        request: Any,
        deadline: float,
        reply: Any,
    ) -> None:
        entry = translate(request)
        store_id = entry[0]
        await self._stores.require(store_id, field, deadline=deadline)
        answer = await self._units.send(entry, deadline, promise=promise)
        if (allotment := made(Allotment, answer, store_id, reply)) is not None:
            fill_allotment(allotment, store_id, reply.allotment)

    async def _list(
        self, request: als.ListAllotmentsRequest, deadline: float, reply: als.ListAllotmentsResponse
    ) -> None:
        store_id, statuses = request.store_id, sorted({int(status) for status in request.statuses})
        scope = (store_id, *statuses)
        token = fields.read_token(request, "ListAllotments", scope)
        await self._stores.require(store_id, deadline=deadline)
        asked = (store_id, statuses, int(token or 0), fields.page_size(request.page_size))
        version, page, after = await self._router.ask(store_id, "allotments", *asked, deadline=deadline)
        for allotment in page:
            fill_allotment(allotment, store_id, reply.allotments.add())
        reply.next_page_token = fields.issue_token("ListAllotments", scope, after) if after else ""
        reply.version = version

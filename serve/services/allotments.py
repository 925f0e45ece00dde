"""AllotmentService: units handed to tills and channels."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from actors.protocol.messages import Entry, Refusal
from actors.shop.allotments.allotment import Allotment
from holdfast.v1 import allotment_service_pb2 as als
from serve.calls import Call, failure_of
from serve.coordination.hot_units import HotUnits
from serve.routing.router import Router
from serve.services.store_directory import StoreDirectory
from serve.wire import fields
from serve.wire.allotments import allot_stock, extend_allotment, fill_allotment, return_allotment
from serve.wire.rules import Checked
from serve.wire.statuses import fill_rejection


class Allotments:
    """Serves AllotmentService."""

    def __init__(self, router: Router, stores: StoreDirectory, units: HotUnits) -> None:
        self._router = router
        self._units = units
        self._stores = stores
        self.calls: Final = {
            "AllotStock": Call(partial(self._change, allot_stock, "store_id", False)),
            "ExtendAllotment": Call(partial(self._change, extend_allotment, "allotment_id", True), is_step=True),
            "ReturnAllotment": Call(partial(self._change, return_allotment, "allotment_id", True), is_step=True),
            "ListAllotments": Call(self._list),
        }

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
        if (failure := failure_of(answer)) is not None:
            raise failure
        if isinstance(answer, Refusal):
            fill_rejection(answer, store_id, reply.rejection)
        else:
            assert isinstance(answer, Allotment), "a shop answers with the allotment"
            fill_allotment(answer, store_id, reply.allotment)

    async def _list(
        self, request: als.ListAllotmentsRequest, deadline: float, reply: als.ListAllotmentsResponse
    ) -> None:
        checked = Checked(request)
        store_id, statuses = request.store_id, sorted({int(status) for status in request.statuses})
        scope = (store_id, *statuses)
        token = fields.read_token(checked, "ListAllotments", scope, request.page_token)
        checked.raise_if_faulty()
        await self._stores.require(store_id, deadline=deadline)
        asked = (store_id, statuses, int(token or 0), fields.page_size(request.page_size))
        version, page, after = await self._router.ask(store_id, "allotments", *asked, deadline=deadline)
        for allotment in page:
            fill_allotment(allotment, store_id, reply.allotments.add())
        reply.next_page_token = fields.issue_token("ListAllotments", scope, after) if after else ""
        reply.version = version

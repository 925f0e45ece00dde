"""PickService: what staff, and stations, pick and hand over, what they put back, and where products stand."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import grpc
from msgspec.structs import replace

from actors.core.chain import Chain
from actors.core.ids import parse_reservation_id
from actors.core.rejection import Reason
from actors.core.status import ShortChoice
from actors.protocol.messages import Entry, LedgerStopped, Refusal
from actors.shop.picking.pick_task import FinishPick, NoteArrival, PickTask, PutBack, ReleasePick, ScanPick, ShortPick
from actors.shop.shortfalls.shortfall import Resolution
from holdfast.v1 import pick_pb2, pick_service_pb2 as ps
from serve.calls import Call, failure_of, share_of
from serve.coordination.hot_units import HotUnits
from serve.coordination.reconciler import Reconciler
from serve.products.codes import WrongCheckDigit
from serve.products.table import NOWHERE, ProductFile, Products
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.routing.router import Router
from serve.services.store_directory import StoreDirectory
from serve.sourcing.near import may_have
from serve.sourcing.search import Finder
from serve.wire import fields, picking
from serve.wire.fields import fill_instant
from serve.wire.reservations import fill_reservation
from serve.wire.rules import Checked
from serve.wire.shortfalls import format_task_id
from serve.wire.statuses import fill_rejection, refused

MOVE_SOON_S: Final = 3.0  # how long an answer waits for other shops to say whether they have the units
_GIVEN_UP: Final = {
    Resolution.RELEASED: pick_pb2.SHORT_CHOICE_WITHOUT,
    Resolution.WAITING: pick_pb2.SHORT_CHOICE_LATER,
}


class Picking:
    """Serves PickService."""

    def __init__(
        self,
        router: Router,
        stores: StoreDirectory,
        units: HotUnits,
        reconciler: Reconciler,
        products: ProductFile,
        finder: Finder,
    ) -> None:
        self._router = router
        self._reconciler = reconciler
        self._stores = stores
        self._units = units
        self._products = products
        self._finder = finder
        self.calls: Final = {
            "ListPickTasks": Call(self._list),
            "GetPickTask": Call(self._get),
            "ClaimPickTask": self._step(picking.claim_pick, "store_id"),
            "ReleasePickTask": self._step(partial(picking.step, ReleasePick)),
            "ScanPickTask": self._step(picking.scan_pick),
            "ShortPickTask": self._step(picking.short_pick),
            "FinishPickTask": self._step(partial(picking.step, FinishPick)),
            "PutBackPickTask": self._step(partial(picking.step, PutBack)),
            "NoteArrival": self._step(partial(picking.step, NoteArrival)),
            "FindProduct": Call(self._find),
        }

    def _step(self, translate: Callable[[Any], Entry], field: str = "reservation_id") -> Call:
        return Call(partial(self._change, translate, field), is_step=True)

    async def _change(
        self, translate: Callable[[Any], Entry], field: str, request: Any, deadline: float, reply: Any
    ) -> None:
        store_id, command = translate(request)
        products = await self._products.now()
        if isinstance(command, ScanPick) and command.code:
            command = replace(command, article=_article_of(products, request))
        elif isinstance(command, ShortPick):
            allowed = products.substitutes.get(command.sku, ())
            command = replace(command, is_listed=command.substitute in allowed)
        await self._stores.require(store_id, field, deadline=deadline)
        if isinstance(command, ShortPick) and command.choice is ShortChoice.ELSEWHERE:
            command = replace(command, near=await self._near(store_id, command, deadline))
        answer = await self._units.send((store_id, command), deadline, promise=True)
        if (failure := failure_of(answer)) is not None:
            raise failure
        if isinstance(answer, Refusal):
            fill_rejection(answer, store_id, reply.rejection)
            if answer.rejection.reason is Reason.PART_OF_ORDER:  # name it: AmendOrder changes it
                reply.rejection.order_id = await self._order_of(store_id, answer.rejection.number, deadline)
        else:
            assert isinstance(answer, PickTask), "a shop answers with the task"
            if isinstance(command, ShortPick) or (isinstance(command, FinishPick) and command.is_ready):
                await self._report(store_id, answer.number, deadline)
            picking.fill_pick_task(answer, store_id, reply.pick_task)
            if isinstance(command, ShortPick) and command.choice is ShortChoice.ELSEWHERE:
                await self._move(store_id, answer.version - 1, deadline, reply.pick_task.elsewhere)

    async def _near(self, store_id: str, command: ShortPick, deadline: float) -> tuple[str, ...]:
        """The shops to ask for units that are not found: the customer's, or the nearest that have, or may have, all of
        them.
        """
        if command.to_store:
            await self._stores.require(command.to_store, "to_store_id", deadline=deadline)
            return (command.to_store,)
        _, found = await self._router.ask(store_id, "reservation", store_id, command.number, deadline=deadline)
        if found is None:  # the shop says what is wrong
            return ()
        wanted = found.channel, ((command.sku, command.quantity),)
        store, until = self._router.chain.stores[store_id], share_of(deadline, 0.5)
        return tuple(await may_have(self._finder, store, *wanted, until))

    async def _move(self, store_id: str, number: int, deadline: float, reply: pick_pb2.Elsewhere) -> None:
        """Have another shop hold what a short pick's task is about, as far as that can be known soon. Its event is the
        one before the short pick's.
        """
        reply.task_id = format_task_id(store_id, number)
        with suppress(DeadlinePassed, LedgerStopped, Overloaded):  # a reconciler goes on
            until = min(share_of(deadline, 0.5), asyncio.get_running_loop().time() + MOVE_SOON_S)
            task = await self._router.ask(store_id, "shortfall", store_id, number, deadline=until)
            if task is None:
                return
            if task.is_moving:
                reply.store_id = task.near[0]
                task = await self._reconciler.elsewhere.move(store_id, task, until)
            if task.resolution in _GIVEN_UP:
                reply.store_id, reply.applied = "", _GIVEN_UP[task.resolution]
            elif task.resolution is Resolution.MOVED:
                moved_to = parse_reservation_id(task.moved_to)
                reply.reservation_id, ends_ms = await self._reconciler.elsewhere.as_now(moved_to, until)
                reply.store_id, reply.applied = (
                    parse_reservation_id(reply.reservation_id)[0],
                    pick_pb2.SHORT_CHOICE_ELSEWHERE,
                )
                if ends_ms:
                    fill_instant(ends_ms, reply.expires_at)

    async def _order_of(self, store_id: str, number: int, deadline: float) -> str:
        _, found = await self._router.ask(store_id, "reservation", store_id, number, deadline=deadline)
        return "" if found is None or found.part is None else str(found.part.order)

    async def _report(self, store_id: str, number: int, deadline: float) -> None:
        """Have the order of a part, or who has granted its units, hear of it, as of any step; else it hears later."""
        with suppress(DeadlinePassed, LedgerStopped, Overloaded):
            _, found = await self._router.ask(store_id, "reservation", store_id, number, deadline=deadline)
            if found is not None:
                await self._reconciler.report_answers([(store_id, found)], deadline)

    async def _list(self, request: ps.ListPickTasksRequest, deadline: float, reply: ps.ListPickTasksResponse) -> None:
        store_id, statuses = request.store_id, sorted({int(status) for status in request.statuses})
        scope = (store_id, *statuses)
        token = fields.read_token(request, "ListPickTasks", scope)
        await self._stores.require(store_id, deadline=deadline)
        asked = store_id, statuses, token, fields.page_size(request.page_size)
        version, now_ms, page, after = await self._router.ask(store_id, "pick_tasks", *asked, deadline=deadline)
        products = await self._products.now()
        for told in page:
            _fill_told(told, store_id, self._router.chain, products, reply.tasks.add())
        reply.next_page_token = fields.issue_token("ListPickTasks", scope, after) if after else ""
        reply.version = version
        fill_instant(now_ms, reply.at)

    async def _get(self, request: ps.GetPickTaskRequest, deadline: float, reply: ps.GetPickTaskResponse) -> None:
        store_id, number = picking.number_of(Checked(request), request.reservation_id)
        await self._stores.require(store_id, "reservation_id", deadline=deadline)
        version, now_ms, told = await self._router.ask(store_id, "pick_task", store_id, number, deadline=deadline)
        if told is None:
            asked, code = request.reservation_id, grpc.StatusCode.NOT_FOUND
            message = f"shop {store_id} has no pick task of {asked}, or it is over; check the id"
            raise refused(code, "PICK_TASK_NOT_FOUND", message, store_id=store_id, reservation_id=asked)
        _fill_told(told, store_id, self._router.chain, await self._products.now(), reply.pick_task)
        reply.version = version
        fill_instant(now_ms, reply.at)

    async def _find(self, request: ps.FindProductRequest, deadline: float, reply: ps.FindProductResponse) -> None:
        Checked(request).raise_if_faulty()
        store_id = request.store_id
        await self._stores.require(store_id, deadline=deadline)
        products = await self._products.now()
        sku = request.sku or _article_of(products, request)
        if sku not in products.codes:
            message = f"{sku} is not in the table of products; check it, or add it there"
            raise refused(grpc.StatusCode.NOT_FOUND, "PRODUCT_NOT_FOUND", message, sku=sku)
        reply.sku = sku
        reply.gtins.extend(products.codes[sku])
        reply.substitutes.extend(products.substitutes.get(sku, ()))
        if (place := products.place_of(store_id, sku)) != NOWHERE:
            picking.fill_place(place, reply.place)


def _article_of(products: Products, request: Any) -> str:
    """The SKU of a code; the code itself, where the table does not have it. Raises InvalidRequest for one that was
    misread.
    """
    try:
        return products.sku_of(request.code) or str(request.code)
    except WrongCheckDigit as error:
        if not products.codes:  # there is no table: it may well be a SKU
            return str(request.code)
        checked = Checked(request)
        checked.fault("code", str(error).removeprefix(f"{request.code} "))
        checked.raise_if_faulty()
        raise AssertionError("it is faulty") from error


def _fill_told(told: Any, store_id: str, chain: Chain, products: Products, reply: pick_pb2.PickTask) -> None:
    task, reservation = told
    picking.fill_pick_task(task, store_id, reply)
    picking.fill_places(products, reply)
    if reservation is not None:
        fill_reservation(reservation, store_id, chain, reply.reservation)

"""ReservationService: single calls of mutations, and reads; batches are in `reservation_batches`."""

from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from actors.core.ids import is_hot, parse_reservation_id
from actors.protocol.messages import Entry, Refusal
from actors.shop import commands as shop
from actors.shop.returns.sale_return import Return
from holdfast.v1 import reservation_service_pb2 as rs
from serve.calls import Call, refuse_older
from serve.coordination.grants import Grants
from serve.coordination.hot import HotCalls
from serve.coordination.reconciler import Reconciler
from serve.routing.rates import Rates
from serve.routing.router import Router
from serve.services.filling import fill
from serve.services.handed_over import HandedOver
from serve.services.hinting import Hinting
from serve.services.new_orders import NewOrders
from serve.services.refused_steps import is_unsaid, say
from serve.services.reservation_batches import RESERVE, Batches, Kind
from serve.services.store_directory import StoreDirectory
from serve.wire import fields, reservations as wr, statuses
from serve.wire.reservations import fill_reservation, split_requests
from serve.wire.rules import Checked


def _kind(command: type[shop.Command]) -> Kind:
    return Kind(partial(wr.step, command))


class Reservations:
    """Serves ReservationService. A Reserve that becomes an order is handed to `orders`."""

    def __init__(
        self,
        router: Router,
        stores: StoreDirectory,
        grants: Grants,
        hot: HotCalls,
        rates: Rates,
        orders: NewOrders,
        reconciler: Reconciler,
        handed_over: HandedOver,
    ) -> None:
        self._router = router
        self._stores = stores
        self._grants = grants
        self._hot = hot
        self._rates = rates
        self._orders = orders
        self._reconciler = reconciler
        self._handed_over = handed_over
        self._batches = Batches(router, stores, grants, hot, rates, orders, reconciler, handed_over, self._step)
        self.calls: Final = {
            "Reserve": self._single(RESERVE)._replace(on_retry=wr.forget_first_attempt),
            "ReserveBatch": self._batched(RESERVE)._replace(on_retry=lambda batch: wr.forget_first_attempt(*batch)),
            "GetReservation": Call(self._get),
            "ListReservations": Call(self._list),
            "ConfirmReservation": self._single(_kind(shop.Confirm)),
            "ConfirmBatch": self._batched(_kind(shop.Confirm)),
            "MarkReservationReady": self._single(_kind(shop.MarkReady)),
            "CollectReservation": self._single(Kind(self._collect)),
            "CollectBatch": self._batched(Kind(self._collect)),
            "ReturnReservation": self._single(_kind(Return)),
            "ReleaseReservation": self._single(_kind(shop.Release)),
            "ReleaseBatch": self._batched(_kind(shop.Release)),
            "ExtendReservation": self._single(_kind(shop.Extend)),
            "GiveReservation": self._single(_kind(shop.Give)),
            "AmendReservation": self._single(_kind(shop.Amend)),
        }

    def _single(self, kind: Kind) -> Call:
        return Call(partial(self._one, kind), is_step=kind.promise)

    def _batched(self, kind: Kind) -> Call:
        return Call(partial(self._batches.decide, kind), is_step=kind.promise, parse=split_requests)

    def _collect(self, request: Any) -> Entry:
        """Who hands over is no part of what is asked for: a service of a format from before does not keep it."""
        store_id, command = wr.step(shop.Collect, request)
        assert isinstance(command, shop.Collect), "as asked for"
        if command.hand_over is not None and not self._router.writing.is_newest:
            command = replace(command, hand_over=None)
        return store_id, command

    async def _one(self, kind: Kind, request: Any, deadline: float, reply: Any) -> None:
        if kind is RESERVE and request.HasField("sourcing"):
            await self._orders.reserve(request, deadline, reply)
            return
        entry = kind.translate(request)
        if kind is not RESERVE:
            await self._step(entry, reply, deadline)
            return
        if entry[0] not in self._router.chain.stores:
            await self._stores.require(entry[0], kind.shop_field, deadline=deadline)
        self._rates.note(entry)
        if self._router.sold_out and Hinting(self._router, self._rates).refuses(request, entry, reply):
            return
        ledger_id, answer = await self._hot.reserve(entry, deadline, is_first=request.first_attempt)
        fill(answer, entry, ledger_id, self._router.chain, reply)
        if is_hot(ledger_id):
            reply.key_stamp = self._hot.stamp(entry)

    async def _step(self, entry: Entry, reply: Any, deadline: float) -> None:
        """A step of a reservation, in its shop or in the ledger of a hot SKU."""
        ledger_id = entry[0]
        await self._stores.require_of_reservation(ledger_id, deadline=deadline)
        if is_hot(ledger_id):
            ledger_id, answer = await self._hot.step(entry, deadline)
        else:
            answer = await self._grants.decide(entry, deadline, promise=True)
        self._handed_over.note(entry, ledger_id, answer)
        await self._reconciler.report_answers([(ledger_id, answer)], deadline)
        fill(answer, entry, ledger_id, self._router.chain, reply)
        if isinstance(answer, Refusal) and is_unsaid(answer):
            await say(self._router, ledger_id, [(answer.rejection, reply)], deadline)

    async def _get(self, request: rs.GetReservationRequest, deadline: float, reply: rs.GetReservationResponse) -> None:
        Checked(request).raise_if_faulty()
        store_id, number = parse_reservation_id(request.reservation_id)
        await self._stores.require_of_reservation(store_id, deadline=deadline)
        store_id, version, reservation = await self._hot.read(store_id, number, deadline)
        refuse_older("min_version", store_id, version, request.min_version)
        if reservation is None:
            raise statuses.unknown_reservation(store_id, request.reservation_id)
        fill_reservation(reservation, store_id, self._router.chain, reply.reservation)
        reply.version = version

    async def _list(
        self, request: rs.ListReservationsRequest, deadline: float, reply: rs.ListReservationsResponse
    ) -> None:
        store_id, statuses = request.store_id, sorted({int(status) for status in request.statuses})
        scope = (store_id, *statuses)
        token = fields.read_token(request, "ListReservations", scope)
        await self._stores.require(store_id, deadline=deadline)
        asked = (store_id, statuses, int(token or 0), fields.page_size(request.page_size))
        version, page, after = await self._router.ask(store_id, "reservations", *asked, deadline=deadline)
        for reservation in page:
            fill_reservation(reservation, store_id, self._router.chain, reply.reservations.add())
        reply.next_page_token = fields.issue_token("ListReservations", scope, after) if after else ""
        reply.version = version

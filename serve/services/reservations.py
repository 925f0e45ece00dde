"""ReservationService: single calls and batches of mutations, and reads."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import grpc

from actors.core.chain import Chain
from actors.core.ids import parse_holder, parse_reservation_id
from actors.core.rejection import Reason
from actors.protocol.messages import Answer, Entry, Held, Refusal
from actors.shop import commands as shop
from actors.shop.state import Reservation
from holdfast.v1 import reservation_service_pb2 as rs
from serve.calls import ENDINGS, Call, failure_of, fill_error, refuse_older, share_of
from serve.coordination.grants import Grants, is_grant_required
from serve.coordination.reconciler import Reconciler
from serve.routing.batcher import Overloaded
from serve.routing.router import Router
from serve.services.orders import Orders
from serve.services.store_directory import StoreDirectory
from serve.wire import fields, reservations as wr, statuses
from serve.wire.reservations import fill_held, fill_reservation, split_requests
from serve.wire.rules import Checked
from serve.wire.statuses import Refused, Status, by_hint, fill_rejection

# The share of a batch's time that an order in it may use, or a call with a grant. One whose shop is away then has an
# error in its own outcome, and the batch is answered while the caller still waits, with the outcomes of all the others.
ORDER_SHARE: Final = 0.5

Translate = Callable[[Any], Entry]
Item = tuple[Entry, Any]  # what one shop decides of a batch, and the outcome to fill


class Kind(NamedTuple):
    """A mutation: the translation to its command, whether it keeps a promise already made, and where its request names
    the shop.
    """

    translate: Translate
    promise: bool = True
    shop_field: str = "reservation_id"


RESERVE: Final = Kind(wr.reserve, promise=False, shop_field="store_id")


def _step(command: type[shop.Command]) -> Kind:
    return Kind(partial(wr.step, command))


class Reservations:
    """Serves ReservationService. A Reserve that becomes an order is handed to `orders`."""

    def __init__(
        self, router: Router, stores: StoreDirectory, grants: Grants, orders: Orders, reconciler: Reconciler
    ) -> None:
        self._router = router
        self._stores = stores
        self._grants = grants
        self._orders = orders
        self._reconciler = reconciler
        self.calls: Final = {
            "Reserve": self._single(RESERVE)._replace(on_retry=wr.forget_first_attempt),
            "ReserveBatch": self._batched(RESERVE)._replace(on_retry=lambda batch: wr.forget_first_attempt(*batch)),
            "GetReservation": Call(self._get),
            "ListReservations": Call(self._list),
            "ConfirmReservation": self._single(_step(shop.Confirm)),
            "ConfirmBatch": self._batched(_step(shop.Confirm)),
            "MarkReservationReady": self._single(_step(shop.MarkReady)),
            "CollectReservation": self._single(_step(shop.Collect)),
            "CollectBatch": self._batched(_step(shop.Collect)),
            "ReleaseReservation": self._single(_step(shop.Release)),
            "ReleaseBatch": self._batched(_step(shop.Release)),
            "ExtendReservation": self._single(_step(shop.Extend)),
            "GiveReservation": self._single(_step(shop.Give)),
            "AmendReservation": self._single(_step(shop.Amend)),
        }

    def _single(self, kind: Kind) -> Call:
        return Call(partial(self._one, kind), is_step=kind.promise)

    def _batched(self, kind: Kind) -> Call:
        return Call(partial(self._batch, kind), is_step=kind.promise, parse=split_requests)

    async def _one(self, kind: Kind, request: Any, deadline: float, reply: Any) -> None:
        if kind is RESERVE and request.HasField("sourcing"):
            await self._orders.reserve(request, deadline, reply)
            return
        entry = kind.translate(request)
        store_id = entry[0]
        # As when the request was read: whether gRPC had sent it before was looked at only where there were hints.
        has_hints = kind is RESERVE and bool(self._router.sold_out)
        await self._stores.require(store_id, kind.shop_field, deadline=deadline)
        if has_hints and self._is_hinted(request, entry, reply):
            return
        answer = await self._grants.decide(entry, deadline, promise=kind.promise)
        if kind.promise:
            await self._reconciler.report_answers([(store_id, answer)], deadline)
        _fill(answer, entry, self._router.chain, reply)
        if isinstance(answer, Refusal) and answer.rejection.reason is Reason.PART_OF_ORDER:
            await self._name_orders(store_id, [(answer.rejection.number, reply)], deadline)

    def _is_hinted(self, request: Any, entry: Entry, reply: Any) -> bool:
        """Refuse a first attempt for what the shop has just said to be sold out."""
        refusal = self._router.sold_out.refusal_of(entry, asyncio.get_running_loop().time())
        if refusal is None or not wr.may_be_hinted(request):
            return False
        reply.rejection.CopyFrom(by_hint(refusal, entry[0]))
        return True

    async def _batch(self, kind: Kind, requests: Sequence[Any], deadline: float, reply: Any) -> None:
        """Independent mutations. An item that cannot be decided has its status in its own outcome."""
        outcomes = [reply.outcomes.add() for _ in requests]
        items, unknown, orders = await self._sort(kind, requests, outcomes)
        works = [self._decide(kind, items, deadline, whole=len(items) == len(requests))]
        if unknown:
            works.append(self._look_again(kind, unknown, deadline))
        # An order takes the most round trips, so what one shop decides by itself runs beside it and not after it.
        until = deadline if len(requests) == 1 else share_of(deadline, ORDER_SHARE)
        for index in orders:
            outcome = outcomes[index]
            works.append(_work(self._orders.reserve(requests[index], until, outcome), [outcome], index))
        await (asyncio.gather(*works) if len(works) > 1 else works[0])

    async def _sort(
        self, kind: Kind, requests: Sequence[Any], outcomes: Sequence[Any]
    ) -> tuple[list[Item], list[tuple[int, Item]], list[int]]:
        """The items that one shop each decides; those of them whose shop is not known here, each with its index; the
        indexes of those that become orders. The outcomes of malformed items are filled.
        """
        items: list[Item] = []
        unknown: list[tuple[int, Item]] = []
        orders: list[int] = []
        known = self._router.chain.stores
        has_hints = kind is RESERVE and bool(self._router.sold_out)
        for index, (request, outcome) in enumerate(zip(requests, outcomes, strict=True)):
            try:
                if isinstance(request, Status):
                    raise Refused(request)
                if kind is RESERVE and request.HasField("sourcing"):
                    orders.append(index)
                    continue
                entry = kind.translate(request)
                if entry[0] in known:
                    if not (has_hints and self._is_hinted(request, entry, outcome)):
                        items.append((entry, outcome))
                elif self._stores.may_be_new(entry[0]):
                    unknown.append((index, (entry, outcome)))
                else:
                    self._stores.refuse_unknown(entry[0], kind.shop_field)
            except ENDINGS as error:
                fill_error(error, outcome.error, index)
                await asyncio.sleep(0)  # naming the faults of an item may take 5 ms: other calls go between
        return items, unknown, orders

    async def _look_again(self, kind: Kind, unknown: Sequence[tuple[int, Item]], deadline: float) -> None:
        """Items of a batch whose shops were not known: asked for once, beside what the known ones decide."""
        found: list[Item] = []
        try:
            await self._stores.look_again(deadline)
        except ENDINGS as error:
            for _, (_, outcome) in unknown:
                fill_error(error, outcome.error)
            return
        for index, (entry, outcome) in unknown:
            try:
                self._stores.refuse_unknown(entry[0], kind.shop_field)
            except ENDINGS as error:
                fill_error(error, outcome.error, index)
            else:
                found.append((entry, outcome))
        await self._decide(kind, found, deadline, whole=False)

    async def _decide(self, kind: Kind, items: Sequence[Item], deadline: float, *, whole: bool) -> None:
        """Items of a batch that one shop each decides. `whole` says that the batch has no others."""
        if not self._router.chain.policy.chain_limit_rules:
            await self._decide_plain(kind, items, deadline, whole=whole)
            return
        until = deadline if whole and len(items) == 1 else share_of(deadline, ORDER_SHARE)
        plain: list[Item] = []
        limited: list[Item] = []
        for item in items:
            (limited if self._grants.are_required(item[0]) else plain).append(item)
        await asyncio.gather(
            self._with_grants(limited, until),
            self._decide_plain(kind, plain, deadline, whole=whole and not limited),
        )

    async def _with_grants(self, items: Sequence[Item], deadline: float) -> None:
        """Items of a batch that limits of the whole chain apply to."""
        if not items:
            return
        answers = await self._grants.send_batch([entry for entry, _ in items], deadline)
        for (entry, outcome), answer in zip(items, answers, strict=True):
            if isinstance(answer, Held):
                _fill_held(answer, entry, self._router.chain, outcome)
                continue
            if isinstance(answer, Exception):
                fill_error(answer, outcome.error)
            elif (failure := failure_of(answer)) is not None:
                fill_error(failure, outcome.error)
            else:
                _fill(answer, entry, self._router.chain, outcome)

    async def _decide_plain(self, kind: Kind, items: Sequence[Item], deadline: float, *, whole: bool) -> None:
        if not items:
            return
        entries = [entry for entry, _ in items]
        try:
            stores = [entry[0] for entry in entries]
            queued = self._router.submit(stores, entries, deadline, promise=kind.promise, each=True)
        except Overloaded as refusal:
            # A call of one actor that is refused as a whole ends with a status: that is cheaper for both sides.
            if whole:
                raise
            for _, outcome in items:
                fill_error(refusal, outcome.error)
            return
        answers = await asyncio.gather(*(future for future, _ in queued), return_exceptions=True)
        decided: list[tuple[str, Answer]] = []
        of_orders: dict[str, list[tuple[int, Any]]] = {}
        limited: list[Item] = []
        for (_, indexes), part in zip(queued, answers, strict=True):
            if isinstance(part, BaseException):
                for index in indexes:
                    fill_error(part, items[index][1].error)
                continue
            for index, answer in zip(indexes, part, strict=True):
                entry, outcome = items[index]
                if isinstance(answer, Held):  # most are
                    _fill_held(answer, entry, self._router.chain, outcome)
                elif is_grant_required(answer):
                    limited.append((entry, outcome))
                elif (failure := failure_of(answer)) is not None:
                    fill_error(failure, outcome.error)
                else:
                    _fill(answer, entry, self._router.chain, outcome)
                if kind.promise:
                    decided.append((entry[0], answer))
                if isinstance(answer, Refusal) and answer.rejection.reason is Reason.PART_OF_ORDER:
                    of_orders.setdefault(entry[0], []).append((answer.rejection.number, outcome))
        if kind.promise:
            await self._reconciler.report_answers(decided, deadline)
        await asyncio.gather(
            self._with_grants(limited, deadline),
            *(
                _work(self._name_orders(store_id, refused, deadline), [outcome for _, outcome in refused])
                for store_id, refused in of_orders.items()
            ),
        )

    async def _get(self, request: rs.GetReservationRequest, deadline: float, reply: rs.GetReservationResponse) -> None:
        Checked(request).raise_if_faulty()
        store_id, number = parse_reservation_id(request.reservation_id)
        await self._stores.require(store_id, "reservation_id", deadline=deadline)
        version, reservation = await self._router.ask(store_id, "reservation", store_id, number, deadline=deadline)
        refuse_older("min_version", store_id, version, request.min_version)
        if reservation is None:
            message = f"shop {store_id} has no reservation {request.reservation_id}, or forgot it; check the id"
            code, reason, asked = grpc.StatusCode.NOT_FOUND, "RESERVATION_NOT_FOUND", request.reservation_id
            raise statuses.refused(code, reason, message, store_id=store_id, reservation_id=asked)
        fill_reservation(reservation, store_id, self._router.chain, reply.reservation)
        reply.version = version

    async def _list(
        self, request: rs.ListReservationsRequest, deadline: float, reply: rs.ListReservationsResponse
    ) -> None:
        checked = Checked(request)
        store_id, statuses = request.store_id, sorted({int(status) for status in request.statuses})
        scope = (store_id, *statuses)
        token = fields.read_token(checked, "ListReservations", scope, request.page_token)
        checked.raise_if_faulty()
        await self._stores.require(store_id, deadline=deadline)
        asked = (store_id, statuses, int(token or 0), fields.page_size(request.page_size))
        version, page, after = await self._router.ask(store_id, "reservations", *asked, deadline=deadline)
        for reservation in page:
            fill_reservation(reservation, store_id, self._router.chain, reply.reservations.add())
        reply.next_page_token = fields.issue_token("ListReservations", scope, after) if after else ""
        reply.version = version

    async def _name_orders(self, store_id: str, refused: Sequence[tuple[int, Any]], deadline: float) -> None:
        """Name the orders of reservations that are parts of orders, and whose step a shop refused therefore. `refused`
        has the number of each reservation, and its reply.
        """
        numbers = [number for number, _ in refused]
        holders = await self._router.ask(store_id, "holders_of", store_id, numbers, deadline=deadline)
        for (_, reply), holder in zip(refused, holders, strict=True):
            reply.rejection.order_id = parse_holder(holder)[0] if holder else ""


async def _work(work: Awaitable[None], outcomes: Iterable[Any], index: int | None = None) -> None:
    """A part of a batch's work; what ends it becomes the error of these outcomes. `index` is that of a lone item."""
    try:
        await work
    except ENDINGS as error:
        for outcome in outcomes:
            fill_error(error, outcome.error, index)


def _fill(answer: Answer, entry: Entry, chain: Chain, reply: Any) -> None:
    store_id = entry[0]
    if isinstance(answer, Held):
        _fill_held(answer, entry, chain, reply)
    elif (failure := failure_of(answer)) is not None:
        raise failure
    elif isinstance(answer, Refusal):
        fill_rejection(answer, store_id, reply.rejection)
    else:
        assert isinstance(answer, Reservation), "a shop answers a step with the reservation"
        fill_reservation(answer, store_id, chain, reply.reservation)


def _fill_held(answer: Held, entry: Entry, chain: Chain, reply: Any) -> None:
    store_id, command = entry
    assert isinstance(command, shop.Reserve), "nothing else is answered so"
    fill_held(answer, store_id, command, chain, reply.reservation)

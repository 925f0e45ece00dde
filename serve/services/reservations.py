"""ReservationService: single calls and batches take the same way, a single call being a batch of one."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import grpc

from actors.core.chain import Chain
from actors.core.ids import parse_holder, parse_reservation_id
from actors.core.rejection import Reason
from actors.protocol.messages import Answer, Entry, Held, Refusal, Stopped
from actors.runtime.clock import Clock
from actors.shop.commands import Reserve
from actors.shop.state import Reservation
from holdfast.v1 import reservation_service_pb2 as rs
from serve.admission import ENDINGS, bound, deadline_of, parse, status_of
from serve.coordination.coordinator import Coordinator
from serve.coordination.reconciler import Reconciler
from serve.routing.batcher import Overloaded
from serve.routing.router import Router
from serve.services.orders import Orders
from serve.wire import fields, reservations as wr, statuses
from serve.wire.reservations import fill_held, fill_reservation, split_requests
from serve.wire.rules import STORE_ID, Checked, InvalidRequest, Violation
from serve.wire.statuses import Refused, Status, fill_rejection

# What an order in a batch may take of its time. One whose shop is away then says so in its own place, and the batch is
# answered while the caller still waits, with what became of all the others.
ORDER_SHARE: Final = 0.5

Translate = Callable[[Any, str], Entry]


class Kind(NamedTuple):
    """A mutation: its messages, the way to its command, and whether it keeps a promise already made.

    `shop_field` is where its request names the shop.
    """

    request: Any
    response: Any
    translate: Translate
    promise: bool
    shop_field: str = "reservation_id"


RESERVE = Kind(rs.ReserveRequest, rs.ReserveResponse, wr.reserve, promise=False, shop_field="store_id")
CONFIRM = Kind(rs.ConfirmReservationRequest, rs.ConfirmReservationResponse, wr.confirm, promise=True)
READY = Kind(rs.MarkReservationReadyRequest, rs.MarkReservationReadyResponse, wr.mark_ready, promise=True)
COLLECT = Kind(rs.CollectReservationRequest, rs.CollectReservationResponse, wr.collect, promise=True)
RELEASE = Kind(rs.ReleaseReservationRequest, rs.ReleaseReservationResponse, wr.release, promise=True)
AMEND = Kind(rs.AmendReservationRequest, rs.AmendReservationResponse, wr.amend, promise=True)
EXTEND = Kind(rs.ExtendReservationRequest, rs.ExtendReservationResponse, wr.extend, promise=True)


class Reservations:
    """The room of ReservationService. Some calls concern orders, and are theirs."""

    def __init__(self, router: Router, coordinator: Coordinator, reconciler: Reconciler, clock: Clock) -> None:
        self._router = router
        self.orders = Orders(router, coordinator, reconciler, self.known, clock)

    async def one(self, kind: Kind, payload: bytes, context: Any, reply: Any) -> None:
        """One mutation; the reply is the kind's response."""
        request = parse(kind.request, payload)
        if kind is RESERVE and await self._is_order(request, deadline_of(context)):
            await self.orders.reserve(request, deadline_of(context), reply)
            return
        entry = kind.translate(request, "")
        store_id = entry[0]
        if store_id not in self._router.chain.stores:
            await self._learn_store(store_id, kind.shop_field)
        queued = self._router.submit((store_id,), (entry,), deadline_of(context), promise=kind.promise)
        answer = (await queued[0][0])[0]
        if kind.promise:
            await self.orders.note([(store_id, answer)])
        _fill(answer, entry, self._router.chain, reply)
        if isinstance(answer, Refusal) and answer.rejection.reason is Reason.PART_OF_ORDER:
            await self._name_orders(store_id, [(answer.rejection.number, reply)], deadline_of(context))

    async def _is_order(self, request: rs.ReserveRequest, deadline: float) -> bool:
        takes = self.orders.takes(request)
        return await self.orders.took(request, deadline) if takes is None else takes

    async def batch(self, kind: Kind, batch_request: Any, payload: bytes, context: Any, reply: Any) -> None:
        """Independent mutations; what cannot be decided says so in its own place."""
        bound(payload)
        requests = split_requests(batch_request, kind.request, payload)
        outcomes = [reply.outcomes.add() for _ in requests]
        entries, places, orders = await self._translate(kind, requests, outcomes, deadline_of(context))
        deadline, whole = deadline_of(context), len(entries) == len(requests)
        decided = self._entries(kind, entries, [outcomes[place] for place in places], deadline, whole=whole)
        if not orders:
            await decided
            return
        # An order has the longest way, so what one shop decides by itself goes beside it and not after it.
        now = asyncio.get_running_loop().time()
        until = deadline if len(requests) == 1 else now + ORDER_SHARE * (deadline - now)
        await asyncio.gather(
            decided, *(self._order(requests[place], place, until, outcomes[place]) for place in orders)
        )

    async def _entries(
        self, kind: Kind, entries: Sequence[Entry], outcomes: Sequence[Any], deadline: float, *, whole: bool
    ) -> None:
        """Items of a batch that one shop each decides. `whole` says that the batch has no others."""
        if not entries:
            return
        store_ids = [store_id for store_id, _ in entries]
        try:
            queued = self._router.submit(store_ids, entries, deadline, promise=kind.promise)
        except Overloaded as refusal:
            # A call of one actor that is refused as a whole says so as a status: it is cheaper for both sides.
            if whole:
                raise
            for outcome in outcomes:
                statuses.fill_item_error(statuses.overloaded(refusal.retry_after_s), outcome.error)
            return
        answers = await asyncio.gather(*(future for future, _ in queued), return_exceptions=True)
        decided: list[tuple[str, Answer]] = []
        of_orders: dict[str, list[tuple[int, Any]]] = {}
        for (_, mine), part in zip(queued, answers, strict=True):
            if isinstance(part, BaseException):
                status = status_of(part)
                if status is None:
                    raise part
                for index in mine:
                    statuses.fill_item_error(status, outcomes[index].error)
                continue
            for index, answer in zip(mine, part, strict=True):
                _fill_item(answer, entries[index], self._router.chain, outcomes[index])
                decided.append((entries[index][0], answer))
                if isinstance(answer, Refusal) and answer.rejection.reason is Reason.PART_OF_ORDER:
                    named = (answer.rejection.number, outcomes[index])
                    of_orders.setdefault(entries[index][0], []).append(named)
        if kind.promise:
            await self.orders.note(decided)
        await asyncio.gather(*(self._name_or_fail(*shop, deadline) for shop in of_orders.items()))

    async def _translate(
        self, kind: Kind, requests: Sequence[Any], outcomes: Sequence[Any], deadline: float
    ) -> tuple[list[Entry], list[int], list[int]]:
        """The entries that can be decided, their places, and those of orders; the others' outcomes are filled."""
        entries: list[Entry] = []
        places: list[int] = []
        orders: list[int] = []
        may_be_orders = kind is RESERVE
        asked_anew = False  # once for a batch, however many shops of it are unknown
        for place, request in enumerate(requests):
            try:
                if isinstance(request, Status):
                    raise Refused(request)
                if may_be_orders:
                    takes = self.orders.takes(request)
                    if takes or (takes is None and await self.orders.took(request, deadline)):
                        orders.append(place)
                        continue
                entry = kind.translate(request, f"requests[{place}].")
                if entry[0] not in self._router.chain.stores:
                    if not asked_anew and STORE_ID.fullmatch(entry[0]):
                        asked_anew = True
                        await self._router.refresh_chain()
                    self._refuse_unknown(entry[0], f"requests[{place}].{kind.shop_field}")
            except ENDINGS as error:
                status = status_of(error)
                assert status is not None
                statuses.fill_item_error(status, outcomes[place].error)
            else:
                entries.append(entry)
                places.append(place)
        return entries, places, orders

    async def _order(self, request: Any, place: int, deadline: float, outcome: Any) -> None:
        """An item of a batch that becomes an order."""
        try:
            await self.orders.reserve(request, deadline, outcome, f"requests[{place}].")
        except ENDINGS as error:
            status = status_of(error)
            assert status is not None
            statuses.fill_item_error(status, outcome.error)

    async def get(self, payload: bytes, context: Any, reply: rs.GetReservationResponse) -> None:
        """GetReservation."""
        request = parse(rs.GetReservationRequest, payload)
        Checked(request).raise_if_faulty()
        store_id, number = parse_reservation_id(request.reservation_id)
        if store_id not in self._router.chain.stores:
            await self._learn_store(store_id, "reservation_id")
        version, reservation = await self._router.ask(
            store_id, "reservation", store_id, number, deadline=deadline_of(context)
        )
        refuse_older("min_version", store_id, version, request.min_version)
        if reservation is None:
            about = (("store_id", store_id), ("reservation_id", request.reservation_id))
            message = f"shop {store_id} has no reservation {request.reservation_id}, or forgot it; check the id"
            raise Refused(Status(grpc.StatusCode.NOT_FOUND, message, "RESERVATION_NOT_FOUND", metadata=about))
        fill_reservation(reservation, store_id, self._router.chain, reply.reservation)
        reply.version = version

    async def list(self, payload: bytes, context: Any, reply: rs.ListReservationsResponse) -> None:
        """ListReservations."""
        request = parse(rs.ListReservationsRequest, payload)
        checked = Checked(request)
        scope = (request.store_id, *sorted({int(status) for status in request.statuses}))
        token = fields.read_token(checked, "ListReservations", scope, request.page_token)
        checked.raise_if_faulty()
        store_id = request.store_id
        await self.known(store_id)
        version, page, after = await self._router.ask(
            store_id,
            "reservations",
            store_id,
            [int(status) for status in request.statuses],
            int(token or 0),
            fields.page_size(request.page_size),
            deadline=deadline_of(context),
        )
        for reservation in page:
            fill_reservation(reservation, store_id, self._router.chain, reply.reservations.add())
        reply.next_page_token = fields.issue_token("ListReservations", scope, after) if after else ""
        reply.version = version

    async def _name_orders(self, store_id: str, refused: Sequence[tuple[int, Any]], deadline: float) -> None:
        """A shop's refusals of steps that orders alone take say which orders: of each the reservation and the reply."""
        numbers = [number for number, _ in refused]
        holders = await self._router.ask(store_id, "holders_of", store_id, numbers, deadline=deadline)
        for (_, reply), holder in zip(refused, holders, strict=True):
            reply.rejection.order_id = parse_holder(holder)[0] if holder else ""

    async def _name_or_fail(self, store_id: str, refused: Sequence[tuple[int, Any]], deadline: float) -> None:
        """The same in a batch, where each says in its own place that it has to be asked again."""
        try:
            await self._name_orders(store_id, refused, deadline)
        except ENDINGS as error:
            status = status_of(error)
            assert status is not None
            for _, outcome in refused:
                statuses.fill_item_error(status, outcome.error)

    async def known(self, store_id: str, field: str = "store_id") -> None:
        """Raises Refused where the chain has no such shop, after asking the chain anew."""
        if store_id not in self._router.chain.stores:
            await self._learn_store(store_id, field)

    async def _learn_store(self, store_id: str, field: str = "store_id") -> None:
        """A shop that this gateway has not heard of: malformed, new, or unknown."""
        if STORE_ID.fullmatch(store_id):
            await self._router.refresh_chain()
        self._refuse_unknown(store_id, field)

    def _refuse_unknown(self, store_id: str, field: str) -> None:
        if not STORE_ID.fullmatch(store_id):
            mend = "is not a shop's id: 1 to 64 of A-Z a-z 0-9 . _ -" if store_id else "is required: the shop's id"
            raise InvalidRequest([Violation(field, mend)])
        if store_id not in self._router.chain.stores:
            raise Refused(statuses.unknown_store(field, store_id))


def refuse_older(field: str, store_id: str, version: int, min_version: int) -> None:
    """Raises Refused where a ledger has not reached the version that the reader has seen."""
    if version < min_version:
        message = f"{field}: shop {store_id} is at version {version}, {min_version} was asked for; ask for one it gave"
        about = (("store_id", store_id), ("version", str(version)))
        raise Refused(Status(grpc.StatusCode.FAILED_PRECONDITION, message, "VERSION_NOT_REACHED", metadata=about))


def _fill(answer: Answer, entry: Entry, chain: Chain, reply: Any) -> None:
    store_id, command = entry
    if isinstance(answer, Held):
        assert isinstance(command, Reserve), "nothing else is answered so"
        fill_held(answer, store_id, command, chain, reply.reservation)
    elif isinstance(answer, Refusal):
        fill_rejection(answer, store_id, reply.rejection)
    elif isinstance(answer, Stopped):
        raise Refused(statuses.stopped(answer.why))
    else:
        assert isinstance(answer, Reservation), "a shop answers a step with the reservation"
        fill_reservation(answer, store_id, chain, reply.reservation)


def _fill_item(answer: Answer, entry: Entry, chain: Chain, outcome: Any) -> None:
    if isinstance(answer, Stopped):
        statuses.fill_item_error(statuses.stopped(answer.why), outcome.error)
    else:
        _fill(answer, entry, chain, outcome)

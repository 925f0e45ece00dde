"""ReservationService: single calls and batches of mutations, and reads."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from actors.core.ids import is_hot, parse_holder, parse_reservation_id
from actors.core.rejection import Reason
from actors.protocol.messages import Answer, Entry, Held, Refusal
from actors.shop import commands as shop
from holdfast.v1 import reservation_service_pb2 as rs
from serve.calls import ENDINGS, Call, failure_of, fill_error, refuse_older, share_of
from serve.coordination.grants import Grants, is_grant_required
from serve.coordination.hot import HotCalls
from serve.coordination.hot_units import is_for_gateways
from serve.coordination.reconciler import Reconciler
from serve.routing.batcher import Overloaded
from serve.routing.rates import Rates
from serve.routing.router import Router
from serve.services.filling import fill, fill_new_hold
from serve.services.hinting import Hinting
from serve.services.new_orders import NewOrders
from serve.services.store_directory import StoreDirectory
from serve.wire import fields, reservations as wr, statuses
from serve.wire.reservations import fill_reservation, split_requests
from serve.wire.rules import Checked
from serve.wire.statuses import CallRefused, Status

# The share of a batch's time that an order in it may use, or a call with a grant. One whose shop is away then has an
# error in its own outcome, and the batch is answered while the caller still waits, with the outcomes of all the others.
ORDER_SHARE: Final = 0.5
SLICE: Final = 128  # items of a batch that are looked at in one go, about a millisecond: other calls go between

Translate = Callable[[Any], Entry]
Item = tuple[Entry, Any, bool]  # what one ledger decides of a batch, the outcome to fill, and is it a first attempt


class Kind(NamedTuple):
    """A mutation: the translation to its command, whether it keeps a promise already made, and where its request names
    the shop.
    """

    translate: Translate
    promise: bool = True
    shop_field: str = "reservation_id"


RESERVE: Final = Kind(wr.reserve, promise=False, shop_field="store_id")


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
    ) -> None:
        self._router = router
        self._stores = stores
        self._grants = grants
        self._hot = hot
        self._rates = rates
        self._orders = orders
        self._reconciler = reconciler
        self.calls: Final = {
            "Reserve": self._single(RESERVE)._replace(on_retry=wr.forget_first_attempt),
            "ReserveBatch": self._batched(RESERVE)._replace(on_retry=lambda batch: wr.forget_first_attempt(*batch)),
            "GetReservation": Call(self._get),
            "ListReservations": Call(self._list),
            "ConfirmReservation": self._single(_kind(shop.Confirm)),
            "ConfirmBatch": self._batched(_kind(shop.Confirm)),
            "MarkReservationReady": self._single(_kind(shop.MarkReady)),
            "CollectReservation": self._single(_kind(shop.Collect)),
            "CollectBatch": self._batched(_kind(shop.Collect)),
            "ReleaseReservation": self._single(_kind(shop.Release)),
            "ReleaseBatch": self._batched(_kind(shop.Release)),
            "ExtendReservation": self._single(_kind(shop.Extend)),
            "GiveReservation": self._single(_kind(shop.Give)),
            "AmendReservation": self._single(_kind(shop.Amend)),
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
        if is_hot(ledger_id):
            ledger_id, answer = await self._hot.step(entry, deadline)
        else:
            await self._stores.require(ledger_id, "reservation_id", deadline=deadline)
            answer = await self._grants.decide(entry, deadline, promise=True)
        await self._reconciler.report_answers([(ledger_id, answer)], deadline)
        fill(answer, entry, ledger_id, self._router.chain, reply)
        if isinstance(answer, Refusal) and answer.rejection.reason is Reason.PART_OF_ORDER:
            await self._name_orders(ledger_id, [(answer.rejection.number, reply)], deadline)

    async def _batch(self, kind: Kind, requests: Sequence[Any], deadline: float, reply: Any) -> None:
        """Independent mutations. An item that cannot be decided has its status in its own outcome."""
        outcomes = [reply.outcomes.add() for _ in requests]
        items, unknown, orders = await self._sort(kind, requests, outcomes)
        steps = [item for item in items if is_hot(item[0][0])] if kind.promise else []
        if steps:
            items = [item for item in items if not is_hot(item[0][0])]
        works = [self._decide(kind, items, deadline, whole=len(items) == len(requests))]
        works += [_work(self._step(entry, outcome, deadline), [outcome]) for entry, outcome, _ in steps]
        if unknown:
            works.append(self._look_again(kind, unknown, deadline))
        # An order takes the most round trips, so what one shop decides by itself runs beside it and not after it.
        until = deadline if len(requests) == 1 else share_of(deadline, ORDER_SHARE)
        if orders:
            rows = [(index, requests[index], outcomes[index]) for index in orders]
            works.append(self._orders.reserve_all(rows, until))
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
        known, is_reserve, translate = self._router.chain.stores, kind is RESERVE, kind.translate
        hinting = self._hinting(kind)
        for index, (request, outcome) in enumerate(zip(requests, outcomes, strict=True)):
            if index and not index % SLICE:
                await asyncio.sleep(0)
                hinting = self._hinting(kind)
            try:
                if isinstance(request, Status):
                    raise CallRefused(request)
                is_gone = None if hinting is None else hinting.refuses_plain(request, outcome)
                if is_gone:
                    continue
                if is_reserve and request.HasField("sourcing"):
                    orders.append(index)
                    continue
                entry = translate(request)
                is_first = is_reserve and request.first_attempt
                if is_reserve:
                    self._rates.note(entry)
                if entry[0] in known or (not is_reserve and is_hot(entry[0])):
                    if hinting is None or is_gone is False or not hinting.refuses(request, entry, outcome):
                        items.append((entry, outcome, is_first))
                elif self._stores.may_be_new(entry[0]):
                    unknown.append((index, (entry, outcome, is_first)))
                else:
                    self._stores.refuse_unknown(entry[0], kind.shop_field)
            except ENDINGS as error:
                fill_error(error, outcome.error, index)
                await asyncio.sleep(0)  # naming the faults of an item may take 5 ms: other calls go between
                hinting = self._hinting(kind)
        return items, unknown, orders

    def _hinting(self, kind: Kind) -> Hinting | None:
        return Hinting(self._router, self._rates) if kind is RESERVE and self._router.sold_out else None

    async def _look_again(self, kind: Kind, unknown: Sequence[tuple[int, Item]], deadline: float) -> None:
        """Items of a batch whose shops were not known: asked for once, beside what the known ones decide."""
        found: list[Item] = []
        try:
            await self._stores.look_again(deadline)
        except ENDINGS as error:
            for _, (_, outcome, _) in unknown:
                fill_error(error, outcome.error)
            return
        for index, item in unknown:
            try:
                self._stores.refuse_unknown(item[0][0], kind.shop_field)
            except ENDINGS as error:
                fill_error(error, item[1].error, index)
            else:
                found.append(item)
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
        """Reserves of a batch that limits of the whole chain apply to. Those of hot SKUs that may go on to another
        ledger do so by themselves.
        """
        sent = [self._hot.first(entry, is_first=is_first) for entry, _, is_first in items]
        alone = [
            place for place, entry in enumerate(sent) if self._hot.may_go_on(entry) or self._hot.may_be_gone(entry)
        ]
        apart = set(alone)
        together = [place for place in range(len(items)) if place not in apart]
        answers = await self._grants.send_batch([sent[place] for place in together], deadline) if together else []
        for place, answer in zip(together, answers, strict=True):
            entry, outcome, _ = items[place]
            if is_hot(sent[place][0]):
                outcome.key_stamp = self._hot.stamp(entry)
            if isinstance(answer, Held):
                fill_new_hold(answer, entry, sent[place][0], self._router.chain, outcome)
                continue
            if isinstance(answer, Exception):
                fill_error(answer, outcome.error)
            elif is_for_gateways(answer):
                alone.append(place)
            elif (failure := failure_of(answer)) is not None:
                fill_error(failure, outcome.error)
            else:
                fill(answer, entry, sent[place][0], self._router.chain, outcome)
        await asyncio.gather(*(_work(self._alone(items[place], deadline), [items[place][1]]) for place in alone))

    async def _alone(self, item: Item, deadline: float) -> None:
        entry, outcome, _ = item
        ledger_id, answer = await self._hot.reserve(entry, deadline, is_first=False)
        fill(answer, entry, ledger_id, self._router.chain, outcome)
        if is_hot(ledger_id):
            outcome.key_stamp = self._hot.stamp(entry)

    async def _decide_plain(self, kind: Kind, items: Sequence[Item], deadline: float, *, whole: bool) -> None:
        """Items without limits of the whole chain, as far as this gateway knows. Those that go on to another ledger, of
        hot SKUs, do so together.
        """
        sent = [entry for entry, _, _ in items]
        if kind is RESERVE and self._router.chain.hot:
            for start in range(0, len(items), SLICE):
                if start:
                    await asyncio.sleep(0)
                some = items[start : start + SLICE]
                sent[start : start + SLICE] = [self._hot.first(entry, is_first=is_first) for entry, _, is_first in some]
        behind = self._hot.behind(sent) if kind is RESERVE and self._router.chain.hot else {}
        hops = 0
        while sent:
            ahead = [place for place in range(len(sent)) if place not in behind]
            asked = ([items[place] for place in ahead], [sent[place] for place in ahead]) if behind else (items, sent)
            found = await self._submit(kind, *asked, deadline, whole=whole and not hops and not behind)
            elsewhere = self._hot.with_behind({ahead[place]: answer for place, answer in found}, behind)
            if not elsewhere:
                return
            hops, behind = hops + 1, {}
            going = [(items[place][0], sent[place], answer) for place, answer in elsewhere.items()]
            items = [items[place] for place in elsewhere]
            try:
                sent = await self._hot.where_next(going, hops, deadline)
            except ENDINGS as error:
                for _, outcome, _ in items:
                    fill_error(error, outcome.error)
                return

    async def _submit(
        self, kind: Kind, items: Sequence[Item], sent: Sequence[Entry], deadline: float, *, whole: bool
    ) -> list[tuple[int, Answer]]:
        """Send items as they are in `sent`, and fill their outcomes; the places of those that go on elsewhere."""
        try:
            ledgers = [entry[0] for entry in sent]
            queued = self._router.submit(ledgers, sent, deadline, promise=kind.promise, each=True)
        except Overloaded as refusal:
            # A call of one actor that is refused as a whole ends with a status: that is cheaper for both sides.
            if whole:
                raise
            for _, outcome, _ in items:
                fill_error(refusal, outcome.error)
            return []
        answers = await asyncio.gather(*(future for future, _ in queued), return_exceptions=True)
        decided: list[tuple[str, Answer]] = []
        of_orders: dict[str, list[tuple[int, Any]]] = {}
        limited: list[Item] = []
        elsewhere: list[tuple[int, Answer]] = []
        chain = self._router.chain
        for (_, indexes), part in zip(queued, answers, strict=True):
            if isinstance(part, BaseException):
                for index in indexes:
                    fill_error(part, items[index][1].error)
                continue
            for index, answer in zip(indexes, part, strict=True):
                entry, outcome, _ = items[index]
                if sent[index] is not entry:  # one of a hot SKU
                    outcome.key_stamp = self._hot.stamp(entry)
                if isinstance(answer, Held):  # most are
                    fill_new_hold(answer, entry, sent[index][0], chain, outcome)
                elif is_grant_required(answer):
                    limited.append(items[index])
                elif is_for_gateways(answer):
                    elsewhere.append((index, answer))
                elif (failure := failure_of(answer)) is not None:
                    fill_error(failure, outcome.error)
                else:
                    fill(answer, entry, sent[index][0], chain, outcome)
                    if isinstance(answer, Refusal) and answer.rejection.reason is Reason.PART_OF_ORDER:
                        of_orders.setdefault(entry[0], []).append((answer.rejection.number, outcome))
                if kind.promise:
                    decided.append((entry[0], answer))
                if index and not index % SLICE:
                    await asyncio.sleep(0)
        if kind.promise:
            await self._reconciler.report_answers(decided, deadline)
        if limited or of_orders:
            await asyncio.gather(
                self._with_grants(limited, deadline),
                *(
                    _work(self._name_orders(store_id, refused, deadline), [outcome for _, outcome in refused])
                    for store_id, refused in of_orders.items()
                ),
            )
        return elsewhere

    async def _get(self, request: rs.GetReservationRequest, deadline: float, reply: rs.GetReservationResponse) -> None:
        Checked(request).raise_if_faulty()
        store_id, number = parse_reservation_id(request.reservation_id)
        if is_hot(store_id):
            store_id, version, reservation = await self._hot.read(store_id, number, deadline)
        else:
            await self._stores.require(store_id, "reservation_id", deadline=deadline)
            version, reservation = await self._router.ask(store_id, "reservation", store_id, number, deadline=deadline)
        refuse_older("min_version", store_id, version, request.min_version)
        if reservation is None:
            raise statuses.unknown_reservation(store_id, request.reservation_id)
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


async def _work(work: Awaitable[None], outcomes: Iterable[Any]) -> None:
    """A part of a batch's work; what ends it becomes the error of these outcomes."""
    try:
        await work
    except ENDINGS as error:
        for outcome in outcomes:
            fill_error(error, outcome.error)

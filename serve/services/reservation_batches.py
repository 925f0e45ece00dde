"""Batches of ReservationService: independent mutations of many shops. What one shop decides waits for no other, and the
batch is answered soon after the last of what is decided: what is not by then is unknown, in its own outcome.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from actors.core.ids import is_hot
from actors.protocol.messages import Answer, Entry, Held, Refusal
from holdfast.v1 import reservation_service_pb2 as rs
from serve.calls import ENDINGS, failure_of, fill_error, share_of
from serve.coordination.deliveries import Told
from serve.coordination.granted_batches import GrantedBatch
from serve.coordination.grants import Grants, is_grant_required
from serve.coordination.hot import HotCalls
from serve.coordination.hot_units import are_elsewhere, is_for_gateways
from serve.coordination.reconciler import Reconciler
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.routing.beside import Answered, Grace, hear_each
from serve.routing.rates import Rates
from serve.routing.router import Router
from serve.services.filling import fill
from serve.services.handed_over import HandedOver
from serve.services.hinting import Hinting
from serve.services.new_orders import NewOrders
from serve.services.refused_steps import Refused, is_unsaid, say
from serve.services.store_directory import StoreDirectory, chain_away
from serve.wire import reservations as wr
from serve.wire.new_holds import NewHolds
from serve.wire.statuses import CallRefused, Status

# The share of a batch's time that an order in it may use, or a call with a grant. One whose shop is away then has an
# error in its own outcome, and the batch is answered while the caller still waits, with the outcomes of all the others.
ORDER_SHARE: Final = 0.5
SLICE: Final = 128  # items of a batch that are looked at in one go, about a millisecond: other calls go between

_EMPTY_OUTCOME: Final = rs.ReserveBatchResponse(outcomes=[rs.ReserveResponse()]).SerializeToString()  # of all batches

Translate = Callable[[Any], Entry]
Item = tuple[Entry, Any, bool]  # what one ledger decides of a batch, the outcome to fill, and is it a first attempt
Step = Callable[[Entry, Any, float], Awaitable[None]]


class Kind(NamedTuple):
    """A mutation: the translation to its command, whether it keeps a promise already made, and where its request names
    the shop.
    """

    translate: Translate
    promise: bool = True
    shop_field: str = "reservation_id"


RESERVE: Final = Kind(wr.reserve, promise=False, shop_field="store_id")


class _Batch(NamedTuple):
    """One call. Its `grace` begins with whatever is decided."""

    kind: Kind
    deadline: float
    grace: Grace
    holds: NewHolds


class _Hop(NamedTuple):
    """Items of a call that are sent together, to the ledgers that are in `sent`. `behind` has, by place, those that are
    not sent, as they wait for what another one is told.
    """

    items: Sequence[Item]
    sent: Sequence[Entry]
    number: int
    behind: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Batches:
    """Decides them. `step` takes one step of a reservation of a hot SKU, and fills its outcome."""

    router: Router
    stores: StoreDirectory
    grants: Grants
    hot: HotCalls
    rates: Rates
    orders: NewOrders
    reconciler: Reconciler
    handed_over: HandedOver
    step: Step

    async def decide(self, kind: Kind, requests: Sequence[Any], deadline: float, reply: Any) -> None:
        """Fill the outcomes of a call. An item that cannot be decided has its status in its own outcome."""
        outcomes = _empty_outcomes(reply, len(requests))
        items, unknown, orders = await self._sort(kind, requests, outcomes)
        batch = _Batch(kind, deadline, Grace(deadline), NewHolds(self.router.chain))
        steps = [item for item in items if is_hot(item[0][0])] if kind.promise else []
        if steps:
            items = [item for item in items if not is_hot(item[0][0])]
        works = [self._decide(batch, items, whole=len(items) == len(requests))]
        works += [_work(batch, self.step(entry, outcome, deadline), [outcome]) for entry, outcome, _ in steps]
        if unknown:
            works.append(self._look_again(batch, unknown))
        has_begun = len(items) + len(steps) + len(unknown) + len(orders) < len(requests)
        waits = batch.grace.wait(works, has_begun=has_begun)
        if orders:
            # An order takes the most round trips, so what one shop decides by itself runs beside it and not after it.
            until = deadline if len(requests) == 1 else share_of(deadline, ORDER_SHARE)
            rows = [(index, requests[index], outcomes[index]) for index in orders]
            await asyncio.gather(waits, _work(batch, self.orders.reserve_all(rows, until), ()))
        else:
            await waits
        for outcome in outcomes:
            if outcome not in batch.holds and outcome.WhichOneof("result") is None:
                fill_error(DeadlinePassed(sent=True), outcome.error)
        batch.holds.finish(reply, outcomes)

    async def _sort(
        self, kind: Kind, requests: Sequence[Any], outcomes: Sequence[Any]
    ) -> tuple[list[Item], list[tuple[int, Item]], list[int]]:
        """The items that one shop each decides; those of them whose shop is not known here, each with its index; the
        indexes of those that become orders. The outcomes of malformed items are filled.
        """
        items: list[Item] = []
        unknown: list[tuple[int, Item]] = []
        orders: list[int] = []
        known, is_reserve, translate = self.router.chain.stores, kind is RESERVE, kind.translate
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
                    self.rates.note(entry)
                if entry[0] in known or (not is_reserve and is_hot(entry[0])):
                    if hinting is None or is_gone is False or not hinting.refuses(request, entry, outcome):
                        items.append((entry, outcome, is_first))
                elif self.stores.may_be_new(entry[0]):
                    unknown.append((index, (entry, outcome, is_first)))
                else:
                    self.stores.refuse_unknown(entry[0], kind.shop_field)
            except ENDINGS as error:
                fill_error(error, outcome.error, index)
                await asyncio.sleep(0)  # naming the faults of an item may take 5 ms: other calls go between
                hinting = self._hinting(kind)
        return items, unknown, orders

    def _hinting(self, kind: Kind) -> Hinting | None:
        return Hinting(self.router, self.rates) if kind is RESERVE and self.router.sold_out else None

    async def _look_again(self, batch: _Batch, unknown: Sequence[tuple[int, Item]]) -> None:
        """Items of a batch whose shops were not known: asked for once, beside what the known ones decide."""
        found: list[Item] = []
        try:
            await self.stores.look_again(batch.deadline)
        except ENDINGS as error:
            _fail([item for _, item in unknown], error)
            return
        except asyncio.CancelledError:
            _fail([item for _, item in unknown], chain_away())  # of these nothing was sent
            raise
        for index, item in unknown:
            try:
                self.stores.refuse_unknown(item[0][0], batch.kind.shop_field)
            except ENDINGS as error:
                fill_error(error, item[1].error, index)
            else:
                found.append(item)
        await self._decide(batch, found, whole=False)

    async def _decide(self, batch: _Batch, items: Sequence[Item], *, whole: bool) -> None:
        """Items of a batch that one shop each decides. `whole` says that the batch has no others."""
        if not self.router.chain.policy.chain_limit_rules:
            await self._decide_plain(batch, items, whole=whole)
            return
        until = batch.deadline if whole and len(items) == 1 else share_of(batch.deadline, ORDER_SHARE)
        plain: list[Item] = []
        limited: list[Item] = []
        for item in items:
            (limited if self.grants.are_required(item[0]) else plain).append(item)
        await asyncio.gather(
            self._with_grants(batch, limited, until),
            self._decide_plain(batch, plain, whole=whole and not limited),
        )

    async def _with_grants(self, batch: _Batch, items: Sequence[Item], deadline: float) -> None:
        """Reserves of a batch that limits of the whole chain apply to. Those of hot SKUs that may go on to another
        ledger do so by themselves.
        """
        sent = [self.hot.first(entry, is_first=is_first) for entry, _, is_first in items]
        apart = [place for place, entry in enumerate(sent) if self.hot.may_go_on(entry) or self.hot.may_be_gone(entry)]
        together = sorted({*range(len(items))}.difference(apart))

        async def hear(found: Told) -> None:
            alone: list[int] = []
            for number, answer in found:
                place = together[number]
                if isinstance(answer, Refusal) and is_for_gateways(answer):
                    alone.append(place)
                else:
                    self._fill_granted(items[place], sent[place][0], answer)
            if len(alone) < len(found):
                batch.grace.begin()
            if alone:
                await decide_alone(alone)

        async def decide_alone(places: Iterable[int]) -> None:
            works = (_work(batch, self._alone(items[place], deadline), [items[place][1]]) for place in places)
            await asyncio.gather(*works)

        works = [decide_alone(apart)] if apart else []
        if together:
            entries = [sent[place] for place in together]
            works.append(GrantedBatch(self.grants, self.router, entries, deadline, hear).decide())
        await asyncio.gather(*works)

    def _fill_granted(self, item: Item, ledger_id: str, answer: Answer | Exception) -> None:
        entry, outcome, _ = item
        if is_hot(ledger_id):
            outcome.key_stamp = self.hot.stamp(entry)
        if isinstance(answer, Exception):
            fill_error(answer, outcome.error)
        elif (failure := failure_of(answer)) is not None:
            fill_error(failure, outcome.error)
        else:
            fill(answer, entry, ledger_id, self.router.chain, outcome)

    async def _alone(self, item: Item, deadline: float) -> None:
        entry, outcome, _ = item
        ledger_id, answer = await self.hot.reserve(entry, deadline, is_first=False)
        fill(answer, entry, ledger_id, self.router.chain, outcome)
        if is_hot(ledger_id):
            outcome.key_stamp = self.hot.stamp(entry)

    async def _decide_plain(self, batch: _Batch, items: Sequence[Item], *, whole: bool) -> None:
        """Items without limits of the whole chain, as far as this gateway knows."""
        if not items:
            return
        sent = [entry for entry, _, _ in items]
        is_some_hot = batch.kind is RESERVE and self.router.chain.hot
        if is_some_hot:
            for start in range(0, len(items), SLICE):
                if start:
                    await asyncio.sleep(0)
                some = items[start : start + SLICE]
                sent[start : start + SLICE] = [self.hot.first(entry, is_first=is_first) for entry, _, is_first in some]
        behind = self.hot.behind(sent) if is_some_hot else {}
        await self._send(batch, _Hop(items, sent, 0, behind), whole=whole and not behind)

    async def _send(self, batch: _Batch, hop: _Hop, *, whole: bool = False) -> None:
        """Send items, and fill their outcomes as actors answer. Those that go on to another ledger, of hot SKUs, do so
        together, as far as they are told so at the same time.
        """
        ahead = [place for place in range(len(hop.sent)) if place not in hop.behind]
        sent = [hop.sent[place] for place in ahead] if hop.behind else hop.sent
        try:
            ledgers = [entry[0] for entry in sent]
            queued = self.router.submit(ledgers, sent, batch.deadline, promise=batch.kind.promise, each=True)
        except Overloaded as refusal:
            # A call of one actor that is refused as a whole ends with a status: that is cheaper for both sides.
            if whole:
                raise
            await self._hear(batch, hop, [(ahead, refusal)])
            return
        waiting = {answers: [ahead[place] for place in places] for answers, places in queued}
        await hear_each(waiting, partial(self._hear, batch, hop))

    async def _hear(self, batch: _Batch, hop: _Hop, answered: Answered) -> None:
        """Fill the outcomes of what actors have answered, and go on with what they have not decided."""
        decided: list[tuple[str, Answer]] = []
        unsaid: dict[str, list[Refused]] = {}
        limited: list[Item] = []
        told: dict[int, Answer] = {}
        heard, count = set[int](), 0
        for places, part in answered:
            heard.update(places)
            if isinstance(part, BaseException):
                _fail([hop.items[place] for place in places], part)
                continue
            for place, answer in zip(places, part, strict=True):
                if isinstance(answer, Held):  # most are
                    item, sent = hop.items[place], hop.sent[place]
                    if sent is item[0]:
                        batch.holds.add(answer, item[0], item[1])
                    else:  # one of a hot SKU
                        self._fill(item, sent, answer, unsaid)
                elif is_grant_required(answer):
                    limited.append(hop.items[place])
                elif is_for_gateways(answer):
                    told[place] = answer
                else:
                    self._fill(hop.items[place], hop.sent[place], answer, unsaid)
                if batch.kind.promise:
                    self.handed_over.note(hop.sent[place], hop.sent[place][0], answer)
                    decided.append((hop.sent[place][0], answer))
                count += 1
                if not count % SLICE:
                    await asyncio.sleep(0)
        if len(limited) + len(told) < len(heard):
            batch.grace.begin()
        works = [self._say(batch, each, refused) for each, refused in unsaid.items()]
        if decided:
            works.append(self.reconciler.report_answers(decided, batch.deadline))
        if limited:
            works.append(self._with_grants(batch, limited, batch.deadline))
        elsewhere = self.hot.with_behind(told, {at: first for at, first in hop.behind.items() if first in heard})
        if elsewhere:
            works.append(self._go_on(batch, hop, elsewhere))
        if works:
            await (asyncio.gather(*works) if len(works) > 1 else works[0])

    def _fill(self, item: Item, sent: Entry, answer: Answer, unsaid: dict[str, list[Refused]]) -> None:
        entry, outcome, _ = item
        if sent is not entry:  # one of a hot SKU
            outcome.key_stamp = self.hot.stamp(entry)
        if (failure := failure_of(answer)) is not None:
            fill_error(failure, outcome.error)
        else:
            fill(answer, entry, sent[0], self.router.chain, outcome)
            if isinstance(answer, Refusal) and is_unsaid(answer):
                unsaid.setdefault(entry[0], []).append((answer.rejection, outcome))

    async def _go_on(self, batch: _Batch, hop: _Hop, elsewhere: Mapping[int, Answer]) -> None:
        """Send on what other ledgers decide, as these items were told. Those that are short of units wait for their own
        shop's alone.
        """
        try:
            await self.hot.pause(hop.number + 1, batch.deadline)
        except ENDINGS as error:
            _fail([hop.items[place] for place in elsewhere], error)
            return
        parts: dict[str, dict[int, Answer]] = {}
        for place, answer in elsewhere.items():
            parts.setdefault(hop.items[place][0][0] if are_elsewhere(answer) else "", {})[place] = answer
        works = [self._go_on_together(batch, hop, part) for part in parts.values()]
        await (asyncio.gather(*works) if len(works) > 1 else works[0])

    async def _go_on_together(self, batch: _Batch, hop: _Hop, elsewhere: Mapping[int, Answer]) -> None:
        going = [(hop.items[place][0], hop.sent[place], answer) for place, answer in elsewhere.items()]
        items = [hop.items[place] for place in elsewhere]
        try:
            sent = await self.hot.where_next(going, hop.number + 1, batch.deadline)
        except ENDINGS as error:
            _fail(items, error)
            return
        await self._send(batch, _Hop(items, sent, hop.number + 1, {}))

    async def _say(self, batch: _Batch, store_id: str, refused: Sequence[Refused]) -> None:
        naming = say(self.router, store_id, refused, batch.deadline)
        await _work(batch, naming, [outcome for _, outcome in refused])


def _empty_outcomes(reply: Any, count: int) -> Sequence[Any]:
    """So many outcomes of a reply that has none, in one call for all of them: to add each takes three times as long."""
    reply.MergeFromString(_EMPTY_OUTCOME * count)
    return reply.outcomes[:]  # type: ignore[no-any-return]


def _fail(items: Iterable[Item], error: BaseException) -> None:
    for _, outcome, _ in items:
        fill_error(error, outcome.error)


async def _work(batch: _Batch, work: Awaitable[None], outcomes: Iterable[Any]) -> None:
    """A part of a batch's work; what ends it becomes the error of these outcomes."""
    try:
        await work
    except ENDINGS as error:
        for outcome in outcomes:
            fill_error(error, outcome.error)
    except asyncio.CancelledError:  # others were decided, and wait no longer: what is half known is not
        for outcome in outcomes:
            fill_error(DeadlinePassed(sent=True), outcome.error)
        raise
    batch.grace.begin()

"""The Reserve calls that become orders: those that look for shops. Those of one call go together as far as they can."""

import asyncio
from collections.abc import Awaitable, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

from actors.core.ids import ledger_of_customer
from actors.core.rejection import Rejection
from actors.core.status import LIVE, Status
from actors.orders import commands as cm
from actors.orders.state import Order, Standing
from actors.protocol.messages import Entry, Stopped
from actors.shop import commands as shop
from holdfast.v1 import reservation_service_pb2 as rs
from serve.calls import ENDINGS, fill_error
from serve.coordination.coordinator import Coordinator
from serve.coordination.placing import Claims
from serve.coordination.replanning import Planned, RefusedClaims
from serve.routing.batcher import GATHER_CALLS_MIN, DeadlinePassed, Overloaded
from serve.routing.router import Router
from serve.routing.shares import Room
from serve.sourcing.places import Postcodes
from serve.sourcing.plan import NoPlan, Plan
from serve.sourcing.ranking import Query, SourcingPolicy
from serve.sourcing.search import GATHER_S, NOTHING, Chosen, Finder, Own, Search, missing_of, refusal_of
from serve.wire import orders as wo, reservations as wr
from serve.wire.orders import fill_order
from serve.wire.rules import Checked
from serve.wire.statuses import fill_order_rejection

# Being placed in one gateway at once, alone or in batches. Each keeps a column a SKU over all shops: 240 kB of 5,000
# shops and 5 SKUs. One full batch is taken, where a thousand calls with a thousand orders each would not end; beyond it
# places are shared by SKU and channel.
ORDERS_MAX: Final = 1_536
ORDERS_SHARED_FROM: Final = 1_024

Row = tuple[int, rs.ReserveRequest, Any]  # of a batch: its index, the request, and the outcome to fill


class _Asked(NamedTuple):
    """A Reserve that becomes an order, as it was read."""

    command: shop.Reserve
    content: str
    ledger_id: str
    ask: Query
    policy: SourcingPolicy

    @property
    def entry(self) -> Entry:
        """As it is counted among others."""
        return self.ledger_id, self.command

    def opened(self, first: Planned) -> cm.Open:
        """The command that begins it with this plan."""
        said = dict(zip(_SAID, _said(self.command), strict=True))
        return cm.Open(**said, content=self.content, plans=first.plans, missing=first.missing)


# What an Open does not say as the Reserve does: its plans have lines and slots, its ledger counts by itself, who looks
# for shops waits in no line, and no order is for a hot SKU's ledger. Any other field has to be in both.
NOT_OF_ORDERS: Final = frozenset(
    {
        "lines",
        "slot_start_ms",
        "grant",
        "wait_ms",
        "asked",
        "fetched",
        "only_known",
        "page",
        "kept_at",
        "to_shop",
    }
)
_SAID: Final = tuple(name for name in shop.Reserve.__struct_fields__ if name not in NOT_OF_ORDERS)
_said: Final = attrgetter(*_SAID)


class _Batch(NamedTuple):
    """Orders of one call: those that have not ended, by their place in it."""

    waiting: dict[int, tuple[Row, _Asked]]
    deadline: float
    gather_s: float


class NewOrders:
    """Places the Reserve calls that look for shops."""

    def __init__(self, router: Router, coordinator: Coordinator, finder: Finder, postcodes: Postcodes) -> None:
        self._router = router
        self._coordinator = coordinator
        self._finder = finder
        self._postcodes = postcodes
        self._room = Room(ORDERS_MAX, ORDERS_SHARED_FROM)

    async def reserve(self, request: rs.ReserveRequest, deadline: float, reply: rs.ReserveResponse) -> None:
        """Reserve, as an order. Raises as the calls do, Overloaded before any work where too many are being placed."""
        asked = self._read(request)
        if not self._room.enter([asked.entry]):
            raise Overloaded
        try:
            answer = await self._answer_alone(asked, deadline)
        finally:
            self._room.leave([asked.entry])
        self._fill(answer, asked.ledger_id, reply)

    async def reserve_all(self, rows: Sequence[Row], deadline: float) -> None:
        """As `reserve`, the orders of one call; what ends one becomes its outcome's error. Most are asked for, claimed
        and placed together. None waits for another one's shops.
        """
        batch = _Batch({}, deadline, self._gather_s(self._room.taken + 1))
        try:
            for place, row in enumerate(rows):
                index, request, outcome = row
                try:
                    asked = self._read(request)
                    if not self._room.enter([asked.entry]):
                        raise Overloaded
                    batch.waiting[place] = row, asked
                except ENDINGS as error:
                    fill_error(error, outcome.error, index)
                    await asyncio.sleep(0)  # naming the faults of a row may take 5 ms
            await self._answered(batch)
        finally:
            self._room.leave([asked.entry for _, asked in batch.waiting.values()])
            batch.waiting.clear()

    def _read(self, request: rs.ReserveRequest) -> _Asked:
        command = wr.reserve(request)[1]
        content = wo.content_of_reserve(request)
        place = wo.degrees_of(request)
        if place is None:
            checked = Checked(request)
            place = wo.place_of(checked, request.sourcing, self._postcodes)
            checked.raise_if_faulty()
        ask, policy = wo.ask_of(request.sourcing, place, command.lines, command.channel)
        return _Asked(command, content, ledger_of_customer(command.customer_id), ask, policy)

    async def _answer_alone(self, asked: _Asked, deadline: float) -> Order | Rejection:
        command, own, held = asked.command, NOTHING, None
        if command.basket_id:
            held = await self._coordinator.order_of_basket(command.customer_id, command.basket_id, deadline)
            own = _held_by(held, command.slot_start_ms)
        keeps = held is not None and held.channel == command.channel
        of, gather_s = (asked.ask, asked.policy, command.slot_start_ms), self._gather_s(self._room.taken)
        search, chosen = await self._finder.search(*of, deadline, own=own, gather_s=gather_s)
        return await self._answer(asked, search, chosen, deadline, keeps=keeps)

    def _gather_s(self, being_placed: int) -> float:
        return GATHER_S if being_placed >= GATHER_CALLS_MIN else 0.0

    async def _answer(
        self,
        asked: _Asked,
        search: Search,
        chosen: Chosen,
        deadline: float,
        *,
        keeps: bool = False,
        claims: Claims | None = None,
        stopped: Sequence[Stopped] | None = None,
    ) -> Order | Rejection:
        """What is answered to an order for which this was found. Its first try may have been made, see `open`."""
        command, slot_start_ms = asked.command, asked.command.slot_start_ms
        if (isinstance(chosen, NoPlan) or chosen.short) and not search.is_whole():
            raise DeadlinePassed(sent=True)  # a refusal stands for ever, and a shop that is away may have it
        counted = search if isinstance(chosen, Plan) and not chosen.short else search.with_claimed()
        first = _planned(chosen, None if counted is search else counted, slot_start_ms)
        stopped = search.stopped() if stopped is None else stopped
        if isinstance(first, Rejection):
            refuse = cm.Refuse(command.key, asked.content, command.customer_id, first)
            return await self._coordinator.refuse(refuse, deadline, stopped)

        def next_plans(_order: Order | None, refused: RefusedClaims) -> Planned | Rejection:
            nonlocal search, counted
            claimed = {store_id: each for store_id, each in refused.items() if each.status is Status.CLAIMED}
            gone = {store_id: refused[store_id] for store_id in refused.keys() - claimed}
            counted = (search.with_claimed() if counted is search else counted).lowered(gone, keeps=keeps)
            search = search.lowered(gone, keeps=keeps)
            return _planned(search.lowered(claimed, keeps=keeps).plan(), counted, slot_start_ms)

        return await self._coordinator.open(asked.opened(first), deadline, next_plans, stopped, claims)

    async def _answered(self, batch: _Batch) -> None:
        """Returns once all have ended."""
        asked = {place: each for place, (_, each) in batch.waiting.items()}
        # One that is alone has nobody to go with, and a basket may have an order.
        together = [place for place, each in asked.items() if not each.command.basket_id] if len(asked) > 1 else []
        apart = set(asked).difference(together)
        works = [self._end_by(batch, place, self._answer_alone(asked[place], batch.deadline)) for place in apart]
        if together:
            works.append(self._together(batch, together))
        await asyncio.gather(*works)

    async def _together(self, batch: _Batch, places: Sequence[int]) -> None:
        asked = [batch.waiting[place][1] for place in places]
        asks = [(each.ask, each.policy, each.command.slot_start_ms) for each in asked]
        try:
            found = await self._finder.search_together(asks, batch.deadline, batch.gather_s)
        except ENDINGS as error:
            for place in places:
                self._end(batch, place, error)
            return
        planned: list[tuple[int, Search, Plan]] = []
        opened: list[cm.Open] = []
        works: list[Awaitable[None]] = []
        for place, each, (search, few) in zip(places, asked, found, strict=True):
            if few is None or search.found.stopped:
                works.append(self._end_by(batch, place, self._chosen(each, search, batch.deadline)))
            else:
                planned.append((place, search, few))
                opened.append(each.opened(Planned(_plans(few, each.command.slot_start_ms), ())))

        def hear(number: int, ended: Order | Exception) -> None:
            self._end(batch, planned[number][0], ended)

        async def go_on(number: int, claims: Claims, stopped: Sequence[Stopped]) -> None:
            place, search, few = planned[number]
            asked = batch.waiting[place][1]
            answer = self._answer(asked, search, few, batch.deadline, claims=claims, stopped=stopped)
            await self._end_by(batch, place, answer)

        if opened:
            works.append(self._coordinator.open_together(opened, batch.deadline, hear, go_on))
        await asyncio.gather(*works)

    async def _chosen(self, asked: _Asked, search: Search, deadline: float) -> Order | Rejection:
        search, chosen = await self._finder.chosen(search, deadline)
        return await self._answer(asked, search, chosen, deadline)

    async def _end_by(self, batch: _Batch, place: int, answer: Awaitable[Order | Rejection]) -> None:
        try:
            ended: Order | Rejection | Exception = await answer
        except ENDINGS as error:
            ended = error
        self._end(batch, place, ended)

    def _end(self, batch: _Batch, place: int, ended: Order | Rejection | Exception) -> None:
        (index, _, outcome), asked = batch.waiting.pop(place)
        self._room.leave([asked.entry])
        if isinstance(ended, Exception):
            fill_error(ended, outcome.error, index)
        else:
            self._fill(ended, asked.ledger_id, outcome)

    def _fill(self, answer: Order | Rejection, ledger_id: str, reply: Any) -> None:
        if isinstance(answer, Order):
            fill_order(answer, ledger_id, self._router.chain, reply.order)
        else:
            fill_order_rejection(answer, ledger_id, "", reply.rejection)


def _held_by(order: Order | None, slot_start_ms: int) -> Own:
    """What a basket holds already, by shop: it need not be had anew, unless for another slot."""
    own: dict[str, dict[str, int]] = {}
    if order is not None and order.standing is Standing.HELD:
        for part in order.certain_parts():
            if part.status in LIVE and part.slot_start_ms == slot_start_ms:
                units = own.setdefault(part.store_id, {})
                for sku, held in part.wanted_by_sku().items():
                    units[sku] = units.get(sku, 0) + held
    return own


def _planned(chosen: Chosen, counted: Search | None, slot_start_ms: int) -> Planned | Rejection:
    """What was chosen beside the claims of undecided orders where that is the whole, else what is found where they are
    `counted`, if that is more. What they have claimed keeps nothing from a later try, and is never why one is refused.
    """
    if counted is not None and (isinstance(chosen, NoPlan) or chosen.short):
        later = counted.plan()
        if isinstance(later, Plan) and (isinstance(chosen, NoPlan) or missing_of(later) != missing_of(chosen)):
            return Planned(_plans(later, slot_start_ms), missing_of(later), waits=True)
    if isinstance(chosen, NoPlan):
        return refusal_of(chosen)
    return Planned(_plans(chosen, slot_start_ms), missing_of(chosen))


def _plans(chosen: Plan, slot_start_ms: int) -> tuple[cm.Plan, ...]:
    return tuple(cm.Plan(part.store_id, part.lines, slot_start_ms) for part in chosen.parts)

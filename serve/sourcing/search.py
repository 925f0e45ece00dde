"""Finds shops for a basket: what `sourcing` needs to know, asked of the shops' actors, and what came of it.

What is known is advice. It was true a moment ago, and the ledgers decide anew: where one says that it has less, that is
put into what is known, and the same question is asked again.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from actors.core.rejection import Reason, Rejection
from actors.runtime.clock import Clock
from actors.shop.commands import Lines
from serve.routing.batcher import DeadlinePassed
from serve.routing.router import Router
from serve.sourcing.plan import NoPlan, Plan, plan
from serve.sourcing.ranking import UNLIMITED, Ask, Found, Known, Ranking, SourcingPolicy, lowered, rank
from serve.sourcing.store_index import NEVER_MS, Flags, Ints, ReadyTimes, StoreIndex, nearest

GATHER_S: Final = 0.004  # how long a question waits for others
QUESTION_S: Final = 1.0  # shops that are away for longer are left out: the others can serve
SKUS_MAX: Final = 512  # of one question; beyond that the next one begins
ASKED_FIRST: Final = 512  # of the shops in reach, the nearest; the others only where those cannot serve
ASKED_BESIDE: Final = 100  # of those that are out, the nearest: as many as one answer tells

Rows = npt.NDArray[np.signedinteger[Any]]
Chosen = Plan | NoPlan
Own = Mapping[str, Mapping[str, int]]  # what the customer's basket holds already, by shop and SKU
NOTHING: Final[Own] = MappingProxyType({})


class Availability(NamedTuple):
    """What was found: by SKU a column over all shops of the index, and the places of the slot that was asked for.

    A shop that was not heard has nothing. `places` is -1 where no slot was asked for, `open_` False where none is.
    """

    columns: dict[str, Ints]
    places: Ints
    open_: Flags
    heard: Flags


class _Question:
    """One that is still gathering."""

    __slots__ = ("answer", "rows", "skus")

    def __init__(self) -> None:
        self.skus: dict[str, None] = {}
        self.rows: set[int] = set()
        self.answer: asyncio.Task[Availability] | None = None


class AvailabilityQuery:
    """One for each gateway."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._gathering: dict[tuple[int, int], _Question] = {}

    async def ask(
        self, store_index: StoreIndex, rows: Rows, skus: tuple[str, ...], slot_start_ms: int, deadline: float
    ) -> Availability:
        """What these shops have, those that answer soon. Raises what the router raises, but for those that do not."""
        key = (store_index.revision, slot_start_ms)
        question = self._gathering.get(key)
        if question is None or question.answer is None or len(question.skus) + len(skus) > SKUS_MAX:
            question = self._gathering[key] = _Question()
            question.answer = asyncio.get_running_loop().create_task(self._ask_soon(store_index, key, question))
        question.skus.update(dict.fromkeys(skus))
        question.rows.update(rows.tolist())
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(question.answer)  # others wait for it as well
        except TimeoutError:
            raise DeadlinePassed(sent=True) from None

    async def _ask_soon(self, store_index: StoreIndex, key: tuple[int, int], question: _Question) -> Availability:
        await asyncio.sleep(GATHER_S)
        if self._gathering.get(key) is question:
            del self._gathering[key]
        return await self._ask_actors(store_index, question, key[1])

    async def _ask_actors(self, store_index: StoreIndex, question: _Question, slot_start_ms: int) -> Availability:
        skus = list(question.skus)
        found = Availability(
            {sku: np.zeros(len(store_index), np.int64) for sku in skus},
            np.full(len(store_index), -1, np.int64),
            np.ones(len(store_index), np.bool_),
            np.zeros(len(store_index), np.bool_),
        )
        deadline = asyncio.get_running_loop().time() + QUESTION_S
        groups = self._router.by_actor([store_index.store_ids[row] for row in sorted(question.rows)])
        answers = await asyncio.gather(
            *(
                self._router.ask_by_rules(actor, "stock", store_ids, skus, slot_start_ms, deadline=deadline)
                for actor, store_ids in groups.items()
            ),
            return_exceptions=True,
        )
        for store_ids, shops in zip(groups.values(), answers, strict=True):
            if isinstance(shops, DeadlinePassed):
                continue
            if isinstance(shops, BaseException):
                raise shops
            rows = [store_index.rows[store_id] for store_id in store_ids]
            found.heard[rows] = True
            for column, units in zip(
                found.columns.values(), zip(*(shop[0] for shop in shops), strict=True), strict=True
            ):
                column[rows] = units
            for row, (_, left) in zip(rows, shops, strict=True):
                found.open_[row] = left is not None
                found.places[row] = -1 if left is None else left
        return found


class Search(NamedTuple):
    """One customer's question, as far as it has been answered. What is known is of `asked_at` (loop time), or later."""

    store_index: StoreIndex
    known: Known
    ask: Ask
    policy: SourcingPolicy
    asked_at: float
    own: Own
    is_whole: bool  # every shop that was asked, and is in time, was heard


class Finder:
    """One for each gateway. By its clock it says when an order can be ready."""

    def __init__(self, router: Router, clock: Clock) -> None:
        self._router = router
        self._clock = clock
        self._availability = AvailabilityQuery(router)
        self._turn = asyncio.Lock()
        self._store_index: StoreIndex | None = None
        self._ready_times = ReadyTimes(())

    async def search(
        self,
        ask: Ask,
        policy: SourcingPolicy,
        slot_start_ms: int,
        deadline: float,
        *,
        own: Own = NOTHING,
        explain: bool = False,
    ) -> tuple[Search, Chosen]:
        """Ask the shops in reach, the nearest first, and choose. `explain` asks the nearest that are out as well.

        Where none in reach can serve, the nearest beyond are asked too, since a refusal names them, and the nearest
        that are too late, since it says whether more time would do.
        """
        store_index, ready_times = self._index_now()
        now_ms = self._clock.now_ms()
        ready_ms = await ready_times.at(now_ms)
        ask = replace(ask, ready_by_ms=slot_start_ms or self._ready_by_ms(ask, now_ms))
        metres = store_index.metres_from(ask.place)
        in_time = ready_ms <= ask.ready_by_ms
        willing = store_index.placed & ~store_index.paused & store_index.serves(ask.channel)
        able = willing & in_time
        near = metres <= ask.limits.kilometres_max * 1_000
        reach = np.flatnonzero(able & near)
        rows = nearest(metres, reach, ASKED_FIRST)
        if explain:
            rows = np.union1d(rows, nearest(metres, np.flatnonzero(~(able & near)), ASKED_BESIDE))
        search = await self._ask_shops(store_index, ready_ms, ask, policy, rows, slot_start_ms, deadline, own)
        chosen = plan(store_index, search.known, ask, policy)
        if isinstance(chosen, NoPlan):
            for beside in (able & ~near, willing & near & ~in_time & (ready_ms != NEVER_MS)):
                reach = np.union1d(reach, nearest(metres, np.flatnonzero(beside), ASKED_BESIDE))
        if (isinstance(chosen, NoPlan) or chosen.short) and np.setdiff1d(reach, rows).size:
            rows = np.union1d(rows, reach)
            search = await self._ask_shops(store_index, ready_ms, ask, policy, rows, slot_start_ms, deadline, own)
            chosen = plan(store_index, search.known, ask, policy)
        return search, chosen

    def _ready_by_ms(self, ask: Ask, now_ms: int) -> int:
        """When an order has to be ready: as the customer says, and within the policy's longest time, since no order
        waits for longer. A confirmed one's deadline moves to the next opening by itself, so closed days do no harm.
        """
        longest_ms = now_ms + self._router.chain.policy.ttl_ms_max
        return min(ask.ready_by_ms or longest_ms, longest_ms)

    def again(self, search: Search, refused: dict[str, Rejection]) -> tuple[Search, Chosen]:
        """Choose anew, now that shops have said what they do not have."""
        found: list[Found] = []
        for store_id, rejection in refused.items():
            own = search.own.get(store_id, {})
            if rejection.reason in (Reason.INSUFFICIENT_STOCK, Reason.SKU_NOT_STOCKED):
                found += [Found(store_id, has + own.get(sku, 0), sku) for sku, _, has in rejection.short_lines]
            else:  # nothing more than what the basket holds there
                found += [Found(store_id, own.get(sku, 0), sku) for sku in search.ask.demand.skus]
        known = lowered(search.store_index, search.ask.demand, search.known, found)
        search = search._replace(known=known)
        return search, plan(search.store_index, known, search.ask, search.policy)

    def ranking(self, search: Search, at_most: int, *, explain: bool) -> Ranking:
        """The shops by preference."""
        return rank(search.store_index, search.known, search.ask, search.policy, at_most=at_most, explain=explain)

    def _index_now(self) -> tuple[StoreIndex, ReadyTimes]:
        chain = self._router.chain
        if self._store_index is None or self._store_index.revision != chain.revision:
            self._store_index = StoreIndex.of(chain.revision, chain.stores.values())
            self._ready_times = ReadyTimes(chain.stores[store_id].calendar for store_id in self._store_index.store_ids)
        return self._store_index, self._ready_times

    async def _ask_shops(
        self,
        store_index: StoreIndex,
        ready_ms: Ints,
        ask: Ask,
        policy: SourcingPolicy,
        rows: Rows,
        slot_start_ms: int,
        deadline: float,
        own: Own,
    ) -> Search:
        """What these shops have. Of all the others nothing is known, which counts as nothing."""
        asked_at = asyncio.get_running_loop().time()
        found = await self._availability.ask(store_index, rows, ask.demand.skus, slot_start_ms, deadline)
        # All who asked together hear together. Each plans in a turn of the loop of its own, so that other calls come in
        # between: a thousand plans of eight SKUs over 5,000 shops, one after the other, take a second and a half.
        async with self._turn:
            await asyncio.sleep(0)
        available = np.asfortranarray(np.stack([found.columns[sku] for sku in ask.demand.skus], axis=1))
        places = found.places.copy()  # others wait for the same found
        for store_id, units in own.items():
            if store_id in store_index.rows:
                row = store_index.rows[store_id]
                if not places[row]:  # what it keeps has its place; more would take another
                    places[row], available[row] = UNLIMITED, 0
                available[row] += [units.get(sku, 0) for sku in ask.demand.skus]
        asked = np.zeros(len(store_index), np.bool_)
        asked[rows] = found.heard[rows]
        known = Known(available, found.open_, places, ready_ms=ready_ms, asked=asked)
        is_whole = bool(found.heard[rows[ready_ms[rows] <= ask.ready_by_ms]].all())
        return Search(store_index, known, ask, policy, asked_at, own, is_whole)


def refusal_of(chosen: NoPlan) -> Rejection:
    """A refusal as the ledgers give them: what is within reach, and the nearest shops that could serve, or nearly."""
    short: tuple[tuple[str, int, int], ...] = tuple((each.sku, each.asked, each.available) for each in chosen.short)
    sku, asked, available = short[0] if short else ("", 0, 0)
    near = {shop.store_id: (shop.store_id, shop.metres, False) for shop in chosen.nearest_some}
    near |= {shop.store_id: (shop.store_id, shop.metres, True) for shop in chosen.nearest_whole}
    near_stores = tuple(sorted(near.values(), key=lambda row: (not row[2], row[1], row[0])))
    return Rejection(
        Reason.NO_STORE_IN_REACH,
        sku,
        asked,
        available,
        short_lines=short,
        near_stores=near_stores,
        too_soon=chosen.too_soon,
    )


def missing_of(chosen: Plan) -> Lines:
    """What a plan leaves out."""
    return tuple((each.sku, each.asked - each.available) for each in chosen.short)

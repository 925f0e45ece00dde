"""Finds shops for a basket: asks the shops' actors what they have, and plans with the answers.

What is known is advice: it was true some milliseconds ago, and ledgers decide anew. Where one has less, a new plan is
made with that. Nothing is kept between questions.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from actors.core.rejection import Reason, Rejection
from actors.protocol.messages import Stopped
from actors.runtime.clock import Clock
from actors.shop.commands import Lines
from serve.coordination.hot_stock import free_of, hot_among
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.routing.router import Router
from serve.sourcing.plan import PAIRED_MAX, NoPlan, Plan, plan, plan_of_few
from serve.sourcing.ranking import UNLIMITED, Ask, Known, Ranking, SourcingPolicy, lowered, rank
from serve.sourcing.store_index import NEVER_MS, Distances, Flags, Ints, ReadyTimes, StoreIndex, nearest

GATHER_S: Final = 0.004  # how long a question waits for others
QUESTION_S: Final = 1.0  # shops that are away for longer are left out: the others can serve
SKUS_MAX: Final = 512  # of one question; beyond that the next one begins
ASKED_FIRST: Final = 512  # of the shops in reach, the nearest; the others only where those cannot serve
LISTED_MAX: Final = 64  # shops that have something, among which a plan is first looked for in lists
ASKED_BESIDE: Final = 100  # of the shops out of reach, the nearest: as many as one answer may name

Rows = npt.NDArray[np.signedinteger[Any]]
Chosen = Plan | NoPlan
Own = Mapping[str, Mapping[str, int]]  # what the customer's basket holds already, by shop and SKU
NOTHING: Final[Own] = MappingProxyType({})


class _Columns(NamedTuple):
    """What shops have: by SKU a column over all shops, and the pickups left in the slot that was asked for.

    A shop that did not answer has nothing. `capacity` is UNLIMITED where no slot was asked for; `open_` is False where
    the shop has no such slot.
    """

    units: dict[str, Ints]
    capacity: Ints
    open_: Flags
    answered: Flags


@dataclass(slots=True, eq=False)
class Availability:
    """What shops answered, by row: the units by SKU, as `places` has the SKUs, and the pickups left in the slot.
    `claimed` has the units, and the places, that are available beside once undecided orders let go of them, where there
    are any. Those whose ledgers are `stopped` have nothing.
    """

    places: dict[str, int]
    shops: dict[int, tuple[list[int], int | None]] = field(default_factory=dict)
    claimed: dict[int, tuple[list[int], int]] = field(default_factory=dict)
    stopped: set[int] = field(default_factory=set)
    _stocked: dict[str, dict[int, int]] = field(default_factory=dict)
    _columns: _Columns | None = None

    def stocked(self, sku: str) -> dict[int, int]:
        """The shops that have some of a SKU, and how much; found once for all who asked together."""
        found = self._stocked.get(sku)
        if found is None:
            place = self.places[sku]
            found = {row: units[place] for row, (units, _) in self.shops.items() if units[place]}
            self._stocked[sku] = found
        return found

    def columns(self, shops: int) -> _Columns:
        """The same in arrays over so many shops, made once for all who asked together."""
        if self._columns is None:
            rows = list(self.shops)
            units = np.zeros((len(self.places), shops), np.int64)
            capacity, open_ = np.full(shops, UNLIMITED, np.int64), np.ones(shops, np.bool_)
            answered = np.zeros(shops, np.bool_)
            if rows:
                units[:, rows] = np.array([shop[0] for shop in self.shops.values()], np.int64).T
                open_[rows] = [left is not None for _, left in self.shops.values()]
                capacity[rows] = [UNLIMITED if left is None else left for _, left in self.shops.values()]
                answered[rows] = True
            self._columns = _Columns(dict(zip(self.places, units, strict=True)), capacity, open_, answered)
        return self._columns


@dataclass(slots=True)
class _Question:
    """One that is still gathering."""

    skus: dict[str, None] = field(default_factory=dict)
    rows: set[int] = field(default_factory=set)
    answer: asyncio.Task[Availability] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """One customer's question, and what shops answered. `own` is what the customer's basket holds already.

    `suits`: the shops in reach that may serve, if only they have something. `asked` are those that were asked. What was
    `found` was so at `asked_at` (loop time) or later; `known` is that where it was lowered.
    """

    store_index: StoreIndex
    ready_ms: Ints
    ask: Ask
    policy: SourcingPolicy
    slot_start_ms: int
    own: Own
    metres: Distances
    suits: Flags
    asked: Rows
    found: Availability
    asked_at: float
    known: Known | None = None

    def plan(self) -> Chosen:
        return plan(self.store_index, self.in_arrays(), self.ask, self.policy)

    def plan_of_few(self) -> Plan | None:
        """The same in lists, where few shops have something; None where `plan` has to look. Of 24 shops, two of which
        have something, it takes 10 us, and arrays took 110.
        """
        columns = [self.found.stocked(sku) for sku in self.ask.demand.skus]
        rows = {*columns[0]}.union(*columns[1:])
        if self.own or len(rows) > LISTED_MAX:
            return None
        shops, suits, metres_to = self.found.shops, self.suits, self.metres.to
        useful = [row for row in rows if suits[row] and shops[row][1] not in (None, 0)]
        if len(useful) > PAIRED_MAX:  # no pair is looked for among so many
            least = list(zip(columns, self.ask.demand.asked.tolist(), strict=True))
            useful = [row for row in useful if all(column.get(row, 0) >= asked for column, asked in least)]
        stocked = [(metres_to(row), row, [column.get(row, 0) for column in columns]) for row in useful]
        return plan_of_few(self.store_index, stocked, self.ask, self.policy)

    def is_whole(self) -> bool:
        """Whether every shop that was asked, and is in time, answered, if only that its ledger is stopped."""
        return self.found.shops.keys() | self.found.stopped >= self._in_time()

    def stopped(self) -> list[Stopped]:
        """The shops that are in time, and whose ledgers are stopped."""
        rows = sorted(self.found.stopped & self._in_time())
        return [Stopped(f"the ledger of shop {self.store_index.store_ids[row]} is stopped; verify it") for row in rows]

    def _in_time(self) -> set[int]:
        return {*self.asked[self.ready_ms[self.asked] <= self.ask.ready_by_ms].tolist()}

    def in_arrays(self) -> Known:
        """What is known, by row. Of shops that were not asked that is nothing, which counts as nothing available."""
        if self.known is not None:
            return self.known
        skus, found = self.ask.demand.skus, self.found.columns(len(self.store_index))
        available = np.asfortranarray(np.stack([found.units[sku] for sku in skus], axis=1))
        capacity = found.capacity.copy()  # others plan with the same answer
        for store_id, units in self.own.items():
            if store_id in self.store_index.rows:
                row = self.store_index.rows[store_id]
                if not capacity[row]:  # what the basket keeps has its pickup; more would take another
                    capacity[row], available[row] = UNLIMITED, 0
                available[row] += [units.get(sku, 0) for sku in skus]
        answered = np.zeros(len(self.store_index), np.bool_)
        answered[self.asked] = found.answered[self.asked]
        return Known(available, found.open_, capacity, self.ready_ms, answered, self.metres.to_all())

    def with_claimed(self) -> "Search":
        """The same with what undecided orders have claimed, itself where that is nothing."""
        columns = [self.found.places[sku] for sku in self.ask.demand.skus]
        claimed = {
            row: ([units[column] for column in columns] if units else 0, places)
            for row, (units, places) in self.found.claimed.items()
            if self.suits[row] and (places or any(units[column] for column in columns))
        }
        if not claimed:
            return self
        known = self.in_arrays()
        assert known.capacity_left is not None, "it is known with the units"
        available, capacity = known.available.copy(order="K"), known.capacity_left.copy()
        for row, (units, places) in claimed.items():
            capacity[row] += places if capacity[row] != UNLIMITED else 0
            if capacity[row]:
                available[row] += units
        return replace(self, known=replace(known, available=available, capacity_left=capacity))

    def ranking(self, at_most: int, *, explain: bool) -> Ranking:
        return rank(self.store_index, self.in_arrays(), self.ask, self.policy, at_most=at_most, explain=explain)

    def lowered(self, refused: Mapping[str, Rejection], *, keeps: bool) -> "Search":
        """The same with what shops refused their claims for. `keeps`: what the basket holds there it may keep."""
        if not refused:
            return self
        found: list[tuple[str, str, int]] = []
        for store_id, rejection in refused.items():
            own = self.own.get(store_id, {})
            if rejection.reason in (Reason.INSUFFICIENT_STOCK, Reason.SKU_NOT_STOCKED):
                found += [(store_id, sku, has + own.get(sku, 0)) for sku, _, has in rejection.short_lines]
            else:  # nothing more than what the basket holds there
                found += [(store_id, sku, own.get(sku, 0) if keeps else 0) for sku in self.ask.demand.skus]
        return replace(self, known=lowered(self.store_index, self.ask.demand, self.in_arrays(), found))


class Finder:
    """One for each gateway. Its clock gives the instant from which orders are ready."""

    def __init__(self, router: Router, clock: Clock) -> None:
        self._router = router
        self._clock = clock
        self._gathering: dict[tuple[int, int], _Question] = {}
        self._away: dict[str, asyncio.Task[Any] | None] = {}  # actors that did not answer, with the question since then
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
        gather_s: float = GATHER_S,
    ) -> tuple[Search, Chosen]:
        """Ask the shops in reach, the nearest first, and choose. `explain` asks the nearest that are out as well. The
        question waits `gather_s` for others, which a caller who knows that there are none need not.

        Where none in reach can serve, the nearest beyond are asked too, since a refusal names them, and the nearest
        that are too late, since the refusal has whether more time would do.
        """
        store_index, ready_times = self._index_now()
        now_ms = self._clock.now_ms()
        ready_ms = await ready_times.at(now_ms)
        ready_by_ms = slot_start_ms or self._ready_by_ms(ask, now_ms)
        ask = Ask(ask.place, ask.demand, ask.channel, ask.limits, ready_by_ms)
        metres = Distances(store_index, ask.place)
        in_time = ready_ms <= ready_by_ms
        willing = store_index.willing(ask.channel)
        able = willing & in_time
        metres_max = ask.limits.kilometres_max * 1_000
        suits = able if metres_max == inf else able & (metres.to_all() <= metres_max)
        reach = np.flatnonzero(suits)
        rows = nearest(metres.to_all(), reach, ASKED_FIRST) if reach.size > ASKED_FIRST else reach
        if explain:
            rows = np.union1d(rows, nearest(metres.to_all(), np.flatnonzero(~suits), ASKED_BESIDE))

        async def ask_shops(rows: Rows) -> Search:
            asked_at = asyncio.get_running_loop().time()
            found = await self._stock(store_index, rows, ask.demand.skus, slot_start_ms, deadline, gather_s)
            return Search(store_index, ready_ms, ask, policy, slot_start_ms, own, metres, suits, rows, found, asked_at)

        search = await ask_shops(rows)
        chosen = await self._planned(search)
        beyond = reach
        if isinstance(chosen, NoPlan):
            near = metres.to_all() <= metres_max
            for beside in (able & ~near, willing & near & ~in_time & (ready_ms != NEVER_MS)):
                beyond = np.union1d(beyond, nearest(metres.to_all(), np.flatnonzero(beside), ASKED_BESIDE))
        if (isinstance(chosen, NoPlan) or chosen.short) and np.setdiff1d(beyond, rows).size:
            search = await ask_shops(np.union1d(rows, beyond))
            chosen = await self._planned(search)
        return search, chosen

    async def _planned(self, search: Search) -> Chosen:
        """All who asked together are answered together. What is not planned in lists is planned in a turn of the loop
        of its own, so that other calls run in between: a thousand plans of eight SKUs over 5,000 shops, one after the
        other, take 1.5 s.
        """
        if (few := search.plan_of_few()) is not None:
            return few
        async with self._turn:
            await asyncio.sleep(0)
        return search.plan()

    def _ready_by_ms(self, ask: Ask, now_ms: int) -> int:
        """When an order has to be ready: as the customer says, and within the policy's longest time, since no order
        waits for longer. A confirmed one's deadline moves to the next opening by itself, so closed days do no harm.
        """
        longest_ms = now_ms + self._router.chain.policy.ttl_ms_max
        return min(ask.ready_by_ms or longest_ms, longest_ms)

    def _index_now(self) -> tuple[StoreIndex, ReadyTimes]:
        chain = self._router.chain
        if self._store_index is None or self._store_index.revision != chain.revision:
            self._store_index = StoreIndex.of(chain.revision, chain.stores.values())
            self._ready_times = ReadyTimes(chain.stores[store_id].calendar for store_id in self._store_index.store_ids)
        return self._store_index, self._ready_times

    async def _stock(
        self,
        store_index: StoreIndex,
        rows: Rows,
        skus: tuple[str, ...],
        slot_start_ms: int,
        deadline: float,
        gather_s: float,
    ) -> Availability:
        """What these shops have, those that answer soon. Raises what the router raises, but for those that do not."""
        key = (store_index.revision, slot_start_ms)
        question = self._gathering.get(key)
        if question is None or question.answer is None or len(question.skus) + len(skus) > SKUS_MAX:
            question = self._gathering[key] = _Question()
            question.answer = asyncio.get_running_loop().create_task(
                self._ask_soon(store_index, key, question, gather_s)
            )
        question.skus.update(dict.fromkeys(skus))
        question.rows.update(rows.tolist())
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(question.answer)  # others wait for it as well
        except TimeoutError:
            raise DeadlinePassed(sent=True) from None

    async def _ask_soon(
        self, store_index: StoreIndex, key: tuple[int, int], question: _Question, gather_s: float
    ) -> Availability:
        await asyncio.sleep(gather_s)
        if self._gathering.get(key) is question:
            del self._gathering[key]
        return await self._ask_actors(store_index, question, key[1])

    async def _ask_actors(self, store_index: StoreIndex, question: _Question, slot_start_ms: int) -> Availability:
        skus = list(question.skus)
        found = Availability({sku: place for place, sku in enumerate(skus)})
        deadline = asyncio.get_running_loop().time() + QUESTION_S
        groups = self._router.by_actor([store_index.store_ids[row] for row in sorted(question.rows)])
        asked = {
            actor: self._ask_one(actor, (store_ids, skus, slot_start_ms), deadline)
            for actor, store_ids in groups.items()
            if self._away.get(actor) is None
        }
        free_of_hot = partial(free_of, self._router, [store_id for mine in groups.values() for store_id in mine])
        hot = asyncio.get_running_loop().create_task(free_of_hot(hot_among(self._router, skus), deadline))
        waited = [hot, *(task for actor, task in asked.items() if actor not in self._away)]
        await asyncio.wait(waited)
        answers = [task.result() for task in asked.values() if task.done()]
        told = {sku for shops in answers for shop in shops or () if shop is not None for sku in shop[-1]}
        unheard = sorted(told.difference(hot.result()))  # hot lately: this gateway has not heard of it
        free = hot.result() | (await free_of_hot(unheard, deadline) if unheard else {})
        for actor, task in asked.items():
            if actor in self._away and not task.done():
                continue
            shops, store_ids = task.result(), groups[actor]
            if shops is None:
                continue
            for store_id, shop in zip(store_ids, shops, strict=True):
                row = store_index.rows[store_id]
                if shop is None:
                    found.stopped.add(row)
                    continue
                available, left, claimed, claimed_places, _ = shop
                for sku, by_shop in free.items():
                    available[found.places[sku]] += by_shop.get(store_id, 0)
                found.shops[row] = available, left
                if claimed or claimed_places:
                    found.claimed[row] = claimed, claimed_places
        return found

    def _ask_one(self, actor: str, question: tuple[Any, ...], deadline: float) -> asyncio.Task[Any]:
        """A question that answers None where the actor is away. One that was away has one question at a time, and no
        search waits for it, until it has answered.
        """

        async def ask() -> Any:
            try:
                answer = await self._router.ask_by_rules(actor, "stock", *question, deadline=deadline)
            except (DeadlinePassed, Overloaded):  # away, or so for long that others wait for it already
                self._away[actor] = None
                return None
            self._away.pop(actor, None)
            return answer

        task = asyncio.get_running_loop().create_task(ask())
        if actor in self._away:
            self._away[actor] = task
        return task


def refusal_of(chosen: NoPlan) -> Rejection:
    """A refusal as the ledgers give them: what is within reach, and the nearest shops that could serve, or nearly."""
    short: tuple[tuple[str, int, int], ...] = tuple((each.sku, each.asked, each.available) for each in chosen.short)
    first, code = short[0] if short else ("", 0, 0), Reason.NO_STORE_IN_REACH
    return Rejection(code, *first, short_lines=short, near_stores=chosen.near, too_soon=chosen.too_soon)


def missing_of(chosen: Plan) -> Lines:
    """What a plan leaves out."""
    return tuple((each.sku, each.asked - each.available) for each in chosen.short)

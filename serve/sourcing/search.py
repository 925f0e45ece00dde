"""Finds shops for a basket: asks the shops' actors what they have, and plans with the answers.

What is known is advice: it was true some milliseconds ago, and ledgers decide anew. Where one has less, a new plan is
made with that. Nothing is kept between questions.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from actors.core.ids import ledger_of_hot, sku_of_ledger
from actors.core.rejection import Reason, Rejection
from actors.protocol.messages import Stopped
from actors.runtime.clock import Clock
from actors.shop.commands import Lines
from serve.coordination.hot_stock import free_of
from serve.routing.batcher import DeadlinePassed, Overloaded, Rerouted
from serve.routing.router import Router
from serve.sourcing.availability import Availability
from serve.sourcing.plan import PAIRED_MAX, NoPlan, Plan, plan, plan_of_few
from serve.sourcing.ranking import UNLIMITED, Known, Query, Ranking, SourcingPolicy, lowered, rank
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
_NOTHING_FOUND: Final = Availability({})


@dataclass(slots=True, eq=False)
class _Question:
    """One that is still gathering. `asked` has the rows that were put together last: most ask the same shops."""

    skus: dict[str, None] = field(default_factory=dict)
    rows: set[int] = field(default_factory=set)
    asked: Rows | None = None
    answer: asyncio.Task[Availability] | None = None


class Search(NamedTuple):
    """One customer's question, and what shops answered. `own` is what the customer's basket holds already.

    `suits`: the shops in reach that may serve, if only they have something. `asked` are those that were asked. What was
    `found` was so at `asked_at` (loop time) or later; `known` is that where it was lowered.
    """

    store_index: StoreIndex
    ready_ms: Ints
    ask: Query
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
            least = list(zip(columns, self.ask.demand.units, strict=True))
            useful = [row for row in useful if all(column.get(row, 0) >= asked for column, asked in least)]
        stocked = [(metres_to(row), row, [column.get(row, 0) for column in columns]) for row in useful]
        return plan_of_few(self.store_index, stocked, self.ask, self.policy)

    def is_whole(self) -> bool:
        """Whether every shop that was asked, and is in time, answered, if only that its ledger is stopped."""
        return self.found.shops.keys() | self.found.stopped >= self._in_time()

    def stopped(self) -> list[Stopped]:
        """The shops that are in time, and whose ledgers are stopped."""
        if not self.found.stopped:
            return []
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
        return self._replace(known=replace(known, available=available, capacity_left=capacity))

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
        return self._replace(known=lowered(self.store_index, self.ask.demand, self.in_arrays(), found))


class Finder:
    """One for each gateway. Its clock gives the instant from which orders are ready."""

    def __init__(self, router: Router, clock: Clock) -> None:
        self._router = router
        self._clock = clock
        self._gathering: dict[tuple[int, int], _Question] = {}
        self._away: dict[str, asyncio.Task[Any] | None] = {}  # what did not answer, with the question since then
        self._turn = asyncio.Lock()
        self._store_index: StoreIndex | None = None
        self._ready_times = ReadyTimes(())
        nobody = np.zeros(0, np.int64)
        self._last_reach: tuple[Ints, int, str, Flags, Ints] = (nobody, 0, "", nobody.astype(np.bool_), nobody)

    async def search(
        self,
        ask: Query,
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
        began = await self._begun(ask, policy, slot_start_ms, own)
        rows = began.asked
        if explain:
            out_of_reach = np.flatnonzero(~began.suits)
            rows = np.union1d(rows, nearest(began.metres.to_all(), out_of_reach, ASKED_BESIDE))
        search = await self._asked(began._replace(asked=rows), deadline, gather_s)
        return await self.chosen(search, deadline, gather_s)

    async def search_together(
        self, asks: Sequence[tuple[Query, SourcingPolicy, int]], deadline: float, gather_s: float
    ) -> list[tuple[Search, Plan | None]]:
        """As `search`, for baskets that hold nothing, each with its policy and slot: the shops are asked together, and
        waited for once. None where a plan is still to be `chosen`. Raises as `search`.
        """
        begun = [await self._begun(*each, NOTHING) for each in asks]
        asked_at = asyncio.get_running_loop().time()
        answers = [self._question_of(each, gather_s) for each in begun]
        await _answered({*answers}, deadline)
        searches = [
            each._replace(found=answer.result(), asked_at=asked_at) for each, answer in zip(begun, answers, strict=True)
        ]
        return [(search, search.plan_of_few()) for search in searches]

    async def chosen(self, search: Search, deadline: float, gather_s: float = GATHER_S) -> tuple[Search, Chosen]:
        """Choose, and ask the nearest beyond where none in reach can serve, see `search`."""
        chosen = await self._planned(search)
        if isinstance(chosen, Plan) and not chosen.short:
            return search, chosen
        metres, beyond = search.metres, np.flatnonzero(search.suits)
        if isinstance(chosen, NoPlan):
            in_time, willing = search.ready_ms <= search.ask.ready_by_ms, search.store_index.willing(search.ask.channel)
            near = metres.to_all() <= search.ask.limits.kilometres_max * 1_000
            for beside in (willing & in_time & ~near, willing & near & ~in_time & (search.ready_ms != NEVER_MS)):
                beyond = np.union1d(beyond, nearest(metres.to_all(), np.flatnonzero(beside), ASKED_BESIDE))
        if np.setdiff1d(beyond, search.asked).size:
            wider = search._replace(asked=np.union1d(search.asked, beyond))
            search = await self._asked(wider, deadline, gather_s)
            chosen = await self._planned(search)
        return search, chosen

    async def _begun(self, ask: Query, policy: SourcingPolicy, slot_start_ms: int, own: Own) -> Search:
        """A search that has asked nobody yet. `asked` are those that it asks first."""
        store_index, ready_times = self._index_now()
        now_ms = self._clock.now_ms()
        ready_ms = await ready_times.at(now_ms)
        ready_by_ms = slot_start_ms or self._ready_by_ms(ask, now_ms)
        ask = Query(ask.place, ask.demand, ask.channel, ask.limits, ready_by_ms)
        metres = Distances(store_index, ask.place)
        suits, asked = self._reach_of(store_index, ready_ms, ask, metres)
        found = _NOTHING_FOUND
        return Search(store_index, ready_ms, ask, policy, slot_start_ms, own, metres, suits, asked, found, 0.0)

    def _reach_of(self, store_index: StoreIndex, ready_ms: Ints, ask: Query, metres: Distances) -> tuple[Flags, Rows]:
        """The shops that may serve, if only they have something, and of them those that are asked first. Those who ask
        within one millisecond, as in a batch, share what does not depend on their place.
        """
        of, ready_by_ms, channel, suits, reach = self._last_reach
        if of is not ready_ms or ready_by_ms != ask.ready_by_ms or channel != ask.channel:
            suits = store_index.willing(ask.channel) & (ready_ms <= ask.ready_by_ms)
            reach = np.flatnonzero(suits)
            self._last_reach = ready_ms, ask.ready_by_ms, ask.channel, suits, reach
        if ask.limits.kilometres_max != inf:
            suits = suits & (metres.to_all() <= ask.limits.kilometres_max * 1_000)
            reach = np.flatnonzero(suits)
        return suits, nearest(metres.to_all(), reach, ASKED_FIRST) if reach.size > ASKED_FIRST else reach

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

    def _ready_by_ms(self, ask: Query, now_ms: int) -> int:
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

    async def _asked(self, search: Search, deadline: float, gather_s: float) -> Search:
        """The search with what its shops have, those that answer soon. Raises what the router raises, but for those
        that do not.
        """
        asked_at = asyncio.get_running_loop().time()
        answer = self._question_of(search, gather_s)
        await _answered([answer], deadline)
        return search._replace(found=answer.result(), asked_at=asked_at)

    def _question_of(self, search: Search, gather_s: float) -> asyncio.Task[Availability]:
        """The question that a search's shops are asked with others', begun where none is gathering."""
        skus, key = search.ask.demand.skus, (search.store_index.revision, search.slot_start_ms)
        question = self._gathering.get(key)
        if question is None or question.answer is None or len(question.skus) + len(skus) > SKUS_MAX:
            question = self._gathering[key] = _Question()
            question.answer = asyncio.get_running_loop().create_task(
                self._ask_soon(search.store_index, key, question, gather_s)
            )
        question.skus.update(dict.fromkeys(skus))
        if question.asked is not search.asked:
            question.rows.update(search.asked.tolist())
            question.asked = search.asked
        assert question.answer is not None, "it has just begun"
        return question.answer

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
        ask = partial(self._router.ask_by_rules, deadline=deadline)
        stocks = {actor: partial(ask, actor, "stock", mine, skus, slot_start_ms) for actor, mine in groups.items()}
        answers = await self._answers_of(stocks)
        told = {sku for shops in answers.values() for shop in shops or () if shop for sku in shop[-1]}
        free = await self._free([store_id for mine in groups.values() for store_id in mine], told)
        for actor, shops in answers.items():
            if shops is None:
                continue
            store_ids = groups[actor]
            for store_id, shop in zip(store_ids, shops, strict=True):
                row = store_index.rows[store_id]
                if not shop:
                    if shop is None:  # and not read anew, which is no answer
                        found.stopped.add(row)
                    continue
                available, left, claimed, claimed_places, _ = shop
                for sku, by_shop in free.items():
                    available[found.places[sku]] += by_shop.get(store_id, 0)
                found.shops[row] = available, left
                if claimed or claimed_places:
                    found.claimed[row] = claimed, claimed_places
        return found

    async def _free(self, store_ids: Sequence[str], skus: Collection[str]) -> dict[str, dict[str, int]]:
        """By SKU and shop the units that are free in ledgers of hot SKUs, which have some as the shops say."""
        deadline = asyncio.get_running_loop().time() + QUESTION_S
        ask = partial(free_of, self._router, store_ids, deadline=deadline)
        found = await self._answers_of({ledger_of_hot(sku): partial(ask, sku) for sku in skus})
        return {sku_of_ledger(ledger_id): by_shop for ledger_id, by_shop in found.items() if by_shop}

    async def _answers_of(self, questions: Mapping[str, Callable[[], Awaitable[Any]]]) -> dict[str, Any]:
        """What these answer, None of those that are away; nothing of those that were, and have not answered since."""
        asked = {
            name: self._ask_one(name, question) for name, question in questions.items() if self._away.get(name) is None
        }
        if waited := [task for name, task in asked.items() if name not in self._away]:
            await asyncio.wait(waited)
        return {name: task.result() for name, task in asked.items() if task.done()}

    def _ask_one(self, name: str, question: Callable[[], Awaitable[Any]]) -> asyncio.Task[Any]:
        """A question that answers None where the actor, or the ledger of a hot SKU, is away. One that was away has one
        question at a time, and no search waits for it, until it has answered.
        """

        async def ask() -> Any:
            try:
                answer = await question()
            except Rerouted:  # of one of its shops, which the next search asks elsewhere
                return None
            except (DeadlinePassed, Overloaded):  # away, or so for long that others wait for it already
                self._away[name] = None
                return None
            self._away.pop(name, None)
            return answer

        task = asyncio.get_running_loop().create_task(ask())
        if name in self._away:
            self._away[name] = task
        return task


async def _answered(answers: Collection[asyncio.Task[Availability]], deadline: float) -> None:
    """Wait for answers, for which others wait as well. Raises DeadlinePassed."""
    _, late = await asyncio.wait(answers, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
    if late:
        raise DeadlinePassed(sent=True)


def refusal_of(chosen: NoPlan) -> Rejection:
    """A refusal as the ledgers give them: what is within reach, and the nearest shops that could serve, or nearly."""
    short: tuple[tuple[str, int, int], ...] = tuple((each.sku, each.asked, each.available) for each in chosen.short)
    first, code = short[0] if short else ("", 0, 0), Reason.NO_STORE_IN_REACH
    return Rejection(code, *first, short_lines=short, near_stores=chosen.near, too_soon=chosen.too_soon)


def missing_of(chosen: Plan) -> Lines:
    """What a plan leaves out."""
    return tuple((each.sku, each.asked - each.available) for each in chosen.short)

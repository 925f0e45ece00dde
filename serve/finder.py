"""Finds shops for a basket: what `sourcing` needs to know, asked of the shops' actors, and what came of it.

What is known is advice. It was true a moment ago, and the ledgers decide anew: where one says that it has less, that is
put into what is known, and the same question is asked again.
"""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from actors.ledger.commands import Lines
from actors.ledger.reasons import Reason, Rejection
from actors.router import Router
from serve.atlas import Atlas, nearest
from serve.ranking import Ask, Found, Known, Ranking, SourcingPolicy, lowered, rank
from serve.sourcing import NoPlan, Plan, plan
from serve.stocktake import Rows, Stocktake

ASKED_FIRST: Final = 512  # of the shops in reach, the nearest; the others only where those cannot serve

Chosen = Plan | NoPlan
Own = Mapping[str, Mapping[str, int]]  # what the customer's basket holds already, by shop and SKU
NOTHING: Final[Own] = MappingProxyType({})


class Search(NamedTuple):
    """One customer's question, as far as it has been answered. What is known is of `asked_at` (loop time), or later."""

    atlas: Atlas
    known: Known
    ask: Ask
    policy: SourcingPolicy
    asked_at: float
    own: Own


class Finder:
    """One for each gateway."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._stocktake = Stocktake(router)
        self._atlas: Atlas | None = None

    async def search(
        self, ask: Ask, policy: SourcingPolicy, slot_start_ms: int, deadline: float, own: Own = NOTHING
    ) -> tuple[Search, Chosen]:
        """Ask the shops in reach, the nearest first, and choose."""
        atlas = self._atlas_now()
        metres = atlas.metres_from(ask.place)
        reach = np.flatnonzero(
            (metres <= ask.limits.kilometres_max * 1_000) & ~atlas.paused & atlas.serves(ask.channel)
        )
        first = nearest(metres, reach, min(ASKED_FIRST, len(reach)))
        search = await self._ask_shops(atlas, ask, policy, first, slot_start_ms, deadline, own)
        chosen = plan(atlas, search.known, ask, policy)
        if len(reach) > len(first) and (isinstance(chosen, NoPlan) or chosen.short):
            search = await self._ask_shops(atlas, ask, policy, reach, slot_start_ms, deadline, own)
            chosen = plan(atlas, search.known, ask, policy)
        return search, chosen

    def again(self, search: Search, refused: dict[str, Rejection]) -> tuple[Search, Chosen]:
        """Choose anew, now that shops have said what they do not have."""
        found: list[Found] = []
        for store_id, rejection in refused.items():
            if rejection.reason in (Reason.INSUFFICIENT_STOCK, Reason.SKU_NOT_STOCKED):
                own = search.own.get(store_id, {})
                found += [Found(store_id, has + own.get(sku, 0), sku) for sku, _, has in rejection.short_lines]
            else:
                found.append(Found(store_id))
        known = lowered(search.atlas, search.ask.demand, search.known, found)
        search = search._replace(known=known)
        return search, plan(search.atlas, known, search.ask, search.policy)

    def ranking(self, search: Search, at_most: int, *, explain: bool) -> Ranking:
        """The shops by preference."""
        return rank(search.atlas, search.known, search.ask, search.policy, at_most=at_most, explain=explain)

    def _atlas_now(self) -> Atlas:
        chain = self._router.chain
        if self._atlas is None or self._atlas.revision != chain.revision:
            channels = {store.store_id: store.channels for store in chain.stores.values() if store.channels}
            self._atlas = Atlas.of(chain.revision, chain.stores.values(), channels)
        return self._atlas

    async def _ask_shops(
        self, atlas: Atlas, ask: Ask, policy: SourcingPolicy, rows: Rows, slot_start_ms: int, deadline: float, own: Own
    ) -> Search:
        """What these shops have. Of all the others nothing is known, which counts as nothing."""
        asked_at = asyncio.get_running_loop().time()
        shelves = await self._stocktake.ask(atlas, rows, ask.demand.skus, slot_start_ms, deadline)
        available = np.asfortranarray(np.stack([shelves.columns[sku] for sku in ask.demand.skus], axis=1))
        for store_id, units in own.items():
            if store_id in atlas.rows:
                available[atlas.rows[store_id]] += [units.get(sku, 0) for sku in ask.demand.skus]
        return Search(atlas, Known(available, shelves.open_, shelves.places), ask, policy, asked_at, own)


def refusal_of(chosen: NoPlan) -> Rejection:
    """A refusal as the ledgers give them: what is within reach, and the nearest shops that could serve, or nearly."""
    short: tuple[tuple[str, int, int], ...] = tuple((each.sku, each.asked, each.available) for each in chosen.short)
    sku, asked, available = short[0] if short else ("", 0, 0)
    near = {shop.store_id: (shop.store_id, shop.metres, False) for shop in chosen.nearest_some}
    near |= {shop.store_id: (shop.store_id, shop.metres, True) for shop in chosen.nearest_whole}
    near_stores = tuple(sorted(near.values(), key=lambda row: (not row[2], row[1], row[0])))
    return Rejection(Reason.NO_STORE_IN_REACH, sku, asked, available, short_lines=short, near_stores=near_stores)


def missing_of(chosen: Plan) -> Lines:
    """What a plan leaves out."""
    return tuple((each.sku, each.asked - each.available) for each in chosen.short)

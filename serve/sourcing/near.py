"""The shops nearest to one that have all of what it lacks. Advice, as any sourcing."""

import asyncio
from typing import Final

from actors.core.chain import Store
from actors.shop.commands import Lines
from serve.sourcing.places import Place
from serve.sourcing.ranking import Candidate, Demand, Query, SourcingPolicy
from serve.sourcing.search import Finder

NEAR_STORES_MAX: Final = 3


async def nearest(finder: Finder, store: Store, channel: str, lines: Lines, deadline: float) -> list[Candidate]:
    """At most so many other shops, the nearest first; none for a shop that has no place on the map."""
    if store.latitude is None or store.longitude is None:
        return []
    ask = Query(Place(store.latitude, store.longitude), Demand.of(lines), channel)
    found, _ = await finder.search(ask, SourcingPolicy.ONE_STORE, 0, deadline)
    await asyncio.sleep(0)  # a ranking looks at all shops: other calls go between
    ranking = found.ranking(NEAR_STORES_MAX + 1, explain=False)
    return [each for each in ranking.candidates if each.store_id != store.store_id][:NEAR_STORES_MAX]

"""The shops nearest to one that have all of what it lacks. Advice, as any sourcing."""

import asyncio
from typing import Final

from actors.core.chain import Store
from actors.shop.commands import Lines
from serve.sourcing.places import Place
from serve.sourcing.ranking import Candidate, Demand, Query, SourcingPolicy
from serve.sourcing.search import Finder, Search

NEAR_STORES_MAX: Final = 3


async def nearest(finder: Finder, store: Store, channel: str, lines: Lines, deadline: float) -> list[Candidate]:
    """At most so many other shops, the nearest first; none for a shop that has no place on the map."""
    found = await _searched(finder, store, channel, lines, deadline)
    return [] if found is None else await _ranked(found, store)


async def may_have(finder: Finder, store: Store, channel: str, lines: Lines, deadline: float) -> list[str]:
    """The same by their ids; where none is known to have all, those that do not answer just now: one of them may."""
    found = await _searched(finder, store, channel, lines, deadline)
    if found is None:
        return []
    if near := await _ranked(found, store):
        return [each.store_id for each in near]
    return [each for each in _unheard(found) if each != store.store_id][:NEAR_STORES_MAX]


async def _searched(finder: Finder, store: Store, channel: str, lines: Lines, deadline: float) -> Search | None:
    if store.latitude is None or store.longitude is None:
        return None
    ask = Query(Place(store.latitude, store.longitude), Demand.of(lines), channel)
    found, _ = await finder.search(ask, SourcingPolicy.ONE_STORE, 0, deadline)
    return found


def _unheard(found: Search) -> list[str]:
    """The shops that were asked, are in time, and have not answered, the nearest first."""
    answered = found.found.shops.keys() | found.found.stopped
    rows = [row for row in found.asked.tolist() if row not in answered and found.ready_ms[row] <= found.ask.ready_by_ms]
    return [found.store_index.store_ids[row] for row in sorted(rows, key=lambda row: (found.metres.to(row), row))]


async def _ranked(found: Search, store: Store) -> list[Candidate]:
    await asyncio.sleep(0)  # a ranking looks at all shops: other calls go between
    ranking = found.ranking(NEAR_STORES_MAX + 1, explain=False)
    return [each for each in ranking.candidates if each.store_id != store.store_id][:NEAR_STORES_MAX]

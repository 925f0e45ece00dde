"""Which actor a gateway sends to for which ledger: the rule of placement, and which shops have moved since.

What the chain says of moves is learned with it. Between two looks at it an actor that a shop has left says where it
went. A route decides nothing: an actor that does not have a shop, by its journal, refuses it.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from actors.core.store_moves import StoreMove
from actors.protocol.placement import Placement

PLACED_MAX: Final = 16_384  # ledgers whose actors are known without working it out: 0.7 us each
BOUNCE_S: Final = 0.02  # a pause, where both ends of a move say that the other has the shop
BOUNCING_S: Final = 1.0  # for so long after a route was changed


class Routes:
    """Of one gateway, in one event loop. `placement` is the rule."""

    def __init__(self, placement: Placement) -> None:
        self.placement = placement
        self._by_rule: Callable[[str], str] = lru_cache(PLACED_MAX)(placement.actor_of)
        self._moved: dict[str, str] = {}
        self._heard_at: dict[str, float] = {}  # by shop, when an actor has last changed its route

    def actor_of(self, ledger_id: str) -> str:
        """The name of the ledger's actor, as far as is known here."""
        return self._moved.get(ledger_id) or self._by_rule(ledger_id)

    def by_rule(self, store_id: str) -> str:
        """The actor of a shop that has never moved."""
        return self._by_rule(store_id)

    def learn(self, moves: Mapping[str, StoreMove]) -> None:
        """Learn what the chain says of moves. One that is under way is left to what actors say."""
        for store_id, move in moves.items():
            if move.is_done:
                self._moved[store_id] = move.actor
            else:
                self._moved.setdefault(store_id, move.source)

    async def hear(self, ledger_id: str, actor: str) -> None:
        """Learn what an actor says; takes a moment where the shop has just been said to be elsewhere."""
        now = asyncio.get_running_loop().time()
        is_bouncing = now - self._heard_at.get(ledger_id, -BOUNCING_S) < BOUNCING_S
        self._moved[ledger_id], self._heard_at[ledger_id] = actor, now
        if is_bouncing:
            await asyncio.sleep(BOUNCE_S)

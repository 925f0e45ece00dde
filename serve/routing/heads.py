"""How far the shops' ledgers are, for all streams of a gateway, or for what it brings the notifier: one task an actor
asks it, and the actor answers when something has happened there. Who follows reads only where a head is not at its
cursor.
"""

import asyncio
from typing import Final

from actors.protocol.messages import LedgerStopped
from serve.routing.batcher import DeadlinePassed, Overloaded
from serve.routing.router import Router

WAIT_S: Final = 2.0  # how long an actor keeps a question to which nothing has happened
PAUSE_S: Final = 0.02  # between two questions while there is something to tell
ASK_S: Final = 10.0
NEW_SHOPS_S: Final = 0.5  # how old the list of shops with actors may be


class Heads:
    """Follows the actors that streams have named, while there are streams. Runs in one event loop."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._known: dict[str, dict[str, int]] = {}  # by actor the versions of its ledgers, -1 for a stopped one
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._moved = asyncio.Event()
        self._shops: list[str] = []
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()

    def are_elsewhere(self, actor: str, cursors: dict[str, int]) -> bool:
        """Whether one of these shops of the actor is not where its cursor is, or may not be. Follows the actor from
        then on.
        """
        task = self._tasks.get(actor)
        if task is None or task.done():
            self._known.pop(actor, None)
            self._tasks[actor] = asyncio.get_running_loop().create_task(self._follow(actor))
        known = self._known.get(actor)
        return known is None or any(known.get(store_id, 0) != after for store_id, after in cursors.items())

    async def shops(self) -> list[str]:
        """The chain's shops whose actors have been made, asked for all streams at once."""
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if now - self._looked_at > NEW_SHOPS_S:
                self._shops, self._looked_at = await self._router.shops_with_actors(), now
            return self._shops

    @property
    def moved(self) -> asyncio.Event:
        """Set when an actor has told of something new; the next time has an event of its own."""
        return self._moved

    def close(self) -> None:
        """Follow nobody any more, until a stream asks again."""
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        self._known.clear()
        self._looked_at = float("-inf")

    async def _follow(self, actor: str) -> None:
        while True:
            deadline = asyncio.get_running_loop().time() + ASK_S
            known = self._known.get(actor)
            try:
                wait_s = 0.0 if known is None else WAIT_S
                moved = await self._router.ask_actor(actor, "moved", known or {}, wait_s, deadline=deadline)
            except (DeadlinePassed, Overloaded, LedgerStopped):
                # Each stream hears so by itself, as it asks for records.
                self._known.pop(actor, None)
                moved = {}
                await asyncio.sleep(NEW_SHOPS_S)
            else:
                self._known.setdefault(actor, {}).update(moved)
            if moved or known is None:
                self._moved.set()
                self._moved = asyncio.Event()
            await asyncio.sleep(PAUSE_S)

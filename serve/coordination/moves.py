"""Moves shops from one actor to another: carries the messages between both, and decides nothing.

That a shop is to move stands in the chain before anything is done, so any gateway completes what another began: each
step may be repeated, and by several at once (`actors.runtime.moving`). Where a service is started with another number
of actors than its data directory began with, the shops that lie with none of these are moved there, one after another.
"""

import asyncio
import logging
from functools import partial
from typing import Any, Final

from actors.core.store_moves import StoreMove, StoreMoving
from actors.protocol.formats import BeyondFormat
from actors.protocol.messages import ActorGone, LedgerStopped, MoveRefused
from actors.protocol.placement import Placement
from serve.routing.batcher import DeadlinePassed, Overloaded, Rerouted
from serve.routing.router import Router

LOOK_S: Final = 0.5  # between two looks at which moves are not over
STEP_S: Final = 30.0  # that a step is waited for
REST_S_MAX: Final = 10.0  # of a move that fails: doubled until somebody mends what keeps it
COPY_S: Final = 3_600.0  # for the records of a shop, of any length

log = logging.getLogger("holdfast.moves")

FAILURES: Final = (DeadlinePassed, Overloaded, LedgerStopped, MoveRefused, ActorGone)


class Mover:
    """Of one gateway. `placement` is the one that shops are to lie by."""

    def __init__(self, router: Router, placement: Placement) -> None:
        self._router = router
        self._placement = placement
        self._carrying: dict[str, asyncio.Task[None]] = {}
        self._failed: dict[str, tuple[float, float]] = {}  # moves under way, until when they rest, and for how long
        self._told: set[str] = set()
        self._watcher: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Complete what other gateways began, and move what lies with no actor of this service's number."""
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    def close(self) -> None:
        for task in (self._watcher, *self._carrying.values()):
            if task is not None:
                task.cancel()

    def has_actor(self, actor: str) -> bool:
        """Whether shops may lie with an actor of that name."""
        if self._placement.store_actors:
            return self._placement.has(actor)
        return self._placement.has(actor) and actor.removeprefix("store-") in self._router.chain.stores

    async def move(self, store_id: str, actor: str, deadline: float) -> StoreMove | None:
        """Move a shop, and wait until that is done. Returns its last move, None where it is on its way to another
        actor. Raises DeadlinePassed, and it goes on; LedgerStopped; BeyondFormat, and nothing was done.
        """
        source = self._router.routes.by_rule(store_id)
        self._router.writing.require(StoreMoving(store_id, actor, source))
        if not await self._router.change_chain("move_store", store_id, actor, source, deadline=deadline):
            return None
        move = self._router.chain.moves.get(store_id)
        if move is None:  # it has always been there
            return StoreMove(actor, actor, 0, 0, is_done=True)
        if not move.is_done:
            try:
                async with asyncio.timeout_at(deadline):
                    await asyncio.shield(self._carry_on(store_id))
            except TimeoutError:
                raise DeadlinePassed(sent=True) from None
            except (MoveRefused, ActorGone) as error:
                raise DeadlinePassed(sent=True) from error
        return self._router.chain.moves[store_id]

    def _carry_on(self, store_id: str) -> asyncio.Task[None]:
        task = self._carrying.get(store_id)
        if task is None:
            move = self._router.chain.moves[store_id]
            task = self._carrying[store_id] = asyncio.get_running_loop().create_task(self._carry(store_id, move))

            def over(done: asyncio.Task[None]) -> None:
                del self._carrying[store_id]
                done.cancelled() or done.exception()  # heard, whoever waits for it

            task.add_done_callback(over)
        return task

    async def _watch(self) -> None:
        waited: set[str] = set()
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                under_way = {each for each, move in self._router.chain.moves.items() if not move.is_done}
                self._complete(sorted(under_way & waited))
                waited = under_way
                await self._move_some()
            except Exception:
                log.exception("shops that are to move could not be looked at")

    def _complete(self, store_ids: list[str]) -> None:
        """Carry moves on that were not over at the look before, ever less often those that fail."""
        now = asyncio.get_running_loop().time()
        self._failed = {each: self._failed[each] for each in store_ids if each in self._failed}
        for store_id in store_ids:
            if self._failed.get(store_id, (now, 0.0))[0] <= now:
                self._carry_on(store_id)

    async def _move_some(self) -> None:
        """Move shops that lie with none of the actors that there are to be, until it is time for another look."""
        if self._placement == self._router.routes.placement:
            return
        now = asyncio.get_running_loop().time
        began = now()
        for store_id in self._router.chain.stores:
            if not self._placement.has(self._lies_with(store_id)):
                try:
                    await self.move(store_id, self._placement.actor_of(store_id), began + STEP_S)
                except BeyondFormat as error:
                    self._tell_once(f"shops stay with the actors that they have: {error}")
                    return
                except FAILURES:
                    continue  # it is told, and tried again
                if now() > began + LOOK_S:
                    return

    def _tell_once(self, what: str) -> None:
        if what not in self._told:
            self._told.add(what)
            log.warning("%s", what)

    def _lies_with(self, store_id: str) -> str:
        move = self._router.chain.moves.get(store_id)
        return move.actor if move else self._router.routes.by_rule(store_id)

    async def _carry(self, store_id: str, move: StoreMove) -> None:
        """Carry a move to its end. Raises one of FAILURES."""
        try:
            await self._carry_all(store_id, move)
        except FAILURES as error:
            log.warning("%s has not moved to %s yet: %s", store_id, move.actor, error, extra={"ledger": store_id})
            rest_s = min(2 * self._failed.get(store_id, (0.0, LOOK_S / 2))[1], REST_S_MAX)
            self._failed[store_id] = asyncio.get_running_loop().time() + rest_s, rest_s
            raise

    async def _carry_all(self, store_id: str, move: StoreMove) -> None:
        target, number = move.actor, move.move
        here = await self._ask(target, "take_in", store_id, move.source, number)
        if here is not None:
            await self._copy(store_id, move, here)
            await self._ask(target, "prepare", store_id, number, step_s=COPY_S)
            here = await self._copy(store_id, move, here)
            await self._router.refresh_chain(asyncio.get_running_loop().time() + STEP_S)
            await self._ask(target, "adopt", self._router.rules_for(target), True)
            left = await self._ask(move.source, "leave", store_id, target, number)
            await self._copy(store_id, move, here)
            await self._ask(target, "settle", store_id, number, left)
        deadline = asyncio.get_running_loop().time() + STEP_S
        await self._router.change_chain("note_moved", store_id, number, deadline=deadline)
        log.info("%s is with %s", store_id, target, extra={"ledger": store_id})

    async def _copy(self, store_id: str, move: StoreMove, here: int) -> int:
        """Copy records behind a sequence until there are no more; the last one's sequence."""
        while records := await self._ask(move.source, "hand_over", store_id, here):
            here = await self._ask(move.actor, "receive", store_id, move.move, records)
        return here

    async def _ask(self, actor: str, method: str, *args: Any, step_s: float = STEP_S) -> Any:
        deadline = asyncio.get_running_loop().time() + step_s
        ask = partial(self._router.ask_actor, actor, method, *args, deadline=deadline, attempt_s=step_s)
        try:
            return await ask()
        except Rerouted as error:  # its ledger has come or gone meanwhile
            raise MoveRefused(f"{method} of {actor}: another has carried it on") from error

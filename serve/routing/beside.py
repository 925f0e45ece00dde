"""Questions to several actors at once, of which some may be away: those that answer do not wait for them."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from actors.protocol.messages import LedgerStopped
from serve.routing.batcher import DeadlinePassed, Overloaded, Rerouted
from serve.routing.router import Router

BESIDE_S_MAX: Final = 1.0  # that an actor is waited for beside others, as long as searches wait
BESIDE_SHARE: Final = 0.5  # of what is left of the call's time, where that is less
ONE_SHARE: Final = 0.25  # likewise, for one of very many questions

KEPT: Final = (DeadlinePassed, Overloaded, LedgerStopped)
"""What keeps an actor from answering, and says nothing of the others."""


def beside(deadline: float) -> float:
    """Until when (loop time) one is waited for beside others."""
    now = asyncio.get_running_loop().time()
    return now + min(BESIDE_S_MAX, BESIDE_SHARE * (deadline - now))


async def ask_beside(
    router: Router, method: str, arguments: Mapping[str, tuple[Any, ...]], deadline: float
) -> dict[str, Any]:
    """What actors answer, or one of `KEPT`. `arguments` are those of each. Once one has answered, the others are given
    up at `beside`; until then all have the whole of the call's time.
    """
    if not arguments:
        return {}
    loop = asyncio.get_running_loop()
    until = beside(deadline)
    asked = {
        actor: loop.create_task(router.ask_actor(actor, method, *args, deadline=deadline))
        for actor, args in arguments.items()
    }
    try:
        _, waiting = await asyncio.wait(asked.values(), timeout=until - loop.time())
        while waiting and all(task in waiting or task.exception() for task in asked.values()):
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        return {actor: DeadlinePassed(sent=True) if task in waiting else _said(task) for actor, task in asked.items()}
    finally:
        for task in asked.values():
            task.cancel()


class OneByOne:
    """Questions to one ledger after another, in a call that asks very many: each takes a quarter of the time that is
    left at most, and an actor that has let one pass is not asked again.
    """

    def __init__(self, router: Router, deadline: float) -> None:
        self._router = router
        self._deadline = deadline
        self._away: set[str] = set()

    async def ask(self, ledger_id: str, method: str, *args: Any) -> Any:
        """As `Router.ask`. Raises one of `KEPT`."""
        while True:
            with suppress(Rerouted):
                [actor] = self._router.by_actor([ledger_id])
                return await self.ask_actor(actor, method, *args)

    async def ask_actor(self, actor: str, method: str, *args: Any) -> Any:
        """As `Router.ask_actor`."""
        if actor in self._away:
            raise DeadlinePassed(sent=False)
        now = asyncio.get_running_loop().time()
        try:
            until = now + ONE_SHARE * (self._deadline - now)
            return await self._router.ask_actor(actor, method, *args, deadline=until)
        except DeadlinePassed as error:
            if not isinstance(error, Rerouted):
                self._away.add(actor)
            raise


def _said(task: "asyncio.Task[Any]") -> Any:
    error = task.exception()
    if error is not None and not isinstance(error, KEPT):
        raise error
    return task.result() if error is None else error

"""What several actors are asked at once, of which some may be away: those that answer do not wait for them."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from actors.protocol.messages import Answer, LedgerStopped
from serve.routing.batcher import DeadlinePassed, Overloaded, Rerouted
from serve.routing.queued import Waiting, parted
from serve.routing.router import Router

BESIDE_S_MAX: Final = 1.0  # that an actor is waited for beside others, as long as searches wait
BESIDE_SHARE: Final = 0.5  # of what is left of the call's time, where that is less
ONE_SHARE: Final = 0.25  # likewise, for one of very many questions
TOGETHER_S: Final = 0.02  # what actors answer so soon after one another goes on together

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


class Grace:
    """How long a call waits for what of it is undecided: as long as nothing is decided, all of its time; from then on
    until `beside`, anew with whatever is decided.
    """

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._limit = asyncio.timeout(None)
        self._is_waiting = False

    def begin(self) -> None:
        """Something was decided, and the others have their time from now on."""
        if self._is_waiting and not self._limit.expired():
            self._limit.reschedule(beside(self._deadline))

    async def wait(self, works: Sequence[Awaitable[None]], *, has_begun: bool) -> None:
        """Wait for what decides, in which `begin` is called; end what has no more time. Raises as the first does."""
        try:
            async with self._limit:
                self._is_waiting = True
                if has_begun:
                    self.begin()
                await (asyncio.gather(*works) if len(works) > 1 else works[0])
        except TimeoutError:
            if not self._limit.expired():
                raise
        finally:
            self._is_waiting = False


Answered = list[tuple[Sequence[int], list[Answer] | BaseException]]


async def hear_each(waiting: Waiting, hear: Callable[[Answered], Coroutine[Any, Any, None]]) -> None:
    """Have `hear` be told of what actors answer, or what ends it, each with the places that it is for: of one, and of
    others that answer right behind it. No actor's answer waits for what is done with another's.
    """
    try:
        answered = await _next_answered(waiting)
        if not waiting:
            await hear(answered)
            return
        async with asyncio.TaskGroup() as hearing:
            hearing.create_task(hear(answered))
            while waiting:
                hearing.create_task(hear(await _next_answered(waiting)))
    finally:
        for answers in waiting:  # nobody waits for them: what was not sent yet need not be
            answers.cancel()


async def _next_answered(waiting: Waiting) -> Answered:
    """Take what is answered out of `waiting`, and enter the rest of it there."""
    done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    if others:
        await asyncio.wait(others, timeout=TOGETHER_S)
        done = {future for future in waiting if future.done()}
    answered: Answered = []
    for future in [future for future in waiting if future in done]:
        places, failure = waiting.pop(future), future.exception()
        if failure is not None:
            answered.append((places, failure))
        else:
            there, answers, later = parted(places, future.result())
            answered.append((there, answers))
            waiting.update(later)
    return answered


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

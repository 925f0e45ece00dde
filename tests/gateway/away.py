"""Actors that hang, while the others answer: time is skipped once nobody else has anything to do."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from google.protobuf.message import Message

from tests.gateway.front import Answer, Front
from tests.runtime.loop_time import skip

SKIP_S: Final = 0.1

T = TypeVar("T")


class Away:
    """Some of a gateway's actors hang until they are let `back`."""

    def __init__(self, front: Front, *actors: str) -> None:
        self._front = front
        self._open = Counter[str]()
        self.skips = 0  # of SKIP_S, in all that was waited for
        self._call: Callable[..., Any] = front.actors.call
        front.actors.call = self._counted  # type: ignore[method-assign]
        self._held = {actor: front.run(self._holding(actor)) for actor in actors}

    def ask(self, method: str, request: Message, *, timeout_ms: str = "", back_after_s: float = 0.0) -> Answer:
        """Call, and wait until it is answered. With `back_after_s` of skipped time they are let back meanwhile."""
        return self.wait(lambda: self._front.asked(method, request, timeout_ms=timeout_ms), back_after_s)

    def wait(self, work: Callable[[], Coroutine[Any, Any, T]], back_after_s: float = 0.0) -> T:
        """Wait for anything in the gateway's loop, likewise."""

        async def main() -> T:
            asked = asyncio.ensure_future(work())
            left = back_after_s
            while not asked.done():
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(asked), 0.001)
                if self._open and self._open.keys() <= self._held.keys():
                    skip(SKIP_S)
                    self.skips += 1
                    left -= SKIP_S
                    if left <= 0 < back_after_s:
                        self._let_go()
            return await asked

        return self._front.run(main)

    def back(self) -> None:
        """They answer again."""

        async def main() -> None:
            self._let_go()

        self._front.run(main)

    def _let_go(self) -> None:
        for event in self._held.values():
            event.set()

    def _holding(self, actor: str) -> Any:
        async def main() -> asyncio.Event:
            return self._front.actors.hold(actor)

        return main

    async def _counted(self, actor: str, method: str, *args: Any) -> Any:
        self._open[actor] += 1
        try:
            return await self._call(actor, method, *args)
        finally:
            self._open[actor] -= 1
            self._open += Counter()  # without those that have none

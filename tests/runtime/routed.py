"""A router in front of actors in this process, and what a test does with it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from actors.protocol.messages import Answer, Entry
from actors.protocol.placement import Placement
from serve.routing.router import Router
from tests.runtime.actors_here import ActorsHere
from tests.runtime.runtime_fixture import WAIT_S
from tests.shop.scenario_text import command_of

S1: Final = "store-S1"
S2: Final = "store-S2"


class Routed:
    """A router in front of actors in this process, with ten of A in each of two shops."""

    def __init__(self, actors: ActorsHere) -> None:
        self.actors = actors
        self.router = Router(actors, Placement(0))

    async def open(self) -> None:
        await self.actors.put_stores("S1", "S2")
        await self.router.start()
        await self.say(("S1", "r1", "receive A 10"), ("S2", "r1", "receive A 10"))

    def entry(self, store_id: str, key: str, text: str) -> Entry:
        return store_id, command_of(text, key)

    async def say(self, *lines: tuple[str, str, str], within_s: float = WAIT_S) -> list[Answer]:
        """Each line is (shop, key, text); the answers in their places."""
        entries = [self.entry(*line) for line in lines]
        deadline = asyncio.get_running_loop().time() + within_s
        queued = self.router.submit([line[0] for line in lines], entries, deadline, promise=False)
        answers: list[Any] = [None] * len(lines)
        for future, places in queued:
            for place, answer in zip(places, await future, strict=True):
                answers[place] = answer
        return answers

    def steps(self, actor: str) -> list[bytes]:
        """The payloads of all steps that were sent to an actor."""
        return [args[0] for name, method, args in self.actors.calls if (name, method) == (actor, "step")]

    async def on_hand(self, store_id: str) -> tuple[int, ...]:
        """What the shop has of A."""
        deadline = asyncio.get_running_loop().time() + WAIT_S
        [(_, _, [row])] = await self.router.ask(store_id, "availability", [store_id], ["A"], deadline=deadline)
        return tuple(row)


Run = Callable[[Callable[[Routed], Awaitable[None]]], None]

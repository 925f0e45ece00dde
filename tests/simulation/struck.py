"""Actors of a simulated chain that meet one crash at one step: a lost message, a kill, a gateway that goes."""

import asyncio
from typing import Any

from actors.protocol.messages import ActorGone
from tests.simulation.chain_world import ChainWorld
from tests.simulation.sim_actors import SimActors


class StruckOnce(SimActors):
    """One crash at one step, and no other trouble."""

    def __init__(self, world: ChainWorld, step: int, crash: str) -> None:
        super().__init__(world)
        self.step, self.crash = step, crash
        self.seen = -1
        self.driver: asyncio.Future[Any] | None = None
        self.armed = False
        self.called = ""

    async def call(self, actor: str, method: str, *args: Any) -> Any:
        if not (self.armed and method == "step"):
            return await super().call(actor, method, *args)
        self.seen += 1
        if self.seen != self.step:
            return await super().call(actor, method, *args)
        self.called = actor
        if self.crash == "call lost":
            raise ActorGone("lost on the way")
        if self.crash == "actor killed before":
            self.kill(actor)
            raise ActorGone("killed")
        answer = await super().call(actor, method, *args)
        if self.crash == "gateway gone":
            self.lose_gateway()
            return answer
        for name in [name for name in self.made if self.is_killed(name)]:
            self.kill(name)
        raise ActorGone("the answer is gone")

    def lose_gateway(self) -> None:
        """End the call that is under way."""
        assert self.driver is not None
        self.driver.cancel()

    def is_killed(self, actor: str) -> bool:
        """Whether the crash ends this actor, after the step of `called`."""
        raise NotImplementedError

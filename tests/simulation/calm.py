"""How long a simulated caller asks in vain. A world may be so bad that no attempt has the time that it needs: an order
over three shops takes up to eight seconds where nothing fails and calls are slow, of the twelve that its caller waits,
and gateways may restart every ten. So who was cut off again and again gets a calm, in which nothing fails. What is not
answered then never will be.
"""

import asyncio
from typing import TYPE_CHECKING, Final, Self

from tests.simulation.checks import Broken

if TYPE_CHECKING:
    from tests.simulation.chain_world import ChainWorld

PATIENCE_S: Final = 600.0  # until a caller gets a calm; orders expire meanwhile
CALM_S_MAX: Final = 100.0  # until it is answered then: many attempts, and what was begun before may be under way


class Calm:
    """Of one world: no call is lost or late, nobody is cut off, and nothing befalls it."""

    def __init__(self, world: "ChainWorld") -> None:
        self._world = world
        self._callers = 0
        self._before = world.trouble, world.late, world.cut_offs

    @property
    def lasts(self) -> bool:
        return self._callers > 0

    def begin(self) -> None:
        """For one more caller."""
        world = self._world
        if not self._callers:
            self._before = world.trouble, world.late, world.cut_offs
            world.trouble, world.late, world.cut_offs = 0.0, 0.0, False
            world.actors.full.clear()
            for gateway in world.gateways if world.chain_comes_back else ():
                gateway.line.no_chain = False
            world.struck["calm for a caller"] += 1
        self._callers += 1

    def end(self) -> None:
        """For one of them."""
        self._callers -= 1
        if not self._callers:
            self._world.trouble, self._world.late, self._world.cut_offs = self._before


class Patience:
    """Of one caller, for one call: `with Patience(...) as patience`, and `wear` before each attempt."""

    def __init__(self, calm: Calm, asked: str) -> None:
        self._calm = calm
        self._asked = asked
        self._until = asyncio.get_running_loop().time() + PATIENCE_S
        self._is_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_over:
            self._calm.end()

    def wear(self) -> None:
        """Go on asking. Raises Broken where it was calm for long."""
        now = asyncio.get_running_loop().time()
        if now > self._until + CALM_S_MAX:
            raise Broken("I22", f"{self._asked} is not answered, also not while nothing fails")
        if now > self._until and not self._is_over:
            self._is_over = True
            self._calm.begin()

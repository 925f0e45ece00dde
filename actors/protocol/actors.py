"""How a gateway reaches actors by name, and what may come of it."""

from typing import Any, Protocol


class ActorGone(Exception):
    """The actor did not answer: it died, restarts, or cannot be reached. What it did is unknown."""


class LedgerStopped(Exception):
    """The ledger is not served: its journal is damaged. Asking again does not help."""


class Actors(Protocol):
    """Calls to actors by name. `actors.ray_actors.RayActors` is the real one."""

    async def call(self, actor: str, method: str, *args: Any) -> Any:
        """Call a method, making the actor first where it is not there. Raises ActorGone or LedgerStopped."""

    async def names(self) -> frozenset[str]:
        """The actors that have been made."""

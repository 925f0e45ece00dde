"""The events of what a shortfall has made: places for those who have lost units, and tasks; see `shortfalls`."""

from actors.core.message import Message
from actors.shop.shortfalls.shortfall import Resolution, Shortfall, ShortfallCause, ShortfallTask


class ShortfallDeclared(Message, frozen=True):
    """Promised units are missing; a Released with reason SHORTFALL, or a Requeued, follows for each loss."""

    shortfall: Shortfall


class Requeued(Message, frozen=True):
    """A reservation lost all of its units, `lines`, in a shortfall, and waits first in line until `expires_at_ms`."""

    number: int
    lines: tuple[tuple[str, int], ...]
    expires_at_ms: int
    cause: ShortfallCause


class MoveBegun(Message, frozen=True):
    """A task is to be closed by a move to another shop, under the key of that call and no other's. The task is open."""

    key: str
    fingerprint: str
    number: int
    to_store: str
    answer: ShortfallTask | None = None


class MoveRefused(Message, frozen=True):
    """A shop that a moving task has asked has refused. The next one is asked; after the last, the task is `over`, as it
    was until then, and its customer goes without the units. Of a task that was closed meanwhile: the shop has let go.
    """

    number: int
    to_store: str
    over: ShortfallTask | None = None


class ShortfallResolved(Message, frozen=True):
    """A task was closed. `place` is the number of the reservation that waits for the units from the next event on, 0
    for none that is new.
    """

    key: str
    fingerprint: str
    number: int
    resolution: Resolution
    moved_to: str
    place: int = 0
    answer: ShortfallTask | None = None


ShortfallEvent = ShortfallDeclared | Requeued | MoveBegun | MoveRefused | ShortfallResolved


def touched_by_shortfall(event: ShortfallEvent) -> tuple[str, ...]:
    """As `events.touched_skus`."""
    return tuple(sku for sku, _ in event.lines) if isinstance(event, Requeued) else ()

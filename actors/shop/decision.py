"""What `decide` gives back."""

from typing import NamedTuple

from actors.core.rejection import Rejection
from actors.shop.events import Event


class Accepted(NamedTuple):
    """The command stands; these events say how, in sequence. The first that carries the command's key answers it."""

    events: tuple[Event, ...]


class Rejected(NamedTuple):
    """The business says no."""

    rejection: Rejection


Decision = Accepted | Rejected

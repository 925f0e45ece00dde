"""What `decide` gives back."""

from typing import NamedTuple

from actors.ledger.events import Event
from actors.ledger.reasons import Rejection


class Accepted(NamedTuple):
    """The command stands; these events say how, in sequence. The first that carries the command's key answers it."""

    events: tuple[Event, ...]


class Rejected(NamedTuple):
    """The business says no."""

    rejection: Rejection


Decision = Accepted | Rejected

"""What a position and a reservation are, as sequential objects: the models by which recorded histories are examined.

They know nothing of ledgers, versions or journals, only what a caller of the wire is promised.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from bench.faults.linearizability import Model, Operation
from holdfast.client import Status

# --- a position: one SKU in one shop ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Receive:
    """Units come in; never refused."""

    units: int


@dataclass(frozen=True, slots=True)
class Take:
    """A reservation takes units. It says Taken, or Short."""

    units: int


@dataclass(frozen=True, slots=True)
class GiveBack:
    """A release, or an expiry: units are free again."""

    units: int


@dataclass(frozen=True, slots=True)
class HandOver:
    """Units of a reservation are sold."""

    units: int


@dataclass(frozen=True, slots=True)
class Look:
    """A read. It says Units."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The units are reserved."""


@dataclass(frozen=True, slots=True)
class Short:
    """Refused for want of stock; `available` were there."""

    available: int


class Units(NamedTuple):
    """What a read told; also the state of a position."""

    on_hand: int
    reserved: int

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved

    def __str__(self) -> str:
        return f"{self.on_hand} on hand, {self.reserved} reserved"


Said: TypeAlias = Taken | Short | Units | None


def _position_after(state: Units, operation: Operation) -> Units | None:
    said = operation.said
    match operation.asked:
        case Receive(units):
            return Units(state.on_hand + units, state.reserved)
        case Take(units):
            if isinstance(said, Short):
                return state if said.available == state.available < units else None
            return Units(state.on_hand, state.reserved + units) if units <= state.available else None
        case GiveBack(units):
            return Units(state.on_hand, state.reserved - units) if units <= state.reserved else None
        case HandOver(units):
            return Units(state.on_hand - units, state.reserved - units) if units <= state.reserved else None
        case Look():
            return state if said in (state, None) else None
        case other:
            raise TypeError(f"no operation of a position: {other}")


POSITION: Final = Model(Units(0, 0), _position_after)


def _pool_after(state: Units, operation: Operation) -> Units | None:
    """The same units over shops and a ledger of their own: who asks one of them may be refused while another has some,
    and reads are of one of them.
    """
    if isinstance(operation.said, Short) or operation.asked == Look():
        return state
    return _position_after(state, operation)


POOL: Final = Model(Units(0, 0), _pool_after)

# --- a reservation ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Make:
    """It comes to be, HELD."""


@dataclass(frozen=True, slots=True)
class Step:
    """A caller's step to a status. It says that status, or StepRefused."""

    to: Status


@dataclass(frozen=True, slots=True)
class Expire:
    """Its deadline has passed."""


@dataclass(frozen=True, slots=True)
class See:
    """A read. It says a Status."""


@dataclass(frozen=True, slots=True)
class StepRefused:
    """The step was not allowed from this status, UNSPECIFIED where none was told."""

    status: Status


STEPS: Final = {
    Status.HELD: (Status.CONFIRMED, Status.COLLECTED, Status.RELEASED, Status.EXPIRED),
    Status.CONFIRMED: (Status.READY, Status.COLLECTED, Status.RELEASED, Status.EXPIRED),
    Status.READY: (Status.COLLECTED, Status.RELEASED, Status.EXPIRED),
}
"""The table of transitions as it is published; from every other status there is none."""


def _reservation_after(status: Status, operation: Operation) -> Status | None:
    said = operation.said
    match operation.asked:
        case Make():
            return Status.HELD if status is Status.UNSPECIFIED else None
        case Step(to):
            allowed = to in STEPS.get(status, ())
            if isinstance(said, StepRefused):
                return status if not allowed and said.status in (status, Status.UNSPECIFIED) else None
            return to if allowed and said in (to, None) else None
        case Expire():
            return Status.EXPIRED if status in STEPS else None
        case See():
            return status if said in (status, None) else None
        case other:
            raise TypeError(f"no operation of a reservation: {other}")


RESERVATION: Final = Model(Status.UNSPECIFIED, _reservation_after)

"""What the calls of a client share: the connection, the retries, and one batcher per batched kind of call."""

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias
from uuid import uuid4

from clients.batching import Batcher
from clients.caller import Caller
from clients.kinds import Outcome
from clients.limits import Limits
from clients.values.orders import ReserveOutcome
from clients.values.reservations import Rejection, Reservation
from holdfast.v1 import reservation_service_pb2 as service_pb2

Outcomes: TypeAlias = Reservation | Rejection
"""The answer to a change of a reservation."""

ReserveBatcher: TypeAlias = Batcher[service_pb2.ReserveResponse, ReserveOutcome]
ReservationBatcher: TypeAlias = Batcher[Outcome, Outcomes]


@dataclass(frozen=True, slots=True)
class Inside:
    """The inside of a client."""

    caller: Caller
    limits: Limits
    reserves: ReserveBatcher
    confirms: ReservationBatcher
    collects: ReservationBatcher
    releases: ReservationBatcher

    @property
    def batchers(self) -> tuple[Batcher[Any, Any], ...]:
        """All four batchers."""
        return (self.reserves, self.confirms, self.collects, self.releases)


class Client(Protocol):
    """Whatever has an inside."""

    @property
    def inside(self) -> Inside:
        """What the calls share."""
        ...


def fresh_key() -> str:
    """A new idempotency key: 32 hexadecimal digits."""
    return uuid4().hex

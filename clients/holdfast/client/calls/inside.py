"""What the calls of a client share: the connection, the retries, and one batcher per batched kind of call."""

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar
from uuid import uuid4

from holdfast.client.batching import Batcher
from holdfast.client.caller import Caller
from holdfast.client.kinds import Outcome
from holdfast.client.limits import Limits
from holdfast.client.values.orders import ReserveOutcome
from holdfast.client.values.reservations import Rejection, Reservation
from holdfast.v1 import reservation_service_pb2 as service_pb2

Outcomes: TypeAlias = Reservation | Rejection
"""The answer to a change of a reservation."""

ReserveBatcher: TypeAlias = Batcher[service_pb2.ReserveResponse, ReserveOutcome]
ReservationBatcher: TypeAlias = Batcher[Outcome, Outcomes]

BatchedRequest: TypeAlias = (
    service_pb2.ReserveRequest
    | service_pb2.ConfirmReservationRequest
    | service_pb2.CollectReservationRequest
    | service_pb2.ReleaseReservationRequest
)

OutcomeT = TypeVar("OutcomeT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Inside:
    """The inside of a client.

    `orders` are the reserves that look for shops: they take longer, and no reserve in one shop should wait for them.
    """

    caller: Caller
    limits: Limits
    reserves: ReserveBatcher
    orders: ReserveBatcher
    confirms: ReservationBatcher
    collects: ReservationBatcher
    releases: ReservationBatcher

    @property
    def batchers(self) -> tuple[Batcher[Any, Any], ...]:
        """All of them."""
        return (self.reserves, self.orders, self.confirms, self.collects, self.releases)


class Client(Protocol):
    """Whatever has an inside."""

    @property
    def inside(self) -> Inside:
        """What the calls share."""
        ...


async def submit(
    inside: Inside,
    batcher: Batcher[OutcomeT, ResultT],
    request: BatchedRequest,
    *,
    lines: int,
    ledger: str,
    own_key: bool,
    timeout_ms: int | None,
) -> ResultT:
    """Send a request in a batch, and wait. Its key is unique within `ledger`; `own_key` says that it was made here."""
    key = request.idempotency_key
    return await batcher.submit(
        request.SerializeToString(),
        lines=lines,
        key=key,
        twin=None if own_key else f"{ledger}:{key}",
        timeout_ms=inside.caller.timeouts.call_ms if timeout_ms is None else timeout_ms,
    )


def fresh_key() -> str:
    """A new idempotency key: 32 hexadecimal digits."""
    return uuid4().hex

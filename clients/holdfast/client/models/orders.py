"""Orders over one shop or several: what each shop holds, and what each shop answered to a step of the order."""

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from holdfast.client.errors import HoldfastError, OutcomeUnknown
from holdfast.client.limits import Failure
from holdfast.client.models.reservations import (
    Line,
    Rejection,
    ReleaseReason,
    Reservation,
    Status,
    lines_from,
    rejection_from,
    release_reason_from,
    reservation_from,
    status_from,
)
from holdfast.client.statuses import Fault, error_from, fault_from_item
from holdfast.client.wire_types import LinePairs, instant_ms, line_pairs, optional_instant_ms
from holdfast.v1 import order_pb2, order_service_pb2 as service_pb2


class OrderStatus(IntEnum):
    """How an order stands as a whole. UNSPECIFIED also stands for a status that is newer than this client."""

    UNSPECIFIED = 0
    OPEN = 1
    HELD = 2
    CONFIRMED = 3
    COLLECTED = 4
    RELEASED = 5
    EXPIRED = 6
    ABANDONED = 7


@dataclass(frozen=True, slots=True)
class OrderPart:
    """What one shop holds of an order, as the shop said last; `slot_start_ms` is None where no slot was taken.
    `earliest_ready_ms` as of a reservation.
    """

    store_id: str
    reservation_id: str
    status: Status
    lines: tuple[Line, ...]
    slot_start_ms: int | None
    earliest_ready_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One customer's reservation over one shop or several, all of it or nothing.

    `version` is the customer's ledger's. `missing` is set for PARTIAL: what was asked for and is not available.
    """

    order_id: str
    status: OrderStatus
    customer_id: str
    channel: str
    parts: tuple[OrderPart, ...]
    created_at_ms: int
    expires_at_ms: int
    version: int
    missing: LinePairs
    release_reason: ReleaseReason

    @property
    def part(self) -> OrderPart:
        """The only part. Raises ValueError where there is none, or more than one."""
        if len(self.parts) != 1:
            raise ValueError(f"order {self.order_id} has {len(self.parts)} parts; read `parts`")
        return self.parts[0]


@dataclass(frozen=True, slots=True)
class PartOutcome:
    """What one shop said to a step of an order: its part, why it refused, or an error where it did not decide.

    An error stands here and is not raised, because other shops did decide.
    """

    store_id: str
    answer: Reservation | Rejection | HoldfastError


OrderOutcome: TypeAlias = Order | Rejection
"""The answer to a change of an order."""

PartOutcomes: TypeAlias = tuple[PartOutcome, ...] | Rejection
"""The answer to a step that each shop takes for itself: one outcome a part, or why there is no such order."""

ReserveOutcome: TypeAlias = Reservation | Order | Rejection
"""The answer to a reserve: an order where a limit of the whole chain applies, else a reservation."""


_ORDER_STATUSES = {status.value: status for status in OrderStatus}

OrderResponse = (
    service_pb2.ConfirmOrderResponse
    | service_pb2.ReleaseOrderResponse
    | service_pb2.ExtendOrderResponse
    | service_pb2.AmendOrderResponse
)
PartsResponse = service_pb2.MarkOrderReadyResponse | service_pb2.CollectOrderResponse


def order_from(message: order_pb2.Order) -> Order:
    """An order as a value."""
    return Order(
        message.order_id,
        _ORDER_STATUSES.get(message.status, OrderStatus.UNSPECIFIED),
        message.customer_id,
        message.channel,
        tuple(_part_from(part) for part in message.parts),
        instant_ms(message.created_at),
        instant_ms(message.expires_at),
        message.version,
        line_pairs(message.missing),
        release_reason_from(message.release_reason),
    )


def _part_from(message: order_pb2.OrderPart) -> OrderPart:
    return OrderPart(
        message.store_id,
        message.reservation_id,
        status_from(message.status),
        lines_from(message.lines),
        optional_instant_ms(message, "slot_start"),
        optional_instant_ms(message, "earliest_ready"),
    )


def order_outcome_from(response: OrderResponse) -> OrderOutcome:
    """The answer to a change of an order: how it is now, or why the business refused."""
    if response.HasField("rejection"):
        return rejection_from(response.rejection)
    return order_from(response.order)


def undecided(response: PartsResponse) -> Fault | None:
    """Why a shop did not decide, where asking all of them again is of use: those that decided repeat themselves."""
    for outcome in response.outcomes:
        if outcome.WhichOneof("result") == "error":
            fault = fault_from_item(outcome.error)
            if fault.failure is not Failure.FINAL:
                return fault
    return None


def part_outcome_from(message: service_pb2.PartOutcome, *, what: str, key: str) -> PartOutcome:
    """What one shop said; `what` was asked with the idempotency key `key`."""
    match message.WhichOneof("result"):
        case "reservation":
            return PartOutcome(message.store_id, reservation_from(message.reservation))
        case "rejection":
            return PartOutcome(message.store_id, rejection_from(message.rejection))
        case _:
            fault = fault_from_item(message.error)
            return PartOutcome(message.store_id, _error_of_part(fault, what, f"shop {message.store_id}", key))


def _error_of_part(fault: Fault, what: str, where: str, key: str) -> HoldfastError:
    if fault.failure is Failure.FINAL:
        return error_from(fault, what=what, where=where, idempotency_key=key)
    # Overload too: an attempt before this one may have been carried out by this shop, and its answer lost.
    return OutcomeUnknown(what, where=where, why=f"{fault.code.name}: {fault.why}", idempotency_key=key)

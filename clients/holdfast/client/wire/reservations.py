"""Reservations and refusals. `reservation_from` runs once per call on the hot path and reads each field once."""

from collections.abc import Iterable

from holdfast.client.values.reservations import (
    Line,
    LinePairs,
    LineQuantities,
    NearStore,
    Reason,
    Rejection,
    ReleaseReason,
    Reservation,
    ShortLine,
    Status,
)
from holdfast.client.wire.times import optional_instant_ms, to_optional_duration, to_optional_timestamp
from holdfast.v1 import error_pb2, order_pb2, reservation_pb2, reservation_service_pb2 as service_pb2

_STATUSES = {status.value: status for status in Status}
_RELEASE_REASONS = {reason.value: reason for reason in ReleaseReason}
_REASONS = {reason.value: reason for reason in Reason}


def status_from(number: int) -> Status:
    """The status of a wire number; UNSPECIFIED for one that this client does not know."""
    return _STATUSES.get(number, Status.UNSPECIFIED)


def release_reason_from(number: int) -> ReleaseReason:
    """The release reason of a wire number; UNSPECIFIED for one that this client does not know."""
    return _RELEASE_REASONS.get(number, ReleaseReason.UNSPECIFIED)


def reservation_from(message: reservation_pb2.Reservation) -> Reservation:
    """A reservation as a value."""
    created_at = message.created_at
    expires_at = message.expires_at
    return Reservation(
        message.reservation_id,
        message.store_id,
        _STATUSES.get(message.status, Status.UNSPECIFIED),
        lines_from(message.lines),
        message.customer_id,
        message.channel,
        message.basket_id,
        created_at.seconds * 1000 + created_at.nanos // 1_000_000,
        expires_at.seconds * 1000 + expires_at.nanos // 1_000_000,
        message.version,
        message.payment_reference,
        _RELEASE_REASONS.get(message.release_reason, ReleaseReason.UNSPECIFIED),
        message.order_id,
        optional_instant_ms(message, "slot_start"),
        optional_instant_ms(message, "earliest_ready"),
    )


def rejection_from(message: error_pb2.Rejection) -> Rejection:
    """A refusal as a value."""
    return Rejection(
        _REASONS.get(message.reason, Reason.UNSPECIFIED),
        message.message,
        message.store_id,
        message.sku,
        message.asked,
        message.available,
        message.reservation_id,
        _STATUSES.get(message.status, Status.UNSPECIFIED),
        tuple([ShortLine(short.sku, short.asked, short.available) for short in message.short_lines]),
        message.version,
        message.order_id,
        tuple([NearStore(near.store_id, near.kilometres, near.has_everything) for near in message.near_stores]),
    )


def lines_from(messages: Iterable[reservation_pb2.ReservationLine]) -> tuple[Line, ...]:
    """The lines of a reservation or a part as values."""
    return tuple([Line(line.sku, line.quantity, line.collected, line.released) for line in messages])


def to_lines(lines: LineQuantities) -> list[reservation_pb2.LineQuantity]:
    """Pairs of SKU and units as messages."""
    return [reservation_pb2.LineQuantity(sku=sku, quantity=quantity) for sku, quantity in lines]


def line_pairs(lines: Iterable[reservation_pb2.LineQuantity]) -> LinePairs:
    """Messages as pairs of SKU and units."""
    return tuple((line.sku, line.quantity) for line in lines)


def reserve_request(
    *,
    key: str,
    store_id: str = "",
    lines: LineQuantities,
    customer_id: str,
    channel: str,
    basket_id: str = "",
    ttl_ms: int | None,
    slot_start_ms: int | None,
    sourcing: order_pb2.Sourcing | None = None,
) -> service_pb2.ReserveRequest:
    """What to hold, in a shop or where `sourcing` looks; `ttl_ms` None leaves the time to the rules."""
    return service_pb2.ReserveRequest(
        idempotency_key=key,
        store_id=store_id,
        lines=to_lines(lines),
        customer_id=customer_id,
        channel=channel,
        basket_id=basket_id,
        ttl=to_optional_duration(ttl_ms),
        slot_start=to_optional_timestamp(slot_start_ms),
        sourcing=sourcing,
    )

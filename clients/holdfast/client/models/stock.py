"""Positions of stock, what moves them, and what a change of stock did."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from holdfast.client.models.reservations import Rejection, rejection_from
from holdfast.client.wire_types import instant_ms, interval_ms, to_timestamp
from holdfast.v1 import stock_pb2, stock_service_pb2 as service_pb2


class AdjustmentKind(IntEnum):
    """What moved."""

    UNSPECIFIED = 0
    RECEIPT = 1
    SALE = 2
    RETURN = 3
    CORRECTION = 4


class HoldsCounted(IntEnum):
    """Whether a count took in the units that were set aside for reservations."""

    UNSPECIFIED = 0
    INCLUDED = 1
    EXCLUDED = 2


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One movement: signed units of a SKU, with its source's own growing number.

    `occurred_at_ms` says when, where that is not now: a count made since then has seen the movement already.
    """

    sku: str
    delta: int
    sequence: int
    kind: AdjustmentKind
    occurred_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """One SKU in one shop, in units; `available` is never below zero."""

    sku: str
    on_hand: int
    reserved: int
    allotted: int
    safety_stock: int
    available: int
    stocked: bool


@dataclass(frozen=True, slots=True)
class StoreAvailability:
    """Positions of one shop at one version, true at `as_of_ms`, which lay `age_ms` before the answer."""

    store_id: str
    version: int
    as_of_ms: int
    age_ms: int
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class AvailabilityChange:
    """Positions of one shop that changed, complete up to `version`."""

    store_id: str
    version: int
    as_of_ms: int
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class ShortfallLoss:
    """Units that one reservation lost to a shortfall."""

    reservation_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A SKU of which `quantity` fewer units are there than were promised, and who lost them."""

    sku: str
    quantity: int
    losses: tuple[ShortfallLoss, ...]


@dataclass(frozen=True, slots=True)
class StockChange:
    """What a change of stock did: rows applied and dropped, and the promises that it broke."""

    version: int
    applied: int
    dropped_repeated: int
    dropped_late: int
    shortfalls: tuple[Shortfall, ...]


StockOutcome = StockChange | Rejection
"""The answer to a change of stock."""


_KINDS = {kind.value: kind for kind in AdjustmentKind}

_StockResponse = service_pb2.AdjustStockResponse | service_pb2.CountStockResponse | service_pb2.SetSafetyStockResponse


def position_from(message: stock_pb2.Position) -> Position:
    """A position as a value."""
    return Position(
        message.sku,
        message.on_hand,
        message.reserved,
        message.allotted,
        message.safety_stock,
        message.available,
        message.stocked,
    )


def positions_from(messages: Iterable[stock_pb2.Position]) -> tuple[Position, ...]:
    """Positions as values."""
    return tuple(position_from(message) for message in messages)


def availability_from(message: stock_pb2.StoreAvailability) -> StoreAvailability:
    """One shop's positions as a value."""
    return StoreAvailability(
        message.store_id,
        message.version,
        instant_ms(message.as_of),
        interval_ms(message.age),
        positions_from(message.positions),
    )


def availability_change_from(message: service_pb2.WatchAvailabilityResponse) -> AvailabilityChange:
    """One message of the availability stream as a value."""
    return AvailabilityChange(
        message.store_id, message.version, instant_ms(message.as_of), positions_from(message.positions)
    )


def shortfall_from(message: stock_pb2.Shortfall) -> Shortfall:
    """A shortfall as a value."""
    losses = tuple(ShortfallLoss(loss.reservation_id, loss.quantity) for loss in message.losses)
    return Shortfall(message.sku, message.quantity, losses)


def stock_outcome_from(response: _StockResponse) -> StockOutcome:
    """The answer to a change of stock: what it did, or why the business refused."""
    if response.HasField("rejection"):
        return rejection_from(response.rejection)
    change = response.change
    return StockChange(
        change.version,
        change.applied,
        change.dropped_repeated,
        change.dropped_late,
        tuple(shortfall_from(shortfall) for shortfall in change.shortfalls),
    )


def adjustment_from(message: stock_pb2.Adjustment) -> Adjustment:
    """A movement as a value."""
    kind = _KINDS.get(message.kind, AdjustmentKind.UNSPECIFIED)
    occurred_at_ms = instant_ms(message.occurred_at) if message.HasField("occurred_at") else None
    return Adjustment(message.sku, message.delta, message.sequence, kind, occurred_at_ms)


def to_adjustments(adjustments: Iterable[Adjustment]) -> list[stock_pb2.Adjustment]:
    """Movements as messages."""
    return [
        stock_pb2.Adjustment(
            sku=row.sku,
            delta=row.delta,
            sequence=row.sequence,
            kind=f"ADJUSTMENT_KIND_{row.kind.name}",
            occurred_at=None if row.occurred_at_ms is None else to_timestamp(row.occurred_at_ms),
        )
        for row in adjustments
    ]

"""Positions of stock, what moves them, and what a change of stock did."""

from dataclasses import dataclass

from holdfast.client.errors import HoldfastError
from holdfast.client.models.reservations import Rejection
from holdfast.client.models.shortfalls import ShortfallCause
from holdfast.client.wire_types import reader
from holdfast.v1 import enums

AdjustmentKind = enums.AdjustmentKind
HoldsCounted = enums.HoldsCounted
AllottedCounted = enums.AllottedCounted


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One movement: signed units of a SKU, with its source's number, without gaps from 1 on; 0 takes the next one.

    `age_ms` says how long ago it happened, where that is not now: a count made since then has seen it already.
    `allotment_id` is the allotment that a till sold the units from, empty for none.
    """

    sku: str
    delta: int
    sequence: int
    kind: AdjustmentKind
    age_ms: int = 0
    allotment_id: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """One SKU in one shop, in units; `available` is never below zero. `unknown` are those of `allotted` of which nobody
    knows whether their till has sold them, until they are counted; `kept` are for who waits in line first.
    """

    sku: str
    on_hand: int
    reserved: int
    allotted: int
    safety_stock: int
    available: int
    stocked: bool
    unknown: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True)
class StoreAvailability:
    """Positions of one shop at one version, true at `as_of_ms`, which lay `age_ms` before the answer."""

    store_id: str
    version: int
    as_of_ms: int
    age_ms: int
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class UnreachableStore:
    """A shop that could not be read while others were, and why. Nothing is said of what it has."""

    store_id: str
    error: HoldfastError

    @property
    def positions(self) -> tuple[Position, ...]:
        """Raises the error, so that who looks at positions alone takes it for no shop without stock."""
        raise self.error


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
    cause: ShortfallCause = ShortfallCause.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class StockChange:
    """What a change of stock did: rows applied and dropped, and the promises that it broke. `settled_late` of the rows
    applied are of allotments that a count had settled before, and changed nothing on hand.
    """

    version: int
    applied: int
    dropped_repeated: int
    dropped_late: int
    shortfalls: tuple[Shortfall, ...]
    settled_late: int = 0


StockOutcome = StockChange | Rejection
"""The answer to a change of stock."""


availability_from = reader(StoreAvailability)
availability_change_from = reader(AvailabilityChange)
stock_change_from = reader(StockChange)

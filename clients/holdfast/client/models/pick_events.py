"""What happened to pick tasks, as a feed tells it; see `models.events`."""

from dataclasses import dataclass
from typing import TypeAlias

from holdfast.client.models.picking import ShortChoice
from holdfast.client.wire_types import LinePairs


@dataclass(frozen=True, slots=True)
class PickClaimed:
    """Somebody has a pick task, until `lease_ms` after his last step."""

    reservation_id: str
    picker_id: str
    lease_ms: int


@dataclass(frozen=True, slots=True)
class PickReleased:
    """Who had a pick task has left it to others."""

    reservation_id: str
    picker_id: str


@dataclass(frozen=True, slots=True)
class PickScanned:
    """Units of a pick task were picked; below zero, ticks were taken back. `code` is what was scanned, if anything."""

    reservation_id: str
    picker_id: str
    sku: str
    quantity: int
    code: str


@dataclass(frozen=True, slots=True)
class PickFinished:
    """All of a pick task is picked, or lies in another bay."""

    reservation_id: str
    picker_id: str
    bay: str


@dataclass(frozen=True, slots=True)
class PickPutBack:
    """Goods that were picked are on the shelf again; `are_available`: some of them from now on, and not before. Without
    a `picker_id` nobody has said so for too long.
    """

    reservation_id: str
    picker_id: str
    lines: LinePairs
    are_available: bool


@dataclass(frozen=True, slots=True)
class ArrivalNoted:
    """The customer of a reservation is there, or on his way, and there at `expected_at_ms`."""

    reservation_id: str
    waits_at: str
    expected_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PickShorted:
    """Units of a pick task are not on the shelf, and this is what the customer has chosen. `written_off` are on hand no
    more; `promise_ms` is when they are looked for again, None where they are not. `asked_store_ids` are asked for them
    one after the other where the choice is another shop.
    """

    reservation_id: str
    picker_id: str
    sku: str
    quantity: int
    choice: ShortChoice
    substitute: str
    substitute_quantity: int
    promise_ms: int | None
    written_off: int
    asked_store_ids: tuple[str, ...] = ()


PickChange: TypeAlias = (
    PickClaimed | PickReleased | PickScanned | PickShorted | PickFinished | PickPutBack | ArrivalNoted
)

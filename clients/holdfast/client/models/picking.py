"""Pick tasks: what is to be brought to the counter, who is at it, and what is to be put back."""

from dataclasses import dataclass
from typing import Any

from holdfast.client.models.reservations import PickStatus, Rejection, Reservation, reservation_from
from holdfast.client.wire_types import reader
from holdfast.v1 import enums

ShortChoice = enums.ShortChoice


@dataclass(frozen=True, slots=True)
class ProductPlace:
    """Where a product stands in a shop; each is empty where the table does not say."""

    aisle: str
    bay: str
    photo_url: str


_place_from = reader(ProductPlace)


def _place_of(message: Any) -> ProductPlace | None:
    return _place_from(message.place) if message.HasField("place") else None


@dataclass(frozen=True, slots=True)
class Product:
    """A product by the operator's table; `substitutes` are the SKUs that may take its place, the best first."""

    sku: str
    gtins: tuple[str, ...]
    place: ProductPlace | None
    substitutes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PickLine:
    """Units of one SKU that are ordered, those of them that are picked, and those that are to be put back. `place` is
    told in lists and by `get_pick_task`.
    """

    sku: str
    ordered: int
    picked: int
    to_put_back: int
    place: ProductPlace | None = None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What has become of units that a picker did not find, and that the customer is to have in another shop.

    `applied` is ELSEWHERE, with the confirmed reservation there, for a part of an order another part of it; WITHOUT,
    where no shop that was asked has them, or staff has given it up; LATER, where staff has him wait first in line; or
    UNSPECIFIED while `store_id` is being asked: the service goes on by itself, and the key or task tells how it ends.
    """

    task_id: str
    store_id: str
    reservation_id: str
    expires_at_ms: int | None
    applied: ShortChoice


@dataclass(frozen=True, slots=True)
class PickTask:
    """What is to be picked for one reservation, by whose id it is known. `picker_id` has it until `lease_expires_at_ms`
    by the ledger's time, unless he goes on; empty and None where nobody has.

    `reservation` is told in lists and by `get_pick_task`, while it goes on. Until `not_before_ms` it stands behind all
    others. `expected_at_ms` is when a customer expects to be there who is on his way. `elsewhere` is told by
    `short_pick_task` with another shop.
    """

    reservation_id: str
    store_id: str
    status: PickStatus
    lines: tuple[PickLine, ...]
    promised_at_ms: int | None
    created_at_ms: int | None
    picker_id: str
    lease_expires_at_ms: int | None
    bay: str
    arrived_at_ms: int | None
    waits_at: str
    version: int
    reservation: Reservation | None = None
    not_before_ms: int | None = None
    elsewhere: Elsewhere | None = None
    expected_at_ms: int | None = None


PickOutcome = PickTask | Rejection
"""The answer to a step of a task."""

product_from = reader(Product, place=_place_of)
_line_from = reader(PickLine, place=_place_of)
_elsewhere_from = reader(Elsewhere)
pick_task_from = reader(
    PickTask,
    lines=lambda task: tuple(map(_line_from, task.lines)),
    reservation=lambda task: reservation_from(task.reservation) if task.HasField("reservation") else None,
    elsewhere=lambda task: _elsewhere_from(task.elsewhere) if task.HasField("elsewhere") else None,
)

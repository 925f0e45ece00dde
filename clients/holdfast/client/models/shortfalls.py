"""Tasks of shortfalls: who lost units that were promised, and what is done about it."""

from dataclasses import dataclass

from holdfast.client.models.reservations import NearStore, Reason, Rejection, Status
from holdfast.client.wire_types import reader
from holdfast.v1 import enums

ShortfallCause = enums.ShortfallCause
ShortfallResolution = enums.ShortfallResolution


@dataclass(frozen=True, slots=True)
class LostLine:
    """Units of one SKU that a reservation held, and of these those that it lost."""

    sku: str
    held: int
    lost: int


@dataclass(frozen=True, slots=True)
class ShortfallTask:
    """What one reservation lost at once. `resolution` is UNSPECIFIED while it is open.

    `order_id` is empty where it was no part of one. `waiting_reservation_id` waits first in line for the units, or did;
    `not_in_line` says why none does though the policy says so. In a list, an open one has as ways out `near_stores`,
    which have all that was lost, and `expected_at_ms`, when units may come to this shop; None where none are in sight.
    `asked_store_ids` are shops that the service asks for them, one after the other: such a task closes by itself. Of
    one that was closed meanwhile it is the shop that has still to let go of what it may have taken.
    """

    task_id: str
    store_id: str
    reservation_id: str
    order_id: str
    customer_id: str
    channel: str
    lines: tuple[LostLine, ...]
    was: Status
    cause: ShortfallCause
    created_at_ms: int
    waiting_reservation_id: str
    not_in_line: Reason
    resolution: ShortfallResolution
    resolved_at_ms: int | None
    moved_to_reservation_id: str
    version: int
    near_stores: tuple[NearStore, ...] = ()
    expected_at_ms: int | None = None
    asked_store_ids: tuple[str, ...] = ()


ShortfallOutcome = ShortfallTask | Rejection
"""The answer to a resolution."""

shortfall_task_from = reader(ShortfallTask)

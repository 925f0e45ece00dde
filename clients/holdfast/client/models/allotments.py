"""Units of a shop in the hands of a till or a channel."""

from dataclasses import dataclass
from typing import TypeAlias

from holdfast.client.models.reservations import Rejection
from holdfast.client.wire_types import reader
from holdfast.v1 import enums

HolderKind = enums.HolderKind
AllotmentStatus = enums.AllotmentStatus


@dataclass(frozen=True, slots=True)
class AllottedLine:
    """One SKU of an allotment, in units: given; of these used, by sales or by the channel's holds, and left."""

    sku: str
    given: int
    used: int
    left: int


@dataclass(frozen=True, slots=True)
class Allotment:
    """Units that a till or a channel sells on its own authority until `expires_at_ms`, as they were at the ledger's
    `version` of its last change. `ended_at_ms` is None while it is open. UNKNOWN: its time is over, and what its till
    has sold is unknown until it says so, or the units are counted.
    """

    allotment_id: str
    store_id: str
    status: AllotmentStatus
    holder_kind: HolderKind
    holder: str
    lines: tuple[AllottedLine, ...]
    created_at_ms: int
    expires_at_ms: int
    ended_at_ms: int | None
    reason: str
    quota_first: bool
    version: int


@dataclass(frozen=True, slots=True)
class Share:
    """A part of what is available of a SKU, 1 to 1,000 thousandths."""

    sku: str
    thousandths: int


AllotmentOutcome: TypeAlias = Allotment | Rejection
"""The answer to a change of an allotment."""

allotment_from = reader(Allotment)

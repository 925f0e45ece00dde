"""What happened to allotments, as a feed tells it; see `models.events`."""

from dataclasses import dataclass
from typing import TypeAlias

from holdfast.client.models.allotments import Allotment
from holdfast.client.wire_types import LinePairs


@dataclass(frozen=True, slots=True)
class Allotted:
    """Units were handed to a till or a channel."""

    allotment: Allotment


@dataclass(frozen=True, slots=True)
class AllotmentExtended:
    """An allotment lasts longer."""

    allotment_id: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class AllotmentReturned:
    """An allotment was ended; `lines` came back. What a till had left beside these is unknown."""

    allotment_id: str
    lines: LinePairs


@dataclass(frozen=True, slots=True)
class AllotmentExpired:
    """The time of an allotment was over; `lines` came back, of a till none."""

    allotment_id: str
    lines: LinePairs


@dataclass(frozen=True, slots=True)
class AllotmentShrunk:
    """A channel's quota lost units that are not there."""

    allotment_id: str
    lines: LinePairs


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """Units that a reservation takes from one allotment."""

    allotment_id: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class QuotaDrawn:
    """A reservation takes from its channel's quotas; the next event makes or amends it."""

    reservation_id: str
    drawn: tuple[DrawnLine, ...]


AllotmentChange: TypeAlias = (
    Allotted | AllotmentExtended | AllotmentReturned | AllotmentExpired | AllotmentShrunk | QuotaDrawn
)

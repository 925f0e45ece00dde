"""Orders over one shop or several, what each shop answered to a step of one, and advice about where to place one."""

from dataclasses import dataclass
from typing import TypeAlias

from holdfast.client.errors import HoldfastError
from holdfast.client.models.reservations import Line, Rejection, ReleaseReason, Reservation, Status
from holdfast.client.wire_types import LinePairs, reader, to_message
from holdfast.v1 import enums, order_pb2

OrderStatus = enums.OrderStatus
SourcingPolicy = enums.SourcingPolicy
Exclusion = enums.Exclusion


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
    external_reference: str = ""

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
"""The answer to a reserve: an order where shops were looked for, else a reservation."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the customer is: degrees north and east, or a postcode of the table that the operator loaded.

    `country` is for a postcode that the table has in several.
    """

    latitude: float = 0.0
    longitude: float = 0.0
    postcode: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class StorePlan:
    """All that one shop is to hold of an order. No lines take the order away from it.

    `slot_start_ms` None leaves the pickup slot that the shop has.
    """

    store_id: str
    lines: LinePairs = ()
    slot_start_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One shop, as ranking sees it; `capacity_left` are the places in the slot that was asked for, None without one.

    `earliest_ready_ms` says when an order that is placed now is ready there, None where the shop stays closed.
    """

    store_id: str
    kilometres: float
    available: LinePairs
    capacity_left: int | None
    exclusion: Exclusion
    earliest_ready_ms: int | None


@dataclass(frozen=True, slots=True)
class ExcludedCount:
    """How many shops one rule keeps out, listed ones included."""

    exclusion: Exclusion
    stores: int


@dataclass(frozen=True, slots=True)
class FoundStores:
    """Advice: shops in the sequence in which they would be chosen, those that are out last; the ledgers decide.

    `plan` is what an order would be now, empty where none can be placed, and `missing` what PARTIAL could not have.
    It was ranked by what is `age_ms` old at most. `left_off` shops are in and not listed, farther than all that were
    asked, or did not answer; with `excluded` and the candidates that are in, they are all shops of the chain.
    """

    candidates: tuple[Candidate, ...]
    plan: tuple[StorePlan, ...]
    missing: LinePairs
    age_ms: int
    left_off: int
    excluded: tuple[ExcludedCount, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """One pickup slot, with how many customers may collect in it and how many places are left."""

    start_ms: int
    end_ms: int
    capacity: int
    left: int


@dataclass(frozen=True, slots=True)
class PickupSlots:
    """A shop's slots by time, full ones too. `zone` is the shop's, IANA.

    `earliest_ready_ms` says when an order that is placed now is ready, None where the shop stays closed.
    """

    slots: tuple[Slot, ...]
    earliest_ready_ms: int | None
    zone: str
    version: int


order_from = reader(Order)
_candidate_from = reader(
    Candidate, capacity_left=lambda found: None if found.capacity_left < 0 else found.capacity_left
)
found_stores_from = reader(FoundStores, candidates=lambda found: tuple(map(_candidate_from, found.candidates)))
pickup_slots_from = reader(PickupSlots)


def to_sourcing(
    place: Place,
    policy: SourcingPolicy = SourcingPolicy.ONE_STORE,
    stores_max: int = 0,
    kilometres_max: float = 0.0,
    collect_by_ms: int | None = None,
) -> order_pb2.Sourcing:
    """Where to look for shops and how to choose among them; `collect_by_ms` None is the policy's longest time."""
    return to_message(
        order_pb2.Sourcing,
        # One that names nothing is left out: the service says that it is missing, where it would take zero degrees.
        place=None if place == Place() else place,
        policy=policy,
        stores_max=stores_max,
        kilometres_max=kilometres_max,
        collect_by_ms=collect_by_ms,
    )

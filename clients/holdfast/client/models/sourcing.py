"""Advice about where to place an order: shops by distance, and pickup slots. Nothing is held by it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from holdfast.client.wire_types import (
    LinePairs,
    instant_ms,
    interval_ms,
    line_pairs,
    optional_instant_ms,
    to_lines,
    to_optional_timestamp,
)
from holdfast.v1 import order_pb2, order_service_pb2 as service_pb2


class SourcingPolicy(IntEnum):
    """How shops are chosen: the nearest that has everything; as few as have it together; or what can be had."""

    UNSPECIFIED = 0
    ONE_STORE = 1
    SPLIT = 2
    PARTIAL = 3


class Exclusion(IntEnum):
    """Why a shop is out, in sequence of precedence. UNSPECIFIED: it is in, or the rule is newer than this client."""

    UNSPECIFIED = 0
    PAUSED = 1
    CHANNEL_NOT_SERVED = 2
    NO_PLACE = 9
    CLOSED = 3
    NOT_READY_IN_TIME = 8
    NO_CAPACITY = 4
    TOO_FAR = 5
    NO_STOCK = 6
    NOT_ENOUGH_STOCK = 7


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
class Sourcing:
    """Where to look for shops and how to choose among them; a zero leaves `stores_max` and `kilometres_max` open.

    `collect_by_ms`: the customer wants to have it by then; None leaves that to the policy's longest time.
    """

    place: Place
    policy: SourcingPolicy = SourcingPolicy.ONE_STORE
    stores_max: int = 0
    kilometres_max: float = 0.0
    collect_by_ms: int | None = None


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


_EXCLUSIONS = {exclusion.value: exclusion for exclusion in Exclusion}


def to_sourcing(sourcing: Sourcing) -> order_pb2.Sourcing:
    """Where to look, as a message."""
    place = sourcing.place
    return order_pb2.Sourcing(
        # A place that names nothing is not sent: the service says that it is missing, where it would take zero degrees.
        place=None
        if place == Place()
        else order_pb2.Place(
            latitude=place.latitude, longitude=place.longitude, postcode=place.postcode, country=place.country
        ),
        policy=f"SOURCING_POLICY_{sourcing.policy.name}",
        stores_max=sourcing.stores_max,
        kilometres_max=sourcing.kilometres_max,
        collect_by=to_optional_timestamp(sourcing.collect_by_ms),
    )


def to_store_plans(plans: Iterable[StorePlan]) -> list[service_pb2.StorePlan]:
    """What shops are to hold, as messages."""
    return [
        service_pb2.StorePlan(
            store_id=plan.store_id, lines=to_lines(plan.lines), slot_start=to_optional_timestamp(plan.slot_start_ms)
        )
        for plan in plans
    ]


def found_stores_from(response: service_pb2.FindStoresResponse) -> FoundStores:
    """Shops by distance as values."""
    return FoundStores(
        tuple(_candidate_from(message) for message in response.candidates),
        tuple(
            StorePlan(plan.store_id, line_pairs(plan.lines), optional_instant_ms(plan, "slot_start"))
            for plan in response.plan
        ),
        line_pairs(response.missing),
        interval_ms(response.age),
        response.left_off,
        tuple(ExcludedCount(_exclusion_from(row.exclusion), row.stores) for row in response.excluded),
    )


def _candidate_from(message: order_pb2.Candidate) -> Candidate:
    return Candidate(
        message.store_id,
        message.kilometres,
        line_pairs(message.available),
        None if message.capacity_left < 0 else message.capacity_left,
        _exclusion_from(message.exclusion),
        optional_instant_ms(message, "earliest_ready"),
    )


def _exclusion_from(number: int) -> Exclusion:
    return _EXCLUSIONS.get(number, Exclusion.UNSPECIFIED)


def pickup_slots_from(response: service_pb2.ListSlotsResponse) -> PickupSlots:
    """A shop's slots as values."""
    return PickupSlots(
        tuple(Slot(instant_ms(slot.start), instant_ms(slot.end), slot.capacity, slot.left) for slot in response.slots),
        optional_instant_ms(response, "earliest_ready"),
        response.zone,
        response.version,
    )

"""Orders, the choice of shops, and pickup slots."""

from collections.abc import Iterable

from holdfast.client.errors import HoldfastError, OutcomeUnknown
from holdfast.client.retry import Failure
from holdfast.client.statuses import Fault, error_from, fault_from_item
from holdfast.client.values.orders import (
    Candidate,
    ExcludedCount,
    Exclusion,
    FoundStores,
    Order,
    OrderOutcome,
    OrderPart,
    OrderStatus,
    PartOutcome,
    PickupSlots,
    Place,
    Slot,
    Sourcing,
    StorePlan,
)
from holdfast.client.wire.reservations import (
    line_pairs,
    lines_from,
    rejection_from,
    release_reason_from,
    reservation_from,
    status_from,
    to_lines,
)
from holdfast.client.wire.times import instant_ms, interval_ms, optional_instant_ms, to_optional_timestamp
from holdfast.v1 import order_pb2, order_service_pb2 as service_pb2

_STATUSES = {status.value: status for status in OrderStatus}
_EXCLUSIONS = {exclusion.value: exclusion for exclusion in Exclusion}

OrderResponse = (
    service_pb2.ConfirmOrderResponse
    | service_pb2.ReleaseOrderResponse
    | service_pb2.ExtendOrderResponse
    | service_pb2.AmendOrderResponse
)
PartsResponse = service_pb2.MarkOrderReadyResponse | service_pb2.CollectOrderResponse


def order_from(message: order_pb2.Order) -> Order:
    """An order as a value."""
    return Order(
        message.order_id,
        _STATUSES.get(message.status, OrderStatus.UNSPECIFIED),
        message.customer_id,
        message.channel,
        tuple(_part_from(part) for part in message.parts),
        instant_ms(message.created_at),
        instant_ms(message.expires_at),
        message.version,
        line_pairs(message.missing),
        release_reason_from(message.release_reason),
    )


def _part_from(message: order_pb2.OrderPart) -> OrderPart:
    return OrderPart(
        message.store_id,
        message.reservation_id,
        status_from(message.status),
        lines_from(message.lines),
        optional_instant_ms(message, "slot_start"),
        optional_instant_ms(message, "earliest_ready"),
    )


def order_outcome_from(response: OrderResponse) -> OrderOutcome:
    """The answer to a change of an order: how it is now, or why the business refused."""
    if response.HasField("rejection"):
        return rejection_from(response.rejection)
    return order_from(response.order)


def undecided(response: PartsResponse) -> Fault | None:
    """Why a shop did not decide, where asking all of them again is of use: those that decided repeat themselves."""
    for outcome in response.outcomes:
        if outcome.WhichOneof("result") == "error":
            fault = fault_from_item(outcome.error)
            if fault.failure is not Failure.FINAL:
                return fault
    return None


def part_outcome_from(message: service_pb2.PartOutcome, *, what: str, key: str) -> PartOutcome:
    """What one shop said; `what` was asked with the idempotency key `key`."""
    match message.WhichOneof("result"):
        case "reservation":
            return PartOutcome(message.store_id, reservation_from(message.reservation))
        case "rejection":
            return PartOutcome(message.store_id, rejection_from(message.rejection))
        case _:
            fault = fault_from_item(message.error)
            return PartOutcome(message.store_id, _error_of_part(fault, what, f"shop {message.store_id}", key))


def _error_of_part(fault: Fault, what: str, where: str, key: str) -> HoldfastError:
    if fault.failure is Failure.FINAL:
        return error_from(fault, what=what, where=where, idempotency_key=key)
    # Overload too: an attempt before this one may have been carried out by this shop, and its answer lost.
    return OutcomeUnknown(what, where=where, why=f"{fault.code.name}: {fault.why}", idempotency_key=key)


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

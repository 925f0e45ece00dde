"""Orders for the fake service: shops by a distance that the test sets, and every step of an order, each remembered."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from holdfast.v1 import (
    error_pb2,
    order_pb2,
    order_service_pb2 as ordering,
    reservation_pb2,
    reservation_service_pb2 as reserving,
)
from tests.clients.fake_ledger import CONFIRMED, HELD, NOW_S, RELEASED, TTL_S, FakeLedger

PARTIAL: Final = order_pb2.SOURCING_POLICY_PARTIAL
SPLIT: Final = order_pb2.SOURCING_POLICY_SPLIT
ENDED: Final = frozenset({order_pb2.ORDER_STATUS_COLLECTED, order_pb2.ORDER_STATUS_RELEASED})

Taken = list[tuple[str, dict[str, int]]]


@dataclass
class FakeOrders:
    """All customers. `kilometres` has the shops that can be found; in `limited` channels a reserve is an order.

    `ready` says when an order is ready, in seconds, where that is not at once.
    """

    ledger: Callable[[str], FakeLedger]
    kilometres: dict[str, float] = field(default_factory=dict)
    limited: set[str] = field(default_factory=set)
    ready: dict[str, int] = field(default_factory=dict)
    orders: dict[str, order_pb2.Order] = field(default_factory=dict)
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    decided: int = 0

    def takes(self, request: reserving.ReserveRequest) -> bool:
        """Whether a reserve becomes an order."""
        return request.HasField("sourcing") or request.channel in self.limited

    def _once(self, request: Any, decide: Callable[[], Any]) -> Any:
        """The answer to a key: the first one again, where there is one."""
        name = (type(request).__name__, request.idempotency_key)
        if name not in self.answers:
            self.decided += 1
            self.answers[name] = decide()
        return self.answers[name]

    def open(self, request: reserving.ReserveRequest) -> Any:
        """Hold in the shops that are chosen, or refuse."""
        return self._once(request, lambda: self._open(request))

    def _open(self, request: reserving.ReserveRequest) -> reserving.ReserveResponse:
        wanted = {line.sku: line.quantity for line in request.lines}
        taken, missing = [(request.store_id, wanted)], dict[str, int]()
        if request.HasField("sourcing"):
            taken, missing = self.plan(request.sourcing, wanted)
        if not taken:
            refused = error_pb2.Rejection(
                reason=error_pb2.REASON_NO_STORE_IN_REACH, message="no shop in reach has everything; ask for less"
            )
            for store_id, kilometres in self.by_distance():
                refused.near_stores.add(store_id=store_id, kilometres=kilometres)
            return reserving.ReserveResponse(rejection=refused)
        number = len(self.orders) + 1
        made = order_pb2.Order(
            order_id=f"0007/{number}",
            status=order_pb2.ORDER_STATUS_HELD,
            customer_id=request.customer_id,
            channel=request.channel,
            created_at=Timestamp(seconds=NOW_S),
            expires_at=Timestamp(seconds=NOW_S + (request.ttl.seconds or TTL_S)),
            version=number,
            missing=_quantities(missing),
        )
        for store_id, units in taken:
            refusal = self._hold(made, store_id, units, request.slot_start if request.HasField("slot_start") else None)
            if refusal is not None:
                return reserving.ReserveResponse(rejection=refusal)
        self.orders[made.order_id] = made
        return reserving.ReserveResponse(order=made)

    def _hold(
        self, order: order_pb2.Order, store_id: str, units: dict[str, int], slot_start: Timestamp | None
    ) -> error_pb2.Rejection | None:
        ask = reserving.ReserveRequest(
            idempotency_key=f"{order.order_id} {store_id} {self.decided}",
            store_id=store_id,
            lines=_quantities(units),
            customer_id=order.customer_id,
            channel=order.channel,
            slot_start=slot_start,
        )
        held = self.ledger(store_id).reserve(ask)
        if held.HasField("rejection"):
            return held.rejection
        # What the ledger keeps, and not the copy in its answer.
        reservation = self.ledger(store_id).reservations[held.reservation.reservation_id]
        reservation.order_id = order.order_id
        part = order.parts.add(store_id=store_id, reservation_id=reservation.reservation_id, status=HELD)
        part.lines.extend(reservation.lines)
        if slot_start is not None:
            part.slot_start.CopyFrom(slot_start)
        return None

    def by_distance(self, kilometres_max: float = 0.0) -> list[tuple[str, float]]:
        """Shops with their distance, nearest first."""
        shops = sorted(self.kilometres.items(), key=lambda shop: shop[1])
        return [(store_id, far) for store_id, far in shops if not kilometres_max or far <= kilometres_max]

    def plan(self, sourcing: order_pb2.Sourcing, wanted: dict[str, int]) -> tuple[Taken, dict[str, int]]:
        """What each shop would give, and what is missing; nothing where the policy does not allow it."""
        left, taken = dict(wanted), Taken()
        for store_id, _ in self.by_distance(sourcing.kilometres_max):
            if self._is_late(store_id, sourcing):
                continue
            has = {sku: min(units, max(0, self.ledger(store_id).available(sku))) for sku, units in left.items()}
            gives = {sku: units for sku, units in has.items() if units}
            if not gives or (sourcing.policy not in {SPLIT, PARTIAL} and gives != left):
                continue
            taken.append((store_id, gives))
            left = {sku: units - gives.get(sku, 0) for sku, units in left.items() if units > gives.get(sku, 0)}
            if not left or len(taken) == (sourcing.stores_max or 3):
                break
        return (taken, left) if not left or sourcing.policy == PARTIAL else ([], {})

    def _is_late(self, store_id: str, sourcing: order_pb2.Sourcing) -> bool:
        by_s = sourcing.collect_by.seconds if sourcing.HasField("collect_by") else NOW_S + TTL_S
        return self.ready.get(store_id, NOW_S) > by_s

    def find(self, request: ordering.FindStoresRequest) -> ordering.FindStoresResponse:
        """Shops by distance; those that are too far or have nothing are out."""
        wanted = {line.sku: line.quantity for line in request.lines}
        found, out = ordering.FindStoresResponse(), list[order_pb2.Candidate]()
        for store_id, far in self.by_distance():
            has = {sku: max(0, self.ledger(store_id).available(sku)) for sku in wanted}
            candidate = order_pb2.Candidate(
                store_id=store_id, kilometres=far, available=_quantities(has), capacity_left=-1
            )
            candidate.earliest_ready.seconds = self.ready.get(store_id, NOW_S)
            if self._is_late(store_id, request.sourcing):
                candidate.exclusion = order_pb2.EXCLUSION_NOT_READY_IN_TIME
            elif request.sourcing.kilometres_max and far > request.sourcing.kilometres_max:
                candidate.exclusion = order_pb2.EXCLUSION_TOO_FAR
            elif not any(has.values()):
                candidate.exclusion = order_pb2.EXCLUSION_NO_STOCK
            elif any(has[sku] < units for sku, units in wanted.items()):
                candidate.exclusion = order_pb2.EXCLUSION_NOT_ENOUGH_STOCK
            (out if candidate.exclusion else found.candidates).append(candidate)
        if request.explain:
            found.candidates.extend(out)
        for exclusion, stores in Counter(candidate.exclusion for candidate in out).items():
            found.excluded.add(exclusion=exclusion, stores=stores)
        taken, missing = self.plan(request.sourcing, wanted)
        found.plan.extend(ordering.StorePlan(store_id=shop, lines=_quantities(units)) for shop, units in taken)
        found.missing.extend(_quantities(missing))
        found.age.FromMilliseconds(12)
        return found

    def step(self, request: Any, response: type[Any], change: Callable[[order_pb2.Order], Any]) -> Any:
        """Confirm, release, extend and amend alike: `change` gives a refusal, or nothing."""

        def decide() -> Any:
            order = self.orders.get(request.order_id)
            if order is None or order.status in ENDED:
                reason = error_pb2.REASON_TRANSITION_NOT_ALLOWED if order else error_pb2.REASON_RESERVATION_NOT_FOUND
                return response(rejection=error_pb2.Rejection(reason=reason, order_id=request.order_id))
            refusal = change(order)
            return response(order=order) if refusal is None else response(rejection=refusal)

        return self._once(request, decide)

    def confirm(self, request: ordering.ConfirmOrderRequest) -> Any:
        """HELD to CONFIRMED."""

        def change(order: order_pb2.Order) -> None:
            order.status = order_pb2.ORDER_STATUS_CONFIRMED
            order.expires_at.seconds = NOW_S + (request.collect_within.seconds or TTL_S)
            self._move(order, CONFIRMED)

        return self.step(request, ordering.ConfirmOrderResponse, change)

    def release(self, request: ordering.ReleaseOrderRequest) -> Any:
        """Gives every part back."""

        def change(order: order_pb2.Order) -> None:
            order.status = order_pb2.ORDER_STATUS_RELEASED
            order.release_reason = request.reason
            self._move(order, RELEASED)

        return self.step(request, ordering.ReleaseOrderResponse, change)

    def extend(self, request: ordering.ExtendOrderRequest) -> Any:
        """Moves the deadline."""

        def change(order: order_pb2.Order) -> None:
            order.expires_at.seconds = NOW_S + request.ttl.seconds

        return self.step(request, ordering.ExtendOrderResponse, change)

    def amend(self, request: ordering.AmendOrderRequest) -> Any:
        """Puts other parts in the place of those of the shops named; the fake claims all of it anew."""

        def change(order: order_pb2.Order) -> error_pb2.Rejection | None:
            named = {plan.store_id: plan for plan in request.stores}
            amended = order_pb2.Order()
            amended.CopyFrom(order)
            del amended.parts[:]
            for store_id, plan in named.items():
                slot_start = plan.slot_start if plan.HasField("slot_start") else None
                units = {line.sku: line.quantity for line in plan.lines}
                refusal = self._hold(amended, store_id, units, slot_start) if units else None
                if refusal is not None:
                    return refusal
            amended.parts.extend(part for part in order.parts if part.store_id not in named)
            if request.HasField("ttl"):
                amended.expires_at.seconds = NOW_S + request.ttl.seconds
            order.CopyFrom(amended)
            return None

        return self.step(request, ordering.AmendOrderResponse, change)

    def each_part(self, request: Any, response: type[Any], part_response: type[Any], status: Any) -> Any:
        """Ready and collect: every shop answers for itself, under a key of its own."""
        order = self.orders.get(request.order_id)
        if order is None:
            return response(rejection=error_pb2.Rejection(reason=error_pb2.REASON_RESERVATION_NOT_FOUND))
        answer = response()
        for part in order.parts:
            ask = reserving.CollectReservationRequest(
                idempotency_key=f"{order.order_id} {request.idempotency_key}", reservation_id=part.reservation_id
            )
            said = self.ledger(part.store_id).move(ask, status, part_response)
            outcome = answer.outcomes.add(store_id=part.store_id)
            if said.HasField("rejection"):
                outcome.rejection.CopyFrom(said.rejection)
            else:
                outcome.reservation.CopyFrom(said.reservation)
                part.status = status
        return answer

    def _move(self, order: order_pb2.Order, status: Any) -> None:
        for part in order.parts:
            part.status = status
            self.ledger(part.store_id).reservations[part.reservation_id].status = status


def _quantities(units: dict[str, int]) -> Iterable[reservation_pb2.LineQuantity]:
    return [reservation_pb2.LineQuantity(sku=sku, quantity=quantity) for sku, quantity in units.items()]

"""A small ledger for the fake service: enough business to answer every call, each answer remembered by its key."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from holdfast.v1 import (
    error_pb2,
    event_pb2,
    reservation_pb2,
    reservation_service_pb2 as reserving,
    stock_pb2,
    stock_service_pb2 as stocking,
)

NOW_S: Final = 1_700_000_000
TTL_S: Final = 7_200
HELD: Final = reservation_pb2.RESERVATION_STATUS_HELD
CONFIRMED: Final = reservation_pb2.RESERVATION_STATUS_CONFIRMED
READY: Final = reservation_pb2.RESERVATION_STATUS_READY
COLLECTED: Final = reservation_pb2.RESERVATION_STATUS_COLLECTED
RELEASED: Final = reservation_pb2.RESERVATION_STATUS_RELEASED


@dataclass
class FakeLedger:
    """One shop. `decided` counts the requests that were really decided, repeats of a key apart.

    `places` has the places left of each pickup slot, by its start in seconds.
    """

    store_id: str
    on_hand: dict[str, int] = field(default_factory=dict)
    safety: dict[str, int] = field(default_factory=dict)
    reserved: dict[str, int] = field(default_factory=dict)
    reservations: dict[str, reservation_pb2.Reservation] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    events: list[event_pb2.Event] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    decided: int = 0

    @property
    def version(self) -> int:
        """The number of events so far."""
        return len(self.events)

    def available(self, sku: str) -> int:
        """Units that can be reserved."""
        return self.on_hand.get(sku, 0) - self.reserved.get(sku, 0) - self.safety.get(sku, 0)

    def position(self, sku: str) -> stock_pb2.Position:
        """One SKU's numbers."""
        return stock_pb2.Position(
            sku=sku,
            on_hand=self.on_hand.get(sku, 0),
            reserved=self.reserved.get(sku, 0),
            safety_stock=self.safety.get(sku, 0),
            available=max(0, self.available(sku)),
            stocked=sku in self.on_hand,
        )

    def append(self, **change: Any) -> None:
        """Append an event."""
        self.events.append(
            event_pb2.Event(
                store_id=self.store_id, version=self.version + 1, at=Timestamp(seconds=NOW_S + self.version), **change
            )
        )

    def reserve(self, request: reserving.ReserveRequest) -> reserving.ReserveResponse:
        """Hold, or refuse for want of stock."""
        remembered: reserving.ReserveResponse | None = self.answers.get(request.idempotency_key)
        if remembered is not None:
            return remembered
        self.decided += 1
        short = [line for line in request.lines if self.available(line.sku) < line.quantity]
        no_place = self._no_place(request)
        if short or no_place is not None:
            answer = reserving.ReserveResponse(rejection=self._short(short) if short else no_place)
            self.append(refused=event_pb2.RefusedEvent(command="Reserve", rejection=answer.rejection))
        else:
            answer = reserving.ReserveResponse(reservation=self._hold(request))
            self.append(reserved=event_pb2.ReservedEvent(reservation=answer.reservation))
        self.answers[request.idempotency_key] = answer
        return answer

    def _no_place(
        self, request: reserving.ReserveRequest | reserving.AmendReservationRequest
    ) -> error_pb2.Rejection | None:
        """Why the slot that is asked for cannot be had; where it can, a place is taken."""
        if not request.HasField("slot_start"):
            return None
        start = request.slot_start.seconds
        if self.places.get(start, 0) > 0:
            self.places[start] -= 1
            return None
        reason = error_pb2.REASON_SLOT_FULL if start in self.places else error_pb2.REASON_SLOT_NOT_OFFERED
        return error_pb2.Rejection(reason=reason, message="no place in the slot; take another", store_id=self.store_id)

    def _hold(self, request: reserving.ReserveRequest) -> reservation_pb2.Reservation:
        for line in request.lines:
            self.reserved[line.sku] = self.reserved.get(line.sku, 0) + line.quantity
        ttl_s = request.ttl.seconds if request.HasField("ttl") else TTL_S
        made = reservation_pb2.Reservation(
            reservation_id=f"{self.store_id}:{len(self.reservations) + 1}",
            store_id=self.store_id,
            status=HELD,
            lines=[reservation_pb2.ReservationLine(sku=line.sku, quantity=line.quantity) for line in request.lines],
            customer_id=request.customer_id,
            channel=request.channel,
            basket_id=request.basket_id,
            created_at=Timestamp(seconds=NOW_S),
            expires_at=Timestamp(seconds=NOW_S + ttl_s, nanos=5_000_000),
            version=self.version + 1,
            slot_start=request.slot_start if request.HasField("slot_start") else None,
        )
        self.reservations[made.reservation_id] = made
        return made

    def _short(self, lines: Iterable[reservation_pb2.LineQuantity]) -> error_pb2.Rejection:
        short = [
            error_pb2.ShortLine(sku=line.sku, asked=line.quantity, available=max(0, self.available(line.sku)))
            for line in lines
        ]
        return error_pb2.Rejection(
            reason=error_pb2.REASON_INSUFFICIENT_STOCK,
            message=f"shop {self.store_id} has {short[0].available} of {short[0].sku}; {short[0].asked} were asked for",
            store_id=self.store_id,
            sku=short[0].sku,
            asked=short[0].asked,
            available=short[0].available,
            short_lines=short,
            version=self.version + 1,
        )

    def move(self, request: Any, status: Any, response: type[Any], **changes: Any) -> Any:
        """Bring a reservation to a status: confirm, mark ready, collect, release and extend alike."""
        remembered = self.answers.get(request.idempotency_key)
        if remembered is not None:
            return remembered
        self.decided += 1
        found = self.reservations.get(request.reservation_id)
        if found is None or found.status in {COLLECTED, RELEASED}:
            reason = error_pb2.REASON_TRANSITION_NOT_ALLOWED if found else error_pb2.REASON_RESERVATION_NOT_FOUND
            refusal = error_pb2.Rejection(reason=reason, message="refused", reservation_id=request.reservation_id)
            answer = response(rejection=refusal)
        else:
            self.append(ready_marked=event_pb2.ReadyMarkedEvent(reservation_id=request.reservation_id))
            found.MergeFrom(reservation_pb2.Reservation(status=status, version=self.version, **changes))
            answer = response(reservation=found)
        self.answers[request.idempotency_key] = answer
        return answer

    def amend(self, request: reserving.AmendReservationRequest) -> Any:
        """Put lines, deadline or slot in the place of what was, or refuse."""
        found = self.reservations.get(request.reservation_id)
        changes: dict[str, Any] = {}
        if found is not None and request.idempotency_key not in self.answers:
            kept = {line.sku: line.quantity for line in found.lines}
            short = [line for line in request.lines if self.available(line.sku) + kept.get(line.sku, 0) < line.quantity]
            refusal = self._short(short) if short else self._no_place(request)
            if refusal is not None:
                self.decided += 1
                self.answers[request.idempotency_key] = reserving.AmendReservationResponse(rejection=refusal)
            elif request.lines:
                del found.lines[:]
                changes["lines"] = [
                    reservation_pb2.ReservationLine(sku=line.sku, quantity=line.quantity) for line in request.lines
                ]
            if request.HasField("ttl"):
                changes["expires_at"] = Timestamp(seconds=NOW_S + request.ttl.seconds)
            if request.HasField("slot_start"):
                changes["slot_start"] = request.slot_start
        return self.move(request, 0, reserving.AmendReservationResponse, **changes)

    def adjust(self, request: stocking.AdjustStockRequest) -> stocking.AdjustStockResponse:
        """Apply the rows whose sequence is new."""
        remembered: stocking.AdjustStockResponse | None = self.answers.get(request.idempotency_key)
        if remembered is not None:
            return remembered
        seen = self.sequences.get(request.source, 0)
        fresh = [row for row in request.adjustments if row.sequence > seen]
        for row in fresh:
            self.on_hand[row.sku] = self.on_hand.get(row.sku, 0) + row.delta
            self.sequences[request.source] = row.sequence
        self.append(stock_adjusted=event_pb2.StockAdjustedEvent(source=request.source, adjustments=fresh))
        repeated = len(request.adjustments) - len(fresh)
        change = stock_pb2.StockChange(version=self.version, applied=len(fresh), dropped_repeated=repeated)
        answer = stocking.AdjustStockResponse(change=change)
        self.answers[request.idempotency_key] = answer
        return answer

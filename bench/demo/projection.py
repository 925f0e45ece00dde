"""The shops as the feed tells them: reservations and shelves, from published events alone.

This shares no code with the ledger and knows only the contract: what each event means for whoever reads it. Pure; a
step that the contract does not allow is noted as a fault, and the reading goes on.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from holdfast.client import AdjustmentKind, Event, Line, ReleaseReason, Reservation, Status
from holdfast.client.models import events as told

LIVE: Final = frozenset({Status.HELD, Status.CONFIRMED, Status.READY})
PROGRESS: Final = {Status.CLAIMED: 0, Status.HELD: 1, Status.CONFIRMED: 2, Status.READY: 3}
"""How far a part of an order has come; what is not here is over."""

FAULTS_MAX: Final = 100


class Shelf:
    """One SKU in one shop: units by the book, units that reservations hold, and the most that was ever held beyond."""

    __slots__ = ("held", "on_hand", "oversold", "received", "sold")

    def __init__(self) -> None:
        self.on_hand = self.held = self.received = self.sold = self.oversold = 0

    def move(self, *, on_hand: int = 0, held: int = 0) -> None:
        """Move units, and note what is promised beyond what is there."""
        self.on_hand += on_hand
        self.held += held
        self.oversold = max(self.oversold, self.held - self.on_hand)


class Projection:
    """All shops up to the last event that was applied."""

    def __init__(self) -> None:
        self.reservations: dict[str, Reservation] = {}
        self.shelves: dict[tuple[str, str], Shelf] = {}
        self.versions: dict[str, int] = {}
        self.faults: list[str] = []

    def apply(self, event: Event) -> Reservation | None:
        """The reservation after the event; None where the event concerns none."""
        if event.version != self.versions.get(event.store_id, 0) + 1:
            self._fault(event, f"follows version {self.versions.get(event.store_id, 0)}")
        self.versions[event.store_id] = event.version
        match event.change:
            case told.Reserved(reservation):
                return self._made(event, reservation, Status.HELD)
            case told.Confirmed(reservation_id, expires_at_ms):
                return self._moved(event, reservation_id, {Status.HELD}, Status.CONFIRMED, expires_at_ms)
            case told.ReadyMarked(reservation_id):
                return self._moved(event, reservation_id, {Status.CONFIRMED}, Status.READY, None)
            case told.Extended(reservation_id, expires_at_ms):
                return self._moved(event, reservation_id, LIVE, None, expires_at_ms)
            case told.Collected(reservation_id, lines, payment_reference):
                before = self._standing(event, reservation_id, LIVE)
                after = before and self._taken(event, before, dict(lines), sold=True)
                return after and self._ended(replace(after, payment_reference=payment_reference), Status.RELEASED)
            case told.Released(reservation_id, lines, reason):
                before = self._standing(event, reservation_id, LIVE)
                after = before and self._taken(event, before, dict(lines), sold=False)
                return after and self._ended(replace(after, release_reason=reason), Status.RELEASED)
            case told.Expired(reservation_id):
                return self._expired(event, reservation_id)
            case told.Amended() | told.Claimed() | told.OutcomeApplied() | told.Acknowledged():
                return self._changed_across(event, event.change)
            case told.StockAdjusted():
                for row in event.change.adjustments:
                    self._adjusted(event.store_id, row.sku, row.delta, row.kind)
            case told.StockCounted():
                for row in event.change.corrections:
                    self._adjusted(event.store_id, row.sku, row.delta, row.kind)
            case _:
                pass  # refusals, policies and headlines move no units
        return None

    def _changed_across(
        self, event: Event, change: told.Amended | told.Claimed | told.OutcomeApplied | told.Acknowledged
    ) -> Reservation | None:
        match change:
            case told.Amended():
                return self._amended(event, change)
            case told.Claimed(reservation):
                return self._made(event, reservation, Status.CLAIMED)
            case told.OutcomeApplied():
                return self._outcome_applied(event, change) if change.reservation_id else None
            case told.Acknowledged(reservation_ids):
                for reservation_id in reservation_ids:
                    if not self._is_part(reservation_id):
                        self._fault(event, f"{reservation_id} is acknowledged, and is no part of an order")
        return None

    def shelf(self, store_id: str, sku: str) -> Shelf:
        """A shelf, made when it is first spoken of."""
        return self.shelves.setdefault((store_id, sku), Shelf())

    def _made(self, event: Event, reservation: Reservation, status: Status) -> Reservation:
        if reservation.status is not status or reservation.version != event.version:
            self._fault(event, f"reserved {reservation.reservation_id} as {reservation.status.name}")
        if bool(reservation.order_id) != (status is Status.CLAIMED):
            self._fault(
                event, f"{reservation.reservation_id} was made {status.name} for order {reservation.order_id!r}"
            )
        if reservation.reservation_id in self.reservations:
            self._fault(event, f"reserved {reservation.reservation_id} a second time")
        for line in reservation.lines:
            self.shelf(event.store_id, line.sku).move(held=line.quantity)
        self.reservations[reservation.reservation_id] = reservation
        return reservation

    def _standing(self, event: Event, reservation_id: str, allowed: Iterable[Status]) -> Reservation | None:
        """The reservation before a step, if it may take it at this moment."""
        found = self.reservations.get(reservation_id)
        if found is None:
            self._fault(event, f"{reservation_id} was never reserved")
        elif found.status not in allowed:
            self._fault(event, f"{reservation_id} is {found.status.name}, and that allows no such step")
        elif event.at_ms >= found.expires_at_ms and not found.order_id:  # an order's deadline is its own ledger's
            self._fault(event, f"{reservation_id} had passed its deadline by {event.at_ms - found.expires_at_ms} ms")
        else:
            return found
        return None

    def _moved(
        self, event: Event, reservation_id: str, allowed: Iterable[Status], status: Status | None, until_ms: int | None
    ) -> Reservation | None:
        before = self._standing(event, reservation_id, allowed)
        if before is None:
            return None
        if before.order_id and status is not Status.READY:
            self._fault(event, f"{reservation_id} is led by its order, and the shop went on by itself")
        after = replace(
            before,
            status=before.status if status is None else status,
            expires_at_ms=before.expires_at_ms if until_ms is None else until_ms,
            version=event.version,
        )
        self.reservations[reservation_id] = after
        return after

    def _taken(self, event: Event, before: Reservation, units: dict[str, int], *, sold: bool) -> Reservation:
        """Units leave a reservation: to the customer, or back to the shelf."""
        lines = []
        for line in before.lines:
            taken = min(units.get(line.sku, 0), line.held)
            if taken:
                units[line.sku] -= taken
                shelf = self.shelf(event.store_id, line.sku)
                shelf.move(on_hand=-taken if sold else 0, held=-taken)
                shelf.sold += taken if sold else 0
                line = Line(  # noqa: PLW2901  # the line as it is now
                    line.sku,
                    line.quantity,
                    line.collected + (taken if sold else 0),
                    line.released + (0 if sold else taken),
                )
            lines.append(line)
        if any(units.values()):
            self._fault(event, f"{before.reservation_id} gave more than it held: {units}")
        return replace(before, lines=tuple(lines), version=event.version)

    def _ended(self, after: Reservation, unsold: Status) -> Reservation:
        """What holds nothing more is final: a sale outweighs whatever happened to the rest."""
        if not any(line.held for line in after.lines):
            status = Status.COLLECTED if any(line.collected for line in after.lines) else unsold
            after = replace(after, status=status)
        self.reservations[after.reservation_id] = after
        return after

    def _expired(self, event: Event, reservation_id: str) -> Reservation | None:
        """All that is still held goes back. Whether it came in time is the verdict's question."""
        before = self.reservations.get(reservation_id)
        if before is None or before.status not in LIVE:
            self._fault(event, f"{reservation_id} expired, and {before.status.name if before else 'never was'}")
            return None
        held: dict[str, int] = {}
        for line in before.lines:
            held[line.sku] = held.get(line.sku, 0) + line.held
        return self._ended(self._taken(event, before, held, sold=False), Status.EXPIRED)

    def _amended(self, event: Event, change: told.Amended) -> Reservation | None:
        """The old units go and the new ones come at once."""
        before = self._standing(event, change.reservation_id, {Status.HELD, Status.CONFIRMED})
        if before is None:
            return None
        if before.order_id or any(line.held != line.quantity for line in before.lines):
            self._fault(event, f"{before.reservation_id} was amended, and is a part of an order or partly given away")
        moved: dict[str, int] = {}
        for sku, units in change.lines:
            moved[sku] = moved.get(sku, 0) + units
        for line in before.lines:
            moved[line.sku] = moved.get(line.sku, 0) - line.held
        for sku, units in moved.items():
            self.shelf(event.store_id, sku).move(held=units)
        after = replace(
            before,
            lines=tuple(Line(sku, units, 0, 0) for sku, units in change.lines),
            expires_at_ms=change.expires_at_ms,
            slot_start_ms=change.slot_start_ms,
            version=event.version,
        )
        self.reservations[after.reservation_id] = after
        return after

    def _outcome_applied(self, event: Event, change: told.OutcomeApplied) -> Reservation | None:
        """A part goes on, or goes back, as its order says: never back in its life, and never halfway."""
        before = self.reservations.get(change.reservation_id)
        if before is None or before.order_id != change.order_id:
            self._fault(event, f"{change.reservation_id} is no part of order {change.order_id}")
            return None
        if before.status not in PROGRESS:
            self._fault(event, f"{change.reservation_id} heeds its order, and is {before.status.name} already")
            return None
        after = self._taken(event, before, dict(change.lines), sold=False)
        holds = any(line.held for line in after.lines)
        if change.status not in PROGRESS:
            if holds or change.status not in (Status.RELEASED, Status.EXPIRED):
                self._fault(event, f"{change.reservation_id} is over as {change.status.name} and holds units: {holds}")
            return self._ended(after, change.status)
        if PROGRESS[change.status] < max(1, PROGRESS[before.status]):
            self._fault(event, f"{change.reservation_id} went from {before.status.name} to {change.status.name}")
        # A part that gave its last unit back is over, whatever its order goes on as.
        after = replace(after, status=change.status, expires_at_ms=change.expires_at_ms) if holds else after
        return self._ended(after, Status.RELEASED)

    def _is_part(self, reservation_id: str) -> bool:
        found = self.reservations.get(reservation_id)
        return found is not None and bool(found.order_id)

    def _adjusted(self, store_id: str, sku: str, delta: int, kind: AdjustmentKind) -> None:
        shelf = self.shelf(store_id, sku)
        shelf.move(on_hand=delta)
        if kind is AdjustmentKind.RECEIPT:
            shelf.received += delta
        elif kind in (AdjustmentKind.SALE, AdjustmentKind.RETURN):
            shelf.sold -= delta

    def _fault(self, event: Event, what: str) -> None:
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(f"shop {event.store_id}, version {event.version}: {what}")


def is_replacement(change: told.Change) -> bool:
    """True for a release that the ledger made by itself, so that no caller was told of it as an answer."""
    return isinstance(change, told.Released) and change.reason in (ReleaseReason.REPLACED, ReleaseReason.SHORTFALL)

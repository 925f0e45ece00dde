"""What the commands print for people: one function a value."""

import json
from collections.abc import Sequence
from datetime import datetime, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.console import Group
from rich.table import Table

from holdfast.client.cli.output import advice_text, duration_text, facts, table, time_text, to_document
from holdfast.client.errors import HoldfastError
from holdfast.client.models.events import Event
from holdfast.client.models.orders import Candidate, Exclusion, FoundStores, Order, PartOutcome, PickupSlots
from holdfast.client.models.reservations import NearStore, Rejection, Reservation
from holdfast.client.models.stock import AvailabilityChange, Position, Shortfall, StockChange, StoreAvailability
from holdfast.client.wire_types import LinePairs


def reservation_table(found: Reservation) -> Table:
    """One reservation."""
    return facts(
        [
            ("reservation", found.reservation_id),
            ("shop", found.store_id),
            ("order", found.order_id),
            ("status", found.status.name),
            ("lines", ", ".join(f"{line.held} of {line.quantity} x {line.sku}" for line in found.lines)),
            ("customer", found.customer_id),
            ("channel", found.channel),
            ("basket", found.basket_id),
            ("until", time_text(found.expires_at_ms)),
            ("pickup slot", "" if found.slot_start_ms is None else time_text(found.slot_start_ms)),
            ("ready from", "" if found.earliest_ready_ms is None else time_text(found.earliest_ready_ms)),
            ("payment", found.payment_reference),
            ("released", found.release_reason.name if found.release_reason else ""),
        ]
    )


def rejection_table(refused: Rejection) -> Table:
    """One refusal."""
    return facts(
        [
            ("refused", refused.reason.name),
            ("why", advice_text(refused.message)),
            ("shop", refused.store_id),
            ("reservation", refused.reservation_id),
            ("order", refused.order_id),
            ("status", refused.status.name if refused.status else ""),
            ("short", ", ".join(f"{one.sku}: {one.available} of {one.asked}" for one in refused.short_lines)),
            ("nearby", ", ".join(_near_store_text(near) for near in refused.near_stores)),
        ]
    )


def _near_store_text(near: NearStore) -> str:
    return f"{near.store_id} at {near.kilometres:.1f} km{' has everything' if near.has_everything else ''}"


def reservations_table(found: Sequence[Reservation]) -> Table:
    """Several reservations."""
    return table(
        ["reservation", "status", "lines", "customer", "until"],
        (
            (
                one.reservation_id,
                one.status.name,
                ", ".join(f"{line.held} x {line.sku}" for line in one.lines),
                one.customer_id,
                time_text(one.expires_at_ms),
            )
            for one in found
        ),
    )


def positions_table(found: StoreAvailability | AvailabilityChange) -> Table:
    """Positions of one shop."""
    return table(
        ["SKU", "available#", "on hand#", "reserved#", "allotted#", "safety#"],
        (_position_row(position) for position in found.positions),
        title=f"shop {found.store_id} at version {found.version}, {time_text(found.as_of_ms)}",
    )


def _position_row(position: Position) -> tuple[object, ...]:
    if not position.stocked:
        return (position.sku, "never stocked", "", "", "", "")
    return (
        position.sku,
        position.available,
        position.on_hand,
        position.reserved,
        position.allotted,
        position.safety_stock,
    )


def change_table(change: StockChange) -> Table:
    """What a change of stock did."""
    return facts(
        [
            ("applied", change.applied),
            ("dropped as repeated", change.dropped_repeated),
            ("dropped as late", change.dropped_late),
            ("version", change.version),
            ("shortfalls", "\n".join(_shortfall_text(one) for one in change.shortfalls)),
        ]
    )


def _shortfall_text(short: Shortfall) -> str:
    losses = ", ".join(f"{loss.reservation_id} loses {loss.quantity}" for loss in short.losses)
    return f"{short.quantity} x {short.sku}" + (f": {losses}" if losses else "")


def event_line(event: Event) -> str:
    """One event on one line."""
    change = to_document(event.change)
    rest = change.get("reservation", {}).get("reservation_id") or change.get("reservation_id") or json.dumps(change)
    place = f"{event.store_id}@{event.version}"
    return f"{time_text(event.at_ms)}  {place:<20} {type(event.change).__name__:<18} {rest}"


RULES = {
    Exclusion.UNSPECIFIED: "",
    Exclusion.PAUSED: "takes no new reservations",
    Exclusion.CHANNEL_NOT_SERVED: "does not serve the channel",
    Exclusion.CLOSED: "stays closed, or has no such pickup slot",
    Exclusion.NOT_READY_IN_TIME: "not ready in time",
    Exclusion.NO_PLACE: "it has no place",
    Exclusion.NO_CAPACITY: "the pickup slot is full",
    Exclusion.TOO_FAR: "farther than asked",
    Exclusion.NO_STOCK: "has nothing of it",
    Exclusion.NOT_ENOUGH_STOCK: "has not all of it",
}
"""Why a shop is out, for people."""


def order_table(found: Order) -> Group:
    """One order and what each shop holds of it."""
    whole = facts(
        [
            ("order", found.order_id),
            ("status", found.status.name),
            ("customer", found.customer_id),
            ("channel", found.channel),
            ("until", time_text(found.expires_at_ms)),
            ("could not be had", _units(found.missing)),
            ("released", found.release_reason.name if found.release_reason else ""),
        ]
    )
    parts = (
        (
            part.store_id,
            part.reservation_id,
            part.status.name,
            ", ".join(f"{line.held} of {line.quantity} x {line.sku}" for line in part.lines),
            "" if part.slot_start_ms is None else time_text(part.slot_start_ms),
            "" if part.earliest_ready_ms is None else time_text(part.earliest_ready_ms),
        )
        for part in found.parts
    )
    return Group(whole, table(["shop", "part", "status", "lines", "pickup slot", "ready from"], parts))


def parts_table(outcomes: Sequence[PartOutcome]) -> Table:
    """What each shop said, for people."""
    return table(["shop", "", "part", "why"], ((one.store_id, *_answer_row(one.answer)) for one in outcomes))


def _answer_row(answer: Reservation | Rejection | HoldfastError) -> tuple[str, str, str]:
    match answer:
        case Reservation():
            return answer.status.name, answer.reservation_id, ""
        case Rejection():
            return f"refused: {answer.reason.name}", answer.reservation_id, answer.message
        case HoldfastError():
            return "not decided", "", str(answer)


def found_stores_table(found: FoundStores, *, explained: bool) -> Group:
    """Shops by distance, and the order that would be placed. `explained`: the shops that are out are listed too."""
    planned = {plan.store_id: _units(plan.lines) for plan in found.plan}
    rows = [_candidate_row(candidate, planned.get(candidate.store_id, "")) for candidate in found.candidates]
    none = "cannot be placed" if explained else "cannot be placed; `holdfast explain` says which shop is out, and why"
    told = facts(
        [
            ("an order now", "; ".join(f"{shop}: {units}" for shop, units in planned.items()) or none),
            ("could not be had", _units(found.missing)),
            ("not told", _shops(found.left_off)),
            *(
                (f"out: {RULES[row.exclusion] or 'a rule of a newer service'}", _shops(row.stores))
                for row in found.excluded
            ),
            ("as of", f"{duration_text(found.age_ms)} ago"),
        ]
    )
    return Group(table(["shop", "km#", "has", "places#", "ready from", "would hold", "out because"], rows), told)


def _candidate_row(found: Candidate, planned: str) -> tuple[object, ...]:
    places = "" if found.capacity_left is None else found.capacity_left
    return (
        found.store_id,
        f"{found.kilometres:.1f}",
        _units(found.available),
        places,
        _ready_text(found.earliest_ready_ms),
        planned,
        RULES[found.exclusion],
    )


def _shops(count: int) -> str:
    return f"{count:,} {'shop' if count == 1 else 'shops'}" if count else ""


def _ready_text(ready_ms: int | None) -> str:
    return "stays closed" if ready_ms is None else time_text(ready_ms)


def slots_table(store_id: str, found: PickupSlots) -> Group:
    """A shop's slots in the shop's own time, with the offset, so that a start can be given to --slot as it stands."""
    zone = _zone(found.zone)
    earliest = "the shop stays closed"
    if found.earliest_ready_ms is not None:
        earliest = _local(found.earliest_ready_ms, zone)
    told = facts([("shop", store_id), ("time zone", found.zone or "UTC"), ("an order now is ready", earliest)])
    slots = table(
        ["start", "end", "left#", "capacity#"],
        (
            (_local(slot.start_ms, zone), _local(slot.end_ms, zone), slot.left or "full", slot.capacity)
            for slot in found.slots
        ),
    )
    return Group(told, slots)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        # Not given, or newer than this machine's table: the instants are the same.
        return timezone.utc


def _local(at_ms: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at_ms / 1000, zone).isoformat(timespec="seconds")


def _units(lines: LinePairs) -> str:
    return ", ".join(f"{quantity} x {sku}" for sku, quantity in lines)

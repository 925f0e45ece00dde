"""What the commands print: tables for people, JSON for machines."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from rich.console import Console
from rich.table import Table

from holdfast.client.values.events import Event
from holdfast.client.values.reservations import NearStore, Rejection, Reservation
from holdfast.client.values.stock import AvailabilityChange, Position, StockChange, StoreAvailability


def to_document(value: Any) -> Any:
    """A value as JSON knows it: dataclasses as objects, enums by name, tuples as arrays."""
    if isinstance(value, Enum):
        return value.name
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_document(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): to_document(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_document(each) for each in value]
    return value


def event_document(event: Event) -> dict[str, Any]:
    """An event for machines: its place, and its change under its kind."""
    place = {"store_id": event.store_id, "version": event.version, "at_ms": event.at_ms}
    return {**place, "kind": type(event.change).__name__, "change": to_document(event.change)}


def print_json(document: object) -> None:
    """One JSON document on a line of stdout, at once."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def print_for_people(*parts: Any) -> None:
    """Something for people, on stdout."""
    # Widths are for screens: what goes into a pipe is not cut.
    Console(width=None if sys.stdout.isatty() else 200).print(*parts, markup=False, highlight=False)


def print_line(text: str) -> None:
    """One line for people, on stdout, however long it is."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def time_text(at_ms: int) -> str:
    """An instant for people, UTC."""
    return datetime.fromtimestamp(at_ms / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> Table:
    """A table of texts; columns whose name ends in `#` hold numbers."""
    drawn = Table(title=title, title_justify="left")
    for column in columns:
        drawn.add_column(column.removesuffix("#"), justify="right" if column.endswith("#") else "left")
    for row in rows:
        drawn.add_row(*(str(cell) for cell in row))
    return drawn


def facts(pairs: Iterable[tuple[str, object]], *, title: str | None = None) -> Table:
    """Names and values, one pair a row; pairs with an empty value are left out."""
    drawn = Table(title=title, title_justify="left", show_header=False)
    for name, value in pairs:
        if value != "":
            drawn.add_row(name, str(value))
    return drawn


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
            ("why", refused.message),
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
            ("shortfalls", ", ".join(f"{one.quantity} x {one.sku}" for one in change.shortfalls)),
        ]
    )


def event_line(event: Event) -> str:
    """One event on one line."""
    change = to_document(event.change)
    rest = change.get("reservation", {}).get("reservation_id") or change.get("reservation_id") or json.dumps(change)
    place = f"{event.store_id}@{event.version}"
    return f"{time_text(event.at_ms)}  {place:<20} {type(event.change).__name__:<18} {rest}"

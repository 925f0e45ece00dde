"""What the commands print of orders, shops found and pickup slots."""

from collections.abc import Sequence
from datetime import datetime, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.console import Group
from rich.table import Table

from holdfast.client.cli.exits import ExitCode, error_document, exit_code_of
from holdfast.client.cli.output import facts, table, time_text, to_document
from holdfast.client.errors import HoldfastError
from holdfast.client.values.orders import Candidate, Exclusion, FoundStores, Order, PartOutcome, PickupSlots
from holdfast.client.values.reservations import LinePairs, Rejection, Reservation

RULES = {
    Exclusion.UNSPECIFIED: "",
    Exclusion.PAUSED: "takes no new reservations",
    Exclusion.CHANNEL_NOT_SERVED: "does not serve the channel",
    Exclusion.CLOSED: "stays closed, or has no such pickup slot",
    Exclusion.NOT_READY_IN_TIME: "not ready in time",
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


def part_documents(outcomes: Sequence[PartOutcome]) -> list[dict[str, Any]]:
    """What each shop said, for machines: one of `reservation`, `rejection` and `error` a shop."""
    return [{"store_id": one.store_id, **_answer_document(one.answer)} for one in outcomes]


def _answer_document(answer: Reservation | Rejection | HoldfastError) -> dict[str, Any]:
    match answer:
        case Reservation():
            return {"reservation": to_document(answer)}
        case Rejection():
            return {"rejection": to_document(answer)}
        case HoldfastError():
            return {"error": error_document(answer)}


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


def exit_code_of_parts(outcomes: Sequence[PartOutcome]) -> ExitCode:
    """An error says more than a refusal, because it is to be asked again; a refusal more than what was done."""
    answers = [one.answer for one in outcomes]
    for answer in answers:
        if isinstance(answer, HoldfastError):
            return exit_code_of(answer)
    return ExitCode.REFUSED if any(isinstance(answer, Rejection) for answer in answers) else ExitCode.DONE


def found_stores_table(found: FoundStores, *, explained: bool) -> Group:
    """Shops by distance, and the order that would be placed. `explained`: the shops that are out are told too."""
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
            ("as of", f"{found.age_ms} ms ago"),
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
        # Not told, or newer than this machine's table: the instants are the same.
        return timezone.utc


def _local(at_ms: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at_ms / 1000, zone).isoformat(timespec="seconds")


def _units(lines: LinePairs) -> str:
    return ", ".join(f"{quantity} x {sku}" for sku, quantity in lines)

"""What the commands print for people: the fields of each value as data, and what is more than its fields."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone, tzinfo
from enum import IntEnum
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.console import Group
from rich.table import Table

from holdfast.client.cli.output import advice_text, duration_text, error_text, facts, table, time_text, to_document
from holdfast.client.errors import HoldfastError
from holdfast.client.models.administration import BarredClaim
from holdfast.client.models.allotments import Allotment, AllottedLine
from holdfast.client.models.contacts import ContactChange, ContactConsent
from holdfast.client.models.events import Event
from holdfast.client.models.orders import Candidate, Exclusion, FoundStores, Order, PartOutcome, PickupSlots
from holdfast.client.models.picking import PickLine, PickTask
from holdfast.client.models.pickups import PickupChange
from holdfast.client.models.reservations import Line, NearStore, Rejection, Reservation
from holdfast.client.models.shortfalls import LostLine, ShortfallTask
from holdfast.client.models.stock import AvailabilityChange, Shortfall, StockChange, StoreAvailability, UnreachableStore
from holdfast.client.models.transfers import Transfer, TransferLine
from holdfast.client.wire_types import LinePairs


def _units(lines: LinePairs) -> str:
    return ", ".join(f"{quantity} x {sku}" for sku, quantity in lines)


def _line(line: Line | AllottedLine | TransferLine | LostLine | PickLine) -> str:
    """What of a line is still held, left with its holder, came of a transfer, was lost, or is picked."""
    match line:
        case Line():
            returned = f", {line.returned} returned" if line.returned else ""
            return f"{line.held} of {line.quantity} x {line.sku}{returned}"
        case TransferLine():
            return f"{line.received} of {line.quantity} x {line.sku}"
        case PickLine():
            back = f", {line.to_put_back} back" if line.to_put_back else ""
            return f"{line.picked} of {line.ordered} x {line.sku}{back}"
        case LostLine():
            return f"{line.lost} of {line.held} x {line.sku}"
        case _:
            return f"{line.left} of {line.given} x {line.sku}"


def _near(stores: Iterable[NearStore]) -> str:
    return ", ".join(
        f"{near.store_id} at {near.kilometres:.1f} km{' has everything' if near.has_everything else ''}"
        for near in stores
    )


def _shortfall(short: Shortfall) -> str:
    losses = ", ".join(f"{loss.reservation_id} loses {loss.quantity}" for loss in short.losses)
    return f"{short.quantity} x {short.sku}" + (f": {losses}" if losses else "")


def _barred(claim: BarredClaim) -> str:
    named = f"{claim.order_id}.{claim.attempt}" if claim.attempt else f"grant {claim.order_id}"
    return f"{named} by {claim.operator}, {time_text(claim.barred_at_ms)}: {claim.why}"


def _consent(said: ContactConsent) -> str:
    return said.channel.name.lower() if said.granted else f"not {said.channel.name.lower()}"


TEXTS: Final[dict[str, Callable[[Any], str]]] = {
    **dict.fromkeys(
        ("earliest_ready_ms", "good_until_ms", "ledger_time_ms", "not_after_ms", "slot_start_ms"), time_text
    ),
    **dict.fromkeys(("gtins", "keeps", "left_out", "reservation_ids", "substitutes"), ", ".join),
    "barred": lambda claims: "\n".join(map(_barred, claims)),
    "consents": lambda said: ", ".join(map(_consent, said)),
    "public_key": to_document,
    "destination_unreachable": lambda away: "its destination did not answer" if away else "",
    "discrepancies": lambda found: "; ".join(
        f"{one.invariant} {one.subject}: {one.expected}, not {one.found}" for one in found
    ),
    "not_compared": lambda rows: ", ".join(
        f"{one.count} of {one.ledger_id} up to version {one.archived_version}" for one in rows
    ),
    "holds": lambda holds: "holds" if holds else "DOES NOT HOLD",
    "lines": lambda lines: ", ".join(map(_line, lines)),
    "message": advice_text,
    "missing": _units,
    "near_stores": _near,
    "parts": lambda parts: str(parts if isinstance(parts, int) else len(parts)),
    "place": lambda place: f"aisle {place.aisle}, bay {place.bay} {place.photo_url}".rstrip(),
    "paused": lambda paused: "paused" if paused else "",
    "queue_position": lambda place: str(place or ""),
    "recovery_ms": duration_text,
    "short_lines": lambda lines: ", ".join(f"{one.sku}: {one.available} of {one.asked}" for one in lines),
    "shortfalls": lambda shortfalls: "\n".join(map(_shortfall, shortfalls)),
    "stocked": lambda stocked: "" if stocked else "never stocked",
}
"""What makes text of a field; what ends in `_at_ms` is an instant, and the others are shown as `_plain` shows them."""

LABELS: Final = {
    "arrives_at_ms": "arrives",
    "awaits_transfer_id": "by transfer",
    "capacity": "places now",
    "destination_store_id": "to shop",
    "destination_unreachable": "unsure",
    "dropped_late": "dropped as late",
    "dropped_repeated": "dropped as repeated",
    "earliest_ready_ms": "ready from",
    "arrived_at_ms": "customer there",
    "closed_at_ms": "closed",
    "expected_at_ms": "expected",
    "expires_at_ms": "until",
    "lease_expires_at_ms": "until",
    "ledger_time_ms": "time",
    "message": "why",
    "missing": "could not be had",
    "near_stores": "nearby",
    "open_reservations": "open",
    "payment_reference": "payment",
    "picker_id": "picker",
    "promised_at_ms": "ready by",
    "queue_position": "place",
    "reason": "refused",
    "received_at_ms": "received",
    "release_reason": "released",
    "sent_at_ms": "sent",
    "starts_at_ms": "from",
    "short_lines": "short",
    "slot_start_ms": "pickup slot",
    "snapshot_version": "snapshot",
    "source_store_id": "from shop",
    "store_id": "shop",
    "units_oversold": "oversold",
    "units_reserved": "reserved",
    "units_sold": "sold",
}
"""A field's name for people, where it is not its own without the unit."""

RESERVATION: Final = (
    "reservation_id store_id order_id status lines customer_id channel basket_id external_reference expires_at_ms "
    "slot_start_ms earliest_ready_ms queue_position expected_at_ms awaits_transfer_id arrives_at_ms payment_reference "
    "release_reason refund_reference"
)
POSITION: Final = "sku available on_hand reserved allotted unknown safety_stock kept stocked"
ALLOTMENT: Final = "allotment_id store_id status holder_kind holder lines expires_at_ms ended_at_ms reason version"
ALLOTMENTS: Final = "allotment_id status holder_kind holder lines expires_at_ms"
LINE: Final = "queue_position reservation_id customer_id lines expected_at_ms expires_at_ms"
RESERVATIONS: Final = "reservation_id status lines customer_id expires_at_ms"
REJECTION: Final = "reason message store_id reservation_id allotment_id order_id status short_lines near_stores"
ORDER: Final = "order_id status customer_id channel external_reference expires_at_ms missing release_reason"
ORDERS: Final = "order_id status parts expires_at_ms"
PARTS: Final = "store_id reservation_id status lines slot_start_ms earliest_ready_ms"
CHANGE: Final = "applied dropped_repeated dropped_late settled_late version shortfalls"
STORES: Final = "store_id name latitude longitude paused"
STORE_MOVE: Final = "store_id actor source move"
AFFECTED: Final = "store_id slot_start_ms taken capacity reservation_ids"
LEDGERS: Final = (
    "store_id version epoch actor pid open_reservations positions outbox snapshot_version recovery_ms ledger_time_ms "
    "format moving_to"
)
TASK: Final = (
    "task_id store_id reservation_id order_id customer_id channel lines was cause created_at_ms waiting_reservation_id "
    "not_in_line resolution resolved_at_ms moved_to_reservation_id"
)
TASKS: Final = "task_id reservation_id customer_id lines cause near_stores expected_at_ms resolution"
PICK_TASK: Final = (
    "reservation_id store_id status lines promised_at_ms picker_id lease_expires_at_ms bay expected_at_ms "
    "arrived_at_ms waits_at elsewhere version"
)
PICK_TASKS: Final = "reservation_id status lines promised_at_ms picker_id bay expected_at_ms arrived_at_ms waits_at"
PRODUCT: Final = "sku gtins place substitutes"
TRANSFER: Final = (
    "transfer_id source_store_id destination_store_id status lines expected_at_ms sent_at_ms received_at_ms "
    "loss_bearer destination_unreachable"
)
TRANSFERS: Final = "transfer_id destination_store_id status lines expected_at_ms loss_bearer destination_unreachable"
TRANSFERS_VERIFICATION: Final = "holds transfers units_in_transit units_short units_missing discrepancies left_out"
PICKUP_CODE: Final = "short_code code reservation_id store_id order_id not_after_ms key_id"
PICKUP_LINK: Final = "url token reservation_id not_after_ms key_id"
DEVICE: Final = "device_id store_id name added_at_ms"
PICKUP_KEYS: Final = "key_id made_at_ms good_until_ms public_key"
ORDERS_VERIFICATION: Final = "parts orders on_the_way left_out not_compared barred discrepancies"
READERS: Final = "name number all_stores behind furthest_ledger furthest_behind keeps"
CONTACT: Final = "customer_id purchase_id display_name email telephone language consents preferred_channel"
NOTICE: Final = "number occasion channel status customer_id reservation_id attempts next_at_ms dropped why"
NOTICES_VERIFICATION: Final = (
    "holds began_at_ms notices waiting attempts sent unknown repeated dropped twice never_tried unrecorded"
)
HOT_SKU: Final = "sku open announced starts_at_ms closed_at_ms"
BARRED: Final = "order_id attempt operator why barred_at_ms"
VERIFICATIONS: Final = "store_id holds version events accepted units_sold units_reserved units_oversold discrepancies"

ANSWERS: Final = {
    Rejection: ("rejection", REJECTION),
    Reservation: ("reservation", RESERVATION),
    Allotment: ("allotment", ALLOTMENT),
    Transfer: ("transfer", TRANSFER),
    ShortfallTask: ("task", TASK),
    ContactChange: ("contact_change", "entries"),
    PickTask: ("pick_task", PICK_TASK),
    StockChange: ("change", CHANGE),
}
"""How an answer to a change is called in a document, and its fields for people."""


def facts_of(shown: str, value: object) -> Table:
    """The fields of one value, one a row; those without a text are left out."""
    return facts((_label(name), _text(value, name)) for name in shown.split())


def table_of(shown: str, values: Iterable[object], **labels: str) -> Table:
    """The fields of several values, one value a row; `labels` names fields in another way."""
    names = shown.split()
    return table(
        [labels.get(name, _label(name)) for name in names], ([_text(one, name) for name in names] for one in values)
    )


def answer_of(value: Any) -> tuple[dict[str, Any], Table]:
    """An answer to a change, for machines and for people."""
    name, shown = ANSWERS[type(value)]
    return {name: to_document(value)}, facts_of(shown, value)


def _label(name: str) -> str:
    return LABELS.get(name) or name.removesuffix("_ms").removesuffix("_id").replace("_", " ")


def _text(value: object, name: str) -> str:
    found = getattr(value, name)
    text_of = time_text if name.endswith("_at_ms") else TEXTS.get(name, _plain)
    return "" if found is None else text_of(found)


def _plain(value: object) -> str:
    """An enum by its name; nothing for UNSPECIFIED."""
    if isinstance(value, IntEnum):
        return value.name if value else ""
    return str(value)


def positions_table(found: StoreAvailability | UnreachableStore | AvailabilityChange) -> Table | str:
    """Positions of one shop, or why there are none."""
    if isinstance(found, UnreachableStore):
        return f"shop {found.store_id} could not be read: {error_text(found.error)}"
    drawn = table_of(POSITION, found.positions, sku="SKU", stocked="")
    drawn.title = f"shop {found.store_id} at version {found.version}, {time_text(found.as_of_ms)}"
    return drawn


def event_line(event: Event) -> str:
    """One event on one line."""
    change = to_document(event.change)
    rest = change.get("reservation", {}).get("reservation_id") or change.get("reservation_id") or json.dumps(change)
    place = f"{event.store_id}@{event.version}"
    return f"{time_text(event.at_ms)}  {place:<20} {type(event.change).__name__:<18} {rest}"


def pickup_line(change: PickupChange) -> str:
    """One change of a pickup on one line."""
    held = change.reservation
    lines = ", ".join(map(_line, held.lines))
    return f"{time_text(change.at_ms)}  {change.kind.name:<10} {held.reservation_id:<20} {held.status.name:<10} {lines}"


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
    return Group(facts_of(ORDER, found), table_of(PARTS, found.parts, reservation_id="part"))


def parts_table(outcomes: Sequence[PartOutcome]) -> Table:
    """What each shop said, for people."""
    return table(["shop", "", "part", "why"], ((one.store_id, *_answer_row(one.answer)) for one in outcomes))


def _answer_row(answer: Reservation | Rejection | HoldfastError) -> tuple[str, str, str]:
    match answer:
        case Reservation():
            return answer.status.name, answer.reservation_id, ""
        case Rejection():
            return f"refused: {answer.reason.name}", answer.reservation_id, advice_text(answer.message)
        case HoldfastError():
            return "not decided", "", error_text(answer)


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
    return Group(table(["shop", "km", "has", "places", "ready from", "would hold", "out because"], rows), told)


def _candidate_row(found: Candidate, planned: str) -> tuple[object, ...]:
    places = "" if found.capacity_left is None else found.capacity_left
    return (
        found.store_id,
        f"{found.kilometres:.1f}",
        _units(found.available),
        places,
        "stays closed" if found.earliest_ready_ms is None else time_text(found.earliest_ready_ms),
        planned,
        RULES[found.exclusion],
    )


def _shops(count: int) -> str:
    return f"{count:,} {'shop' if count == 1 else 'shops'}" if count else ""


def slots_table(store_id: str, found: PickupSlots) -> Group:
    """A shop's slots in the shop's own time, with the offset, so that a start can be given to --slot as it stands."""
    zone = _zone(found.zone)
    ready_ms = found.earliest_ready_ms
    earliest = "the shop stays closed" if ready_ms is None else _local(ready_ms, zone)
    told = facts([("shop", store_id), ("time zone", found.zone or "UTC"), ("an order now is ready", earliest)])
    slots = table(
        ["start", "end", "left", "capacity"],
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

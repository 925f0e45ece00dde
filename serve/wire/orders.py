"""Orders and sourcing between protobuf and the commands and values of customers' ledgers."""

from collections.abc import Sequence
from hashlib import blake2b
from math import inf
from typing import Any, Final

from msgspec.structs import replace

from actors.core.answers import FINGERPRINT_BYTES, FORM, fingerprint
from actors.core.chain import Chain
from actors.core.ids import format_order_id, format_reservation_id, parse_order_id
from actors.core.status import Status
from actors.orders import commands as cm
from actors.orders.state import BarredClaim, Order, Part, Standing
from actors.shop import commands as shop
from actors.shop.commands import Lines
from holdfast.v1 import admin_service_pb2 as ad, order_pb2, order_service_pb2 as os_, reservation_service_pb2 as rs
from serve.sourcing.places import Place, Postcodes, UnknownPostcode
from serve.sourcing.ranking import STORES_MAX, Candidate, Demand, Limits, Query, SourcingPolicy
from serve.wire.fields import fill_instant, fill_lines, instant_ms, lines_of, value_of
from serve.wire.reservations import TO_BE_READY, fill_promise
from serve.wire.rules import Checked

STORES_MAX_DEFAULT: Final = 3
POSTCODE_CHARS_MAX: Final = 128
_NOT_LIMITED: Final = -1
_POLICIES: Final = frozenset({0, *map(int, SourcingPolicy)})  # 0: not set


def content_of_reserve(request: rs.ReserveRequest) -> str:
    """What a Reserve that becomes an order says, but its key, as `fingerprint` does; the same in every version: a field
    that has its default takes no bytes.
    """
    said = rs.ReserveRequest()
    said.CopyFrom(request)
    said.ClearField("idempotency_key")
    said.DiscardUnknownFields()
    return FORM + blake2b(said.SerializeToString(deterministic=True), digest_size=FINGERPRINT_BYTES).hexdigest()


def degrees_of(request: rs.ReserveRequest) -> Place | None:
    """The place of a Reserve that has degrees and sourcing which the rules in proto/ pass: a quick test, see
    `reservations`. None: the rules have to be asked.
    """
    sourcing = request.sourcing
    place = sourcing.place
    good = (
        not request.store_id
        and sourcing.HasField("place")
        and not (place.postcode or place.country or sourcing.HasField("collect_by"))
        and -90 <= place.latitude <= 90
        and -180 <= place.longitude <= 180
        and sourcing.policy in _POLICIES
        and 0 <= sourcing.stores_max <= STORES_MAX
        and 0 <= sourcing.kilometres_max < inf
    )
    return Place(place.latitude, place.longitude) if good else None


def place_of(checked: Checked, sourcing: order_pb2.Sourcing, postcodes: Postcodes) -> Place:
    """The place of a request's sourcing; a postcode that is none is noted."""
    place = sourcing.place
    if not place.postcode:
        return Place(place.latitude, place.longitude)
    if not len(postcodes):
        checked.fault("sourcing.place.postcode", "is of no use: the service has no table; send degrees")
        return Place(0.0, 0.0)
    found = postcodes.find(place.postcode[:POSTCODE_CHARS_MAX], place.country[:POSTCODE_CHARS_MAX])
    if isinstance(found, UnknownPostcode):
        checked.fault(f"sourcing.place.{'country' if found.countries else 'postcode'}", found.message)
        return Place(0.0, 0.0)
    return found


def ask_of(sourcing: order_pb2.Sourcing, place: Place, lines: Lines, channel: str) -> tuple[Query, SourcingPolicy]:
    """The question that a valid sourcing puts."""
    limits = Limits(sourcing.stores_max or STORES_MAX_DEFAULT, sourcing.kilometres_max or float("inf"))
    ask = Query(place, Demand.of(lines), channel, limits, instant_ms(sourcing.collect_by))
    return ask, SourcingPolicy(sourcing.policy or SourcingPolicy.ONE_STORE)


def order_of(request: Any) -> tuple[str, int]:
    """Ledger and number of the order that a request is about. Raises InvalidRequest, as all of these."""
    Checked(request).raise_if_faulty()
    return parse_order_id(request.order_id)


def step_of_order(kind: type[Any], request: Any) -> tuple[str, Any]:
    """ConfirmOrder, ReleaseOrder and ExtendOrder: the ledger, and a command of this kind. A coordinator adds hours."""
    ledger_id, number = order_of(request)
    given = {"hours": cm.NO_HOURS} if "hours" in kind.__struct_fields__ else {}
    return ledger_id, value_of(kind, request, number=number, **given)


def step_of_parts(request: os_.MarkOrderReadyRequest | os_.CollectOrderRequest) -> tuple[str, cm.FanOut]:
    """MarkOrderReady and CollectOrder: the order to visit; each part gets a command of its own."""
    ledger_id, number = order_of(request)
    each: shop.Command = shop.MarkReady("", number)
    if isinstance(request, os_.CollectOrderRequest):
        each = shop.Collect("", number, request.payment_reference, ())
    return ledger_id, cm.FanOut(key=request.idempotency_key, content=fingerprint(each), number=number)


def step_of_part(request: os_.MarkOrderReadyRequest | os_.CollectOrderRequest, part: Part) -> shop.Command:
    """The command for one part. No key of a caller begins with a line feed, so its key is never another call's."""
    key = f"\n{request.order_id} {part.attempt} {request.idempotency_key}"
    if isinstance(request, os_.CollectOrderRequest):
        return shop.Collect(key, part.reservation, request.payment_reference, ())
    return shop.MarkReady(key, part.reservation)


def amend_order(request: os_.AmendOrderRequest) -> tuple[str, cm.Amend]:
    """AmendOrder."""
    checked = Checked(request)
    checked.once("stores", request.stores, "store_id")
    checked.raise_if_faulty()
    ledger_id, number = parse_order_id(request.order_id)
    plans = tuple(cm.Plan(row.store_id, lines_of(row.lines), instant_ms(row.slot_start)) for row in request.stores)
    command = value_of(cm.Amend, request, content="", number=number, wanted=plans)
    return ledger_id, replace(command, content=fingerprint(command, ("key", "content")))


def fill_order(order: Order, ledger_id: str, chain: Chain, reply: order_pb2.Order) -> None:
    """An order with the parts that it has, and those that it had and of which something was handed over."""
    reply.order_id = format_order_id(ledger_id, order.number)
    reply.status = int(order.standing)  # type: ignore[assignment]
    reply.customer_id = order.customer_id
    reply.channel = order.channel
    reply.external_reference = order.external_reference
    for part in order.parts:
        if not part.reservation or not part.lines or (part.dropped and not any(part.collected)):
            continue  # nothing of it was ever had, or it was amended away before anything was handed over
        filled = reply.parts.add()
        _fill_part(part, decided_status(order, part), filled)
        if part.status in TO_BE_READY:
            fill_promise(chain, part.store_id, order.created_at_ms, part.slot_start_ms, filled)
    fill_instant(order.created_at_ms, reply.created_at)
    fill_instant(order.expires_at_ms, reply.expires_at)
    reply.version = order.version
    fill_lines(order.missing, reply.missing)
    reply.release_reason = int(order.reason or 0)  # type: ignore[assignment]


def decided_status(order: Order, part: Part) -> Status:
    """How a part stands by what was decided: its order's confirmation is the part's, whether or not the shop has heard
    of it yet. What only a shop decides, and the end of a part, is told as the shop said last.
    """
    confirmed = order.standing is Standing.CONFIRMED and part.status is Status.HELD and not part.dropped
    return Status.CONFIRMED if confirmed else part.status


def _fill_part(part: Part, status: Status, reply: order_pb2.OrderPart) -> None:
    reply.store_id = part.store_id
    reply.reservation_id = format_reservation_id(part.store_id, part.reservation)
    reply.status = int(status)  # type: ignore[assignment]
    for (sku, quantity), kept, collected in zip(part.lines, _kept(part), part.collected, strict=True):
        reply.lines.add(sku=sku, quantity=quantity, collected=collected, released=quantity - kept - collected)
    if part.slot_start_ms:
        fill_instant(part.slot_start_ms, reply.slot_start)


def _kept(part: Part) -> Sequence[int]:
    """Units by line that the order has of a part. What the shop has not yet heard that it gives back, it gives back:
    the order is what it was amended to.
    """
    if not (part.dropped or part.keep):  # as most
        return part.held
    left, kept = {} if part.dropped else part.wanted_by_sku(), list[int]()
    for (sku, _), held in zip(part.lines, part.held, strict=True):
        kept.append(min(held, left.get(sku, 0)))
        left[sku] = left.get(sku, 0) - kept[-1]
    return kept


def fill_candidate(candidate: Candidate, reply: order_pb2.Candidate) -> None:
    """One shop, as ranking sees it."""
    reply.store_id = candidate.store_id
    reply.kilometres = candidate.kilometres
    for sku, quantity in candidate.available:
        reply.available.add(sku=sku, quantity=quantity)
    reply.capacity_left = _NOT_LIMITED if candidate.capacity_left is None else candidate.capacity_left
    reply.exclusion = int(candidate.excluded or 0)  # type: ignore[assignment]
    if candidate.ready_ms is not None:
        fill_instant(candidate.ready_ms, reply.earliest_ready)


def fill_plan(store_id: str, lines: Lines, reply: os_.StorePlan) -> None:
    """What one shop would hold."""
    reply.store_id = store_id
    fill_lines(lines, reply.lines)


def fill_barred(ledger_id: str, bar: BarredClaim, message: ad.BarredClaim) -> None:
    """Fill the record of a barred claim."""
    message.order_id = format_order_id(ledger_id, bar.number)
    message.attempt, message.operator, message.why = bar.attempt, bar.operator, bar.why
    fill_instant(bar.at_ms, message.barred_at)

"""Reservations between protobuf and a shop's commands and values.

Reserve, confirm, collect and release, which come in batches too, have a quick test here: it passes only what the rules
in proto/ pass, and what it does not pass is left to them. A test holds both against each other.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import grpc
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from actors.core.chain import Chain
from actors.core.ids import format_reservation_id, is_hot, parse_holder, sku_of_ledger
from actors.core.status import ReleaseReason, Status as Standing
from actors.protocol.messages import Entry, Held
from actors.shop import commands as cm, events as ev
from actors.shop.state import Reservation
from actors.shop.transfers.events import Promised
from holdfast.v1 import reservation_pb2, reservation_service_pb2 as rs
from serve.sourcing.store_index import NO_PROMISE, earliest_ready_ms
from serve.wire.fields import fill_hand_over, fill_instant, fill_lines, instant_ms, lines_of, value_of
from serve.wire.rules import CHANNEL_CHARS_MAX, NANOS, QUANTITY_MAX, SKU_CHARS_MAX, BadField, Checked, InvalidRequest
from serve.wire.statuses import CallRefused, Status

KEY_CHARS_MAX: Final = 128
CUSTOMER_CHARS_MAX: Final = 128
BASKET_CHARS_MAX: Final = 128
REFERENCE_CHARS_MAX: Final = 128
PAYMENT_CHARS_MAX: Final = 128
TILL_CHARS_MAX: Final = 64
LINES_MAX: Final = 100
BATCH_REQUESTS_MAX: Final = 1_024
INTERVAL_NS_MIN: Final = 1_000_000
INTERVAL_NS_MAX: Final = 30 * 86_400 * NANOS
INSTANT_SECONDS_END: Final = 4_102_444_800  # the year 2100
RELEASE_REASONS_ASKED: Final = frozenset(
    reason for reason in map(int, ReleaseReason) if reason < ReleaseReason.REPLACED
)
TO_BE_READY: Final = frozenset({Standing.HELD, Standing.CONFIRMED})

_RESERVATION_ID: Final = re.compile(r"([A-Za-z0-9._-]{1,64}|hot/.{1,64}):([1-9][0-9]{0,17})", re.ASCII)


def reserve(request: rs.ReserveRequest) -> tuple[str, cm.Reserve]:
    """The hot path. Raises InvalidRequest, as all of these.

    The shop is left to the caller, who looks it up anyway: the chain has no shop with a malformed id. Sourcing is left
    to `orders`.
    """
    key, store_id, customer_id = request.idempotency_key, request.store_id, request.customer_id
    channel, basket_id, reference = request.channel, request.basket_id, request.external_reference
    rows = request.lines  # another object each time that it is asked for
    if len(rows) == 1:  # as most have
        row = rows[0]
        sku, quantity = row.sku, row.quantity
        lines: cm.Lines = ((sku, quantity),)
        are_good = 0 < len(sku) <= SKU_CHARS_MAX and 0 < quantity <= QUANTITY_MAX
    else:
        sku, lines = "", lines_of(rows) if len(rows) <= LINES_MAX else ()
        are_good = len(lines) > 0 and _are_good(lines)
    ttl_ms = slot_start_ms = wait_ms = 0
    good = (
        are_good
        and 0 < len(key) <= KEY_CHARS_MAX
        and 0 < len(customer_id) <= CUSTOMER_CHARS_MAX
        and 0 < len(channel) <= CHANNEL_CHARS_MAX
        and len(basket_id) <= BASKET_CHARS_MAX
        and len(reference) <= REFERENCE_CHARS_MAX
        and f"{key}{customer_id}{channel}{sku}{basket_id}{reference}".isprintable()
    )
    if request.HasField("ttl"):
        ttl_ms = instant_ms(request.ttl)
        good = good and _is_interval(request.ttl)
    if request.HasField("slot_start"):
        slot_start_ms = instant_ms(request.slot_start)
        good = good and 0 < request.slot_start.seconds < INSTANT_SECONDS_END and 0 <= request.slot_start.nanos < NANOS
    if request.HasField("wait"):
        wait_ms = instant_ms(request.wait)
        has_more = len(lines) > 1 or request.HasField("sourcing")
        good = good and _is_interval(request.wait) and not has_more
    if not good:
        Checked(request).raise_if_faulty()
    return store_id, cm.Reserve(
        key, customer_id, channel, basket_id, lines, ttl_ms, slot_start_ms, reference, None, wait_ms
    )


# What a request may have that is refused by a hint. One with a basket may replace a hold of what is sold out; and what
# is not named here may be another way to get it.
_HINTED: Final = frozenset(
    {
        "idempotency_key",
        "store_id",
        "lines",
        "customer_id",
        "channel",
        "ttl",
        "slot_start",
        "external_reference",
        "first_attempt",
    }
)

Plain = tuple[str, str, str, int]


def plain_first(request: rs.ReserveRequest) -> Plain | None:
    """Shop, channel, SKU and units of a first attempt that has nothing but these, key and customer, and whose fields
    pass the quick test; None for any other. In a drop it is all that is looked at, a hundred thousand times a second.
    """
    if not request.first_attempt:
        return None
    key, customer_id, lines = request.idempotency_key, request.customer_id, request.lines
    if not (
        len(lines) == 1
        and 0 < len(key) <= KEY_CHARS_MAX
        and 0 < len(customer_id) <= CUSTOMER_CHARS_MAX
        and (key + customer_id).isprintable()
    ):
        return None
    if request.basket_id or request.external_reference or request.HasField("ttl") or request.HasField("slot_start"):
        return None
    if request.HasField("sourcing") or request.HasField("wait"):
        return None
    line = lines[0]
    units = line.quantity
    return (request.store_id, request.channel, line.sku, units) if 0 < units <= QUANTITY_MAX else None


def may_be_hinted(request: rs.ReserveRequest) -> bool:
    """Whether a hint that its SKU is sold out says all about a request."""
    return request.first_attempt and all(field.name in _HINTED for field, _ in request.ListFields())


def forget_first_attempt(*requests: Any) -> None:
    """Note that requests have been sent before."""
    for request in requests:
        if not isinstance(request, Status):
            request.first_attempt = False


def step(kind: type[Any], request: Any) -> Entry:
    """A step of a reservation: the shop, and a command of this kind."""
    key = request.idempotency_key
    found = _RESERVATION_ID.fullmatch(request.reservation_id)
    is_quick = _QUICK_TESTS[kind](request) if kind in _QUICK_TESTS else kind.__struct_fields__ == ("key", "number")
    if not (is_quick and found and 0 < len(key) <= KEY_CHARS_MAX and (key + found[1]).isprintable()):
        Checked(request).raise_if_faulty()
    assert found, "the rules refuse every other id"
    return found[1], value_of(kind, request, number=int(found[2]))


def _are_lines(rows: Any) -> bool:
    return len(rows) <= LINES_MAX and _are_good(lines_of(rows))  # there may be millions


def _are_good(lines: cm.Lines) -> bool:
    good = True
    for sku, quantity in lines:
        good = good and 0 < len(sku) <= SKU_CHARS_MAX and 0 < quantity <= QUANTITY_MAX and sku.isprintable()
    return good


def _is_interval(interval: Duration) -> bool:
    nanos = interval.nanos
    return 0 <= nanos < NANOS and INTERVAL_NS_MIN <= interval.seconds * NANOS + nanos <= INTERVAL_NS_MAX


# Of what steps have besides key and id; a step that has more and is not named here is tested by the rules in proto.
_QUICK_TESTS: Final[dict[type[Any], Callable[[Any], bool]]] = {
    cm.Confirm: lambda request: not request.HasField("collect_within") or _is_interval(request.collect_within),
    cm.Collect: lambda request: (
        0 < len(request.payment_reference) <= PAYMENT_CHARS_MAX
        and request.payment_reference.isprintable()
        and _are_lines(request.lines)
        and (not request.till or (len(request.till) <= TILL_CHARS_MAX and request.till.isprintable()))
        and not request.HasField("hand_over")  # left to the rules
    ),
    cm.Release: lambda request: request.reason in RELEASE_REASONS_ASKED and _are_lines(request.lines),
}


def split_requests(batch: Any, payload: bytes) -> Sequence[Any]:
    """A batch's requests; a Status in the place of one that is not UTF-8 or not a message, which must not cost the
    others their answer. Raises CallRefused where the batch is no message, InvalidRequest if it is empty or too large.
    """
    try:
        requests = batch.FromString(payload).requests[:]  # as a list: a container makes each message anew when asked
    except DecodeError as error:
        requests = _encoded_requests(batch, payload, error)
    if not 0 < len(requests) <= BATCH_REQUESTS_MAX:
        description = f"has {len(requests)} entries; send 1 to {BATCH_REQUESTS_MAX}, and the rest in another call"
        raise InvalidRequest([BadField("requests", description)])
    if isinstance(requests[0], bytes):
        kind = GetMessageClass(batch.DESCRIPTOR.fields_by_name["requests"].message_type)
        return [_parse(kind, item, place) for place, item in enumerate(requests)]
    return requests  # type: ignore[no-any-return]


def _encoded_requests(batch: Any, payload: bytes, error: DecodeError) -> Sequence[bytes]:
    """The requests of a batch as they came: field 1 of every batch request, read as bytes."""
    try:
        return _batch_of_bytes().FromString(payload).requests  # type: ignore[attr-defined, no-any-return]
    except DecodeError:
        message = f"the request is not a {batch.DESCRIPTOR.full_name}: {error}"
        raise CallRefused(Status(grpc.StatusCode.INVALID_ARGUMENT, message, "REQUEST_UNREADABLE")) from error


@lru_cache(maxsize=1)
def _batch_of_bytes() -> type[Message]:
    file = FileDescriptorProto(name="batch.proto", package="holdfast.internal")
    label, kind = FieldDescriptorProto.LABEL_REPEATED, FieldDescriptorProto.TYPE_BYTES
    file.message_type.add(name="Batch").field.add(name="requests", number=1, label=label, type=kind)
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("holdfast.internal.Batch"))


def _parse(kind: Any, item: bytes, place: int) -> Any:
    try:
        return kind.FromString(item)
    except DecodeError as error:
        message = f"requests[{place}] is not a {kind.DESCRIPTOR.full_name}: {error}; text fields must be UTF-8"
        return Status(grpc.StatusCode.INVALID_ARGUMENT, message, "REQUEST_UNREADABLE")


def has_more(command: cm.Reserve) -> bool:
    """Whether more is told of a new reservation than its customer, its channel and one line, as `fill_held` does."""
    return bool(len(command.lines) > 1 or command.slot_start_ms or command.basket_id or command.external_reference)


def fill_held(
    held: Held, ledger_id: str, store_id: str, command: cm.Reserve, chain: Chain, reply: reservation_pb2.Reservation
) -> None:
    """A new reservation: what the ledger gave, and what the request said. The hot path."""
    created_at_ms, slot_start_ms = held.created_at_ms, command.slot_start_ms
    ready_ms = earliest_ready_ms(chain, store_id, created_at_ms, slot_start_ms) if chain.has_hours else NO_PROMISE
    reply.CopyFrom(_in_common(created_at_ms, held.expires_at_ms, ready_ms))
    reply.store_id = store_id
    reply.reservation_id = f"{ledger_id}:{held.number}"
    for sku, quantity in command.lines:
        reply.lines.add(sku=sku, quantity=quantity)
    reply.customer_id = command.customer_id
    reply.channel = command.channel
    if command.basket_id:
        reply.basket_id = command.basket_id
    if command.external_reference:
        reply.external_reference = command.external_reference
    if slot_start_ms:
        fill_instant(slot_start_ms, reply.slot_start)
    reply.version = held.number


@lru_cache(maxsize=256)
def _in_common(created_at_ms: int, expires_at_ms: int, ready_ms: int) -> reservation_pb2.Reservation:
    """What the new reservations of one batch have in common: copying it is half the work of filling it in."""
    common = reservation_pb2.Reservation(status=reservation_pb2.RESERVATION_STATUS_HELD)
    fill_instant(created_at_ms, common.created_at)
    fill_instant(expires_at_ms, common.expires_at)
    if ready_ms:
        fill_instant(ready_ms, common.earliest_ready)
    return common


def fill_new(
    event: ev.Reserved | Promised | ev.Queued | ev.Claimed,
    store_id: str,
    version: int,
    at_ms: int,
    reply: reservation_pb2.Reservation,
) -> None:
    """A reservation, or an order's part, as the event that began it says."""
    asked = event.command
    reply.reservation_id = format_reservation_id(store_id, version)
    reply.store_id = store_id
    fill_lines(asked.lines, reply.lines)
    reply.customer_id = asked.customer_id
    reply.channel = asked.channel
    fill_instant(at_ms, reply.created_at)
    if asked.slot_start_ms:
        fill_instant(asked.slot_start_ms, reply.slot_start)
    reply.version = version
    if isinstance(event, ev.Claimed):
        reply.status = int(Standing.CLAIMED)  # type: ignore[assignment]
        reply.order_id = parse_holder(event.command.holder)[0]
        return
    reply.status = int(Standing.HELD)  # type: ignore[assignment]
    if isinstance(event, ev.Queued):
        _fill_place(int(Standing.QUEUED), event.queue_position, event.expected_at_ms, reply)
    elif isinstance(event, Promised):
        fill_awaited(event.transfer_id, event.expected_at_ms, reply)
    reply.basket_id = event.command.basket_id
    reply.external_reference = event.command.external_reference
    fill_instant(event.expires_at_ms, reply.expires_at)


def fill_reservation(
    reservation: Reservation, ledger_id: str, chain: Chain, reply: reservation_pb2.Reservation
) -> None:
    """Any reservation, as a shop or the ledger of a hot SKU has it: there the line names the shop."""
    store_id, lines = ledger_id, reservation.lines
    if is_hot(ledger_id):
        [(store_id, units)] = lines
        lines = ((sku_of_ledger(ledger_id), units),)
    reply.reservation_id = format_reservation_id(ledger_id, reservation.number)
    reply.store_id = store_id
    reply.status = int(reservation.status)  # type: ignore[assignment]
    done = reservation.done or ((0, 0),) * len(lines)
    for (sku, quantity), (collected, released) in zip(lines, done, strict=True):
        reply.lines.add(sku=sku, quantity=quantity, collected=collected, released=released)
    if reservation.came_back is not None:
        reply.refund_reference = reservation.came_back.refund_reference
        for line, units in zip(reply.lines, reservation.came_back.units, strict=True):
            line.returned = units
    reply.customer_id = reservation.customer_id
    reply.channel = reservation.channel
    reply.basket_id = reservation.basket_id
    reply.external_reference = reservation.external_reference
    fill_instant(reservation.created_at_ms, reply.created_at)
    fill_instant(reservation.expires_at_ms, reply.expires_at)
    reply.version = reservation.version
    reply.payment_reference = reservation.payment_reference or ""
    reply.release_reason = int(reservation.release_reason or 0)  # type: ignore[assignment]
    if reservation.part is not None:
        reply.order_id = parse_holder(reservation.part.holder)[0]
    if reservation.slot_start_ms:
        fill_instant(reservation.slot_start_ms, reply.slot_start)
    if reservation.hand_over is not None:
        fill_hand_over(reservation.hand_over, reply)
    if reservation.till:
        reply.till = reservation.till
        fill_instant(reservation.till_until_ms, reply.till_until)
    if reservation.status is Standing.QUEUED and reservation.in_line is not None:
        place = reservation.in_line
        _fill_place(int(reservation.status), place.queue_position, place.expected_at_ms, reply)
    from_ms = reservation.created_at_ms
    if reservation.awaits is not None:
        fill_awaited(reservation.awaits.transfer_id, reservation.awaits.expected_at_ms, reply)
        from_ms = max(from_ms, reservation.awaits.expected_at_ms)
    if reservation.status in TO_BE_READY:
        fill_promise(chain, store_id, from_ms, reservation.slot_start_ms, reply)


def fill_awaited(transfer_id: str, expected_at_ms: int, reply: Any) -> None:
    """By which transfer its units come, and when that is expected."""
    reply.awaits_transfer_id = transfer_id
    fill_instant(expected_at_ms, reply.arrives_at)


def _fill_place(status: int, position: int, expected_at_ms: int, reply: reservation_pb2.Reservation) -> None:
    """Where one that waits stands in line, and when its turn may come."""
    reply.status = status  # type: ignore[assignment]
    reply.queue_position = position
    if expected_at_ms:
        fill_instant(expected_at_ms, reply.expected_at)


def fill_promise(chain: Chain, store_id: str, placed_at_ms: int, slot_start_ms: int, reply: Any) -> None:
    """When it can be ready, where a time can be told."""
    ready_ms = earliest_ready_ms(chain, store_id, placed_at_ms, slot_start_ms)
    if ready_ms:
        fill_instant(ready_ms, reply.earliest_ready)

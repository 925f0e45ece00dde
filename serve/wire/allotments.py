"""Allotments between protobuf and a shop's commands and values."""

from typing import Any

from actors.core.ids import format_reservation_id, parse_reservation_id
from actors.protocol.messages import Entry
from actors.shop import commands as cm, events as ev
from actors.shop.allotments.allotment import Allotment, HolderKind
from actors.shop.projections import allotted_by
from holdfast.v1 import allotment_pb2, allotment_service_pb2 as als, event_pb2
from serve.wire.fields import fill_instant, fill_lines, value_of
from serve.wire.rules import Checked

format_allotment_id = format_reservation_id  # numbers are versions of the shop, of both kinds


def allot_stock(request: als.AllotStockRequest) -> Entry:
    """AllotStock. Raises InvalidRequest, as all of these."""
    checked = Checked(request)
    checked.once("shares", request.shares, "sku")
    checked.raise_if_faulty()
    shares = tuple((share.sku, share.thousandths) for share in request.shares)
    kind = HolderKind(request.holder_kind)
    return request.store_id, value_of(cm.AllotStock, request, kind=kind, shares=shares, reason=request.reason)


def step(kind: type[cm.ExtendAllotment | cm.ReturnAllotment], request: Any) -> Entry:
    """ExtendAllotment or ReturnAllotment."""
    Checked(request).raise_if_faulty()
    store_id, number = parse_reservation_id(request.allotment_id)
    return store_id, value_of(kind, request, number=number)


def fill_allotment(allotment: Allotment, store_id: str, reply: allotment_pb2.Allotment) -> None:
    """Any allotment."""
    reply.allotment_id = format_allotment_id(store_id, allotment.number)
    reply.store_id = store_id
    reply.status = int(allotment.status)  # type: ignore[assignment]
    reply.holder_kind = int(allotment.kind)  # type: ignore[assignment]
    reply.holder = allotment.holder
    for line in allotment.lines:
        reply.lines.add(sku=line.sku, given=line.given, used=line.used, left=line.left)
    fill_instant(allotment.created_at_ms, reply.created_at)
    fill_instant(allotment.expires_at_ms, reply.expires_at)
    if allotment.ended_at_ms:
        fill_instant(allotment.ended_at_ms, reply.ended_at)
    reply.reason = allotment.reason
    reply.quota_first = allotment.quota_first
    reply.version = allotment.version


def fill_event_of_allotment(
    event: ev.OfAllotments | ev.Given, store_id: str, version: int, at_ms: int, reply: event_pb2.Event
) -> None:
    """An event of units that were handed out, or of a reservation that was given to a till."""
    match event:
        case ev.Allotted():
            fill_allotment(allotted_by(event, version, at_ms), store_id, reply.allotted.allotment)
        case ev.AllotmentExtended():
            reply.allotment_extended.allotment_id = format_allotment_id(store_id, event.number)
            fill_instant(event.expires_at_ms, reply.allotment_extended.expires_at)
        case ev.QuotaDrawn():
            reply.quota_drawn.reservation_id = format_reservation_id(store_id, event.number)
            for number, sku, units in event.drawn:
                quota = format_allotment_id(store_id, number)
                reply.quota_drawn.drawn.add(allotment_id=quota, sku=sku, quantity=units)
        case ev.Given():
            reply.given.reservation_id = format_reservation_id(store_id, event.number)
            reply.given.till = event.till
            fill_instant(event.until_ms, reply.given.until)
        case ev.AllotmentReturned() | ev.AllotmentExpired() | ev.AllotmentShrunk():
            told = getattr(reply, str(event.__struct_config__.tag))
            told.allotment_id = format_allotment_id(store_id, event.number)
            fill_lines(event.lines, told.lines)

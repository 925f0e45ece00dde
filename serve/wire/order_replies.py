"""Orders to protobuf, a part of the way back from `translation`."""

from typing import Final

from actors.core.chain import Chain
from actors.core.ids import format_order_id, format_reservation_id
from actors.core.status import Status
from actors.orders.state import Order, Part, Standing
from actors.shop.commands import Lines
from holdfast.v1 import order_pb2, order_service_pb2 as os_
from serve.sourcing.ranking import Candidate
from serve.wire.replies import TO_BE_READY, fill_instant, fill_promise

_NOT_LIMITED: Final = -1


def fill_order(order: Order, ledger_id: str, chain: Chain, reply: order_pb2.Order) -> None:
    """An order with the parts that it has, and those that it had and of which something was handed over."""
    reply.order_id = format_order_id(ledger_id, order.number)
    reply.status = int(order.standing)  # type: ignore[assignment]
    reply.customer_id = order.customer_id
    reply.channel = order.channel
    for part in order.parts:
        if not part.reservation or (part.dropped and not any(part.collected)):
            continue  # nothing of it was ever had, or it was amended away before anything was handed over
        filled = reply.parts.add()
        _fill_part(part, decided_status(order, part), filled)
        if part.status in TO_BE_READY:
            fill_promise(chain, part.store_id, order.created_at_ms, part.slot_start_ms, filled)
    fill_instant(order.created_at_ms, reply.created_at)
    fill_instant(order.expires_at_ms, reply.expires_at)
    reply.version = order.version
    for sku, quantity in order.missing:
        reply.missing.add(sku=sku, quantity=quantity)
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
    # What the shop has not yet heard that it gives back, it gives back: the order is what it was amended to.
    left = {} if part.dropped else part.wanted_by_sku()
    for (sku, quantity), held, collected in zip(part.lines, part.held, part.collected, strict=True):
        kept = min(held, left.get(sku, 0))
        left[sku] = left.get(sku, 0) - kept
        reply.lines.add(sku=sku, quantity=quantity, collected=collected, released=quantity - kept - collected)
    if part.slot_start_ms:
        fill_instant(part.slot_start_ms, reply.slot_start)


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
    for sku, quantity in lines:
        reply.lines.add(sku=sku, quantity=quantity)

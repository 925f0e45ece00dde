"""Answers to protobuf: the way back from `translation`."""

from functools import lru_cache
from typing import Any, Final

from actors.core.chain import Chain
from actors.core.rejection import Reason, Rejection
from actors.core.status import Status
from actors.orders.ids import format_order_id, parse_holder
from actors.protocol.messages import Held, Moved, Refusal, Wire
from actors.shop.ids import format_reservation_id
from actors.shop.state import Reservation
from holdfast.v1 import error_pb2, reservation_pb2, stock_pb2
from serve.sourcing.store_index import NO_PROMISE, earliest_ready_ms

TO_BE_READY: Final = frozenset({Status.HELD, Status.CONFIRMED})


def fill_held(held: Held, store_id: str, wire: Wire, chain: Chain, reply: reservation_pb2.Reservation) -> None:
    """A new reservation: what the ledger gave, and what the request said. The hot path."""
    number, created_at_ms, expires_at_ms = held
    _, _, customer_id, channel, basket_id, lines, _, slot_start_ms = wire
    ready_ms = earliest_ready_ms(chain, store_id, created_at_ms, slot_start_ms) if chain.has_hours else NO_PROMISE
    reply.CopyFrom(_common(store_id, created_at_ms, expires_at_ms, ready_ms))
    reply.reservation_id = f"{store_id}:{number}"
    for sku, quantity in lines:
        reply.lines.add(sku=sku, quantity=quantity)
    reply.customer_id = customer_id
    reply.channel = channel
    if basket_id:
        reply.basket_id = basket_id
    if slot_start_ms:
        fill_instant(slot_start_ms, reply.slot_start)
    reply.version = number


@lru_cache(maxsize=256)
def _common(store_id: str, created_at_ms: int, expires_at_ms: int, ready_ms: int) -> reservation_pb2.Reservation:
    """What the new reservations of one batch and shop have in common: copying it is half the work of filling it in."""
    common = reservation_pb2.Reservation(store_id=store_id, status=reservation_pb2.RESERVATION_STATUS_HELD)
    fill_instant(created_at_ms, common.created_at)
    fill_instant(expires_at_ms, common.expires_at)
    if ready_ms:
        fill_instant(ready_ms, common.earliest_ready)
    return common


def fill_reservation(reservation: Reservation, store_id: str, chain: Chain, reply: reservation_pb2.Reservation) -> None:
    """Any reservation."""
    reply.reservation_id = format_reservation_id(store_id, reservation.number)
    reply.store_id = store_id
    reply.status = int(reservation.status)  # type: ignore[assignment]
    done = reservation.done or ((0, 0),) * len(reservation.lines)
    for (sku, quantity), (collected, released) in zip(reservation.lines, done, strict=True):
        reply.lines.add(sku=sku, quantity=quantity, collected=collected, released=released)
    reply.customer_id = reservation.customer_id
    reply.channel = reservation.channel
    reply.basket_id = reservation.basket_id
    fill_instant(reservation.created_at_ms, reply.created_at)
    fill_instant(reservation.expires_at_ms, reply.expires_at)
    reply.version = reservation.version
    reply.payment_reference = reservation.payment_reference or ""
    reply.release_reason = int(reservation.release_reason or 0)  # type: ignore[assignment]
    if reservation.part is not None:
        reply.order_id = parse_holder(reservation.part.holder)[0]
    if reservation.slot_start_ms:
        fill_instant(reservation.slot_start_ms, reply.slot_start)
    if reservation.status in TO_BE_READY:
        fill_promise(chain, store_id, reservation.created_at_ms, reservation.slot_start_ms, reply)


def fill_promise(chain: Chain, store_id: str, placed_at_ms: int, slot_start_ms: int, reply: Any) -> None:
    """When it can be ready, where a time can be told."""
    ready_ms = earliest_ready_ms(chain, store_id, placed_at_ms, slot_start_ms)
    if ready_ms:
        fill_instant(ready_ms, reply.earliest_ready)


def fill_order_rejection(rejection: Rejection, ledger_id: str, store_id: str, reply: error_pb2.Rejection) -> None:
    """A refusal of an order, which a shop of it gave, or the customer's ledger; of that one `store_id` is told."""
    order_id = format_order_id(ledger_id, rejection.number) if rejection.number else ""
    fill_rejection(Refusal(0, rejection), rejection.store_id or store_id, reply, order_id)


def fill_rejection(refusal: Refusal, store_id: str, reply: error_pb2.Rejection, order_id: str = "") -> None:
    """A refusal, with the sentence for people. `order_id` is the order that it is about, if any."""
    version, rejection = refusal
    reason, sku, asked, available, number, status, short_lines, near_stores, *_ = rejection
    reply.reason = int(reason)  # type: ignore[assignment]
    reply.message = explain(rejection, store_id, order_id)
    reply.order_id = order_id
    reply.store_id = store_id
    reply.sku = sku
    reply.asked = asked
    reply.available = available
    if number and store_id and not order_id:
        reply.reservation_id = format_reservation_id(store_id, number)
    if status is not None:
        reply.status = int(status)  # type: ignore[assignment]
    for short_sku, short_asked, short_available in short_lines:
        reply.short_lines.add(sku=short_sku, asked=short_asked, available=short_available)
    for near_id, metres, whole in near_stores:
        reply.near_stores.add(store_id=near_id, kilometres=metres / 1_000, has_everything=whole)
    reply.version = version


def fill_change(moved: Moved, store_id: str, reply: stock_pb2.StockChange) -> None:
    """What a change of stock did."""
    version, (applied, repeated, late, shortfalls) = moved
    reply.version = version
    reply.applied = applied
    reply.dropped_repeated = repeated
    reply.dropped_late = late
    for sku, quantity, losses in shortfalls:
        fill_shortfall(sku, quantity, losses, store_id, reply.shortfalls.add())


def fill_shortfall(sku: str, quantity: int, losses: Any, store_id: str, reply: stock_pb2.Shortfall) -> None:
    """Promises that can no longer be kept."""
    reply.sku = sku
    reply.quantity = quantity
    for number, units in losses:
        reply.losses.add(reservation_id=format_reservation_id(store_id, number), quantity=units)


def fill_position(sku: str, row: tuple[int, int, int, int] | None, reply: stock_pb2.Position) -> None:
    """One SKU; `row` is (on_hand, reserved, allotted, safety_stock), None where it was never stocked."""
    reply.sku = sku
    if row is not None:
        reply.on_hand, reply.reserved, reply.allotted, reply.safety_stock = row
        reply.available = max(0, row[0] - row[1] - row[2] - row[3])
        reply.stocked = True


def fill_instant(ms: int, reply: Any) -> None:
    """A Timestamp; four times as fast as its FromMilliseconds."""
    reply.seconds = ms // 1_000
    nanos = ms % 1_000 * 1_000_000
    if nanos:
        reply.nanos = nanos


_SENTENCES: Final[dict[Reason, str]] = {
    Reason.IDEMPOTENCY_KEY_REUSED: "the idempotency key was used before with other content; use a fresh key",
    Reason.RESERVATION_NOT_FOUND: "shop {store} has no reservation {reservation}; check the id",
    Reason.STORE_NOT_ACCEPTING: "shop {store} takes no reservations at the moment; choose another shop",
    Reason.RESERVATION_EXPIRED: "reservation {reservation} expired; reserve again",
    Reason.TRANSITION_NOT_ALLOWED: "reservation {reservation} is {status}, and that allows no such step",
    Reason.LINE_NOT_FOUND: "reservation {reservation} has no line of {sku}",
    Reason.QUANTITY_EXCEEDS_HELD: "reservation {reservation} still holds {available} of {sku}, {asked} were named",
    Reason.TTL_TOO_LONG: "{asked} ms is longer than the {available} ms that the policy allows; ask for less",
    Reason.BASKET_CONFIRMED: "the basket was confirmed as reservation {reservation}; reserve under a new basket",
    Reason.OPEN_RESERVATIONS_LIMIT: "the customer may have {available} open reservations{where}",
    Reason.UNITS_LIMIT: "the customer may reserve {available} more of {sku}{where}, {asked} were asked for",
    Reason.SKU_NOT_STOCKED: "shop {store} has never stocked {sku}; choose another shop",
    Reason.INSUFFICIENT_STOCK: "shop {store} has {available} of {sku} available, {asked} were asked for",
    Reason.COUNT_TOO_OLD: "movements of {sku} from before {available} are forgotten; count again",
    Reason.PART_OF_ORDER: "reservation {reservation} is a part of an order; confirm, extend or amend the order",
    Reason.ORDER_UNDECIDED: "another change of the order is under way; ask again in a moment",
    Reason.CLAIM_ABANDONED: "the order was over before its claim came to shop {store}; reserve again",
    Reason.NO_STORE_IN_REACH: "no shops in reach have what was asked for; widen the limits, or ask for less",
    Reason.SLOT_NOT_OFFERED: "shop {store} does not offer this pickup slot; list its slots",
    Reason.SLOT_FULL: "the pickup slot in shop {store} is full, it takes {available}; list its slots",
    Reason.LEDGER_FULL: "shop {store} remembers as many answers, sources or SKUs as it may; nothing was done",
}


_TOO_SOON: Final = "shops in reach have what was asked for, but cannot have it ready in time; ask for a later time"


def explain(rejection: Rejection, store_id: str, order_id: str = "") -> str:
    """One sentence for people. Without a shop it is an order's: the customer's ledger said so, or, of what was written
    down before refusals named their shop, a shop of the order.
    """
    sentence = _TOO_SOON if rejection.too_soon else _SENTENCES[rejection.reason]
    if not store_id:
        if rejection.reason is Reason.RESERVATION_NOT_FOUND:
            return f"there is no {f'order {order_id}' if order_id else 'such order'}, or it was forgotten; check the id"
        sentence = sentence.replace("reservation {reservation}", "the order").replace("shop {store}", "a shop of it")
    return sentence.format(
        store=store_id,
        where=f" in shop {store_id}" if store_id else " over all shops",
        sku=rejection.sku,
        asked=rejection.asked,
        available=rejection.available,
        reservation=format_reservation_id(store_id, rejection.number),
        status=rejection.status.name if rejection.status is not None else "unknown",
    )

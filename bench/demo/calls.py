"""A call of a channel system as a value, so that it can be logged, and said again word for word."""

from enum import Enum
from typing import NamedTuple, TypeAlias, assert_never

from holdfast.client import (
    Adjustment,
    ChannelClient,
    Order,
    Rejection,
    ReleaseReason,
    Reservation,
    ServiceFault,
    StockChange,
)

Outcome: TypeAlias = Reservation | StockChange | Rejection


class Kind(Enum):
    """What is asked; the values are the names that a refusal has in the feed."""

    ADJUST = "AdjustStock"
    RESERVE = "Reserve"
    CONFIRM = "Confirm"
    READY = "MarkReady"
    COLLECT = "Collect"
    RELEASE = "Release"
    EXTEND = "Extend"


class Call(NamedTuple):
    """One sentence.

    `ttl_ms` is the time that Reserve, Confirm (to collect) or Extend asks for; 0 leaves it to the rules.
    `reservation_id` stays empty in a plan: it is known once the reservation is made.
    """

    kind: Kind
    key: str
    store_id: str
    reservation_id: str = ""
    lines: tuple[tuple[str, int], ...] = ()
    customer_id: str = ""
    channel: str = ""
    basket_id: str = ""
    ttl_ms: int = 0
    payment_reference: str = ""
    reason: ReleaseReason = ReleaseReason.UNSPECIFIED
    source: str = ""
    adjustments: tuple[Adjustment, ...] = ()


class Answered(NamedTuple):
    """A call and what was said to it."""

    call: Call
    outcome: Outcome


async def perform(client: ChannelClient, call: Call, timeout_ms: int) -> Outcome:
    """Ask; the client asks again by itself until an answer comes or the time is over. Raises the client's errors."""
    match call.kind:
        case Kind.RESERVE:
            return await _reserve(client, call, timeout_ms)
        case Kind.CONFIRM:
            return await client.confirm(
                call.reservation_id,
                collect_within_ms=call.ttl_ms or None,
                idempotency_key=call.key,
                timeout_ms=timeout_ms,
            )
        case Kind.READY:
            return await client.mark_ready(call.reservation_id, idempotency_key=call.key, timeout_ms=timeout_ms)
        case Kind.COLLECT:
            return await client.collect(
                call.reservation_id,
                payment_reference=call.payment_reference,
                lines=call.lines,
                idempotency_key=call.key,
                timeout_ms=timeout_ms,
            )
        case Kind.RELEASE:
            return await client.release(
                call.reservation_id,
                reason=call.reason,
                lines=call.lines,
                idempotency_key=call.key,
                timeout_ms=timeout_ms,
            )
        case Kind.EXTEND:
            return await client.extend(
                call.reservation_id, ttl_ms=call.ttl_ms, idempotency_key=call.key, timeout_ms=timeout_ms
            )
        case Kind.ADJUST:
            return await client.adjust_stock(
                call.store_id, call.source, call.adjustments, idempotency_key=call.key, timeout_ms=timeout_ms
            )
        case _:
            assert_never(call.kind)


async def _reserve(client: ChannelClient, call: Call, timeout_ms: int) -> Reservation | Rejection:
    made = await client.reserve(
        call.store_id,
        call.lines,
        customer_id=call.customer_id,
        channel=call.channel,
        basket_id=call.basket_id,
        ttl_ms=call.ttl_ms or None,
        idempotency_key=call.key,
        timeout_ms=timeout_ms,
    )
    if isinstance(made, Order):
        raise ServiceFault("Reserve", where=call.store_id, why=f"no limit of the chain applies, and it became {made}")
    return made

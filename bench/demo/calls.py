"""Calls of a channel system as values, so that they can be logged, and said again word for word."""

from enum import Enum
from typing import Generic, NamedTuple, TypeAlias, TypeVar, assert_never

from holdfast.client import (
    Adjustment,
    ChannelClient,
    Order,
    PartOutcome,
    Place,
    Rejection,
    ReleaseReason,
    Reservation,
    ServiceFault,
    SourcingPolicy,
    StockChange,
    StorePlan,
)

CallT = TypeVar("CallT", "Call", "OrderCall")
OutcomeT = TypeVar("OutcomeT")

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


class OneAnswered(NamedTuple, Generic[CallT, OutcomeT]):
    """A call and what was said to it."""

    call: CallT
    outcome: OutcomeT


class OneRepeated(NamedTuple, Generic[CallT, OutcomeT]):
    """What was said first and what the second time. `same_content` False: the key came again with other content."""

    call: CallT
    first: OutcomeT
    second: OutcomeT
    same_content: bool


Answered: TypeAlias = OneAnswered[Call, Outcome]
Repeated: TypeAlias = OneRepeated[Call, Outcome]


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


OrderOutcome: TypeAlias = Order | tuple[PartOutcome, ...] | Rejection


class OrderKind(Enum):
    """What is asked; the values are names for people."""

    NEAR = "order near a place"
    IN_STORE = "order in a shop"
    CONFIRM = "confirm order"
    READY = "mark order ready"
    COLLECT = "collect order"
    RELEASE = "release order"
    EXTEND = "extend order"
    AMEND = "amend order"


PLACING = (OrderKind.NEAR, OrderKind.IN_STORE)


class OrderCall(NamedTuple):
    """One sentence. `order_id` stays empty until the order is made; zeros and empty fields are left to the service."""

    kind: OrderKind
    key: str
    order_id: str = ""
    customer_id: str = ""
    channel: str = ""
    lines: tuple[tuple[str, int], ...] = ()
    place: Place = Place()
    policy: SourcingPolicy = SourcingPolicy.UNSPECIFIED
    kilometres_max: float = 0.0
    store_id: str = ""
    slot_start_ms: int | None = None
    ttl_ms: int = 0
    payment_reference: str = ""
    reason: ReleaseReason = ReleaseReason.UNSPECIFIED
    stores: tuple[StorePlan, ...] = ()


OrderAnswered: TypeAlias = OneAnswered[OrderCall, OrderOutcome]
OrderRepeated: TypeAlias = OneRepeated[OrderCall, OrderOutcome]


async def perform_order(client: ChannelClient, call: OrderCall, timeout_ms: int) -> OrderOutcome:
    """Ask; the client asks again by itself until an answer comes or the time is over. Raises the client's errors."""
    if call.kind in PLACING:
        return await _place(client, call, timeout_ms)
    key, order_id = call.key, call.order_id
    match call.kind:
        case OrderKind.CONFIRM:
            within_ms = call.ttl_ms or None
            return await client.confirm_order(
                order_id, collect_within_ms=within_ms, idempotency_key=key, timeout_ms=timeout_ms
            )
        case OrderKind.READY:
            return await client.ready_order(order_id, idempotency_key=key, timeout_ms=timeout_ms)
        case OrderKind.COLLECT:
            paid = call.payment_reference
            return await client.collect_order(
                order_id, payment_reference=paid, idempotency_key=key, timeout_ms=timeout_ms
            )
        case OrderKind.RELEASE:
            return await client.release_order(order_id, reason=call.reason, idempotency_key=key, timeout_ms=timeout_ms)
        case OrderKind.EXTEND:
            return await client.extend_order(order_id, ttl_ms=call.ttl_ms, idempotency_key=key, timeout_ms=timeout_ms)
        case OrderKind.AMEND:
            return await client.amend_order(order_id, stores=call.stores, idempotency_key=key, timeout_ms=timeout_ms)
        case OrderKind.NEAR | OrderKind.IN_STORE:
            raise AssertionError("placed above")
        case _:
            assert_never(call.kind)


async def _place(client: ChannelClient, call: OrderCall, timeout_ms: int) -> OrderOutcome:
    if call.kind is OrderKind.NEAR:
        return await client.reserve_near(
            call.lines,
            place=call.place,
            policy=call.policy,
            kilometres_max=call.kilometres_max,
            customer_id=call.customer_id,
            channel=call.channel,
            ttl_ms=call.ttl_ms or None,
            slot_start_ms=call.slot_start_ms,
            idempotency_key=call.key,
            timeout_ms=timeout_ms,
        )
    answer = await client.reserve(
        call.store_id,
        call.lines,
        customer_id=call.customer_id,
        channel=call.channel,
        ttl_ms=call.ttl_ms or None,
        slot_start_ms=call.slot_start_ms,
        idempotency_key=call.key,
        timeout_ms=timeout_ms,
    )
    if isinstance(answer, Reservation):
        why = f"a limit of the chain applies, and it became {answer}"
        raise ServiceFault("Reserve", where=call.store_id, why=why)
    return answer

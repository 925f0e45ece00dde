"""Orders over one shop or several: place one near a customer, read it, and take its steps.

Keys and deadlines are as in `calls.reservations`; a key belongs to its order. Each shop answers for itself
where goods are handled, so `ready_order` and `collect_order` answer with one outcome a part.
"""

from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

from holdfast.client import methods
from holdfast.client.errors import ServiceFault
from holdfast.client.internals import Client, Keyed, keyed, submit
from holdfast.client.methods import Method
from holdfast.client.models.orders import (
    Order,
    OrderOutcome,
    OrderResponse,
    OrderStatus,
    PartOutcomes,
    PartsResponse,
    order_from,
    order_outcome_from,
    part_outcome_from,
    undecided,
)
from holdfast.client.models.reservations import ReleaseReason, Reservation, rejection_from, reserve_request
from holdfast.client.models.sourcing import (
    FoundStores,
    PickupSlots,
    Place,
    Sourcing,
    SourcingPolicy,
    StorePlan,
    found_stores_from,
    pickup_slots_from,
    to_sourcing,
    to_store_plans,
)
from holdfast.client.wire_types import (
    LineQuantities,
    to_duration,
    to_lines,
    to_optional_duration,
    to_optional_timestamp,
    to_timestamp,
)
from holdfast.v1 import order_service_pb2 as service_pb2

RequestT = TypeVar("RequestT", bound=Keyed)
OrderT = TypeVar("OrderT", bound=OrderResponse)
PartsT = TypeVar("PartsT", bound=PartsResponse)


async def reserve_near(
    self: Client,
    lines: LineQuantities,
    *,
    place: Place,
    policy: SourcingPolicy = SourcingPolicy.ONE_STORE,
    stores_max: int = 0,
    kilometres_max: float = 0.0,
    customer_id: str,
    channel: str,
    basket_id: str = "",
    ttl_ms: int | None = None,
    slot_start_ms: int | None = None,
    collect_by_ms: int | None = None,
    idempotency_key: str | None = None,
    timeout_ms: int | None = None,
) -> OrderOutcome:
    """Hold units in shops near a place, chosen by the policy, all of it or nothing; PARTIAL tells what is missing.

    The order that the same basket holds already becomes this one; what both have in common is kept throughout.
    `stores_max` is 1 to 5 for SPLIT and PARTIAL, zero leaves it to the service; `kilometres_max` zero sets no limit.
    `slot_start_ms` is taken in every shop. `collect_by_ms`, in place of a slot, leaves out shops where the order would
    be ready only later. A refusal with NO_STORE_IN_REACH names the `near_stores`.
    """
    request = reserve_request(
        lines=lines,
        customer_id=customer_id,
        channel=channel,
        basket_id=basket_id,
        ttl_ms=ttl_ms,
        slot_start_ms=slot_start_ms,
        sourcing=to_sourcing(Sourcing(place, policy, stores_max, kilometres_max, collect_by_ms)),
    )
    internals = self.internals
    outcome = await submit(
        self,
        internals.orders,
        request,
        lines=len(request.lines),
        # Customers share ledgers by a rule of the service.
        ledger="",
        idempotency_key=idempotency_key,
        timeout_ms=timeout_ms,
    )
    if isinstance(outcome, Reservation):
        where = internals.caller.connection.target
        raise ServiceFault(methods.RESERVE.name, where=where, why="shops were to be looked for, and no order came")
    return outcome


async def get_order(self: Client, order_id: str, *, timeout_ms: int | None = None) -> Order:
    """The order as its customer's ledger has it. Raises NotFound."""
    request = service_pb2.GetOrderRequest(order_id=order_id)
    response = await self.internals.caller.ask(methods.GET_ORDER, request, timeout_ms=timeout_ms)
    return order_from(response.order)


async def list_orders(
    self: Client,
    customer_id: str,
    *,
    statuses: Iterable[OrderStatus] = (),
    page_size: int = 100,
    timeout_ms: int | None = None,
) -> AsyncIterator[Order]:
    """A customer's orders, oldest first, page by page as they are consumed; `statuses` empty lists all.

    `page_size` is 1 to 1,000; `timeout_ms` is the deadline of each page.
    """
    request = service_pb2.ListOrdersRequest(
        customer_id=customer_id, statuses=[f"ORDER_STATUS_{status.name}" for status in statuses], page_size=page_size
    )
    while True:
        page = await self.internals.caller.ask(methods.LIST_ORDERS, request, timeout_ms=timeout_ms)
        for message in page.orders:
            yield order_from(message)
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


async def confirm_order(
    self: Client,
    order_id: str,
    *,
    collect_within_ms: int | None = None,
    idempotency_key: str | None = None,
    timeout_ms: int | None = None,
) -> OrderOutcome:
    """HELD to CONFIRMED, every part of it. `collect_within_ms` None leaves the time to collect to the policy."""
    request = service_pb2.ConfirmOrderRequest(order_id=order_id, collect_within=to_optional_duration(collect_within_ms))
    return await _change(self, methods.CONFIRM_ORDER, request, idempotency_key, timeout_ms)


async def release_order(
    self: Client,
    order_id: str,
    *,
    reason: ReleaseReason,
    idempotency_key: str | None = None,
    timeout_ms: int | None = None,
) -> OrderOutcome:
    """Release every part; shops that cannot be reached yet are released by the service later."""
    request = service_pb2.ReleaseOrderRequest(order_id=order_id, reason=f"RELEASE_REASON_{reason.name}")
    return await _change(self, methods.RELEASE_ORDER, request, idempotency_key, timeout_ms)


async def extend_order(
    self: Client,
    order_id: str,
    *,
    ttl_ms: int,
    idempotency_key: str | None = None,
    timeout_ms: int | None = None,
) -> OrderOutcome:
    """Move the deadline of every part to `ttl_ms` from now."""
    request = service_pb2.ExtendOrderRequest(order_id=order_id, ttl=to_duration(ttl_ms))
    return await _change(self, methods.EXTEND_ORDER, request, idempotency_key, timeout_ms)


async def amend_order(
    self: Client,
    order_id: str,
    *,
    stores: Iterable[StorePlan],
    ttl_ms: int | None = None,
    idempotency_key: str | None = None,
    timeout_ms: int | None = None,
) -> OrderOutcome:
    """Change what shops hold in one step, and the deadline to `ttl_ms` from then; shops that are not named keep what
    they have.

    All stays as it is until the new is certain, and where it cannot be had.
    """
    request = service_pb2.AmendOrderRequest(
        order_id=order_id, stores=to_store_plans(stores), ttl=to_optional_duration(ttl_ms)
    )
    return await _change(self, methods.AMEND_ORDER, request, idempotency_key, timeout_ms)


async def ready_order(
    self: Client, order_id: str, *, idempotency_key: str | None = None, timeout_ms: int | None = None
) -> PartOutcomes:
    """Every part CONFIRMED to READY, one outcome a part.

    A shop that does not decide is retried until the deadline, with the same key; one that is undecided then has an
    error as its outcome.
    """
    request = service_pb2.MarkOrderReadyRequest(order_id=order_id)
    return await _each_part(self, methods.MARK_ORDER_READY, request, idempotency_key, timeout_ms)


async def collect_order(
    self: Client,
    order_id: str,
    *,
    payment_reference: str,
    idempotency_key: str | None = None,
    timeout_ms: int | None = None,
) -> PartOutcomes:
    """Every part to sold, one outcome a part, as in `ready_order`."""
    request = service_pb2.CollectOrderRequest(order_id=order_id, payment_reference=payment_reference)
    return await _each_part(self, methods.COLLECT_ORDER, request, idempotency_key, timeout_ms)


async def _change(
    self: Client,
    method: Method[RequestT, OrderT],
    request: RequestT,
    idempotency_key: str | None,
    timeout_ms: int | None,
) -> OrderOutcome:
    response = await keyed(self, method, request, idempotency_key, timeout_ms)
    return order_outcome_from(response)


async def _each_part(
    self: Client,
    method: Method[RequestT, PartsT],
    request: RequestT,
    idempotency_key: str | None,
    timeout_ms: int | None,
) -> PartOutcomes:
    response = await keyed(self, method, request, idempotency_key, timeout_ms, undecided=undecided)
    if response.HasField("rejection"):
        return rejection_from(response.rejection)
    return tuple(
        part_outcome_from(outcome, what=method.name, key=request.idempotency_key) for outcome in response.outcomes
    )


async def find_stores(
    self: Client,
    lines: LineQuantities,
    *,
    place: Place,
    policy: SourcingPolicy = SourcingPolicy.ONE_STORE,
    stores_max: int = 0,
    kilometres_max: float = 0.0,
    channel: str,
    slot_start_ms: int | None = None,
    collect_by_ms: int | None = None,
    explain: bool = False,
    candidates_max: int = 0,
    timeout_ms: int | None = None,
) -> FoundStores:
    """Shops by distance with what they have, and the order that would be placed now; arguments as in `reserve_near`.

    `explain` tells the shops that are out too, each with the rule that excluded it. `candidates_max` is 1 to 100; zero
    leaves it to the service.
    """
    request = service_pb2.FindStoresRequest(
        sourcing=to_sourcing(Sourcing(place, policy, stores_max, kilometres_max, collect_by_ms)),
        lines=to_lines(lines),
        channel=channel,
        slot_start=to_optional_timestamp(slot_start_ms),
        explain=explain,
        candidates_max=candidates_max,
    )
    return found_stores_from(await self.internals.caller.ask(methods.FIND_STORES, request, timeout_ms=timeout_ms))


async def list_slots(
    self: Client,
    store_id: str,
    *,
    from_ms: int | None = None,
    window_ms: int | None = None,
    timeout_ms: int | None = None,
) -> PickupSlots:
    """A shop's pickup slots with the places left. `from_ms` None is now; `window_ms`, up to 31 days, None is 2 days."""
    request = service_pb2.ListSlotsRequest(store_id=store_id, window=to_optional_duration(window_ms))
    if from_ms is not None:
        request.not_before.CopyFrom(to_timestamp(from_ms))
    return pickup_slots_from(await self.internals.caller.ask(methods.LIST_SLOTS, request, timeout_ms=timeout_ms))

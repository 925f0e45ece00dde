"""Orders over one shop or several: place one near a customer, read it, and take its steps.

Keys and deadlines are as in `calls.reservations`; a key belongs to its order. Each shop answers for itself
where goods are handled, so `ready_order` and `collect_order` answer with one outcome a part.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Any, Protocol, cast

from holdfast.client.blocking import BlockingClient, blocking, iterating
from holdfast.client.connection import METHODS
from holdfast.client.errors import OutcomeUnknown, ServiceFault
from holdfast.client.internals import Client, answer_to_change, change, pages, read, result_from, submit
from holdfast.client.limits import Failure
from holdfast.client.models import orders as models
from holdfast.client.models.reservations import ReleaseReason, Reservation, rejection_from
from holdfast.client.statuses import Fault, error_from
from holdfast.client.wire_types import LineQuantities, to_message
from holdfast.v1 import order_service_pb2 as service_pb2, reservation_service_pb2


class OrderCalls(Client, Protocol):
    """Calls for orders."""

    async def reserve_near(
        self,
        lines: LineQuantities,
        *,
        place: models.Place,
        policy: models.SourcingPolicy = models.SourcingPolicy.ONE_STORE,
        stores_max: int = 0,
        kilometres_max: float = 0.0,
        customer_id: str,
        channel: str,
        basket_id: str = "",
        ttl_ms: int | None = None,
        slot_start_ms: int | None = None,
        collect_by_ms: int | None = None,
        external_reference: str = "",
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.OrderOutcome:
        """Hold units in shops near a place, chosen by the policy, all of it or nothing; PARTIAL tells what is missing.

        The order that the same basket holds already becomes this one; what both have in common is kept throughout.
        `stores_max` is 1 to 5 for SPLIT and PARTIAL, zero leaves it to the service; `kilometres_max` zero sets no
        limit. `slot_start_ms` is taken in every shop. `collect_by_ms`, in place of a slot, leaves out shops where the
        order would be ready only later. A refusal with NO_STORE_IN_REACH names the `near_stores`.
        """
        request = to_message(
            reservation_service_pb2.ReserveRequest,
            lines=lines,
            customer_id=customer_id,
            channel=channel,
            basket_id=basket_id,
            ttl_ms=ttl_ms,
            slot_start_ms=slot_start_ms,
            sourcing=models.to_sourcing(place, policy, stores_max, kilometres_max, collect_by_ms),
            external_reference=external_reference,
        )
        # Customers share ledgers by a rule of the service: their keys are taken for those of one.
        outcome = await submit(
            self,
            request,
            idempotency_key,
            timeout_ms,
            ledger="",
            lines=len(request.lines),
            batcher=self.internals.orders,
        )
        if isinstance(outcome, Reservation):
            where = self.internals.caller.connection.target
            raise ServiceFault("Reserve", where=where, why="shops were to be looked for, and no order came")
        return cast("models.OrderOutcome", outcome)

    async def get_order(self, order_id: str, *, timeout_ms: int | None = None) -> models.Order:
        """The order as its customer's ledger has it. Raises NotFound."""
        request = service_pb2.GetOrderRequest(order_id=order_id)
        return models.order_from((await read(self, request, timeout_ms)).order)

    def list_orders(
        self,
        customer_id: str,
        *,
        statuses: Iterable[models.OrderStatus] = (),
        page_size: int = 100,
        timeout_ms: int | None = None,
    ) -> AsyncIterator[models.Order]:
        """A customer's orders, oldest first, page by page as they are consumed; `statuses` empty lists all.

        `page_size` is 1 to 1,000; `timeout_ms` is the deadline of each page.
        """
        request = to_message(
            service_pb2.ListOrdersRequest, customer_id=customer_id, statuses=statuses, page_size=page_size
        )
        return pages(self, request, "orders", models.order_from, timeout_ms)

    async def confirm_order(
        self,
        order_id: str,
        *,
        collect_within_ms: int | None = None,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.OrderOutcome:
        """HELD to CONFIRMED, every part of it. `collect_within_ms` None leaves the time to collect to the policy."""
        request = to_message(service_pb2.ConfirmOrderRequest, order_id=order_id, collect_within_ms=collect_within_ms)
        return cast("models.OrderOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def release_order(
        self,
        order_id: str,
        *,
        reason: ReleaseReason,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.OrderOutcome:
        """Release every part; shops that cannot be reached yet are released by the service later."""
        request = to_message(service_pb2.ReleaseOrderRequest, order_id=order_id, reason=reason)
        return cast("models.OrderOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def extend_order(
        self,
        order_id: str,
        *,
        ttl_ms: int,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.OrderOutcome:
        """Move the deadline of every part to `ttl_ms` from now."""
        request = to_message(service_pb2.ExtendOrderRequest, order_id=order_id, ttl_ms=ttl_ms)
        return cast("models.OrderOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def amend_order(
        self,
        order_id: str,
        *,
        stores: Iterable[models.StorePlan],
        ttl_ms: int | None = None,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.OrderOutcome:
        """Change what shops hold in one step, and the deadline to `ttl_ms` from then.

        Shops that are not named keep what they have. All stays as it is until the new is certain, and where it cannot
        be had.
        """
        request = to_message(service_pb2.AmendOrderRequest, order_id=order_id, stores=stores, ttl_ms=ttl_ms)
        return cast("models.OrderOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def ready_order(
        self, order_id: str, *, idempotency_key: str | None = None, timeout_ms: int | None = None
    ) -> models.PartOutcomes:
        """Every part CONFIRMED to READY, one outcome a part.

        A shop that does not decide is retried until the deadline, with the same key; one that is undecided then has an
        error as its outcome.
        """
        request = service_pb2.MarkOrderReadyRequest(order_id=order_id)
        return await _each_part(self, request, idempotency_key, timeout_ms)

    async def collect_order(
        self,
        order_id: str,
        *,
        payment_reference: str,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.PartOutcomes:
        """Every part to sold, one outcome a part, as in `ready_order`."""
        request = service_pb2.CollectOrderRequest(order_id=order_id, payment_reference=payment_reference)
        return await _each_part(self, request, idempotency_key, timeout_ms)

    async def find_stores(
        self,
        lines: LineQuantities,
        *,
        place: models.Place,
        policy: models.SourcingPolicy = models.SourcingPolicy.ONE_STORE,
        stores_max: int = 0,
        kilometres_max: float = 0.0,
        channel: str,
        slot_start_ms: int | None = None,
        collect_by_ms: int | None = None,
        explain: bool = False,
        candidates_max: int = 0,
        timeout_ms: int | None = None,
    ) -> models.FoundStores:
        """Shops by distance with what they have, and the order that would be placed now.

        Arguments are those of `reserve_near`. `explain` tells the shops that are out too, each with the rule that
        excluded it. `candidates_max` is 1 to 100; zero leaves it to the service.
        """
        request = to_message(
            service_pb2.FindStoresRequest,
            sourcing=models.to_sourcing(place, policy, stores_max, kilometres_max, collect_by_ms),
            lines=lines,
            channel=channel,
            slot_start_ms=slot_start_ms,
            explain=explain,
            candidates_max=candidates_max,
        )
        return models.found_stores_from(await read(self, request, timeout_ms))

    async def list_slots(
        self,
        store_id: str,
        *,
        from_ms: int | None = None,
        window_ms: int | None = None,
        timeout_ms: int | None = None,
    ) -> models.PickupSlots:
        """A shop's pickup slots with the places left. `from_ms` None is now; `window_ms` None is 2 days, at most 31."""
        request = to_message(
            service_pb2.ListSlotsRequest, store_id=store_id, not_before_ms=from_ms, window_ms=window_ms
        )
        return models.pickup_slots_from(await read(self, request, timeout_ms))


class BlockingOrderCalls(BlockingClient):
    """`OrderCalls` for threads."""

    reserve_near = blocking(OrderCalls.reserve_near)
    get_order = blocking(OrderCalls.get_order)
    list_orders = iterating(OrderCalls.list_orders)
    confirm_order = blocking(OrderCalls.confirm_order)
    ready_order = blocking(OrderCalls.ready_order)
    collect_order = blocking(OrderCalls.collect_order)
    release_order = blocking(OrderCalls.release_order)
    extend_order = blocking(OrderCalls.extend_order)
    amend_order = blocking(OrderCalls.amend_order)
    find_stores = blocking(OrderCalls.find_stores)
    list_slots = blocking(OrderCalls.list_slots)


async def _each_part(
    client: Client, request: Any, idempotency_key: str | None, timeout_ms: int | None
) -> models.PartOutcomes:
    response = await answer_to_change(client, request, idempotency_key, timeout_ms, undecided=_undecided)
    if response.HasField("rejection"):
        return rejection_from(response.rejection)
    what, key = METHODS[type(request)].name, request.idempotency_key
    return tuple(part_outcome_from(outcome, what=what, key=key) for outcome in response.outcomes)


def _undecided(response: Any) -> list[Fault]:
    """Why shops did not decide, where asking all of them again is of use: those that decided repeat themselves."""
    results = map(result_from, response.outcomes)
    return [each for each in results if isinstance(each, Fault) and each.failure is not Failure.FINAL]


def part_outcome_from(message: service_pb2.PartOutcome, *, what: str, key: str) -> models.PartOutcome:
    """What one shop said; `what` was asked with the idempotency key `key`."""
    answer = result_from(message)
    if isinstance(answer, Fault):
        fault, where = answer, f"shop {message.store_id}"
        answer = error_from(fault, what=what, where=where, idempotency_key=key)
        if fault.failure is not Failure.FINAL:
            # Overload too: an attempt before this one may have been carried out by this shop, and its answer lost.
            answer = OutcomeUnknown(what, where=where, why=f"{fault.code.name}: {fault.why}", idempotency_key=key)
    return models.PartOutcome(message.store_id, answer)

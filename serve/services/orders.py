"""OrderService. New orders are made by Reserve, see `new_orders`."""

import asyncio
from functools import partial
from typing import Any, Final

import grpc

from actors.core.ids import format_order_id, ledger_of_customer
from actors.core.rejection import Rejection
from actors.orders import commands as cm
from actors.orders.state import Order
from actors.protocol.messages import Answer, Refusal
from actors.shop.state import Reservation
from holdfast.v1 import order_service_pb2 as os_
from serve.calls import Call, failure_of, fill_error
from serve.coordination.coordinator import Coordinator, OrderStep
from serve.coordination.reconciler import Reconciler
from serve.routing.router import Router
from serve.services.handed_over import HandedOver
from serve.services.store_directory import StoreDirectory
from serve.sourcing.places import Postcodes
from serve.sourcing.plan import Plan
from serve.sourcing.search import Finder, missing_of
from serve.wire import fields, orders as wo
from serve.wire.fields import fill_instant, instant_ms, lines_of
from serve.wire.orders import fill_candidate, fill_order, fill_plan
from serve.wire.reservations import fill_reservation
from serve.wire.rules import Checked
from serve.wire.statuses import fill_order_rejection, fill_rejection, refused

CANDIDATES_DEFAULT: Final = 10
SLOTS_WINDOW_MS_DEFAULT: Final = 2 * 86_400_000
MS: Final = 1_000


class Orders:
    """Serves OrderService."""

    def __init__(
        self,
        router: Router,
        stores: StoreDirectory,
        coordinator: Coordinator,
        reconciler: Reconciler,
        finder: Finder,
        postcodes: Postcodes,
        handed_over: HandedOver,
    ) -> None:
        self._router = router
        self._stores = stores
        self._coordinator = coordinator
        self._reconciler = reconciler
        self._finder = finder
        self._postcodes = postcodes
        self._handed_over = handed_over
        self.calls: Final = {
            "GetOrder": Call(self._get),
            "ListOrders": Call(self._list),
            "ConfirmOrder": Call(partial(self._step, cm.Confirm), is_step=True),
            "MarkOrderReady": Call(self._each_part, is_step=True),
            "CollectOrder": Call(self._each_part, is_step=True),
            "ReleaseOrder": Call(partial(self._step, cm.Release), is_step=True),
            "ExtendOrder": Call(partial(self._step, cm.Extend), is_step=True),
            "AmendOrder": Call(self._amend, is_step=True),
            "FindStores": Call(self._find_stores),
            "ListSlots": Call(self._list_slots),
        }

    async def _get(self, request: os_.GetOrderRequest, deadline: float, reply: os_.GetOrderResponse) -> None:
        ledger_id, number = wo.order_of(request)
        order = await self._coordinator.order(ledger_id, number, deadline)
        if order is None:
            order_id = format_order_id(ledger_id, number)
            message = f"order_id: there is no order {order_id}, or it was forgotten; check the id"
            raise refused(grpc.StatusCode.NOT_FOUND, "ORDER_NOT_FOUND", message, order_id=order_id)
        fill_order(order, ledger_id, self._router.chain, reply.order)

    async def _list(self, request: os_.ListOrdersRequest, deadline: float, reply: os_.ListOrdersResponse) -> None:
        standings = sorted({int(status) for status in request.statuses})
        scope = (request.customer_id, *standings)
        token = fields.read_token(request, "ListOrders", scope)
        ledger_id = ledger_of_customer(request.customer_id)
        asked = (ledger_id, request.customer_id, standings, int(token or 0), fields.page_size(request.page_size))
        version, page, after = await self._router.ask(ledger_id, "orders_of", *asked, deadline=deadline)
        for order in page:
            fill_order(order, ledger_id, self._router.chain, reply.orders.add())
        reply.next_page_token = fields.issue_token("ListOrders", scope, after) if after else ""
        reply.version = version

    async def _amend(self, request: os_.AmendOrderRequest, deadline: float, reply: os_.AmendOrderResponse) -> None:
        ledger_id, command = wo.amend_order(request)
        for index, plan in enumerate(command.wanted):
            await self._stores.require(plan.store_id, f"stores[{index}].store_id", deadline=deadline)
        answer = await self._coordinator.amend(ledger_id, command, deadline)
        self._fill(answer, ledger_id, reply)

    async def _find_stores(
        self, request: os_.FindStoresRequest, deadline: float, reply: os_.FindStoresResponse
    ) -> None:
        checked = Checked(request)
        place = wo.place_of(checked, request.sourcing, self._postcodes)
        checked.raise_if_faulty()
        ask, policy = wo.ask_of(request.sourcing, place, lines_of(request.lines), request.channel)
        slot_start_ms = instant_ms(request.slot_start)
        search, chosen = await self._finder.search(ask, policy, slot_start_ms, deadline, explain=request.explain)
        at_most = request.candidates_max or CANDIDATES_DEFAULT
        ranking = search.ranking(at_most, explain=request.explain)
        for candidate in ranking.candidates:
            fill_candidate(candidate, reply.candidates.add())
        reply.left_off = ranking.left_off
        for rule, count in ranking.excluded.items():
            reply.excluded.add(exclusion=int(rule), stores=count)
        if isinstance(chosen, Plan):
            for part in chosen.parts:
                fill_plan(part.store_id, part.lines, reply.plan.add())
            for sku, quantity in missing_of(chosen):
                reply.missing.add(sku=sku, quantity=quantity)
        reply.age.FromMilliseconds(int(MS * (asyncio.get_running_loop().time() - search.asked_at)))

    async def _list_slots(self, request: os_.ListSlotsRequest, deadline: float, reply: os_.ListSlotsResponse) -> None:
        Checked(request).raise_if_faulty()
        from_ms, window_ms = instant_ms(request.not_before), instant_ms(request.window) or SLOTS_WINDOW_MS_DEFAULT
        await self._stores.require(request.store_id, deadline=deadline)
        store_id = request.store_id
        version, ready_ms, zone, slots = await self._router.ask_shop_by_rules(
            store_id, "slots", from_ms, window_ms, deadline=deadline
        )
        for start_ms, end_ms, capacity, taken in slots:
            slot = reply.slots.add(capacity=capacity, left=max(0, capacity - taken))
            fill_instant(start_ms, slot.start)
            fill_instant(end_ms, slot.end)
        if ready_ms is not None:
            fill_instant(ready_ms, reply.earliest_ready)
        reply.zone = zone
        reply.version = version

    async def _step(self, kind: type[OrderStep], request: Any, deadline: float, reply: Any) -> None:
        ledger_id, command = wo.step_of_order(kind, request)
        self._fill(await self._coordinator.step(ledger_id, command, deadline), ledger_id, reply)

    def _fill(self, answer: Order | Rejection, ledger_id: str, reply: Any) -> None:
        if isinstance(answer, Order):
            fill_order(answer, ledger_id, self._router.chain, reply.order)
            return
        fill_order_rejection(answer, ledger_id, "", reply.rejection)

    async def _each_part(self, request: Any, deadline: float, reply: Any) -> None:
        """One command for each part, under a key of its own: every shop answers for itself, a repeat as at first."""
        ledger_id, fan_out = wo.step_of_parts(request)
        order = await self._coordinator.fan_out(ledger_id, fan_out, deadline)
        if isinstance(order, Rejection):
            self._fill(order, ledger_id, reply)
            return
        parts = order.certain_parts()
        steps = [(part.store_id, wo.step_of_part(request, part)) for part in parts]
        sent = [self._router.send(step, deadline, promise=True) for step in steps]
        answers = await asyncio.gather(*sent, return_exceptions=True)
        answered: list[tuple[str, Answer]] = []
        for part, step, answer in zip(parts, steps, answers, strict=True):
            outcome = reply.outcomes.add(store_id=part.store_id)
            if isinstance(answer, BaseException):
                fill_error(answer, outcome.error)
                continue
            answered.append((part.store_id, answer))
            self._handed_over.note(step, part.store_id, answer)
            if isinstance(answer, Reservation):
                fill_reservation(answer, part.store_id, self._router.chain, outcome.reservation)
            elif (failure := failure_of(answer)) is not None:
                fill_error(failure, outcome.error)
            elif isinstance(answer, Refusal):
                fill_rejection(answer, part.store_id, outcome.rejection)
        await self._reconciler.report_answers(answered, deadline)

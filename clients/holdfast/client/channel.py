"""The client of a channel system, over asyncio: reservations, stock, feeds and administration.

Calls of one method that are made at the same time are sent as one batch, and every change is retried with the same
idempotency key until it is answered or its deadline passes. A refusal by the business is an answer (`Rejection`), not
an exception; what may be raised stands in `holdfast.client.errors`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import grpc

from holdfast.client.batching import Batcher
from holdfast.client.calls import administration, orders, reservations, stock
from holdfast.client.connection import METHODS, Caller, Connection
from holdfast.client.internals import BATCHES, Internals, batched_method
from holdfast.client.limits import Limits, RetryPolicy, Timeouts
from holdfast.v1.reservation_service_pb2 import ReserveRequest


class ChannelClient:
    """Everything the service offers. Make it inside the event loop that uses it, and close it (or use `async with`).

    `target` is `host:port`. `channels` is the number of connections, used in turn. `credentials` None talks in plain
    text. `metadata` goes with every call. The calls themselves stand in `holdfast.client.calls`, with their docs.
    """

    reserve = reservations.reserve
    confirm = reservations.confirm
    mark_ready = reservations.mark_ready
    collect = reservations.collect
    release = reservations.release
    extend = reservations.extend
    amend = reservations.amend
    get_reservation = reservations.get_reservation
    list_reservations = reservations.list_reservations

    reserve_near = orders.reserve_near
    get_order = orders.get_order
    list_orders = orders.list_orders
    confirm_order = orders.confirm_order
    ready_order = orders.ready_order
    collect_order = orders.collect_order
    release_order = orders.release_order
    extend_order = orders.extend_order
    amend_order = orders.amend_order
    find_stores = orders.find_stores
    list_slots = orders.list_slots

    adjust_stock = stock.adjust_stock
    count_stock = stock.count_stock
    set_safety_stock = stock.set_safety_stock
    get_availability = stock.get_availability

    watch_availability = stock.watch_availability
    watch_events = stock.watch_events

    put_stores = administration.put_stores
    list_stores = administration.list_stores
    get_policy = administration.get_policy
    set_policy = administration.set_policy
    ledger_status = administration.ledger_status
    verify_ledger = administration.verify_ledger
    verify_orders = administration.verify_orders
    health = administration.health
    wait_until_serving = administration.wait_until_serving

    def __init__(
        self,
        target: str,
        *,
        channels: int = 1,
        credentials: grpc.ChannelCredentials | None = None,
        metadata: Sequence[tuple[str, str]] = (),
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        limits, timeouts, retry = limits or Limits(), timeouts or Timeouts(), retry or RetryPolicy()
        connection = Connection(target, channels=channels, credentials=credentials, metadata=metadata)

        def batching(request: type[Any], limits: Limits = limits) -> Batcher[Any, Any]:
            method = batched_method(connection, METHODS[request], METHODS[BATCHES[request]])
            return Batcher(method, limits=limits, timeouts=timeouts, retry=retry)

        fewer = replace(limits, batch_items_max=min(limits.batch_items_max, limits.batch_orders_max))
        self.internals = Internals(
            caller=Caller(connection, timeouts=timeouts, retry=retry),
            limits=limits,
            batchers={request: batching(request) for request in BATCHES},
            orders=batching(ReserveRequest, fewer),
        )

    async def __aenter__(self) -> "ChannelClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Take no more calls, give those under way `Timeouts.close_ms` to finish, and close the connections."""
        caller = self.internals.caller
        caller.closed = True
        grace_ms = caller.timeouts.close_ms
        batched = (batcher.close(grace_ms) for batcher in (*self.internals.batchers.values(), self.internals.orders))
        await asyncio.gather(*batched, caller.connection.drain(grace_ms))
        await caller.connection.close()

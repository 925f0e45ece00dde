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
from holdfast.client.blocking import opening
from holdfast.client.calls.administration import AdministrationCalls, BlockingAdministrationCalls
from holdfast.client.calls.allotments import AllotmentCalls, BlockingAllotmentCalls
from holdfast.client.calls.contacts import BlockingContactCalls, ContactCalls
from holdfast.client.calls.devices import BlockingDeviceCalls, DeviceCalls
from holdfast.client.calls.notices import BlockingNoticeCalls, NoticeCalls
from holdfast.client.calls.orders import BlockingOrderCalls, OrderCalls
from holdfast.client.calls.picking import BlockingPickCalls, PickCalls
from holdfast.client.calls.pickups import BlockingPickupCalls, PickupCalls
from holdfast.client.calls.reservations import BlockingReservationCalls, ReservationCalls
from holdfast.client.calls.shortfalls import BlockingShortfallCalls, ShortfallCalls
from holdfast.client.calls.stock import BlockingStockCalls, StockCalls
from holdfast.client.calls.transfers import BlockingTransferCalls, TransferCalls
from holdfast.client.connection import METHODS, Caller, Connection
from holdfast.client.internals import BATCHES, Internals, KeyStamps, batched_method, result_from
from holdfast.client.limits import Limits, RetryPolicy, Timeouts
from holdfast.v1.reservation_service_pb2 import ReserveRequest


class ChannelClient(
    ReservationCalls,
    OrderCalls,
    PickCalls,
    StockCalls,
    AllotmentCalls,
    TransferCalls,
    ShortfallCalls,
    ContactCalls,
    PickupCalls,
    NoticeCalls,
    DeviceCalls,
    AdministrationCalls,
):
    """Everything the service offers. Make it inside the event loop that uses it, and close it (or use `async with`).

    `target` is `host:port`. `channels` is the number of connections, used in turn. `credentials` None talks in plain
    text. `metadata` goes with every call. The calls themselves stand in `holdfast.client.calls`, with their docs.
    """

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

        stamps = KeyStamps()

        def batching(request: type[Any], limits: Limits = limits) -> Batcher[Any, Any]:
            read = stamps.read if request is ReserveRequest else result_from
            method = batched_method(connection, METHODS[request], METHODS[BATCHES[request]], read)
            return Batcher(method, limits=limits, timeouts=timeouts, retry=retry)

        fewer = replace(limits, batch_items_max=min(limits.batch_items_max, limits.batch_orders_max))
        self.internals = Internals(
            caller=Caller(connection, timeouts=timeouts, retry=retry),
            limits=limits,
            batchers={request: batching(request) for request in BATCHES},
            orders=batching(ReserveRequest, fewer),
            stamps=stamps,
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


class BlockingChannelClient(
    BlockingReservationCalls,
    BlockingOrderCalls,
    BlockingPickCalls,
    BlockingStockCalls,
    BlockingAllotmentCalls,
    BlockingTransferCalls,
    BlockingShortfallCalls,
    BlockingContactCalls,
    BlockingPickupCalls,
    BlockingNoticeCalls,
    BlockingDeviceCalls,
    BlockingAdministrationCalls,
):
    """`ChannelClient` for threads, with the same arguments. Thread-safe; concurrent threads' calls batch together."""

    @opening(ChannelClient)
    def __init__(self, client: ChannelClient) -> None:
        self.client: ChannelClient = client

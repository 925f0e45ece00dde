"""Movements, counts and safety stock; positions in bulk. Changes answer with `StockChange | Rejection`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, cast

from holdfast.client.blocking import BlockingClient, blocking, watching
from holdfast.client.internals import Client, change, read
from holdfast.client.models import stock as models
from holdfast.client.models.events import Event, event_from
from holdfast.client.statuses import error_from, fault_from_item
from holdfast.client.subscription import FeedItem, Subscription, cursor_messages
from holdfast.client.wire_types import LineQuantities, to_message
from holdfast.v1 import event_service_pb2, stock_pb2, stock_service_pb2 as service_pb2

_CURSORS_MAX = 1_024
"""Shops that one watch may name. Those beyond it are streamed from their beginning, and what was seen is dropped."""


class StockCalls(Client, Protocol):
    """Calls for stock and events."""

    async def adjust_stock(
        self,
        store_id: str,
        source: str,
        adjustments: Iterable[models.Adjustment],
        *,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.StockOutcome:
        """Apply movements of one source, 1 to 4,096 rows; rows repeated or late are dropped and counted."""
        request = to_message(service_pb2.AdjustStockRequest, store_id=store_id, source=source, adjustments=adjustments)
        return cast("models.StockOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def count_stock(
        self,
        store_id: str,
        counts: LineQuantities,
        *,
        holds: models.HoldsCounted,
        allotted: models.AllottedCounted = models.AllottedCounted.INCLUDED,
        as_of_ms: int | None = None,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.StockOutcome:
        """Set what was counted as of an instant that has passed (None: now); movements since then are kept, units may
        be zero.
        """
        request = to_message(
            service_pb2.CountStockRequest,
            store_id=store_id,
            counts=counts,
            as_of_ms=as_of_ms,
            holds=holds,
            allotted=allotted,
        )
        return cast("models.StockOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def set_safety_stock(
        self,
        store_id: str,
        safety_stocks: LineQuantities,
        *,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.StockOutcome:
        """Set the units that a shop keeps back, by SKU; zero keeps none."""
        request = to_message(service_pb2.SetSafetyStockRequest, store_id=store_id, safety_stocks=safety_stocks)
        return cast("models.StockOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def get_availability(
        self,
        store_ids: Iterable[str],
        skus: Iterable[str],
        *,
        min_versions: Mapping[str, int] | None = None,
        timeout_ms: int | None = None,
    ) -> tuple[models.StoreAvailability | models.UnreachableStore, ...]:
        """Positions of the SKUs in the shops, each shop at one version, in the sequence asked for. A shop that did not
        answer, or is stopped, is told as such beside others; where none could be read, this raises its error.

        `min_versions` says, by shop, what its answer must have reached; raises StaleRead where it has not.
        """
        request = service_pb2.GetAvailabilityRequest(
            store_ids=list(store_ids), skus=list(skus), min_versions=dict(min_versions or {})
        )
        return tuple(map(_store_from, (await read(self, request, timeout_ms)).stores))

    def watch_availability(
        self, cursors: Mapping[str, int] | Iterable[str], *, skus: Iterable[str] = ()
    ) -> Subscription[models.AvailabilityChange]:
        """Positions of 1 to 1,024 shops as they change; `cursors` are shops, or shops with the last version seen."""
        wanted = tuple(skus)

        def request(cursors: Mapping[str, int]) -> service_pb2.WatchAvailabilityRequest:
            return service_pb2.WatchAvailabilityRequest(cursors=cursor_messages(cursors), skus=wanted)

        def items(message: service_pb2.WatchAvailabilityResponse) -> Iterator[FeedItem[models.AvailabilityChange]]:
            change = models.availability_change_from(message)
            item = change if change.positions else None
            yield FeedItem(change.store_id, change.version, item, message.record_hash)

        return Subscription(request, items, cursors, self.internals)

    def watch_events(
        self, cursors: Mapping[str, int] | Iterable[str] = (), *, all_stores: bool = False, cursor: bytes = b""
    ) -> Subscription[Event]:
        """Everything that happens in the shops named, or in all, without gaps; `cursors` as in `watch_availability`.
        `cursor` is that of an earlier watch of all.
        """

        def request(cursors: Mapping[str, int]) -> event_service_pb2.WatchEventsRequest:
            named = cursor_messages(cursors)
            return event_service_pb2.WatchEventsRequest(
                cursors=named[:_CURSORS_MAX] if all_stores else named, all_stores=all_stores
            )

        def items(message: event_service_pb2.WatchEventsResponse) -> Iterator[FeedItem[Event]]:
            for row in message.events:
                event = event_from(row)
                yield FeedItem(event.store_id, event.version, event, row.record_hash, event.version - 1)

        return Subscription(request, items, cursors, self.internals, cursor)

    async def acknowledge_events(
        self,
        reader: str,
        cursors: Mapping[str, int] | None = None,
        *,
        cursor: bytes = b"",
        timeout_ms: int | None = None,
    ) -> None:
        """Say up to where a named reader has taken over events: the `cursors` or the `cursor` of its watch. What it has
        not is kept for it from its first acknowledgement on.
        """
        request = event_service_pb2.AcknowledgeEventsRequest(
            reader=reader, cursors=cursor_messages(cursors or {}), cursor=cursor
        )
        await self.internals.caller.ask(request, timeout_ms=timeout_ms, idempotency_key="")


def _store_from(message: stock_pb2.StoreAvailability) -> models.StoreAvailability | models.UnreachableStore:
    if not message.HasField("error"):
        return models.availability_from(message)
    fault, where = fault_from_item(message.error), f"shop {message.store_id}"
    error = error_from(fault, what="GetAvailability", where=where, idempotency_key=None)
    return models.UnreachableStore(message.store_id, error)


class BlockingStockCalls(BlockingClient):
    """`StockCalls` for threads."""

    adjust_stock = blocking(StockCalls.adjust_stock)
    count_stock = blocking(StockCalls.count_stock)
    set_safety_stock = blocking(StockCalls.set_safety_stock)
    get_availability = blocking(StockCalls.get_availability)
    watch_availability = watching(StockCalls.watch_availability)
    watch_events = watching(StockCalls.watch_events)
    acknowledge_events = blocking(StockCalls.acknowledge_events)

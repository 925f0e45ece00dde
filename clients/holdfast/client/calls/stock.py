"""Movements, counts and safety stock; positions in bulk. Changes answer with `StockChange | Rejection`."""

from collections.abc import Iterable, Mapping
from typing import cast

from holdfast.client.internals import Client, change, read
from holdfast.client.models.events import Event
from holdfast.client.models.stock import (
    Adjustment,
    AvailabilityChange,
    HoldsCounted,
    StockOutcome,
    StoreAvailability,
    availability_from,
)
from holdfast.client.subscription import Subscription, availability_feed, event_feed, starting_cursors
from holdfast.client.wire_types import LineQuantities, to_message
from holdfast.v1 import stock_service_pb2 as service_pb2


async def adjust_stock(
    self: Client,
    store_id: str,
    source: str,
    adjustments: Iterable[Adjustment],
    *,
    idempotency_key: str | None = None,
    timeout_ms: int | None = None,
) -> StockOutcome:
    """Apply movements of one source, 1 to 4,096 rows; rows repeated or late are dropped and counted."""
    request = to_message(service_pb2.AdjustStockRequest, store_id=store_id, source=source, adjustments=adjustments)
    return cast("StockOutcome", await change(self, request, idempotency_key, timeout_ms))


async def count_stock(
    self: Client,
    store_id: str,
    counts: LineQuantities,
    *,
    holds: HoldsCounted,
    as_of_ms: int | None = None,
    idempotency_key: str | None = None,
    timeout_ms: int | None = None,
) -> StockOutcome:
    """Set what was counted as of an instant (None: now); movements since then are kept. Units may be zero."""
    request = to_message(
        service_pb2.CountStockRequest, store_id=store_id, counts=counts, as_of_ms=as_of_ms, holds=holds
    )
    return cast("StockOutcome", await change(self, request, idempotency_key, timeout_ms))


async def set_safety_stock(
    self: Client,
    store_id: str,
    safety_stocks: LineQuantities,
    *,
    idempotency_key: str | None = None,
    timeout_ms: int | None = None,
) -> StockOutcome:
    """Set the units that a shop keeps back, by SKU; zero keeps none."""
    request = to_message(service_pb2.SetSafetyStockRequest, store_id=store_id, safety_stocks=safety_stocks)
    return cast("StockOutcome", await change(self, request, idempotency_key, timeout_ms))


async def get_availability(
    self: Client,
    store_ids: Iterable[str],
    skus: Iterable[str],
    *,
    min_versions: Mapping[str, int] | None = None,
    timeout_ms: int | None = None,
) -> tuple[StoreAvailability, ...]:
    """Positions of the SKUs in the shops, each shop at one version, in the sequence asked for.

    `min_versions` says, by shop, what its answer must have reached; raises StaleRead where it has not.
    """
    request = service_pb2.GetAvailabilityRequest(
        store_ids=list(store_ids), skus=list(skus), min_versions=dict(min_versions or {})
    )
    return tuple(map(availability_from, (await read(self, request, timeout_ms)).stores))


def watch_availability(
    self: Client, cursors: Mapping[str, int] | Iterable[str], *, skus: Iterable[str] = ()
) -> Subscription[AvailabilityChange]:
    """Positions of 1 to 1,024 shops as they change; `cursors` are shops, or shops with the last version seen."""
    internals = self.internals
    silence_ms_max = internals.limits.watch_silence_ms_max
    feed = availability_feed(tuple(skus))
    return Subscription(feed, starting_cursors(cursors), caller=internals.caller, silence_ms_max=silence_ms_max)


def watch_events(
    self: Client, cursors: Mapping[str, int] | Iterable[str] = (), *, all_stores: bool = False
) -> Subscription[Event]:
    """Everything that happens in the shops named, or in all, without gaps; `cursors` as in `watch_availability`."""
    internals = self.internals
    silence_ms_max = internals.limits.watch_silence_ms_max
    feed = event_feed(all_stores=all_stores)
    return Subscription(feed, starting_cursors(cursors), caller=internals.caller, silence_ms_max=silence_ms_max)

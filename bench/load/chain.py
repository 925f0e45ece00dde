"""The shops of a run: brought to whatever service is tested, under names that nobody else has, and put away in the end.

A service keeps its shops for ever. What is put away is empty, holds nothing and is paused; what stays is said.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from bench.load.lanes import PLACE
from bench.load.loops import gathered
from bench.samples import ROWS_MAX, UNITS
from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    ChannelClient,
    HoldfastError,
    HoldsCounted,
    OrderStatus,
    ReleaseReason,
    Status,
    Store,
    StoreAvailability,
    Timeouts,
)

STORES_PUT_MAX: Final = 1_024
SKUS_READ_MAX: Final = 500
AT_ONCE: Final = 16
RELEASED_AT_ONCE: Final = 1_024
CALL_MS: Final = 60_000
PATIENT: Final = Timeouts(call_ms=CALL_MS, attempt_ms=CALL_MS)
LIVE: Final = (Status.HELD, Status.CONFIRMED, Status.READY)

T = TypeVar("T")
Stock = Mapping[str, Sequence[str]]
"""SKUs by shop."""


@dataclass(frozen=True, slots=True)
class Left:
    """What stays in a service that is not the run's own."""

    stores: tuple[str, ...]
    released: int
    failures: tuple[str, ...]

    def sentence(self) -> str:
        first, last = self.stores[0], self.stores[-1]
        kept = f"{len(self.stores)} shops, {first} to {last}, paused, without stock, and their journals"
        said = f"put away: {self.released:,} reservations released; what stays, as shops stay for ever: {kept}"
        return said if not self.failures else f"{said}. NOT PUT AWAY: {'; '.join(self.failures[:3])}"


def names(run: str, stores: int) -> tuple[str, ...]:
    """Shops that no other run has."""
    return tuple(f"load-{run}-{number:04d}" for number in range(stores))


async def bring(client: ChannelClient, run: str, stock: Stock, units: int = UNITS) -> None:
    """Put the shops, and receive so many units of each SKU."""
    stores = [Store(each, "load test", PLACE.latitude, PLACE.longitude) for each in stock]
    for first in range(0, len(stores), STORES_PUT_MAX):
        await client.put_stores(stores[first : first + STORES_PUT_MAX], timeout_ms=CALL_MS)
    await receive(client, run, stock, units)


async def receive(client: ChannelClient, source: str, stock: Stock, units: int) -> None:
    """So many units more of each SKU; a source delivers once."""

    async def of_store(store_id: str) -> None:
        for first, skus in _slices(stock[store_id], ROWS_MAX):
            rows = [
                Adjustment(sku, units, number, AdjustmentKind.RECEIPT)
                for number, sku in enumerate(skus, start=first + 1)
            ]
            await client.adjust_stock(store_id, source, rows, timeout_ms=CALL_MS)

    await gathered(stock, of_store, at_once=AT_ONCE)


async def versions(client: ChannelClient, ledgers: Iterable[str]) -> dict[str, int]:
    """Where each ledger stands."""

    async def of(ledger: str) -> int:
        return (await client.ledger_status(ledger, timeout_ms=CALL_MS)).version

    return await gathered(ledgers, of, at_once=AT_ONCE)


async def put_away(client: ChannelClient, stock: Stock) -> Left:
    """Release what is held, pause the shops, and count their stock to nothing."""
    failures: list[str] = []
    stores = [Store(each, "load test, over", PLACE.latitude, PLACE.longitude, paused=True) for each in stock]
    for first in range(0, len(stores), STORES_PUT_MAX):
        await client.put_stores(stores[first : first + STORES_PUT_MAX], timeout_ms=CALL_MS)

    async def of_store(store_id: str) -> int:
        try:
            released = await _release(client, store_id)
            for _, skus in _slices(stock[store_id], ROWS_MAX):
                counts = [(sku, 0) for sku in skus]
                await client.count_stock(store_id, counts, holds=HoldsCounted.INCLUDED, timeout_ms=CALL_MS)
        except HoldfastError as error:
            failures.append(f"{store_id}: {error}")
            return 0
        return released

    released = sum((await gathered(stock, of_store, at_once=AT_ONCE)).values())
    failures += await _still_there(client, stock)
    return Left(tuple(stock), released, tuple(failures))


async def _release(client: ChannelClient, store_id: str) -> int:
    """Everything that is live in a shop; orders as orders."""
    released, orders = 0, set[str]()
    batch: list[str] = []
    async for each in client.list_reservations(store_id, statuses=LIVE, page_size=1_000):
        if each.order_id:
            orders.add(each.order_id)
        else:
            batch.append(each.reservation_id)
    reason = ReleaseReason.CUSTOMER_CANCELLED
    for _, chosen in _slices(batch, RELEASED_AT_ONCE):
        await asyncio.gather(*(client.release(each, reason=reason, timeout_ms=CALL_MS) for each in chosen))
        released += len(chosen)
    for order_id in orders:
        if (await client.get_order(order_id)).status in (OrderStatus.HELD, OrderStatus.CONFIRMED):
            await client.release_order(order_id, reason=reason, timeout_ms=CALL_MS)
            released += 1
    return released


async def _still_there(client: ChannelClient, stock: Stock) -> list[str]:
    """Units that shops still have, or hold."""

    async def of_store(store_id: str) -> str:
        units = 0
        for _, skus in _slices(stock[store_id], SKUS_READ_MAX):
            for found in await client.get_availability([store_id], skus, timeout_ms=CALL_MS):
                if isinstance(found, StoreAvailability):
                    units += sum(each.on_hand + each.reserved for each in found.positions)
        return f"{store_id} has {units:,} units" if units else ""

    return [each for each in (await gathered(stock, of_store, at_once=AT_ONCE)).values() if each]


def _slices(whole: Sequence[T], size: int) -> Iterable[tuple[int, Sequence[T]]]:
    return ((first, whole[first : first + size]) for first in range(0, len(whole), size))

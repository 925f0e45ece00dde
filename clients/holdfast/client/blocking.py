"""`BlockingChannelClient`: the channel client for threads. Every call blocks its thread; all threads share one loop."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import grpc

from holdfast.client.calls import administration, orders, reservations, sourcing, stock
from holdfast.client.channel import ChannelClient
from holdfast.client.faces import BlockingIterator, BlockingSubscription, blocking, close_client, open_client
from holdfast.client.limits import Limits, Timeouts
from holdfast.client.retry import RetryPolicy
from holdfast.client.values.administration import Store
from holdfast.client.values.events import Event
from holdfast.client.values.reservations import Reservation, Status
from holdfast.client.values.stock import AvailabilityChange


class BlockingChannelClient:
    """`ChannelClient` for threads, with the same arguments. Thread-safe; concurrent threads' calls batch together."""

    reserve = blocking(reservations.reserve)
    confirm = blocking(reservations.confirm)
    mark_ready = blocking(reservations.mark_ready)
    collect = blocking(reservations.collect)
    release = blocking(reservations.release)
    extend = blocking(reservations.extend)
    amend = blocking(reservations.amend)
    get_reservation = blocking(reservations.get_reservation)

    reserve_near = blocking(orders.reserve_near)
    get_order = blocking(orders.get_order)
    confirm_order = blocking(orders.confirm_order)
    ready_order = blocking(orders.ready_order)
    collect_order = blocking(orders.collect_order)
    release_order = blocking(orders.release_order)
    extend_order = blocking(orders.extend_order)
    amend_order = blocking(orders.amend_order)
    find_stores = blocking(sourcing.find_stores)
    list_slots = blocking(sourcing.list_slots)

    adjust_stock = blocking(stock.adjust_stock)
    count_stock = blocking(stock.count_stock)
    set_safety_stock = blocking(stock.set_safety_stock)
    get_availability = blocking(stock.get_availability)

    put_stores = blocking(administration.put_stores)
    get_policy = blocking(administration.get_policy)
    set_policy = blocking(administration.set_policy)
    ledger_status = blocking(administration.ledger_status)
    verify_ledger = blocking(administration.verify_ledger)
    verify_orders = blocking(administration.verify_orders)
    health = blocking(administration.health)
    wait_until_serving = blocking(administration.wait_until_serving)

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
        async def make() -> ChannelClient:
            return ChannelClient(
                target,
                channels=channels,
                credentials=credentials,
                metadata=metadata,
                limits=limits,
                timeouts=timeouts,
                retry=retry,
            )

        self.portal, self.client = open_client(f"holdfast-client-{target}", make)

    def list_reservations(
        self, store_id: str, *, statuses: Iterable[Status] = (), page_size: int = 100, timeout_ms: int | None = None
    ) -> Iterator[Reservation]:
        """A shop's reservations, oldest first, page by page as they are consumed."""
        items = self.client.list_reservations(store_id, statuses=statuses, page_size=page_size, timeout_ms=timeout_ms)
        return BlockingIterator(self.portal, items)

    def list_stores(self, *, page_size: int = 100, timeout_ms: int | None = None) -> Iterator[Store]:
        """The chain's shops by id, page by page as they are consumed."""
        return BlockingIterator(self.portal, self.client.list_stores(page_size=page_size, timeout_ms=timeout_ms))

    def watch_availability(
        self, cursors: Mapping[str, int] | Iterable[str], *, skus: Iterable[str] = ()
    ) -> BlockingSubscription[AvailabilityChange]:
        """Positions of shops as they change."""
        return BlockingSubscription(self.portal, self.client.watch_availability(cursors, skus=skus))

    def watch_events(
        self, cursors: Mapping[str, int] | Iterable[str] = (), *, all_stores: bool = False
    ) -> BlockingSubscription[Event]:
        """Everything that happens in the shops named, or in all."""
        return BlockingSubscription(self.portal, self.client.watch_events(cursors, all_stores=all_stores))

    def __enter__(self) -> "BlockingChannelClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish the calls under way as `ChannelClient.close` does, and end the thread. Safe to repeat."""
        close_client(self.portal, self.client)

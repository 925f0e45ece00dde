"""`BlockingChannelClient` and `BlockingTillClient`: the clients for threads, each over one loop in one thread."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import grpc

from holdfast.client.calls import administration, orders, reservations, stock
from holdfast.client.channel import ChannelClient
from holdfast.client.limits import Limits, RetryPolicy, Timeouts
from holdfast.client.models.administration import Store
from holdfast.client.models.events import Event
from holdfast.client.models.orders import Order, OrderStatus
from holdfast.client.models.reservations import Reservation, Status
from holdfast.client.models.stock import Adjustment, AvailabilityChange
from holdfast.client.sync import BlockingIterator, BlockingSubscription, blocking, close_client, open_client
from holdfast.client.till import TILL_TIMEOUTS, TillClient
from holdfast.client.till_journal import UNSENT_ROWS_MAX


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
    find_stores = blocking(orders.find_stores)
    list_slots = blocking(orders.list_slots)

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

        self.loop_thread, self.client = open_client(f"holdfast-client-{target}", make)

    def list_reservations(
        self, store_id: str, *, statuses: Iterable[Status] = (), page_size: int = 100, timeout_ms: int | None = None
    ) -> Iterator[Reservation]:
        """A shop's reservations, oldest first, page by page as they are consumed."""
        items = self.client.list_reservations(store_id, statuses=statuses, page_size=page_size, timeout_ms=timeout_ms)
        return BlockingIterator(self.loop_thread, items)

    def list_orders(
        self,
        customer_id: str,
        *,
        statuses: Iterable[OrderStatus] = (),
        page_size: int = 100,
        timeout_ms: int | None = None,
    ) -> Iterator[Order]:
        """A customer's orders, oldest first, page by page as they are consumed."""
        items = self.client.list_orders(customer_id, statuses=statuses, page_size=page_size, timeout_ms=timeout_ms)
        return BlockingIterator(self.loop_thread, items)

    def list_stores(self, *, page_size: int = 100, timeout_ms: int | None = None) -> Iterator[Store]:
        """The chain's shops by id, page by page as they are consumed."""
        return BlockingIterator(self.loop_thread, self.client.list_stores(page_size=page_size, timeout_ms=timeout_ms))

    def watch_availability(
        self, cursors: Mapping[str, int] | Iterable[str], *, skus: Iterable[str] = ()
    ) -> BlockingSubscription[AvailabilityChange]:
        """Positions of shops as they change."""
        return BlockingSubscription(self.loop_thread, self.client.watch_availability(cursors, skus=skus))

    def watch_events(
        self, cursors: Mapping[str, int] | Iterable[str] = (), *, all_stores: bool = False
    ) -> BlockingSubscription[Event]:
        """Everything that happens in the shops named, or in all."""
        return BlockingSubscription(self.loop_thread, self.client.watch_events(cursors, all_stores=all_stores))

    def __enter__(self) -> "BlockingChannelClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish the calls under way as `ChannelClient.close` does, and end the thread. Safe to repeat."""
        close_client(self.loop_thread, self.client)


class BlockingTillClient:
    """`TillClient` for threads, with the same arguments."""

    sell = blocking(TillClient.sell)
    take_back = blocking(TillClient.take_back)
    receive = blocking(TillClient.receive)
    record = blocking(TillClient.record)
    flush = blocking(TillClient.flush)
    count = blocking(TillClient.count)
    pickup = blocking(TillClient.pickup)
    collect = blocking(TillClient.collect)
    availability = blocking(TillClient.availability)

    def __init__(
        self,
        target: str,
        *,
        store_id: str,
        till: str,
        journal_path: Path,
        unsent_rows_max: int = UNSENT_ROWS_MAX,
        credentials: grpc.ChannelCredentials | None = None,
        metadata: Sequence[tuple[str, str]] = (),
        limits: Limits | None = None,
        timeouts: Timeouts = TILL_TIMEOUTS,
        retry: RetryPolicy | None = None,
    ) -> None:
        async def make() -> TillClient:
            return TillClient(
                target,
                store_id=store_id,
                till=till,
                journal_path=journal_path,
                unsent_rows_max=unsent_rows_max,
                credentials=credentials,
                metadata=metadata,
                limits=limits,
                timeouts=timeouts,
                retry=retry,
            )

        self.loop_thread, self.client = open_client(f"holdfast-till-{till}", make)

    @property
    def unsent(self) -> tuple[Adjustment, ...]:
        """The movements that the service has not taken yet, in sequence."""
        return self.client.journal.unsent

    def ready_pickups(self, *, timeout_ms: int | None = None) -> Iterator[Reservation]:
        """What waits at this shop's counter, oldest first."""
        return BlockingIterator(self.loop_thread, self.client.ready_pickups(timeout_ms=timeout_ms))

    def watch(self, *, after_version: int = 0) -> BlockingSubscription[Event]:
        """What happens in this shop, from the event after `after_version` on."""
        return BlockingSubscription(self.loop_thread, self.client.watch(after_version=after_version))

    def watch_availability(
        self, *, after_version: int = 0, skus: Sequence[str] = ()
    ) -> BlockingSubscription[AvailabilityChange]:
        """This shop's positions as they change; `skus` empty watches all."""
        return BlockingSubscription(
            self.loop_thread, self.client.watch_availability(after_version=after_version, skus=skus)
        )

    def __enter__(self) -> "BlockingTillClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and the file, and end the thread. Safe to repeat."""
        close_client(self.loop_thread, self.client)

"""`BlockingTillClient`: the till client for programs without an event loop. Thread-safe."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc

from holdfast.client.faces import BlockingIterator, BlockingSubscription, blocking, close_client, open_client
from holdfast.client.limits import Limits, Timeouts
from holdfast.client.retry import RetryPolicy
from holdfast.client.till import TILL_TIMEOUTS, TillClient
from holdfast.client.till_journal import UNSENT_ROWS_MAX
from holdfast.client.values.events import Event
from holdfast.client.values.reservations import Reservation
from holdfast.client.values.stock import Adjustment, AvailabilityChange


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

        self.portal, self.client = open_client(f"holdfast-till-{till}", make)

    @property
    def unsent(self) -> tuple[Adjustment, ...]:
        """The movements that the service has not taken yet, in sequence."""
        return self.client.journal.unsent

    def ready_pickups(self, *, timeout_ms: int | None = None) -> Iterator[Reservation]:
        """What waits at this shop's counter, oldest first."""
        return BlockingIterator(self.portal, self.client.ready_pickups(timeout_ms=timeout_ms))

    def watch(self, *, after_version: int = 0) -> BlockingSubscription[Event]:
        """What happens in this shop, from the event after `after_version` on."""
        return BlockingSubscription(self.portal, self.client.watch(after_version=after_version))

    def watch_availability(
        self, *, after_version: int = 0, skus: Sequence[str] = ()
    ) -> BlockingSubscription[AvailabilityChange]:
        """This shop's positions as they change; `skus` empty watches all."""
        return BlockingSubscription(self.portal, self.client.watch_availability(after_version=after_version, skus=skus))

    def __enter__(self) -> "BlockingTillClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and the file, and end the thread. Safe to repeat."""
        close_client(self.portal, self.client)

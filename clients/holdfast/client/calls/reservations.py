"""Reserve, confirm, mark ready, collect, return, release, extend, amend; read one reservation or a shop's.

Changes answer with `Reservation | Rejection`.
`idempotency_key` None makes a fresh one; a caller that may itself be restarted gives its own, so that it can ask again.
`timeout_ms` is the deadline of the call with all its attempts.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Protocol, cast

from holdfast.client.blocking import BlockingClient, blocking, iterating
from holdfast.client.internals import Client, Outcomes, change, pages, read, submit
from holdfast.client.models.orders import ReserveOutcome
from holdfast.client.models.reservations import HandOver, ReleaseReason, Reservation, Status, reservation_from
from holdfast.client.subscription import FeedItem, Subscription
from holdfast.client.wire_types import LineQuantities, to_message
from holdfast.v1 import reservation_service_pb2 as service_pb2


class ReservationCalls(Client, Protocol):
    """Calls for the reservations of one shop."""

    async def reserve(
        self,
        store_id: str,
        lines: LineQuantities,
        *,
        customer_id: str,
        channel: str,
        basket_id: str = "",
        ttl_ms: int | None = None,
        slot_start_ms: int | None = None,
        external_reference: str = "",
        wait_ms: int | None = None,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> ReserveOutcome:
        """Hold units of one or more SKUs in one shop, all or nothing. `lines` are pairs of SKU and units.

        `ttl_ms` None leaves the time to the rules. Reserving again for the same `basket_id` replaces its hold.
        `slot_start_ms` is the start of a pickup slot of `list_slots`, whose place is taken together with the units.
        `external_reference` is the caller's own number, shown in answers. With `wait_ms` it stands in line so long
        where stock is short, and the answer is QUEUED; of one line.
        """
        request = to_message(
            service_pb2.ReserveRequest,
            store_id=store_id,
            lines=lines,
            customer_id=customer_id,
            channel=channel,
            basket_id=basket_id,
            ttl_ms=ttl_ms,
            slot_start_ms=slot_start_ms,
            external_reference=external_reference,
            wait_ms=wait_ms,
        )
        lines_asked = len(request.lines)
        outcome = await submit(self, request, idempotency_key, timeout_ms, ledger=store_id, lines=lines_asked)
        return cast("ReserveOutcome", outcome)

    async def confirm(
        self,
        reservation_id: str,
        *,
        collect_within_ms: int | None = None,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> Outcomes:
        """HELD to CONFIRMED: the order is placed. `collect_within_ms` None leaves the time to collect to the policy."""
        request = to_message(
            service_pb2.ConfirmReservationRequest, reservation_id=reservation_id, collect_within_ms=collect_within_ms
        )
        return await _batched(self, request, idempotency_key, timeout_ms)

    async def collect(
        self,
        reservation_id: str,
        *,
        payment_reference: str,
        lines: LineQuantities = (),
        till: str = "",
        hand_over: HandOver | None = None,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> Outcomes:
        """Held, confirmed or ready to sold, in one step; `lines` empty collects all that is still held. `till` is who
        hands them over: what was given to one till, no other collects. `hand_over` is kept, and told to who is late.
        """
        request = to_message(
            service_pb2.CollectReservationRequest,
            reservation_id=reservation_id,
            payment_reference=payment_reference,
            lines=lines,
            till=till,
            hand_over=hand_over,
        )
        return await _batched(self, request, idempotency_key, timeout_ms)

    async def return_reservation(
        self,
        reservation_id: str,
        *,
        lines: LineQuantities = (),
        unsellable: LineQuantities = (),
        refund_reference: str = "",
        till: str = "",
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> Outcomes:
        """Take goods back that were collected; `lines` empty takes all that have not come back. `unsellable` are those
        of them that are written off, and not on hand again. Never more than were collected, and while it is known.
        """
        request = to_message(
            service_pb2.ReturnReservationRequest,
            reservation_id=reservation_id,
            lines=lines,
            unsellable=unsellable,
            refund_reference=refund_reference,
            till=till,
        )
        return cast("Outcomes", await change(self, request, idempotency_key, timeout_ms))

    async def release(
        self,
        reservation_id: str,
        *,
        reason: ReleaseReason,
        lines: LineQuantities = (),
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> Outcomes:
        """Give units back; `lines` empty releases all that is still held."""
        request = to_message(
            service_pb2.ReleaseReservationRequest, reservation_id=reservation_id, reason=reason, lines=lines
        )
        return await _batched(self, request, idempotency_key, timeout_ms)

    async def mark_ready(
        self, reservation_id: str, *, idempotency_key: str | None = None, timeout_ms: int | None = None
    ) -> Outcomes:
        """CONFIRMED to READY: the goods wait at the counter."""
        request = service_pb2.MarkReservationReadyRequest(reservation_id=reservation_id)
        return cast("Outcomes", await change(self, request, idempotency_key, timeout_ms))

    async def extend(
        self,
        reservation_id: str,
        *,
        ttl_ms: int,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> Outcomes:
        """Move the deadline of a live reservation to `ttl_ms` from now."""
        request = to_message(service_pb2.ExtendReservationRequest, reservation_id=reservation_id, ttl_ms=ttl_ms)
        return cast("Outcomes", await change(self, request, idempotency_key, timeout_ms))

    async def give(
        self,
        reservation_id: str,
        till: str,
        *,
        ttl_ms: int,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> Outcomes:
        """Give a reservation to one till for `ttl_ms`, within its own deadline: so long no other till hands it out."""
        request = to_message(
            service_pb2.GiveReservationRequest, reservation_id=reservation_id, till=till, ttl_ms=ttl_ms
        )
        return cast("Outcomes", await change(self, request, idempotency_key, timeout_ms))

    async def amend(
        self,
        reservation_id: str,
        *,
        lines: LineQuantities = (),
        ttl_ms: int | None = None,
        slot_start_ms: int | None = None,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> Outcomes:
        """Change lines, deadline or pickup slot in one step; refused, the reservation stays as it was.

        `lines` are all of its lines from now on; what is left out stays as it is.
        """
        request = to_message(
            service_pb2.AmendReservationRequest,
            reservation_id=reservation_id,
            lines=lines,
            ttl_ms=ttl_ms,
            slot_start_ms=slot_start_ms,
        )
        return cast("Outcomes", await change(self, request, idempotency_key, timeout_ms))

    async def get_reservation(
        self, reservation_id: str, *, min_version: int = 0, timeout_ms: int | None = None
    ) -> Reservation:
        """One reservation as it is now. Raises NotFound; StaleRead where the ledger is older than `min_version`."""
        request = service_pb2.GetReservationRequest(reservation_id=reservation_id, min_version=min_version)
        return reservation_from((await read(self, request, timeout_ms)).reservation)

    async def watch_reservation(self, reservation_id: str) -> AsyncIterator[Reservation]:
        """How a reservation stands: now, and each time that its place in line or its time is another, until it waits no
        more. Watches again by itself where the stream breaks, and tells nothing twice. Raises NotFound.
        """
        request = service_pb2.WatchReservationRequest(reservation_id=reservation_id)
        store_id, last = reservation_id.rpartition(":")[0], None

        def items(message: service_pb2.WatchReservationResponse) -> Iterator[FeedItem[Reservation]]:
            standing = reservation_from(message.reservation)
            yield FeedItem(store_id, standing.version, standing, record_hash=0)

        async with Subscription(lambda _: request, items, (store_id,), self.internals) as told:
            async for standing in told:
                if standing != last:
                    yield standing
                last = standing
                if standing.status is not Status.QUEUED:
                    return

    def list_reservations(
        self,
        store_id: str,
        *,
        statuses: Iterable[Status] = (),
        page_size: int = 100,
        timeout_ms: int | None = None,
    ) -> AsyncIterator[Reservation]:
        """A shop's reservations, oldest first, page by page as they are consumed; `statuses` empty lists all.

        `page_size` is 1 to 1,000; `timeout_ms` is the deadline of each page.
        """
        request = to_message(
            service_pb2.ListReservationsRequest, store_id=store_id, statuses=statuses, page_size=page_size
        )
        return pages(self, request, "reservations", reservation_from, timeout_ms)


class BlockingReservationCalls(BlockingClient):
    """`ReservationCalls` for threads."""

    reserve = blocking(ReservationCalls.reserve)
    confirm = blocking(ReservationCalls.confirm)
    mark_ready = blocking(ReservationCalls.mark_ready)
    collect = blocking(ReservationCalls.collect)
    return_reservation = blocking(ReservationCalls.return_reservation)
    release = blocking(ReservationCalls.release)
    extend = blocking(ReservationCalls.extend)
    give = blocking(ReservationCalls.give)
    amend = blocking(ReservationCalls.amend)
    get_reservation = blocking(ReservationCalls.get_reservation)
    watch_reservation = iterating(ReservationCalls.watch_reservation)
    list_reservations = iterating(ReservationCalls.list_reservations)


async def _batched(client: Client, request: Any, idempotency_key: str | None, timeout_ms: int | None) -> Outcomes:
    store_id = request.reservation_id.rpartition(":")[0]
    # An answer has the reservation's lines even where the request names none; few have more than four.
    return cast("Outcomes", await submit(client, request, idempotency_key, timeout_ms, ledger=store_id, lines=4))

"""Reserve, confirm, mark ready, collect, release, extend, amend; read one reservation or a shop's.

Changes answer with `Reservation | Rejection`, a reserve under a limit of the whole chain with an `Order`.
`idempotency_key` None makes a fresh one; a caller that may itself be restarted gives its own, so that it can ask again.
`timeout_ms` is the deadline of the call with all its attempts.
"""

from collections.abc import AsyncIterator, Iterable

from holdfast.client import methods
from holdfast.client.internals import Client, Outcomes, ReservationBatcher, keyed, submit
from holdfast.client.models.orders import ReserveOutcome
from holdfast.client.models.reservations import (
    ReleaseReason,
    Reservation,
    Status,
    rejection_from,
    reservation_from,
    reserve_request,
)
from holdfast.client.wire_types import (
    LineQuantities,
    to_duration,
    to_lines,
    to_optional_duration,
    to_optional_timestamp,
)
from holdfast.v1 import reservation_service_pb2 as service_pb2


async def reserve(
    self: Client,
    store_id: str,
    lines: LineQuantities,
    *,
    customer_id: str,
    channel: str,
    basket_id: str = "",
    ttl_ms: int | None = None,
    slot_start_ms: int | None = None,
    idempotency_key: str | None = None,
    timeout_ms: int | None = None,
) -> ReserveOutcome:
    """Hold units of one or more SKUs in one shop, all or nothing. `lines` are pairs of SKU and units.

    `ttl_ms` None leaves the time to the rules. Reserving again for the same `basket_id` replaces its hold.
    `slot_start_ms` is the start of a pickup slot of `list_slots`, whose place is taken together with the units. Where a
    limit of the whole chain applies, the answer is an `Order`, and its `part` is what the shop holds.
    """
    request = reserve_request(
        store_id=store_id,
        lines=lines,
        customer_id=customer_id,
        channel=channel,
        basket_id=basket_id,
        ttl_ms=ttl_ms,
        slot_start_ms=slot_start_ms,
    )
    return await submit(
        self,
        self.internals.reserves,
        request,
        lines=len(request.lines),
        ledger=store_id,
        idempotency_key=idempotency_key,
        timeout_ms=timeout_ms,
    )


async def confirm(
    self: Client,
    reservation_id: str,
    *,
    collect_within_ms: int | None = None,
    idempotency_key: str | None = None,
    timeout_ms: int | None = None,
) -> Outcomes:
    """HELD to CONFIRMED: the order is placed. `collect_within_ms` None leaves the time to collect to the policy."""
    request = service_pb2.ConfirmReservationRequest(
        reservation_id=reservation_id,
        collect_within=to_optional_duration(collect_within_ms),
    )
    return await _change(self, self.internals.confirms, request, idempotency_key=idempotency_key, timeout_ms=timeout_ms)


async def collect(
    self: Client,
    reservation_id: str,
    *,
    payment_reference: str,
    lines: LineQuantities = (),
    idempotency_key: str | None = None,
    timeout_ms: int | None = None,
) -> Outcomes:
    """Held, confirmed or ready to sold, in one step; `lines` empty collects all that is still held."""
    request = service_pb2.CollectReservationRequest(
        reservation_id=reservation_id,
        payment_reference=payment_reference,
        lines=to_lines(lines),
    )
    return await _change(self, self.internals.collects, request, idempotency_key=idempotency_key, timeout_ms=timeout_ms)


async def release(
    self: Client,
    reservation_id: str,
    *,
    reason: ReleaseReason,
    lines: LineQuantities = (),
    idempotency_key: str | None = None,
    timeout_ms: int | None = None,
) -> Outcomes:
    """Give units back; `lines` empty releases all that is still held."""
    request = service_pb2.ReleaseReservationRequest(
        reservation_id=reservation_id,
        reason=f"RELEASE_REASON_{reason.name}",
        lines=to_lines(lines),
    )
    return await _change(self, self.internals.releases, request, idempotency_key=idempotency_key, timeout_ms=timeout_ms)


async def mark_ready(
    self: Client, reservation_id: str, *, idempotency_key: str | None = None, timeout_ms: int | None = None
) -> Outcomes:
    """CONFIRMED to READY: the goods wait at the counter."""
    request = service_pb2.MarkReservationReadyRequest(reservation_id=reservation_id)
    response = await keyed(self, methods.MARK_READY, request, idempotency_key, timeout_ms)
    return _outcome(response)


async def extend(
    self: Client,
    reservation_id: str,
    *,
    ttl_ms: int,
    idempotency_key: str | None = None,
    timeout_ms: int | None = None,
) -> Outcomes:
    """Move the deadline of a live reservation to `ttl_ms` from now."""
    request = service_pb2.ExtendReservationRequest(reservation_id=reservation_id, ttl=to_duration(ttl_ms))
    response = await keyed(self, methods.EXTEND, request, idempotency_key, timeout_ms)
    return _outcome(response)


async def amend(
    self: Client,
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
    request = service_pb2.AmendReservationRequest(
        reservation_id=reservation_id,
        lines=to_lines(lines),
        ttl=to_optional_duration(ttl_ms),
        slot_start=to_optional_timestamp(slot_start_ms),
    )
    response = await keyed(self, methods.AMEND, request, idempotency_key, timeout_ms)
    return _outcome(response)


async def get_reservation(
    self: Client, reservation_id: str, *, min_version: int = 0, timeout_ms: int | None = None
) -> Reservation:
    """One reservation as it is now. Raises NotFound; StaleRead where the ledger is older than `min_version`."""
    request = service_pb2.GetReservationRequest(reservation_id=reservation_id, min_version=min_version)
    response = await self.internals.caller.ask(methods.GET_RESERVATION, request, timeout_ms=timeout_ms)
    return reservation_from(response.reservation)


async def list_reservations(
    self: Client,
    store_id: str,
    *,
    statuses: Iterable[Status] = (),
    page_size: int = 100,
    timeout_ms: int | None = None,
) -> AsyncIterator[Reservation]:
    """A shop's reservations, oldest first, page by page as they are consumed; `statuses` empty lists all.

    `page_size` is 1 to 1,000; `timeout_ms` is the deadline of each page.
    """
    request = service_pb2.ListReservationsRequest(
        store_id=store_id, statuses=[f"RESERVATION_STATUS_{status.name}" for status in statuses], page_size=page_size
    )
    while True:
        page = await self.internals.caller.ask(methods.LIST_RESERVATIONS, request, timeout_ms=timeout_ms)
        for message in page.reservations:
            yield reservation_from(message)
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


async def _change(
    self: Client,
    batcher: ReservationBatcher,
    request: service_pb2.ConfirmReservationRequest
    | service_pb2.CollectReservationRequest
    | service_pb2.ReleaseReservationRequest,
    *,
    idempotency_key: str | None,
    timeout_ms: int | None,
) -> Outcomes:
    # A reservation's id begins with its shop.
    shop = request.reservation_id.rpartition(":")[0]
    # An answer has the reservation's lines even where the request names none; few have more than four.
    return await submit(
        self, batcher, request, lines=4, ledger=shop, idempotency_key=idempotency_key, timeout_ms=timeout_ms
    )


def _outcome(
    response: service_pb2.MarkReservationReadyResponse
    | service_pb2.ExtendReservationResponse
    | service_pb2.AmendReservationResponse,
) -> Outcomes:
    if response.HasField("rejection"):
        return rejection_from(response.rejection)
    return reservation_from(response.reservation)

"""Units handed to tills and channels. Changes answer with `Allotment | Rejection`."""

from collections.abc import AsyncIterator, Iterable
from typing import Protocol, cast

from holdfast.client.blocking import BlockingClient, blocking, iterating
from holdfast.client.internals import Client, change, pages
from holdfast.client.models import allotments as models
from holdfast.client.wire_types import LineQuantities, to_message
from holdfast.v1 import allotment_service_pb2 as service_pb2


class AllotmentCalls(Client, Protocol):
    """Calls for allotments. A till takes its own by `TillClient.take_allotment`."""

    async def allot_stock(
        self,
        store_id: str,
        holder: str,
        lines: LineQuantities = (),
        *,
        kind: models.HolderKind,
        ttl_ms: int,
        shares: Iterable[models.Share] = (),
        reason: str = "",
        quota_first: bool = False,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.AllotmentOutcome:
        """Hand available units to a till or a channel. `quota_first`: holds of the channel take these units before what
        everybody may take.
        """
        request = to_message(
            service_pb2.AllotStockRequest,
            store_id=store_id,
            holder_kind=kind,
            holder=holder,
            lines=lines,
            shares=tuple(shares),
            ttl_ms=ttl_ms,
            reason=reason,
            quota_first=quota_first,
        )
        return cast("models.AllotmentOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def extend_allotment(
        self, allotment_id: str, *, ttl_ms: int, idempotency_key: str | None = None, timeout_ms: int | None = None
    ) -> models.AllotmentOutcome:
        """Move the end of an open allotment to `ttl_ms` from now; never to an earlier instant."""
        request = to_message(service_pb2.ExtendAllotmentRequest, allotment_id=allotment_id, ttl_ms=ttl_ms)
        return cast("models.AllotmentOutcome", await change(self, request, idempotency_key, timeout_ms))

    async def return_allotment(
        self,
        allotment_id: str,
        *,
        settled: bool = False,
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.AllotmentOutcome:
        """End an allotment. `settled` is its till's own word that it has reported all of its sales and makes no more;
        without it a till's units stay unknown until they are counted.
        """
        request = service_pb2.ReturnAllotmentRequest(allotment_id=allotment_id, settled=settled)
        return cast("models.AllotmentOutcome", await change(self, request, idempotency_key, timeout_ms))

    def list_allotments(
        self,
        store_id: str,
        *,
        statuses: Iterable[models.AllotmentStatus] = (),
        page_size: int = 100,
        timeout_ms: int | None = None,
    ) -> AsyncIterator[models.Allotment]:
        """A shop's allotments, oldest first, page by page as they are consumed; `statuses` empty lists all."""
        request = to_message(
            service_pb2.ListAllotmentsRequest, store_id=store_id, statuses=statuses, page_size=page_size
        )
        return pages(self, request, "allotments", models.allotment_from, timeout_ms)


class BlockingAllotmentCalls(BlockingClient):
    """`AllotmentCalls` for threads."""

    allot_stock = blocking(AllotmentCalls.allot_stock)
    extend_allotment = blocking(AllotmentCalls.extend_allotment)
    return_allotment = blocking(AllotmentCalls.return_allotment)
    list_allotments = iterating(AllotmentCalls.list_allotments)

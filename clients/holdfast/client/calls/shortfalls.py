"""Shortfalls: the tasks of those who lost units, and what becomes of each. Keys and deadlines are as in
`calls.reservations`.
"""

from collections.abc import AsyncIterator
from typing import Protocol, cast

from holdfast.client.blocking import BlockingClient, blocking, iterating
from holdfast.client.internals import Client, change, pages
from holdfast.client.models import shortfalls as models
from holdfast.client.wire_types import to_message
from holdfast.v1 import shortfall_service_pb2 as service_pb2


class ShortfallCalls(Client, Protocol):
    """Calls for shortfalls."""

    def list_shortfalls(
        self, store_id: str, *, only_open: bool = False, page_size: int = 100, timeout_ms: int | None = None
    ) -> AsyncIterator[models.ShortfallTask]:
        """A shop's tasks, page by page as they are consumed: those that are open, the oldest first, each with its ways
        out; then those that are over. `page_size` is 1 to 100; `timeout_ms` is the deadline of each page.
        """
        request = service_pb2.ListShortfallsRequest(store_id=store_id, only_open=only_open, page_size=page_size)
        return pages(self, request, "tasks", models.shortfall_task_from, timeout_ms)

    async def resolve_shortfall(
        self,
        task_id: str,
        resolution: models.ShortfallResolution,
        *,
        to_store_id: str = "",
        idempotency_key: str | None = None,
        timeout_ms: int | None = None,
    ) -> models.ShortfallOutcome:
        """Close a task: MOVED to another shop, which holds the units first, and whose refusal is the answer where it
        refuses; WAITING first in line; or RELEASED, as the customer knows that there is nothing more.
        """
        request = to_message(
            service_pb2.ResolveShortfallRequest, task_id=task_id, resolution=resolution, to_store_id=to_store_id
        )
        return cast("models.ShortfallOutcome", await change(self, request, idempotency_key, timeout_ms))


class BlockingShortfallCalls(BlockingClient):
    """`ShortfallCalls` for threads."""

    list_shortfalls = iterating(ShortfallCalls.list_shortfalls)
    resolve_shortfall = blocking(ShortfallCalls.resolve_shortfall)

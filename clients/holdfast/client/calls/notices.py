"""What customers are told. Deadlines are as in `calls.reservations`."""

from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from holdfast.client.blocking import BlockingClient, blocking, iterating
from holdfast.client.internals import Client, pages, read
from holdfast.client.models import notices as models
from holdfast.v1 import notice_service_pb2 as service_pb2


class NoticeCalls(Client, Protocol):
    """Calls for notices."""

    def list_notices(
        self,
        *,
        statuses: Iterable[models.NoticeStatus] = (),
        store_id: str = "",
        customer_id: str = "",
        page_size: int = 100,
        timeout_ms: int | None = None,
    ) -> AsyncIterator[models.Notice]:
        """Notices, the newest first, page by page as they are consumed; `timeout_ms` is the deadline of each page."""
        request = service_pb2.ListNoticesRequest(
            statuses=[status.value for status in statuses],  # type: ignore[misc]
            store_id=store_id,
            customer_id=customer_id,
            page_size=page_size,
        )
        return pages(self, request, "notices", models.notice_from, timeout_ms)

    async def repeat_notice(self, number: int, *, operator: str, timeout_ms: int | None = None) -> models.Notice:
        """Have a notice sent once more that has failed, or of which nobody knows. Raises NotFound, and Conflict for one
        that stands otherwise.
        """
        request = service_pb2.RepeatNoticeRequest(number=number, operator=operator)
        caller = self.internals.caller
        return models.notice_from((await caller.ask(request, timeout_ms=timeout_ms, idempotency_key="")).notice)

    async def verify_notices(self, *, timeout_ms: int | None = None) -> models.NoticesVerification:
        """Count all attempts since the beginning, and compare. `timeout_ms` None is `Timeouts.verify_ms`."""
        timeout = self.internals.caller.timeouts.verify_ms if timeout_ms is None else timeout_ms
        answer = await read(self, service_pb2.VerifyNoticesRequest(), timeout, attempt_ms=timeout)
        return models.notices_verification_from(answer)


class BlockingNoticeCalls(BlockingClient):
    """`NoticeCalls` for threads."""

    list_notices = iterating(NoticeCalls.list_notices)
    repeat_notice = blocking(NoticeCalls.repeat_notice)
    verify_notices = blocking(NoticeCalls.verify_notices)

"""NoticeService: what customers are told, and what became of each attempt."""

from typing import Any, Final

import grpc

from actors.notices.events import Began
from actors.notices.occasion import OVER
from actors.protocol.placement import NOTIFIER_ACTOR
from holdfast.v1 import notice_service_pb2 as ns
from serve.calls import Call
from serve.routing.router import Router
from serve.wire import fields
from serve.wire.fields import fill_instant
from serve.wire.notices import fill_audit, fill_notice
from serve.wire.rules import Checked
from serve.wire.statuses import refused

PAGE_MAX: Final = 100
VERIFY_S: Final = 120.0


class Notices:
    """Serves NoticeService. Not `is_on`: the service tells customers nothing."""

    def __init__(self, router: Router, *, is_on: bool) -> None:
        self._router = router
        self._is_on = is_on
        self.calls: Final = {
            "ListNotices": Call(self._list),
            "RepeatNotice": Call(self._repeat),
            "VerifyNotices": Call(self._verify, timeout_s=VERIFY_S),
        }

    async def _list(self, request: ns.ListNoticesRequest, deadline: float, reply: ns.ListNoticesResponse) -> None:
        statuses = sorted({int(status) for status in request.statuses})
        scope = (*statuses, request.store_id, request.customer_id)
        token = fields.read_token(request, "ListNotices", scope)
        asked = statuses, request.store_id, request.customer_id, int(token or 0)
        page, after = await self._ask("listed", *asked, min(fields.page_size(request.page_size), PAGE_MAX), deadline)
        for notice in page:
            fill_notice(notice, reply.notices.add())
        reply.next_page_token = fields.issue_token("ListNotices", scope, after) if after else ""

    async def _repeat(self, request: ns.RepeatNoticeRequest, deadline: float, reply: ns.RepeatNoticeResponse) -> None:
        Checked(request).raise_if_faulty()
        is_repeated, notice = await self._ask("repeat", request.number, request.operator, deadline)
        if notice is None:
            message = (
                f"there is no notice {request.number}, or it was forgotten; ListNotices tells those that there are"
            )
            raise refused(grpc.StatusCode.NOT_FOUND, "NOTICE_UNKNOWN", message)
        if not is_repeated and notice.status in OVER:  # else the answer to the same was lost
            message = f"notice {request.number} is {notice.status.name}, and neither FAILED nor UNKNOWN"
            raise refused(grpc.StatusCode.FAILED_PRECONDITION, "NOTICE_NOT_REPEATABLE", message)
        fill_notice(notice, reply.notice)

    async def _verify(self, request: ns.VerifyNoticesRequest, deadline: float, reply: ns.VerifyNoticesResponse) -> None:
        Checked(request).raise_if_faulty()
        fill_audit(await self._ask("audited", deadline, attempt_s=VERIFY_S), reply)
        # Behind it: where none waits by then, none of those that it has counted does.
        counts, reply.waiting, began_at_ms = await self._ask("counted", deadline)
        reply.counts.update(counts)
        if began_at_ms:
            fill_instant(began_at_ms, reply.began_at)

    async def _ask(self, method: str, *args: Any, attempt_s: float = 5.0) -> Any:
        """What the notifier answers; the last argument is the call's deadline. Raises CallRefused, BeyondFormat."""
        *rest, deadline = args
        if not self._is_on:
            message = "this service tells customers nothing; its operator gives --messages-file to have them told"
            raise refused(grpc.StatusCode.FAILED_PRECONDITION, "NOTICES_OFF", message)
        self._router.writing.require(Began({}))
        return await self._router.ask_actor(NOTIFIER_ACTOR, method, *rest, deadline=deadline, attempt_s=attempt_s)

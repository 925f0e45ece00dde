"""What customers are told, as messages; the notifier's own values are private."""

from actors.core.ids import format_reservation_id
from actors.notices.audit import Audit
from actors.notices.state import Notice
from holdfast.v1 import notice_pb2, notice_service_pb2 as ns
from serve.wire.fields import fill_instant


def fill_notice(notice: Notice, reply: notice_pb2.Notice) -> None:
    """A notice as it stands."""
    reply.number, reply.version = notice.number, notice.version
    reply.occasion = int(notice.occasion)  # type: ignore[assignment]
    reply.channel = notice.channel  # type: ignore[assignment]
    reply.status = int(notice.status)  # type: ignore[assignment]
    reply.customer_id, reply.store_id, reply.order_id = notice.customer_id, notice.store_id, notice.order_id
    reply.reservation_id = format_reservation_id(notice.store_id, notice.reservation)
    fill_instant(notice.created_at_ms, reply.created_at)
    if notice.next_at_ms:
        fill_instant(notice.next_at_ms, reply.next_at)
    fill_instant(notice.changed_at_ms, reply.changed_at)
    reply.attempts, reply.unknown_attempts, reply.why = notice.attempts, notice.unknown, notice.why
    reply.dropped = int(notice.dropped or 0)  # type: ignore[assignment]


def fill_audit(audit: Audit, reply: ns.VerifyNoticesResponse) -> None:
    """What the journal says of all notices."""
    reply.notices, reply.attempts, reply.sent = audit.notices, audit.attempts, audit.sent
    reply.unknown, reply.repeated, reply.dropped = audit.unknown, audit.repeated, audit.dropped
    reply.twice, reply.never_tried, reply.unrecorded = audit.twice, audit.missing, audit.untold
    reply.holds = not (audit.twice or audit.missing or audit.untold)

"""What customers are told, and what became of it."""

from dataclasses import dataclass

from holdfast.client.models.contacts import MessageChannel
from holdfast.client.wire_types import reader
from holdfast.v1 import enums

NoticeOccasion = enums.NoticeOccasion
NoticeStatus = enums.NoticeStatus
NoticeDropped = enums.NoticeDropped


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a customer is told by one channel of messages. `dropped` says why it is not sent, `why` what the
    last attempt failed of. `unknown_attempts` are those of which nobody knows what became.
    """

    number: int
    occasion: NoticeOccasion
    channel: MessageChannel
    status: NoticeStatus
    customer_id: str
    store_id: str
    reservation_id: str
    order_id: str
    version: int
    created_at_ms: int
    next_at_ms: int | None
    changed_at_ms: int
    attempts: int
    unknown_attempts: int
    why: str
    dropped: NoticeDropped


@dataclass(frozen=True, slots=True)
class NoticesVerification:
    """All notices since the beginning. `holds`: none was sent twice, each was tried, and each attempt was recorded
    before it was made.
    """

    holds: bool
    began_at_ms: int | None
    notices: int
    waiting: int
    attempts: int
    sent: int
    unknown: int
    repeated: int
    dropped: int
    twice: int
    never_tried: int
    unrecorded: int
    counts: dict[str, int]


notice_from = reader(Notice)
notices_verification_from = reader(NoticesVerification, counts=lambda message: dict(message.counts))

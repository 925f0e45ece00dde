"""The demo's act of messages, against a service of this process."""

import smtplib
from collections.abc import Iterator
from contextlib import suppress

import pytest

from bench.demo.mailbox import Mailbox, mailbox
from bench.demo.messages import (
    KILLED_AT,
    KILLS,
    OCCASIONS,
    Killer,
    judged,
)
from bench.demo.walk_plan import STORE_ID
from holdfast.client import (
    MessageChannel,
    Notice,
    NoticeDropped,
    NoticeOccasion,
    NoticeStatus,
)

SENT, UNKNOWN, WAITING = NoticeStatus.SENT, NoticeStatus.UNKNOWN, NoticeStatus.WAITING


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


def send(box: Mailbox, key: str, to: str = "ann@example.com") -> None:
    with smtplib.SMTP("127.0.0.1", box.port, timeout=10) as client:
        client.sendmail("shop@example.org", [to], f"Message-ID: <{key}@example.org>\r\n\r\n.dot\r\nHello\r\n")


def test_a_mailbox_has_what_was_taken_and_tells_when_to_strike(box: Mailbox) -> None:
    struck: list[tuple[int, bool]] = []
    box.strike = lambda number, taken: struck.append((number, taken))
    send(box, "a.1.1")
    send(box, "a.1.2", "bob@example.com")
    assert box.arrived == [("ann@example.com", "a.1.1"), ("bob@example.com", "a.1.2")]
    assert struck == [(1, False), (1, True), (2, False), (2, True)]


def test_a_killer_strikes_at_each_letter_once_before_and_after_in_turn() -> None:
    class Counting(Killer):
        def kill(self) -> bool:
            return True

    killer = Counting("")
    with suppress(IndexError):
        for number in range(1, KILLED_AT[-1] + 2):
            for taken in (False, True):
                killer(number, taken)
    assert killer.kills == KILLS
    killer(999, True)
    assert killer.kills == KILLS


def notice(number: int, customer: str, occasion: NoticeOccasion, status: NoticeStatus, attempts: int = 1) -> Notice:
    of = NoticeDropped.UNSPECIFIED
    return Notice(
        *(number, occasion, MessageChannel.EMAIL, status, customer, STORE_ID, f"{STORE_ID}:1", "", 9),
        *(1, None, 1, attempts, 0, "", of),
    )


def test_what_is_twice_missing_or_lost_is_noticed() -> None:
    confirmed, ready, receipt, *_ = OCCASIONS
    notices = [
        notice(1, "ann", confirmed, SENT),
        notice(2, "ann", ready, SENT),
        notice(3, "ann", receipt, UNKNOWN),
        notice(4, "bob", confirmed, WAITING, 0),
        notice(5, "bob", ready, SENT),
    ]
    arrived = [("ann@x", f"{STORE_ID}.9.{number}") for number in (1, 1, 3, 5)]
    expected = {(customer, occasion) for customer in ("ann", "bob") for occasion in (confirmed, ready, receipt)}
    came = judged(expected, notices, arrived)
    assert (came.due, came.sent, came.unknown, came.twice, came.missing, came.lost) == (5, 3, 1, 1, 2, 1)
    assert (len(came.findings), came.unasked, came.holds) == (4, 0, False)


def test_what_is_told_twice_or_has_not_happened_is_noticed() -> None:
    confirmed, ready, *_ = OCCASIONS
    notices = [notice(number, "ann", confirmed, SENT) for number in (1, 2)] + [notice(3, "ann", ready, SENT)]
    came = judged({("ann", confirmed)}, notices, [("ann@x", f"{STORE_ID}.9.{number}") for number in (1, 2, 3)])
    assert (came.twice, came.unasked, came.missing, came.lost) == (1, 1, 0, 0)

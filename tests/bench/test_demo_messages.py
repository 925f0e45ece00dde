"""The demo's act of messages, against a service of this process."""

import asyncio
import smtplib
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from actors.delivery.open import open_desk
from actors.protocol.placement import NOTIFIER_ACTOR
from bench.demo.mailbox import Mailbox, mailbox
from bench.demo.messages import (
    KILLED_AT,
    KILLS,
    OCCASIONS,
    STORE_ID,
    Killer,
    Messages,
    judged,
    tell_customers,
    write_messages_file,
)
from bench.demo.run import Phases
from holdfast.client import (
    ChannelClient,
    MessageChannel,
    Notice,
    NoticeDropped,
    NoticeOccasion,
    NoticeStatus,
)
from tests.clients.service import Service
from tests.clients.serving import serving
from tests.waiting import until_async

FEW = 8
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


class KillerHere(Killer):
    """Kills the notifier of a service of this process."""

    def __init__(self, service: Service) -> None:
        super().__init__("")
        self._service = service

    def kill(self) -> bool:
        self._service.actors.kill(NOTIFIER_ACTOR)
        return True


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


def test_all_customers_are_told_and_none_twice(tmp_path: Path, box: Mailbox) -> None:
    """Without kills: a notifier that is killed here has threads that live on."""
    (tmp_path / "chain").mkdir()
    with Service(tmp_path / "chain") as service:
        service.tells_customers = True
        service.shop("other", {"a": 1})
        service.open_book().close()
        path, key = write_messages_file(tmp_path, box), tmp_path / "chain" / "contacts.key"
        service.actors.desk = open_desk(f"sqlite:{tmp_path / 'chain'}", path, key, service.clock.now_ms)

        async def main() -> Messages:
            async with serving(service) as target, ChannelClient(target) as client:

                async def has_begun() -> bool:
                    return (await client.verify_notices()).began_at_ms is not None

                await until_async(has_begun, within_s=20.0, what="the beginning")
                killer = KillerHere(service)
                killer._left.clear()
                return await tell_customers(client, box, killer, Phases(Console(file=StringIO())), FEW)

        came = asyncio.run(main())
        service.actors.kill(NOTIFIER_ACTOR)
    due = FEW * len(OCCASIONS)
    assert (came.due, came.sent, came.arrived, came.unknown) == (due, due, due, 0)
    assert (came.twice, came.missing, came.lost, came.holds_in_journal, came.findings) == (0, 0, 0, True, [])
    came.kills = KILLS
    assert came.holds


def notice(number: int, customer: str, occasion: NoticeOccasion, status: NoticeStatus, attempts: int = 1) -> Notice:
    of = NoticeDropped.UNSPECIFIED
    return Notice(
        *(number, occasion, MessageChannel.EMAIL, status, customer, STORE_ID, f"{STORE_ID}:1", "", 9),
        *(1, None, 1, attempts, 0, "", of),
    )


def test_what_is_twice_missing_or_lost_is_noticed() -> None:
    confirmed, ready, receipt = OCCASIONS
    notices = [
        notice(1, "ann", confirmed, SENT),
        notice(2, "ann", ready, SENT),
        notice(3, "ann", receipt, UNKNOWN),
        notice(4, "bob", confirmed, WAITING, 0),
        notice(5, "bob", ready, SENT),
    ]
    arrived = [("ann@x", f"{STORE_ID}.9.{number}") for number in (1, 1, 3, 5)]
    came = judged(["ann", "bob"], notices, arrived)
    assert (came.due, came.sent, came.unknown, came.twice, came.missing, came.lost) == (5, 3, 1, 1, 2, 1)
    assert len(came.findings) == 4
    assert not came.holds

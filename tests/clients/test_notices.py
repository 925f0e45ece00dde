"""What customers are told, by the clients and `holdfast messages`, against a service of this process."""

from collections.abc import Iterator

import pytest

from actors.contacts.contact import MessageChannel as Channel
from actors.delivery.round import Desk
from actors.notices.occasion import Outcome
from actors.protocol.placement import NOTIFIER_ACTOR
from holdfast.client import (
    BlockingChannelClient,
    Conflict,
    Contact,
    ContactConsent,
    MessageChannel,
    NotFound,
    NoticeDropped,
    NoticeOccasion,
    NoticeStatus,
    Reservation,
)
from tests.clients.command import Command
from tests.clients.service import Service
from tests.clients.serving import serving_in_thread
from tests.notices.desk import RULES
from tests.runtime.post_office import PlainWords, Steered
from tests.waiting import until

SENT, UNKNOWN = NoticeStatus.SENT, NoticeStatus.UNKNOWN


@pytest.fixture
def way() -> Steered:
    return Steered()


@pytest.fixture
def run(service: Service, way: Steered) -> Iterator[Command]:
    service.shop("s1", {"a": 9})
    service.tells_customers = True
    service.actors.desk = RULES, Desk({Channel.EMAIL: way}, PlainWords(), service.open_book)
    with serving_in_thread(service) as target:
        yield Command(service, target)
    service.actors.kill(NOTIFIER_ACTOR)


def confirmed(client: BlockingChannelClient, customer: str) -> Reservation:
    held = client.reserve("s1", [("a", 1)], customer_id=customer, channel="web")
    assert isinstance(held, Reservation)
    found = client.confirm(held.reservation_id)
    assert isinstance(found, Reservation)
    return found


def test_a_customer_is_told_and_the_operator_sees_it(run: Command, way: Steered) -> None:
    consents = (ContactConsent(MessageChannel.EMAIL, granted=True),)
    with BlockingChannelClient(run.target) as client:
        # The notifier begins where the shops stand by then.
        until(lambda: client.verify_notices().began_at_ms is not None, within_s=20.0, what="the beginning")
        client.put_contact(Contact("ann", email="ann@example.com", consents=consents))
        client.put_contact(Contact("bob", email="bob@example.com"))
        way.ends = [Outcome.UNKNOWN]
        mine = confirmed(client, "ann").reservation_id
        until(lambda: bool(list(client.list_notices(statuses=[UNKNOWN]))), within_s=20.0, what="the letter")
        (notice,) = client.list_notices(store_id="s1", customer_id="ann")
        assert (notice.occasion, notice.channel, notice.reservation_id) == (
            *(NoticeOccasion.CONFIRMED, MessageChannel.EMAIL, mine),
        )
        assert (notice.attempts, notice.unknown_attempts, notice.why) == (1, 1, "as the test said")
        assert client.repeat_notice(notice.number, operator="eve").number == notice.number
        until(lambda: bool(list(client.list_notices(statuses=[SENT]))), within_s=20.0, what="the second one")
        with pytest.raises(Conflict):
            client.repeat_notice(notice.number, operator="eve")
        with pytest.raises(NotFound):
            client.repeat_notice(99, operator="eve")
        confirmed(client, "bob")
        dropped = [NoticeStatus.DROPPED]
        until(lambda: bool(list(client.list_notices(statuses=dropped))), within_s=20.0, what="that nobody is told")
        (silent,) = client.list_notices(customer_id="bob")
        assert silent.dropped is NoticeDropped.NO_CONSENT
        found = client.verify_notices()
        assert (found.holds, found.notices, found.sent, found.unknown, found.repeated) == (True, 2, 1, 1, 1)
        assert found.counts["dropped.NO_CONSENT"] == 1
    assert [each["status"] for each in run("messages", "list")["messages"]] == ["DROPPED", "SENT"]
    assert run("messages", "list", "--status", "failed")["messages"] == []
    assert "NO_CONSENT" in run.words("messages", "list", "--customer", "bob")
    assert run("messages", "verify")["verification"]["holds"]
    assert run("messages", "repeat", "1", "--operator", "eve", code=5)["error"]["kind"] == "Conflict"

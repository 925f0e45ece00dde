"""Contacts by the clients and `holdfast contacts`, against a service of this process."""

from collections.abc import Iterator

import pytest

from holdfast.client import (
    BlockingChannelClient,
    Contact,
    ContactChange,
    ContactConsent,
    MessageChannel,
    NotFound,
    Reason,
    Rejection,
)
from tests.clients.command import Command
from tests.clients.faults import LoseAnswer
from tests.clients.service import Service
from tests.clients.serving import serving_in_thread

ANN = Contact(
    "ann", "", "ann@example.com", "+4930123456", "de", "Ann Lee", (ContactConsent(MessageChannel.EMAIL, granted=True),)
)


@pytest.fixture
def run(service: Service) -> Iterator[Command]:
    service.shop("s1", {"a": 3})
    with serving_in_thread(service) as target:
        yield Command(service, target)


def test_a_contact_by_the_client(run: Command) -> None:
    run.service.faults["PutContact"].append(LoseAnswer())
    with BlockingChannelClient(run.target) as client:
        assert client.put_contact(ANN, idempotency_key="k1") == ContactChange(2), "asked again with the same key"
        other = client.put_contact(Contact("bob", email="bob@example.com"), idempotency_key="k1")
        assert isinstance(other, Rejection)
        assert other.reason is Reason.IDEMPOTENCY_KEY_REUSED
        found = client.get_contact("ann")
        assert (found.email, found.preferred_channel) == ("ann@example.com", MessageChannel.UNSPECIFIED)
        assert [(each.channel, each.granted) for each in found.consents] == [(MessageChannel.EMAIL, True)]
        assert found.consents[0].said_at_ms == run.service.clock.at_ms
        assert client.set_consent("ann", MessageChannel.EMAIL, granted=False) == ContactChange(1)
        assert [each.consents[0].granted for each in client.find_contacts("lee", "3456")] == [False]
        assert client.erase_contact("ann") == ContactChange(2)
        with pytest.raises(NotFound):
            client.get_contact("ann")
    assert "ann@" not in repr(found)


def test_a_contact_by_the_command(run: Command) -> None:
    given = ("--email", "ann@example.com", "--telephone", "+4930123456", "--name", "Ann Lee", "--language", "de")
    put = run("contacts", "put", "ann", *given, "--consent", "email", "--consent", "sms")
    assert put == {"contact_change": {"entries": 2}}
    assert run("contacts", "consent", "ann", "--channel", "sms", "--opt-out")["contact_change"]["entries"] == 1
    words = run.words("contacts", "show", "ann")
    assert "ann@example.com" in words
    assert "email, not sms" in words
    assert run("contacts", "find", "Lee", "3456")["contacts"][0]["customer_id"] == "ann"
    assert run("contacts", "put", "ann", "--email", "no", code=2)["error"]["kind"] == "InvalidArgument"
    assert run("contacts", "erase", "ann")["contact_change"]["entries"] == 2
    assert run("contacts", "show", "ann", code=4)["error"]["kind"] == "NotFound"

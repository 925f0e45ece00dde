"""Whom the notifier tells, by which contact and channel; and what becomes of a letter that fails."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from actors.contacts.address_book import AddressBook
from actors.contacts.cipher import ContactsAway
from actors.contacts.contact import Contact, MessageChannel
from actors.delivery import round as delivery_round
from actors.delivery.way_out import Ended, Wording, WordingFails
from actors.notices.commands import Observe
from actors.notices.occasion import Dropped, NoticeStatus, Occasion, Outcome
from actors.notices.rules import Rules
from tests.notices.desk import BERLIN, EMAIL, HOUR_MS, RULES, fact
from tests.runtime.notifier_house import BEGAN_MS, THREE, House, begun, seen, statuses
from tests.runtime.post_office import PlainWords, Steered

SENT, UNKNOWN, DROPPED = NoticeStatus.SENT, NoticeStatus.UNKNOWN, NoticeStatus.DROPPED


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_who_may_not_or_cannot_be_told_is_not_told(house: House) -> None:
    actor = begun(house, Rules(RULES.rules, contact_wait_ms=0))
    with closing(house.open_book()) as book:
        book.put("k2", Contact("bob", "", "", "+4930123456"), ((MessageChannel.SMS, True),))
        book.put("k3", Contact("eve", "", "eve@example.com"), ())
        book.put("k4", Contact("dan", "S1:4", "for-dan@example.com"), ((MessageChannel.EMAIL, True),))
        book.put("k5", Contact("out", "", "out@example.com"), ((MessageChannel.EMAIL, True),))
        book.set_consent("k6", "out", MessageChannel.EMAIL, False)
    customers = ("nobody", "bob", "eve", "dan", "out")
    facts = tuple(
        fact(Occasion.READY, version=n, reservation=n, customer_id=each, at_ms=BEGAN_MS)
        for n, each in enumerate(customers, 1)
    )
    actor.observe([Observe("S1", 0, len(facts), 1, BERLIN, facts)])
    house.send(actor)
    page, _ = actor.listed([], "", "", 0, 100)
    assert [each.dropped for each in reversed(page)] == [
        *(Dropped.NO_CONTACT, Dropped.NO_CONTACT, Dropped.NO_CONSENT, None, Dropped.NO_CONSENT)
    ]
    assert [letter.address for letter in house.way.letters] == ["for-dan@example.com"], "her own for this purchase"


@pytest.mark.parametrize(
    ("order_id", "own", "told"),
    [("", "S1:1", "gift"), ("", "S1:2", "ann"), ("o-9", "o-9", "gift"), ("o-9", "S1:1", "gift"), ("o-9", "o-8", "ann")],
)
def test_a_contact_of_the_purchase_goes_before_that_of_the_customer(
    house: House, order_id: str, own: str, told: str
) -> None:
    actor = begun(house)
    with closing(house.open_book()) as book:
        book.put("k2", Contact("ann", own, "gift@example.com"), ())
    bought = fact(Occasion.READY, reservation=1, order_id=order_id, at_ms=BEGAN_MS)
    actor.observe([Observe("S1", 0, 1, 1, BERLIN, (bought,))])
    house.send(actor)
    assert [letter.address for letter in house.way.letters] == [f"{told}@example.com"]


def test_what_comes_too_late_is_not_sent(house: House) -> None:
    actor = begun(house)
    late = fact(Occasion.READY, at_ms=BEGAN_MS, expires_at_ms=BEGAN_MS + 1_000)
    actor.observe([Observe("S1", 0, 1, 1, BERLIN, (late,))])
    house.clock.move(1_000)
    house.send(actor)
    assert (statuses(actor), sum(house.way.arrived.values())) == ([DROPPED], 0)


def test_an_erased_customer_is_told_nothing_more(house: House) -> None:
    actor = begun(house, Rules(RULES.rules, contact_wait_ms=0))
    actor.observe([seen(0, Occasion.READY)])
    with closing(house.open_book()) as book:
        book.erase("k9", "ann")
    house.send(actor)
    assert statuses(actor) == [DROPPED]
    assert not house.way.arrived


def test_a_customer_who_wishes_one_channel_is_told_by_that_alone(house: House) -> None:
    with closing(house.open_book()) as book:
        wished = Contact("ann", "", "ann@example.com", "+4930123456", preferred=int(MessageChannel.SMS))
        book.put("k2", wished, ())
        book.set_consent("k3", "ann", MessageChannel.SMS, True)
    by_sms = Steered()
    house.desk = house.desk._replace(ways={MessageChannel.EMAIL: house.way, MessageChannel.SMS: by_sms})
    both = tuple(type(rule)(rule.occasion, (1, 2)) for rule in RULES.rules)
    actor = begun(house, Rules(both))
    actor.observe([seen(0, Occasion.READY)])
    house.send(actor)
    assert (len(house.way.arrived), len(by_sms.arrived)) == (0, 1)
    house.desk = house.desk._replace(ways={MessageChannel.EMAIL: house.way})
    actor.observe([seen(1, Occasion.READY)])
    house.send(actor)
    assert len(house.way.arrived) == 1, "where that one is not possible, by the others"


def test_channels_of_a_later_version_keep_nobody_else_from_being_told(house: House) -> None:
    """As behind a way back: a rule for a channel that is not known here, and a customer who wishes it."""
    with closing(house.open_book()) as book:
        book.put("k2", Contact("ann", "", "ann@example.com", preferred=9), ())
    actor = begun(house, Rules(tuple(type(rule)(rule.occasion, (9, EMAIL)) for rule in RULES.rules)))
    actor.observe([seen(0, Occasion.READY)])
    house.send(actor)
    page, _ = actor.listed([], "", "", 0, 100)
    assert [(each.channel, each.dropped) for each in page] == [(EMAIL, None), (9, Dropped.NO_WAY_OUT)]
    assert statuses(actor) == [DROPPED, SENT]


def test_contacts_that_are_away_keep_everything_waiting(house: House) -> None:
    actor = begun(house)
    actor.observe([seen(0, Occasion.READY)])
    opened = house.open_book

    def away() -> AddressBook:
        raise ContactsAway("the disk hangs")

    house.open_book = away
    house.send(actor)
    assert statuses(actor) == [NoticeStatus.WAITING]
    house.open_book = opened
    house.send(actor)
    assert statuses(actor) == [SENT]


class Hanging(Steered):
    """A way out that does not come to a letter."""

    async def send(self, letter: Any, begin: Callable[[], bool]) -> Ended:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


@pytest.mark.parametrize("how", ["raises", "hangs"])
def test_what_fails_before_its_attempt_is_recorded_was_not_sent_for_certain(
    house: House, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = begun(house)
    actor.observe([seen(0, Occasion.READY)])
    way = house.way

    def absent() -> None:
        raise FileNotFoundError("the password of ann@example.com")

    if how == "raises":
        way.connecting = absent
    else:
        monkeypatch.setattr(delivery_round, "ATTEMPT_S_MAX", 0.01)
        house.desk = house.desk._replace(ways={MessageChannel.EMAIL: Hanging()})
    house.send(actor)
    (waiting,), _ = actor.listed([int(NoticeStatus.WAITING)], "", "", 0, 9)
    assert (waiting.attempts, waiting.unknown, bool(waiting.why)) == (1, 0, True)
    assert "ann@" not in waiting.why
    way.connecting = lambda: None
    house.desk = house.desk._replace(ways={MessageChannel.EMAIL: way})
    house.clock.move(HOUR_MS)
    house.send(actor)
    assert (statuses(actor), list(way.arrived.values())) == ([SENT], [1])
    assert actor.counted()[0].get("unknown", 0) == 0


class BrokenWords(PlainWords):
    """Templates that do not hold."""

    def of(self, notice: Any, name: str, language: str) -> Wording:
        raise WordingFails("de/ready.txt: nobody_knows is undefined")


def test_words_that_fail_and_a_way_out_that_raises_are_told_and_nothing_else_ends(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    actor = begun(house)
    house.way.ends = [ValueError("ann@example.com is odd"), Outcome.NOT_SENT]
    actor.observe([seen(0, *THREE)])
    house.send(actor)
    assert statuses(actor) == [UNKNOWN, NoticeStatus.WAITING, SENT]
    house.desk = house.desk._replace(words=BrokenWords())
    house.clock.move(HOUR_MS)
    house.send(actor)
    (waiting,), _ = actor.listed([int(NoticeStatus.WAITING)], "", "", 0, 9)
    assert "nobody_knows is undefined" in waiting.why
    assert "ann@example.com" not in caplog.text

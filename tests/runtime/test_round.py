"""What is sent by which way out, and what one notice or one way out that fails does to the others: nothing."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from actors.contacts.address_book import AddressBook, Known
from actors.contacts.cipher import ContactsAway
from actors.contacts.contact import Contact, MessageChannel
from actors.delivery.pauses import FAILED_MAX, PAUSE_MS, PAUSE_MS_MAX, Pauses
from actors.delivery.way_out import Wording
from actors.delivery.wording import TemplateWords
from actors.notices.commands import Observe
from actors.notices.occasion import Dropped, NoticeStatus, Occasion
from actors.notices.rules import Rule
from actors.notices.state import Notice
from actors.notifier_actor import PLACES, NotifierActor
from tests.notices.desk import BERLIN, EMAIL, HOUR_MS, RULES, SMS, fact
from tests.runtime.loop_time import JumpingLoop
from tests.runtime.notifier_house import BEGAN_MS, THREE, House, begun, seen, statuses
from tests.runtime.post_office import Away, Hangs, PlainWords, Steered
from tests.runtime.runtime_fixture import ManualClock
from tests.waiting import until

WAITING, SENT, DROPPED = NoticeStatus.WAITING, NoticeStatus.SENT, NoticeStatus.DROPPED
BY_MAIL, BY_SMS = MessageChannel.EMAIL, MessageChannel.SMS
# Long lines of e-mail beside short messages.
BOTH = replace(RULES, rules=(Rule(Occasion.READY, (EMAIL,)), Rule(Occasion.TURN, (SMS,))))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def listed(actor: NotifierActor) -> list[Notice]:
    """All notices, the oldest first."""
    return list(reversed(actor.listed([], "", "", 0, 100)[0]))


def many(count: int, occasion: Occasion = Occasion.READY) -> Observe:
    facts = tuple(fact(occasion, version=n, at_ms=BEGAN_MS, reservation=n) for n in range(1, count + 1))
    return Observe("S1", 0, count, 1, BERLIN, facts)


def told_by_sms(house: House) -> None:
    with closing(house.open_book()) as book:
        book.set_consent("sms", "ann", BY_SMS, True)


@pytest.mark.parametrize("begins", [False, True])
def test_what_was_never_begun_ends_not_sent_whatever_its_way_out_did(house: House, begins: bool) -> None:
    house.desk = house.desk._replace(ways={BY_MAIL: Hangs(begins=begins)})
    actor = begun(house)
    actor.observe([seen(0, Occasion.READY)])
    house.send(actor, JumpingLoop)
    (notice,) = listed(actor)
    assert notice.status is (NoticeStatus.UNKNOWN if begins else WAITING)
    assert (notice.attempts, notice.away) == (1, int(not begins))
    assert "longer than 60 s" in notice.why


def test_a_library_that_raises_before_it_begins_has_sent_nothing(house: House) -> None:
    def fail() -> None:
        raise UnicodeEncodeError("ascii", "ann@exämple.com", 6, 7, "no")

    house.way.connecting = fail
    actor = begun(house)
    actor.observe([seen(0, Occasion.READY)])
    house.send(actor)
    (notice,) = listed(actor)
    assert (notice.status, notice.away, "ann" in notice.why) == (WAITING, 0, False)


class OddWords(PlainWords):
    """They cannot be found for one occasion, in a way that nobody thought of."""

    def of(self, notice: Notice, name: str, language: str) -> Wording:
        if notice.occasion is Occasion.READY:
            raise LookupError("ready")
        return super().of(notice, name, language)


def words_of_a_file(folder: Path) -> TemplateWords:
    (folder / "en").mkdir()
    (folder / "en" / "ready.txt").write_bytes("Läge bereit\nx\n".encode("latin-1"))
    return TemplateWords(str(folder), "en", "UTC", {})


@pytest.mark.parametrize("words_of", [lambda _: OddWords(), words_of_a_file], ids=["words", "template"])
def test_words_that_cannot_be_found_end_their_own_attempts_alone(
    house: House, tmp_path: Path, words_of: Callable[[Path], Any]
) -> None:
    house.desk = house.desk._replace(words=words_of(tmp_path))
    actor = house.actor(desk=house.desk)
    actor.begin({})
    actor.observe([Observe("S1", 0, 20, 1, BERLIN, (*many(19).facts, fact(Occasion.RECEIPT, version=20)))])
    actor.observe([seen(20, *THREE)])
    until(lambda: statuses(actor).count(SENT) == 3, within_s=10.0, what="what can be said is sent")
    assert {each.occasion for each in listed(actor) if each.status is WAITING} == {Occasion.READY}
    actor.close()
    assert house.failures == []


def test_a_way_out_that_hangs_keeps_no_other_channel_waiting(house: House) -> None:
    told_by_sms(house)
    hangs, by_sms = Hangs(), Steered()
    house.desk = house.desk._replace(ways={BY_MAIL: hangs, BY_SMS: by_sms})
    actor = NotifierActor(
        "notifier", house.actor()._journal, house.clock, house.failures.append, desk=(BOTH, house.desk)
    )
    actor.begin({})
    actor.observe([many(10 * PLACES)])
    until(lambda: hangs.asked == PLACES, within_s=10.0, what="every place of e-mail is taken")
    turn = fact(Occasion.TURN, version=10 * PLACES + 1, at_ms=BEGAN_MS, reservation=999)
    actor.observe([Observe("S1", 10 * PLACES, 10 * PLACES + 1, 1, BERLIN, (turn,))])
    until(lambda: len(by_sms.letters) == 1, within_s=10.0, what="the short message")
    assert hangs.asked == PLACES
    actor._closing.set()
    hangs.let_go()
    actor.close()
    assert house.failures == []


def test_a_way_out_that_is_away_is_left_alone_and_loses_no_letter(house: House) -> None:
    told_by_sms(house)
    away, by_sms = Away(), Steered()
    house.desk = house.desk._replace(ways={BY_MAIL: away, BY_SMS: by_sms})
    actor = begun(house, BOTH)
    actor.observe([many(20)])
    sender = house.sender(actor)
    sender.turns(30)
    assert away.asked.total() == FAILED_MAX, "then it is left alone"
    actor.observe([Observe("S1", 20, 21, 1, BERLIN, (fact(Occasion.TURN, version=21, at_ms=BEGAN_MS),))])
    sender.turns(3)
    assert len(by_sms.letters) == 1
    for _ in range(100):  # hours
        house.clock.move(PAUSE_MS_MAX)
        sender.turns(3)
    assert away.asked.total() == FAILED_MAX + 100, "by one letter at a time"
    away.why = ""
    house.clock.move(HOUR_MS)
    sender.turns(30)
    sender.close()
    assert len(away.arrived) == 20
    assert set(away.arrived.values()) == {1}
    assert statuses(actor) == [SENT] * 21


def test_a_pause_grows_and_ends_with_the_first_letter_that_goes() -> None:
    clock = ManualClock(0)
    pauses = Pauses(clock.now_ms)
    found: list[int] = []
    for failures in range(1, 13):
        found.append(pauses.note(EMAIL, is_away=True))
        assert pauses.places(EMAIL, 8) == (8 if failures < FAILED_MAX else 0)
        assert pauses.places(SMS, 8) == 8
        if failures >= FAILED_MAX:
            assert pauses.note(EMAIL, is_away=True) == 0, "it was on its way before"
        clock.move(found[-1])
    assert found[: FAILED_MAX + 1] == [*[0] * (FAILED_MAX - 1), PAUSE_MS, 2 * PAUSE_MS]
    assert found[-1] == PAUSE_MS_MAX
    assert pauses.places(EMAIL, 8) == 1
    assert pauses.note(EMAIL, is_away=False) == 0
    assert pauses.places(EMAIL, 8) == 8


def test_what_is_over_its_time_is_dropped_also_where_it_cannot_be_begun(house: House) -> None:
    def away() -> AddressBook:
        raise ContactsAway("the disk hangs")

    house.open_book = away
    actor = begun(house)
    late = fact(Occasion.READY, at_ms=BEGAN_MS, expires_at_ms=BEGAN_MS + HOUR_MS)
    actor.observe([Observe("S1", 0, 1, 1, BERLIN, (late,))])
    house.send(actor)
    assert statuses(actor) == [WAITING]
    house.clock.move(HOUR_MS)
    house.send(actor)
    assert [each.dropped for each in listed(actor)] == [Dropped.PAST]


@pytest.mark.parametrize("what", ["opt-out", "erased", "moved", "away"])
def test_what_a_customer_says_while_it_connects_holds(house: House, what: str) -> None:
    opened, are_away = house.open_book, [False]

    def say() -> None:
        house.way.connecting = lambda: None
        with closing(opened()) as book:
            if what == "opt-out":
                book.set_consent("k5", "ann", BY_MAIL, False)
            elif what == "erased":
                book.erase("k5", "ann")
            elif what == "moved":
                book.put("k5", Contact("ann", "", "new@example.com", display_name="Ann"), ())
        are_away.append(what == "away")

    def leaving() -> AddressBook:
        book, are_away[:] = opened(), []
        get = book.get

        def get_or_not(customer_id: str, purchase_id: str = "") -> Known | None:
            if any(are_away):
                raise ContactsAway("the disk hangs")
            return get(customer_id, purchase_id)

        book.get = get_or_not  # type: ignore[method-assign]
        return book

    house.open_book = leaving
    house.way.connecting = say
    actor = begun(house, replace(RULES, contact_wait_ms=0))
    actor.observe([seen(0, Occasion.READY)])
    house.send(actor)
    (notice,) = listed(actor)
    assert [letter.address for letter in house.way.letters] == (["new@example.com"] if what == "moved" else [])
    assert (notice.dropped, notice.attempts) == {
        "opt-out": (Dropped.NO_CONSENT, 0),
        "erased": (Dropped.NO_CONTACT, 0),
        "moved": (None, 1),
        "away": (None, 0),
    }[what]


@pytest.mark.parametrize(
    ("rule", "preferred", "allows", "by"),
    [
        ((EMAIL,), SMS, (EMAIL, SMS), [EMAIL]),
        ((EMAIL, SMS), SMS, (EMAIL, SMS), [SMS]),
        ((EMAIL, SMS), SMS, (EMAIL,), [EMAIL]),
        ((SMS,), EMAIL, (EMAIL,), []),
        ((EMAIL, SMS), 0, (EMAIL, SMS), [EMAIL, SMS]),
        ((SMS, EMAIL), EMAIL, (EMAIL, SMS), [EMAIL]),
    ],
)
def test_a_customers_preference_chooses_among_the_channels_of_the_rule(
    house: House, rule: tuple[int, ...], preferred: int, allows: tuple[int, ...], by: list[int]
) -> None:
    ways = {MessageChannel(each): Steered() for each in (EMAIL, SMS)}
    house.desk = house.desk._replace(ways=ways)
    with closing(house.open_book()) as book:
        book.put("k2", Contact("ann", "", "ann@example.com", "+4930123456", "en", "Ann", preferred), ())
        for each in ways:
            book.set_consent(f"consent {each}", "ann", each, each in allows)
    actor = begun(house, replace(RULES, rules=(Rule(Occasion.CONFIRMED, rule),)))
    actor.observe([seen(0, Occasion.CONFIRMED)])
    house.send(actor)
    assert [int(channel) for channel, way in ways.items() for _ in way.letters] == by

"""The notifier without Ray: what it records before and after each letter, wherever its process ends."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from actors.contacts.address_book import AddressBook
from actors.contacts.cipher import ContactsAway, make_key
from actors.contacts.contact import Contact, MessageChannel
from actors.contacts.open import open_book
from actors.delivery import round as delivery_round
from actors.delivery.round import Desk, Round
from actors.delivery.way_out import Ended, Wording, WordingFails
from actors.journal.open import sqlite_setting
from actors.journal.port import Fenced, JournalDamaged, JournalError, JournalFailed
from actors.notices.commands import Observe, SetRules
from actors.notices.decide import due
from actors.notices.occasion import Dropped, NoticeStatus, Occasion, Outcome
from actors.notices.rules import Rules
from actors.notifier_actor import NotifierActor
from tests.journal.memory import MemoryDisk, MemoryJournal
from tests.notices.desk import BERLIN, EMAIL, HOUR_MS, RULES, fact
from tests.runtime.post_office import PlainWords, Steered
from tests.runtime.runtime_fixture import ManualClock
from tests.waiting import until

ANN: Final = Contact("ann", "", "ann@example.com", "+4930123456", "en", "Ann")
SENT, UNKNOWN, DROPPED = NoticeStatus.SENT, NoticeStatus.UNKNOWN, NoticeStatus.DROPPED


class Ends(BaseException):
    """The process ends here."""


class MortalJournal(MemoryJournal):
    """Ends its process at an append, counted from 1, before or after it is durable."""

    def __init__(self, disk: MemoryDisk, at: int = 0, *, after: bool = False) -> None:
        super().__init__(disk)
        self._at, self._after, self.appends = at, after, count(1)

    def append(self, records: Any) -> None:
        is_last = next(self.appends) == self._at
        if is_last and not self._after:
            raise Ends
        super().append(records)
        if is_last:
            raise Ends


class House:
    """The lives of one notifier: a disk, a clock, an address book with ann in it, and a way out."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(BEGAN_MS)
        self.disk = MemoryDisk()
        self.way = Steered()
        self.failures: list[JournalError] = []
        make_key(folder / "contacts.key")
        self.open_book: Callable[[], AddressBook] = partial(
            open_book, sqlite_setting(folder), folder / "contacts.key", self.clock.now_ms
        )
        self.desk = Desk({MessageChannel.EMAIL: self.way}, PlainWords(), self._opened)
        with closing(self.open_book()) as book:
            book.put("k1", ANN, ((MessageChannel.EMAIL, True),))

    def _opened(self) -> AddressBook:
        return self.open_book()

    def actor(self, at: int = 0, *, after: bool = False, desk: Desk | None = None) -> NotifierActor:
        """Another process. Without a desk a test sends by itself."""
        journal = MortalJournal(self.disk, at, after=after)
        told = None if desk is None else (RULES, desk)
        return NotifierActor("notifier", journal, self.clock, self.failures.append, desk=told)

    def send(self, actor: NotifierActor) -> None:
        """Send all that is due, one after the other."""

        async def main() -> None:
            sending = Round(self.desk, actor._decide, self.clock.now_ms)
            try:
                while notices := due(actor._ledger, self.clock.now_ms(), 1):
                    if not sending.start(notices, 1):
                        return
                    await sending.end(60.0)
                    sending.under_way()
            finally:
                sending.close()

        asyncio.run(main())


BEGAN_MS: Final = 20_000 * 24 * HOUR_MS


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def seen(after: int, *occasions: Occasion) -> Observe:
    facts = tuple(fact(each, version=after + n, at_ms=BEGAN_MS, reservation=n) for n, each in enumerate(occasions, 1))
    return Observe("S1", after, after + len(facts), 1, BERLIN, facts)


def begun(house: House, rules: Rules = RULES) -> NotifierActor:
    actor = house.actor()
    actor._decide([SetRules(rules)])
    actor.begin({})
    return actor


def statuses(actor: NotifierActor) -> list[NoticeStatus]:
    page, _ = actor.listed([], "", "", 0, 100)
    return [each.status for each in reversed(page)]


THREE: Final = (Occasion.CONFIRMED, Occasion.READY, Occasion.RECEIPT)


def test_what_is_due_is_sent_once_with_the_words_of_its_customer(house: House) -> None:
    actor = begun(house)
    actor.observe([seen(0, *THREE)])
    actor.observe([seen(0, *THREE)])
    house.send(actor)
    assert [letter.text for letter in house.way.letters] == [f"{each.name} Ann en" for each in THREE]
    assert {letter.address for letter in house.way.letters} == {"ann@example.com"}
    assert statuses(actor) == [SENT] * 3
    assert actor.cursors("g1") == (True, {"S1": (3, 1)})
    found = actor.audited()
    assert (found.notices, found.sent, found.twice, found.missing, found.untold) == (3, 3, 0, 0, 0)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 13))
def test_wherever_it_ends_nothing_is_forgotten_and_nothing_arrives_twice(house: House, at: int, after: bool) -> None:
    """At every write of its journal, before and after it is durable; then its successor goes on."""
    feed = [seen(0, *THREE), seen(3, Occasion.TURN)]

    def live(actor: NotifierActor) -> None:
        actor._decide([SetRules(RULES)])
        actor.begin({})
        for each in feed:
            actor.observe([each])
        house.send(actor)

    try:
        live(house.actor(at, after=after))
        ended = False
    except Ends:
        ended = True
    assert ended == (at <= 12), "1 rules, 1 begin, 2 observed, 4 times begun and ended"
    successor = house.actor()
    live(successor)
    found = statuses(successor)
    assert len(found) == 4
    assert set(found) <= {SENT, UNKNOWN}
    assert found.count(UNKNOWN) <= 1
    assert max(house.way.arrived.values()) == 1
    assert len(house.way.arrived) >= 3
    audit = successor.audited()
    assert (audit.notices, audit.twice, audit.missing, audit.untold) == (4, 0, 0, 0)
    assert audit.attempts == 4


@pytest.mark.parametrize("hook", ["before", "after"])
def test_between_record_and_letter_and_back_nobody_knows_and_it_is_not_repeated(house: House, hook: str) -> None:
    actor = begun(house)
    actor.observe([seen(0, Occasion.READY)])

    def end() -> None:
        raise Ends

    setattr(house.way, hook, end)
    with pytest.raises(Ends):
        house.send(actor)
    setattr(house.way, hook, lambda: None)
    successor = house.actor()
    assert statuses(successor) == [UNKNOWN]
    house.clock.move(48 * HOUR_MS)
    house.send(successor)
    assert sum(house.way.arrived.values()) == (hook == "after")
    (notice,), _ = successor.listed([int(UNKNOWN)], "", "", 0, 10)
    assert (notice.attempts, notice.unknown, notice.why) == (1, 1, "the notifier ended before it knew")
    assert successor.repeat(notice.number, "eve")[0]
    house.send(successor)
    assert statuses(successor) == [SENT]


def test_a_notifier_that_ends_while_it_connects_has_not_begun(house: House) -> None:
    actor = begun(house)
    actor.observe([seen(0, Occasion.READY)])

    def end() -> None:
        raise Ends

    house.way.connecting = end
    with pytest.raises(Ends):
        house.send(actor)
    house.way.connecting = lambda: None
    successor = house.actor()
    assert statuses(successor) == [NoticeStatus.WAITING]
    house.send(successor)
    assert (statuses(successor), list(house.way.arrived.values())) == ([SENT], [1])


def test_where_copies_are_known_an_unknown_outcome_is_sent_again_with_the_same_key(house: House) -> None:
    actor = begun(house, Rules(RULES.rules, knows_copies=(EMAIL,), retry_ms=1_000))
    actor.observe([seen(0, Occasion.READY)])
    house.way.ends = [Outcome.UNKNOWN]
    house.send(actor)
    house.clock.move(1_000)
    house.send(actor)
    assert statuses(actor) == [SENT]
    assert list(house.way.arrived.values()) == [2], "one key, which the provider knows"
    assert actor.counted()[0]["repeated"] == 1


def test_a_second_notifier_fences_the_first_before_it_sends(house: House) -> None:
    first = begun(house)
    first.observe([seen(0, Occasion.READY)])
    second = house.actor()
    with pytest.raises(Fenced):
        house.send(first)
    assert not house.way.arrived
    for ask in (lambda: first.cursors("g"), first.counted, first.audited, lambda: first.listed([], "", "", 0, 1)):
        with pytest.raises(Fenced):
            ask()
    house.send(second)
    assert list(house.way.arrived.values()) == [1]


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


def test_pages_of_notices_are_the_newest_first_and_of_whom_was_asked_for(house: House) -> None:
    actor = begun(house)
    actor.observe([seen(0, *(Occasion.READY,) * 7)])
    page, after = actor.listed([], "", "", 0, 3)
    assert ([each.number for each in page], after) == ([7, 6, 5], 5)
    page, after = actor.listed([], "S1", "ann", 5, 9)
    assert ([each.number for each in page], after) == ([4, 3, 2, 1], 0)
    assert actor.listed([int(SENT)], "", "", 0, 9) == actor.listed([], "S2", "", 0, 9) == ([], 0)
    assert actor.listed([], "", "bob", 0, 9) == ([], 0)
    assert actor.repeat(99, "eve") == (False, None)


def test_one_gateway_brings_the_feeds_until_it_stops(house: House) -> None:
    actor = house.actor()
    assert actor.cursors("g1") == (False, {})
    assert actor.cursors("g2") is None
    house.clock.move(2_000)
    assert actor.cursors("g1") is not None
    house.clock.move(2_000)
    assert actor.cursors("g2") is None
    house.clock.move(1_000)
    assert actor.cursors("g2") is not None
    assert actor.cursors("g1") is None


def test_an_orderly_end_leaves_a_snapshot_that_the_next_one_reads(house: House) -> None:
    actor = begun(house)
    actor.observe([seen(0, *THREE)])
    house.send(actor)
    actor.close()
    assert house.disk.snapshots["notices"].seq == actor._ledger.version
    house.disk.records["notices"].clear()  # so that it cannot read these
    assert statuses(house.actor()) == [SENT] * 3


def test_a_journal_that_fails_or_is_damaged_ends_it(house: House) -> None:
    actor = begun(house)
    actor._journal.close()

    def fail(_records: Any) -> None:
        raise JournalFailed("the disk is full")

    actor._journal.append = fail  # type: ignore[method-assign, assignment]
    with pytest.raises(JournalFailed):
        actor.observe([seen(0, Occasion.READY)])
    assert [type(each) for each in house.failures] == [JournalFailed]
    house.disk.records["notices"][-1] = house.disk.records["notices"][-1]._replace(payload=b'[["lunch"]]')
    with pytest.raises(JournalDamaged):
        house.actor()


def test_by_itself_it_sends_what_comes(house: House) -> None:
    actor = house.actor(desk=house.desk)
    actor.begin({})
    actor.observe([seen(0, *THREE)])
    until(lambda: statuses(actor) == [SENT] * 3, within_s=10.0, what="three letters")
    actor.close()
    assert max(house.way.arrived.values()) == 1

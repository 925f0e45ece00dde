"""The notifier without Ray: what it records before and after each letter, wherever its process ends."""

from pathlib import Path
from typing import Any

import pytest

from actors.core.pickup_keys import PickupKey
from actors.delivery.links import Links
from actors.journal.port import Fenced, JournalDamaged, JournalFailed
from actors.notices.commands import SetRules
from actors.notices.decide import fronts
from actors.notices.occasion import NoticeStatus, Occasion, Outcome
from actors.notices.rules import Rules
from actors.notifier_actor import NotifierActor
from tests.notices.desk import EMAIL, HOUR_MS, RULES
from tests.runtime.notifier_house import THREE, Ends, House, begun, seen, statuses
from tests.waiting import until

SENT, UNKNOWN, DROPPED = NoticeStatus.SENT, NoticeStatus.UNKNOWN, NoticeStatus.DROPPED


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


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


def test_nothing_is_sent_before_a_gateway_has_said_by_which_key_its_links_are(house: House) -> None:
    begun(house).close()
    links = Links("https://shop.example", house.clock.now_ms)
    actor = house.actor(desk=house.desk._replace(links=links))
    actor.observe([seen(0, *THREE)])
    assert fronts(actor._ledger, house.clock.now_ms(), 16)
    assert not house.way.arrived
    actor.cursors("g1", PickupKey(3, "0f" * 32, 1))
    until(lambda: len(house.way.arrived) == 3, within_s=20.0, what="the letters")
    actor.close()

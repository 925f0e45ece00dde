"""What is due of what has happened, and what becomes of each attempt."""

from typing import Any

import pytest
from msgspec.structs import replace

from actors.notices.commands import Begin, EndAttempt, Observe, Rejoin, Repeat, SetRules, Skip, StartAttempt
from actors.notices.events import AttemptStarted, NoticeDropped, Observed, Postponed
from actors.notices.occasion import Dropped, NoticeStatus, Occasion, Outcome
from actors.notices.rules import Rule, Rules
from tests.notices.desk import BERLIN, DAY_MS, EMAIL, HOUR_MS, NOON_MS, RULES, SMS, Told, by_snapshot, fact, same

WAITING, SENT, FAILED = NoticeStatus.WAITING, NoticeStatus.SENT, NoticeStatus.FAILED
UNKNOWN, DROPPED = NoticeStatus.UNKNOWN, NoticeStatus.DROPPED
END_MS = NOON_MS + 2 * DAY_MS


def told(*occasions: Occasion | None, **given: Any) -> Told:
    """After these have happened to a reservation, in sequence."""
    desk = Told()
    for occasion in occasions:
        desk.observe(fact(occasion, **given))
    return desk


def test_what_happens_is_due_once_for_each_channel_of_the_rule() -> None:
    desk = Told(replace(RULES, rules=(Rule(Occasion.CONFIRMED, (EMAIL, SMS)), Rule(Occasion.READY, (EMAIL,)))))
    desk.observe(fact(Occasion.CONFIRMED), fact(Occasion.READY, version=2), fact(Occasion.RECEIPT, version=3))
    assert [(each.occasion, each.channel, each.version) for each in desk.due()] == [
        (Occasion.CONFIRMED, EMAIL, 1),
        (Occasion.CONFIRMED, SMS, 1),
        (Occasion.READY, EMAIL, 2),
    ]
    assert desk.ledger.counts["facts.RECEIPT"] == 1, "counted, and told by no rule"


def test_a_shops_own_rule_goes_before_that_of_all() -> None:
    own = Rule(Occasion.READY, (SMS,), "S1"), Rule(Occasion.READY, (EMAIL,))
    desk = Told(replace(RULES, rules=own))
    desk.observe(fact(Occasion.READY), store_id="S1")
    desk.observe(fact(Occasion.READY), store_id="S2")
    assert [(each.store_id, each.channel) for each in desk.due()] == [("S1", SMS), ("S2", EMAIL)]


def test_the_same_part_of_a_feed_is_taken_in_once_whoever_brings_it() -> None:
    desk = Told()
    seen = Observe("S1", 0, 3, 9, BERLIN, (fact(Occasion.CONFIRMED),))
    assert len(desk.say(seen)) == 1
    assert desk.say(seen) == []
    assert desk.say(Observe("S1", 2, 4, 9, BERLIN, (fact(Occasion.READY),))) == [], "a gap or an overlap"
    assert desk.say(Observe("S1", 3, 3, 9, BERLIN, ())) == []
    assert len(desk.ledger.notices) == 1
    assert desk.ledger.cursors["S1"] == (desk.ledger.cursors["S1"].__class__)(3, 9)


def test_nobody_is_told_what_was_before_it_began() -> None:
    desk = Told(begins=False)
    assert desk.observe(fact(Occasion.READY)) == []
    desk.say(Begin({"S1": 40}))
    assert desk.say(Begin({"S1": 90})) == [], "it has begun"
    assert desk.ledger.cursors["S1"].version == 40
    desk.observe(fact(Occasion.READY, at_ms=NOON_MS - 1), fact(Occasion.READY, at_ms=NOON_MS), store_id="S2")
    assert len(desk.due()) == 1


def test_a_history_that_is_another_one_is_joined_where_it_stands() -> None:
    desk = told(Occasion.CONFIRMED)
    assert desk.say(Rejoin("S1", 99, 0)) == []
    assert desk.say(Rejoin("S1", 1, 0))
    assert (desk.ledger.cursors["S1"].version, desk.ledger.counts["histories_changed"]) == (0, 1)


def test_a_confirmation_is_told_once_however_often_a_part_is_confirmed() -> None:
    desk = told(Occasion.CONFIRMED, Occasion.CONFIRMED)
    assert len(desk.due()) == 1


@pytest.mark.parametrize("occasion", [Occasion.RELEASED, Occasion.NO_SHOW, Occasion.ESTIMATED])
def test_what_nobody_was_told_of_ends_without_a_word(occasion: Occasion) -> None:
    assert told(occasion, is_told_always=False, is_over=True).due() == []
    desk = told(Occasion.CONFIRMED)
    desk.observe(fact(occasion, is_told_always=False, is_over=True))
    assert [each.occasion for each in desk.due()] == [occasion]
    assert desk.ledger.notices[1].dropped is Dropped.OVERTAKEN, "it is confirmed no more"
    assert desk.ledger.open == {}


@pytest.mark.parametrize("by", ["its journal", "its snapshot"])
def test_an_amendment_that_keeps_the_time_is_not_told_as_another_time(by: str) -> None:
    def amended(desk: Told, slot_start_ms: int) -> list[int]:
        desk.observe(fact(Occasion.ESTIMATED, is_told_always=False, slot_start_ms=slot_start_ms))
        return [each.detail.slot_start_ms for each in desk.due() if each.occasion is Occasion.ESTIMATED]

    desk = told(Occasion.CONFIRMED, slot_start_ms=END_MS)
    assert amended(desk, END_MS) == [], "other lines, or fewer, as after a short pick"
    desk.ledger = desk.replayed() if by == "its journal" else by_snapshot(desk.ledger)
    assert amended(desk, END_MS + HOUR_MS) == [END_MS + HOUR_MS]
    count = desk.ledger.last_number
    assert amended(desk, END_MS + HOUR_MS) == [END_MS + HOUR_MS]
    assert desk.ledger.last_number == count, "told once"
    assert amended(desk, END_MS) == [END_MS], "and back"
    later = fact(Occasion.ESTIMATED, is_told_always=False, slot_start_ms=0)
    desk.observe(replace(later, detail=replace(later.detail, slot_start_ms=END_MS + DAY_MS)))
    assert amended(desk, END_MS) == [END_MS + DAY_MS], "it is picked again later, in the same slot"
    desk.observe(fact(Occasion.RECEIPT, is_over=True, slot_start_ms=END_MS))
    assert desk.ledger.slots == {}


def test_changes_of_one_reading_are_as_those_of_several() -> None:
    desk = told(Occasion.CONFIRMED, slot_start_ms=END_MS)
    slots = (END_MS, END_MS + HOUR_MS, END_MS + HOUR_MS)
    desk.observe(
        *(fact(Occasion.ESTIMATED, version=n, slot_start_ms=at, is_told_always=False) for n, at in enumerate(slots, 2))
    )
    assert desk.ledger.counts["facts.ESTIMATED"] == 1
    assert desk.ledger.slots == {("S1", 7): END_MS + HOUR_MS}
    assert same(desk.ledger, desk.replayed())
    assert same(desk.ledger, by_snapshot(desk.ledger))


def test_a_reminder_comes_before_the_end_and_moves_with_it() -> None:
    desk = told(Occasion.CONFIRMED, expires_at_ms=END_MS)
    assert len(desk.ledger.notices) == 1, "goods that are not ready need no reminder"
    desk.observe(fact(Occasion.READY, expires_at_ms=END_MS))
    (reminder,) = [each for each in desk.ledger.notices.values() if each.occasion is Occasion.REMINDER]
    assert (reminder.next_at_ms, reminder.until_ms) == (END_MS - 4 * HOUR_MS, END_MS)
    desk.observe(fact(None, expires_at_ms=END_MS + DAY_MS))
    reminders = [each for each in desk.ledger.notices.values() if each.occasion is Occasion.REMINDER]
    assert [(each.status, each.dropped) for each in reminders] == [(DROPPED, Dropped.OVERTAKEN), (WAITING, None)]
    assert reminders[1].next_at_ms == END_MS + DAY_MS - 4 * HOUR_MS
    desk.observe(fact(Occasion.RECEIPT, is_over=True))
    assert desk.status(reminders[1].number) is DROPPED
    soon = told(Occasion.CONFIRMED, Occasion.READY, expires_at_ms=NOON_MS + HOUR_MS)
    assert Occasion.REMINDER not in {each.occasion for each in soon.ledger.notices.values()}, "it would come at once"


def test_what_waits_is_overtaken_by_the_end_and_a_confirmation_is_not() -> None:
    desk = told(Occasion.CONFIRMED, Occasion.READY)
    desk.observe(fact(Occasion.RECEIPT, is_over=True))
    assert [each.occasion for each in desk.due()] == [Occasion.CONFIRMED, Occasion.RECEIPT]
    both = Told()
    both.observe(
        fact(Occasion.CONFIRMED), fact(Occasion.READY, version=2), fact(Occasion.RECEIPT, version=3, is_over=True)
    )
    assert [each.occasion for each in both.due()] == [Occasion.CONFIRMED, Occasion.RECEIPT], "in one turn alike"


def test_an_attempt_is_begun_once_and_ends_once() -> None:
    desk = told(Occasion.READY)
    assert desk.say(StartAttempt(1, 2)) == [], "not the next one"
    assert desk.say(StartAttempt(1, 1)) == [AttemptStarted(1, 1)]
    assert desk.say(StartAttempt(1, 1)) == desk.say(StartAttempt(1, 2)) == []
    assert desk.due() == []
    assert desk.say(EndAttempt(1, 2, Outcome.SENT)) == []
    desk.say(EndAttempt(1, 1, Outcome.SENT))
    assert desk.say(EndAttempt(1, 1, Outcome.UNKNOWN)) == desk.say(StartAttempt(1, 2)) == []
    assert desk.status(1) is SENT


def test_what_was_not_sent_for_certain_is_tried_again_ever_later_and_given_up() -> None:
    desk = Told(replace(RULES, retry_ms=1_000, attempts_max=3))
    desk.observe(fact(Occasion.READY))
    for wait_ms in (1_000, 2_000):
        desk.attempt(1, Outcome.NOT_SENT, "refused")
        assert desk.due() == []
        desk.at_ms += wait_ms
        assert [each.why for each in desk.due()] == ["refused"]
    desk.attempt(1, Outcome.NOT_SENT, "x" * 999)
    notice = desk.ledger.notices[1]
    assert (notice.status, notice.attempts, len(notice.why)) == (FAILED, 3, 200)
    assert desk.ledger.counts["failed"] == 1


def test_what_will_never_be_taken_is_given_up_at_once() -> None:
    desk = told(Occasion.READY)
    desk.attempt(1, Outcome.REFUSED)
    assert (desk.status(1), desk.ledger.counts["failed"]) == (FAILED, 1)


def test_an_unknown_outcome_is_repeated_only_where_copies_are_known_and_is_counted() -> None:
    desk = Told(replace(RULES, rules=(Rule(Occasion.READY, (EMAIL, SMS)),), knows_copies=(SMS,)))
    desk.observe(fact(Occasion.READY))
    desk.attempt(1, Outcome.UNKNOWN)
    desk.attempt(2, Outcome.UNKNOWN)
    assert (desk.status(1), desk.status(2)) == (UNKNOWN, WAITING)
    desk.at_ms += HOUR_MS
    desk.attempt(2, Outcome.SENT)
    assert (desk.status(2), desk.ledger.notices[2].unknown) == (SENT, 1)
    counts = desk.ledger.counts
    assert (counts["unknown"], counts["repeated"], counts["given_up_unknown"]) == (2, 1, 1)


def test_an_operator_has_it_sent_once_more_and_only_where_that_is_open() -> None:
    desk = told(Occasion.CONFIRMED, Occasion.READY)
    assert desk.say(Repeat(1, "eve")) == desk.say(Repeat(99, "eve")) == []
    desk.attempt(1, Outcome.UNKNOWN)
    desk.attempt(2, Outcome.SENT)
    assert desk.say(Repeat(2, "eve")) == []
    assert desk.say(Repeat(1, "eve"))
    desk.attempt(1, Outcome.SENT)
    assert (desk.status(1), desk.ledger.notices[1].attempts) == (SENT, 2)


def test_what_came_too_late_is_dropped_and_not_sent() -> None:
    desk = told(Occasion.READY, expires_at_ms=NOON_MS + HOUR_MS)
    desk.at_ms += HOUR_MS
    assert desk.say(StartAttempt(1, 1)) == [NoticeDropped(1, Dropped.PAST)]


def test_who_has_no_contact_yet_is_looked_up_again_for_a_while() -> None:
    desk = Told(replace(RULES, contact_wait_ms=60_000))
    desk.observe(fact(Occasion.READY))
    looked = 0
    while desk.status(1) is WAITING:
        if desk.due():
            desk.say(Skip(1, Dropped.NO_CONTACT))
            looked += 1
        desk.at_ms += 1_000
    assert desk.ledger.notices[1].dropped is Dropped.NO_CONTACT
    assert looked == 6, "after 5, 10, 20, 40 and 80 s"
    for reason in (Dropped.NO_CONSENT, Dropped.OTHER_CHANNEL, Dropped.NO_WAY_OUT):
        other = told(Occasion.READY)
        other.say(Skip(1, reason))
        assert (other.ledger.notices[1].dropped, other.ledger.counts[f"dropped.{reason.name}"]) == (reason, 1)


def test_in_quiet_hours_of_the_shop_nobody_is_told() -> None:
    quiet = replace(RULES, quiet_from=21 * 60, quiet_to=8 * 60)
    desk = Told(replace(quiet, rules=(Rule(Occasion.READY, (EMAIL,)), Rule(Occasion.TURN, (EMAIL,), "", False))))
    desk.at_ms = NOON_MS + 8 * HOUR_MS  # 21:00 or 22:00 in Berlin
    desk.observe(fact(Occasion.READY, at_ms=desk.at_ms), fact(Occasion.TURN, at_ms=desk.at_ms))
    assert [each.occasion for each in desk.due()] == [Occasion.TURN]
    waiting = desk.ledger.notices[1]
    assert (waiting.next_at_ms - NOON_MS) % DAY_MS in (18 * HOUR_MS, 19 * HOUR_MS), "08:00 there, in UTC"
    # One that fails before the quiet hours begin waits over them.
    late = Told(replace(quiet, retry_ms=HOUR_MS))
    late.observe(fact(Occasion.READY))
    late.attempt(1, Outcome.NOT_SENT)
    late.at_ms = NOON_MS + 9 * HOUR_MS
    (postponed,) = late.say(StartAttempt(1, 2))
    assert isinstance(postponed, Postponed)
    assert late.due() == []


def test_rules_are_taken_once_and_by_what_is_new() -> None:
    desk = Told()
    assert desk.say(SetRules(RULES)) == []
    assert desk.say(SetRules(Rules()))
    desk.observe(fact(Occasion.READY))
    assert desk.ledger.notices == {}


def test_what_is_over_is_forgotten_after_its_time() -> None:
    desk = told(Occasion.CONFIRMED, Occasion.READY)
    desk.attempt(1, Outcome.SENT)
    desk.at_ms += RULES.keep_ms + 1
    desk.observe()
    assert list(desk.ledger.notices) == [2], "what waits stays"
    assert same(desk.replayed(), desk.ledger)


def test_many_are_told_in_the_sequence_in_which_they_are_due() -> None:
    desk = Told()
    for number in range(50):
        desk.observe(fact(Occasion.TURN, reservation=number))
        desk.at_ms += (number * 7) % 5
    for number in range(1, 51, 3):
        desk.attempt(number, Outcome.NOT_SENT)
    found = desk.due()
    assert [each.number for each in found] == [number for number in range(1, 51) if number % 3 != 1]
    assert [each.next_at_ms for each in found] == sorted(each.next_at_ms for each in found)


def test_a_snapshot_and_the_journal_make_the_same_ledger() -> None:
    desk = Told(replace(RULES, knows_copies=(EMAIL,)))
    desk.observe(
        fact(Occasion.CONFIRMED), fact(Occasion.READY, expires_at_ms=END_MS), fact(Occasion.TURN, reservation=8)
    )
    desk.attempt(1, Outcome.UNKNOWN)
    desk.say(StartAttempt(2, 1))
    assert isinstance(desk.observe(fact(None, is_over=True))[0], Observed)
    assert same(desk.replayed(), desk.ledger)
    assert same(by_snapshot(desk.ledger), desk.ledger)
    assert by_snapshot(desk.ledger).under_way == {2}

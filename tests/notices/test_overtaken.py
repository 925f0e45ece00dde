"""What a customer is told is true when it comes: what has gone on meanwhile, or is too old, is sent no more."""

import pytest
from msgspec.structs import replace

from actors.notices.commands import EndAttempt, Repeat, Skip, StartAttempt
from actors.notices.events import AttemptFailed, AttemptStarted, NoticeDropped
from actors.notices.occasion import AGE_MS, Dropped, NoticeStatus, Occasion, Outcome
from actors.notices.rules import Rule
from actors.notices.state import Notice
from tests.notices.desk import DAY_MS, EMAIL, HOUR_MS, NOON_MS, RULES, SMS, Told, by_snapshot, fact, same

WAITING, FAILED, DROPPED = NoticeStatus.WAITING, NoticeStatus.FAILED, NoticeStatus.DROPPED
END_MS = NOON_MS + 3 * DAY_MS


def under_way(desk: Told, occasion: Occasion) -> Notice:
    """Its attempt is recorded, and nobody knows yet what becomes of it."""
    (notice,) = [each for each in desk.due() if each.occasion is occasion]
    assert AttemptStarted(notice.number, notice.attempts + 1) in desk.say(
        StartAttempt(notice.number, notice.attempts + 1)
    )
    return notice


def is_the_same_by_its_journal(desk: Told) -> bool:
    return same(desk.replayed(), desk.ledger) and same(by_snapshot(desk.ledger), desk.ledger)


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.UNKNOWN, Outcome.REFUSED, Outcome.SENT])
def test_what_is_overtaken_while_it_is_under_way_is_begun_no_more(outcome: Outcome) -> None:
    desk = Told(replace(RULES, knows_copies=(EMAIL,)))
    desk.observe(fact(Occasion.CONFIRMED), fact(Occasion.READY, version=2))
    ready = under_way(desk, Occasion.READY)
    desk.observe(fact(Occasion.RECEIPT, is_over=True))
    assert desk.status(ready.number) is NoticeStatus.UNDER_WAY, "it may have been sent"
    desk.say(EndAttempt(ready.number, 1, outcome, "450"))
    desk.at_ms += HOUR_MS
    assert Occasion.READY not in {each.occasion for each in desk.due()}
    ended = desk.ledger.notices[ready.number]
    assert (
        ended.status
        is {
            Outcome.NOT_SENT: DROPPED,
            Outcome.UNKNOWN: NoticeStatus.UNKNOWN,
            Outcome.REFUSED: FAILED,
            Outcome.SENT: NoticeStatus.SENT,
        }[outcome]
    )
    assert (ended.dropped is Dropped.OVERTAKEN) == (outcome is Outcome.NOT_SENT)
    assert is_the_same_by_its_journal(desk)


def test_an_operator_repeats_nothing_that_is_overtaken() -> None:
    desk = Told()
    desk.observe(fact(Occasion.READY))
    desk.attempt(1, Outcome.REFUSED)
    desk.observe(fact(Occasion.RECEIPT, is_over=True))
    assert desk.status(1) is FAILED, "as it was"
    assert desk.say(Repeat(1, "eve"))
    assert desk.say(StartAttempt(1, 2)) == [NoticeDropped(1, Dropped.OVERTAKEN)]
    assert is_the_same_by_its_journal(desk)


def test_a_reminder_under_way_says_no_former_end_and_is_kept_where_the_end_stays() -> None:
    for end_ms, left in ((END_MS, WAITING), (END_MS + 5 * DAY_MS, DROPPED)):
        desk = Told()
        desk.observe(fact(Occasion.CONFIRMED), fact(Occasion.READY, version=2, expires_at_ms=END_MS))
        desk.at_ms = END_MS - 2 * HOUR_MS
        reminder = under_way(desk, Occasion.REMINDER)
        desk.observe(fact(None, at_ms=desk.at_ms, expires_at_ms=end_ms))
        desk.say(EndAttempt(reminder.number, 1, Outcome.NOT_SENT, "450"))
        assert desk.status(reminder.number) is left
        reminders = [each for each in desk.ledger.notices.values() if each.occasion is Occasion.REMINDER]
        assert [each.detail.expires_at_ms for each in reminders if each.status is WAITING] == [end_ms]
        assert is_the_same_by_its_journal(desk)


def test_what_waits_says_the_end_of_the_time_to_collect_as_it_is_then() -> None:
    desk = Told()
    desk.observe(fact(Occasion.CONFIRMED, expires_at_ms=END_MS), fact(Occasion.READY, version=2, expires_at_ms=END_MS))
    ready = under_way(desk, Occasion.READY)
    desk.observe(fact(None, expires_at_ms=END_MS + DAY_MS))
    assert desk.say(EndAttempt(ready.number, 1, Outcome.NOT_SENT, "450"))
    desk.at_ms += HOUR_MS
    found = {each.occasion: each for each in desk.due()}
    assert {each.detail.expires_at_ms for each in found.values()} == {END_MS + DAY_MS}
    assert found[Occasion.READY].until_ms == END_MS + DAY_MS
    number = found[Occasion.READY].number
    assert desk.say(StartAttempt(number, 2, END_MS)) == [], "it was written before"
    assert desk.say(StartAttempt(number, 2, END_MS + DAY_MS)) == [AttemptStarted(number, 2)]
    assert len([each for each in desk.ledger.due[EMAIL] if each[1] == 1]) == 1, "in its line once"
    assert is_the_same_by_its_journal(desk)
    both = Told()
    both.observe(fact(Occasion.READY, expires_at_ms=END_MS), fact(None, version=2, expires_at_ms=END_MS + DAY_MS))
    assert [each.detail.expires_at_ms for each in both.due()] == [END_MS + DAY_MS], "in one turn alike"


@pytest.mark.parametrize(
    ("before", "then", "is_over"),
    [
        (Occasion.TURN, Occasion.CONFIRMED, False),
        (Occasion.TURN, Occasion.READY, False),
        (Occasion.ESTIMATED, Occasion.ESTIMATED, False),
        (Occasion.ESTIMATED, Occasion.READY, False),
        (Occasion.CONFIRMED, Occasion.RELEASED, True),
        (Occasion.CONFIRMED, Occasion.NO_SHOW, True),
        (Occasion.CONFIRMED, Occasion.SHORTFALL, True),
        (Occasion.CONFIRMED, None, True),
    ],
)
def test_news_takes_the_place_of_what_is_true_no_more(before: Occasion, then: Occasion | None, is_over: bool) -> None:
    desk = Told()
    desk.observe(fact(before))
    desk.attempt(1, Outcome.NOT_SENT)
    desk.observe(fact(then, is_over=is_over))
    desk.at_ms += HOUR_MS
    assert [each.occasion for each in desk.due()] == ([] if then is None else [then])
    assert desk.ledger.notices[1].dropped is Dropped.OVERTAKEN


@pytest.mark.parametrize("occasion", Occasion)
def test_each_occasion_has_an_age_beyond_which_it_is_sent_no_more(occasion: Occasion) -> None:
    desk = Told()
    desk.observe(fact(occasion))
    desk.at_ms += AGE_MS[occasion] - 1
    assert desk.attempt(1, Outcome.NOT_SENT)
    desk.at_ms += HOUR_MS
    assert desk.say(StartAttempt(1, 2)) == [NoticeDropped(1, Dropped.PAST)]
    late = Told()
    late.at_ms += AGE_MS[occasion]  # nobody has brought the feed
    late.observe(fact(occasion))
    assert late.say(StartAttempt(1, 1)) == [NoticeDropped(1, Dropped.PAST)]


def test_what_is_over_its_time_is_not_looked_up_again() -> None:
    desk = Told(replace(RULES, contact_wait_ms=30 * DAY_MS))
    desk.observe(fact(Occasion.READY, expires_at_ms=NOON_MS + HOUR_MS))
    desk.at_ms += HOUR_MS
    assert desk.say(Skip(1, Dropped.NO_CONTACT)) == [NoticeDropped(1, Dropped.PAST)]


def test_attempts_for_which_the_way_out_was_away_count_for_nothing() -> None:
    desk = Told(replace(RULES, attempts_max=2, retry_ms=1_000))
    desk.observe(fact(Occasion.CONFIRMED))
    for attempt in range(1, 20):
        desk.say(StartAttempt(1, attempt))
        (failed,) = desk.say(EndAttempt(1, attempt, Outcome.NOT_SENT, "535", is_away=True))
        assert failed == AttemptFailed(1, attempt, "535", desk.at_ms + 1_000, is_away=True)
        desk.at_ms += 1_000
    desk.attempt(1, Outcome.NOT_SENT, "450")
    assert desk.status(1) is WAITING
    desk.at_ms += HOUR_MS
    desk.attempt(1, Outcome.NOT_SENT, "450")
    assert (desk.status(1), desk.ledger.notices[1].away) == (FAILED, 19)
    assert is_the_same_by_its_journal(desk)


def test_each_channel_has_a_line_of_its_own() -> None:
    desk = Told(replace(RULES, rules=(Rule(Occasion.READY, (EMAIL,)), Rule(Occasion.TURN, (SMS,)))))
    for number in range(20):
        desk.observe(fact(Occasion.READY, reservation=number))
    desk.observe(fact(Occasion.TURN, reservation=99))
    assert [each.reservation for each in desk.due(SMS)] == [99]
    assert len(desk.due(EMAIL)) == 20
    assert len(desk.due()) == 21
    desk.attempt(21, Outcome.SENT)
    assert (desk.due(SMS), list(desk.ledger.due)) == ([], [EMAIL])


def test_a_reminder_that_is_due_and_waits_for_its_way_out_is_kept_whatever_else_happens() -> None:
    desk = Told()
    desk.observe(fact(Occasion.CONFIRMED), fact(Occasion.READY, version=2, expires_at_ms=END_MS))
    desk.at_ms = END_MS - 2 * HOUR_MS
    reminder = under_way(desk, Occasion.REMINDER)
    desk.say(EndAttempt(reminder.number, 1, Outcome.NOT_SENT, "450"))
    desk.observe(fact(Occasion.RECEIPT, at_ms=desk.at_ms, expires_at_ms=END_MS))
    assert desk.status(reminder.number) is WAITING, "a part of it was handed over"


def test_a_reminder_has_what_is_left_to_collect() -> None:
    desk = Told()
    desk.observe(fact(Occasion.CONFIRMED), fact(Occasion.READY, version=2, expires_at_ms=END_MS))
    part = fact(Occasion.RECEIPT, expires_at_ms=END_MS, held=(("B", 1),))
    desk.observe(replace(part, detail=replace(part.detail, lines=(("A", 2),))))
    waiting = {each.occasion: each.detail.lines for each in desk.ledger.notices.values() if each.status is WAITING}
    assert (waiting[Occasion.RECEIPT], waiting[Occasion.REMINDER]) == ((("A", 2),), (("B", 1),))

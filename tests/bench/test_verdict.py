"""The demo's verdict catches every kind of doctored history, and lets the honest one pass."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from bench.demo.calls import Answered, Answers, Kind, Repeated
from bench.demo.feed import Contest, FeedCheck, Findings, Outage, Standing
from bench.demo.proof import HOLDS, conservation_of, examine_shops
from holdfast.client import (
    ChannelClient,
    Discrepancy,
    Event,
    Line,
    Reason,
    Rejection,
    ReleaseReason,
    Reservation,
    Verification,
)
from holdfast.client.models import events as feed
from tests.bench import history
from tests.bench.history import END, HELD, READY, SHORT_HELD, SHORT_OF_PEARS, STORE

Doctor = Callable[[list[Answered], list[Event]], None]


def examined(doctor: Doctor | None = None, outages: dict[str, list[Outage]] | None = None) -> FeedCheck:
    """A history that was doctored, with what is found in it."""
    answers, events = history.answers(), history.events()
    if doctor is not None:
        doctor(answers, events)
    check = FeedCheck(answers, outages or {})
    for event in events:
        check.see(event)
    check.finish(_standing(len(events)))
    return check


def _standing(version: int) -> Standing:
    return replace(END, versions={STORE: version})


def test_an_honest_history_has_no_findings() -> None:
    assert examined().of_shops == Findings()
    assert not examined().faults


def _answer_without_event(answers: list[Answered], _: list[Event]) -> None:
    made = replace(HELD, reservation_id=f"{STORE}:10", version=10)
    answers.append(Answered(history.reserve("k10", made), made))


def _feed_that_ends_early(_: list[Answered], events: list[Event]) -> None:
    del events[7:]


def _refusal_that_was_not_written(answers: list[Answered], _: list[Event]) -> None:
    answers[2] = answers[2]._replace(outcome=replace(SHORT_OF_PEARS, version=0))


@pytest.mark.parametrize("doctor", [_answer_without_event, _feed_that_ends_early, _refusal_that_was_not_written])
def test_a_lost_answer_is_found(doctor: Doctor) -> None:
    assert examined(doctor).of_shops["answers_lost"] == 1


def _other_deadline(answers: list[Answered], _: list[Event]) -> None:
    answers[1] = answers[1]._replace(outcome=replace(HELD, expires_at_ms=HELD.expires_at_ms + 1))


def _other_units(answers: list[Answered], _: list[Event]) -> None:
    answers[1] = answers[1]._replace(outcome=replace(HELD, lines=(Line("apple", 1, 0, 0),)))


def _other_status(answers: list[Answered], _: list[Event]) -> None:
    answers[4] = answers[4]._replace(outcome=replace(READY, status=HELD.status))


def _other_refusal(answers: list[Answered], _: list[Event]) -> None:
    answers[2] = answers[2]._replace(outcome=replace(SHORT_OF_PEARS, available=1))


def _accepted_in_place_of_refused(answers: list[Answered], _: list[Event]) -> None:
    answers[2] = answers[2]._replace(outcome=replace(HELD, version=3))


def _somebody_elses_answer(answers: list[Answered], _: list[Event]) -> None:
    answers[1] = answers[1]._replace(call=answers[1].call.asking(customer_id="eve"))


def _somebody_elses_refusal(answers: list[Answered], _: list[Event]) -> None:
    answers[2] = answers[2]._replace(call=replace(answers[2].call, key="other"))


def _another_reservation(answers: list[Answered], _: list[Event]) -> None:
    answers[3] = answers[3]._replace(call=answers[3].call.asking(reservation_id=f"{STORE}:1"))


def _fewer_rows_booked(_: list[Answered], events: list[Event]) -> None:
    events[0] = replace(events[0], change=feed.StockAdjusted("opening", history.ROWS[:1], 1))


def _other_lines_than_asked(answers: list[Answered], _: list[Event]) -> None:
    answers[5] = answers[5]._replace(call=answers[5].call.asking(lines=(("apple", 2),)))


def _another_kind_of_event(answers: list[Answered], _: list[Event]) -> None:
    answers[4] = answers[4]._replace(call=replace(answers[4].call, kind=Kind.EXTEND))


@pytest.mark.parametrize(
    "doctor",
    [
        _other_deadline,
        _other_units,
        _other_status,
        _other_refusal,
        _accepted_in_place_of_refused,
        _somebody_elses_answer,
        _somebody_elses_refusal,
        _another_reservation,
        _other_lines_than_asked,
        _another_kind_of_event,
    ],
)
def test_a_changed_answer_is_found(doctor: Doctor) -> None:
    found = examined(doctor).of_shops
    assert found["answers_lost"] == 1
    assert found.sentences


def test_rows_that_were_not_booked_are_found() -> None:
    assert examined(_fewer_rows_booked).of_shops["answers_lost"] == 1


def test_two_answers_at_one_version_are_found() -> None:
    def doctor(answers: list[Answered], _: list[Event]) -> None:
        answers.append(Answered(history.reserve("twin", HELD), HELD))

    assert examined(doctor).of_shops["answers_lost"] == 1


def test_an_effect_that_nobody_was_told_of_is_found() -> None:
    def doctor(answers: list[Answered], _: list[Event]) -> None:
        del answers[1]

    assert examined(doctor).of_shops["effects_nobody_was_told_of"] == 1


def test_a_replacement_is_told_by_its_successor() -> None:
    def doctor(answers: list[Answered], events: list[Event]) -> None:
        del answers[6]
        change = feed.Released(HELD.reservation_id, (("apple", 1),), ReleaseReason.REPLACED)
        events[6] = replace(events[6], change=change)

    assert examined(doctor).of_shops["effects_nobody_was_told_of"] == 0


@pytest.mark.parametrize(("after_deadline_ms", "late"), [(0, 0), (1_000, 0), (1_001, 1), (-1, 1)])
def test_a_hold_expires_within_a_second_and_never_before(after_deadline_ms: int, late: int) -> None:
    def doctor(_: list[Answered], events: list[Event]) -> None:
        events[8] = history.expiry_at(SHORT_HELD.expires_at_ms + after_deadline_ms)

    assert examined(doctor).of_shops["expired_late"] == late


@pytest.mark.parametrize(("after_deadline_ms", "late"), [(1_000, 0), (1_001, 1)])
def test_a_hold_that_is_still_listed_a_second_after_its_deadline_is_found(after_deadline_ms: int, late: int) -> None:
    standing = replace(
        _standing(8),
        reservations={**END.reservations, SHORT_HELD.reservation_id: SHORT_HELD},
        listed_ms=SHORT_HELD.expires_at_ms + after_deadline_ms,
    )
    check = FeedCheck(history.answers(), {})
    for event in history.events()[:8]:
        check.see(event)
    check.finish(standing)
    assert check.of_shops["expired_late"] == late


@pytest.mark.parametrize(
    "last",
    [
        None,
        replace(history.COLLECTED, lines=(Line("apple", 2, 2, 0),)),
        history.PART_COLLECTED,
        replace(history.COLLECTED, customer_id="eve"),
    ],
)
def test_a_reservation_that_does_not_end_as_its_last_caller_was_told_is_found(last: Reservation | None) -> None:
    check = FeedCheck(history.answers(), {})
    for event in history.events():
        check.see(event)
    reservations = {**END.reservations, HELD.reservation_id: last}
    listed = {reservation_id: each for reservation_id, each in reservations.items() if each is not None}
    check.finish(replace(END, reservations=listed))
    assert check.of_shops["answers_lost"] == 1


@pytest.mark.parametrize(("after_outage_ms", "late"), [(500, 0), (1_500, 1)])
def test_while_its_writer_is_dead_a_shop_gets_time_until_a_second_after(after_outage_ms: int, late: int) -> None:
    outage = Outage(SHORT_HELD.expires_at_ms - 10, SHORT_HELD.expires_at_ms + 5_000)

    def doctor(_: list[Answered], events: list[Event]) -> None:
        events[8] = history.expiry_at(outage.until_ms + after_outage_ms)

    assert examined(doctor, outages={STORE: [outage]}).of_shops["expired_late"] == late


def _a_version_is_missing(_: list[Answered], events: list[Event]) -> None:
    del events[2]


def _the_ledger_goes_on_after_the_feed(_: list[Answered], events: list[Event]) -> None:
    events[8] = replace(events[8], version=10)


@pytest.mark.parametrize(
    "doctor",
    [
        _a_version_is_missing,
        _the_ledger_goes_on_after_the_feed,
    ],
)
def test_a_feed_with_a_gap_breaks_conservation(doctor: Doctor) -> None:
    assert conservation_of([], examined(doctor).faults).startswith("broken: shop 367")


def test_a_differing_repeat_is_found() -> None:
    call = history.answers()[1].call
    same = Repeated(call, HELD, HELD, same_content=True)
    changed = Repeated(call, HELD, replace(HELD, expires_at_ms=HELD.expires_at_ms + 1), same_content=True)
    refused = Repeated(call, HELD, SHORT_OF_PEARS, same_content=True)
    assert [each.differs for each in (same, changed, refused)] == [False, True, True]


def test_a_key_with_other_content_must_be_refused_as_reused() -> None:
    call = history.answers()[1].call
    reused: Rejection = replace(SHORT_OF_PEARS, reason=Reason.IDEMPOTENCY_KEY_REUSED, version=0)
    right = Repeated(call, HELD, reused, same_content=False)
    obeyed = Repeated(call, HELD, HELD, same_content=False)
    otherwise = Repeated(call, HELD, SHORT_OF_PEARS, same_content=False)
    assert [each.differs for each in (right, obeyed, otherwise)] == [False, True, True]


@pytest.mark.parametrize(("callers", "units", "wrong"), [(3, 1, 0), (1, 5, 0), (3, 2, 1), (2, 2, 1)])
def test_of_n_callers_for_s_units_exactly_the_smaller_number_wins(callers: int, units: int, wrong: int) -> None:
    contest = Contest(STORE, "apple", callers, units, accepted=1)
    found = Findings()
    examine_shops(found, Answers(cast("ChannelClient", None)), [contest], [])
    assert found["contests_wrong"] == len(found.sentences) == wrong


def test_conservation_says_what_broke() -> None:
    sound = Verification(STORE, 9, True, (), 9, 2, 1, 0, 0, "hash")
    broken = replace(sound, holds=False, discrepancies=(Discrepancy("I1", "apple", "4", "5"),))
    silent = replace(sound, holds=False)
    assert conservation_of([sound], []) == HOLDS
    assert conservation_of([sound, broken], []) == "broken in shop 367: I1 apple, expected 4, found 5"
    assert conservation_of([silent], []) == "broken in shop 367: its ledger does not verify"

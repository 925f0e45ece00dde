"""The verdict over orders catches one that is half placed, a limit that is exceeded, and an answer that is lost."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.demo.calls import Answered, Kind, Outcome, Repeated
from bench.demo.feed import Contest, Findings, Outage
from bench.demo.orders import units_of
from holdfast.client import (
    Event,
    Line,
    OrderStatus,
    PartOutcome,
    Reason,
    Rejection,
    Reservation,
    SourcingPolicy,
    Status,
    StorePlan,
)
from holdfast.client.models import events as feed
from tests.bench import order_history as history
from tests.bench.order_history import (
    CONFIRMED,
    FAR_SHOP,
    HELD_UNTIL_MS,
    NEAR_SHOP,
    ORDER_ID,
    PLACED,
    PLACING,
    START_MS,
    Tampered,
    outcome_applied,
    step,
)

Doctor = Callable[[Tampered], None]
REFUSED = Rejection(
    Reason.TRANSITION_NOT_ALLOWED, "no", NEAR_SHOP, "", 0, 0, "", Status.UNSPECIFIED, (), version=8, order_id=""
)


def test_an_honest_history_has_no_findings() -> None:
    found, of_shops = Tampered().judged()
    assert found == of_shops == Findings()
    assert Tampered().examined()[1] == {history.ORDER_ID: 2}
    assert Tampered().examined()[0].held == set(Tampered().parts)


def _cut(tampered: Tampered, store_id: str, versions: int) -> None:
    del tampered.events[store_id][versions:]


def _only_claimed_in_the_far_shop(tampered: Tampered) -> None:
    _cut(tampered, FAR_SHOP, 2)
    tampered.stands(FAR_SHOP)


def _let_go_of_in_the_far_shop(tampered: Tampered) -> None:
    _cut(tampered, FAR_SHOP, 3)
    tampered.change(FAR_SHOP, 3, outcome_applied(FAR_SHOP, Status.RELEASED, 0, 1))
    tampered.stands(FAR_SHOP, status=Status.RELEASED, lines=(Line("pear", 1, 0, 1),), version=3)


def _never_claimed_in_the_far_shop(tampered: Tampered) -> None:
    _cut(tampered, FAR_SHOP, 1)
    del tampered.parts[f"{FAR_SHOP}:2"]


def _held_in_both_and_abandoned(tampered: Tampered) -> None:
    tampered.standing[ORDER_ID] = replace(PLACED, status=OrderStatus.ABANDONED, parts=())


def _held_in_both_and_unknown(tampered: Tampered) -> None:
    tampered.standing[ORDER_ID] = None


def _held_where_nobody_said(tampered: Tampered) -> None:
    near = history.claimed(NEAR_SHOP)
    more = replace(near, reservation_id=f"{NEAR_SHOP}:8", version=8)
    hears = feed.OutcomeApplied(ORDER_ID, more.reservation_id, Status.HELD, HELD_UNTIL_MS, ())
    tampered.events[NEAR_SHOP] += [
        Event(NEAR_SHOP, 8, START_MS + 8, feed.Claimed(more)),
        Event(NEAR_SHOP, 9, START_MS + 9, hears),
    ]
    tampered.parts[more.reservation_id] = replace(more, status=Status.HELD, expires_at_ms=HELD_UNTIL_MS, version=9)


@pytest.mark.parametrize(
    "doctor",
    [
        _only_claimed_in_the_far_shop,
        _let_go_of_in_the_far_shop,
        _never_claimed_in_the_far_shop,
        _held_in_both_and_abandoned,
        _held_in_both_and_unknown,
        _held_where_nobody_said,
    ],
)
def test_an_order_that_is_half_placed_is_found(doctor: Doctor) -> None:
    tampered = Tampered()
    doctor(tampered)
    found, _ = tampered.judged()
    assert found["partly_placed"] == 1, found.sentences


def test_claims_that_were_let_go_of_before_the_order_was_certain_are_not_of_it() -> None:
    tampered = Tampered()
    near = history.claimed(NEAR_SHOP)
    other = replace(near, reservation_id=f"{NEAR_SHOP}:8", version=8)
    gone = feed.OutcomeApplied(ORDER_ID, other.reservation_id, Status.RELEASED, 0, (("apple", 2),))
    tampered.events[NEAR_SHOP] += [
        Event(NEAR_SHOP, 8, START_MS + 8, feed.Claimed(other)),
        Event(NEAR_SHOP, 9, START_MS + 9, gone),
    ]
    tampered.parts[other.reservation_id] = replace(other, status=Status.RELEASED, version=9)
    found, of_shops = tampered.judged()
    assert found == Findings(), found.sentences
    assert of_shops == Findings()


def test_an_order_that_expired_before_its_shop_heard_that_it_was_certain_is_whole() -> None:
    tampered = Tampered()
    del tampered.log[1:]
    parts = []
    for store_id, status in ((NEAR_SHOP, Status.HELD), (FAR_SHOP, Status.EXPIRED)):
        sku, units = history.UNITS[store_id]
        if status is Status.HELD:
            _cut(tampered, store_id, 4)
        else:
            _cut(tampered, store_id, 3)
        version = len(tampered.events[store_id])
        tampered.change(store_id, version, outcome_applied(store_id, Status.EXPIRED, HELD_UNTIL_MS, units))
        tampered.events[store_id][-1] = replace(tampered.events[store_id][-1], at_ms=HELD_UNTIL_MS + 100)
        lines = (Line(sku, units, 0, units),)
        parts.append(history.part(replace(history.claimed(store_id), lines=lines), Status.EXPIRED))
        tampered.stands(store_id, status=Status.EXPIRED, lines=lines, expires_at_ms=HELD_UNTIL_MS, version=version)
    tampered.end_ms = HELD_UNTIL_MS + 200
    tampered.standing[ORDER_ID] = replace(PLACED, status=OrderStatus.EXPIRED, parts=tuple(parts), version=5)
    found, of_shops = tampered.judged()
    assert found == Findings(), found.sentences
    assert of_shops == Findings()


@pytest.mark.parametrize(("after_deadline_ms", "late"), [(0, 0), (1_000, 0), (1_001, 2), (-1, 2)])
def test_an_order_expires_in_its_shops_within_a_second_and_never_before(after_deadline_ms: int, late: int) -> None:
    assert _expired(after_deadline_ms, {})["expired_late"] == late


@pytest.mark.parametrize(("after_outage_ms", "late"), [(500, 0), (1_500, 2)])
def test_what_tells_the_shops_gets_time_until_a_second_after_its_death(after_outage_ms: int, late: int) -> None:
    outage = Outage(HELD_UNTIL_MS - 10, HELD_UNTIL_MS + 5_000)
    outages = {store_id: [outage] for store_id in history.SHOPS}
    assert _expired(5_000 + after_outage_ms, outages)["expired_late"] == late


def _expired(after_deadline_ms: int, outages: dict[str, list[Outage]]) -> Findings:
    tampered = Tampered(outages=outages)
    for store_id in history.SHOPS:
        _cut(tampered, store_id, 4)
        units = history.UNITS[store_id][1]
        tampered.change(store_id, 4, outcome_applied(store_id, Status.EXPIRED, HELD_UNTIL_MS, units))
        tampered.events[store_id][3] = replace(tampered.events[store_id][3], at_ms=HELD_UNTIL_MS + after_deadline_ms)
        tampered.stands(store_id, status=Status.EXPIRED, version=4)
    _, of_shops = tampered.judged()
    return of_shops


@pytest.mark.parametrize(("accepted", "wrong"), [(3, 0), (2, 1), (4, 1)])
def test_the_last_places_of_a_slot_go_to_exactly_as_many(accepted: int, wrong: int) -> None:
    found, _ = Tampered(contests=[Contest(NEAR_SHOP, history.SLOT_MS, 14, 3, accepted)]).judged()
    assert found["slot_contests_wrong"] == wrong


def _no_such_order(tampered: Tampered) -> None:
    tampered.standing[ORDER_ID] = None


def _told_confirmed_and_only_held(tampered: Tampered) -> None:
    tampered.standing[ORDER_ID] = replace(history.COLLECTED, status=OrderStatus.HELD)


def _released_and_nobody_asked(tampered: Tampered) -> None:
    tampered.standing[ORDER_ID] = replace(history.COLLECTED, status=OrderStatus.RELEASED)


def _another_deadline(tampered: Tampered) -> None:
    tampered.standing[ORDER_ID] = replace(history.COLLECTED, expires_at_ms=1)


def _older_than_told(tampered: Tampered) -> None:
    tampered.standing[ORDER_ID] = replace(history.COLLECTED, version=1)


def _fewer_units_than_asked(tampered: Tampered) -> None:
    tampered.log[0] = Answered(PLACING.asking(lines=(("apple", 3), ("pear", 1))), PLACED)


def _something_missing_that_was_not_to_be(tampered: Tampered) -> None:
    call = PLACING.asking(lines=(("apple", 2), ("pear", 2)))
    tampered.log[0] = Answered(call, replace(PLACED, missing=(("pear", 1),)))


def _two_shops_where_one_was_asked(tampered: Tampered) -> None:
    tampered.log[0] = Answered(PLACING.asking(policy=SourcingPolicy.ONE_STORE), PLACED)


def _somebody_elses_order(tampered: Tampered) -> None:
    tampered.log[0] = Answered(PLACING.asking(customer_id="eve"), PLACED)


def _another_slot(tampered: Tampered) -> None:
    tampered.log[0] = Answered(PLACING.asking(slot_start_ms=None), PLACED)


def _placed_by_two_calls(tampered: Tampered) -> None:
    tampered.log.append(Answered(replace(PLACING, key="twin"), PLACED))


def _the_step_of_another_order(tampered: Tampered) -> None:
    tampered.log[1] = Answered(step(Kind.CONFIRM_ORDER, "confirm").asking(order_id="0007/2"), CONFIRMED)


def _accepted_and_not_confirmed(tampered: Tampered) -> None:
    tampered.log[1] = Answered(step(Kind.CONFIRM_ORDER, "confirm"), replace(CONFIRMED, status=OrderStatus.HELD))


def _amended_in_vain(tampered: Tampered) -> None:
    plan = StorePlan(NEAR_SHOP, (("apple", 1),))
    amended = replace(CONFIRMED, version=6)
    tampered.log.insert(2, Answered(step(Kind.AMEND_ORDER, "amend", stores=(plan,)), amended))


def _outcome(tampered: Tampered, answer: Reservation | Rejection) -> None:
    call, outcome = tampered.log[3]
    assert isinstance(outcome, tuple)
    tampered.log[3] = Answered(call, (PartOutcome(NEAR_SHOP, answer), *outcome[1:]))


def _collected_otherwise(tampered: Tampered) -> None:
    _outcome(tampered, replace(history.collected(NEAR_SHOP), payment_reference="other"))


def _refused_and_collected(tampered: Tampered) -> None:
    _outcome(tampered, replace(REFUSED, version=6))


@pytest.mark.parametrize(
    "doctor",
    [
        _no_such_order,
        _told_confirmed_and_only_held,
        _released_and_nobody_asked,
        _another_deadline,
        _older_than_told,
        _fewer_units_than_asked,
        _something_missing_that_was_not_to_be,
        _two_shops_where_one_was_asked,
        _somebody_elses_order,
        _another_slot,
        _placed_by_two_calls,
        _the_step_of_another_order,
        _accepted_and_not_confirmed,
        _amended_in_vain,
        _collected_otherwise,
        _refused_and_collected,
    ],
)
def test_a_lost_answer_is_found(doctor: Doctor) -> None:
    tampered = Tampered()
    doctor(tampered)
    found, _ = tampered.judged()
    assert found["answers_lost"] == 1, found.sentences


def test_units_of_parts_in_one_shop_are_added_up() -> None:
    first, other = PLACED.parts
    more = replace(first, reservation_id=f"{NEAR_SHOP}:8", lines=(Line("apple", 1, 0, 0),))
    assert units_of(replace(PLACED, parts=(first, other, more))) == {(NEAR_SHOP, "apple"): 3, (FAR_SHOP, "pear"): 1}


def test_a_refused_step_stands_in_the_feed() -> None:
    tampered = Tampered()
    tampered.events[NEAR_SHOP].append(history.refused_step(8, REFUSED))
    again = Answered(step(Kind.COLLECT_ORDER, "collect"), (PartOutcome(NEAR_SHOP, REFUSED),))
    tampered.log.append(again)
    found, _ = tampered.judged()
    assert found == Findings(), found.sentences
    tampered.events[NEAR_SHOP][-1] = history.refused_step(8, REFUSED, key="\n0007/2 1 collect")
    assert tampered.judged()[0]["answers_lost"] == 1


def _nobody_was_told_that_it_was_placed(tampered: Tampered) -> None:
    del tampered.log[:]
    tampered.log.append(Answered(PLACING, REFUSED))


def _nobody_was_told_that_it_was_collected(tampered: Tampered) -> None:
    call, outcome = tampered.log[3]
    assert isinstance(outcome, tuple)
    tampered.log[3] = Answered(call, outcome[1:])


def _nobody_was_told_of_a_refusal(tampered: Tampered) -> None:
    tampered.events[NEAR_SHOP].append(history.refused_step(8, REFUSED))


@pytest.mark.parametrize(
    "doctor",
    [
        _nobody_was_told_that_it_was_placed,
        _nobody_was_told_that_it_was_collected,
        _nobody_was_told_of_a_refusal,
    ],
)
def test_an_effect_that_nobody_was_told_of_is_found(doctor: Doctor) -> None:
    tampered = Tampered()
    doctor(tampered)
    found, _ = tampered.judged()
    assert found["unasked"] >= 1


def test_differing_repeats_are_found() -> None:
    reused = replace(REFUSED, reason=Reason.IDEMPOTENCY_KEY_REUSED)

    def differing(second: Outcome, *, same_content: bool) -> int:
        return Tampered(repeats=[Repeated(PLACING, PLACED, second, same_content)]).judged()[0]["repeats_differing"]

    assert differing(PLACED, same_content=True) == 0
    assert differing(replace(PLACED, version=3), same_content=True) == 1
    assert differing(reused, same_content=False) == 0
    assert differing(PLACED, same_content=False) == 1

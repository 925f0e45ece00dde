"""A reservation as its events tell it: what an answer is compared with."""

from dataclasses import replace

import pytest

from bench.demo.feed import Witness, followed
from holdfast.client import Event, Line, Status
from holdfast.client.models import events as told
from tests.bench import history as one_shop, order_history as history
from tests.bench.order_history import COLLECT_UNTIL_MS, NEAR_SHOP, ORDER_ID, Cooked, outcome_applied

RESERVATION_ID = f"{NEAR_SHOP}:2"


def witnessed(cooked: Cooked) -> Witness:
    """The near shop, read, with nobody's answers beside it."""
    witness = Witness((), {})
    for event in cooked.events[NEAR_SHOP]:
        witness.see(event)
    return witness


def test_a_part_is_followed_from_its_claim_until_it_is_sold() -> None:
    witness = witnessed(Cooked())
    assert witness.reservations == {RESERVATION_ID: history.collected(NEAR_SHOP)}
    assert witness.held == {RESERVATION_ID}
    assert witness.parts_by_order() == {ORDER_ID: witness.reservations}
    assert witness.most_in_slot == {(NEAR_SHOP, history.SLOT_MS): 1}


def test_a_part_may_give_some_back_and_go_on() -> None:
    cooked = Cooked()
    cooked.change(NEAR_SHOP, 4, outcome_applied(NEAR_SHOP, Status.CONFIRMED, COLLECT_UNTIL_MS, units=1))
    cooked.change(NEAR_SHOP, 6, told.Collected(RESERVATION_ID, (("apple", 1),), "pay"))
    [sold] = witnessed(cooked).reservations.values()
    assert (sold.status, sold.lines) == (Status.COLLECTED, (Line("apple", 2, 1, 1),))


def test_a_part_that_gave_its_last_unit_back_is_over_whatever_its_order_goes_on_as() -> None:
    cooked = Cooked()
    cooked.change(NEAR_SHOP, 4, outcome_applied(NEAR_SHOP, Status.CONFIRMED, COLLECT_UNTIL_MS, units=2))
    del cooked.events[NEAR_SHOP][4:]
    [over] = witnessed(cooked).reservations.values()
    assert (over.status, over.lines) == (Status.RELEASED, (Line("apple", 2, 0, 2),))


def test_an_amendment_says_all_of_it() -> None:
    change = told.Amended(one_shop.HELD.reservation_id, (("pear", 1), ("apple", 3)), one_shop.END_MS, 7)
    lines = (Line("pear", 1, 0, 0), Line("apple", 3, 0, 0))
    assert followed(one_shop.HELD, Event(one_shop.STORE, 3, 1, change)) == replace(
        one_shop.HELD, lines=lines, expires_at_ms=one_shop.END_MS, slot_start_ms=7, version=3
    )


@pytest.mark.parametrize(("version", "faults"), [(8, 0), (9, 1), (7, 1)])
def test_a_version_that_does_not_follow_is_a_fault(version: int, faults: int) -> None:
    cooked = Cooked()
    gone = told.OutcomeApplied("0007/2", "", Status.RELEASED, 0, ())
    cooked.events[NEAR_SHOP].append(Event(NEAR_SHOP, version, 2_000_000, gone))
    assert len(witnessed(cooked).findings({}).faults) == faults


def test_part_answers_that_the_feed_has_not_are_lost() -> None:
    cooked = Cooked()
    del cooked.events[NEAR_SHOP][4:]
    lost = cooked.judged()[1].order_answers_lost
    assert len(lost) == 2, "marked ready, and collected"
    assert all("the feed has no such version" in sentence for sentence in lost)

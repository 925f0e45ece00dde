"""What the check of the feeds knows of an order's parts, and of gaps in a feed."""

from dataclasses import replace

import pytest

from bench.demo.feed import FeedCheck, Standing
from holdfast.client import Event, Status
from holdfast.client.models import events as feed
from tests.bench import order_history as history
from tests.bench.history import END
from tests.bench.order_history import COLLECT_UNTIL_MS, NEAR_SHOP, Tampered, outcome_applied

RESERVATION_ID = f"{NEAR_SHOP}:2"


def checked(tampered: Tampered) -> FeedCheck:
    """The near shop, read, with nobody's answers beside it."""
    check = FeedCheck((), {})
    for event in tampered.events[NEAR_SHOP]:
        check.see(event)
    return check


def held(tampered: Tampered) -> set[str]:
    """The parts of orders that the near shop's feed says were held."""
    return checked(tampered).held


def test_a_part_is_held_once_its_shop_hears_so() -> None:
    assert held(Tampered()) == {RESERVATION_ID}
    tampered = Tampered()
    del tampered.events[NEAR_SHOP][2:]
    assert held(tampered) == set(), "it is only claimed"
    tampered = Tampered()
    tampered.change(NEAR_SHOP, 3, outcome_applied(NEAR_SHOP, Status.RELEASED, 0, 2))
    tampered.change(NEAR_SHOP, 4, outcome_applied(NEAR_SHOP, Status.EXPIRED, COLLECT_UNTIL_MS, 2))
    assert held(tampered) == set()


@pytest.mark.parametrize(("version", "faults"), [(8, 0), (9, 1), (7, 1)])
def test_a_version_that_does_not_follow_is_a_fault(version: int, faults: int) -> None:
    tampered = Tampered()
    gone = feed.OutcomeApplied("0007/2", "", Status.RELEASED, 0, ())
    tampered.events[NEAR_SHOP].append(Event(NEAR_SHOP, version, 2_000_000, gone))
    check = checked(tampered)
    check.finish(_of_near_shop(version))
    assert len(check.faults) == faults


def _of_near_shop(version: int) -> Standing:
    return replace(END, versions={NEAR_SHOP: version}, reservations={})


def test_part_answers_that_the_feed_has_not_are_lost() -> None:
    tampered = Tampered()
    del tampered.events[NEAR_SHOP][4:]
    found, _ = tampered.judged()
    lost = [sentence for sentence in found.sentences if "in shop" in sentence]
    assert len(lost) == 2, "marked ready, and collected"
    assert all("the feed has no such version" in sentence for sentence in lost)


def test_a_part_answer_of_another_order_is_lost() -> None:
    tampered = Tampered()
    other = replace(history.claimed(NEAR_SHOP), order_id="0007/2")
    tampered.change(NEAR_SHOP, 2, feed.Claimed(other))
    found, _ = tampered.judged()
    lost = [sentence for sentence in found.sentences if "in shop" in sentence]
    assert len(lost) == 2, "marked ready, and collected"

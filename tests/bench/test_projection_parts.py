"""Parts of orders, as the projection reads them: what shops hear is followed, and what they must not do is a fault."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.demo.projection import Projection
from holdfast.client import Event, Line, Reservation, Status
from holdfast.client.models import events as told
from tests.bench import history as one_shop, order_history as history
from tests.bench.order_history import COLLECT_UNTIL_MS, HELD_UNTIL_MS, NEAR_SHOP, ORDER_ID, Cooked, outcome_applied

RESERVATION_ID = f"{NEAR_SHOP}:2"
Doctor = Callable[[Cooked], None]


def projected(cooked: Cooked) -> Projection:
    """The near shop, read."""
    projection = Projection()
    for event in cooked.events[NEAR_SHOP]:
        projection.apply(event)
    return projection


def test_a_part_is_held_from_its_claim_until_it_is_sold() -> None:
    projection = Projection()
    shelf = projection.shelf(NEAR_SHOP, "apple")
    found = []
    for event in Cooked().events[NEAR_SHOP]:
        after = projection.apply(event)
        found.append((after.status.name if after else "", shelf.on_hand, shelf.held))
    assert found == [
        ("", 5, 0),
        ("CLAIMED", 5, 2),
        ("HELD", 5, 2),
        ("CONFIRMED", 5, 2),
        ("READY", 5, 2),
        ("COLLECTED", 3, 0),
        ("", 3, 0),
    ]
    assert projection.faults == []
    assert projection.reservations[RESERVATION_ID] == history.collected(NEAR_SHOP)


def test_a_part_may_give_some_back_and_go_on() -> None:
    cooked = Cooked()
    cooked.change(NEAR_SHOP, 4, outcome_applied(NEAR_SHOP, Status.CONFIRMED, COLLECT_UNTIL_MS, units=1))
    cooked.change(NEAR_SHOP, 6, told.Collected(RESERVATION_ID, (("apple", 1),), "pay"))
    projection = projected(cooked)
    assert projection.faults == []
    assert projection.reservations[RESERVATION_ID].lines == (Line("apple", 2, 1, 1),)
    assert projection.shelf(NEAR_SHOP, "apple").held == 0


def test_an_order_that_was_over_before_its_claim_came_changes_nothing() -> None:
    cooked = Cooked()
    cooked.events[NEAR_SHOP].append(
        Event(NEAR_SHOP, 8, 2_000_000, told.OutcomeApplied("0007/2", "", Status.RELEASED, 0, ()))
    )
    assert projected(cooked).faults == []


def test_the_deadline_of_a_part_is_its_orders() -> None:
    cooked = Cooked()
    events = cooked.events[NEAR_SHOP]
    events[5] = replace(events[5], at_ms=COLLECT_UNTIL_MS + 100)
    assert projected(cooked).faults == []


def _claimed(cooked: Cooked, **changes: object) -> None:
    # Any field of Reservation; the constructor checks their names.
    made: Reservation = replace(history.claimed(NEAR_SHOP), **changes)  # type: ignore[arg-type]
    cooked.change(NEAR_SHOP, 2, told.Claimed(made))


def _claimed_as_held(cooked: Cooked) -> None:
    _claimed(cooked, status=Status.HELD)


def _claimed_for_no_order(cooked: Cooked) -> None:
    _claimed(cooked, order_id="")


def _reserved_for_an_order(cooked: Cooked) -> None:
    cooked.change(NEAR_SHOP, 2, told.Reserved(replace(history.claimed(NEAR_SHOP), status=Status.HELD)))


def _collected_while_claimed(cooked: Cooked) -> None:
    cooked.change(NEAR_SHOP, 3, told.Collected(RESERVATION_ID, (("apple", 2),), "pay"))


def _of_another_order(cooked: Cooked) -> None:
    cooked.change(NEAR_SHOP, 3, told.OutcomeApplied("0007/2", RESERVATION_ID, Status.HELD, HELD_UNTIL_MS, ()))


def _never_claimed(cooked: Cooked) -> None:
    cooked.change(NEAR_SHOP, 3, told.OutcomeApplied(ORDER_ID, f"{NEAR_SHOP}:1", Status.HELD, HELD_UNTIL_MS, ()))


def _back_to_claimed(cooked: Cooked) -> None:
    cooked.change(NEAR_SHOP, 3, outcome_applied(NEAR_SHOP, Status.CLAIMED, 0))


def _back_to_held(cooked: Cooked) -> None:
    cooked.change(NEAR_SHOP, 5, outcome_applied(NEAR_SHOP, Status.HELD, HELD_UNTIL_MS))


def _over_and_still_holding(cooked: Cooked) -> None:
    cooked.change(NEAR_SHOP, 5, outcome_applied(NEAR_SHOP, Status.RELEASED, 0, units=1))


def _over_as_collected(cooked: Cooked) -> None:
    cooked.change(NEAR_SHOP, 5, outcome_applied(NEAR_SHOP, Status.COLLECTED, 0, units=2))


def _gives_more_than_it_held(cooked: Cooked) -> None:
    cooked.change(NEAR_SHOP, 5, outcome_applied(NEAR_SHOP, Status.RELEASED, 0, units=3))


def _heeds_after_its_end(cooked: Cooked) -> None:
    cooked.change(NEAR_SHOP, 7, outcome_applied(NEAR_SHOP, Status.RELEASED, 0, units=2))


def _confirmed_by_itself(cooked: Cooked) -> None:
    cooked.change(NEAR_SHOP, 4, told.Confirmed(RESERVATION_ID, COLLECT_UNTIL_MS))


def _extended_by_itself(cooked: Cooked) -> None:
    cooked.change(NEAR_SHOP, 4, told.Extended(RESERVATION_ID, COLLECT_UNTIL_MS))


def _amended_by_itself(cooked: Cooked) -> None:
    cooked.change(NEAR_SHOP, 4, told.Amended(RESERVATION_ID, (("apple", 1),), COLLECT_UNTIL_MS, None))


def _acknowledged_what_is_no_part(cooked: Cooked) -> None:
    cooked.change(NEAR_SHOP, 7, told.Acknowledged((f"{NEAR_SHOP}:1",)))


@pytest.mark.parametrize(
    "doctor",
    [
        _claimed_as_held,
        _claimed_for_no_order,
        _reserved_for_an_order,
        _collected_while_claimed,
        _of_another_order,
        _never_claimed,
        _back_to_claimed,
        _back_to_held,
        _over_and_still_holding,
        _over_as_collected,
        _gives_more_than_it_held,
        _heeds_after_its_end,
        _confirmed_by_itself,
        _extended_by_itself,
        _amended_by_itself,
        _acknowledged_what_is_no_part,
    ],
)
def test_what_a_part_must_not_do_is_a_fault(doctor: Doctor) -> None:
    cooked = Cooked()
    doctor(cooked)
    assert projected(cooked).faults


def test_a_reservation_of_the_shop_alone_is_amended_in_one_step() -> None:
    projection = Projection()
    events = one_shop.events()[:2]
    amended = told.Amended(one_shop.HELD.reservation_id, (("pear", 1), ("apple", 3)), one_shop.END_MS, None)
    for event in (*events, Event(one_shop.STORE, 3, one_shop.START_MS + 3, amended)):
        projection.apply(event)
    assert projection.faults == []
    held = projection.reservations[one_shop.HELD.reservation_id]
    assert held.lines == (Line("pear", 1, 0, 0), Line("apple", 3, 0, 0))
    assert [projection.shelf(one_shop.STORE, sku).held for sku in ("apple", "pear")] == [3, 1]


def test_what_was_partly_collected_is_not_amended() -> None:
    projection = Projection()
    events = one_shop.events()[:6]
    amended = told.Amended(one_shop.HELD.reservation_id, (("apple", 1),), one_shop.END_MS, None)
    for event in (*events, Event(one_shop.STORE, 7, one_shop.START_MS + 7, amended)):
        projection.apply(event)
    assert projection.faults

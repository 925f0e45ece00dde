"""Limits over the whole chain, judged from the feeds of all shops: what counts, from when, and until when."""

from dataclasses import replace

import pytest

from bench.demo.chain_limits import Certain, ChainLimit, Change, exceeded, peak
from bench.demo.parts import History, Stage
from holdfast.client import Line, Status
from tests.bench import order_history as history

HOT = ChainLimit(sku="apple", units_max=3)
HOT_FOR_GOOD = HOT._replace(collected_counts=True)
OPEN_ORDERS = ChainLimit(channel="app", open_reservations_max=1)

Step = tuple[int, Status, int, int, int]  # at, status, units asked, collected, released


def part(*steps: Step) -> History:
    """A part that went through these steps."""
    made = history.claimed(history.NEAR_SHOP)
    return History(
        [
            Stage(at_ms, replace(made, status=status, lines=(Line("apple", quantity, collected, released),)))
            for at_ms, status, quantity, collected, released in steps
        ]
    )


def order(*parts: History, created_at_ms: int = 0, added: int = 0, channel: str = "app") -> Certain:
    """An order of Ann's with these parts, the last `added` of which came by amendment."""
    named = {f"part-{number}": each for number, each in enumerate(parts)}
    at_first = frozenset(list(named)[: len(parts) - added])
    return Certain("ann", channel, created_at_ms, at_first, named)


def held(from_ms: int, units: int) -> History:
    """Claimed, and held a little later."""
    return part((from_ms, Status.CLAIMED, units, 0, 0), (from_ms + 5, Status.HELD, units, 0, 0))


def released(from_ms: int, units: int, until_ms: int) -> History:
    """The same, and given back."""
    return History([*held(from_ms, units).stages, *part((until_ms, Status.RELEASED, units, 0, units)).stages])


def collected(from_ms: int, units: int, until_ms: int) -> History:
    """The same, and handed over."""
    return History([*held(from_ms, units).stages, *part((until_ms, Status.COLLECTED, units, units, 0)).stages])


@pytest.mark.parametrize(
    ("orders", "found"),
    [
        ([order(held(1, 2), held(1, 1))], 0),
        ([order(held(1, 2), held(1, 2))], 4),
        ([order(held(1, 2)), order(held(90, 2), channel="web")], 4),
        ([order(released(1, 2, 50)), order(held(50, 3))], 0),
        ([order(released(1, 2, 50)), order(held(49, 3))], 5),
        ([order(collected(1, 2, 50)), order(held(60, 3))], 0),
    ],
)
def test_units_count_over_all_shops_and_channels_until_they_are_gone(orders: list[Certain], found: int) -> None:
    assert [each.found for each in exceeded([HOT], orders)] == ([found] if found else [])


def test_a_claim_counts_before_its_shop_has_heard_that_it_is_certain() -> None:
    late = part((1, Status.CLAIMED, 2, 0, 0), (90, Status.HELD, 2, 0, 0))
    assert exceeded([HOT], [order(late), order(released(10, 2, 50))])


def test_what_was_collected_goes_on_counting_where_the_rule_says_so() -> None:
    orders = [order(collected(1, 2, 50)), order(held(60, 2))]
    assert not exceeded([HOT], orders)
    assert [each.found for each in exceeded([HOT_FOR_GOOD], orders)] == [4]


def test_what_an_amendment_adds_counts_from_where_it_is_held() -> None:
    """The shop that gives back hears first, so at no moment can a customer collect both."""
    before = released(1, 3, 20)
    instead = part((10, Status.CLAIMED, 3, 0, 0), (20, Status.HELD, 3, 0, 0))
    assert not exceeded([HOT], [order(before, instead, added=1)])
    too_soon = part((10, Status.CLAIMED, 3, 0, 0), (19, Status.HELD, 3, 0, 0))
    assert exceeded([HOT], [order(before, too_soon, added=1)])
    never = part((10, Status.CLAIMED, 3, 0, 0), (15, Status.RELEASED, 3, 0, 3))
    assert not exceeded([HOT], [order(before, never, added=1)])


@pytest.mark.parametrize(
    ("orders", "found"),
    [
        ([order(held(1, 1))], 0),
        ([order(held(1, 1)), order(held(5, 1))], 2),
        ([order(held(1, 1)), order(held(5, 1), channel="web")], 0),
        ([order(released(1, 1, 50)), order(held(60, 1), created_at_ms=55)], 0),
        ([order(released(1, 1, 50)), order(held(60, 1), created_at_ms=45)], 2),
        ([order(released(1, 1, 50), released(1, 1, 58)), order(held(60, 1), created_at_ms=55)], 2),
    ],
)
def test_orders_count_from_where_they_were_opened_until_their_last_part_is_over(
    orders: list[Certain], found: int
) -> None:
    assert [each.found for each in exceeded([OPEN_ORDERS], orders)] == ([found] if found else [])


def test_customers_are_counted_apart() -> None:
    mine = order(held(1, 2))
    assert not exceeded([HOT, OPEN_ORDERS], [mine, mine._replace(customer_id="bob")])


def test_of_one_millisecond_what_goes_comes_first() -> None:
    assert peak([Change(1, 1), Change(2, 1), Change(2, -1)]) == 1
    assert peak([Change(1, 1), Change(2, 1), Change(3, -1)]) == 2

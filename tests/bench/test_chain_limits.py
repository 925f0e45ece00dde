"""Customers who seek more than a limit allows, judged by what they were told: at once, and in all at the end."""

from dataclasses import replace

import pytest

from bench.demo.calls import Answered, Call, Kind
from bench.demo.orders import seekers_over
from bench.demo.plan import ChainLimit, Seeker
from holdfast.client import Line, Order, OrderStatus
from tests.bench.order_history import PLACED

HELD, RELEASED, COLLECTED = OrderStatus.HELD, OrderStatus.RELEASED, OrderStatus.COLLECTED
UNITS = ChainLimit(sku="apple", units_max=3)
UNITS_FOR_GOOD = UNITS._replace(collected_counts=True)
OPEN_ORDERS = ChainLimit(channel="app", open_reservations_max=2)


def over(limit: ChainLimit, first: list[tuple[int, OrderStatus]], second: list[tuple[int, OrderStatus]]) -> bool:
    """Whether Ann is found over the limit, who got so many apples of each order, which stands so at the end."""
    log, orders = [], {}
    for number, (units, status) in enumerate([*first, *second]):
        [part, *_] = PLACED.parts
        parts = (replace(part, lines=(Line("apple", units, 0, 0),)),)
        placed: Order = replace(PLACED, order_id=f"{number}", parts=parts)
        log.append(Answered(Call(Kind.NEAR, f"{number}", {}), placed))
        orders[placed.order_id] = replace(placed, status=status)
    calls = [each.call for each in log]
    seeker = Seeker("ann", limit, tuple(calls[: len(first)]), tuple(calls[len(first) :]))
    return bool(list(seekers_over([seeker], log, orders)))


@pytest.mark.parametrize(
    ("limit", "first", "second", "exceeded"),
    [
        (UNITS, [(2, HELD), (1, HELD)], [], False),
        (UNITS, [(2, HELD), (2, HELD)], [], True),
        (UNITS, [(2, HELD), (2, RELEASED)], [], True),
        (UNITS, [(2, HELD), (1, RELEASED)], [(1, HELD)], False),
        (UNITS, [(2, HELD), (1, RELEASED)], [(2, HELD)], True),
        (UNITS, [(2, COLLECTED)], [(2, HELD)], False),
        (UNITS_FOR_GOOD, [(2, COLLECTED)], [(2, HELD)], True),
        (OPEN_ORDERS, [(9, HELD), (9, HELD)], [], False),
        (OPEN_ORDERS, [(1, HELD), (1, HELD), (1, HELD)], [], True),
        (OPEN_ORDERS, [(1, HELD), (1, RELEASED), (1, RELEASED)], [], True),
        (OPEN_ORDERS, [(1, COLLECTED), (1, RELEASED)], [(1, HELD), (1, HELD)], False),
        (OPEN_ORDERS, [(1, HELD), (1, RELEASED)], [(1, HELD), (1, HELD)], True),
    ],
)
def test_more_than_a_limit_allows_is_found(
    limit: ChainLimit, first: list[tuple[int, OrderStatus]], second: list[tuple[int, OrderStatus]], exceeded: bool
) -> None:
    assert over(limit, first, second) == exceeded

"""What becomes of the orders: drawn from the seed and the basket, in the shares that are set."""

from collections import Counter

import pytest

from bench.demo.calls import Kind, Repeat, other_content
from bench.demo.plan import FATES, REPLACED_SHARE, journey
from bench.workload import Order, seeded_workload

SEED = 7


@pytest.fixture(scope="module")
def orders() -> tuple[Order, ...]:
    return seeded_workload(SEED, 10_000).orders


def test_the_same_seed_asks_the_same(orders: tuple[Order, ...]) -> None:
    first = [journey(order, SEED, "c") for order in orders[:200]]
    assert first == [journey(order, SEED, "c") for order in orders[:200]]
    assert first != [journey(order, SEED + 1, "c") for order in orders[:200]]


def test_the_fates_are_of_100_orders_and_85_are_confirmed(orders: tuple[Order, ...]) -> None:
    assert sum(FATES.values()) == 100
    kinds = Counter(kind for order in orders for kind in {step.call.kind for step in journey(order, SEED, "c")})
    assert kinds[Kind.RESERVE] == len(orders)
    assert kinds[Kind.CONFIRM] / len(orders) == pytest.approx(0.85, abs=0.02)
    assert kinds[Kind.COLLECT] / len(orders) == pytest.approx(0.68, abs=0.02)


def test_some_orders_expire_some_are_replaced_and_some_calls_are_repeated(orders: tuple[Order, ...]) -> None:
    steps = [step for order in orders for step in journey(order, SEED, "c")]
    short = [step for step in steps if "ttl_ms" in step.call.asked and step.call.kind is Kind.RESERVE]
    drafts = [step for step in steps if step.call.key.endswith("-draft")]
    assert len(short) / len(orders) == pytest.approx(0.08, abs=0.015)
    assert len(drafts) / len(orders) == pytest.approx(REPLACED_SHARE, abs=0.01)
    assert {step.repeat for step in steps} == set(Repeat)


def test_no_two_calls_share_a_key(orders: tuple[Order, ...]) -> None:
    keys = Counter(step.call.key for order in orders for step in journey(order, SEED, "c"))
    assert max(keys.values()) == 1


def test_other_content_is_other_under_the_same_key(orders: tuple[Order, ...]) -> None:
    for order in orders[:500]:
        for step in journey(order, SEED, "c"):
            if step.repeat is Repeat.OTHER_CONTENT:
                changed = other_content(step.call)
                assert changed != step.call
                assert changed.key == step.call.key

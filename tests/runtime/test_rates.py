"""How often SKUs are asked for, in a table of a bounded size."""

import random
from collections import Counter

from actors.shop.commands import Reserve
from serve.routing.rates import SKUS_MAX, Rates


def note(rates: Rates, sku: str, *others: str, basket: str = "", slot_ms: int = 0, wait_ms: int = 0) -> None:
    lines = tuple((each, 1) for each in (sku, *others))
    rates.note(("S1", Reserve("key", "ann", "web", basket, lines, 0, slot_ms, wait_ms=wait_ms)))


def test_calls_are_told_by_the_second() -> None:
    rates = Rates()
    rates.look(10.0)
    for _ in range(8):
        note(rates, "A")
    note(rates, "B")
    assert rates.look(12.0) == {"A": 4.0, "B": 0.5}
    assert rates.look(13.0) == {}


def test_what_is_asked_for_often_is_found_among_very_many() -> None:
    draw = random.Random(5)
    rates, asked = Rates(), Counter[str]()
    rates.look(0.0)
    for number in range(40_000):
        sku = f"hot {draw.randrange(3)}" if draw.random() < 0.3 else f"cold {number}"
        asked[sku] += 1
        note(rates, sku)
        assert len(rates._counts) <= SKUS_MAX
    found = rates.look(1.0)
    short_max = 40_000 / (SKUS_MAX + 1)
    for sku in (f"hot {number}" for number in range(3)):
        assert asked[sku] - short_max <= found[sku] <= asked[sku]


def test_what_a_ledger_of_the_sku_would_not_decide_is_not_counted() -> None:
    rates = Rates()
    note(rates, "A", "B")
    note(rates, "A", basket="basket")
    note(rates, "A", slot_ms=1)
    note(rates, "A", wait_ms=1)
    assert rates.look(1.0) == {}

"""Amend: a reservation is changed in one step, all of it or nothing, and what it has is never lost on the way."""

import pytest
from hypothesis import given, strategies as st

from actors.core.answers import Recorded
from actors.core.policy import LimitRule, Policy
from actors.shop.state import Reservation
from tests.shop.scenario import play
from tests.shop.scenario_text import answer_text, command_of, instant

LIMITED = Policy(version=1, limit_rules=(LimitRule("", "", 2, 3),))

PAGES = {
    "all of a change, or none of it": """
        at   | said                          | answer                              | events            | stock
        0:00 | receive A 5, B 2              | applied 2                           | StockAdjusted     | A 5/0, B 2/0
        0:01 | reserve ann A 3               | #2 HELD A 3 until 2:01              | Reserved          | A 5/3, B 2/0
        0:02 | reserve bob A 2               | #3 HELD A 2 until 2:02              | Reserved          | A 5/5, B 2/0
        0:03 | amend #3 A 3                  | INSUFFICIENT_STOCK A 3 of 2         | Refused           | A 5/5, B 2/0
        0:03 | amend #2 A 3, A 1             | INSUFFICIENT_STOCK A 4 of 3         | Refused           | A 5/5, B 2/0
        0:03 | amend #2 A 1, B 3             | INSUFFICIENT_STOCK B 3 of 2         | Refused           | A 5/5, B 2/0
        0:03 | amend #2 A 1, Z 1             | SKU_NOT_STOCKED Z 1 of 0            | Refused           | A 5/5, B 2/0
        0:03 | amend #2 A 1 for 8d           | TTL_TOO_LONG 691200000 of 604800000 | Refused           | A 5/5, B 2/0
        0:04 | amend #2 A 1, B 1, A 1 for 5h | #2 HELD A 1, B 1, A 1 until 5:04    | Amended           | A 5/4, B 2/1
        0:05 | amend #3 A 3 for 1m           | #3 HELD A 3 until 0:06              | Amended           | A 5/5, B 2/1
        0:06 | reserve cy A 1                | #12 HELD A 1 until 2:06             | Expired, Reserved | A 5/3, B 2/1
        0:06 | amend #3                      | RESERVATION_EXPIRED #3 EXPIRED      | Refused           | A 5/3, B 2/1
        0:07 | wait                          |                                     |                   | A 5/3, B 2/1
        0:08 | amend #2 A 5                  | INSUFFICIENT_STOCK A 5 of 4         | Refused           | A 5/3, B 2/1
    """,
    "what was partly handed over or given back is not amended": """
        at   | said            | answer                               | events         | stock
        0:00 | receive A 5     | applied 1                            | StockAdjusted  | A 5/0
        0:01 | reserve ann A 3 | #2 HELD A 3 until 2:01               | Reserved       | A 5/3
        0:02 | collect #2 A 1  | #2 HELD A 3 -1 sold until 2:01       | Collected      | A 4/2
        0:03 | amend #2 A 1    | TRANSITION_NOT_ALLOWED #2 HELD       | Refused        | A 4/2
        0:04 | reserve bob A 2 | #5 HELD A 2 until 2:04               | Reserved       | A 4/4
        0:05 | release #5 A 1  | #5 HELD A 2 -1 back OTHER until 2:04 | Released OTHER | A 4/3
        0:06 | amend #5 A 1    | TRANSITION_NOT_ALLOWED #5 HELD       | Refused        | A 4/3
    """,
    "the order of a customer is amended, and stays confirmed": """
        at   | said                 | answer                              | events        | stock
        0:00 | receive A 5          | applied 1                           | StockAdjusted | A 5/0
        0:01 | reserve ann A 3      | #2 HELD A 3 until 2:01              | Reserved      | A 5/3
        0:02 | confirm #2 within 1h | #2 CONFIRMED A 3 until 1:02         | Confirmed     | A 5/3
        0:03 | k: amend #2 A 5      | #2 CONFIRMED A 5 until 1:02         | Amended       | A 5/5
        0:04 | k: amend #2 A 5      | #2 CONFIRMED A 5 until 1:02 (again) |               | A 5/5
        0:04 | k: amend #2 A 4      | IDEMPOTENCY_KEY_REUSED (again)      |               | A 5/5
        0:05 | amend #2 for 3h      | #2 CONFIRMED A 5 until 3:05         | Amended       | A 5/5
        0:06 | ready #2             | #2 READY A 5 until 3:05             | ReadyMarked   | A 5/5
        0:07 | amend #2 A 1         | TRANSITION_NOT_ALLOWED #2 READY     | Refused       | A 5/5
    """,
    "what it has is its own, whatever became of the stock": """
        at   | said              | answer                      | events         | stock
        0:00 | receive A 5, B 2  | applied 2                   | StockAdjusted  | A 5/0, B 2/0
        0:01 | reserve ann A 4   | #2 HELD A 4 until 2:01      | Reserved       | A 5/4, B 2/0
        0:02 | safety A 3        | applied 1                   | SafetyStockSet | A 5/4 keep 3, B 2/0
        0:03 | amend #2 for 3h   | #2 HELD A 4 until 3:03      | Amended        | A 5/4 keep 3, B 2/0
        0:04 | amend #2 A 5      | INSUFFICIENT_STOCK A 5 of 2 | Refused        | A 5/4 keep 3, B 2/0
        0:05 | amend #2 A 3, B 1 | #2 HELD A 3, B 1 until 3:03 | Amended        | A 5/3 keep 3, B 2/1
        0:06 | amend #2 A 4, B 1 | INSUFFICIENT_STOCK A 4 of 2 | Refused        | A 5/3 keep 3, B 2/1
        0:07 | reserve bob A 1   | INSUFFICIENT_STOCK A 1 of 0 | Refused        | A 5/3 keep 3, B 2/1
    """,
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page(page: str) -> None:
    play(page)


def test_what_is_replaced_does_not_count_for_a_limit() -> None:
    play(
        """
        at   | said              | answer                         | events        | stock
        0:00 | receive A 9, B 9  | applied 2                      | StockAdjusted | A 9/0, B 9/0
        0:01 | reserve ann A 2   | #3 HELD A 2 until 2:01         | Reserved      | A 9/2, B 9/0
        0:01 | reserve ann A 1   | #4 HELD A 1 until 2:01         | Reserved      | A 9/3, B 9/0
        0:02 | amend #3 A 3      | UNITS_LIMIT A 3 of 2           | Refused       | A 9/3, B 9/0
        0:02 | amend #3 A 1, B 3 | #3 HELD A 1, B 3 until 2:01    | Amended       | A 9/2, B 9/3
        0:03 | amend #4 A 2      | #4 HELD A 2 until 2:01         | Amended       | A 9/3, B 9/3
        0:03 | amend #4 B 3      | UNITS_LIMIT B 3 of 0           | Refused       | A 9/3, B 9/3
        0:04 | amend #4 A 2      | #4 HELD A 2 until 2:01         | Amended       | A 9/3, B 9/3
        0:05 | claim o1 ann A 1  | OPEN_RESERVATIONS_LIMIT 3 of 2 | Refused       | A 9/3, B 9/3
        0:06 | claim o2 bob A 3  | #11 CLAIMED A 3 of o2 at 0     | Claimed       | A 9/6, B 9/3
        0:07 | claim o3 bob A 1  | UNITS_LIMIT A 1 of 0 CLAIMED   | Refused       | A 9/6, B 9/3
        """,
        LIMITED,
    )


@given(st.lists(st.tuples(st.sampled_from([2, 3, 4]), st.integers(1, 6)), max_size=30))
def test_under_full_contention_the_old_hold_stays_or_the_new_one_stands(changes: list[tuple[int, int]]) -> None:
    """Three customers and six units: whoever is refused has what it had, to the unit."""
    watched = play("""
        at   | said
        0:00 | receive A 6
        0:01 | reserve ann A 2
        0:02 | reserve bob A 2
        0:03 | reserve cy A 2
    """)
    for place, (number, units) in enumerate(changes):
        before = watched.ledger.reservations[number]
        others = watched.ledger.positions["A"].reserved - before.lines[0][1]
        told = watched.say(command_of(f"amend #{number} A {units}", f"k{place}"), watched.ledger.time_ms)
        assert isinstance(told.answer, Recorded)
        assert isinstance(told.answer.answer, Reservation) == (others + units <= 6)
        after = watched.ledger.reservations[number]
        assert after.lines == (("A", units),) if others + units <= 6 else after is before
    assert watched.complaints() == []


def test_in_a_paused_shop_only_more_is_refused() -> None:
    watched = play("""
        at   | said
        0:00 | receive A 9
        0:01 | reserve ann A 2
    """)
    watched.adopt(Policy(version=2, paused=True), instant("0:02"))
    for said, answer in {
        "amend #2 A 3": "STORE_NOT_ACCEPTING",
        "amend #2 A 3 for 9d": "STORE_NOT_ACCEPTING",
        "amend #2 for 3h": "#2 HELD A 2 until 3:02",
        "amend #2 A 1": "#2 HELD A 1 until 3:02",
    }.items():
        told = watched.say(command_of(said, said), watched.ledger.time_ms)
        assert answer_text(told.answer) == answer
    assert watched.complaints() == []

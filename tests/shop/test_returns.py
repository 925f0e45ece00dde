"""Goods that come back by receipt: whole or by line, sellable or not, never more than was collected."""

import pytest

from actors.core.policy import DAY_MS, Policy
from actors.shop.returns.sale_return import CameBack
from tests.shop.scenario import play
from tests.shop.scenario_text import answer_text, command_of

PAGES = {
    "whole, and never twice": """
        at   | said                 | answer                                              | events        | stock
        0:00 | receive A 3, B 2     | applied 2                                           | StockAdjusted | A 3/0, B 2/0
        0:01 | reserve ann A 3, B 1 | #2 HELD A 3, B 1 until 2:01                         | Reserved      | A 3/3, B 2/1
        0:02 | collect #2           | #2 COLLECTED A 3 -3 sold, B 1 -1 sold               | Collected     | A 0/0, B 1/0
        0:03 | k: return #2         | #2 COLLECTED A 3 -3 sold +3, B 1 -1 sold +1         | Returned      | A 3/0, B 2/0
        0:04 | k: return #2         | #2 COLLECTED A 3 -3 sold +3, B 1 -1 sold +1 (again) |               | A 3/0, B 2/0
        0:05 | return #2            | QUANTITY_EXCEEDS_COLLECTED #2 COLLECTED             | Refused       | A 3/0, B 2/0
        0:06 | k: return #2 A 1     | IDEMPOTENCY_KEY_REUSED (again)                      |               | A 3/0, B 2/0
        0:07 | reserve bob A 3      | #6 HELD A 3 until 2:07                              | Reserved      | A 3/3, B 2/0
    """,
    "by line, some of it unsellable": """
        at   | said                      | answer                                                      | stock
        0:00 | receive A 5, B 2          | applied 2                                                   |
        0:01 | reserve ann A 3, B 2, A 2 | #2 HELD A 3, B 2, A 2 until 2:01                            |
        0:02 | collect #2                | #2 COLLECTED A 3 -3 sold, B 2 -2 sold, A 2 -2 sold          | A 0/0, B 0/0
        0:03 | return #2 A 4 broken A 1  | #2 COLLECTED A 3 -3 sold +3, B 2 -2 sold, A 2 -2 sold +1    | A 3/0, B 0/0
        0:04 | return #2 A 2             | QUANTITY_EXCEEDS_COLLECTED A 2 of 1 #2 COLLECTED            | A 3/0, B 0/0
        0:05 | return #2 C 1             | LINE_NOT_FOUND C 1 of 0 #2 COLLECTED                        |
        0:06 | return #2 A 1 broken A 2  | QUANTITY_EXCEEDS_COLLECTED A 2 of 1 #2 COLLECTED            |
        0:07 | return #2 A 1 broken B 1  | QUANTITY_EXCEEDS_COLLECTED B 1 of 0 #2 COLLECTED            | A 3/0, B 0/0
        0:08 | return #2 broken B 2      | #2 COLLECTED A 3 -3 sold +3, B 2 -2 sold +2, A 2 -2 sold +2 | A 4/0, B 0/0
    """,
    "of a part that was collected, while the rest waits": """
        at   | said            | answer                                   | stock
        0:00 | receive A 3     | applied 1                                |
        0:01 | reserve ann A 3 | #2 HELD A 3 until 2:01                   |
        0:02 | collect #2 A 2  | #2 HELD A 3 -2 sold until 2:01           | A 1/1
        0:03 | return #2 A 1   | #2 HELD A 3 -2 sold +1 until 2:01        | A 2/1
        0:04 | confirm #2      | #2 CONFIRMED A 3 -2 sold +1 until 2d0:04 | A 2/1
        0:05 | collect #2      | #2 COLLECTED A 3 -3 sold +1              | A 1/0
        0:06 | return #2       | #2 COLLECTED A 3 -3 sold +3              | A 3/0
        0:07 | return #2       | QUANTITY_EXCEEDS_COLLECTED #2 COLLECTED  | A 3/0
    """,
    "of a part of an order, before and after that has heard": """
        at   | said                            | answer                                            | stock
        0:00 | receive A 3                     | applied 1                                         |
        0:01 | claim o1 ann A 3                | #2 CLAIMED A 3 of o1 at 0                         |
        0:02 | return #2                       | TRANSITION_NOT_ALLOWED #2 CLAIMED                 |
        0:03 | apply o1 1 CONFIRMED until 2:00 | #2 CONFIRMED A 3 until 2:00 of o1 at 1            |
        0:04 | collect #2 A 2                  | #2 CONFIRMED A 3 -2 sold until 2:00 of o1 at 1    | A 1/1
        0:05 | acknowledge #2 5                | applied 0                                         |
        0:06 | return #2 A 1                   | #2 CONFIRMED A 3 -2 sold +1 until 2:00 of o1 at 1 | A 2/1
        0:07 | collect #2                      | #2 COLLECTED A 3 -3 sold +1 of o1 at 1            | A 1/0
        0:08 | return #2 A 1                   | #2 COLLECTED A 3 -3 sold +2 of o1 at 1            | A 2/0
        0:09 | acknowledge #2 8                | applied 0                                         |
        0:10 | acknowledge #2 9                | applied 0                                         |
        0:11 | return #2                       | #2 COLLECTED A 3 -3 sold +3 of o1 at 1            | A 3/0
    """,
    "who waits in line is served by it": """
        at   | said                       | answer                           | events           | stock
        0:00 | receive A 1                | applied 1                        | StockAdjusted    |
        0:01 | reserve ann A 1            | #2 HELD A 1 until 2:01           | Reserved         |
        0:02 | reserve bob A 1 waiting 3h | #3 QUEUED A 1 until 3:02 place 1 | Queued           |
        0:03 | collect #2                 | #2 COLLECTED A 1 -1 sold         | Collected        | A 0/0
        0:04 | return #2                  | #2 COLLECTED A 1 -1 sold +1      | Returned, Served | A 1/1
    """,
    "what is unsellable is nobody's": """
        at   | said                       | answer                           | events        | stock
        0:00 | receive A 1                | applied 1                        | StockAdjusted |
        0:01 | reserve ann A 1            | #2 HELD A 1 until 2:01           | Reserved      |
        0:02 | reserve bob A 1 waiting 3h | #3 QUEUED A 1 until 3:02 place 1 | Queued        |
        0:03 | collect #2                 | #2 COLLECTED A 1 -1 sold         | Collected     | A 0/0
        0:04 | return #2 broken A 1       | #2 COLLECTED A 1 -1 sold +1      | Returned      | A 0/0
    """,
    "what a count has seen is not counted again": """
        at   | said                 | answer                      | stock
        0:00 | receive A 5          | applied 1                   |
        0:01 | reserve ann A 2      | #2 HELD A 2 until 2:01      |
        0:02 | collect #2           | #2 COLLECTED A 2 -2 sold    | A 3/0
        0:10 | return #2            | #2 COLLECTED A 2 -2 sold +2 | A 5/0
        0:20 | count A 3 as of 0:05 | applied 1                   | A 5/0
    """,
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page(page: str) -> None:
    play(page)


SOLD = """
    at   | said
    0:00 | receive A 3
    0:01 | reserve ann A 3
    0:02 | collect #2 paid p1
"""


def test_what_is_over_stays_out_of_memory_and_is_read_back_as_it_is_now() -> None:
    watched = play(SOLD + "1d0:00 | return #2 A 1 refund r1\n 2d0:00 | return #2 A 1")
    assert watched.ledger.reservations == {}
    over = watched.known(2)
    assert (over.came_back, over.payment_reference, over.version) == (
        CameBack((2,), "r1"),
        "p1",
        watched.ledger.version,
    )
    watched.restart()
    assert watched.known(2) == over
    position = watched.ledger.positions["A"]
    assert (position.received, position.sold, position.adjusted, position.on_hand) == (3, 1, 0, 2)


def test_it_is_known_for_as_long_after_a_return_and_forgotten_then() -> None:
    """Eight days and what is left of the day; the key of the return is known as long."""
    watched = play(SOLD + "8d0:00 | k: return #2 A 1\n 15d23:00 | return #2 A 1\n 16d12:00 | k: return #2 A 1")
    assert watched.known(2).came_back == CameBack((2,))
    at_ms = watched.ledger.time_ms + 10 * DAY_MS
    watched.say(command_of("receive A 1", "later"), at_ms)
    told = watched.say(command_of("return #2 A 1", "too late"), at_ms)
    assert answer_text(told.answer) == "RESERVATION_NOT_FOUND #2"
    assert watched.ledger.finished.table.count == 0 or watched.ledger.finished.version_of(2) == 0
    assert watched.complaints() == []


def test_the_rule_says_for_how_long_if_it_is_longer_than_answers_are_kept() -> None:
    policy = Policy(version=1, returns_within_ms=30 * DAY_MS)
    watched = play(SOLD.replace("#2", "#3") + "20d0:00 | receive A 1\n 30d0:00 | k: return #3 A 1", policy)
    assert watched.known(3).came_back == CameBack((1,))
    again = watched.say(command_of("return #3 A 1", "k"), watched.ledger.time_ms + 29 * DAY_MS)
    assert again.repeated, "its key is known as long as it"
    late_ms = watched.ledger.time_ms + 32 * DAY_MS
    watched.say(command_of("receive A 1", "later"), late_ms)
    told = watched.say(command_of("return #3 A 1", "too late"), late_ms)
    assert answer_text(told.answer) == "RESERVATION_NOT_FOUND #3"
    assert watched.complaints() == []


def test_refusals_need_nothing_read_back() -> None:
    """Of what was given back, and so never sold, nothing is fetched from the archive."""
    watched = play(SOLD.replace("collect #2 paid p1", "release #2"))
    told = watched.core.transact(watched.ledger, command_of("return #2", "r"), watched.ledger.time_ms)
    assert answer_text(told.answer) == "TRANSITION_NOT_ALLOWED #2 RELEASED"

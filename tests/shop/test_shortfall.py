"""Less is there than was promised: who loses is fixed. Held before confirmed before ready, and the youngest first."""

import pytest

from tests.shop.scenario import play

PAGES = {
    "the youngest hold loses first": """
        at   | said            | answer                                     | stock
        0:00 | receive A 5     | applied 1                                  | A 5/0
        0:01 | reserve ann A 3 | #2 HELD A 3 until 2:01                     | A 5/3
        0:02 | reserve bob A 2 | #3 HELD A 2 until 2:02                     | A 5/5
        0:03 | sell A 1        | applied 1 short A 1: #3 -1                 | A 4/4
        0:04 | count A 1       | applied 1 short A 3: #3 -1, #2 -2          | A 1/1
        0:05 | collect #3      | TRANSITION_NOT_ALLOWED #3 RELEASED         | A 1/1
        0:06 | collect #2      | #2 COLLECTED A 3 -1 sold -2 back SHORTFALL | A 0/0
    """,
    "a headline for each SKU, and a release for each that loses": """
        at   | said                 | events                                                    | stock
        0:00 | receive A 5, B 5     | StockAdjusted                                             | A 5/0, B 5/0
        0:01 | reserve ann A 3      | Reserved                                                  | A 5/3, B 5/0
        0:02 | reserve bob A 2, B 5 | Reserved                                                  | A 5/5, B 5/5
        0:03 | sell A 1             | StockAdjusted, ShortfallDeclared, Released SHORTFALL      | A 4/4, B 5/5
        0:04 | count A 1            | StockCounted, ShortfallDeclared, Released SHORTFALL x2    | A 1/1, B 5/5
        0:05 | count A 0, B 1       | StockCounted, ShortfallDeclared x2, Released SHORTFALL x2 | A 0/0, B 1/1
    """,
    "a hold loses before an order, and an order before goods at the counter": """
        at   | said            | answer                                   | stock
        0:00 | receive A 6     | applied 1                                |
        0:01 | reserve ann A 2 | #2 HELD A 2 until 2:01                   |
        0:02 | reserve bob A 2 | #3 HELD A 2 until 2:02                   |
        0:03 | reserve cy A 2  | #4 HELD A 2 until 2:03                   | A 6/6
        0:04 | confirm #4      | #4 CONFIRMED A 2 until 2d0:04            |
        0:05 | ready #4        | #4 READY A 2 until 2d0:04                |
        0:06 | confirm #3      | #3 CONFIRMED A 2 until 2d0:06            |
        0:07 | correct A -5    | applied 1 short A 5: #2 -2, #3 -2, #4 -1 | A 1/1
    """,
    "what is free goes first": """
        at   | said            | answer                 | events        | stock
        0:00 | receive A 5     | applied 1              | StockAdjusted |
        0:01 | reserve ann A 3 | #2 HELD A 3 until 2:01 | Reserved      | A 5/3
        0:02 | count A 3       | applied 1              | StockCounted  | A 3/3
    """,
    "a book below zero keeps no promise": """
        at   | said            | answer                     | stock
        0:00 | receive A 5     | applied 1                  |
        0:01 | reserve ann A 5 | #2 HELD A 5 until 2:01     | A 5/5
        0:02 | sell A 9        | applied 1 short A 5: #2 -5 | A -4/0
        0:03 | sell A 1        | applied 1                  | A -5/0
        0:04 | receive A 6     | applied 1                  | A 1/0
    """,
    "several SKUs in one count": """
        at   | said                 | answer                                                  | stock
        0:00 | receive A 5, B 5     | applied 2                                               |
        0:01 | reserve ann A 2, B 2 | #2 HELD A 2, B 2 until 2:01                             |
        0:02 | reserve bob B 3, A 3 | #3 HELD B 3, A 3 until 2:02                             | A 5/5, B 5/5
        0:03 | count A 4, B 1       | applied 2 short A 1: #3 -1 short B 4: #3 -3, #2 -1      | A 4/4, B 1/1
        0:04 | collect #3           | #3 COLLECTED B 3 -3 back, A 3 -2 sold -1 back SHORTFALL | A 2/2, B 1/1
        0:05 | collect #2           | #2 COLLECTED A 2 -2 sold, B 2 -1 sold -1 back SHORTFALL | A 0/0, B 0/0
    """,
    "a SKU on two lines loses from the first line on": """
        at   | said                 | answer                                                  | stock
        0:00 | receive A 5          | applied 1                                               |
        0:01 | reserve ann A 2, A 3 | #2 HELD A 2, A 3 until 2:01                             | A 5/5
        0:02 | count A 2            | applied 1 short A 3: #2 -3                              | A 2/2
        0:03 | collect #2           | #2 COLLECTED A 2 -2 back, A 3 -2 sold -1 back SHORTFALL | A 0/0
    """,
    "only what is still held can be lost": """
        at   | said            | answer                              | stock
        0:00 | receive A 5     | applied 1                           |
        0:01 | reserve ann A 3 | #2 HELD A 3 until 2:01              |
        0:02 | reserve bob A 2 | #3 HELD A 2 until 2:02              | A 5/5
        0:03 | collect #3 A 1  | #3 HELD A 2 -1 sold until 2:02      | A 4/4
        0:04 | sell A 2        | applied 1 short A 2: #3 -1, #2 -1   | A 2/2
        0:05 | release #3      | TRANSITION_NOT_ALLOWED #3 COLLECTED | A 2/2
    """,
    "a movement that the count has seen breaks no promise": """
        at   | said                 | answer                 | stock
        0:00 | receive A 5          | applied 1              |
        0:01 | count A 3 as of 0:01 | applied 1              | A 3/0
        0:02 | reserve ann A 3      | #3 HELD A 3 until 2:02 | A 3/3
        0:03 | sell A 2 at 0:00:30  | applied 1              | A 3/3
    """,
    "what was due has gone before anyone loses": """
        at   | said                   | answer                 | events                 | stock
        0:00 | receive A 2            | applied 1              | StockAdjusted          |
        0:01 | reserve ann A 1 for 5m | #2 HELD A 1 until 0:06 | Reserved               |
        0:02 | reserve bob A 1        | #3 HELD A 1 until 2:02 | Reserved               | A 2/2
        0:06 | sell A 1               | applied 1              | Expired, StockAdjusted | A 1/1
    """,
    "a basket that lost its hold to a shortfall starts anew": """
        at   | said                     | answer                     | stock
        0:00 | receive A 2              | applied 1                  |
        0:01 | reserve ann A 2 basket b | #2 HELD A 2 until 2:01     | A 2/2
        0:02 | count A 0                | applied 1 short A 2: #2 -2 | A 0/0
        0:03 | receive A 1              | applied 1                  | A 1/0
        0:04 | reserve ann A 1 basket b | #7 HELD A 1 until 2:04     | A 1/1
    """,
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page(page: str) -> None:
    play(page)


def test_the_same_history_chooses_the_same_losers() -> None:
    page = "at | said\n 0:00 | receive A 40\n"
    page += "".join(f"0:01 | reserve c{number % 7} A {number % 3 + 1}\n" for number in range(19))
    page += "".join(f"0:02 | confirm #{number}\n" for number in (3, 5, 8, 13))
    page += "0:03 | count A 11\n"
    first, second = play(page), play(page)
    assert first.records == second.records
    assert first.ledger.positions["A"].reserved == 11

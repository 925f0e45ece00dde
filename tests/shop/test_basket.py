"""The same basket reserved again replaces its hold, in one decision, or leaves it as it was."""

import pytest

from tests.shop.scenario import play

PAGES = {
    "the new hold takes the old one's place": """
        at   | said                          | answer                      | events                      | stock
        0:00 | receive A 5, B 5              | applied 2                   | StockAdjusted               |
        0:01 | reserve ann A 5 basket b      | #2 HELD A 5 until 2:01      | Reserved                    | A 5/5, B 5/0
        0:02 | reserve ann A 4, B 1 basket b | #4 HELD A 4, B 1 until 2:02 | Released REPLACED, Reserved | A 5/4, B 5/1
        0:04 | extend #4 for 1h              | #4 HELD A 4, B 1 until 1:04 | Extended                    | A 5/4, B 5/1
    """,
    "the units of the old hold count as available to the new one": """
        at   | said                          | answer                             | stock
        0:00 | receive A 5                   | applied 1                          |
        0:01 | reserve bob A 2               | #2 HELD A 2 until 2:01             | A 5/2
        0:02 | reserve ann A 1, A 1 basket b | #3 HELD A 1, A 1 until 2:02        | A 5/4
        0:03 | reserve ann A 4 basket b      | INSUFFICIENT_STOCK A 4 of 3        | A 5/4
        0:04 | reserve ann A 3 basket b      | #6 HELD A 3 until 2:04             | A 5/5
        0:05 | confirm #3                    | TRANSITION_NOT_ALLOWED #3 RELEASED | A 5/5
    """,
    "where the new one cannot be had, the old one stays": """
        at   | said                            | answer                              | events        | stock
        0:00 | receive A 5                     | applied 1                           | StockAdjusted |
        0:01 | reserve ann A 2 basket b        | #2 HELD A 2 until 2:01              | Reserved      | A 5/2
        0:02 | reserve ann A 6 basket b        | INSUFFICIENT_STOCK A 6 of 5         | Refused       | A 5/2
        0:03 | reserve ann Z 1 basket b        | SKU_NOT_STOCKED Z 1 of 0            | Refused       | A 5/2
        0:04 | reserve ann A 1 basket b for 8d | TTL_TOO_LONG 691200000 of 604800000 | Refused       | A 5/2
        0:05 | confirm #2                      | #2 CONFIRMED A 2 until 2d0:05       | Confirmed     | A 5/2
    """,
    "another customer's basket of the same name is another basket": """
        at   | said                     | answer                      | events        | stock
        0:00 | receive A 5              | applied 1                   | StockAdjusted |
        0:01 | reserve ann A 2 basket b | #2 HELD A 2 until 2:01      | Reserved      | A 5/2
        0:02 | reserve bob A 2 basket b | #3 HELD A 2 until 2:02      | Reserved      | A 5/4
        0:03 | reserve bob A 4 basket b | INSUFFICIENT_STOCK A 4 of 3 | Refused       | A 5/4
    """,
    "two baskets of one customer live side by side, and no basket replaces nothing": """
        at   | said                     | answer                 | events        | stock
        0:00 | receive A 9              | applied 1              | StockAdjusted |
        0:01 | reserve ann A 1 basket b | #2 HELD A 1 until 2:01 | Reserved      | A 9/1
        0:02 | reserve ann A 1 basket c | #3 HELD A 1 until 2:02 | Reserved      | A 9/2
        0:03 | reserve ann A 1          | #4 HELD A 1 until 2:03 | Reserved      | A 9/3
        0:04 | reserve ann A 1          | #5 HELD A 1 until 2:04 | Reserved      | A 9/4
    """,
    "an order placed cannot be replaced": """
        at   | said                     | answer                        | stock
        0:00 | receive A 9              | applied 1                     |
        0:01 | reserve ann A 1 basket b | #2 HELD A 1 until 2:01        |
        0:02 | confirm #2               | #2 CONFIRMED A 1 until 2d0:02 |
        0:03 | reserve ann A 2 basket b | BASKET_CONFIRMED #2 CONFIRMED | A 9/1
        0:04 | ready #2                 | #2 READY A 1 until 2d0:02     |
        0:05 | reserve ann A 2 basket b | BASKET_CONFIRMED #2 READY     | A 9/1
        0:06 | collect #2               | #2 COLLECTED A 1 -1 sold      | A 8/0
        0:07 | reserve ann A 2 basket b | #8 HELD A 2 until 2:07        | A 8/2
    """,
    "a hold that was partly sold is an order too": """
        at   | said                     | answer                         | stock
        0:00 | receive A 9              | applied 1                      |
        0:01 | reserve ann A 3 basket b | #2 HELD A 3 until 2:01         |
        0:02 | collect #2 A 1           | #2 HELD A 3 -1 sold until 2:01 | A 8/2
        0:03 | reserve ann A 1 basket b | BASKET_CONFIRMED #2 HELD       | A 8/2
    """,
    "of a hold that was partly released only the rest is replaced": """
        at   | said                     | answer                               | stock
        0:00 | receive A 3              | applied 1                            |
        0:01 | reserve ann A 3 basket b | #2 HELD A 3 until 2:01               | A 3/3
        0:02 | release #2 A 2           | #2 HELD A 3 -2 back OTHER until 2:01 | A 3/1
        0:03 | reserve bob A 1          | #4 HELD A 1 until 2:03               | A 3/2
        0:04 | reserve ann A 3 basket b | INSUFFICIENT_STOCK A 3 of 2          | A 3/2
        0:05 | reserve ann A 2 basket b | #7 HELD A 2 until 2:05               | A 3/3
    """,
    "a basket whose hold is over starts anew": """
        at   | said                     | answer                        | events            | stock
        0:00 | receive A 3              | applied 1                     | StockAdjusted     |
        0:01 | reserve ann A 3 basket b | #2 HELD A 3 until 2:01        | Reserved          | A 3/3
        2:01 | reserve ann A 2 basket b | #4 HELD A 2 until 4:01        | Expired, Reserved | A 3/2
        2:02 | release #4               | #4 RELEASED A 2 -2 back OTHER | Released OTHER    | A 3/0
        2:03 | reserve ann A 1 basket b | #6 HELD A 1 until 4:03        | Reserved          | A 3/1
    """,
    "the first reserve said again is answered as it was, and the second hold stays": """
        at   | said                         | answer                         | events                      | stock
        0:00 | receive A 3                  | applied 1                      | StockAdjusted               |
        0:01 | k1: reserve ann A 1 basket b | #2 HELD A 1 until 2:01         | Reserved                    | A 3/1
        0:02 | k2: reserve ann A 2 basket b | #4 HELD A 2 until 2:02         | Released REPLACED, Reserved | A 3/2
        0:03 | k1: reserve ann A 1 basket b | #2 HELD A 1 until 2:01 (again) |                             | A 3/2
        0:04 | k2: reserve ann A 2 basket b | #4 HELD A 2 until 2:02 (again) |                             | A 3/2
    """,
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page(page: str) -> None:
    play(page)

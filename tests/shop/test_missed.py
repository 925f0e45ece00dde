"""A unit that a picker misses is written off once, also where a sale or a count that is told later explains it."""

from typing import Final

from actors.core.policy import Policy
from tests.shop.scenario import play

PICKS: Final = Policy(version=1, picks=True)
PAGE: Final = """
    at   | said                        | answer                             | stock
    0:00 | receive A 5                 | applied 1                          |
    0:01 | reserve ann A 2             | #3 HELD A 2 until 2:01             |
         | reserve bob A 3             | #4 HELD A 3 until 2:01             |
         | confirm #3                  | #3 CONFIRMED A 2 until 2d0:01      |
         | confirm #4                  | #4 CONFIRMED A 3 until 2d0:01      |
    0:12 | take #3 as eva              | #3 PICKING A 0 of 2 eva until 0:22 |
    0:15 | short #3 A 1 without as eva | #3 PICKING A 0 of 1 eva until 0:25 | A 4/4
"""


def test_a_sale_that_is_told_late_is_the_unit_that_was_missed() -> None:
    watched = play(
        PAGE
        + """
    0:20 | restart                                  |                                    |
         | sell A 1 from till7 row 1 at 0:05        | applied 1                          | A 4/4
         | receive A 2                              | applied 1                          | A 6/4
         | sell A 1 from till7 row 2 at 0:06        | applied 1                          | A 5/4
    """,
        PICKS,
    )
    position = watched.ledger.positions["A"]
    assert (position.sold, position.adjusted, position.missed) == (2, 0, ())


def test_what_was_sold_after_it_was_missed_is_another_unit() -> None:
    watched = play(
        PAGE
        + """
    0:20 | sell A 1 from till7 row 1 at 0:16        | applied 1 short A 1: #4 -1         | A 3/3
    """,
        PICKS,
    )
    assert [units for _, units in watched.ledger.positions["A"].missed] == [1]


def test_rows_of_one_call_explain_no_unit_twice() -> None:
    play(
        PAGE
        + """
    0:20 | sell A 1, A 2 from till7 row 1 at 0:05   | applied 2 short A 2: #4 -2         | A 2/2
    """,
        PICKS,
    )


def test_a_count_of_before_has_missed_it_too() -> None:
    play(
        PAGE
        + """
    0:20 | count A 4 as of 0:10                     | applied 1                          | A 4/4
         | sell A 1 from till7 row 1 at 0:05        | applied 1                          | A 4/4
         | sell A 1 from till7 row 2 at 0:11        | applied 1 short A 1: #4 -1         | A 3/3
    """,
        PICKS,
    )
    play(PAGE + "0:20 | count A 3 as of 0:10 | applied 1 short A 1: #4 -1 | A 3/3", PICKS)
    play(
        PAGE
        + "0:20 | count A 5 as of 0:10 | applied 1 | A 4/4\n | sell A 1 from till7 row 1 at 0:11 | applied 1 | A 4/4",
        PICKS,
    )


def test_a_count_of_afterwards_knows_where_it_is() -> None:
    watched = play(
        PAGE
        + """
    0:20 | count A 5                                | applied 1                          | A 5/4
         | sell A 1 from till7 row 1 at 0:05        | applied 1                          | A 5/4
         | sell A 1 from till7 row 2                | applied 1                          | A 4/4
    """,
        PICKS,
    )
    assert watched.ledger.positions["A"].missed == ()


def test_a_count_between_a_late_sale_and_the_short_pick_counts_it_once() -> None:
    play(
        PAGE
        + """
    0:20 | sell A 1 from till7 row 1 at 0:05        | applied 1                          | A 4/4
         | count A 4 as of 0:10                     | applied 1                          | A 4/4
    """,
        PICKS,
    )


def test_a_count_with_holds_left_out_leaves_out_what_is_to_be_put_back() -> None:
    for put_back_first in (False, True):
        play(
            """
            at   | said                            | answer                             | stock
            0:00 | receive A 5                     | applied 1                          |
            0:01 | reserve ann A 2                 | #3 HELD A 2 until 2:01             |
                 | confirm #3                      | #3 CONFIRMED A 2 until 2d0:01      |
                 | ready #3                        | #3 READY A 2 until 2d0:01          |
            0:02 | release #3                      | #3 RELEASED A 2 -2 back OTHER      |
            0:05 | count A 3 without holds         | applied 1                          | A 5/0
                 | restart                         |                                    |
            0:06 | shelve #3 as eva                | #3 PUT_BACK                        |
            0:07 | count A 5 without holds as of 0:06 | applied 1                       | A 5/0
                 | count A 4 without holds         | applied 1                          | A 4/0
            """,
            Policy(version=1, picks=True, put_back_first=put_back_first),
        )
    play(
        """
        at   | said                               | answer                        | stock
        0:00 | receive A 5                        | applied 1                     |
        0:01 | reserve ann A 2                    | #3 HELD A 2 until 2:01        |
             | confirm #3                         | #3 CONFIRMED A 2 until 2d0:01 |
             | ready #3                           | #3 READY A 2 until 2d0:01     |
        0:02 | release #3                         | #3 RELEASED A 2 -2 back OTHER |
        0:05 | count A 3 without holds as of 0:01 | COUNT_TOO_OLD A 0:01 of 0:02 |
             | count A 5 as of 0:01               | applied 1                     | A 5/0
        """,
        PICKS,
    )

"""Movements that sources report: each row once, in the source's own sequence; what is dropped is told."""

import pytest

from actors.shop.commands import AdjustmentKind, AdjustStock, Movement
from tests.shop.scenario import play
from tests.shop.scenario_text import answer_text
from tests.shop.watched import DAY_ZERO_MS, Watched

PAGES = {
    "each kind is booked under its name": """
        at   | said         | answer    | events        | stock
        0:00 | receive A 9  | applied 1 | StockAdjusted | A 9/0
        0:01 | sell A 4     | applied 1 | StockAdjusted | A 5/0
        0:02 | return A 1   | applied 1 | StockAdjusted | A 6/0
        0:03 | correct A -2 | applied 1 | StockAdjusted | A 4/0
        0:04 | correct A 1  | applied 1 | StockAdjusted | A 5/0
    """,
    "rows that were seen are dropped and told": """
        at   | said                                 | answer                      | stock
        0:00 | receive A 10 from wms row 5          | applied 1                   | A 10/0
        0:01 | receive A 10 from wms row 5          | applied 0 repeated 1        | A 10/0
        0:02 | receive A 10 from wms row 4          | applied 0 late 1            | A 10/0
        0:03 | receive A 1, A 2 from wms row 5      | applied 1 repeated 1        | A 12/0
        0:04 | receive A 1, A 2, A 4 from wms row 4 | applied 0 repeated 1 late 2 | A 12/0
        0:05 | receive A 1 from wms row 90          | applied 1                   | A 13/0
        0:06 | receive A 1 from wms row 89          | applied 0 late 1            | A 13/0
    """,
    "each source has a sequence of its own": """
        at   | said                        | answer               | stock
        0:00 | receive A 10 from wms row 5 | applied 1            | A 10/0
        0:01 | sell A 1 from till1 row 1   | applied 1            | A 9/0
        0:02 | sell A 1 from till2 row 1   | applied 1            | A 8/0
        0:03 | sell A 1 from till1 row 1   | applied 0 repeated 1 | A 8/0
    """,
    "a till may sell what the book does not have": """
        at   | said        | answer    | stock
        0:00 | sell A 2    | applied 1 | A -2/0
        0:01 | receive A 5 | applied 1 | A 3/0
    """,
    "marks survive a restart": """
        at   | said                        | answer               | stock
        0:00 | receive A 10 from wms row 5 | applied 1            | A 10/0
        0:01 | restart                     |                      | A 10/0
        0:02 | receive A 10 from wms row 5 | applied 0 repeated 1 | A 10/0
    """,
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page(page: str) -> None:
    play(page)


def test_rows_of_one_call_that_share_a_sequence() -> None:
    """A receipt's number may stand on a row for each SKU; the same SKU twice under it is one row sent twice."""
    watched = Watched()
    rows = (
        Movement("A", 3, 7, AdjustmentKind.RECEIPT, 0),
        Movement("B", 4, 7, AdjustmentKind.RECEIPT, 0),
        Movement("A", 3, 7, AdjustmentKind.RECEIPT, 0),
        Movement("A", 1, 8, AdjustmentKind.RECEIPT, 0),
    )
    told = watched.say(AdjustStock("k", "wms", rows), DAY_ZERO_MS)
    assert answer_text(told.answer) == "applied 3 repeated 1"
    assert watched.stock() == {"A": (4, 0, 0, 0), "B": (4, 0, 0, 0)}
    assert watched.complaints() == []


def test_the_books_of_a_position() -> None:
    watched = play("""
        at   | said
        0:00 | receive A 9
        0:01 | sell A 4
        0:02 | return A 1
        0:03 | correct A -2
        0:04 | reserve ann A 2
        0:05 | collect #5 A 1
        0:06 | count A 7
        0:07 | sell A 1 at 0:05
    """)
    position = watched.ledger.positions["A"]
    # the late sale is a sale, though the count has seen it: what the count had put right was partly that
    assert (position.received, position.sold, position.adjusted, position.on_hand) == (9, 5, 3, 7)
    assert watched.audited().units_sold == 5

"""Who lacks only what undecided orders have claimed is not refused: that may come free in a moment. Ten minutes after
it was claimed it counts like any other hold.
"""

import pytest

from actors.core.policy import LimitRule, Policy
from tests.shop.scenario import play
from tests.shop.test_slots import HOURS

PAGES = {
    "units": """
        at   | said                | answer                                           | events                  | stock
        0:00 | receive A 5, B 5    | applied 2                                        | StockAdjusted           | A 5/0, B 5/0
        0:01 | reserve ann A 1     | #2 HELD A 1 until 2:01                           | Reserved                | A 5/1, B 5/0
        0:01 | claim o1 bob A 3    | #3 CLAIMED A 3 of o1 at 0                        | Claimed                 | A 5/4, B 5/0
        0:02 | k: reserve cy A 4   | ORDER_UNDECIDED A CLAIMED                        |                         | A 5/4, B 5/0
        0:02 | reserve cy A 5      | INSUFFICIENT_STOCK A 5 of 1                      | Refused                 | A 5/4, B 5/0
        0:02 | reserve cy A 2, B 6 | INSUFFICIENT_STOCK A 2 of 1 [A 2 of 1, B 6 of 5] | Refused                 | A 5/4, B 5/0
        0:02 | reserve cy A 2, C 1 | SKU_NOT_STOCKED C 1 of 0 [A 2 of 1, C 1 of 0]    | Refused                 | A 5/4, B 5/0
        0:03 | m: amend #2 A 4     | ORDER_UNDECIDED A CLAIMED                        |                         | A 5/4, B 5/0
        0:03 | amend #2 A 6        | INSUFFICIENT_STOCK A 6 of 2                      | Refused                 | A 5/4, B 5/0
        0:04 | apply o1 1 RELEASED | #3 RELEASED A 3 -3 back OTHER of o1 at 1         | OutcomeApplied RELEASED | A 5/1, B 5/0
        0:04 | k: reserve cy A 4   | #9 HELD A 4 until 2:04                           | Reserved                | A 5/5, B 5/0
        0:04 | m: amend #2 A 4     | INSUFFICIENT_STOCK A 4 of 1                      | Refused                 | A 5/5, B 5/0
    """,  # noqa: E501 a row is one line
    "safety stock is not given back with a claim": """
        at   | said             | answer                      | events         | stock
        0:00 | receive A 5      | applied 1                   | StockAdjusted  | A 5/0
        0:01 | claim o1 bob A 3 | #2 CLAIMED A 3 of o1 at 0   | Claimed        | A 5/3
        0:02 | safety A 4       | applied 1                   | SafetyStockSet | A 5/3 keep 4
        0:02 | reserve cy A 2   | INSUFFICIENT_STOCK A 2 of 0 | Refused        | A 5/3 keep 4
        0:02 | claim o2 cy A 2  | INSUFFICIENT_STOCK A 2 of 0 | Refused        | A 5/3 keep 4
        0:02 | reserve cy A 1   | ORDER_UNDECIDED A CLAIMED   |                | A 5/3 keep 4
    """,
    "what is decided is not undecided": """
        at   | said                       | answer                            | events              | stock
        0:00 | receive A 5                | applied 1                         | StockAdjusted       | A 5/0
        0:01 | claim o1 bob A 3           | #2 CLAIMED A 3 of o1 at 0         | Claimed             | A 5/3
        0:01 | apply o1 1 HELD until 9:00 | #2 HELD A 3 until 9:00 of o1 at 1 | OutcomeApplied HELD | A 5/3
        0:02 | reserve cy A 3             | INSUFFICIENT_STOCK A 3 of 2       | Refused             | A 5/3
    """,
    "for ten minutes": """
        at      | said              | answer                              | events        | stock
        0:00    | receive A 5       | applied 1                           | StockAdjusted | A 5/0
        0:01    | claim o1 bob A 3  | #2 CLAIMED A 3 of o1 at 0           | Claimed       | A 5/3
        0:10:59 | k: reserve cy A 3 | ORDER_UNDECIDED A CLAIMED           |               | A 5/3
        0:10:59 | claim o2 cy A 3   | INSUFFICIENT_STOCK A 3 of 2 CLAIMED | Refused       | A 5/3
        0:11    | k: reserve cy A 3 | INSUFFICIENT_STOCK A 3 of 2         | Refused       | A 5/3
        0:11    | claim o3 cy A 3   | INSUFFICIENT_STOCK A 3 of 2         | Refused       | A 5/3
    """,
    "a place in a slot": """
        at   | said                           | answer                                                 | events                  | stock
        0:00 | receive A 99                   | applied 1                                              | StockAdjusted           | A 99/0
        0:01 | reserve ann A 1 slot 10:00     | #3 HELD A 1 until 2:01 slot 10:00                      | Reserved                | A 99/1
        0:01 | reserve cy A 1 slot 11:00      | #4 HELD A 1 until 2:01 slot 11:00                      | Reserved                | A 99/2
        0:01 | claim 7/1.1 bob A 1 slot 10:00 | #5 CLAIMED A 1 slot 10:00 of 7/1.1 at 0                | Claimed                 | A 99/3
        0:02 | k: reserve dee A 1 slot 10:00  | ORDER_UNDECIDED CLAIMED                                |                         | A 99/3
        0:02 | m: amend #4 slot 10:00         | ORDER_UNDECIDED CLAIMED                                |                         | A 99/3
        0:03 | apply 7/1.1 1 RELEASED         | #5 RELEASED A 1 -1 back OTHER slot 10:00 of 7/1.1 at 1 | OutcomeApplied RELEASED | A 99/2
        0:03 | m: amend #4 slot 10:00         | #4 HELD A 1 until 2:01 slot 10:00                      | Amended                 | A 99/2
        0:03 | k: reserve dee A 1 slot 10:00  | SLOT_FULL 10:00 of 2                                   | Refused                 | A 99/2
    """,  # noqa: E501 a row is one line
    "a place that another part of its order keeps is not given back": """
        at   | said                           | answer                                          | events              | stock
        0:00 | receive A 99                   | applied 1                                       | StockAdjusted       | A 99/0
        0:01 | reserve ann A 1 slot 10:00     | #3 HELD A 1 until 2:01 slot 10:00               | Reserved            | A 99/1
        0:01 | claim 7/1.1 bob A 1 slot 10:00 | #4 CLAIMED A 1 slot 10:00 of 7/1.1 at 0         | Claimed             | A 99/2
        0:01 | apply 7/1.1 1 HELD until 9:00  | #4 HELD A 1 until 9:00 slot 10:00 of 7/1.1 at 1 | OutcomeApplied HELD | A 99/2
        0:01 | claim 7/1.2 bob A 1 slot 10:00 | #6 CLAIMED A 1 slot 10:00 of 7/1.2 at 0         | Claimed             | A 99/3
        0:02 | reserve dee A 1 slot 10:00     | SLOT_FULL 10:00 of 2                            | Refused             | A 99/3
    """,  # noqa: E501 a row is one line
    "a limit of the shop": """
        at   | said                       | answer                            | events              | stock
        0:00 | receive A 9                | applied 1                         | StockAdjusted       | A 9/0
        0:01 | claim o1 ann A 2           | #3 CLAIMED A 2 of o1 at 0         | Claimed             | A 9/2
        0:01 | reserve ann A 1            | #4 HELD A 1 until 2:01            | Reserved            | A 9/3
        0:02 | k: reserve ann A 1         | ORDER_UNDECIDED CLAIMED           |                     | A 9/3
        0:02 | amend #4 A 2               | ORDER_UNDECIDED A CLAIMED         |                     | A 9/3
        0:02 | amend #4 A 4               | UNITS_LIMIT A 4 of 1              | Refused             | A 9/3
        0:03 | apply o1 1 HELD until 9:00 | #3 HELD A 2 until 9:00 of o1 at 1 | OutcomeApplied HELD | A 9/3
        0:03 | k: reserve ann A 1         | OPEN_RESERVATIONS_LIMIT 3 of 2    | Refused             | A 9/3
    """,
    "what is refused without the claims too is refused for that": """
        at   | said                 | answer                    | events        | stock
        0:00 | receive A 9          | applied 1                 | StockAdjusted | A 9/0
        0:01 | claim o1 ann A 2     | #3 CLAIMED A 2 of o1 at 0 | Claimed       | A 9/2
        0:02 | reserve ann A 2, B 1 | SKU_NOT_STOCKED B 1 of 0  | Refused       | A 9/2
    """,
}
LIMITED = Policy(version=1, limit_rules=(LimitRule("", "", 2, 3),))
POLICIES = {
    "a place in a slot": Policy(version=1, calendar=HOURS),
    "a place that another part of its order keeps is not given back": Policy(version=1, calendar=HOURS),
    "a limit of the shop": LIMITED,
    "what is refused without the claims too is refused for that": LIMITED,
}


@pytest.mark.parametrize("page", PAGES)
def test_beside_claims(page: str) -> None:
    play(PAGES[page], POLICIES.get(page))

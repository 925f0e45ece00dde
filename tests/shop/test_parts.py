"""A shop's part of an order over several ledgers: claimed at once or refused, then it applies what its order says."""

import pytest
from msgspec.structs import replace

from actors.core.policy import Policy
from actors.shop import expiry
from tests.shop.scenario import play
from tests.shop.scenario_text import answer_text, command_of, instant
from tests.shop.watched import Watched

PAGES = {
    "a claim is held until it hears, and nothing here ends it": """
        at     | said                       | answer                                      | events        | stock
        0:00   | receive A 5, B 5           | applied 2                                   | StockAdjusted | A 5/0, B 5/0
        0:01   | claim o1 ann A 2, B 1, A 1 | #2 CLAIMED A 2, B 1, A 1 of o1 at 0         | Claimed       | A 5/3, B 5/1
        0:02   | claim o1 ann A 2, B 1, A 1 | #2 CLAIMED A 2, B 1, A 1 of o1 at 0 (again) |               | A 5/3, B 5/1
        0:02   | claim o1 ann A 2, B 1      | ORDER_UNDECIDED CLAIMED (again)             |               | A 5/3, B 5/1
        0:03   | reserve bob A 6            | INSUFFICIENT_STOCK A 6 of 2                 | Refused       | A 5/3, B 5/1
        9d0:00 | wait                       |                                             |               | A 5/3, B 5/1
        9d0:00 | confirm #2                 | ORDER_UNDECIDED #2 CLAIMED                  |               | A 5/3, B 5/1
        9d0:00 | ready #2                   | ORDER_UNDECIDED #2 CLAIMED                  |               | A 5/3, B 5/1
        9d0:00 | collect #2                 | ORDER_UNDECIDED #2 CLAIMED                  |               | A 5/3, B 5/1
        9d0:00 | release #2                 | ORDER_UNDECIDED #2 CLAIMED                  |               | A 5/3, B 5/1
        9d0:00 | extend #2 for 1h           | ORDER_UNDECIDED #2 CLAIMED                  |               | A 5/3, B 5/1
        9d0:00 | amend #2 A 1               | ORDER_UNDECIDED #2 CLAIMED                  |               | A 5/3, B 5/1
        9d0:00 | claim o1 ann A 2, B 1, A 1 | #2 CLAIMED A 2, B 1, A 1 of o1 at 0 (again) |               | A 5/3, B 5/1
    """,
    "a claim that was let go of is not granted anew as long as a copy of it can arrive": """
        at     | said                              | answer                                   | events                  | stock
        0:00   | receive A 5                       | applied 1                                | StockAdjusted           | A 5/0
        0:01   | claim o1 ann A 2                  | #2 CLAIMED A 2 of o1 at 0                | Claimed                 | A 5/2
        8d0:00 | apply o1 1 RELEASED because FRAUD | #2 RELEASED A 2 -2 back FRAUD of o1 at 1 | OutcomeApplied RELEASED | A 5/0
        8d0:10 | receive A 1                       | applied 1                                | StockAdjusted           | A 6/0
        8d0:10 | claim o1 ann A 2                  | #2 CLAIMED A 2 of o1 at 0 (again)        |                         | A 6/0
        8d0:10 | apply o1 1 RELEASED because FRAUD | #2 RELEASED A 2 -2 back FRAUD of o1 at 1 |                         | A 6/0
        8d0:11 | receive A 1                       | applied 1                                | StockAdjusted           | A 7/0
        8d0:12 | apply o1 1 RELEASED because FRAUD | CLAIM_ABANDONED                          | OutcomeApplied RELEASED | A 7/0
        8d0:22 | claim o1 ann A 2                  | CLAIM_ABANDONED (again)                  |                         | A 7/0
    """,  # noqa: E501 a row is one line
    "a claim whose order goes on is not granted anew as long as its part is known": """
        at     | said                              | answer                                   | events                  | stock
        0:00   | receive A 5                       | applied 1                                | StockAdjusted           | A 5/0
        0:01   | claim o1 ann A 2 called k         | #2 CLAIMED A 2 of o1 at 0                | Claimed                 | A 5/2
        0:30   | apply o1 1 HELD until 9d0:00      | #2 HELD A 2 until 9d0:00 of o1 at 1      | OutcomeApplied HELD     | A 5/2
        8d0:00 | apply o1 2 RELEASED because FRAUD | #2 RELEASED A 2 -2 back FRAUD of o1 at 2 | OutcomeApplied RELEASED | A 5/0
        9d0:00 | receive A 1                       | applied 1                                | StockAdjusted           | A 6/0
        9d0:00 | claim o1 ann A 2 called k         | #2 CLAIMED A 2 of o1 at 0 (again)        |                         | A 6/0
        9d0:00 | k: reserve ann A 2                | IDEMPOTENCY_KEY_REUSED (again)           |                         | A 6/0
    """,  # noqa: E501 a row is one line
    "a claim that lost all to a shortfall is known to its order, which may have been placed": """
        at     | said                         | answer                                       | events                                              | stock
        0:00   | receive A 5                  | applied 1                                    | StockAdjusted                                       | A 5/0
        0:01   | claim o1 ann A 2 called k    | #2 CLAIMED A 2 of o1 at 0                    | Claimed                                             | A 5/2
        0:02   | sell A 5                     | applied 1 short A 2: #2 -2                   | StockAdjusted, ShortfallDeclared, Released SHORTFALL | A 0/0
        0:03   | acknowledge #2 5             | applied 0                                    | Acknowledged                                        | A 0/0
        2:00   | safety A 0                   | applied 1                                    | SafetyStockSet                                      | A 0/0
        2:01   | apply o1 1 HELD until 9d0:00 | #2 RELEASED A 2 -2 back SHORTFALL of o1 at 0 |                                                     | A 0/0
        2:01   | k: reserve ann A 2           | IDEMPOTENCY_KEY_REUSED (again)               |                                                     | A 0/0
    """,  # noqa: E501 a row is one line
    "a claim that cannot be had is refused at once": """
        at   | said                       | answer                              | events        | stock
        0:00 | receive A 5, B 5           | applied 2                           | StockAdjusted | A 5/0, B 5/0
        0:01 | claim o1 ann A 2, A 4      | INSUFFICIENT_STOCK A 6 of 5         | Refused       | A 5/0, B 5/0
        0:01 | claim o2 ann Z 1           | SKU_NOT_STOCKED Z 1 of 0            | Refused       | A 5/0, B 5/0
        0:01 | claim o3 ann A 1 slot 9:00 | SLOT_NOT_OFFERED 9:00               | Refused       | A 5/0, B 5/0
        0:02 | receive A 9                | applied 1                           | StockAdjusted | A 14/0, B 5/0
        0:02 | claim o1 ann A 2, A 4      | INSUFFICIENT_STOCK A 6 of 5 (again) |               | A 14/0, B 5/0
        0:03 | apply o1 1 RELEASED        | CLAIM_ABANDONED                     |               | A 14/0, B 5/0
        0:03 | apply o1 1 RELEASED        | CLAIM_ABANDONED                     |               | A 14/0, B 5/0
        0:04 | apply o2 1 HELD until 2:00 | RESERVATION_NOT_FOUND               |               | A 14/0, B 5/0
    """,
    "under the key of its call nothing else is decided, and claims of that are no repeats": """
        at     | said                         | answer                              | events         | stock
        0:00   | receive A 9                  | applied 1                           | StockAdjusted  | A 9/0
        0:01   | claim o1.1 ann A 2 called k  | #2 CLAIMED A 2 of o1.1 at 0         | Claimed        | A 9/2
        0:01   | k: reserve ann A 2           | IDEMPOTENCY_KEY_REUSED (again)      |                | A 9/2
        0:02   | k: confirm #2                | IDEMPOTENCY_KEY_REUSED (again)      |                | A 9/2
        0:02   | claim o1.2 ann A 8 called k  | INSUFFICIENT_STOCK A 8 of 7 CLAIMED | Refused        | A 9/2
        0:03   | claim o1.3 ann A 1 called k  | #4 CLAIMED A 1 of o1.3 at 0         | Claimed        | A 9/3
        0:03   | claim o2.1 ann A 1 called k  | #5 CLAIMED A 1 of o2.1 at 0         | Claimed        | A 9/4
        0:04   | n: reserve ann A 10          | INSUFFICIENT_STOCK A 10 of 5        | Refused        | A 9/4
        0:04   | claim o3.1 bob A 1 called n  | IDEMPOTENCY_KEY_REUSED              |                | A 9/4
        0:05   | m: receive A 1               | applied 1                           | StockAdjusted  | A 10/4
        0:05   | claim o4.1 bob A 1 called m  | IDEMPOTENCY_KEY_REUSED              |                | A 10/4
        0:06   | claim o5.1 bob A 99 called p | INSUFFICIENT_STOCK A 99 of 6        | Refused        | A 10/4
        0:06   | p: reserve bob A 1           | IDEMPOTENCY_KEY_REUSED (again)      |                | A 10/4
        0:18   | safety A 0                   | applied 1                           | SafetyStockSet | A 10/4
        0:18   | claim o3.1 bob A 1 called n  | #10 CLAIMED A 1 of o3.1 at 0        | Claimed        | A 10/5
        0:18   | p: reserve bob A 1           | #11 HELD A 1 until 2:18             | Reserved       | A 10/6
        7d0:00 | k: reserve ann A 2           | IDEMPOTENCY_KEY_REUSED (again)      | Expired        | A 10/5
    """,
    "held, confirmed, ready and collected as its order says": """
        at     | said                              | answer                                       | events                   | stock
        0:00   | receive A 5                       | applied 1                                    | StockAdjusted            | A 5/0
        0:01   | claim o1 ann A 2                  | #2 CLAIMED A 2 of o1 at 0                    | Claimed                  | A 5/2
        0:02   | apply o1 1 HELD until 2:00        | #2 HELD A 2 until 2:00 of o1 at 1            | OutcomeApplied HELD      | A 5/2
        0:03   | confirm #2                        | PART_OF_ORDER #2 HELD                        | Refused                  | A 5/2
        0:03   | extend #2 for 1h                  | PART_OF_ORDER #2 HELD                        | Refused                  | A 5/2
        0:03   | amend #2 A 1                      | PART_OF_ORDER #2 HELD                        | Refused                  | A 5/2
        0:04   | apply o1 2 CONFIRMED until 1d0:00 | #2 CONFIRMED A 2 until 1d0:00 of o1 at 2     | OutcomeApplied CONFIRMED | A 5/2
        0:05   | ready #2                          | #2 READY A 2 until 1d0:00 of o1 at 2         | ReadyMarked              | A 5/2
        0:06   | apply o1 3 CONFIRMED until 2d0:00 | #2 READY A 2 until 2d0:00 of o1 at 3         | OutcomeApplied READY     | A 5/2
        1d0:01 | collect #2 A 1                    | #2 READY A 2 -1 sold until 2d0:00 of o1 at 3 | Collected                | A 4/1
        1d0:02 | acknowledge #2 9                  | applied 0                                    |                          | A 4/1
        1d0:02 | acknowledge #2 10                 | applied 0                                    | Acknowledged             | A 4/1
        1d0:02 | acknowledge #2 10                 | applied 0                                    |                          | A 4/1
        1d0:03 | collect #2                        | #2 COLLECTED A 2 -2 sold of o1 at 3          | Collected                | A 3/0
        1d0:03 | acknowledge #2 11                 | applied 0                                    |                          | A 3/0
        1d0:03 | acknowledge #2 12, #7 3           | applied 0                                    | Acknowledged             | A 3/0
    """,  # noqa: E501 a row is one line
    "at the end of its lease it is neither collected nor freed until its order has spoken": """
        at   | said                              | answer                                           | events                   | stock
        0:00 | receive A 5                       | applied 1                                        | StockAdjusted            | A 5/0
        0:01 | claim o1 ann A 2                  | #2 CLAIMED A 2 of o1 at 0                        | Claimed                  | A 5/2
        0:02 | apply o1 1 HELD until 2:00        | #2 HELD A 2 until 2:00 of o1 at 1                | OutcomeApplied HELD      | A 5/2
        1:59 | collect #2 A 1                    | #2 HELD A 2 -1 sold until 2:00 of o1 at 1        | Collected                | A 4/1
        2:00 | k1: collect #2                    | ORDER_UNDECIDED #2 HELD                          |                          | A 4/1
        2:00 | ready #2                          | ORDER_UNDECIDED #2 HELD                          |                          | A 4/1
        2:00 | release #2                        | ORDER_UNDECIDED #2 HELD                          |                          | A 4/1
        9:00 | reserve bob A 4                   | INSUFFICIENT_STOCK A 4 of 3                      | Refused                  | A 4/1
        9:01 | apply o1 2 CONFIRMED until 9d0:00 | #2 CONFIRMED A 2 -1 sold until 9d0:00 of o1 at 2 | OutcomeApplied CONFIRMED | A 4/1
        9:02 | k1: collect #2                    | #2 COLLECTED A 2 -2 sold of o1 at 2              | Collected                | A 3/0
    """,  # noqa: E501 a row is one line
    "given back as its order says": """
        at   | said                              | answer                                   | events                   | stock
        0:00 | receive A 5                       | applied 1                                | StockAdjusted            | A 5/0
        0:01 | claim o1 ann A 2                  | #2 CLAIMED A 2 of o1 at 0                | Claimed                  | A 5/2
        0:01 | claim o2 ann A 1                  | #3 CLAIMED A 1 of o2 at 0                | Claimed                  | A 5/3
        0:01 | claim o3 ann A 1                  | #4 CLAIMED A 1 of o3 at 0                | Claimed                  | A 5/4
        0:02 | apply o1 1 RELEASED because FRAUD | #2 RELEASED A 2 -2 back FRAUD of o1 at 1 | OutcomeApplied RELEASED  | A 5/2
        0:02 | apply o2 1 HELD until 2:00        | #3 HELD A 1 until 2:00 of o2 at 1        | OutcomeApplied HELD      | A 5/2
        0:02 | apply o3 1 CONFIRMED until 2:00   | #4 CONFIRMED A 1 until 2:00 of o3 at 1   | OutcomeApplied CONFIRMED | A 5/2
        0:02 | ready #4                          | #4 READY A 1 until 2:00 of o3 at 1       | ReadyMarked              | A 5/2
        0:03 | apply o2 2 EXPIRED                | #3 EXPIRED A 1 -1 back of o2 at 2        | OutcomeApplied EXPIRED   | A 5/1
        0:03 | apply o3 2 EXPIRED                | #4 EXPIRED A 1 -1 back of o3 at 2        | OutcomeApplied EXPIRED   | A 5/0
        0:03 | collect #4                        | RESERVATION_EXPIRED #4 EXPIRED           | Refused                  | A 5/0
        0:04 | claim o1 ann A 2                  | #2 CLAIMED A 2 of o1 at 0 (again)        |                          | A 5/0
    """,  # noqa: E501 a row is one line
    "an order may be over before its claim comes": """
        at   | said                | answer                  | events                  | stock
        0:00 | receive A 5         | applied 1               | StockAdjusted           | A 5/0
        0:01 | apply o1 3 RELEASED | CLAIM_ABANDONED         | OutcomeApplied RELEASED | A 5/0
        0:02 | claim o1 ann A 2    | CLAIM_ABANDONED (again) |                         | A 5/0
        0:03 | apply o1 3 RELEASED | CLAIM_ABANDONED         |                         | A 5/0
        0:03 | apply o1 4 EXPIRED  | CLAIM_ABANDONED         |                         | A 5/0
        0:04 | claim o1 ann A 1    | CLAIM_ABANDONED (again) |                         | A 5/0
    """,
    "said twice, late and out of sequence": """
        at   | said                                       | answer                                                 | events                   | stock
        0:00 | receive A 5                                | applied 1                                              | StockAdjusted            | A 5/0
        0:01 | claim o1 ann A 4                           | #2 CLAIMED A 4 of o1 at 0                              | Claimed                  | A 5/4
        0:02 | apply o1 3 CONFIRMED until 1d0:00 keep A 3 | #2 CONFIRMED A 4 -1 back OTHER until 1d0:00 of o1 at 3 | OutcomeApplied CONFIRMED | A 5/3
        0:02 | apply o1 3 CONFIRMED until 1d0:00 keep A 3 | #2 CONFIRMED A 4 -1 back OTHER until 1d0:00 of o1 at 3 |                          | A 5/3
        0:03 | apply o1 2 HELD until 2:00 keep A 1        | #2 CONFIRMED A 4 -1 back OTHER until 1d0:00 of o1 at 3 |                          | A 5/3
        0:03 | apply o1 1 RELEASED                        | #2 CONFIRMED A 4 -1 back OTHER until 1d0:00 of o1 at 3 |                          | A 5/3
        0:04 | apply o1 4 HELD until 2d0:00               | #2 CONFIRMED A 4 -1 back OTHER until 2d0:00 of o1 at 4 | OutcomeApplied CONFIRMED | A 5/3
        0:05 | apply o1 9 RELEASED                        | #2 RELEASED A 4 -4 back OTHER of o1 at 9               | OutcomeApplied RELEASED  | A 5/0
        0:06 | apply o1 8 CONFIRMED until 1d0:00          | #2 RELEASED A 4 -4 back OTHER of o1 at 9               |                          | A 5/0
        0:06 | apply o1 9 RELEASED                        | #2 RELEASED A 4 -4 back OTHER of o1 at 9               |                          | A 5/0
    """,  # noqa: E501 a row is one line
    "refused for what others have claimed, it says so": """
        at   | said                       | answer                                           | events              | stock
        0:00 | receive A 5, B 1           | applied 2                                        | StockAdjusted       | A 5/0, B 1/0
        0:01 | claim o1 ann A 3, B 1      | #2 CLAIMED A 3, B 1 of o1 at 0                   | Claimed             | A 5/3, B 1/1
        0:02 | claim o2 bob A 4           | INSUFFICIENT_STOCK A 4 of 2 CLAIMED              | Refused             | A 5/3, B 1/1
        0:02 | claim o3 bob A 6           | INSUFFICIENT_STOCK A 6 of 2                      | Refused             | A 5/3, B 1/1
        0:02 | claim o4 bob A 4, B 2      | INSUFFICIENT_STOCK A 4 of 2 [A 4 of 2, B 2 of 0] | Refused             | A 5/3, B 1/1
        0:02 | claim o5 bob C 1           | SKU_NOT_STOCKED C 1 of 0                         | Refused             | A 5/3, B 1/1
        0:03 | apply o1 1 HELD until 2:00 | #2 HELD A 3, B 1 until 2:00 of o1 at 1           | OutcomeApplied HELD | A 5/3, B 1/1
        0:04 | claim o6 bob A 4           | INSUFFICIENT_STOCK A 4 of 2                      | Refused             | A 5/3, B 1/1
        0:05 | reserve bob A 4            | INSUFFICIENT_STOCK A 4 of 2                      | Refused             | A 5/3, B 1/1
    """,  # noqa: E501 a row is one line
    "what was collected is among what it keeps": """
        at   | said                                | answer                                                  | events              | stock
        0:00 | receive A 9                         | applied 1                                               | StockAdjusted       | A 9/0
        0:01 | claim o1 ann A 4                    | #2 CLAIMED A 4 of o1 at 0                               | Claimed             | A 9/4
        0:02 | apply o1 1 HELD until 2:00          | #2 HELD A 4 until 2:00 of o1 at 1                       | OutcomeApplied HELD | A 9/4
        0:03 | collect #2 A 1                      | #2 HELD A 4 -1 sold until 2:00 of o1 at 1               | Collected           | A 8/3
        0:04 | apply o1 2 HELD until 2:00 keep A 3 | #2 HELD A 4 -1 sold -1 back OTHER until 2:00 of o1 at 2 | OutcomeApplied HELD | A 8/2
        0:05 | collect #2 A 1                      | #2 HELD A 4 -2 sold -1 back OTHER until 2:00 of o1 at 2 | Collected           | A 7/1
        0:06 | apply o1 3 HELD until 2:00 keep A 1 | #2 COLLECTED A 4 -2 sold -2 back OTHER of o1 at 3       | OutcomeApplied HELD | A 7/0
    """,  # noqa: E501 a row is one line
    "it keeps what its order says, by SKU, and at most what it holds": """
        at   | said                                     | answer                                                                            | events              | stock
        0:00 | receive A 9, B 9                         | applied 2                                                                         | StockAdjusted       | A 9/0, B 9/0
        0:01 | claim o1 ann A 2, B 2, A 3               | #2 CLAIMED A 2, B 2, A 3 of o1 at 0                                               | Claimed             | A 9/5, B 9/2
        0:02 | apply o1 1 HELD until 2:00 keep A 4, B 9 | #2 HELD A 2, B 2, A 3 -1 back OTHER until 2:00 of o1 at 1                         | OutcomeApplied HELD | A 9/4, B 9/2
        0:03 | release #2 A 1                           | #2 HELD A 2 -1 back, B 2, A 3 -1 back OTHER until 2:00 of o1 at 1                 | Released OTHER      | A 9/3, B 9/2
        0:04 | apply o1 2 HELD until 2:00 keep A 4, B 2 | #2 HELD A 2 -1 back, B 2, A 3 -1 back OTHER until 2:00 of o1 at 2                 | OutcomeApplied HELD | A 9/3, B 9/2
        0:05 | collect #2 B 1                           | #2 HELD A 2 -1 back, B 2 -1 sold, A 3 -1 back OTHER until 2:00 of o1 at 2         | Collected           | A 9/3, B 8/1
        0:06 | apply o1 3 HELD until 2:00 keep A 2      | #2 HELD A 2 -1 back, B 2 -1 sold -1 back, A 3 -2 back OTHER until 2:00 of o1 at 3 | OutcomeApplied HELD | A 9/2, B 8/0
        0:07 | apply o1 4 HELD until 2:00 keep C 2      | #2 COLLECTED A 2 -2 back, B 2 -1 sold -1 back, A 3 -3 back OTHER of o1 at 4       | OutcomeApplied HELD | A 9/0, B 8/0
    """,  # noqa: E501 a row is one line
    "all but what was sold goes back: then it is collected": """
        at   | said                            | answer                                         | events                   | stock
        0:00 | receive A 9                     | applied 1                                      | StockAdjusted            | A 9/0
        0:01 | claim o1 ann A 3                | #2 CLAIMED A 3 of o1 at 0                      | Claimed                  | A 9/3
        0:02 | apply o1 1 CONFIRMED until 2:00 | #2 CONFIRMED A 3 until 2:00 of o1 at 1         | OutcomeApplied CONFIRMED | A 9/3
        0:03 | collect #2 A 1                  | #2 CONFIRMED A 3 -1 sold until 2:00 of o1 at 1 | Collected                | A 8/2
        0:04 | apply o1 2 EXPIRED              | #2 COLLECTED A 3 -1 sold -2 back of o1 at 2    | OutcomeApplied EXPIRED   | A 8/0
        0:05 | acknowledge #2 4                | applied 0                                      |                          | A 8/0
        0:06 | acknowledge #2 5                | applied 0                                      | Acknowledged             | A 8/0
    """,  # noqa: E501 a row is one line
    "a shortfall takes from a claim as from a hold, the youngest first": """
        at   | said                              | answer                                       | events                                                 | stock
        0:00 | receive A 5                       | applied 1                                    | StockAdjusted                                          | A 5/0
        0:01 | claim o1 ann A 2                  | #2 CLAIMED A 2 of o1 at 0                    | Claimed                                                | A 5/2
        0:02 | reserve bob A 1                   | #3 HELD A 1 until 2:02                       | Reserved                                               | A 5/3
        0:03 | claim o2 cy A 2                   | #4 CLAIMED A 2 of o2 at 0                    | Claimed                                                | A 5/5
        0:04 | apply o1 1 CONFIRMED until 1d0:00 | #2 CONFIRMED A 2 until 1d0:00 of o1 at 1     | OutcomeApplied CONFIRMED                               | A 5/5
        0:05 | sell A 2                          | applied 1 short A 2: #4 -2                   | StockAdjusted, ShortfallDeclared, Released SHORTFALL   | A 3/3
        0:06 | apply o2 1 HELD until 2:00        | #4 RELEASED A 2 -2 back SHORTFALL of o2 at 0 |                                                        | A 3/3
        0:07 | count A 1                         | applied 1 short A 2: #3 -1, #2 -1            | StockCounted, ShortfallDeclared, Released SHORTFALL x2 | A 1/1
        0:08 | claim o3 dee A 1                  | INSUFFICIENT_STOCK A 1 of 0                  | Refused                                                | A 1/1
        0:08 | count A 0                         | applied 1 short A 1: #2 -1                   | StockCounted, ShortfallDeclared, Released SHORTFALL    | A 0/0
    """,  # noqa: E501 a row is one line
    "a hold that is younger loses before a claim": """
        at   | said             | answer                     | events                                               | stock
        0:00 | receive A 4      | applied 1                  | StockAdjusted                                        | A 4/0
        0:01 | claim o1 ann A 2 | #2 CLAIMED A 2 of o1 at 0  | Claimed                                              | A 4/2
        0:02 | reserve bob A 2  | #3 HELD A 2 until 2:02     | Reserved                                             | A 4/4
        0:03 | sell A 2         | applied 1 short A 2: #3 -2 | StockAdjusted, ShortfallDeclared, Released SHORTFALL | A 2/2
    """,  # noqa: E501 a row is one line
    "what may be kept of a SKU is the sum of what is said": """
        at   | said                                     | answer                                          | events              | stock
        0:00 | receive A 4                              | applied 1                                       | StockAdjusted       | A 4/0
        0:01 | claim o1 ann A 4                         | #2 CLAIMED A 4 of o1 at 0                       | Claimed             | A 4/4
        0:02 | apply o1 1 HELD until 2:00 keep A 1, A 2 | #2 HELD A 4 -1 back OTHER until 2:00 of o1 at 1 | OutcomeApplied HELD | A 4/3
    """,  # noqa: E501 a row is one line
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page(page: str) -> None:
    play(page)


def said(watched: Watched, text: str) -> str:
    told = watched.say(command_of(text, f"later {watched.ledger.version}"), watched.ledger.time_ms + 1)
    return answer_text(told.answer)


@pytest.mark.parametrize(
    "step", ["ready #2", "collect #2 A 1", "collect #2", "release #2 A 1", "release #2", "sell A 4 from till"]
)
def test_what_happens_in_the_shop_is_in_the_outbox(step: str) -> None:
    watched = play("at | said\n 0:00 | receive A 5\n 0:01 | claim o1 ann A 2\n 0:02 | apply o1 1 CONFIRMED until 2:00")
    assert watched.ledger.outbox == {}, "what its order said is noted by its order, from the answer"
    said(watched, step)
    assert list(watched.ledger.outbox) == [2]
    changed = watched.ledger.reservations[2].version
    said(watched, f"acknowledge #2 {changed - 1}")
    assert list(watched.ledger.outbox) == [2]
    said(watched, f"acknowledge #2 {changed}")
    assert watched.ledger.outbox == {}
    assert watched.complaints() == []


def test_a_part_in_the_outbox_is_not_forgotten() -> None:
    """And then it is: nothing of a part stays for ever."""
    watched = play("""
        at   | said
        0:00 | receive A 5
        0:01 | claim o1 ann A 2
        0:02 | apply o1 1 HELD until 2:00
        0:03 | collect #2
    """)
    watched.say(command_of("receive A 1", "much later"), instant("20d0:00"))
    assert list(watched.ledger.reservations) == [2]
    said(watched, "acknowledge #2 4")
    watched.say(command_of("receive A 1", "as long again"), instant("40d0:00"))
    assert watched.ledger.reservations == {}
    assert watched.ledger.holders == {}
    assert said(watched, "apply o1 9 HELD until 2:00") == "RESERVATION_NOT_FOUND"
    assert said(watched, "apply o1 9 RELEASED") == "CLAIM_ABANDONED"
    assert watched.complaints() == []


def test_a_part_in_the_outbox_keeps_nothing_else_from_being_forgotten() -> None:
    watched = play("""
        at   | said
        0:00 | receive A 9
        0:01 | claim o1 ann A 2
        0:02 | apply o1 1 HELD until 2:00
        0:03 | collect #2
        0:04 | reserve bob A 1
        0:05 | release #5
        0:06 | claim o2 cid A 1
        0:07 | apply o2 1 HELD until 2:00
        0:08 | apply o2 2 RELEASED
    """)
    assert list(watched.ledger.outbox) == [2]
    assert [each.number for each in watched.all_known()] == [2, 5, 7]
    assert list(watched.ledger.reservations) == [2]
    for day in (20, 21, 40, 60):
        watched.say(command_of("receive A 1", f"day {day}"), instant(f"{day}d0:00"))
        assert [each.number for each in watched.all_known()] == [2], "it alone, however long nobody hears of it"
        assert watched.complaints() == []
    watched.restart()
    said(watched, "acknowledge #2 4")
    assert (watched.ledger.reservations, watched.ledger.holders) == ({}, {})
    watched.say(command_of("receive A 1", "day 80"), instant("80d0:00"))
    assert watched.all_known() == []
    assert watched.complaints() == []


def test_that_an_order_had_ended_before_its_claim_came_is_remembered_as_a_refusal_is() -> None:
    watched = Watched()
    assert said(watched, "apply o1 3 RELEASED") == "CLAIM_ABANDONED"
    assert said(watched, "claim o1 ann A 2") == "CLAIM_ABANDONED"
    answers = watched.ledger.answers
    assert (answers.made.count, answers.refused.count) == (0, 1)


def test_a_paused_shop_refuses_claims_and_applies_outcomes() -> None:
    watched = play("at | said\n 0:00 | receive A 5\n 0:01 | claim o1 ann A 2")
    watched.adopt(Policy(version=2, paused=True), instant("0:02"))
    assert said(watched, "claim o2 ann A 1") == "STORE_NOT_ACCEPTING"
    assert said(watched, "apply o1 1 CONFIRMED until 2:00").startswith("#2 CONFIRMED")
    assert said(watched, "collect #2").startswith("#2 COLLECTED")
    assert watched.complaints() == []


@pytest.mark.parametrize("verb", ["claim o1", "reserve"])
def test_a_claim_is_refused_for_what_a_reservation_is(verb: str) -> None:
    """In the same sequence of precedence; a claim has no time of its own and no basket."""
    watched = play("at | said\n 0:00 | receive A 5")
    for asked, reason in (
        ("A 9, Z 1", "SKU_NOT_STOCKED"),
        ("A 9", "INSUFFICIENT_STOCK"),
        ("A 1 slot 9:00", "SLOT_NOT"),
    ):
        text = f"{verb} ann {asked}".replace("o1", f"o{watched.ledger.version}")
        assert said(watched, text).startswith(reason)


def test_a_lease_that_makes_the_heap_be_rebuilt_is_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The heap is rebuilt from the reservations: it had the lease of before, and a claim has none."""
    monkeypatch.setattr(expiry, "STALE_ENTRIES_MAX", -100)
    watched = play("at | said\n 0:00 | receive A 5\n 0:01 | claim o1 ann A 2")
    assert said(watched, "apply o1 1 HELD until 2:00").startswith("#2 HELD")
    assert watched.complaints() == []
    expiry.note_lapsed(watched.ledger, instant("2:00"), 10)
    assert expiry.is_undelivered(watched.ledger, 2, instant("2:00"), 0)


def test_a_claim_is_the_same_one_whatever_its_order_holds_by_now() -> None:
    """Its order was collected from before the claim was sent again."""
    watched = play("at | said\n 0:00 | receive A 5")
    claim = command_of("claim o1 ann A 2", "k1")
    answers = [
        watched.say(replace(claim, whole=(("A", units),)), watched.ledger.time_ms).answer.answer for units in (4, 3)
    ]
    assert answers[0] == answers[1]

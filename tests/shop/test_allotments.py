"""Units handed to a till or a channel: neither side sells what the other has, whatever becomes of the holder."""

import pytest

from tests.shop.scenario import play

PAGES = {
    "what a till was given is available to nobody else, and promised units are never given": """
        at | said | answer | events | stock
        0:00 | receive A 9 | applied 1 | StockAdjusted | A 9/0
        0:01 | reserve ann A 3 | #2 HELD A 3 until 2:01 | Reserved | A 9/3
        0:02 | allot till:7 A 7 | INSUFFICIENT_STOCK A 7 of 6 | Refused |
        0:03 | allot till:7 A 4 | #4 OPEN 7 A 4 until 1:03 | Allotted | A 9/3 out 4
        0:04 | reserve bob A 3 | INSUFFICIENT_STOCK A 3 of 2 | Refused |
        0:05 | allot till:7 C 1 | SKU_NOT_STOCKED C 1 of 0 | Refused |
    """,
    "what a till sells leaves its allotment and the shop together, once": """
        at | said | answer | stock
        0:00 | receive A 9 | applied 1 | A 9/0
        0:01 | allot till:7 A 4 | #2 OPEN 7 A 4 until 1:01 | A 9/0 out 4
        0:02 | sell A 3 against #2 from t7 row 1 | applied 1 | A 6/0 out 1
        0:03 | sell A 3 against #2 from t7 row 1 | applied 0 repeated 1 | A 6/0 out 1
        0:04 | sell A 2 against #2 from t7 row 2 | applied 1 | A 4/0
        0:05 | end #2 as settled | #2 RETURNED 7 A 0 -4 used | A 4/0
        0:06 | sell A 1 against #2 from t7 row 3 | applied 1 | A 3/0
    """,
    "what is left comes back by the till's own word": """
        at | said | answer | events | stock
        0:00 | receive A 9 | applied 1 | StockAdjusted | A 9/0
        0:01 | allot till:7 A 4 | #2 OPEN 7 A 4 until 1:01 | Allotted | A 9/0 out 4
        0:02 | prolong #2 for 2h | #2 OPEN 7 A 4 until 2:02 | AllotmentExtended | A 9/0 out 4
        0:03 | prolong #2 for 1h | #2 OPEN 7 A 4 until 2:02 | AllotmentExtended | A 9/0 out 4
        0:04 | end #2 as settled | #2 RETURNED 7 A 0 | AllotmentReturned | A 9/0
        0:05 | end #2 as settled | ALLOTMENT_ENDED #2 | Refused | A 9/0
        0:06 | prolong #2 for 1h | ALLOTMENT_ENDED #2 | Refused | A 9/0
        0:07 | end #1 | ALLOTMENT_NOT_FOUND #1 | Refused | A 9/0
    """,
    "a till that never comes back: unknown until it is counted, then no more": """
        at | said | answer | events | stock
        0:00 | receive A 9 | applied 1 | StockAdjusted | A 9/0
        0:01 | allot till:7 A 4 | #2 OPEN 7 A 4 until 1:01 | Allotted | A 9/0 out 4
        1:02 | wait |  | AllotmentExpired | A 9/0 out 4 unknown 4
        1:03 | reserve ann A 6 | INSUFFICIENT_STOCK A 6 of 5 | Refused |
        1:04 | count A 6 as of 0:50 | applied 1 | StockCounted | A 6/0 out 4 unknown 4
        1:05 | count A 6 | applied 1 | StockCounted | A 6/0
        1:06 | sell A 3 against #2 at 0:40 | applied 1 settled late 1 | StockAdjusted | A 6/0
        1:07 | sell A 1 against #2 | applied 1 settled late 1 | StockAdjusted | A 6/0
        1:08 | end #2 as settled | ALLOTMENT_ENDED #2 | Refused | A 6/0
    """,
    "a till that comes back after its end and before the count settles what it sold": """
        at | said | answer | stock
        0:00 | receive A 9 | applied 1 | A 9/0
        0:01 | allot till:7 A 4 | #2 OPEN 7 A 4 until 1:01 | A 9/0 out 4
        1:03 | sell A 3 against #2 at 0:40 | applied 1 | A 6/0 out 1 unknown 1
        1:04 | end #2 as settled | #2 RETURNED 7 A 0 -3 used | A 6/0
    """,
    "somebody else ends it: what is not settled stays unknown": """
        at | said | answer | stock
        0:00 | receive A 9 | applied 1 | A 9/0
        0:01 | allot till:7 A 4 | #2 OPEN 7 A 4 until 1:01 | A 9/0 out 4
        0:02 | end #2 | #2 UNKNOWN 7 A 4 | A 9/0 out 4 unknown 4
        0:03 | end #2 | ALLOTMENT_ENDED #2 |
        0:04 | end #2 as settled | #2 RETURNED 7 A 0 | A 9/0
    """,
    "an open till's units that were counted: the count has seen its earlier sales": """
        at | said | answer | stock
        0:00 | receive A 9 | applied 1 | A 9/0
        0:01 | allot till:7 A 4 | #2 OPEN 7 A 4 until 1:01 | A 9/0 out 4
        0:10 | count A 6 | applied 1 | A 6/0 out 4
        0:20 | sell A 3 against #2 at 0:05 | applied 1 | A 6/0 out 1
        0:21 | sell A 1 against #2 at 0:15 | applied 1 | A 5/0
    """,
    "units that lay at the till were left out of the count": """
        at | said | answer | stock
        0:00 | receive A 9 | applied 1 | A 9/0
        0:01 | allot till:7 A 4 | #2 OPEN 7 A 4 until 1:01 | A 9/0 out 4
        0:10 | count A 5 leaving allotted | applied 1 | A 9/0 out 4
        0:11 | count A 4 leaving allotted | applied 1 | A 8/0 out 4
        0:20 | sell A 3 against #2 at 0:05 | applied 1 | A 5/0 out 1
        1:02 | count A 4 leaving allotted | applied 1 | A 5/0 out 1 unknown 1
        1:03 | count A 4 | applied 1 | A 4/0
    """,
    "how many lay at the till at an earlier instant is not known": """
        at | said | answer | stock
        0:00 | receive A 9 | applied 1 | A 9/0
        0:10 | allot till:7 A 4 | #2 OPEN 7 A 4 until 1:10 | A 9/0 out 4
        0:20 | count A 9 as of 0:05 leaving allotted | COUNT_TOO_OLD A 0:05 of 0:10 |
        0:21 | count A 5 as of 0:15 leaving allotted | applied 1 | A 9/0 out 4
    """,
    "a shortfall leaves a till's units where they are, as they may be sold": """
        at | said | answer | stock
        0:00 | receive A 9 | applied 1 | A 9/0
        0:01 | allot till:7 A 4 | #2 OPEN 7 A 4 until 1:01 | A 9/0 out 4
        0:02 | reserve ann A 4 | #3 HELD A 4 until 2:02 | A 9/4 out 4
        0:03 | sell A 2 | applied 1 short A 1: #3 -1 | A 7/3 out 4
        0:04 | count A 3 | applied 1 short A 3: #3 -3 | A 3/0 out 4
        0:05 | sell A 4 against #2 at 0:03 | applied 1 | A 3/0
    """,
    "a quota may be drawn where safety stock is short, as long as there is more than that": """
        at | said | answer | events | stock
        0:00 | receive A 8 | applied 1 | StockAdjusted | A 8/0
        0:01 | allot channel:app A 5 | #2 OPEN app A 5 until 1:01 | Allotted | A 8/0 out 5
        0:02 | reserve ann A 3 | #3 HELD A 3 until 2:02 | Reserved | A 8/3 out 5
        0:03 | safety A 3 | applied 1 | SafetyStockSet | A 8/3 keep 3 out 5
        0:04 | reserve bob A 3 via app | INSUFFICIENT_STOCK A 3 of 2 | Refused |
        0:05 | reserve bob A 2 via app | #7 HELD A 2 until 2:05 | QuotaDrawn, Reserved | A 8/5 keep 3 out 3
    """,
    "a basket that is reserved again has what was its own before the line, and its quota's units": """
        at | said | answer | stock
        0:00 | receive A 3, B 4 | applied 2 | A 3/0, B 4/0
        0:01 | allot channel:app B 4 | #2 OPEN app B 4 until 1:01 | A 3/0, B 4/0 out 4
        0:02 | reserve ann A 3 via app basket b1 | #3 HELD A 3 until 2:02 | A 3/3, B 4/0 out 4
        0:03 | reserve bob A 3 waiting 1h | #4 QUEUED A 3 until 1:03 place 1 | A 3/3, B 4/0 out 4
        0:04 | reserve ann A 2, B 2 via app basket b1 | #7 HELD A 2, B 2 until 2:04 | A 3/2, B 4/2 out 2
    """,
    "a channel takes from its quota when all else is gone, and nobody else may": """
        at | said | answer | events | stock
        0:00 | receive A 9 | applied 1 | StockAdjusted | A 9/0
        0:01 | allot channel:app A 4 | #2 OPEN app A 4 until 1:01 | Allotted | A 9/0 out 4
        0:02 | reserve ann A 6 | INSUFFICIENT_STOCK A 6 of 5 | Refused |
        0:03 | reserve bob A 7 via app | #5 HELD A 7 until 2:03 | QuotaDrawn, Reserved | A 9/7 out 2
        0:04 | reserve cy A 3 via app | INSUFFICIENT_STOCK A 3 of 2 | Refused |
        0:05 | reserve ann A 1 | INSUFFICIENT_STOCK A 1 of 0 | Refused |
        0:06 | release #5 A 1 | #5 HELD A 7 -1 back OTHER until 2:03 | Released OTHER | A 9/6 out 3
        0:07 | release #5 | #5 RELEASED A 7 -7 back OTHER | Released OTHER | A 9/0 out 4
        1:02 | wait |  | AllotmentExpired | A 9/0
        1:03 | reserve ann A 9 | #11 HELD A 9 until 3:03 | Reserved | A 9/9
    """,
    "a quota that is drawn first leaves the rest to others": """
        at | said | answer | events | stock
        0:00 | receive A 9 | applied 1 | StockAdjusted | A 9/0
        0:01 | allot channel:app A 4 drawn first | #2 OPEN app A 4 until 1:01 | Allotted | A 9/0 out 4
        0:02 | reserve ann A 3 via app | #4 HELD A 3 until 2:02 | QuotaDrawn, Reserved | A 9/3 out 1
        0:03 | amend #4 A 5 | #4 HELD A 5 until 2:02 | QuotaDrawn, Amended | A 9/5
        0:04 | amend #4 A 2 | #4 HELD A 2 until 2:02 | Amended | A 9/2 out 3
        0:05 | collect #4 | #4 COLLECTED A 2 -2 sold | Collected | A 7/0 out 3
        0:06 | end #2 | #2 RETURNED app A 0 -1 used | AllotmentReturned | A 7/0
    """,
    "a hold that outlives its quota gives back to everybody": """
        at | said | answer | stock
        0:00 | receive A 4 | applied 1 | A 4/0
        0:01 | allot channel:app A 4 | #2 OPEN app A 4 until 1:01 | A 4/0 out 4
        0:02 | reserve ann A 3 via app | #4 HELD A 3 until 2:02 | A 4/3 out 1
        1:02 | wait |  | A 4/3
        2:03 | wait |  | A 4/0
    """,
    "a basket reserved again gives to its quota and draws anew; through another channel it may not": """
        at | said | events | stock
        0:00 | receive A 5 | StockAdjusted | A 5/0
        0:01 | allot channel:app A 4 | Allotted | A 5/0 out 4
        0:02 | reserve ann A 3 via app basket b | QuotaDrawn, Reserved | A 5/3 out 2
        0:03 | reserve ann A 5 via app basket b | Released REPLACED, QuotaDrawn, Reserved | A 5/5
        0:04 | reserve ann A 2 via web basket b | Refused |
        0:05 | reserve ann A 1 via web basket b | Released REPLACED, Reserved | A 5/1 out 4
    """,
    "a part of an order draws from its channel's quota too": """
        at | said | answer | events | stock
        0:00 | receive A 3 | applied 1 | StockAdjusted | A 3/0
        0:01 | allot channel:app A 3 | #2 OPEN app A 3 until 1:01 | Allotted | A 3/0 out 3
        0:02 | claim o1 ann A 1 | INSUFFICIENT_STOCK A 1 of 0 | Refused |
        0:03 | claim o2 bob A 2 via app | #5 CLAIMED A 2 of o2 at 0 | QuotaDrawn, Claimed | A 3/2 out 1
        0:04 | apply o2 1 RELEASED | #5 RELEASED A 2 -2 back OTHER of o2 at 1 | OutcomeApplied RELEASED | A 3/0 out 3
    """,
    "quotas lose before promises do, the youngest first": """
        at | said | events | stock
        0:00 | receive A 9 | StockAdjusted | A 9/0
        0:01 | allot channel:app A 2 | Allotted | A 9/0 out 2
        0:02 | allot channel:web A 2 | Allotted | A 9/0 out 4
        0:03 | reserve ann A 5 | Reserved | A 9/5 out 4
        0:04 | sell A 3 | StockAdjusted, AllotmentShrunk x2 | A 6/5 out 1
        0:05 | count A 4 | StockCounted, AllotmentShrunk, ShortfallDeclared, Released SHORTFALL | A 4/4
    """,
    "what a hold loses to a shortfall goes back to no quota": """
        at   | said                              | events                                     | stock
        0:00 | receive A 9                       | StockAdjusted                              | A 9/0
        0:01 | allot channel:app A 4 drawn first | Allotted                                   | A 9/0 out 4
        0:02 | reserve ann A 4 via app           | QuotaDrawn, Reserved                       | A 9/4
        0:03 | count A 3                         | StockCounted, ShortfallDeclared, Released SHORTFALL | A 3/3
        0:04 | release #4                        | Released OTHER                             | A 3/0 out 3
    """,
    "what comes back serves who waits in line": """
        at   | said                         | events                           | stock
        0:00 | receive A 6                  | StockAdjusted                    | A 6/0
        0:01 | allot channel:app A 3        | Allotted                         | A 6/0 out 3
        0:02 | allot till:7 A 3             | Allotted                         | A 6/0 out 6
        0:03 | reserve bob A 2 waiting 5h   | Queued                           | A 6/0 out 6
        0:04 | reserve cy A 3 waiting 5h    | Queued                           | A 6/0 out 6
        0:05 | end #3 as settled            | AllotmentReturned, Served        | A 6/2 out 3
        1:01 | wait                         | AllotmentExpired, Served         | A 6/5
        1:02 | allot channel:app share A    | Allotted                         | A 6/5 out 1
    """,
    "who waits in line has his channel's quota before who comes later": """
        at   | said                                      | events                      | stock
        0:00 | receive A 2                               | StockAdjusted               | A 2/0
        0:01 | allot channel:web A 2 for 5h              | Allotted                    | A 2/0 out 2
        0:02 | reserve ann A 2 via web                   | QuotaDrawn, Reserved        | A 2/2
        0:03 | reserve bob A 2 via web waiting 5h for 1m | Queued                      | A 2/2
        0:04 | reserve cy A 1 via web waiting 5h for 1m  | Queued                      | A 2/2
        0:05 | release #4 A 1                            | Released OTHER              | A 2/1 out 1
        0:06 | reserve dan A 1 via web                   | Refused                     | A 2/1 out 1
        0:07 | claim o1 dan A 1 via web                  | Refused                     | A 2/1 out 1
        0:08 | amend #4 A 2                              | Refused                     | A 2/1 out 1
        0:09 | release #4                                | Released OTHER, QuotaDrawn, Served | A 2/2
        0:11 | wait                                      | PassedOver, QuotaDrawn, Served | A 2/1 out 1
        0:13 | wait                                      | PassedOver, QuotaDrawn, Served | A 2/2
        0:15 | wait                                      | Expired, QuotaDrawn, Served | A 2/1 out 1
        0:17 | wait                                      | Expired                     | A 2/0 out 2
    """,
    "of two channels in line each has its quota, and the head what all may have": """
        at   | said                               | events                      | stock
        0:00 | receive A 3                        | StockAdjusted               | A 3/0
        0:01 | allot channel:app A 2 for 5h       | Allotted                    | A 3/0 out 2
        0:02 | reserve ann A 3 via app            | QuotaDrawn, Reserved        | A 3/3
        0:03 | reserve bob A 2 via web waiting 5h | Queued                      | A 3/3
        0:04 | reserve cy A 1 via app waiting 5h  | Queued                      | A 3/3
        0:05 | reserve dan A 2 via app waiting 5h | Queued                      | A 3/3
        0:06 | release #4 A 1                     | Released OTHER, QuotaDrawn, Served | A 3/3
        0:07 | receive A 1                        | StockAdjusted               | A 4/3
        0:08 | reserve eve A 1 via app            | Refused                     | A 4/3
        0:09 | receive A 1                        | StockAdjusted, Served       | A 5/5
        0:10 | receive A 2                        | StockAdjusted, Served       | A 7/7
    """,
    "a basket keeps what it has of a quota that is kept for who waits, and gets no more": """
        at   | said                               | events                             | stock
        0:00 | receive A 3                        | StockAdjusted                      | A 3/0
        0:01 | allot channel:web A 3 for 5h       | Allotted                           | A 3/0 out 3
        0:02 | reserve ann A 2 via web basket b1  | QuotaDrawn, Reserved               | A 3/2 out 1
        0:03 | reserve bob A 2 via web waiting 5h | Queued                             | A 3/2 out 1
        0:04 | reserve ann A 3 via web basket b1  | Refused                            | A 3/2 out 1
        0:05 | reserve ann A 2 via web basket b1  | Released REPLACED, QuotaDrawn, Reserved | A 3/2 out 1
        0:06 | reserve ann A 1 via web basket b1  | Released REPLACED, QuotaDrawn x2, Reserved, Served | A 3/3
    """,
    "what is kept for who waits in line is given to nobody, and no share of it": """
        at   | said                         | events                           | stock
        0:00 | receive A 3                  | StockAdjusted                    | A 3/0
        0:01 | reserve ann A 2              | Reserved                         | A 3/2
        0:02 | reserve bob A 2 waiting 5h   | Queued                           | A 3/2
        0:03 | allot till:7 A 1             | Refused                          | A 3/2
        0:04 | allot channel:app share A    | Refused                          | A 3/2
    """,
    "a share of what is available": """
        at | said | answer | stock
        0:00 | receive A 9, B 1 | applied 2 | A 9/0, B 1/0
        0:01 | allot channel:app share A | #2 OPEN app A 4 until 1:01 | A 9/0 out 4, B 1/0
        0:02 | allot channel:app share A | #3 OPEN app A 2 until 1:02 | A 9/0 out 6, B 1/0
    """,
    "a reservation given to one till is handed out by that one alone, until its time": """
        at | said | answer | events
        0:00 | receive A 9 | applied 1 | StockAdjusted
        0:01 | reserve ann A 3 | #2 HELD A 3 until 2:01 | Reserved
        0:02 | confirm #2 within 3h | #2 CONFIRMED A 3 until 3:02 | Confirmed
        0:03 | give #2 to t7 for 1h | #2 CONFIRMED A 3 until 3:02 at t7 until 1:03 | Given
        0:04 | give #2 to t8 for 1h | GIVEN_TO_TILL #2 CONFIRMED | Refused
        0:05 | collect #2 A 1 | GIVEN_TO_TILL #2 CONFIRMED | Refused
        0:06 | collect #2 A 1 by t8 | GIVEN_TO_TILL #2 CONFIRMED | Refused
        0:07 | collect #2 A 1 by t7 | #2 CONFIRMED A 3 -1 sold until 3:02 at t7 until 1:03 | Collected
        0:08 | give #2 to t7 for 9h | #2 CONFIRMED A 3 -1 sold until 3:02 at t7 until 3:02 | Given
        3:02 | collect #2 by t8 | TRANSITION_NOT_ALLOWED #2 COLLECTED | Expired, Refused
    """,
    "others may hand out what was given once that time is over, and anybody may release it": """
        at | said | answer | events
        0:00 | receive A 9 | applied 1 | StockAdjusted
        0:01 | reserve ann A 3 | #2 HELD A 3 until 2:01 | Reserved
        0:03 | give #2 to t7 for 1h | #2 HELD A 3 until 2:01 at t7 until 1:03 | Given
        0:04 | reserve bob A 2 | #4 HELD A 2 until 2:04 | Reserved
        0:05 | give #4 to t7 for 1h | #4 HELD A 2 until 2:04 at t7 until 1:05 | Given
        0:06 | release #4 | #4 RELEASED A 2 -2 back OTHER at t7 until 1:05 | Released OTHER
        1:03 | release #2 A 1 | #2 HELD A 3 -1 back OTHER until 2:01 at t7 until 1:03 | Released OTHER
        1:03 | collect #2 by t8 | #2 COLLECTED A 3 -2 sold -1 back OTHER at t7 until 1:03 | Collected
        1:04 | collect #2 by t7 | TRANSITION_NOT_ALLOWED #2 COLLECTED | Refused
    """,
    "while a till has a reservation nothing is taken of it, which the till may have handed out": """
        at | said | answer | stock
        0:00 | receive A 9, B 2 | applied 2 | A 9/0, B 2/0
        0:01 | reserve ann A 3, B 1 basket b | #2 HELD A 3, B 1 until 2:01 | A 9/3, B 2/1
        0:02 | give #2 to t7 for 1h | #2 HELD A 3, B 1 until 2:01 at t7 until 1:02 | A 9/3, B 2/1
        0:03 | amend #2 A 2, B 1 | GIVEN_TO_TILL #2 HELD | A 9/3, B 2/1
        0:03 | amend #2 A 4 | GIVEN_TO_TILL #2 HELD | A 9/3, B 2/1
        0:04 | release #2 B 1 | GIVEN_TO_TILL #2 HELD | A 9/3, B 2/1
        0:05 | reserve ann A 2 basket b | GIVEN_TO_TILL #2 HELD | A 9/3, B 2/1
        0:06 | amend #2 A 4, B 1 for 3h | #2 HELD A 4, B 1 until 3:06 at t7 until 1:02 | A 9/4, B 2/1
        0:07 | collect #2 A 3, B 1 by t7 | #2 HELD A 4 -3 sold, B 1 -1 sold until 3:06 at t7 until 1:02 | A 6/1, B 1/0
        0:08 | release #2 | #2 COLLECTED A 4 -3 sold -1 back, B 1 -1 sold OTHER at t7 until 1:02 | A 6/0, B 1/0
    """,
    "a till that asks again for less keeps what it was told, as it may not hear the second answer": """
        at | said | answer | events
        0:00 | receive A 9 | applied 1 | StockAdjusted
        0:01 | reserve ann A 3 | #2 HELD A 3 until 2:01 | Reserved
        0:02 | give #2 to t7 for 1h | #2 HELD A 3 until 2:01 at t7 until 1:02 | Given
        0:03 | give #2 to t7 for 10m | #2 HELD A 3 until 2:01 at t7 until 1:02 | Given
        0:20 | amend #2 A 1 | GIVEN_TO_TILL #2 HELD | Refused
        0:21 | give #2 to t8 for 1h | GIVEN_TO_TILL #2 HELD | Refused
        1:02 | give #2 to t8 for 10m | #2 HELD A 3 until 2:01 at t8 until 1:12 | Given
    """,
    "once the till's time is over it is amended and replaced as any": """
        at | said | answer | stock
        0:00 | receive A 9 | applied 1 | A 9/0
        0:01 | reserve ann A 3 basket b | #2 HELD A 3 until 2:01 | A 9/3
        0:02 | give #2 to t7 for 1h | #2 HELD A 3 until 2:01 at t7 until 1:02 | A 9/3
        1:02 | amend #2 A 2 | #2 HELD A 2 until 2:01 at t7 until 1:02 | A 9/2
        1:03 | reserve ann A 1 basket b | #6 HELD A 1 until 3:03 | A 9/1
    """,
    "an amended order takes nothing of a part while a till has it, and is heard once that is over": """
        at | said | answer
        0:00 | receive A 9 | applied 1
        0:01 | claim o.1 ann A 3 | #2 CLAIMED A 3 of o.1 at 0
        0:01 | apply o.1 1 HELD until 4:00 | #2 HELD A 3 until 4:00 of o.1 at 1
        0:02 | give #2 to t7 for 1h | #2 HELD A 3 until 4:00 at t7 until 1:02 of o.1 at 1
        0:03 | apply o.1 2 HELD until 5:00 keep A 2 | #2 HELD A 3 until 4:00 at t7 until 1:02 of o.1 at 1
        0:04 | apply o.1 3 HELD until 5:00 keep A 3 | #2 HELD A 3 until 5:00 at t7 until 1:02 of o.1 at 3
        0:05 | apply o.1 4 RELEASED because REPLACED | #2 HELD A 3 until 5:00 at t7 until 1:02 of o.1 at 3
        1:02 | apply o.1 4 HELD until 5:00 keep A 2 | #2 HELD A 3 -1 back OTHER until 5:00 at t7 until 1:02 of o.1 at 4
        1:03 | give #2 to t7 for 1h | #2 HELD A 3 -1 back OTHER until 5:00 at t7 until 2:03 of o.1 at 4
        1:04 | apply o.1 5 RELEASED | #2 RELEASED A 3 -3 back OTHER at t7 until 2:03 of o.1 at 5
    """,
    "restarts keep it all": """
        at | said | answer | stock
        0:00 | receive A 9 | applied 1 | A 9/0
        0:01 | a: allot till:7 A 2 | #2 OPEN 7 A 2 until 1:01 | A 9/0 out 2
        0:02 | allot channel:app A 4 drawn first | #3 OPEN app A 4 until 1:02 | A 9/0 out 6
        0:03 | reserve ann A 3 via app | #5 HELD A 3 until 2:03 | A 9/3 out 3
        0:04 | restart |  | A 9/3 out 3
        0:05 | a: allot till:7 A 2 | #2 OPEN 7 A 2 until 1:01 (again) | A 9/3 out 3
        0:06 | release #5 | #5 RELEASED A 3 -3 back OTHER | A 9/0 out 6
        1:01 | wait |  | A 9/0 out 6 unknown 2
        1:02 | wait |  | A 9/0 out 2 unknown 2
        1:03 | restart |  | A 9/0 out 2 unknown 2
        1:04 | count A 9 | applied 1 | A 9/0
        1:05 | restart |  | A 9/0
        1:06 | sell A 1 against #2 at 0:30 | applied 1 settled late 1 | A 9/0
    """,
}


@pytest.mark.parametrize("page", PAGES)
def test_page(page: str) -> None:
    play(PAGES[page])

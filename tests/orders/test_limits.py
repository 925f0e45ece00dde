"""What one customer may have over the whole chain: exact, over all shops, and given back when a shop has said so."""

import pytest

from actors.core.policy import DAY_MS, ChainLimitRule, Policy
from tests.orders.scenario import play

OPEN = Policy(version=1, chain_limit_rules=(ChainLimitRule("", "", 2, 0, 0),))
OPEN_WITH_A = Policy(version=1, chain_limit_rules=(ChainLimitRule("", "A", 1, 0, 0),))
UNITS = Policy(version=1, chain_limit_rules=(ChainLimitRule("", "", 0, 4, 0), ChainLimitRule("app", "A", 0, 2, 0)))
UNITS_A_DAY = Policy(version=1, chain_limit_rules=(ChainLimitRule("", "A", 0, 3, DAY_MS),))

OPEN_PAGES = {  # at most two open orders
    "so many open over all shops, and one more once one is given back": """
        at   | said                            | answer                         | events
        0:00 | open ann S1 A 1                 | #2 OPEN S1.1? A 1              | Opened
        0:00 | commit #2.1 S1 11               | #2 HELD S1.1* A 1 until 2:00   | Committed
        0:00 | open ann S2 A 1                 | #4 OPEN S2.1? A 1              | Opened
        0:00 | open ann S3 A 1                 | OPEN_RESERVATIONS_LIMIT 3 of 2 | Refused
        0:00 | open bob S3 A 1                 | #6 OPEN S3.1? A 1              | Opened
        0:00 | abandon #4.1 INSUFFICIENT_STOCK | #4 ABANDONED (S2.1? A 1)       | Abandoned
        0:00 | open ann S3 A 1                 | #8 OPEN S3.1? A 1              | Opened
        0:00 | commit #8.1 S3 12               | #8 HELD S3.1* A 1 until 2:00   | Committed
        0:01 | release #2                      | #2 RELEASED S1.1* A 1 OTHER    | Abandoned, Released
        0:01 | open ann S4 A 1                 | OPEN_RESERVATIONS_LIMIT 3 of 2 | Refused
        0:02 | report #2 S1.1 at 2 v5 RELEASED | #2 RELEASED S1.1 OTHER         | Reported, Settled
        0:02 | open ann S4 A 1                 | #15 OPEN S4.1? A 1             | Opened
    """,
    "an order that expired counts until its shops have given it back": """
        at   | said                            | answer                                   | events
        0:00 | open ann S1 A 1 / S2 A 1 for 1h | #2 OPEN S1.1? A 1 / S2.1? A 1            | Opened
        0:00 | commit #2.1 S1 11, S2 12        | #2 HELD S1.1* A 1 / S2.1* A 1 until 1:00 | Committed
        0:00 | open ann S3 A 1 for 3h          | #4 OPEN S3.1? A 1                        | Opened
        0:00 | commit #4.1 S3 13               | #4 HELD S3.1* A 1 until 3:00             | Committed
        1:00 | open ann S3 A 1                 | OPEN_RESERVATIONS_LIMIT 3 of 2           | Expired, Refused
        1:01 | report #2 S1.1 at 2 v5 EXPIRED  | #2 EXPIRED S1.1 / S2.1* A 1              | Reported
        1:01 | open ann S3 A 1                 | OPEN_RESERVATIONS_LIMIT 3 of 2           | Refused
        1:02 | report #2 S2.1 at 2 v5 EXPIRED  | #2 EXPIRED S1.1 / S2.1                   | Reported, Settled
        1:02 | open ann S3 A 1                 | #12 OPEN S3.1? A 1                       | Opened
    """,
    "an order that was collected counts no more": """
        at   | said                                      | answer                       | events
        0:00 | open ann S1 A 1                           | #2 OPEN S1.1? A 1            | Opened
        0:00 | commit #2.1 S1 11                         | #2 HELD S1.1* A 1 until 2:00 | Committed
        0:00 | open ann S1 A 1                           | #4 OPEN S1.1? A 1            | Opened
        0:00 | commit #4.1 S1 12                         | #4 HELD S1.1* A 1 until 2:00 | Committed
        0:01 | report #2 S1.1 at 0 v7 COLLECTED sold A 1 | #2 COLLECTED S1.1 sold A 1   | Reported, Settled
        0:01 | open ann S1 A 1                           | #8 OPEN S1.1? A 1            | Opened
    """,
}

OPEN_WITH_A_PAGES = {  # at most one open order with A
    "a limit of a SKU counts what holds it, and an order that comes to hold it": """
        at   | said              | answer                                   | events
        0:00 | open ann S1 A 1   | #2 OPEN S1.1? A 1                        | Opened
        0:00 | commit #2.1 S1 11 | #2 HELD S1.1* A 1 until 2:00             | Committed
        0:00 | open ann S1 B 1   | #4 OPEN S1.1? B 1                        | Opened
        0:00 | commit #4.1 S1 12 | #4 HELD S1.1* B 1 until 2:00             | Committed
        0:00 | open ann S2 A 1   | OPEN_RESERVATIONS_LIMIT A 2 of 1         | Refused
        0:01 | amend #4 S2 A 1   | OPEN_RESERVATIONS_LIMIT A 2 of 1         | Refused
        0:01 | amend #2 S2 A 5   | #2 HELD S1.1* A 1 / S2.2? A 5 until 2:00 | AmendOpened
    """,
}

UNITS_PAGES = {  # at most four units of each SKU, two of A through the app
    "units over all shops, lines and orders": """
        at   | said                            | answer                                        | events
        0:00 | open ann S1 A 2, A 1 / S2 A 2   | UNITS_LIMIT A 5 of 4                          | Refused
        0:00 | open ann S1 A 2, A 1 / S2 A 1   | #3 OPEN S1.1? A 2, A 1 / S2.1? A 1            | Opened
        0:00 | commit #3.1 S1 11, S2 12        | #3 HELD S1.1* A 2, A 1 / S2.1* A 1 until 2:00 | Committed
        0:00 | open ann S1 B 4                 | #5 OPEN S1.1? B 4                             | Opened
        0:00 | open ann S1 B 1                 | UNITS_LIMIT B 1 of 0                          | Refused
        0:00 | open ann S1 A 1                 | UNITS_LIMIT A 1 of 0                          | Refused
        0:01 | report #3 S1.1 at 0 v5 HELD A 2 | #3 HELD S1.1* A 2 / S2.1* A 1 until 2:00      | Abandoned, Reported
        0:01 | open ann S1 A 2                 | UNITS_LIMIT A 2 of 1                          | Refused
        0:01 | open ann S1 A 1 via app         | #11 OPEN S1.1? A 1                            | Opened
    """,
    "a channel of its own": """
        at   | said                    | answer               | events
        0:00 | open ann S1 A 2 via app | #2 OPEN S1.1? A 2    | Opened
        0:00 | open ann S1 A 1 via app | UNITS_LIMIT A 1 of 0 | Refused
        0:00 | open ann S1 A 2 via web | #4 OPEN S1.1? A 2    | Opened
    """,
    "another plan may not ask for more": """
        at   | said                           | answer                                             | events
        0:00 | k: open ann S1 A 2 missing A 3 | #2 OPEN S1.1? A 2 missing A 3                      | Opened
        0:00 | replan #2.1 S2 A 4 missing A 1 | #2 OPEN (S1.1? A 2) / S2.2? A 4 missing A 1        | Replanned
        0:00 | replan #2.2 S2 A 5             | #2 ABANDONED (S1.1? A 2) / (S2.2? A 4) missing A 1 | Abandoned
        0:00 | k: open ann S1 A 2 missing A 3 | UNITS_LIMIT A 5 of 4 (again)                       |
        0:00 | open ann S1 A 4                | #5 OPEN S1.1? A 4                                  | Opened
    """,
    "what a basket keeps is asked for anew where it comes through another channel": """
        at   | said                             | answer                                   | events
        0:00 | open ann S1 A 3 via web basket b | #2 OPEN S1.1? A 3                        | Opened
        0:00 | commit #2.1 S1 11                | #2 HELD S1.1* A 3 until 2:00             | Committed
        0:01 | open ann S1 A 3 via app basket b | UNITS_LIMIT A 3 of 2                     | Refused
        0:01 | open ann S1 A 2 via app basket b | #2 HELD S1.1* A 3 / S1.2? until 2:00     | AmendOpened
        0:01 | commit #2.2 S1 12                | #2 HELD S1.1* A 3 / S1.2* until 2:01     | Committed
        0:02 | open ann S1 A 3 via app basket b | UNITS_LIMIT A 3 of 2                     | Refused
        0:02 | open ann S1 A 3 via web basket b | #2 HELD S1.1* A 3 / S1.2* / S1.3? A 1 until 2:01 | AmendOpened
    """,
    "a basket that changes its channel counts under both until that is decided": """
        at   | said                             | answer                                 | events
        0:00 | open ann S1 A 2 via web basket b | #2 OPEN S1.1? A 2                      | Opened
        0:00 | commit #2.1 S1 11                | #2 HELD S1.1* A 2 until 2:00           | Committed
        0:01 | open ann S1 A 2 via app basket b | #2 HELD S1.1* A 2 / S1.2? until 2:00   | AmendOpened
        0:01 | open ann S2 A 1 via app          | UNITS_LIMIT A 1 of 0                   | Refused
        0:01 | open ann S2 A 3 via web          | UNITS_LIMIT A 3 of 2                   | Refused
        0:01 | abandon #2.2 UNITS_LIMIT         | #2 HELD S1.1* A 2 / (S1.2?) until 2:00 | Abandoned
        0:01 | open ann S2 A 1 via app          | #8 OPEN S2.1? A 1                      | Opened
    """,
    "an amended order counts as it will be": """
        at   | said                            | answer                                            | events
        0:00 | open ann S1 A 4                 | #2 OPEN S1.1? A 4                                 | Opened
        0:00 | commit #2.1 S1 11               | #2 HELD S1.1* A 4 until 2:00                      | Committed
        0:01 | amend #2 S2 A 1                 | UNITS_LIMIT A 5 of 4                              | Refused
        0:01 | amend #2 S2 A 2 / S1 A 3        | UNITS_LIMIT A 5 of 4                              | Refused
        0:01 | amend #2 S2 A 4 / S1            | #2 HELD S1.1* A 4 / S2.2? A 4 until 2:00          | AmendOpened
        0:01 | commit #2.2 S2 12               | #2 HELD (S1.1* A 4) / S2.2* A 4 until 2:00        | Committed
        0:02 | amend #2 S3 A 4 / S2            | UNITS_LIMIT A 8 of 4                              | Refused
        0:02 | report #2 S1.1 at 2 v5 RELEASED | #2 HELD (S1.1) / S2.2* A 4 until 2:00             | Reported
        0:02 | amend #2 S3 A 4 / S2            | #2 HELD (S1.1) / S2.2* A 4 / S3.3? A 4 until 2:00 | AmendOpened
        0:02 | open ann S3 A 1                 | UNITS_LIMIT A 1 of 0                              | Refused
    """,
}

UNITS_A_DAY_PAGES = {  # at most three units of A, those collected within a day included
    "what was collected goes on counting for its time": """
        at            | said                                      | answer                       | events
        0:00          | open ann S1 A 3                           | #2 OPEN S1.1? A 3            | Opened
        0:00          | commit #2.1 S1 11                         | #2 HELD S1.1* A 3 until 2:00 | Committed
        1:00          | report #2 S1.1 at 0 v7 COLLECTED sold A 3 | #2 COLLECTED S1.1 sold A 3   | Reported, Settled
        1d0:59:59.999 | open ann S1 A 1                           | UNITS_LIMIT A 1 of 0         | Refused
        1d1:00        | open ann S1 A 3                           | #7 OPEN S1.1? A 3            | Opened
    """,
    "also of the order that is amended": """
        at     | said                                      | answer                                                                   | events
        0:00   | open ann S1 A 2 / S2 B 1 for 3d           | #2 OPEN S1.1? A 2 / S2.1? B 1                                            | Opened
        0:00   | commit #2.1 S1 11, S2 12                  | #2 HELD S1.1* A 2 / S2.1* B 1 until 3d0:00                               | Committed
        1:00   | report #2 S1.1 at 0 v7 HELD A 1 sold A 1  | #2 HELD S1.1* A 1 sold A 1 / S2.1* B 1 until 3d0:00                      | Reported
        1:01   | amend #2 S3 A 2                           | UNITS_LIMIT A 3 of 2                                                     | Refused
        1:01   | amend #2 S3 A 2 / S1                      | #2 HELD S1.1* A 1 sold A 1 / S2.1* B 1 / S3.2? A 2 until 3d0:00          | AmendOpened
        1:02   | abandon #2.2 INSUFFICIENT_STOCK           | #2 HELD S1.1* A 1 sold A 1 / S2.1* B 1 / (S3.2? A 2) until 3d0:00        | Abandoned
        1:03   | report #2 S1.1 at 0 v9 COLLECTED sold A 1 | #2 HELD S1.1 sold A 1 / S2.1* B 1 / (S3.2? A 2) until 3d0:00             | Reported
        1:04   | amend #2 S3 A 3                           | UNITS_LIMIT A 3 of 2                                                     | Refused
        1d1:03 | amend #2 S3 A 3                           | #2 HELD S1.1 sold A 1 / S2.1* B 1 / (S3.2? A 2) / S3.3? A 3 until 3d0:00 | AmendOpened
    """,  # noqa: E501 a row is one line
}


@pytest.mark.parametrize("page", OPEN_PAGES.values(), ids=OPEN_PAGES)
def test_open(page: str) -> None:
    play(page, OPEN)


@pytest.mark.parametrize("page", OPEN_WITH_A_PAGES.values(), ids=OPEN_WITH_A_PAGES)
def test_open_with_a(page: str) -> None:
    play(page, OPEN_WITH_A)


@pytest.mark.parametrize("page", UNITS_PAGES.values(), ids=UNITS_PAGES)
def test_units(page: str) -> None:
    play(page, UNITS)


@pytest.mark.parametrize("page", UNITS_A_DAY_PAGES.values(), ids=UNITS_A_DAY_PAGES)
def test_units_a_day(page: str) -> None:
    play(page, UNITS_A_DAY)

"""Amending an order: what it has stays until what it is to have is certain."""

import pytest

from tests.orders.scenario import play

PAGES = {
    "amended to more, elsewhere and less": """
        at   | said                                 | answer                                                              | events
        0:00 | open ann S1 A 2, B 2 / S2 A 1        | #1 OPEN S1.1? A 2, B 2 / S2.1? A 1                                  | Opened
        0:00 | commit #1.1 S1 11, S2 12             | #1 HELD S1.1* A 2, B 2 / S2.1* A 1 until 2:00                       | Committed
        0:00 | report #1 S1.1 at 1 v5 HELD A 2, B 2 | #1 HELD S1.1 A 2, B 2 / S2.1* A 1 until 2:00                        | Reported
        0:00 | report #1 S2.1 at 1 v5 HELD A 1      | #1 HELD S1.1 A 2, B 2 / S2.1 A 1 until 2:00                         | Reported
        0:01 | k: amend #1 S3 A 4 / S1 A 1 / S2     | #1 HELD S1.1 A 2, B 2 / S2.1 A 1 / S3.2? A 4 until 2:00             | AmendOpened
        0:01 | confirm #1                           | ORDER_UNDECIDED #1                                                  |
        0:01 | k: amend #1 S3 A 4 / S1 A 1 / S2     | #1 HELD S1.1 A 2, B 2 / S2.1 A 1 / S3.2? A 4 until 2:00 (again)     |
        0:01 | commit #1.2 S3 13                    | #1 HELD S1.1* A 2, B 2 / (S2.1* A 1) / S3.2* A 4 until 2:00         | Committed
        0:02 | report #1 S1.1 at 2 v7 HELD A 1      | #1 HELD S1.1 A 1 / (S2.1* A 1) / S3.2* A 4 until 2:00               | Reported
        0:02 | report #1 S2.1 at 2 v7 RELEASED      | #1 HELD S1.1 A 1 / (S2.1) / S3.2* A 4 until 2:00                    | Reported
        0:02 | report #1 S3.2 at 2 v7 HELD A 4      | #1 HELD S1.1 A 1 / (S2.1) / S3.2 A 4 until 2:00                     | Reported
        0:03 | k: amend #1 S3 A 4 / S1 A 1 / S2     | #1 HELD S1.1* A 2, B 2 / (S2.1* A 1) / S3.2* A 4 until 2:00 (again) |
        0:03 | k: amend #1 S3 A 5 / S1 A 1 / S2     | IDEMPOTENCY_KEY_REUSED (again)                                      |
        0:04 | amend #1 S3 A 1                      | #1 HELD S1.1* A 1 / (S2.1) / S3.2* A 4 until 2:00                   | AmendOpened, Committed
        0:05 | report #1 S3.2 at 3 v8 HELD A 1      | #1 HELD S1.1* A 1 / (S2.1) / S3.2 A 1 until 2:00                    | Reported
    """,  # noqa: E501 a row is one line
    "an amendment that is refused leaves what was": """
        at      | said                               | answer                                                               | events
        0:00    | open ann S1 A 2 missing C 1 for 1h | #1 OPEN S1.1? A 2 missing C 1                                        | Opened
        0:00    | commit #1.1 S1 11                  | #1 HELD S1.1* A 2 missing C 1 until 1:00                             | Committed
        0:01    | report #1 S1.1 at 1 v5 HELD A 2    | #1 HELD S1.1 A 2 missing C 1 until 1:00                              | Reported
        0:02    | k: amend #1 S2 A 2 / S1            | #1 HELD S1.1 A 2 / S2.2? A 2 missing C 1 until 1:00                  | AmendOpened
        0:02    | replan #1.2 S3 A 2 missing D 9     | #1 HELD S1.1* A 2 / (S2.2? A 2) / S3.3? A 2 missing C 1 until 1:00   | Replanned
        0:02    | commit #1.2 S3 13                  | #1 HELD S1.1* A 2 / (S2.2? A 2) / S3.3? A 2 missing C 1 until 1:00   |
        0:02    | abandon #1.3 INSUFFICIENT_STOCK    | #1 HELD S1.1* A 2 / (S2.2? A 2) / (S3.3? A 2) missing C 1 until 1:00 | Abandoned
        0:02    | k: amend #1 S2 A 2 / S1            | INSUFFICIENT_STOCK (again)                                           |
        0:03    | report #1 S1.1 at 3 v6 HELD A 2    | #1 HELD S1.1 A 2 / (S2.2? A 2) / (S3.3? A 2) missing C 1 until 1:00  | Reported
        0:03    | report #1 S2.2 at 3 none           | #1 HELD S1.1 A 2 / (S2.2? A 2) / (S3.3? A 2) missing C 1 until 1:00  | Reported
        0:03    | report #1 S3.3 at 3 none           | #1 HELD S1.1 A 2 / (S2.2? A 2) / (S3.3? A 2) missing C 1 until 1:00  | Reported
        0:04    | l: amend #1 S2 A 2 / S1            | #1 HELD S1.1 A 2 / S2.4? A 2 missing C 1 until 1:00                  | AmendOpened
        0:04:10 | wait                               |                                                                      | Abandoned
        0:04:11 | l: amend #1 S2 A 2 / S1            | #1 HELD S1.1* A 2 / (S2.4? A 2) / S2.5? A 2 missing C 1 until 1:00   | AmendOpened
        0:04:12 | commit #1.5 S2 14                  | #1 HELD (S1.1* A 2) / (S2.4? A 2) / S2.5* A 2 missing C 1 until 1:00 | Committed
    """,  # noqa: E501 a row is one line
    "an order may expire while it is amended": """
        at      | said                    | answer                                   | events
        0:00    | open ann S1 A 2 for 1h  | #1 OPEN S1.1? A 2                        | Opened
        0:00    | commit #1.1 S1 11       | #1 HELD S1.1* A 2 until 1:00             | Committed
        0:59:55 | k: amend #1 S2 A 2 / S1 | #1 HELD S1.1* A 2 / S2.2? A 2 until 1:00 | AmendOpened
        1:00    | commit #1.2 S2 12       | #1 EXPIRED S1.1* A 2 / (S2.2? A 2)       | Expired
        1:00:01 | k: amend #1 S2 A 2 / S1 | RESERVATION_EXPIRED #1 EXPIRED           | Refused
    """,
    "added to, beside what is there, and by nothing": """
        at   | said                     | answer                                                       | events
        0:00 | open ann S1 A 2 / S2 A 1 | #1 OPEN S1.1? A 2 / S2.1? A 1                                | Opened
        0:00 | commit #1.1 S1 11, S2 12 | #1 HELD S1.1* A 2 / S2.1* A 1 until 2:00                     | Committed
        0:01 | k: add #1 S2 A 2         | #1 HELD S1.1* A 2 / S2.1* A 1 / S2.2? A 2 until 2:00         | AmendOpened
        0:01 | commit #1.2 S2 13        | #1 HELD S1.1* A 2 / S2.1* A 1 / S2.2* A 2 until 2:00         | Committed
        0:02 | k: add #1 S2 A 2         | #1 HELD S1.1* A 2 / S2.1* A 1 / S2.2* A 2 until 2:00 (again) |
        0:02 | l: add #1                | #1 HELD S1.1* A 2 / S2.1* A 1 / S2.2* A 2 until 2:00         | AmendOpened, Committed
        0:02 | l: add #1                | #1 HELD S1.1* A 2 / S2.1* A 1 / S2.2* A 2 until 2:00 (again) |
        0:03 | release #1               | #1 RELEASED S1.1* A 2 / S2.1* A 1 / S2.2* A 2 OTHER          | Released
        0:04 | add #1 S3 A 1            | TRANSITION_NOT_ALLOWED #1 RELEASED                           | Refused
    """,  # noqa: E501 a row is one line
    "amended away": """
        at   | said                            | answer                                   | events
        0:00 | open ann S1 A 2 / S2 A 1        | #1 OPEN S1.1? A 2 / S2.1? A 1            | Opened
        0:00 | commit #1.1 S1 11, S2 12        | #1 HELD S1.1* A 2 / S2.1* A 1 until 2:00 | Committed
        0:01 | amend #1 S1 / S2                | #1 RELEASED (S1.1* A 2) / (S2.1* A 1)    | AmendOpened, Committed
        0:02 | report #1 S1.1 at 2 v6 RELEASED | #1 RELEASED (S1.1) / (S2.1* A 1)         | Reported
        0:02 | report #1 S2.1 at 2 v6 RELEASED | #1 RELEASED (S1.1) / (S2.1)              | Reported, Settled
    """,
    "all was collected while an amendment was open": """
        at   | said                                      | answer
        0:00 | open ann S1 A 2                           | #1 OPEN S1.1? A 2
        0:00 | commit #1.1 S1 11                         | #1 HELD S1.1* A 2 until 2:00
        0:01 | amend #1 S2 A 1                           | #1 HELD S1.1* A 2 / S2.2? A 1 until 2:00
        0:01 | report #1 S1.1 at 0 v6 COLLECTED sold A 2 | #1 HELD S1.1 sold A 2 / S2.2? A 1 until 2:00
        0:01 | abandon #1.2 INSUFFICIENT_STOCK           | #1 COLLECTED S1.1 sold A 2 / (S2.2? A 1)
        0:02 | report #1 S2.2 at 2 none                  | #1 COLLECTED S1.1 sold A 2 / (S2.2? A 1)
    """,
    "who collected what was to be given back gets so much less elsewhere": """
        at   | said                                               | answer                                                                      | events
        0:00 | open ann S1 A 3, B 1                               | #1 OPEN S1.1? A 3, B 1                                                      | Opened
        0:00 | commit #1.1 S1 11                                  | #1 HELD S1.1* A 3, B 1 until 2:00                                           | Committed
        0:00 | report #1 S1.1 at 1 v5 HELD A 3, B 1               | #1 HELD S1.1 A 3, B 1 until 2:00                                            | Reported
        0:01 | confirm #1                                         | #1 CONFIRMED S1.1* A 3, B 1 until 2d0:01                                    | Confirmed
        0:01 | report #1 S1.1 at 0 v6 CONFIRMED A 2, B 1 sold A 1 | #1 CONFIRMED S1.1* A 2, B 1 sold A 1 until 2d0:01                           | Reported
        0:02 | amend #1 S1 B 1 / S2 A 1 / S3 A 1                  | #1 CONFIRMED S1.1* A 2, B 1 sold A 1 / S2.2? A 1 / S3.2? A 1 until 2d0:01   | AmendOpened
        0:02 | commit #1.2 S2 12, S3 13                           | #1 CONFIRMED S1.1* A 2, B 1 sold A 1 / S2.2* A 1 / S3.2* A 1 until 2d0:01   | Committed
        0:03 | report #1 S1.1 at 0 v7 CONFIRMED A 1, B 1 sold A 2 | #1 CONFIRMED S1.1* A 1, B 1 sold A 2 / (S2.2* A 1) / S3.2* A 1 until 2d0:01 | Reported, Reduced
        0:04 | report #1 S1.1 at 4 v8 CONFIRMED B 1 sold A 2      | #1 CONFIRMED S1.1 B 1 sold A 2 / (S2.2* A 1) / S3.2* A 1 until 2d0:01       | Reported
        0:05 | report #1 S3.2 at 4 v5 CONFIRMED A 1               | #1 CONFIRMED S1.1 B 1 sold A 2 / (S2.2* A 1) / S3.2 A 1 until 2d0:01        | Reported
        0:05 | report #1 S2.2 at 4 v5 RELEASED                    | #1 CONFIRMED S1.1 B 1 sold A 2 / (S2.2) / S3.2 A 1 until 2d0:01             | Reported
        0:06 | report #1 S1.1 at 0 v9 COLLECTED sold A 2, B 1     | #1 CONFIRMED S1.1 sold A 2, B 1 / (S2.2) / S3.2 A 1 until 2d0:01            | Reported
        0:07 | report #1 S3.2 at 0 v6 COLLECTED sold A 1          | #1 COLLECTED S1.1 sold A 2, B 1 / (S2.2) / S3.2 sold A 1                    | Reported, Settled
    """,  # noqa: E501 a row is one line
    "collected while the change was still open": """
        at   | said                                      | answer                                              | events
        0:00 | open ann S1 A 3                           | #1 OPEN S1.1? A 3                                   | Opened
        0:00 | commit #1.1 S1 11                         | #1 HELD S1.1* A 3 until 2:00                        | Committed
        0:01 | amend #1 S1 A 1 / S2 A 2                  | #1 HELD S1.1* A 3 / S2.2? A 2 until 2:00            | AmendOpened
        0:01 | report #1 S1.1 at 1 v6 HELD A 1 sold A 2  | #1 HELD S1.1 A 1 sold A 2 / S2.2? A 2 until 2:00    | Reported
        0:01 | commit #1.2 S2 12                         | #1 HELD (S1.1* A 1 sold A 2) / S2.2* A 2 until 2:00 | Committed, Reduced
        0:02 | report #1 S1.1 at 3 v7 COLLECTED sold A 2 | #1 HELD (S1.1 sold A 2) / S2.2* A 2 until 2:00      | Reported
        0:03 | report #1 S2.2 at 3 v5 HELD A 1           | #1 HELD (S1.1 sold A 2) / S2.2 A 1 until 2:00       | Reported
    """,  # noqa: E501 a row is one line
    "what is collected of what it keeps cuts nothing": """
        at   | said                                     | answer                                                       | events
        0:00 | open ann S1 A 3                          | #1 OPEN S1.1? A 3                                            | Opened
        0:00 | commit #1.1 S1 11                        | #1 HELD S1.1* A 3 until 2:00                                 | Committed
        0:01 | amend #1 S1 A 2 / S2 A 1                 | #1 HELD S1.1* A 3 / S2.2? A 1 until 2:00                     | AmendOpened
        0:01 | commit #1.2 S2 12                        | #1 HELD S1.1* A 3 / S2.2* A 1 until 2:00                     | Committed
        0:02 | report #1 S1.1 at 0 v6 HELD A 2 sold A 1 | #1 HELD S1.1* A 2 sold A 1 / S2.2* A 1 until 2:00            | Reported
        0:03 | amend #1 S1 A 1 / S2 A 1                 | #1 HELD S1.1* A 2 sold A 1 / S2.2* A 1 until 2:00            | AmendOpened, Committed
        0:04 | report #1 S1.1 at 3 v8 HELD A 1 sold A 1 | #1 HELD S1.1 A 1 sold A 1 / S2.2* A 1 until 2:00             | Reported
        0:05 | amend #1 S1 A 2                          | #1 HELD S1.1 A 1 sold A 1 / S2.2* A 1 / S1.4? A 1 until 2:00 | AmendOpened
    """,  # noqa: E501 a row is one line
    "the same basket reserved again keeps what both have": """
        at   | said                                                            | answer                                                                                                                  | events
        0:00 | open ann S1 A 2, B 1 / S2 C 1 basket b                          | #1 OPEN S1.1? A 2, B 1 / S2.1? C 1                                                                                      | Opened
        0:00 | open ann S1 A 1 basket b                                        | ORDER_UNDECIDED #1                                                                                                      |
        0:00 | open bob S1 A 1 basket b                                        | #2 OPEN S1.1? A 1                                                                                                       | Opened
        0:00 | abandon #2.1 INSUFFICIENT_STOCK                                 | #2 ABANDONED (S1.1? A 1)                                                                                                | Abandoned
        0:00 | commit #1.1 S1 11, S2 12                                        | #1 HELD S1.1* A 2, B 1 / S2.1* C 1 until 2:00                                                                           | Committed
        0:01 | k: open ann S1 A 3 / S3 B 1 missing D 1 via app for 3h basket b | #1 HELD S1.1* A 2, B 1 / S2.1* C 1 / S1.2? A 1 / S3.2? B 1 until 2:00                                                   | AmendOpened
        0:01 | replan #1.2 S1 A 3 / S2 B 1 missing E 1                         | #1 HELD S1.1* A 2, B 1 / S2.1* C 1 / (S1.2? A 1) / (S3.2? B 1) / S1.3? A 1 / S2.3? B 1 until 2:00                       | Replanned
        0:01 | commit #1.3 S1 13, S2 14                                        | #1 HELD S1.1* A 2, B 1 / (S2.1* C 1) / (S1.2? A 1) / (S3.2? B 1) / S1.3* A 1 / S2.3* B 1 missing E 1 until 3:01         | Committed
        0:01 | k: open ann S1 A 3 / S3 B 1 missing D 1 via app for 3h basket b | #1 HELD S1.1* A 2, B 1 / (S2.1* C 1) / (S1.2? A 1) / (S3.2? B 1) / S1.3* A 1 / S2.3* B 1 missing E 1 until 3:01 (again) |
        0:02 | confirm #1                                                      | #1 CONFIRMED S1.1* A 2, B 1 / (S2.1* C 1) / (S1.2? A 1) / (S3.2? B 1) / S1.3* A 1 / S2.3* B 1 missing E 1 until 2d0:02  | Confirmed
        0:02 | open ann S1 A 1 basket b                                        | BASKET_CONFIRMED #1 CONFIRMED                                                                                           | Refused
        0:03 | release #1                                                      | #1 RELEASED S1.1* A 2, B 1 / (S2.1* C 1) / (S1.2? A 1) / (S3.2? B 1) / S1.3* A 1 / S2.3* B 1 OTHER missing E 1          | Released
        0:04 | open ann S1 A 1 basket b                                        | #11 OPEN S1.1? A 1                                                                                                      | Opened
    """,  # noqa: E501 a row is one line
    "a basket that asks for less, or for another slot, or in vain": """
        at   | said                                        | answer                                                        | events
        0:00 | open ann S1 A 2 / S2 C 1 basket b slot 3:00 | #1 OPEN S1.1? A 2 / S2.1? C 1                                 | Opened
        0:00 | commit #1.1 S1 11, S2 12                    | #1 HELD S1.1* A 2 / S2.1* C 1 until 2:00                      | Committed
        0:01 | open ann S1 A 1 basket b slot 3:00          | #1 HELD S1.1* A 2 / (S2.1* C 1) until 2:01                    | AmendOpened, Committed
        0:02 | open ann S1 A 1 basket b for 1h             | #1 HELD S1.1* A 2 / (S2.1* C 1) / S1.3? A 1 until 2:01        | AmendOpened
        0:02 | abandon #1.3 INSUFFICIENT_STOCK             | #1 HELD S1.1* A 2 / (S2.1* C 1) / (S1.3? A 1) until 2:01      | Abandoned
        0:03 | open ann S1 A 9 basket b for 8d             | TTL_TOO_LONG 691200000 of 604800000                           | Refused
        0:04 | report #1 S1.1 at 0 v9 HELD sold A 1        | #1 HELD S1.1* sold A 1 / (S2.1* C 1) / (S1.3? A 1) until 2:01 | Reported
        0:05 | open ann S1 A 1 basket b                    | BASKET_CONFIRMED #1 HELD                                      | Refused
        2:01 | open ann S1 A 1 basket b                    | #11 OPEN S1.1? A 1                                            | Expired, Opened
    """,  # noqa: E501 a row is one line
    "collected where it was to be given back while what replaced it is replaced": """
        at   | said                                      | answer                                                         | events
        0:00 | open ann S1 A 2                           | #1 OPEN S1.1? A 2                                              | Opened
        0:00 | commit #1.1 S1 11                         | #1 HELD S1.1* A 2 until 2:00                                   | Committed
        0:00 | report #1 S1.1 at 1 v5 HELD A 2           | #1 HELD S1.1 A 2 until 2:00                                    | Reported
        0:01 | amend #1 S2 A 2 / S1                      | #1 HELD S1.1 A 2 / S2.2? A 2 until 2:00                        | AmendOpened
        0:01 | commit #1.2 S2 12                         | #1 HELD (S1.1* A 2) / S2.2* A 2 until 2:00                     | Committed
        0:02 | amend #1 S3 A 2 / S2                      | #1 HELD (S1.1* A 2) / S2.2* A 2 / S3.3? A 2 until 2:00         | AmendOpened
        0:02 | report #1 S1.1 at 0 v6 COLLECTED sold A 2 | #1 HELD (S1.1 sold A 2) / (S2.2* A 2) / (S3.3? A 2) until 2:00 | Reported, Reduced
        0:02 | commit #1.3 S3 13                         | #1 HELD (S1.1 sold A 2) / (S2.2* A 2) / (S3.3? A 2) until 2:00 |
        0:02 | commit #1.3                               | #1 COLLECTED (S1.1 sold A 2) / (S2.2* A 2) / (S3.3? A 2)       | Committed
    """,  # noqa: E501 a row is one line
    "the same in part, and what replaced it keeps a unit": """
        at   | said                                      | answer                                                          | events
        0:00 | open ann S1 A 3                           | #1 OPEN S1.1? A 3                                               | Opened
        0:00 | commit #1.1 S1 11                         | #1 HELD S1.1* A 3 until 2:00                                    | Committed
        0:00 | report #1 S1.1 at 1 v5 HELD A 3           | #1 HELD S1.1 A 3 until 2:00                                     | Reported
        0:01 | amend #1 S2 A 3 / S1                      | #1 HELD S1.1 A 3 / S2.2? A 3 until 2:00                         | AmendOpened
        0:01 | commit #1.2 S2 12                         | #1 HELD (S1.1* A 3) / S2.2* A 3 until 2:00                      | Committed
        0:02 | amend #1 S3 A 2 / S2 A 1                  | #1 HELD (S1.1* A 3) / S2.2* A 3 / S3.3? A 2 until 2:00          | AmendOpened
        0:02 | report #1 S1.1 at 0 v6 HELD A 2 sold A 1  | #1 HELD (S1.1* A 2 sold A 1) / S2.2* A 3 / S3.3? A 2 until 2:00 | Reported, Reduced
        0:02 | commit #1.3 S3 13                         | #1 HELD (S1.1* A 2 sold A 1) / S2.2* A 3 / S3.3* A 2 until 2:00 | Committed
        0:03 | report #1 S1.1 at 4 v7 COLLECTED sold A 1 | #1 HELD (S1.1 sold A 1) / S2.2* A 3 / S3.3* A 2 until 2:00      | Reported
        0:04 | report #1 S2.2 at 4 v5 HELD A 1           | #1 HELD (S1.1 sold A 1) / S2.2 A 1 / S3.3* A 2 until 2:00       | Reported
        0:04 | report #1 S3.3 at 4 v5 HELD A 1           | #1 HELD (S1.1 sold A 1) / S2.2 A 1 / S3.3 A 1 until 2:00        | Reported
    """,  # noqa: E501 a row is one line
    "the same, and the change is refused": """
        at   | said                                      | answer                                                            | events
        0:00 | open ann S1 A 3                           | #1 OPEN S1.1? A 3                                                 | Opened
        0:00 | commit #1.1 S1 11                         | #1 HELD S1.1* A 3 until 2:00                                      | Committed
        0:00 | report #1 S1.1 at 1 v5 HELD A 3           | #1 HELD S1.1 A 3 until 2:00                                       | Reported
        0:01 | amend #1 S2 A 3 / S1                      | #1 HELD S1.1 A 3 / S2.2? A 3 until 2:00                           | AmendOpened
        0:01 | commit #1.2 S2 12                         | #1 HELD (S1.1* A 3) / S2.2* A 3 until 2:00                        | Committed
        0:02 | amend #1 S3 A 2 / S2 A 1                  | #1 HELD (S1.1* A 3) / S2.2* A 3 / S3.3? A 2 until 2:00            | AmendOpened
        0:02 | report #1 S1.1 at 0 v6 HELD A 1 sold A 2  | #1 HELD (S1.1* A 1 sold A 2) / S2.2* A 3 / (S3.3? A 2) until 2:00 | Reported, Reduced
        0:02 | abandon #1.3 INSUFFICIENT_STOCK           | #1 HELD (S1.1* A 1 sold A 2) / S2.2* A 3 / (S3.3? A 2) until 2:00 | Abandoned
        0:03 | report #1 S1.1 at 4 v7 COLLECTED sold A 2 | #1 HELD (S1.1 sold A 2) / S2.2* A 3 / (S3.3? A 2) until 2:00      | Reported
        0:04 | report #1 S2.2 at 4 v5 HELD A 1           | #1 HELD (S1.1 sold A 2) / S2.2 A 1 / (S3.3? A 2) until 2:00       | Reported
    """,  # noqa: E501 a row is one line
    "what one part was let off another one still has to give": """
        at   | said                                      | answer                                                                     | events
        0:00 | open ann S1 A 3 / S4 A 2                  | #1 OPEN S1.1? A 3 / S4.1? A 2                                              | Opened
        0:00 | commit #1.1 S1 11, S4 14                  | #1 HELD S1.1* A 3 / S4.1* A 2 until 2:00                                   | Committed
        0:00 | report #1 S1.1 at 1 v5 HELD A 3           | #1 HELD S1.1 A 3 / S4.1* A 2 until 2:00                                    | Reported
        0:00 | report #1 S4.1 at 1 v5 HELD A 2           | #1 HELD S1.1 A 3 / S4.1 A 2 until 2:00                                     | Reported
        0:01 | amend #1 S1 A 1 / S2 A 2                  | #1 HELD S1.1 A 3 / S4.1 A 2 / S2.2? A 2 until 2:00                         | AmendOpened
        0:01 | commit #1.2 S2 12                         | #1 HELD S1.1* A 3 / S4.1* A 2 / S2.2* A 2 until 2:00                       | Committed
        0:01 | report #1 S1.1 at 0 v6 HELD A 1 sold A 2  | #1 HELD S1.1* A 1 sold A 2 / S4.1* A 2 / S2.2* A 2 until 2:00              | Reported, Reduced
        0:02 | amend #1 S1 / S4 A 1 / S3 A 1             | #1 HELD S1.1* A 1 sold A 2 / S4.1* A 2 / S2.2* A 2 / S3.3? A 1 until 2:00  | AmendOpened
        0:02 | report #1 S1.1 at 0 v7 COLLECTED sold A 3 | #1 HELD S1.1 sold A 3 / S4.1* A 2 / (S2.2* A 2) / S3.3? A 1 until 2:00     | Reported, Reduced
        0:02 | report #1 S4.1 at 0 v7 COLLECTED sold A 2 | #1 HELD S1.1 sold A 3 / S4.1 sold A 2 / (S2.2* A 2) / S3.3? A 1 until 2:00 | Reported
        0:02 | commit #1.3 S3 13                         | #1 COLLECTED (S1.1 sold A 3) / (S4.1 sold A 2) / (S2.2* A 2) / (S3.3* A 1) | Committed, Reduced
    """,  # noqa: E501 a row is one line
    "a basket that was collected from meanwhile gets no other plan": """
        at   | said                                     | answer                                              | events
        0:00 | open ann S1 A 3 basket b                 | #1 OPEN S1.1? A 3                                   | Opened
        0:00 | commit #1.1 S1 11                        | #1 HELD S1.1* A 3 until 2:00                        | Committed
        0:00 | report #1 S1.1 at 1 v5 HELD A 3          | #1 HELD S1.1 A 3 until 2:00                         | Reported
        0:01 | k: open ann S1 A 1 / S2 A 2 basket b     | #1 HELD S1.1 A 3 / S2.2? A 2 until 2:00             | AmendOpened
        0:01 | report #1 S1.1 at 0 v6 HELD A 1 sold A 2 | #1 HELD S1.1 A 1 sold A 2 / S2.2? A 2 until 2:00    | Reported
        0:01 | replan #1.2 S1 A 1 / S3 A 2              | #1 HELD S1.1* A 1 sold A 2 / (S2.2? A 2) until 2:00 | Abandoned
        0:01 | k: open ann S1 A 1 / S2 A 2 basket b     | BASKET_CONFIRMED #1 HELD (again)                    |
    """,  # noqa: E501 a row is one line
    "the answer to a change that was collected meanwhile says what is left": """
        at   | said                                      | answer                                             | events
        0:00 | open ann S1 A 3                           | #1 OPEN S1.1? A 3                                  | Opened
        0:00 | commit #1.1 S1 11                         | #1 HELD S1.1* A 3 until 2:00                       | Committed
        0:00 | report #1 S1.1 at 1 v5 HELD A 3           | #1 HELD S1.1 A 3 until 2:00                        | Reported
        0:01 | k: amend #1 S2 A 2 / S1 A 1               | #1 HELD S1.1 A 3 / S2.2? A 2 until 2:00            | AmendOpened
        0:01 | report #1 S1.1 at 0 v6 COLLECTED sold A 3 | #1 HELD S1.1 sold A 3 / S2.2? A 2 until 2:00       | Reported
        0:01 | commit #1.2 S2 12                         | #1 COLLECTED (S1.1 sold A 3) / (S2.2* A 2)         | Committed, Reduced
        0:01 | k: amend #1 S2 A 2 / S1 A 1               | #1 COLLECTED (S1.1 sold A 3) / (S2.2* A 2) (again) |
    """,  # noqa: E501 a row is one line
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page(page: str) -> None:
    play(page)

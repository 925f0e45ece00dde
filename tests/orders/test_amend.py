"""Amending an order: what it has stays until what it is to have is certain."""

import pytest

from tests.orders.page import play

PAGES = {
    "amended to more, elsewhere and less": """
        at   | said                                    | answer                                                              | events
        0:00 | open ann S1 A 2, B 2 / S2 A 1           | #1 OPEN S1.1? A 2, B 2 / S2.1? A 1                                  | Opened
        0:00 | commit #1.1 S1 11, S2 12                | #1 HELD S1.1* A 2, B 2 / S2.1* A 1 until 2:00                       | Committed
        0:00 | note #1 S1.1 at 1 v5 HELD A 2, B 2      | #1 HELD S1.1 A 2, B 2 / S2.1* A 1 until 2:00                        | Noted
        0:00 | note #1 S2.1 at 1 v5 HELD A 1           | #1 HELD S1.1 A 2, B 2 / S2.1 A 1 until 2:00                         | Noted
        0:01 | k: amend #1 S3 A 4 keep S1.1 A 1 / S2.1 | #1 HELD S1.1 A 2, B 2 / S2.1 A 1 / S3.2? A 4 until 2:00             | AmendOpened
        0:01 | confirm #1                              | ORDER_UNDECIDED #1                                                  | Refused
        0:01 | k: amend #1 S3 A 4 keep S1.1 A 1 / S2.1 | #1 HELD S1.1 A 2, B 2 / S2.1 A 1 / S3.2? A 4 until 2:00 (again)     |
        0:01 | commit #1.2 S3 13                       | #1 HELD S1.1* A 2, B 2 / (S2.1* A 1) / S3.2* A 4 until 2:00         | Committed
        0:02 | note #1 S1.1 at 2 v7 HELD A 1           | #1 HELD S1.1 A 1 / (S2.1* A 1) / S3.2* A 4 until 2:00               | Noted
        0:02 | note #1 S2.1 at 2 v7 RELEASED           | #1 HELD S1.1 A 1 / (S2.1) / S3.2* A 4 until 2:00                    | Noted
        0:02 | note #1 S3.2 at 2 v7 HELD A 4           | #1 HELD S1.1 A 1 / (S2.1) / S3.2 A 4 until 2:00                     | Noted
        0:03 | k: amend #1 S3 A 4 keep S1.1 A 1 / S2.1 | #1 HELD S1.1* A 2, B 2 / (S2.1* A 1) / S3.2* A 4 until 2:00 (again) |
        0:03 | k: amend #1 S3 A 5 keep S1.1 A 1 / S2.1 | IDEMPOTENCY_KEY_REUSED (again)                                      |
        0:04 | amend #1 keep S3.2 A 1                  | #1 HELD S1.1* A 1 / (S2.1) / S3.2* A 4 until 2:00                   | AmendOpened, Committed
        0:05 | note #1 S3.2 at 3 v8 HELD A 1           | #1 HELD S1.1* A 1 / (S2.1) / S3.2 A 1 until 2:00                    | Noted
    """,  # noqa: E501 a row is one line
    "an amendment that is refused leaves what was": """
        at      | said                               | answer                                                                                           | events
        0:00    | open ann S1 A 2 missing C 1 for 1h | #1 OPEN S1.1? A 2 missing C 1                                                                    | Opened
        0:00    | commit #1.1 S1 11                  | #1 HELD S1.1* A 2 missing C 1 until 1:00                                                         | Committed
        0:01    | note #1 S1.1 at 1 v5 HELD A 2      | #1 HELD S1.1 A 2 missing C 1 until 1:00                                                          | Noted
        0:02    | k: amend #1 S2 A 2 keep S1.1       | #1 HELD S1.1 A 2 / S2.2? A 2 missing C 1 until 1:00                                              | AmendOpened
        0:02    | replan #1.2 S3 A 2 missing D 9     | #1 HELD S1.1* A 2 / (S2.2? A 2) / S3.3? A 2 missing C 1 until 1:00                               | Replanned
        0:02    | commit #1.2 S3 13                  | #1 HELD S1.1* A 2 / (S2.2? A 2) / S3.3? A 2 missing C 1 until 1:00                               |
        0:02    | abandon #1.3 INSUFFICIENT_STOCK    | #1 HELD S1.1* A 2 / (S2.2? A 2) / (S3.3? A 2) missing C 1 until 1:00                             | Abandoned
        0:02    | k: amend #1 S2 A 2 keep S1.1       | INSUFFICIENT_STOCK (again)                                                                       |
        0:03    | note #1 S1.1 at 3 v6 HELD A 2      | #1 HELD S1.1 A 2 / (S2.2? A 2) / (S3.3? A 2) missing C 1 until 1:00                              | Noted
        0:03    | note #1 S2.2 at 3 none             | #1 HELD S1.1 A 2 / (S2.2? A 2) / (S3.3? A 2) missing C 1 until 1:00                              | Noted
        0:03    | note #1 S3.3 at 3 none             | #1 HELD S1.1 A 2 / (S2.2? A 2) / (S3.3? A 2) missing C 1 until 1:00                              | Noted
        0:04    | l: amend #1 S2 A 2 keep S1.1       | #1 HELD S1.1 A 2 / (S2.2? A 2) / (S3.3? A 2) / S2.4? A 2 missing C 1 until 1:00                  | AmendOpened
        0:04:10 | wait                               |                                                                                                  | Abandoned
        0:04:11 | l: amend #1 S2 A 2 keep S1.1       | #1 HELD S1.1* A 2 / (S2.2? A 2) / (S3.3? A 2) / (S2.4? A 2) / S2.5? A 2 missing C 1 until 1:00   | AmendOpened
        0:04:12 | commit #1.5 S2 14                  | #1 HELD (S1.1* A 2) / (S2.2? A 2) / (S3.3? A 2) / (S2.4? A 2) / S2.5* A 2 missing C 1 until 1:00 | Committed
    """,  # noqa: E501 a row is one line
    "an order may expire while it is amended": """
        at      | said                         | answer                                   | events
        0:00    | open ann S1 A 2 for 1h       | #1 OPEN S1.1? A 2                        | Opened
        0:00    | commit #1.1 S1 11            | #1 HELD S1.1* A 2 until 1:00             | Committed
        0:59:55 | k: amend #1 S2 A 2 keep S1.1 | #1 HELD S1.1* A 2 / S2.2? A 2 until 1:00 | AmendOpened
        1:00    | commit #1.2 S2 12            | #1 EXPIRED S1.1* A 2 / (S2.2? A 2)       | Expired
        1:00:01 | k: amend #1 S2 A 2 keep S1.1 | RESERVATION_EXPIRED #1 EXPIRED           | Refused
    """,
    "amended away": """
        at   | said                          | answer                                   | events
        0:00 | open ann S1 A 2 / S2 A 1      | #1 OPEN S1.1? A 2 / S2.1? A 1            | Opened
        0:00 | commit #1.1 S1 11, S2 12      | #1 HELD S1.1* A 2 / S2.1* A 1 until 2:00 | Committed
        0:01 | amend #1 keep S1.1 / S2.1     | #1 RELEASED (S1.1* A 2) / (S2.1* A 1)    | AmendOpened, Committed
        0:02 | note #1 S1.1 at 2 v6 RELEASED | #1 RELEASED (S1.1) / (S2.1* A 1)         | Noted
        0:02 | note #1 S2.1 at 2 v6 RELEASED | #1 RELEASED (S1.1) / (S2.1)              | Noted
    """,
    "all was collected while an amendment was open": """
        at   | said                                    | answer                                       | events
        0:00 | open ann S1 A 2                         | #1 OPEN S1.1? A 2                            | Opened
        0:00 | commit #1.1 S1 11                       | #1 HELD S1.1* A 2 until 2:00                 | Committed
        0:01 | amend #1 S2 A 1                         | #1 HELD S1.1* A 2 / S2.2? A 1 until 2:00     | AmendOpened
        0:01 | note #1 S1.1 at 0 v6 COLLECTED sold A 2 | #1 HELD S1.1 sold A 2 / S2.2? A 1 until 2:00 | Noted
        0:01 | abandon #1.2 INSUFFICIENT_STOCK         | #1 COLLECTED S1.1 sold A 2 / (S2.2? A 1)     | Abandoned
        0:02 | note #1 S2.2 at 2 none                  | #1 COLLECTED S1.1 sold A 2 / (S2.2? A 1)     | Noted
    """,
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page(page: str) -> None:
    play(page)

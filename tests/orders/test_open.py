"""Opening an order: claims that are granted, refused or never answered, and the key at each stage."""

import pytest

from actors.core.packed import ENTRY_BYTES
from actors.core.policy import DAY_MS, HOUR_MS, Policy
from actors.orders.state import OPEN_MS
from tests.orders.scenario import play
from tests.orders.scenario_text import command_of
from tests.orders.watched import Watched
from tests.shop.watched import DAY_ZERO_MS

PAGES = {
    "opened, claimed, committed, told, confirmed and collected": """
        at   | said                                           | answer                                                              | events
        0:00 | open ann S1 A 2, B 1 / S2 A 1 missing C 1      | #1 OPEN S1.1? A 2, B 1 / S2.1? A 1 missing C 1                      | Opened
        0:00 | commit #1.1 S1 11, S2 12                       | #1 HELD S1.1* A 2, B 1 / S2.1* A 1 missing C 1 until 2:00           | Committed
        0:01 | report #1 S1.1 at 1 v5 HELD A 2, B 1           | #1 HELD S1.1 A 2, B 1 / S2.1* A 1 missing C 1 until 2:00            | Reported
        0:01 | report #1 S2.1 at 1 v9 HELD A 1                | #1 HELD S1.1 A 2, B 1 / S2.1 A 1 missing C 1 until 2:00             | Reported
        0:02 | confirm #1                                     | #1 CONFIRMED S1.1* A 2, B 1 / S2.1* A 1 missing C 1 until 2d0:02    | Confirmed
        0:03 | report #1 S1.1 at 2 v6 CONFIRMED A 2, B 1      | #1 CONFIRMED S1.1 A 2, B 1 / S2.1* A 1 missing C 1 until 2d0:02     | Reported
        0:03 | report #1 S2.1 at 2 v10 CONFIRMED A 1          | #1 CONFIRMED S1.1 A 2, B 1 / S2.1 A 1 missing C 1 until 2d0:02      | Reported
        0:04 | report #1 S1.1 at 0 v7 READY A 2, B 1          | #1 CONFIRMED S1.1 A 2, B 1 / S2.1 A 1 missing C 1 until 2d0:02      | Reported
        0:05 | report #1 S1.1 at 0 v8 COLLECTED sold A 2, B 1 | #1 CONFIRMED S1.1 sold A 2, B 1 / S2.1 A 1 missing C 1 until 2d0:02 | Reported
        0:06 | report #1 S2.1 at 0 v11 CONFIRMED A 1          | #1 CONFIRMED S1.1 sold A 2, B 1 / S2.1 A 1 missing C 1 until 2d0:02 | Reported
        0:07 | report #1 S2.1 at 0 v12 COLLECTED sold A 1     | #1 COLLECTED S1.1 sold A 2, B 1 / S2.1 sold A 1 missing C 1         | Reported, Settled
        0:08 | release #1                                     | TRANSITION_NOT_ALLOWED #1 COLLECTED                                 | Refused
    """,  # noqa: E501 a row is one line
    "a refused claim leads to another plan": """
        at   | said                                    | answer                                                                                   | events
        0:00 | k: open ann S1 A 2 / S2 A 1             | #1 OPEN S1.1? A 2 / S2.1? A 1                                                            | Opened
        0:00 | replan #1.1 S1 A 2 / S3 A 1 missing B 1 | #1 OPEN (S1.1? A 2) / (S2.1? A 1) / S1.2? A 2 / S3.2? A 1 missing B 1                    | Replanned
        0:00 | k: open ann S1 A 2 / S2 A 1             | #1 OPEN (S1.1? A 2) / (S2.1? A 1) / S1.2? A 2 / S3.2? A 1 missing B 1 (again)            |
        0:00 | commit #1.1 S1 11, S2 12                | #1 OPEN (S1.1? A 2) / (S2.1? A 1) / S1.2? A 2 / S3.2? A 1 missing B 1                    |
        0:00 | commit #1.2 S1 13                       | #1 OPEN (S1.1? A 2) / (S2.1? A 1) / S1.2? A 2 / S3.2? A 1 missing B 1                    |
        0:00 | commit #1.2 S1 13, S3 14, S4 15         | #1 OPEN (S1.1? A 2) / (S2.1? A 1) / S1.2? A 2 / S3.2? A 1 missing B 1                    |
        0:00 | commit #1.2 S1 13, S3 14                | #1 HELD (S1.1? A 2) / (S2.1? A 1) / S1.2* A 2 / S3.2* A 1 missing B 1 until 2:00         | Committed
        0:00 | replan #1.2 S5 A 1                      | #1 HELD (S1.1? A 2) / (S2.1? A 1) / S1.2* A 2 / S3.2* A 1 missing B 1 until 2:00         |
        0:01 | report #1 S1.1 at 2 none                | #1 HELD (S1.1? A 2) / (S2.1? A 1) / S1.2* A 2 / S3.2* A 1 missing B 1 until 2:00         | Reported
        0:01 | report #1 S2.1 at 2 v4 RELEASED         | #1 HELD (S1.1? A 2) / (S2.1? A 1) / S1.2* A 2 / S3.2* A 1 missing B 1 until 2:00         | Reported
        0:01 | report #1 S1.2 at 2 v5 HELD A 2         | #1 HELD (S1.1? A 2) / (S2.1? A 1) / S1.2 A 2 / S3.2* A 1 missing B 1 until 2:00          | Reported
        0:01 | report #1 S3.2 at 2 v3 HELD A 1         | #1 HELD (S1.1? A 2) / (S2.1? A 1) / S1.2 A 2 / S3.2 A 1 missing B 1 until 2:00           | Reported
        0:01 | k: open ann S1 A 2 / S2 A 1             | #1 HELD (S1.1? A 2) / (S2.1? A 1) / S1.2* A 2 / S3.2* A 1 missing B 1 until 2:00 (again) |
    """,  # noqa: E501 a row is one line
    "abandoned: the refusal is the answer": """
        at   | said                            | answer                         | events
        0:00 | k: open ann S1 A 2              | #1 OPEN S1.1? A 2              | Opened
        0:00 | abandon #1.1 INSUFFICIENT_STOCK | #1 ABANDONED (S1.1? A 2)       | Abandoned
        0:00 | k: open ann S1 A 2              | INSUFFICIENT_STOCK (again)     |
        0:00 | k: open ann S1 A 3              | IDEMPOTENCY_KEY_REUSED (again) |
        0:00 | confirm #1                      | RESERVATION_NOT_FOUND #1       | Refused
        0:01 | report #1 S1.1 at 1 none        | #1 ABANDONED (S1.1? A 2)       | Reported, Settled
        0:01 | abandon #1.1 SLOT_FULL          | none                           |
    """,
    "abandoned by time: nobody was answered and the same call may try again": """
        at          | said               | answer                                  | events
        0:00        | k: open ann S1 A 2 | #1 OPEN S1.1? A 2                       | Opened
        0:00:09.999 | k: open ann S1 A 2 | #1 OPEN S1.1? A 2 (again)               |
        0:00:10     | wait               |                                         | Abandoned
        0:00:10     | commit #1.1 S1 11  | #1 ABANDONED (S1.1? A 2)                |
        0:00:11     | k: open ann S1 A 2 | #3 OPEN S1.1? A 2                       | Opened
        0:00:12     | commit #3.1 S1 12  | #3 HELD S1.1* A 2 until 2:00:12         | Committed
        0:00:13     | k: open ann S1 A 2 | #3 HELD S1.1* A 2 until 2:00:12 (again) |
    """,
    "abandoned for what others have claimed: nobody was answered and the same call may try again": """
        at   | said               | answer                            | events
        0:00 | k: open ann S1 A 2 | #1 OPEN S1.1? A 2                 | Opened
        0:00 | abandon #1.1       | #1 ABANDONED (S1.1? A 2)          | Abandoned
        0:01 | k: open ann S1 A 2 | #3 OPEN S1.1? A 2                 | Opened
        0:01 | commit #3.1 S1 12  | #3 HELD S1.1* A 2 until 2:01      | Committed
    """,
    "an order that was refused is forgotten with its refusal": """
        at      | said                     | answer                   | events
        0:00    | k: open ann S1 A 2       | #1 OPEN S1.1? A 2        | Opened
        0:00    | abandon #1.1 SLOT_FULL   | #1 ABANDONED (S1.1? A 2) | Abandoned
        0:00    | report #1 S1.1 at 1 none | #1 ABANDONED (S1.1? A 2) | Reported, Settled
        0:10:59 | open bob S1 A 2          | #5 OPEN S1.1? A 2        | Opened
        0:10:59 | k: open ann S1 A 2       | SLOT_FULL (again)        |
        0:10:59 | report #1 S1.1 at 1 none | none                     |
        0:11    | open bob S1 A 2          | #6 OPEN S1.1? A 2        | Opened
        0:11    | report #1 S1.1 at 1 none | none                     |
        0:11    | refuse cy SLOT_FULL      | SLOT_FULL                | Refused
        0:11    | k: open ann S1 A 2       | #8 OPEN S1.1? A 2        | Opened
    """,
    "a key is remembered as long as its order is live": """
        at      | said                            | answer                                       | events
        0:00    | k: open ann S1 A 2              | #1 OPEN S1.1? A 2                            | Opened
        0:00    | commit #1.1 S1 11               | #1 HELD S1.1* A 2 until 2:00                 | Committed
        1:00    | extend #1 for 7d                | #1 HELD S1.1* A 2 until 7d1:00               | Extended
        7d0:00  | extend #1 for 7d                | #1 HELD S1.1* A 2 until 14d0:00              | Extended
        13d0:00 | k2: open bob S1 A 2             | #5 OPEN S1.1? A 2                            | Opened
        13d0:00 | k: open ann S1 A 2              | #1 HELD S1.1* A 2 until 2:00 (again)         |
    """,
    "the key at each stage": """
        at   | said                           | answer                                      | events
        0:00 | k: open ann S1 A 2             | #1 OPEN S1.1? A 2                           | Opened
        0:00 | k: open ann S1 A 2             | #1 OPEN S1.1? A 2 (again)                   |
        0:00 | k: open ann S1 A 3             | IDEMPOTENCY_KEY_REUSED (again)              |
        0:00 | k: open bob S1 A 3             | #2 OPEN S1.1? A 3                           | Opened
        0:00 | commit #1.1 S1 11              | #1 HELD S1.1* A 2 until 2:00                | Committed
        0:00 | k: open ann S1 A 2             | #1 HELD S1.1* A 2 until 2:00 (again)        |
        0:00 | k: open ann S1 A 3             | IDEMPOTENCY_KEY_REUSED (again)              |
        0:01 | c: confirm #1                  | #1 CONFIRMED S1.1* A 2 until 2d0:01         | Abandoned, Confirmed
        0:02 | c: confirm #1                  | #1 CONFIRMED S1.1* A 2 until 2d0:01 (again) |
        0:02 | c: confirm #1 within 1h        | IDEMPOTENCY_KEY_REUSED (again)              |
        0:03 | k: open ann S1 A 2             | #1 HELD S1.1* A 2 until 2:00 (again)        |
        0:04 | r: release #1                  | #1 RELEASED S1.1* A 2 OTHER                 | Released
        0:05 | r: release #1                  | #1 RELEASED S1.1* A 2 OTHER (again)         |
        0:05 | c: confirm #1                  | #1 CONFIRMED S1.1* A 2 until 2d0:01 (again) |
        0:06 | k: refuse cy NO_STORE_IN_REACH | NO_STORE_IN_REACH                           | Refused
        0:07 | k: refuse cy NO_STORE_IN_REACH | NO_STORE_IN_REACH (again)                   |
        0:08 | k: open cy S1 A 1              | IDEMPOTENCY_KEY_REUSED (again)              |
    """,
    "keys are the customer's own, or the order's: a customer may be called like an order": """
        at   | said              | answer                              | events
        0:00 | open ann S1 A 1   | #1 OPEN S1.1? A 1                   | Opened
        0:00 | commit #1.1 S1 11 | #1 HELD S1.1* A 1 until 2:00        | Committed
        0:01 | k: confirm #1     | #1 CONFIRMED S1.1* A 1 until 2d0:01 | Confirmed
        0:02 | k: open 1 S1 A 1  | #4 OPEN S1.1? A 1                   | Opened
    """,
    "stock ran short while the claim was undecided": """
        at   | said                            | answer                              | events
        0:00 | open ann S1 A 2 / S2 B 1        | #1 OPEN S1.1? A 2 / S2.1? B 1       | Opened
        0:00 | report #1 S1.1 at 0 v6 RELEASED | #1 OPEN S1.1? A 2 / S2.1? B 1       | Reported
        0:00 | commit #1.1 S1 11, S2 12        | #1 HELD S1.1 / S2.1* B 1 until 2:00 | Committed
        0:01 | report #1 S2.1 at 1 v6 HELD B 1 | #1 HELD S1.1 / S2.1 B 1 until 2:00  | Reported
        0:02 | open ann S1 A 2                 | #5 OPEN S1.1? A 2                   | Opened
        0:02 | report #5 S1.1 at 0 v8 RELEASED | #5 OPEN S1.1? A 2                   | Reported
        0:02 | commit #5.1 S1 13               | #5 RELEASED S1.1                    | Committed, Settled
    """,
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page(page: str) -> None:
    play(page)


def test_of_an_answer_about_an_order_thirteen_bytes_are_remembered_and_of_one_that_is_over_none() -> None:
    watched = play("""
        at   | said
        0:00 | k: open ann S1 A 2
        0:00 | commit #1.1 S1 11
        0:01 | c: confirm #1
    """)
    for ledger in (watched.ledger, watched.restored()):
        assert {number: len(told.entries) for number, told in ledger.answers.told.items()} == {1: 2 * ENTRY_BYTES}
        assert (ledger.answers.count, ledger.answers.by_key) == (2, {"ann\nk": 1})
    watched.say(command_of("report #1 S1.1 at 2 v9 RELEASED", "", watched.ledger), DAY_ZERO_MS)
    for ledger in (watched.ledger, watched.restored()):
        answers = ledger.answers
        assert (ledger.orders, ledger.customers, answers.told, answers.by_key) == ({}, {}, {}, {})
        assert answers.over.versions() == [5, 5], "by its number and by its customer's key"
        assert list(answers.finished.of("ann")) == [1]


def test_a_restart_does_not_change_when_answers_are_forgotten() -> None:
    """The day's only answer is forgotten, as its call was never answered; then the policy remembers for less."""
    watched = Watched(Policy(version=1))
    at_ms = DAY_ZERO_MS

    def say(text: str, key: str) -> None:
        watched.say(command_of(text, key, watched.ledger), at_ms)

    say("refuse ann NO_STORE_IN_REACH", "k1")
    at_ms += 8 * DAY_MS
    say("open bob S1 A 1", "k2")
    at_ms += OPEN_MS
    watched.wait(at_ms)
    watched.adopt(Policy(version=2, ttl_ms_max=HOUR_MS), at_ms)
    watched.restart()
    say("refuse cid NO_STORE_IN_REACH", "k3")
    assert (watched.ledger.answers.told, watched.ledger.answers.over.versions()) == ({}, [])
    assert len(watched.ledger.answers.refused.versions()) == 1
    assert watched.complaints() == []

"""The life of a transfer, at its source and at its destination."""

from typing import Any

import pytest
from msgspec.structs import replace

from actors.core.policy import DAY_MS
from actors.core.rejection import Reason, Rejection
from actors.core.status import TransferStatus
from actors.shop.transfers import transfer as ask
from actors.shop.transfers.transfer import OPEN_TRANSFERS_MAX, Transfer
from tests.shop.scenario import play
from tests.shop.transfers_text import sent
from tests.shop.watched import DAY_ZERO_MS, Watched

NOW_MS = DAY_ZERO_MS + DAY_MS


def test_a_transfer_leaves_its_source() -> None:
    play("""
        at   | said                        | answer                                   | events           | stock
        0:00 | receive A 5, B 2            | applied 2                                | StockAdjusted    | A 5/0, B 2/0
        0:01 | propose S2 A 2, B 2, A 1    | S1:T2 PROPOSED A 3, B 2                  | TransferProposed | A 5/3, B 2/2
        0:02 | reserve ann A 3             | INSUFFICIENT_STOCK A 3 of 2              | Refused          | A 5/3, B 2/2
        0:03 | k: send #2                  | S1:T2 SENT A 3, B 2                      | TransferSent     | A 2/0, B 0/0
             | k: send #2                  | S1:T2 SENT A 3, B 2 (again)              |                  | A 2/0, B 0/0
             | k: cancel #2                | IDEMPOTENCY_KEY_REUSED (again)           |                  |
             | send #2                     | TRANSFER_STEP_NOT_ALLOWED SENT           | Refused          | A 2/0, B 0/0
        0:05 | cancel #2                   | TRANSFER_STEP_NOT_ALLOWED SENT           | Refused          | A 2/0, B 0/0
        0:06 | noted #2                    | applied 0                                | TransferAdvised  |
             | noted #2                    | applied 0                                |                  |
             | restart                     |                                          |                  |
        0:07 | close #2 A 2, B 2 borne by CARRIER | S1:T2 RECEIVED A 3>2, B 2>2 by CARRIER | TransferClosed |
             | close #2 A 9                | applied 0                                |                  | A 2/0, B 0/0
        0:08 | send #2                     | TRANSFER_STEP_NOT_ALLOWED RECEIVED       | Refused          |
             | k: send #2                  | S1:T2 SENT A 3, B 2 (again)              |                  |
        0:09 | send #77                    | TRANSFER_NOT_FOUND                       |                  | A 2/0, B 0/0
    """)


def test_a_transfer_comes_to_its_destination() -> None:
    play("""
        at     | said                         | answer                                     | stock
        0:00   | receive A 5                  | applied 1                                  | A 5/0
        0:01   | k1: arrive S9:T4 A 2         | TRANSFER_NOT_FOUND                         | A 5/0
        0:02   | advise S9:T4 A 3, B 1        | applied 0                                  | A 5/0
               | advise S9:T4 A 3, B 1        | applied 0                                  | A 5/0
        0:03   | send #2                      | TRANSFER_NOT_FOUND                         |
               | restart                      |                                            |
        0:04   | k1: arrive S9:T4 A 1, A 1, C 4 borne by SOURCE | S9:T4 RECEIVED A 3>2, B 1>0, C 0>4 by SOURCE |
               | k1: arrive S9:T4 A 1, A 1, C 4 borne by SOURCE | S9:T4 RECEIVED A 3>2, B 1>0, C 0>4 by SOURCE (again) |
               | k2: arrive S9:T4             | TRANSFER_STEP_NOT_ALLOWED RECEIVED         | A 7/0, C 4/0
               | advise S9:T4 A 3, B 1        | applied 0                                  | A 7/0, C 4/0
               | restart                      |                                            |
        0:06   | close S9:T4                  | S9:T4 RECEIVED A 3>2, B 1>0, C 0>4 by SOURCE |
               | close S9:T4                  | applied 0                                  |
        2d0:00 | advise S9:T4 A 3, B 1        | applied 0                                  | A 7/0, C 4/0
               | k3: arrive S9:T4             | TRANSFER_STEP_NOT_ALLOWED RECEIVED         | A 7/0, C 4/0
               | k1: arrive S9:T4 A 2, C 4    | IDEMPOTENCY_KEY_REUSED (again)             | A 7/0, C 4/0
               | k1: arrive S9:T4 A 1, A 1, C 4 borne by SOURCE | S9:T4 RECEIVED A 3>2, B 1>0, C 0>4 by SOURCE (again) |
    """)


def test_what_came_as_it_was_sent_is_nobodys_loss() -> None:
    play("""
        at   | said                               | answer                             | stock
        0:01 | advise S9:T4 A 3, B 1              | applied 0                          |
        0:02 | arrive S9:T4 B 1, A 3 borne by SOURCE | S9:T4 RECEIVED A 3>3, B 1>1 | A 3/0, B 1/0
        0:03 | advise S9:T5 A 1                   | applied 0                          |
        0:04 | arrive S9:T5                       | S9:T5 RECEIVED A 1>1        | A 4/0, B 1/0
        0:05 | advise S9:T6 A 1                   | applied 0                          |
        0:06 | arrive S9:T6 A 2                   | S9:T6 RECEIVED A 1>2 by CARRIER | A 6/0, B 1/0
        0:06 | advise S9:T7 B 1                   | applied 0                          |
             | arrive S9:T7 B 1, C 0              | S9:T7 RECEIVED B 1>1               | A 6/0, B 2/0
        0:07 | reserve ann A 6                    | #9 HELD A 6 until 2:07 | A 6/6, B 2/0
    """)


def test_what_was_proposed_may_be_cancelled() -> None:
    play("""
        at   | said              | answer                              | events            | stock
        0:00 | receive A 3       | applied 1                           | StockAdjusted     | A 3/0
        0:01 | propose S2 A 3    | S1:T2 PROPOSED A 3                  | TransferProposed  | A 3/3
        0:01 | propose S2 A 1    | INSUFFICIENT_STOCK A 1 of 0         | Refused           | A 3/3
        0:02 | k: cancel #2      | S1:T2 CANCELLED A 3                 | TransferCancelled | A 3/0
             | k: cancel #2      | S1:T2 CANCELLED A 3 (again)         |                   | A 3/0
             | restart           |                                     |                   |
        0:03 | send #2           | TRANSFER_STEP_NOT_ALLOWED CANCELLED | Refused           | A 3/0
        0:04 | reserve ann A 3   | #6 HELD A 3 until 2:04              | Reserved          | A 3/3
        0:05 | confirm #2        | RESERVATION_NOT_FOUND #2            | Refused           |
        0:06 | cancel #6         | TRANSFER_NOT_FOUND                  |                   | A 3/3
    """)


def test_transfers_give_up_what_is_missing_before_customers_do_the_youngest_first() -> None:
    play("""
        at   | said                | answer                  | events                             | stock
        0:00 | receive A 9, B 1    | applied 2               | StockAdjusted                      | A 9/0, B 1/0
        0:01 | propose S2 A 3      | S1:T2 PROPOSED A 3      | TransferProposed                   | A 9/3, B 1/0
        0:01 | propose S2 A 2, B 1 | S1:T3 PROPOSED A 2, B 1 | TransferProposed                   | A 9/5, B 1/1
        0:02 | reserve ann A 4     | #4 HELD A 4 until 2:02  | Reserved                           | A 9/9, B 1/1
        0:03 | sell A 1            | applied 1               | StockAdjusted, TransferCancelled   | A 8/7, B 1/0
        0:04 | count A 6           | applied 1               | StockCounted, TransferCancelled    | A 6/4, B 1/0
        0:05 | count A 4           | applied 1               | StockCounted                       | A 4/4, B 1/0
    """)


def test_both_may_lose_by_one_count() -> None:
    play("""
        at   | said            | events                                                                 | stock
        0:00 | receive A 6     | StockAdjusted                                                          | A 6/0
        0:01 | propose S2 A 2  | TransferProposed                                                       | A 6/2
        0:02 | reserve ann A 4 | Reserved                                                               | A 6/6
        0:03 | count A 3       | StockCounted, TransferCancelled, ShortfallDeclared, Released SHORTFALL | A 3/3
    """)


def test_a_count_knows_what_left_and_what_came_since() -> None:
    play("""
        at   | said                | stock
        0:00 | receive A 9         | A 9/0
        0:10 | propose S2 A 3      | A 9/3
        0:20 | send #2             | A 6/0
        0:25 | advise S9:T4 A 5    | A 6/0
        0:30 | arrive S9:T4        | A 11/0
        0:40 | count A 8 as of 0:05 | A 10/0
        0:41 | count A 5 as of 0:15 without holds | A 10/0
        0:42 | count A 5 as of 0:21 | A 10/0
    """)


def advised(watched: Watched, advice: Transfer | Rejection | None, key: str = "k") -> object:
    """The answer to a receipt with what its source says."""
    return watched.say(ask.ReceiveTransfer(key, "S9:T4", (), None, advice), NOW_MS).answer.answer


LEFT = sent("S9:T4", (("A", 3),))


def test_a_receipt_brings_what_its_source_said_where_nothing_is_known() -> None:
    watched = Watched()
    received = advised(watched, LEFT)
    assert isinstance(received, Transfer)
    assert (received.number, received.status, received.received) == (1, TransferStatus.RECEIVED, (("A", 3),))
    assert watched.stock() == {"A": (3, 0, 0, 0)}
    again = watched.say(ask.ReceiveTransfer("k", "S9:T4", ()), NOW_MS)
    assert (again.repeated, again.answer.answer) == (True, received), "what is said beside is no content of the call"
    assert not watched.complaints() + watched.mistold()


@pytest.mark.parametrize("status", [TransferStatus.PROPOSED, TransferStatus.CANCELLED, TransferStatus.RECEIVED])
def test_what_has_not_left_or_has_come_is_not_received(status: TransferStatus) -> None:
    watched = Watched()
    refusal = advised(watched, replace(LEFT, status=status))
    assert refusal == Rejection(Reason.TRANSFER_STEP_NOT_ALLOWED, transfer_status=status)
    watched.say(ask.AdviseTransfer(replace(LEFT, status=status)), NOW_MS)
    assert not watched.stock()
    assert not watched.ledger.transfers.live


def test_what_goes_elsewhere_is_not_received() -> None:
    watched = Watched()
    elsewhere = replace(LEFT, destination="S2")
    assert advised(watched, elsewhere) == Rejection(Reason.TRANSFER_NOT_FOUND)
    watched.say(ask.AdviseTransfer(elsewhere), NOW_MS)
    assert not watched.ledger.transfers.live


def test_a_source_that_knows_none_is_believed() -> None:
    assert advised(Watched(), Rejection(Reason.TRANSFER_NOT_FOUND)) == Rejection(Reason.TRANSFER_NOT_FOUND)


def test_there_are_only_so_many_on_their_way() -> None:
    watched = Watched()
    many = (("A", 2 * OPEN_TRANSFERS_MAX),)
    watched.say(ask.AdviseTransfer(sent("S9:T4", many)), NOW_MS)
    watched.say(ask.ReceiveTransfer("r", "S9:T4", ()), NOW_MS)

    def propose(place: int) -> Any:
        command = ask.ProposeTransfer(f"p{place}", "S2", (("A", 1),), 0)
        return watched.say(command, NOW_MS).answer.answer

    proposed = [propose(place) for place in range(OPEN_TRANSFERS_MAX)]
    assert all(isinstance(each, Transfer) for each in proposed)
    limit = Rejection(Reason.OPEN_TRANSFERS_LIMIT, asked=OPEN_TRANSFERS_MAX + 1, available=OPEN_TRANSFERS_MAX)
    assert propose(OPEN_TRANSFERS_MAX) == limit
    watched.say(ask.CancelTransfer("c", proposed[0].number), NOW_MS)
    assert isinstance(propose(OPEN_TRANSFERS_MAX + 1), Transfer)


def test_what_is_over_leaves_memory_and_is_forgotten_in_time() -> None:
    watched = play("""
        at   | said                 | stock
        0:00 | receive A 5          | A 5/0
        0:01 | propose S2 A 1       | A 5/1
        0:02 | send #2              | A 4/0
        0:03 | close #2 A 1         | A 4/0
        0:04 | propose S2 A 1       | A 4/1
        0:05 | cancel #5            | A 4/0
        0:06 | advise S9:T4 A 3     | A 4/0
        0:07 | arrive S9:T4         | A 7/0
        0:08 | close S9:T4          | A 7/0
    """)
    ledger = watched.ledger
    assert (ledger.transfers.live, ledger.transfers.inbound, ledger.transfers.outbox) == ({}, {}, {})
    assert {number: ledger.finished.transfer_of(number) for number in (2, 5, 7)} == {
        2: (4, TransferStatus.RECEIVED),
        5: (6, TransferStatus.CANCELLED),
        7: (9, TransferStatus.RECEIVED),
    }
    watched.say(ask.CancelTransfer("c", 5), DAY_ZERO_MS + 10 * DAY_MS)
    assert ledger.finished.transfer_of(2) is None
    assert not watched.complaints()

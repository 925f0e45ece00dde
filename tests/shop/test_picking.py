"""Pick tasks: made with the confirmation, of one picker at a time, and put back where nobody collects."""

from typing import Final

import pytest
from msgspec.structs import replace

from actors.core.policy import PickRule, Policy
from actors.core.status import PickStatus
from actors.shop.picking.pick_task import ClaimPick, Picks, PickTask
from tests.shop.picks_text import pick_text
from tests.shop.scenario import play
from tests.shop.scenario_text import clock, instant
from tests.shop.watched import Watched

PICKS: Final = Policy(version=1, picks=True)


def queue(watched: Watched, *statuses: PickStatus, now_ms: int = 0) -> list[int]:
    """The numbers of tasks, a page of two at a time."""
    found: list[PickTask] = []
    after = ""
    while True:
        page, after = watched.ledger.picks.page(statuses or tuple(PickStatus), after, 2, now_ms)
        found += page
        if not after:
            return [task.number for task in found]


def tasks(watched: Watched) -> list[str]:
    return [pick_text(task, clock) for task in watched.ledger.picks.rows.values()]


def test_a_task_goes_the_whole_way() -> None:
    watched = play(
        """
        at   | said                         | answer                                       | stock
        0:00 | receive A 9, B 9             | applied 2                                    |
        0:01 | reserve ann A 2, B 1         | #3 HELD A 2, B 1 until 2:01                  |
             | take #3 as eva               | PICK_TASK_NOT_FOUND #3                       |
        0:02 | confirm #3                   | #3 CONFIRMED A 2, B 1 until 2d0:02           |
        0:03 | take #3 as eva               | #3 PICKING A 0 of 2, B 0 of 1 eva until 0:13 |
        0:04 | scan #3 A as eva             | #3 PICKING A 1 of 2, B 0 of 1 eva until 0:14 |
        0:05 | scan #3 C as eva             | ARTICLE_NOT_ORDERED C 1 of 0 #3 PICKING      |
             | scan #3 A 2 as eva           | PICKED_ALREADY A 2 of 1 #3 PICKING           |
             | scan #3 B -1 as eva          | PICKED_ALREADY B -1 of 0 #3 PICKING          |
             | finish #3 as eva             | PICK_INCOMPLETE A 2 of 1 #3 PICKING          |
             | scan #3 A 1 as eva           | #3 PICKING A 2 of 2, B 0 of 1 eva until 0:15 |
             | scan #3 B as eva             | #3 PICKING A 2 of 2, B 1 of 1 eva until 0:15 |
             | scan #3 B -1 as eva          | #3 PICKING A 2 of 2, B 0 of 1 eva until 0:15 |
             | scan #3 B as eva             | #3 PICKING A 2 of 2, B 1 of 1 eva until 0:15 |
        0:06 | finish #3 as eva in B7       | #3 PICKED A 2 of 2, B 1 of 1 in B7           |
             | scan #3 B as eva             | PICK_STEP_NOT_ALLOWED #3 PICKED              |
        0:07 | here #3 in P4                | #3 PICKED A 2 of 2, B 1 of 1 in B7 waits P4  |
             | finish #3 as kim in C1 ready | #3 READY A 2 of 2, B 1 of 1 in C1 waits P4   |
             | take #3 as kim               | PICK_STEP_NOT_ALLOWED #3 READY               |
        0:08 | collect #3 A 1               | #3 READY A 2 -1 sold, B 1 until 2d0:02       | A 8/1, B 9/1
             | collect #3                   | #3 COLLECTED A 2 -2 sold, B 1 -1 sold        | A 7/0, B 8/0
             | take #3 as kim               | PICK_TASK_NOT_FOUND #3 COLLECTED             |
        """,
        PICKS,
    )
    assert tasks(watched) == []


def test_one_picker_has_a_task_until_his_lease_is_over() -> None:
    play(
        """
        at   | said                     | answer                                     | events
        0:00 | receive A 9              | applied 1                                  | StockAdjusted
        0:01 | reserve ann A 2          | #3 HELD A 2 until 2:01                     | Reserved
             | confirm #3               | #3 CONFIRMED A 2 until 2d0:01              | Confirmed
             | scan #3 A as eva         | PICK_CLAIM_LOST #3 TO_PICK                 | Refused
             | k: take #3 as eva for 5m | #3 PICKING A 0 of 2 eva until 0:06         | PickClaimed
             | k: take #3 as eva for 5m | #3 PICKING A 0 of 2 eva until 0:06 (again) |
             | k: take #3 as kim for 5m | IDEMPOTENCY_KEY_REUSED (again)             |
        0:02 | take #3 as kim           | PICK_TASK_CLAIMED #3 PICKING eva           | Refused
             | take first as kim        | PICK_QUEUE_EMPTY                           |
             | s: scan #3 A as eva      | #3 PICKING A 1 of 2 eva until 0:07         | PickScanned
             | s: scan #3 A as eva      | #3 PICKING A 1 of 2 eva until 0:07 (again) |
             | take #3 as eva for 1m    | #3 PICKING A 1 of 2 eva until 0:03         | PickClaimed
        0:03 | scan #3 A as eva         | PICK_CLAIM_LOST #3 PICKING                 | Refused
             | take first as kim        | #3 PICKING A 1 of 2 kim until 0:13         | PickClaimed
             | scan #3 A as eva         | PICK_CLAIM_LOST #3 PICKING kim             | Refused
             | leave #3 as eva          | PICK_CLAIM_LOST #3 PICKING kim             | Refused
             | leave #3 as kim          | #3 TO_PICK A 1 of 2                        | PickReleased
             | finish #3 as kim         | PICK_CLAIM_LOST #3 TO_PICK                 | Refused
        """,
        PICKS,
    )


def test_the_queue_goes_by_arrival_then_promise_then_age() -> None:
    page = "at | said\n 0:00 | receive A 9\n"
    page += "".join(f"0:0{minute} | reserve c{minute} A 1\n" for minute in range(1, 6))  # 3 to 7
    page += "0:07 | confirm #4\n 0:07 | confirm #3\n 0:08 | confirm #6\n 0:06 | confirm #5\n 0:09 | confirm #7\n"
    watched = play(page + "0:10 | here #6\n 0:11 | here #7", PICKS)
    assert queue(watched) == [6, 7, 3, 4, 5]
    watched = play(page + "0:10 | here #6\n 0:10 | take first as a\n 0:10 | take first as b\n 0:10 | ready #4", PICKS)
    assert queue(watched) == [5, 7, 6, 3, 4]  # to pick, in work, ready
    assert queue(watched, PickStatus.PICKING, PickStatus.READY) == [6, 3, 4]
    watched.say(ClaimPick("c", 0, "c", 0), instant("0:30"))
    assert queue(watched, PickStatus.PICKING) == [6, 3], "both leases are over, and the one that has arrived is first"
    assert watched.ledger.picks.rows[6].picker_id == "c"


def test_what_was_picked_is_put_back() -> None:
    watched = play(
        """
        at     | said                       | answer                                           | stock
        0:00   | receive A 9, B 9           | applied 2                                        |
        0:01   | reserve ann A 2, B 1       | #3 HELD A 2, B 1 until 2:01                      |
               | reserve bob A 1            | #4 HELD A 1 until 2:01                           |
               | reserve cy A 1             | #5 HELD A 1 until 2:01                           |
               | confirm #3                 | #3 CONFIRMED A 2, B 1 until 2d0:01               |
               | confirm #4                 | #4 CONFIRMED A 1 until 2d0:01                    |
               | confirm #5                 | #5 CONFIRMED A 1 until 2d0:01                    |
               | shelve #3 as eva           | PICK_STEP_NOT_ALLOWED #3 TO_PICK                 |
               | take #3 as eva             | #3 PICKING A 0 of 2, B 0 of 1 eva until 0:11     |
               | scan #3 A 2 as eva         | #3 PICKING A 2 of 2, B 0 of 1 eva until 0:11     |
        0:02   | release #3 A 1             | #3 CONFIRMED A 2 -1 back, B 1 OTHER until 2d0:01 |
               | leave #3 as eva            | #3 TO_PICK A 1 of 1, B 0 of 1 -1 A               |
               | shelve #3 as eva           | #3 TO_PICK A 1 of 1, B 0 of 1                    |
        0:03   | release #3 because NO_SHOW | #3 RELEASED A 2 -2 back, B 1 -1 back NO_SHOW     | A 9/2, B 9/0
               | here #3                    | PICK_STEP_NOT_ALLOWED #3 TO_PUT_BACK             |
               | k: shelve #3 as kim        | #3 PUT_BACK                                      |
               | k: shelve #3 as kim        | #3 PUT_BACK (again)                              |
               | shelve #3 as kim           | PICK_TASK_NOT_FOUND #3 RELEASED                  |
        0:04   | release #4                 | #4 RELEASED A 1 -1 back OTHER                    |
               | ready #5                   | #5 READY A 1 until 2d0:01                        |
        2d0:01 | wait                       |                                                  | A 9/0, B 9/0
        """,
        PICKS,
    )
    assert tasks(watched) == ["#5 TO_PUT_BACK -1 A"], "nobody has picked 4, and 5 was ready"


def test_an_amended_task_has_what_its_reservation_has() -> None:
    watched = play(
        """
        at   | said               | answer                             | events
        0:00 | receive A 9, B 9   | applied 2                          | StockAdjusted
        0:01 | reserve ann A 2    | #3 HELD A 2 until 2:01             | Reserved
             | confirm #3         | #3 CONFIRMED A 2 until 2d0:01      | Confirmed
             | take #3 as eva     | #3 PICKING A 0 of 2 eva until 0:11 | PickClaimed
             | scan #3 A 2 as eva | #3 PICKING A 2 of 2 eva until 0:11 | PickScanned
             | finish #3 as eva   | #3 PICKED A 2 of 2                 | PickFinished
        0:02 | amend #3 A 1, B 1  | #3 CONFIRMED A 1, B 1 until 2d0:01 | Amended
        """,
        PICKS,
    )
    assert tasks(watched) == ["#3 TO_PICK A 1 of 1, B 0 of 1 -1 A"]


def test_parts_of_orders_have_tasks_too() -> None:
    watched = play(
        """
        at   | said                                             | events
        0:00 | receive A 9                                      | StockAdjusted
        0:01 | claim o1.1 ann A 2                               | Claimed
             | apply o1.1 1 CONFIRMED until 1:00                | OutcomeApplied CONFIRMED
             | take #3 as eva                                   | PickClaimed
             | scan #3 A 2 as eva                               | PickScanned
             | finish #3 as eva ready                           | ReadyMarked, PickFinished
             | apply o1.1 2 RELEASED because CUSTOMER_CANCELLED | OutcomeApplied RELEASED
        """,
        PICKS,
    )
    assert tasks(watched) == ["#3 TO_PUT_BACK -2 A"]


def test_who_lost_his_units_and_is_served_again_is_picked_again() -> None:
    rules = Policy(version=1, picks=True, losers_wait=True)
    watched = play(
        """
        at   | said             | events
        0:00 | receive A 1      | StockAdjusted
        0:01 | reserve ann A 1  | Reserved
             | confirm #3       | Confirmed
             | take #3 as eva   | PickClaimed
             | scan #3 A as eva | PickScanned
        0:02 | count A 0        | StockCounted, ShortfallDeclared, Requeued
        """,
        rules,
    )
    assert tasks(watched) == ["#3 TO_PUT_BACK -1 A"]
    watched = play(
        """
        at   | said            | events
        0:00 | receive A 1     | StockAdjusted
        0:01 | reserve ann A 1 | Reserved
             | confirm #3      | Confirmed
        0:02 | count A 0       | StockCounted, ShortfallDeclared, Requeued
        0:03 | receive A 1     | StockAdjusted, Served
        """,
        rules,
    )
    assert tasks(watched) == ["#3 TO_PICK A 0 of 1"]


def test_a_shop_that_picks_from_now_on_has_tasks_for_all_that_is_confirmed() -> None:
    watched = play(
        """
        at   | said            | events
        0:00 | receive A 9     | StockAdjusted
        0:01 | reserve ann A 1 | Reserved
             | reserve bob A 2 | Reserved
             | reserve cy A 3  | Reserved
             | confirm #3      | Confirmed
             | confirm #4      | Confirmed
             | ready #4        | ReadyMarked
        """,
        Policy(version=1),
    )
    assert tasks(watched) == []
    watched.adopt(Policy(version=2, picks=True), instant("0:02"))
    assert tasks(watched) == ["#3 TO_PICK A 0 of 1", "#4 READY A 2 of 2"]
    watched.adopt(Policy(version=3), instant("0:03"))
    assert tasks(watched) == ["#3 TO_PICK A 0 of 1", "#4 READY A 2 of 2"], "they are finished"
    assert watched.complaints() == []


def test_a_shops_own_rule_goes_before_the_chains() -> None:
    chain = Policy(picks=True, pick_rules=(PickRule("S1", picks=False), PickRule("S2", picks=True)))
    assert [chain.of_shop(name).picks for name in ("S1", "S2", "S3")] == [False, True, True]
    assert chain.of_no_shop().picks is False
    assert all(chain.of_shop(name).pick_rules == () for name in ("S1", "S3"))


def test_a_restart_keeps_tasks_and_their_queues() -> None:
    watched = play(
        """
        at   | said              | events
        0:00 | receive A 9       | StockAdjusted
        0:01 | reserve ann A 1   | Reserved
             | confirm #3        | Confirmed
             | k: take #3 as eva | PickClaimed
             | restart           |
        0:02 | take #3 as kim    | Refused
             | scan #3 A as eva  | PickScanned
             | restart           |
             | finish #3 as eva  | PickFinished
        """,
        PICKS,
    )
    assert tasks(watched) == ["#3 PICKED A 1 of 1"]


def test_a_page_of_the_queue_looks_at_what_is_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    page = "at | said\n 0:00 | receive A 9999\n" + "".join(f"0:01 | reserve c{n} A 1\n" for n in range(600))
    page += "".join(f"0:02 | confirm #{n}\n" for n in range(3, 603))
    page += "".join(f"0:03 | collect #{n}\n" for n in range(3, 303))
    picks = play(page, PICKS).ledger.picks
    looked: list[int] = []
    at = Picks._at

    def watched(self: Picks, place: int) -> PickTask:
        looked.append(place)
        return at(self, place)

    monkeypatch.setattr(Picks, "_at", watched)
    first, after = picks.page((PickStatus.TO_PICK,), "", 10)
    assert [task.number for task in first] == list(range(303, 313)), "what is over is not there"
    second, _ = picks.page((PickStatus.TO_PICK,), after, 10)
    assert [task.number for task in second] == list(range(313, 323))
    assert picks.first_free(0) == first[0]
    assert len(looked) <= 22


def test_who_is_on_his_way_is_served_for_then_and_who_is_there_first() -> None:
    watched = play(
        """
        at   | said                   | answer                                                | stock
        0:00 | receive A 9            | applied 1                                             |
        0:01 | reserve ann A 1        | #3 HELD A 1 until 2:01                                |
             | reserve bob A 1        | #4 HELD A 1 until 2:01                                |
             | reserve cid A 1        | #5 HELD A 1 until 2:01                                |
        0:02 | confirm #3             | #3 CONFIRMED A 1 until 2d0:02                         |
        0:03 | confirm #4             | #4 CONFIRMED A 1 until 2d0:03                         |
        0:04 | confirm #5             | #5 CONFIRMED A 1 until 2d0:04                         |
        0:05 | coming #5 for 20m in P4 | #5 TO_PICK A 0 of 1 waits P4 comes 0:25              |
        """,
        PICKS,
    )
    assert queue(watched) == [3, 4, 5], "what was promised for before he is there comes before"
    watched = play(
        """
        at   | said                    | answer                                   | stock
        0:00 | receive A 9             | applied 1                                |
        0:01 | reserve ann A 1         | #3 HELD A 1 until 2:01                   |
             | reserve bob A 1         | #4 HELD A 1 until 2:01                   |
        1:00 | confirm #3              | #3 CONFIRMED A 1 until 2d1:00            |
             | confirm #4              | #4 CONFIRMED A 1 until 2d1:00            |
             | here #4 in P4           | #4 TO_PICK A 0 of 1 waits P4             |
             | coming #4 for 20m       | PICK_STEP_NOT_ALLOWED #4 TO_PICK         |
        """,
        PICKS,
    )
    assert queue(watched) == [4, 3]


def test_whoever_comes_sooner_than_was_promised_moves_up() -> None:
    early, late = PickTask(1, PickStatus.TO_PICK, 9_000, (), 0, 1), PickTask(2, PickStatus.TO_PICK, 8_000, (), 0, 1)
    assert late.place < early.place
    assert replace(early, expected_at_ms=7_000).place < late.place
    assert replace(early, expected_at_ms=10_000).place == early.place, "nobody moves down by being late"
    assert replace(late, arrived_ms=9_999).place < replace(early, expected_at_ms=7_000).place

"""Places in pickup slots: given to so many customers and no more, free again when one has gone, kept by deadlines."""

import pytest

from actors.calendar.hours import Calendar, Duty, Interval
from actors.core.policy import Policy
from tests.shop.scenario import play
from tests.shop.scenario_text import answer_text, command_of, instant

# Open from nine to six, an hour to pick an order, two places an hour.
HOURS = Calendar(
    weekly=((Interval(9 * 60, 18 * 60),),) * 7,
    slot_minutes=60,
    staff=((Duty(9 * 60, 18 * 60, 2),),) * 7,
    pickups_per_staff_hour=1,
    lead_minutes=60,
)
POLICY = Policy(version=1, calendar=HOURS)

PAGES = {
    "the last place is never given twice": """
        at   | said                        | answer                               | events        | stock
        0:00 | receive A 99                | applied 1                            | StockAdjusted | A 99/0
        0:01 | reserve ann A 1 slot 10:00  | #3 HELD A 1 until 2:01 slot 10:00    | Reserved      | A 99/1
        0:02 | claim o1 bob A 1 slot 10:00 | #4 CLAIMED A 1 slot 10:00 of o1 at 0 | Claimed       | A 99/2
        0:03 | reserve cy A 1 slot 10:00   | ORDER_UNDECIDED CLAIMED              |               | A 99/2
        0:03 | reserve cy A 99 slot 10:00  | INSUFFICIENT_STOCK A 99 of 97        | Refused       | A 99/2
        0:03 | claim o2 cy A 1 slot 10:00  | SLOT_FULL 10:00 of 2 CLAIMED         | Refused       | A 99/2
        0:03 | amend #3 A 1                | #3 HELD A 1 until 2:01 slot 10:00    | Amended       | A 99/2
        0:04 | reserve cy A 1 slot 11:00   | #8 HELD A 1 until 2:04 slot 11:00    | Reserved      | A 99/3
        0:04 | amend #8 slot 10:00         | ORDER_UNDECIDED CLAIMED              |               | A 99/3
        0:05 | amend #8 A 2                | #8 HELD A 2 until 2:04 slot 11:00    | Amended       | A 99/4
    """,
    "a place is free again once its customer has gone": """
        at   | said                                | answer                                    | events                      | stock
        0:00 | receive A 99                        | applied 1                                 | StockAdjusted               | A 99/0
        0:01 | reserve ann A 1 slot 10:00 for 1h   | #3 HELD A 1 until 1:01 slot 10:00         | Reserved                    | A 99/1
        0:02 | reserve bob A 2 slot 10:00 for 9h   | #4 HELD A 2 until 9:02 slot 10:00         | Reserved                    | A 99/3
        0:03 | reserve cy A 1 slot 10:00           | SLOT_FULL 10:00 of 2                      | Refused                     | A 99/3
        1:00 | reserve cy A 1 slot 10:00           | SLOT_FULL 10:00 of 2                      | Refused                     | A 99/3
        1:01 | reserve cy A 1 slot 10:00           | #8 HELD A 1 until 3:01 slot 10:00         | Expired, Reserved           | A 99/3
        1:02 | collect #4 A 1                      | #4 HELD A 2 -1 sold until 9:02 slot 10:00 | Collected                   | A 98/2
        1:03 | reserve dee A 1 slot 10:00          | SLOT_FULL 10:00 of 2                      | Refused                     | A 98/2
        1:04 | collect #4                          | #4 COLLECTED A 2 -2 sold slot 10:00       | Collected                   | A 97/1
        1:05 | reserve dee A 1 slot 10:00          | #12 HELD A 1 until 3:05 slot 10:00        | Reserved                    | A 97/2
        1:06 | release #8                          | #8 RELEASED A 1 -1 back OTHER slot 10:00  | Released OTHER              | A 97/1
        1:07 | reserve eve A 1 slot 10:00 basket b | #14 HELD A 1 until 3:07 slot 10:00        | Reserved                    | A 97/2
        1:08 | reserve eve A 2 slot 10:00 basket b | #16 HELD A 2 until 3:08 slot 10:00        | Released REPLACED, Reserved | A 97/3
        1:09 | reserve fay A 1 slot 10:00          | SLOT_FULL 10:00 of 2                      | Refused                     | A 97/3
        1:10 | amend #16 slot 11:00                | #16 HELD A 2 until 3:08 slot 11:00        | Amended                     | A 97/3
        1:11 | reserve fay A 1 slot 10:00          | #19 HELD A 1 until 3:11 slot 10:00        | Reserved                    | A 97/4
    """,  # noqa: E501 a row is one line
    "a part's place is free again once its order is over": """
        at   | said                                | answer                                                     | events                  | stock
        0:00 | receive A 99                        | applied 1                                                  | StockAdjusted           | A 99/0
        0:01 | claim o1 ann A 1 slot 10:00         | #3 CLAIMED A 1 slot 10:00 of o1 at 0                       | Claimed                 | A 99/1
        0:01 | claim o2 ann A 2 slot 10:00         | #4 CLAIMED A 2 slot 10:00 of o2 at 0                       | Claimed                 | A 99/3
        0:02 | claim o3 ann A 1 slot 10:00         | SLOT_FULL 10:00 of 2 CLAIMED                               | Refused                 | A 99/3
        0:03 | apply o1 1 RELEASED                 | #3 RELEASED A 1 -1 back OTHER slot 10:00 of o1 at 1        | OutcomeApplied RELEASED | A 99/2
        0:03 | apply o2 1 HELD until 2:00 keep A 1 | #4 HELD A 2 -1 back OTHER until 2:00 slot 10:00 of o2 at 1 | OutcomeApplied HELD     | A 99/1
        0:04 | claim o4 ann A 1 slot 10:00         | #8 CLAIMED A 1 slot 10:00 of o4 at 0                       | Claimed                 | A 99/2
        0:05 | claim o5 ann A 1 slot 10:00         | SLOT_FULL 10:00 of 2 CLAIMED                               | Refused                 | A 99/2
        0:06 | apply o2 2 EXPIRED                  | #4 EXPIRED A 2 -2 back OTHER slot 10:00 of o2 at 2         | OutcomeApplied EXPIRED  | A 99/1
        0:07 | claim o6 ann A 1 slot 10:00         | #11 CLAIMED A 1 slot 10:00 of o6 at 0                      | Claimed                 | A 99/2
    """,  # noqa: E501 a row is one line
    "an order has one place, however many of its parts want it": """
        at   | said                                   | answer                                                 | events                  | stock
        0:00 | receive A 99                           | applied 1                                              | StockAdjusted           | A 99/0
        0:01 | claim 7/1.1 ann A 1 slot 10:00         | #3 CLAIMED A 1 slot 10:00 of 7/1.1 at 0                | Claimed                 | A 99/1
        0:02 | reserve bob A 1 slot 10:00             | #4 HELD A 1 until 2:02 slot 10:00                      | Reserved                | A 99/2
        0:03 | claim 7/1.2 ann A 2 slot 10:00         | #5 CLAIMED A 2 slot 10:00 of 7/1.2 at 0                | Claimed                 | A 99/4
        0:04 | claim 7/11.1 cy A 1 slot 10:00         | SLOT_FULL 10:00 of 2 CLAIMED                           | Refused                 | A 99/4
        0:05 | apply 7/1.1 1 HELD until 9:00 keep A 1 | #3 HELD A 1 until 9:00 slot 10:00 of 7/1.1 at 1        | OutcomeApplied HELD     | A 99/4
        0:06 | claim 7/11.2 cy A 1 slot 10:00         | SLOT_FULL 10:00 of 2                                   | Refused                 | A 99/4
        0:07 | apply 7/1.1 2 RELEASED                 | #3 RELEASED A 1 -1 back OTHER slot 10:00 of 7/1.1 at 2 | OutcomeApplied RELEASED | A 99/3
        0:08 | claim 7/11.3 cy A 1 slot 10:00         | SLOT_FULL 10:00 of 2 CLAIMED                           | Refused                 | A 99/3
        0:09 | apply 7/1.2 1 HELD until 9:00 keep A 2 | #5 HELD A 2 until 9:00 slot 10:00 of 7/1.2 at 1        | OutcomeApplied HELD     | A 99/3
        0:10 | claim 7/1.3 ann A 1 slot 11:00         | #12 CLAIMED A 1 slot 11:00 of 7/1.3 at 0               | Claimed                 | A 99/4
        0:11 | restart                                |                                                        |                         | A 99/4
        0:11 | claim 7/11.4 cy A 1 slot 10:00         | SLOT_FULL 10:00 of 2                                   | Refused                 | A 99/4
        0:12 | collect #5                             | #5 COLLECTED A 2 -2 sold slot 10:00 of 7/1.2 at 1      | Collected               | A 97/2
        0:13 | claim 7/11.5 cy A 1 slot 10:00         | #15 CLAIMED A 1 slot 10:00 of 7/11.5 at 0              | Claimed                 | A 97/3
    """,  # noqa: E501 a row is one line
    "the slot that an order has is not asked for again": """
        at   | said                           | answer                                                 | events                  | stock
        0:00 | receive A 9                    | applied 1                                              | StockAdjusted           | A 9/0
        0:01 | claim 7/1.1 ann A 1 slot 10:00 | #3 CLAIMED A 1 slot 10:00 of 7/1.1 at 0                | Claimed                 | A 9/1
        9:30 | claim 7/1.2 ann A 1 slot 10:00 | #4 CLAIMED A 1 slot 10:00 of 7/1.2 at 0                | Claimed                 | A 9/2
        9:30 | claim 7/2.1 bob A 1 slot 10:00 | SLOT_NOT_OFFERED 10:00                                 | Refused                 | A 9/2
        9:31 | apply 7/1.1 1 RELEASED         | #3 RELEASED A 1 -1 back OTHER slot 10:00 of 7/1.1 at 1 | OutcomeApplied RELEASED | A 9/1
        9:31 | apply 7/1.2 1 RELEASED         | #4 RELEASED A 1 -1 back OTHER slot 10:00 of 7/1.2 at 1 | OutcomeApplied RELEASED | A 9/0
        9:32 | claim 7/1.3 ann A 1 slot 10:00 | SLOT_NOT_OFFERED 10:00                                 | Refused                 | A 9/0
    """,  # noqa: E501 a row is one line
    "slots that are not offered": """
        at   | said                        | answer                             | events        | stock
        0:00 | receive A 9                 | applied 1                          | StockAdjusted | A 9/0
        0:01 | reserve ann A 1 slot 9:59   | SLOT_NOT_OFFERED 9:59              | Refused       | A 9/0
        0:01 | reserve ann A 1 slot 18:00  | SLOT_NOT_OFFERED 18:00             | Refused       | A 9/0
        0:01 | reserve ann A 1 slot 8:00   | SLOT_NOT_OFFERED 8:00              | Refused       | A 9/0
        0:01 | reserve ann A 1 slot 9:00   | SLOT_NOT_OFFERED 9:00              | Refused       | A 9/0
        9:30 | reserve ann A 1 slot 10:00  | SLOT_NOT_OFFERED 10:00             | Refused       | A 9/0
        9:30 | reserve ann A 1 slot 11:00  | #8 HELD A 1 until 11:30 slot 11:00 | Reserved      | A 9/1
        9:30 | claim o1 ann A 1 slot 10:00 | SLOT_NOT_OFFERED 10:00             | Refused       | A 9/1
        9:31 | amend #8 slot 10:00         | SLOT_NOT_OFFERED 10:00             | Refused       | A 9/1
    """,
    "a deadline leaves the slot, and never falls while the shop is closed": """
        at   | said                         | answer                                      | events        | stock
        0:00 | receive A 9                  | applied 1                                   | StockAdjusted | A 9/0
        0:01 | reserve ann A 1 slot 3d10:00 | #3 HELD A 1 until 2:01 slot 3d10:00         | Reserved      | A 9/1
        0:02 | confirm #3 within 1h         | #3 CONFIRMED A 1 until 3d11:00 slot 3d10:00 | Confirmed     | A 9/1
        0:03 | extend #3 for 2h             | #3 CONFIRMED A 1 until 3d11:00 slot 3d10:00 | Extended      | A 9/1
        0:04 | extend #3 for 95h            | #3 CONFIRMED A 1 until 4d18:00 slot 3d10:00 | Extended      | A 9/1
        0:05 | amend #3 for 1h slot 4d12:00 | #3 CONFIRMED A 1 until 4d13:00 slot 4d12:00 | Amended       | A 9/1
        0:06 | reserve bob A 1 for 1h       | #8 HELD A 1 until 1:06                      | Reserved      | A 9/2
        0:07 | confirm #8 within 19h        | #8 CONFIRMED A 1 until 1d18:00              | Confirmed     | A 9/2
        0:08 | extend #8 for 2h             | #8 CONFIRMED A 1 until 18:00                | Extended      | A 9/2
        0:09 | extend #8 for 10h            | #8 CONFIRMED A 1 until 10:09                | Extended      | A 9/2
        0:10 | amend #8 for 20h             | #8 CONFIRMED A 1 until 1d18:00              | Amended       | A 9/2
    """,
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page(page: str) -> None:
    play(page, POLICY)


def test_places_that_were_given_are_kept_when_the_hours_change() -> None:
    watched = play(
        """
        at   | said
        0:00 | receive A 9
        0:01 | reserve ann A 1 slot 10:00
        0:02 | reserve bob A 1 slot 10:00
        0:03 | confirm #3
        """,
        POLICY,
    )
    watched.adopt(Policy(version=2), instant("0:04"))
    assert watched.ledger.slots_taken == {instant("10:00"): 2}
    told = watched.say(command_of("amend #3 A 2", "k"), instant("0:05"))
    assert answer_text(told.answer).endswith("slot 10:00"), "the slot that it has is not asked for again"
    watched.say(command_of("release #4", "r"), instant("0:06"))
    assert watched.ledger.slots_taken == {instant("10:00"): 1}
    assert watched.complaints() == []


def test_an_order_keeps_its_place_when_the_hours_change() -> None:
    watched = play("at | said\n 0:00 | receive A 9\n 0:01 | claim 7/1.1 ann A 1 slot 10:00", POLICY)
    watched.adopt(Policy(version=2), instant("0:02"))
    for text in ("claim 7/1.2 ann A 2 slot 10:00", "apply 7/1.1 1 RELEASED", "claim 7/1.3 ann A 1 slot 10:00"):
        watched.say(command_of(text, text), instant("0:03"))
        assert watched.ledger.slots_taken == {instant("10:00"): 1}
    watched.say(command_of("apply 7/1.2 1 RELEASED", ""), instant("0:04"))
    watched.say(command_of("apply 7/1.3 1 RELEASED", ""), instant("0:04"))
    assert (watched.ledger.slots_taken, watched.ledger.parts_in_slots) == ({}, {})
    assert watched.complaints() == []

"""Short picks: one call, with the customer's choice applied in it, and what is not there written off by it."""

from typing import Final

import pytest
from msgspec.structs import replace

from actors.core.policy import HOUR_MS, ChainLimitRule, Policy
from actors.core.rejection import Reason
from actors.core.status import ReleaseReason, Status
from actors.shop.commands import Release
from actors.shop.shortfalls.shortfall import (
    MOVE_LEFT_MS,
    OVER_KEPT_MAX,
    NoteMoveRefused,
    Resolution,
    ResolveShortfall,
    ShortfallCause,
    ShortfallTask,
    Tasks,
    key_elsewhere,
    key_of_move,
)
from tests.shop.scenario import play
from tests.shop.scenario_text import instant, task_text
from tests.shop.test_picking import queue, tasks
from tests.shop.watched import Watched

PICKS: Final = Policy(version=1, picks=True)
_CANCELLED, _MISSED = ReleaseReason.CUSTOMER_CANCELLED, ReleaseReason.NOT_FOUND_ON_SHELF
OPENING: Final = """
        at   | said                 | answer                                       | stock
        0:00 | receive A 9, B 9     | applied 2                                    |
        0:01 | reserve ann A 3, B 1 | #3 HELD A 3, B 1 until 2:01                  |
             | confirm #3           | #3 CONFIRMED A 3, B 1 until 2d0:01           |
             | take #3 as eva       | #3 PICKING A 0 of 3, B 0 of 1 eva until 0:11 |
             | scan #3 A as eva     | #3 PICKING A 1 of 3, B 0 of 1 eva until 0:11 |
"""


def test_the_rest_goes_on_without_them() -> None:
    watched = play(
        OPENING
        + """
        0:02 | short #3 A 3 without as eva    | PICKED_ALREADY A 3 of 2 #3 PICKING                   |
             | short #3 C 1 without as eva    | ARTICLE_NOT_ORDERED C 1 of 0 #3 PICKING              |
             | short #3 A 1 without as kim    | PICK_CLAIM_LOST #3 PICKING eva                       |
             | k: short #3 A 2 without as eva | #3 PICKING A 1 of 1, B 0 of 1 eva until 0:12         | A 7/1, B 9/1
             | k: short #3 A 2 without as eva | #3 PICKING A 1 of 1, B 0 of 1 eva until 0:12 (again) |
             | short #3 B 1 without as eva    | #3 PICKING A 1 of 1 eva until 0:12                   | A 7/1, B 8/0
             | finish #3 as eva ready         | #3 READY A 1 of 1                                    |
        """,
        PICKS,
    )
    assert tasks(watched) == ["#3 READY A 1 of 1"]


def test_where_nothing_was_found_the_task_is_withdrawn() -> None:
    watched = play(
        """
        at   | said                           | answer                             | stock
        0:00 | receive A 9                    | applied 1                          |
        0:01 | reserve ann A 2                | #3 HELD A 2 until 2:01             |
             | confirm #3                     | #3 CONFIRMED A 2 until 2d0:01      |
             | take #3 as eva                 | #3 PICKING A 0 of 2 eva until 0:11 |
             | k: short #3 A 2 without as eva | #3 WITHDRAWN                       | A 7/0
             | restart                        |                                    |
             | k: short #3 A 2 without as eva | #3 WITHDRAWN (again)               |
        """,
        PICKS,
    )
    assert tasks(watched) == []


def test_a_substitute_is_had_in_the_same_step_or_not_at_all() -> None:
    watched = play(
        OPENING
        + """
        0:02 | short #3 A 2 for C 1 as eva | SUBSTITUTE_NOT_ALLOWED C #3 CONFIRMED |
         | short #3 A 2 for C 1 listed as eva | SKU_NOT_STOCKED C 1 of 0 |
         | short #3 A 2 for B 9 listed as eva | INSUFFICIENT_STOCK B 10 of 9 | A 9/3, B 9/1
         | short #3 A 2 for B 2 listed as eva | #3 PICKING A 1 of 1, B 0 of 3 eva until 0:12 | A 7/1, B 9/3
         | short #3 B 1 without as eva | #3 PICKING A 1 of 1, B 0 of 2 eva until 0:12 | A 7/1, B 8/2
         | receive C 5 | applied 1 |
         | short #3 B 1 for C 2 listed as eva | #3 PICKING A 1 of 1, B 0 of 1, C 0 of 2 eva until 0:12 |
         | release #3 | #3 RELEASED A 1 -1 back, B 1 -1 back, C 2 -2 back OTHER | A 7/0, B 7/0, C 5/0
        """,
        PICKS,
    )
    assert tasks(watched) == ["#3 TO_PUT_BACK -1 A"]


def test_a_limit_of_the_chain_and_an_order_keep_a_substitute_out() -> None:
    play(
        """
        at | said | answer | events
        0:00 | receive A 9, B 9 | applied 2 | StockAdjusted
        0:01 | reserve ann A 2 | #3 HELD A 2 until 2:01 | Reserved
         | confirm #3 | #3 CONFIRMED A 2 until 2d0:01 | Confirmed
         | take #3 as eva | #3 PICKING A 0 of 2 eva until 0:11 | PickClaimed
         | short #3 A 1 for B 1 listed as eva | SUBSTITUTE_NOT_ALLOWED B #3 CONFIRMED | Refused
         | claim o1.1 bob A 2 | #7 CLAIMED A 2 of o1.1 at 0 | Claimed
         | apply o1.1 1 CONFIRMED until 3:00 | #7 CONFIRMED A 2 until 3:00 of o1.1 at 1 | OutcomeApplied CONFIRMED
         | take #7 as kim | #7 PICKING A 0 of 2 kim until 0:11 | PickClaimed
         | short #7 A 1 for B 1 listed as kim | PART_OF_ORDER #7 CONFIRMED | Refused
         | short #7 A 1 later 1h as kim | #7 TO_PICK A 0 of 2 | PickShorted
         | take #7 as kim | #7 PICKING A 0 of 2 kim until 0:11 | PickClaimed
         | short #7 A 1 later 5h as kim | PART_OF_ORDER #7 CONFIRMED | Refused
         | short #7 A 1 without as kim | #7 PICKING A 0 of 1 kim until 0:11 | Released NOT_FOUND_ON_SHELF, PickShorted
        """,
        Policy(version=1, picks=True, chain_limit_rules=(ChainLimitRule("", "B", 0, 5, 0),)),
    )


def test_units_of_a_quota_go_back_to_it_and_are_not_written_off() -> None:
    play(
        """
        at   | said                               | events                                   | stock
        0:00 | receive A 3                        | StockAdjusted                            |
             | allot channel:web A 3 for 5h       | Allotted                                 | A 3/0 out 3
        0:01 | reserve ann A 3                    | QuotaDrawn, Reserved                     | A 3/3
             | confirm #5                         | Confirmed                                |
             | take #5 as eva                     | PickClaimed                              |
             | short #5 A 1 without as eva        | Released NOT_FOUND_ON_SHELF, PickShorted | A 3/2 out 1
             | receive B 1                        | StockAdjusted                            |
             | short #5 A 1 for B 1 listed as eva | Amended, PickShorted                     | A 3/1 out 2, B 1/1
        """,
        PICKS,
    )


def test_later_it_is_looked_for_again_and_the_customer_has_his_time() -> None:
    watched = play(
        OPENING
        + """
        0:02   | short #3 A 2 later 9d as eva | TTL_TOO_LONG 777600000 of 604800000              |
               | short #3 A 2 later 3d as eva | #3 TO_PICK A 1 of 3, B 0 of 1                    | A 9/3, B 9/1
               | extend #3 for 6d             | #3 CONFIRMED A 3, B 1 until 6d0:02               |
               | take first as kim            | PICK_QUEUE_EMPTY                                 |
        3d0:02 | take first as kim            | #3 PICKING A 1 of 3, B 0 of 1 kim until 3d0:12   |
               | short #3 A 2 later 1h as kim | #3 TO_PICK A 1 of 3, B 0 of 1                    |
        """,
        PICKS,
    )
    (task,) = watched.ledger.picks.rows.values()
    assert task.promise_ms - watched.ledger.time_ms == HOUR_MS


def test_what_is_put_off_waits_behind_all_others_until_then() -> None:
    watched = play(
        """
        at   | said                         | answer
        0:00 | receive A 9                  | applied 1
        0:01 | reserve ann A 1              | #3 HELD A 1 until 2:01
             | confirm #3                   | #3 CONFIRMED A 1 until 2d0:01
             | here #3 in P4                | #3 TO_PICK A 0 of 1 waits P4
             | take first as eva            | #3 PICKING A 0 of 1 eva until 0:11 waits P4
             | short #3 A 1 later 1h as eva | #3 TO_PICK A 0 of 1
             | take first as eva            | PICK_QUEUE_EMPTY
        0:02 | reserve bob A 1              | #9 HELD A 1 until 2:02
             | confirm #9                   | #9 CONFIRMED A 1 until 2d0:02
        0:03 | reserve cy A 1               | #11 HELD A 1 until 2:03
             | confirm #11                  | #11 CONFIRMED A 1 until 2d0:03
             | restart                      |
        """,
        PICKS,
    )
    assert queue(watched) == [9, 11, 3]
    assert queue(watched, now_ms=instant("1:01")) == [9, 11, 3], "by its promise"
    watched = play(
        OPENING
        + """
        0:02 | short #3 A 1 later 1h as eva | #3 TO_PICK A 1 of 3, B 0 of 1                   |
        0:03 | here #3                      | #3 TO_PICK A 1 of 3, B 0 of 1                   |
             | take first as eva            | #3 PICKING A 1 of 3, B 0 of 1 eva until 0:13    |
             | short #3 A 1 later 1h as eva | #3 TO_PICK A 1 of 3, B 0 of 1                   |
             | take #3 as eva               | #3 PICKING A 1 of 3, B 0 of 1 eva until 0:13    |
             | short #3 A 1 later 1h as eva | #3 TO_PICK A 1 of 3, B 0 of 1                   |
        1:03 | take first as eva            | #3 PICKING A 1 of 3, B 0 of 1 eva until 1:13    |
             | short #3 A 1 later 1h as eva | PICK_STEP_NOT_ALLOWED A 4 of 3 #3 PICKING       |
             | short #3 A 1 without as eva  | #3 PICKING A 1 of 2, B 0 of 1 eva until 1:13    |
        """,
        PICKS,
    )
    assert queue(watched) == [3]


def test_what_is_to_be_put_back_first_is_available_to_nobody_until_then() -> None:
    rules = Policy(version=1, picks=True, put_back_first=True)
    watched = play(
        """
        at   | said                       | answer                                       | stock
        0:00 | receive A 2                | applied 1                                    |
        0:01 | reserve ann A 2            | #3 HELD A 2 until 2:01                       |
             | confirm #3                 | #3 CONFIRMED A 2 until 2d0:01                |
             | reserve bob A 1 waiting 1h | #5 QUEUED A 1 until 1:01 place 1             |
             | take #3 as eva             | #3 PICKING A 0 of 2 eva until 0:11           |
             | scan #3 A as eva           | #3 PICKING A 1 of 2 eva until 0:11           |
             | release #3 A 1             | #3 CONFIRMED A 2 -1 back OTHER until 2d0:01  |
        0:02 | release #3                 | #3 RELEASED A 2 -2 back OTHER                | A 2/1
             | reserve cy A 1             | INSUFFICIENT_STOCK A 1 of 0                  |
             | reserve dan A 1 waiting 1h | #12 QUEUED A 1 until 1:02 place 1 at 0:02:30 |
             | restart                    |                                              |
        0:03 | shelve #3 as eva           | #3 PUT_BACK                                  | A 2/2
        """,
        rules,
    )
    assert tasks(watched) == []


def test_what_no_quota_gets_back_is_written_off() -> None:
    play(
        """
        at   | said                              | answer                                       | stock
        0:00 | receive A 1, B 5                  | applied 2                                    |
             | allot channel:web B 3 for 5h drawn first | #3 OPEN web B 3 until 5:00 |
        0:01 | reserve ann A 1, B 1              | #5 HELD A 1, B 1 until 2:01                  | A 1/1, B 5/1 out 2
             | confirm #5                        | #5 CONFIRMED A 1, B 1 until 2d0:01           |
             | take #5 as eva                    | #5 PICKING A 0 of 1, B 0 of 1 eva until 0:11 |
        0:02 | short #5 A 1 without as eva       | #5 PICKING B 0 of 1 eva until 0:12           | A 0/0, B 5/1 out 2
             | reserve bob A 1                   | INSUFFICIENT_STOCK A 1 of 0                  |
        0:03 | short #5 B 1 without as eva       | #5 WITHDRAWN                                 | A 0/0, B 5/0 out 3
        """,
        PICKS,
    )
    play(
        """
        at   | said                         | answer                             | stock
        0:00 | receive A 3                  | applied 1                          |
             | allot channel:web A 2 for 1h | #3 OPEN web A 2 until 1:00 |
             | reserve ann A 3              | #5 HELD A 3 until 2:00             | A 3/3
             | confirm #5                   | #5 CONFIRMED A 3 until 2d0:00      |
        0:02 | take #5 as eva               | #5 PICKING A 0 of 3 eva until 0:12 |
             | short #5 A 3 without as eva  | #5 WITHDRAWN                       | A 2/0 out 2
        0:03 | reserve bob A 2              | #11 HELD A 2 until 2:03            |
             | confirm #11                  | #11 CONFIRMED A 2 until 2d0:03     |
        2:00 | take #11 as eva              | #11 PICKING A 0 of 2 eva until 2:10 |
             | short #11 A 2 without as eva | #11 WITHDRAWN                      | A 0/0
        """,
        PICKS,
    )


def test_what_is_not_there_moves_to_the_first_shop_that_has_it() -> None:
    """The shops that are asked are in the event; a move is over by the word of the one whose turn it is alone."""
    watched = play(
        OPENING
        + """
        0:02 | k: short #3 A 2 elsewhere S2,S3 as eva | #3 PICKING A 1 of 1, B 0 of 1 eva until 0:12 | A 7/1, B 9/1
         | k: short #3 A 2 elsewhere S4 as eva | #3 PICKING A 1 of 1, B 0 of 1 eva until 0:12 (again) |
         | resolve #7 MOVED to S2:9 | ORDER_UNDECIDED #3 |
        """,
        PICKS,
    )
    assert watched.ledger.tasks.rows[7].near == ("S2", "S3")
    assert resolved(watched, "S2") == "#7 NOT_FOUND #3 CONFIRMED lost A 2 of 3 MOVED to S2:9"
    assert resolved(watched, "S2") == "#7 NOT_FOUND #3 CONFIRMED lost A 2 of 3 MOVED to S2:9", "again"
    assert watched.ledger.tasks.moving == {}


def test_who_gives_a_move_up_leaves_it_to_gateways_that_the_shop_lets_go() -> None:
    watched = play(
        OPENING
        + """
        0:02 | short #3 A 2 elsewhere S2,S3 as eva | #3 PICKING A 1 of 1, B 0 of 1 eva until 0:12 | A 7/1, B 9/1
         | r: resolve #7 RELEASED | #7 NOT_FOUND #3 CONFIRMED lost A 2 of 3 RELEASED |
         | r: resolve #7 RELEASED | #7 NOT_FOUND #3 CONFIRMED lost A 2 of 3 RELEASED (again) |
         | resolve #7 RELEASED | SHORTFALL_RESOLVED |
        """,
        PICKS,
    )
    tasks_of = watched.ledger.tasks
    assert (tasks_of.rows[7].near, list(tasks_of.moving), list(tasks_of.open)) == (("S2",), [7], [])
    key = key_of_move(key_elsewhere(watched.ledger.ledger_id, 7))
    late = ResolveShortfall(key, 7, Resolution.MOVED, "S2", "S2:9")
    refused = watched.say(late, instant("0:04")).answer.answer
    assert refused.reason is Reason.SHORTFALL_RESOLVED, "who held them there lets go of them"
    let_go = [NoteMoveRefused(7, store_id) for store_id in ("S3", "S2", "S2")]
    told = [[type(event).__name__ for event in watched.say(each, instant("0:05")).events] for each in let_go]
    assert told == [[], ["MoveRefused"], []]
    assert (tasks_of.rows[7].near, list(tasks_of.moving)) == ((), [])
    assert task_text(tasks_of.rows[7]) == "#7 NOT_FOUND #3 CONFIRMED lost A 2 of 3 RELEASED"


@pytest.mark.parametrize(
    ("reason", "kinds"), [(_CANCELLED, ["Released", "ShortfallResolved"]), (_MISSED, ["Released"])]
)
def test_who_ends_the_rest_gives_the_move_up_unless_nothing_else_was_found(
    reason: ReleaseReason, kinds: list[str]
) -> None:
    watched = play(
        OPENING + "\n0:02 | short #3 A 2 elsewhere S2,S3 as eva | #3 PICKING A 1 of 1, B 0 of 1 eva until 0:12 |", PICKS
    )
    ended = watched.say(Release("x", 3, reason, ()), instant("0:03"))
    assert [type(event).__name__ for event in ended.events] == kinds
    is_over = len(kinds) > 1
    task = watched.ledger.tasks.rows[7]
    assert (task.resolution is Resolution.RELEASED, task.is_moving) == (is_over, not is_over)
    assert task.near == (("S2",) if is_over else ("S2", "S3"))


def test_a_task_of_which_a_shop_has_still_to_let_go_is_not_forgotten() -> None:
    known = Tasks()
    task = ShortfallTask(1, 1, "ann", "web", (("A", 1, 1),), Status.CONFIRMED, ShortfallCause.NOT_FOUND, 0, 1)
    for number in range(1, OVER_KEPT_MAX + 3):
        closed = replace(task, number=number, version=number, resolution=Resolution.RELEASED)
        known.put(replace(closed, near=("S2",)) if number == 1 else closed)
    assert (list(known.moving), len(known.over), 2 in known.rows) == ([1], OVER_KEPT_MAX, False)
    assert [row.number for row in known.left(MOVE_LEFT_MS, 0)[0]] == [1]
    known.put(replace(known.rows[1], near=(), version=9_999))
    assert (list(known.moving), len(known.over), known.over[-1]) == ([], OVER_KEPT_MAX, (9_999, 1))


def test_a_shop_that_refuses_makes_way_and_after_the_last_the_customer_goes_without() -> None:
    watched = play(
        OPENING + "\n0:02 | short #3 B 1 elsewhere S2,S3 as eva | #3 PICKING A 1 of 3 eva until 0:12 | A 9/3, B 8/0",
        PICKS,
    )
    refused = [NoteMoveRefused(7, store_id) for store_id in ("S3", "S2", "S2", "S3", "S3")]
    told = [tuple(type(event).__name__ for event in watched.say(each, instant("0:03")).events) for each in refused]
    assert told == [(), ("MoveRefused",), (), ("MoveRefused",), ()]
    assert task_text(watched.ledger.tasks.rows[7]) == "#7 NOT_FOUND #3 CONFIRMED lost B 1 of 1 RELEASED"


def test_where_no_shop_is_near_the_customer_goes_without_by_the_same_step() -> None:
    watched = play(OPENING + "\n0:02 | short #3 A 3 elsewhere as kim | PICK_CLAIM_LOST #3 PICKING eva |", PICKS)
    assert not watched.ledger.tasks.rows
    watched = play(
        OPENING + "\n0:02 | short #3 A 2 elsewhere as eva | #3 PICKING A 1 of 1, B 0 of 1 eva until 0:12 |", PICKS
    )
    assert task_text(watched.ledger.tasks.rows[7]) == "#7 NOT_FOUND #3 CONFIRMED lost A 2 of 3 RELEASED"


def resolved(watched: Watched, to_store: str) -> str:
    key = key_of_move(key_elsewhere(watched.ledger.ledger_id, 7))
    closing = ResolveShortfall(key, 7, Resolution.MOVED, to_store, f"{to_store}:9")
    return task_text(watched.say(closing, instant("0:04")).answer.answer)

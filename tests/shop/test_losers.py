"""Who loses by which rule, who of these waits first in line, and the tasks that are made of each loss."""

from collections.abc import Callable
from typing import Final

import pytest
from msgspec.structs import replace

from actors.core.policy import ChainLimitRule, LosesFirst, Policy
from actors.core.rejection import Reason
from actors.core.status import Status
from actors.core.transact import PolicyAdopted
from actors.shop.commands import CountStock
from actors.shop.events import Event, Served
from actors.shop.shortfalls.events import MoveBegun, ShortfallDeclared, ShortfallResolved
from actors.shop.shortfalls.shortfall import (
    OPEN_TASKS_MAX,
    OVER_KEPT_MAX,
    Resolution,
    ResolveShortfall,
    ShortfallCause,
    ShortfallTask,
    Tasks,
)
from tests.shop.scenario import play
from tests.shop.scenario_text import instant, task_text
from tests.shop.watched import Watched

WAIT: Final = Policy(version=1, losers_wait=True)
YOUNGEST: Final = Policy(version=1, loses_first=LosesFirst.YOUNGEST)


def tasks_of(watched: Watched) -> list[str]:
    return [task_text(task) for task in watched.ledger.tasks.rows.values()]


def test_by_the_other_rule_the_youngest_loses_whatever_it_is() -> None:
    page = """
        at   | said            | answer                                   | stock
        0:00 | receive A 6     | applied 1                                |
        0:01 | reserve ann A 2 | #3 HELD A 2 until 2:01                   |
        0:02 | reserve bob A 2 | #4 HELD A 2 until 2:02                   |
        0:03 | reserve cy A 2  | #5 HELD A 2 until 2:03                   | A 6/6
        0:04 | confirm #5      | #5 CONFIRMED A 2 until 2d0:04            |
        0:05 | ready #5        | #5 READY A 2 until 2d0:04                |
        0:07 | correct A -5    | applied 1 short A 5: #5 -2, #4 -2, #3 -1 | A 1/1
    """
    assert tasks_of(play(page, YOUNGEST)) == [
        "#10 CORRECTION #5 READY lost A 2 of 2",
        "#11 CORRECTION #4 HELD lost A 2 of 2",
        "#12 CORRECTION #3 HELD lost A 1 of 2",
    ]


def test_of_a_crowded_sku_the_youngest_lose_as_well() -> None:
    page = "at | said\n 0:00 | receive A 2000\n" + "".join(f"0:01 | reserve c{n} A 1\n" for n in range(600))
    page += "0:02 | confirm #602\n 0:03 | confirm #4\n 0:04 | count A 597"
    lost = [int(text.split()[2].removeprefix("#")) for text in tasks_of(play(page, YOUNGEST))]
    assert lost == [602, 601, 600]
    lost = [int(text.split()[2].removeprefix("#")) for text in tasks_of(play(page))]
    assert lost == [601, 600, 599]


def test_who_loses_all_waits_first_in_line_and_among_losers_by_arrival() -> None:
    watched = play(
        """
        at   | said                       | events                                       | stock
        0:00 | receive A 4                | StockAdjusted                                |
        0:01 | reserve ann A 1 for 9h     | Reserved                                     |
        0:02 | reserve bob A 1            | Reserved                                     |
        0:03 | reserve cy A 2             | Reserved                                     | A 4/4
        0:04 | reserve dan A 1 waiting 3h | Queued                                       |
        0:05 | confirm #4                 | Confirmed                                    |
        0:06 | count A 0                  | StockCounted, ShortfallDeclared, Requeued x3 | A 0/0
        0:07 | receive A 1                | StockAdjusted, Served                        | A 1/1
        0:08 | restart                    |                                              | A 1/1
        0:09 | receive A 2                | StockAdjusted, Served                        | A 3/2
        0:10 | receive A 1                | StockAdjusted, Served                        | A 4/4
        0:11 | receive A 1                | StockAdjusted, Served                        | A 5/5
        """,
        WAIT,
    )
    served = [record.event.number for record in watched.records if isinstance(record.event, Served)]
    assert served == [3, 4, 5, 6], "ann, bob, cy, and dan, who had asked, behind them"


def test_what_was_confirmed_is_confirmed_again_and_a_hold_is_a_hold() -> None:
    play(
        """
        at    | said              | answer                                             | events
        0:00  | receive A 2       | applied 1                                          | StockAdjusted
        0:01  | reserve ann A 1   | #3 HELD A 1 until 2:01                             | Reserved
        0:02  | reserve bob A 1   | #4 HELD A 1 until 2:02                             | Reserved
        0:03  | confirm #3        | #3 CONFIRMED A 1 until 2d0:03                      | Confirmed
        0:04  | ready #3          | #3 READY A 1 until 2d0:03                          | ReadyMarked
        0:05  | sell A 2          | applied 1 short A 2: #4 -1, #3 -1 | StockAdjusted, ShortfallDeclared, Requeued x2
        0:06  | receive A 2       | applied 1                                          | StockAdjusted, Served x2
        0:07  | ready #3          | #3 READY A 1 until 2d0:06                          | ReadyMarked
        0:08  | confirm #4        | #4 CONFIRMED A 1 until 2d0:08                      | Confirmed
    """,
        WAIT,
    )


def test_a_loser_that_is_not_taken_up_keeps_its_place_once_before_those_who_asked() -> None:
    play(
        """
        at   | said                       | events
        0:00 | receive A 1                | StockAdjusted
        0:01 | reserve ann A 1 for 1h     | Reserved
        0:02 | reserve bob A 1 waiting 9h | Queued
        0:03 | sell A 1                   | StockAdjusted, ShortfallDeclared, Requeued
        0:04 | receive A 1                | StockAdjusted, Served
        1:04 | wait                       | PassedOver, Served
        3:05 | wait                       | PassedOver, Served
    """,
        WAIT,
    )


def test_who_cannot_wait_is_released_and_the_task_says_why() -> None:
    page = """
        at   | said                          | events
        0:00 | receive A 9, B 9              | StockAdjusted
        0:01 | reserve ann A 1, B 1          | Reserved
        0:02 | reserve bob A 1 basket b      | Reserved
        0:03 | reserve cy A 3                | Reserved
        0:04 | collect #5 A 1                | Collected
        0:05 | claim o1 dan A 1              | Claimed
        0:06 | reserve eve A 1               | Reserved
        0:07 | reserve eve A 1               | Reserved
        0:08 | reserve gus A 1 via app       | Reserved
        0:09 | count A 1                     | {}
    """
    policy = Policy(version=1, losers_wait=True, line_places_max=1)
    page = page.format("StockCounted, ShortfallDeclared, Requeued, Released SHORTFALL x5")
    assert tasks_of(play(page, policy)) == [
        "#13 COUNT #10 HELD lost A 1 of 1 place #10",
        "#14 COUNT #9 HELD lost A 1 of 1 no place LINE_FULL",
        "#15 COUNT #8 HELD lost A 1 of 1 no place LINE_FULL",
        "#16 COUNT #7 CLAIMED lost A 1 of 1 no place LINE_NOT_OFFERED",
        "#17 COUNT #5 HELD lost A 2 of 2 no place LINE_NOT_OFFERED",
        "#18 COUNT #4 HELD lost A 1 of 1 no place LINE_FULL",
    ]


def test_one_customer_has_one_place_also_under_a_limit_of_the_chain() -> None:
    page = """
        at   | said                    | answer
        0:00 | receive A 3             | applied 1
        0:01 | reserve ann A 1         | #3 HELD A 1 until 2:01
        0:02 | reserve ann A 1         | #4 HELD A 1 until 2:02
        0:03 | sell A 3                | applied 1 short A 2: #4 -1, #3 -1
    """
    assert tasks_of(play(page, WAIT)) == [
        "#7 SALE #4 HELD lost A 1 of 1 place #4",
        "#8 SALE #3 HELD lost A 1 of 1 no place IN_LINE_ALREADY",
    ]
    watched = play(page.partition("        0:03")[0], WAIT)
    limited = Policy(version=2, losers_wait=True, chain_limit_rules=(ChainLimitRule("web", "", 9, 0, 0),))
    watched.adopt(limited, instant("0:03"))
    watched.say(CountStock("k", (("A", 0),), 0, True), instant("0:04"))
    assert [task.no_place for task in watched.ledger.tasks.rows.values()] == [None, Reason.IN_LINE_ALREADY]
    assert watched.complaints() == []


RESOLVED: Final = """
    at   | said                        | answer                                                        | events
    0:00 | receive A 3                 | applied 1                                                     | StockAdjusted
    0:01 | reserve ann A 1             | #{0} HELD A 1 until 2:01                                      | Reserved
    0:02 | reserve bob A 2             | #{1} HELD A 2 until 2:02                                      | Reserved
    0:03 | sell A 3                    | applied 1 short A 3: #{1} -2, #{0} -1                         | {sold}
"""


def test_a_task_is_resolved_once_and_its_key_gets_the_first_answer() -> None:
    sold, waits = "StockAdjusted, ShortfallDeclared, Released SHORTFALL x2", "ShortfallResolved, Queued"
    page = (
        RESOLVED
        + """
    0:04 | k: resolve #6 MOVED to S2:7 | #6 SALE #3 HELD lost A 2 of 2 MOVED to S2:7         | ShortfallResolved
    0:05 | k: resolve #6 MOVED to S2:7 | #6 SALE #3 HELD lost A 2 of 2 MOVED to S2:7 (again) |
    0:06 | k: resolve #6 RELEASED      | IDEMPOTENCY_KEY_REUSED (again)                      |
    0:07 | resolve #6 RELEASED         | SHORTFALL_RESOLVED                                  | Refused
    0:08 | resolve #5 RELEASED         | SHORTFALL_NOT_FOUND                                 | Refused
    0:09 | restart                     |                                                     |
    0:10 | k: resolve #6 MOVED to S2:7 | #6 SALE #3 HELD lost A 2 of 2 MOVED to S2:7 (again) |
    0:11 | resolve #7 WAITING          | #7 SALE #2 HELD lost A 1 of 1 place #12 WAITING     | {waits}
    0:12 | receive A 1                 | applied 1                                           | StockAdjusted, Served
    """
    )
    play(page.format(2, 3, sold=sold, waits=waits))


def test_who_waits_by_the_rule_leaves_the_line_when_he_is_moved_or_told() -> None:
    sold, moved = "StockAdjusted, ShortfallDeclared, Requeued x2", "ShortfallResolved, Left SHORTFALL"
    page = (
        RESOLVED
        + """
    0:04 | resolve #7 MOVED to S2:7    | #7 SALE #4 HELD lost A 2 of 2 place #4 MOVED to S2:7 | {moved}
    0:05 | receive A 1                 | applied 1                                            | StockAdjusted, Served
    0:06 | resolve #8 MOVED to S2:8    | SHORTFALL_RESOLVED                                   | Refused
    0:07 | resolve #8 RELEASED         | SHORTFALL_RESOLVED                                   | Refused
    """
    )
    play(page.format(3, 4, sold=sold, moved=moved), WAIT)


def test_who_is_served_has_no_task_any_more_and_a_new_one_if_he_loses_again() -> None:
    watched = play(
        """
        at   | said                       | events
        0:00 | receive A 1                | StockAdjusted
        0:01 | reserve ann A 1 for 1h     | Reserved
        0:03 | sell A 1                   | StockAdjusted, ShortfallDeclared, Requeued
        0:04 | receive A 1                | StockAdjusted, Served
        0:05 | restart                    |
        0:06 | sell A 1                   | StockAdjusted, ShortfallDeclared, Requeued
        0:07 | resolve #11 RELEASED       | ShortfallResolved, Left SHORTFALL
    """,
        WAIT,
    )
    assert tasks_of(watched) == [
        "#6 SALE #3 HELD lost A 1 of 1 place #3 SERVED",
        "#11 SALE #3 HELD lost A 1 of 1 place #3 RELEASED",
    ]


def test_a_move_that_is_begun_leaves_the_task_open_and_its_key_has_one_target() -> None:
    page = """
        at   | said                        | answer                                             | events
        0:00 | receive A 1                 | applied 1                                          | StockAdjusted
        0:01 | reserve ann A 1             | #2 HELD A 1 until 2:01                             | Reserved
        0:02 | sell A 1                    | applied 1 short A 1: #2 -1                         | {sold}
        0:03 | b: resolve #5 MOVED         | #5 SALE #2 HELD lost A 1 of 1                      | MoveBegun
        0:04 | b: resolve #5 MOVED         | #5 SALE #2 HELD lost A 1 of 1 (again)              |
        0:05 | restart                     |                                                    |
        0:06 | b: resolve #5 MOVED         | #5 SALE #2 HELD lost A 1 of 1 (again)              |
        0:07 | k: resolve #5 MOVED to S2:7 | #5 SALE #2 HELD lost A 1 of 1 MOVED to S2:7        | ShortfallResolved
        0:08 | resolve #5 MOVED            | SHORTFALL_RESOLVED                                 | Refused
    """
    watched = play(page.format(sold="StockAdjusted, ShortfallDeclared, Released SHORTFALL"))
    other = ResolveShortfall("b", 5, Resolution.MOVED, "S3")
    assert "IDEMPOTENCY_KEY_REUSED" in str(watched.say(other, instant("0:09")).answer)
    begun = replace(next(record for record in watched.records if isinstance(record.event, MoveBegun)).event, key="late")
    last = watched.records[-1]
    watched.records.append(last._replace(version=last.version + 1, event=begun))
    assert {violation.invariant for violation in watched.audited().violations} == {"I19"}


def test_a_part_of_an_order_is_its_orders_to_move() -> None:
    page = """
        at   | said             | answer
        0:00 | receive A 1      | applied 1
        0:01 | claim o1 ann A 1 | #2 CLAIMED A 1 of o1 at 0
        0:02 | sell A 1         | applied 1 short A 1: #2 -1
        0:03 | resolve #5 WAITING | PART_OF_ORDER #2
        0:04 | resolve #5 RELEASED | #5 SALE #2 CLAIMED lost A 1 of 1 RELEASED
    """
    play(page)


def test_beyond_the_bound_the_oldest_is_closed_as_not_handled() -> None:
    tasks = Tasks()
    for number in range(1, OPEN_TASKS_MAX + OVER_KEPT_MAX + 12):
        of = ShortfallTask(number, 1, "ann", "web", (("A", 1, 1),), 1, ShortfallCause.COUNT, number, number)  # type: ignore[arg-type]
        tasks.put(of)
    assert (len(tasks.open), len(tasks.over)) == (OPEN_TASKS_MAX, OVER_KEPT_MAX)
    assert 11 not in tasks.rows
    assert tasks.rows[12].resolution is Resolution.NOT_HANDLED


def test_the_ones_closed_last_stay_known_whatever_their_numbers() -> None:
    tasks = Tasks()
    for number in range(1, OVER_KEPT_MAX + 2):
        of = ShortfallTask(number, 1, "ann", "web", (), Status.HELD, ShortfallCause.COUNT, number, number)
        tasks.put(of)
        if number > 1:
            tasks.put(replace(of, resolution=Resolution.RELEASED, version=5_000 + number))
    tasks.put(replace(tasks.rows[1], resolution=Resolution.RELEASED, version=9_000))
    assert tasks.rows[1].resolution is Resolution.RELEASED
    assert 2 not in tasks.rows, "the one closed first"
    again = Tasks()
    for _, task in sorted(tasks.rows.items()):  # as a snapshot restores them
        again.put(task)
    assert (again.open, again.over) == (tasks.open, tasks.over)


@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 8])
def test_pages_have_those_first_that_are_open(page_size: int) -> None:
    tasks = Tasks()
    for number in range(2, 9):
        resolution = Resolution.RELEASED if number % 3 == 0 else None
        of = ShortfallTask(number, 1, "ann", "web", (), 1, ShortfallCause.COUNT, 1, 1, resolution=resolution)  # type: ignore[arg-type]
        tasks.put(of)
    numbers, after = list[int](), 0
    while True:
        page, after = tasks.page(after, page_size, only_open=False)
        numbers += [task.number for task in page]
        if not after:
            break
    assert numbers == [2, 4, 5, 7, 8, 3, 6]
    page, after = tasks.page(0, 10, only_open=True)
    assert ([task.number for task in page], after) == ([2, 4, 5, 7, 8], 0)


AUDITED: Final = """
    at   | said
    0:00 | receive A 2
    0:01 | reserve ann A 1
    0:02 | reserve bob A 1
    0:03 | confirm #3
    0:04 | count A 0
    0:05 | resolve #8 RELEASED
    0:06 | receive A 2
"""


def silently_by_another_rule(event: Event) -> Event:
    return PolicyAdopted(Policy(version=1)) if isinstance(event, PolicyAdopted) else event


def the_older_first(event: Event) -> Event:
    if not isinstance(event, ShortfallDeclared):
        return event
    short = event.shortfall
    return ShortfallDeclared(replace(short, losses=tuple(reversed(short.losses))))


def served_as_a_hold(event: Event) -> Event:
    return replace(event, status=Status.HELD) if isinstance(event, Served) else event


def of_no_task(event: Event) -> Event:
    return replace(event, number=3) if isinstance(event, ShortfallResolved) else event


@pytest.mark.parametrize(
    ("alter", "invariant"),
    [
        (silently_by_another_rule, "I19"),
        (the_older_first, "I19"),
        (of_no_task, "I19"),
        (served_as_a_hold, "I18"),
    ],
)
def test_a_tampered_journal_is_seen_by_the_audit(alter: Callable[[Event], Event], invariant: str) -> None:
    watched = play(AUDITED, WAIT)
    assert watched.audited().violations == ()
    watched.records = [record._replace(event=alter(record.event)) for record in watched.records]
    assert invariant in {violation.invariant for violation in watched.audited().violations}


def test_a_task_that_is_closed_twice_is_seen_by_the_audit() -> None:
    watched = play(AUDITED, WAIT)
    (closed,) = (record for record in watched.records if isinstance(record.event, ShortfallResolved))
    last = watched.records[-1]
    again = replace(closed.event, key="again")
    watched.records.append(last._replace(version=last.version + 1, event=again))
    assert {violation.invariant for violation in watched.audited().violations} == {"I19"}

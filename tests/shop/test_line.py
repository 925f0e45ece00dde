"""Waiting in line: who comes first is served first, units that are free are kept for the head, and a place that is not
taken up is kept once.
"""

from functools import partial

import pytest
from msgspec.structs import replace

from actors.core.deadlines import STALE_ENTRIES_MAX
from actors.core.policy import HOUR_MS, ChainLimitRule, LimitRule, LineRule, Policy
from actors.core.status import ReleaseReason, Status
from actors.shop import expiry
from actors.shop.invariants import check
from actors.shop.lines.estimates import Rates
from actors.shop.lines.line import InLine
from actors.shop.state import Reservation
from actors.shop.transact import expire, transact
from tests.shop.scenario import play
from tests.shop.scenario_text import command_of, instant
from tests.shop.strategies import ONE_PLACE
from tests.shop.watched import DAY_ZERO_MS, Core, Watched

RULES = Policy(version=1, line_places_max=3)
MAY_PASS = Policy(version=1, line_may_pass=True)
LIMITED = Policy(version=1, limit_rules=(LimitRule("", "A", 0, 2),))
OF_THE_CHAIN = Policy(version=1, chain_limit_rules=(ChainLimitRule("", "A", 0, 2, 0),))

PAGES = {
    "in order of arrival, as units come free": """
        at   | said                       | answer                               | events                 | stock
        0:00 | receive A 2                | applied 1                            | StockAdjusted          | A 2/0
        0:01 | reserve ann A 2            | #2 HELD A 2 until 2:01               | Reserved               | A 2/2
        0:02 | reserve bob A 1 waiting 5h | #3 QUEUED A 1 until 5:02 place 1     | Queued                 | A 2/2
        0:03 | reserve cy A 1 waiting 5h  | #4 QUEUED A 1 until 5:03 place 2     | Queued                 | A 2/2
        0:04 | reserve dan A 1 waiting 5h | #5 QUEUED A 1 until 5:04 place 3     | Queued                 | A 2/2
        0:05 | release #2 A 1             | #2 HELD A 2 -1 back OTHER until 2:01 | Released OTHER, Served | A 2/2
        0:06 | confirm #3                 | #3 CONFIRMED A 1 until 2d0:06        | Confirmed              | A 2/2
        2:01 | wait                       |                                      | Expired, Served        | A 2/2
        2:02 | receive A 1                | applied 1                            | StockAdjusted, Served  | A 3/3
        2:03 | collect #5                 | #5 COLLECTED A 1 -1 sold             | Collected              | A 2/2
    """,
    "a count, an amendment and safety stock serve as well": """
        at   | said                       | answer                           | events                 | stock
        0:00 | receive A 3                | applied 1                        | StockAdjusted          | A 3/0
        0:00 | safety A 1                 | applied 1                        | SafetyStockSet         | A 3/0 keep 1
        0:01 | reserve ann A 2            | #3 HELD A 2 until 2:01           | Reserved               | A 3/2 keep 1
        0:02 | reserve bob A 1 waiting 5h | #4 QUEUED A 1 until 5:02 place 1 | Queued                 | A 3/2 keep 1
        0:02 | reserve cy A 1 waiting 5h  | #5 QUEUED A 1 until 5:02 place 2 | Queued                 | A 3/2 keep 1
        0:02 | reserve dan A 1 waiting 5h | #6 QUEUED A 1 until 5:02 place 3 | Queued                 | A 3/2 keep 1
        0:03 | amend #3 A 1               | #3 HELD A 1 until 2:01           | Amended, Served        | A 3/2 keep 1
        0:04 | safety A 0                 | applied 1                        | SafetyStockSet, Served | A 3/3
        0:05 | count A 4                  | applied 1                        | StockCounted, Served   | A 4/4
    """,
    "units are kept for the head, and nobody who needs fewer passes": """
        at   | said                       | answer                               | events                  | stock
        0:00 | receive A 4                | applied 1                            | StockAdjusted           | A 4/0
        0:01 | reserve ann A 4            | #2 HELD A 4 until 2:01               | Reserved                | A 4/4
        0:02 | reserve bob A 3 waiting 1h | #3 QUEUED A 3 until 1:02 place 1     | Queued                  | A 4/4
        0:03 | reserve cy A 1 waiting 5h  | #4 QUEUED A 1 until 5:03 place 2     | Queued                  | A 4/4
        0:04 | release #2 A 2             | #2 HELD A 4 -2 back OTHER until 2:01 | Released OTHER          | A 4/2
        0:05 | reserve dan A 1            | INSUFFICIENT_STOCK A 1 of 0          | Refused                 | A 4/2
        0:06 | claim o1 eve A 1           | INSUFFICIENT_STOCK A 1 of 0          | Refused                 | A 4/2
        0:07 | amend #2 A 3               | TRANSITION_NOT_ALLOWED #2 HELD       | Refused                 | A 4/2
        1:02 | wait                       |                                      | Left NOT_SERVED, Served | A 4/3
        1:03 | reserve dan A 1            | #11 HELD A 1 until 3:03              | Reserved                | A 4/4
        1:04 | confirm #3                 | RESERVATION_EXPIRED #3 EXPIRED       | Refused                 | A 4/4
    """,
    "whoever leaves makes way": """
        at   | said                       | answer                                   | events             | stock
        0:00 | receive A 1                | applied 1                                | StockAdjusted      | A 1/0
        0:01 | reserve ann A 2 waiting 1h | #2 QUEUED A 2 until 1:01 place 1         | Queued             | A 1/0
        0:02 | reserve bob A 1 waiting 1h | #3 QUEUED A 1 until 1:02 place 2         | Queued             | A 1/0
        0:03 | release #2 A 1             | QUANTITY_EXCEEDS_HELD A 1 of 0 #2 QUEUED | Refused            | A 1/0
        0:03 | k1: release #2             | #2 RELEASED A 2 OTHER                    | Left OTHER, Served | A 1/1
        0:04 | k1: release #2             | #2 RELEASED A 2 OTHER (again)            |                    | A 1/1
        0:05 | release #2                 | TRANSITION_NOT_ALLOWED #2 RELEASED       | Refused            | A 1/1
    """,
    "what is not taken up in time goes to the next, and keeps its place once": """
        at   | said                              | answer                           | events                 | stock
        0:00 | receive A 1                       | applied 1                        | StockAdjusted          | A 1/0
        0:01 | reserve ann A 1 for 10m           | #2 HELD A 1 until 0:11           | Reserved               | A 1/1
        0:02 | reserve bob A 1 for 5m waiting 1h | #3 QUEUED A 1 until 1:02 place 1 | Queued                 | A 1/1
        0:03 | reserve cy A 1 for 5m waiting 1h  | #4 QUEUED A 1 until 1:03 place 2 | Queued                 | A 1/1
        0:11 | wait                              |                                  | Expired, Served        | A 1/1
        0:16 | wait                              |                                  | PassedOver, Served     | A 1/1
        0:17 | confirm #4                        | #4 CONFIRMED A 1 until 2d0:17    | Confirmed              | A 1/1
        0:18 | release #4                        | #4 RELEASED A 1 -1 back OTHER    | Released OTHER, Served | A 1/1
        0:22 | confirm #3 within 1h              | #3 CONFIRMED A 1 until 1:22      | Confirmed              | A 1/1
        1:22 | wait                              |                                  | Expired                | A 1/0
    """,
    "with nobody behind it is served again at once, and the second time it is out": """
        at   | said                              | answer                           | events             | stock
        0:00 | receive A 1                       | applied 1                        | StockAdjusted      | A 1/0
        0:01 | reserve ann A 1 for 10m           | #2 HELD A 1 until 0:11           | Reserved           | A 1/1
        0:02 | reserve bob A 1 for 5m waiting 1h | #3 QUEUED A 1 until 1:02 place 1 | Queued             | A 1/1
        0:11 | wait                              |                                  | Expired, Served    | A 1/1
        0:16 | wait                              |                                  | PassedOver, Served | A 1/1
        0:21 | wait                              |                                  | Expired            | A 1/0
        0:22 | confirm #3                        | RESERVATION_EXPIRED #3 EXPIRED   | Refused            | A 1/0
    """,
    "who stands in line elsewhere for the same does not come back": """
        at   | said                              | answer                                   | events          | stock
        0:00 | receive A 1                       | applied 1                                | StockAdjusted   | A 1/0
        0:01 | reserve ann A 1 for 10m           | #2 HELD A 1 until 0:11                   | Reserved        | A 1/1
        0:02 | reserve bob A 1 for 5m waiting 1h | #3 QUEUED A 1 until 1:02 place 1         | Queued          | A 1/1
        0:11 | wait                              |                                          | Expired, Served | A 1/1
        0:12 | reserve bob A 1 waiting 1h        | #6 QUEUED A 1 until 1:12 place 1 at 0:13 | Queued          | A 1/1
        0:16 | wait                              |                                          | Expired, Served | A 1/1
    """,
    "a repeat has the first answer, one place for a customer and SKU": """
        at   | said                           | answer                                   | events
        0:00 | receive A 1, B 1               | applied 2                                | StockAdjusted
        0:01 | k1: reserve ann A 2 waiting 1h | #2 QUEUED A 2 until 1:01 place 1         | Queued
        0:02 | k1: reserve ann A 2 waiting 1h | #2 QUEUED A 2 until 1:01 place 1 (again) |
        0:03 | k1: reserve ann A 2 waiting 2h | IDEMPOTENCY_KEY_REUSED (again)           |
        0:04 | reserve ann A 5 waiting 1h     | IN_LINE_ALREADY A #2 QUEUED              | Refused
        0:05 | reserve ann B 2 waiting 1h     | #4 QUEUED B 2 until 1:05 place 1         | Queued
        0:06 | k2: reserve bob B 1 waiting 1h | #5 QUEUED B 1 until 1:06 place 2         | Queued
        0:07 | release #4                     | #4 RELEASED B 2 OTHER                    | Left OTHER, Served
        0:08 | k2: reserve bob B 1 waiting 1h | #5 QUEUED B 1 until 1:06 place 2 (again) |
        0:09 | restart                        |                                          |
        0:10 | k1: reserve ann A 2 waiting 1h | #2 QUEUED A 2 until 1:01 place 1 (again) |
        0:11 | k3: reserve cy B 1 waiting 1h  | #8 QUEUED B 1 until 1:11 place 1         | Queued
    """,
    "what is there is held at once": """
        at   | said                                 | answer                            | events
        0:00 | receive A 1, B 2                     | applied 2                         | StockAdjusted
        0:01 | k1: reserve ann A 1 waiting 1h       | #2 HELD A 1 until 2:01            | Reserved
        0:02 | k1: reserve ann A 1 waiting 1h       | #2 HELD A 1 until 2:01 (again)    |
        0:03 | k1: reserve ann A 1                  | IDEMPOTENCY_KEY_REUSED (again)    |
        0:04 | k2: reserve bob A 1, B 1 waiting 1h  | LINE_NOT_OFFERED A 1 of 0         | Refused
        0:05 | reserve bob A 1, A 1 waiting 1h      | LINE_NOT_OFFERED A 2 of 0         | Refused
        0:06 | reserve bob Z 1 waiting 1h           | SKU_NOT_STOCKED Z 1 of 0          | Refused
        0:07 | reserve bob A 1 waiting 25h          | TTL_TOO_LONG 90000000 of 86400000 | Refused
        2:01 | wait                                 |                                   | Expired
    """,
    "when it may be: by what came free lately": """
        at   | said                       | answer                                   | events
        0:00 | receive A 4                | applied 1                                | StockAdjusted
        0:01 | reserve ann A 4            | #2 HELD A 4 until 2:01                   | Reserved
        0:10 | release #2 A 1             | #2 HELD A 4 -1 back OTHER until 2:01     | Released OTHER
        0:10 | reserve bob A 1            | #4 HELD A 1 until 2:10                   | Reserved
        0:20 | release #2 A 1             | #2 HELD A 4 -2 back OTHER until 2:01     | Released OTHER
        0:20 | reserve cy A 1             | #6 HELD A 1 until 2:20                   | Reserved
        0:30 | reserve dan A 1 waiting 1h | #7 QUEUED A 1 until 1:30 place 1 at 0:40 | Queued
        0:30 | reserve eve A 2 waiting 1h | #8 QUEUED A 2 until 1:30 place 2 at 1:00 | Queued
    """,
}


TAKE_UP = """
    at   | said                       | answer                             | events                 | stock
    0:00 | receive A 1                | applied 1                          | StockAdjusted          | A 1/0
    0:01 | reserve ann A 1            | #3 HELD A 1 until 2:01             | Reserved               | A 1/1
    0:02 | reserve bob A 1 waiting 5h | #4 QUEUED A 1 until 5:02 place 1   | Queued                 | A 1/1
    0:03 | reserve cy A 1 waiting 5h  | #5 QUEUED A 1 until 5:03 place 2   | Queued                 | A 1/1
    0:04 | release #3 A 1             | #3 RELEASED A 1 -1 back OTHER      | Released OTHER, Served | A 1/1
    0:14 | wait                       |                                    | PassedOver, Served     | A 1/1
    0:20 | confirm #5                 | #5 CONFIRMED A 1 until 2d0:20      | Confirmed              | A 1/1
"""


def test_who_is_served_has_so_long_as_the_rule_says() -> None:
    """However long its hold would be by other rules."""
    play(TAKE_UP, Policy(version=1, line_take_up_ms=10 * HOUR_MS // 60))


TAKEN_UP_LATER = """
    at   | said                       | answer                                                  | events
    0:00 | receive A 2                | applied 1                                               | StockAdjusted
    0:01 | reserve ann A 2            | #3 HELD A 2 until 2:01                                  | Reserved
    0:02 | reserve bob A 1 waiting 5h | #4 QUEUED A 1 until 5:02 place 1                        | Queued
    0:03 | reserve cy A 2 waiting 5h  | #5 QUEUED A 2 until 5:03 place 2                        | Queued
    0:04 | release #3                 | #3 RELEASED A 2 -2 back OTHER                           | Released OTHER, Served
    0:05 | extend #4 for 1h           | TTL_TOO_LONG 3600000 of 540000                          | Refused
    0:05 | amend #4 for 10m           | TTL_TOO_LONG 600000 of 540000                           | Refused
    0:06 | amend #4 A 1               | #4 HELD A 1 until 0:14                                  | Amended
    0:07 | extend #4 for 7m           | #4 HELD A 1 until 0:14                                  | Extended
    0:08 | amend #4 A 1 for 5m        | #4 HELD A 1 until 0:13                                  | Amended
    0:09 | release #5                 | #5 RELEASED A 2 OTHER                                   | Left OTHER
    0:10 | extend #4 for 1h           | #4 HELD A 1 until 1:10                                  | Extended
    0:11 | reserve dan A 2 waiting 5h | #15 QUEUED A 2 until 5:11 place 1 at 0:12:45            | Queued
    0:12 | extend #4 for 1h           | TTL_TOO_LONG 3600000 of 3480000                         | Refused
    0:13 | confirm #4                 | #4 CONFIRMED A 1 until 2d0:13                           | Confirmed
    0:14 | extend #4 for 3h           | #4 CONFIRMED A 1 until 3:14                             | Extended
"""


def test_who_was_served_has_no_longer_to_take_it_up_while_others_wait() -> None:
    play(TAKEN_UP_LATER, Policy(version=1, line_take_up_ms=10 * HOUR_MS // 60))


def test_a_shop_goes_by_its_own_rule_for_lines() -> None:
    chain = Policy(
        version=1,
        line_take_up_ms=HOUR_MS,
        line_rules=(LineRule("S1", True, 0), LineRule("S2", False, 60_000)),
    )
    told = {each: chain.of_shop(each) for each in ("S1", "S2", "S3")}
    assert {each: (mine.line_may_pass, mine.line_take_up_ms) for each, mine in told.items()} == {
        "S1": (True, HOUR_MS),
        "S2": (False, 60_000),
        "S3": (False, HOUR_MS),
    }
    assert all(mine.line_rules == () for mine in told.values()), "of which it knows no other's"
    assert chain.of_shops(("S2", "S3")).line_rules == chain.line_rules[1:]
    assert replace(chain, line_may_pass=True).of_shop("S2").line_may_pass is False


@pytest.mark.parametrize("name", PAGES)
def test_line(name: str) -> None:
    play(PAGES[name])


def test_what_is_held_at_once_has_its_slot_as_well() -> None:
    page = """
        at   | said                                 | answer
        0:00 | receive A 1                          | applied 1
        0:01 | reserve ann A 1 slot 10:00 waiting 1h | #3 HELD A 1 until 2:01 slot 10:00
    """
    play(page, Policy(version=1, calendar=ONE_PLACE))


def test_a_line_is_full() -> None:
    page = """
        at   | said                       | answer
        0:00 | receive A 1                | applied 1
        0:01 | reserve ann A 2 waiting 1h | #3 QUEUED A 2 until 1:01 place 1
        0:01 | reserve bob A 2 waiting 1h | #4 QUEUED A 2 until 1:01 place 2
        0:01 | reserve cy A 2 waiting 1h  | #5 QUEUED A 2 until 1:01 place 3
        0:01 | reserve dan A 2 waiting 1h | LINE_FULL A 4 of 3
    """
    play(page, RULES)


def test_a_line_may_be_passed_where_the_policy_says_so() -> None:
    page = """
        at   | said                       | answer                           | events         | stock
        0:00 | receive A 2                | applied 1                        | StockAdjusted  | A 2/0
        0:01 | reserve ann A 3 waiting 5h | #3 QUEUED A 3 until 5:01 place 1 | Queued         | A 2/0
        0:02 | reserve bob A 1            | #4 HELD A 1 until 2:02           | Reserved       | A 2/1
        0:03 | reserve cy A 2 waiting 5h  | #5 QUEUED A 2 until 5:03 place 2 | Queued         | A 2/1
        0:04 | release #4                 | #4 RELEASED A 1 -1 back OTHER    | Released OTHER, Served | A 2/2
        0:05 | reserve dan A 1 waiting 5h | #8 QUEUED A 1 until 5:05 place 2 at 0:09 | Queued              | A 2/2
    """
    play(page, MAY_PASS)


def test_whom_limits_forbid_the_units_leaves_the_line_with_a_reason() -> None:
    page = """
        at   | said                       | answer                           | events         | stock
        0:00 | receive A 3                | applied 1                        | StockAdjusted  | A 3/0
        0:01 | reserve ann A 2            | #3 HELD A 2 until 2:01           | Reserved       | A 3/2
        0:02 | reserve bob A 3 waiting 1h | UNITS_LIMIT A 3 of 2             | Refused        | A 3/2
        0:03 | reserve bob A 2 waiting 5h | #5 QUEUED A 2 until 5:03 place 1 | Queued         | A 3/2
        0:04 | reserve cy A 1 waiting 5h  | #6 QUEUED A 1 until 5:04 place 2 | Queued         | A 3/2
    """
    watched = play(page, LIMITED)
    watched.adopt(Policy(version=2, limit_rules=(LimitRule("", "A", 0, 1),)), instant("0:05"))
    watched.wait(instant("0:06"))
    assert watched.known(5).status is Status.QUEUED, "there are no units for it yet"
    watched.say(command_of("release #3", "k"), instant("0:07"))
    assert (watched.known(5).status, watched.known(5).release_reason) == (Status.RELEASED, ReleaseReason.LIMIT_REACHED)
    assert watched.known(6).status is Status.HELD
    assert watched.complaints() == []


@pytest.mark.parametrize(("policy", "stands"), [(OF_THE_CHAIN, Status.QUEUED), (Policy(version=4), Status.HELD)])
def test_nobody_is_served_while_the_shop_is_paused(policy: Policy, stands: Status) -> None:
    watched = play("at | said\n 0:00 | receive A 1\n 0:01 | reserve ann A 2 waiting 5h")
    watched.adopt(Policy(version=2, paused=True), instant("0:02"))
    watched.say(command_of("receive A 1", "k"), instant("0:03"))
    assert (watched.known(2).status, watched.complaints()) == (Status.QUEUED, [])
    watched.adopt(policy, instant("0:04"))
    watched.wait(instant("0:05"))
    assert (watched.known(2).status, watched.complaints()) == (stands, [])


def test_a_place_is_told_as_it_is_now() -> None:
    watched = play(PAGES["when it may be: by what came free lately"])
    ledger = watched.ledger
    watched.say(command_of("release #2 A 1", "k"), instant("0:40"))
    eve = Rates(ledger, instant("0:40")).estimate(ledger.reservations[8]).told()
    assert eve.in_line == InLine(HOUR_MS, 0, 1, instant("1:00"))


def test_however_many_are_served_a_step_is_bounded() -> None:
    watched = play("at | said\n 0:00 | receive A 1\n 0:01 | reserve ann A 1")
    for number in range(5):
        watched.say(command_of(f"reserve c{number} A 1 waiting 1h", f"c{number}"), instant("0:02"))
    watched.core = Core(expire=partial(expire, events_max=2))
    watched.say(command_of("receive A 9", "k"), instant("0:03"))
    standing = [watched.known(number).status.name for number in range(3, 8)]
    assert standing == ["HELD", "HELD", "QUEUED", "QUEUED", "QUEUED"]
    refused = watched.say(command_of("reserve dan A 1", "d"), instant("0:03"))
    assert [type(event).__name__ for event in refused.events] == ["Refused"], "units are kept for who is served next"
    watched.core = Core()
    watched.wait(instant("0:03"))
    assert [watched.known(number).status for number in range(3, 8)] == [Status.HELD] * 5
    assert watched.complaints() == []


FORBIDDEN_IN_TURN = """
    at   | said                              | answer                           | events           | stock
    0:00 | receive A 2                       | applied 1                        | StockAdjusted    | A 2/0
    0:01 | reserve cy A 1                    | #3 HELD A 1 until 2:01           | Reserved         | A 2/1
    0:02 | reserve ann A 1 for 10m           | #4 HELD A 1 until 0:12           | Reserved         | A 2/2
    0:03 | reserve bob A 1 for 5m waiting 1h | #5 QUEUED A 1 until 1:03 place 1 | Queued           | A 2/2
    0:04 | reserve cy A 1 waiting 1h         | #6 QUEUED A 1 until 1:04 place 2 | Queued           | A 2/2
    0:05 | reserve dan A 1 waiting 1h        | #7 QUEUED A 1 until 1:05 place 3 | Queued           | A 2/2
    0:12 | wait                              |                                  | Expired, Served  | A 2/2
"""


def test_in_place_of_one_that_was_passed_over_nobody_is_served_whom_a_limit_forbids_the_units() -> None:
    """He leaves, and it is the turn of the next one, and not of who has just had his."""
    watched = play(FORBIDDEN_IN_TURN, LIMITED)
    watched.adopt(Policy(version=2, limit_rules=(LimitRule("", "A", 0, 1),)), instant("0:13"))
    watched.wait(instant("0:17"))
    kinds = [type(record.event).__name__ for record in watched.records[-3:]]
    assert kinds == ["PassedOver", "Left", "Served"]
    statuses = {number: watched.known(number).status for number in (5, 6, 7)}
    assert statuses == {5: Status.QUEUED, 6: Status.RELEASED, 7: Status.HELD}
    assert watched.complaints() == []


def test_no_step_ends_between_who_is_passed_over_and_who_is_served_instead() -> None:
    """Or it would be served again in the next step, before who stands behind it."""
    page = PAGES["what is not taken up in time goes to the next, and keeps its place once"]
    watched = play(page.partition("        0:16")[0])
    watched.core = Core(expire=partial(expire, events_max=1))
    watched.wait(instant("0:16"))
    assert [watched.known(number).status for number in (3, 4)] == [Status.QUEUED, Status.HELD]
    assert watched.complaints() == []


@pytest.mark.parametrize("loses", ["place", "sequence", "customer"])
def test_a_line_that_a_snapshot_changes_is_seen(loses: str) -> None:
    watched = play(PAGES["whoever leaves makes way"].rpartition("        0:03 | release")[0])
    assert check(watched.ledger) == []
    line = watched.ledger.lines["A"]
    match loses:
        case "place":
            line.leave(3, "bob", "web", 1)
        case "sequence":
            line.numbers.reverse()
        case _:
            del line.customers["ann"]
    assert [violation.invariant for violation in check(watched.ledger)] == ["I18"]


def test_one_who_waits_while_there_are_units_is_seen() -> None:
    watched = play("at | said\n 0:00 | receive A 1\n 0:01 | reserve ann A 2 waiting 5h")
    position = watched.ledger.positions["A"]
    position.on_hand = position.received = 2
    assert [violation.invariant for violation in check(watched.ledger)] == ["I18"]


def test_who_waits_does_not_count_as_one_whose_deadline_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the heap of deadlines would be looked through at each step, for as long as they wait."""
    watched = Watched(Policy(version=1))
    watched.say(command_of("receive A 1, B 1", "stock"), DAY_ZERO_MS)
    watched.say(command_of("reserve x A 1, B 1", "taken"), DAY_ZERO_MS)
    for number in range(STALE_ENTRIES_MAX // 2 + 9):
        for place, sku in enumerate("AB"):
            asked = command_of(f"reserve c{number} {sku} 1 waiting 5h", f"{sku}{number}")
            transact(watched.ledger, asked, DAY_ZERO_MS + 2 * number + place)
    assert len(watched.ledger.deadlines.heap) > STALE_ENTRIES_MAX
    looked_at: list[int] = []

    def seen(_: Reservation | None, deadline_ms: int) -> bool:
        looked_at.append(deadline_ms)
        return True

    monkeypatch.setattr(expiry, "_ends_at", seen)
    expire(watched.ledger, DAY_ZERO_MS + 2 * STALE_ENTRIES_MAX)
    assert not looked_at

"""Waiting in line with a basket: the place is what the basket has here, and reserving again for it gives that up,
if it is accepted. A basket that holds units does not wait for others.
"""

from typing import Final

import pytest
from msgspec.structs import replace

from actors.core.policy import Policy
from actors.core.status import ReleaseReason, Status
from actors.core.transact import Decision
from actors.shop.commands import Command, Reserve
from actors.shop.decide import decide
from actors.shop.events import Expired, Queued
from actors.shop.invariants import check
from actors.shop.snapshot import Capture, restore
from actors.shop.state import Ledger
from actors.shop.transact import expire, transact
from tests.shop.scenario import play
from tests.shop.scenario_text import instant
from tests.shop.test_mutants import noticed
from tests.shop.watched import Core, assembled, through_json

RULES: Final = Policy(version=1)
PAGES: Final = {
    "the place is the basket's, and served it is held for that": """
        at   | said                                | answer                            | events                         | stock
        0:00 | receive A 1, B 9                    | applied 2                         | StockAdjusted                  | A 1/0, B 9/0
        0:01 | reserve ann A 1                     | #3 HELD A 1 until 2:01            | Reserved                       | A 1/1, B 9/0
        0:02 | reserve bob A 1 basket b waiting 5h | #4 QUEUED A 1 until 5:02 place 1  | Queued                         | A 1/1, B 9/0
        0:03 | restart                             |                                   |                                | A 1/1, B 9/0
        0:04 | release #3                          | #3 RELEASED A 1 -1 back OTHER     | Released OTHER, Served         | A 1/1, B 9/0
        0:05 | reserve bob B 2 basket b            | #8 HELD B 2 until 2:05            | Released REPLACED, Reserved    | A 1/0, B 9/2
        0:06 | reserve bob A 2 basket b waiting 5h | LINE_NOT_OFFERED A 2 of 1         | Refused                        | A 1/0, B 9/2
        0:07 | confirm #8                          | #8 CONFIRMED B 2 until 2d0:07     | Confirmed                      | A 1/0, B 9/2
        0:08 | reserve bob A 2 basket b waiting 5h | BASKET_CONFIRMED #8 CONFIRMED     | Refused                        | A 1/0, B 9/2
    """,  # noqa: E501 a row is one line
    "reserving again gives the place up for what is accepted": """
        at   | said                                | answer                            | events                         | stock
        0:00 | receive A 1, B 9                    | applied 2                         | StockAdjusted                  | A 1/0, B 9/0
        0:01 | reserve ann A 1                     | #3 HELD A 1 until 2:01            | Reserved                       | A 1/1, B 9/0
        0:02 | reserve bob A 1 basket b waiting 5h | #4 QUEUED A 1 until 5:02 place 1  | Queued                         | A 1/1, B 9/0
        0:03 | reserve cy A 1 basket b waiting 5h  | #5 QUEUED A 1 until 5:03 place 2  | Queued                         | A 1/1, B 9/0
        0:04 | reserve bob A 2 basket b            | INSUFFICIENT_STOCK A 2 of 0       | Refused                        | A 1/1, B 9/0
        0:05 | reserve bob A 2 basket b waiting 5h | #8 QUEUED A 2 until 5:05 place 2  | Left REPLACED, Queued          | A 1/1, B 9/0
        0:06 | reserve bob A 1 waiting 5h          | IN_LINE_ALREADY A #8 QUEUED       | Refused                        | A 1/1, B 9/0
        0:07 | reserve cy B 1 basket b             | #11 HELD B 1 until 2:07           | Left REPLACED, Reserved        | A 1/1, B 9/1
        0:08 | release #8                          | #8 RELEASED A 2 OTHER             | Left OTHER                     | A 1/1, B 9/1
        0:09 | reserve bob B 1 basket b            | #13 HELD B 1 until 2:09           | Reserved                       | A 1/1, B 9/2
    """,  # noqa: E501 a row is one line
    "what is not taken up waits as the basket's again": """
        at   | said                                       | answer                           | events             | stock
        0:00 | receive A 1, B 1                           | applied 2                        | StockAdjusted      | A 1/0, B 1/0
        0:01 | reserve ann A 1 for 10m                    | #3 HELD A 1 until 0:11           | Reserved           | A 1/1, B 1/0
        0:02 | reserve bob A 1 basket b for 5m waiting 1h | #4 QUEUED A 1 until 1:02 place 1 | Queued             | A 1/1, B 1/0
        0:03 | reserve cy A 1 for 9h waiting 1h           | #5 QUEUED A 1 until 1:03 place 2 | Queued             | A 1/1, B 1/0
        0:11 | wait                                       |                                  | Expired, Served    | A 1/1, B 1/0
        0:16 | wait                                       |                                  | PassedOver, Served | A 1/1, B 1/0
        0:17 | restart                                    |                                  |                    | A 1/1, B 1/0
        0:18 | reserve bob B 1 basket b                   | #11 HELD B 1 until 2:18          | Left REPLACED, Reserved | A 1/1, B 1/1
    """,  # noqa: E501 a row is one line
}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_played(name: str) -> None:
    play(PAGES[name], RULES)


TAKE_UP: Final = Policy(version=1, line_take_up_ms=10 * 60_000)
TAKEN_ANEW: Final = """
    at   | said                                | answer                           | events                      | stock
    0:00 | receive A 1, B 1                    | applied 2                        | StockAdjusted               | A 1/0, B 1/0
    0:01 | reserve ann A 1                     | #3 HELD A 1 until 2:01           | Reserved                    | A 1/1, B 1/0
    0:02 | reserve bob A 1 basket b waiting 5h | #4 QUEUED A 1 until 5:02 place 1 | Queued                      | A 1/1, B 1/0
    0:03 | reserve cy A 1 waiting 5h           | #5 QUEUED A 1 until 5:03 place 2 | Queued                      | A 1/1, B 1/0
    0:04 | release #3                          | #3 RELEASED A 1 -1 back OTHER    | Released OTHER, Served      | A 1/1, B 1/0
    0:05 | reserve bob A 1 basket b            | INSUFFICIENT_STOCK A 1 of 0      | Refused                     | A 1/1, B 1/0
    0:06 | reserve bob A 1 basket b waiting 5h | LINE_NOT_OFFERED A 1 of 0        | Refused                     | A 1/1, B 1/0
    0:14 | wait                                |                                  | PassedOver, Served          | A 1/1, B 1/0
    0:24 | wait                                |                                  | PassedOver, Served          | A 1/1, B 1/0
    0:25 | release #5                          | #5 RELEASED A 1 OTHER            | Left OTHER                  | A 1/1, B 1/0
    0:26 | reserve bob A 1 basket b            | #16 HELD A 1 until 2:26          | Released REPLACED, Reserved | A 1/1, B 1/0
"""  # noqa: E501 a row is one line


def test_units_of_the_line_have_no_more_time_by_reserving_them_again_while_others_wait() -> None:
    play(TAKEN_ANEW, TAKE_UP)
    assert noticed(Core(), TAKEN_ANEW, TAKE_UP) == set()


def takes_them_anew(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    rules, ledger.policy = ledger.policy, replace(ledger.policy, line_take_up_ms=0)
    decision = decide(ledger, command, now_ms)
    ledger.policy = rules
    return decision


def test_one_that_has_them_anew_is_caught() -> None:
    page = TAKEN_ANEW.partition("    0:06")[0]
    assert noticed(assembled(decided=takes_them_anew), page, TAKE_UP) >= {"audit", "model"}


NOT_LOOKED_AT: Final = """
    at   | said                                       | events
    0:00 | receive A 1, B 1                           | StockAdjusted
    0:01 | reserve ann A 1 for 10m                    | Reserved
    0:02 | reserve bob A 1 basket b for 5m waiting 1h | Queued
    0:11 | wait                                       | Expired, Served
"""


def test_a_hold_that_was_over_has_no_place_again_once_its_basket_has_something_else() -> None:
    """So much is due at that time that it has not been looked at when its customer reserves again."""
    ledger, at_ms = play(NOT_LOOKED_AT, RULES).ledger, instant("0:17")
    assert transact(ledger, Reserve("k", "bob", "web", "b", (("B", 1),), 0), at_ms, True).events
    assert check(ledger) == []
    events = expire(ledger, at_ms)
    assert check(ledger) == []
    assert [type(event) for event in events] == [Expired]
    assert ledger.baskets == {("bob", "b"): 7}


LOST: Final = """
    at   | said                     | events
    0:00 | receive A 1, B 1         | StockAdjusted
    0:01 | reserve ann A 1 basket b | Reserved
    {}
    0:03 | sell A 1                 | StockAdjusted, ShortfallDeclared, Requeued
    0:04 | reserve ann B 1 basket b | {}
"""


@pytest.mark.parametrize(
    ("before", "then", "status"),
    [
        ("0:02 | wait |", "Left REPLACED, Reserved", Status.RELEASED),
        ("0:02 | confirm #3 | Confirmed", "Refused", Status.QUEUED),
    ],
)
def test_an_order_that_waits_for_what_it_has_lost_is_not_replaced(before: str, then: str, status: Status) -> None:
    page, policy = LOST.format(before, then), Policy(version=1, losers_wait=True)
    watched = play(page, policy)
    assert watched.known(3).status is status
    if "wait" not in before:  # which is no word of the model's
        assert noticed(Core(), page, policy) == set()


@pytest.mark.parametrize("name", [name for name in PAGES if "restart" not in PAGES[name]])
def test_the_model_agrees(name: str) -> None:
    assert noticed(Core(), PAGES[name], RULES) == set()


def leaves_the_former_place(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    waits = isinstance(decision, tuple) and decision and isinstance(decision[-1], Queued)
    return decision[-1:] if waits and isinstance(decision, tuple) else decision


def test_one_that_leaves_its_place_in_the_line_as_it_is_is_caught() -> None:
    page = PAGES["reserving again gives the place up for what is accepted"].partition("        0:06")[0]
    assert noticed(assembled(decided=leaves_the_former_place), page, RULES) >= {"audit", "invariants", "model"}


def test_a_restored_ledger_knows_whose_place_it_is() -> None:
    page = PAGES["reserving again gives the place up for what is accepted"].partition("        0:07")[0]
    watched = play(page, RULES)
    restored = restore(through_json(Capture(watched.ledger)))
    assert restored.baskets == watched.ledger.baskets == {("bob", "b"): 8, ("cy", "b"): 5}
    assert check(restored) == []
    assert watched.known(4).release_reason is ReleaseReason.REPLACED

"""Waiting in line with a slot: no place in it is taken before the units are there. Where it is full by then, or not
offered any more, its customer is told so by name, and the next one is served.
"""

from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.core.policy import ChainLimitRule, Policy
from actors.core.rejection import Reason
from actors.core.status import ReleaseReason, Status
from actors.runtime.kinds import SHOP
from actors.shop.commands import Grant, Reserve, ServeGranted
from actors.shop.events import Left, Queued
from actors.shop.lines import decide as decide_line, evolve as evolve_line
from actors.shop.state import Ledger
from tests.shop.scenario import play
from tests.shop.scenario_text import command_of, instant
from tests.shop.strategies import ONE_PLACE
from tests.shop.tampered import Alteration, instead
from tests.shop.test_mutants import noticed
from tests.shop.watched import Core, Watched

RULES: Final = Policy(version=1, calendar=ONE_PLACE)  # nine to six, a place an hour, an hour to pick
LOSERS_WAIT: Final = replace(RULES, losers_wait=True)
OF_THE_CHAIN: Final = replace(RULES, chain_limit_rules=(ChainLimitRule("", "A", 0, 9, 0),))

PAGES: Final = {
    "served with the place, which is taken only then": """
        at   | said                                  | answer                                          | events                 | stock
        0:00 | receive A 1                           | applied 1                                       | StockAdjusted          | A 1/0
        0:01 | reserve ann A 1                       | #3 HELD A 1 until 2:01                          | Reserved               | A 1/1
        0:02 | reserve bob A 1 slot 10:00 waiting 5h | #4 QUEUED A 1 until 5:02 place 1 slot 10:00     | Queued                 | A 1/1
        0:03 | release #3                            | #3 RELEASED A 1 -1 back OTHER                   | Released OTHER, Served | A 1/1
        0:04 | reserve cy A 1 slot 10:00             | INSUFFICIENT_STOCK A 1 of 0                     | Refused                | A 1/1
        0:05 | confirm #4 within 1h                  | #4 CONFIRMED A 1 until 11:00 slot 10:00         | Confirmed              | A 1/1
        0:06 | receive A 1                           | applied 1                                       | StockAdjusted          | A 2/1
        0:07 | reserve cy A 1 slot 10:00             | SLOT_FULL 10:00 of 1                            | Refused                | A 2/1
        0:08 | release #4                            | #4 RELEASED A 1 -1 back OTHER slot 10:00        | Released OTHER         | A 2/0
        0:09 | reserve cy A 1 slot 10:00             | #12 HELD A 1 until 2:09 slot 10:00              | Reserved               | A 2/1
    """,  # noqa: E501 a row is one line
    "whose slot is full as the units come is told so, and the next one is served": """
        at   | said                                  | answer                                      | events                                | stock
        0:00 | receive A 1, B 1                      | applied 2                                   | StockAdjusted                         | A 1/0, B 1/0
        0:01 | reserve ann A 1                       | #3 HELD A 1 until 2:01                      | Reserved                              | A 1/1, B 1/0
        0:02 | reserve bob A 1 slot 10:00 waiting 5h | #4 QUEUED A 1 until 5:02 place 1 slot 10:00 | Queued                                | A 1/1, B 1/0
        0:03 | reserve cy A 1 slot 11:00 waiting 5h  | #5 QUEUED A 1 until 5:03 place 2 slot 11:00 | Queued                                | A 1/1, B 1/0
        0:04 | reserve dan B 1 slot 10:00            | #6 HELD B 1 until 2:04 slot 10:00           | Reserved                              | A 1/1, B 1/1
        0:05 | release #3                            | #3 RELEASED A 1 -1 back OTHER               | Released OTHER, Left SLOT_FULL, Served | A 1/1, B 1/1
        0:06 | confirm #4                            | TRANSITION_NOT_ALLOWED #4 RELEASED          | Refused                               | A 1/1, B 1/1
    """,  # noqa: E501 a row is one line
    "nobody waits for a place in a slot, nor longer than until it begins": """
        at    | said                                    | answer                                       | events                  | stock
        0:00  | receive A 1                             | applied 1                                    | StockAdjusted           | A 1/0
        0:01  | reserve ann A 1 slot 10:00 for 1d       | #3 HELD A 1 until 1d0:01 slot 10:00          | Reserved                | A 1/1
        0:02  | reserve bob A 1 slot 10:00 waiting 5h   | SLOT_FULL 10:00 of 1                         | Refused                 | A 1/1
        0:03  | reserve bob A 1 slot 9:00 waiting 5h    | SLOT_NOT_OFFERED 9:00                        | Refused                 | A 1/1
        0:04  | reserve bob A 1 slot 11:00 waiting 20h  | #6 QUEUED A 1 until 11:00 place 1 slot 11:00 | Queued                  | A 1/1
        0:05  | reserve cy A 1 slot 12:00 waiting 20h   | #7 QUEUED A 1 until 12:00 place 2 slot 12:00 | Queued                  | A 1/1
        11:00 | wait                                    |                                              | Left NOT_SERVED         | A 1/1
        11:01 | release #3                              | #3 RELEASED A 1 -1 back OTHER slot 10:00     | Released OTHER, Left SLOT_NOT_OFFERED | A 1/0
        11:02 | reserve cy A 1                          | #11 HELD A 1 until 13:02                     | Reserved                | A 1/1
    """,  # noqa: E501 a row is one line
    "what is not taken up gives its place in the slot to the next": """
        at   | said                                         | answer                                      | events                                  | stock
        0:00 | receive A 1                                  | applied 1                                   | StockAdjusted                           | A 1/0
        0:01 | reserve ann A 1 for 10m                      | #3 HELD A 1 until 0:11                      | Reserved                                | A 1/1
        0:02 | reserve bob A 1 for 5m slot 10:00 waiting 1h | #4 QUEUED A 1 until 1:02 place 1 slot 10:00 | Queued                                  | A 1/1
        0:03 | reserve cy A 1 for 5m slot 10:00 waiting 1h  | #5 QUEUED A 1 until 1:03 place 2 slot 10:00 | Queued                                  | A 1/1
        0:11 | wait                                         |                                             | Expired, Served                         | A 1/1
        0:16 | wait                                         |                                             | PassedOver, Served                      | A 1/1
        0:17 | confirm #5                                   | #5 CONFIRMED A 1 until 2d18:00 slot 10:00   | Confirmed                               | A 1/1
        0:18 | receive A 1                                  | applied 1                                   | StockAdjusted, Left SLOT_FULL           | A 2/1
    """,  # noqa: E501 a row is one line
}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_played(name: str) -> None:
    play(PAGES[name], RULES)


@pytest.mark.parametrize("name", PAGES)
def test_the_model_agrees(name: str) -> None:
    assert noticed(Core(), PAGES[name], RULES) == set()


LOST: Final = """
    at   | said                                       | events
    0:00 | receive A 1, B 1                           | StockAdjusted
    0:01 | reserve ann A 1 slot 10:00                 | Reserved
    0:02 | confirm #3                                 | Confirmed
    0:03 | sell A 1                                   | StockAdjusted, ShortfallDeclared, Requeued
    0:04 | reserve bob B 1 slot 10:00 for 1h          | Reserved
"""
LOSERS: Final = {
    "back": LOST
    + """
    0:05 | release #8                                 | Released OTHER
    0:06 | receive A 1                                | StockAdjusted, Served
    0:07 | reserve bob B 1 slot 10:00                 | Refused
    0:08 | ready #3                                   | ReadyMarked
""".lstrip("\n"),
    "out": LOST + "    0:05 | receive A 1 | StockAdjusted, Left SLOT_FULL\n",
}


@pytest.mark.parametrize("way", LOSERS)
def test_one_that_loses_its_units_loses_its_place_in_the_slot_with_them(way: str) -> None:
    watched = play(LOSERS[way], LOSERS_WAIT)
    assert noticed(Core(), LOSERS[way], LOSERS_WAIT) == set()
    ann = watched.known(3)
    if way == "back":
        assert (ann.status, ann.expires_at_ms) == (Status.READY, instant("2d18:00"))
    else:
        assert (ann.status, ann.release_reason) == (Status.RELEASED, ReleaseReason.SLOT_FULL)


def test_one_that_loses_them_when_its_slot_has_begun_does_not_wait() -> None:
    page = LOST.partition("    0:03")[0] + "    10:00 | sell A 1 | StockAdjusted, ShortfallDeclared, Released SHORTFALL"
    (task,) = play(page, LOSERS_WAIT).ledger.tasks.rows.values()
    assert task.no_place is Reason.SLOT_NOT_OFFERED
    assert noticed(Core(), page, LOSERS_WAIT) == set()


def test_nobody_waits_for_what_would_be_over_at_once() -> None:
    always = replace(RULES, calendar=replace(ONE_PLACE, lead_minutes=0))
    page = "at | said\n 0:00 | receive A 1\n 10:00 | reserve ann A 2 slot 10:00 waiting 5h"
    assert noticed(Core(), page, always) == set()
    watched = play(page, always)
    assert list(watched.ledger.reservations) == []


GRANT: Final = Grant(7, 1, 0, ("A", "B"))


def granted_in_line(*rows: str) -> Watched:
    """Bob waits for more than there is, with a slot and under a limit of the chain; then these, a minute each."""
    watched = Watched(OF_THE_CHAIN)
    for minute, text in enumerate(("receive A 1, B 1", "reserve bob A 2 slot 10:00 waiting 5h", *rows)):
        command = command_of(text, text)
        granted = replace(command, grant=GRANT) if isinstance(command, Reserve) else command
        watched.say(granted, instant(f"0:0{minute}"))
    return watched


@pytest.mark.parametrize("rows", [(), ("reserve cy B 1 slot 10:00",)])
def test_with_a_grant_it_is_served_only_where_its_slot_has_a_place(rows: tuple[str, ...]) -> None:
    watched = granted_in_line("receive A 1", *rows)
    waiting = watched.ledger.reservations[3]
    assert waiting.in_line is not None
    assert waiting.in_line.granted_by_ms or waiting.in_line.is_late, "asked for, as the slot had a place"
    watched.say(ServeGranted(3, waiting.version, GRANT), instant("0:04"))
    bob = watched.known(3)
    assert (bob.status, bob.release_reason) == (
        (Status.RELEASED, ReleaseReason.SLOT_FULL) if rows else (Status.HELD, None)
    )
    assert watched.complaints() == []


def test_nobody_is_asked_for_a_grant_whose_slot_is_full() -> None:
    watched = granted_in_line("reserve cy B 1 slot 10:00", "receive A 1")
    assert [type(record.event).__name__ for record in watched.records[-2:]] == ["StockAdjusted", "Left"]
    assert watched.complaints() == []


def test_a_service_of_the_first_format_has_none_with_a_slot() -> None:
    """A version from before would serve it, and take no place."""
    watched = Watched(RULES)
    watched.say(command_of("receive A 1", "stock"), instant("0:00"))
    watched.ledger.whole_lines = False
    told = watched.say(command_of("reserve ann A 2 slot 10:00 waiting 1h", "k"), instant("0:01"))
    assert told.answer.answer.reason is Reason.LINE_NOT_OFFERED
    assert watched.say(command_of("reserve ann A 2 waiting 1h", "l"), instant("0:02")).answer is not None
    assert watched.ledger.lines["A"].numbers == [4]
    assert SHOP.restrict(Ledger("S1"), 1).whole_lines is False


FULL: Final = PAGES["whose slot is full as the units come is told so, and the next one is served"]
NOT_TAKEN_UP: Final = PAGES["what is not taken up gives its place in the slot to the next"]
MUTANTS: Final[dict[str, tuple[Any, str, Callable[..., Any], str, set[str]]]] = {
    "serves whom there is no place for": (decide_line, "_no_slot", lambda *_: None, FULL, {"audit", "model"}),
    "asks nobody for a place": (evolve_line, "take_place", lambda *_: None, FULL, {"invariants", "model"}),
    "has all leave": (
        decide_line,
        "_no_slot",
        lambda _, waiting, __: ReleaseReason.SLOT_FULL if waiting.slot_start_ms else None,
        PAGES["served with the place, which is taken only then"],
        {"audit", "model"},
    ),
    "has all leave as too late": (
        decide_line,
        "_no_slot",
        lambda *_: ReleaseReason.SLOT_NOT_OFFERED,
        FULL,
        {"audit", "model"},
    ),
    "waits on when the slot has begun": (
        decide_line,
        "waits_until_ms",
        lambda wanted_ms, _: wanted_ms,
        PAGES["nobody waits for a place in a slot, nor longer than until it begins"],
        {"audit", "model"},
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_mutant_is_caught(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    module, of, wrong, page, caught_by = MUTANTS[name]
    if of == "take_place":
        monkeypatch.setattr(Ledger, of, wrong)
    else:
        monkeypatch.setattr(module, of, wrong)
    assert noticed(Core(), page, RULES) >= caught_by


def test_one_that_keeps_its_place_in_the_slot_while_it_waits_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "leave_place", lambda *_: None)
    assert noticed(Core(), NOT_TAKEN_UP, RULES) >= {"invariants", "model"}


def left(reason: ReleaseReason) -> Left:
    return Left("", "", 4, Status.RELEASED, reason, before=play(FULL.partition("        0:05")[0], RULES).known(4))


QUEUED_BOB, LEFT_BOB, SERVED_BOB = 3, 7, 6
WAITED: Final = play(PAGES["served with the place, which is taken only then"], RULES)
TAMPERED: Final[dict[str, tuple[str, str, Alteration]]] = {
    "says that a slot is not offered": ("I18", FULL, instead(LEFT_BOB, left(ReleaseReason.SLOT_NOT_OFFERED))),
    "says that a slot is full": (
        "I18",
        PAGES["served with the place, which is taken only then"],
        instead(5, left(ReleaseReason.SLOT_FULL)),
    ),
    "waits beyond its slot": (
        "I11",
        PAGES["served with the place, which is taken only then"],
        lambda records: [
            record._replace(event=replace(record.event, expires_at_ms=instant("10:01")))
            if isinstance(record.event, Queued)
            else record
            for record in records
        ],
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_line_is_seen_by_the_audit(name: str) -> None:
    invariant, page, alter = TAMPERED[name]
    watched = play(page, RULES)
    assert watched.audited().violations == ()
    watched.records = alter(watched.records)
    assert invariant in {violation.invariant for violation in watched.audited().violations}

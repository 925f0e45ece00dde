"""Lines with one thing wrong, in the core or in the journal, and who notices."""

from collections.abc import Iterator
from typing import Final

import pytest

from actors.core.policy import Policy
from actors.core.status import ReleaseReason, Status
from actors.core.transact import Decision
from actors.shop.commands import Command, Reserve
from actors.shop.decide import decide
from actors.shop.events import Left, Queued, Served
from actors.shop.expiry import Due, due
from actors.shop.lines.decide import next_served
from actors.shop.lines.line import Line
from actors.shop.state import Ledger
from tests.shop.scenario import play
from tests.shop.scenario_text import instant
from tests.shop.tampered import Alteration, ending, instead, reserved
from tests.shop.test_mutants import noticed
from tests.shop.watched import Core, assembled

LINE: Final = """
    at   | said                                | events
    0:00 | receive A 2                         | StockAdjusted
    0:01 | reserve ann A 2                     | Reserved
    0:02 | reserve bob A 1 for 1m waiting 1h   | Queued
    0:03 | reserve cy A 1 for 1m waiting 1h    | Queued
    0:04 | reserve dan A 3 waiting 20m         | Queued
    0:05 | release #2 A 1                      | Released OTHER, Served
    0:06 | wait                                | PassedOver, Served
    0:07 | wait                                | PassedOver, Served
    0:08 | wait                                | Expired, Served
    0:24 | wait                                | Expired, Left NOT_SERVED
"""
QUEUED_CY, QUEUED_DAN, SERVED_BOB, LEFT_DAN = 4, 5, 7, 15
CLEAN: Final = LINE.partition("    0:24")[0]


def serves_the_last_first(ledger: Ledger, now_ms: int) -> Iterator[Due]:
    for line in ledger.lines.values():
        line.numbers.reverse()
    events = [event for sku in list(ledger.lines) for event in next_served(ledger, sku, now_ms)]
    for line in ledger.lines.values():
        line.numbers.reverse()
    yield from events
    yield from due(ledger, now_ms)


def waits_for_ever(ledger: Ledger, now_ms: int) -> Iterator[Due]:
    return (event for event in due(ledger, now_ms) if not isinstance(event, Left))


def takes_what_is_kept(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    lines, ledger.lines = ledger.lines, {}
    decision = decide(ledger, command, now_ms)
    ledger.lines = lines
    return decision


def gives_a_second_place(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, Reserve) and command.wait_ms and ledger.lines:
        return (Queued(command, now_ms + command.wait_ms, 1, 0),)
    return decide(ledger, command, now_ms)


TWO_WAIT: Final = """
    at   | said
    0:00 | receive A 2
    0:01 | reserve ann A 2
    0:02 | reserve bob A 2 waiting 1h
    0:03 | reserve cy A 1 waiting 1h
"""
MUTANTS: Final = {
    "serves the last first": (
        assembled(falling_due=serves_the_last_first),
        {"audit", "model"},
        TWO_WAIT + "    0:04 | release #2 A 1",
    ),
    "waits for ever": (assembled(falling_due=waits_for_ever), {"model"}, TWO_WAIT + "    1:04 | receive A 1"),
    "takes what is kept": (
        assembled(decided=takes_what_is_kept),
        {"audit", "model"},
        TWO_WAIT + "    0:04 | release #2 A 1\n    0:05 | reserve dan A 1",
    ),
    "gives a second place": (
        assembled(decided=gives_a_second_place),
        {"audit", "invariants", "model"},
        TWO_WAIT + "    0:04 | reserve bob A 1 waiting 1h",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_mutant_is_caught(name: str) -> None:
    core, caught_by, page = MUTANTS[name]
    assert noticed(core, page, None) >= caught_by
    assert noticed(Core(), page, None) == set()


@pytest.mark.parametrize("longer", ["extend #4 for 1h", "amend #4 for 1h"])
def test_one_that_gives_who_was_served_more_time_while_others_wait_is_caught(longer: str) -> None:
    page, policy = TWO_WAIT + f"    0:04 | release #3\n    0:05 | {longer}", Policy(version=1, line_take_up_ms=600_000)
    assert noticed(assembled(decided=takes_what_is_kept), page, policy) >= {"audit", "model"}
    assert noticed(Core(), page, policy) == set()


def test_a_restored_line_that_lost_its_sequence_is_another_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    def last_first(line: Line, number: int, customer_id: str, channel: str, units: int, *, has_lost: bool) -> None:
        assert not has_lost
        line.numbers.insert(0, number)
        line.customers[customer_id] = number
        line.channels[channel] = line.channels.get(channel, 0) + 1
        line.units += units

    watched = play(TWO_WAIT)
    monkeypatch.setattr(Line, "enter", last_first)
    watched.restart()
    assert any(complaint.startswith("invariants: ") for complaint in watched.complaints())


def served(number: int, time: str = "9:00") -> Served:
    return Served(number, (("A", 1),), instant(time))


ANN: Final = play(CLEAN).known(2)
TAMPERED: Final[dict[str, tuple[str, Alteration]]] = {
    "serves the second first": ("I18", instead(SERVED_BOB, served(4))),
    "serves one that does not wait": ("I3", ending("0:08", served(99))),
    "serves one whose time is over": ("I11", lambda records: ending("2:00", served(5))(records[:QUEUED_DAN])),
    "takes units past the line": ("I18", lambda records: ending("0:06", reserved("x", ("A", 1)))(records[:6])),
    "gives one customer two places": (
        "I18",
        instead(QUEUED_DAN, Queued(Reserve("x", "cy", "web", "", (("A", 3),), 0, wait_ms=1), instant("9:00"), 3, 0)),
    ),
    "lets one leave before its time": (
        "I11",
        lambda records: [
            record._replace(at_ms=instant("0:08")) if isinstance(record.event, Left) else record for record in records
        ],
    ),
    "lets one go that never came": (
        "I3",
        ending("0:30", Left("", "", 2, Status.EXPIRED, ReleaseReason.NOT_SERVED, ANN)),
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_line_is_seen_by_the_audit(name: str) -> None:
    watched = play(LINE)
    assert watched.audited().violations == ()
    invariant, alter = TAMPERED[name]
    watched.records = alter(watched.records)
    assert invariant in {violation.invariant for violation in watched.audited().violations}

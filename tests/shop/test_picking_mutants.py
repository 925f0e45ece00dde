"""Cores that pick with one thing wrong each, and the checkers that must catch it; the real core is clean."""

from typing import Final, NamedTuple

import pytest
from msgspec.structs import replace

from actors.core.answers import fingerprint
from actors.core.policy import Policy
from actors.core.transact import Decision
from actors.shop.commands import Command
from actors.shop.decide import decide
from actors.shop.events import Confirmed, Event
from actors.shop.evolve import evolve
from actors.shop.picking.events import PickClaimed, PickFinished, PickScanned
from actors.shop.picking.pick_task import ClaimPick, FinishPick, ScanPick
from actors.shop.state import Ledger
from tests.shop.scenario import read
from tests.shop.scenario_text import command_of, instant
from tests.shop.watched import Core, Watched, assembled

PICKS: Final = Policy(version=1, picks=True)
PAGE: Final = """
    at   | said
    0:00 | receive A 9, B 9
    0:01 | reserve ann A 2
    0:02 | confirm #3
    0:03 | take #3 as eva
    0:04 | take #3 as kim
    0:05 | scan #3 A as eva
    0:06 | scan #3 B as eva
    0:07 | finish #3 as eva
    0:20 | scan #3 A as eva
    0:21 | release #3
"""


def claims_what_another_has(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, ClaimPick):
        return (PickClaimed(command.key, fingerprint(command), command.number, command.picker_id, 600_000),)
    return decide(ledger, command, now_ms)


def ticks_any_article(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, ScanPick):
        of = command.number, command.picker_id, command.sku, command.quantity, ""
        return (PickScanned(command.key, fingerprint(command), *of),)
    return decide(ledger, command, now_ms)


def ticks_after_the_lease(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    return decide(ledger, command, now_ms - 600_000 if isinstance(command, ScanPick) else now_ms)


def finishes_what_is_missing(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, FinishPick):
        return (PickFinished(command.key, fingerprint(command), command.number, command.picker_id, ""),)
    return decide(ledger, command, now_ms)


def loses_the_task_at_confirm(ledger: Ledger, event: Event, at_ms: int) -> object:
    answer = evolve(ledger, event, at_ms)
    if isinstance(event, Confirmed):
        ledger.picks.drop(event.number)
    return answer


def puts_nothing_back(ledger: Ledger, event: Event, at_ms: int) -> object:
    task = ledger.picks.rows.get(getattr(event, "number", 0))
    if task is not None and not isinstance(event, PickScanned):
        ledger.picks.put(replace(task, picked=()))
    return evolve(ledger, event, at_ms)


class Mutant(NamedTuple):
    """A core with one thing wrong, and who must notice."""

    core: Core
    caught_by: set[str]


MUTANTS: Final = {
    "claims what another has": Mutant(assembled(decided=claims_what_another_has), {"audit"}),
    "ticks any article": Mutant(assembled(decided=ticks_any_article), {"invariants", "audit"}),
    "ticks after the lease": Mutant(assembled(decided=ticks_after_the_lease), {"audit"}),
    "finishes what is missing": Mutant(assembled(decided=finishes_what_is_missing), {"invariants", "audit"}),
    "loses the task at confirm": Mutant(assembled(evolved=loses_the_task_at_confirm), {"invariants", "compare"}),
    "puts nothing back": Mutant(assembled(evolved=puts_nothing_back), {"compare", "replay"}),
}


def complaints(core: Core | None) -> set[str]:
    """Who complains, after each line and at the end."""
    watched = Watched(PICKS, core)
    found: set[str] = set()
    _, lines = read(PAGE)
    for index, line in enumerate(lines):
        try:
            watched.say(command_of(line.said, f"k{index}", instant(line.at)), instant(line.at))
        except KeyError:  # there is no such task any more
            continue
        found |= {complaint.partition(":")[0] for complaint in watched.complaints()}
    return found


def test_the_real_core_is_clean() -> None:
    assert complaints(None) == set()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name: str) -> None:
    mutant = MUTANTS[name]
    assert mutant.caught_by <= complaints(mutant.core)

"""What a shop could get wrong about units in transit, and which checkers see it."""

from typing import Final

import pytest
from msgspec.structs import replace

from actors.core.policy import LosesFirst, Policy
from actors.core.status import PickStatus
from actors.core.transact import Decision
from actors.shop import commands as ask
from actors.shop.commands import Command
from actors.shop.decide import decide
from actors.shop.events import Confirmed, Event
from actors.shop.evolve import evolve
from actors.shop.invariants import check
from actors.shop.picking.evolve import enter_task
from actors.shop.picking.pick_task import PickTask
from actors.shop.state import Ledger
from actors.shop.transfers.events import Promised, TransferReceived
from tests.mutating import run_mutant
from tests.shop.scenario_text import command_of, instant
from tests.shop.test_in_transit import RULE
from tests.shop.test_transfers_machine import PromisingMachine
from tests.shop.watched import Core, Watched, assembled


def promises_more_than_there_is(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    promised, ledger.in_transit.promised = ledger.in_transit.promised, {}
    decision = decide(ledger, command, now_ms)
    ledger.in_transit.promised = promised
    return decision


def promises_without_the_rule(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    policy, ledger.policy = ledger.policy, replace(ledger.policy, promise_in_transit=True)
    decision = decide(ledger, command, now_ms)
    ledger.policy = policy
    return decision


def hands_out_what_has_not_come(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, ask.Collect):
        held = ledger.reservations[command.number]
        ledger.reservations[command.number] = held.changed(in_line=None)
        decision = decide(ledger, command, now_ms)
        ledger.reservations[command.number] = held
        return decision
    return decide(ledger, command, now_ms)


def loses_nothing_by_a_short_receipt(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    if isinstance(decision, tuple) and decision and isinstance(decision[0], TransferReceived):
        return decision[:1]
    return decision


def reserves_nothing_of_a_receipt(ledger: Ledger, event: Event, at_ms: int) -> object:
    return evolve(ledger, replace(event, awaited=()) if isinstance(event, TransferReceived) else event, at_ms)


def leaves_out_who_came_last(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    if isinstance(decision, tuple) and decision and isinstance(decision[0], TransferReceived):
        return (replace(decision[0], awaited=decision[0].awaited[:-1]), *decision[1:])
    return decision


def promises_past_the_line(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    policy, ledger.policy = ledger.policy, replace(ledger.policy, line_may_pass=True)
    decision = decide(ledger, command, now_ms)
    ledger.policy = policy
    return decision


def takes_from_whom_the_rule_spares(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    policy, ledger.policy = ledger.policy, replace(ledger.policy, loses_first=LosesFirst.YOUNGEST)
    decision = decide(ledger, command, now_ms)
    ledger.policy = policy
    return decision


def picks_what_has_not_come(ledger: Ledger, event: Event, at_ms: int) -> object:
    answer = evolve(ledger, event, at_ms)
    if isinstance(event, Confirmed):
        held = ledger.reservations[event.number]
        enter_task(ledger, PickTask(held.number, PickStatus.TO_PICK, at_ms, held.lines, at_ms, ledger.version))
    return answer


def forgets_what_is_on_the_way(ledger: Ledger, event: Event, at_ms: int) -> object:
    answer = evolve(ledger, event, at_ms)
    ledger.transfers.on_the_way.clear()
    return answer


def reserves_what_is_promised(ledger: Ledger, event: Event, at_ms: int) -> object:
    answer = evolve(ledger, event, at_ms)
    if isinstance(event, Promised):
        for sku, units in event.command.lines:
            ledger.positions[sku].move_reserved(at_ms, units)
    return answer


PAGE: Final = """
    at   | said
    0:00 | receive A 1, B 1
    0:00 | sell A 1
    0:01 | advise S9:T4 A 4, B 2
    0:02 | reserve bob A 1
    0:02 | reserve ann A 2
    0:03 | confirm #6
    0:04 | reserve cy A 2 waiting 1h
    0:05 | reserve eve A 1
    0:06 | reserve eve A 3
    0:06 | collect #6
    0:07 | reserve dan B 1
    0:07 | reserve dan B 1
    0:08 | arrive S9:T4 B 1
"""
PICKS: Final = replace(RULE, picks=True)
MUTANTS: Final = {
    "promises more than there is": (assembled(decided=promises_more_than_there_is), RULE, {"audit", "invariants"}),
    "promises without the rule": (assembled(decided=promises_without_the_rule), Policy(version=1), {"audit"}),
    "promises past the line": (assembled(decided=promises_past_the_line), RULE, {"audit"}),
    "hands out what has not come": (assembled(decided=hands_out_what_has_not_come), RULE, {"audit", "invariants"}),
    "loses nothing by a short receipt": (assembled(decided=loses_nothing_by_a_short_receipt), RULE, {"audit"}),
    "loses by another rule": (assembled(decided=takes_from_whom_the_rule_spares), RULE, {"audit"}),
    "leaves out who came last": (assembled(decided=leaves_out_who_came_last), RULE, {"audit", "invariants"}),
    "reserves nothing of a receipt": (assembled(evolved=reserves_nothing_of_a_receipt), RULE, {"invariants"}),
    "reserves what is promised": (assembled(evolved=reserves_what_is_promised), RULE, {"invariants"}),
    "picks what has not come": (assembled(evolved=picks_what_has_not_come), PICKS, {"invariants"}),
    "forgets what is on the way": (assembled(evolved=forgets_what_is_on_the_way), RULE, {"invariants"}),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_mutant_is_caught(name: str) -> None:
    core, policy, caught_by = MUTANTS[name]
    assert complained(core, policy) >= caught_by
    assert complained(Core(), policy) == set()


def complained(core: Core, policy: Policy) -> set[str]:
    """The names of the checkers that complain after a line of the page, or at its end."""
    watched, found = Watched(policy, core), set[str]()
    for place, row in enumerate(PAGE.strip().splitlines()[1:]):
        at, said = (cell.strip() for cell in row.split("|"))
        try:
            watched.say(command_of(said, f"{place}"), instant(at))
        except (AssertionError, LookupError):
            break
        found |= {"invariants"} if check(watched.ledger) else set()
    return found | {complaint.partition(":")[0] for complaint in watched.complaints()}


def test_the_machine_catches_one_as_well() -> None:
    broken = assembled(decided=loses_nothing_by_a_short_receipt)
    with pytest.raises((AssertionError, ExceptionGroup, LookupError)):
        run_mutant(type("Broken", (PromisingMachine,), {"core": broken}), 2, steps=40)

"""Lines under a limit of the whole chain with one thing wrong, and who notices."""

from collections.abc import Iterator
from typing import Final

import pytest

from actors.core.status import Status
from actors.core.transact import Decision
from actors.shop.commands import Command, Grant, Reserve, ServeGranted
from actors.shop.decide import decide
from actors.shop.events import Served
from actors.shop.expiry import Due, due
from actors.shop.lines.decide import GRANT_WAIT_MS, next_served
from actors.shop.lines.events import GrantAwaited
from actors.shop.state import Ledger
from tests.shop.test_line_grants import MINUTE_MS, Line
from tests.shop.watched import assembled


def serves_without_a_grant(ledger: Ledger, now_ms: int) -> Iterator[Due]:
    for event in due(ledger, now_ms):
        if isinstance(event, GrantAwaited):
            waiting = ledger.reservations[event.number]
            yield Served(event.number, waiting.lines, now_ms + MINUTE_MS)
        else:
            yield event


def asks_for_the_last_first(ledger: Ledger, now_ms: int) -> Iterator[Due]:
    for line in ledger.lines.values():
        line.numbers.reverse()
    events = [event for sku in list(ledger.lines) for event in next_served(ledger, sku, now_ms)]
    for line in ledger.lines.values():
        line.numbers.reverse()
    yield from events
    yield from due(ledger, now_ms)


def gives_what_is_kept(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if not isinstance(command, Reserve):
        return decide(ledger, command, now_ms)
    lines, ledger.lines = ledger.lines, {}
    decision = decide(ledger, command, now_ms)
    ledger.lines = lines
    return decision


def serves_whom_nothing_is_kept_for(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, ServeGranted) and isinstance(command.grant, Grant):
        waiting = ledger.reservations[command.number]
        return (Served(command.number, waiting.lines, now_ms + MINUTE_MS, grant=command.grant.number),)
    return decide(ledger, command, now_ms)


MUTANTS: Final = {
    "serves without a grant": (assembled(falling_due=serves_without_a_grant), "I15"),
    "asks for the last first": (assembled(falling_due=asks_for_the_last_first), "I18"),
    "gives what is kept": (assembled(decided=gives_what_is_kept), "I18"),
    "serves whom nothing is kept for": (assembled(decided=serves_whom_nothing_is_kept_for), "I2"),
}


@pytest.mark.parametrize("name", [*MUTANTS, ""])
def test_a_mutant_is_caught(name: str) -> None:
    core, invariant = MUTANTS.get(name, (None, ""))
    line = Line(core=core)
    ann, bob = line.reserve("ann A 1 waiting 5h"), line.reserve("bob A 1 waiting 5h")
    line.say("receive A 1")
    line.reserve("dan A 1")
    line.later(GRANT_WAIT_MS)
    line.say("reserve di A 1 waiting 5h")
    line.say("receive A 1")
    for number in (bob, ann):
        if line.of(number).status is Status.QUEUED:
            line.grant(number)
    found = line.watched.complaints()
    assert any(invariant in complaint for complaint in found) if name else not found, found

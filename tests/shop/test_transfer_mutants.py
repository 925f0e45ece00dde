"""Ledgers with one thing wrong about transfers, and that the world of shops catches each."""

from typing import Final

import pytest
from msgspec.structs import replace

from actors.core.rejection import Rejection
from actors.core.status import TransferStatus
from actors.core.transact import Decision
from actors.shop.commands import Command
from actors.shop.decide import decide
from actors.shop.events import Event
from actors.shop.evolve import evolve
from actors.shop.state import Ledger
from actors.shop.transfers.decide import coming
from actors.shop.transfers.events import (
    TransferCancelled,
    TransferClosed,
    TransferExpected,
    TransferReceived,
    TransferSent,
)
from actors.shop.transfers.transfer import AdviseTransfer, CancelTransfer, ReceiveTransfer
from tests.mutating import run_mutant
from tests.shop.test_transfers_machine import TransfersMachine
from tests.shop.watched import Core, assembled


def receives_twice(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    decision = decide(ledger, command, now_ms)
    if isinstance(command, ReceiveTransfer) and isinstance(decision, Rejection):
        known = coming(ledger, command.transfer_id)
        if known is not None and known.number in ledger.transfers.live:
            return (TransferReceived(command.key, "", known.number, known.lines, None),)
    return decision


def frees_what_was_sent(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, CancelTransfer):
        transfer = ledger.transfers.live.get(command.number)
        if transfer is not None and transfer.status is TransferStatus.SENT:
            return (TransferCancelled(command.key, "", transfer),)
    return decide(ledger, command, now_ms)


def forgets_what_was_received(ledger: Ledger, command: Command, now_ms: int) -> Decision:
    if isinstance(command, AdviseTransfer) and command.transfer.transfer_id not in ledger.transfers.inbound:
        return (TransferExpected(command.transfer),)
    return decide(ledger, command, now_ms)


def keeps_what_was_sent(ledger: Ledger, event: Event, at_ms: int) -> object:
    answer = evolve(ledger, event, at_ms)
    if isinstance(event, TransferSent):
        for sku, units in event.lines:
            ledger.positions[sku].move_on_hand(at_ms, units)
            ledger.positions[sku].moved += units
    return answer


def closes_without_leaving(ledger: Ledger, event: Event, at_ms: int) -> object:
    kept = ledger.transfers.live.get(event.transfer.number) if isinstance(event, TransferClosed) else None
    answer = evolve(ledger, event, at_ms)
    if kept is not None:
        ledger.transfers.put(replace(kept, advised=False))
    return answer


def serves_nobody_from_a_receipt(ledger: Ledger, event: Event, at_ms: int) -> object:
    answer = evolve(ledger, event, at_ms)
    if isinstance(event, TransferReceived):
        ledger.line_due.clear()
    return answer


MUTANTS: Final[dict[str, Core]] = {
    "a receipt is applied twice": assembled(decided=receives_twice),
    "the source frees what was sent": assembled(decided=frees_what_was_sent),
    "the destination forgets what it received": assembled(decided=forgets_what_was_received),
    "units stay at the source": assembled(evolved=keeps_what_was_sent),
    "nobody in line is served from what is received": assembled(evolved=serves_nobody_from_a_receipt),
    "it stays in memory": assembled(evolved=closes_without_leaving),
}
SEEDS: Final[dict[str, int]] = {
    "a receipt is applied twice": 2,
    "the source frees what was sent": 7,
    "nobody in line is served from what is received": 5,
    "it stays in memory": 2,
}


def machine_of(core: Core) -> type[TransfersMachine]:
    return type("Broken", (TransfersMachine,), {"core": core})


@pytest.mark.parametrize("name", MUTANTS)
def test_the_mutant_is_caught(name: str) -> None:
    with pytest.raises((AssertionError, ExceptionGroup, LookupError)):  # it may meet what it has itself removed
        run_mutant(machine_of(MUTANTS[name]), SEEDS.get(name, 0), steps=40)


def test_the_parts_put_together_again_are_spotless() -> None:
    run_mutant(machine_of(assembled()), examples=20, steps=40)

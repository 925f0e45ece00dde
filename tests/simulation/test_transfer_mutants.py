"""Shops with one thing wrong about transfers, and that the world in which units are moved catches each."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from actors.core.rejection import Rejection
from actors.core.status import TransferStatus
from actors.core.transact import Decision
from actors.protocol.messages import LedgerStopped
from actors.shop import decide as deciding
from actors.shop.state import Ledger
from actors.shop.transfers.decide import coming, decide_transfer
from actors.shop.transfers.events import TransferCancelled, TransferReceived
from actors.shop.transfers.transfer import CancelTransfer, ReceiveTransfer, SendTransfer
from tests.simulation.checks import Broken
from tests.simulation.test_chain_seeds import VARIABLES, run
from tests.simulation.transfer_callers import TransferWorld

SEEDS_MAX: Final = 12


def receives_twice(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    """A second receipt, under another key, is booked as well."""
    decision = decide_transfer(ledger, command, now_ms)
    if isinstance(command, ReceiveTransfer) and isinstance(decision, Rejection):
        known = coming(ledger, command.transfer_id)
        if known is not None and known.number in ledger.transfers.live:
            return (TransferReceived(command.key, "", known.number, known.lines, None),)
    return decision


def frees_what_was_sent(ledger: Ledger, command: Any, now_ms: int) -> Decision:
    """Whoever sends again what was sent has the units back at the source."""
    if isinstance(command, SendTransfer | CancelTransfer):
        transfer = ledger.transfers.live.get(command.number)
        if transfer is not None and transfer.status is TransferStatus.SENT:
            return (TransferCancelled(command.key, "", transfer),)
    return decide_transfer(ledger, command, now_ms)


def reserves_nothing(_ledger: Ledger, decision: Decision, _now_ms: int) -> Decision:
    """The goods have come, and whoever was promised some goes on waiting for them."""
    return decision


class Cancelling(TransferWorld):
    """Some change their minds when the units have left."""

    async def ask(self, name: str, store_id: str, command: Any) -> Any:
        answer = await super().ask(name, store_id, command)
        if isinstance(command, SendTransfer) and self.random.random() < 0.3:
            await super().ask(f"{name} c", store_id, CancelTransfer(f"{name} c", command.number))
        return answer


def test_as_it_is_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VARIABLES, Cancelling, "HOLDFAST_TRANSFER_SEED")
    run(0, Cancelling)


@pytest.mark.parametrize(
    ("part", "mutant", "first_seed"),
    [
        ("decide_transfer", receives_twice, 0),
        ("decide_transfer", frees_what_was_sent, 0),
        ("with_arrivals", reserves_nothing, 4),
    ],
)
def test_the_mutant_is_caught(
    part: str, mutant: Callable[..., Decision], first_seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VARIABLES, Cancelling, "HOLDFAST_TRANSFER_SEED")
    monkeypatch.setattr(deciding, part, mutant)
    for seed in range(first_seed, first_seed + SEEDS_MAX):
        try:
            run(seed, Cancelling)
        except (Broken, ExceptionGroup, KeyError, LedgerStopped):  # a check's, or of a ledger that contradicts itself
            return
    pytest.fail("nobody noticed")

"""A shop with one thing wrong about transfers, and that the world in which units are moved catches it."""

from typing import Any, Final

import pytest

from actors.core.rejection import Rejection
from actors.core.transact import Decision
from actors.shop import decide as deciding
from actors.shop.decide_transfers import coming, decide_transfer
from actors.shop.state import Ledger
from actors.shop.transfer_events import TransferReceived
from actors.shop.transfers import ReceiveTransfer
from tests.simulation.checks import Broken
from tests.simulation.test_chain_seeds import run
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


def test_a_receipt_that_is_applied_twice_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    run(0, TransferWorld)
    monkeypatch.setattr(deciding, "decide_transfer", receives_twice)
    for seed in range(SEEDS_MAX):
        try:
            run(seed, TransferWorld)
        except (Broken, ExceptionGroup, KeyError):  # a check's, or of a ledger that stops as it contradicts itself
            return
    pytest.fail("nobody noticed")

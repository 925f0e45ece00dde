"""Ledgers and commands to measure with: the same ones for the core, the journal and the actors."""

import os
import random
from collections.abc import Iterator
from typing import Final

from actors.protocol.messages import Entry, command_to_wire
from actors.shop.commands import AdjustmentKind, AdjustStock, Movement, Reserve
from actors.shop.state import Ledger
from actors.shop.transact import transact
from bench.payloads import CHANNEL, sku

STORE: Final = "S000"
UNITS: Final = 100_000_000
ROWS_MAX: Final = 4_096
_CHANNEL: Final = CHANNEL.encode()
NOW_MS: Final = 1_800_000_000_000


def receipts(skus: int, units: int = UNITS) -> Iterator[AdjustStock]:
    """The deliveries that open so many positions."""
    for first in range(0, skus, ROWS_MAX):
        rows = tuple(
            Movement(sku(number), units, number + 1, AdjustmentKind.RECEIPT, 0)
            for number in range(first, min(skus, first + ROWS_MAX))
        )
        yield AdjustStock(key(), "bench", rows)


def reserves(count: int, skus: int, lines: int, seed: int) -> Iterator[Reserve]:
    """Holds of one unit a line, for customers who mostly come once; keys are a UUID's 32 digits."""
    chance = random.Random(seed)
    names = [sku(number) for number in range(skus)]
    for _ in range(count):
        chosen = chance.sample(names, lines) if lines > 1 else (names[int(chance.random() * skus)],)
        # A string of its own each time, as protobuf makes them: memory would otherwise be flattered.
        channel = _CHANNEL.decode()
        yield Reserve(key(), f"C{chance.randrange(10**9):09d}", channel, "", tuple((name, 1) for name in chosen), 0)


def entries(commands: Iterator[Reserve] | Iterator[AdjustStock]) -> Iterator[Entry]:
    """Commands as they go to an actor."""
    return ((STORE, command_to_wire(command)) for command in commands)


def stocked(skus: int) -> Ledger:
    """A ledger with so many positions."""
    ledger = Ledger(STORE)
    for receipt in receipts(skus):
        transact(ledger, receipt, NOW_MS)
    return ledger


def key() -> str:
    """A fresh idempotency key."""
    return os.urandom(16).hex()

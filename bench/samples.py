"""What is asked in a measurement. Ledgers and commands, the same ones for the core, the journal and the actors; and
Reserve requests as bytes, each with a fresh key, made from templates: a generator must cost less than what it loads.

Protobuf would take 4 us a request; cutting its bytes at the key and the customer, which always have one length, and
putting fresh ones in takes 1 us.
"""

import os
import random
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from actors.protocol.messages import Entry
from actors.shop.commands import AdjustmentKind, AdjustStock, Movement, Reserve
from actors.shop.state import Ledger
from actors.shop.transact import transact
from holdfast.v1 import reservation_pb2, reservation_service_pb2 as service_pb2

STORE: Final = "S000"
UNITS: Final = 100_000_000  # on hand of each SKU: no run sells out
ROWS_MAX: Final = 4_096
CHANNEL: Final = "web"
_CHANNEL: Final = CHANNEL.encode()
NOW_MS: Final = 1_800_000_000_000
KEY_CHARS: Final = 32  # a UUID's hexadecimal digits
CUSTOMER_CHARS: Final = 10
_TEMPLATES: Final = 2_000
_KEY: Final = "k" * KEY_CHARS
_CUSTOMER: Final = "c" * CUSTOMER_CHARS


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
    return ((STORE, command) for command in commands)


def stocked(skus: int) -> Ledger:
    """A ledger with so many positions."""
    ledger = Ledger(STORE)
    for receipt in receipts(skus):
        transact(ledger, receipt, NOW_MS)
    return ledger


def key() -> str:
    """A fresh idempotency key."""
    return os.urandom(16).hex()


class Shape(NamedTuple):
    """What a request looks like: shops, SKUs to draw from, lines to a reservation, reservations to a request (0: a
    single Reserve, no batch).
    """

    store_ids: tuple[str, ...]
    skus: int
    lines: int
    batch: int


def sku(number: int) -> str:
    """The name of a SKU."""
    return f"SKU-{number:06d}"


def requests(shape: Shape, count: int, seed: int) -> Iterator[bytes]:
    """So many requests; the same seed draws the same shops and SKUs. A batch's reservations go round the shops."""
    chance = random.Random(seed)
    singles = _singles(_templates(shape, chance), chance)
    if not shape.batch:
        for _ in range(count):
            yield next(singles)
        return
    for _ in range(count):
        parts = []
        for _ in range(shape.batch):
            single = next(singles)
            parts.append(b"\x0a" + _varint(len(single)))
            parts.append(single)
        yield b"".join(parts)


def _singles(templates: Sequence[tuple[bytes, bytes, bytes]], chance: random.Random) -> Iterator[bytes]:
    while True:
        for head, middle, tail in templates:
            customer = f"C{chance.randrange(10**9):09d}".encode()
            yield b"".join((head, os.urandom(KEY_CHARS // 2).hex().encode(), middle, customer, tail))


def _templates(shape: Shape, chance: random.Random) -> list[tuple[bytes, bytes, bytes]]:
    """What stands before the key, between key and customer, and after it. The shops take turns."""
    made = []
    for number in range(_TEMPLATES):
        lines = [
            reservation_pb2.LineQuantity(sku=sku(chosen), quantity=1)
            for chosen in chance.sample(range(shape.skus), shape.lines)
        ]
        whole = service_pb2.ReserveRequest(
            idempotency_key=_KEY,
            store_id=shape.store_ids[number % len(shape.store_ids)],
            lines=lines,
            customer_id=_CUSTOMER,
            channel=CHANNEL,
        ).SerializeToString()
        head, _, rest = whole.partition(_KEY.encode())
        middle, _, tail = rest.partition(_CUSTOMER.encode())
        made.append((head, middle, tail))
    return made


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)

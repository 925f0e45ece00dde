"""What is asked in a measurement: ledgers and commands, the same ones for the core, the journal and the actors; and
Reserve requests as bytes, each with a fresh key. They are made before the measuring begins.
"""

import itertools
import os
import random
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from actors.core.policy import DAY_MS
from actors.protocol.messages import Entry
from actors.shop.commands import AdjustmentKind, AdjustStock, Collect, Movement, Reserve
from actors.shop.state import Ledger
from actors.shop.transact import expire, transact
from holdfast.v1 import reservation_pb2, reservation_service_pb2 as service_pb2

STORE: Final = "S000"
UNITS: Final = 100_000_000  # on hand of each SKU: no run sells out
ROWS_MAX: Final = 4_096
CHANNEL: Final = "web"
_CHANNEL: Final = CHANNEL.encode()
NOW_MS: Final = 1_800_000_000_000
MONTH_DAYS: Final = 30


def receipts(skus: int, units: int = UNITS) -> Iterator[AdjustStock]:
    """The deliveries that open so many positions."""
    for first in range(0, skus, ROWS_MAX):
        rows = tuple(
            Movement(sku(number), units, number + 1, AdjustmentKind.RECEIPT, 0)
            for number in range(first, min(skus, first + ROWS_MAX))
        )
        yield AdjustStock(key(), "bench", rows)


def reserves(count: int, skus: int, lines: int, seed: int, units: int = 1) -> Iterator[Reserve]:
    """Holds of so many units a line."""
    chance = random.Random(seed)
    names = [sku(number) for number in range(skus)]
    for _ in range(count):
        chosen = chance.sample(names, lines) if lines > 1 else (names[int(chance.random() * skus)],)
        # A string of its own each time, as protobuf makes them: memory would otherwise be flattered.
        channel = _CHANNEL.decode()
        yield Reserve(key(), customer(chance), channel, "", tuple((name, units) for name in chosen), 0)


def entries(commands: Iterator[Reserve] | Iterator[AdjustStock]) -> Iterator[Entry]:
    """Commands as they go to an actor."""
    return ((STORE, command) for command in commands)


def stocked(skus: int, now_ms: int = NOW_MS) -> Ledger:
    """A ledger with so many positions."""
    ledger = Ledger(STORE)
    for receipt in receipts(skus):
        transact(ledger, receipt, now_ms)
    return ledger


def lived(skus: int, reservations_a_day: int) -> Ledger:
    """A ledger with a month behind it: each day some reservations, of which half were collected and half expired. It
    remembers the keys of the last nine days.
    """
    ledger = stocked(skus, NOW_MS - MONTH_DAYS * DAY_MS)
    for now_ms in range(ledger.time_ms, NOW_MS, DAY_MS):
        for place, command in enumerate(reserves(reservations_a_day, skus, 1, now_ms)):
            transact(ledger, command, now_ms)
            if place % 2:
                transact(ledger, Collect(key(), ledger.version, "P-1", ()), now_ms)
        expire(ledger, now_ms + DAY_MS - 1)
    return ledger


def customer(chance: random.Random) -> str:
    """A customer who mostly comes once; the id has ten characters."""
    return f"C{chance.randrange(10**9):09d}"


def key() -> str:
    """A fresh idempotency key: a UUID's 32 digits."""
    return os.urandom(16).hex()


class Shape(NamedTuple):
    """What a request looks like: shops, SKUs to draw from, lines to a reservation, reservations to a request (0: a
    single Reserve, no batch). With `sku` each asks for that one, or for one of several with spaces between, and
    `first_attempt` is what it says of itself, and its key ends with what `stamps` has for "shop SKU", as our client's.
    """

    store_ids: tuple[str, ...]
    skus: int
    lines: int
    batch: int
    sku: str = ""
    first_attempt: bool = False
    stamps: Mapping[str, str] = MappingProxyType({})


def sku(number: int) -> str:
    """The name of a SKU."""
    return f"SKU-{number:06d}"


def singles(shape: Shape, seed: int) -> Iterator[service_pb2.ReserveRequest]:
    """Reservations without end, round the shops; the same seed draws the same SKUs."""
    chance, named = random.Random(seed), shape.sku.split()

    def drawn() -> list[str]:
        return (
            [chance.choice(named)] if named else [sku(each) for each in chance.sample(range(shape.skus), shape.lines)]
        )

    return (
        service_pb2.ReserveRequest(
            idempotency_key=key() + shape.stamps.get(f"{store_id} {skus[0]}", ""),
            store_id=store_id,
            lines=[reservation_pb2.LineQuantity(sku=each, quantity=1) for each in skus],
            customer_id=customer(chance),
            channel=CHANNEL,
            first_attempt=shape.first_attempt,
        )
        for store_id, skus in zip(itertools.cycle(shape.store_ids), iter(drawn, None), strict=False)
    )


def requests(shape: Shape, count: int, seed: int) -> Iterator[bytes]:
    """So many requests as bytes."""
    reservations = singles(shape, seed)
    for _ in range(count):
        if shape.batch:
            batch = list(itertools.islice(reservations, shape.batch))
            yield service_pb2.ReserveBatchRequest(requests=batch).SerializeToString()
        else:
            yield next(reservations).SerializeToString()

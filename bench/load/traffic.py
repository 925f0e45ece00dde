"""What each arrival asks for, drawn from a seed: a reservation or an order, whose customer goes on with it or stays
away; a read; or a row of a stock feed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import Final, Literal, NamedTuple

from bench.load.lanes import (
    COLLECT,
    CONFIRM,
    HERD,
    LIMITED,
    MAKING,
    ORDER,
    READ,
    READY,
    RELEASE,
    RESERVE,
    STOCK,
    Answer,
    Op,
    Via,
)
from bench.workload import PRODUCTS, lines_by_product, load_workload

SKUS_READ: Final = 4
LINES: Final = (0.65, 0.21, 0.08, 0.06)  # baskets by lines, 1 to 4: `bench.workload.BASKETS_BY_LINES`
ORDERED: Final = ("left", "right")
"""SKUs of orders over two shops: shops of even places have the one, of odd places the other."""


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of arrivals that read, that are rows of a stock feed, and that are orders over two shops; the rest are
    reservations. Of those accepted, `confirmed` go on to be confirmed, made ready and collected, each after `think_s`
    seconds on average, and `released` are given back; the rest expires after `ttl_ms`.

    `baskets` are `drawn`, evenly over shops and SKUs, or `orders`, those of `bench.workload` in their sequence. With
    `hot` that share asks for that SKU: the herd, whose customers do nothing more. `limited` of the other reservations
    come through the channel that has a limit of the whole chain. `streams` follow the positions of all shops meanwhile.
    """

    reads: float = 0.0
    stock: float = 0.0
    orders: float = 0.0
    confirmed: float = 0.0
    released: float = 0.0
    think_s: float = 2.0
    ttl_ms: int = 60_000
    baskets: Literal["drawn", "orders"] = "drawn"
    hot: str = ""
    hot_share: float = 0.0
    limited: float = 0.0
    streams: int = 0


PLAIN: Final = Mix()
MIXED: Final = Mix(reads=0.25, stock=0.05, orders=0.02, confirmed=0.6, released=0.15, streams=4)
"""A channel's day: of ten arrivals some seven reserve; of their holds six in ten are collected, and one in four is left
to expire.
"""


class Places(NamedTuple):
    """Where: shops by id, and how many SKUs each has; of `orders` the SKUs are those of the workload."""

    store_ids: tuple[str, ...]
    skus: int
    seed: int = 2017
    orders_max: int | None = None


class Basket(NamedTuple):
    """A shop's place among all, and lines."""

    place: int
    lines: tuple[tuple[str, int], ...]


@lru_cache(maxsize=1)
def baskets_of(stores: int, seed: int, orders_max: int | None) -> tuple[Basket, ...]:
    """The workload's baskets over so many shops: its own by rank, turned round for every second basket, so that all
    shops have some and the busiest of both ends are as busy as the real one.
    """
    orders = load_workload(seed, orders_max=orders_max).orders
    ranks = {store_id: rank for rank, store_id in enumerate(dict.fromkeys(each.store_id for each in orders))}
    found = []
    for number, order in enumerate(orders):
        rank = ranks[order.store_id] % stores
        found.append(Basket(rank if number % 2 else stores - 1 - rank, order.lines))
    return tuple(found)


def stock_of(places: Places, mix: Mix) -> dict[str, tuple[str, ...]]:
    """The SKUs that each shop must have."""
    skus: dict[str, dict[str, None]] = {store_id: {} for store_id in places.store_ids}
    if mix.baskets == "orders":
        for place, lines in baskets_of(len(places.store_ids), places.seed, places.orders_max):
            skus[places.store_ids[place]].update(dict.fromkeys(sku for sku, _ in lines))
    for place, store_id in enumerate(places.store_ids):
        if mix.baskets == "drawn":
            skus[store_id].update(dict.fromkeys(map(sku_of, range(places.skus))))
        if mix.orders:
            skus[store_id][ORDERED[place % 2]] = None
    return {store_id: tuple(found) for store_id, found in skus.items()}


def sku_of(number: int) -> str:
    """The name of a drawn SKU."""
    return f"load-{number:05d}"


class Traffic:
    """One generator's arrivals. Keys and customers are never the same twice: `run` names the run, `index` the generator
    and `stage` what it does.
    """

    def __init__(self, mix: Mix, places: Places, *, run: str, seed: str, index: int = 0, batch: int = 1) -> None:
        self._mix, self._places, self._batch = mix, places, batch
        self._draw = Random(f"{seed}:traffic:{index}")
        self._prefix = f"{run}-{index}"
        self._number = 0
        self._rows = Counter[int]()
        self._at = 0
        self._weights = _weights(places.skus)
        if mix.baskets == "orders":
            self._baskets = baskets_of(len(places.store_ids), places.seed, places.orders_max)
            self._at = self._draw.randrange(len(self._baskets))

    def arrival(self) -> Sequence[Op]:
        """What the next one asks for, all at once."""
        if self._batch > 1:
            return [self._reserve() for _ in range(self._batch)]
        mix, drawn = self._mix, self._draw.random()
        if drawn < mix.reads:
            return (self._read(),)
        if drawn < mix.reads + mix.stock:
            return (self._row(),)
        if drawn < mix.reads + mix.stock + mix.orders:
            lines = tuple((sku, 1) for sku in ORDERED)
            return (Op(ORDER, self._key(), "", lines, self._prefix_of(), mix.ttl_ms),)
        return (self._reserve(),)

    def next_of(self, op: Op, answer: Answer) -> tuple[float, Op] | None:
        """What the customer does next after an accepted call, and how many seconds later; None for nothing."""
        mix = self._mix
        if op.kind in (RESERVE, LIMITED):
            drawn = self._draw.random()
            kind = CONFIRM if drawn < mix.confirmed else RELEASE if drawn < mix.confirmed + mix.released else ""
        else:
            kind = {CONFIRM: READY, READY: COLLECT}.get(op.kind, "")
        if not kind:
            return None
        named = answer.named if op.kind in MAKING else op.named
        return self._draw.expovariate(1.0) * mix.think_s, Op(kind, self._key(), named=named)

    def _reserve(self) -> Op:
        mix, draw = self._mix, self._draw
        if mix.hot and draw.random() < mix.hot_share:
            store_id, hot = draw.choice(self._places.store_ids), ((mix.hot, 1),)
            return Op(HERD, self._key(), store_id, hot, self._prefix_of(), mix.ttl_ms)
        kind = LIMITED if mix.limited and draw.random() < mix.limited else RESERVE
        place, lines = self._basket()
        return Op(kind, self._key(), self._places.store_ids[place], lines, self._prefix_of(), mix.ttl_ms)

    def _read(self) -> Op:
        place, lines = self._basket()
        return Op(READ, "", self._places.store_ids[place], lines[:SKUS_READ])

    def _row(self) -> Op:
        place, lines = self._basket()
        self._rows[place] += 1  # a source numbers its rows in each shop
        store_id, source = self._places.store_ids[place], f"feed-{self._prefix}"
        return Op(STOCK, self._key(), store_id, lines[:1], source, sequence=self._rows[place])

    def _basket(self) -> Basket:
        draw = self._draw
        if self._mix.baskets == "orders":
            self._at = (self._at + 1) % len(self._baskets)
            return self._baskets[self._at]
        count = draw.choices(range(1, len(LINES) + 1), LINES)[0]
        numbers = {*draw.choices(range(self._places.skus), cum_weights=self._weights, k=count)}
        lines = tuple((sku_of(number), 1) for number in sorted(numbers))
        return Basket(draw.randrange(len(self._places.store_ids)), lines)

    def _key(self) -> str:
        self._number += 1
        return f"{self._prefix}-{self._number}"

    def _prefix_of(self) -> str:
        """The customer of the call whose key was made last: a customer comes once."""
        return f"{self._prefix}-{self._number}"


@lru_cache(maxsize=1)
def _weights(skus: int) -> tuple[float, ...]:
    """Cumulative, with the skew of real products, of which the first so many are here."""
    return tuple(accumulate(lines_by_product(2 * PRODUCTS)[:skus]))


def batch_of(via: Via, batch: int) -> int:
    """Reservations to an arrival."""
    return batch if via == "batch" else 1

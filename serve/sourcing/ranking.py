"""Which shops may serve a basket, by distance, and the rule that excludes each of the others. Pure. Which of them an
order goes to is chosen in `plan`.

Distances are in whole metres. Every array has a row for each shop, as the index counts them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from actors.shop.commands import by_sku
from serve.sourcing.places import Place
from serve.sourcing.store_index import NEVER_MS, Flags, Ints, StoreIndex, nearest

STORES_MAX: Final = 5  # the farthest a customer is ever sent round; the exact search is cut to this depth
EXPLAINED_MAX: Final = 1_000  # shops that one answer names
UNLIMITED: Final = -1


class SourcingPolicy(IntEnum):
    """How a basket may be served."""

    ONE_STORE = 1
    SPLIT = 2
    PARTIAL = 3


class Exclusion(IntEnum):
    """Why a shop is no candidate: of several rules that exclude it, the first in the sequence of these lines.

    NOT_ENOUGH_STOCK is a rule of ONE_STORE alone: under the others, a shop that has some of something may add to it.
    """

    PAUSED = 1
    CHANNEL_NOT_SERVED = 2
    NO_PLACE = 9  # younger than the others: its number is the wire's
    CLOSED = 3
    NOT_READY_IN_TIME = 8  # likewise
    NO_CAPACITY = 4
    TOO_FAR = 5
    NO_STOCK = 6
    NOT_ENOUGH_STOCK = 7


@dataclass(frozen=True, slots=True)
class Limits:
    """At most so many shops for one basket (1 to STORES_MAX), none farther from the place than this."""

    stores_max: int = 3
    kilometres_max: float = float("inf")

    def __post_init__(self) -> None:
        assert 1 <= self.stores_max <= STORES_MAX, f"stores_max is {self.stores_max}; 1 to {STORES_MAX} are searched"


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """What is asked for, once for each SKU, in the sequence in which the SKUs first came; `units` of each."""

    skus: tuple[str, ...]
    units: tuple[int, ...]

    @property
    def asked(self) -> Ints:
        """The units as an array, made anew."""
        return np.array(self.units, np.int64)

    @classmethod
    def of(cls, lines: Iterable[tuple[str, int]]) -> "Demand":
        """Lines of (SKU, quantity), summed by SKU. That there are some, of one unit or more, is for validation."""
        units = dict(by_sku(lines))
        assert units, "a demand without lines"
        assert min(units.values()) > 0, "a demand of less than one unit"
        return cls(tuple(units), tuple(units.values()))


@dataclass(frozen=True, slots=True)
class Query:
    """A customer's question. `channel` is the one that the customer came by.

    `ready_by_ms`: when an order that is placed now has to be ready, at the latest; 0 leaves that open.
    """

    place: Place
    demand: Demand
    channel: str
    limits: Limits = Limits()
    ready_by_ms: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What the asker knows of the shops; what it leaves out excludes no shop.

    `available` is [shops, SKUs of the demand]; columns that lie together (Fortran's layout) are read twice as fast.
    `open_`: has the slot that was asked for. `capacity_left`: pickups that it can still take, UNLIMITED where they are
    not counted. `ready_ms`: when an order placed now is ready, NEVER_MS where the shop stays closed. `asked`: the shops
    that answered what they have; of the others nothing is available. `metres`: from the place that is asked for.
    """

    available: Ints
    open_: Flags | None = None
    capacity_left: Ints | None = None
    ready_ms: Ints | None = None
    asked: Flags | None = None
    metres: Ints | None = None


class Candidate(NamedTuple):
    """A shop, and what speaks for and against it. `available` is by SKU in the demand's sequence, never below zero.

    `ready_ms` is None where the shop stays closed, or was not asked.
    """

    store_id: str
    metres: int
    available: tuple[tuple[str, int], ...]
    capacity_left: int | None
    excluded: Exclusion | None
    ready_ms: int | None = None

    @property
    def kilometres(self) -> float:
        """Along the great circle; 0 where the shop has no place."""
        return 0.0 if self.excluded is Exclusion.NO_PLACE else self.metres / 1_000


class Ranking(NamedTuple):
    """Candidates in the sequence of preference; where it explains, the excluded follow, nearest first.

    `suited` counts the shops that may serve, `excluded` by their rule those that may not, named or not. `left_off` are
    those of the suited that are not among the candidates, and those that did not answer.
    """

    candidates: tuple[Candidate, ...]
    suited: int
    excluded: Mapping[Exclusion, int]
    left_off: int


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What was asked, and one pass over all shops. `excluded` is the Exclusion under every policy, 0 where none."""

    index: StoreIndex
    known: Known
    ask: Query
    metres: Ints
    some: Flags
    whole: Flags
    excluded: npt.NDArray[np.uint8]


def survey(index: StoreIndex, known: Known, ask: Query) -> Survey:
    """Every rule over every shop. From the last rule to the first, so that the first to exclude a shop stands."""
    shape = (len(index), len(ask.demand.skus))
    assert known.available.shape == shape, f"available is {known.available.shape}, and shops and SKUs are {shape}"
    metres = index.metres_from(ask.place) if known.metres is None else known.metres
    some, whole = _stocked(known.available, ask.demand.asked)
    excluded = np.zeros(len(index), np.uint8)
    excluded[~some] = Exclusion.NO_STOCK
    excluded[metres > ask.limits.kilometres_max * 1_000] = Exclusion.TOO_FAR
    if known.capacity_left is not None:
        excluded[(known.capacity_left <= 0) & (known.capacity_left != UNLIMITED)] = Exclusion.NO_CAPACITY
    if known.ready_ms is not None and ask.ready_by_ms:
        excluded[known.ready_ms > ask.ready_by_ms] = Exclusion.NOT_READY_IN_TIME
    if known.open_ is not None:
        excluded[~known.open_] = Exclusion.CLOSED
    if known.ready_ms is not None:
        excluded[known.ready_ms == NEVER_MS] = Exclusion.CLOSED
    excluded[~index.placed] = Exclusion.NO_PLACE
    excluded[~index.serves(ask.channel)] = Exclusion.CHANNEL_NOT_SERVED
    excluded[index.paused] = Exclusion.PAUSED
    return Survey(index, known, ask, metres, some, whole, excluded)


def rank(
    index: StoreIndex, known: Known, ask: Query, policy: SourcingPolicy, *, at_most: int = 10, explain: bool = False
) -> Ranking:
    """The shops that may serve under a policy, nearest first, and of equally near ones the smaller store_id.

    ONE_STORE wants shops that have everything, the others such as have something. `explain` names the excluded
    shops too, each with its rule. Never more than EXPLAINED_MAX.
    """
    seen = survey(index, known, ask)
    excluded = seen.excluded
    if policy is SourcingPolicy.ONE_STORE:
        excluded = np.where((excluded == 0) & ~seen.whole, np.uint8(Exclusion.NOT_ENOUGH_STOCK), excluded)
    room = min(at_most, EXPLAINED_MAX)
    suited = np.flatnonzero(excluded == 0)
    rows = nearest(seen.metres, suited, room).tolist()
    unknown = np.zeros(len(index), np.bool_) if known.asked is None else (excluded == Exclusion.NO_STOCK) & ~known.asked
    left_off = suited.size - len(rows) + int(np.count_nonzero(unknown))
    if explain:
        rows += nearest(seen.metres, np.flatnonzero((excluded != 0) & ~unknown), room - len(rows)).tolist()
    counts = np.bincount(excluded[~unknown], minlength=len(Exclusion) + 1).tolist()
    return Ranking(
        tuple(candidate(seen, row, int(excluded[row])) for row in rows),
        counts[0],
        {rule: counts[rule] for rule in Exclusion if counts[rule]},
        left_off,
    )


def candidate(seen: Survey, row: int, excluded: int) -> Candidate:
    """One shop in full."""
    index, known, ask = seen.index, seen.known, seen.ask
    left = UNLIMITED if known.capacity_left is None else int(known.capacity_left[row])
    ready_ms = NEVER_MS if known.ready_ms is None else int(known.ready_ms[row])
    return Candidate(
        index.store_ids[row],
        int(seen.metres[row]),
        tuple(zip(ask.demand.skus, np.maximum(known.available[row], 0).tolist(), strict=True)),
        None if left == UNLIMITED else left,
        Exclusion(excluded) if excluded else None,
        None if ready_ms == NEVER_MS else ready_ms,
    )


def lowered(index: StoreIndex, demand: Demand, known: Known, found: Iterable[tuple[str, str, int]]) -> Known:
    """What is known with what shops have by their own ledgers, (store_id, SKU, units). It never raises a figure.

    Raises KeyError for a shop or SKU that was not part of the question.
    """
    available = known.available.copy(order="K")
    columns = {sku: column for column, sku in enumerate(demand.skus)}
    for store_id, sku, units in found:
        cell = index.rows[store_id], columns[sku]
        available[cell] = min(available[cell], units)
    return replace(known, available=available)


def _stocked(available: Ints, asked: Ints) -> tuple[Flags, Flags]:
    """Which shops have some of something, and which have everything. By column: a tenth of what axis=1 takes for 3."""
    some, whole = available[:, 0] > 0, available[:, 0] >= asked[0]
    for column in range(1, asked.size):
        some |= available[:, column] > 0
        whole &= available[:, column] >= asked[column]
    return some, whole

"""Which shops shall serve a basket: a plan, or a refusal that says what is short. Pure, and advice only.

Whoever reserves by a plan asks the shops' ledgers, which decide. Where one has less than was known, `lowered` puts that
into what is known, and the same question is asked again. Figures in, figures out: nothing here knows the network.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from serve.sourcing.ranking import (
    Ask,
    Candidate,
    Demand,
    Exclusion,
    Known,
    SourcingPolicy,
    Survey,
    candidate,
    survey,
)
from serve.sourcing.set_cover import NODES_MAX, fewest, most
from serve.sourcing.store_index import Flags, Ints, StoreIndex, nearest

CANDIDATES_MAX: Final = 64  # shops among which the fewest are searched: the nearest that have something
SKU_CANDIDATES_MAX: Final = 2  # and of each SKU the nearest that have all of it, which may all be farther
OFFERED_MAX: Final = 3  # shops that a refusal names


class Part(NamedTuple):
    """What one shop gives, by SKU."""

    store_id: str
    metres: int
    lines: tuple[tuple[str, int], ...]


class Short(NamedTuple):
    """Less than was asked for: so many units are in the plan, or, in a refusal, within reach."""

    sku: str
    asked: int
    available: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Shops, nearest first. The parts and what is `short` add up to the demand, SKU by SKU; PARTIAL alone is short.

    `metres` is the way: the sum of the distances from the customer's place to each shop.
    """

    parts: tuple[Part, ...]
    short: tuple[Short, ...]
    metres: int


@dataclass(frozen=True, slots=True)
class NoPlan:
    """A refusal.

    `short`: SKUs of which as many shops as the limits allow hold too little together, whatever they lack otherwise.
    Where it is empty, each SKU is within reach, but not everything in so few shops. `nearest_whole` and `nearest_some`:
    the nearest shops that have everything, or something, were the limits wider; OFFERED_MAX at most, and only such as
    take pickups for this channel. `too_soon`: whether there would be a plan, were it ready later.
    """

    short: tuple[Short, ...]
    nearest_whole: tuple[Candidate, ...]
    nearest_some: tuple[Candidate, ...]
    too_soon: bool = False


def plan(
    index: StoreIndex, known: Known, ask: Ask, policy: SourcingPolicy, *, nodes_max: int = NODES_MAX
) -> Plan | NoPlan:
    """Choose shops by a policy, within the limits of the ask.

    ONE_STORE: the nearest shop that has everything.
    SPLIT: the fewest shops that have everything together, and of those the shortest way: the smallest sum of the
    distances from the customer's place, each taken by itself. One shop is looked for among all; more are searched
    exactly among the nearest candidates, see `cover`, and greedily among all where that finds nothing.
    PARTIAL: all that is within reach by the same rule. Where the allowed number of shops cannot carry that, those that
    add most, chosen greedily. What cannot be had is named as short.
    A shop gives all of a SKU where one of the chosen can, the nearest such; else the nearest gives what it has first.
    """
    seen = survey(index, known, ask)
    asked = ask.demand.asked
    alone = nearest(seen.metres, np.flatnonzero((seen.excluded == 0) & seen.whole), 1)
    if alone.size:
        return _planned(index, known, ask, seen, alone)
    if policy is SourcingPolicy.ONE_STORE or not (seen.excluded == 0).any():
        return _refused(index, known, ask, policy, seen)
    # The shops that may give something, nearest first, and what they have.
    rows = nearest(seen.metres, np.flatnonzero(seen.excluded == 0), len(index))
    units = _units(known, rows)
    within_reach = np.minimum(np.minimum(units, asked).sum(axis=0), asked)
    wanted = within_reach if policy is SourcingPolicy.PARTIAL else asked
    had = np.flatnonzero(wanted)
    chosen = _covered(units[:, had], wanted[had], seen.metres[rows], ask.limits.stores_max, nodes_max)
    if not chosen and policy is SourcingPolicy.PARTIAL:
        chosen = most(units[:, had], wanted[had], ask.limits.stores_max)
    if not chosen:
        return _refused(index, known, ask, policy, seen)
    return _planned(index, known, ask, seen, rows[list(chosen)])


def _units(known: Known, rows: Ints) -> Ints:
    """What these shops have, [rows, SKUs]; by column, which makes sums and tests over shops five times as fast."""
    return np.maximum(known.available.T.take(rows, axis=1), 0).T


def _covered(units: Ints, wanted: Ints, metres: Ints, stores_max: int, nodes_max: int) -> tuple[int, ...]:
    """The best choice of shops that have all that is wanted, empty where none was found. Shops come nearest first."""
    alone = np.flatnonzero((units >= wanted).all(axis=1))
    if alone.size:
        return (int(alone[0]),)
    # Whatever is chosen, so few shops hold no more than this: most refusals end here.
    if (_largest(units, stores_max) < wanted).any():
        return ()
    chosen = _candidates(units, wanted)
    found = fewest(units[chosen], wanted, metres[chosen], stores_max, nodes_max)
    if found.proven and (found.chosen or chosen.size == len(units)):
        return tuple(chosen[list(found.chosen)].tolist())
    among = [found.chosen, most(units[chosen], wanted, stores_max)]
    # Farther shops are taken only where the candidates do not do.
    for options in ([tuple(chosen[list(each)].tolist()) for each in among], [most(units, wanted, stores_max)]):
        covers = [each for each in options if (units[list(each)].sum(axis=0) >= wanted).all()]
        if covers:
            return min(covers, key=lambda each: (len(each), int(metres[list(each)].sum()), each))
    return ()


def _candidates(units: Ints, wanted: Ints) -> Ints:
    """The shops to search among, nearest first: where there are few, all."""
    if len(units) <= CANDIDATES_MAX:
        return np.arange(len(units))
    is_candidate = np.zeros(len(units), np.bool_)
    is_candidate[:CANDIDATES_MAX] = True
    for column in range(wanted.size):
        is_candidate[np.flatnonzero(units[:, column] >= wanted[column])[:SKU_CANDIDATES_MAX]] = True
    return np.flatnonzero(is_candidate)


def _largest(units: Ints, stores_max: int) -> Ints:
    """By SKU, what so many shops hold at most together."""
    # The largest of each column, again and again: 24 us for 5,000 shops and 5 SKUs. Many figures are equal, which is
    # what a partition is slow at: it took 940 us.
    left = np.array(units.T, order="C")
    skus = np.arange(len(left))
    held = np.zeros(len(left), np.int64)
    for _ in range(min(stores_max, left.shape[1])):
        largest = left.argmax(axis=1)
        held += left[skus, largest]
        left[skus, largest] = 0
    return held


def _planned(index: StoreIndex, known: Known, ask: Ask, seen: Survey, rows: Ints) -> Plan:
    given = allocated(_units(known, rows).tolist(), ask.demand.asked.tolist())
    parts = [
        Part(index.store_ids[row], metres, _lines(ask.demand, units))
        for row, metres, units in zip(rows.tolist(), seen.metres[rows].tolist(), given, strict=True)
    ]
    short = _short(ask.demand, [sum(column) for column in zip(*given, strict=True)])
    return Plan(tuple(parts), short, sum(part.metres for part in parts))


def allocated(units: list[list[int]], asked: list[int]) -> list[list[int]]:
    """How many units of each SKU each shop gives, [shops][SKUs]; shops come nearest first.

    All of a SKU from the nearest shop that has all of it; else from the nearest first until there is enough. In plain
    lists: of so few shops it takes 5 us for two SKUs, and arrays took 58.
    """
    given = [[0] * len(asked) for _ in units]
    for column, wanted in enumerate(asked):
        has_all = next((row for row, shop in enumerate(units) if shop[column] >= wanted), None)
        if has_all is not None:
            given[has_all][column] = wanted
            continue
        missing = wanted
        for row, shop in enumerate(units):
            given[row][column] = min(shop[column], missing)
            missing -= given[row][column]
    return given


def _refused(index: StoreIndex, known: Known, ask: Ask, policy: SourcingPolicy, seen: Survey) -> NoPlan:
    stores_max = 1 if policy is SourcingPolicy.ONE_STORE else ask.limits.stores_max
    within_reach = _largest(_units(known, np.flatnonzero(seen.excluded == 0)), stores_max)
    excluded = seen.excluded_by(policy)
    takes_pickups = (seen.excluded == 0) | (seen.excluded == Exclusion.TOO_FAR)

    def offered(shops: Flags) -> tuple[Candidate, ...]:
        rows = nearest(seen.metres, np.flatnonzero(takes_pickups & shops), OFFERED_MAX)
        return tuple(candidate(index, known, ask, seen, row, int(excluded[row])) for row in rows.tolist())

    is_late = bool((seen.excluded == Exclusion.NOT_READY_IN_TIME).any())
    return NoPlan(
        _short(ask.demand, within_reach.tolist()),
        offered(seen.whole),
        offered(seen.some),
        too_soon=is_late and isinstance(plan(index, known, replace(ask, ready_by_ms=0), policy), Plan),
    )


def _lines(demand: Demand, units: Iterable[int]) -> tuple[tuple[str, int], ...]:
    return tuple((sku, each) for sku, each in zip(demand.skus, units, strict=True) if each)


def _short(demand: Demand, available: list[int]) -> tuple[Short, ...]:
    """The SKUs of which there is less than was asked for."""
    rows = zip(demand.skus, demand.asked.tolist(), available, strict=True)
    return tuple(Short(sku, asked, had) for sku, asked, had in rows if had < asked)

"""Chooses the shops that serve a basket: a plan, or a refusal that says what is short. Pure; the ledgers decide."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import ge
from typing import Final, NamedTuple

import numpy as np

from serve.sourcing.ranking import Demand, Exclusion, Known, Query, SourcingPolicy, Survey, survey
from serve.sourcing.store_index import Flags, Ints, StoreIndex, nearest

CANDIDATES_MAX: Final = 64  # shops among which the fewest are searched: the nearest that have something
NODES_MAX: Final = 400  # of one search, some 50 us each: at most 20 ms of a gateway for one customer
PAIRED_MAX: Final = 12  # shops of which each pair is looked at, one by one: at most 50 us
SKU_CANDIDATES_MAX: Final = 2  # and of each SKU the nearest that have all of it, which may all be farther
OFFERED_MAX: Final = 3  # shops that a refusal names


Stocked = tuple[int, int, list[int]]  # a shop: its metres, its row, and what it has by SKU of the demand


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


class Plan(NamedTuple):
    """Shops, nearest first. The parts and what is `short` add up to the demand, SKU by SKU; PARTIAL alone is short."""

    parts: tuple[Part, ...]
    short: tuple[Short, ...]


class NoPlan(NamedTuple):
    """A refusal.

    `short`: SKUs of which as many shops as the limits allow hold too little together, whatever they lack otherwise.
    Where it is empty, each SKU is within reach, but not everything in so few shops. `near`: the nearest shops that have
    everything, or something, were the limits wider, as (store_id, metres, whether it has everything); OFFERED_MAX of
    each at most, and only such as take pickups for this channel. `too_soon`: whether there would be a plan, were it
    ready later.
    """

    short: tuple[Short, ...]
    near: tuple[tuple[str, int, bool], ...]
    too_soon: bool = False


def plan(
    index: StoreIndex, known: Known, ask: Query, policy: SourcingPolicy, *, nodes_max: int = NODES_MAX
) -> Plan | NoPlan:
    """Choose shops by a policy, within the limits of the ask.

    ONE_STORE: the nearest shop that has everything.
    SPLIT: the fewest shops that have everything together, and of those the smallest sum of distances from the
    customer's place. One shop is looked for among all; more are searched exactly among the nearest candidates, see
    `fewest`, and greedily among all where that finds nothing.
    PARTIAL: all that is within reach by the same rule; where the allowed number of shops does not have that, those that
    add most, chosen greedily. What cannot be had is in `short`.
    A SKU comes whole from the nearest chosen shop that has all of it; else the nearest gives what it has first.
    """
    seen = survey(index, known, ask)
    asked = ask.demand.asked
    suits = seen.excluded == 0
    alone = np.flatnonzero(suits & seen.whole)
    if alone.size:
        return _planned_in(seen, nearest(seen.metres, alone, 1))
    if policy is SourcingPolicy.ONE_STORE or not suits.any():
        return _refused(seen, policy)
    # The shops that may give something, nearest first, and what they have.
    rows = nearest(seen.metres, np.flatnonzero(suits), len(index))
    units, wanted = _units(known, rows), asked
    if policy is SourcingPolicy.PARTIAL:
        within_reach = np.minimum(np.minimum(units, asked).sum(axis=0), asked)
        had = np.flatnonzero(within_reach)
        units, wanted = units[:, had], within_reach[had]
    chosen = _covered(units, wanted, seen.metres[rows], ask.limits.stores_max, nodes_max)
    if not chosen and policy is SourcingPolicy.PARTIAL:
        chosen = most(units, wanted, ask.limits.stores_max)
    if not chosen:
        return _refused(seen, policy)
    return _planned_in(seen, rows[list(chosen)])


def _units(known: Known, rows: Ints) -> Ints:
    """What these shops have, [rows, SKUs]; by column, which makes sums and tests over shops five times as fast."""
    return np.maximum(known.available.T.take(rows, axis=1), 0).T


def _covered(units: Ints, wanted: Ints, metres: Ints, stores_max: int, nodes_max: int) -> tuple[int, ...]:
    """The best choice of shops that have all that is wanted, empty where none was found. Shops come nearest first."""
    if len(units) <= PAIRED_MAX and stores_max > 1:
        few, least = units.tolist(), wanted.tolist()
        chosen = _alone(few, least) or _nearest_pair(few, least, metres.tolist())
        if chosen or stores_max == 2:
            return chosen
    alone = np.flatnonzero((units >= wanted).all(axis=1))
    if alone.size:
        return (int(alone[0]),)
    # Whatever is chosen, so few shops hold no more than this: most refusals end here.
    if (_largest(units, stores_max) < wanted).any():
        return ()
    rows = _candidates(units, wanted)
    cover, proven = fewest(units[rows], wanted, metres[rows], stores_max, nodes_max)
    if proven and (cover or rows.size == len(units)):
        return tuple(rows[list(cover)].tolist())
    among = [cover, most(units[rows], wanted, stores_max)]
    # Farther shops are taken only where the candidates do not do.
    for options in ([tuple(rows[list(each)].tolist()) for each in among], [most(units, wanted, stores_max)]):
        covers = [each for each in options if (units[list(each)].sum(axis=0) >= wanted).all()]
        if covers:
            return min(covers, key=lambda each: (len(each), int(metres[list(each)].sum()), each))
    return ()


def _alone(units: list[list[int]], wanted: Sequence[int]) -> tuple[int, ...]:
    """The first shop that has all that is wanted."""
    for row, shop in enumerate(units):
        if all(map(ge, shop, wanted)):
            return (row,)
    return ()


def _nearest_pair(units: list[list[int]], wanted: Sequence[int], metres: list[int]) -> tuple[int, ...]:
    """As `_Search._pairs`, in plain lists: of two shops it takes 2 us, and arrays took 140."""
    chosen: tuple[int, ...] = ()
    shortest = 0
    for row, shop in enumerate(units):
        lacking = [max(0, asked - has) for has, asked in zip(shop, wanted, strict=True)]
        for other in range(row + 1, len(units)):
            way = metres[row] + metres[other]
            if chosen and way >= shortest:
                break
            if all(map(ge, units[other], lacking)):
                chosen, shortest = (row, other), way
                break
    return chosen


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
    # which a partition is slow at: 940 us.
    left = np.array(units.T, order="C")
    skus = np.arange(len(left))
    held = np.zeros(len(left), np.int64)
    for _ in range(min(stores_max, left.shape[1])):
        largest = left.argmax(axis=1)
        held += left[skus, largest]
        left[skus, largest] = 0
    return held


def plan_of_few(index: StoreIndex, stocked: list[Stocked], ask: Query, policy: SourcingPolicy) -> Plan | None:
    """As `plan`, in lists, over shops that may serve and have something. None where no shop or pair of few shops has
    all: `plan` then looks at everything.
    """
    stocked.sort()  # nearest first, and of equally near ones the smaller store_id
    units, wanted = [has for _, _, has in stocked], ask.demand.units
    chosen = _alone(units, wanted)
    if not chosen and policy is not SourcingPolicy.ONE_STORE and len(units) <= PAIRED_MAX and ask.limits.stores_max > 1:
        chosen = _nearest_pair(units, wanted, [metres for metres, _, _ in stocked])
    return _planned(index, ask.demand, [stocked[place] for place in chosen]) if chosen else None


def _planned_in(seen: Survey, rows: Ints) -> Plan:
    units = np.maximum(seen.known.available[rows], 0)
    return _planned(
        seen.index, seen.ask.demand, list(zip(seen.metres[rows].tolist(), rows.tolist(), units.tolist(), strict=True))
    )


def _planned(index: StoreIndex, demand: Demand, chosen: list[Stocked]) -> Plan:
    given = allocated([has for _, _, has in chosen], demand.units)
    parts = tuple(
        Part(index.store_ids[row], metres, tuple([(sku, n) for sku, n in zip(demand.skus, units, strict=True) if n]))
        for (metres, row, _), units in zip(chosen, given, strict=True)
    )
    return Plan(parts, _short(demand, [sum(column) for column in zip(*given, strict=True)]))


def allocated(units: list[list[int]], asked: Sequence[int]) -> list[list[int]]:
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


def _refused(seen: Survey, policy: SourcingPolicy) -> NoPlan:
    ask = seen.ask
    stores_max = 1 if policy is SourcingPolicy.ONE_STORE else ask.limits.stores_max
    within_reach = _largest(_units(seen.known, np.flatnonzero(seen.excluded == 0)), stores_max)
    takes_pickups = (seen.excluded == 0) | (seen.excluded == Exclusion.TOO_FAR)
    offered: dict[int, bool] = {}
    for shops, has_everything in ((seen.some, False), (seen.whole, True)):
        rows = nearest(seen.metres, np.flatnonzero(takes_pickups & shops), OFFERED_MAX)
        offered |= dict.fromkeys(rows.tolist(), has_everything)
    near = [(seen.index.store_ids[row], int(seen.metres[row]), whole) for row, whole in offered.items()]
    is_late = bool((seen.excluded == Exclusion.NOT_READY_IN_TIME).any())
    at_any_time = plan(seen.index, seen.known, replace(ask, ready_by_ms=0), policy) if is_late else None
    short = _short(ask.demand, within_reach.tolist())
    near.sort(key=lambda shop: (not shop[2], shop[1], shop[0]))
    return NoPlan(short, tuple(near), too_soon=isinstance(at_any_time, Plan))


def _short(demand: Demand, available: list[int]) -> tuple[Short, ...]:
    """The SKUs of which there is less than was asked for."""
    rows = zip(demand.skus, demand.units, available, strict=True)
    return tuple(Short(sku, asked, had) for sku, asked, had in rows if had < asked)


def fewest(units: Ints, asked: Ints, metres: Ints, stores_max: int, nodes_max: int) -> tuple[tuple[int, ...], bool]:
    """The best cover by at most `stores_max` candidates, ascending, empty where there is none; and whether it is proven
    that none better exists among them.

    `units` is [candidates, SKUs], at least 0; `asked` is at least 1 for each SKU; `metres` never falls.
    """
    units = np.minimum(units, asked)
    alone = np.flatnonzero((units == asked).all(axis=1))
    if alone.size:
        return (int(alone[0]),), True
    search = _Search(units, metres, nodes_max)
    for count in range(2, stores_max + 1):
        search.within(np.arange(len(units)), asked, count)
        if search.chosen or search.is_spent:
            break
    return search.chosen, not search.is_spent


def most(units: Ints, asked: Ints, stores_max: int) -> tuple[int, ...]:
    """Greedily: each time the candidate that adds most, as a sum of shares of what each SKU still lacks of the asked.

    Of equals the first. Then those without which the others have as much are left out, the last first.
    """
    units = np.minimum(units, asked)
    missing = asked.copy()
    chosen: list[int] = []
    while len(chosen) < stores_max and missing.any():
        shares = (np.minimum(units, missing) / asked).sum(axis=1)
        shares[chosen] = 0.0
        best = int(shares.argmax())
        if not shares[best]:
            break
        chosen.append(best)
        missing = missing - np.minimum(units[best], missing)
    for each in sorted(chosen, reverse=True):
        rest = [other for other in chosen if other != each]
        if (np.minimum(units[rest].sum(axis=0), asked) == asked - missing).all():
            chosen = rest
    return tuple(sorted(chosen))


def _dominators(units: Ints) -> Ints:
    """How many candidates before it have as much of everything as each has."""
    count = len(units)
    as_much = np.triu(np.ones((count, count), np.bool_), 1)
    for column in units.T:
        as_much &= column[:, np.newaxis] >= column
    dominators: Ints = as_much.sum(axis=0)
    return dominators


def _may_do(useful: Ints, missing: Ints, count: int) -> bool:
    """False where no so many rows can have what is missing, whichever they are."""
    last = len(useful) - count
    shares = np.partition((useful / missing).sum(axis=1), last)[last:]
    # Shares are rounded, and a cover must never be lost.
    if shares.sum() < missing.size - 1e-9:
        return False
    return bool((np.partition(useful, last, axis=0)[last:].sum(axis=0) >= missing).all())


@dataclass(slots=True)
class _Search:
    """An exact search for the fewest shops that cover a demand together, and of those the shortest way.

    Candidates come nearest first, then by id. Of covers of m shops the better has the smaller sum of metres, then comes
    first in that sequence. m = 1, 2, ... are searched in turn, so the first cover found has the fewest shops. With m
    shops still to choose:

    - A shop with m dominators (each before it in the sequence, with as much of every SKU that is still missing) is in
      no best cover: one of the m is not among the other m - 1, and would replace it for the better.
    - Some shop of any cover has some of the SKU that the fewest shops have. The search branches over these, nearest
      first, and a branch leaves out the shops of earlier branches, so no set is visited twice.
    - A branch ends where the m largest, SKU by SKU or by their shares of all that is missing, would not suffice, or
      where its way is longer than the best known.
    - The last two shops are found at once, in a table of pairs.

    The work is bounded by nodes, never by a clock: the same input gives the same cover. `is_spent`: it was cut short.
    """

    units: Ints
    metres: Ints
    nodes_left: int
    chosen: tuple[int, ...] = ()
    way: int = 0
    is_spent: bool = False

    def within(self, rows: Ints, missing: Ints, count: int, taken: tuple[int, ...] = (), way: int = 0) -> None:
        """Complete what is taken with `count` of the rows, where that gives a better cover."""
        if rows.size < count or self.is_spent:
            return
        if self.chosen and way + int(self.metres[rows[:count]].sum()) > self.way:
            return
        if self.nodes_left == 0:
            self.is_spent = True
            return
        self.nodes_left -= 1
        lacking = np.flatnonzero(missing)
        useful = np.minimum(self.units[np.ix_(rows, lacking)], missing[lacking])
        if not _may_do(useful, missing[lacking], count):
            return
        if count == 2:
            self._pairs(rows, useful, missing[lacking], taken, way)
            return
        kept = _dominators(useful) < count
        rows, useful = rows[kept], useful[kept]
        scarce = int((useful > 0).sum(axis=0).argmin())
        for place in np.flatnonzero(useful[:, scarce]).tolist():
            row = int(rows[place])
            rest = missing - np.minimum(self.units[row], missing)
            # Elder siblings that lack the scarce SKU stay: only those that were branched over are done with.
            later = np.concatenate((rows[:place][useful[:place, scarce] == 0], rows[place + 1 :]))
            self.within(later, rest, count - 1, (*taken, row), way + int(self.metres[row]))

    def _pairs(self, rows: Ints, useful: Ints, missing: Ints, taken: tuple[int, ...], way: int) -> None:
        """The best pair of the rows, by one comparison for each SKU."""
        fitting: Flags = np.triu(np.ones((rows.size, rows.size), np.bool_), 1)
        for column, units in enumerate(useful.T):
            fitting &= np.add.outer(units, units) >= missing[column]
        firsts, seconds = np.nonzero(fitting)
        if not firsts.size:
            return
        ways = self.metres[rows[firsts]] + self.metres[rows[seconds]]
        best = int(ways.argmin())  # of equals the first, as pairs come in the sequence of preference
        found = tuple(sorted((*taken, int(rows[firsts[best]]), int(rows[seconds[best]]))))
        whole = way + int(ways[best])
        if not self.chosen or (whole, found) < (self.way, self.chosen):
            self.chosen, self.way = found, whole

"""The fewest shops that cover a demand together, and of those the shortest way: an exact search over a few candidates.

Theory. Candidates come in the sequence of preference (nearer first, then by id), and a cover of m shops is better than
another of m by its sum of metres, then by its places in that sequence. Levels m = 1, 2, ... are searched in turn, so
the first level with a cover has the fewest shops. With m still to choose:

- A shop with m dominators (each before it in the sequence, and with as much of every SKU that is still missing) is in
  no best cover: one of the m is not among the other m - 1, and takes its place for the better.
- Some shop of any cover has some of the SKU that the fewest shops have. The search branches over these, nearest first,
  and a branch leaves out the shops of its elder siblings: no set is seen twice.
- A branch ends where the m largest, SKU by SKU or by their shares of all that is missing, would not do; or where its
  way is longer than the best known.
- The last two shops are found at once, in a table of pairs.

The work is bounded by nodes; a search that is cut short says so. No clock, no chance: the same input, the same cover.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np

from serve.sourcing.store_index import Flags, Ints

FEW: Final = 8  # candidates of which every set is tried: 218 sets at most, where the search's arrays cost more
NODES_MAX: Final = 400  # some 50 us each: 20 ms at the worst, which a gateway may spend on one customer


class SetCover(NamedTuple):
    """Chosen candidates, ascending; empty where there is none. `proven`: none better exists among the candidates."""

    chosen: tuple[int, ...]
    proven: bool


def fewest(units: Ints, asked: Ints, metres: Ints, stores_max: int, nodes_max: int = NODES_MAX) -> SetCover:
    """The best cover by at most `stores_max` candidates.

    `units` is [candidates, SKUs], at least 0; `asked` is at least 1 for each SKU; `metres` never falls.
    """
    units = np.minimum(units, asked)
    alone = np.flatnonzero((units == asked).all(axis=1))
    if alone.size:
        return SetCover((int(alone[0]),), proven=True)
    if len(units) <= FEW:
        return SetCover(_of_few(units.tolist(), asked.tolist(), metres.tolist(), stores_max), proven=True)
    search = _Search(units, metres, nodes_max)
    for count in range(2, stores_max + 1):
        search.within(np.arange(len(units)), asked, count)
        if search.chosen or search.is_spent:
            break
    return SetCover(search.chosen, proven=not search.is_spent)


def _of_few(units: list[list[int]], asked: list[int], metres: list[int], stores_max: int) -> tuple[int, ...]:
    """The same by trying every set, the smallest first."""
    for count in range(2, min(stores_max, len(units)) + 1):
        covers = [
            (sum(metres[each] for each in chosen), chosen)
            for chosen in combinations(range(len(units)), count)
            if all(sum(units[each][column] for each in chosen) >= wanted for column, wanted in enumerate(asked))
        ]
        if covers:
            return min(covers)[1]
    return ()


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
    """One search's best cover so far, and the nodes that it may still visit."""

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

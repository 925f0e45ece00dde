"""What shops answered when they were asked what they have: as it came, and in arrays where a plan needs these."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from serve.sourcing.ranking import UNLIMITED
from serve.sourcing.store_index import Flags, Ints


class _Columns(NamedTuple):
    """What shops have: by SKU a column over all shops, and the pickups left in the slot that was asked for.

    A shop that did not answer has nothing. `capacity` is UNLIMITED where no slot was asked for; `open_` is False where
    the shop has no such slot.
    """

    units: dict[str, Ints]
    capacity: Ints
    open_: Flags
    answered: Flags


@dataclass(slots=True, eq=False)
class Availability:
    """What shops answered, by row: the units by SKU, as `places` has the SKUs, and the pickups left in the slot.
    `claimed` has the units, and the places, that are available beside once undecided orders let go of them, where there
    are any. Those whose ledgers are `stopped` have nothing.
    """

    places: dict[str, int]
    shops: dict[int, tuple[list[int], int | None]] = field(default_factory=dict)
    claimed: dict[int, tuple[list[int], int]] = field(default_factory=dict)
    stopped: set[int] = field(default_factory=set)
    _stocked: dict[str, dict[int, int]] = field(default_factory=dict)
    _columns: _Columns | None = None

    def stocked(self, sku: str) -> dict[int, int]:
        """The shops that have some of a SKU, and how much; found once for all who asked together."""
        found = self._stocked.get(sku)
        if found is None:
            place = self.places[sku]
            found = {row: units[place] for row, (units, _) in self.shops.items() if units[place]}
            self._stocked[sku] = found
        return found

    def columns(self, shops: int) -> _Columns:
        """The same in arrays over so many shops, made once for all who asked together."""
        if self._columns is None:
            rows = list(self.shops)
            units = np.zeros((len(self.places), shops), np.int64)
            capacity, open_ = np.full(shops, UNLIMITED, np.int64), np.ones(shops, np.bool_)
            answered = np.zeros(shops, np.bool_)
            if rows:
                units[:, rows] = np.array([shop[0] for shop in self.shops.values()], np.int64).T
                open_[rows] = [left is not None for _, left in self.shops.values()]
                capacity[rows] = [UNLIMITED if left is None else left for _, left in self.shops.values()]
                answered[rows] = True
            self._columns = _Columns(dict(zip(self.places, units, strict=True)), capacity, open_, answered)
        return self._columns

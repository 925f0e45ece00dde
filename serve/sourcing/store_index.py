"""Where the shops are and whom they serve: one revision of the chain, laid out to ask all of them at once."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from serve.sourcing.places import Place

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Array = TypeVar("Array", bound=npt.NDArray[Any])

EARTH_RADIUS_METRES: Final = 6_371_008.8  # mean radius, IUGG
FARTHEST_METRES: Final = 20_015_115  # half of the way round
ROW_BITS: Final = 20
SHOPS_MAX: Final = 1 << ROW_BITS  # a distance and a row share one 64-bit number, see `nearest`


class Shop(Protocol):
    """What is read of a shop; `actors.core.chain.Store` is one."""

    @property
    def store_id(self) -> str: ...
    @property
    def latitude(self) -> float | None: ...
    @property
    def longitude(self) -> float | None: ...
    @property
    def paused(self) -> bool: ...


@dataclass(frozen=True, slots=True, eq=False)
class StoreIndex:
    """Shops by row, in the sequence of their ids. Made once a revision; its arrays refuse to be written to.

    `points` is [3, shops]: unit vectors from the centre of the earth, without meaning where a shop is not `placed`.
    `serving` says by channel which shops serve it, for the channels that some shop names; a channel that none names is
    served by the shops that name none at all.
    """

    revision: int
    store_ids: tuple[str, ...]
    rows: Mapping[str, int]
    points: Floats
    placed: Flags
    paused: Flags
    serving: Mapping[str, Flags]
    serving_any: Flags

    @classmethod
    def of(cls, revision: int, shops: Iterable[Shop], channels: Mapping[str, Collection[str]] | None = None) -> Self:
        """The index of some shops. `channels` by store_id are those that the shop serves; absent or empty is all.

        That coordinates are finite and in range, and ids unique, is for the chain to check before it takes a shop in.
        """
        in_sequence = sorted(shops, key=lambda shop: shop.store_id)
        assert len(in_sequence) <= SHOPS_MAX, f"{len(in_sequence)} shops; at most {SHOPS_MAX}"
        served = [frozenset((channels or {}).get(shop.store_id, ())) for shop in in_sequence]
        named = frozenset[str]().union(*served)
        points = unit_vectors(
            np.array([shop.latitude or 0.0 for shop in in_sequence], np.float64),
            np.array([shop.longitude or 0.0 for shop in in_sequence], np.float64),
        )
        store_ids = tuple(shop.store_id for shop in in_sequence)
        return cls(
            revision,
            store_ids,
            {store_id: row for row, store_id in enumerate(store_ids)},
            _fixed(points),
            _fixed(np.array([shop.latitude is not None for shop in in_sequence], np.bool_)),
            _fixed(np.array([shop.paused for shop in in_sequence], np.bool_)),
            {each: _fixed(np.array([not some or each in some for some in served], np.bool_)) for each in sorted(named)},
            _fixed(np.array([not some for some in served], np.bool_)),
        )

    def __len__(self) -> int:
        return len(self.store_ids)

    def serves(self, channel: str) -> Flags:
        """Which shops serve a channel."""
        return self.serving.get(channel, self.serving_any)

    def metres_from(self, place: Place) -> Ints:
        """The great-circle distance from a place to every shop, in whole metres, so that sums are exact and ties real.
        Of a shop without a place: half of the way round the earth.

        The haversine of an angle is a quarter of its chord squared; with the shops' points at hand that spares two
        sines for each: 30 us for 5,000 shops, and 108 us by the textbook's formula.
        """
        chords = self.points - unit_vectors(np.float64(place.latitude), np.float64(place.longitude))[:, np.newaxis]
        chords *= chords
        haversines = (chords[0] + chords[1] + chords[2]) * 0.25
        # Rounding may carry the far side of the earth past 1, where there is no arc.
        np.minimum(haversines, 1.0, out=haversines)
        metres: Ints = np.rint((2.0 * EARTH_RADIUS_METRES) * np.arcsin(np.sqrt(haversines))).astype(np.int64)
        metres[~self.placed] = FARTHEST_METRES
        return metres


def unit_vectors(latitude: Floats | np.float64, longitude: Floats | np.float64) -> Floats:
    """Points on the unit sphere of degrees north and east: [3] for one, [3, n] for n."""
    north, east = np.radians(latitude), np.radians(longitude)
    return np.array([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)])


def nearest(metres: Ints, rows: Ints, at_most: int) -> Ints:
    """The nearest of these rows, nearest first, and of equally near ones the smaller store_id.

    Distance and row are one number each, so that a selection needs no stable sort: 54 us for 64 of 5,000 shops.
    """
    keys: Ints = (metres[rows] << ROW_BITS) | rows
    if at_most < keys.size:
        keys = np.partition(keys, at_most)[:at_most]
    keys.sort()
    found: Ints = keys & (SHOPS_MAX - 1)
    return found


def _fixed(array: Array) -> Array:
    array.setflags(write=False)
    return array

"""A dictionary whose growth is no pause: it grows by one bucket at a time (linear hashing).

A plain one moves all of its entries when it is full: 59 ms at 1.4 million. But each use of it is 0.1 us shorter, so a
table is plain until it is LARGE, and then handed over a few entries at a time.
"""

from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any, Final, TypeVar

LARGE: Final = 85_000  # entries; a plain one is moved the last time at 43,690, in 2 ms, and next at 87,381
MOVED_AT_ONCE: Final = 4  # entries that are handed over, for each new key
BUCKET_ENTRIES: Final = 4_096  # on average, before one more is divided; to divide it takes a millisecond
SLOT_BITS: Final = 12  # of a hash, for slots within a bucket; all of one would meet there if these chose the bucket
PILE: Final = 4_096

K = TypeVar("K")
V = TypeVar("V")


class LinearHash(MutableMapping[K, V]):
    """A dictionary in buckets. Keys come in no sequence: `in_sequence` gives numbers ascending."""

    __slots__ = ("_count", "_full", "_handed_over", "_mask", "_places")

    def __init__(self, handed_over: dict[K, V]) -> None:
        self._handed_over = handed_over  # nothing is added to it any more
        self._count = len(handed_over)
        self._full = BUCKET_ENTRIES
        # The bucket of a hash: those that are not divided yet stand in two places. The first ones are the buckets.
        self._places: list[dict[K, V]] = [{}]
        self._mask = 0

    def __getitem__(self, key: K) -> V:
        bucket = self._places[hash(key) >> SLOT_BITS & self._mask]
        return bucket[key] if key in bucket else self._handed_over[key]

    def __contains__(self, key: object) -> bool:
        return key in self._places[hash(key) >> SLOT_BITS & self._mask] or key in self._handed_over

    def __setitem__(self, key: K, value: V) -> None:
        if key in self._handed_over:
            self._handed_over[key] = value
            return
        bucket = self._places[hash(key) >> SLOT_BITS & self._mask]
        before = len(bucket)
        bucket[key] = value
        if len(bucket) != before:
            self._count += 1
            self._move()

    def __delitem__(self, key: K) -> None:
        bucket = self._places[hash(key) >> SLOT_BITS & self._mask]
        del (bucket if key in bucket else self._handed_over)[key]
        self._count -= 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[K]:
        for bucket in self.buckets():
            yield from bucket

    def buckets(self) -> list[dict[K, V]]:
        """All that entries lie in."""
        return [*self._places[: self._full // BUCKET_ENTRIES], self._handed_over]

    def _move(self) -> None:
        """Put some of what was handed over in its bucket; add a bucket where they are full."""
        for _ in range(min(MOVED_AT_ONCE, len(self._handed_over))):
            key, value = self._handed_over.popitem()
            self._places[hash(key) >> SLOT_BITS & self._mask][key] = value
        if self._count - len(self._handed_over) > self._full:
            self._split()

    def _split(self) -> None:
        """Add a bucket, with those of one other bucket's entries that belong there."""
        added = self._full // BUCKET_ENTRIES
        if added > self._mask:
            self._places = self._places * 2
            self._mask = 2 * self._mask + 1
        divided = added & (self._mask >> 1)
        bit = (added - divided) << SLOT_BITS
        stay: dict[K, V] = {}
        move: dict[K, V] = {}
        for key, value in self._places[divided].items():
            (move if hash(key) & bit else stay)[key] = value
        self._places[divided], self._places[added] = stay, move
        self._full += BUCKET_ENTRIES


def spread(holder: Any, names: Iterable[str]) -> None:
    """Hand over those of the holder's tables that are LARGE. One that changes are laid over waits."""
    for name in names:
        table = getattr(holder, name)
        if type(table) is dict and len(table) > LARGE:
            setattr(holder, name, LinearHash(table))


def in_sequence(numbers: Iterable[int]) -> Iterator[int]:
    """Yield numbers ascending. Sorted in piles: one sort of millions would hold everybody up."""
    piles: dict[int, list[int]] = {}
    at, pile = -1, list[int]()
    for number in numbers:
        if number // PILE != at:  # most come after one of their own pile
            at = number // PILE
            pile = piles.setdefault(at, [])
        pile.append(number)
    for place in sorted(piles):
        yield from sorted(piles.pop(place))

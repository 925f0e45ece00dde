"""A set of numbers that lacks none of those that were put into it, and seems to have a few others: a scalable Bloom
filter (Almeida, Baquero, Preguica and Hutchison, 2007).

It is a sequence of filters, of which the last one is filled and each has more room than the one before. Numbers are
added by one thread at a time, while others look: what is there stays, and what is added is seen at once or a moment
later.
"""

from array import array
from collections.abc import Iterable, Sequence
from typing import Final

BITS_A_NUMBER: Final = 32  # of a full filter: with three bits for each number it seems to have 1 in 1,400 others
BITS_MIN: Final = 1 << 12
BITS_MAX: Final = 1 << 26  # 8 MB and 2 million numbers; the last filter takes more, and seems to have more others
NEVER_FULL: Final = 1 << 62
PIECE: Final = 1 << 14  # numbers that are looked at before they are added

# Of a number of 32 bits: its last bits, and middle bits of two products, which all of its bits have a part in (Knuth's
# multiplicative hashing).
_SECOND: Final = 0x9E3779B1
_THIRD: Final = 0x85EBCA6B
_MIDDLE: Final = 32


class Bloom:
    """The numbers, each of 32 bits; `count` of them, but for those that it seemed to have. `filters` are bits, and the
    mask of their places.
    """

    __slots__ = ("__weakref__", "_room", "count", "filters")

    def __init__(self) -> None:
        self.filters: tuple[tuple[bytearray, int], ...] = ()
        self.count = self._room = 0

    def __contains__(self, number: int) -> bool:
        return any(_has(bits, mask, number) for bits, mask in self.filters)

    def add(self, numbers: "Sequence[int] | array[int]") -> None:
        """Put numbers in; those that are there take no room."""
        is_empty = not self.filters
        for first in range(0, len(numbers), PIECE):
            new = numbers[first : first + PIECE]
            if not is_empty:
                new = array("I", self._without_known(new))
            while new:
                if not self._room:
                    self._grow(len(numbers) if is_empty else len(new))
                some, new = new[: self._room], new[self._room :]
                _set(*self.filters[-1], some)
                self._room -= len(some)
                self.count += len(some)

    def _without_known(self, numbers: Iterable[int]) -> Iterable[int]:
        """As `__contains__`, of many: a call for each would take four times as long."""
        for bits, mask in self.filters:
            numbers = [
                number
                for number in numbers
                if not (
                    bits[(at := number & mask) >> 3] >> (at & 7) & 1
                    and bits[(at := number * _SECOND >> _MIDDLE & mask) >> 3] >> (at & 7) & 1
                    and bits[(at := number * _THIRD >> _MIDDLE & mask) >> 3] >> (at & 7) & 1
                )
            ]
        return numbers

    def _grow(self, wanted: int) -> None:
        """Add a filter with room for so many, and for twice as many as the last one."""
        count = BITS_MIN if not self.filters else 2 * len(self.filters[-1][0]) * 8
        while count < min(wanted * BITS_A_NUMBER, BITS_MAX):
            count *= 2
        count = min(count, BITS_MAX)
        self._room = count // BITS_A_NUMBER if count < BITS_MAX else NEVER_FULL
        self.filters = (*self.filters, (bytearray(count // 8), count - 1))

    def byte_count(self) -> int:
        return sum(len(bits) for bits, _ in self.filters)


def names_having(number: int, named: Iterable[tuple[str, Bloom]]) -> list[str]:
    """The names of those that have a number: 0.3 us for each that has it not (timeit)."""
    found: list[str] = []
    for name, bloom in named:
        for bits, mask in bloom.filters:
            at = number & mask
            if bits[at >> 3] >> (at & 7) & 1 and _has(bits, mask, number):
                found.append(name)
                break
    return found


def _has(bits: bytearray, mask: int, number: int) -> bool:
    at = number & mask
    if not bits[at >> 3] >> (at & 7) & 1:
        return False
    at = number * _SECOND >> _MIDDLE & mask
    if not bits[at >> 3] >> (at & 7) & 1:
        return False
    at = number * _THIRD >> _MIDDLE & mask
    return bool(bits[at >> 3] >> (at & 7) & 1)


def _set(bits: bytearray, mask: int, numbers: Iterable[int]) -> None:
    for number in numbers:
        at = number & mask
        bits[at >> 3] |= 1 << (at & 7)
        at = number * _SECOND >> _MIDDLE & mask
        bits[at >> 3] |= 1 << (at & 7)
        at = number * _THIRD >> _MIDDLE & mask
        bits[at >> 3] |= 1 << (at & 7)

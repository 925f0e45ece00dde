"""Numbers in their sequence: to add or drop one, a turn of some and a copy cost the same, however many there are."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, MutableMapping
from itertools import chain
from typing import Final

RUN_MAX: Final = 256
FEW: Final = 512  # numbers of a list that are moved in memory to enter or drop one


class Ascending(MutableMapping[int, None]):
    """Numbers with the face of a dictionary. They lie in runs, which copies share: all but the last are replaced, and
    never changed. The last one is nobody else's.
    """

    __slots__ = ("_count", "_lasts", "_runs")

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        ascending = sorted(numbers)
        self._runs = [ascending[at : at + RUN_MAX] for at in range(0, len(ascending), RUN_MAX)]
        self._lasts = [run[-1] for run in self._runs]
        self._count = len(ascending)

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self._runs)

    def __reversed__(self) -> Iterator[int]:
        return chain.from_iterable(map(reversed, reversed(self._runs)))

    def __len__(self) -> int:
        return self._count

    def __contains__(self, number: object) -> bool:
        assert isinstance(number, int)
        place = bisect_left(self._lasts, number)
        if place == len(self._lasts):
            return False
        run = self._runs[place]
        return run[bisect_left(run, number)] == number

    def __getitem__(self, number: int) -> None:
        if number not in self:
            raise KeyError(number)

    def __setitem__(self, number: int, _: None) -> None:
        if self._lasts and number > self._lasts[-1] and len(self._runs[-1]) < RUN_MAX:
            self._runs[-1].append(number)
            self._lasts[-1] = number
            self._count += 1
        elif number not in self:
            place = min(bisect_left(self._lasts, number), max(0, len(self._lasts) - 1))
            run = self._runs[place].copy() if self._runs else []
            insort(run, number)
            self._replace(place, run)
            self._count += 1

    def __delitem__(self, number: int) -> None:
        if number not in self:
            raise KeyError(number)
        self._drop(number)

    def _drop(self, number: int) -> None:
        place = bisect_left(self._lasts, number)
        run = self._runs[place].copy()
        del run[bisect_left(run, number)]
        self._replace(place, run)
        self._count -= 1

    def discard(self, number: int) -> None:
        if number in self:
            self._drop(number)

    def append(self, number: int) -> None:
        """Add a number, as a list does one that is not less than its last."""
        self[number] = None

    def _replace(self, place: int, run: list[int]) -> None:
        half = len(run) // 2 if len(run) > RUN_MAX else 0
        runs = [each for each in (run[:half], run[half:]) if each]
        self._runs[place : place + 1] = runs
        self._lasts[place : place + 1] = [each[-1] for each in runs]
        if place == len(self._runs) > 0:  # another one is the last now, which a copy may share
            self._runs[-1] = self._runs[-1].copy()

    def copied(self) -> "Ascending":
        """A copy that later changes leave alone."""
        copied = Ascending()
        copied._runs, copied._lasts, copied._count = self._runs.copy(), self._lasts.copy(), self._count
        copied._runs[-1:] = [run.copy() for run in copied._runs[-1:]]
        return copied

    def turn(self, after: int, count_max: int) -> list[int]:
        """At most so many, from after this number on and round to it."""
        place, found, wanted = bisect_right(self._lasts, after), list[int](), min(count_max, self._count)
        while len(found) < wanted:
            run = self._runs[place % len(self._runs)]
            found += run if found or place >= len(self._runs) else run[bisect_right(run, after) :]
            place += 1
        return found[:wanted]


def many(numbers: list[int] | Ascending) -> Ascending:
    """The same numbers, once each, where one costs no more to enter or drop however many there are."""
    return numbers if isinstance(numbers, Ascending) else Ascending(dict.fromkeys(numbers))


def in_turn(after: int, count_max: int, *outboxes: Ascending) -> tuple[list[int], int]:
    """At most `count_max` of the numbers that wait in outboxes, and the one to continue after, 0 where these are all.

    Ascending from after `after`, and wrapping around: every number has its turn, however long others remain.
    """
    ascending = sorted({number for each in outboxes for number in each.turn(after, count_max)})
    first = bisect_right(ascending, after)
    turn = (ascending[first:] + ascending[:first])[:count_max]
    return turn, turn[-1] if sum(map(len, outboxes)) > count_max else 0

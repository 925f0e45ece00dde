"""How many arrivals a second there are at each moment of a run, and when each of them comes.

A profile is a rate over time that is linear between its points, so a constant, steps, a ramp and the shape of a day are
the same thing. Arrivals come by the inverse of its integral: the n-th comes when the integral reaches n; for a Poisson
process, when it reaches the sum of n exponential draws (the time-rescaling theorem). Nothing here waits for an answer.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from math import sqrt
from random import Random
from typing import Final, Self

# Lines by hour of the day in UTC, of all weekdays, in parts of a thousand: measured on
# completejourney_lines_by_hour_of_week_utc.csv.
LINES_BY_HOUR: Final = (
    *(71, 50, 29, 17, 8, 5, 3, 2, 1, 1, 2, 5),
    *(10, 21, 37, 55, 70, 73, 79, 80, 89, 102, 104, 87),
)


@dataclass(frozen=True, slots=True)
class Profile:
    """`points` are (second, arrivals a second), by second; two at one second are a step. It ends with the last."""

    points: tuple[tuple[float, float], ...]
    _totals: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.points) < 2 or any(later[0] < one[0] for one, later in pairwise(self.points)):
            raise ValueError("a profile has two points or more, by second")
        if any(rate < 0 for _, rate in self.points):
            raise ValueError("no rate is below zero")
        areas = ((t1 - t0) * (r0 + r1) / 2 for (t0, r0), (t1, r1) in pairwise(self.points))
        object.__setattr__(self, "_totals", tuple(accumulate(areas, initial=0.0)))

    @property
    def seconds(self) -> float:
        return self.points[-1][0]

    @property
    def total(self) -> float:
        return self._totals[-1]

    def until(self, second: float) -> float:
        """Arrivals that come before a second."""
        place = bisect_right(self.points, second, key=lambda point: point[0]) - 1
        if place < 0:
            return 0.0
        if place == len(self.points) - 1:
            return self.total
        (t0, r0), (t1, r1) = self.points[place : place + 2]
        passed = second - t0
        return self._totals[place] + passed * (r0 + (r1 - r0) * passed / (t1 - t0) / 2)

    def mean(self, first: float, last: float) -> float:
        """Arrivals a second between two of its seconds."""
        return (self.until(last) - self.until(first)) / (last - first)

    def when(self, arrivals: float) -> float:
        """The second by which so many have come; raises ValueError where they never do."""
        if not 0 <= arrivals <= self.total:
            raise ValueError(f"{arrivals} of {self.total} arrivals")
        place = min(bisect_right(self._totals, arrivals) - 1, len(self.points) - 2)
        (t0, r0), (t1, r1) = self.points[place : place + 2]
        left = arrivals - self._totals[place]
        if not left:
            return t0
        slope = (r1 - r0) / (t1 - t0)
        # Of the two forms of the root, the one that stays exact where the rate hardly changes.
        return t0 + 2 * left / (r0 + sqrt(max(0.0, r0 * r0 + 2 * slope * left)))

    def then(self, later: "Profile") -> Self:
        return type(self)((*self.points, *((self.seconds + second, rate) for second, rate in later.points)))


def constant(rate: float, seconds: float) -> Profile:
    """One rate throughout."""
    return Profile(((0.0, rate), (seconds, rate)))


def day(busiest: float, seconds: float, shares: Sequence[float] = LINES_BY_HOUR) -> Profile:
    """A whole day in so many seconds, in the shape of `shares` by hour, at most `busiest` arrivals a second."""
    width, most = seconds / len(shares), max(shares)
    middles = [((hour + 0.5) * width, busiest * share / most) for hour, share in enumerate(shares)]
    return Profile(((0.0, middles[0][1]), *middles, (seconds, middles[-1][1])))


def arrivals(profile: Profile, seed: str, index: int = 0, of: int = 1, *, even: bool = False) -> Iterator[float]:
    """The seconds at which arrivals come in process `index` of so many, which share them: a Poisson process of the
    seed, or at even distances.
    """
    if even:
        at = index + 0.5
        while at < profile.total:
            yield profile.when(at)
            at += of
        return
    chance, reached = Random(f"{seed}:arrivals:{index}"), 0.0
    while (reached := reached + chance.expovariate(1.0) * of) < profile.total:
        yield profile.when(reached)

"""Where the service bends: the highest rate at which it still does what it is asked in time.

A step is over the knee where its p99 leaves KNEE_MS, or where less is answered than was asked for. Whether it was the
service that bent, the generator's own lag says: a generator that calls late, or not at all, measures itself.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

KNEE_MS: Final = 50.0
REACHED_MIN: Final = 0.97  # of what was asked: in a few seconds, those of the last moment are a per cent
LAG_MS_MAX: Final = KNEE_MS / 2  # p99; on a machine that they share, both are late once its cores are full
FACTOR: Final = 2.0
HALVINGS: Final = 3
STEPS_MAX: Final = 30


class Point(NamedTuple):
    """One step: arrivals a second asked for and answered meanwhile, and p99 in ms, of answers and of the lag."""

    asked: float
    reached: float
    p99_ms: float
    lag_p99_ms: float

    @property
    def bends(self) -> str:
        """Why it is over the knee; empty where it is not. A step without an answer is over it."""
        if not self.p99_ms <= KNEE_MS:
            return f"p99 {self.p99_ms:.0f} ms"
        if self.reached < REACHED_MIN * self.asked:
            return f"{self.reached:,.0f}/s of {self.asked:,.0f}/s"
        return ""

    @property
    def is_generators(self) -> bool:
        return is_late(self.lag_p99_ms, self.p99_ms)


def is_late(lag_p99_ms: float, p99_ms: float) -> bool:
    """Whether calls were made so late that this is most of the latency that was measured."""
    return lag_p99_ms > LAG_MS_MAX and not lag_p99_ms <= p99_ms / 2


class Knee(NamedTuple):
    """`rate` is the highest that held below all that bent, 0 for none; `why` is of the lowest that bent, empty where
    none did; `is_generators` where the generator bent and not the service: then the knee is at `rate` or above.
    """

    rate: float
    why: str
    is_generators: bool


def knee_of(points: Sequence[Point]) -> Knee:
    """Of steps in any sequence. A rate bends where every step at it did."""
    held = {point.asked for point in points if not point.bends}
    bent = sorted(point for point in points if point.asked not in held)
    lowest = bent[0] if bent else None
    best = max((rate for rate in held if lowest is None or rate < lowest.asked), default=0.0)
    if lowest is None:
        return Knee(best, "", is_generators=False)
    return Knee(best, lowest.bends, lowest.is_generators)


def find(measure: Callable[[float], Point | None], first: float, steps_max: int = STEPS_MAX) -> list[Point]:
    """Double the rate until it bends, or halve it until it does not, then halve the gap. What bends is tried once more:
    other work of the machine bends a step as well. `measure` gives None where the run is to end.
    """
    points: list[Point] = []
    rate, low, high = first, 0.0, float("inf")
    while len(points) < steps_max:
        point = measure(rate)
        if point is None:
            break
        points.append(point)
        if point.bends and sum(each.asked == point.asked for each in points) == 1:
            continue
        if point.bends:
            high = min(high, rate)
        else:
            low = max(low, rate)
        if low and high < float("inf"):
            if high / low < FACTOR ** (1 / 2**HALVINGS) * 1.001:
                break
            rate = (low * high) ** 0.5
        else:
            rate = rate * FACTOR if low else rate / FACTOR
    return points

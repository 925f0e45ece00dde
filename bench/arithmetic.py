"""Percentiles, medians and ratios: the few sums that every scenario does, in one place so that all do them alike."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from time import perf_counter, process_time
from typing import Final, NamedTuple

QUANTILES: Final = (("p50", 0.5), ("p99", 0.99), ("p99_9", 0.999))


def percentile(values: Sequence[float], quantile: float) -> float:
    """The smallest value that at least this share of the values does not exceed (nearest rank); NaN for none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(quantile * len(ordered)) - 1)]


def latencies_ms(seconds: Sequence[float]) -> dict[str, float]:
    """The usual percentiles in milliseconds, named `p50_ms` and so on."""
    ordered = sorted(seconds)
    return {f"{name}_ms": round(1_000 * percentile(ordered, quantile), 3) for name, quantile in QUANTILES}


def ratio(part: float, whole: float) -> float:
    """`part / whole`; NaN where there is no whole to compare with."""
    return part / whole if whole else math.nan


def medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each figure over rounds that all have it; noise of one round does not decide."""
    return {name: median(one[name] for one in rounds) for name in rounds[0] if all(name in one for one in rounds)}


class Timed(NamedTuple):
    """What one operation took: wall and CPU time of this process, in microseconds."""

    wall_us: float
    cpu_us: float

    def figures(self) -> dict[str, float]:
        """As a row of a table; the rate is that of one core."""
        rate = ratio(1e6, self.wall_us)
        return {"us": round(self.wall_us, 3), "cpu_us": round(self.cpu_us, 3), "per_s": round(rate)}


def timed(operations: int, work: Callable[[], object]) -> Timed:
    """Do the work once; it consists of so many operations."""
    cpu, wall = process_time(), perf_counter()
    work()
    wall, cpu = perf_counter() - wall, process_time() - cpu
    return Timed(1e6 * wall / operations, 1e6 * cpu / operations)


def median_of(rounds: Iterable[Timed]) -> Timed:
    """The median round, figure by figure."""
    kept = list(rounds)
    return Timed(median(one.wall_us for one in kept), median(one.cpu_us for one in kept))

"""How long calls took, by kind, as their callers saw it."""

from enum import Enum
from time import perf_counter_ns
from typing import Final, Generic, TypeVar

from hdrh.histogram import HdrHistogram

LATENCY_US_MAX: Final = 60_000_000
LATENCY_DIGITS: Final = 3
PERCENTILES: Final = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}

KindT = TypeVar("KindT", bound=Enum)


class Latencies(Generic[KindT]):
    """A histogram for each kind of call."""

    def __init__(self) -> None:
        self._histograms: dict[KindT, HdrHistogram] = {}

    def took(self, kind: KindT, began_ns: int) -> None:
        """Note a call that was answered now; `began_ns` is `perf_counter_ns` at its beginning."""
        histogram = self._histograms.get(kind)
        if histogram is None:
            histogram = self._histograms[kind] = HdrHistogram(1, LATENCY_US_MAX, LATENCY_DIGITS)
        histogram.record_value(min(LATENCY_US_MAX, (perf_counter_ns() - began_ns) // 1_000))

    def in_ms(self, kinds: type[KindT]) -> dict[str, dict[str, float]]:
        """By kind in its own sequence, in milliseconds, retries and outages included, with the number of calls."""
        return {
            kind.value: {
                "calls": self._histograms[kind].get_total_count(),
                **{
                    name: round(self._histograms[kind].get_value_at_percentile(percentile) / 1000, 2)
                    for name, percentile in PERCENTILES.items()
                },
            }
            for kind in kinds
            if kind in self._histograms
        }

"""The sums behind every figure."""

import math

import pytest

from bench.record import latencies_ms, medians, percentile, ratio, timed


@pytest.mark.parametrize(
    ("values", "quantile", "expected"),
    [
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0),
        ([7.0], 0.99, 7.0),
        ([float(value) for value in range(1, 1_001)], 0.99, 990.0),
        ([float(value) for value in range(1, 1_001)], 0.999, 999.0),
        ([5.0, 6.0], 0.0, 5.0),
        ([5.0, 6.0], 1.0, 6.0),
    ],
)
def test_percentile_is_the_nearest_rank(values: list[float], quantile: float, expected: float) -> None:
    assert percentile(values, quantile) == expected


def test_nothing_measured_is_not_a_number() -> None:
    assert math.isnan(percentile([], 0.5))
    assert math.isnan(ratio(1.0, 0.0))
    assert ratio(3.0, 4.0) == 0.75


def test_latencies_are_told_in_milliseconds() -> None:
    assert latencies_ms([0.001] * 99 + [0.5]) == {"p50_ms": 1.0, "p99_ms": 1.0, "p99_9_ms": 500.0}


def test_the_median_of_rounds_is_taken_figure_by_figure() -> None:
    rounds = [{"a": 1.0, "b": 9.0}, {"a": 100.0, "b": 8.0}, {"a": 2.0, "b": 7.0, "only_here": 1.0}]
    assert medians(rounds) == {"a": 2.0, "b": 8.0}


def test_time_is_told_by_operation() -> None:
    done: list[int] = []
    measured = timed(1_000, lambda: done.extend(range(1_000)))
    assert len(done) == 1_000
    assert set(measured) == {"us", "cpu_us", "per_s"}
    assert 0 < measured["us"] < 1_000

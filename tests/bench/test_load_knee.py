"""Where a service bends, from steps in any sequence, and the search for it."""

from functools import partial

import pytest

from bench.load.knee import KNEE_MS, Knee, Point, find, knee_of


def served(rate: float, *, most: float, lag_ms: float = 1.0) -> Point:
    """A service that answers so many a second."""
    return Point(rate, min(rate, most), 5.0 if rate <= most else 2_000.0, lag_ms)


def test_the_knee_is_the_highest_step_below_all_that_bent() -> None:
    good, slow = Point(100, 100, 20, 1), Point(200, 199, KNEE_MS + 1, 1)
    lucky = Point(300, 300, 10, 1)
    assert knee_of([lucky, slow, good]) == Knee(100, "p99 51 ms", is_generators=False)
    assert knee_of([good]) == Knee(100, "", is_generators=False)
    assert knee_of([slow]) == Knee(0.0, "p99 51 ms", is_generators=False)


def test_a_step_that_answers_less_than_it_is_asked_bends_and_so_does_one_without_an_answer() -> None:
    assert Point(100, 90, 5, 1).bends == "90/s of 100/s"
    assert Point(100, 98, 5, 1).bends == ""
    assert Point(100, 0, float("nan"), 1).bends == "p99 nan ms"


def test_a_step_in_which_the_generator_was_late_is_not_the_services_knee() -> None:
    assert knee_of([Point(100, 100, 5, 1), Point(200, 150, 80, 60)]) == Knee(100, "p99 80 ms", is_generators=True)
    # Less than half of what was measured: the service bent as well.
    assert knee_of([Point(100, 100, 5, 1), Point(200, 150, 500, 60)]) == Knee(100, "p99 500 ms", is_generators=False)


@pytest.mark.parametrize("most", [70.0, 1_000.0, 12_345.0])
def test_the_search_ends_within_a_tenth_below_what_is_served(most: float) -> None:
    points = find(partial(served, most=most), 500.0)
    knee = knee_of(points)
    assert 0.9 * most <= knee.rate <= most
    assert len(points) <= 16
    assert all(sum(each.asked == point.asked for each in points) == (2 if point.bends else 1) for point in points)


def test_a_step_that_something_else_bent_is_tried_once_more() -> None:
    asked: list[float] = []

    def measure(rate: float) -> Point:
        asked.append(rate)
        return served(rate, most=3_000.0 if len(asked) != 1 else 0.0)

    assert 0.9 * 3_000 <= knee_of(find(measure, 500.0)).rate <= 3_000
    assert asked[:3] == [500.0, 500.0, 1_000.0]


def test_the_search_ends_where_the_run_is_over() -> None:
    left = [served(100, most=1e9), None]
    assert find(lambda _: left.pop(0), 100.0) == [served(100, most=1e9)]
